use super::*;
use crate::facts::{Backend, Backends, NetworkPolicy, Peering, Route, RouteTable, Webhook};
use crate::issue::id;
use crate::net::firewall::{AclEntry, NetworkAcl, Peer, Ports, Protocol, Rule, SecurityGroup, Traffic};
use crate::sample::{facts, pod};

fn findings(facts: &Facts, arguments: &[&str]) -> Vec<Issue> {
    super::super::found(check, facts, arguments)
}

fn reported(facts: &Facts, arguments: &[&str]) -> Vec<String> {
    super::super::reported(check, facts, arguments)
}

#[track_caller]
fn one(facts: &Facts, arguments: &[&str], id: &str) -> Issue {
    let found: Vec<Issue> =
        findings(facts, arguments).into_iter().filter(|finding| finding.id.as_str() == id).collect();
    assert_eq!(found.len(), 1, "{found:#?}");
    found.into_iter().next().unwrap()
}

fn tcp(from: u16, to: u16) -> Traffic {
    Traffic { protocol: Some(Protocol::Tcp), ports: Ports { from, to } }
}

fn rule(traffic: Traffic, cidr: &str) -> Rule {
    Rule { traffic, peer: Peer::Cidr(cidr.parse().unwrap()) }
}

fn from_group(id: &str) -> Rule {
    Rule { traffic: Traffic::ALL, peer: Peer::Group(id.into()) }
}

fn add_group(facts: &mut Facts, id: &str, ingress: Vec<Rule>) {
    let egress = vec![rule(Traffic::ALL, "0.0.0.0/0")];
    facts
        .firewall
        .groups
        .insert(id.into(), SecurityGroup { id: id.into(), ingress, egress, ..SecurityGroup::default() });
}

fn deny(number: i32, traffic: Traffic, cidr: &str) -> AclEntry {
    AclEntry { number, allow: false, traffic, cidr: cidr.parse().unwrap() }
}

fn webhook(facts: &mut Facts, must_answer: bool) {
    facts.pods.push(pod("policy", "hook-0"));
    facts.backends.webhooks = vec![Webhook {
        service: "policy/hook".into(),
        configurations: ["ValidatingWebhookConfiguration policy".into()].into(),
        must_answer,
        aggregated: false,
        backend: Backend {
            ports: [(Protocol::Tcp, 9443)].into(),
            pods: [("policy/hook-0".to_string(), "old-1".to_string())].into(),
        },
    }];
}

/// The nodes' subnets have this table; pod subnets that we make take it too.
fn private_table(facts: &mut Facts, routes: &[(&str, &str)]) {
    facts.vpc.route_tables = vec![RouteTable {
        id: "rtb-nodes".into(),
        main: false,
        subnet_ids: ["subnet-a".into(), "subnet-b".into()].into(),
        routes: routes
            .iter()
            .map(|(destination, target)| Route {
                destination: destination.parse().unwrap(),
                target: (*target).into(),
                blackhole: false,
            })
            .collect(),
    }];
}

/// A subnet for pods that was there before.
fn given_subnet(facts: &mut Facts, zone: &str, at: u8) -> String {
    let like = facts.vpc.subnets.iter().find(|subnet| subnet.zone == zone).unwrap().clone();
    let id = format!("subnet-0{zone}");
    let cidr = format!("100.64.{at}.0/24").parse().unwrap();
    facts.vpc.subnets.push(crate::facts::Subnet { id: id.clone(), cidr, ..like });
    facts.firewall.acls[0].subnets.insert(id.clone());
    format!("{zone}={id}")
}

#[test]
fn a_cluster_as_eks_creates_it_has_no_issue() {
    let mut facts = facts();
    webhook(&mut facts, true);
    private_table(&mut facts, &[("10.0.0.0/16", "local"), ("0.0.0.0/0", "nat-1")]);
    assert_eq!(reported(&facts, &[]), [""; 0]);
    assert_eq!(reported(&facts, &["--external-snat"]), [""; 0]);
}

