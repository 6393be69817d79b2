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

#[test]
fn a_drain_interrupted_at_any_write_is_restored_by_the_next_run_and_can_be_undone() {
    let shape =
        Shape { azs: 2, nodes_per_az: 6, old_nodes: OldNodes::Both, workloads: false, ..Shape::default() };
    let mut sandbox = start(shape);
    let at_first = state(&sandbox);
    run(&sandbox, &["setup", "--yes", "--keep-old-nodes"]).expect(0);
    let before = groups(&sandbox);

    let mark = sandbox.mark();
    let args = drain(&sandbox);
    run(&sandbox, &args.iter().map(String::as_str).collect::<Vec<_>>()).expect(0);
    let log = sandbox.aws_log(mark).expect("the AWS log can be read");
    let writes = log.iter().filter(|call| call.mutating && by_program(call)).count();
    assert!(writes >= 10, "{writes} writes");
    let put_back = ["drain-nodes", "--yes", "--keep-old-nodes"];
    let mut looked = false;
    for after in 1..=writes {
        let signal = if after % 2 == 0 { "INT" } else { "KILL" };
        let args = drain(&sandbox);
        let code = interrupted(&sandbox, &args.iter().map(String::as_str).collect::<Vec<_>>(), after, signal);
        let when = format!("after {signal} at write {after}");
        match code {
            Some(130) => {
                as_before(&sandbox, &before, &when);
                continue;
            }
            // It had completed.
            Some(_) => continue,
            None => {}
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
        run(&sandbox, &put_back).expect(0);
        as_before(&sandbox, &before, &when);
        assert!(status(&sandbox)["suspended"].is_null(), "{when}");
    }
    assert!(looked, "no run was killed with its groups suspended");

    // Kill undo after more and more writes until it completes.
    let through = (1..).take_while(|after| interrupted(&sandbox, &UNDO, *after, "KILL").is_none()).count();
    assert!(through >= 4, "undo was interrupted {through} times");
    assert_state(&mut sandbox, &at_first);
}
