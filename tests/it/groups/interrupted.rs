//! Runs that are interrupted at each call that changes something in AWS, while answers lag behind.

use std::collections::BTreeMap;

use sandbox::{OldNodes, Sandbox, Shape};
use serde_json::json;

use super::{Group, groups, old_nodes, record, status, type_in};
use crate::cluster::start;
use crate::command::{by_program, in_sandbox, run};
use crate::field::tells;
use crate::going::Going;
use crate::undo::{UNDO, look, looks_as};

/// Runs until so many calls have changed something in AWS, then it gets the signal. Its exit code.
#[track_caller]
fn interrupted(sandbox: &Sandbox, args: &[&str], writes: usize, signal: &str) -> Option<i32> {
    let run = Going::start(&mut in_sandbox(sandbox, args));
    // It reads for seconds before it changes anything.
    let fault =
        json!({"service": "*", "kind": "signal", "pid": run.pid(), "signal": signal, "after": writes});
    sandbox.fault(&fault).expect("AWS takes the fault");
    let (code, told) = run.end();
    sandbox.clear_faults().expect("AWS is well again");
    assert!(matches!(code, None | Some(0 | 130)), "{code:?} after {writes} writes:\n{told}");
    code
}

/// One old node of each group, from the zone that has the most: no group becomes lopsided.
fn drain(sandbox: &Sandbox) -> Vec<String> {
    let mut args = vec!["drain-nodes".to_string(), "--yes".into()];
    for managed in [false, true] {
        let zones = old_nodes(sandbox, managed);
        let node = zones.first().and_then(|(_, nodes)| nodes.first()).expect("an old node is left");
        args.extend(["--node".to_string(), node.clone()]);
    }
    args
}

/// Every group has its bounds and processes, and the nodes that it has.
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
fn interrupted_at_any_write_a_drain_is_put_back_by_the_next_run_and_undone_whole() {
    let shape =
        Shape { azs: 2, nodes_per_az: 6, old_nodes: OldNodes::Both, workloads: false, ..Shape::default() };
    let mut sandbox = start(shape);
    let at_first = look(&sandbox);
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
            // It was through.
            Some(_) => continue,
            None => {}
        }
        if !record(&sandbox)["held"].is_null() {
            let told = status(&sandbox);
            let suspended = told["suspended"].as_array().unwrap_or_else(|| panic!("{when}: {told:#}"));
            assert!(told["drain_interrupted"] == true && !suspended.is_empty(), "{when}: {told:#}");
            if !looked {
                looked = true;
                tells(&sandbox, &["doctor"], &["EC-DOC-055"]);
                type_in(&sandbox, suspended[0]["command"].as_str().expect("a command"));
            }
        }
        run(&sandbox, &put_back).expect(0);
        as_before(&sandbox, &before, &when);
        assert!(status(&sandbox)["suspended"].is_null(), "{when}");
    }
    assert!(looked, "no run was killed with its groups suspended");

    // The way back, killed at more and more writes until it is through.
    let through = (1..).take_while(|after| interrupted(&sandbox, &UNDO, *after, "KILL").is_none()).count();
    assert!(through >= 4, "it was interrupted {through} times");
    looks_as(&mut sandbox, &at_first);
}
