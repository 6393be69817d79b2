//! The interactive run, through a pseudo-terminal.

use std::fs;
use std::process::Command;

use rexpect::reader::Options;
use rexpect::session::{PtySession, spawn_with_options};
use sandbox::{OldNodes, Sandbox, Shape};

use crate::cluster::{Watched, shared, start};
use crate::command::{in_sandbox, run, writes};

pub(crate) const ENTER: &str = "\r";
/// The last question.
pub(crate) const GO_ON: &str = "Make these changes?";
pub(crate) const PURPOSE: &str = "What do you need custom networking for?";
pub(crate) const BLOCK: &str = "Secondary CIDR block for pods";
/// The question only where old node groups are managed.
const KIND: &str = "What should replace the managed node groups (old-managed)?";
pub(crate) const POOL: &str = "The node group, and what replaces it";
pub(crate) const WHEN: &str = "When should custom networking be enabled?";

pub(crate) fn session(sandbox: &Sandbox, args: &[&str]) -> PtySession {
    spawn(in_sandbox(sandbox, args), true)
}

fn spawn(mut command: Command, strip: bool) -> PtySession {
    command.env("TERM", "xterm").env("LC_ALL", "C.UTF-8").env_remove("NO_COLOR");
    let options = Options::new().timeout_ms(Some(300_000)).strip_ansi_escape_codes(strip);
    spawn_with_options(command, options).expect("the program starts")
}

pub(crate) fn answer(session: &mut PtySession, question: &str, keys: &str) {
    session.exp_string(question).unwrap_or_else(|error| panic!("'{question}' is not asked: {error}"));
    send(session, keys);
}

fn send(session: &mut PtySession, keys: &str) {
    session.send(keys).and_then(|_| session.flush()).expect("the keys are typed");
}

/// The program without the name of the cluster: from the flags and the environment it knows only the region.
pub(crate) fn without_cluster(sandbox: &Sandbox, args: &[&str]) -> Command {
    let mut command = in_sandbox(sandbox, args);
    command.env_remove("ENI_CUSTOM_CLUSTER");
    command
}

#[test]
fn setup_without_a_flag_ends_proven_after_eight_enters_and_its_command_changes_nothing_more() {
    let mut sandbox = start(Shape { azs: 1, old_nodes: OldNodes::Managed, ..Shape::default() });
    let watched = Watched::start(&sandbox);
    let mut asked = spawn(without_cluster(&sandbox, &["setup"]), true);
    asked.exp_string("The only cluster in us-west-2: sandbox").expect("the cluster is found");
    asked.exp_string("addresses used").expect("what was found is shown");
    let answers =
        [(PURPOSE, ENTER), (BLOCK, ENTER), (KIND, ENTER), (POOL, ENTER), (WHEN, ENTER), (GO_ON, "yes\r")];
    assert!(answers.iter().filter(|(_, keys)| keys.ends_with(ENTER)).count() <= 8);
    for (question, keys) in answers {
        answer(&mut asked, question, keys);
    }
    asked.exp_string("The same without questions: ").expect("the command is shown");
    let command = asked.exp_string("\r\n").expect("the whole command").replace(['\r', '\n'], "");
    asked.exp_eof().expect("the program exits");
    watched.assert_end_state(&mut sandbox);

    let args = shell_words::split(&command).expect("a command to copy");
    assert!(args.contains(&"--env-last".to_string()), "the recommended order is used: {command}");
    let mark = sandbox.mark();
    let folder = tempfile::tempdir().expect("a folder");
    let answers = folder.path().join("answers.toml").display().to_string();
    let save = ["--save", &answers];
    let args: Vec<&str> = args.iter().skip(1).map(String::as_str).chain(save).collect();
    run(&sandbox, &args).expect(0);
    // The answers that were kept are the same run.
    run(&sandbox, &["setup", "--yes", "--config", &answers]).expect(0);
    assert!(fs::read_to_string(&answers).expect("the answers").contains("env-last = true"));
    assert_eq!(writes(&sandbox, mark), Vec::<String>::new());
}

#[test]
fn save_writes_a_plan_that_can_be_applied() {
    let sandbox = shared();
    let mark = sandbox.mark();
    let folder = tempfile::tempdir().expect("a folder");
    let plan = folder.path().join("my.plan.json");
    let mut asked = session(&sandbox, &["setup", "--cidr", "100.64.0.0/16"]);
    answer(&mut asked, POOL, ENTER);
    answer(&mut asked, WHEN, ENTER);
    answer(&mut asked, GO_ON, "save\r");
    answer(&mut asked, "File for the plan", &format!("{}\r", plan.display()));
    asked.exp_string("Nothing was changed.").expect("saving ends the run");
    asked.exp_eof().expect("the program exits");
    let saved: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&plan).expect("the plan is saved")).expect("JSON");
    assert_eq!(saved["settings"]["env-last"], serde_json::json!([]));
    run(&sandbox, &["setup", "--plan", &plan.display().to_string(), "--dry-run"]).expect(0);
    assert_eq!(writes(&sandbox, mark), Vec::<String>::new());
}

#[test]
fn a_plain_run_asks_in_whole_lines_and_moves_no_cursor() {
    let sandbox = shared();
    let mark = sandbox.mark();
    let mut asked = spawn(without_cluster(&sandbox, &["setup", "--plain", "--color", "never"]), false);
    let mut seen = String::new();
    for (question, keys) in [
        ("1 to 3", "1\r"),
        (BLOCK, "192.168.0.0/17\r"),
        ("would work", "\r"),
        ("1 to 2", "<\r"),
        (BLOCK, "100.70.0.0/16\r"),
        ("1 to 2", "\r"),
        ("1 to 2", "?\r"),
        ("1 to 2", "\r"),
        ("1 to 6", "no\r"),
    ] {
        let before = asked.exp_string(question);
        seen += &before.unwrap_or_else(|error| panic!("'{question}' is not asked: {error}\n{seen}"));
        send(&mut asked, keys);
    }
    seen += &asked.exp_string("Nothing was changed.").expect("a no ends the run");
    seen += &asked.exp_eof().expect("the program exits");
    assert!(!seen.contains('\u{1b}'), "{seen:?}");
    assert!(seen.contains("1) pods run out of addresses"), "{seen}");
    assert_eq!(writes(&sandbox, mark), Vec::<String>::new());
}

#[test]
fn ctrl_c_at_a_question_changes_nothing_and_restores_the_terminal() {
    let sandbox = shared();
    let mark = sandbox.mark();
    for (args, question) in [
        (&["setup"][..], PURPOSE),
        (&["setup", "--plain"], "1 to 3"),
        (&["setup", "--cidr", "100.64.0.0/16"], POOL),
    ] {
        let mut asked = spawn(in_sandbox(&sandbox, args), false);
        asked.exp_string(question).unwrap_or_else(|error| panic!("'{question}' is not asked: {error}"));
        // At a list the cursor is hidden.
        send(&mut asked, "\u{3}");
        let rest = asked.exp_eof().expect("the program exits");
        let hidden = rest.rfind("\u{1b}[?25l").unwrap_or_default();
        assert!(rest.rfind("\u{1b}[?25h").unwrap_or_default() >= hidden, "the cursor is hidden: {rest:?}");
        let status = asked.process().wait().expect("the exit status");
        assert!(format!("{status:?}").contains("130"), "{args:?}: {status:?}\n{rest}");
    }
    assert_eq!(writes(&sandbox, mark), Vec::<String>::new());
}
