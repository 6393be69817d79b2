//! What was read of the cluster, its VPC and its nodes: plain values, no client. `discover` fills them.

mod backends;
mod cni;
mod groups;
mod load_balancers;
mod neighbours;
pub mod node_pools;
mod owner;
mod record;
mod rollout;
mod running;
mod symptoms;
mod volumes;
mod vpc;
mod workload;

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;

use crate::addon::Values;
use crate::net::eniconfig::is_on;

pub use crate::net::eniconfig::EniConfig;
use crate::net::max_pods::InstanceType;
use crate::net::reach::Firewall;
use crate::ownership::{Holder, Manager};

pub use backends::{Backend, Backends, Webhook};
pub use cni::{EnvOwner, Version, VersionSource, detected_version, env_owner};
pub use groups::{
    AccessEntry, AutoScalingGroup, GroupInstance, Hook, ImageTrouble, LAUNCH, ManagedNodeGroup, NodeGroups,
    REBALANCE, SUSPENDED, Stack, WarmPool,
};
pub use load_balancers::LoadBalancers;
pub use neighbours::{Karpenter, Neighbours, NetworkPolicy, NodeClass, NodePool, Requirement, SubnetTerm};
pub use owner::{Owner, chosen, count, group, owner};
pub use record::{LocalClaim, LockHolder, Record, Shape, Sizes};
pub use rollout::{Lag, Progress, Rollout, UpdateStrategy, silent};
pub use running::{Running, WaitingPod, Workload};
pub use symptoms::{ClusterEvent, NodeTrouble, Symptoms};
pub use volumes::{Medium, Volume, ZONE_LABELS};
pub use vpc::{CNI_INTERFACE, CidrBlock, Occupant, Peering, Quotas, Route, RouteTable, Subnet, Vpc};
pub use workload::{
    Autoscaler, Budget, Controller, Interface, Least, Node, NodeKind, Placement, Pod, Requests, StatefulSets,
    Surge, Taint, Terminating, Unready,
};

/// The same security groups, in whatever order.
pub fn same_groups(one: &[String], other: &[String]) -> bool {
    one.iter().collect::<BTreeSet<_>>() == other.iter().collect::<BTreeSet<_>>()
}

/// Everything that decisions are taken from.
#[derive(Debug, Clone)]
pub struct Facts {
    pub caller: Caller,
    pub permissions: Permissions,
    pub cluster: Cluster,
    pub vpc: Vpc,
    pub firewall: Firewall,
    pub backends: Backends,
    /// What else works on the cluster; read once, before the first change.
    pub neighbours: Neighbours,
    pub machine: Machine,
    pub cni: Cni,
    pub eniconfigs: EniConfigs,
    pub node_groups: NodeGroups,
    pub nodes: Vec<Node>,
    /// Nodes that do not report and whose instances are gone: nobody has deleted the objects. They are not in `nodes`.
    pub left_over: Vec<Node>,
    /// Nodes with the labels that were asked for, where any were.
    pub labelled_nodes: Option<BTreeSet<String>>,
    pub pods: Vec<Pod>,
    pub budgets: Vec<Budget>,
    pub running: Running,
    /// The volumes that pods on old nodes claim, by `namespace/claim`. A claim that is not bound yet is left out.
    pub volumes: BTreeMap<String, Volume>,
    /// Read where one has pods on old nodes.
    pub stateful_sets: StatefulSets,
    /// Read where there are old nodes, or new ones are to go.
    pub load_balancers: LoadBalancers,
    /// Read where --surge-singletons is given.
    pub surges: Vec<Surge>,
    /// Interfaces that the CNI made and that no instance holds.
    pub loose_interfaces: Vec<Interface>,
    /// What stands in the subnets that this program made; read where something is taken back.
    pub occupants: Vec<Occupant>,
    /// What this program wrote down in earlier runs.
    pub record: Record,
    /// Parts that could not be read, and why, in the service's words. There is nothing of them in here.
    pub unread: BTreeMap<Part, String>,
}

/// A part of the facts that permissions may keep from us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Addon,
    Cni,
    EniConfigs,
    Instances,
    InstanceTypes,
    Interfaces,
    NodeGroups,
    Pods,
    Record,
    SecurityGroups,
}

/// Who asks, as STS says.
#[derive(Debug, Clone)]
pub struct Caller {
    pub account: String,
    pub arn: String,
    pub region: String,
}

/// What IAM says of the calls that are planned. Nothing was asked where nothing is to be changed.
#[derive(Debug, Clone, Default)]
pub struct Permissions {
    /// `ec2:CreateSubnet`
    pub asked: BTreeSet<&'static str>,
    /// Of those asked, what the caller may not call.
    pub denied: BTreeSet<&'static str>,
    /// What nothing is known of, by the reason.
    pub unknown: BTreeMap<String, BTreeSet<&'static str>>,
}

