//! The files in examples/ci: what a service does with them, done here.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::Parser;
use eni_custom::cli::Cli;
use sandbox::{OldNodes, Sandbox, Shape};
use serde_json::{Value, json};

use super::{events, groups};
use crate::cluster::start;
use crate::command::{Outcome, in_sandbox, offline, shell};

fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/ci").join(name);
    fs::read_to_string(path).expect("the example exists")
}

/// The documents of a YAML file.
fn documents(text: &str) -> Vec<Value> {
    text.split("\n---\n").map(|one| serde_saphyr::from_str(one).expect("the example is YAML")).collect()
}

/// All texts of a value that a shell runs.
fn scripts(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            let of_field = |(key, value): (&String, &Value)| match (key.as_str(), value) {
                ("run", Value::String(script)) => vec![script.clone()],
                ("script" | "before_script", Value::Array(lines)) => {
                    lines.iter().map(|line| line.as_str().expect("a line").to_string()).collect()
                }
                _ => scripts(value),
            };
            fields.iter().flat_map(of_field).collect()
        }
        Value::Array(values) => values.iter().flat_map(scripts).collect(),
        _ => Vec::new(),
    }
}

/// The commands of a script that run eni-custom, as words.
fn commands(script: &str) -> Vec<Vec<String>> {
    const OPERATORS: [&str; 8] = ["|", "||", "&&", ";", ">", ">>", "2>", "<"];
    let mut found = Vec::new();
    for line in script.replace("\\\n", " ").lines() {
        let Ok(words) = shell_words::split(line) else { continue };
        let is_operator = |word: &String| OPERATORS.contains(&word.as_str());
        for (at, word) in words.iter().enumerate() {
            if word == "eni-custom" && (at == 0 || is_operator(&words[at - 1])) {
                found.push(words[at..].iter().take_while(|word| !is_operator(word)).cloned().collect());
            }
        }
    }
    found
}

#[test]
fn every_command_in_the_examples_is_one_that_the_program_has() {
    let mut container = documents(&example("cronjob.yaml"))
        .into_iter()
        .filter(|one| one["kind"] == "CronJob")
        .map(|mut job| job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0].take());
    let container = container.next().expect("a CronJob");
    let words = |key: &str| container[key].as_array().expect("words").clone();
    let words = [words("command"), words("args")].concat();
    let cron: Vec<String> = words.iter().map(|word| word.as_str().expect("a word").to_string()).collect();

    let in_scripts = ["github-actions.yml", "gitlab-ci.yml"].map(|name| {
        scripts(&documents(&example(name))[0]).iter().flat_map(|one| commands(one)).collect::<Vec<_>>()
    });
    for found in &in_scripts {
        let verbs: Vec<&str> = found.iter().map(|words| words[1].as_str()).collect();
        assert_eq!(verbs, ["plan", "setup", "verify"]);
    }
    for words in in_scripts.into_iter().flatten().chain([cron]) {
        let words: Vec<String> = words.iter().map(|word| word.replace("$CLUSTER", "shop")).collect();
        if let Err(error) = Cli::try_parse_from(&words) {
            panic!("{}: {error}", words.join(" "));
        }
    }
}

#[test]
fn every_action_is_pinned_to_a_commit_and_no_job_has_all_permissions() {
    let text = example("github-actions.yml");
    let uses: Vec<&str> =
        text.lines().filter_map(|line| line.split_once("uses: ").map(|(_, name)| name)).collect();
    assert!(uses.len() >= 4, "{uses:?}");
    for name in uses {
        let (_, pin) = name.split_once('@').expect("a version");
        let (commit, version) = pin.split_once(" # v").expect("the version as a comment");
        assert!(commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit()), "{name}");
        assert!(version.starts_with(|c: char| c.is_ascii_digit()), "{name}");
    }
    let workflow = &documents(&text)[0];
    assert_eq!(workflow["permissions"], json!({}));
    for (name, job) in workflow["jobs"].as_object().expect("jobs") {
        assert!(job["permissions"].is_object(), "{name}");
    }
}

/// A folder in which the steps of a job run, with the files that GitHub hands to them.
struct Job<'a> {
    sandbox: &'a Sandbox,
    workflow: Value,
    folder: tempfile::TempDir,
}

