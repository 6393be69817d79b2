//! Runs that are killed with SIGKILL, and run again.

use sandbox::{AuthenticationMode, Cni, Crd, OldNodes, Sandbox, Shape};

use crate::cluster::{Watched, start};
use crate::command::{in_sandbox, run};
use crate::going::Going;

/// Kills the run right after it has said this, and for the given time.
struct Cut {
    says: &'static str,
    times: usize,
}

/// The event is written before the change is made: the kill comes before, within or after the call.
fn cut(says: &'static str, times: usize) -> Cut {
    Cut { says, times }
}

#[track_caller]
fn survives(shape: Shape, cuts: [Cut; 2]) {
    let mut sandbox = start(shape);
    let watched = Watched::start(&sandbox);
    for cut in &cuts {
        kill_when(&sandbox, &["setup", "--yes"], cut.says, cut.times);
    }
    run(&sandbox, &["setup", "--yes"]).expect(0);
    watched.reached(&mut sandbox);
    // Nothing is left of the runs that died, and nothing was made twice.
    let again = run(&sandbox, &["setup", "--yes", "--output", "json"]).expect(0).json();
    assert_eq!(again["calls"]["writes"], 0);
}

/// Starts a run and kills it right after it has said this for so many times.
#[track_caller]
pub fn kill_when(sandbox: &Sandbox, args: &[&str], says: &str, times: usize) {
    let mut run = Going::start(&mut in_sandbox(sandbox, &[args, &["--events", "json"]].concat()));
    for _ in 0..times {
        run.says(says);
    }
    // Dropped, it is killed.
}

#[test]
fn a_run_cut_at_the_block_and_within_the_subnets_is_finished_by_the_next() {
    let shape = Shape { azs: 2, old_nodes: OldNodes::SelfManaged, ..Shape::default() };
    survives(shape, [cut("CIDR block 100.64.0.0/16 to be associated", 1), cut("subnet for pods in", 2)]);
}

#[test]
fn a_run_cut_at_the_environment_and_between_eniconfigs_is_finished_by_the_next() {
    let shape = Shape { azs: 2, old_nodes: OldNodes::Managed, ..Shape::default() };
    survives(shape, [cut("env in configurationValues", 1), cut("ENIConfig us-west-2b", 1)]);
}

#[test]
fn a_run_cut_within_the_stacks_is_finished_by_the_next() {
    let shape = Shape { azs: 2, old_nodes: OldNodes::SelfManaged, cni: Cni::Daemonset, ..Shape::default() };
    survives(
        shape,
        [cut("stack eni-custom-sandbox-base to complete", 1), cut("stack eni-custom-sandbox-us-west-2b", 1)],
    );
}

#[test]
fn a_run_cut_between_the_groups_and_the_nodes_is_finished_by_the_next() {
    let shape = Shape {
        azs: 2,
        old_nodes: OldNodes::Both,
        authentication_mode: AuthenticationMode::ConfigMap,
        crd: Crd::Missing,
        ..Shape::default()
    };
    survives(shape, [cut("size of eni-custom-sandbox-us-west-2a", 1), cut("new nodes to be Ready", 1)]);
}

#[test]
fn a_run_cut_within_the_drain_is_finished_by_the_next() {
    let shape = Shape { azs: 2, old_nodes: OldNodes::Both, nodes_per_az: 1, ..Shape::default() };
    survives(shape, [cut("nodes to be drained", 2), cut("old instances to terminate", 1)]);
}
