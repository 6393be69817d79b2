//! A cluster that somebody sets up by hand, with a mistake at each turn.

use sandbox::{AuthenticationMode, Cni, Crd, OldNodes, Sandbox, Shape};
use serde_json::{Value, json};

use super::{apply, kubectl, tells, write_env};
use crate::cluster::start;
use crate::journey::{aws, until};
use crate::reach::{Hand, from_group};

const VERIFY: &[&str] = &["verify"];
const DOCTOR: &[&str] = &["doctor"];
const ZONES: [&str; 2] = ["us-west-2a", "us-west-2b"];

#[test]
fn what_goes_wrong_while_it_is_set_up_by_hand_is_told() {
    let sandbox = start(Shape {
        azs: 2,
        old_nodes: OldNodes::SelfManaged,
        cni: Cni::Daemonset,
        crd: Crd::Untyped,
        authentication_mode: AuthenticationMode::Api,
        secondary_cidr: Some("100.64.0.0/16".into()),
        ..Shape::default()
    });
    let hand = Hand::of(&sandbox);
    let by_hand = ByHand::begin(&sandbox, &hand);
    switched_on_too_early(&by_hand);
    a_zone_is_forgotten(&by_hand);
    names_and_labels(&by_hand);
    a_malformed_group_list(&by_hand);
    a_group_per_zone(&by_hand);
    no_way_out(&by_hand);
    a_subnet_that_is_full(&by_hand);
}

struct ByHand<'a> {
    sandbox: &'a Sandbox,
    hand: &'a Hand<'a>,
    /// A pod subnet and a security group for each zone.
    subnets: [String; 2],
    groups: [String; 2],
}

