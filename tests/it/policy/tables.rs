//! The permissions that journeys have seen in use, and those that no journey can use.

/// A cluster with the add-on, access entries, managed and self-managed nodes, set up.
pub(crate) const SETUP: &[&str] = &[
    "autoscaling:CreateAutoScalingGroup",
    "autoscaling:CreateOrUpdateTags",
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeLifecycleHooks",
    "autoscaling:DescribeNotificationConfigurations",
    "autoscaling:DescribePolicies",
    "autoscaling:DescribeScheduledActions",
    "autoscaling:ResumeProcesses",
    "autoscaling:SuspendProcesses",
    "autoscaling:TerminateInstanceInAutoScalingGroup",
    "autoscaling:UpdateAutoScalingGroup",
    "cloudformation:CreateStack",
    "cloudformation:DescribeStacks",
    "cloudformation:ListStacks",
    "cloudformation:UpdateStack",
    "ec2:AssociateRouteTable",
    "ec2:AssociateVpcCidrBlock",
    "ec2:AuthorizeSecurityGroupEgress",
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:CreateLaunchTemplate",
    "ec2:CreateSecurityGroup",
    "ec2:CreateSubnet",
    "ec2:CreateTags",
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeImages",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeInstances",
    "ec2:DescribeLaunchTemplateVersions",
    "ec2:DescribeLaunchTemplates",
    "ec2:DescribeNetworkAcls",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroupRules",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcPeeringConnections",
    "ec2:DescribeVpcs",
    "ec2:RevokeSecurityGroupEgress",
    "ec2:RunInstances",
    "eks:DescribeAccessEntry",
    "eks:DescribeAddon",
    "eks:DescribeCluster",
    "eks:DescribeNodegroup",
    "eks:DescribeUpdate",
    "eks:ListAccessEntries",
    "eks:ListNodegroups",
    "eks:ListUpdates",
    "eks:UpdateAddon",
    "eks:UpdateNodegroupConfig",
    "iam:AddRoleToInstanceProfile",
    "iam:CreateInstanceProfile",
    "iam:GetInstanceProfile",
    "iam:PassRole",
    "iam:SimulatePrincipalPolicy",
    "servicequotas:GetServiceQuota",
    "servicequotas:ListServiceQuotas",
    "ssm:GetParameter",
];

/// A cluster with access entries, set up with `--node-role new`.
pub(crate) const NEW_ROLE: &[&str] = &[
    "eks:CreateAccessEntry",
    "eks:TagResource",
    "iam:AttachRolePolicy",
    "iam:CreateRole",
    "iam:GetRole",
    "iam:TagRole",
];

/// Stacks that failed and were rolled back, and a group that could not start a node.
pub(crate) const TROUBLE: &[&str] = &[
    "autoscaling:DeleteAutoScalingGroup",
    "autoscaling:DescribeScalingActivities",
    "cloudformation:DeleteStack",
    "cloudformation:DescribeStackEvents",
    "ec2:DeleteLaunchTemplate",
    "ec2:DeleteSecurityGroup",
    "ec2:RevokeSecurityGroupIngress",
    "iam:DeleteInstanceProfile",
    "iam:DeleteRole",
    "iam:DetachRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
    "iam:RemoveRoleFromInstanceProfile",
];

/// Managed node groups that replace old ones.
pub(crate) const MANAGED: &[&str] = &[
    "eks:CreateNodegroup",
    "eks:TagResource",
    "eks:UpdateNodegroupConfig",
    "iam:GetRole",
    "iam:ListAttachedRolePolicies",
    "iam:PassRole",
];

pub(crate) const MANAGED_UNSEEN: &[(&str, &str)] = &[
    ("eks:DeleteNodegroup", "if a stack with one failed"),
    ("iam:CreateServiceLinkedRole", "only in an account that never had a managed node group"),
];

/// Old managed node groups that are deleted.
pub(crate) const DELETED_GROUPS: &[&str] = &["eks:DeleteNodegroup"];

/// The undo of these.
pub(crate) const UNDO_MANAGED: &[&str] = &["eks:DeleteNodegroup", "eks:UpdateNodegroupConfig"];

