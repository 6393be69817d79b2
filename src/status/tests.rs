use super::*;
use crate::design::design;
use crate::facts::Facts;
use crate::sample::{custom, facts, settings};

fn states(facts: &Facts, holder: Option<LockHolder>) -> Status {
    let settings = settings(&[]);
    status(&design(&settings, facts), facts, &settings, holder)
}

fn lines(status: &Status) -> Vec<String> {
    status.steps.iter().map(|step| format!("{} {:?}: {}", step.number, step.state, step.what)).collect()
}

#[test]
fn a_cluster_that_nobody_has_touched() {
    let mut facts = facts();
    facts.cni.image = "cni:v1.20.4".into();
    facts.vpc.blocks.truncate(1);
    assert_eq!(
        lines(&states(&facts, None)),
        [
            "1 Not: 0 of 1 block is in the VPC",
            "2 Not: 0 of 2 zones have a pod subnet",
            "3 Not: 0 of 2 variables of aws-node are set",
            "4 Done: VPC CNI 1.20.4, by the image's tag",
            "5 Not: there is no ENIConfig definition",
            "6 Not: 0 of 2 zones have an ENIConfig",
            "7 Not: 0 of 2 zones have a node group of this program",
            "8 Not: 0 of 2 zones have their groups, and nodes",
            "9 Not: 2 of 2 nodes are from before",
        ]
    );
}

#[test]
fn a_cluster_half_way_and_a_run_that_is_at_work() {
    let mut facts = custom();
    facts.eniconfigs.items.pop();
    facts.cni.env.pop_last();
    facts.record.cordoned = ["new-b".to_string()].into();
    let holder = LockHolder {
        identity: "host/boot/7".into(),
        since: Some("2026-01-02T03:04:05Z".into()),
        free_in: 20,
    };
    let told = states(&facts, Some(holder));
    insta::assert_snapshot!(crate::ui::status_text(&told));
    insta::assert_json_snapshot!(told);
    assert!(states(&facts, None).drain_cut, "nobody is at work, and the cordon stands");
}

#[test]
fn clusters_that_are_set_up_and_that_are_not_read_so() {
    for (name, facts) in [("set_up", custom()), ("untouched", facts())] {
        let told = states(&facts, None);
        insta::assert_json_snapshot!(format!("{name}_json"), told);
        insta::assert_snapshot!(format!("{name}_text"), crate::ui::status_text(&told));
    }
}
