//! Plans that are shown, saved, exported and carried out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sandbox::{Cni, Crd, OldNodes, Sandbox, Shape};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::cluster::{Watched, refuses, refuses_in, shared, start};
use crate::command::{Outcome, in_sandbox, offline, run, shell};
use crate::schemas::conforms;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path in UTF-8").to_string()
}

/// Saves a plan and returns its path.
fn saved(sandbox: &Sandbox, folder: &tempfile::TempDir, args: &[&str]) -> PathBuf {
    let path = folder.path().join("plan.json");
    run(sandbox, &[&["plan", "--out", &text(&path)], args].concat()).expect(0).says(&["setup --plan"]);
    path
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("the file exists")).expect("the file is JSON")
}

/// Changes the plan's content and adapts its digest.
fn forged(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut plan = read(path);
    change(&mut plan);
    plan["digest"] = json!("");
    let hash = Sha256::digest(plan.to_string());
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    plan["digest"] = json!(format!("sha256:{hex}"));
    fs::write(path, plan.to_string()).expect("the file is written");
}

#[test]
fn a_plan_conforms_to_its_schema() {
    let plan = run(&shared(), &["plan", "--output", "json"]).expect(0).json();
    conforms("plan", &plan);

    let outlook = &plan["outlook"];
    let zones = outlook["zones"].as_array().expect("zones");
    assert_eq!(zones.len(), 2);
    for zone in zones {
        assert_eq!(zone["nodes"]["before"], 1, "{zone}");
        assert!(zone["node_subnet"]["free_after"].as_u64() > zone["node_subnet"]["free_before"].as_u64());
    }
    let instances = &outlook["instances"];
    assert_eq!((&instances["before"], &instances["meanwhile"]), (&json!(2), &json!(4)), "{outlook}");
    assert!(outlook["estimated_seconds"].as_u64() > Some(120));
}

#[test]
fn exit_codes_of_a_plan_distinguish_changes_refusals_and_errors() {
    let sandbox = shared();
    let plan = ["plan", "--detailed-exitcode"];
    run(&sandbox, &plan).expect(2);
    run(&sandbox, &["plan"]).expect(0);
    run(&sandbox, &[&plan[..], &["--cidr", "10.1.0.0/16"]].concat()).expect(3);
    // Exit code 2 means a usage error elsewhere; here it must not look like changes.
    run(&sandbox, &[&plan[..], &["--cidr", "nonsense"]].concat()).expect(1);
    run(&sandbox, &[&plan[..], &["--nodes-per-zone", "3", "--max-nodes-per-zone", "1"]].concat()).expect(1);
    run(&sandbox, &["plan", "--nodes-per-zone", "3", "--max-nodes-per-zone", "1"]).expect(2);
    let mut stranger = in_sandbox(&sandbox, &plan);
    stranger.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE");
    Outcome::of(&mut stranger).expect(1);
}

#[test]
fn only_a_warning_can_be_accepted() {
    let accept =
        |id: &str| Outcome::of(offline().args(["setup", "--cluster", "shop", "--accept", id])).expect(2);
    accept("EC-NET-999").says(&["no issue 'EC-NET-999'", "docs/checks.md"]);
    accept("EC-NET-003").says(&["EC-NET-003", "must be fixed", "--accept EC-NET-003"]);
    accept("EC-NOD-010").says(&["needs no acceptance"]);
}

