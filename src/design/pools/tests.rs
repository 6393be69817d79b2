use std::collections::BTreeMap;

use crate::design::{CUSTOM_NETWORK, Design, RoleDesign, design};
use crate::facts::{GroupInstance, GroupTag, Stack, StackStatus, Taint, TypeChoice};
use crate::sample::{add_pool, facts, settings};
use crate::tags::TAG_CLUSTER;

use super::*;

/// The sample cluster, with nodes of these pools only.
fn cluster(pools: &[(&str, &str, &[&str])]) -> Facts {
    let mut facts = facts();
    facts.nodes.clear();
    for (name, instance_type, zones) in pools {
        add_pool(&mut facts, name, instance_type, zones);
    }
    facts
}

fn two_pools() -> Facts {
    cluster(&[("web", "m5.large", &["a", "b"]), ("gpu", "g5.xlarge", &["b"])])
}

fn designed(facts: &Facts, arguments: &[&str]) -> Design {
    design(&settings(arguments), facts)
}

/// The stacks with their zones and sizes.
fn groups(design: &Design) -> Vec<String> {
    let shown = |(pool, group): (&PoolDesign, &GroupDesign)| {
        let GroupDesign { stack, min_size, size, max_size, .. } = group;
        format!("{} {} {stack}: {min_size} {size} {max_size}", pool.name, group.zone_names())
    };
    design.groups().map(shown).collect()
}

/// The stack of a group that an earlier run has created.
fn launched(facts: &mut Facts, name: &str, pool: &str, eniconfig: &str, size: u32) {
    let tags = [(TAG_CLUSTER, "shop"), (TAG_POOL, pool), (TAG_ENICONFIG, eniconfig)];
    let sizes = [("MinSize", 0), ("DesiredCapacity", size), ("MaxSize", 2 * size)];
    let stack = Stack {
        name: name.into(),
        id: name.into(),
        status: StackStatus::from("CREATE_COMPLETE"),
        reason: String::new(),
        updated: String::new(),
        parameters: sizes.map(|(name, size)| (name.to_string(), size.to_string())).into(),
        outputs: BTreeMap::new(),
        tags: tags.map(|(key, value)| (key.to_string(), value.to_string())).into(),
    };
    facts.node_groups.stacks.insert(name.into(), stack);
}

#[test]
fn each_old_group_gets_one_group_for_each_zone_that_it_has_subnets_in() {
    assert_eq!(
        groups(&designed(&two_pools(), &[])),
        [
            "gpu b eni-custom-shop-gpu-b: 1 1 2",
            "web a eni-custom-shop-web-a: 1 1 2",
            "web b eni-custom-shop-web-b: 0 1 2",
        ]
    );
}

#[test]
fn the_stacks_of_a_cluster_with_one_pool_are_named_after_their_eniconfigs() {
    let one = cluster(&[("web", "m5.large", &["a", "b"])]);
    assert_eq!(
        groups(&designed(&one, &[])),
        ["web a eni-custom-shop-a: 1 1 2", "web b eni-custom-shop-b: 0 1 2"]
    );
}

#[test]
fn a_stack_of_an_earlier_run_is_found_by_its_tags_and_keeps_its_sizes() {
    let mut facts = two_pools();
    launched(&mut facts, "eni-custom-shop-a", "web", "a", 3);
    let design = designed(&facts, &[]);
    assert_eq!(groups(&design)[1], "web a eni-custom-shop-a: 0 3 6");
    assert_eq!(
        groups(&designed(&facts, &["--nodes-per-zone", "web=4"]))[1],
        "web a eni-custom-shop-a: 0 4 8"
    );
}

#[test]
fn a_pool_whose_old_group_is_gone_keeps_its_new_groups() {
    let mut facts = cluster(&[("web", "m5.large", &["a", "b"])]);
    launched(&mut facts, "eni-custom-shop-old-a", "old", "a", 1);
    let design = designed(&facts, &[]);
    assert_eq!(groups(&design)[0], "old a eni-custom-shop-old-a: 0 1 2");
    assert_eq!(design.pools.len(), 2);
}

