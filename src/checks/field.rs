//! The issues of the field failures that a plan can detect, each with its number in docs/checks.md; and none for a
//! healthy cluster.

use serde_json::json;

use crate::design::design;
use crate::facts::{
    Addon, Budget, Facts, Karpenter, Least, NetworkPolicy, NodeClass, Peering, Placement, Route, RouteTable,
};
use crate::goal::Goal;
use crate::issue::Issue;
use crate::net::firewall::{AclEntry, Peer, Ports, Protocol, Rule, SecurityGroup, Traffic};
use crate::sample::{budget, facts, pod, settings};
use crate::scene::Scene;

use super::check;

/// A cluster that is ready for setup.
fn healthy() -> Facts {
    let mut facts = facts();
    facts.cni.image = "cni:v1.20.4".into();
    facts.machine.images = crate::sample::images();
    let to = |target: &str| Route {
        destination: "0.0.0.0/0".parse().unwrap(),
        target: target.into(),
        blackhole: false,
    };
    let table = |id: &str, main: bool, subnets: &[&str], target: &str| RouteTable {
        id: id.into(),
        main,
        subnet_ids: subnets.iter().map(ToString::to_string).collect(),
        routes: vec![to(target)],
    };
    facts.vpc.route_tables = vec![
        table("rtb-main", true, &[], "igw-1"),
        table("rtb-nat", false, &["subnet-a", "subnet-b"], "nat-1"),
    ];
    for (at, node) in facts.nodes.iter_mut().enumerate() {
        node.node_claim = Some(format!("default-{at}"));
    }
    facts.pods = vec![pod("shop", "cart-0")];
    facts.budgets = vec![budget("shop", json!({}))];
    facts
}

fn found(facts: &Facts, arguments: &[&str]) -> Vec<Issue> {
    let settings = settings(arguments);
    let design = design(&settings, facts);
    check(&Scene { goal: Goal::Setup, settings: &settings, facts, design: &design })
}

/// The issues of the healthy cluster with one change.
fn reported(arguments: &[&str], change: impl FnOnce(&mut Facts)) -> Vec<Issue> {
    let mut facts = healthy();
    change(&mut facts);
    found(&facts, arguments)
}

fn any(peer: Peer) -> Rule {
    Rule { traffic: Traffic::ALL, peer }
}

fn cidr(text: &str) -> Peer {
    Peer::Cidr(text.parse().unwrap())
}

#[test]
fn a_healthy_cluster_has_no_issue() {
    assert_eq!(found(&healthy(), &[]), []);
    assert_eq!(found(&healthy(), &["--env-last", "--external-snat"]), []);
}

#[test]
fn a_pod_group_that_no_rule_allows() {
    // 3
    insta::assert_json_snapshot!(reported(&["--security-group", "sg-pods"], |facts| {
        let egress = vec![any(cidr("0.0.0.0/0"))];
        let group = SecurityGroup { id: "sg-pods".into(), egress, ..SecurityGroup::default() };
        facts.firewall.groups.insert(group.id.clone(), group);
    }));
}

#[test]
fn no_route_out() {
    // 4: the nodes use the main route table; 16: pods use their own routes, and the target is deleted.
    insta::assert_json_snapshot!(reported(&[], |facts| facts.vpc.route_tables[1].subnet_ids.clear()));
    insta::assert_json_snapshot!(reported(&["--external-snat"], |facts| {
        facts.vpc.route_tables[1].routes[0].blackhole = true;
    }));
}

#[test]
fn another_owner_of_aws_node() {
    // 8
    insta::assert_json_snapshot!(reported(&[], |facts| {
        facts.cni.annotations.insert("meta.helm.sh/release-name".into(), "aws-vpc-cni".into());
    }));
    insta::assert_json_snapshot!(reported(&[], |facts| {
        facts.cni.addon = Some(Addon {
            version: "v1.20.4-eksbuild.1".into(),
            status: "DEGRADED".into(),
            role: None,
            configuration: "env: yaml".into(),
            issues: vec!["ConfigurationConflict: env".into()],
        });
    }));
}

