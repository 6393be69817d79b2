//! Whether this cluster needs custom networking: if only addresses are short, alternatives may be enough. Pure.
//!
//! AWS's advice for plain address exhaustion is enhanced subnet discovery (EKS best practices guide, "Amazon VPC CNI"). Custom
//! networking is for other security groups, private pods behind public nodes, and blocks that can't be routed.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use crate::design::{CUSTOM_NETWORK, Design, PodSubnet, options};
use crate::facts::{Facts, RouteTable, Subnet, Version, detected_version};
use crate::net::cidr::usable_addresses;
use crate::net::max_pods::{InstanceType, Options, max_pods};
use crate::settings::Settings;
use crate::text::counted;

/// The first CNI with enhanced subnet discovery.
const DISCOVERY: Version = Version(1, 18, 0);
/// A subnet with less than one address in so many free is short of addresses.
const SHORT_SHARE: u32 = 10;

/// The alternatives for this cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Alternatives {
    /// Node subnets that are short of addresses.
    pub short: Vec<Short>,
    pub instance_type: String,
    /// Nodes in the cluster.
    pub nodes: usize,
    pub ways: Vec<Way>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Short {
    pub subnet: String,
    pub zone: String,
    pub free: u32,
    pub of: u32,
}

/// One alternative, and what it costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Way {
    pub name: &'static str,
    /// More addresses for pods; null if effectively unlimited.
    pub addresses_gained: Option<u64>,
    /// Pods that a node can hold; null if the instance type does not support it.
    pub pods_per_node: Option<u32>,
    /// How many fewer pods a node can hold than now.
    pub pods_per_node_lost: u32,
    /// Nodes that must be replaced.
    pub nodes_replaced: usize,
    pub remark: String,
}

/// `None` unless addresses are the only reason: security groups for pods, NAT gateways for pods and given subnets are
/// other reasons for custom networking.
pub(crate) fn alternatives(settings: &Settings, facts: &Facts, design: &Design) -> Option<Alternatives> {
    let on = facts.cni.is_on(CUSTOM_NETWORK);
    let node_subnets: BTreeSet<&str> = facts.ec2_nodes().filter_map(|node| node.subnet.as_deref()).collect();
    let public =
        node_subnets.iter().any(|id| facts.vpc.route_table_of(id).is_some_and(RouteTable::is_public));
    let other_reasons = !settings.cni.security_groups.is_empty()
        || settings.cni.external_snat
        || !settings.network.subnets.is_empty()
        || public;
    let kind = design.largest_pool()?.machine.instance_type()?;
    let short: Vec<Short> =
        node_subnets.iter().filter_map(|id| facts.vpc.subnet(id)).filter_map(short).collect();
    if on || other_reasons || short.is_empty() {
        return None;
    }
    let nodes = facts.ec2_nodes().count();
    Some(Alternatives {
        short,
        instance_type: kind.name.clone(),
        nodes,
        ways: ways(facts, design, kind, nodes),
    })
}

/// Whether pods will soon find no address in a subnet.
pub(crate) fn is_short(subnet: &Subnet) -> bool {
    subnet.free < usable_addresses(subnet.cidr) / SHORT_SHARE
}

fn short(subnet: &Subnet) -> Option<Short> {
    let of = usable_addresses(subnet.cidr);
    is_short(subnet).then(|| Short {
        subnet: subnet.id.clone(),
        zone: subnet.zone.clone(),
        free: subnet.free,
        of,
    })
}

fn ways(facts: &Facts, design: &Design, kind: &InstanceType, nodes: usize) -> Vec<Way> {
    let now = options(facts);
    let pods =
        |custom, prefix| max_pods(kind, &Options { custom, prefix, ..now }).ok().map(|pods| pods.get());
    let today = pods(false, now.prefix);
    let gained: u64 = design
        .zones
        .iter()
        .map(|zone| match &zone.pod_subnet {
            PodSubnet::New { cidr } => u64::from(usable_addresses(*cidr)),
            PodSubnet::There { id, .. } => facts.vpc.subnet(id).map_or(0, |subnet| u64::from(subnet.free)),
            PodSubnet::Unknown => 0,
        })
        .sum();
    let way = |name, addresses_gained, pods_per_node: Option<u32>, nodes_replaced, remark: String| Way {
        name,
        addresses_gained,
        pods_per_node,
        pods_per_node_lost: today.unwrap_or_default().saturating_sub(pods_per_node.unwrap_or_default()),
        nodes_replaced,
        remark,
    };
    let version = detected_version(&facts.cni).map(|(version, _)| version);
    let tagging = format!(
        "tag the new subnets kubernetes.io/role/cni=1, and cni.networking.k8s.aws/cluster/{}=shared where other clusters use the VPC; since 1.22 kubernetes.io/role/cni=0 on the nodes' subnets excludes pods from them",
        facts.cluster.name
    );
    let discovery = match version.is_some_and(|version| version >= DISCOVERY) {
        true => format!("{tagging}; running nodes pick them up"),
        false => format!("update the VPC CNI to 1.18 first; then {tagging}"),
    };
    vec![
        way(
            "enhanced subnet discovery",
            Some(gained),
            today,
            0,
            format!("{discovery}; pods keep their nodes' security groups"),
        ),
        way(
            "custom networking",
            Some(gained),
            pods(true, now.prefix),
            nodes,
            "pods get their own subnets and security groups; a node's primary network interface is not used for pods".into(),
        ),
        way(
            "prefix delegation",
            Some(0),
            pods(false, true),
            if now.prefix { 0 } else { nodes },
            "more pods per node from the same subnets, in contiguous blocks of 16 addresses".into(),
        ),
        way(
            "IPv6",
            None,
            pods(false, true),
            nodes,
            "needs a new cluster: the IP family of an existing one can't be changed".into(),
        ),
    ]
}

