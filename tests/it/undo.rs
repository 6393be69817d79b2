//! Undo: afterwards the account and the cluster are as they were before setup.

mod interrupted;
mod obstacles;
mod partly;
mod replacement;
mod shapes;

use std::collections::BTreeSet;
use std::time::Duration;

use sandbox::picture::{differences, picture};
use sandbox::watch::{PdbWatch, ServingWatch};
use sandbox::{Sandbox, Shape, warm};
use serde_json::{Value, json};

use crate::cluster::{refuses, start};
use crate::command::{Outcome, run};
use crate::policy;

/// The SSM parameter with the id of the nodes' image.
const IMAGE: &str =
    "/aws/service/eks/optimized-ami/1.34/amazon-linux-2023/x86_64/standard/recommended/image_id";
pub(crate) const UNDO: [&str; 4] = ["undo", "--yes", "--confirm-cluster", "sandbox"];

#[track_caller]
pub(crate) fn state(sandbox: &Sandbox) -> BTreeSet<String> {
    picture(sandbox).expect("AWS and Kubernetes answer")
}

#[track_caller]
pub(crate) fn assert_state(sandbox: &mut Sandbox, before: &BTreeSet<String>) {
    let differing = differences(sandbox, before).expect("AWS and Kubernetes answer");
    assert!(differing.is_empty(), "differs from the initial state:\n{}", differing.join("\n"));
}

#[track_caller]
fn set_up(sandbox: &Sandbox, flags: &[&str]) {
    run(sandbox, &[&["setup", "--yes"], flags].concat()).expect(0);
}

/// Undoes everything. Asserts that no budget was ever below its minimum, no controller ever without a Ready pod, and no
/// pod ever without a node.
#[track_caller]
fn undo_under_watch(sandbox: &Sandbox) -> Outcome {
    let watched = PdbWatch::start(sandbox).expect("pods and budgets can be watched");
    let serving = ServingWatch::start(sandbox).expect("pods can be watched");
    let ran = run(sandbox, &UNDO).expect(0);
    assert_eq!(watched.finish_with_unschedulable(), [""; 0]);
    assert_eq!(serving.finish(), [""; 0]);
    ran
}

#[track_caller]
fn setup_and_undo(shape: Shape, flags: &[&str]) -> Sandbox {
    let mut sandbox = start(shape);
    let before = state(&sandbox);
    set_up(&sandbox, flags);
    assert_ne!(state(&sandbox), before);
    undo_under_watch(&sandbox);
    assert_state(&mut sandbox, &before);
    sandbox
}

/// One value of an AWS CLI response.
#[track_caller]
fn ask(sandbox: &Sandbox, args: &[&str], path: &str) -> String {
    let answer = policy::aws(sandbox, args);
    let found = answer.pointer(path).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no {path} in {answer:#}")).to_string()
}

/// Waits until an AWS CLI command lists nothing.
#[track_caller]
fn lists_nothing(sandbox: &mut Sandbox, args: &[&str]) {
    let mut list = sandbox.command(warm::aws_cli().expect("the AWS CLI is installed"));
    list.envs(sandbox.env_for("witness")).args(args).args(["--output", "text"]);
    let listed = || {
        let output = list.output().map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_string();
        if output.status.success() && text.is_empty() { Ok(Some(())) } else { Err(text) }
    };
    sandbox.until("deleted resources are gone", Duration::from_secs(60), listed).expect("they are deleted");
}

/// Deletes a stack and its resources without the program.
#[track_caller]
fn delete_stack(sandbox: &mut Sandbox, name: &str) {
    policy::aws(sandbox, &["cloudformation", "delete-stack", "--stack-name", name]);
    let query = format!("Stacks[?StackName=='{name}'].StackName");
    lists_nothing(sandbox, &["cloudformation", "describe-stacks", "--query", &query]);
}

/// The pod subnet of the first zone.
#[track_caller]
fn pod_subnet(sandbox: &Sandbox) -> String {
    let filter = ["--filters", "Name=tag-key,Values=eni-custom:cluster"];
    ask(sandbox, &[&["ec2", "describe-subnets"], &filter[..]].concat(), "/Subnets/0/SubnetId")
}

/// Run by a user with only the permissions that `iam-policy --undo` prints.
#[test]
fn undo_restores_everything_and_a_second_undo_has_nothing_to_do() {
    let mut sandbox = start(Shape::default());
    let deployer = policy::deployer(&sandbox, &["--undo"]);
    let before = state(&sandbox);
    set_up(&sandbox, &["--node-role", "new"]);

    let mark = sandbox.mark();
    sandbox.aws.keys.insert("admin".into(), deployer);
    let planned = run(&sandbox, &["undo", "--plan", "--output", "json"]).expect(0).json();
    assert_eq!(planned["findings"], json!([]));
    let leak = json!({"service": "ec2", "operation": "TerminateInstances", "kind": "eni_leak", "times": 1});
    sandbox.fault(&leak).expect("AWS takes the fault");
    undo_under_watch(&sandbox);
    policy::nothing_missing(&sandbox, mark, &["--undo"]);
    policy::needs_all_of(&sandbox, policy::UNDO);
    policy::needs_all_of_kubernetes(&sandbox, mark, policy::KUBERNETES_UNDO);
    assert_state(&mut sandbox, &before);
    refuses(&sandbox, &UNDO, 3, &["EC-UND-001", "nothing to undo"]);
}
