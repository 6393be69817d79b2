//! The initial cluster: a struct for tests, options for the command line.

use clap::{Args, Parser, ValueEnum};
use serde::Serialize;
use serde_json::{Value, json};

#[derive(Clone, Debug, PartialEq, Serialize, Args)]
pub struct Shape {
    /// Number of Availability Zones
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=4))]
    pub azs: u8,
    /// Owner of the old nodes
    #[arg(long, value_enum, default_value_t = OldNodes::Both)]
    pub old_nodes: OldNodes,
    /// Unlike node groups instead of those of --old-nodes: a platform team's, managed ones of every kind, or many
    #[arg(long, value_enum, default_value_t = Pools::Plain)]
    pub pools: Pools,
    /// Number of groups of --pools teams
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=50))]
    pub teams: u8,
    /// Run Karpenter, which starts the nodes: all of them, or those beside a managed node group for critical add-ons
    /// (instead of --old-nodes and --pools)
    #[arg(long, value_enum, value_name = "SHAPE", conflicts_with_all = ["old_nodes", "pools", "auto_mode"])]
    pub karpenter: Option<Karpenter>,
    /// Owner of Karpenter's Deployment, NodePools and EC2NodeClasses
    #[arg(long, value_enum, default_value_t = KarpenterOwner::Helm)]
    pub karpenter_owner: KarpenterOwner,
    /// Old nodes per Availability Zone, in each of the old node groups; with --karpenter at least so many for the
    /// first NodePool
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub nodes_per_az: u32,
    /// Instance type of the old nodes
    #[arg(long, value_name = "TYPE", default_value = "m5.large")]
    pub instance_type: String,
    /// Put the old nodes into the public subnets
    #[arg(long)]
    pub public_nodes: bool,
    /// How the VPC CNI was installed
    #[arg(long, value_enum, default_value_t = Cni::Addon)]
    pub cni: Cni,
    #[arg(long, value_name = "VERSION", default_value = "v1.20.4-eksbuild.1")]
    pub cni_version: String,
    /// Give the add-on its own IAM role for aws-node; the old nodes' role lacks the CNI's policy
    #[arg(long)]
    pub irsa: bool,
    /// The add-on's configurationValues, JSON or YAML
    #[arg(long, value_name = "TEXT")]
    pub addon_values: Option<String>,
    /// A variable of aws-node's environment, NAME=VALUE; may be given several times
    #[arg(long, value_name = "NAME=VALUE")]
    pub cni_env: Vec<String>,
    /// The ENIConfig CRD: with a schema (VPC CNI 1.18.3 and later), without one, or missing
    #[arg(long, value_enum, default_value_t = Crd::Typed)]
    pub crd: Crd,
    /// The cluster's accessConfig.authenticationMode
    #[arg(long, value_enum, default_value_t = AuthenticationMode::ApiAndConfigMap)]
    pub authentication_mode: AuthenticationMode,
    /// The version that EKS reports
    #[arg(long, value_name = "VERSION", default_value = "1.34")]
    pub kubernetes_version: String,
    /// A secondary CIDR block that the VPC already has
    #[arg(long, value_name = "CIDR")]
    pub secondary_cidr: Option<String>,
    /// Quota of CIDR blocks per VPC
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub cidr_quota: u32,
    /// Quota of vCPUs of running On-Demand Standard instances
    #[arg(long, value_name = "N", default_value_t = 5000)]
    pub vcpu_quota: u32,
    #[arg(long, value_enum, default_value_t = IpFamily::Ipv4)]
    pub ip_family: IpFamily,
    /// Make it an EKS Auto Mode cluster
    #[arg(long)]
    pub auto_mode: bool,
    /// Leave out the Deployments, the StatefulSet and the Job with their PodDisruptionBudgets
    #[arg(long = "no-workloads", action = clap::ArgAction::SetFalse)]
    pub workloads: bool,
    /// Stop the kubelet of one old node; its instance keeps running
    #[arg(long)]
    pub dead_node: bool,
    /// Add a Node object whose instance no longer exists
    #[arg(long)]
    pub left_over_node: bool,
    /// Run a cluster-autoscaler that scales the managed node group to its maximum while pods are Pending
    #[arg(long)]
    pub autoscaler: bool,
    /// How AWS's APIs behave: always consistent, eventually consistent as usual, or worse
    #[arg(long, value_enum, default_value_t = Aws::Real)]
    pub aws: Aws,
    /// How long stacks, instances and rollouts take
    #[arg(long, value_enum, default_value_t = Latency::Short)]
    pub latency: Latency,
    #[arg(long, value_name = "REGION", default_value = "us-west-2")]
    pub region: String,
    /// Name of the cluster
    #[arg(long = "name", value_name = "NAME", default_value = "sandbox")]
    pub cluster: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum OldNodes {
    Managed,
    SelfManaged,
    Both,
    None,
}

