//! The standing board while a node is drained, as a person sees it.

use rexpect::process::Signal;
use serde_json::json;

use super::fixture::Fixture;
use crate::golden::screen_of_a_person;
use crate::pty::Terminal;

/// Three pods that share a budget. One is not Ready: it leaves, and the budget holds the others for as long as its
/// replacement is not Ready.
fn held(test: &str) -> Fixture {
    let mut fixture = Fixture::of(test);
    let group = |app: &str, ready_after: &str| {
        let mut template = fixture.template(app, ready_after);
        template["metadata"]["labels"]["group"] = json!("held");
        template
    };
    fixture.apply(&fixture.workload("Deployment", "web", 2, group("web", "0s")));
    fixture.apply(&fixture.workload("Deployment", "slow", 1, group("slow", "3600s")));
    let mut budget = fixture.budget("web", json!({"minAvailable": 2}));
    budget["spec"]["selector"] = json!({"matchLabels": {"group": "held"}});
    fixture.apply(&budget);
    fixture.ready(2);
    fixture.open_new_nodes();
    fixture
}

fn drain(fixture: &Fixture, more: &[&str], rows: u16, columns: u16) -> Terminal {
    Terminal::start(fixture.command(more), rows, columns)
}

/// The one step stands there once, below what was printed.
fn stands_once(screen: &str) -> bool {
    screen.matches("so far").count() == 1 && screen.matches("pods moved").count() == 1
}

/// The screen without what was found: names of pods have endings of any length. How many other old nodes there are depends
/// on the tests that share the cluster.
fn from_step(screen: &str) -> String {
    let step = &screen[screen.find("[9/9]").expect("the step's heading")..];
    let lines: Vec<&str> = step.lines().filter(|line| !line.contains("not selected")).collect();
    lines.join("\n")
}

#[test]
fn the_board_fits_each_width_and_ctrl_c_puts_everything_back() {
    let fixture = held("board");
    let mut drain = drain(&fixture, &[], 24, 200);
    drain.wait_for("1 of 3 pods moved");
    drain.wait_for("pdb/board/web");
    for columns in [60, 120, 200, 80] {
        drain.resize(24, columns);
        // The times stand at the right edge, and nothing of another width is left.
        let edge = usize::from(columns).min(101);
        drain.wait(&format!("board of {columns} columns"), |screen| {
            let step = screen.lines().find(|line| line.contains(" 9 drain-nodes"));
            stands_once(screen) && step.is_some_and(|step| step.chars().count() == edge - 1)
        });
    }
    screen_of_a_person("board-drain", &from_step(&drain.wait("the drain", stands_once)));
    drain.signal(Signal::SIGINT);
    let last = drain.exits_with(130);
    assert!(String::from_utf8_lossy(&drain.bytes()).contains("stopping: finishing the call in flight"));
    assert!(drain.is_cursor_visible());
    fixture.is_as_before();
    screen_of_a_person("board-drain-interrupted", &from_step(&last));
}

#[test]
fn a_low_terminal_shows_the_running_step_and_a_second_ctrl_c_leaves_at_once() {
    let fixture = held("board-twice");
    let mut drain = drain(&fixture, &[], 5, 80);
    let screen = drain.wait_for("1 of 3 pods moved");
    assert!(screen.contains("9 drain-nodes"), "{screen}");
    drain.signal(Signal::SIGINT);
    drain.wait_for("stopping:");
    drain.signal(Signal::SIGINT);
    let last = drain.exits_with(130);
    assert!(drain.is_cursor_visible());
    assert!(last.contains("run the same command again"), "{last}");
    // What it left is cleaned up by the next run.
    fixture.here(&["delete", "pdb,deployments", "--all"]);
    fixture.drain(&[]).expect(0);
    fixture.is_gone();
}

#[test]
fn a_cancelled_job_and_a_lost_connection_put_everything_back() {
    let fixture = held("board-cancelled");
    for signal in [Signal::SIGTERM, Signal::SIGHUP] {
        let mut drain = drain(&fixture, &[], 24, 80);
        drain.wait_for("pdb/board-cancelled/web");
        drain.signal(signal);
        drain.exits_with(130);
        fixture.is_as_before();
    }
}

#[test]
fn plain_output_moves_no_cursor() {
    let fixture = held("board-plain");
    let mut plain = drain(&fixture, &["--plain", "--color", "never"], 24, 80);
    plain.wait_for("pdb/board-plain/web");
    plain.signal(Signal::SIGINT);
    let last = plain.exits_with(130);
    assert!(last.contains("SIGINT: finishing the call in flight"), "{last}");
    let bytes = plain.bytes();
    // The terminal itself writes CR LF for each line.
    let moves = |at: &usize| bytes[*at] == 0x1b || (bytes[*at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
    assert_eq!((0..bytes.len()).find(moves), None, "{}", String::from_utf8_lossy(&bytes));
}
