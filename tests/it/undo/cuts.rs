//! Runs that are killed with SIGKILL, on the way there and on the way back. A kill comes before, within or after the
//! change that it names.

use sandbox::{AuthenticationMode, Crd, Shape, witness};

use super::{UNDO, look, looks_as, set_up, take_back};
use crate::cluster::start;
use crate::command::run;
use crate::cut::kill_when;

const SETUP: [&str; 2] = ["setup", "--yes"];

/// What a run says as it goes, and how often before it is killed.
const THERE: [(&str, usize); 10] = [
    ("CIDR block 100.64.0.0/16 to be associated", 1),
    ("subnet for pods in", 1),
    ("env in configurationValues", 1),
    ("ENIConfig us-west-2a", 1),
    ("stack eni-custom-sandbox-base", 1),
    ("EC2_LINUX access entry", 1),
    ("stack eni-custom-sandbox-us-west-2a", 1),
    ("size of eni-custom-sandbox-us-west-2a", 1),
    ("new nodes to be Ready", 1),
    ("nodes to be drained", 1),
];

#[test]
fn a_set_up_that_was_cut_anywhere_is_taken_back() {
    let shape = Shape {
        azs: 1,
        crd: Crd::Missing,
        authentication_mode: AuthenticationMode::Api,
        public_nodes: true,
        ..Shape::default()
    };
    let mut sandbox = start(shape);
    let before = look(&sandbox);
    for (says, times) in THERE {
        kill_when(&sandbox, &SETUP, says, times);
        run(&sandbox, &UNDO).expect(0);
        looks_as(&mut sandbox, &before);
    }
}

const BACK: [&str; 10] = [
    "env in configurationValues",
    "\"step-done\",\"step\":\"set-env\"",
    "managed node group old-managed",
    "\"step-done\",\"step\":\"drain-nodes\"",
    "in eni-custom's node groups",
    "old instances to terminate",
    "stack eni-custom-sandbox-us-west-2a",
    "stack eni-custom-sandbox-base",
    "subnet for pods in",
    "CIDR block association 100.64.0.0/16",
];

#[test]
fn a_way_back_that_is_cut_everywhere_ends_where_it_began_and_can_be_gone_again() {
    let shape = Shape {
        azs: 1,
        authentication_mode: AuthenticationMode::ConfigMap,
        public_nodes: true,
        ..Shape::default()
    };
    let mut sandbox = start(shape);
    let before = look(&sandbox);
    set_up(&sandbox, &[]);
    for says in BACK {
        kill_when(&sandbox, &UNDO, says, 1);
    }
    run(&sandbox, &UNDO).expect(0);
    looks_as(&mut sandbox, &before);

    set_up(&sandbox, &[]);
    kill_when(&sandbox, &UNDO, "in eni-custom's node groups", 1);
    set_up(&sandbox, &[]);
    let (seen, missing) = witness::end_state(&mut sandbox).expect("AWS and Kubernetes answer");
    assert!(missing.is_empty(), "not as it should be:\n{}\n{seen}", missing.join("\n"));
    take_back(&sandbox);
    looks_as(&mut sandbox, &before);
}