/// `aws/sandbox_aws/seed_pools.py` creates them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Pools {
    /// All nodes are alike
    Plain,
    /// arm64, Spot, a tainted, a labelled and a GPU group, and one with an IAM policy
    Mixed,
    /// Managed: without a launch template, with one, with an own image, Bottlerocket
    Managed,
    /// A labelled group for each of --teams teams, with a node in each zone
    Teams,
}

/// `aws/sandbox_aws/seed_karpenter.py` creates their AWS side, `karpenter.rs` their objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Karpenter {
    /// On Fargate; one NodePool for everything else
    Alone,
    /// On a tainted managed node group with CoreDNS; NodePools general, spot and arm, the latter two tainted
    Beside,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum KarpenterOwner {
    Helm,
    /// Argo CD, which renders the chart itself
    #[value(name = "argocd")]
    #[serde(rename = "argocd")]
    ArgoCd,
    /// Created with kubectl
    Nobody,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Cni {
    Addon,
    Daemonset,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Crd {
    Typed,
    Untyped,
    Missing,
}

/// Spelled as in the EKS API, also as an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[value(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuthenticationMode {
    ConfigMap,
    Api,
    ApiAndConfigMap,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum IpFamily {
    Ipv4,
    Ipv6,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Aws {
    Calm,
    Real,
    Rough,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Latency {
    Short,
    Realistic,
}

impl Default for Shape {
    /// The defaults of the command line, so that they are defined once.
    fn default() -> Self {
        #[derive(Parser)]
        struct Options {
            #[command(flatten)]
            shape: Shape,
        }
        Options::parse_from(["sandbox"]).shape
    }
}

impl Shape {
    /// Names of the Availability Zones.
    pub fn zones(&self) -> Vec<String> {
        ('a'..='d').take(self.azs.into()).map(|letter| format!("{}{letter}", self.region)).collect()
    }

    /// The number of old nodes in node groups. Auto Mode and Karpenter start nodes with the first pods.
    pub(crate) fn old_node_count(&self) -> usize {
        if self.auto_mode {
            return 0;
        }
        match self.karpenter {
            Some(Karpenter::Alone) => return 0,
            Some(Karpenter::Beside) => return usize::from(self.azs),
            None => {}
        }
        match self.pools {
            Pools::Mixed => return 6,
            Pools::Managed => return 4,
            Pools::Teams => return usize::from(self.teams) * usize::from(self.azs),
            Pools::Plain => {}
        }
        let groups = match self.old_nodes {
            OldNodes::Both => 2,
            OldNodes::Managed | OldNodes::SelfManaged => 1,
            OldNodes::None => 0,
        };
        groups * usize::from(self.azs) * self.nodes_per_az as usize
    }

    /// shape.json for the AWS emulation: the shape, and the addresses of the sandbox's parts.
    pub(crate) fn to_json(&self, places: Value) -> Value {
        let mut shape = json!(self);
        shape["azs"] = json!(self.zones());
        shape["account"] = json!("123456789012");
        if let (Some(shape), Value::Object(places)) = (shape.as_object_mut(), places) {
            shape.extend(places);
        }
        shape
    }
}