#[test]
fn budgets_and_pods_that_block_the_drain() {
    // 12
    insta::assert_json_snapshot!(reported(&[], |facts| {
        facts.budgets[0].least = Least::MaxUnavailable("0".into());
        facts.pods.push(pod("bank", "desk-0"));
        facts.budgets.push(budget("bank", json!({})));
        facts.budgets.push(Budget { name: "second".into(), ..budget("bank", json!({})) });
        let mut picky = pod("web", "picky");
        let node_selector = [("disk".to_string(), "ssd".to_string())].into();
        picky.placement = Some(Box::new(Placement { node_selector, ..Placement::default() }));
        facts.pods.push(picky);
    }));
}

#[test]
fn rules_for_only_the_old_addresses() {
    // 15
    insta::assert_json_snapshot!(reported(&[], |facts| {
        let traffic = Traffic { protocol: Some(Protocol::Tcp), ports: Ports { from: 5432, to: 5432 } };
        let entry = AclEntry { number: 90, allow: true, traffic, cidr: "10.0.0.0/16".parse().unwrap() };
        facts.firewall.acls[0].ingress = vec![entry];
        facts.integrations.policies = vec![NetworkPolicy {
            name: "shop/cart".into(),
            ingress: ["10.0.0.0/16".parse().unwrap()].into(),
            egress: Default::default(),
        }];
        facts.vpc.peerings = vec![Peering {
            id: "pcx-1".into(),
            status: "active".into(),
            we_requested: true,
            peer_cidrs: vec!["10.9.0.0/16".parse().unwrap()],
        }];
    }));
}

#[test]
fn subnets_too_small_for_pods_and_for_nodes() {
    // 18, 28
    insta::assert_json_snapshot!(reported(&["--cidr", "100.64.0.0/26", "--nodes-per-zone", "3"], |_| {}));
    insta::assert_json_snapshot!(reported(&["--nodes-per-zone", "2"], |facts| facts.vpc.subnets[0].free = 1));
}

#[test]
fn other_tools_that_start_nodes() {
    // 19, 27
    insta::assert_json_snapshot!(reported(&["--eniconfig-name", "a=pods-a"], |facts| {
        facts.karpenter = Some(Karpenter {
            deployment: Some("karpenter/karpenter".into()),
            reserved_enis: 0,
            classes: [("default".to_string(), NodeClass::default())].into(),
            reserved_by_flag: true,
            ..Karpenter::default()
        });
    }));
}

#[test]
fn a_block_that_aws_rejects() {
    // 23
    insta::assert_json_snapshot!(reported(&["--cidr", "172.16.0.0/16"], |_| {}));
}

#[test]
fn a_version_with_a_bug_and_an_unknown_version() {
    // 25
    insta::assert_json_snapshot!(reported(&[], |facts| {
        facts.cni.image = "cni:v1.16.2".into();
        facts.cni.env.insert("ENABLE_POD_ENI".into(), "true".into());
    }));
    insta::assert_json_snapshot!(reported(&[], |facts| facts.cni.image = "cni@sha256:1234".into()));
}

#[test]
fn more_than_two_host_network_pods() {
    // 30
    insta::assert_json_snapshot!(reported(&[], |facts| {
        for node in ["old-1", "old-2"] {
            for set in ["aws-node", "kube-proxy", "exporter"] {
                let mut of_host = pod("kube-system", &format!("{set}-{node}"));
                (of_host.node, of_host.host_network) = (node.into(), true);
                let kind = "DaemonSet".into();
                of_host.controller = Some(crate::facts::Controller { kind, name: set.into() }.into());
                facts.pods.push(of_host);
            }
        }
    }));
}

#[test]
fn a_vpc_that_another_account_shares() {
    insta::assert_json_snapshot!(reported(&[], |facts| facts.vpc.owner = "2".into()));
}

/// Unread facts are reported next to the other issues.
#[test]
fn partly_read_facts() {
    insta::assert_json_snapshot!(reported(&["--cidr", "172.16.0.0/16"], |facts| {
        facts.backends.unknown = Some("list Services: Forbidden".into());
        facts.vpc.quotas.unread = Some("ListServiceQuotas: AccessDeniedException".into());
        facts
            .integrations
            .unknown
            .insert("which autoscalers start nodes", "list Deployments: Forbidden".into());
    }));
}
