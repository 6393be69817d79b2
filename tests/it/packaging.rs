//! What comes with the program: man pages, completion of values, and kubectl's plugin.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use sandbox::{OldNodes, Shape, tools};

use crate::cluster::start;
use crate::command::{Outcome, in_sandbox, offline, program};

/// The files of a folder with their texts.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    entries.map(|path| (name(&path), fs::read_to_string(&path).expect("a text"))).collect()
}

#[test]
fn checked_in_man_pages_are_current() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    Outcome::of(offline().arg("man").arg(folder.path())).expect(0);
    let (written, kept) = (files(folder.path()), files(&tools::repository().join("man")));
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&written), names(&kept));
    let stale: Vec<_> = written.iter().filter(|(name, text)| kept.get(*name) != Some(text)).collect();
    assert!(stale.is_empty(), "run tests/generate/checked-in: {:?}", stale.iter().map(|(name, _)| name));
}

#[test]
fn kubectl_runs_the_program_as_its_plugin() {
    let kubectl = tools::find_or_build().expect("the sandbox's programs").kubectl;
    let folder = tempfile::tempdir().expect("a temporary folder");
    symlink(program(), folder.path().join("kubectl-eni_custom")).expect("a link");
    let plugin = |args: &[&str]| {
        let mut command = Command::new(&kubectl);
        Outcome::of(command.env("PATH", folder.path()).env("COLUMNS", "80").arg("eni-custom").args(args))
    };
    let help = plugin(&["plan", "--help"]).expect(0).stdout;
    assert!(help.contains("\nUsage: kubectl eni-custom plan [OPTIONS]\n"), "{help}");
    assert!(help.contains("\n  kubectl eni-custom plan --cluster shop\n"), "{help}");
    plugin(&["plan", "--cird", "100.64.0.0/16"]).expect(2).says(&["Usage: kubectl eni-custom plan"]);
    let pods = plugin(&["max-pods", "m5.large"]).expect(0).stdout;
    assert!(pods.contains("m5.large"), "{pods}");
}

/// What Tab offers for the last of these words.
fn offered(command: &mut Command, words: &[&str]) -> Vec<String> {
    let words = [&["eni-custom"], words].concat();
    let last = (words.len() - 1).to_string();
    command.env("COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", last).env("_CLAP_IFS", "\n");
    let ran = Outcome::of(command.arg("--").args(words)).expect(0);
    assert_eq!(ran.stderr, "", "a completion prints nothing else");
    ran.stdout.lines().map(Into::into).collect()
}

#[test]
fn tab_completes_values_that_need_no_network() {
    let types = offered(&mut offline(), &["setup", "--instance-type", "gpu=g6.x"]);
    assert_eq!(types, ["gpu=g6.xlarge"]);
    assert_eq!(offered(&mut offline(), &["max-pods", "m5.metal"]), ["m5.metal"]);
    let regions = offered(&mut offline(), &["plan", "--region", "eu-west-"]);
    assert_eq!(regions, ["eu-west-1", "eu-west-2", "eu-west-3"]);
    let ids = offered(&mut offline(), &["setup", "--accept", "EC-NET-009"]);
    assert_eq!(ids, ["EC-NET-009"]);
}

#[test]
fn tab_offers_nothing_where_the_account_can_not_be_read() {
    let mut no_credentials = offline();
    no_credentials.env("AWS_EC2_METADATA_DISABLED", "true").env("HOME", "/nonexistent");
    let words = ["plan", "--region", "us-west-2", "--cluster", ""];
    assert_eq!(offered(&mut no_credentials, &words), [""; 0]);

    // A program that gets credentials may ask for a password, so it is not started.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (config, started) = (folder.path().join("config"), folder.path().join("started"));
    fs::write(&config, format!("[profile vault]\ncredential_process = touch {}\n", started.display()))
        .expect("the file is written");
    let mut vault = offline();
    vault.env("AWS_CONFIG_FILE", &config).env("AWS_EC2_METADATA_DISABLED", "true");
    assert_eq!(
        offered(&mut vault, &["plan", "--profile", "vault", "--region", "us-west-2", "--cluster", ""]),
        [""; 0]
    );
    assert!(!started.exists(), "Tab started the profile's credential_process");
    let mut profiles = offline();
    assert_eq!(offered(profiles.env("AWS_CONFIG_FILE", &config), &["plan", "--profile", "v"]), ["vault"]);
}

#[test]
fn tab_completes_names_from_the_account() {
    let sandbox = start(Shape { azs: 2, old_nodes: OldNodes::Both, workloads: false, ..Shape::default() });
    let name = &sandbox.shape.cluster;
    let tab = |words: &[&str]| offered(&mut in_sandbox(&sandbox, &[]), words);
    assert_eq!(tab(&["plan", "--cluster", ""]), [name.as_str()]);
    assert_eq!(tab(&["plan", "--cluster", name, "--subnet", "us-"]), ["us-west-2a=", "us-west-2b="]);
    let pools = tab(&["plan", "--cluster", name, "--pool", ""]);
    assert!(pools.len() >= 3 && pools.contains(&"nodes".to_string()), "{pools:?}");
}

#[test]
fn a_certificate_file_that_can_not_be_read_is_a_usage_error() {
    let mut plan = offline();
    // Their certificates would do.
    plan.env_remove("SSL_CERT_DIR").env_remove("REQUESTS_CA_BUNDLE");
    plan.env("SSL_CERT_FILE", "/nonexistent/roots.pem").args([
        "plan",
        "--cluster",
        "shop",
        "--region",
        "us-west-2",
    ]);
    Outcome::of(&mut plan).expect(2).says(&["SSL_CERT_FILE can't be used", "/nonexistent/roots.pem"]);
}

/// `cargo deny` checks advisories besides; it needs their database from the network.
#[test]
fn each_crate_has_a_license_that_deny_toml_allows() {
    let deny =
        fs::read_to_string(tools::repository().join("packaging/deny.toml")).expect("the file is there");
    let deny: toml::Table = deny.parse().expect("TOML");
    let allowed: Vec<&str> = deny["licenses"]["allow"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(toml::Value::as_str)
        .collect();
    let metadata = Command::new(env!("CARGO"))
        .current_dir(tools::repository())
        .args(["metadata", "--frozen", "--format-version", "1"])
        .output()
        .expect("cargo runs");
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("a list");
    assert!(packages.len() > 100, "{} packages", packages.len());
    let mut refused = Vec::new();
    for package in packages {
        let license = package["license"].as_str().unwrap_or("none");
        let is_allowed = spdx::Expression::parse_mode(license, spdx::ParseMode::LAX)
            .is_ok_and(|license| license.evaluate(|one| allowed.contains(&one.to_string().as_str())));
        if !is_allowed {
            refused.push(format!("{} {license}", package["name"]));
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
}
