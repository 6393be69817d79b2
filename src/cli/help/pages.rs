//! What `--help` and the man pages say of each command besides its flags: a description and examples.

/// The help of one command. Lines have at most 78 characters: clap prints them as they are.
pub(crate) struct Page {
    pub command: &'static str,
    /// Paragraphs; the list of commands shows the first line of the doc comment in `Command` instead.
    pub description: &'static str,
    /// What each example does, and its command.
    pub examples: &'static [(&'static str, &'static str)],
}

/// The help of a command, if it has a page.
pub(crate) fn page(command: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.command == command)
}

/// The command without a subcommand has the name of the program.
pub(crate) const PAGES: &[Page] = &[
    Page {
        command: "eni-custom",
        description: "\
Move a live Amazon EKS cluster to VPC CNI custom networking: pods get IP
addresses from other subnets than their nodes, and their own security groups.",
        examples: &[
            ("Show what would change; changes nothing", "eni-custom plan --cluster shop"),
            ("Make the changes: asks, and shows the plan first", "eni-custom setup --cluster shop"),
            ("Check the result", "eni-custom verify --cluster shop"),
            ("Undo it", "eni-custom undo --cluster shop"),
        ],
    },
    Page {
        command: "setup",
        description: "\
Run all nine steps in the documented order.

On a terminal, setup asks for what is missing, shows the plan, and asks again
before the first change. Elsewhere it needs --yes. All checks run before the
first change. To resume an interrupted run, run the same command again; a run
that finds nothing to do changes nothing.",
        examples: &[
            ("Answer questions, then confirm the plan", "eni-custom setup --cluster shop"),
            ("Ask nothing", "eni-custom setup --cluster shop --cidr 100.64.0.0/16 --yes"),
            (
                "Use existing subnets, one for each zone",
                "eni-custom setup -c shop --subnet us-west-2a=subnet-0a,us-west-2b=subnet-0b",
            ),
            (
                "Replace one pool only, with another instance type",
                "eni-custom setup --cluster shop --pool gpu --instance-type gpu=g6.xlarge",
            ),
            (
                "Apply exactly the plan that was reviewed, or nothing",
                "eni-custom setup --plan shop.plan --yes",
            ),
        ],
    },
    Page {
        command: "plan",
        description: "\
Show what setup would do: changes by step, issues, and the pods, addresses and
instances before and after. It changes nothing and takes the flags of setup.",
        examples: &[
            ("Show the plan", "eni-custom plan --cluster shop"),
            ("Save it, for setup --plan", "eni-custom plan --cluster shop --out shop.plan"),
            (
                "Write templates, ENIConfigs and commands to a folder, for review",
                "eni-custom plan --cluster shop --export review/",
            ),
            (
                "For scripts: exit code 2 if there are changes",
                "eni-custom plan -c shop --detailed-exitcode -o json",
            ),
        ],
    },
    Page {
        command: "undo",
        description: "\
Undo what setup made, in an order that never leaves pods without nodes.

It turns custom networking off, starts the old nodes again, drains the new ones
and deletes only what eni-custom created. It asks for the cluster name. Run it
again to finish an interrupted undo.",
        examples: &[
            ("Show what would be undone, and what blocks it", "eni-custom undo --cluster shop --dry-run"),
            ("Undo everything; asks for the cluster name", "eni-custom undo --cluster shop"),
            ("Ask nothing", "eni-custom undo --cluster shop --confirm-cluster shop --yes"),
            ("Keep the CIDR block and the subnets", "eni-custom undo --cluster shop --to-step 2"),
        ],
    },
    Page {
        command: "verify",
        description: "\
Check that custom networking works: nodes, their network interfaces and max
pods, pod addresses, ENIConfigs, and pods that are not Ready. It needs nothing
that setup recorded, and changes nothing; --probe starts pods and removes them.",
        examples: &[
            ("Check the cluster", "eni-custom verify --cluster shop"),
            (
                "Also try DNS, the API server and other zones from pods",
                "eni-custom verify --cluster shop --probe",
            ),
            ("For CI", "eni-custom verify --cluster shop --output junit"),
        ],
    },
    Page {
        command: "doctor",
        description: "\
Explain what is wrong with a cluster and how to fix it, whoever set it up. It
changes nothing.",
        examples: &[
            ("Explain what is wrong", "eni-custom doctor --cluster shop"),
            (
                "Write a file for a support ticket, without account IDs",
                "eni-custom doctor --cluster shop --bundle help.tar.gz --mask-account",
            ),
        ],
    },
    Page {
        command: "status",
        description: "\
Show which of the nine steps are done and whether a run is active. It changes
nothing.",
        examples: &[
            ("Show the steps", "eni-custom status --cluster shop"),
            ("For scripts", "eni-custom status --cluster shop --output json"),
        ],
    },
    Page {
        command: "associate-cidr",
        description: "\
Step 1: associate a secondary CIDR block with the VPC. Pods get addresses from
it. A block that the VPC already has is used as it is.",
        examples: &[
            ("Take a free block of 100.64.0.0/10", "eni-custom associate-cidr --cluster shop"),
            ("Take this one", "eni-custom associate-cidr --cluster shop --cidr 100.64.0.0/16"),
            ("Undo this step", "eni-custom associate-cidr --cluster shop --undo"),
        ],
    },
    Page {
        command: "create-subnets",
        description: "\
Step 2: create a pod subnet in each Availability Zone that has nodes, with the
route table of the zone's private node subnet. Needs step 1.",
        examples: &[
            ("Split the block evenly", "eni-custom create-subnets --cluster shop"),
            ("Create /20 subnets", "eni-custom create-subnets --cluster shop --subnet-prefix 20"),
            (
                "Use an existing subnet in one zone",
                "eni-custom create-subnets --cluster shop --subnet us-west-2a=subnet-0a",
            ),
            ("Undo this step", "eni-custom create-subnets --cluster shop --undo"),
        ],
    },
    Page {
        command: "set-env",
        description: "\
Step 3: enable custom networking in aws-node's environment, through whatever
owns it: the EKS add-on or the DaemonSet. Nodes that start from then on need an
ENIConfig.",
        examples: &[
            ("Enable custom networking", "eni-custom set-env --cluster shop"),
            (
                "Change it although Helm or GitOps owns it",
                "eni-custom set-env --cluster shop --take-over-env",
            ),
            ("Undo this step", "eni-custom set-env --cluster shop --undo"),
        ],
    },
    Page {
        command: "detect-cni",
        description: "\
Step 4: detect the version of the VPC CNI and check that it supports custom
networking. It changes nothing.",
        examples: &[("Check the version", "eni-custom detect-cni --cluster shop")],
    },
    Page {
        command: "install-crd",
        description: "\
Step 5: install the ENIConfig CRD with a schema, if it is missing or has none.",
        examples: &[
            ("Install the CRD", "eni-custom install-crd --cluster shop"),
            ("Undo this step", "eni-custom install-crd --cluster shop --undo"),
        ],
    },
    Page {
        command: "write-eniconfigs",
        description: "\
Step 6: write an ENIConfig for each pod subnet. Needs steps 2 and 5.",
        examples: &[
            (
                "One ENIConfig for each zone, with the zone's name",
                "eni-custom write-eniconfigs --cluster shop",
            ),
            ("Change existing ENIConfigs", "eni-custom write-eniconfigs --cluster shop --replace-eniconfigs"),
            ("Undo this step", "eni-custom write-eniconfigs --cluster shop --undo"),
        ],
    },
    Page {
        command: "launch-nodegroups",
        description: "\
Step 7: create a node group like each old one, with max pods calculated for
custom networking and no nodes yet. Needs step 2.",
        examples: &[
            ("Create the new node groups", "eni-custom launch-nodegroups --cluster shop"),
            (
                "Another instance type for one pool",
                "eni-custom launch-nodegroups --cluster shop --instance-type gpu=g6.xlarge",
            ),
            ("Undo this step", "eni-custom launch-nodegroups --cluster shop --undo"),
        ],
    },
    Page {
        command: "patch-security-groups",
        description: "\
Step 8: write the pods' security groups into the ENIConfigs, then scale up the
new node groups. Needs steps 3, 6 and 7.",
        examples: &[
            ("Start the new nodes", "eni-custom patch-security-groups --cluster shop"),
            (
                "Give pods a security group of your own",
                "eni-custom patch-security-groups --cluster shop --security-group sg-0a",
            ),
            ("Undo this step", "eni-custom patch-security-groups --cluster shop --undo"),
        ],
    },
    Page {
        command: "drain-nodes",
        description: "\
Step 9: drain the old nodes within their pods' PodDisruptionBudgets, then
terminate them through their owner. Needs steps 3, 6 and 8.

If the drain times out, it ends with exit code 4, names what is left and why,
and uncordons the nodes that it cordoned.",
        examples: &[
            ("Show which nodes and pods, in which order", "eni-custom drain-nodes --cluster shop --dry-run"),
            ("Drain all old nodes", "eni-custom drain-nodes --cluster shop"),
            ("Drain the nodes of one group", "eni-custom drain-nodes --cluster shop --old-node-group blue"),
            ("Drain some nodes only", "eni-custom drain-nodes --cluster shop -l pool=web,spot!=true"),
        ],
    },
    Page {
        command: "max-pods",
        description: "\
Calculate how many pods an instance type can hold, with and without custom
networking and prefix delegation. It needs no network access.",
        examples: &[
            ("Compare two types", "eni-custom max-pods m5.large m6i.xlarge"),
            ("All known types, for scripts", "eni-custom max-pods --all --output json"),
        ],
    },
    Page {
        command: "iam-policy",
        description: "\
Print the least IAM policy that setup needs, or undo, or one step; with
--kubernetes, the roles and bindings. What is not named becomes a wildcard. It
needs no network access.",
        examples: &[
            (
                "For setup, on this cluster only",
                "eni-custom iam-policy -c shop --region eu-west-1 --account 123456789012",
            ),
            ("For plan, status, verify and doctor", "eni-custom iam-policy --cluster shop --read-only"),
            ("For undo", "eni-custom iam-policy --cluster shop --undo"),
            (
                "Kubernetes roles, bound to group eni-custom",
                "eni-custom iam-policy --kubernetes | kubectl apply -f -",
            ),
            ("Why each action is needed", "eni-custom iam-policy --why"),
        ],
    },
    Page {
        command: "schema",
        description: "\
Print the JSON schema of what a command prints with --output json.",
        examples: &[("The schema of a plan", "eni-custom schema plan > plan.schema.json")],
    },
    Page {
        command: "completions",
        description: "\
Print a completion script for a shell.

The script completes commands, flags and their values. Evaluate what
COMPLETE=bash eni-custom prints instead (or zsh, fish, elvish, powershell) to
also complete cluster names, regions, zones, instance types and pools: these
are read from your account, for at most 2 seconds.",
        examples: &[
            ("bash, for the current shell", "source <(eni-custom completions bash)"),
            (
                "fish, for all shells",
                "eni-custom completions fish > ~/.config/fish/completions/eni-custom.fish",
            ),
            ("zsh, with names from your account", "source <(COMPLETE=zsh eni-custom)"),
        ],
    },
    Page {
        command: "man",
        description: "\
Write the man pages, one for each command, to a folder.",
        examples: &[("For man eni-custom-setup", "eni-custom man ~/.local/share/man/man1")],
    },
];
