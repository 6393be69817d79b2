//! On what, and under which conditions: the statements of the policy.

use crate::design::stack_name;
use crate::net::partition;
use crate::tags::TAG_CLUSTER;

/// What a statement is about. Its place here is its place in the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grant {
    /// Calls that know no resources.
    Read,
    ReadCluster,
    ReadImages,
    ReadStacks,
    OwnPermissions,
    Vpc,
    PodSubnets,
    TagPodSubnets,
    RouteTables,
    OwnSubnets,
    Addon,
    /// The IAM role that the add-on has already.
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
    ManagedNodeGroups,
    OldGroups,
    /// The same for groups that carry the older tag.
    OldGroupsByOldTag,
    UnownedInstances,
    CniInterfaces,
    OwnAccessEntry,
}

/// What ARNs are made of. What is not known is any: `*`.
#[derive(Debug, Clone, Default)]
pub struct Names {
    pub cluster: Option<String>,
    pub region: Option<String>,
    /// Twelve digits.
    pub account: Option<String>,
    /// `vpc-…`
    pub vpc: Option<String>,
    /// Route tables that pod subnets are associated with; none: any.
    pub route_tables: Vec<String>,
    /// Managed node groups that are drained; none: any.
    pub managed: Vec<String>,
    /// Auto Scaling groups that are drained; none: any.
    pub groups: Vec<String>,
    /// ARN of the add-on's IAM role; nothing: it has none. Never any: who may pass any role to EKS has any role's rights.
    pub addon_role: Option<String>,
    /// One of them lacks the cluster's tag.
    pub untagged: bool,
}

/// `operator: { key: values }`, as in a statement's Condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub operator: &'static str,
    pub key: String,
    pub values: Vec<String>,
}

/// The policies that the base stack's template attaches to the nodes' role.
const NODE_POLICIES: [&str; 4] = [
    "AmazonEKSWorkerNodePolicy",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonSSMManagedInstanceCore",
    "AmazonEKS_CNI_Policy",
];

/// CloudFormation cuts a stack's name where the name that it makes of it would be longer than IAM takes: 64 letters
/// for a role, of which thirteen are its random end and nine the logical id.
const LONGEST_IN_ROLE: usize = 40;

impl Names {
    fn of(name: &Option<String>) -> &str {
        name.as_deref().unwrap_or("*")
    }

