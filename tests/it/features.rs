//! What Cargo compiles the dependencies for: the same with the tests and without them, so that each dependency, above
//! all the SDKs, is compiled once in a profile.

use std::collections::BTreeSet;
use std::process::Command;

use sandbox::tools;

const PROGRAM: [&str; 2] = ["--package", "eni-custom"];
const ALL: [&str; 1] = ["--workspace"];

/// Each crate with its version and the features that Cargo compiles it with: once for programs and once more for build
/// scripts and macros, where these differ. `--frozen` needs no network.
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
fn the_tests_turn_on_no_feature_that_the_program_lacks() {
    let (alone, with_tests) = (crates(&PROGRAM, "normal,build"), crates(&ALL, "normal,build,dev"));
    let names: BTreeSet<&String> = alone.iter().map(|(name, _)| name).collect();
    let differing: Vec<_> = with_tests
        .symmetric_difference(&alone)
        .filter(|(name, _)| names.contains(name))
        .map(|one| format!("{} {one:?}", if alone.contains(one) { "without tests" } else { "with tests" }))
        .collect();
    assert!(
        differing.is_empty(),
        "in [dependencies], turn on what the tests turn on (`cargo tree --edges features --invert CRATE`):\n{}",
        differing.join("\n")
    );
}

/// In a debug build Cargo compiles a crate for both with the debug information of programs, and one that only build
/// scripts and macros use with none.
#[test]
fn no_crate_of_build_scripts_and_macros_is_one_of_programs_in_tests_alone() {
    let alone = crates(&PROGRAM, "normal,no-proc-macro");
    let with_tests = crates(&ALL, "normal,dev,no-proc-macro");
    let only_with_tests: BTreeSet<_> = with_tests.difference(&alone).cloned().collect();
    let used_alone = crates(&PROGRAM, "normal,build");
    let both: Vec<_> = only_with_tests.intersection(&used_alone).collect();
    assert!(both.is_empty(), "in [dependencies], name these too: {both:?}");
}
