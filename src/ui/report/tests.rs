use crate::facts::Facts;
use crate::sample::custom;
use crate::verify::{Expected, verify};

/// Checks of each severity, in several sections.
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
fn a_healthy_cluster_is_a_list_of_passed_checks() {
    insta::assert_snapshot!(super::text(&verify(&custom(), &Expected::default()), false));
}

#[test]
fn a_problem_is_shown_with_where_why_and_fix() {
    let report = verify(&broken(), &Expected::default());
    insta::assert_snapshot!(super::text(&report, false));
    insta::assert_json_snapshot!("what_is_not_proven_as_json", report);
    insta::assert_snapshot!("what_is_not_proven_as_junit", crate::ui::junit::xml(&report));
}

#[test]
fn color_is_used_only_on_request() {
    let report = verify(&broken(), &Expected::default());
    assert!(super::text(&report, true).contains('\u{1b}'));
    assert!(!super::text(&report, false).contains('\u{1b}'));
}
