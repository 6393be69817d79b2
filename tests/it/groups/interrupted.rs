//! Runs that are interrupted at each call that changes something in AWS, while AWS's answers lag behind.

use std::collections::BTreeMap;

use sandbox::{OldNodes, Sandbox, Shape};
use serde_json::json;

use super::{Group, groups, old_nodes, record, run_printed_command, status};
use crate::background::BackgroundRun;
use crate::cluster::start;
use crate::command::{by_program, in_sandbox, run};
use crate::field::report_with;
use crate::undo::{UNDO, assert_state, state};

/// Sends the signal to the run once this many of its calls have changed something in AWS. Returns the exit code.
#[track_caller]
fn interrupted(sandbox: &Sandbox, args: &[&str], writes: usize, signal: &str) -> Option<i32> {
    let run = BackgroundRun::start(&mut in_sandbox(sandbox, args));
    // The run reads for seconds before the first change.
    let fault =
        json!({"service": "*", "kind": "signal", "pid": run.pid(), "signal": signal, "after": writes});
    sandbox.fault(&fault).expect("the fault is set");
    let (code, reported) = run.exit();
    sandbox.clear_faults().expect("the faults are cleared");
    assert!(matches!(code, None | Some(0 | 130)), "{code:?} after {writes} writes:\n{reported}");
    code
}

/// One old node of each group, from the zone with the most nodes, so that each group stays balanced.
fn drain(sandbox: &Sandbox) -> Vec<String> {
    let mut args = vec!["drain-nodes".to_string(), "--yes".into()];
    for managed in [false, true] {
        let zones = old_nodes(sandbox, managed);
        let node = zones.first().and_then(|(_, nodes)| nodes.first()).expect("an old node is left");
        args.extend(["--node".to_string(), node.clone()]);
    }
    args
}

/// Asserts that every group has its original bounds and processes, and as many nodes as it should.
#[track_caller]
fn as_before(sandbox: &Sandbox, before: &BTreeMap<String, Group>, when: &str) {
    for (name, now) in groups(sandbox) {
        let before = &before[&name];
        let bounds = (before.bounds.0.min(now.desired), before.bounds.1);
        assert_eq!((now.bounds, &now.suspended), (bounds, &before.suspended), "{name} {when}");
    }
    let record = record(sandbox);
    assert!(record["held"].is_null() && record["cordoned"].is_null(), "{when}: {record:#}");
}

/// A cluster with node groups of both kinds whose replacements run, and what every run of this file starts from.
fn cluster(nodes_per_az: u32) -> Sandbox {
    let shape =
        Shape { azs: 2, nodes_per_az, old_nodes: OldNodes::Both, workloads: false, ..Shape::default() };
    start(shape)
}

/// Drains one node of each group, without an interruption. Returns how many calls changed something in AWS.
fn writes_of_a_drain(sandbox: &Sandbox) -> usize {
    let mark = sandbox.mark();
    let args = drain(sandbox);
    run(sandbox, &args.iter().map(String::as_str).collect::<Vec<_>>()).expect(0);
    let log = sandbox.aws_log(mark).expect("the AWS log can be read");
    let writes = log.iter().filter(|call| call.mutating && by_program(call)).count();
    assert!(writes >= 10, "{writes} writes");
    writes
}

#[test]
fn a_drain_stopped_by_ctrl_c_at_any_write_restores_its_groups() {
    let sandbox = cluster(5);
    run(&sandbox, &["setup", "--yes", "--keep-old-nodes"]).expect(0);
    let before = groups(&sandbox);
    let mut stopped = 0;
    for after in (2..=writes_of_a_drain(&sandbox)).step_by(2) {
        let args = drain(&sandbox);
        let code = interrupted(&sandbox, &args.iter().map(String::as_str).collect::<Vec<_>>(), after, "INT");
        match code {
            Some(130) => {
                as_before(&sandbox, &before, &format!("after Ctrl-C at write {after}"));
                stopped += 1;
            }
            // It had completed, so its groups keep no room for the drained nodes.
            code => assert_eq!(code, Some(0), "after write {after}"),
        }
    }
    assert!(stopped >= 3, "{stopped} drains were stopped");
}

#[test]
fn a_drain_killed_at_any_write_is_restored_by_the_next_run() {
    let sandbox = cluster(5);
    run(&sandbox, &["setup", "--yes", "--keep-old-nodes"]).expect(0);
    let before = groups(&sandbox);
    let mut looked = false;
    for after in (1..=writes_of_a_drain(&sandbox)).step_by(2) {
        let args = drain(&sandbox);
        let code = interrupted(&sandbox, &args.iter().map(String::as_str).collect::<Vec<_>>(), after, "KILL");
        let when = format!("after a kill at write {after}");
        if code.is_some() {
            // It had completed.
            continue;
        }
        if !record(&sandbox)["held"].is_null() {
            let reported = status(&sandbox);
            let suspended =
                reported["suspended"].as_array().unwrap_or_else(|| panic!("{when}: {reported:#}"));
            assert!(reported["drain_interrupted"] == true && !suspended.is_empty(), "{when}: {reported:#}");
            if !looked {
                looked = true;
                report_with(&sandbox, &["doctor"], &["EC-DOC-055"]);
                run_printed_command(&sandbox, suspended[0]["command"].as_str().expect("a command"));
            }
        }
        run(&sandbox, &["drain-nodes", "--yes", "--keep-old-nodes"]).expect(0);
        as_before(&sandbox, &before, &when);
        assert!(status(&sandbox)["suspended"].is_null(), "{when}");
    }
    assert!(looked, "no run was killed with its groups suspended");
}

#[test]
fn an_undo_after_a_killed_drain_completes_through_a_kill_at_any_write() {
    let mut sandbox = cluster(1);
    let at_first = state(&sandbox);
    run(&sandbox, &["setup", "--yes", "--keep-old-nodes"]).expect(0);
    // Its groups are suspended, and a node of each is on its way out.
    let args = drain(&sandbox);
    interrupted(&sandbox, &args.iter().map(String::as_str).collect::<Vec<_>>(), 6, "KILL");
    let through = (1..).take_while(|after| interrupted(&sandbox, &UNDO, *after, "KILL").is_none()).count();
    assert!(through >= 4, "undo was interrupted {through} times");
    assert_state(&mut sandbox, &at_first);
}