#[test]
fn a_saved_plan_is_refused_if_it_no_longer_matches() {
    let sandbox = shared();
    let folder = folder();
    let path = saved(&sandbox, &folder, &["--cidr", "100.66.0.0/16", "--env-last"]);
    let file = text(&path);
    let content = fs::read_to_string(&path).expect("the plan exists");
    let setup = |args: &[&'static str]| [&["setup", "--yes", "--plan", &file], args].concat();
    let refused = |args: &[&'static str], code: i32, texts: &[&str]| {
        let args = setup(args);
        refuses(&sandbox, &args.iter().map(|arg| &**arg).collect::<Vec<_>>(), code, texts);
    };

    refused(
        &["--cidr", "100.65.0.0/16"],
        2,
        &["cidr differs from the saved plan", "100.65.0.0/16", "100.66.0.0/16"],
    );
    refused(&["--keep-old-nodes"], 2, &["keep-old-nodes differs from the saved plan"]);
    refused(&["--cluster", "bank"], 2, &["the plan is for cluster sandbox, not bank"]);
    refused(&["--region", "eu-west-1"], 2, &["the plan is for region us-west-2"]);
    let mut command = in_sandbox(&sandbox, &["setup", "--yes", "--plan", &file]);
    command.env("ENI_CUSTOM_INSTANCE_TYPE", "m6i.xlarge");
    refuses_in(
        &sandbox,
        &mut command,
        2,
        &["instance-type differs from the saved plan", "ENI_CUSTOM_INSTANCE_TYPE"],
    );
    refuses(&sandbox, &["setup", "--plan", &file], 3, &["no terminal"]);
    refuses(&sandbox, &["setup", "--yes", "--plan", "/nowhere.json"], 2, &["can't be read", "/nowhere.json"]);

    fs::write(&path, content.replace("100.66.0.0/16", "100.67.0.0/16")).expect("the plan is edited");
    refused(&[], 3, &["edited after it was made", "plan --out"]);
    let with = |change: &dyn Fn(&mut Value)| {
        fs::write(&path, &content).expect("the plan is written");
        forged(&path, change);
    };
    with(&|plan| plan["format_version"] = json!(7));
    refused(&[], 3, &["format version is 7"]);
    with(&|plan| plan["account"] = json!("210987654321"));
    refused(&[], 3, &["account 210987654321", &sandbox.aws.account]);
    with(&|plan| plan["cluster_arn"] = json!("arn:aws:eks:us-west-2:123456789012:cluster/sandbox2"));
    refused(&[], 3, &["cluster/sandbox2", &sandbox.aws.cluster_arn]);
    let json = run(&sandbox, &["plan", "--output", "json"]).expect(0).stdout;
    fs::write(&path, json).expect("the output is written");
    refused(&[], 2, &["not a saved eni-custom plan", "plan --out"]);

    let never = text(&folder.path().join("never.json"));
    run(&sandbox, &["plan", "--cidr", "10.1.0.0/16", "--out", &never]).expect(3).says(&["would refuse"]);
    assert!(!Path::new(&never).exists());
}

#[test]
fn an_exported_plan_consists_of_files_that_their_tools_can_read() {
    let sandbox = shared();
    let folder = folder();
    let there = folder.path().join("review");
    let export = |args: &[&str]| run(&sandbox, &[&["plan", "--export", &text(&there)], args].concat());
    export(&[]).expect(0).says(&["README.md"]);
    export(&[]).expect(2).says(&["not empty", "--force"]);

    let before = contents(&there);
    export(&["--force"]).expect(0);
    assert_eq!(contents(&there), before, "the same plan exports the same files");
    for (path, text) in &before {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => drop(serde_json::from_str::<Value>(text).expect("JSON")),
            Some("yaml") if !path.starts_with("cloudformation") => {
                drop(serde_saphyr::from_str::<Value>(text).expect("YAML"));
            }
            _ => {}
        }
    }
    let templates = folder.path().join("templates");
    fs::create_dir(&templates).expect("a folder");
    for (path, text) in &before {
        if path.starts_with("cloudformation") && path.extension().is_some_and(|extension| extension == "yaml")
        {
            let filled = text.replace("${NODE_SECURITY_GROUP_ID}", "sg-0123456789abcdef0");
            let template = templates.join(path.file_name().expect("a file"));
            fs::write(template, filled).expect("the folder is writable");
        }
    }
    let filled: Vec<PathBuf> =
        fs::read_dir(&templates).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    assert!(filled.len() > 1, "{filled:?}");
    crate::templates::lint(&filled.iter().map(AsRef::as_ref).collect::<Vec<_>>());
    let checked = Command::new("bash").arg("-n").arg(there.join("commands.sh")).output().expect("bash runs");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

/// All files below a folder, sorted.
fn contents(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).expect("the folder exists") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below the folder").to_path_buf();
                found.push((name, fs::read_to_string(&path).expect("a text")));
            }
        }
    }
    found.sort();
    found
}

