use super::*;
use crate::design::design;
use crate::facts::Facts;
use crate::goal::Goal;
use crate::sample::{add_pool, custom, facts, settings};

fn states(facts: &Facts, holder: Option<LockHolder>) -> Status {
    let settings = settings(&[]);
    let design = design(&settings, facts);
    status(&Scene { goal: Goal::Setup, settings: &settings, facts, design: &design }, holder)
}

fn lines(status: &Status) -> Vec<String> {
    status.steps.iter().map(|step| format!("{} {:?}: {}", step.number, step.state, step.what)).collect()
}

#[test]
fn an_untouched_cluster() {
    let mut facts = facts();
    facts.cni.image = "cni:v1.20.4".into();
    facts.vpc.blocks.truncate(1);
    assert_eq!(
        lines(&states(&facts, None)),
        [
            "1 Pending: 0 of 1 block is in the VPC",
            "2 Pending: 0 of 2 zones have a pod subnet",
            "3 Pending: 0 of 2 variables of aws-node are set",
            "4 Done: VPC CNI 1.20.4 (from the image's tag)",
            "5 Pending: the ENIConfig CRD is missing",
            "6 Pending: 0 of 2 zones have an ENIConfig",
            "7 Pending: 0 of 2 zones have an eni-custom node group",
            "8 Pending: 0 of 2 zones have security groups and nodes",
            "9 Pending: 2 of 2 nodes predate custom networking",
        ]
    );
}

#[test]
fn a_cluster_halfway_and_a_run_in_progress() {
    let mut facts = custom();
    facts.eniconfigs.items.pop();
    facts.cni.env.pop_last();
    facts.record.cordoned = ["new-b".to_string()].into();
    let holder = LockHolder {
        identity: "host/boot/7".into(),
        since: Some("2026-01-02T03:04:05Z".into()),
        free_in: 20,
    };
    let shown = states(&facts, Some(holder));
    insta::assert_snapshot!(crate::ui::status_text(&shown));
    insta::assert_json_snapshot!(shown);
    assert!(states(&facts, None).drain_interrupted, "no run is in progress, and the node is still cordoned");
}

#[test]
fn clusters_with_and_without_the_setup() {
    for (name, facts) in [("set_up", custom()), ("untouched", facts())] {
        let shown = states(&facts, None);
        insta::assert_json_snapshot!(format!("{name}_json"), shown);
        insta::assert_snapshot!(format!("{name}_text"), crate::ui::status_text(&shown));
    }
}

#[test]
fn each_of_several_pools_has_its_way_to_go() {
    let mut facts = custom();
    add_pool(&mut facts, "gpu", "g5.xlarge", &["b"]);
    add_pool(&mut facts, "web", "m5.large", &["a", "b"]);
    let shown = states(&facts, None);
    insta::assert_snapshot!(crate::ui::status_text(&shown));
}
