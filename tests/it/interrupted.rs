//! Runs that are killed with SIGKILL and then run again.

use sandbox::{AuthenticationMode, Cni, Crd, OldNodes, Sandbox, Shape};

use crate::background::BackgroundRun;
use crate::cluster::{Watched, start};
use crate::command::{in_sandbox, run};

/// Kills the run right after it has printed `text` for the given number of times.
struct Kill {
    text: &'static str,
    times: usize,
}

/// The event is written before the change is made, so the kill may come before, during or after the call.
fn kill_at(text: &'static str, times: usize) -> Kill {
    Kill { text, times }
}

#[track_caller]
fn setup_survives(shape: Shape, kills: [Kill; 2]) {
    let mut sandbox = start(shape);
    let watched = Watched::start(&sandbox);
    for kill in &kills {
        kill_when(&sandbox, &["setup", "--yes"], kill.text, kill.times);
    }
    run(&sandbox, &["setup", "--yes"]).expect(0);
    watched.assert_end_state(&mut sandbox);
    // The killed runs have left nothing behind, and nothing was created twice.
    let again = run(&sandbox, &["setup", "--yes", "--output", "json"]).expect(0).json();
    assert_eq!(again["calls"]["writes"], 0);
}

/// Starts a run and kills it right after it has printed `text` this many times.
#[track_caller]
pub(crate) fn kill_when(sandbox: &Sandbox, args: &[&str], text: &str, times: usize) {
    let mut run = BackgroundRun::start(&mut in_sandbox(sandbox, &[args, &["--events", "json"]].concat()));
    for _ in 0..times {
        run.wait_for(text);
    }
    // Dropping it kills it.
}

#[test]
fn a_run_interrupted_at_the_block_or_the_subnets_is_completed_by_the_next() {
    let shape = Shape { azs: 2, old_nodes: OldNodes::SelfManaged, ..Shape::default() };
    setup_survives(
        shape,
        [kill_at("CIDR block 100.64.0.0/16 to be associated", 1), kill_at("subnet for pods in", 2)],
    );
}

#[test]
fn a_run_interrupted_at_the_environment_or_between_eniconfigs_is_completed_by_the_next() {
    let shape = Shape { azs: 2, old_nodes: OldNodes::Managed, ..Shape::default() };
    setup_survives(shape, [kill_at("env in configurationValues", 1), kill_at("ENIConfig us-west-2b", 1)]);
}

#[test]
fn a_run_interrupted_at_the_stacks_is_completed_by_the_next() {
    let shape = Shape { azs: 2, old_nodes: OldNodes::SelfManaged, cni: Cni::Daemonset, ..Shape::default() };
    setup_survives(
        shape,
        [
            kill_at("stack eni-custom-sandbox-base to complete", 1),
            kill_at("stack eni-custom-sandbox-us-west-2b", 1),
        ],
    );
}

#[test]
fn a_run_interrupted_between_groups_and_nodes_is_completed_by_the_next() {
    let shape = Shape {
        azs: 2,
        old_nodes: OldNodes::Both,
        authentication_mode: AuthenticationMode::ConfigMap,
        crd: Crd::Missing,
        ..Shape::default()
    };
    setup_survives(
        shape,
        [
            kill_at("size of eni-custom-sandbox-old-managed-us-west-2a", 1),
            kill_at("new nodes to be Ready", 1),
        ],
    );
}

#[test]
fn a_run_interrupted_in_the_drain_is_completed_by_the_next() {
    let shape = Shape { azs: 2, old_nodes: OldNodes::Both, nodes_per_az: 1, ..Shape::default() };
    setup_survives(shape, [kill_at("nodes to be drained", 2), kill_at("old instances to terminate", 1)]);
}
