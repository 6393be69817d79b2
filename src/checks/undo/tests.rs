use crate::design::design;
use crate::facts::{AutoScalingGroup, ImageTrouble};
use crate::goal::Goal;
use crate::issue::id;
use crate::sample::{facts, old_group_gone, set_up, settings};

use super::*;

type Change<'a> = &'a dyn Fn(&mut Facts);

fn found(undo: Undo, facts: &Facts) -> Vec<Issue> {
    let settings = settings(&[]);
    let design = design(&settings, facts);
    let scene = Scene { goal: Goal::Undo(undo), settings: &settings, facts, design: &design };
    let mut findings = Vec::new();
    check(&scene, undo, &mut findings);
    findings
}

/// Each finding as `id severity`.
fn reported(undo: Undo, change: impl FnOnce(&mut Facts)) -> Vec<String> {
    let mut facts = set_up();
    change(&mut facts);
    found(undo, &facts).iter().map(|finding| format!("{} {:?}", finding.id, finding.severity())).collect()
}

#[test]
fn add_on_values_that_can_not_be_restored_are_an_error() {
    let with = |now: &'static str| {
        move |facts: &mut Facts| {
            facts.cni.addon = Some(crate::sample::addon(now));
            facts.record.addon_configuration = Some("env: {A: '1'} # ours".into());
        }
    };
    assert_eq!(reported(Undo::WHOLE, with(r#"{"env":{"A":"1"}}"#)), [""; 0]);
    assert_eq!(reported(Undo::WHOLE, with("env:\n  A: '1'\n  A: '2'\n")), ["EC-UND-012 Error"]);
    let to = Undo::DownTo { last: 7, keep_nodes: false };
    assert!(!reported(to, with("a: {")).contains(&"EC-UND-012 Error".to_string()));
}

fn stranger(subnet: &str) -> Occupant {
    Occupant {
        id: "eni-1".into(),
        subnet: subnet.into(),
        description: "ELB app/shop/1a2b".into(),
        kind: "interface".into(),
        status: "in-use".into(),
        groups: Default::default(),
        instance: None,
        requester: "amazon-elb".into(),
    }
}

#[test]
fn a_complete_setup_can_be_undone() {
    assert_eq!(reported(Undo::WHOLE, |_| {}), [""; 0]);
}

#[test]
fn a_cluster_without_setup_has_nothing_to_undo() {
    let findings = found(Undo::WHOLE, &facts());
    assert_eq!(findings.iter().map(|finding| finding.id.as_str()).collect::<Vec<_>>(), ["EC-UND-001"]);
    // Replacement node groups are not undone.
    let mut left = facts();
    let stack = crate::facts::Stack {
        name: "replacement".into(),
        id: String::new(),
        status: "CREATE_COMPLETE".into(),
        reason: String::new(),
        updated: String::new(),
        parameters: Default::default(),
        outputs: Default::default(),
        tags: Default::default(),
    };
    left.undo.get_or_insert_default().replacement_stacks.insert("replacement".into(), stack);
    assert_eq!(found(Undo::WHOLE, &left)[0].id, id::UND_001);
}

#[test]
fn without_its_record_it_is_an_error_only_while_custom_networking_is_on() {
    assert_eq!(reported(Undo::WHOLE, |facts| facts.record = Record::default())[0], "EC-UND-002 Error");
    let off = |facts: &mut Facts| {
        facts.record = Record::default();
        facts.cni.env.clear();
    };
    assert_eq!(reported(Undo::WHOLE, off)[0], "EC-UND-002 Warning");
    let on_in_other_letters = |facts: &mut Facts| {
        facts.record = Record::default();
        facts.cni.env.insert(CUSTOM_NETWORK.into(), "True".into());
    };
    assert_eq!(reported(Undo::WHOLE, on_in_other_letters)[0], "EC-UND-002 Error");
}

#[test]
fn an_edited_record_is_reported() {
    assert_eq!(reported(Undo::WHOLE, |facts| facts.record.edited = true), ["EC-UND-009 Warning"]);
}

#[test]
fn old_nodes_must_not_start_while_custom_networking_is_on() {
    let to = |last| Undo::DownTo { last, keep_nodes: false };
    let alone = Undo::Only(Step::DrainNodes);
    for undo in [to(3), to(8), alone] {
        assert_eq!(reported(undo, |_| {}), ["EC-UND-003 Error"], "{undo:?}");
        assert_eq!(reported(undo, |facts| facts.cni.env.clear()), [""; 0], "{undo:?}");
    }
    assert_eq!(reported(to(2), |_| {}), [""; 0]);
    // Nothing of the old nodes is to start: they were kept.
    let kept = |facts: &mut Facts| {
        facts.nodes.extend(crate::sample::facts().nodes);
        facts.record.groups.clear();
    };
    assert_eq!(reported(to(8), kept), [""; 0]);
}

#[test]
fn the_record_of_a_deleted_group_decides_whether_it_can_be_replaced() {
    let mut gone = set_up();
    old_group_gone(&mut gone);
    let findings = found(Undo::WHOLE, &gone);
    let [finding] = &findings[..] else { panic!("{findings:#?}") };
    assert_eq!((finding.id.as_str(), finding.place.as_str()), ("EC-UND-004", "old"));
    assert!(finding.why.contains("2 nodes"), "{}", finding.why);

    let taint = crate::facts::Taint { key: "gpu".into(), value: "true".into(), effect: "NoSchedule".into() };
    let cases: [(Change, &str); 6] = [
        (&|facts| facts.record.shapes.clear(), "no details"),
        (&|facts| facts.vpc.subnets.retain(|subnet| subnet.id != "subnet-a"), "subnet-a is gone"),
        (&|facts| of_old(facts).taints.push(taint.clone()), "taints"),
        (&|facts| retyped(facts, "dl1.24xlarge"), "drivers"),
        (&|facts| retyped(facts, "m99.huge"), "m99.huge"),
        (
            &|facts| {
                drop(
                    facts
                        .undo
                        .get_or_insert_default()
                        .images
                        .insert("m5.large".into(), Err("no such parameter".into())),
                )
            },
            "no such parameter",
        ),
    ];
    for (change, reason) in cases {
        let mut facts = gone.clone();
        change(&mut facts);
        // Without pods capacity does not matter.
        facts.pods.clear();
        let findings = found(Undo::WHOLE, &facts);
        let [finding] = &findings[..] else { panic!("{reason}: {findings:#?}") };
        assert!(finding.id == id::UND_011 && finding.why.contains(reason), "{reason}: {finding:#?}");
    }
    // One that had no nodes is not missed.
    gone.record.groups.values_mut().for_each(|sizes| sizes.desired = 0);
    gone.record.shapes.clear();
    gone.pods.clear();
    assert_eq!(found(Undo::WHOLE, &gone), []);
}

fn of_old(facts: &mut Facts) -> &mut crate::facts::Shape {
    &mut facts.record.shapes.get_mut("old").unwrap()[0]
}

fn retyped(facts: &mut Facts, name: &str) {
    of_old(facts).labels.insert("node.kubernetes.io/instance-type".into(), name.into());
}

#[test]
fn pods_that_fit_on_no_old_node_are_reported() {
    let small = |facts: &mut Facts| {
        for shape in facts.record.shapes.get_mut("old").unwrap() {
            shape.max_pods = 0;
        }
    };
    assert_eq!(reported(Undo::WHOLE, small), ["EC-UND-005 Error"]);
    // Undoing only this step starts no old node, so there is no capacity.
    let alone = Undo::Only(Step::PatchSecurityGroups);
    assert_eq!(reported(alone, |_| {}), ["EC-UND-005 Error"]);
    assert_eq!(reported(Undo::All { keep_nodes: true }, small), [""; 0]);
}

#[test]
fn a_lost_image_is_an_error_and_an_unread_one_a_warning() {
    let trouble = |trouble: ImageTrouble| {
        move |facts: &mut Facts| {
            drop(facts.undo.get_or_insert_default().image_trouble.insert("old".into(), trouble))
        }
    };
    assert_eq!(
        reported(Undo::WHOLE, trouble(ImageTrouble::Gone("image ami-1".into()))),
        ["EC-UND-008 Error"]
    );
    assert_eq!(
        reported(Undo::WHOLE, trouble(ImageTrouble::Unknown("denied".into()))),
        ["EC-UND-008 Warning"]
    );
}

#[test]
fn old_nodes_need_addresses_and_vcpus_alongside_the_new_ones() {
    let full = |facts: &mut Facts| {
        facts
            .vpc
            .subnets
            .iter_mut()
            .filter(|subnet| subnet.id == "subnet-a")
            .for_each(|subnet| subnet.free = 0);
        facts.pods.clear();
    };
    assert_eq!(reported(Undo::WHOLE, full), ["EC-UND-010 Error"]);
    let few = |limit| {
        move |facts: &mut Facts| facts.machine.vcpu_quotas = [("L-1216C47A".to_string(), limit)].into()
    };
    assert_eq!(reported(Undo::WHOLE, few(7)), ["EC-UND-010 Error"]);
    assert_eq!(reported(Undo::WHOLE, few(8)), [""; 0]);
    // Nodes that are back by now don't come again.
    let back = |facts: &mut Facts| {
        few(7)(facts);
        for mut node in crate::sample::facts().nodes {
            let id = format!("i-{}", node.name);
            let group: &mut AutoScalingGroup = facts.node_groups.groups.get_mut("old").unwrap();
            group.instances.push(crate::sample::group_instance(&id, "a"));
            node.instance_id = Some(id);
            facts.nodes.push(node);
        }
    };
    assert_eq!(reported(Undo::WHOLE, back), [""; 0]);
}

#[test]
fn foreign_interfaces_and_eniconfigs_are_reported() {
    assert_eq!(
        reported(Undo::WHOLE, |facts| facts.undo.get_or_insert_default().occupants.push(stranger("pods-a"))),
        ["EC-UND-006 Warning"]
    );
    let leaked =
        Occupant { description: "aws-K8S-i-1".into(), status: "available".into(), ..stranger("pods-a") };
    let own = Occupant { instance: Some("i-new-a".into()), ..stranger("pods-a") };
    assert_eq!(
        reported(Undo::WHOLE, |facts| facts.undo.get_or_insert_default().occupants.extend([leaked, own])),
        [""; 0]
    );
    let by_hand = |facts: &mut Facts| {
        let config =
            crate::facts::EniConfig { ours: false, name: "mine".into(), ..facts.eniconfigs.items[0].clone() };
        facts.eniconfigs.items.push(config);
    };
    assert_eq!(reported(Undo::WHOLE, by_hand), ["EC-UND-007 Warning"]);
}

#[test]
fn missing_permissions_are_reported_with_the_undo_policy() {
    let mut lacking = set_up();
    lacking.permissions.denied = ["ec2:DeleteSubnet"].into();
    let findings = found(Undo::WHOLE, &lacking);
    assert_eq!(findings[0].id, id::IAM_001);
    assert!(
        findings[0].fix.contains("iam-policy") && findings[0].fix.contains(" --undo"),
        "{:?}",
        findings[0]
    );
}

#[test]
fn versions_that_look_up_groups_by_tag_may_not_start_without_custom_networking() {
    let with = |version: &str, discovery: &str| {
        reported(Undo::WHOLE, |facts| {
            facts.cni.image = format!("cni:{version}");
            facts.cni.env.insert("ENABLE_SUBNET_DISCOVERY".into(), discovery.into());
        })
    };
    assert_eq!(with("v1.22.1", "true"), ["EC-UND-019 Warning"]);
    assert_eq!(with("v1.22.1", "false"), [""; 0]);
    assert_eq!(with("v1.22.2", "true"), [""; 0]);
    assert_eq!(with("v1.21.2", "true"), [""; 0]);
}
