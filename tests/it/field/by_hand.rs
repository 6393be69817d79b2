//! A cluster that is set up by hand, with a mistake at each step.

use sandbox::{AuthenticationMode, Cni, Crd, OldNodes, Sandbox, Shape};
use serde_json::{Value, json};

use super::{apply, kubectl, report_with, write_env};
use crate::cluster::start;
use crate::journey::{aws, until};
use crate::reach::{Console, from_group};

const VERIFY: &[&str] = &["verify"];
const DOCTOR: &[&str] = &["doctor"];
const ZONES: [&str; 2] = ["us-west-2a", "us-west-2b"];

#[test]
fn mistakes_in_a_manual_setup_are_reported() {
    let sandbox = start(Shape {
        azs: 2,
        old_nodes: OldNodes::SelfManaged,
        cni: Cni::Daemonset,
        crd: Crd::Untyped,
        authentication_mode: AuthenticationMode::Api,
        secondary_cidr: Some("100.64.0.0/16".into()),
        ..Shape::default()
    });
    let console = Console::of(&sandbox);
    let by_hand = ByHand::begin(&sandbox, &console);
    enabled_too_early(&by_hand);
    a_zone_without_an_eniconfig(&by_hand);
    names_and_labels(&by_hand);
    a_malformed_group_list(&by_hand);
    a_group_per_zone(&by_hand);
    no_route_out(&by_hand);
    a_full_subnet(&by_hand);
}

struct ByHand<'a> {
    sandbox: &'a Sandbox,
    console: &'a Console<'a>,
    /// A pod subnet and a security group for each zone.
    subnets: [String; 2],
    groups: [String; 2],
}

impl<'a> ByHand<'a> {
    fn begin(sandbox: &'a Sandbox, console: &'a Console<'a>) -> Self {
        let subnet = |zone: &str, cidr: &str| {
            let made = console.subnet(zone, cidr);
            let id = made.split_once('=').expect("zone and subnet").1.to_string();
            associate(sandbox, console, zone, &id);
            id
        };
        let group = |name: &str| {
            let id = console.group(name);
            console.allow(&id, from_group(&id));
            console.allow(&sandbox.aws.cluster_security_group, from_group(&id));
            id
        };
        ByHand {
            sandbox,
            console,
            subnets: [subnet(ZONES[0], "100.64.0.0/24"), subnet(ZONES[1], "100.64.1.0/24")],
            groups: [group("stack-a"), group("stack-b")],
        }
    }

    #[track_caller]
    fn config(&self, name: &str, zone: usize, groups: &Value) {
        let object = json!({
            "apiVersion": "crd.k8s.amazonaws.com/v1alpha1", "kind": "ENIConfig", "metadata": {"name": name},
            "spec": {"subnet": self.subnets[zone], "securityGroups": groups},
        });
        apply(self.sandbox, &object);
    }

    fn without_config(&self, name: &str) {
        kubectl(self.sandbox, &["delete", "eniconfig", name]);
    }

    /// Resizes the old group, as an autoscaler or a user would.
    fn grows(&self, size: usize) {
        let name = "AutoScalingGroups[0].AutoScalingGroupName";
        let group = aws(self.sandbox, &["autoscaling", "describe-auto-scaling-groups", "--query", name]);
        let size = size.to_string();
        let set = ["autoscaling", "set-desired-capacity", "--auto-scaling-group-name", &group];
        aws(self.sandbox, &[&set[..], &["--desired-capacity", &size]].concat());
    }

    fn ready(&self) -> usize {
        let ready = "jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}";
        kubectl(self.sandbox, &["get", "nodes", "-o", ready]).matches("True").count()
    }
}

fn associate(sandbox: &Sandbox, console: &Console<'_>, zone: &str, subnet: &str) {
    let table = &sandbox.aws.private_route_tables[zone];
    console.run(console.ec2.associate_route_table().route_table_id(table).subnet_id(subnet).send());
}

/// 2: the environment is set before any ENIConfig exists.
fn enabled_too_early(by_hand: &ByHand<'_>) {
    let on = ["AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG=true", "ENI_CONFIG_LABEL_DEF=topology.kubernetes.io/zone"];
    write_env(by_hand.sandbox, &on);
    let reported = report_with(by_hand.sandbox, VERIFY, &["EC-VFY-011"]);
    assert!(reported.to_string().contains("there are no ENIConfigs"), "{reported:#}");
}

