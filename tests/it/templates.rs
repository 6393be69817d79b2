//! Checks the CloudFormation templates with cfn-lint: the fixed one, and rendered ones of all forms.

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn templates_pass_cfn_lint() {
    let nodes = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/nodes");
    let rendered = fs::read_dir(nodes.join("golden/templates")).expect("a folder");
    let mut paths: Vec<_> = rendered.map(|entry| entry.expect("an entry").path()).collect();
    assert!(paths.len() >= 7, "{paths:?}");
    paths.push(nodes.join("base.yaml"));
    let paths: Vec<&Path> = paths.iter().map(AsRef::as_ref).collect();
    lint(&paths);
}

#[track_caller]
pub(crate) fn lint(templates: &[&Path]) {
    let tools = sandbox::tools::find_or_build().expect("the sandbox's tools are installed");
    let lint = tools.python.parent().expect("python is in a folder").join("cfn-lint");
    let output = Command::new(lint).arg("--").args(templates).output().expect("cfn-lint runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
