//! The statements of the policy: their resources and conditions.

use std::collections::BTreeSet;

use crate::design::stack_name;
use crate::net::partition;
use crate::tags::TAG_CLUSTER;

/// The subject of a statement. The order here is the order in the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Grant {
    /// Calls without resource-level permissions.
    Read,
    ReadCluster,
    ReadImages,
    ReadStacks,
    ReadInstanceProfiles,
    ReadNodeRoles,
    OwnPermissions,
    Vpc,
    PodSubnets,
    TagPodSubnets,
    RouteTables,
    OwnSubnets,
    Addon,
    /// The IAM role that the add-on already has.
    PassAddonRole,
    AuthoriseNodes,
    TagAccessEntry,
    Stacks,
    NodeRole,
    InstanceProfile,
    NodePolicies,
    PassNodeRole,
    NodeSecurityGroup,
    LaunchTemplates,
    RunNodes,
    TagNodes,
    NodeGroups,
    CreateNodegroups,
    TagNodegroups,
    /// Managed node groups in stacks of eni-custom.
    NewNodegroups,
    PassNodeRoleToEks,
    /// EKS reads them in the caller's name.
    ReadNodeRolesByEks,
    /// EKS's service-linked role for managed node groups.
    NodegroupServiceRole,
    ManagedNodeGroups,
    OldGroups,
    /// The same for groups with the older tag.
    OldGroupsByOldTag,
    UnownedInstances,
    CniInterfaces,
    OwnAccessEntry,
}

/// The parts of ARNs. Unknown parts become `*`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub cluster: Option<String>,
    pub region: Option<String>,
    /// Twelve digits.
    pub account: Option<String>,
    /// `vpc-…`
    pub vpc: Option<String>,
    /// Route tables of the pod subnets; empty: any.
    pub route_tables: Vec<String>,
    /// Managed node groups that are drained; empty: any.
    pub managed: Vec<String>,
    /// Auto Scaling groups that are drained; empty: any.
    pub groups: Vec<String>,
    /// ARN of the add-on's IAM role; `None`: it has none. Never `*`: passing any role to EKS would grant any role's
    /// permissions.
    pub addon_role: Option<String>,
    /// ARNs of the old nodes' roles, which new nodes keep. Never `*`, for the same reason.
    pub node_roles: BTreeSet<String>,
    /// IAM path of the roles and instance profiles that stacks create; `None`: `/`.
    pub role_path: Option<String>,
    /// One of the groups lacks the cluster's tag.
    pub untagged: bool,
}

/// `operator: { key: values }`, as in a statement's Condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    pub operator: &'static str,
    pub key: String,
    pub values: Vec<String>,
}

/// The policies that the base stack attaches to the node role.
const NODE_POLICIES: [&str; 4] = [
    "AmazonEKSWorkerNodePolicy",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonSSMManagedInstanceCore",
    "AmazonEKS_CNI_Policy",
];

/// CloudFormation truncates the stack name in the role name that it generates, since IAM allows 64 characters: thirteen
/// are the random suffix and nine the logical id.
const LONGEST_IN_ROLE: usize = 40;

/// As far as IAM's names contain that of the stack.
fn shortened(mut stack: String) -> String {
    stack.truncate(LONGEST_IN_ROLE);
    stack
}

impl Names {
    fn of(name: &Option<String>) -> &str {
        name.as_deref().unwrap_or("*")
    }