impl<'a> ByHand<'a> {
    fn begin(sandbox: &'a Sandbox, hand: &'a Hand<'a>) -> Self {
        let subnet = |zone: &str, cidr: &str| {
            let made = hand.subnet(zone, cidr);
            let id = made.split_once('=').expect("zone and subnet").1.to_string();
            associate(sandbox, hand, zone, &id);
            id
        };
        let group = |name: &str| {
            let id = hand.group(name);
            hand.allow(&id, from_group(&id));
            hand.allow(&sandbox.aws.cluster_security_group, from_group(&id));
            id
        };
        ByHand {
            sandbox,
            hand,
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

    /// The old group gets another size: by an autoscaler, or by somebody who is in a hurry.
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

fn associate(sandbox: &Sandbox, hand: &Hand<'_>, zone: &str, subnet: &str) {
    let table = &sandbox.aws.private_route_tables[zone];
    hand.done(hand.ec2.associate_route_table().route_table_id(table).subnet_id(subnet).send());
}

/// 2: the environment before any ENIConfig.
fn switched_on_too_early(by_hand: &ByHand<'_>) {
    let on = ["AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG=true", "ENI_CONFIG_LABEL_DEF=topology.kubernetes.io/zone"];
    write_env(by_hand.sandbox, &on);
    let told = tells(by_hand.sandbox, VERIFY, &["EC-VFY-011"]);
    assert!(told.to_string().contains("there are no ENIConfigs"), "{told:#}");
}

/// 5 and 11: one zone has its ENIConfig; the nodes of before are still there. 1 and 27: a group of before grows, and
/// its nodes have max pods of before.
fn a_zone_is_forgotten(by_hand: &ByHand<'_>) {
    by_hand.config(ZONES[0], 0, &json!([by_hand.groups[0]]));
    tells(by_hand.sandbox, VERIFY, &["EC-VFY-011", "EC-VFY-021"]);
    by_hand.grows(4);
    until("a node of the other zone has joined", || by_hand.ready() == 3);
    let told = tells(by_hand.sandbox, DOCTOR, &["EC-DOC-001"]);
    assert!(told.to_string().contains("'us-west-2b'"), "{told:#}");
    let told = tells(by_hand.sandbox, VERIFY, &["EC-VFY-024"]);
    assert!(told.to_string().contains("at most 20 pods on m5.large"), "{told:#}");
}

/// 6 and 7: an ENIConfig by another name, and a label that Kubernetes gave up.
fn names_and_labels(by_hand: &ByHand<'_>) {
    by_hand.config("pods-b", 1, &json!([by_hand.groups[1]]));
    let told = tells(by_hand.sandbox, VERIFY, &["EC-VFY-011"]);
    assert!(told.to_string().contains("existing ENIConfigs: pods-b, us-west-2a"), "{told:#}");
    by_hand.without_config("pods-b");
    write_env(by_hand.sandbox, &["ENI_CONFIG_LABEL_DEF=failure-domain.beta.kubernetes.io/zone"]);
    tells(by_hand.sandbox, VERIFY, &["EC-VFY-006"]);
    write_env(by_hand.sandbox, &["ENI_CONFIG_LABEL_DEF=topology.kubernetes.io/zone"]);
}

/// 24: a definition without types takes anything.
fn a_malformed_group_list(by_hand: &ByHand<'_>) {
    by_hand.config(ZONES[1], 1, &json!({"group": by_hand.groups[1]}));
    tells(by_hand.sandbox, VERIFY, &["EC-VFY-010", "EC-VFY-012"]);
    tells(by_hand.sandbox, DOCTOR, &["EC-DOC-003"]);
}

/// 13: as documented, each ENIConfig has the group of its own stack.
fn a_group_per_zone(by_hand: &ByHand<'_>) {
    by_hand.without_config(ZONES[1]);
    by_hand.config(ZONES[1], 1, &json!([by_hand.groups[1]]));
    until("both new nodes are Ready", || by_hand.ready() == 4);
    let told = tells(by_hand.sandbox, &["plan", "--replace-eniconfigs"], &["EC-RCH-002"]);
    assert!(by_hand.groups.iter().any(|group| told.to_string().contains(group)), "{told:#}");
}

/// 4 and 16: a pod subnet on the main route table; and nothing translates its pods' addresses.
fn no_way_out(by_hand: &ByHand<'_>) {
    let (sandbox, hand, subnet) = (by_hand.sandbox, by_hand.hand, &by_hand.subnets[1]);
    let tables = hand.done(hand.ec2.describe_route_tables().send());
    let association = tables
        .route_tables()
        .iter()
        .flat_map(|table| table.associations())
        .find(|association| association.subnet_id() == Some(subnet))
        .and_then(|association| association.route_table_association_id())
        .expect("the subnet has a route table");
    hand.done(hand.ec2.disassociate_route_table().association_id(association).send());
    let told = tells(sandbox, DOCTOR, &["EC-DOC-031"]);
    assert!(told.to_string().contains(subnet), "{told:#}");
    write_env(sandbox, &["AWS_VPC_K8S_CNI_EXTERNALSNAT=true"]);
    tells(sandbox, DOCTOR, &["EC-DOC-030"]);
    write_env(sandbox, &["AWS_VPC_K8S_CNI_EXTERNALSNAT=false"]);
    associate(sandbox, hand, ZONES[1], subnet);
}

/// 18: others take what was left, and then a node starts.
fn a_subnet_that_is_full(by_hand: &ByHand<'_>) {
    let (sandbox, hand, subnet) = (by_hand.sandbox, by_hand.hand, &by_hand.subnets[0]);
    let take = |addresses: Option<i32>| {
        let request = hand.ec2.create_network_interface().subnet_id(subnet);
        hand.runtime.block_on(request.set_secondary_private_ip_address_count(addresses).send()).is_ok()
    };
    while take(Some(40)) {}
    while take(None) {}
    tells(sandbox, VERIFY, &["EC-VFY-017"]);
    by_hand.grows(6);
    let told = tells(sandbox, DOCTOR, &["EC-DOC-004"]);
    assert!(told.to_string().contains(subnet), "{told:#}");
}