#[test]
fn a_cluster_without_nodes_gets_one_in_each_zone_also_after_an_interruption() {
    let mut facts = cluster(&[]);
    let wanted = ["nodes a eni-custom-shop-a: 1 1 2", "nodes b eni-custom-shop-b: 1 1 2"];
    assert_eq!(groups(&designed(&facts, &[])), wanted);
    // The first stack has been created, with no nodes yet.
    launched(&mut facts, "eni-custom-shop-a", "nodes", "a", 0);
    let mut own = add_pool(&mut facts, "eni-custom-shop-a", "m5.large", &["a"]);
    facts.nodes.clear();
    own.nodes.clear();
    own.sizes.desired = 0;
    facts.pools = vec![own];
    let tags = [(TAG_CLUSTER, "shop"), (TAG_POOL, "nodes")];
    let group = facts.node_groups.groups.get_mut("eni-custom-shop-a").unwrap();
    group.tags.extend(tags.map(|(key, value)| (key.to_string(), value.to_string())));
    let design = designed(&facts, &[]);
    assert_eq!(groups(&design)[0], wanted[0]);
    assert!(design.pools[0].is_kept, "{:?}", design.pools[0]);
}

#[test]
fn names_of_stacks_fit_cloudformation_and_differ_between_pools() {
    let mut cluster = facts().cluster;
    let name = |cluster: &Cluster, pool: &str| group_stack(cluster, Some(pool), "us-west-2a");
    assert_eq!(name(&cluster, "web"), "eni-custom-shop-web-us-west-2a");
    let (dots, dashes) = (name(&cluster, "web.blue"), name(&cluster, "web-blue"));
    assert_ne!(dots, dashes);
    cluster.name = "c".repeat(90);
    let long = ["x", "y"].map(|end| name(&cluster, &format!("{}{end}", "n".repeat(200))));
    assert_ne!(long[0], long[1]);
    for name in [dots, dashes].iter().chain(&long) {
        let is_valid = |c: char| c.is_ascii_alphanumeric() || c == '-';
        assert!(name.len() <= 128 && name.chars().all(is_valid) && name.ends_with("us-west-2a"), "{name}");
    }
}

#[test]
fn a_group_without_nodes_is_replaced_only_if_it_is_from_before_custom_networking() {
    let mut facts = two_pools();
    let mut idle = facts.pools[1].clone();
    facts.nodes.retain(|node| node.instance_type != "g5.xlarge");
    facts.node_groups.groups.get_mut("gpu").unwrap().instances.clear();
    idle.sizes.desired = 0;
    facts.pools[1] = idle;
    assert_eq!(groups(&designed(&facts, &[]))[0], "gpu b eni-custom-shop-gpu-b: 0 0 2");
    facts.cni.env = [(CUSTOM_NETWORK.to_string(), "true".to_string())].into();
    let names = |facts: &Facts| -> Vec<String> {
        designed(facts, &[]).pools.iter().map(|pool| pool.name.clone()).collect()
    };
    assert_eq!(names(&facts), ["web"], "somebody has created it since");
    facts.record.pools = ["gpu".to_string(), "web".to_string()].into();
    assert_eq!(names(&facts), ["gpu", "web"]);
}

#[test]
fn settings_of_a_pool_win_over_those_of_all() {
    let mut facts = two_pools();
    for name in ["m6i.large", "g6.xlarge"] {
        let kind = crate::net::max_pods::known(name).unwrap().clone();
        facts.machine.types.insert(name.into(), kind);
    }
    let arguments = ["--instance-type", "m6i.large", "--instance-type", "gpu=g6.xlarge", "--pool", "gpu"];
    let types = |arguments: &[&str]| -> Vec<String> {
        designed(&facts, arguments).pools.iter().map(|pool| pool.machine.type_names()).collect()
    };
    assert_eq!(types(&arguments[..4]), ["g6.xlarge", "m6i.large"]);
    assert_eq!(types(&arguments), ["g6.xlarge"], "only this pool");
}

#[test]
fn sizes_of_a_group_with_weights_are_in_capacity_units() {
    let mut facts = cluster(&[("spot", "m5.xlarge", &["a"])]);
    let choice = |name: &str, weight| TypeChoice { name: name.into(), weight: Some(weight) };
    facts.pools[0].instances.types = vec![choice("m5.large", 2), choice("m5.xlarge", 4)];
    let group = facts.node_groups.groups.get_mut("spot").unwrap();
    group.instances = vec![GroupInstance { weight: 4, ..group.instances[0].clone() }];
    facts.pools[0].sizes = crate::facts::Sizes { min: 4, desired: 4, max: 16 };
    let kind = crate::net::max_pods::known("m5.large").unwrap().clone();
    facts.machine.types.insert("m5.large".into(), kind);
    let design = designed(&facts, &[]);
    assert_eq!(groups(&design), ["spot a eni-custom-shop-a: 4 4 16"]);
    let pool = &design.pools[0];
    assert_eq!(pool.nodes(4), 2, "both could be of the lightest type");
    assert_eq!(pool.machine.max_pods().unwrap().get(), 20, "the lowest of all types");
}

