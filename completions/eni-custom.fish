# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_eni_custom_global_optspecs
    string join \n color= q/quiet v/verbose plain log= h/help V/version
end

function __fish_eni_custom_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_eni_custom_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_eni_custom_using_subcommand
    set -l cmd (__fish_eni_custom_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c eni-custom -n "__fish_eni_custom_needs_command" -l color -d 'Use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_needs_command" -l log -d 'Append each AWS and Kubernetes call, with its duration and status, to this file' -r -F
complete -c eni-custom -n "__fish_eni_custom_needs_command" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -l plain -d 'Print whole lines and numbered lists, for screen readers and logs; also with TERM=dumb'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -s V -l version -d 'Print version'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "setup" -d 'Run all nine steps in the documented order'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "plan" -d 'Show what setup would do; changes nothing'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "undo" -d 'Undo what setup made; pods are never without nodes'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "associate-cidr" -d 'Step 1: associate a secondary CIDR block with the VPC'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "create-subnets" -d 'Step 2: create a pod subnet in each zone that has nodes'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "set-env" -d 'Step 3: enable custom networking in aws-node'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "detect-cni" -d 'Step 4: check that the VPC CNI supports it'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "install-crd" -d 'Step 5: install the ENIConfig CRD if it is missing'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "write-eniconfigs" -d 'Step 6: write an ENIConfig for each pod subnet'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "launch-nodegroups" -d 'Step 7: create the new node groups, without nodes yet'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "patch-security-groups" -d 'Step 8: write security groups, then start the new nodes'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "drain-nodes" -d 'Step 9: drain the old nodes and terminate them'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "verify" -d 'Check that custom networking works'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "doctor" -d 'Explain what is wrong and how to fix it'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "status" -d 'Show which steps are done'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "max-pods" -d 'Calculate how many pods an instance type can hold'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "iam-policy" -d 'Print the least IAM policy, or Kubernetes roles'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "schema" -d 'Print the JSON schema of an output'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "completions" -d 'Print a completion script for a shell'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "man" -d 'Write the man pages to a folder'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l kubeconfig -d 'Kubeconfig to authenticate to Kubernetes with [default: none, the AWS credentials are used]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l context -d 'Context of the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l plan -d 'Apply exactly the plan that plan --out saved, or refuse if the cluster has changed since' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l cidr -d 'Secondary CIDR block for pods, /16 to /28, repeatable [default: a free block of 100.64.0.0/10]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l subnet-prefix -d 'Prefix length of the created subnets, 16 to 28 [default: the block is split evenly]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l subnet -d 'Existing subnet for a zone\'s pods, repeatable [default: one is created]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l route-table -d 'Route table for a zone\'s created subnet, repeatable [default: that of the zone\'s private node subnet]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l env-last -d 'Run step 3 after step 6, so that nodes that start in between do not stay NotReady [default: false]' -r -f -a "true\t''
false\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l eniconfig-name -d 'Name of a zone\'s ENIConfig, repeatable [default: the zone\'s name]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l eniconfig-label -d 'Node label whose value is the name of the node\'s ENIConfig [default: topology.kubernetes.io/zone]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l security-group -d 'Security group for pods, repeatable [default: the new nodes\' group and the cluster security group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l pool -d 'Replace only this managed node group or Auto Scaling group ("nodes": nodes without a group), repeatable [default: all]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l replace-with -d 'Kind of the new node groups; POOL=, here and below, sets the value for one pool [default: self-managed]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l managed-image -d 'Image of managed node groups: EKS\'s, which it updates, or that of the launch template [default: as the old group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l instance-type -d 'Instance type [default: those of the old node group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l ami-family -d 'AMI family: al2023, al2 or bottlerocket [default: as the old node group, else al2023]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l ami-id -d 'AMI ID [default: the latest EKS AMI of the family; an AMI of your own is kept]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l nodes-per-zone -d 'New nodes in each zone, 1 to 1000 [default: as many as old ones, more if their max pods require it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l max-nodes-per-zone -d 'Maximum nodes of each zone\'s node group [default: its share of the old group\'s maximum]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l volume-size -d 'Size of the root volume in GiB [default: as on the old nodes, else 80]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l node-role -d 'IAM role of the nodes: the old nodes\', a new one with the least permissions, or this one [default: same]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l tag -d 'Tag for the new node groups and what they create, besides the old groups\' tags, repeatable' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l permissions-boundary -d 'Permissions boundary of a new role [default: none]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l role-path -d 'IAM path of a new role, e.g. /eks/ [default: /]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -s l -l selector -d 'Drain only old nodes that match this label selector, e.g. pool=web,spot!=true' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l node -d 'Drain only this old node, repeatable' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l old-node-group -d 'Drain only the old nodes of this managed node group or Auto Scaling group, repeatable' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l karpenter -d 'Let Karpenter replace its nodes within its NodePools\' budgets (drift), or drain them and delete their NodeClaims' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l drain-timeout -d 'Give up the drain after this time, e.g. 90s or 1h30m [default: --timeout if given, else 1h]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l pod-timeout -d 'Give up on a pod that is still terminating after this time [default: when the drain times out]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l skip-wait-for-delete-timeout -d 'Terminate a node although a pod on it is still terminating this long after its grace period [default: never]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l max-in-flight -d 'Maximum pods that are terminating at a time' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l lb-drain -d 'Wait this long before terminating a node that has left its load balancers, or 0s [default: their deregistration delay, at least 5m]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l max-unavailable-nodes -d 'Maximum nodes that are drained at a time [default: all]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l save -d 'Write the flags and answers of this run to this file: later runs take their defaults from it (see --config)' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l accept -d 'Accept this warning, e.g. EC-NET-009, repeatable; risks need it, --yes does not cover them' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l confirm-cluster -d 'Confirm undo and --disable-eviction with the cluster name, instead of being asked for it' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l timeout -d 'Longest wait for any one operation, e.g. 90s or 1h30m' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -s o -l output -d 'Format of the result on stdout; markdown is for a comment on a pull request' -r -f -a "text\t''
json\t''
markdown\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l color -d 'Use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l log -d 'Append each AWS and Kubernetes call, with its duration and status, to this file' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l external-snat -d 'Send pods\' internet traffic through the NAT gateway of their subnets (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l take-over-env -d 'Change aws-node\'s environment even if Helm, GitOps or another field manager owns it'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l take-over-karpenter -d 'Change Karpenter\'s settings and NodePools even if Helm, GitOps or another field manager owns them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l remove-annotation-def -d 'Remove ENI_CONFIG_ANNOTATION_DEF, which would override the node label'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l replace-eniconfigs -d 'Change existing ENIConfigs to the planned subnets and security groups'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l terminate-unowned -d 'Terminate old instances that belong to no node group'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l delete-old-groups -d 'Delete the old managed node groups after the drain; undo can then only start nodes like theirs'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l keep-old-nodes -d 'Keep the old nodes: do not cordon, drain or terminate them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l surge-singletons -d 'During the drain, run a second replica of Deployments with one replica and minAvailable 1'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l no-default-budget -d 'Evict the pods of a controller without a PodDisruptionBudget all at once, not 25 % at a time'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l disable-eviction -d 'Delete pods instead of evicting them, past every PodDisruptionBudget; asks for the cluster name'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l evict-bare-pods -d 'Evict bare pods, which no controller recreates: they are lost'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l delete-emptydir-data -d 'Evict pods with emptyDir or ephemeral volumes, whose data is lost'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l delete-local-volumes -d 'Evict pods with local, hostPath or node-local CSI volumes, whose data is lost, and delete a StatefulSet\'s claims'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l explain-settings -d 'Print each setting with its value and its origin (flag, environment, file or default); reads no cluster'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -s y -l yes -d 'Ask nothing; risks still need their own flags'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l dry-run -d 'Show what would be done, and the order in which nodes are drained; changes nothing'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l plain -d 'Print whole lines and numbered lists, for screen readers and logs; also with TERM=dumb'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l kubeconfig -d 'Kubeconfig to authenticate to Kubernetes with [default: none, the AWS credentials are used]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l context -d 'Context of the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l out -d 'Save the plan for setup --plan, unless a check refuses it' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l export -d 'Write what would be created to this folder: ENIConfigs, environment, templates, user data, commands' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l html -d 'Write the plan as a page for a browser, with a map of the addresses; one file, also if a check refuses the plan' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l cidr -d 'Secondary CIDR block for pods, /16 to /28, repeatable [default: a free block of 100.64.0.0/10]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l subnet-prefix -d 'Prefix length of the created subnets, 16 to 28 [default: the block is split evenly]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l subnet -d 'Existing subnet for a zone\'s pods, repeatable [default: one is created]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l route-table -d 'Route table for a zone\'s created subnet, repeatable [default: that of the zone\'s private node subnet]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l env-last -d 'Run step 3 after step 6, so that nodes that start in between do not stay NotReady [default: false]' -r -f -a "true\t''
false\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l eniconfig-name -d 'Name of a zone\'s ENIConfig, repeatable [default: the zone\'s name]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l eniconfig-label -d 'Node label whose value is the name of the node\'s ENIConfig [default: topology.kubernetes.io/zone]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l security-group -d 'Security group for pods, repeatable [default: the new nodes\' group and the cluster security group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l pool -d 'Replace only this managed node group or Auto Scaling group ("nodes": nodes without a group), repeatable [default: all]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l replace-with -d 'Kind of the new node groups; POOL=, here and below, sets the value for one pool [default: self-managed]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l managed-image -d 'Image of managed node groups: EKS\'s, which it updates, or that of the launch template [default: as the old group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l instance-type -d 'Instance type [default: those of the old node group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l ami-family -d 'AMI family: al2023, al2 or bottlerocket [default: as the old node group, else al2023]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l ami-id -d 'AMI ID [default: the latest EKS AMI of the family; an AMI of your own is kept]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l nodes-per-zone -d 'New nodes in each zone, 1 to 1000 [default: as many as old ones, more if their max pods require it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l max-nodes-per-zone -d 'Maximum nodes of each zone\'s node group [default: its share of the old group\'s maximum]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l volume-size -d 'Size of the root volume in GiB [default: as on the old nodes, else 80]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l node-role -d 'IAM role of the nodes: the old nodes\', a new one with the least permissions, or this one [default: same]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l tag -d 'Tag for the new node groups and what they create, besides the old groups\' tags, repeatable' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l permissions-boundary -d 'Permissions boundary of a new role [default: none]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l role-path -d 'IAM path of a new role, e.g. /eks/ [default: /]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -s l -l selector -d 'Drain only old nodes that match this label selector, e.g. pool=web,spot!=true' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l node -d 'Drain only this old node, repeatable' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l old-node-group -d 'Drain only the old nodes of this managed node group or Auto Scaling group, repeatable' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l karpenter -d 'Let Karpenter replace its nodes within its NodePools\' budgets (drift), or drain them and delete their NodeClaims' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l drain-timeout -d 'Give up the drain after this time, e.g. 90s or 1h30m [default: --timeout if given, else 1h]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l pod-timeout -d 'Give up on a pod that is still terminating after this time [default: when the drain times out]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l skip-wait-for-delete-timeout -d 'Terminate a node although a pod on it is still terminating this long after its grace period [default: never]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l max-in-flight -d 'Maximum pods that are terminating at a time' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l lb-drain -d 'Wait this long before terminating a node that has left its load balancers, or 0s [default: their deregistration delay, at least 5m]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l max-unavailable-nodes -d 'Maximum nodes that are drained at a time [default: all]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l accept -d 'Accept this warning, e.g. EC-NET-009, repeatable; risks need it, --yes does not cover them' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l confirm-cluster -d 'Confirm undo and --disable-eviction with the cluster name, instead of being asked for it' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l timeout -d 'Longest wait for any one operation, e.g. 90s or 1h30m' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -s o -l output -d 'Format of the result on stdout; markdown is for a comment on a pull request' -r -f -a "text\t''
json\t''
markdown\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l color -d 'Use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l log -d 'Append each AWS and Kubernetes call, with its duration and status, to this file' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l detailed-exitcode -d 'Exit with 0 if there is nothing to do, 2 for changes, 3 if a check refuses, 1 on any error'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l force -d 'Allow --export to a folder that is not empty'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l external-snat -d 'Send pods\' internet traffic through the NAT gateway of their subnets (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l take-over-env -d 'Change aws-node\'s environment even if Helm, GitOps or another field manager owns it'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l take-over-karpenter -d 'Change Karpenter\'s settings and NodePools even if Helm, GitOps or another field manager owns them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l remove-annotation-def -d 'Remove ENI_CONFIG_ANNOTATION_DEF, which would override the node label'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l replace-eniconfigs -d 'Change existing ENIConfigs to the planned subnets and security groups'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l terminate-unowned -d 'Terminate old instances that belong to no node group'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l delete-old-groups -d 'Delete the old managed node groups after the drain; undo can then only start nodes like theirs'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l keep-old-nodes -d 'Keep the old nodes: do not cordon, drain or terminate them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l surge-singletons -d 'During the drain, run a second replica of Deployments with one replica and minAvailable 1'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l no-default-budget -d 'Evict the pods of a controller without a PodDisruptionBudget all at once, not 25 % at a time'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l disable-eviction -d 'Delete pods instead of evicting them, past every PodDisruptionBudget; asks for the cluster name'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l evict-bare-pods -d 'Evict bare pods, which no controller recreates: they are lost'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l delete-emptydir-data -d 'Evict pods with emptyDir or ephemeral volumes, whose data is lost'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l delete-local-volumes -d 'Evict pods with local, hostPath or node-local CSI volumes, whose data is lost, and delete a StatefulSet\'s claims'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -s y -l yes -d 'Ask nothing; risks still need their own flags'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l dry-run -d 'Show what would be done, and the order in which nodes are drained; changes nothing'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l plain -d 'Print whole lines and numbered lists, for screen readers and logs; also with TERM=dumb'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l kubeconfig -d 'Kubeconfig to authenticate to Kubernetes with [default: none, the AWS credentials are used]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l context -d 'Context of the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l to-step -d 'Undo only as far as needed to make this step the last one done [default: 0, undo all]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l drain-timeout -d 'Give up the drain after this time, e.g. 90s or 1h30m [default: --timeout if given, else 1h]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l pod-timeout -d 'Give up on a pod that is still terminating after this time [default: when the drain times out]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l skip-wait-for-delete-timeout -d 'Terminate a node although a pod on it is still terminating this long after its grace period [default: never]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l max-in-flight -d 'Maximum pods that are terminating at a time' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l lb-drain -d 'Wait this long before terminating a node that has left its load balancers, or 0s [default: their deregistration delay, at least 5m]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l max-unavailable-nodes -d 'Maximum nodes that are drained at a time [default: all]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l accept -d 'Accept this warning, e.g. EC-NET-009, repeatable; risks need it, --yes does not cover them' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l confirm-cluster -d 'Confirm undo and --disable-eviction with the cluster name, instead of being asked for it' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l timeout -d 'Longest wait for any one operation, e.g. 90s or 1h30m' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -s o -l output -d 'Format of the result on stdout; markdown is for a comment on a pull request' -r -f -a "text\t''
json\t''
markdown\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l color -d 'Use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l log -d 'Append each AWS and Kubernetes call, with its duration and status, to this file' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l dry-run -d 'Show what would be undone; changes nothing'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l keep-nodes -d 'Keep the node groups that setup made; undo everything else that is not in use'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l surge-singletons -d 'During the drain, run a second replica of Deployments with one replica and minAvailable 1'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l no-default-budget -d 'Evict the pods of a controller without a PodDisruptionBudget all at once, not 25 % at a time'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l disable-eviction -d 'Delete pods instead of evicting them, past every PodDisruptionBudget; asks for the cluster name'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l evict-bare-pods -d 'Evict bare pods, which no controller recreates: they are lost'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l delete-emptydir-data -d 'Evict pods with emptyDir or ephemeral volumes, whose data is lost'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l delete-local-volumes -d 'Evict pods with local, hostPath or node-local CSI volumes, whose data is lost, and delete a StatefulSet\'s claims'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -s y -l yes -d 'Ask nothing; risks still need their own flags'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l plain -d 'Print whole lines and numbered lists, for screen readers and logs; also with TERM=dumb'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l kubeconfig -d 'Kubeconfig to authenticate to Kubernetes with [default: none, the AWS credentials are used]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l context -d 'Context of the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l cidr -d 'Secondary CIDR block for pods, /16 to /28, repeatable [default: a free block of 100.64.0.0/10]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l subnet-prefix -d 'Prefix length of the created subnets, 16 to 28 [default: the block is split evenly]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l subnet -d 'Existing subnet for a zone\'s pods, repeatable [default: one is created]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l route-table -d 'Route table for a zone\'s created subnet, repeatable [default: that of the zone\'s private node subnet]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l env-last -d 'Run step 3 after step 6, so that nodes that start in between do not stay NotReady [default: false]' -r -f -a "true\t''
false\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l eniconfig-name -d 'Name of a zone\'s ENIConfig, repeatable [default: the zone\'s name]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l eniconfig-label -d 'Node label whose value is the name of the node\'s ENIConfig [default: topology.kubernetes.io/zone]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l security-group -d 'Security group for pods, repeatable [default: the new nodes\' group and the cluster security group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l pool -d 'Replace only this managed node group or Auto Scaling group ("nodes": nodes without a group), repeatable [default: all]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l replace-with -d 'Kind of the new node groups; POOL=, here and below, sets the value for one pool [default: self-managed]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l managed-image -d 'Image of managed node groups: EKS\'s, which it updates, or that of the launch template [default: as the old group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l instance-type -d 'Instance type [default: those of the old node group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l ami-family -d 'AMI family: al2023, al2 or bottlerocket [default: as the old node group, else al2023]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l ami-id -d 'AMI ID [default: the latest EKS AMI of the family; an AMI of your own is kept]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l nodes-per-zone -d 'New nodes in each zone, 1 to 1000 [default: as many as old ones, more if their max pods require it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l max-nodes-per-zone -d 'Maximum nodes of each zone\'s node group [default: its share of the old group\'s maximum]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l volume-size -d 'Size of the root volume in GiB [default: as on the old nodes, else 80]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l node-role -d 'IAM role of the nodes: the old nodes\', a new one with the least permissions, or this one [default: same]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l tag -d 'Tag for the new node groups and what they create, besides the old groups\' tags, repeatable' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l permissions-boundary -d 'Permissions boundary of a new role [default: none]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l role-path -d 'IAM path of a new role, e.g. /eks/ [default: /]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l accept -d 'Accept this warning, e.g. EC-NET-009, repeatable; risks need it, --yes does not cover them' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l confirm-cluster -d 'Confirm undo and --disable-eviction with the cluster name, instead of being asked for it' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l timeout -d 'Longest wait for any one operation, e.g. 90s or 1h30m' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -s o -l output -d 'Format of the result on stdout; markdown is for a comment on a pull request' -r -f -a "text\t''
json\t''
markdown\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l color -d 'Use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l log -d 'Append each AWS and Kubernetes call, with its duration and status, to this file' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l external-snat -d 'Send pods\' internet traffic through the NAT gateway of their subnets (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l take-over-env -d 'Change aws-node\'s environment even if Helm, GitOps or another field manager owns it'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l take-over-karpenter -d 'Change Karpenter\'s settings and NodePools even if Helm, GitOps or another field manager owns them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l remove-annotation-def -d 'Remove ENI_CONFIG_ANNOTATION_DEF, which would override the node label'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l replace-eniconfigs -d 'Change existing ENIConfigs to the planned subnets and security groups'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -s y -l yes -d 'Ask nothing; risks still need their own flags'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l undo -d 'Undo this step; asks for the cluster name'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l plain -d 'Print whole lines and numbered lists, for screen readers and logs; also with TERM=dumb'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l kubeconfig -d 'Kubeconfig to authenticate to Kubernetes with [default: none, the AWS credentials are used]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l context -d 'Context of the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l cidr -d 'Secondary CIDR block for pods, /16 to /28, repeatable [default: a free block of 100.64.0.0/10]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l subnet-prefix -d 'Prefix length of the created subnets, 16 to 28 [default: the block is split evenly]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l subnet -d 'Existing subnet for a zone\'s pods, repeatable [default: one is created]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l route-table -d 'Route table for a zone\'s created subnet, repeatable [default: that of the zone\'s private node subnet]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l env-last -d 'Run step 3 after step 6, so that nodes that start in between do not stay NotReady [default: false]' -r -f -a "true\t''
false\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l eniconfig-name -d 'Name of a zone\'s ENIConfig, repeatable [default: the zone\'s name]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l eniconfig-label -d 'Node label whose value is the name of the node\'s ENIConfig [default: topology.kubernetes.io/zone]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l security-group -d 'Security group for pods, repeatable [default: the new nodes\' group and the cluster security group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l pool -d 'Replace only this managed node group or Auto Scaling group ("nodes": nodes without a group), repeatable [default: all]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l replace-with -d 'Kind of the new node groups; POOL=, here and below, sets the value for one pool [default: self-managed]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l managed-image -d 'Image of managed node groups: EKS\'s, which it updates, or that of the launch template [default: as the old group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l instance-type -d 'Instance type [default: those of the old node group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l ami-family -d 'AMI family: al2023, al2 or bottlerocket [default: as the old node group, else al2023]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l ami-id -d 'AMI ID [default: the latest EKS AMI of the family; an AMI of your own is kept]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l nodes-per-zone -d 'New nodes in each zone, 1 to 1000 [default: as many as old ones, more if their max pods require it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l max-nodes-per-zone -d 'Maximum nodes of each zone\'s node group [default: its share of the old group\'s maximum]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l volume-size -d 'Size of the root volume in GiB [default: as on the old nodes, else 80]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l node-role -d 'IAM role of the nodes: the old nodes\', a new one with the least permissions, or this one [default: same]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l tag -d 'Tag for the new node groups and what they create, besides the old groups\' tags, repeatable' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l permissions-boundary -d 'Permissions boundary of a new role [default: none]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l role-path -d 'IAM path of a new role, e.g. /eks/ [default: /]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l accept -d 'Accept this warning, e.g. EC-NET-009, repeatable; risks need it, --yes does not cover them' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l confirm-cluster -d 'Confirm undo and --disable-eviction with the cluster name, instead of being asked for it' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l timeout -d 'Longest wait for any one operation, e.g. 90s or 1h30m' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -s o -l output -d 'Format of the result on stdout; markdown is for a comment on a pull request' -r -f -a "text\t''
json\t''
markdown\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l color -d 'Use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l log -d 'Append each AWS and Kubernetes call, with its duration and status, to this file' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l external-snat -d 'Send pods\' internet traffic through the NAT gateway of their subnets (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l take-over-env -d 'Change aws-node\'s environment even if Helm, GitOps or another field manager owns it'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l take-over-karpenter -d 'Change Karpenter\'s settings and NodePools even if Helm, GitOps or another field manager owns them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l remove-annotation-def -d 'Remove ENI_CONFIG_ANNOTATION_DEF, which would override the node label'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l replace-eniconfigs -d 'Change existing ENIConfigs to the planned subnets and security groups'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -s y -l yes -d 'Ask nothing; risks still need their own flags'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l undo -d 'Undo this step; asks for the cluster name'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l plain -d 'Print whole lines and numbered lists, for screen readers and logs; also with TERM=dumb'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l kubeconfig -d 'Kubeconfig to authenticate to Kubernetes with [default: none, the AWS credentials are used]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l context -d 'Context of the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l cidr -d 'Secondary CIDR block for pods, /16 to /28, repeatable [default: a free block of 100.64.0.0/10]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l subnet-prefix -d 'Prefix length of the created subnets, 16 to 28 [default: the block is split evenly]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l subnet -d 'Existing subnet for a zone\'s pods, repeatable [default: one is created]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l route-table -d 'Route table for a zone\'s created subnet, repeatable [default: that of the zone\'s private node subnet]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l env-last -d 'Run step 3 after step 6, so that nodes that start in between do not stay NotReady [default: false]' -r -f -a "true\t''
false\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l eniconfig-name -d 'Name of a zone\'s ENIConfig, repeatable [default: the zone\'s name]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l eniconfig-label -d 'Node label whose value is the name of the node\'s ENIConfig [default: topology.kubernetes.io/zone]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l security-group -d 'Security group for pods, repeatable [default: the new nodes\' group and the cluster security group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l pool -d 'Replace only this managed node group or Auto Scaling group ("nodes": nodes without a group), repeatable [default: all]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l replace-with -d 'Kind of the new node groups; POOL=, here and below, sets the value for one pool [default: self-managed]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l managed-image -d 'Image of managed node groups: EKS\'s, which it updates, or that of the launch template [default: as the old group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l instance-type -d 'Instance type [default: those of the old node group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l ami-family -d 'AMI family: al2023, al2 or bottlerocket [default: as the old node group, else al2023]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l ami-id -d 'AMI ID [default: the latest EKS AMI of the family; an AMI of your own is kept]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l nodes-per-zone -d 'New nodes in each zone, 1 to 1000 [default: as many as old ones, more if their max pods require it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l max-nodes-per-zone -d 'Maximum nodes of each zone\'s node group [default: its share of the old group\'s maximum]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l volume-size -d 'Size of the root volume in GiB [default: as on the old nodes, else 80]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l node-role -d 'IAM role of the nodes: the old nodes\', a new one with the least permissions, or this one [default: same]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l tag -d 'Tag for the new node groups and what they create, besides the old groups\' tags, repeatable' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l permissions-boundary -d 'Permissions boundary of a new role [default: none]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l role-path -d 'IAM path of a new role, e.g. /eks/ [default: /]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l accept -d 'Accept this warning, e.g. EC-NET-009, repeatable; risks need it, --yes does not cover them' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l confirm-cluster -d 'Confirm undo and --disable-eviction with the cluster name, instead of being asked for it' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l timeout -d 'Longest wait for any one operation, e.g. 90s or 1h30m' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -s o -l output -d 'Format of the result on stdout; markdown is for a comment on a pull request' -r -f -a "text\t''
json\t''
markdown\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l color -d 'Use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l log -d 'Append each AWS and Kubernetes call, with its duration and status, to this file' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l external-snat -d 'Send pods\' internet traffic through the NAT gateway of their subnets (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l take-over-env -d 'Change aws-node\'s environment even if Helm, GitOps or another field manager owns it'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l take-over-karpenter -d 'Change Karpenter\'s settings and NodePools even if Helm, GitOps or another field manager owns them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l remove-annotation-def -d 'Remove ENI_CONFIG_ANNOTATION_DEF, which would override the node label'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l replace-eniconfigs -d 'Change existing ENIConfigs to the planned subnets and security groups'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -s y -l yes -d 'Ask nothing; risks still need their own flags'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l undo -d 'Undo this step; asks for the cluster name'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l plain -d 'Print whole lines and numbered lists, for screen readers and logs; also with TERM=dumb'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l kubeconfig -d 'Kubeconfig to authenticate to Kubernetes with [default: none, the AWS credentials are used]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l context -d 'Context of the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l cidr -d 'Secondary CIDR block for pods, /16 to /28, repeatable [default: a free block of 100.64.0.0/10]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l subnet-prefix -d 'Prefix length of the created subnets, 16 to 28 [default: the block is split evenly]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l subnet -d 'Existing subnet for a zone\'s pods, repeatable [default: one is created]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l route-table -d 'Route table for a zone\'s created subnet, repeatable [default: that of the zone\'s private node subnet]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l env-last -d 'Run step 3 after step 6, so that nodes that start in between do not stay NotReady [default: false]' -r -f -a "true\t''
false\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l eniconfig-name -d 'Name of a zone\'s ENIConfig, repeatable [default: the zone\'s name]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l eniconfig-label -d 'Node label whose value is the name of the node\'s ENIConfig [default: topology.kubernetes.io/zone]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l security-group -d 'Security group for pods, repeatable [default: the new nodes\' group and the cluster security group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l pool -d 'Replace only this managed node group or Auto Scaling group ("nodes": nodes without a group), repeatable [default: all]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l replace-with -d 'Kind of the new node groups; POOL=, here and below, sets the value for one pool [default: self-managed]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l managed-image -d 'Image of managed node groups: EKS\'s, which it updates, or that of the launch template [default: as the old group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l instance-type -d 'Instance type [default: those of the old node group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l ami-family -d 'AMI family: al2023, al2 or bottlerocket [default: as the old node group, else al2023]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l ami-id -d 'AMI ID [default: the latest EKS AMI of the family; an AMI of your own is kept]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l nodes-per-zone -d 'New nodes in each zone, 1 to 1000 [default: as many as old ones, more if their max pods require it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l max-nodes-per-zone -d 'Maximum nodes of each zone\'s node group [default: its share of the old group\'s maximum]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l volume-size -d 'Size of the root volume in GiB [default: as on the old nodes, else 80]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l node-role -d 'IAM role of the nodes: the old nodes\', a new one with the least permissions, or this one [default: same]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l tag -d 'Tag for the new node groups and what they create, besides the old groups\' tags, repeatable' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l permissions-boundary -d 'Permissions boundary of a new role [default: none]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l role-path -d 'IAM path of a new role, e.g. /eks/ [default: /]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l accept -d 'Accept this warning, e.g. EC-NET-009, repeatable; risks need it, --yes does not cover them' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l confirm-cluster -d 'Confirm undo and --disable-eviction with the cluster name, instead of being asked for it' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l timeout -d 'Longest wait for any one operation, e.g. 90s or 1h30m' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -s o -l output -d 'Format of the result on stdout; markdown is for a comment on a pull request' -r -f -a "text\t''
json\t''
markdown\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l color -d 'Use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l log -d 'Append each AWS and Kubernetes call, with its duration and status, to this file' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l external-snat -d 'Send pods\' internet traffic through the NAT gateway of their subnets (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l take-over-env -d 'Change aws-node\'s environment even if Helm, GitOps or another field manager owns it'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l take-over-karpenter -d 'Change Karpenter\'s settings and NodePools even if Helm, GitOps or another field manager owns them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l remove-annotation-def -d 'Remove ENI_CONFIG_ANNOTATION_DEF, which would override the node label'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l replace-eniconfigs -d 'Change existing ENIConfigs to the planned subnets and security groups'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -s y -l yes -d 'Ask nothing; risks still need their own flags'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l undo -d 'Undo this step; asks for the cluster name'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l plain -d 'Print whole lines and numbered lists, for screen readers and logs; also with TERM=dumb'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l kubeconfig -d 'Kubeconfig to authenticate to Kubernetes with [default: none, the AWS credentials are used]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l context -d 'Context of the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l cidr -d 'Secondary CIDR block for pods, /16 to /28, repeatable [default: a free block of 100.64.0.0/10]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l subnet-prefix -d 'Prefix length of the created subnets, 16 to 28 [default: the block is split evenly]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l subnet -d 'Existing subnet for a zone\'s pods, repeatable [default: one is created]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l route-table -d 'Route table for a zone\'s created subnet, repeatable [default: that of the zone\'s private node subnet]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l env-last -d 'Run step 3 after step 6, so that nodes that start in between do not stay NotReady [default: false]' -r -f -a "true\t''
false\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l eniconfig-name -d 'Name of a zone\'s ENIConfig, repeatable [default: the zone\'s name]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l eniconfig-label -d 'Node label whose value is the name of the node\'s ENIConfig [default: topology.kubernetes.io/zone]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l security-group -d 'Security group for pods, repeatable [default: the new nodes\' group and the cluster security group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l pool -d 'Replace only this managed node group or Auto Scaling group ("nodes": nodes without a group), repeatable [default: all]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l replace-with -d 'Kind of the new node groups; POOL=, here and below, sets the value for one pool [default: self-managed]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l managed-image -d 'Image of managed node groups: EKS\'s, which it updates, or that of the launch template [default: as the old group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l instance-type -d 'Instance type [default: those of the old node group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l ami-family -d 'AMI family: al2023, al2 or bottlerocket [default: as the old node group, else al2023]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l ami-id -d 'AMI ID [default: the latest EKS AMI of the family; an AMI of your own is kept]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l nodes-per-zone -d 'New nodes in each zone, 1 to 1000 [default: as many as old ones, more if their max pods require it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l max-nodes-per-zone -d 'Maximum nodes of each zone\'s node group [default: its share of the old group\'s maximum]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l volume-size -d 'Size of the root volume in GiB [default: as on the old nodes, else 80]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l node-role -d 'IAM role of the nodes: the old nodes\', a new one with the least permissions, or this one [default: same]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l tag -d 'Tag for the new node groups and what they create, besides the old groups\' tags, repeatable' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l permissions-boundary -d 'Permissions boundary of a new role [default: none]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l role-path -d 'IAM path of a new role, e.g. /eks/ [default: /]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l accept -d 'Accept this warning, e.g. EC-NET-009, repeatable; risks need it, --yes does not cover them' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l confirm-cluster -d 'Confirm undo and --disable-eviction with the cluster name, instead of being asked for it' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l timeout -d 'Longest wait for any one operation, e.g. 90s or 1h30m' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -s o -l output -d 'Format of the result on stdout; markdown is for a comment on a pull request' -r -f -a "text\t''
json\t''
markdown\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l color -d 'Use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l log -d 'Append each AWS and Kubernetes call, with its duration and status, to this file' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l external-snat -d 'Send pods\' internet traffic through the NAT gateway of their subnets (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l take-over-env -d 'Change aws-node\'s environment even if Helm, GitOps or another field manager owns it'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l take-over-karpenter -d 'Change Karpenter\'s settings and NodePools even if Helm, GitOps or another field manager owns them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l remove-annotation-def -d 'Remove ENI_CONFIG_ANNOTATION_DEF, which would override the node label'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l replace-eniconfigs -d 'Change existing ENIConfigs to the planned subnets and security groups'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -s y -l yes -d 'Ask nothing; risks still need their own flags'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l undo -d 'Undo this step; asks for the cluster name'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l plain -d 'Print whole lines and numbered lists, for screen readers and logs; also with TERM=dumb'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l kubeconfig -d 'Kubeconfig to authenticate to Kubernetes with [default: none, the AWS credentials are used]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l context -d 'Context of the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l cidr -d 'Secondary CIDR block for pods, /16 to /28, repeatable [default: a free block of 100.64.0.0/10]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l subnet-prefix -d 'Prefix length of the created subnets, 16 to 28 [default: the block is split evenly]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l subnet -d 'Existing subnet for a zone\'s pods, repeatable [default: one is created]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l route-table -d 'Route table for a zone\'s created subnet, repeatable [default: that of the zone\'s private node subnet]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l env-last -d 'Run step 3 after step 6, so that nodes that start in between do not stay NotReady [default: false]' -r -f -a "true\t''
false\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l eniconfig-name -d 'Name of a zone\'s ENIConfig, repeatable [default: the zone\'s name]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l eniconfig-label -d 'Node label whose value is the name of the node\'s ENIConfig [default: topology.kubernetes.io/zone]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l security-group -d 'Security group for pods, repeatable [default: the new nodes\' group and the cluster security group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l pool -d 'Replace only this managed node group or Auto Scaling group ("nodes": nodes without a group), repeatable [default: all]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l replace-with -d 'Kind of the new node groups; POOL=, here and below, sets the value for one pool [default: self-managed]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l managed-image -d 'Image of managed node groups: EKS\'s, which it updates, or that of the launch template [default: as the old group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l instance-type -d 'Instance type [default: those of the old node group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l ami-family -d 'AMI family: al2023, al2 or bottlerocket [default: as the old node group, else al2023]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l ami-id -d 'AMI ID [default: the latest EKS AMI of the family; an AMI of your own is kept]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l nodes-per-zone -d 'New nodes in each zone, 1 to 1000 [default: as many as old ones, more if their max pods require it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l max-nodes-per-zone -d 'Maximum nodes of each zone\'s node group [default: its share of the old group\'s maximum]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l volume-size -d 'Size of the root volume in GiB [default: as on the old nodes, else 80]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l node-role -d 'IAM role of the nodes: the old nodes\', a new one with the least permissions, or this one [default: same]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l tag -d 'Tag for the new node groups and what they create, besides the old groups\' tags, repeatable' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l permissions-boundary -d 'Permissions boundary of a new role [default: none]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l role-path -d 'IAM path of a new role, e.g. /eks/ [default: /]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l accept -d 'Accept this warning, e.g. EC-NET-009, repeatable; risks need it, --yes does not cover them' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l confirm-cluster -d 'Confirm undo and --disable-eviction with the cluster name, instead of being asked for it' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l timeout -d 'Longest wait for any one operation, e.g. 90s or 1h30m' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -s o -l output -d 'Format of the result on stdout; markdown is for a comment on a pull request' -r -f -a "text\t''
json\t''
markdown\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l color -d 'Use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l log -d 'Append each AWS and Kubernetes call, with its duration and status, to this file' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l external-snat -d 'Send pods\' internet traffic through the NAT gateway of their subnets (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l take-over-env -d 'Change aws-node\'s environment even if Helm, GitOps or another field manager owns it'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l take-over-karpenter -d 'Change Karpenter\'s settings and NodePools even if Helm, GitOps or another field manager owns them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l remove-annotation-def -d 'Remove ENI_CONFIG_ANNOTATION_DEF, which would override the node label'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l replace-eniconfigs -d 'Change existing ENIConfigs to the planned subnets and security groups'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -s y -l yes -d 'Ask nothing; risks still need their own flags'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l undo -d 'Undo this step; asks for the cluster name'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l plain -d 'Print whole lines and numbered lists, for screen readers and logs; also with TERM=dumb'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l kubeconfig -d 'Kubeconfig to authenticate to Kubernetes with [default: none, the AWS credentials are used]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l context -d 'Context of the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l cidr -d 'Secondary CIDR block for pods, /16 to /28, repeatable [default: a free block of 100.64.0.0/10]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l subnet-prefix -d 'Prefix length of the created subnets, 16 to 28 [default: the block is split evenly]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l subnet -d 'Existing subnet for a zone\'s pods, repeatable [default: one is created]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l route-table -d 'Route table for a zone\'s created subnet, repeatable [default: that of the zone\'s private node subnet]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l env-last -d 'Run step 3 after step 6, so that nodes that start in between do not stay NotReady [default: false]' -r -f -a "true\t''
false\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l eniconfig-name -d 'Name of a zone\'s ENIConfig, repeatable [default: the zone\'s name]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l eniconfig-label -d 'Node label whose value is the name of the node\'s ENIConfig [default: topology.kubernetes.io/zone]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l security-group -d 'Security group for pods, repeatable [default: the new nodes\' group and the cluster security group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l pool -d 'Replace only this managed node group or Auto Scaling group ("nodes": nodes without a group), repeatable [default: all]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l replace-with -d 'Kind of the new node groups; POOL=, here and below, sets the value for one pool [default: self-managed]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l managed-image -d 'Image of managed node groups: EKS\'s, which it updates, or that of the launch template [default: as the old group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l instance-type -d 'Instance type [default: those of the old node group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l ami-family -d 'AMI family: al2023, al2 or bottlerocket [default: as the old node group, else al2023]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l ami-id -d 'AMI ID [default: the latest EKS AMI of the family; an AMI of your own is kept]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l nodes-per-zone -d 'New nodes in each zone, 1 to 1000 [default: as many as old ones, more if their max pods require it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l max-nodes-per-zone -d 'Maximum nodes of each zone\'s node group [default: its share of the old group\'s maximum]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l volume-size -d 'Size of the root volume in GiB [default: as on the old nodes, else 80]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l node-role -d 'IAM role of the nodes: the old nodes\', a new one with the least permissions, or this one [default: same]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l tag -d 'Tag for the new node groups and what they create, besides the old groups\' tags, repeatable' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l permissions-boundary -d 'Permissions boundary of a new role [default: none]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l role-path -d 'IAM path of a new role, e.g. /eks/ [default: /]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l accept -d 'Accept this warning, e.g. EC-NET-009, repeatable; risks need it, --yes does not cover them' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l confirm-cluster -d 'Confirm undo and --disable-eviction with the cluster name, instead of being asked for it' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l timeout -d 'Longest wait for any one operation, e.g. 90s or 1h30m' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -s o -l output -d 'Format of the result on stdout; markdown is for a comment on a pull request' -r -f -a "text\t''
json\t''
markdown\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l color -d 'Use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l log -d 'Append each AWS and Kubernetes call, with its duration and status, to this file' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l external-snat -d 'Send pods\' internet traffic through the NAT gateway of their subnets (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l take-over-env -d 'Change aws-node\'s environment even if Helm, GitOps or another field manager owns it'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l take-over-karpenter -d 'Change Karpenter\'s settings and NodePools even if Helm, GitOps or another field manager owns them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l remove-annotation-def -d 'Remove ENI_CONFIG_ANNOTATION_DEF, which would override the node label'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l replace-eniconfigs -d 'Change existing ENIConfigs to the planned subnets and security groups'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -s y -l yes -d 'Ask nothing; risks still need their own flags'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l undo -d 'Undo this step; asks for the cluster name'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l plain -d 'Print whole lines and numbered lists, for screen readers and logs; also with TERM=dumb'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l kubeconfig -d 'Kubeconfig to authenticate to Kubernetes with [default: none, the AWS credentials are used]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l context -d 'Context of the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l cidr -d 'Secondary CIDR block for pods, /16 to /28, repeatable [default: a free block of 100.64.0.0/10]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l subnet-prefix -d 'Prefix length of the created subnets, 16 to 28 [default: the block is split evenly]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l subnet -d 'Existing subnet for a zone\'s pods, repeatable [default: one is created]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l route-table -d 'Route table for a zone\'s created subnet, repeatable [default: that of the zone\'s private node subnet]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l env-last -d 'Run step 3 after step 6, so that nodes that start in between do not stay NotReady [default: false]' -r -f -a "true\t''
false\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l eniconfig-name -d 'Name of a zone\'s ENIConfig, repeatable [default: the zone\'s name]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l eniconfig-label -d 'Node label whose value is the name of the node\'s ENIConfig [default: topology.kubernetes.io/zone]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l security-group -d 'Security group for pods, repeatable [default: the new nodes\' group and the cluster security group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l pool -d 'Replace only this managed node group or Auto Scaling group ("nodes": nodes without a group), repeatable [default: all]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l replace-with -d 'Kind of the new node groups; POOL=, here and below, sets the value for one pool [default: self-managed]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l managed-image -d 'Image of managed node groups: EKS\'s, which it updates, or that of the launch template [default: as the old group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l instance-type -d 'Instance type [default: those of the old node group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l ami-family -d 'AMI family: al2023, al2 or bottlerocket [default: as the old node group, else al2023]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l ami-id -d 'AMI ID [default: the latest EKS AMI of the family; an AMI of your own is kept]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l nodes-per-zone -d 'New nodes in each zone, 1 to 1000 [default: as many as old ones, more if their max pods require it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l max-nodes-per-zone -d 'Maximum nodes of each zone\'s node group [default: its share of the old group\'s maximum]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l volume-size -d 'Size of the root volume in GiB [default: as on the old nodes, else 80]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l node-role -d 'IAM role of the nodes: the old nodes\', a new one with the least permissions, or this one [default: same]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l tag -d 'Tag for the new node groups and what they create, besides the old groups\' tags, repeatable' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l permissions-boundary -d 'Permissions boundary of a new role [default: none]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l role-path -d 'IAM path of a new role, e.g. /eks/ [default: /]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l accept -d 'Accept this warning, e.g. EC-NET-009, repeatable; risks need it, --yes does not cover them' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l confirm-cluster -d 'Confirm undo and --disable-eviction with the cluster name, instead of being asked for it' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l timeout -d 'Longest wait for any one operation, e.g. 90s or 1h30m' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -s o -l output -d 'Format of the result on stdout; markdown is for a comment on a pull request' -r -f -a "text\t''
json\t''
markdown\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l color -d 'Use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l log -d 'Append each AWS and Kubernetes call, with its duration and status, to this file' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l external-snat -d 'Send pods\' internet traffic through the NAT gateway of their subnets (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l take-over-env -d 'Change aws-node\'s environment even if Helm, GitOps or another field manager owns it'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l take-over-karpenter -d 'Change Karpenter\'s settings and NodePools even if Helm, GitOps or another field manager owns them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l remove-annotation-def -d 'Remove ENI_CONFIG_ANNOTATION_DEF, which would override the node label'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l replace-eniconfigs -d 'Change existing ENIConfigs to the planned subnets and security groups'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -s y -l yes -d 'Ask nothing; risks still need their own flags'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l undo -d 'Undo this step; asks for the cluster name'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l plain -d 'Print whole lines and numbered lists, for screen readers and logs; also with TERM=dumb'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l kubeconfig -d 'Kubeconfig to authenticate to Kubernetes with [default: none, the AWS credentials are used]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l context -d 'Context of the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l cidr -d 'Secondary CIDR block for pods, /16 to /28, repeatable [default: a free block of 100.64.0.0/10]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l subnet-prefix -d 'Prefix length of the created subnets, 16 to 28 [default: the block is split evenly]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l subnet -d 'Existing subnet for a zone\'s pods, repeatable [default: one is created]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l route-table -d 'Route table for a zone\'s created subnet, repeatable [default: that of the zone\'s private node subnet]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l env-last -d 'Run step 3 after step 6, so that nodes that start in between do not stay NotReady [default: false]' -r -f -a "true\t''
false\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l eniconfig-name -d 'Name of a zone\'s ENIConfig, repeatable [default: the zone\'s name]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l eniconfig-label -d 'Node label whose value is the name of the node\'s ENIConfig [default: topology.kubernetes.io/zone]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l security-group -d 'Security group for pods, repeatable [default: the new nodes\' group and the cluster security group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l pool -d 'Replace only this managed node group or Auto Scaling group ("nodes": nodes without a group), repeatable [default: all]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l replace-with -d 'Kind of the new node groups; POOL=, here and below, sets the value for one pool [default: self-managed]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l managed-image -d 'Image of managed node groups: EKS\'s, which it updates, or that of the launch template [default: as the old group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l instance-type -d 'Instance type [default: those of the old node group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l ami-family -d 'AMI family: al2023, al2 or bottlerocket [default: as the old node group, else al2023]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l ami-id -d 'AMI ID [default: the latest EKS AMI of the family; an AMI of your own is kept]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l nodes-per-zone -d 'New nodes in each zone, 1 to 1000 [default: as many as old ones, more if their max pods require it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l max-nodes-per-zone -d 'Maximum nodes of each zone\'s node group [default: its share of the old group\'s maximum]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l volume-size -d 'Size of the root volume in GiB [default: as on the old nodes, else 80]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l node-role -d 'IAM role of the nodes: the old nodes\', a new one with the least permissions, or this one [default: same]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l tag -d 'Tag for the new node groups and what they create, besides the old groups\' tags, repeatable' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l permissions-boundary -d 'Permissions boundary of a new role [default: none]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l role-path -d 'IAM path of a new role, e.g. /eks/ [default: /]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -s l -l selector -d 'Drain only old nodes that match this label selector, e.g. pool=web,spot!=true' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l node -d 'Drain only this old node, repeatable' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l old-node-group -d 'Drain only the old nodes of this managed node group or Auto Scaling group, repeatable' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l karpenter -d 'Let Karpenter replace its nodes within its NodePools\' budgets (drift), or drain them and delete their NodeClaims' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l drain-timeout -d 'Give up the drain after this time, e.g. 90s or 1h30m [default: --timeout if given, else 1h]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l pod-timeout -d 'Give up on a pod that is still terminating after this time [default: when the drain times out]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l skip-wait-for-delete-timeout -d 'Terminate a node although a pod on it is still terminating this long after its grace period [default: never]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l max-in-flight -d 'Maximum pods that are terminating at a time' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l lb-drain -d 'Wait this long before terminating a node that has left its load balancers, or 0s [default: their deregistration delay, at least 5m]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l max-unavailable-nodes -d 'Maximum nodes that are drained at a time [default: all]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l accept -d 'Accept this warning, e.g. EC-NET-009, repeatable; risks need it, --yes does not cover them' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l confirm-cluster -d 'Confirm undo and --disable-eviction with the cluster name, instead of being asked for it' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l timeout -d 'Longest wait for any one operation, e.g. 90s or 1h30m' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -s o -l output -d 'Format of the result on stdout; markdown is for a comment on a pull request' -r -f -a "text\t''
json\t''
markdown\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l color -d 'Use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l log -d 'Append each AWS and Kubernetes call, with its duration and status, to this file' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l external-snat -d 'Send pods\' internet traffic through the NAT gateway of their subnets (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l take-over-env -d 'Change aws-node\'s environment even if Helm, GitOps or another field manager owns it'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l take-over-karpenter -d 'Change Karpenter\'s settings and NodePools even if Helm, GitOps or another field manager owns them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l remove-annotation-def -d 'Remove ENI_CONFIG_ANNOTATION_DEF, which would override the node label'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l replace-eniconfigs -d 'Change existing ENIConfigs to the planned subnets and security groups'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l terminate-unowned -d 'Terminate old instances that belong to no node group'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l delete-old-groups -d 'Delete the old managed node groups after the drain; undo can then only start nodes like theirs'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l keep-old-nodes -d 'Keep the old nodes: do not cordon, drain or terminate them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l surge-singletons -d 'During the drain, run a second replica of Deployments with one replica and minAvailable 1'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l no-default-budget -d 'Evict the pods of a controller without a PodDisruptionBudget all at once, not 25 % at a time'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l disable-eviction -d 'Delete pods instead of evicting them, past every PodDisruptionBudget; asks for the cluster name'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l evict-bare-pods -d 'Evict bare pods, which no controller recreates: they are lost'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l delete-emptydir-data -d 'Evict pods with emptyDir or ephemeral volumes, whose data is lost'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l delete-local-volumes -d 'Evict pods with local, hostPath or node-local CSI volumes, whose data is lost, and delete a StatefulSet\'s claims'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -s y -l yes -d 'Ask nothing; risks still need their own flags'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l dry-run -d 'Show what would be done, and the order in which nodes are drained; changes nothing'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l undo -d 'Undo this step; asks for the cluster name'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l plain -d 'Print whole lines and numbered lists, for screen readers and logs; also with TERM=dumb'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l kubeconfig -d 'Kubeconfig to authenticate to Kubernetes with [default: none, the AWS credentials are used]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l context -d 'Context of the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l probe-image -d 'Image of these pods, with sh, nc, nslookup and httpd' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l probe-namespace -d 'Namespace of these pods, which meet the restricted Pod Security Standard' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l probe-timeout -d 'Longest wait for these pods to start, and again for them to answer, e.g. 90s' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l wait -d 'Check again until all checks pass, for at most this time; prints what changes' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l html -d 'Write the results as a page for a browser, with a map of the addresses' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -s o -l output -d 'Format of the result on stdout' -r -f -a "text\t''
json\t''
junit\t'JUnit XML for CI, with a testsuite for each section'
markdown\t'For a comment on a pull request'"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l color -d 'Use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l log -d 'Append each AWS and Kubernetes call, with its duration and status, to this file' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l probe -d 'Start two pods in each zone that try DNS, the API server and a pod in each other zone, then remove them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l keep-old-nodes -d 'Do not report old nodes without custom networking'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l plain -d 'Print whole lines and numbered lists, for screen readers and logs; also with TERM=dumb'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -l kubeconfig -d 'Kubeconfig to authenticate to Kubernetes with [default: none, the AWS credentials are used]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -l context -d 'Context of the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -l bundle -d 'Also write facts and issues to this new tar.gz, without tokens and user data, for a support ticket' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -s o -l output -d 'Format of the result on stdout; markdown is for a comment on a pull request' -r -f -a "text\t''
json\t''
markdown\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -l color -d 'Use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -l log -d 'Append each AWS and Kubernetes call, with its duration and status, to this file' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -l mask-account -d 'Mask AWS account IDs in the bundle'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -l plain -d 'Print whole lines and numbered lists, for screen readers and logs; also with TERM=dumb'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l kubeconfig -d 'Kubeconfig to authenticate to Kubernetes with [default: none, the AWS credentials are used]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l context -d 'Context of the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l cidr -d 'Secondary CIDR block for pods, /16 to /28, repeatable [default: a free block of 100.64.0.0/10]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l subnet-prefix -d 'Prefix length of the created subnets, 16 to 28 [default: the block is split evenly]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l subnet -d 'Existing subnet for a zone\'s pods, repeatable [default: one is created]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l route-table -d 'Route table for a zone\'s created subnet, repeatable [default: that of the zone\'s private node subnet]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l env-last -d 'Run step 3 after step 6, so that nodes that start in between do not stay NotReady [default: false]' -r -f -a "true\t''
false\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l eniconfig-name -d 'Name of a zone\'s ENIConfig, repeatable [default: the zone\'s name]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l eniconfig-label -d 'Node label whose value is the name of the node\'s ENIConfig [default: topology.kubernetes.io/zone]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l security-group -d 'Security group for pods, repeatable [default: the new nodes\' group and the cluster security group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l pool -d 'Replace only this managed node group or Auto Scaling group ("nodes": nodes without a group), repeatable [default: all]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l replace-with -d 'Kind of the new node groups; POOL=, here and below, sets the value for one pool [default: self-managed]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l managed-image -d 'Image of managed node groups: EKS\'s, which it updates, or that of the launch template [default: as the old group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l instance-type -d 'Instance type [default: those of the old node group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l ami-family -d 'AMI family: al2023, al2 or bottlerocket [default: as the old node group, else al2023]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l ami-id -d 'AMI ID [default: the latest EKS AMI of the family; an AMI of your own is kept]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l nodes-per-zone -d 'New nodes in each zone, 1 to 1000 [default: as many as old ones, more if their max pods require it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l max-nodes-per-zone -d 'Maximum nodes of each zone\'s node group [default: its share of the old group\'s maximum]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l volume-size -d 'Size of the root volume in GiB [default: as on the old nodes, else 80]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l node-role -d 'IAM role of the nodes: the old nodes\', a new one with the least permissions, or this one [default: same]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l tag -d 'Tag for the new node groups and what they create, besides the old groups\' tags, repeatable' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l permissions-boundary -d 'Permissions boundary of a new role [default: none]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l role-path -d 'IAM path of a new role, e.g. /eks/ [default: /]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -s l -l selector -d 'Drain only old nodes that match this label selector, e.g. pool=web,spot!=true' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l node -d 'Drain only this old node, repeatable' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l old-node-group -d 'Drain only the old nodes of this managed node group or Auto Scaling group, repeatable' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l karpenter -d 'Let Karpenter replace its nodes within its NodePools\' budgets (drift), or drain them and delete their NodeClaims' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l drain-timeout -d 'Give up the drain after this time, e.g. 90s or 1h30m [default: --timeout if given, else 1h]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l pod-timeout -d 'Give up on a pod that is still terminating after this time [default: when the drain times out]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l skip-wait-for-delete-timeout -d 'Terminate a node although a pod on it is still terminating this long after its grace period [default: never]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l max-in-flight -d 'Maximum pods that are terminating at a time' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l lb-drain -d 'Wait this long before terminating a node that has left its load balancers, or 0s [default: their deregistration delay, at least 5m]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l max-unavailable-nodes -d 'Maximum nodes that are drained at a time [default: all]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l accept -d 'Accept this warning, e.g. EC-NET-009, repeatable; risks need it, --yes does not cover them' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l confirm-cluster -d 'Confirm undo and --disable-eviction with the cluster name, instead of being asked for it' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l timeout -d 'Longest wait for any one operation, e.g. 90s or 1h30m' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -s o -l output -d 'Format of the result on stdout; markdown is for a comment on a pull request' -r -f -a "text\t''
json\t''
markdown\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l color -d 'Use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l log -d 'Append each AWS and Kubernetes call, with its duration and status, to this file' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l external-snat -d 'Send pods\' internet traffic through the NAT gateway of their subnets (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l take-over-env -d 'Change aws-node\'s environment even if Helm, GitOps or another field manager owns it'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l take-over-karpenter -d 'Change Karpenter\'s settings and NodePools even if Helm, GitOps or another field manager owns them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l remove-annotation-def -d 'Remove ENI_CONFIG_ANNOTATION_DEF, which would override the node label'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l replace-eniconfigs -d 'Change existing ENIConfigs to the planned subnets and security groups'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l terminate-unowned -d 'Terminate old instances that belong to no node group'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l delete-old-groups -d 'Delete the old managed node groups after the drain; undo can then only start nodes like theirs'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l keep-old-nodes -d 'Keep the old nodes: do not cordon, drain or terminate them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l surge-singletons -d 'During the drain, run a second replica of Deployments with one replica and minAvailable 1'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l no-default-budget -d 'Evict the pods of a controller without a PodDisruptionBudget all at once, not 25 % at a time'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l disable-eviction -d 'Delete pods instead of evicting them, past every PodDisruptionBudget; asks for the cluster name'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l evict-bare-pods -d 'Evict bare pods, which no controller recreates: they are lost'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l delete-emptydir-data -d 'Evict pods with emptyDir or ephemeral volumes, whose data is lost'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l delete-local-volumes -d 'Evict pods with local, hostPath or node-local CSI volumes, whose data is lost, and delete a StatefulSet\'s claims'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -s y -l yes -d 'Ask nothing; risks still need their own flags'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l dry-run -d 'Show what would be done, and the order in which nodes are drained; changes nothing'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l plain -d 'Print whole lines and numbered lists, for screen readers and logs; also with TERM=dumb'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand max-pods" -s o -l output -d 'Format of the result on stdout' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand max-pods" -l color -d 'Use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand max-pods" -l log -d 'Append each AWS and Kubernetes call, with its duration and status, to this file' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand max-pods" -l all -d 'All known instance types'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand max-pods" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand max-pods" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand max-pods" -l plain -d 'Print whole lines and numbered lists, for screen readers and logs; also with TERM=dumb'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand max-pods" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -s c -l cluster -d 'Name of the EKS cluster [default: any]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l region -d 'AWS region [default: any]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l account -d 'AWS account ID [default: any]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l vpc -d 'The cluster\'s VPC [default: any]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l addon-role -d 'IAM role of the vpc-cni add-on, as aws eks describe-addon shows it [default: none]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l node-role -d 'IAM role that new nodes keep from the old ones, repeatable [default: none, for setup --node-role new]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l role-path -d 'IAM path of a new role, for setup --role-path [default: /]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l step -d 'Only for this step' -r -f -a "associate-cidr\t''
create-subnets\t''
set-env\t''
detect-cni\t''
install-crd\t''
write-eniconfigs\t''
launch-nodegroups\t''
patch-security-groups\t''
drain-nodes\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l group -d 'Kubernetes group that the roles are bound to' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l color -d 'Use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l log -d 'Append each AWS and Kubernetes call, with its duration and status, to this file' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l read-only -d 'Only for the commands that read: plan, status, verify, doctor'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l undo -d 'For undo, or --undo of a step, instead of setup'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l replacements -d 'Also for undo where an old node group was deleted and gets a replacement'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l managed-node-groups -d 'Also for setup --replace-with managed or same, and its undo'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l terminate-unowned -d 'Also for drain-nodes --terminate-unowned'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l karpenter -d 'Also for clusters where Karpenter starts nodes; changes the Kubernetes roles only'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l delete-old-groups -d 'Also for setup or drain-nodes --delete-old-groups'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l kubernetes -d 'Print Kubernetes roles and bindings as YAML, instead of the IAM policy'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l why -d 'Print each action with the steps that need it and why, instead of the policy'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l plain -d 'Print whole lines and numbered lists, for screen readers and logs; also with TERM=dumb'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand schema" -l color -d 'Use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand schema" -l log -d 'Append each AWS and Kubernetes call, with its duration and status, to this file' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand schema" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand schema" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand schema" -l plain -d 'Print whole lines and numbered lists, for screen readers and logs; also with TERM=dumb'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand schema" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand completions" -l color -d 'Use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand completions" -l log -d 'Append each AWS and Kubernetes call, with its duration and status, to this file' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand completions" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand completions" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand completions" -l plain -d 'Print whole lines and numbered lists, for screen readers and logs; also with TERM=dumb'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand completions" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand man" -l color -d 'Use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand man" -l log -d 'Append each AWS and Kubernetes call, with its duration and status, to this file' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand man" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand man" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand man" -l plain -d 'Print whole lines and numbered lists, for screen readers and logs; also with TERM=dumb'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand man" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions man help" -f -a "setup" -d 'Run all nine steps in the documented order'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions man help" -f -a "plan" -d 'Show what setup would do; changes nothing'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions man help" -f -a "undo" -d 'Undo what setup made; pods are never without nodes'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions man help" -f -a "associate-cidr" -d 'Step 1: associate a secondary CIDR block with the VPC'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions man help" -f -a "create-subnets" -d 'Step 2: create a pod subnet in each zone that has nodes'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions man help" -f -a "set-env" -d 'Step 3: enable custom networking in aws-node'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions man help" -f -a "detect-cni" -d 'Step 4: check that the VPC CNI supports it'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions man help" -f -a "install-crd" -d 'Step 5: install the ENIConfig CRD if it is missing'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions man help" -f -a "write-eniconfigs" -d 'Step 6: write an ENIConfig for each pod subnet'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions man help" -f -a "launch-nodegroups" -d 'Step 7: create the new node groups, without nodes yet'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions man help" -f -a "patch-security-groups" -d 'Step 8: write security groups, then start the new nodes'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions man help" -f -a "drain-nodes" -d 'Step 9: drain the old nodes and terminate them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions man help" -f -a "verify" -d 'Check that custom networking works'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions man help" -f -a "doctor" -d 'Explain what is wrong and how to fix it'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions man help" -f -a "status" -d 'Show which steps are done'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions man help" -f -a "max-pods" -d 'Calculate how many pods an instance type can hold'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions man help" -f -a "iam-policy" -d 'Print the least IAM policy, or Kubernetes roles'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions man help" -f -a "schema" -d 'Print the JSON schema of an output'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions man help" -f -a "completions" -d 'Print a completion script for a shell'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions man help" -f -a "man" -d 'Write the man pages to a folder'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
