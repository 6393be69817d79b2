//! The program in CI: log groups, annotations, Markdown, `--events json`, and the files in examples/ci.

mod examples;

use std::process::Command;

use rustix::process::Signal;
use sandbox::{OldNodes, Sandbox, Shape};
use serde_json::Value;

use crate::background::BackgroundRun;
use crate::cluster::{set_up, shared};
use crate::command::{Outcome, in_sandbox, offline};
use crate::golden::screen;
use crate::schemas::all_conform;

const GITHUB: (&str, &str) = ("GITHUB_ACTIONS", "true");
const GITLAB: (&str, &str) = ("GITLAB_CI", "true");

fn in_ci(sandbox: &Sandbox, (name, value): (&str, &str), args: &[&str]) -> Command {
    let mut command = in_sandbox(sandbox, args);
    command.env(name, value);
    command
}

#[test]
fn a_plan_as_markdown_matches_its_snapshot() {
    let sandbox = shared();
    screen(&sandbox, "plan-markdown", 0, &["plan", "--output", "markdown"]);
    screen(&sandbox, "status-markdown", 0, &["status", "--output", "markdown"]);
    screen(&sandbox, "verify-markdown", 4, &["verify", "--output", "markdown"]);
    screen(&sandbox, "doctor-markdown", 0, &["doctor", "--output", "markdown"]);
}

/// The titles of the groups of a GitHub log, each of which is closed before the next one is opened.
#[track_caller]
fn groups(log: &str) -> Vec<String> {
    let (mut titles, mut open) = (Vec::new(), false);
    for line in log.lines() {
        if let Some(title) = line.strip_prefix("::group::") {
            assert!(!open, "a group within a group:\n{log}");
            titles.push(title.to_string());
            open = true;
        } else if line == "::endgroup::" {
            assert!(open, "no group is open:\n{log}");
            open = false;
        }
    }
    assert!(!open, "a group is left open:\n{log}");
    titles
}

#[test]
fn a_step_is_a_group_of_github_actions_and_a_section_of_gitlab() {
    let sandbox = shared();
    let args = ["detect-cni"];
    let log = Outcome::of(&mut in_ci(&sandbox, GITHUB, &args)).expect(0).stderr;
    assert_eq!(groups(&log), ["[4/9] detect-cni"]);
    let log = Outcome::of(&mut in_ci(&sandbox, GITLAB, &args)).expect(0).stderr;
    for marker in [
        "\u{1b}[0Ksection_start:",
        "eni-custom_4_9__detect-cni.",
        "[collapsed=true]\r\u{1b}[0K[4/9] detect-cni\n",
    ] {
        assert!(log.contains(marker), "{marker:?} is not in {log:?}");
    }
    assert_eq!(log.matches("section_end:").count(), 1, "{log:?}");
    // Neither is ever part of a result, or of events for programs.
    let json = [&args[..], &["--events", "json", "--output", "json"]].concat();
    let ran = Outcome::of(&mut in_ci(&sandbox, GITHUB, &json)).expect(0);
    assert!(!ran.stderr.contains("group::"), "{}", ran.stderr);
    assert_eq!(ran.json()["done"], true);
}

#[test]
fn errors_are_annotations_of_github_actions() {
    let sandbox = shared();
    let refused = ["setup", "--yes", "--cidr", "198.19.0.0/16"];
    let log = Outcome::of(&mut in_ci(&sandbox, GITHUB, &refused)).expect(3).stderr;
    let annotations: Vec<&str> = log.lines().filter(|line| line.starts_with("::error ")).collect();
    let [finding, error] = annotations[..] else { panic!("{log}") };
    assert!(
        finding.starts_with("::error title=eni-custom EC-NET-003::EC-NET-003: AWS would reject"),
        "{finding}"
    );
    assert!(finding.contains("%0A  where  --cidr%0A  why "), "{finding}");
    assert_eq!(error, "::error title=eni-custom::refused by a check; nothing was changed");
    // A report for a file: the log still says what is wrong.
    let verify = ["verify", "--output", "junit"];
    let log = Outcome::of(&mut in_ci(&sandbox, GITHUB, &verify)).expect(4).stderr;
    assert!(log.contains("::error title=eni-custom EC-VFY-001::"), "{log}");
    let log = Outcome::of(&mut in_ci(&sandbox, GITLAB, &refused)).expect(3).stderr;
    assert!(log.contains("error EC-NET-003: ") && !log.contains("::error"), "{log}");
}