impl Way {
    fn gained(&self) -> String {
        match self.addresses_gained {
            Some(0) => "no more addresses".to_string(),
            Some(gained) => counted(gained, "more address"),
            None => "effectively unlimited addresses".to_string(),
        }
    }

    fn replaced(&self) -> String {
        match self.nodes_replaced {
            0 => "no node replaced".to_string(),
            count => format!("{} replaced", counted(count, "node")),
        }
    }
}

impl Alternatives {
    /// Each alternative in one line of a terminal.
    pub(crate) fn short_lines(&self) -> Vec<String> {
        let line = |way: &Way| {
            let pods = way.pods_per_node.map_or("no pod".into(), |pods| counted(pods, "pod"));
            format!("{:26}{}, {pods} a node, {}", way.name, way.gained(), way.replaced())
        };
        self.ways.iter().map(line).collect()
    }

    /// One line for each alternative.
    pub(crate) fn lines(&self) -> Vec<String> {
        let lost = |way: &Way| match (way.pods_per_node, way.pods_per_node_lost) {
            (None, _) => format!("not possible with {}", self.instance_type),
            (Some(pods), 0) => format!("{} per node", counted(pods, "pod")),
            (Some(pods), lost) => format!("{} per node ({lost} fewer)", counted(pods, "pod")),
        };
        let line = |way: &Way| {
            format!("{}: {}, {}, {}; {}", way.name, way.gained(), lost(way), way.replaced(), way.remark)
        };
        self.ways.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::design::design;
    use crate::facts::{Route, RouteTable};
    use crate::goal::Goal;
    use crate::plan::plan;
    use crate::sample::{facts, settings};
    use crate::scene::Scene;
    use crate::step::Step;

    use super::*;

    fn found(arguments: &[&str], change: impl FnOnce(&mut Facts)) -> Option<Alternatives> {
        let settings = settings(arguments);
        let mut facts = facts();
        facts.cni.image = "registry/amazon-k8s-cni:v1.20.4".into();
        change(&mut facts);
        let design = design(&settings, &facts);
        alternatives(&settings, &facts, &design)
    }

    fn exhausted(facts: &mut Facts) {
        facts.vpc.subnets.iter_mut().for_each(|subnet| subnet.free = 20);
    }

    #[test]
    fn with_enough_addresses_there_are_no_alternatives() {
        assert_eq!(found(&[], |_| {}), None);
    }

    #[test]
    fn address_exhaustion_has_alternatives() {
        let found = found(&[], exhausted).unwrap();
        insta::assert_json_snapshot!(found);
        insta::assert_snapshot!(found.lines().join("\n"));
    }

    #[test]
    fn only_the_plan_of_a_whole_setup_has_alternatives() {
        let settings = settings(&[]);
        let mut facts = facts();
        exhausted(&mut facts);
        let design = design(&settings, &facts);
        let planned = |goal| {
            let scene = Scene { goal, settings: &settings, facts: &facts, design: &design };
            plan(&scene, Vec::new()).alternatives
        };
        assert_eq!(planned(Goal::Setup), alternatives(&settings, &facts, &design));
        assert!(planned(Goal::Setup).is_some());
        assert_eq!(planned(Goal::Step(Step::SetEnv)), None);
    }

    #[test]
    fn an_older_cni_must_be_updated_for_subnet_discovery() {
        let found = found(&[], |facts| {
            exhausted(facts);
            facts.cni.image = "registry/amazon-k8s-cni:v1.17.1".into();
        });
        assert!(found.unwrap().ways[0].remark.contains("update the VPC CNI to 1.18"));
    }

    #[test]
    fn with_other_reasons_there_are_no_alternatives() {
        assert_eq!(found(&["--security-group", "sg-0a"], exhausted), None);
        assert_eq!(found(&["--external-snat"], exhausted), None);
        let public = |facts: &mut Facts| {
            exhausted(facts);
            let internet =
                Route { destination: "0.0.0.0/0".parse().unwrap(), target: "igw-1".into(), blackhole: false };
            facts.vpc.route_tables.push(RouteTable {
                id: "rtb-1".into(),
                main: true,
                subnet_ids: BTreeSet::new(),
                routes: vec![internet],
            });
        };
        assert_eq!(found(&[], public), None);
        for on in ["true", "1"] {
            let already = |facts: &mut Facts| {
                exhausted(facts);
                facts.cni.env.insert(CUSTOM_NETWORK.into(), on.into());
            };
            assert_eq!(found(&[], already), None, "{on}");
        }
    }
}