/// EKS DescribeCluster.
#[derive(Debug, Clone)]
pub struct Cluster {
    pub name: String,
    pub arn: String,
    /// `1.34`
    pub version: String,
    pub status: String,
    pub endpoint: String,
    /// PEM, base64 as EKS gives it.
    pub certificate_authority: String,
    pub vpc_id: String,
    pub security_group: String,
    /// Further groups of the control plane's interfaces (resourcesVpcConfig.securityGroupIds).
    pub control_plane_groups: Vec<String>,
    /// Nodes find the API server inside of the VPC.
    pub private_endpoint: bool,
    pub service_cidr: Option<Ipv4Net>,
    pub ipv6: bool,
    pub auto_mode: bool,
    pub authentication: Authentication,
    pub subnet_ids: Vec<String>,
}

/// accessConfig.authenticationMode
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    ConfigMap,
    Api,
    ApiAndConfigMap,
}

/// What the new nodes are started from. Empty where no step at hand starts nodes.
#[derive(Debug, Clone, Default)]
pub struct Machine {
    /// DescribeInstanceTypes of the type asked for, and of the old nodes' types.
    pub types: BTreeMap<String, InstanceType>,
    /// The type was asked for, and EC2 doesn't know it.
    pub unknown_type: Option<String>,
    /// SSM's latest image, or the one given.
    pub image: Option<Image>,
    /// Why there is no image.
    pub image_error: Option<String>,
    /// Images for stand-ins by instance type, or why there is none; read where something is taken back.
    pub images: BTreeMap<String, std::result::Result<Image, String>>,
    /// vCPUs of running On-Demand instances that the account may have of the type's family; nothing where it can't
    /// be read.
    pub vcpu_quota: Option<u32>,
    /// Why it could not be.
    pub vcpu_unread: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Image {
    pub id: String,
    pub name: String,
    /// `x86_64` or `arm64`
    pub architecture: String,
    pub root_device: String,
}

/// DaemonSet kube-system/aws-node and whoever owns it.
#[derive(Debug, Clone, Default)]
pub struct Cni {
    /// No aws-node in this cluster.
    pub missing: bool,
    pub image: String,
    /// Container aws-node's env with plain values.
    pub env: BTreeMap<String, String>,
    /// Field managers of each variable in `env`, as managedFields say.
    pub env_managers: BTreeMap<String, Vec<Manager>>,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub rollout: Rollout,
    pub addon: Option<Addon>,
}

impl Cni {
    /// A switch in aws-node's environment, as aws-node itself reads it.
    pub fn is_on(&self, name: &str) -> bool {
        is_on(self.env.get(name))
    }
}

/// EKS add-on vpc-cni.
#[derive(Debug, Clone)]
pub struct Addon {
    /// `v1.20.4-eksbuild.1`
    pub version: String,
    pub status: String,
    /// JSON or YAML as it was given to EKS; empty where none was.
    pub configuration: String,
    /// ARN of the IAM role of aws-node's service account; nothing where aws-node has its nodes' role, or another one by
    /// EKS Pod Identity.
    pub role: Option<String>,
    /// Issues of its health, each `code: message`.
    pub issues: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Crd {
    #[default]
    Missing,
    /// As shipped before CNI 1.18.3: any shape is accepted, a malformed group list fails later and silently.
    Untyped,
    Typed {
        established: bool,
    },
}

/// The ENIConfig CustomResourceDefinition and its objects.
#[derive(Debug, Clone, Default)]
pub struct EniConfigs {
    pub crd: Crd,
    pub items: Vec<EniConfig>,
    /// Who else owns an ENIConfig, by its name, and would put it back.
    pub holders: BTreeMap<String, Holder>,
    /// Those that EKS applies.
    pub by_eks: BTreeSet<String>,
    /// Somebody applies the definition, and would not get its versions back: EKS with the add-on, or a manager.
    pub crd_holder: Option<String>,
    /// What is wrong with the shape of an ENIConfig's spec, by its name: an untyped definition takes anything.
    pub malformed: BTreeMap<String, String>,
}

impl Facts {
    /// The add-on's values, where it has some that can be read.
    pub fn addon_values(&self) -> Option<Values> {
        Values::parse(&self.cni.addon.as_ref()?.configuration).ok()
    }

    /// The add-on creates the ENIConfigs: what is changed in them goes into its values.
    pub fn addon_creates_eniconfigs(&self) -> bool {
        self.addon_values().is_some_and(|values| values.create_eniconfigs())
    }

    /// Nodes on EC2 with Linux: the ones this is about.
    pub fn ec2_nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.kind == NodeKind::Ec2)
    }

    /// Auto Scaling groups that something of the cluster names: its nodes' instances, its managed node groups, and what
    /// was written down in earlier runs.
    pub fn group_names(&self) -> impl Iterator<Item = String> {
        let of_nodes = self.nodes.iter().filter_map(|node| node.group.clone());
        let managed = self.node_groups.managed.iter().flat_map(|managed| managed.groups.clone());
        of_nodes.chain(managed).chain(self.record.group_names().cloned())
    }
}