/// Actions that no journey uses, and why.
pub(crate) const UNSEEN: &[(&str, &str)] = &[
    (
        "autoscaling:Describe*",
        "the schema of CloudFormation's type names its reads as one; the sandbox makes only the one it needs",
    ),
    ("autoscaling:DescribeLaunchConfigurations", "no sandbox has groups from before launch templates"),
    ("ec2:DescribeInstanceAttribute", "no sandbox has instances outside of groups"),
    ("ec2:TerminateInstances", "no sandbox has instances outside of groups"),
    ("eks:ListClusters", "used only if the cluster does not exist, which is a refusal"),
];

/// Further ones of setup.
pub(crate) const SETUP_UNSEEN: &[(&str, &str)] = &[
    ("autoscaling:EnableMetricsCollection", "no sandbox has groups with it"),
    ("autoscaling:PutLifecycleHook", "no sandbox has groups with it"),
    ("autoscaling:PutNotificationConfiguration", "no sandbox has groups with it"),
];

/// `verb resource` from the API server's audit log, on clusters with the add-on and with a plain DaemonSet.
pub(crate) const KUBERNETES_ADDON: &[&str] = &[
    "create leases",
    "create pods/eviction",
    "delete leases",
    "get configmaps",
    "get customresourcedefinitions",
    "get daemonsets",
    "get leases",
    "list apiservices",
    "list controllerrevisions",
    "list deployments",
    "list endpointslices",
    "list eniconfigs",
    "list events",
    "list mutatingwebhookconfigurations",
    "list networkpolicies",
    "list nodepools",
    "list nodes",
    "list poddisruptionbudgets",
    "list pods",
    "list services",
    "list statefulsets",
    "list targetgroupbindings",
    "list validatingadmissionpolicies",
    "list validatingwebhookconfigurations",
    "list volumeattachments",
    "patch configmaps",
    "patch eniconfigs",
    "patch nodes",
    "update leases",
    "watch nodes",
    "watch poddisruptionbudgets",
    "watch pods",
    "watch volumeattachments",
];
pub(crate) const KUBERNETES_DAEMONSET: &[&str] =
    &["patch configmaps", "patch customresourcedefinitions", "patch daemonsets", "patch eniconfigs"];
pub(crate) const KUBERNETES_UNSEEN: &[(&str, &str)] = &[
    ("create configmaps", "part of the apply that creates one, which the log calls patch"),
    ("create customresourcedefinitions", "likewise"),
    ("create eniconfigs", "likewise"),
    ("delete persistentvolumeclaims", "with --delete-local-volumes alone"),
    ("delete pods", "with --disable-eviction, and if unresponsive nodes block aws-node's rollout"),
    ("get deployments", "if a controller does not recreate an evicted pod"),
    ("get deployments/scale", "with --surge-singletons alone"),
    ("get jobs", "if a controller does not recreate an evicted pod"),
    ("get replicasets", "with --surge-singletons, or if a controller does not recreate an evicted pod"),
    ("get statefulsets", "if a controller does not recreate an evicted pod"),
    ("list ec2nodeclasses", "only where Karpenter starts nodes"),
    ("list nodeclaims", "only where Karpenter starts nodes"),
    ("list horizontalpodautoscalers", "with --surge-singletons alone"),
    ("list persistentvolumes", "if pods on old nodes claim volumes; these don't"),
    ("patch deployments/scale", "with --surge-singletons alone"),
];

/// The whole undo, on a cluster with the add-on, access entries, managed and self-managed nodes.
pub(crate) const UNDO: &[&str] = &[
    "autoscaling:DeleteAutoScalingGroup",
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:ResumeProcesses",
    "autoscaling:SuspendProcesses",
    "autoscaling:TerminateInstanceInAutoScalingGroup",
    "autoscaling:UpdateAutoScalingGroup",
    "cloudformation:DeleteStack",
    "cloudformation:DescribeStacks",
    "ec2:DeleteLaunchTemplate",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteSecurityGroup",
    "ec2:DeleteSubnet",
    "ec2:DescribeImages",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeInstances",
    "ec2:DescribeLaunchTemplateVersions",
    "ec2:DescribeNetworkAcls",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcPeeringConnections",
    "ec2:DescribeVpcs",
    "ec2:DisassociateVpcCidrBlock",
    "ec2:RevokeSecurityGroupIngress",
    "eks:DeleteAccessEntry",
    "eks:DescribeAccessEntry",
    "eks:DescribeAddon",
    "eks:DescribeCluster",
    "eks:DescribeNodegroup",
    "eks:DescribeUpdate",
    "eks:ListAccessEntries",
    "eks:ListNodegroups",
    "eks:ListUpdates",
    "eks:UpdateAddon",
    "eks:UpdateNodegroupConfig",
    "iam:DeleteInstanceProfile",
    "iam:DeleteRole",
    "iam:DetachRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
    "iam:RemoveRoleFromInstanceProfile",
    "iam:SimulatePrincipalPolicy",
    "servicequotas:GetServiceQuota",
    "servicequotas:ListServiceQuotas",
    "ssm:GetParameter",
];

