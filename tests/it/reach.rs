//! A cluster's network broken by hand, one thing after another: each is told before anything is changed.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{IpPermission, IpRange, PortRange, RuleAction, UserIdGroupPair};
use sandbox::{OldNodes, Sandbox, Shape, witness};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::cluster::{refuses, start};
use crate::command::{run, writes};

/// Works on the account as a person with a console would; what it does is seen at once.
pub struct Hand<'a> {
    sandbox: &'a Sandbox,
    pub ec2: Client,
    pub runtime: Runtime,
}

impl<'a> Hand<'a> {
    pub fn of(sandbox: &'a Sandbox) -> Self {
        let (endpoint, region) = (&sandbox.endpoint, &sandbox.shape.region);
        let runtime = Runtime::new().expect("a runtime starts");
        let sdk = runtime.block_on(witness::sdk(endpoint, region, &sandbox.aws.keys["witness"]));
        Hand { sandbox, ec2: Client::new(&sdk), runtime }
    }

    #[track_caller]
    pub fn done<T, E: std::fmt::Debug>(&self, work: impl Future<Output = Result<T, E>>) -> T {
        self.runtime.block_on(work).expect("EC2 does it")
    }

    fn default_acl(&self) -> String {
        let acls = self.done(self.ec2.describe_network_acls().send());
        let ours = acls
            .network_acls()
            .iter()
            .find(|acl| acl.vpc_id() == Some(&self.sandbox.aws.vpc_id) && acl.is_default() == Some(true));
        ours.and_then(|acl| acl.network_acl_id()).expect("a VPC has a default network ACL").to_string()
    }

    /// An inbound entry; `None` for all traffic.
    fn entry(&self, acl: &str, number: i32, action: RuleAction, traffic: Option<(&str, i32)>, cidr: &str) {
        let request = self
            .ec2
            .create_network_acl_entry()
            .network_acl_id(acl)
            .egress(false)
            .rule_number(number)
            .rule_action(action)
            .protocol(traffic.map_or("-1", |(protocol, _)| protocol))
            .set_port_range(traffic.map(|(_, port)| PortRange::builder().from(port).to(port).build()))
            .cidr_block(cidr);
        self.done(request.send());
    }

    fn without_entry(&self, acl: &str, number: i32) {
        let request =
            self.ec2.delete_network_acl_entry().network_acl_id(acl).egress(false).rule_number(number);
        self.done(request.send());
    }

    pub fn group(&self, name: &str) -> String {
        let vpc = &self.sandbox.aws.vpc_id;
        let request = self.ec2.create_security_group().group_name(name).description(name).vpc_id(vpc);
        self.done(request.send()).group_id().expect("it has an id").to_string()
    }

    pub fn allow(&self, group: &str, permission: IpPermission) {
        let request = self.ec2.authorize_security_group_ingress().group_id(group).ip_permissions(permission);
        self.done(request.send());
    }

    /// A subnet that nobody associated with a route table, as `--subnet` takes it.
    pub fn subnet(&self, zone: &str, cidr: &str) -> String {
        let vpc = &self.sandbox.aws.vpc_id;
        let request = self.ec2.create_subnet().vpc_id(vpc).availability_zone(zone).cidr_block(cidr);
        let made = self.done(request.send());
        format!("{zone}={}", made.subnet().and_then(|subnet| subnet.subnet_id()).expect("it has an id"))
    }

    /// A peering that the nodes' route tables lead to.
    fn peering(&self) -> String {
        let vpc = self.done(self.ec2.create_vpc().cidr_block("10.8.0.0/16").send());
        let other = vpc.vpc().and_then(|vpc| vpc.vpc_id()).expect("it has an id");
        let request = self.ec2.create_vpc_peering_connection();
        let made = self.done(request.vpc_id(&self.sandbox.aws.vpc_id).peer_vpc_id(other).send());
        let id = made.vpc_peering_connection().and_then(|peering| peering.vpc_peering_connection_id());
        let id = id.expect("it has an id").to_string();
        self.done(self.ec2.accept_vpc_peering_connection().vpc_peering_connection_id(&id).send());
        for table in self.sandbox.aws.private_route_tables.values() {
            let route = self.ec2.create_route().route_table_id(table).destination_cidr_block("10.8.0.0/16");
            self.done(route.vpc_peering_connection_id(&id).send());
        }
        id
    }
}