/// 5 and 11: only one zone has an ENIConfig, and the old nodes still run. 1 and 27: an old group grows, and its nodes
/// have the old max pods.
fn a_zone_without_an_eniconfig(by_hand: &ByHand<'_>) {
    by_hand.config(ZONES[0], 0, &json!([by_hand.groups[0]]));
    report_with(by_hand.sandbox, VERIFY, &["EC-VFY-011", "EC-VFY-021"]);
    by_hand.grows(4);
    until("a node of the other zone has joined", || by_hand.ready() == 3);
    let reported = report_with(by_hand.sandbox, DOCTOR, &["EC-DOC-001"]);
    assert!(reported.to_string().contains("'us-west-2b'"), "{reported:#}");
    let reported = report_with(by_hand.sandbox, VERIFY, &["EC-VFY-024"]);
    assert!(reported.to_string().contains("at most 20 pods on m5.large"), "{reported:#}");
}

/// 6 and 7: an ENIConfig with another name, and a zone label that Kubernetes has deprecated.
fn names_and_labels(by_hand: &ByHand<'_>) {
    by_hand.config("pods-b", 1, &json!([by_hand.groups[1]]));
    let reported = report_with(by_hand.sandbox, VERIFY, &["EC-VFY-011"]);
    assert!(reported.to_string().contains("existing ENIConfigs: pods-b, us-west-2a"), "{reported:#}");
    by_hand.without_config("pods-b");
    write_env(by_hand.sandbox, &["ENI_CONFIG_LABEL_DEF=failure-domain.beta.kubernetes.io/zone"]);
    report_with(by_hand.sandbox, VERIFY, &["EC-VFY-006"]);
    write_env(by_hand.sandbox, &["ENI_CONFIG_LABEL_DEF=topology.kubernetes.io/zone"]);
}

/// 24: a CRD without a schema accepts anything.
fn a_malformed_group_list(by_hand: &ByHand<'_>) {
    by_hand.config(ZONES[1], 1, &json!({"group": by_hand.groups[1]}));
    report_with(by_hand.sandbox, VERIFY, &["EC-VFY-010", "EC-VFY-012"]);
    report_with(by_hand.sandbox, DOCTOR, &["EC-DOC-003"]);
}

/// 13: as documented, each ENIConfig has the security group of its own stack.
fn a_group_per_zone(by_hand: &ByHand<'_>) {
    by_hand.without_config(ZONES[1]);
    by_hand.config(ZONES[1], 1, &json!([by_hand.groups[1]]));
    until("both new nodes are Ready", || by_hand.ready() == 4);
    let reported = report_with(by_hand.sandbox, &["plan", "--replace-eniconfigs"], &["EC-RCH-002"]);
    assert!(by_hand.groups.iter().any(|group| reported.to_string().contains(group)), "{reported:#}");
}

/// 4 and 16: a pod subnet uses the main route table, and no NAT translates its pods' addresses.
fn no_route_out(by_hand: &ByHand<'_>) {
    let (sandbox, console, subnet) = (by_hand.sandbox, by_hand.console, &by_hand.subnets[1]);
    let tables = console.run(console.ec2.describe_route_tables().send());
    let association = tables
        .route_tables()
        .iter()
        .flat_map(|table| table.associations())
        .find(|association| association.subnet_id() == Some(subnet))
        .and_then(|association| association.route_table_association_id())
        .expect("the subnet has a route table");
    console.run(console.ec2.disassociate_route_table().association_id(association).send());
    let reported = report_with(sandbox, DOCTOR, &["EC-DOC-031"]);
    assert!(reported.to_string().contains(subnet), "{reported:#}");
    write_env(sandbox, &["AWS_VPC_K8S_CNI_EXTERNALSNAT=true"]);
    report_with(sandbox, DOCTOR, &["EC-DOC-030"]);
    write_env(sandbox, &["AWS_VPC_K8S_CNI_EXTERNALSNAT=false"]);
    associate(sandbox, console, ZONES[1], subnet);
}

/// 18: other interfaces use up the subnet's free addresses, and then a node starts.
fn a_full_subnet(by_hand: &ByHand<'_>) {
    let (sandbox, console, subnet) = (by_hand.sandbox, by_hand.console, &by_hand.subnets[0]);
    let take = |addresses: Option<i32>| {
        let request = console.ec2.create_network_interface().subnet_id(subnet);
        console.runtime.block_on(request.set_secondary_private_ip_address_count(addresses).send()).is_ok()
    };
    while take(Some(40)) {}
    while take(None) {}
    report_with(sandbox, VERIFY, &["EC-VFY-017"]);
    by_hand.grows(6);
    let reported = report_with(sandbox, DOCTOR, &["EC-DOC-004"]);
    assert!(reported.to_string().contains(subnet), "{reported:#}");
}