#[test]
fn custom_groups_without_rules_are_reported_with_the_missing_rules() {
    let mut facts = facts();
    add_group(&mut facts, "sg-0pods", Vec::new());
    let flag = ["--security-group", "sg-0pods"];
    assert_eq!(
        reported(&facts, &flag),
        [
            "EC-RCH-001 Error: pods could not reach the API server (tcp 443)",
            "EC-RCH-002 Error: pods could not reach CoreDNS (tcp 53, udp 53)",
            "EC-RCH-002 Error: pods could not reach CoreDNS (tcp 53, udp 53)",
            "EC-RCH-004 Warning: kubelets could not be reached (tcp 10250)",
            "EC-RCH-004 Warning: kubelets could not be reached (tcp 10250)",
            "EC-RCH-006 Warning: pods could no longer reach each other (tcp 0-65535)",
            "EC-RCH-006 Warning: pods could no longer reach each other (tcp 0-65535)",
        ]
    );
    let api = one(&facts, &flag, "EC-RCH-001");
    assert_eq!(api.place, "sg-cluster");
    assert!(api.why.starts_with("no inbound rule of sg-cluster allows it from sg-0pods"), "{}", api.why);
    assert_eq!(
        api.fix,
        "aws ec2 authorize-security-group-ingress --group-id sg-cluster --ip-permissions 'IpProtocol=tcp,FromPort=443,ToPort=443,UserIdGroupPairs=[{GroupId=sg-0pods}]'"
    );
    // With the rules that are asked for, nothing is left to say.
    add_group(&mut facts, "sg-0pods", vec![from_group("sg-0pods"), from_group("sg-cluster")]);
    let node_group = Rule { peer: Peer::Cidr("10.0.0.0/16".parse().unwrap()), traffic: Traffic::ALL };
    facts.firewall.groups.get_mut("sg-0pods").unwrap().ingress.push(node_group);
    facts.firewall.groups.get_mut("sg-cluster").unwrap().ingress.push(from_group("sg-0pods"));
    assert_eq!(reported(&facts, &flag), [""; 0]);
}

/// Terraform's usual module: nodes have a group of their own and not the cluster's.
#[test]
fn old_nodes_with_their_own_group_are_reported_with_the_missing_rules() {
    let mut facts = facts();
    let among = |traffic| Rule { traffic, peer: Peer::Group("sg-0old".into()) };
    let dns = |protocol| Traffic { protocol: Some(protocol), ports: Ports::one(53) };
    let from_control_plane = Rule { traffic: tcp(10250, 10250), peer: Peer::Group("sg-0extra".into()) };
    let own = vec![
        among(tcp(1025, 65535)),
        among(dns(Protocol::Tcp)),
        among(dns(Protocol::Udp)),
        from_control_plane,
    ];
    add_group(&mut facts, "sg-0old", own);
    add_group(&mut facts, "sg-0extra", vec![among(tcp(443, 443))]);
    facts.cluster.control_plane_groups = vec!["sg-0extra".into()];
    for node in &mut facts.nodes {
        node.security_groups = ["sg-0old".into()].into();
    }
    assert_eq!(
        reported(&facts, &[]),
        [
            "EC-RCH-002 Error: pods could not reach CoreDNS (tcp 53, udp 53)",
            "EC-RCH-002 Error: pods could not reach CoreDNS (tcp 53, udp 53)",
            "EC-RCH-004 Warning: kubelets could not be reached (tcp 10250)",
            "EC-RCH-006 Warning: pods could no longer reach each other (tcp 1025-65535)",
            "EC-RCH-006 Warning: pods could no longer reach each other (tcp 1025-65535)",
        ]
    );
    let fixes: String = findings(&facts, &[]).iter().map(|finding| finding.fix.clone() + "\n").collect();
    for command in [
        "--group-id sg-0old --ip-permissions 'IpProtocol=udp,FromPort=53,ToPort=53,UserIdGroupPairs=[{GroupId=sg-cluster}]'",
        "--group-id sg-cluster --ip-permissions 'IpProtocol=udp,FromPort=53,ToPort=53,UserIdGroupPairs=[{GroupId=sg-0old}]'",
        "--group-id sg-0old --ip-permissions 'IpProtocol=tcp,FromPort=1025,ToPort=65535,UserIdGroupPairs=[{GroupId=sg-cluster}]'",
    ] {
        assert!(fixes.contains(command), "{command} is not in:\n{fixes}");
    }
}

