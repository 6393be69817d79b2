use crate::facts::Facts;
use crate::sample::custom;
use crate::verify::{Expected, verify};

/// Something of each status, in each section that can have it.
fn broken() -> Facts {
    let mut facts = custom();
    facts.cni.rollout.updated = 1;
    facts.nodes[0].max_pods = 29;
    facts.nodes[1].interfaces.clear();
    facts.eniconfigs.crd = crate::facts::Crd::Untyped;
    facts.unread.insert(
        crate::facts::Part::SecurityGroups,
        "UnauthorizedOperation: You are not authorized to perform this operation. (request 0f1e2d3c)".into(),
    );
    facts
}

#[test]
fn a_healthy_cluster_is_a_list_of_what_was_proven() {
    insta::assert_snapshot!(super::text(&verify(&custom(), &Expected::default()), false));
}

#[test]
fn what_is_not_proven_is_told_with_where_why_and_fix() {
    let report = verify(&broken(), &Expected::default());
    insta::assert_snapshot!(super::text(&report, false));
    insta::assert_json_snapshot!("what_is_not_proven_as_json", report);
    insta::assert_snapshot!("what_is_not_proven_as_junit", crate::ui::junit::xml(&report));
}

#[test]
fn colour_is_only_where_it_is_asked_for() {
    let report = verify(&broken(), &Expected::default());
    assert!(super::text(&report, true).contains('\u{1b}'));
    assert!(!super::text(&report, false).contains('\u{1b}'));
}
