//! Security groups of everything else in the VPC: interface endpoints, databases, file systems, caches, internal load
//! balancers. Traffic inside the VPC is not translated (amazon-vpc-cni-k8s, pkg/networkutils: SNAT is for destinations
//! outside of the VPC's blocks), so a rule that allows nodes by their addresses or group no longer covers their pods
//! once these have new ones.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;

use crate::design::Design;
use crate::facts::{Facts, Occupant};
use crate::issue::{Issue, id};
use crate::net::firewall::{Endpoint, Firewall, Peer, Rule};
use crate::reach::{NODE_GROUP_TO_BE, current_pods, firewall, pod_groups};
use crate::scene::Scene;
use crate::text::few;

use super::narrow::{SSH, in_words, is_blocked, sample};
use super::{join, pod_blocks, pod_subnets};

/// What `Integrations::unknown` calls the network interfaces.
pub(crate) const UNKNOWN: &str = "which network interfaces use security groups that allow nodes but not pods";

/// The pods that security groups should allow, and the firewall that decides.
pub(crate) struct Admission {
    firewall: Firewall,
    pods: Vec<Endpoint>,
    /// The CIDRs that a rule must name to cover all of them.
    blocks: Vec<Ipv4Net>,
}

impl Admission {
    /// Pods as planned.
    pub(crate) fn planned(design: &Design, facts: &Facts) -> Self {
        let groups = pod_groups(design, facts);
        let endpoint = |(subnet, addresses): (Option<&str>, Ipv4Net)| Endpoint {
            addresses,
            all: true,
            groups: groups.clone(),
            subnet: subnet.map(ToString::to_string),
        };
        let pods = pod_subnets(design, facts).into_iter().map(endpoint).collect();
        Admission { firewall: firewall(design, facts), pods, blocks: pod_blocks(design, facts) }
    }

    /// Pods as they are now.
    pub(crate) fn current(design: &Design, facts: &Facts) -> Self {
        let pods = current_pods(facts);
        let block = |pods: &Endpoint| {
            let block = design.blocks.iter().find(|block| block.contains(&pods.addresses));
            block.copied().unwrap_or(pods.addresses)
        };
        let blocks: BTreeSet<Ipv4Net> = pods.iter().map(block).collect();
        Admission { firewall: facts.firewall.clone(), blocks: blocks.into_iter().collect(), pods }
    }

    /// The groups with such rules; EC2 is then asked whether an interface uses them.
    pub(crate) fn groups(&self, design: &Design, facts: &Facts) -> BTreeSet<String> {
        self.rules_without_pods(design, facts).into_keys().collect()
    }

    /// Rules that allow nodes, in groups that don't allow pods for the same traffic.
    fn rules_without_pods(&self, design: &Design, facts: &Facts) -> BTreeMap<String, Vec<Rule>> {
        let nodes: Vec<Ipv4Net> =
            design.zones.iter().filter_map(|zone| Some(facts.vpc.subnet(&zone.node_subnet)?.cidr)).collect();
        let node_groups: BTreeSet<&String> =
            facts.ec2_nodes().flat_map(|node| &node.security_groups).collect();
        let pod_groups: BTreeSet<&String> = self.pods.iter().flat_map(|pods| &pods.groups).collect();
        let about_nodes = |rule: &Rule| match &rule.peer {
            Peer::Cidr(cidr) => nodes.iter().any(|node| cidr.contains(node)) && rule.traffic.ports != SSH,
            Peer::Group(group) => node_groups.contains(group),
            Peer::PrefixList(_) => false,
        };
        let mut lacking = BTreeMap::new();
        for (id, group) in &self.firewall.groups {
            // Traffic between pods is checked as separate flows.
            if pod_groups.contains(id) || id == NODE_GROUP_TO_BE {
                continue;
            }
            let alone = BTreeSet::from([id.clone()]);
            let rules = group.ingress.iter().filter(|rule| about_nodes(rule) && self.blocks(&alone, rule));
            let rules: Vec<Rule> = rules.cloned().collect();
            if !rules.is_empty() {
                lacking.insert(id.clone(), rules);
            }
        }
        lacking
    }

    /// Whether interfaces with these groups would block pods for the traffic that the rule allows.
    fn blocks(&self, groups: &BTreeSet<String>, rule: &Rule) -> bool {
        let (protocol, ports) = sample(rule.traffic);
        self.pods.iter().any(|pods| {
            // Only the groups matter here, not the subnet.
            let target = Endpoint { groups: groups.clone(), ..pods.clone() };
            is_blocked(&self.firewall, pods, &target, protocol, ports)
        })
    }
}