#[test]
fn a_group_of_another_vpc_is_refused() {
    let finding = one(&facts(), &["--security-group", "sg-0other"], "EC-RCH-013");
    assert_eq!(finding.what, "sg-0other is not a security group of the cluster's VPC");
    assert_eq!(finding.place, "--security-group");
}

#[test]
fn a_network_acl_that_denies_is_reported_with_its_entry_and_a_free_number_before_it() {
    let mut facts = facts();
    let dns = Traffic { protocol: Some(Protocol::Udp), ports: Ports::one(53) };
    facts.firewall.acls[0].ingress.insert(0, deny(90, dns, "100.64.0.0/16"));
    let dns = one(&facts, &[], "EC-RCH-002");
    assert_eq!(dns.place, "acl-1");
    assert!(dns.why.contains("inbound entry 90 of acl-1 denies udp 53 from 100.64.0.0/17"), "{}", dns.why);
    let commands: Vec<&str> = dns.fix.split(" && ").collect();
    assert_eq!(
        commands,
        [
            "aws ec2 create-network-acl-entry --network-acl-id acl-1 --ingress --rule-number 89 --protocol udp --port-range From=53,To=53 --cidr-block 100.64.0.0/17 --rule-action allow",
            "aws ec2 create-network-acl-entry --network-acl-id acl-1 --ingress --rule-number 88 --protocol udp --port-range From=53,To=53 --cidr-block 100.64.128.0/17 --rule-action allow",
        ]
    );
}

#[test]
fn one_unreachable_subnet_of_the_control_plane_is_only_a_warning() {
    let mut facts = facts();
    facts.firewall.acls[0].subnets.remove("subnet-b");
    let blocked =
        NetworkAcl { id: "acl-blocked".into(), subnets: ["subnet-b".into()].into(), ..NetworkAcl::default() };
    facts.firewall.acls.push(blocked);
    // At most an interface of EKS is there.
    facts.nodes.truncate(1);
    let api = one(&facts, &[], "EC-RCH-001");
    assert_eq!((api.severity(), api.place.as_str()), (crate::issue::Severity::Warning, "acl-blocked"));
    let nodes = one(&facts, &[], "EC-RCH-003");
    assert_eq!(nodes.severity(), crate::issue::Severity::Warning);
    facts.cluster.subnet_ids = vec!["subnet-b".into()];
    assert_eq!(one(&facts, &[], "EC-RCH-001").severity(), crate::issue::Severity::Error);
}

#[test]
fn the_severity_of_an_unreachable_webhook_follows_its_failure_policy() {
    use crate::issue::Severity::{Error, Warning};
    let mut facts = facts();
    add_group(&mut facts, "sg-0pods", vec![from_group("sg-0pods"), rule(Traffic::ALL, "10.0.0.0/16")]);
    // The control plane's egress is the cluster's group's own.
    let cluster = facts.firewall.groups.get_mut("sg-cluster").unwrap();
    cluster.ingress.push(from_group("sg-0pods"));
    cluster.egress = vec![from_group("sg-cluster"), rule(tcp(10250, 10250), "0.0.0.0/0")];
    for (must_answer, severity) in [(true, Error), (false, Warning)] {
        webhook(&mut facts, must_answer);
        let hook = one(&facts, &["--security-group", "sg-0pods"], "EC-RCH-005");
        assert_eq!(hook.severity(), severity);
        assert_eq!(
            hook.what,
            "the API server could not call webhook policy/hook once its pods have moved (tcp 9443)"
        );
        assert!(
            hook.why.contains("it is configured in ValidatingWebhookConfiguration policy"),
            "{}",
            hook.why
        );
        assert_eq!(
            hook.fix,
            "aws ec2 authorize-security-group-egress --group-id sg-cluster --ip-permissions 'IpProtocol=tcp,FromPort=9443,ToPort=9443,UserIdGroupPairs=[{GroupId=sg-0pods}]'"
        );
    }
}