    /// The partition is in the region's name.
    fn partition(&self) -> &'static str {
        self.region.as_deref().map_or("*", |region| partition::of_region(region).name)
    }

    /// EC2 as IAM knows it: one principal where the partition is known, else each of them.
    fn ec2_principals(&self) -> Vec<&'static str> {
        let mut principals = match &self.region {
            Some(region) => vec![partition::of_region(region).ec2_principal],
            None => partition::ALL.iter().map(|partition| partition.ec2_principal).collect(),
        };
        principals.sort_unstable();
        principals.dedup();
        principals
    }

    /// Of a service that is in each region by itself.
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

    /// What the names of our stacks begin with.
    fn stacks(&self) -> String {
        match &self.cluster {
            Some(cluster) => {
                let name = stack_name(cluster, "base");
                name.strip_suffix("base").unwrap_or(&name).to_string()
            }
            None => "eni-custom-".into(),
        }
    }

    /// What the names of the nodes' role and instance profile begin with.
    fn node_role(&self) -> String {
        let mut name = match &self.cluster {
            Some(cluster) => format!("{}-", stack_name(cluster, "base")),
            None => self.stacks(),
        };
        name.truncate(LONGEST_IN_ROLE);
        name
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
    /// The statement that it is part of: what has the same condition stands together, since an action never applies
    /// to another's kind of resource. IAM takes letters and digits in a Sid, nothing else.
    pub fn sid(self) -> &'static str {
        match self {
            Grant::Read => "ReadNetworkNodesAndQuotas",
            Grant::ReadCluster | Grant::ReadImages | Grant::ReadStacks => "ReadClusterImagesAndOwnStacks",
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
            | Grant::NodeGroups => "StacksMakeNodeGroups",
            Grant::NodePolicies => "StacksAttachNodePolicies",
            Grant::PassNodeRole => "PassNodeRoleToInstances",
            Grant::RunNodes => "RunNodesByLaunchTemplate",
            Grant::OldGroups => "EndOldNodes",
            Grant::OldGroupsByOldTag => "EndOldNodesByOlderTag",
            Grant::UnownedInstances => "TerminateUnownedInstances",
            Grant::CniInterfaces => "DeleteInterfacesOfCni",
        }
    }

    /// ARNs, with wildcards where a thing has no name yet.
    pub fn resources(self, names: &Names) -> Vec<String> {
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
            Grant::NodeRole | Grant::NodePolicies | Grant::PassNodeRole => {
                vec![names.iam(&format!("role/{}*", names.node_role()))]
            }
            Grant::InstanceProfile => vec![names.iam(&format!("instance-profile/{}*", names.node_role()))],
            Grant::NodeSecurityGroup => any(&["security-group", "security-group-rule"]),
            Grant::LaunchTemplates => any(&["launch-template"]),
            Grant::RunNodes => {
                let region = Names::of(&names.region);
                vec![names.ec2("*"), format!("arn:{}:ec2:{region}::image/*", names.partition())]
            }
            Grant::TagNodes => any(&["security-group", "launch-template", "volume"]),
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

    pub fn conditions(self, names: &Names) -> Vec<Condition> {
        let is = |key: &str, values: &[&str]| Condition {
            operator: "StringEquals",
            key: key.into(),
            values: values.iter().map(ToString::to_string).collect(),
        };
        let by_stack = || Condition {
            // The stack's handlers call in the name of who made the stack; that person can't call so alone.
            operator: "ForAnyValue:StringEquals",
            ..is("aws:CalledVia", &["cloudformation.amazonaws.com"])
        };
        let cluster = |prefix: &str| match &names.cluster {
            Some(cluster) => is(&format!("{prefix}/{TAG_CLUSTER}"), &[cluster]),
            None => Condition { operator: "StringLike", ..is(&format!("{prefix}/{TAG_CLUSTER}"), &["*"]) },
        };
        // A wildcard can't stand in a key, so without the cluster's name there is no such condition.
        let belongs = |tag: &str| {
            let key = names.cluster.as_ref().map(|cluster| format!("aws:ResourceTag/{tag}/{cluster}"));
            key.map(|key| Condition { operator: "StringLike", ..is(&key, &["*"]) }).into_iter().collect()
        };
        match self {
            Grant::PodSubnets => vec![cluster("aws:RequestTag")],
            Grant::TagPodSubnets => vec![is("ec2:CreateAction", &["CreateSubnet"])],
            Grant::OwnSubnets | Grant::OwnAccessEntry => vec![cluster("aws:ResourceTag")],
            // The CNI tags each interface that it makes (amazon-vpc-cni-k8s, pkg/awsutils).
            Grant::CniInterfaces => vec![Condition {
                operator: "StringLike",
                ..is("aws:ResourceTag/node.k8s.amazonaws.com/instance_id", &["*"])
            }],
            // Without it the caller could let people in, with any group.
            Grant::AuthoriseNodes => vec![is("eks:accessEntryType", &["EC2_LINUX"])],
            Grant::TagAccessEntry => vec![cluster("aws:RequestTag")],
            Grant::NodeRole
            | Grant::InstanceProfile
            | Grant::NodeSecurityGroup
            | Grant::LaunchTemplates
            | Grant::NodeGroups => vec![by_stack()],
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
            | Grant::OwnPermissions
            | Grant::Vpc
            | Grant::RouteTables
            | Grant::Addon
            // Which service's name goes with this role AWS does not document.
            | Grant::PassAddonRole
            | Grant::Stacks
            | Grant::ManagedNodeGroups => Vec::new(),
        }
    }

    /// What to ask the policy simulator about: the same, but each ARN of a kind that the call is certainly judged on.
    /// Nothing where an answer would say nothing: another grant is enough, or it shows when it is asked.
    pub fn probe(self, names: &Names) -> Option<Probe> {
        let arns = match self {
            // No resource: what is asked without one is answered.
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
            // A pattern of a tag's value stands for any value.
            (condition.key, if value == "*" { "owned".into() } else { value })
        });
        // Which of the two a tag at creation is judged on, the reference leaves open.
        Some(Probe { arns, any: self == Grant::TagAccessEntry, keys: keys.collect() })
    }
}

/// A question to the policy simulator.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Probe {
    pub arns: Vec<String>,
    /// One of them is enough.
    pub any: bool,
    pub keys: Vec<(String, String)>,
}
