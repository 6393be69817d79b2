//! Facts about the cluster, its VPC and its nodes: plain values, no client. `discover` reads them.

mod backends;
mod cni;
mod controller;
mod groups;
mod image;
mod integrations;
mod karpenter;
mod launches;
mod load_balancers;
mod named;
pub mod node_pools;
mod owner;
mod pools;
mod record;
mod rollout;
mod running;
mod states;
mod symptoms;
mod undo;
mod volumes;
mod vpc;
mod workload;

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;

use crate::addon::Values;
use crate::net::eniconfig::is_on;

pub use crate::net::eniconfig::EniConfig;
use crate::net::firewall::Firewall;
use crate::net::max_pods::InstanceType;
use crate::ownership::{Holder, Manager};

pub use backends::{Backend, Backends, Webhook};
pub use cni::{EnvOwner, Version, VersionSource, detected_version, env_owner};
pub use controller::{Controller, ControllerKind};
pub use groups::{
    AccessEntry, AutoScalingGroup, GroupInstance, Hook, LAUNCH, ManagedNodeGroup, NodeGroups, REBALANCE,
    SUSPENDED, Stack, WarmPool,
};
pub use image::{AmiFamily, Image, UnknownAmiFamily};
pub use integrations::{Integrations, NetworkPolicy};
pub use karpenter::{
    ClassPods, DisruptionBudget, Karpenter, NodeClaim, NodeClass, NodePool, Requirement, SubnetTerm,
};
pub use launches::{
    Beside, GroupSettings, InstanceProfile, KnownImage, LaunchSource, Launched, Launches, LifecycleHook,
    ManagedSettings, Read,
};
pub use load_balancers::LoadBalancers;
pub use owner::{Owner, chosen, count, group, owner};
pub use pools::{GroupTag, Instances, LaunchTemplate, ManagedPool, Pool, TypeChoice, Unclear};
pub use record::{LocalClaim, LockHolder, Record, Shape, Sizes};
pub use rollout::{Lag, Rollout, RolloutProgress, UpdateStrategy, silent};
pub use running::{Obstacle, Running, WaitingPod, Workload};
pub use states::{
    BlockState, EksStatus, InstanceState, InterfaceStatus, Lifecycle, PeeringStatus, StackStatus, SubnetState,
};
pub use symptoms::{ClusterEvent, NodeTrouble, Symptoms};
pub use undo::{ImageTrouble, UndoFacts};
pub use volumes::{Medium, Volume, ZONE_LABELS};
pub use vpc::{CNI_INTERFACE, CidrBlock, Occupant, Peering, Quotas, Route, RouteTable, Subnet, Vpc};
pub use workload::{
    Autoscaler, Budget, Interface, Least, Node, NodeKind, Placement, Pod, Requests, StatefulSets, Surge,
    Taint, Terminating, Unready,
};

/// Whether two lists have the same security groups, in any order.
pub fn same_groups(one: &[String], other: &[String]) -> bool {
    one.iter().collect::<BTreeSet<_>>() == other.iter().collect::<BTreeSet<_>>()
}

/// All facts that decisions are based on.
#[derive(Debug, Clone)]
pub struct Facts {
    pub caller: Caller,
    pub permissions: Permissions,
    pub cluster: Cluster,
    pub vpc: Vpc,
    pub firewall: Firewall,
    pub backends: Backends,
    /// Autoscalers, policies and load balancers; read once, before the first change.
    pub integrations: Integrations,
    pub machine: Machine,
    /// `None` if the cluster has neither Karpenter's controller nor NodePools.
    pub karpenter: Option<Karpenter>,
    pub cni: Cni,
    pub eniconfigs: EniConfigs,
    pub node_groups: NodeGroups,
    /// What the node groups launch, those of eni-custom too. Empty for undo and for read-only commands but plan.
    pub pools: Vec<Pool>,
    /// What the pools are made of, as far as it is read from launch templates, images and the like.
    pub launches: Launches,
    pub nodes: Vec<Node>,
    /// Node objects that do not report and whose instances are gone. They are not in `nodes`.
    pub left_over: Vec<Node>,
    /// Nodes that match --selector, if it is given.
    pub labelled_nodes: Option<BTreeSet<String>>,
    pub pods: Vec<Pod>,
    pub budgets: Vec<Budget>,
    pub running: Running,
    /// The volumes that pods on old nodes claim, by `namespace/claim`. A claim that is not bound yet is left out.
    pub volumes: BTreeMap<String, Volume>,
    /// Read if one has pods on old nodes.
    pub stateful_sets: StatefulSets,
    /// Read if there are old nodes, or new nodes to remove.
    pub load_balancers: LoadBalancers,
    /// Read if --surge-singletons is given.
    pub surges: Vec<Surge>,
    /// Detached network interfaces that the CNI created.
    pub loose_interfaces: Vec<Interface>,
    /// What only an undo reads; `None` for other goals.
    pub undo: Option<UndoFacts>,
    /// What eni-custom recorded in earlier runs.
    pub record: Record,
    /// Parts that could not be read, and the service's message. Their facts are empty.
    pub unread: BTreeMap<Part, String>,
}

