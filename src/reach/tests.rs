use super::*;
use crate::design::design;
use crate::facts::Interface;
use crate::net::firewall::{Peer, Rule, SecurityGroup, Traffic};
use crate::sample::{custom_node, facts, node, settings};

fn matrix(facts: &Facts, arguments: &[&str]) -> Vec<Flow> {
    flows(&design(&settings(arguments), facts), facts)
}

/// Rows of the matrix that are not allowed.
fn not_allowed(flows: &[Flow]) -> Vec<String> {
    let stopped = flows.iter().filter(|flow| flow.verdict != Verdict::Allowed);
    stopped.map(|flow| format!("{} -> {} {} {}", flow.from, flow.to, flow.protocol, flow.port)).collect()
}

fn any(peer: &str) -> Rule {
    Rule { traffic: Traffic::ALL, peer: Peer::Group(peer.into()) }
}

fn add_group(facts: &mut Facts, id: &str, ingress: Vec<Rule>) {
    let egress = vec![Rule { traffic: Traffic::ALL, peer: Peer::Cidr("0.0.0.0/0".parse().unwrap()) }];
    facts
        .firewall
        .groups
        .insert(id.into(), SecurityGroup { id: id.into(), ingress, egress, ..SecurityGroup::default() });
}

#[test]
fn a_cluster_as_eks_creates_it_allows_every_flow() {
    let matrix = matrix(&facts(), &[]);
    assert_eq!(not_allowed(&matrix), [""; 0]);
    let line = |flow: &Flow| {
        format!("{:?} {} -> {} {} {}", flow.purpose, flow.from, flow.to, flow.protocol, flow.port)
    };
    let lines: Vec<String> = matrix.iter().map(line).collect();
    for expected in [
        "Api pods of a -> API server in subnet-b tcp 443",
        "NodeApi new nodes of b -> API server in subnet-a tcp 443",
        "Dns pods of a -> pods on old nodes in subnet-b with sg-cluster udp 53",
        "Dns pods on old nodes in subnet-a with sg-cluster -> pods of b tcp 53",
        "Dns pods of a -> pods of b udp 53",
        "Kubelet pods of b -> old nodes in subnet-a with sg-cluster tcp 10250",
        "Kubelet API server in subnet-a -> new nodes of b tcp 10250",
        "Pods pods of a -> pods on old nodes in subnet-b with sg-cluster tcp 0-65535",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected} is not in {lines:#?}");
    }
}

#[test]
fn a_thousand_nodes_have_as_many_rows_as_two() {
    let few = matrix(&facts(), &[]).len();
    let mut many = facts();
    for at in 0..1000 {
        let mut node = node(&format!("more-{at}"), "a");
        node.subnet = Some("subnet-a".into());
        many.nodes.push(node);
    }
    assert_eq!(matrix(&many, &[]).len(), few);
}

/// The self-managed nodes of AWS's own template allow only TCP from the control plane's group.
#[test]
fn nodes_that_allow_only_tcp_block_dns_over_udp() {
    let mut facts = facts();
    let tcp = Traffic { protocol: Some(Protocol::Tcp), ports: Ports { from: 1025, to: 65535 } };
    let from_cluster = Rule { traffic: tcp, peer: Peer::Group("sg-cluster".into()) };
    add_group(&mut facts, "sg-old", vec![any("sg-old"), from_cluster]);
    facts.firewall.groups.get_mut("sg-cluster").unwrap().ingress.push(any("sg-old"));
    facts.nodes[0].security_groups = ["sg-old".into()].into();
    facts.nodes.truncate(1);
    let stopped = not_allowed(&matrix(&facts, &[]));
    let expected = [
        "pods of a -> pods on old nodes in subnet-a with sg-old tcp 53",
        "pods of a -> pods on old nodes in subnet-a with sg-old udp 53",
        "pods of a -> pods on old nodes in subnet-a with sg-old tcp 0-65535",
    ];
    assert_eq!(stopped, expected);
}

