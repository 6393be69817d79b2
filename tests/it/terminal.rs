//! The interactive run, through a pseudo-terminal.

use rexpect::reader::Options;
use rexpect::session::{PtySession, spawn_with_options};
use sandbox::{OldNodes, Sandbox, Shape};

use crate::cluster::{Watched, start};
use crate::command::in_sandbox;

pub(crate) const ENTER: &str = "\r";
/// The second answer of a list.
const SECOND: &str = "\u{1b}[B\r";
/// The question only where old node groups are managed.
const KIND: &str = "What should replace the managed node groups (old-managed)?";

pub(crate) fn session(sandbox: &Sandbox, args: &[&str]) -> PtySession {
    let mut command = in_sandbox(sandbox, args);
    command.env("TERM", "xterm").env_remove("NO_COLOR");
    let options = Options::new().timeout_ms(Some(600_000)).strip_ansi_escape_codes(true);
    spawn_with_options(command, options).expect("the program starts")
}

pub(crate) fn answer(session: &mut PtySession, question: &str, keys: &str) {
    session.exp_string(question).unwrap_or_else(|error| panic!("'{question}' is not asked: {error}"));
    session.send(keys).and_then(|_| session.flush()).expect("the answer is typed");
}

#[test]
fn setup_asks_shows_its_changes_and_makes_them_after_a_yes() {
    let mut sandbox = start(Shape { azs: 1, old_nodes: OldNodes::Managed, ..Shape::default() });

    let mut no = session(&sandbox, &["setup"]);
    answer(&mut no, "Secondary CIDR block", ENTER);
    answer(&mut no, KIND, ENTER);
    answer(&mut no, "Instance type", ENTER);
    answer(&mut no, "New nodes in each zone", ENTER);
    answer(&mut no, "When should custom networking be enabled", ENTER);
    no.exp_string("subnet for pods in us-west-2a").expect("the plan is shown");
    no.exp_string("managed node group").expect("the answer is used");
    answer(&mut no, "Make these changes?", "n");
    no.exp_string("Nothing was changed.").expect("setup stops after a no");
    no.exp_eof().expect("the program exits");

    let watched = Watched::start(&sandbox);
    let mut yes = session(&sandbox, &["setup"]);
    // An invalid answer is reported at once, and the question is asked again.
    answer(&mut yes, "Secondary CIDR block", "10.0.0.0/16\r");
    yes.exp_string("10.0.0.0/16").expect("the error is shown");
    let erase = "\u{7f}".repeat(20);
    yes.send(&format!("{erase}100.70.0.0/16\r")).and_then(|_| yes.flush()).expect("another answer is typed");
    answer(&mut yes, KIND, SECOND);
    answer(&mut yes, "Instance type", ENTER);
    answer(&mut yes, "New nodes in each zone", ENTER);
    answer(&mut yes, "When should custom networking be enabled", ENTER);
    answer(&mut yes, "Continue despite 1 warning (EC-NOD-055)?", "y");
    answer(&mut yes, "Make these changes?", "y");
    yes.exp_string("The same without questions: eni-custom setup").expect("the command is shown");
    yes.exp_string("--cidr 100.70.0.0/16").expect("the command has the answers");
    yes.exp_string("--env-last").expect("the recommended order is used");
    yes.exp_eof().expect("the program exits");
    watched.assert_end_state(&mut sandbox);
}
