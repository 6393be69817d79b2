//! Commands that need no network.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::command::{Outcome, offline};

#[test]
fn max_pods_matches_the_table_of_the_vpc_cni_project() {
    let all = Outcome::of(offline().args(["max-pods", "--all", "--output", "json"])).expect(0).json();
    let rows = all["instance_types"].as_array().expect("a list of types");
    let standard: BTreeMap<&str, u64> = rows
        .iter()
        .map(|row| {
            (row["instance_type"].as_str().expect("a name"), row["standard"].as_u64().expect("a figure"))
        })
        .collect();
    // The sandbox is built from that module, so the module is on this machine.
    let controlplane = sandbox::tools::sources().join("controlplane");
    let listed = Command::new("go")
        .args(["list", "-mod=mod", "-m", "-f", "{{.Dir}}", "github.com/aws/amazon-vpc-cni-k8s"])
        .current_dir(controlplane)
        .output()
        .expect("go runs");
    let module = String::from_utf8_lossy(&listed.stdout).trim().to_string();
    let table = fs::read_to_string(Path::new(&module).join("misc/eni-max-pods.txt"))
        .expect("the module has the table");
    let figures: Vec<(&str, u64)> = table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(' '))
        .map(|(name, figure)| (name, figure.trim().parse().expect("a figure")))
        .collect();
    assert!(figures.len() > 900, "the table has {} lines", figures.len());
    let differing: Vec<_> =
        figures.iter().filter(|(name, figure)| standard.get(name) != Some(figure)).collect();
    assert!(differing.is_empty(), "{differing:?}");
}

#[test]
fn max_pods_lists_every_figure_of_a_type() {
    let one = Outcome::of(offline().args(["max-pods", "m5.large", "hpc6id.32xlarge", "--output", "json"]))
        .expect(0)
        .json();
    let row = &one["instance_types"][0];
    let figures =
        ["standard", "custom", "custom_capped", "prefix", "prefix_capped"].map(|name| row[name].as_u64());
    assert_eq!(figures, [Some(29), Some(20), Some(20), Some(290), Some(110)]);
    // One interface leaves none for pods.
    assert!(one["instance_types"][1]["custom"].is_null());
}

#[test]
fn max_pods_of_an_unknown_type_suggests_similar_types() {
    Outcome::of(offline().args(["max-pods", "m5.lrge"])).expect(2).says(&[
        "m5.lrge",
        "did you mean",
        "m5.large",
    ]);
}

#[test]
fn checked_in_completions_are_current() {
    for (shell, file) in [
        ("bash", "eni-custom.bash"),
        ("zsh", "_eni-custom"),
        ("fish", "eni-custom.fish"),
        ("elvish", "eni-custom.elv"),
        ("powershell", "_eni-custom.ps1"),
    ] {
        let printed = Outcome::of(offline().args(["completions", shell])).expect(0).stdout;
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions").join(file);
        let kept = fs::read_to_string(&path).expect("the completion is checked in");
        assert!(printed == kept, "{file} is stale: eni-custom completions {shell} > completions/{file}");
    }
}

#[test]
fn a_settings_file_sets_defaults_and_its_errors_say_where() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = dir.path().join("eni-custom.toml");
    let plan = |text: &str| {
        fs::write(&file, text).expect("the file is written");
        Outcome::of(offline().current_dir(dir.path()).args(["setup"]))
    };
    plan("cluster = \"shop\"\ncidr = [\"100.64.0.0/16\"]\n[subnet]\nus-west-2a = \"subnet-0a\"\n")
        .expect(3)
        .says(&["--cluster shop", "--cidr 100.64.0.0/16", "--subnet us-west-2a=subnet-0a"]);
    plan("clutser = \"shop\"\n").expect(2).says(&["clutser", "eni-custom.toml", "did you mean cluster?"]);
    plan("cidr = \"100.64.0.1/16\"\n").expect(2).says(&["eni-custom.toml", "100.64.0.0/16"]);
    plan("cidr = \n").expect(2).says(&["eni-custom.toml", "not valid TOML"]);
    // With --detailed-exitcode, exit code 2 means that there are changes.
    let detailed = |config: &Path| {
        Outcome::of(offline().args(["plan", "--detailed-exitcode", "--config"]).arg(config)).expect(1)
    };
    detailed(&file).says(&["not valid TOML"]);
    detailed(&dir.path().join("missing.toml")).says(&["can't be read"]);
}

#[test]
fn flags_override_the_environment_which_overrides_the_file() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    fs::write(dir.path().join("eni-custom.toml"), "cluster = \"from-file\"\n").expect("the file is written");
    let setup = || {
        let mut command = offline();
        command.current_dir(dir.path()).arg("setup");
        command
    };
    Outcome::of(&mut setup()).expect(3).says(&["--cluster from-file"]);
    Outcome::of(setup().env("ENI_CUSTOM_CLUSTER", "from-env")).expect(3).says(&["--cluster from-env"]);
    let mut flag = setup();
    Outcome::of(flag.env("ENI_CUSTOM_CLUSTER", "from-env").args(["--cluster", "from-flag"]))
        .expect(3)
        .says(&["--cluster from-flag"]);
}
