//! The VPC: its blocks, subnets and routes, and what uses the subnets that eni-custom created.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;

use crate::tags::TAG_CLUSTER;

use super::{BlockState, InterfaceStatus, PeeringStatus, SubnetState};

/// How the description of each of the CNI's interfaces begins; the instance's id follows (amazon-vpc-cni-k8s,
/// pkg/awsutils).
pub const CNI_INTERFACE: &str = "aws-K8S-";

/// The VPC's addressing.
#[derive(Debug, Clone)]
pub struct Vpc {
    pub id: String,
    /// The account that owns the VPC: another account than the cluster's if the subnets are shared.
    pub owner: String,
    pub primary: Ipv4Net,
    pub blocks: Vec<CidrBlock>,
    pub subnets: Vec<Subnet>,
    pub route_tables: Vec<RouteTable>,
    pub peerings: Vec<Peering>,
    /// `IPv4 CIDR blocks per VPC` of Service Quotas; AWS's default of 5 if it can't be read.
    pub block_quota: usize,
    pub quotas: Quotas,
}

/// Service Quotas of service `vpc`. `None`: AWS returns no value or it could not be read; the default is assumed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quotas {
    pub blocks: Option<u32>,
    pub subnets: Option<u32>,
    pub groups_per_interface: Option<u32>,
    pub interfaces: Option<u32>,
    /// Inbound or outbound rules of a security group.
    pub rules_per_group: Option<u32>,
    /// Why they could not be read.
    pub unread: Option<String>,
}

impl Quotas {
    /// From the values that Service Quotas lists by code.
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
                    rules_per_group: of("L-0EA8095F"),
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
    pub state: BlockState,
}

#[derive(Debug, Clone)]
pub struct Subnet {
    pub id: String,
    pub zone: String,
    pub zone_id: String,
    pub cidr: Ipv4Net,
    pub state: SubnetState,
    /// AvailableIpAddressCount
    pub free: u32,
    pub tags: BTreeMap<String, String>,
    /// ARN of the Outpost that it is on.
    pub outpost: Option<String>,
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
    /// A blackhole route: its target is gone.
    pub blackhole: bool,
}

#[derive(Debug, Clone)]
pub struct Peering {
    pub id: String,
    pub status: PeeringStatus,
    pub we_requested: bool,
    pub peer_cidrs: Vec<Ipv4Net>,
}

/// A network interface, whoever created it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occupant {
    pub id: String,
    pub subnet: String,
    /// `aws-K8S-i-0ab`, `ELB app/shop/1a2b`, …
    pub description: String,
    /// `interface`, `vpc_endpoint`, `nat_gateway`, …
    pub kind: String,
    pub status: InterfaceStatus,
    pub instance: Option<String>,
    /// Who created it: an account or a service.
    pub requester: String,
    /// Its security groups.
    pub groups: BTreeSet<String>,
}

impl Occupant {
    /// Whether the CNI created it for pods.
    pub fn is_for_pods(&self) -> bool {
        self.description.starts_with(CNI_INTERFACE)
    }

    /// Its id, user and subnet, for messages: `eni-0ab (ELB app/shop/1a2b) in subnet-0ab`.
    pub fn summary(&self) -> String {
        let user = match (&self.instance, self.description.as_str(), self.kind.as_str()) {
            (Some(instance), "", _) => instance.clone(),
            (Some(instance), description, _) => format!("{description}, of {instance}"),
            (None, "", kind) => format!("{kind} of {}", self.requester),
            (None, description, _) => description.to_string(),
        };
        format!("{} ({user}) in {}", self.id, self.subnet)
    }

    /// Whether it is a leftover of the CNI: its instance was terminated before the CNI deleted it.
    pub fn is_leaked(&self) -> bool {
        self.is_for_pods() && self.status == InterfaceStatus::Available && self.instance.is_none()
    }
}

impl Vpc {
    pub fn subnet(&self, id: &str) -> Option<&Subnet> {
        self.subnets.iter().find(|subnet| subnet.id == id)
    }

    /// The route table of a subnet: its own, or the VPC's main route table.
    pub fn route_table_of(&self, subnet_id: &str) -> Option<&RouteTable> {
        self.route_tables
            .iter()
            .find(|table| table.subnet_ids.contains(subnet_id))
            .or_else(|| self.route_tables.iter().find(|table| table.main))
    }

    /// Whether the subnet uses the VPC's main route table, because it is associated with none.
    pub fn uses_main_table(&self, subnet_id: &str) -> bool {
        !self.route_tables.iter().any(|table| table.subnet_ids.contains(subnet_id))
    }

    /// The route tables of a pod subnet and of its zone's node subnet, if only the node subnet has a route out of the VPC.
    pub fn way_out_lost(&self, pods: &str, nodes: &str) -> Option<(&RouteTable, &RouteTable)> {
        let (pods, nodes) = (self.route_table_of(pods)?, self.route_table_of(nodes)?);
        let out = nodes.routes.iter().any(|route| route.destination.prefix_len() < 2 && !route.blackhole);
        (out && !pods.leads_out()).then_some((pods, nodes))
    }

    /// Subnets that eni-custom created for a cluster.
    pub fn made_for(&self, cluster: &str) -> impl Iterator<Item = &Subnet> {
        self.subnets.iter().filter(move |subnet| subnet.is_made_for(cluster))
    }
}

impl Subnet {
    pub fn is_made_for(&self, cluster: &str) -> bool {
        self.tags.get(TAG_CLUSTER).is_some_and(|of| of == cluster)
    }
}

impl RouteTable {
    /// The target of the default route; `None` if there is none.
    pub fn default_target(&self) -> Option<&str> {
        self.routes
            .iter()
            .find(|route| route.destination.prefix_len() == 0)
            .map(|route| route.target.as_str())
    }

    /// A default route, or its two halves, to a target that works for pods, which have no public address.
    pub fn leads_out(&self) -> bool {
        let works = |route: &&Route| !route.blackhole && !route.target.starts_with("igw-");
        let count = |len| {
            self.routes.iter().filter(works).filter(|route| route.destination.prefix_len() == len).count()
        };
        count(0) > 0 || count(1) == 2
    }

    /// A default route directly to an internet gateway: pods have no public address, so no reply reaches them.
    pub fn is_public(&self) -> bool {
        self.default_target().is_some_and(|target| target.starts_with("igw-"))
    }
}