impl<'a> Job<'a> {
    fn new(sandbox: &'a Sandbox) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // In place of GitHub's: it writes down what it is called with.
        let gh = folder.path().join("gh");
        fs::write(&gh, "#!/bin/sh\necho \"$@\" >> gh.log\n").expect("gh is written");
        fs::set_permissions(&gh, fs::Permissions::from_mode(0o755)).expect("gh is a program");
        let workflow = documents(&example("github-actions.yml")).remove(0);
        Job { sandbox, workflow, folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    /// Runs a step as GitHub does.
    fn step(&self, job: &str, name: &str) -> Outcome {
        let steps = self.workflow["jobs"][job]["steps"].as_array().expect("steps");
        let step = steps.iter().find(|step| step["name"] == name).expect("the step exists");
        let mut bash = shell(self.sandbox);
        let path = bash
            .get_envs()
            .find(|(name, _)| *name == "PATH")
            .and_then(|(_, path)| path)
            .map(ToOwned::to_owned);
        let path = format!("{}:{}", self.folder.path().display(), path.expect("a PATH").to_string_lossy());
        bash.args(["-e", "-c", step["run"].as_str().expect("a script")])
            .current_dir(self.folder.path())
            .env_remove("KUBECONFIG")
            .env("PATH", path)
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_OUTPUT", self.file("output"))
            .env("GITHUB_STEP_SUMMARY", self.file("summary.md"))
            .env("GITHUB_REPOSITORY", "team/clusters")
            .env("PULL_REQUEST", "7")
            .env("CLUSTER", &self.sandbox.shape.cluster);
        Outcome::of(&mut bash)
    }
}

#[test]
fn the_jobs_of_the_workflow_set_a_cluster_up() {
    let sandbox = start(Shape { azs: 1, old_nodes: OldNodes::SelfManaged, ..Shape::default() });
    let job = Job::new(&sandbox);
    job.step("plan", "Plan").expect(0);
    assert_eq!(job.read("output"), "changes=true\n");
    let comment = job.read("plan.md");
    assert!(comment.starts_with("### Plan for EKS cluster: `sandbox`\n"), "{comment}");
    assert!(comment.contains("eni-custom setup --plan plan.json --yes"), "{comment}");
    assert_eq!(job.read("summary.md"), comment);
    job.step("plan", "Comment the plan").expect(0);
    let gh = job.read("gh.log");
    assert!(gh.contains("--method POST repos/team/clusters/issues/7/comments --field body=@plan.md"), "{gh}");

    let applied = job.step("apply", "Apply").expect(0);
    let titles = groups(&applied.stderr);
    assert_eq!(titles.len(), 9, "{titles:?}");
    assert!(titles[0] == "[1/9] associate-cidr" && titles[8] == "[9/9] drain-nodes", "{titles:?}");
    job.step("apply", "Verify").expect(0);
    let summary = job.read("summary.md");
    assert!(summary.contains("| 9 drain-nodes | 1 |") && summary.contains("**Verified: "), "{summary}");

    // With nothing left to do there is nothing to approve.
    fs::remove_file(job.file("output")).expect("the outputs are there");
    job.step("plan", "Plan").expect(0);
    assert_eq!(job.read("output"), "");

    let undo = ["undo", "--yes", "--confirm-cluster", "sandbox", "--events", "json"];
    let ran = Outcome::of(&mut in_sandbox(&sandbox, &undo)).expect(0);
    let kinds: Vec<Value> = events(&ran.stderr).into_iter().map(|event| event["event"].clone()).collect();
    for kind in ["target", "run-started", "step-started", "change", "waiting", "step-done"] {
        assert!(kinds.contains(&kind.into()), "{kind} is not in {kinds:?}");
    }
    the_cron_job_is_accepted(&sandbox);
}

/// The API server accepts the manifest, and the pod at the level `restricted`.
#[track_caller]
fn the_cron_job_is_accepted(sandbox: &Sandbox) {
    let documents = documents(&example("cronjob.yaml"));
    let of_kind = |kind: &str| documents.iter().find(|one| one["kind"] == kind).expect("it is there");
    let apply = |object: &Value, more: &[&str]| {
        sandbox.kubectl_with(&[&["apply", "-f", "-"], more].concat(), &object.to_string())
    };
    let level = &of_kind("Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"];
    assert_eq!(level, "restricted");
    for kind in ["Namespace", "ServiceAccount"] {
        apply(of_kind(kind), &[]).expect("it is created");
    }
    for document in &documents {
        apply(document, &["--dry-run=server"]).expect("the API server accepts it");
    }
    let template = &of_kind("CronJob")["spec"]["jobTemplate"]["spec"]["template"];
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "verify", "namespace": "eni-custom", "labels": template["metadata"]["labels"]},
        "spec": template["spec"],
    });
    apply(&pod, &["--dry-run=server"]).expect("the pod is restricted");
    pod["spec"]["containers"][0]["securityContext"] = json!({});
    let refused = apply(&pod, &["--dry-run=server"]).expect_err("Pod Security is enforced");
    assert!(format!("{refused:#}").contains("restricted"), "{refused:#}");
}

#[test]
fn the_roles_of_the_cron_job_are_the_printed_ones() {
    let args = ["iam-policy", "--read-only", "--kubernetes", "--group", "eni-custom-verify"];
    let text = example("cronjob.yaml");
    assert!(text.contains(&format!("# What follows is printed by: eni-custom {}\n", args.join(" "))));
    let printed = documents(&Outcome::of(offline().args(args)).expect(0).stdout);
    assert_eq!(printed.len(), 4);
    let is_rbac = |one: &Value| one["apiVersion"] == "rbac.authorization.k8s.io/v1";
    let given: Vec<Value> = documents(&text).into_iter().filter(is_rbac).collect();
    assert_eq!(given, printed, "replace them by the output of the command");
}