/// The lines of `--events json`.
#[track_caller]
pub(crate) fn events(stderr: &str) -> Vec<Value> {
    let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let events: Vec<Value> = stderr.lines().map(read).collect();
    for (at, event) in events.iter().enumerate() {
        assert_eq!(event["sequence"], at + 1, "{event}");
    }
    all_conform("events", &events);
    events
}

#[test]
fn the_events_of_a_refused_run_conform_to_their_schema() {
    let sandbox = shared();
    let args = ["setup", "--yes", "--cidr", "198.19.0.0/16", "--events", "json"];
    let ran = Outcome::of(&mut in_sandbox(&sandbox, &args)).expect(3);
    let events = events(&ran.stderr);
    let last = events.last().expect("an error");
    assert_eq!((&last["event"], &last["exit_code"]), (&"error".into(), &3.into()), "{last:#}");
    assert_eq!(last["findings"][0]["id"], "EC-NET-003");
    assert_eq!(events[0]["event"], "target");
}

#[test]
fn a_run_without_a_terminal_names_all_that_is_missing_at_once() {
    let nothing_set = |args: &[&str]| {
        let mut command = offline();
        let home =
            [("HOME", "/nowhere"), ("AWS_CONFIG_FILE", "/nowhere"), ("AWS_EC2_METADATA_DISABLED", "true")];
        Outcome::of(command.envs(home).args(args))
    };
    nothing_set(&["setup"]).expect(3).says(&[
        "3 flags are missing",
        "where  --cluster, --region, --yes",
        "fix    eni-custom setup --cluster NAME --region REGION --yes",
    ]);
    nothing_set(&["undo", "--region", "us-west-2"])
        .expect(3)
        .says(&["where  --cluster, --confirm-cluster, --yes"]);
    nothing_set(&["verify"])
        .expect(2)
        .says(&["no cluster and no AWS region are set", "where  --cluster, --region"]);
}

#[test]
fn errors_and_risks_are_reported_together() {
    let sandbox = shared();
    // A block that AWS rejects, and an image without drivers for the type's accelerators.
    let args = ["setup", "--yes", "--cidr", "198.19.0.0/16", "--instance-type", "vt1.3xlarge"];
    let refused = Outcome::of(&mut in_sandbox(&sandbox, &args)).expect(3);
    refused.says(&[
        "error EC-NET-003",
        "warning EC-NOD-025",
        "needs --accept EC-NOD-025",
        "refused by 2 checks",
    ]);
}

#[test]
fn verify_waits_until_the_checks_pass() {
    let sandbox = set_up(Shape { azs: 1, old_nodes: OldNodes::SelfManaged, ..Shape::default() }, &[]);
    let kubectl = |args: &[&str]| sandbox.kubectl(args).expect("kubectl answers").trim().to_string();
    let waiting = |time: &str| BackgroundRun::start(&mut in_sandbox(&sandbox, &["verify", "--wait", time]));
    // It passes at once.
    waiting("10m").transcript(0);

    let node = kubectl(&["get", "nodes", "-o", "jsonpath={.items[0].metadata.name}"]);
    kubectl(&["annotate", "node", &node, "k8s.amazonaws.com/eniConfig=missing"]);
    let mut verify = waiting("10m");
    verify.wait_for("fails: EC-VFY-");
    kubectl(&["annotate", "node", &node, "k8s.amazonaws.com/eniConfig-"]);
    verify.wait_for("passes now: EC-VFY-");
    verify.exits_with(0);

    kubectl(&["annotate", "node", &node, "k8s.amazonaws.com/eniConfig=missing"]);
    waiting("1s").transcript(4);
    let mut verify = waiting("10m");
    verify.wait_for("fails: EC-VFY-");
    verify.signal(Signal::INT);
    verify.exits_with(130);
}