pub fn from_group(group: &str) -> IpPermission {
    IpPermission::builder()
        .ip_protocol("-1")
        .user_id_group_pairs(UserIdGroupPair::builder().group_id(group).build())
        .build()
}

pub fn from_cidr(port: i32, cidr: &str) -> IpPermission {
    let range = IpRange::builder().cidr_ip(cidr).build();
    IpPermission::builder().ip_protocol("tcp").from_port(port).to_port(port).ip_ranges(range).build()
}

/// Findings about reachability, as `id severity: what | where`.
fn told(sandbox: &Sandbox, args: &[&str]) -> Vec<String> {
    let mark = sandbox.mark();
    let all: Vec<&str> = ["plan", "--output", "json"].into_iter().chain(args.iter().copied()).collect();
    let ran = run(sandbox, &all);
    assert_eq!(writes(sandbox, mark), Vec::<String>::new(), "something was changed");
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_string();
    let plan = ran.json();
    let findings = plan["findings"].as_array().expect("a list of findings").iter();
    let about = findings.filter(|finding| text(finding, "id").starts_with("EC-RCH"));
    let line = |finding: &Value| {
        ["id", "severity", "what", "where", "why"].map(|key| text(finding, key)).join(" | ")
    };
    about.map(line).collect()
}

/// One of the lines has all of these.
#[track_caller]
fn has(lines: &[String], texts: &[&str]) {
    assert!(
        lines.iter().any(|line| texts.iter().all(|text| line.contains(text))),
        "no line with {texts:?} in {lines:#?}"
    );
}

