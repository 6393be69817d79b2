//! What was read of the cluster, its VPC and its nodes: plain values, no client. `discover` fills them.

mod backends;
mod workload;

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

pub use backends::{Backend, Backends, Webhook};
pub use workload::{Budget, Controller, Interface, Least, Node, NodeKind, Placement, Pod, Requests, Taint};

use crate::aws::TAG_CLUSTER;
use crate::k8s::record::Record;
use crate::net::max_pods::InstanceType;
use crate::net::reach::Firewall;

/// Everything that decisions are taken from.
#[derive(Debug, Clone)]
pub struct Facts {
    pub caller: Caller,
    pub permissions: Permissions,
    pub cluster: Cluster,
    pub vpc: Vpc,
    pub firewall: Firewall,
    pub backends: Backends,
    pub machine: Machine,
    pub cni: Cni,
    pub eniconfigs: EniConfigs,
    pub node_groups: NodeGroups,
    pub nodes: Vec<Node>,
    /// Nodes with the labels that were asked for, where any were.
    pub labelled_nodes: Option<BTreeSet<String>>,
    pub pods: Vec<Pod>,
    pub budgets: Vec<Budget>,
    /// Zones of the volumes that pods on old nodes claim, by `namespace/claim`. No zone: any will do.
    pub volumes: BTreeMap<String, BTreeSet<String>>,
    /// StatefulSets that start their pods one after another, as `namespace/name`; read where such a set has pods on
    /// old nodes.
    pub ordered_sets: BTreeSet<String>,
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

/// The VPC's addressing.
#[derive(Debug, Clone)]
pub struct Vpc {
    pub id: String,
    pub primary: Ipv4Net,
    pub blocks: Vec<CidrBlock>,
    pub subnets: Vec<Subnet>,
    pub route_tables: Vec<RouteTable>,
    pub peerings: Vec<Peering>,
    /// `IPv4 CIDR blocks per VPC` of Service Quotas; AWS's default of 5 where it can't be read.
    pub block_quota: usize,
    pub quotas: Quotas,
}

/// Service Quotas of service `vpc`. Nothing: AWS doesn't tell, or it could not be read, and the default is assumed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quotas {
    pub blocks: Option<u32>,
    pub subnets: Option<u32>,
    pub groups_per_interface: Option<u32>,
    pub interfaces: Option<u32>,
    /// Why they could not be read.
    pub unread: Option<String>,
}

impl Quotas {
    /// From what Service Quotas lists by code.
    pub fn of(listed: Result<BTreeMap<String, u32>, String>) -> Self {
        match listed {
            Err(reason) => Quotas { unread: Some(reason), ..Quotas::default() },
            Ok(listed) => {
                let of = |code: &str| listed.get(code).copied();
                Quotas {
                    blocks: of("L-83CA0A9D"),
                    subnets: of("L-407747CB"),
                    groups_per_interface: of("L-2AFB9258"),
                    interfaces: of("L-DF5E4CA3"),
                    unread: None,
                }
            }
        }
    }
}

/// A CidrBlockAssociation.
#[derive(Debug, Clone)]
pub struct CidrBlock {
    pub association_id: String,
    pub cidr: Ipv4Net,
    /// `associating`, `associated`, `failing`, `failed`, …
    pub state: String,
}

#[derive(Debug, Clone)]
pub struct Subnet {
    pub id: String,
    pub zone: String,
    pub zone_id: String,
    pub cidr: Ipv4Net,
    pub state: String,
    /// AvailableIpAddressCount
    pub free: u32,
    pub tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
pub struct RouteTable {
    pub id: String,
    pub main: bool,
    pub subnet_ids: BTreeSet<String>,
    pub routes: Vec<Route>,
}

#[derive(Debug, Clone)]
pub struct Route {
    pub destination: Ipv4Net,
    /// `local`, `igw-…`, `nat-…`, `tgw-…`
    pub target: String,
    /// What it leads to is gone.
    pub blackhole: bool,
}

#[derive(Debug, Clone)]
pub struct Peering {
    pub id: String,
    /// `active`, `pending-acceptance`, …
    pub status: String,
    pub we_requested: bool,
    pub peer_cidrs: Vec<Ipv4Net>,
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
    pub env_managers: BTreeMap<String, Vec<String>>,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub rollout: Rollout,
    pub addon: Option<Addon>,
}

/// Where a DaemonSet stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rollout {
    /// The controller has seen the newest spec.
    pub observed: bool,
    pub desired: i32,
    pub updated: i32,
    pub available: i32,
}

