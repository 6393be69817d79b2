//! Each step on its own.

use sandbox::{OldNodes, Shape};

use crate::cluster::{Watched, refuses, shared, start};
use crate::command::run;

pub(crate) const STEPS: [&str; 9] = [
    "associate-cidr",
    "create-subnets",
    "set-env",
    "detect-cni",
    "install-crd",
    "write-eniconfigs",
    "launch-nodegroups",
    "patch-security-groups",
    "drain-nodes",
];

#[test]
fn the_nine_steps_in_order_reach_the_same_state_as_setup() {
    let mut sandbox = start(Shape { azs: 2, old_nodes: OldNodes::Both, ..Shape::default() });
    let watched = Watched::start(&sandbox);
    for step in STEPS {
        run(&sandbox, &[step, "--yes"]).expect(0);
        // Running a completed step again changes nothing.
        let again = run(&sandbox, &[step, "--yes", "--output", "json"]).expect(0).json();
        assert_eq!(again["calls"]["writes"], 0, "{step}");
    }
    watched.assert_end_state(&mut sandbox);
}

#[test]
fn a_step_with_an_unmet_precondition_names_the_step_to_run_first() {
    let sandbox = shared();
    let cases = [
        ("create-subnets", "eni-custom associate-cidr"),
        ("write-eniconfigs", "eni-custom create-subnets"),
        ("launch-nodegroups", "eni-custom create-subnets"),
        ("patch-security-groups", "eni-custom launch-nodegroups"),
        ("drain-nodes", "eni-custom patch-security-groups"),
    ];
    for (step, needed) in cases {
        refuses(&sandbox, &[step, "--yes"], 3, &["EC-RUN-001", needed]);
    }
}

#[test]
fn detect_cni_says_what_it_found_and_where() {
    let sandbox = shared();
    run(&sandbox, &["detect-cni"]).expect(0).says(&["VPC CNI 1.20.4", "the EKS add-on"]);
}

#[test]
fn a_plan_shows_all_nine_steps_and_changes_nothing() {
    let sandbox = shared();
    let mark = sandbox.mark();
    let plan = run(&sandbox, &["plan", "--detailed-exitcode", "--output", "json"]).expect(2).json();
    let steps: Vec<&str> =
        plan["steps"].as_array().expect("steps").iter().filter_map(|step| step["step"].as_str()).collect();
    assert_eq!(steps, STEPS);
    assert_eq!(plan["findings"], serde_json::json!([]));
    assert_eq!(crate::command::writes(&sandbox, mark), Vec::<String>::new());
}
