//! A cluster's network is broken in one way after another. Each problem must be reported before the first change.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{IpPermission, IpRange, PortRange, RuleAction, UserIdGroupPair};
use sandbox::{OldNodes, Sandbox, Shape, witness};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::cluster::{refuses, start};
use crate::command::{run, writes};

/// Changes the account as a user of the AWS console would. Its changes are visible without delay.
pub(crate) struct Console<'a> {
    sandbox: &'a Sandbox,
    pub ec2: Client,
    pub runtime: Runtime,
}

impl<'a> Console<'a> {
    pub(crate) fn of(sandbox: &'a Sandbox) -> Self {
        let (endpoint, region) = (&sandbox.endpoint, &sandbox.shape.region);
        let runtime = Runtime::new().expect("a runtime starts");
        let sdk = runtime.block_on(witness::sdk(endpoint, region, &sandbox.aws.keys["witness"]));
        Console { sandbox, ec2: Client::new(&sdk), runtime }
    }

    #[track_caller]
    pub(crate) fn run<T, E: std::fmt::Debug>(&self, work: impl Future<Output = Result<T, E>>) -> T {
        self.runtime.block_on(work).expect("EC2 accepts the call")
    }

    fn default_acl(&self) -> String {
        let acls = self.run(self.ec2.describe_network_acls().send());
        let default = acls
            .network_acls()
            .iter()
            .find(|acl| acl.vpc_id() == Some(&self.sandbox.aws.vpc_id) && acl.is_default() == Some(true));
        default.and_then(|acl| acl.network_acl_id()).expect("a VPC has a default network ACL").to_string()
    }

    /// Creates an inbound entry; `None` means all traffic.
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
        self.run(request.send());
    }

    fn without_entry(&self, acl: &str, number: i32) {
        let request =
            self.ec2.delete_network_acl_entry().network_acl_id(acl).egress(false).rule_number(number);
        self.run(request.send());
    }

    pub(crate) fn group(&self, name: &str) -> String {
        let vpc = &self.sandbox.aws.vpc_id;
        let request = self.ec2.create_security_group().group_name(name).description(name).vpc_id(vpc);
        self.run(request.send()).group_id().expect("the response has an id").to_string()
    }

    pub(crate) fn allow(&self, group: &str, permission: IpPermission) {
        let request = self.ec2.authorize_security_group_ingress().group_id(group).ip_permissions(permission);
        self.run(request.send());
    }

    /// Creates a subnet without a route table association. Returns it as `--subnet` expects it.
    pub(crate) fn subnet(&self, zone: &str, cidr: &str) -> String {
        let vpc = &self.sandbox.aws.vpc_id;
        let request = self.ec2.create_subnet().vpc_id(vpc).availability_zone(zone).cidr_block(cidr);
        let made = self.run(request.send());
        format!(
            "{zone}={}",
            made.subnet().and_then(|subnet| subnet.subnet_id()).expect("the response has an id")
        )
    }

    /// Creates a peering and routes to it in the nodes' route tables.
    fn peering(&self) -> String {
        let vpc = self.run(self.ec2.create_vpc().cidr_block("10.8.0.0/16").send());
        let other = vpc.vpc().and_then(|vpc| vpc.vpc_id()).expect("the response has an id");
        let request = self.ec2.create_vpc_peering_connection();
        let made = self.run(request.vpc_id(&self.sandbox.aws.vpc_id).peer_vpc_id(other).send());
        let id = made.vpc_peering_connection().and_then(|peering| peering.vpc_peering_connection_id());
        let id = id.expect("the response has an id").to_string();
        self.run(self.ec2.accept_vpc_peering_connection().vpc_peering_connection_id(&id).send());
        for table in self.sandbox.aws.private_route_tables.values() {
            let route = self.ec2.create_route().route_table_id(table).destination_cidr_block("10.8.0.0/16");
            self.run(route.vpc_peering_connection_id(&id).send());
        }
        id
    }
}

pub(crate) fn from_group(group: &str) -> IpPermission {
    IpPermission::builder()
        .ip_protocol("-1")
        .user_id_group_pairs(UserIdGroupPair::builder().group_id(group).build())
        .build()
}

pub(crate) fn from_cidr(port: i32, cidr: &str) -> IpPermission {
    let range = IpRange::builder().cidr_ip(cidr).build();
    IpPermission::builder().ip_protocol("tcp").from_port(port).to_port(port).ip_ranges(range).build()
}

