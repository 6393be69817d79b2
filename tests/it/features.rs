//! Cargo compiles each dependency with the same features with and without the tests, so that each (the AWS SDKs above
//! all) is compiled once per profile.

use std::collections::BTreeSet;
use std::process::Command;

use sandbox::tools;

const PROGRAM: [&str; 2] = ["--package", "eni-custom"];
const ALL: [&str; 1] = ["--workspace"];

/// Each crate with its version and features: once for programs, and once more for build scripts and macros if the
/// features differ. `--frozen` needs no network.
fn crates(packages: &[&str], edges: &str) -> BTreeSet<(String, String)> {
    let output = Command::new(env!("CARGO"))
        .current_dir(tools::repository())
        .args([
            "tree",
            "--frozen",
            "--no-dedupe",
            "--prefix",
            "none",
            "--format",
            "{p}|{f}",
            "--edges",
            edges,
        ])
        .args(packages)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let crates = text.lines().filter_map(|line| line.split_once('|'));
    let crates: BTreeSet<_> =
        crates.map(|(name, features)| (name.to_string(), features.replace(" (*)", ""))).collect();
    assert!(crates.len() > 100, "cargo tree lists {} crates", crates.len());
    crates
}

#[test]
fn tests_enable_no_crate_feature_that_the_program_lacks() {
    let (alone, with_tests) = (crates(&PROGRAM, "normal,build"), crates(&ALL, "normal,build,dev"));
    let names: BTreeSet<&String> = alone.iter().map(|(name, _)| name).collect();
    let differing: Vec<_> = with_tests
        .symmetric_difference(&alone)
        .filter(|(name, _)| names.contains(name))
        .map(|one| format!("{} {one:?}", if alone.contains(one) { "without tests" } else { "with tests" }))
        .collect();
    assert!(
        differing.is_empty(),
        "enable these features in [dependencies], as the tests do (`cargo tree --edges features --invert CRATE`):\n{}",
        differing.join("\n")
    );
}

/// In a debug build, Cargo compiles a crate with debug information if programs use it, and without if only build
/// scripts and macros do.
#[test]
fn no_crate_of_build_scripts_and_macros_is_linked_only_by_tests() {
    let alone = crates(&PROGRAM, "normal,no-proc-macro");
    let with_tests = crates(&ALL, "normal,dev,no-proc-macro");
    let only_with_tests: BTreeSet<_> = with_tests.difference(&alone).cloned().collect();
    let used_alone = crates(&PROGRAM, "normal,build");
    let both: Vec<_> = only_with_tests.intersection(&used_alone).collect();
    assert!(both.is_empty(), "add these to [dependencies] too: {both:?}");
}
