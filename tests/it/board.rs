//! The standing board of a whole setup, and signals before anything is changed.

use rexpect::process::Signal;
use rustix::termios::LocalModes;
use sandbox::{OldNodes, Shape};

use crate::cluster::{Watched, shared, start};
use crate::command::{in_sandbox, writes};
use crate::golden::screen_of_a_person;
use crate::pty::Terminal;

const SETUP: [&str; 2] = ["setup", "--yes"];
/// How many steps the board shows.
fn steps(screen: &str) -> usize {
    let names = crate::single_steps::STEPS;
    names
        .iter()
        .enumerate()
        .filter(|(at, name)| screen.matches(&format!(" {} {name}", at + 1)).count() == 1)
        .count()
}

#[test]
fn a_setup_that_is_stopped_in_a_wait_continues_to_its_end() {
    let mut sandbox = start(Shape { azs: 1, old_nodes: OldNodes::SelfManaged, ..Shape::default() });
    let watched = Watched::start(&sandbox);
    let mut first = Terminal::start(in_sandbox(&sandbox, &SETUP), 30, 80);
    let waiting = first.wait("wait for the new nodes", |screen| {
        steps(screen) == 9 && screen.contains("waiting for new nodes to be Ready, 0 of 1 node")
    });
    screen_of_a_person("board-wait", &waiting);
    first.signal(Signal::SIGINT);
    let last = first.exits_with(130);
    assert!(last.contains("resume") && last.contains("eni-custom setup --cluster sandbox"), "{last}");
    assert!(first.is_cursor_visible());

    let second = Terminal::start(in_sandbox(&sandbox, &SETUP), 40, 80);
    let last = second.exits_with(0);
    // Whether the new node is Ready when the second run begins depends on the moment.
    let end = &last[last.find("[9/9]").expect("the last step")..];
    screen_of_a_person("board-end", end);
    watched.assert_end_state(&mut sandbox);
}

#[test]
fn a_signal_at_a_question_changes_nothing_and_restores_the_terminal() {
    let sandbox = shared();
    let mark = sandbox.mark();
    for signal in [None, Some(Signal::SIGINT), Some(Signal::SIGTERM), Some(Signal::SIGHUP)] {
        let mut asked = Terminal::start(in_sandbox(&sandbox, &["setup"]), 24, 80);
        asked.wait("question", |screen| screen.contains('?'));
        match signal {
            Some(signal) => asked.signal(signal),
            None => asked.type_keys("\x03"),
        }
        let last = asked.exits_with(130);
        assert!(last.contains("interrupted; nothing was changed"), "{signal:?}: {last}");
        assert!(asked.is_cursor_visible(), "{signal:?}");
        let modes = asked.settings().local_modes;
        assert!(
            modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG),
            "{signal:?}: {modes:?}"
        );
    }
    assert_eq!(writes(&sandbox, mark), Vec::<String>::new());
}