/// Runs exported commands with the AWS CLI and kubectl as a user would.
#[track_caller]
fn commands(sandbox: &Sandbox, folder: &Path, steps: &[&str]) {
    Outcome::of(shell(sandbox).arg(folder.join("commands.sh")).args(steps)).expect(0);
}

/// The program itself changes nothing: its exported templates, user data and commands do.
#[test]
fn exported_commands_alone_reach_the_end_state() {
    // An add-on update without its role would break the old nodes' network.
    let mut sandbox = start(Shape { azs: 1, old_nodes: OldNodes::Both, irsa: true, ..Shape::default() });
    let folder = folder();
    let there = folder.path().join("review");
    run(&sandbox, &["plan", "--export", &text(&there)]).expect(0);
    let mark = sandbox.mark();
    let watched = Watched::start_for_kubectl(&sandbox);
    commands(&sandbox, &there, &[]);
    watched.assert_end_state(&mut sandbox);
    run(&sandbox, &["verify"]).expect(0);
    assert_eq!(crate::addon::role(&sandbox), sandbox.aws.cni_role_arn);
    let plan = run(&sandbox, &["plan"]).expect(0).stdout;
    assert!(plan.contains("Nothing to do."), "{plan}");
    let log = sandbox.audit_log(mark).expect("the audit log can be read");
    assert!(!log.iter().any(|call| call.by_program() && call.mutating()));
}

/// The exported commands create what `setup` would. Then a saved plan completes the setup, but only if the cluster has
/// not changed since.
#[test]
fn exported_commands_and_a_saved_plan_reach_the_end_state() {
    let mut sandbox = start(Shape {
        azs: 1,
        old_nodes: OldNodes::SelfManaged,
        cni: Cni::Daemonset,
        crd: Crd::Missing,
        ..Shape::default()
    });
    let folder = folder();
    let there = folder.path().join("review");
    run(&sandbox, &["plan", "--export", &text(&there)]).expect(0);
    commands(&sandbox, &there, &["1", "2", "3", "4", "5", "6"]);
    let plan = run(&sandbox, &["plan", "--output", "json"]).expect(0).json();
    for step in &plan["steps"].as_array().expect("steps")[..6] {
        assert_eq!(step["changes"], json!([]), "{step}");
    }

    let path = saved(&sandbox, &folder, &[]);
    let file = text(&path);
    let stray = json!({
        "apiVersion": "crd.k8s.amazonaws.com/v1alpha1", "kind": "ENIConfig",
        "metadata": {"name": "stray"},
        "spec": {"subnet": "subnet-0123456789abcdef0", "securityGroups": []},
    });
    sandbox.kubectl_with(&["apply", "-f", "-"], &stray.to_string()).expect("the ENIConfig is applied");
    let texts = ["EC-PLN-002", "ENIConfig stray", "planned: missing", "subnet-0123456789abcdef0"];
    refuses(&sandbox, &["setup", "--yes", "--plan", &file], 3, &texts);
    sandbox.kubectl(&["delete", "eniconfig", "stray"]).expect("the ENIConfig is deleted");

    let watched = Watched::start(&sandbox);
    run(&sandbox, &["setup", "--yes", "--plan", &file]).expect(0);
    watched.assert_end_state(&mut sandbox);
    let texts = ["EC-PLN-001", "is no longer needed"];
    refuses(&sandbox, &["setup", "--yes", "--plan", &file], 3, &texts);
}

/// EKS publishes an image with NVIDIA's drivers. With the standard image new nodes would offer no GPU.
#[test]
fn nodes_with_gpus_get_an_image_with_drivers() {
    let sandbox = start(Shape {
        azs: 1,
        instance_type: "g4dn.xlarge".into(),
        old_nodes: OldNodes::SelfManaged,
        workloads: false,
        ..Shape::default()
    });
    let gpus = "jsonpath={.items[*].status.allocatable.nvidia\\.com/gpu}";
    assert_eq!(sandbox.kubectl(&["get", "nodes", "-o", gpus]).expect("kubectl answers").trim(), "1");
    let planned = run(&sandbox, &["plan"]);
    assert!(planned.stdout.contains("amazon-eks-node-al2023-x86_64-nvidia-1.34"), "{}", planned.stdout);
}
