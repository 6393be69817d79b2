//! The sandbox's own tests: what plays AWS and the nodes is judged too.

use std::process::Command;

use sandbox::tools;

#[test]
fn the_aws_side_keeps_to_the_documentation() {
    let python = tools::find_or_build().expect("the sandbox's tools are there").python;
    let output = Command::new(python)
        .args(["-m", "unittest", "discover", "--start-directory", "tests", "--top-level-directory", "."])
        .current_dir(tools::sources().join("aws"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("python runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !told.contains("Ran 0 tests"), "{told}");
}

#[test]
fn the_node_agent_reads_what_nodes_read() {
    let output = Command::new("go")
        .args(["test", "./internal/..."])
        .current_dir(tools::sources().join("controlplane"))
        .output()
        .expect("go runs");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.contains("ok"),
        "{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