/// What a single step that keeps the node groups' stacks needs in addition.
pub(crate) const UNDO_STEP: &[&str] = &[
    "autoscaling:CreateOrUpdateTags",
    "cloudformation:UpdateStack",
    "ec2:CreateTags",
    "ec2:RunInstances",
    "iam:PassRole",
];

const SCHEMA: &str =
    "the schema of CloudFormation's type names it for a deletion; the sandbox's handlers don't ask";
pub(crate) const UNDO_UNSEEN: &[(&str, &str)] = &[
    (
        "autoscaling:Describe*",
        "the schema of CloudFormation's type names its reads as one; the sandbox makes only the one it needs",
    ),
    ("autoscaling:DescribeScalingActivities", "if a group has not started all its nodes"),
    ("autoscaling:DescribeLaunchConfigurations", "no sandbox has groups from before launch templates"),
    ("ec2:DescribeLaunchTemplates", SCHEMA),
    ("ec2:DescribeSecurityGroupRules", SCHEMA),
    ("iam:GetInstanceProfile", SCHEMA),
    ("iam:GetRole", SCHEMA),
    ("cloudformation:DescribeStackEvents", "if a stack can't be deleted"),
    ("ec2:DescribeAvailabilityZones", "of all commands, only undo finds its stacks by their tag"),
    ("eks:ListClusters", "used only if the cluster does not exist, which is a refusal"),
];

/// `verb resource` from the API server's audit log, on clusters with the add-on and with a plain DaemonSet.
pub(crate) const KUBERNETES_UNDO: &[&str] = &[
    "create leases",
    "create pods/eviction",
    "delete configmaps",
    "delete eniconfigs",
    "delete leases",
    "get configmaps",
    "get customresourcedefinitions",
    "get daemonsets",
    "get leases",
    "list apiservices",
    "list controllerrevisions",
    "list deployments",
    "list endpointslices",
    "list eniconfigs",
    "list mutatingwebhookconfigurations",
    "list nodepools",
    "list nodes",
    "list poddisruptionbudgets",
    "list pods",
    "list services",
    "list statefulsets",
    "list targetgroupbindings",
    "list validatingadmissionpolicies",
    "list validatingwebhookconfigurations",
    "list volumeattachments",
    "patch configmaps",
    "patch nodes",
    "update leases",
    "watch nodes",
    "watch poddisruptionbudgets",
    "watch pods",
    "watch volumeattachments",
];
pub(crate) const KUBERNETES_UNDO_DAEMONSET: &[&str] =
    &["delete customresourcedefinitions", "patch daemonsets"];
pub(crate) const KUBERNETES_UNDO_UNSEEN: &[(&str, &str)] = &[
    ("create configmaps", "part of the apply that creates one, which the log calls patch"),
    ("delete persistentvolumeclaims", "with --delete-local-volumes alone"),
    ("delete pods", "with --disable-eviction, and if unresponsive nodes block aws-node's rollout"),
    ("get deployments", "if a controller does not recreate an evicted pod"),
    ("get deployments/scale", "with --surge-singletons alone"),
    ("get jobs", "if a controller does not recreate an evicted pod"),
    ("get replicasets", "with --surge-singletons, or if a controller does not recreate an evicted pod"),
    ("get statefulsets", "if a controller does not recreate an evicted pod"),
    ("list ec2nodeclasses", "only where Karpenter starts nodes"),
    ("list horizontalpodautoscalers", "with --surge-singletons alone"),
    ("list nodeclaims", "only where Karpenter starts nodes"),
    ("list persistentvolumes", "if pods on eni-custom's nodes claim volumes; these don't"),
    ("patch deployments/scale", "with --surge-singletons alone"),
    ("patch eniconfigs", "if setup replaced a foreign one"),
    ("update customresourcedefinitions", "if setup replaced one without a schema"),
];
