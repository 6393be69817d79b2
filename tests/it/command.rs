//! Runs the program as a user does.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use sandbox::{AwsCall, KubernetesCall, Mark, Sandbox, warm};
use serde_json::Value;

/// The program without any cluster.
pub(crate) fn offline() -> Command {
    let mut command = Command::new(program());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("AWS_") || text.starts_with("ENI_CUSTOM_") || text == "KUBECONFIG" {
            command.env_remove(name);
        }
    }
    outside_of_ci(&mut command);
    // A settings file of whoever runs the tests would interfere.
    command.current_dir(std::env::temp_dir());
    command
}

/// In a CI job the tests would see its log groups.
fn outside_of_ci(command: &mut Command) {
    command.env_remove("GITHUB_ACTIONS").env_remove("GITLAB_CI");
}

pub(crate) fn program() -> &'static str {
    env!("CARGO_BIN_EXE_eni-custom")
}

/// The program in a sandbox's environment. Without KUBECONFIG it authenticates to the cluster through AWS.
pub(crate) fn in_sandbox(sandbox: &Sandbox, args: &[&str]) -> Command {
    let mut command = sandbox.command(program());
    outside_of_ci(&mut command);
    command.env_remove("KUBECONFIG").current_dir(std::env::temp_dir()).args(args);
    command
}

/// A shell as a user has it, with the program, the AWS CLI and kubectl.
pub(crate) fn shell(sandbox: &Sandbox) -> Command {
    let aws = warm::aws_cli().expect("the AWS CLI is installed");
    let programs = [Path::new(program()), &aws, &sandbox.tools.kubectl];
    let folders = programs.into_iter().filter_map(Path::parent).map(Path::to_path_buf);
    let others = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(folders.chain(std::env::split_paths(&others))).expect("a PATH");
    let mut command = sandbox.command("bash");
    command.env("PATH", path);
    command
}

/// The result of a run.
pub(crate) struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    pub(crate) fn of(command: &mut Command) -> Self {
        let Output { status, stdout, stderr } =
            command.stdin(Stdio::null()).output().expect("the program starts");
        Outcome {
            code: status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }

    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts that stderr contains each of these texts.
    #[track_caller]
    pub(crate) fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stderr.contains(text), "'{text}' is not in:\n{}", self.stderr);
        }
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).expect("stdout is JSON")
    }
}

/// Runs the program until it exits.
pub(crate) fn run(sandbox: &Sandbox, args: &[&str]) -> Outcome {
    Outcome::of(&mut in_sandbox(sandbox, args))
}

/// The program's calls since a mark that changed something or would have.
pub(crate) fn writes(sandbox: &Sandbox, since: Mark) -> Vec<String> {
    let admin = &sandbox.aws.keys["admin"].arn;
    let aws = sandbox.aws_log(since).expect("the AWS log can be read");
    let aws = aws.iter().filter(|call| call.mutating && call.caller.as_ref() == Some(admin)).map(aws_name);
    let kubernetes = sandbox.audit_log(since).expect("the audit log can be read");
    let kubernetes =
        kubernetes.iter().filter(|call| call.by_program() && call.mutating()).map(kubernetes_name);
    aws.chain(kubernetes).collect()
}

/// Whether the program made the call, not test code or the sandbox itself.
pub(crate) fn by_program(call: &AwsCall) -> bool {
    call.user_agent.as_ref().is_some_and(|agent| agent.contains("app/eni-custom-"))
}

fn aws_name(call: &AwsCall) -> String {
    format!("{}:{}", call.service, call.operation)
}

fn kubernetes_name(call: &KubernetesCall) -> String {
    format!("{} {}", call.verb, call.uri)
}