    /// The partition is in the region's name.
    fn partition(&self) -> &'static str {
        self.region.as_deref().map_or("*", |region| partition::of_region(region).name)
    }

    /// The EC2 service principals of IAM: one if the partition is known, else all of them.
    fn ec2_principals(&self) -> Vec<&'static str> {
        let mut principals = match &self.region {
            Some(region) => vec![partition::of_region(region).ec2_principal],
            None => partition::ALL.iter().map(|partition| partition.ec2_principal).collect(),
        };
        principals.sort_unstable();
        principals.dedup();
        principals
    }

    /// The ARN of a regional service.
    fn regional(&self, service: &str, resource: &str) -> String {
        let (region, account) = (Self::of(&self.region), Self::of(&self.account));
        format!("arn:{}:{service}:{region}:{account}:{resource}", self.partition())
    }

    fn ec2(&self, resource: &str) -> String {
        self.regional("ec2", resource)
    }

    fn eks(&self, kind: &str, rest: &str) -> String {
        self.regional("eks", &format!("{kind}/{}{rest}", Self::of(&self.cluster)))
    }

    fn iam(&self, resource: &str) -> String {
        format!("arn:{}:iam::{}:{resource}", self.partition(), Self::of(&self.account))
    }

    /// The prefix of the stack names.
    fn stacks(&self) -> String {
        match &self.cluster {
            Some(cluster) => {
                let name = stack_name(cluster, "base");
                name.strip_suffix("base").unwrap_or(&name).to_string()
            }
            None => "eni-custom-".into(),
        }
    }

    /// The IAM path of what stacks create, with a slash at each end.
    fn path(&self) -> &str {
        self.role_path.as_deref().unwrap_or("/")
    }

    /// Roles that the base stack creates.
    fn own_roles(&self) -> String {
        let name = match &self.cluster {
            Some(cluster) => format!("{}-", stack_name(cluster, "base")),
            None => self.stacks(),
        };
        self.iam(&format!("role{}{}*", self.path(), shortened(name)))
    }

    fn each(names: &[String], arn: impl Fn(&str) -> String) -> Vec<String> {
        if names.is_empty() { vec![arn("*")] } else { names.iter().map(|name| arn(name)).collect() }
    }

    fn groups(&self) -> Vec<String> {
        Self::each(&self.groups, |name| self.group(name))
    }

    fn group(&self, name: &str) -> String {
        self.regional("autoscaling", &format!("autoScalingGroup:*:autoScalingGroupName/{name}"))
    }
}