/// A part of the facts that may be unreadable because a permission is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Addon,
    Cni,
    EniConfigs,
    Instances,
    InstanceTypes,
    Interfaces,
    Karpenter,
    NodeGroups,
    Pods,
    /// Launch templates, images and instance profiles of node groups.
    Pools,
    Record,
    SecurityGroups,
}

/// The caller, from STS.
#[derive(Debug, Clone)]
pub struct Caller {
    pub account: String,
    pub arn: String,
    pub region: String,
}

/// What IAM says about the planned calls. Empty if no change is planned.
#[derive(Debug, Clone, Default)]
pub struct Permissions {
    /// `ec2:CreateSubnet`
    pub asked: BTreeSet<&'static str>,
    /// Calls that the caller is not allowed to make.
    pub denied: BTreeSet<&'static str>,
    /// Calls about which nothing is known, by reason.
    pub unknown: BTreeMap<String, BTreeSet<&'static str>>,
}

/// EKS DescribeCluster.
#[derive(Debug, Clone)]
pub struct Cluster {
    pub name: String,
    pub arn: String,
    /// `1.34`
    pub version: String,
    pub status: EksStatus,
    pub endpoint: String,
    /// PEM, base64 as EKS gives it.
    pub certificate_authority: String,
    pub vpc_id: String,
    pub security_group: String,
    /// Additional security groups of the control plane's interfaces (resourcesVpcConfig.securityGroupIds).
    pub control_plane_groups: Vec<String>,
    /// Whether nodes reach the API server inside the VPC (private endpoint).
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

/// Instance types and images of the new nodes. Empty if no planned step starts nodes.
#[derive(Debug, Clone, Default)]
pub struct Machine {
    /// DescribeInstanceTypes of the requested types, and of the old nodes' types.
    pub types: BTreeMap<String, InstanceType>,
    /// Requested types that EC2 does not offer in the region.
    pub unknown_types: BTreeSet<String>,
    /// Types that the region offers and whose names are like those of the unknown ones.
    pub similar_types: BTreeSet<String>,
    /// Images of the new nodes, or why there is none: by AMI id, or by the path of a public SSM parameter.
    pub images: BTreeMap<String, std::result::Result<Image, String>>,
    /// The account's quotas of running vCPUs, by quota code; one that is missing is unknown.
    pub vcpu_quotas: BTreeMap<String, u32>,
    /// Why one could not be read.
    pub vcpu_unread: Option<String>,
}

/// DaemonSet kube-system/aws-node and its owner.
#[derive(Debug, Clone, Default)]
pub struct Cni {
    /// No aws-node in this cluster.
    pub missing: bool,
    pub image: String,
    /// Container aws-node's env with plain values.
    pub env: BTreeMap<String, String>,
    /// Field managers of each variable in `env`, from managedFields.
    pub env_managers: BTreeMap<String, Vec<Manager>>,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub rollout: Rollout,
    pub addon: Option<Addon>,
}

impl Cni {
    /// A boolean in aws-node's environment, parsed as aws-node does.
    pub fn is_on(&self, name: &str) -> bool {
        is_on(self.env.get(name))
    }
}

/// EKS add-on vpc-cni.
#[derive(Debug, Clone)]
pub struct Addon {
    /// `v1.20.4-eksbuild.1`
    pub version: String,
    pub status: EksStatus,
    /// JSON or YAML as it was given to EKS; empty if there is none.
    pub configuration: String,
    /// ARN of the IAM role of aws-node's service account; `None` if aws-node uses its nodes' role, or EKS Pod Identity.
    pub role: Option<String>,
    /// Issues of its health, each `code: message`.
    pub issues: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Crd {
    #[default]
    Missing,
    /// As shipped before CNI 1.18.3: any spec is accepted, and a malformed group list fails later and silently.
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
    /// Other managers of ENIConfigs, by ENIConfig; they would revert changes.
    pub holders: BTreeMap<String, Holder>,
    /// ENIConfigs that EKS applies.
    pub by_eks: BTreeSet<String>,
    /// EKS or another manager applies the definition, and would lose the ownership of its versions.
    pub crd_holder: Option<String>,
    /// Errors in an ENIConfig's spec, by ENIConfig: an untyped definition accepts anything.
    pub malformed: BTreeMap<String, String>,
}

impl Facts {
    /// The add-on's configurationValues, if it has any that can be read.
    pub fn addon_values(&self) -> Option<Values> {
        Values::parse(&self.cni.addon.as_ref()?.configuration).ok()
    }

    /// Whether the add-on creates the ENIConfigs, so that changes to them must go into its configurationValues.
    pub fn addon_creates_eniconfigs(&self) -> bool {
        self.addon_values().is_some_and(|values| values.create_eniconfigs())
    }

    /// Linux nodes on EC2: only they use the VPC CNI.
    pub fn ec2_nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.kind == NodeKind::Ec2)
    }

    /// Names of the cluster's Auto Scaling groups: from its nodes' instances, its managed node groups, and the record.
    pub fn group_names(&self) -> impl Iterator<Item = String> {
        let of_nodes = self.nodes.iter().filter_map(|node| node.group.clone());
        let managed = self.node_groups.managed.iter().flat_map(|managed| managed.groups.clone());
        of_nodes.chain(managed).chain(self.record.group_names().cloned())
    }
}