impl Rollout {
    /// As `kubectl rollout status` judges a DaemonSet.
    pub fn is_done(&self) -> bool {
        self.observed && self.updated >= self.desired && self.available >= self.desired
    }
}

/// EKS add-on vpc-cni.
#[derive(Debug, Clone)]
pub struct Addon {
    /// `v1.20.4-eksbuild.1`
    pub version: String,
    pub status: String,
    /// JSON as it was given to EKS; empty where none was.
    pub configuration: String,
    /// Issues of its health, each `code: message`.
    pub issues: Vec<String>,
}

/// The ENIConfig CustomResourceDefinition and its objects.
#[derive(Debug, Clone, Default)]
pub struct EniConfigs {
    pub crd: Crd,
    pub items: Vec<EniConfig>,
    /// What is wrong with the shape of an ENIConfig's spec, by its name: an untyped definition takes anything.
    pub malformed: BTreeMap<String, String>,
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EniConfig {
    pub name: String,
    pub subnet: String,
    pub security_groups: Vec<String>,
    /// Labelled as written by this program.
    #[serde(default)]
    pub ours: bool,
}

/// Stacks and groups that hold nodes.
#[derive(Debug, Clone, Default)]
pub struct NodeGroups {
    /// This program's stacks, by name.
    pub stacks: BTreeMap<String, Stack>,
    /// Stacks of groups that stand in for old ones that are gone, by name; read where something is taken back.
    pub stand_ins: BTreeMap<String, Stack>,
    /// Old groups that are to start nodes again, and what is wrong with the image that they start from; read where
    /// something is taken back.
    pub image_trouble: BTreeMap<String, ImageTrouble>,
    /// All Auto Scaling groups that hold nodes of this cluster or belong to one of our stacks, by name.
    pub groups: BTreeMap<String, AutoScalingGroup>,
    /// EKS managed node groups.
    pub managed: Vec<ManagedNodeGroup>,
    /// Access entries by principal; empty in CONFIG_MAP mode.
    pub access_entries: BTreeMap<String, AccessEntry>,
    /// ConfigMap aws-auth's mapRoles, as it stands there; nothing where there is no ConfigMap.
    pub aws_auth: Option<String>,
}

/// Why a group may not be able to start a node from its image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageTrouble {
    /// What is not there any more, and what names it.
    Gone(String),
    /// It could not be asked for, in the service's words.
    Unknown(String),
}

/// Who may enter the cluster, as EKS has it.
#[derive(Debug, Clone)]
pub struct AccessEntry {
    /// `EC2_LINUX`, `STANDARD`, …
    pub kind: String,
    pub tags: BTreeMap<String, String>,
}

/// A network interface in a subnet that this program made, whoever made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occupant {
    pub id: String,
    pub subnet: String,
    /// `aws-K8S-i-0ab`, `ELB app/shop/1a2b`, …
    pub description: String,
    /// `interface`, `vpc_endpoint`, `nat_gateway`, …
    pub kind: String,
    /// `available` is attached to nothing.
    pub status: String,
    pub instance: Option<String>,
    /// Who made it, as account or service.
    pub requester: String,
}

/// How the description of each of the CNI's interfaces begins; the instance's id follows (amazon-vpc-cni-k8s,
/// pkg/awsutils).
pub const CNI_INTERFACE: &str = "aws-K8S-";

impl Occupant {
    /// The CNI's own, made for pods.
    pub fn is_for_pods(&self) -> bool {
        self.description.starts_with(CNI_INTERFACE)
    }

