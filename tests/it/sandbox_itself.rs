//! Runs the tests of the sandbox's own parts: the AWS side (Python) and the node agent (Go).

use std::process::Command;

use sandbox::tools;

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
