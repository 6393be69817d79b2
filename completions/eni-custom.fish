# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_eni_custom_global_optspecs
    string join \n color= q/quiet v/verbose log= h/help V/version
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

complete -c eni-custom -n "__fish_eni_custom_needs_command" -l color -d 'When to use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_needs_command" -l log -d 'Append to this file each AWS and Kubernetes call with its duration, status and request id, and what the run did' -r -F
complete -c eni-custom -n "__fish_eni_custom_needs_command" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -s V -l version -d 'Print version'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "setup" -d 'Run all nine steps in the documented order; asks on a terminal, or takes flags with --yes'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "plan" -d 'Show what setup would do; changes nothing'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "undo" -d 'Undo what setup made, in an order that never leaves pods without nodes'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "associate-cidr" -d 'Step 1: associate a secondary CIDR block with the VPC'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "create-subnets" -d 'Step 2: create a pod subnet in each Availability Zone that has nodes'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "set-env" -d 'Step 3: enable custom networking in aws-node\'s environment'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "detect-cni" -d 'Step 4: detect the VPC CNI version and check that it supports custom networking'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "install-crd" -d 'Step 5: install the ENIConfig CRD if it is missing or has no schema'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "write-eniconfigs" -d 'Step 6: write an ENIConfig for each pod subnet'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "launch-nodegroups" -d 'Step 7: create self-managed node groups with calculated max pods and no nodes yet'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "patch-security-groups" -d 'Step 8: add the security groups to the ENIConfigs, then scale up the node groups'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "drain-nodes" -d 'Step 9: drain the old nodes, respecting PodDisruptionBudgets, and terminate them'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "verify" -d 'Check that custom networking works: nodes, network interfaces, pod addresses, max pods'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "doctor" -d 'Explain what is wrong with a cluster and how to fix it, whoever set it up'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "status" -d 'Show which steps are done'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "max-pods" -d 'Calculate how many pods an instance type can hold; needs no network access'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "iam-policy" -d 'Print a least-privilege IAM policy, or Kubernetes roles, for the commands; needs no network access'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "schema" -d 'Print the JSON schema of an output'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "completions" -d 'Print a completion script for a shell'
complete -c eni-custom -n "__fish_eni_custom_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l kubeconfig -d 'Authenticate to Kubernetes with this kubeconfig [default: with the AWS credentials]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l context -d 'Context in the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l cidr -d 'Secondary CIDR block for pods, /16 to /28 [default: a block of 100.64.0.0/10 that is free in the VPC]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l subnet-prefix -d 'Prefix length of the created subnets [default: the block split evenly, as large as possible]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l subnet -d 'Use this subnet for a zone\'s pods instead of creating one' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l route-table -d 'Route table for a zone\'s created subnet [default: that of the zone\'s private node subnet]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l env-last -d 'Enable custom networking after the ENIConfigs are written, so that nodes that start in between do not stay NotReady' -r -f -a "true\t''
false\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l eniconfig-name -d 'Name of a zone\'s ENIConfig [default: the zone\'s name]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l eniconfig-label -d 'Node label whose value is the name of the node\'s ENIConfig [default: topology.kubernetes.io/zone]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l security-group -d 'Security group for pods [default: the new node security group and the cluster security group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l pool -d 'Replace only these pools: managed node groups, Auto Scaling groups, or "nodes" for nodes without a group, separated by commas [default: all that have old nodes]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l replace-with -d 'Kind of the new node groups: self-managed, managed, or the same as the old ones; with POOL= for one pool, as in the next flags [default: self-managed]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l managed-image -d 'Image of managed node groups: eks for the one that EKS chooses and updates, own for one in the launch template, which you update [default: own if the old launch template has one, else eks]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l instance-type -d 'Instance type [default: as in the old node group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l ami-family -d 'AMI family: al2023, al2 or bottlerocket [default: that of the old node group, else al2023]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l ami-id -d 'AMI ID [default: the latest EKS AMI of the family, from SSM; an AMI of your own is kept]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l nodes-per-zone -d 'New nodes in each zone [default: as many as are replaced there, or more if their max pods require it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l max-nodes-per-zone -d 'Maximum size of each zone\'s node group [default: its share of the old group\'s]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l volume-size -d 'Size of the root volume in GiB [default: as on the old nodes, else 80]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l node-role -d 'IAM role of the nodes: the same as the old nodes\', a new one with no more than nodes need, or that with this ARN [default: same]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l tag -d 'Tag for the new node groups, launch templates, instances, volumes and network interfaces, besides those of the old node groups' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l permissions-boundary -d 'ARN of the policy that is the permissions boundary of a new role' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l role-path -d 'IAM path of a new role, such as /eks/' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l accept -d 'Continue despite this warning, e.g. EC-NET-009; risks need it, --yes does not cover them' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l confirm-cluster -d 'Name of the cluster, to confirm undo and --disable-eviction' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l timeout -d 'Longest wait for any one operation, e.g. 90s, 30m or 1h30m' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -s o -l output -d 'Format of the result on stdout' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -s l -l selector -d 'Drain only old nodes that match this label selector, such as pool=web,spot!=true' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l node -d 'Drain only these old nodes, separated by commas' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l old-node-group -d 'Drain only the old nodes of these managed node groups or Auto Scaling groups, separated by commas' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l karpenter -d 'Who replaces Karpenter\'s nodes: drift for Karpenter itself, within its NodePools\' budgets; drain for eni-custom, which drains them and deletes their NodeClaims' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l drain-timeout -d 'Give up the drain after this time, e.g. 90s, 30m or 1h30m [default: --timeout if it is given, else 1h]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l pod-timeout -d 'Give up on a pod that is still terminating after this time [default: only when the drain times out]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l skip-wait-for-delete-timeout -d 'Stop waiting for a pod that is still terminating this long after its grace period, and terminate its node anyway. For dead kubelets and finalizers that nothing removes [default: wait]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l max-in-flight -d 'Pods that may be terminating at a time' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l lb-drain -d 'Wait this long after an empty node has left its load balancers before terminating its instance, if any load balancer forwards to nodes; 0s for no wait [default: their deregistration delay, at least 5m]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l max-unavailable-nodes -d 'Nodes that may be drained at a time [default: all]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l plan -d 'Apply exactly the changes saved by plan --out; refuse if the cluster has changed since, and say where' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l color -d 'When to use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l log -d 'Append to this file each AWS and Kubernetes call with its duration, status and request id, and what the run did' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l external-snat -d 'Send pods\' internet traffic through the NAT gateway of their own subnets, with the pods\' addresses (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l take-over-env -d 'Change aws-node\'s environment even if Helm, GitOps or another field manager owns it'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l take-over-karpenter -d 'Change Karpenter\'s settings and NodePools even if Helm, GitOps or another field manager owns them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l remove-annotation-def -d 'Remove ENI_CONFIG_ANNOTATION_DEF, which would override the node label'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l replace-eniconfigs -d 'Change existing ENIConfigs to the planned subnets and security groups'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -s y -l yes -d 'Do not ask for confirmation; risks still need their own flags'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l dry-run -d 'Show what would be done, and which nodes and pods would be drained in which order; changes nothing'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l terminate-unowned -d 'Terminate old instances that belong to no node group'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l delete-old-groups -d 'Delete the old managed node groups once they are drained; undo can then only start nodes like theirs'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l keep-old-nodes -d 'Keep the old nodes: do not cordon, drain or terminate them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l surge-singletons -d 'Run a second replica of Deployments with one replica and minAvailable 1 while the drain lasts'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l no-default-budget -d 'Evict all pods of a controller at once if it has no PodDisruptionBudget. By default at most 25 % of them (rounded up) are unavailable at a time, and one of two or more stays Ready whatever the budgets allow'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l disable-eviction -d 'Delete pods instead of evicting them, which bypasses every PodDisruptionBudget; asks for the cluster name'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l evict-bare-pods -d 'Evict bare pods: no controller recreates them, they are lost for good'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l delete-emptydir-data -d 'Evict pods with emptyDir or ephemeral volumes; the data in them is lost'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -l delete-local-volumes -d 'Evict pods with volumes on their node\'s disk (local, hostPath, node-local CSI); the data in them is lost. Claims from a StatefulSet\'s volumeClaimTemplates are deleted, so that it creates new ones'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand setup" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l kubeconfig -d 'Authenticate to Kubernetes with this kubeconfig [default: with the AWS credentials]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l context -d 'Context in the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l cidr -d 'Secondary CIDR block for pods, /16 to /28 [default: a block of 100.64.0.0/10 that is free in the VPC]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l subnet-prefix -d 'Prefix length of the created subnets [default: the block split evenly, as large as possible]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l subnet -d 'Use this subnet for a zone\'s pods instead of creating one' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l route-table -d 'Route table for a zone\'s created subnet [default: that of the zone\'s private node subnet]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l env-last -d 'Enable custom networking after the ENIConfigs are written, so that nodes that start in between do not stay NotReady' -r -f -a "true\t''
false\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l eniconfig-name -d 'Name of a zone\'s ENIConfig [default: the zone\'s name]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l eniconfig-label -d 'Node label whose value is the name of the node\'s ENIConfig [default: topology.kubernetes.io/zone]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l security-group -d 'Security group for pods [default: the new node security group and the cluster security group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l pool -d 'Replace only these pools: managed node groups, Auto Scaling groups, or "nodes" for nodes without a group, separated by commas [default: all that have old nodes]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l replace-with -d 'Kind of the new node groups: self-managed, managed, or the same as the old ones; with POOL= for one pool, as in the next flags [default: self-managed]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l managed-image -d 'Image of managed node groups: eks for the one that EKS chooses and updates, own for one in the launch template, which you update [default: own if the old launch template has one, else eks]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l instance-type -d 'Instance type [default: as in the old node group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l ami-family -d 'AMI family: al2023, al2 or bottlerocket [default: that of the old node group, else al2023]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l ami-id -d 'AMI ID [default: the latest EKS AMI of the family, from SSM; an AMI of your own is kept]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l nodes-per-zone -d 'New nodes in each zone [default: as many as are replaced there, or more if their max pods require it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l max-nodes-per-zone -d 'Maximum size of each zone\'s node group [default: its share of the old group\'s]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l volume-size -d 'Size of the root volume in GiB [default: as on the old nodes, else 80]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l node-role -d 'IAM role of the nodes: the same as the old nodes\', a new one with no more than nodes need, or that with this ARN [default: same]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l tag -d 'Tag for the new node groups, launch templates, instances, volumes and network interfaces, besides those of the old node groups' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l permissions-boundary -d 'ARN of the policy that is the permissions boundary of a new role' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l role-path -d 'IAM path of a new role, such as /eks/' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l accept -d 'Continue despite this warning, e.g. EC-NET-009; risks need it, --yes does not cover them' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l confirm-cluster -d 'Name of the cluster, to confirm undo and --disable-eviction' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l timeout -d 'Longest wait for any one operation, e.g. 90s, 30m or 1h30m' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -s o -l output -d 'Format of the result on stdout' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -s l -l selector -d 'Drain only old nodes that match this label selector, such as pool=web,spot!=true' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l node -d 'Drain only these old nodes, separated by commas' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l old-node-group -d 'Drain only the old nodes of these managed node groups or Auto Scaling groups, separated by commas' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l karpenter -d 'Who replaces Karpenter\'s nodes: drift for Karpenter itself, within its NodePools\' budgets; drain for eni-custom, which drains them and deletes their NodeClaims' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l drain-timeout -d 'Give up the drain after this time, e.g. 90s, 30m or 1h30m [default: --timeout if it is given, else 1h]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l pod-timeout -d 'Give up on a pod that is still terminating after this time [default: only when the drain times out]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l skip-wait-for-delete-timeout -d 'Stop waiting for a pod that is still terminating this long after its grace period, and terminate its node anyway. For dead kubelets and finalizers that nothing removes [default: wait]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l max-in-flight -d 'Pods that may be terminating at a time' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l lb-drain -d 'Wait this long after an empty node has left its load balancers before terminating its instance, if any load balancer forwards to nodes; 0s for no wait [default: their deregistration delay, at least 5m]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l max-unavailable-nodes -d 'Nodes that may be drained at a time [default: all]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l out -d 'Save the plan for setup --plan FILE; a plan that a check refuses is not saved' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l export -d 'Write what would be created to this folder for review: ENIConfigs, environment, templates, user data, commands' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l color -d 'When to use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l log -d 'Append to this file each AWS and Kubernetes call with its duration, status and request id, and what the run did' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l external-snat -d 'Send pods\' internet traffic through the NAT gateway of their own subnets, with the pods\' addresses (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l take-over-env -d 'Change aws-node\'s environment even if Helm, GitOps or another field manager owns it'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l take-over-karpenter -d 'Change Karpenter\'s settings and NodePools even if Helm, GitOps or another field manager owns them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l remove-annotation-def -d 'Remove ENI_CONFIG_ANNOTATION_DEF, which would override the node label'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l replace-eniconfigs -d 'Change existing ENIConfigs to the planned subnets and security groups'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -s y -l yes -d 'Do not ask for confirmation; risks still need their own flags'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l dry-run -d 'Show what would be done, and which nodes and pods would be drained in which order; changes nothing'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l terminate-unowned -d 'Terminate old instances that belong to no node group'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l delete-old-groups -d 'Delete the old managed node groups once they are drained; undo can then only start nodes like theirs'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l keep-old-nodes -d 'Keep the old nodes: do not cordon, drain or terminate them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l surge-singletons -d 'Run a second replica of Deployments with one replica and minAvailable 1 while the drain lasts'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l no-default-budget -d 'Evict all pods of a controller at once if it has no PodDisruptionBudget. By default at most 25 % of them (rounded up) are unavailable at a time, and one of two or more stays Ready whatever the budgets allow'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l disable-eviction -d 'Delete pods instead of evicting them, which bypasses every PodDisruptionBudget; asks for the cluster name'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l evict-bare-pods -d 'Evict bare pods: no controller recreates them, they are lost for good'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l delete-emptydir-data -d 'Evict pods with emptyDir or ephemeral volumes; the data in them is lost'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l delete-local-volumes -d 'Evict pods with volumes on their node\'s disk (local, hostPath, node-local CSI); the data in them is lost. Claims from a StatefulSet\'s volumeClaimTemplates are deleted, so that it creates new ones'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l detailed-exitcode -d 'Exit 0 if there is nothing to do, 2 if there are changes, 3 if a check refuses, 1 on any error'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -l force -d 'Allow --export to a folder that is not empty'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand plan" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l kubeconfig -d 'Authenticate to Kubernetes with this kubeconfig [default: with the AWS credentials]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l context -d 'Context in the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l to-step -d 'Undo only as far as needed to make this step the last one done' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l drain-timeout -d 'Give up the drain after this time, e.g. 90s, 30m or 1h30m [default: --timeout if it is given, else 1h]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l pod-timeout -d 'Give up on a pod that is still terminating after this time [default: only when the drain times out]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l skip-wait-for-delete-timeout -d 'Stop waiting for a pod that is still terminating this long after its grace period, and terminate its node anyway. For dead kubelets and finalizers that nothing removes [default: wait]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l max-in-flight -d 'Pods that may be terminating at a time' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l lb-drain -d 'Wait this long after an empty node has left its load balancers before terminating its instance, if any load balancer forwards to nodes; 0s for no wait [default: their deregistration delay, at least 5m]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l max-unavailable-nodes -d 'Nodes that may be drained at a time [default: all]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l accept -d 'Continue despite this warning, e.g. EC-NET-009; risks need it, --yes does not cover them' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l confirm-cluster -d 'Name of the cluster, to confirm undo and --disable-eviction' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l timeout -d 'Longest wait for any one operation, e.g. 90s, 30m or 1h30m' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -s o -l output -d 'Format of the result on stdout' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l color -d 'When to use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l log -d 'Append to this file each AWS and Kubernetes call with its duration, status and request id, and what the run did' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l dry-run -d 'Show what would be undone; changes nothing'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l keep-nodes -d 'Keep the node groups that setup made; undo everything else that is not in use'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l surge-singletons -d 'Run a second replica of Deployments with one replica and minAvailable 1 while the drain lasts'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l no-default-budget -d 'Evict all pods of a controller at once if it has no PodDisruptionBudget. By default at most 25 % of them (rounded up) are unavailable at a time, and one of two or more stays Ready whatever the budgets allow'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l disable-eviction -d 'Delete pods instead of evicting them, which bypasses every PodDisruptionBudget; asks for the cluster name'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l evict-bare-pods -d 'Evict bare pods: no controller recreates them, they are lost for good'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l delete-emptydir-data -d 'Evict pods with emptyDir or ephemeral volumes; the data in them is lost'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -l delete-local-volumes -d 'Evict pods with volumes on their node\'s disk (local, hostPath, node-local CSI); the data in them is lost. Claims from a StatefulSet\'s volumeClaimTemplates are deleted, so that it creates new ones'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -s y -l yes -d 'Do not ask for confirmation; risks still need their own flags'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand undo" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l kubeconfig -d 'Authenticate to Kubernetes with this kubeconfig [default: with the AWS credentials]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l context -d 'Context in the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l cidr -d 'Secondary CIDR block for pods, /16 to /28 [default: a block of 100.64.0.0/10 that is free in the VPC]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l subnet-prefix -d 'Prefix length of the created subnets [default: the block split evenly, as large as possible]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l subnet -d 'Use this subnet for a zone\'s pods instead of creating one' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l route-table -d 'Route table for a zone\'s created subnet [default: that of the zone\'s private node subnet]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l env-last -d 'Enable custom networking after the ENIConfigs are written, so that nodes that start in between do not stay NotReady' -r -f -a "true\t''
false\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l eniconfig-name -d 'Name of a zone\'s ENIConfig [default: the zone\'s name]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l eniconfig-label -d 'Node label whose value is the name of the node\'s ENIConfig [default: topology.kubernetes.io/zone]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l security-group -d 'Security group for pods [default: the new node security group and the cluster security group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l pool -d 'Replace only these pools: managed node groups, Auto Scaling groups, or "nodes" for nodes without a group, separated by commas [default: all that have old nodes]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l replace-with -d 'Kind of the new node groups: self-managed, managed, or the same as the old ones; with POOL= for one pool, as in the next flags [default: self-managed]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l managed-image -d 'Image of managed node groups: eks for the one that EKS chooses and updates, own for one in the launch template, which you update [default: own if the old launch template has one, else eks]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l instance-type -d 'Instance type [default: as in the old node group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l ami-family -d 'AMI family: al2023, al2 or bottlerocket [default: that of the old node group, else al2023]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l ami-id -d 'AMI ID [default: the latest EKS AMI of the family, from SSM; an AMI of your own is kept]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l nodes-per-zone -d 'New nodes in each zone [default: as many as are replaced there, or more if their max pods require it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l max-nodes-per-zone -d 'Maximum size of each zone\'s node group [default: its share of the old group\'s]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l volume-size -d 'Size of the root volume in GiB [default: as on the old nodes, else 80]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l node-role -d 'IAM role of the nodes: the same as the old nodes\', a new one with no more than nodes need, or that with this ARN [default: same]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l tag -d 'Tag for the new node groups, launch templates, instances, volumes and network interfaces, besides those of the old node groups' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l permissions-boundary -d 'ARN of the policy that is the permissions boundary of a new role' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l role-path -d 'IAM path of a new role, such as /eks/' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l accept -d 'Continue despite this warning, e.g. EC-NET-009; risks need it, --yes does not cover them' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l confirm-cluster -d 'Name of the cluster, to confirm undo and --disable-eviction' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l timeout -d 'Longest wait for any one operation, e.g. 90s, 30m or 1h30m' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -s o -l output -d 'Format of the result on stdout' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l color -d 'When to use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l log -d 'Append to this file each AWS and Kubernetes call with its duration, status and request id, and what the run did' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l external-snat -d 'Send pods\' internet traffic through the NAT gateway of their own subnets, with the pods\' addresses (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l take-over-env -d 'Change aws-node\'s environment even if Helm, GitOps or another field manager owns it'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l take-over-karpenter -d 'Change Karpenter\'s settings and NodePools even if Helm, GitOps or another field manager owns them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l remove-annotation-def -d 'Remove ENI_CONFIG_ANNOTATION_DEF, which would override the node label'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l replace-eniconfigs -d 'Change existing ENIConfigs to the planned subnets and security groups'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -s y -l yes -d 'Do not ask for confirmation; risks still need their own flags'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -l undo -d 'Undo this step; asks for the cluster name'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand associate-cidr" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l kubeconfig -d 'Authenticate to Kubernetes with this kubeconfig [default: with the AWS credentials]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l context -d 'Context in the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l cidr -d 'Secondary CIDR block for pods, /16 to /28 [default: a block of 100.64.0.0/10 that is free in the VPC]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l subnet-prefix -d 'Prefix length of the created subnets [default: the block split evenly, as large as possible]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l subnet -d 'Use this subnet for a zone\'s pods instead of creating one' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l route-table -d 'Route table for a zone\'s created subnet [default: that of the zone\'s private node subnet]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l env-last -d 'Enable custom networking after the ENIConfigs are written, so that nodes that start in between do not stay NotReady' -r -f -a "true\t''
false\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l eniconfig-name -d 'Name of a zone\'s ENIConfig [default: the zone\'s name]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l eniconfig-label -d 'Node label whose value is the name of the node\'s ENIConfig [default: topology.kubernetes.io/zone]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l security-group -d 'Security group for pods [default: the new node security group and the cluster security group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l pool -d 'Replace only these pools: managed node groups, Auto Scaling groups, or "nodes" for nodes without a group, separated by commas [default: all that have old nodes]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l replace-with -d 'Kind of the new node groups: self-managed, managed, or the same as the old ones; with POOL= for one pool, as in the next flags [default: self-managed]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l managed-image -d 'Image of managed node groups: eks for the one that EKS chooses and updates, own for one in the launch template, which you update [default: own if the old launch template has one, else eks]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l instance-type -d 'Instance type [default: as in the old node group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l ami-family -d 'AMI family: al2023, al2 or bottlerocket [default: that of the old node group, else al2023]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l ami-id -d 'AMI ID [default: the latest EKS AMI of the family, from SSM; an AMI of your own is kept]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l nodes-per-zone -d 'New nodes in each zone [default: as many as are replaced there, or more if their max pods require it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l max-nodes-per-zone -d 'Maximum size of each zone\'s node group [default: its share of the old group\'s]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l volume-size -d 'Size of the root volume in GiB [default: as on the old nodes, else 80]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l node-role -d 'IAM role of the nodes: the same as the old nodes\', a new one with no more than nodes need, or that with this ARN [default: same]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l tag -d 'Tag for the new node groups, launch templates, instances, volumes and network interfaces, besides those of the old node groups' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l permissions-boundary -d 'ARN of the policy that is the permissions boundary of a new role' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l role-path -d 'IAM path of a new role, such as /eks/' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l accept -d 'Continue despite this warning, e.g. EC-NET-009; risks need it, --yes does not cover them' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l confirm-cluster -d 'Name of the cluster, to confirm undo and --disable-eviction' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l timeout -d 'Longest wait for any one operation, e.g. 90s, 30m or 1h30m' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -s o -l output -d 'Format of the result on stdout' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l color -d 'When to use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l log -d 'Append to this file each AWS and Kubernetes call with its duration, status and request id, and what the run did' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l external-snat -d 'Send pods\' internet traffic through the NAT gateway of their own subnets, with the pods\' addresses (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l take-over-env -d 'Change aws-node\'s environment even if Helm, GitOps or another field manager owns it'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l take-over-karpenter -d 'Change Karpenter\'s settings and NodePools even if Helm, GitOps or another field manager owns them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l remove-annotation-def -d 'Remove ENI_CONFIG_ANNOTATION_DEF, which would override the node label'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l replace-eniconfigs -d 'Change existing ENIConfigs to the planned subnets and security groups'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -s y -l yes -d 'Do not ask for confirmation; risks still need their own flags'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -l undo -d 'Undo this step; asks for the cluster name'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand create-subnets" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l kubeconfig -d 'Authenticate to Kubernetes with this kubeconfig [default: with the AWS credentials]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l context -d 'Context in the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l cidr -d 'Secondary CIDR block for pods, /16 to /28 [default: a block of 100.64.0.0/10 that is free in the VPC]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l subnet-prefix -d 'Prefix length of the created subnets [default: the block split evenly, as large as possible]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l subnet -d 'Use this subnet for a zone\'s pods instead of creating one' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l route-table -d 'Route table for a zone\'s created subnet [default: that of the zone\'s private node subnet]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l env-last -d 'Enable custom networking after the ENIConfigs are written, so that nodes that start in between do not stay NotReady' -r -f -a "true\t''
false\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l eniconfig-name -d 'Name of a zone\'s ENIConfig [default: the zone\'s name]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l eniconfig-label -d 'Node label whose value is the name of the node\'s ENIConfig [default: topology.kubernetes.io/zone]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l security-group -d 'Security group for pods [default: the new node security group and the cluster security group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l pool -d 'Replace only these pools: managed node groups, Auto Scaling groups, or "nodes" for nodes without a group, separated by commas [default: all that have old nodes]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l replace-with -d 'Kind of the new node groups: self-managed, managed, or the same as the old ones; with POOL= for one pool, as in the next flags [default: self-managed]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l managed-image -d 'Image of managed node groups: eks for the one that EKS chooses and updates, own for one in the launch template, which you update [default: own if the old launch template has one, else eks]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l instance-type -d 'Instance type [default: as in the old node group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l ami-family -d 'AMI family: al2023, al2 or bottlerocket [default: that of the old node group, else al2023]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l ami-id -d 'AMI ID [default: the latest EKS AMI of the family, from SSM; an AMI of your own is kept]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l nodes-per-zone -d 'New nodes in each zone [default: as many as are replaced there, or more if their max pods require it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l max-nodes-per-zone -d 'Maximum size of each zone\'s node group [default: its share of the old group\'s]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l volume-size -d 'Size of the root volume in GiB [default: as on the old nodes, else 80]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l node-role -d 'IAM role of the nodes: the same as the old nodes\', a new one with no more than nodes need, or that with this ARN [default: same]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l tag -d 'Tag for the new node groups, launch templates, instances, volumes and network interfaces, besides those of the old node groups' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l permissions-boundary -d 'ARN of the policy that is the permissions boundary of a new role' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l role-path -d 'IAM path of a new role, such as /eks/' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l accept -d 'Continue despite this warning, e.g. EC-NET-009; risks need it, --yes does not cover them' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l confirm-cluster -d 'Name of the cluster, to confirm undo and --disable-eviction' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l timeout -d 'Longest wait for any one operation, e.g. 90s, 30m or 1h30m' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -s o -l output -d 'Format of the result on stdout' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l color -d 'When to use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l log -d 'Append to this file each AWS and Kubernetes call with its duration, status and request id, and what the run did' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l external-snat -d 'Send pods\' internet traffic through the NAT gateway of their own subnets, with the pods\' addresses (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l take-over-env -d 'Change aws-node\'s environment even if Helm, GitOps or another field manager owns it'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l take-over-karpenter -d 'Change Karpenter\'s settings and NodePools even if Helm, GitOps or another field manager owns them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l remove-annotation-def -d 'Remove ENI_CONFIG_ANNOTATION_DEF, which would override the node label'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l replace-eniconfigs -d 'Change existing ENIConfigs to the planned subnets and security groups'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -s y -l yes -d 'Do not ask for confirmation; risks still need their own flags'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -l undo -d 'Undo this step; asks for the cluster name'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand set-env" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l kubeconfig -d 'Authenticate to Kubernetes with this kubeconfig [default: with the AWS credentials]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l context -d 'Context in the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l cidr -d 'Secondary CIDR block for pods, /16 to /28 [default: a block of 100.64.0.0/10 that is free in the VPC]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l subnet-prefix -d 'Prefix length of the created subnets [default: the block split evenly, as large as possible]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l subnet -d 'Use this subnet for a zone\'s pods instead of creating one' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l route-table -d 'Route table for a zone\'s created subnet [default: that of the zone\'s private node subnet]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l env-last -d 'Enable custom networking after the ENIConfigs are written, so that nodes that start in between do not stay NotReady' -r -f -a "true\t''
false\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l eniconfig-name -d 'Name of a zone\'s ENIConfig [default: the zone\'s name]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l eniconfig-label -d 'Node label whose value is the name of the node\'s ENIConfig [default: topology.kubernetes.io/zone]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l security-group -d 'Security group for pods [default: the new node security group and the cluster security group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l pool -d 'Replace only these pools: managed node groups, Auto Scaling groups, or "nodes" for nodes without a group, separated by commas [default: all that have old nodes]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l replace-with -d 'Kind of the new node groups: self-managed, managed, or the same as the old ones; with POOL= for one pool, as in the next flags [default: self-managed]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l managed-image -d 'Image of managed node groups: eks for the one that EKS chooses and updates, own for one in the launch template, which you update [default: own if the old launch template has one, else eks]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l instance-type -d 'Instance type [default: as in the old node group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l ami-family -d 'AMI family: al2023, al2 or bottlerocket [default: that of the old node group, else al2023]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l ami-id -d 'AMI ID [default: the latest EKS AMI of the family, from SSM; an AMI of your own is kept]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l nodes-per-zone -d 'New nodes in each zone [default: as many as are replaced there, or more if their max pods require it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l max-nodes-per-zone -d 'Maximum size of each zone\'s node group [default: its share of the old group\'s]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l volume-size -d 'Size of the root volume in GiB [default: as on the old nodes, else 80]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l node-role -d 'IAM role of the nodes: the same as the old nodes\', a new one with no more than nodes need, or that with this ARN [default: same]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l tag -d 'Tag for the new node groups, launch templates, instances, volumes and network interfaces, besides those of the old node groups' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l permissions-boundary -d 'ARN of the policy that is the permissions boundary of a new role' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l role-path -d 'IAM path of a new role, such as /eks/' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l accept -d 'Continue despite this warning, e.g. EC-NET-009; risks need it, --yes does not cover them' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l confirm-cluster -d 'Name of the cluster, to confirm undo and --disable-eviction' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l timeout -d 'Longest wait for any one operation, e.g. 90s, 30m or 1h30m' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -s o -l output -d 'Format of the result on stdout' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l color -d 'When to use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l log -d 'Append to this file each AWS and Kubernetes call with its duration, status and request id, and what the run did' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l external-snat -d 'Send pods\' internet traffic through the NAT gateway of their own subnets, with the pods\' addresses (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l take-over-env -d 'Change aws-node\'s environment even if Helm, GitOps or another field manager owns it'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l take-over-karpenter -d 'Change Karpenter\'s settings and NodePools even if Helm, GitOps or another field manager owns them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l remove-annotation-def -d 'Remove ENI_CONFIG_ANNOTATION_DEF, which would override the node label'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l replace-eniconfigs -d 'Change existing ENIConfigs to the planned subnets and security groups'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -s y -l yes -d 'Do not ask for confirmation; risks still need their own flags'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -l undo -d 'Undo this step; asks for the cluster name'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand detect-cni" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l kubeconfig -d 'Authenticate to Kubernetes with this kubeconfig [default: with the AWS credentials]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l context -d 'Context in the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l cidr -d 'Secondary CIDR block for pods, /16 to /28 [default: a block of 100.64.0.0/10 that is free in the VPC]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l subnet-prefix -d 'Prefix length of the created subnets [default: the block split evenly, as large as possible]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l subnet -d 'Use this subnet for a zone\'s pods instead of creating one' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l route-table -d 'Route table for a zone\'s created subnet [default: that of the zone\'s private node subnet]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l env-last -d 'Enable custom networking after the ENIConfigs are written, so that nodes that start in between do not stay NotReady' -r -f -a "true\t''
false\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l eniconfig-name -d 'Name of a zone\'s ENIConfig [default: the zone\'s name]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l eniconfig-label -d 'Node label whose value is the name of the node\'s ENIConfig [default: topology.kubernetes.io/zone]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l security-group -d 'Security group for pods [default: the new node security group and the cluster security group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l pool -d 'Replace only these pools: managed node groups, Auto Scaling groups, or "nodes" for nodes without a group, separated by commas [default: all that have old nodes]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l replace-with -d 'Kind of the new node groups: self-managed, managed, or the same as the old ones; with POOL= for one pool, as in the next flags [default: self-managed]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l managed-image -d 'Image of managed node groups: eks for the one that EKS chooses and updates, own for one in the launch template, which you update [default: own if the old launch template has one, else eks]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l instance-type -d 'Instance type [default: as in the old node group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l ami-family -d 'AMI family: al2023, al2 or bottlerocket [default: that of the old node group, else al2023]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l ami-id -d 'AMI ID [default: the latest EKS AMI of the family, from SSM; an AMI of your own is kept]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l nodes-per-zone -d 'New nodes in each zone [default: as many as are replaced there, or more if their max pods require it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l max-nodes-per-zone -d 'Maximum size of each zone\'s node group [default: its share of the old group\'s]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l volume-size -d 'Size of the root volume in GiB [default: as on the old nodes, else 80]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l node-role -d 'IAM role of the nodes: the same as the old nodes\', a new one with no more than nodes need, or that with this ARN [default: same]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l tag -d 'Tag for the new node groups, launch templates, instances, volumes and network interfaces, besides those of the old node groups' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l permissions-boundary -d 'ARN of the policy that is the permissions boundary of a new role' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l role-path -d 'IAM path of a new role, such as /eks/' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l accept -d 'Continue despite this warning, e.g. EC-NET-009; risks need it, --yes does not cover them' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l confirm-cluster -d 'Name of the cluster, to confirm undo and --disable-eviction' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l timeout -d 'Longest wait for any one operation, e.g. 90s, 30m or 1h30m' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -s o -l output -d 'Format of the result on stdout' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l color -d 'When to use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l log -d 'Append to this file each AWS and Kubernetes call with its duration, status and request id, and what the run did' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l external-snat -d 'Send pods\' internet traffic through the NAT gateway of their own subnets, with the pods\' addresses (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l take-over-env -d 'Change aws-node\'s environment even if Helm, GitOps or another field manager owns it'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l take-over-karpenter -d 'Change Karpenter\'s settings and NodePools even if Helm, GitOps or another field manager owns them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l remove-annotation-def -d 'Remove ENI_CONFIG_ANNOTATION_DEF, which would override the node label'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l replace-eniconfigs -d 'Change existing ENIConfigs to the planned subnets and security groups'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -s y -l yes -d 'Do not ask for confirmation; risks still need their own flags'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -l undo -d 'Undo this step; asks for the cluster name'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand install-crd" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l kubeconfig -d 'Authenticate to Kubernetes with this kubeconfig [default: with the AWS credentials]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l context -d 'Context in the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l cidr -d 'Secondary CIDR block for pods, /16 to /28 [default: a block of 100.64.0.0/10 that is free in the VPC]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l subnet-prefix -d 'Prefix length of the created subnets [default: the block split evenly, as large as possible]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l subnet -d 'Use this subnet for a zone\'s pods instead of creating one' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l route-table -d 'Route table for a zone\'s created subnet [default: that of the zone\'s private node subnet]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l env-last -d 'Enable custom networking after the ENIConfigs are written, so that nodes that start in between do not stay NotReady' -r -f -a "true\t''
false\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l eniconfig-name -d 'Name of a zone\'s ENIConfig [default: the zone\'s name]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l eniconfig-label -d 'Node label whose value is the name of the node\'s ENIConfig [default: topology.kubernetes.io/zone]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l security-group -d 'Security group for pods [default: the new node security group and the cluster security group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l pool -d 'Replace only these pools: managed node groups, Auto Scaling groups, or "nodes" for nodes without a group, separated by commas [default: all that have old nodes]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l replace-with -d 'Kind of the new node groups: self-managed, managed, or the same as the old ones; with POOL= for one pool, as in the next flags [default: self-managed]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l managed-image -d 'Image of managed node groups: eks for the one that EKS chooses and updates, own for one in the launch template, which you update [default: own if the old launch template has one, else eks]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l instance-type -d 'Instance type [default: as in the old node group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l ami-family -d 'AMI family: al2023, al2 or bottlerocket [default: that of the old node group, else al2023]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l ami-id -d 'AMI ID [default: the latest EKS AMI of the family, from SSM; an AMI of your own is kept]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l nodes-per-zone -d 'New nodes in each zone [default: as many as are replaced there, or more if their max pods require it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l max-nodes-per-zone -d 'Maximum size of each zone\'s node group [default: its share of the old group\'s]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l volume-size -d 'Size of the root volume in GiB [default: as on the old nodes, else 80]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l node-role -d 'IAM role of the nodes: the same as the old nodes\', a new one with no more than nodes need, or that with this ARN [default: same]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l tag -d 'Tag for the new node groups, launch templates, instances, volumes and network interfaces, besides those of the old node groups' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l permissions-boundary -d 'ARN of the policy that is the permissions boundary of a new role' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l role-path -d 'IAM path of a new role, such as /eks/' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l accept -d 'Continue despite this warning, e.g. EC-NET-009; risks need it, --yes does not cover them' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l confirm-cluster -d 'Name of the cluster, to confirm undo and --disable-eviction' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l timeout -d 'Longest wait for any one operation, e.g. 90s, 30m or 1h30m' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -s o -l output -d 'Format of the result on stdout' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l color -d 'When to use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l log -d 'Append to this file each AWS and Kubernetes call with its duration, status and request id, and what the run did' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l external-snat -d 'Send pods\' internet traffic through the NAT gateway of their own subnets, with the pods\' addresses (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l take-over-env -d 'Change aws-node\'s environment even if Helm, GitOps or another field manager owns it'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l take-over-karpenter -d 'Change Karpenter\'s settings and NodePools even if Helm, GitOps or another field manager owns them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l remove-annotation-def -d 'Remove ENI_CONFIG_ANNOTATION_DEF, which would override the node label'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l replace-eniconfigs -d 'Change existing ENIConfigs to the planned subnets and security groups'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -s y -l yes -d 'Do not ask for confirmation; risks still need their own flags'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -l undo -d 'Undo this step; asks for the cluster name'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand write-eniconfigs" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l kubeconfig -d 'Authenticate to Kubernetes with this kubeconfig [default: with the AWS credentials]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l context -d 'Context in the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l cidr -d 'Secondary CIDR block for pods, /16 to /28 [default: a block of 100.64.0.0/10 that is free in the VPC]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l subnet-prefix -d 'Prefix length of the created subnets [default: the block split evenly, as large as possible]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l subnet -d 'Use this subnet for a zone\'s pods instead of creating one' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l route-table -d 'Route table for a zone\'s created subnet [default: that of the zone\'s private node subnet]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l env-last -d 'Enable custom networking after the ENIConfigs are written, so that nodes that start in between do not stay NotReady' -r -f -a "true\t''
false\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l eniconfig-name -d 'Name of a zone\'s ENIConfig [default: the zone\'s name]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l eniconfig-label -d 'Node label whose value is the name of the node\'s ENIConfig [default: topology.kubernetes.io/zone]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l security-group -d 'Security group for pods [default: the new node security group and the cluster security group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l pool -d 'Replace only these pools: managed node groups, Auto Scaling groups, or "nodes" for nodes without a group, separated by commas [default: all that have old nodes]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l replace-with -d 'Kind of the new node groups: self-managed, managed, or the same as the old ones; with POOL= for one pool, as in the next flags [default: self-managed]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l managed-image -d 'Image of managed node groups: eks for the one that EKS chooses and updates, own for one in the launch template, which you update [default: own if the old launch template has one, else eks]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l instance-type -d 'Instance type [default: as in the old node group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l ami-family -d 'AMI family: al2023, al2 or bottlerocket [default: that of the old node group, else al2023]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l ami-id -d 'AMI ID [default: the latest EKS AMI of the family, from SSM; an AMI of your own is kept]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l nodes-per-zone -d 'New nodes in each zone [default: as many as are replaced there, or more if their max pods require it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l max-nodes-per-zone -d 'Maximum size of each zone\'s node group [default: its share of the old group\'s]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l volume-size -d 'Size of the root volume in GiB [default: as on the old nodes, else 80]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l node-role -d 'IAM role of the nodes: the same as the old nodes\', a new one with no more than nodes need, or that with this ARN [default: same]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l tag -d 'Tag for the new node groups, launch templates, instances, volumes and network interfaces, besides those of the old node groups' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l permissions-boundary -d 'ARN of the policy that is the permissions boundary of a new role' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l role-path -d 'IAM path of a new role, such as /eks/' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l accept -d 'Continue despite this warning, e.g. EC-NET-009; risks need it, --yes does not cover them' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l confirm-cluster -d 'Name of the cluster, to confirm undo and --disable-eviction' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l timeout -d 'Longest wait for any one operation, e.g. 90s, 30m or 1h30m' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -s o -l output -d 'Format of the result on stdout' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l color -d 'When to use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l log -d 'Append to this file each AWS and Kubernetes call with its duration, status and request id, and what the run did' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l external-snat -d 'Send pods\' internet traffic through the NAT gateway of their own subnets, with the pods\' addresses (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l take-over-env -d 'Change aws-node\'s environment even if Helm, GitOps or another field manager owns it'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l take-over-karpenter -d 'Change Karpenter\'s settings and NodePools even if Helm, GitOps or another field manager owns them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l remove-annotation-def -d 'Remove ENI_CONFIG_ANNOTATION_DEF, which would override the node label'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l replace-eniconfigs -d 'Change existing ENIConfigs to the planned subnets and security groups'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -s y -l yes -d 'Do not ask for confirmation; risks still need their own flags'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -l undo -d 'Undo this step; asks for the cluster name'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand launch-nodegroups" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l kubeconfig -d 'Authenticate to Kubernetes with this kubeconfig [default: with the AWS credentials]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l context -d 'Context in the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l cidr -d 'Secondary CIDR block for pods, /16 to /28 [default: a block of 100.64.0.0/10 that is free in the VPC]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l subnet-prefix -d 'Prefix length of the created subnets [default: the block split evenly, as large as possible]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l subnet -d 'Use this subnet for a zone\'s pods instead of creating one' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l route-table -d 'Route table for a zone\'s created subnet [default: that of the zone\'s private node subnet]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l env-last -d 'Enable custom networking after the ENIConfigs are written, so that nodes that start in between do not stay NotReady' -r -f -a "true\t''
false\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l eniconfig-name -d 'Name of a zone\'s ENIConfig [default: the zone\'s name]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l eniconfig-label -d 'Node label whose value is the name of the node\'s ENIConfig [default: topology.kubernetes.io/zone]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l security-group -d 'Security group for pods [default: the new node security group and the cluster security group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l pool -d 'Replace only these pools: managed node groups, Auto Scaling groups, or "nodes" for nodes without a group, separated by commas [default: all that have old nodes]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l replace-with -d 'Kind of the new node groups: self-managed, managed, or the same as the old ones; with POOL= for one pool, as in the next flags [default: self-managed]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l managed-image -d 'Image of managed node groups: eks for the one that EKS chooses and updates, own for one in the launch template, which you update [default: own if the old launch template has one, else eks]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l instance-type -d 'Instance type [default: as in the old node group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l ami-family -d 'AMI family: al2023, al2 or bottlerocket [default: that of the old node group, else al2023]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l ami-id -d 'AMI ID [default: the latest EKS AMI of the family, from SSM; an AMI of your own is kept]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l nodes-per-zone -d 'New nodes in each zone [default: as many as are replaced there, or more if their max pods require it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l max-nodes-per-zone -d 'Maximum size of each zone\'s node group [default: its share of the old group\'s]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l volume-size -d 'Size of the root volume in GiB [default: as on the old nodes, else 80]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l node-role -d 'IAM role of the nodes: the same as the old nodes\', a new one with no more than nodes need, or that with this ARN [default: same]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l tag -d 'Tag for the new node groups, launch templates, instances, volumes and network interfaces, besides those of the old node groups' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l permissions-boundary -d 'ARN of the policy that is the permissions boundary of a new role' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l role-path -d 'IAM path of a new role, such as /eks/' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l accept -d 'Continue despite this warning, e.g. EC-NET-009; risks need it, --yes does not cover them' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l confirm-cluster -d 'Name of the cluster, to confirm undo and --disable-eviction' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l timeout -d 'Longest wait for any one operation, e.g. 90s, 30m or 1h30m' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -s o -l output -d 'Format of the result on stdout' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l color -d 'When to use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l log -d 'Append to this file each AWS and Kubernetes call with its duration, status and request id, and what the run did' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l external-snat -d 'Send pods\' internet traffic through the NAT gateway of their own subnets, with the pods\' addresses (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l take-over-env -d 'Change aws-node\'s environment even if Helm, GitOps or another field manager owns it'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l take-over-karpenter -d 'Change Karpenter\'s settings and NodePools even if Helm, GitOps or another field manager owns them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l remove-annotation-def -d 'Remove ENI_CONFIG_ANNOTATION_DEF, which would override the node label'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l replace-eniconfigs -d 'Change existing ENIConfigs to the planned subnets and security groups'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -s y -l yes -d 'Do not ask for confirmation; risks still need their own flags'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -l undo -d 'Undo this step; asks for the cluster name'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand patch-security-groups" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l kubeconfig -d 'Authenticate to Kubernetes with this kubeconfig [default: with the AWS credentials]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l context -d 'Context in the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l cidr -d 'Secondary CIDR block for pods, /16 to /28 [default: a block of 100.64.0.0/10 that is free in the VPC]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l subnet-prefix -d 'Prefix length of the created subnets [default: the block split evenly, as large as possible]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l subnet -d 'Use this subnet for a zone\'s pods instead of creating one' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l route-table -d 'Route table for a zone\'s created subnet [default: that of the zone\'s private node subnet]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l env-last -d 'Enable custom networking after the ENIConfigs are written, so that nodes that start in between do not stay NotReady' -r -f -a "true\t''
false\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l eniconfig-name -d 'Name of a zone\'s ENIConfig [default: the zone\'s name]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l eniconfig-label -d 'Node label whose value is the name of the node\'s ENIConfig [default: topology.kubernetes.io/zone]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l security-group -d 'Security group for pods [default: the new node security group and the cluster security group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l pool -d 'Replace only these pools: managed node groups, Auto Scaling groups, or "nodes" for nodes without a group, separated by commas [default: all that have old nodes]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l replace-with -d 'Kind of the new node groups: self-managed, managed, or the same as the old ones; with POOL= for one pool, as in the next flags [default: self-managed]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l managed-image -d 'Image of managed node groups: eks for the one that EKS chooses and updates, own for one in the launch template, which you update [default: own if the old launch template has one, else eks]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l instance-type -d 'Instance type [default: as in the old node group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l ami-family -d 'AMI family: al2023, al2 or bottlerocket [default: that of the old node group, else al2023]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l ami-id -d 'AMI ID [default: the latest EKS AMI of the family, from SSM; an AMI of your own is kept]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l nodes-per-zone -d 'New nodes in each zone [default: as many as are replaced there, or more if their max pods require it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l max-nodes-per-zone -d 'Maximum size of each zone\'s node group [default: its share of the old group\'s]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l volume-size -d 'Size of the root volume in GiB [default: as on the old nodes, else 80]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l node-role -d 'IAM role of the nodes: the same as the old nodes\', a new one with no more than nodes need, or that with this ARN [default: same]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l tag -d 'Tag for the new node groups, launch templates, instances, volumes and network interfaces, besides those of the old node groups' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l permissions-boundary -d 'ARN of the policy that is the permissions boundary of a new role' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l role-path -d 'IAM path of a new role, such as /eks/' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l accept -d 'Continue despite this warning, e.g. EC-NET-009; risks need it, --yes does not cover them' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l confirm-cluster -d 'Name of the cluster, to confirm undo and --disable-eviction' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l timeout -d 'Longest wait for any one operation, e.g. 90s, 30m or 1h30m' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -s o -l output -d 'Format of the result on stdout' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -s l -l selector -d 'Drain only old nodes that match this label selector, such as pool=web,spot!=true' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l node -d 'Drain only these old nodes, separated by commas' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l old-node-group -d 'Drain only the old nodes of these managed node groups or Auto Scaling groups, separated by commas' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l karpenter -d 'Who replaces Karpenter\'s nodes: drift for Karpenter itself, within its NodePools\' budgets; drain for eni-custom, which drains them and deletes their NodeClaims' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l drain-timeout -d 'Give up the drain after this time, e.g. 90s, 30m or 1h30m [default: --timeout if it is given, else 1h]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l pod-timeout -d 'Give up on a pod that is still terminating after this time [default: only when the drain times out]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l skip-wait-for-delete-timeout -d 'Stop waiting for a pod that is still terminating this long after its grace period, and terminate its node anyway. For dead kubelets and finalizers that nothing removes [default: wait]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l max-in-flight -d 'Pods that may be terminating at a time' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l lb-drain -d 'Wait this long after an empty node has left its load balancers before terminating its instance, if any load balancer forwards to nodes; 0s for no wait [default: their deregistration delay, at least 5m]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l max-unavailable-nodes -d 'Nodes that may be drained at a time [default: all]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l color -d 'When to use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l log -d 'Append to this file each AWS and Kubernetes call with its duration, status and request id, and what the run did' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l external-snat -d 'Send pods\' internet traffic through the NAT gateway of their own subnets, with the pods\' addresses (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l take-over-env -d 'Change aws-node\'s environment even if Helm, GitOps or another field manager owns it'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l take-over-karpenter -d 'Change Karpenter\'s settings and NodePools even if Helm, GitOps or another field manager owns them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l remove-annotation-def -d 'Remove ENI_CONFIG_ANNOTATION_DEF, which would override the node label'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l replace-eniconfigs -d 'Change existing ENIConfigs to the planned subnets and security groups'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -s y -l yes -d 'Do not ask for confirmation; risks still need their own flags'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l dry-run -d 'Show what would be done, and which nodes and pods would be drained in which order; changes nothing'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l terminate-unowned -d 'Terminate old instances that belong to no node group'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l delete-old-groups -d 'Delete the old managed node groups once they are drained; undo can then only start nodes like theirs'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l keep-old-nodes -d 'Keep the old nodes: do not cordon, drain or terminate them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l surge-singletons -d 'Run a second replica of Deployments with one replica and minAvailable 1 while the drain lasts'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l no-default-budget -d 'Evict all pods of a controller at once if it has no PodDisruptionBudget. By default at most 25 % of them (rounded up) are unavailable at a time, and one of two or more stays Ready whatever the budgets allow'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l disable-eviction -d 'Delete pods instead of evicting them, which bypasses every PodDisruptionBudget; asks for the cluster name'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l evict-bare-pods -d 'Evict bare pods: no controller recreates them, they are lost for good'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l delete-emptydir-data -d 'Evict pods with emptyDir or ephemeral volumes; the data in them is lost'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l delete-local-volumes -d 'Evict pods with volumes on their node\'s disk (local, hostPath, node-local CSI); the data in them is lost. Claims from a StatefulSet\'s volumeClaimTemplates are deleted, so that it creates new ones'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -l undo -d 'Undo this step; asks for the cluster name'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand drain-nodes" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l kubeconfig -d 'Authenticate to Kubernetes with this kubeconfig [default: with the AWS credentials]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l context -d 'Context in the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l probe-image -d 'Image for these pods; it needs sh, nc, nslookup and httpd, as in busybox' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l probe-namespace -d 'Namespace for these pods, which meet the restricted Pod Security Standard' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l probe-timeout -d 'Time for these pods to start, and the same again to answer' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -s o -l output -d 'Format of the result on stdout' -r -f -a "text\t''
json\t''
junit\t'JUnit XML for CI, with a testsuite for each section'"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l color -d 'When to use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l log -d 'Append to this file each AWS and Kubernetes call with its duration, status and request id, and what the run did' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l keep-old-nodes -d 'Do not report old nodes without custom networking: they are meant to stay'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -l probe -d 'Start two short-lived pods in each zone that test DNS, the API server and a pod in each other zone, then remove them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -l kubeconfig -d 'Authenticate to Kubernetes with this kubeconfig [default: with the AWS credentials]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -l context -d 'Context in the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -l bundle -d 'Also write facts and issues to a new tar.gz for a support ticket; it contains no tokens and no user data' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -s o -l output -d 'Format of the result on stdout' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -l color -d 'When to use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -l log -d 'Append to this file each AWS and Kubernetes call with its duration, status and request id, and what the run did' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -l mask-account -d 'Mask AWS account IDs in the bundle'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand doctor" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -s c -l cluster -d 'Name of the EKS cluster' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l region -d 'AWS region [default: as the AWS CLI resolves it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l profile -d 'Profile in ~/.aws/config' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l kubeconfig -d 'Authenticate to Kubernetes with this kubeconfig [default: with the AWS credentials]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l context -d 'Context in the kubeconfig [default: its current context]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l config -d 'File with defaults for any of these flags' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l cidr -d 'Secondary CIDR block for pods, /16 to /28 [default: a block of 100.64.0.0/10 that is free in the VPC]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l subnet-prefix -d 'Prefix length of the created subnets [default: the block split evenly, as large as possible]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l subnet -d 'Use this subnet for a zone\'s pods instead of creating one' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l route-table -d 'Route table for a zone\'s created subnet [default: that of the zone\'s private node subnet]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l env-last -d 'Enable custom networking after the ENIConfigs are written, so that nodes that start in between do not stay NotReady' -r -f -a "true\t''
false\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l eniconfig-name -d 'Name of a zone\'s ENIConfig [default: the zone\'s name]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l eniconfig-label -d 'Node label whose value is the name of the node\'s ENIConfig [default: topology.kubernetes.io/zone]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l security-group -d 'Security group for pods [default: the new node security group and the cluster security group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l pool -d 'Replace only these pools: managed node groups, Auto Scaling groups, or "nodes" for nodes without a group, separated by commas [default: all that have old nodes]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l replace-with -d 'Kind of the new node groups: self-managed, managed, or the same as the old ones; with POOL= for one pool, as in the next flags [default: self-managed]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l managed-image -d 'Image of managed node groups: eks for the one that EKS chooses and updates, own for one in the launch template, which you update [default: own if the old launch template has one, else eks]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l instance-type -d 'Instance type [default: as in the old node group]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l ami-family -d 'AMI family: al2023, al2 or bottlerocket [default: that of the old node group, else al2023]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l ami-id -d 'AMI ID [default: the latest EKS AMI of the family, from SSM; an AMI of your own is kept]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l nodes-per-zone -d 'New nodes in each zone [default: as many as are replaced there, or more if their max pods require it]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l max-nodes-per-zone -d 'Maximum size of each zone\'s node group [default: its share of the old group\'s]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l volume-size -d 'Size of the root volume in GiB [default: as on the old nodes, else 80]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l node-role -d 'IAM role of the nodes: the same as the old nodes\', a new one with no more than nodes need, or that with this ARN [default: same]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l tag -d 'Tag for the new node groups, launch templates, instances, volumes and network interfaces, besides those of the old node groups' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l permissions-boundary -d 'ARN of the policy that is the permissions boundary of a new role' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l role-path -d 'IAM path of a new role, such as /eks/' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l accept -d 'Continue despite this warning, e.g. EC-NET-009; risks need it, --yes does not cover them' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l confirm-cluster -d 'Name of the cluster, to confirm undo and --disable-eviction' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l timeout -d 'Longest wait for any one operation, e.g. 90s, 30m or 1h30m' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -s o -l output -d 'Format of the result on stdout' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l events -d 'Format of the progress on stderr' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -s l -l selector -d 'Drain only old nodes that match this label selector, such as pool=web,spot!=true' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l node -d 'Drain only these old nodes, separated by commas' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l old-node-group -d 'Drain only the old nodes of these managed node groups or Auto Scaling groups, separated by commas' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l karpenter -d 'Who replaces Karpenter\'s nodes: drift for Karpenter itself, within its NodePools\' budgets; drain for eni-custom, which drains them and deletes their NodeClaims' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l drain-timeout -d 'Give up the drain after this time, e.g. 90s, 30m or 1h30m [default: --timeout if it is given, else 1h]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l pod-timeout -d 'Give up on a pod that is still terminating after this time [default: only when the drain times out]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l skip-wait-for-delete-timeout -d 'Stop waiting for a pod that is still terminating this long after its grace period, and terminate its node anyway. For dead kubelets and finalizers that nothing removes [default: wait]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l max-in-flight -d 'Pods that may be terminating at a time' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l lb-drain -d 'Wait this long after an empty node has left its load balancers before terminating its instance, if any load balancer forwards to nodes; 0s for no wait [default: their deregistration delay, at least 5m]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l max-unavailable-nodes -d 'Nodes that may be drained at a time [default: all]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l color -d 'When to use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l log -d 'Append to this file each AWS and Kubernetes call with its duration, status and request id, and what the run did' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l external-snat -d 'Send pods\' internet traffic through the NAT gateway of their own subnets, with the pods\' addresses (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l take-over-env -d 'Change aws-node\'s environment even if Helm, GitOps or another field manager owns it'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l take-over-karpenter -d 'Change Karpenter\'s settings and NodePools even if Helm, GitOps or another field manager owns them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l remove-annotation-def -d 'Remove ENI_CONFIG_ANNOTATION_DEF, which would override the node label'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l replace-eniconfigs -d 'Change existing ENIConfigs to the planned subnets and security groups'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -s y -l yes -d 'Do not ask for confirmation; risks still need their own flags'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l dry-run -d 'Show what would be done, and which nodes and pods would be drained in which order; changes nothing'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l terminate-unowned -d 'Terminate old instances that belong to no node group'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l delete-old-groups -d 'Delete the old managed node groups once they are drained; undo can then only start nodes like theirs'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l keep-old-nodes -d 'Keep the old nodes: do not cordon, drain or terminate them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l surge-singletons -d 'Run a second replica of Deployments with one replica and minAvailable 1 while the drain lasts'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l no-default-budget -d 'Evict all pods of a controller at once if it has no PodDisruptionBudget. By default at most 25 % of them (rounded up) are unavailable at a time, and one of two or more stays Ready whatever the budgets allow'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l disable-eviction -d 'Delete pods instead of evicting them, which bypasses every PodDisruptionBudget; asks for the cluster name'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l evict-bare-pods -d 'Evict bare pods: no controller recreates them, they are lost for good'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l delete-emptydir-data -d 'Evict pods with emptyDir or ephemeral volumes; the data in them is lost'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -l delete-local-volumes -d 'Evict pods with volumes on their node\'s disk (local, hostPath, node-local CSI); the data in them is lost. Claims from a StatefulSet\'s volumeClaimTemplates are deleted, so that it creates new ones'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand status" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand max-pods" -s o -l output -d 'Format of the result on stdout' -r -f -a "text\t''
json\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand max-pods" -l color -d 'When to use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand max-pods" -l log -d 'Append to this file each AWS and Kubernetes call with its duration, status and request id, and what the run did' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand max-pods" -l all -d 'All known instance types'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand max-pods" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand max-pods" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand max-pods" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -s c -l cluster -d 'Name of the EKS cluster [default: any]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l region -d 'AWS region [default: any]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l account -d 'AWS account ID [default: any]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l vpc -d 'The cluster\'s VPC [default: any]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l addon-role -d 'ARN of the vpc-cni add-on\'s IAM role, as describe-addon shows it [default: it has none]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l node-role -d 'ARN of an IAM role that new nodes keep from the old ones [default: none; setup then needs --node-role new]' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l role-path -d 'IAM path of a new role, if setup gets one with --role-path' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l step -d 'For one step only' -r -f -a "associate-cidr\t''
create-subnets\t''
set-env\t''
detect-cni\t''
install-crd\t''
write-eniconfigs\t''
launch-nodegroups\t''
patch-security-groups\t''
drain-nodes\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l group -d 'Kubernetes group to bind the roles to' -r
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l color -d 'When to use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l log -d 'Append to this file each AWS and Kubernetes call with its duration, status and request id, and what the run did' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l read-only -d 'For the commands that only read: plan, status, verify, doctor'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l undo -d 'For undo and for --undo of a step, instead of setup'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l replacements -d 'Also for undo when an old node group is gone and needs a replacement node group'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l managed-node-groups -d 'Also for setup --replace-with managed or same, and for its undo'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l terminate-unowned -d 'Also for drain-nodes --terminate-unowned'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l karpenter -d 'Also for clusters where Karpenter starts nodes (affects the Kubernetes roles)'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l delete-old-groups -d 'Also for setup or drain-nodes --delete-old-groups'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l kubernetes -d 'Print Kubernetes roles and bindings as YAML instead of the IAM policy'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -l why -d 'Print each action with the steps that need it and the reason, instead of the policy'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand iam-policy" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand schema" -l color -d 'When to use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand schema" -l log -d 'Append to this file each AWS and Kubernetes call with its duration, status and request id, and what the run did' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand schema" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand schema" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand completions" -l color -d 'When to use colors; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t''
always\t''
never\t''"
complete -c eni-custom -n "__fish_eni_custom_using_subcommand completions" -l log -d 'Append to this file each AWS and Kubernetes call with its duration, status and request id, and what the run did' -r -F
complete -c eni-custom -n "__fish_eni_custom_using_subcommand completions" -s q -l quiet -d 'Print nothing but errors and the result'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand completions" -s v -l verbose -d 'Print each AWS and Kubernetes call on stderr'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand completions" -s h -l help -d 'Print help'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions help" -f -a "setup" -d 'Run all nine steps in the documented order; asks on a terminal, or takes flags with --yes'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions help" -f -a "plan" -d 'Show what setup would do; changes nothing'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions help" -f -a "undo" -d 'Undo what setup made, in an order that never leaves pods without nodes'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions help" -f -a "associate-cidr" -d 'Step 1: associate a secondary CIDR block with the VPC'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions help" -f -a "create-subnets" -d 'Step 2: create a pod subnet in each Availability Zone that has nodes'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions help" -f -a "set-env" -d 'Step 3: enable custom networking in aws-node\'s environment'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions help" -f -a "detect-cni" -d 'Step 4: detect the VPC CNI version and check that it supports custom networking'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions help" -f -a "install-crd" -d 'Step 5: install the ENIConfig CRD if it is missing or has no schema'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions help" -f -a "write-eniconfigs" -d 'Step 6: write an ENIConfig for each pod subnet'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions help" -f -a "launch-nodegroups" -d 'Step 7: create self-managed node groups with calculated max pods and no nodes yet'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions help" -f -a "patch-security-groups" -d 'Step 8: add the security groups to the ENIConfigs, then scale up the node groups'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions help" -f -a "drain-nodes" -d 'Step 9: drain the old nodes, respecting PodDisruptionBudgets, and terminate them'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions help" -f -a "verify" -d 'Check that custom networking works: nodes, network interfaces, pod addresses, max pods'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions help" -f -a "doctor" -d 'Explain what is wrong with a cluster and how to fix it, whoever set it up'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions help" -f -a "status" -d 'Show which steps are done'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions help" -f -a "max-pods" -d 'Calculate how many pods an instance type can hold; needs no network access'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions help" -f -a "iam-policy" -d 'Print a least-privilege IAM policy, or Kubernetes roles, for the commands; needs no network access'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions help" -f -a "schema" -d 'Print the JSON schema of an output'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions help" -f -a "completions" -d 'Print a completion script for a shell'
complete -c eni-custom -n "__fish_eni_custom_using_subcommand help; and not __fish_seen_subcommand_from setup plan undo associate-cidr create-subnets set-env detect-cni install-crd write-eniconfigs launch-nodegroups patch-security-groups drain-nodes verify doctor status max-pods iam-policy schema completions help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
