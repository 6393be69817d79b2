//! Checks the CloudFormation templates with cfn-lint.

use std::path::Path;
use std::process::Command;

#[test]
fn templates_pass_cfn_lint() {
    for name in ["base.yaml", "node-group.yaml"] {
        lint(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/nodes").join(name));
    }
}

#[track_caller]
pub(crate) fn lint(template: &Path) {
    let tools = sandbox::tools::find_or_build().expect("the sandbox's tools are installed");
    let lint = tools.python.parent().expect("python is in a folder").join("cfn-lint");
    let output = Command::new(lint).arg("--").arg(template).output().expect("cfn-lint runs");
    assert!(output.status.success(), "{}:\n{}", template.display(), String::from_utf8_lossy(&output.stdout));
}