pub(crate) fn check(scene: &Scene<'_>, admission: &Admission, findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    let own: BTreeSet<&String> = facts
        .nodes
        .iter()
        .flat_map(|node| &node.security_groups)
        .chain(&facts.cluster.control_plane_groups)
        .chain([&facts.cluster.security_group])
        .collect();
    for (id, rules) in admission.rules_without_pods(scene.design, facts) {
        let blocks_pods =
            |occupant: &&Occupant| rules.iter().any(|rule| admission.blocks(&occupant.groups, rule));
        let foreign = || facts.integrations.interfaces.iter().filter(|each| is_foreign(facts, each, &id));
        let blocked: Vec<String> = foreign().filter(blocks_pods).map(Occupant::summary).collect();
        let unknown = facts.integrations.unknown.contains_key(UNKNOWN);
        // Its other groups allow pods; or only the cluster itself uses it, which other checks cover.
        if blocked.is_empty() && !unknown && (foreign().next().is_some() || own.contains(&id)) {
            continue;
        }
        findings.push(finding(admission, &id, &rules, &blocked, unknown));
    }
}

fn finding(admission: &Admission, id: &str, rules: &[Rule], blocked: &[String], unknown: bool) -> Issue {
    let blocks = &admission.blocks;
    let from = |rule: &Rule| match &rule.peer {
        Peer::Cidr(cidr) => cidr.to_string(),
        Peer::Group(group) | Peer::PrefixList(group) => group.clone(),
    };
    let allowed: BTreeSet<String> =
        rules.iter().map(|rule| format!("{} from {}", in_words(rule.traffic), from(rule))).collect();
    let what = format!("{id} allows {}, but not from the pods' {}", join(allowed), join(blocks));
    let finding = match blocked.is_empty() && !unknown {
        true => Issue::note(id::RCH_017, what),
        false => Issue::warning(id::RCH_017, what),
    };
    let mut commands: Vec<String> = Vec::new();
    for rule in rules {
        let traffic = match rule.traffic.protocol {
            None => "--protocol all".to_string(),
            Some(protocol) => format!("--protocol {protocol} --port {}", rule.traffic.ports),
        };
        for block in blocks {
            let command =
                format!("aws ec2 authorize-security-group-ingress --group-id {id} {traffic} --cidr {block}");
            if !commands.contains(&command) {
                commands.push(command);
            }
        }
    }
    let used = match (blocked.is_empty(), unknown) {
        (false, _) => format!("{id}, used by {}", few(blocked)),
        (true, true) => id.to_string(),
        (true, false) => format!("{id}, used by no network interface"),
    };
    finding
        .at(used)
        .why("inside the VPC pods keep their own address and security groups, so no rule of this group would allow pods that have moved")
        .fix(commands.join(" && "))
}