#[test]
fn an_unreachable_aggregated_api_is_a_warning() {
    let mut facts = facts();
    add_group(&mut facts, "sg-0pods", vec![from_group("sg-0pods"), rule(Traffic::ALL, "10.0.0.0/16")]);
    let cluster = facts.firewall.groups.get_mut("sg-cluster").unwrap();
    cluster.ingress.push(from_group("sg-0pods"));
    cluster.egress = vec![from_group("sg-cluster"), rule(tcp(10250, 10250), "0.0.0.0/0")];
    webhook(&mut facts, false);
    let api = &mut facts.backends.webhooks[0];
    (api.aggregated, api.configurations) = (true, ["APIService v1beta1.metrics.k8s.io".into()].into());
    let found = one(&facts, &["--security-group", "sg-0pods"], "EC-RCH-005");
    assert_eq!(found.severity(), crate::issue::Severity::Warning);
    assert!(
        found.what.starts_with("the API server could not call aggregated API policy/hook"),
        "{}",
        found.what
    );
    assert!(
        found
            .why
            .ends_with("it is configured in APIService v1beta1.metrics.k8s.io: its API would be unavailable"),
        "{}",
        found.why
    );
    facts.backends.apis_unknown = Some("list APIServices: Forbidden".into());
    assert_eq!(one(&facts, &[], "EC-RCH-012").why, "unknown because list APIServices: Forbidden");
}

#[test]
fn a_rule_for_only_the_nodes_addresses_is_reported_if_nothing_else_allows_pods() {
    let mut facts = facts();
    facts.cluster.control_plane_groups = vec!["sg-extra".into()];
    add_group(
        &mut facts,
        "sg-extra",
        vec![rule(tcp(443, 443), "10.0.0.0/16"), rule(tcp(22, 22), "10.0.0.0/16")],
    );
    assert_eq!(reported(&facts, &[]), [""; 0], "the cluster security group lets pods in");
    add_group(&mut facts, "sg-0pods", vec![from_group("sg-0pods"), rule(Traffic::ALL, "10.0.0.0/16")]);
    let flag = ["--security-group", "sg-0pods"];
    let finding = one(&facts, &flag, "EC-RCH-008");
    assert_eq!(
        finding.what,
        "sg-extra allows tcp 443 from 10.0.0.0/16, but not from the pods' 100.64.0.0/16"
    );
    assert_eq!(
        finding.fix,
        "aws ec2 authorize-security-group-ingress --group-id sg-extra --protocol tcp --port 443 --cidr 100.64.0.0/16"
    );
    let extra = facts.firewall.groups.get_mut("sg-extra").unwrap();
    extra.ingress.push(rule(tcp(443, 443), "100.64.0.0/16"));
    assert!(!reported(&facts, &flag).iter().any(|line| line.starts_with("EC-RCH-008")));
}

#[test]
fn an_acl_entry_for_only_the_nodes_addresses_is_reported() {
    let mut facts = facts();
    let allow = |number, cidr: &str| AclEntry { allow: true, ..deny(number, Traffic::ALL, cidr) };
    let default = &mut facts.firewall.acls[0];
    default.ingress = vec![allow(100, "10.0.0.0/16"), allow(110, "203.0.113.0/24")];
    let finding = one(&facts, &[], "EC-RCH-009");
    assert_eq!(
        finding.what,
        "inbound entry 100 of acl-1 allows all traffic from 10.0.0.0/16, but no entry from the pods' 100.64.0.0/16"
    );
    assert_eq!(
        finding.fix,
        "aws ec2 create-network-acl-entry --network-acl-id acl-1 --ingress --rule-number 99 --protocol -1 --cidr-block 100.64.0.0/16 --rule-action allow"
    );
    facts.firewall.acls[0].ingress.insert(0, allow(99, "100.64.0.0/16"));
    assert_eq!(reported(&facts, &[]), [""; 0]);
}