/// Findings about reachability, as `id severity: what | where`.
fn reported(sandbox: &Sandbox, args: &[&str]) -> Vec<String> {
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

/// Asserts that one of the lines contains all of these texts.
#[track_caller]
fn has(lines: &[String], texts: &[&str]) {
    assert!(
        lines.iter().any(|line| texts.iter().all(|text| line.contains(text))),
        "no line with {texts:?} in {lines:#?}"
    );
}

#[test]
fn unreachable_pods_are_reported_before_the_first_change() {
    let sandbox = start(Shape {
        azs: 2,
        old_nodes: OldNodes::SelfManaged,
        secondary_cidr: Some("100.64.0.0/16".into()),
        ..Shape::default()
    });
    let console = Console::of(&sandbox);
    let none: [String; 0] = [];
    assert_eq!(reported(&sandbox, &[]), none, "nothing is broken yet");
    assert_eq!(reported(&sandbox, &["--external-snat"]), none, "nothing is broken yet");

    // A network ACL that denies DNS.
    let acl = console.default_acl();
    console.entry(&acl, 50, RuleAction::Deny, Some(("17", 53)), "100.64.0.0/10");
    let texts =
        ["EC-RCH-002", &acl, "entry 50", "udp 53", "aws ec2 create-network-acl-entry", "--rule-number 49"];
    refuses(&sandbox, &["setup", "--yes"], 3, &texts);
    console.without_entry(&acl, 50);

    // A network ACL that allows only the old addresses.
    console.entry(&acl, 90, RuleAction::Allow, None, "192.168.0.0/16");
    console.without_entry(&acl, 100);
    let lines = reported(&sandbox, &[]);
    has(&lines, &["EC-RCH-009 | warning", "entry 90", &acl, "192.168.0.0/16", "100.64.0.0/16"]);
    has(&lines, &["EC-RCH-001 | error", &acl]);
    console.entry(&acl, 100, RuleAction::Allow, None, "0.0.0.0/0");
    assert_eq!(reported(&sandbox, &[]), none, "fixed");

    // A security group for pods that no other group admits.
    let pods = console.group("pods");
    let cluster = sandbox.aws.cluster_security_group.clone();
    let custom = ["--security-group", pods.as_str()];
    let texts =
        ["EC-RCH-001", "EC-RCH-002", &pods, &cluster, "aws ec2 authorize-security-group-ingress --group-id"];
    refuses(&sandbox, &["setup", "--yes", custom[0], custom[1]], 3, &texts);
    let other = ["--security-group", "sg-0123456789abcdef0"];
    refuses(&sandbox, &["setup", "--yes", other[0], other[1]], 3, &["EC-RCH-013", other[1]]);

    // A rule that allows only the old addresses; no other rule admits pods of that group.
    console.allow(&cluster, from_cidr(9443, "192.168.0.0/16"));
    has(&reported(&sandbox, &custom), &["EC-RCH-008 | warning", "tcp 9443 from 192.168.0.0/16", &cluster]);
    assert_eq!(reported(&sandbox, &[]), none, "the nodes' group is admitted everywhere");
    console.allow(&cluster, from_group(&pods));
    assert!(
        !reported(&sandbox, &custom)
            .iter()
            .any(|line| line.starts_with("EC-RCH-008") || line.starts_with("EC-RCH-001"))
    );

    // Pod subnets on the main route table, which has no route out.
    let subnets =
        [console.subnet("us-west-2a", "100.64.0.0/20"), console.subnet("us-west-2b", "100.64.16.0/20")];
    let given = ["--subnet", subnets[0].as_str(), "--subnet", subnets[1].as_str()];
    assert_eq!(reported(&sandbox, &given), none, "traffic leaves with the nodes' addresses");
    let snat = [&given[..], &["--external-snat"]].concat();
    has(&reported(&sandbox, &snat), &["EC-RCH-007 | error", "us-west-2a", "main", "no default route"]);

    // A peering: the pod subnets need the routes of the nodes' subnets, and the peer needs a route to a new block.
    let peering = console.peering();
    has(&reported(&sandbox, &given), &["EC-RCH-014 | warning", "10.8.0.0/16", &peering]);
    let new = ["--cidr", "100.65.0.0/16"];
    has(&reported(&sandbox, &new), &["EC-RCH-010 | warning", &peering, "10.8.0.0/16", "100.65.0.0/16"]);

    // A webhook that is served by pods.
    sandbox.kubectl_with(&["apply", "-f", "-"], &webhook().to_string()).expect("the webhook is created");
    let behind = ["-n", "kube-system", "get", "endpointslices", "-l", "kubernetes.io/service-name=hook"];
    let nodes = [&behind[..], &["-o", "jsonpath={.items[*].endpoints[*].nodeName}"]].concat();
    let is_served = || !sandbox.kubectl(&nodes).expect("kubectl answers").trim().is_empty();
    assert!((0..100).any(|_| is_served()), "no pod is behind the webhook's Service");
    assert_eq!(reported(&sandbox, &[]), none, "the API server can reach it");
    has(&reported(&sandbox, &new), &["EC-RCH-011 | warning", "kube-system/hook", "up to an hour"]);
    console.entry(&acl, 50, RuleAction::Deny, Some(("6", 9443)), "192.168.0.0/16");
    has(&reported(&sandbox, &[]), &["EC-RCH-005 | warning", "kube-system/hook", "tcp 9443", &acl]);
    console.without_entry(&acl, 50);

    // What can't be read is reported as unknown.
    let forbidden = json!({"service": "ec2", "operation": "DescribeNetworkAcls", "kind": "error", "code": "UnauthorizedOperation", "message": "You are not authorized", "status": 403, "times": 1});
    sandbox.fault(&forbidden).expect("the fault is set");
    has(&reported(&sandbox, &[]), &["EC-RCH-012 | note", "DescribeNetworkAcls: UnauthorizedOperation"]);
    assert_eq!(reported(&sandbox, &[]), none, "read again");
}

/// A webhook served by CoreDNS's pods. No existing resource matches its rules.
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