#[test]
fn what_would_cut_pods_off_is_told_before_anything_is_changed() {
    let sandbox = start(Shape {
        azs: 2,
        old_nodes: OldNodes::SelfManaged,
        secondary_cidr: Some("100.64.0.0/16".into()),
        ..Shape::default()
    });
    let hand = Hand::of(&sandbox);
    let none: [String; 0] = [];
    assert_eq!(told(&sandbox, &[]), none, "as it was");
    assert_eq!(told(&sandbox, &["--external-snat"]), none, "as it was");

    // A network ACL that denies DNS.
    let acl = hand.default_acl();
    hand.entry(&acl, 50, RuleAction::Deny, Some(("17", 53)), "100.64.0.0/10");
    let texts =
        ["EC-RCH-002", &acl, "entry 50", "udp 53", "aws ec2 create-network-acl-entry", "--rule-number 49"];
    refuses(&sandbox, &["setup", "--yes"], 3, &texts);
    hand.without_entry(&acl, 50);

    // One that knows the old addresses only.
    hand.entry(&acl, 90, RuleAction::Allow, None, "192.168.0.0/16");
    hand.without_entry(&acl, 100);
    let lines = told(&sandbox, &[]);
    has(&lines, &["EC-RCH-009 | warning", "entry 90", &acl, "192.168.0.0/16", "100.64.0.0/16"]);
    has(&lines, &["EC-RCH-001 | error", &acl]);
    hand.entry(&acl, 100, RuleAction::Allow, None, "0.0.0.0/0");
    assert_eq!(told(&sandbox, &[]), none, "fixed");

    // A group for the pods that nobody lets in.
    let pods = hand.group("pods");
    let cluster = sandbox.aws.cluster_security_group.clone();
    let custom = ["--security-group", pods.as_str()];
    let texts =
        ["EC-RCH-001", "EC-RCH-002", &pods, &cluster, "aws ec2 authorize-security-group-ingress --group-id"];
    refuses(&sandbox, &["setup", "--yes", custom[0], custom[1]], 3, &texts);
    let other = ["--security-group", "sg-0123456789abcdef0"];
    refuses(&sandbox, &["setup", "--yes", other[0], other[1]], 3, &["EC-RCH-013", other[1]]);

    // Rules that name the old addresses only: pods of that group are not let in by another.
    hand.allow(&cluster, from_cidr(9443, "192.168.0.0/16"));
    has(&told(&sandbox, &custom), &["EC-RCH-008 | warning", "tcp 9443 from 192.168.0.0/16", &cluster]);
    assert_eq!(told(&sandbox, &[]), none, "the nodes' group is let in to all of it");
    hand.allow(&cluster, from_group(&pods));
    assert!(
        !told(&sandbox, &custom)
            .iter()
            .any(|line| line.starts_with("EC-RCH-008") || line.starts_with("EC-RCH-001"))
    );

    // Pod subnets on the main route table, which leads nowhere.
    let subnets = [hand.subnet("us-west-2a", "100.64.0.0/20"), hand.subnet("us-west-2b", "100.64.16.0/20")];
    let given = ["--subnet", subnets[0].as_str(), "--subnet", subnets[1].as_str()];
    assert_eq!(told(&sandbox, &given), none, "their nodes' addresses go out");
    let snat = [&given[..], &["--external-snat"]].concat();
    has(&told(&sandbox, &snat), &["EC-RCH-007 | error", "us-west-2a", "main", "no default route"]);

    // A peering: what the nodes' subnets lead to, the pods' must too, and the other side must know of a new block.
    let peering = hand.peering();
    has(&told(&sandbox, &given), &["EC-RCH-014 | warning", "10.8.0.0/16", &peering]);
    let new = ["--cidr", "100.65.0.0/16"];
    has(&told(&sandbox, &new), &["EC-RCH-010 | warning", &peering, "10.8.0.0/16", "100.65.0.0/16"]);

    // A webhook that pods serve.
    sandbox.kubectl_with(&["apply", "-f", "-"], &webhook().to_string()).expect("the webhook is there");
    let behind = ["-n", "kube-system", "get", "endpointslices", "-l", "kubernetes.io/service-name=hook"];
    let nodes = [&behind[..], &["-o", "jsonpath={.items[*].endpoints[*].nodeName}"]].concat();
    let is_served = || !sandbox.kubectl(&nodes).expect("kubectl answers").trim().is_empty();
    assert!((0..100).any(|_| is_served()), "no pod is behind the webhook's Service");
    assert_eq!(told(&sandbox, &[]), none, "the API server would reach it");
    has(&told(&sandbox, &new), &["EC-RCH-011 | warning", "kube-system/hook", "up to an hour"]);
    hand.entry(&acl, 50, RuleAction::Deny, Some(("6", 9443)), "192.168.0.0/16");
    has(&told(&sandbox, &[]), &["EC-RCH-005 | warning", "kube-system/hook", "tcp 9443", &acl]);
    hand.without_entry(&acl, 50);

    // What may not be read is unknown, and said to be.
    let forbidden = json!({"service": "ec2", "operation": "DescribeNetworkAcls", "kind": "error", "code": "UnauthorizedOperation", "message": "You are not authorized", "status": 403, "times": 1});
    sandbox.fault(&forbidden).expect("AWS takes the fault");
    has(&told(&sandbox, &[]), &["EC-RCH-012 | note", "DescribeNetworkAcls: UnauthorizedOperation"]);
    assert_eq!(told(&sandbox, &[]), none, "read again");
}

/// Served by CoreDNS's pods, and never asked about anything that is there.
fn webhook() -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": [
        {
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "hook", "namespace": "kube-system"},
            "spec": {"selector": {"k8s-app": "kube-dns"}, "ports": [
                {"name": "https", "port": 443, "targetPort": 9443}, {"name": "metrics", "port": 8080, "targetPort": 8080},
            ]},
        },
        {
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "hook"},
            "webhooks": [{
                "name": "hook.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Ignore",
                "clientConfig": {"service": {"namespace": "kube-system", "name": "hook"}},
                "rules": [{"apiGroups": ["example.com"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["none"]}],
            }],
        },
    ]})
}
