//! What a user reads, verbatim: whole screens of real commands as snapshots. What differs between clusters or runs is
//! masked: ids, addresses, measured seconds and counts of calls.

use std::process::Command;

use rustix::process::Signal;
use sandbox::{OldNodes, Sandbox, Shape};
use serde_json::json;

use crate::background::BackgroundRun;
use crate::cluster::start;
use crate::command::{Outcome, in_sandbox, offline, run};
use crate::field::{kubectl, write_env};
use crate::single_steps::STEPS;

/// Ids keep their length, so that tables stay aligned.
const MASKS: &[(&str, &str)] = &[
    // AWS ids: `subnet-0123456789abcdef0`, `vpc-cidr-assoc-…`, the random end of a stack's resource.
    (r"\b((?:[a-z]+-)+)[0-9a-f]{17}\b", "${1}xxxxxxxxxxxxxxxxx"),
    (r"-[0-9A-Z]{12}\b", "-XXXXXXXXXXXX"),
    (r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", "UUID"),
    // The names of pods that belong to a ReplicaSet.
    (r"-[0-9a-f]{8,10}-[a-z0-9]{5}\b", "-HASH-xxxxx"),
    (r"\baws-node-[a-z0-9]{5}\b", "aws-node-xxxxx"),
    (r"ip-\d+-\d+-\d+-\d+", "ip-N-N-N-N"),
    (r"\b192\.168\.\d+\.\d+\b", "192.168.N.N"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"/tmp/[^\s:]*", "PATH"),
    (r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "TIME"),
    // Measured durations, in tables too.
    (r"\(\d+\.\d s\)", "(N s)"),
    (r" +\d+\.\d s", " N s"),
    (r"at least \d+ s, about \d+ s", "at least N s, about N s"),
    (r" +\d+ reads?( and|,)? +\d+ writes?", " N reads$1 N writes"),
    (r"(?m) +$", ""),
];

/// A command and its whole output.
struct Screen(String);

impl Screen {
    fn of(command: &mut Command, code: i32) -> Self {
        let typed: Vec<String> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        let ran = Outcome::of(command).expect(code);
        Screen::new(&typed.join(" "), code, &ran.stderr, &ran.stdout)
    }

    fn new(typed: &str, code: i32, stderr: &str, stdout: &str) -> Self {
        let lines = stderr.lines().filter(|line| !is_timed(line)).collect::<Vec<_>>().join("\n");
        Screen(format!(
            "$ eni-custom {typed}\n--- stderr\n{lines}\n--- stdout\n{stdout}--- exit code {code}\n"
        ))
    }

    fn is(&self, name: &str) {
        let mut settings = golden();
        for (pattern, mask) in MASKS {
            settings.add_filter(pattern, *mask);
        }
        settings.bind(|| insta::assert_snapshot!(name, self.0));
    }
}

/// Progress lines while the program waits. Their number depends on timing.
fn is_timed(line: &str) -> bool {
    line.trim_start().starts_with("waiting for ")
}

/// What differs on the board from one moment to the next: its times, their place, and the spinner.
const MOMENTS: &[(&str, &str)] = &[
    (r",? about [^,·\n]+? left", ""),
    (r"at least \d+", "at least N"),
    (r"waiting( \d+ (s|min))+:", "waiting:"),
    (r"(\d+ (h|min|s)\b ?)+", "N s "),
    ("[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]", "⠿"),
    (r"(\S) {2,}", "$1  "),
    (r"(?m) +$", ""),
];

/// Compares the screen of a terminal with the snapshot of this name.
#[track_caller]
pub(crate) fn screen_of_a_person(name: &str, screen: &str) {
    let mut settings = golden();
    for (pattern, mask) in MASKS.iter().chain(MOMENTS) {
        settings.add_filter(pattern, *mask);
    }
    settings.bind(|| insta::assert_snapshot!(name, screen));
}

fn golden() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("golden");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

/// Runs a command and compares its whole output with the snapshot of this name.
#[track_caller]
pub(crate) fn screen(sandbox: &Sandbox, name: &str, code: i32, args: &[&str]) {
    Screen::of(&mut in_sandbox(sandbox, args), code).is(name);
}

#[test]
fn screens_from_plan_to_undo_match_their_snapshots() {
    let sandbox = start(Shape { azs: 2, old_nodes: OldNodes::SelfManaged, ..Shape::default() });
    screen(&sandbox, "plan", 0, &["plan"]);
    screen(&sandbox, "setup-refused", 3, &["setup", "--yes", "--cidr", "198.19.0.0/16"]);

    let typed = ["setup", "--yes", "--keep-old-nodes"];
    let mut setup = BackgroundRun::start(&mut in_sandbox(&sandbox, &typed));
    setup.wait_for("+ CIDR block");
    setup.signal(Signal::INT);
    Screen::new(&typed.join(" "), 130, &setup.transcript(130), "").is("setup-interrupted");
    // Whether the call had been made before the interrupt depends on timing, so make it now.
    run(&sandbox, &["associate-cidr", "--yes"]).expect(0);
    screen(&sandbox, "status-interrupted", 0, &["status"]);

    screen(&sandbox, "setup", 0, &typed);
    screen(&sandbox, "setup-again", 0, &typed);
    screen(&sandbox, "verify-failed", 4, &["verify"]);
    screen(&sandbox, "drain-nodes-dry-run", 0, &["drain-nodes", "--dry-run"]);
    screen(&sandbox, "drain-nodes", 0, &["drain-nodes", "--yes"]);
    screen(&sandbox, "status", 0, &["status"]);
    screen(&sandbox, "verify", 0, &["verify"]);

    write_env(&sandbox, &["ENI_CONFIG_LABEL_DEF=example.com/no-node-has-it"]);
    let patch = json!({"spec": {"subnet": "subnet-0123456789abcdef0"}}).to_string();
    kubectl(&sandbox, &["patch", "eniconfig", "us-west-2a", "--type=merge", "-p", &patch]);
    // While the pods of aws-node restart, what doctor reports depends on the moment.
    kubectl(&sandbox, &["-n", "kube-system", "rollout", "status", "daemonset/aws-node", "--timeout=3m"]);
    screen(&sandbox, "doctor", 4, &["doctor"]);
    screen(
        &sandbox,
        "setup-repairs",
        0,
        &["setup", "--yes", "--replace-eniconfigs", "--eniconfig-label", "topology.kubernetes.io/zone"],
    );

    screen(&sandbox, "undo-plan", 0, &["undo", "--dry-run"]);
    screen(&sandbox, "undo", 0, &crate::undo::UNDO);
}

#[test]
fn help_and_usage_errors_match_their_snapshots() {
    let offline = |name: &str, code: i32, args: &[&str]| {
        Screen::of(offline().env("COLUMNS", "80").args(args), code).is(name);
    };
    offline("help", 0, &["--help"]);
    offline("usage-error", 2, &["plan", "--cidr", "100.64.0.0/40"]);
    offline("usage-error-flag", 2, &["setup", "--cird", "100.64.0.0/16"]);
    offline("max-pods", 0, &["max-pods", "m5.large", "t3.micro", "hpc6id.32xlarge"]);
    let others = [
        "setup",
        "plan",
        "status",
        "verify",
        "doctor",
        "undo",
        "max-pods",
        "iam-policy",
        "schema",
        "completions",
        "man",
    ];
    for command in others.into_iter().chain(STEPS) {
        offline(&format!("help-{command}"), 0, &[command, "--help"]);
    }
}