#[test]
fn dns_is_checked_on_its_nodes() {
    let mut facts = facts();
    add_group(&mut facts, "sg-alone", Vec::new());
    facts.nodes[1].security_groups = ["sg-alone".into()].into();
    let pods = [("kube-system/coredns-1".to_string(), "old-1".to_string())].into();
    let ports = [(Protocol::Udp, 5353)].into();
    facts.backends.dns = Some(Backend { ports, pods });
    let flows = matrix(&facts, &[]);
    let dns = flows.iter().filter(|flow| flow.purpose == Purpose::Dns && flow.to.contains("old nodes"));
    let asked: BTreeSet<String> =
        dns.map(|flow| format!("{} {} {}", flow.to, flow.protocol, flow.port)).collect();
    assert_eq!(asked, ["pods on old nodes in subnet-a with sg-cluster udp 5353".to_string()].into());
}

/// One stack per ENIConfig, as documented, creates one group each.
#[test]
fn pods_with_different_groups_are_separate_rows() {
    let mut facts = facts();
    for (at, zone) in ["a", "b"].into_iter().enumerate() {
        let group = format!("sg-stack-{zone}");
        add_group(&mut facts, &group, vec![any(&group)]);
        facts.firewall.groups.get_mut("sg-cluster").unwrap().ingress.push(any(&group));
        let subnet = format!("subnet-pods-{zone}");
        let mut there = facts.vpc.subnets[at].clone();
        (there.id, there.cidr) = (subnet.clone(), format!("100.64.{at}.0/24").parse().unwrap());
        facts.vpc.subnets.push(there);
        facts.firewall.acls[0].subnets.insert(subnet.clone());
        let config = crate::facts::EniConfig {
            name: zone.into(),
            subnet: subnet.clone(),
            security_groups: vec![group.clone()],
            ours: false,
        };
        facts.eniconfigs.items.push(config);
        let node = &mut facts.nodes[at];
        let interface = custom_node("x", zone).interfaces.remove(0);
        node.pod_subnets = [subnet.clone()].into();
        node.interfaces = vec![Interface { security_groups: [group].into(), subnet, ..interface }];
    }
    let flows = matrix(&facts, &[]);
    let between = |from: &str, to: &str| {
        let name = |zone: &str| format!("pods in subnet-pods-{zone} with sg-stack-{zone}");
        let found = flows
            .iter()
            .find(|flow| flow.purpose == Purpose::Dns && flow.from == name(from) && flow.to == name(to));
        found.unwrap().verdict.clone()
    };
    assert_eq!(between("a", "a"), Verdict::Allowed);
    assert!(matches!(between("a", "b"), Verdict::Denied { .. }));
}

#[test]
fn webhooks_in_the_host_s_network_do_not_move() {
    let mut facts = facts();
    let mut pod = crate::sample::pod("policy", "hook-0");
    let pods = [("policy/hook-0".to_string(), "old-1".to_string())].into();
    facts.backends.webhooks.push(Webhook {
        aggregated: false,
        service: "policy/hook".into(),
        configurations: ["ValidatingWebhookConfiguration policy".into()].into(),
        must_answer: true,
        backend: Backend { ports: [(Protocol::Tcp, 9443)].into(), pods },
    });
    let webhook_lines = |facts: &Facts| {
        matrix(facts, &[]).iter().filter(|flow| matches!(flow.purpose, Purpose::Webhook { .. })).count()
    };
    facts.pods = vec![pod.clone()];
    assert_eq!(webhook_lines(&facts), 4, "two subnets of the control plane to pods of two zones");
    pod.host_network = true;
    facts.pods = vec![pod];
    assert_eq!(webhook_lines(&facts), 0);
}

#[test]
fn a_row_names_the_barriers() {
    let mut facts = facts();
    facts.nodes.truncate(1);
    facts.firewall.groups.get_mut("sg-cluster").unwrap().egress.clear();
    let flows = matrix(&facts, &[]);
    let join = flows.iter().find(|flow| flow.purpose == Purpose::Kubelet && flow.from.starts_with("API"));
    let expected = serde_json::json!({
        "for": "kubelet",
        "from": "API server in subnet-a",
        "to": "new nodes of a",
        "protocol": "tcp",
        "port": {"from": 10250, "to": 10250},
        "verdict": {"is": "denied", "barriers": [{
            "by": "security-groups",
            "direction": "egress",
            "groups": ["sg-cluster"],
            "peers": ["sg-cluster", "the new node security group"],
            "remote": "10.0.0.0/24",
            "protocol": "tcp",
            "ports": {"from": 10250, "to": 10250},
        }]},
    });
    assert_eq!(serde_json::to_value(join.unwrap()).unwrap(), expected);
}