/// An interface that uses the group and belongs to neither a node nor the control plane.
fn is_foreign(facts: &Facts, occupant: &Occupant, group: &str) -> bool {
    let of_a_node =
        || facts.nodes.iter().any(|node| node.instance_id.is_some() && node.instance_id == occupant.instance);
    let of_the_control_plane = || occupant.description == format!("Amazon EKS {}", facts.cluster.name);
    occupant.groups.contains(group) && !occupant.is_for_pods() && !of_the_control_plane() && !of_a_node()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::goal::Goal;
    use crate::net::firewall::{Ports, Protocol, SecurityGroup, Traffic};
    use crate::sample::{custom, facts};

    const TCP: Traffic = Traffic { protocol: Some(Protocol::Tcp), ports: Ports { from: 5432, to: 5432 } };

    /// A database whose group allows these peers, with its own interface in a node subnet.
    fn database(facts: &mut Facts, peers: &[Peer]) {
        let ingress = peers.iter().map(|peer| Rule { traffic: TCP, peer: peer.clone() }).collect();
        let group = SecurityGroup { id: "sg-db".into(), ingress, ..SecurityGroup::default() };
        facts.firewall.groups.insert(group.id.clone(), group);
        facts.integrations.interfaces = vec![interface("eni-db", "RDSNetworkInterface", &["sg-db"])];
    }

    fn interface(id: &str, description: &str, groups: &[&str]) -> Occupant {
        Occupant {
            id: id.into(),
            subnet: "subnet-a".into(),
            description: description.into(),
            kind: "interface".into(),
            status: "in-use".into(),
            instance: None,
            requester: "amazon-rds".into(),
            groups: groups.iter().map(ToString::to_string).collect(),
        }
    }

    fn planned(facts: &Facts, arguments: &[&str]) -> Vec<Issue> {
        let found = crate::checks::found(super::super::check, facts, arguments);
        found.into_iter().filter(|finding| finding.id == id::RCH_017).collect()
    }

    fn cidr(text: &str) -> Peer {
        Peer::Cidr(text.parse().unwrap())
    }

    #[test]
    fn a_database_that_allows_only_the_nodes_is_a_risk_with_the_rule_to_add() {
        let mut facts = facts();
        database(&mut facts, &[cidr("10.0.0.0/16")]);
        insta::assert_json_snapshot!(planned(&facts, &[]));
        database(&mut facts, &[cidr("10.0.0.0/16"), cidr("100.64.0.0/16")]);
        assert_eq!(planned(&facts, &[]), []);
    }

    #[test]
    fn a_rule_for_the_nodes_group_matters_if_pods_do_not_have_that_group() {
        let mut facts = facts();
        for node in &mut facts.nodes {
            node.security_groups = ["sg-nodes".to_string()].into();
        }
        database(&mut facts, &[Peer::Group("sg-nodes".into())]);
        let found = planned(&facts, &[]);
        assert!(found[0].what.starts_with("sg-db allows tcp 5432 from sg-nodes"), "{}", found[0].what);
        let fix = "aws ec2 authorize-security-group-ingress --group-id sg-db --protocol tcp --port 5432 --cidr 100.64.0.0/16";
        assert_eq!(found[0].fix, fix);
        assert_eq!(planned(&facts, &["--security-group", "sg-nodes"]), [], "pods keep their nodes' group");
        database(&mut facts, &[Peer::Group("sg-cluster".into())]);
        assert_eq!(planned(&facts, &[]), [], "pods have the cluster security group");
    }

    #[test]
    fn the_users_of_the_group_decide_its_severity() {
        use crate::issue::Severity::{Note, Warning};
        let mut facts = facts();
        database(&mut facts, &[cidr("10.0.0.0/16")]);
        facts.nodes[0].instance_id = Some("i-1".into());
        let severities = |facts: &Facts, used: Vec<Occupant>| {
            let mut facts = facts.clone();
            facts.integrations.interfaces = used;
            planned(&facts, &[]).iter().map(|finding| finding.severity()).collect::<Vec<_>>()
        };
        assert_eq!(severities(&facts, vec![]), [Note], "nothing uses it");
        let of_a_node = Occupant { instance: Some("i-1".into()), ..interface("eni-1", "", &["sg-db"]) };
        assert_eq!(severities(&facts, vec![of_a_node]), [Note], "another check covers nodes");
        let of_eks = interface("eni-2", "Amazon EKS shop", &["sg-db"]);
        assert_eq!(severities(&facts, vec![of_eks]), [Note]);
        let with_two = interface("eni-3", "ELB app/shop/1", &["sg-db", "sg-open"]);
        let open = Rule { traffic: Traffic::ALL, peer: cidr("0.0.0.0/0") };
        let group = SecurityGroup { id: "sg-open".into(), ingress: vec![open], ..SecurityGroup::default() };
        facts.firewall.groups.insert(group.id.clone(), group);
        assert_eq!(severities(&facts, vec![with_two]), [], "its other group allows pods");
        facts.integrations.unknown.insert(UNKNOWN, "DescribeNetworkInterfaces: UnauthorizedOperation".into());
        assert_eq!(severities(&facts, vec![]), [Warning], "something may use it");
    }

    #[test]
    fn rules_that_do_not_concern_pods_are_ignored() {
        let mut facts = facts();
        for peer in [cidr("0.0.0.0/0"), cidr("10.0.9.0/24"), Peer::Group("sg-elsewhere".into())] {
            database(&mut facts, std::slice::from_ref(&peer));
            assert_eq!(planned(&facts, &[]), [], "{peer:?}");
        }
        database(&mut facts, &[cidr("10.0.0.0/16")]);
        facts.firewall.groups.get_mut("sg-db").unwrap().ingress[0].traffic.ports = SSH;
        assert_eq!(planned(&facts, &[]), [], "SSH is for administrators");
    }

    #[test]
    fn doctor_uses_the_current_groups_of_pods() {
        let mut facts = custom();
        database(&mut facts, &[cidr("10.0.0.0/16")]);
        let current = |facts: &Facts| {
            let settings = crate::sample::settings(&[]);
            let design = crate::design::design(&settings, facts);
            let scene = Scene { goal: Goal::Setup, settings: &settings, facts, design: &design };
            let found = super::super::current(&scene);
            found.iter().filter(|finding| finding.id == id::RCH_017).count()
        };
        assert_eq!(current(&facts), 1);
        for node in &mut facts.nodes {
            node.interfaces[0].security_groups.insert("sg-own".into());
        }
        let group = SecurityGroup { id: "sg-own".into(), ..SecurityGroup::default() };
        facts.firewall.groups.insert(group.id.clone(), group);
        database(&mut facts, &[cidr("10.0.0.0/16"), Peer::Group("sg-own".into())]);
        assert_eq!(current(&facts), 0);
        facts.cni.env.clear();
        assert_eq!(current(&facts), 0, "custom networking is off");
    }
}
