//! Setup and undo runs that are killed with SIGKILL. The kill may come before, during or after the change that the text
//! names.

use sandbox::{AuthenticationMode, Crd, Shape, witness};

use super::{UNDO, assert_state, set_up, state, undo_under_watch};
use crate::cluster::start;
use crate::command::run;
use crate::interrupted::kill_when;

const SETUP: [&str; 4] = ["setup", "--yes", "--node-role", "new"];

/// Progress texts of setup, and how often each is printed before the kill.
const SETUP_PROGRESS: [(&str, usize); 10] = [
    ("CIDR block 100.64.0.0/16 to be associated", 1),
    ("subnet for pods in", 1),
    ("env in configurationValues", 1),
    ("ENIConfig us-west-2a", 1),
    ("stack eni-custom-sandbox-base", 1),
    ("EC2_LINUX access entry", 1),
    ("stack eni-custom-sandbox-old-managed-us-west-2a", 1),
    ("size of eni-custom-sandbox-old-managed-us-west-2a", 1),
    ("new nodes to be Ready", 1),
    ("nodes to be drained", 1),
];

#[test]
fn a_setup_interrupted_at_any_point_can_be_undone() {
    let shape = Shape {
        azs: 1,
        crd: Crd::Missing,
        authentication_mode: AuthenticationMode::Api,
        public_nodes: true,
        ..Shape::default()
    };
    let mut sandbox = start(shape);
    let before = state(&sandbox);
    for (text, times) in SETUP_PROGRESS {
        kill_when(&sandbox, &SETUP, text, times);
        run(&sandbox, &UNDO).expect(0);
        assert_state(&mut sandbox, &before);
    }
}

/// Progress texts of undo; each run is killed at one of them.
const UNDO_PROGRESS: [&str; 10] = [
    "env in configurationValues",
    "\"step-done\",\"step\":\"set-env\"",
    "managed node group old-managed",
    "\"step-done\",\"step\":\"drain-nodes\"",
    "with custom networking",
    "\"step-done\",\"step\":\"patch-security-groups\"",
    "stack eni-custom-sandbox-old-managed-us-west-2a",
    "stack eni-custom-sandbox-base",
    "subnet for pods in",
    "CIDR block association 100.64.0.0/16",
];

#[test]
fn an_undo_interrupted_at_any_point_is_completed_and_setup_works_again() {
    let shape = Shape {
        azs: 1,
        authentication_mode: AuthenticationMode::ConfigMap,
        public_nodes: true,
        ..Shape::default()
    };
    let mut sandbox = start(shape);
    let before = state(&sandbox);
    set_up(&sandbox, &[]);
    for text in UNDO_PROGRESS {
        kill_when(&sandbox, &UNDO, text, 1);
    }
    run(&sandbox, &UNDO).expect(0);
    assert_state(&mut sandbox, &before);

    set_up(&sandbox, &[]);
    kill_when(&sandbox, &UNDO, "with custom networking", 1);
    set_up(&sandbox, &[]);
    let (seen, missing) = witness::end_state(&mut sandbox).expect("AWS and Kubernetes answer");
    assert!(missing.is_empty(), "the end state is not reached:\n{}\n{seen}", missing.join("\n"));
    undo_under_watch(&sandbox);
    assert_state(&mut sandbox, &before);
}
