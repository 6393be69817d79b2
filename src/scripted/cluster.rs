//! The cluster that tests begin with.

use crate::facts::{AccessEntry, AutoScalingGroup, Cni, Crd, Facts, Node, Pod, Rollout, Route, RouteTable};
use crate::sample;

/// Two zones, an old node in each that one Auto Scaling group has started, and a pod on each; nothing of eni-custom.
pub(crate) fn cluster() -> Facts {
    let mut facts = sample::facts();
    facts.vpc.blocks.truncate(1);
    facts.vpc.route_tables = vec![RouteTable {
        id: "rtb-nat".into(),
        main: false,
        subnet_ids: ["subnet-a".into(), "subnet-b".into()].into(),
        routes: vec![Route {
            destination: "0.0.0.0/0".parse().unwrap(),
            target: "nat-1".into(),
            blackhole: false,
        }],
    }];
    facts.cni = Cni {
        image: "602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon-k8s-cni:v1.20.4".into(),
        rollout: Rollout { observed: true, ..Rollout::default() },
        ..Cni::default()
    };
    facts.eniconfigs.crd = Crd::Typed { established: true };
    facts.machine.images = crate::sample::images();
    facts.nodes = [("old-1", "a"), ("old-2", "b")].map(|(name, zone)| old_node(name, zone)).into();
    let instances = facts
        .nodes
        .iter()
        .map(|node| sample::group_instance(node.instance_id.as_deref().unwrap(), &node.zone));
    let old = AutoScalingGroup {
        name: "old".into(),
        min: 1,
        desired: 2,
        max: 4,
        instances: instances.collect(),
        zones: ["a".into(), "b".into()].into(),
        ..AutoScalingGroup::default()
    };
    facts.node_groups.groups = [("old".into(), old)].into();
    // Their role, by which they have joined.
    let entry = AccessEntry { kind: "EC2_LINUX".into(), tags: Default::default() };
    facts.node_groups.access_entries = [("arn:aws:iam::1:role/old-nodes".into(), entry)].into();
    facts.pods = [("cart-1", "old-1", "10.0.0.9"), ("cart-2", "old-2", "10.0.1.9")]
        .map(|(name, node, address)| Pod {
            node: node.into(),
            address: Some(address.into()),
            ..sample::pod("shop", name)
        })
        .into();
    facts
}

/// The same with one zone, one node and one pod, for tests of many runs.
pub(crate) fn small_cluster() -> Facts {
    let mut facts = cluster();
    facts.cluster.subnet_ids.truncate(1);
    facts.vpc.subnets.truncate(1);
    facts.nodes.truncate(1);
    facts.pods.truncate(1);
    let old = facts.node_groups.groups.get_mut("old").unwrap();
    old.instances.truncate(1);
    (old.min, old.desired, old.max, old.zones) = (0, 1, 2, ["a".into()].into());
    facts
}

/// A node whose pods have addresses of its own subnet.
pub(super) fn old_node(name: &str, zone: &str) -> Node {
    Node {
        instance_id: Some(format!("i-{name}")),
        group: Some("old".into()),
        subnet: Some(format!("subnet-{zone}")),
        max_pods: 29,
        ..sample::node(name, zone)
    }
}