#[test]
fn pods_with_external_snat_need_a_nat_gateway() {
    let mut facts = facts();
    let snat = ["--external-snat"];
    for (routes, why) in [
        (vec![], "it has no default route"),
        (vec![("0.0.0.0/0", "igw-1")], "its default route goes to igw-1, but pods have no public address"),
    ] {
        private_table(&mut facts, &routes);
        // A public table is never taken for pods, so a subnet that has it was given.
        let subnets = [given_subnet(&mut facts, "a", 0), given_subnet(&mut facts, "b", 1)];
        facts.vpc.route_tables[0].subnet_ids.extend(["subnet-0a".to_string(), "subnet-0b".to_string()]);
        let args = ["--subnet", &subnets[0], "--subnet", &subnets[1], snat[0]];
        let found = findings(&facts, &args);
        let zones: Vec<&str> = found
            .iter()
            .filter(|finding| finding.id == id::RCH_007)
            .map(|finding| finding.what.as_str())
            .collect();
        assert_eq!(
            zones,
            [
                "pods of a would have no route to the internet",
                "pods of b would have no route to the internet"
            ]
        );
        assert!(found[0].why.ends_with(why), "{}", found[0].why);
        assert!(
            !reported(&facts, &args[..4]).iter().any(|line| line.starts_with("EC-RCH-007")),
            "their nodes' address goes out"
        );
        facts.vpc.subnets.truncate(2);
    }
    private_table(&mut facts, &[("0.0.0.0/0", "nat-1")]);
    facts.vpc.route_tables[0].routes[0].blackhole = true;
    let gone = reported(&facts, &snat);
    assert_eq!(gone.iter().filter(|line| line.starts_with("EC-RCH-007 Error")).count(), 2);
    facts.cni.env.insert("AWS_VPC_K8S_CNI_EXTERNALSNAT".into(), "true".into());
    assert_eq!(reported(&facts, &[]), gone, "it may be on already");
}

#[test]
fn a_pod_subnet_on_the_main_table_lacks_the_routes_of_its_nodes() {
    let mut facts = facts();
    private_table(&mut facts, &[("0.0.0.0/0", "nat-1"), ("10.9.0.0/16", "tgw-1")]);
    let subnet = given_subnet(&mut facts, "a", 0);
    facts.vpc.route_tables.push(RouteTable {
        id: "rtb-main".into(),
        main: true,
        subnet_ids: BTreeSet::new(),
        routes: Vec::new(),
    });
    let finding = one(&facts, &["--subnet", &subnet], "EC-RCH-014");
    assert_eq!(finding.what, "the pod subnet of a has no route to 10.9.0.0/16");
    assert_eq!(finding.place, "subnet-0a, rtb-main");
    assert!(finding.why.contains("the VPC's main route table"), "{}", finding.why);
    assert!(finding.fix.ends_with("--destination-cidr-block 10.9.0.0/16 --transit-gateway-id tgw-1"));
}

#[test]
fn peers_of_the_vpc_need_a_route_to_a_new_block() {
    let mut facts = facts();
    let routes = [("0.0.0.0/0", "nat-1"), ("10.9.0.0/16", "tgw-1"), ("10.8.0.0/16", "pcx-1")];
    private_table(&mut facts, &routes);
    let peering = |id: &str, status: &str| Peering {
        id: id.into(),
        status: status.into(),
        we_requested: true,
        peer_cidrs: vec!["10.8.0.0/16".parse().unwrap()],
    };
    facts.vpc.peerings =
        vec![peering("pcx-1", "active"), peering("pcx-2", "active"), peering("pcx-1", "deleted")];
    assert_eq!(reported(&facts, &[]), [""; 0], "the block is already associated");
    assert_eq!(
        reported(&facts, &["--cidr", "100.65.0.0/16"]),
        [
            "EC-RCH-010 Warning: the VPC behind pcx-1 (10.8.0.0/16) has no route to 100.65.0.0/16",
            "EC-RCH-010 Warning: networks behind tgw-1 may have no route to 100.65.0.0/16",
        ]
    );
}