#[test]
fn labels_and_taints_are_mirrored_and_those_of_eks_only_where_a_pod_asks_for_them() {
    let mut facts = two_pools();
    let pool = &mut facts.pools[1];
    pool.labels =
        [("team".to_string(), "ml".to_string()), ("node-role.kubernetes.io/gpu".into(), "".into())].into();
    pool.eks_labels = [("eks.amazonaws.com/capacityType".to_string(), "SPOT".to_string())].into();
    pool.taints = vec![Taint { key: "gpu".into(), value: "yes".into(), effect: "NoSchedule".into() }];
    let mirror = |facts: &Facts| designed(facts, &[]).pools[0].mirror.clone();
    let own = mirror(&facts);
    assert_eq!(own.labels.into_keys().collect::<Vec<_>>(), ["team"]);
    assert_eq!(own.unsettable.into_keys().collect::<Vec<_>>(), ["node-role.kubernetes.io/gpu"]);
    assert_eq!(own.taints.len(), 1);
    let mut pod = crate::sample::pod("shop", "batch");
    let selector = [("eks.amazonaws.com/capacityType".to_string(), "SPOT".to_string())].into();
    pod.placement = Some(Box::new(crate::facts::Placement { node_selector: selector, ..Default::default() }));
    facts.pods.push(pod);
    assert!(mirror(&facts).labels.contains_key("eks.amazonaws.com/capacityType"));
}

#[test]
fn pods_get_the_security_groups_that_all_pools_have() {
    let mut facts = two_pools();
    let groups = |ids: &[&str]| serde_json::json!({ "SecurityGroupIds": ids }).as_object().unwrap().clone();
    facts.pools[0].template.data = groups(&["sg-cluster", "sg-db", "sg-web"]);
    facts.pools[1].template.data = groups(&["sg-db"]);
    let design = designed(&facts, &[]);
    assert_eq!(design.shared_groups, ["sg-db"]);
    assert_eq!(design.first_groups(&facts), ["sg-cluster", "sg-db"]);
    let of_pools: Vec<_> = design.pools.iter().map(|pool| pool.mirror.security_groups.clone()).collect();
    assert_eq!(of_pools, [vec!["sg-db".to_string()], vec!["sg-db".into(), "sg-web".into()]]);
}

#[test]
fn the_role_of_the_old_nodes_is_kept_unless_another_one_is_asked_for() {
    let roles = |arguments: &[&str]| -> Vec<RoleDesign> {
        designed(&two_pools(), arguments).pools.into_iter().map(|pool| pool.mirror.role).collect()
    };
    let old = RoleDesign::Existing { arn: "arn:aws:iam::123456789012:role/old".into(), profile: None };
    assert_eq!(roles(&[]), [old.clone(), old.clone()]);
    assert_eq!(roles(&["--node-role", "gpu=new"]), [RoleDesign::New, old]);
}

#[test]
fn groups_that_the_cluster_autoscaler_finds_by_tag_say_what_their_nodes_have() {
    let mut facts = two_pools();
    let tag = |key: &str, value: &str| GroupTag { key: key.into(), value: value.into(), propagated: false };
    let pool = &mut facts.pools[1];
    pool.labels = [("team".to_string(), "ml".to_string())].into();
    pool.taints = vec![Taint { key: "gpu".into(), value: "yes".into(), effect: "NoSchedule".into() }];
    let tags = |facts: &Facts| -> Vec<String> {
        let tags = designed(facts, &[]).pools[0].mirror.tags.clone();
        tags.iter()
            .map(|tag| format!("{}={}", tag.key.replace("k8s.io/cluster-autoscaler/", ""), tag.value))
            .collect()
    };
    assert_eq!(tags(&facts), [""; 0]);
    let own = "k8s.io/cluster-autoscaler/node-template/label/team";
    facts.pools[1].tags = vec![tag("k8s.io/cluster-autoscaler/enabled", "true"), tag(own, "own")];
    assert_eq!(
        tags(&facts),
        [
            "enabled=true",
            "node-template/label/team=own",
            "node-template/taint/gpu=yes:NoSchedule",
            "node-template/resources/pods=44",
        ]
    );
}
