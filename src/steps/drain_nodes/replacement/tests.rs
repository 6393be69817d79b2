use super::*;
use std::collections::BTreeSet;

use crate::design::design;
use crate::design::replacement::impossible;
use crate::facts::Sizes;
use crate::sample::{facts, old_group_gone, settings};

fn gone() -> (Design, Facts) {
    let mut facts = facts();
    old_group_gone(&mut facts);
    (design(&settings(&[]), &facts), facts)
}

fn stack(name: &str, status: &str) -> Stack {
    let role = (output::NODE_ROLE_ARN.to_string(), "arn:aws:iam::1:role/replacement".to_string());
    Stack {
        name: name.into(),
        id: String::new(),
        status: status.into(),
        reason: String::new(),
        updated: String::new(),
        parameters: BTreeMap::new(),
        outputs: [role].into(),
        tags: BTreeMap::new(),
    }
}

fn put(facts: &mut Facts, name: String, stack: Stack) {
    facts.undo.get_or_insert_default().replacement_stacks.insert(name, stack);
}

fn launches(design: &Design, facts: &Facts) -> Vec<String> {
    let of = |launch: &Launch| match launch {
        Launch::Base { failed } => format!("base, failed {failed}"),
        Launch::Authorise { role, .. } => format!("authorise {role:?}"),
        Launch::Group { replacement, max_pods, failed } => {
            let (group, subnet) = (&replacement.group, &replacement.shape.subnet);
            format!("{group} in {subnet}, {} pods, failed {failed}", max_pods.map_or(0, MaxPods::get))
        }
    };
    changes(design, facts).iter().map(of).collect()
}

#[test]
fn roles_are_created_before_the_nodes_that_need_them_and_nothing_twice() {
    let (design, mut facts) = gone();
    // Standard max pods: the primary interface serves pods too.
    let groups = ["old in subnet-a, 29 pods, failed false", "old in subnet-b, 29 pods, failed false"];
    let all = ["base, failed false", "authorise None", groups[0], groups[1]];
    assert_eq!(launches(&design, &facts), all);

    let base = base_stack(&facts);
    put(&mut facts, base.clone(), stack("base", "ROLLBACK_COMPLETE"));
    assert_eq!(launches(&design, &facts)[0], "base, failed true");
    put(&mut facts, base.clone(), stack("base", "CREATE_COMPLETE"));
    let role = "arn:aws:iam::1:role/replacement";
    let authorise = format!("authorise Some({role:?})");
    assert_eq!(launches(&design, &facts), [authorise.as_str(), groups[0], groups[1]]);
    let entry = crate::facts::AccessEntry { kind: "EC2_LINUX".into(), tags: BTreeMap::new() };
    facts.node_groups.access_entries.insert(role.into(), entry);
    assert_eq!(launches(&design, &facts), groups);

    for one in replacements(&design, &facts) {
        put(&mut facts, one.stack.clone(), stack(&one.stack, "CREATE_IN_PROGRESS"));
    }
    assert_eq!(launches(&design, &facts), [""; 0]);
    // Groups that exist do not need an image any more.
    facts.undo.get_or_insert_default().images.clear();
    assert_eq!(impossible(&design, &facts), BTreeMap::new());
}

#[test]
fn a_group_that_exists_or_had_no_nodes_needs_no_replacement() {
    let there = crate::sample::set_up();
    assert!(!is_needed(&design(&settings(&[]), &there), &there));
    let (design, mut facts) = gone();
    facts.record.shapes.clear();
    facts.record.groups.values_mut().for_each(|sizes| sizes.desired = 0);
    assert!(!is_needed(&design, &facts) && impossible(&design, &facts).is_empty());
}

#[test]
fn nodes_get_the_labels_that_a_kubelet_may_set_and_that_are_not_set_automatically() {
    let (design, mut facts) = gone();
    for shape in facts.record.shapes.get_mut("old").unwrap() {
        shape.labels.insert("node-role.kubernetes.io/web".into(), String::new());
    }
    let one = &replacements(&design, &facts)[0];
    let keys: Vec<&str> = one.shape.labels.keys().map(String::as_str).collect();
    assert_eq!(keys, ["node.kubernetes.io/instance-type", "team", "topology.kubernetes.io/zone"]);
    let template = template(&design, &facts, one, "sg-1", "profile").unwrap();
    let (_, resources) = template.split_once("\nResources:\n").unwrap();
    let resources: serde_json::Value = serde_saphyr::from_str(resources).unwrap();
    let data = &resources["LaunchTemplate"]["Properties"]["LaunchTemplateData"];
    let user_data = data["UserData"]["Fn::Base64"].as_str().unwrap();
    assert!(user_data.contains("--node-labels=team=web\""), "{user_data}");
    assert!(user_data.contains("maxPods: 29"), "{user_data}");
    assert_eq!(data["ImageId"], "ami-1");
    assert_eq!(resources["NodeGroup"]["Properties"]["VPCZoneIdentifier"], serde_json::json!(["subnet-a"]));
}

#[test]
fn equal_nodes_share_a_group_that_can_grow_as_before() {
    let (design, mut facts) = gone();
    let shapes = facts.record.shapes.get_mut("old").unwrap();
    // A few kilobytes more or less memory do not need a group of their own.
    let mut twin = shapes[0].clone();
    twin.allocatable.memory += 4096;
    shapes.insert(1, twin);
    facts.record.groups.insert("old".into(), Sizes { min: 1, desired: 3, max: 6 });
    let sizes: Vec<Sizes> = replacements(&design, &facts).into_iter().map(|one| one.sizes).collect();
    assert_eq!(sizes, [Sizes { min: 1, desired: 2, max: 5 }, Sizes { min: 1, desired: 1, max: 4 }]);
}

#[test]
fn names_fit_the_longest_cluster_name_and_differ_between_groups() {
    let (_, mut facts) = gone();
    facts.cluster.name = "c".repeat(100);
    let names: BTreeSet<String> =
        crate::design::replacement::wanted(&facts).into_iter().map(|one| one.stack).collect();
    assert_eq!(names.len(), 2);
    assert!(names.iter().chain([&base_stack(&facts)]).all(|name| name.len() <= 128));
    assert!(base_stack(&facts).ends_with("-base-replacement"));
}