impl Grant {
    /// Its statement: grants with the same condition share one, since an action never applies to another's kind of
    /// resource. IAM allows only letters and digits in a Sid.
    pub(crate) fn sid(self) -> &'static str {
        match self {
            Grant::Read => "ReadNetworkNodesAndQuotas",
            Grant::ReadCluster
            | Grant::ReadImages
            | Grant::ReadStacks
            | Grant::ReadInstanceProfiles
            | Grant::ReadNodeRoles => "ReadClusterImagesAndOwnStacks",
            Grant::OwnPermissions => "CheckOwnPermissions",
            Grant::Vpc | Grant::RouteTables | Grant::Addon | Grant::Stacks | Grant::ManagedNodeGroups => {
                "ChangeVpcClusterAndOwnStacks"
            }
            Grant::PodSubnets | Grant::TagAccessEntry => "CreateWithOwnTag",
            Grant::TagPodSubnets | Grant::TagNodes => "TagAtCreation",
            Grant::OwnSubnets | Grant::OwnAccessEntry => "ChangeOwnOnly",
            Grant::PassAddonRole => "PassAddonItsOwnRole",
            Grant::AuthoriseNodes => "LetNodesJoin",
            Grant::NodeRole
            | Grant::InstanceProfile
            | Grant::NodeSecurityGroup
            | Grant::LaunchTemplates
            | Grant::NodeGroups
            | Grant::CreateNodegroups
            | Grant::TagNodegroups
            | Grant::NewNodegroups
            | Grant::ReadNodeRolesByEks => "StacksMakeNodeGroups",
            Grant::PassNodeRoleToEks => "PassNodeRoleToManagedNodeGroups",
            Grant::NodegroupServiceRole => "CreateServiceRoleOfManagedNodeGroups",
            Grant::NodePolicies => "StacksAttachNodePolicies",
            Grant::PassNodeRole => "PassNodeRoleToInstances",
            Grant::RunNodes => "RunNodesByLaunchTemplate",
            Grant::OldGroups => "EndOldNodes",
            Grant::OldGroupsByOldTag => "EndOldNodesByOlderTag",
            Grant::UnownedInstances => "TerminateUnownedInstances",
            Grant::CniInterfaces => "DeleteInterfacesOfCni",
        }
    }

    /// ARNs, with wildcards for names that don't exist yet.
    pub(crate) fn resources(self, names: &Names) -> Vec<String> {
        let any = |kinds: &[&str]| kinds.iter().map(|kind| names.ec2(&format!("{kind}/*"))).collect();
        match self {
            Grant::Read => vec!["*".into()],
            Grant::ReadCluster => vec![
                names.eks("cluster", ""),
                names.eks("addon", "/vpc-cni/*"),
                names.eks("nodegroup", "/*"),
                names.eks("access-entry", "/*"),
            ],
            // Public parameters belong to no account.
            Grant::ReadImages => ["eks/optimized-ami", "bottlerocket"]
                .map(|path| {
                    let region = Names::of(&names.region);
                    format!("arn:{}:ssm:{region}::parameter/aws/service/{path}/*", names.partition())
                })
                .to_vec(),
            Grant::ReadStacks | Grant::Stacks => {
                vec![names.regional("cloudformation", &format!("stack/{}*/*", names.stacks()))]
            }
            Grant::ReadInstanceProfiles => vec![names.iam("instance-profile/*")],
            Grant::ReadNodeRoles => vec![names.iam("role/*")],
            Grant::OwnPermissions => vec![names.iam("role/*"), names.iam("user/*")],
            Grant::Vpc => vec![names.ec2(&format!("vpc/{}", Names::of(&names.vpc)))],
            Grant::PodSubnets | Grant::TagPodSubnets | Grant::OwnSubnets => any(&["subnet"]),
            Grant::RouteTables => {
                Names::each(&names.route_tables, |table| names.ec2(&format!("route-table/{table}")))
            }
            Grant::Addon => vec![names.eks("addon", "/vpc-cni/*")],
            Grant::PassAddonRole => names.addon_role.iter().cloned().collect(),
            Grant::AuthoriseNodes => vec![names.eks("cluster", "")],
            Grant::TagAccessEntry => vec![names.eks("cluster", ""), names.eks("access-entry", "/*")],
            Grant::NodeRole | Grant::NodePolicies => vec![names.own_roles()],
            Grant::CreateNodegroups => vec![names.eks("cluster", "")],
            Grant::TagNodegroups => {
                vec![names.eks("cluster", ""), names.eks("nodegroup", "/eni-custom-*/*")]
            }
            Grant::NewNodegroups => vec![names.eks("nodegroup", "/eni-custom-*/*")],
            Grant::NodegroupServiceRole => vec![names.iam(
                "role/aws-service-role/eks-nodegroup.amazonaws.com/AWSServiceRoleForAmazonEKSNodegroup",
            )],
            Grant::PassNodeRole | Grant::PassNodeRoleToEks | Grant::ReadNodeRolesByEks => {
                [names.own_roles()].into_iter().chain(names.node_roles.iter().cloned()).collect()
            }
            // In the stack of the node group, unless the base stack creates the role.
            Grant::InstanceProfile => {
                let stacks = shortened(names.stacks());
                vec![names.iam(&format!("instance-profile{}{stacks}*", names.path()))]
            }
            Grant::NodeSecurityGroup => any(&["security-group", "security-group-rule"]),
            Grant::LaunchTemplates => any(&["launch-template"]),
            Grant::RunNodes => {
                let region = Names::of(&names.region);
                vec![names.ec2("*"), format!("arn:{}:ec2:{region}::image/*", names.partition())]
            }
            Grant::TagNodes => {
                any(&["security-group", "launch-template", "instance", "volume", "network-interface"])
            }
            Grant::NodeGroups => vec![names.group(&format!("{}*", names.stacks()))],
            Grant::ManagedNodeGroups => {
                Names::each(&names.managed, |group| names.eks("nodegroup", &format!("/{group}/*")))
            }
            Grant::OldGroups | Grant::OldGroupsByOldTag => names.groups(),
            Grant::UnownedInstances => any(&["instance"]),
            Grant::CniInterfaces => any(&["network-interface"]),
            Grant::OwnAccessEntry => vec![names.eks("access-entry", "/*")],
        }
    }

    pub(crate) fn conditions(self, names: &Names) -> Vec<Condition> {
        let is = |key: &str, values: &[&str]| Condition {
            operator: "StringEquals",
            key: key.into(),
            values: values.iter().map(ToString::to_string).collect(),
        };
        let by_stack = || Condition {
            // The stack's handlers call in the name of the stack's creator, who can't make these calls directly.
            operator: "ForAnyValue:StringEquals",
            ..is("aws:CalledVia", &["cloudformation.amazonaws.com"])
        };
        let cluster = |prefix: &str| match &names.cluster {
            Some(cluster) => is(&format!("{prefix}/{TAG_CLUSTER}"), &[cluster]),
            None => Condition { operator: "StringLike", ..is(&format!("{prefix}/{TAG_CLUSTER}"), &["*"]) },
        };
        // A condition key can't contain a wildcard, so without the cluster's name there is no condition.
        let belongs = |tag: &str| {
            let key = names.cluster.as_ref().map(|cluster| format!("aws:ResourceTag/{tag}/{cluster}"));
            key.map(|key| Condition { operator: "StringLike", ..is(&key, &["*"]) }).into_iter().collect()
        };
        match self {
            Grant::PodSubnets => vec![cluster("aws:RequestTag")],
            Grant::TagPodSubnets => vec![is("ec2:CreateAction", &["CreateSubnet"])],
            Grant::OwnSubnets | Grant::OwnAccessEntry => vec![cluster("aws:ResourceTag")],
            // The CNI tags each interface that it creates (amazon-vpc-cni-k8s, pkg/awsutils).
            Grant::CniInterfaces => vec![Condition {
                operator: "StringLike",
                ..is("aws:ResourceTag/node.k8s.amazonaws.com/instance_id", &["*"])
            }],
            // Without it the caller could grant users access, with any group.
            Grant::AuthoriseNodes => vec![is("eks:accessEntryType", &["EC2_LINUX"])],
            Grant::TagAccessEntry => vec![cluster("aws:RequestTag")],
            Grant::NodeRole
            | Grant::InstanceProfile
            | Grant::NodeSecurityGroup
            | Grant::LaunchTemplates
            | Grant::NodeGroups
            | Grant::CreateNodegroups
            | Grant::TagNodegroups
            | Grant::NewNodegroups
            | Grant::ReadNodeRolesByEks => vec![by_stack()],
            Grant::PassNodeRoleToEks => vec![is("iam:PassedToService", &["eks.amazonaws.com"])],
            Grant::NodegroupServiceRole => {
                vec![is("iam:AWSServiceName", &["eks-nodegroup.amazonaws.com"])]
            }
            Grant::NodePolicies => {
                let arns =
                    NODE_POLICIES.map(|name| format!("arn:{}:iam::aws:policy/{name}", names.partition()));
                let policies = Condition {
                    operator: if names.region.is_some() { "ArnEquals" } else { "ArnLike" },
                    key: "iam:PolicyARN".into(),
                    values: arns.to_vec(),
                };
                vec![by_stack(), policies]
            }
            Grant::PassNodeRole => vec![is("iam:PassedToService", &names.ec2_principals())],
            Grant::RunNodes => vec![Condition {
                operator: "ArnLike",
                ..is("ec2:LaunchTemplate", &[&names.ec2("launch-template/*")])
            }],
            Grant::TagNodes => {
                vec![is("ec2:CreateAction", &["CreateSecurityGroup", "CreateLaunchTemplate", "RunInstances"])]
            }
            Grant::OldGroups | Grant::UnownedInstances => belongs("kubernetes.io/cluster"),
            Grant::OldGroupsByOldTag => belongs("k8s.io/cluster"),
            Grant::Read
            | Grant::ReadCluster
            | Grant::ReadImages
            | Grant::ReadStacks
            | Grant::ReadInstanceProfiles
            | Grant::ReadNodeRoles
            | Grant::OwnPermissions
            | Grant::Vpc
            | Grant::RouteTables
            | Grant::Addon
            // AWS does not document the service name for passing this role.
            | Grant::PassAddonRole
            | Grant::Stacks
            | Grant::ManagedNodeGroups => Vec::new(),
        }
    }

    /// The question for the policy simulator: the same, but only ARNs of a kind that IAM certainly evaluates for the
    /// call. `None` if the answer would be meaningless: another grant is enough, or calling the simulator shows it.
    pub(crate) fn probe(self, names: &Names) -> Option<Probe> {
        let arns = match self {
            // No resources: the question without resources has already answered it.
            Grant::Read => return Some(Probe::default()),
            Grant::OwnPermissions | Grant::OldGroupsByOldTag => return None,
            Grant::NodeSecurityGroup | Grant::TagNodes => vec![names.ec2("security-group/*")],
            Grant::RunNodes => vec![names.ec2("instance/*")],
            Grant::PassAddonRole if names.addon_role.is_none() => return None,
            _ => self.resources(names),
        };
        let by_tag = matches!(self, Grant::OldGroups) && names.untagged;
        let conditions = if by_tag { Vec::new() } else { self.conditions(names) };
        let keys = conditions.into_iter().map(|condition| {
            let value = condition.values.first().cloned().unwrap_or_default();
            // A wildcard for a tag's value means any value.
            (condition.key, if value == "*" { "owned".into() } else { value })
        });
        // The service reference does not say which of the two a tag at creation is evaluated on.
        Some(Probe {
            arns,
            any: matches!(self, Grant::TagAccessEntry | Grant::TagNodegroups),
            keys: keys.collect(),
        })
    }
}

/// A question to the policy simulator.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Probe {
    pub arns: Vec<String>,
    /// One allowed ARN is enough.
    pub any: bool,
    pub keys: Vec<(String, String)>,
}