#[test]
fn a_new_block_with_webhooks_is_reported() {
    let mut facts = facts();
    let new = ["--cidr", "100.65.0.0/16"];
    assert_eq!(reported(&facts, &new), [""; 0]);
    webhook(&mut facts, true);
    assert_eq!(reported(&facts, &[]), [""; 0]);
    let finding = one(&facts, &new, "EC-RCH-011");
    assert_eq!(finding.what, "for up to an hour the API server may not reach policy/hook");
    assert!(finding.fix.starts_with("eni-custom associate-cidr --cluster shop"));
}

#[test]
fn unread_facts_are_reported_with_their_code() {
    let mut facts = facts();
    facts.firewall.groups.clear();
    facts.firewall.groups_unknown = Some("DescribeSecurityGroups: UnauthorizedOperation".into());
    facts.backends = Backends { unknown: Some("list Services: Forbidden".into()), ..Backends::default() };
    assert_eq!(
        reported(&facts, &[]),
        [
            "EC-RCH-012 Note: unknown whether this traffic is allowed: metrics, logs and exec to kubelets; new nodes to the API server; pods to CoreDNS; pods to the API server",
            "EC-RCH-012 Note: unknown whether the API server can call webhooks once their pods have moved",
        ]
    );
    let found = findings(&facts, &[]);
    assert_eq!(found[0].why, "unknown because DescribeSecurityGroups: UnauthorizedOperation");
    assert_eq!(found[1].why, "unknown because list Services: Forbidden");
}

#[test]
fn a_network_policy_for_only_the_nodes_addresses_is_reported() {
    let mut facts = facts();
    let policy = |ingress: &[&str], egress: &[&str]| {
        let blocks = |all: &[&str]| all.iter().map(|cidr| cidr.parse().unwrap()).collect();
        vec![NetworkPolicy { name: "shop/cart".into(), ingress: blocks(ingress), egress: blocks(egress) }]
    };
    facts.integrations.policies = policy(&["10.0.0.0/16"], &["0.0.0.0/0"]);
    insta::assert_json_snapshot!(one(&facts, &[], "EC-RCH-015"));
    for (ingress, egress) in [
        (&["10.0.0.0/8", "100.64.0.0/10"][..], &[][..]),
        // A load balancer's subnet, or somebody outside.
        (&["10.0.9.0/24"], &["203.0.113.0/24"]),
    ] {
        facts.integrations.policies = policy(ingress, egress);
        assert_eq!(reported(&facts, &[]), [""; 0], "{ingress:?} {egress:?}");
    }
}

/// EKS tags the cluster security group; the group of new nodes has no such tag.
#[test]
fn ip_targets_need_one_group_tagged_for_the_cluster() {
    let mut facts = facts();
    let tag = |facts: &mut Facts, id: &str| {
        let tags = &mut facts.firewall.groups.get_mut(id).unwrap().tags;
        tags.insert("kubernetes.io/cluster/shop".into(), "owned".into());
    };
    facts.integrations.ip_targets.insert("shop/k8s-shop-cart".into());
    assert!(one(&facts, &[], "EC-RCH-016").why.contains("none has the tag kubernetes.io/cluster/shop"));
    tag(&mut facts, "sg-cluster");
    assert_eq!(reported(&facts, &[]), [""; 0], "as EKS creates it");

    add_group(&mut facts, "sg-pods", vec![from_group("sg-pods"), from_group("sg-cluster")]);
    facts.firewall.groups.get_mut("sg-cluster").unwrap().ingress.push(from_group("sg-pods"));
    let both = ["--security-group", "sg-pods", "--security-group", "sg-cluster"];
    assert_eq!(reported(&facts, &both), [""; 0]);
    tag(&mut facts, "sg-pods");
    insta::assert_json_snapshot!(one(&facts, &both, "EC-RCH-016"));
    assert_eq!(reported(&facts, &both[..2]), [""; 0], "the only group is taken, tagged or not");
    facts.integrations.ip_targets.clear();
    assert_eq!(reported(&facts, &both), [""; 0], "nodes are the targets");
}
