//! Runs the tests of the sandbox's own parts: the AWS side (Python) and the node agent (Go).

use std::process::{Command, Output};

use sandbox::{tools, warm};

#[test]
fn the_aws_side_follows_the_documentation() {
    let python = tools::find_or_build().expect("the sandbox's tools are installed").python;
    let output = Command::new(python)
        .args(["-m", "unittest", "discover", "--start-directory", "tests", "--top-level-directory", "."])
        .current_dir(tools::sources().join("aws"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("python runs");
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !printed.contains("Ran 0 tests"), "{printed}");
}

#[test]
fn the_node_agent_reads_what_nodes_read() {
    let output = Command::new("go")
        .args(["test", "./internal/..."])
        .current_dir(tools::sources().join("controlplane"))
        .output()
        .expect("go runs");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && printed.contains("ok"),
        "{printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn the_aws_command_of_tests_does_what_a_plain_one_does() {
    let plain = tools::aws_cli().expect("the AWS CLI is installed");
    let warm = warm::aws_cli().expect("the AWS CLI starts");
    let cases: [&[&str]; 4] = [
        &["--version"],
        &["ec2", "describe-vpcs", "--generate-cli-skeleton"],
        &["ec2", "describe-nothing"],
        // Fails within the call: nothing listens on this port.
        &["sts", "get-caller-identity"],
    ];
    for args in cases {
        let run = |program| -> Output {
            let mut command = Command::new(program);
            for (name, _) in std::env::vars_os() {
                if name.to_string_lossy().starts_with("AWS_") {
                    command.env_remove(name);
                }
            }
            command.args(["--endpoint-url", "http://127.0.0.1:1", "--region", "us-west-2"]);
            command.env("AWS_ACCESS_KEY_ID", "key").env("AWS_SECRET_ACCESS_KEY", "secret");
            command.env("AWS_MAX_ATTEMPTS", "1").args(args).output().expect("aws runs")
        };
        let (expected, output) = (run(&plain), run(&warm));
        assert_eq!(output, expected, "{args:?}");
    }
}
