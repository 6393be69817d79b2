use super::*;
use crate::facts::{GroupInstance, Node, Sizes, Stack};
use crate::sample::{group_instance, set_up};

/// `a1 a2 b1`: instances, each in the zone that its first letter names.
fn group(name: &str, zones: &[&str], instances: &str) -> AutoScalingGroup {
    let instances: Vec<GroupInstance> =
        instances.split_whitespace().map(|id| group_instance(id, &id[..1])).collect();
    AutoScalingGroup {
        name: name.into(),
        min: 1,
        desired: i32::try_from(instances.len()).unwrap(),
        max: 9,
        instances,
        zones: zones.iter().map(ToString::to_string).collect(),
        ..AutoScalingGroup::default()
    }
}

/// Facts in which these instances are nodes with the same names.
fn with_nodes(group: AutoScalingGroup, before: Sizes) -> Facts {
    let mut facts = set_up();
    facts.nodes = group
        .instances
        .iter()
        .map(|instance| Node {
            instance_id: Some(instance.id.clone()),
            group: Some(group.name.clone()),
            ..crate::sample::node(&instance.id, &instance.zone)
        })
        .collect();
    facts.record.groups = [(group.name.clone(), before)].into();
    facts.node_groups.groups = [(group.name.clone(), group)].into();
    facts
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn zones_that_differ_by_more_than_one_are_lopsided() {
    for (zones, instances, lopsided) in [
        (&["a", "b"][..], "a1 b1", false),
        (&["a", "b"], "a1 a2 b1", false),
        (&["a", "b"], "a1 a2", true),
        (&["a", "b", "c"], "a1 b1", false),
        (&["a", "b", "c"], "a1 a2 b1 b2", true),
        (&["a"], "a1 a2 a3", false),
        (&["a", "b"], "", false),
    ] {
        assert_eq!(group("old", zones, instances).is_lopsided(), lopsided, "{instances}");
    }
    let mut ending = group("old", &["a", "b"], "a1 a2 b1 b2");
    ending.instances[2].state = "Terminating:Wait".into();
    ending.instances[3].state = "Terminating".into();
    assert!(ending.is_lopsided(), "terminating instances do not count");
}

#[test]
fn bounds_during_the_drain_never_terminate_nodes_that_stay() {
    let before = Sizes { min: 3, desired: 4, max: 9 };
    let mut old = group("old", &["a", "b"], "a1 a2 b1 b2");
    old.min = 3;
    let facts = with_nodes(old.clone(), before);
    assert_eq!(while_drained(&facts, &old, &names(&["a1", "a2", "b1", "b2"])), (0, 4));
    assert_eq!(while_drained(&facts, &old, &names(&["a1"])), (3, 4));
    assert_eq!(while_drained(&facts, &old, &names(&["a1", "a2"])), (2, 4));
    // An autoscaler has just started one: it is not a node yet, and stays.
    old.instances.push(GroupInstance { state: "Pending".into(), ..group_instance("b9", "b") });
    assert_eq!(while_drained(&facts, &old, &names(&["a1", "a2", "b1", "b2"])), (1, 5));
}

#[test]
fn sizes_are_in_capacity_units() {
    let before = Sizes { min: 8, desired: 16, max: 64 };
    let mut old = group("old", &["a", "b"], "a1 a2 b1 b2");
    old.instances.iter_mut().for_each(|instance| instance.weight = 4);
    (old.min, old.desired, old.max) = (8, 16, 64);
    let facts = with_nodes(old.clone(), before);
    assert_eq!(while_drained(&facts, &old, &names(&["a1", "a2", "b1"])), (4, 16));
    assert_eq!(afterwards(&facts, &old, &names(&["a1", "a2", "b1"]), DrainEnd::Done), (4, 4));
}

#[test]
fn bounds_after_the_drain_are_restored_or_keep_an_emptied_group_small() {
    let before = Sizes { min: 3, desired: 4, max: 9 };
    let whole = group("old", &["a", "b"], "a1 a2 b1 b2");
    let facts = with_nodes(whole.clone(), before);
    assert_eq!(afterwards(&facts, &whole, &names(&["a1"]), DrainEnd::GivenUp), (3, 9));
    let left = group("old", &["a", "b"], "b1 b2");
    assert_eq!(
        afterwards(&facts, &left, &names(&["a1", "a2"]), DrainEnd::GivenUp),
        (2, 9),
        "no node is started"
    );
    assert_eq!(afterwards(&facts, &left, &names(&["a1", "a2"]), DrainEnd::Done), (2, 2));
    let empty = group("old", &["a", "b"], "");
    assert_eq!(afterwards(&facts, &empty, &names(&["a1", "a2", "b1", "b2"]), DrainEnd::Done), (0, 0));
}

#[test]
fn a_group_managed_by_eni_custom_gets_the_bounds_of_its_stack() {
    let mut new = group("new", &["a"], "a1 a2");
    new.tags.insert("aws:cloudformation:stack-name".into(), "eni-custom-shop-a".into());
    (new.min, new.max) = (0, 2);
    let mut facts = set_up();
    let parameters =
        [("MinSize", "2"), ("MaxSize", "4")].map(|(key, value)| (key.to_string(), value.to_string()));
    let stack = Stack {
        name: "eni-custom-shop-a".into(),
        id: String::new(),
        status: "UPDATE_COMPLETE".into(),
        reason: String::new(),
        updated: String::new(),
        parameters: parameters.into(),
        outputs: BTreeMap::new(),
        tags: BTreeMap::new(),
    };
    facts.node_groups.stacks.insert(stack.name.clone(), stack);
    assert_eq!(afterwards(&facts, &new, &BTreeSet::new(), DrainEnd::GivenUp), (2, 4));
}

#[test]
fn rebalancing_stays_suspended_only_where_it_would_terminate_remaining_nodes() {
    let before = Sizes { min: 1, desired: 4, max: 9 };
    let facts = with_nodes(group("old", &["a", "b"], "a1 a2 b1 b2"), before);
    for (left, ended, kept) in [
        ("a1 a2 b1 b2", DrainEnd::GivenUp, false),
        ("b1 b2", DrainEnd::GivenUp, true),
        ("b1 b2", DrainEnd::Done, true),
        ("a1 b1", DrainEnd::Done, false),
        ("", DrainEnd::Done, false),
    ] {
        assert_eq!(
            would_terminate(&facts, &group("old", &["a", "b"], left), ended),
            kept,
            "{left} {ended:?}"
        );
    }
    // It was lopsided before, and no node of it was terminated.
    let before = Sizes { desired: 2, ..before };
    let facts = with_nodes(group("old", &["a", "b"], "b1 b2"), before);
    assert!(!would_terminate(&facts, &group("old", &["a", "b"], "b1 b2"), DrainEnd::GivenUp));
}

#[test]
fn the_record_survives_a_second_drain_after_an_interrupted_one() {
    let before = Sizes { min: 1, desired: 4, max: 9 };
    let mut facts = with_nodes(group("old", &["a", "b"], "a1 a2 b1 b2"), before);
    facts.record.groups.clear();
    let record = |facts: &mut Facts, by_others: &[&str]| {
        let groups = names(&["old"]);
        let by_others = [("old".to_string(), names(by_others))].into();
        let sizes = sizes(facts, &groups);
        record_state(&mut facts.record, sizes, BTreeMap::new(), &by_others, &BTreeSet::new());
    };
    record(&mut facts, &[REBALANCE]);
    assert_eq!(facts.record.held["old"], names(&[LAUNCH]), "not recorded: somebody else suspended it");
    assert_eq!(facts.record.groups["old"], before);
    // The first drain was killed; the group is as it left it.
    let group = facts.node_groups.groups.get_mut("old").unwrap();
    (group.min, group.max) = (0, 4);
    group.suspended = names(&SUSPENDED);
    record(&mut facts, &[REBALANCE]);
    assert_eq!(facts.record.held["old"], names(&[LAUNCH]));
    assert_eq!(facts.record.groups["old"], before);
    assert_eq!(facts.record.suspended_before["old"], names(&[REBALANCE]));
    // It ended early, and AZRebalance stayed suspended: the next drain takes it over.
    facts.record.held.clear();
    facts.record.rebalance_suspended = names(&["old"]);
    assert_eq!(facts.record.suspended_by_us("old"), names(&[REBALANCE]));
    record(&mut facts, &[]);
    assert_eq!(facts.record.held["old"], names(&SUSPENDED));
    assert!(facts.record.rebalance_suspended.is_empty());
}

#[test]
fn a_group_without_the_tag_owns_the_nodes_that_it_lists() {
    let mut facts = with_nodes(group("old", &["a"], "a1"), Sizes { min: 1, desired: 1, max: 9 });
    assert_eq!(owner(&facts, &facts.nodes[0]), Owner::Group("old".into()));
    // Even if the group could not be read.
    facts.node_groups.groups.clear();
    assert_eq!(owner(&facts, &facts.nodes[0]), Owner::Group("old".into()));
    // A detached instance no longer belongs to it.
    facts.node_groups.groups = [("old".into(), group("old", &["a"], ""))].into();
    assert_eq!(owner(&facts, &facts.nodes[0]), Owner::Unowned);
}

#[test]
fn rebalancing_can_resume_in_groups_that_are_empty_or_gone() {
    let mut facts = with_nodes(group("old", &["a", "b"], "b1 b2"), Sizes { min: 1, desired: 4, max: 9 });
    facts.record.rebalance_suspended = names(&["gone", "old"]);
    assert_eq!(emptied(&facts), names(&["gone"]));
    facts.node_groups.groups = [("old".into(), group("old", &["a", "b"], ""))].into();
    assert_eq!(emptied(&facts), names(&["gone", "old"]));
}