    /// What it is and who uses it, for people: `eni-0ab (ELB app/shop/1a2b) in subnet-0ab`.
    pub fn told(&self) -> String {
        let user = match (&self.instance, self.description.as_str(), self.kind.as_str()) {
            (Some(instance), "", _) => instance.clone(),
            (Some(instance), description, _) => format!("{description}, of {instance}"),
            (None, "", kind) => format!("{kind} of {}", self.requester),
            (None, description, _) => description.to_string(),
        };
        format!("{} ({user}) in {}", self.id, self.subnet)
    }

    /// For pods, and left over: its instance ended before the CNI had deleted it.
    pub fn is_leaked(&self) -> bool {
        self.is_for_pods() && self.status == "available" && self.instance.is_none()
    }
}

#[derive(Debug, Clone)]
pub struct Stack {
    pub name: String,
    pub id: String,
    pub status: String,
    pub reason: String,
    /// LastUpdatedTime, empty before the first update.
    pub updated: String,
    pub parameters: BTreeMap<String, String>,
    pub outputs: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
pub struct AutoScalingGroup {
    pub name: String,
    pub min: i32,
    pub desired: i32,
    pub max: i32,
    pub instances: Vec<GroupInstance>,
    pub tags: BTreeMap<String, String>,
    pub suspended: BTreeSet<String>,
}

#[derive(Debug, Clone)]
pub struct GroupInstance {
    pub id: String,
    /// `Pending`, `InService`, `Terminating`, …
    pub state: String,
}

#[derive(Debug, Clone)]
pub struct ManagedNodeGroup {
    pub name: String,
    pub status: String,
    pub min: i32,
    pub desired: i32,
    pub max: i32,
    pub groups: Vec<String>,
}

impl Vpc {
    pub fn subnet(&self, id: &str) -> Option<&Subnet> {
        self.subnets.iter().find(|subnet| subnet.id == id)
    }

    /// The route table that decides for a subnet: its own, else the VPC's main one.
    pub fn route_table_of(&self, subnet_id: &str) -> Option<&RouteTable> {
        self.route_tables
            .iter()
            .find(|table| table.subnet_ids.contains(subnet_id))
            .or_else(|| self.route_tables.iter().find(|table| table.main))
    }
}

impl Vpc {
    /// Subnets that this program made for a cluster.
    pub fn made_for(&self, cluster: &str) -> impl Iterator<Item = &Subnet> {
        self.subnets.iter().filter(move |subnet| subnet.is_made_for(cluster))
    }
}

impl Subnet {
    pub fn is_made_for(&self, cluster: &str) -> bool {
        self.tags.get(TAG_CLUSTER).is_some_and(|of| of == cluster)
    }
}

impl AutoScalingGroup {
    /// One of this program's stacks made it.
    pub fn is_ours(&self) -> bool {
        self.tags.contains_key(TAG_CLUSTER)
    }

    /// The CloudFormation stack that made it.
    pub fn stack(&self) -> Option<&String> {
        self.tags.get("aws:cloudformation:stack-name")
    }

    /// Whether it has started the node's instance.
    pub fn holds(&self, node: &Node) -> bool {
        node.instance_id.as_ref().is_some_and(|id| self.instances.iter().any(|instance| instance.id == *id))
    }
}

impl RouteTable {
    /// Where traffic to the internet goes; nothing without a default route.
    pub fn default_target(&self) -> Option<&str> {
        self.routes
            .iter()
            .find(|route| route.destination.prefix_len() == 0)
            .map(|route| route.target.as_str())
    }

    /// A default route straight to an internet gateway: pods there have no public address, so nothing answers.
    pub fn is_public(&self) -> bool {
        self.default_target().is_some_and(|target| target.starts_with("igw-"))
    }
}

impl Facts {
    /// Nodes on EC2 with Linux: the ones this is about.
    pub fn ec2_nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.kind == NodeKind::Ec2)
    }
}
