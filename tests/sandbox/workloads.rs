//! The workloads of the cluster: the components that EKS installs, and a shop.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::shape::{AuthenticationMode, Cni, Crd, Karpenter, Pools, Shape};
use super::{AwsSide, api, tools};

#[derive(Clone, Debug)]
pub struct Kubectl {
    pub(crate) path: PathBuf,
    pub(crate) dir: PathBuf,
}

impl Kubectl {
    pub fn run(&self, args: &[&str]) -> Result<String> {
        self.run_with(args, "")
    }

    pub fn run_with(&self, args: &[&str], stdin: &str) -> Result<String> {
        let what = || format!("kubectl {}", args.join(" "));
        let mut child = Command::new(&self.path)
            .arg("--kubeconfig")
            .arg(self.dir.join("kubeconfig-admin"))
            .arg("--cache-dir")
            .arg(self.dir.join("kubectl-cache"))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(what)?;
        // The input fits into the pipe's buffer, or kubectl reads it before it writes.
        child.stdin.take().context("stdin is a pipe")?.write_all(stdin.as_bytes())?;
        let output = child.wait_with_output().with_context(what)?;
        if !output.status.success() {
            bail!("{}: {}", what(), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// Creates what needs no node. The AWS side installs a managed add-on, as EKS does.
pub(crate) fn create_system(kubectl: &Kubectl, shape: &Shape) -> Result<()> {
    let mut files = vec!["kube-proxy.yaml"];
    // The CRD is part of the add-on too.
    if shape.cni == Cni::Daemonset || shape.auto_mode {
        match shape.crd {
            Crd::Typed => files.push("eniconfig-crd-typed.yaml"),
            Crd::Untyped => files.push("eniconfig-crd-untyped.yaml"),
            Crd::Missing => {}
        }
    }
    if shape.cni == Cni::Daemonset && !shape.auto_mode {
        files.push("aws-node.yaml");
    }
    apply(kubectl, shape, &files)
}

/// Creates what is spread over the nodes, so the nodes must exist.
pub(crate) fn create_workloads(kubectl: &Kubectl, shape: &Shape) -> Result<()> {
    let mut files = vec!["coredns.yaml"];
    if shape.workloads {
        files.push("shop.yaml");
        if shape.karpenter.is_some() {
            files.push("karpenter-zones.yaml");
        }
        if shape.karpenter == Some(Karpenter::Beside) {
            files.push("karpenter-pods.yaml");
        }
        match shape.pools {
            Pools::Plain => {}
            Pools::Mixed => files.push("pools-mixed.yaml"),
            Pools::Managed => files.push("pools-managed.yaml"),
            Pools::Teams => teams(kubectl, shape)?,
        }
    }
    apply(kubectl, shape, &files)
}

fn teams(kubectl: &Kubectl, shape: &Shape) -> Result<()> {
    let each = manifest(shape, "pools-teams.yaml")?;
    let documents = (1..=shape.teams).map(|number| each.replace("${TEAM}", &format!("team-{number}")));
    create(kubectl, &documents.collect::<Vec<_>>())
}

fn apply(kubectl: &Kubectl, shape: &Shape, files: &[&str]) -> Result<()> {
    let documents: Result<Vec<String>> = files.iter().map(|file| manifest(shape, file)).collect();
    create(kubectl, &documents?)
}

fn create(kubectl: &Kubectl, documents: &[String]) -> Result<()> {
    kubectl.run_with(&["apply", "--validate=ignore", "-f", "-"], &documents.join("\n---\n")).map(drop)
}

fn manifest(shape: &Shape, file: &str) -> Result<String> {
    let path = tools::sources().join("manifests").join(file);
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let nodes = u32::from(shape.azs) * shape.nodes_per_az;
    let text = text
        .replace("${CNI_VERSION}", &shape.cni_version)
        .replace("${AZS}", &shape.azs.to_string())
        .replace("${NODES}", &nodes.to_string());
    Ok(if file == "aws-node.yaml" { with_env(&text, &shape.cni_env) } else { text })
}

/// The manifest of aws-node with these variables (`NAME=VALUE`) in its container's environment.
fn with_env(manifest: &str, variables: &[String]) -> String {
    let mut lines: Vec<String> = manifest.lines().map(ToString::to_string).collect();
    for (name, value) in variables.iter().filter_map(|variable| variable.split_once('=')) {
        let row = format!("            - {{ name: {name}, value: \"{value}\" }}");
        let there = format!("- {{ name: {name}, value:");
        match lines.iter().rposition(|line| line.trim_start().starts_with(&there)) {
            Some(at) => lines[at] = row,
            None => {
                let first = lines.iter().position(|line| line.contains("name: ADDITIONAL_ENI_TAGS"));
                lines.insert(first.expect("the manifest has the variable"), row);
            }
        }
    }
    lines.join("\n")
}

/// Creates aws-auth, with comments and an odd layout as after manual edits. The program must preserve them.
pub(crate) fn create_aws_auth(kubectl: &Kubectl, shape: &Shape, aws: &AwsSide) -> Result<()> {
    if shape.authentication_mode == AuthenticationMode::Api {
        return Ok(());
    }
    let account = &aws.account;
    let nodes: String = aws
        .old_node_roles
        .iter()
        .map(|role| {
            format!(
                "    - rolearn: {role}
      username: system:node:{{{{EC2PrivateDNSName}}}}
      groups:
      - system:bootstrappers
      - system:nodes
"
            )
        })
        .collect();
    let config_map = format!(
        "apiVersion: v1
kind: ConfigMap
metadata:
  name: aws-auth
  namespace: kube-system
data:
  mapRoles: |
{nodes}    # on call: ask before you take this away
    - groups: [ \"system:masters\" ]
      rolearn: arn:aws:iam::{account}:role/platform-engineers
      username: 'engineer:{{{{SessionName}}}}'   # who it was is in the audit log
  mapUsers: |
    - userarn: arn:aws:iam::{account}:user/auditor
      username: auditor
      groups:
        - auditors
"
    );
    kubectl.run_with(&["create", "--validate=ignore", "-f", "-"], &config_map).map(drop)
}

/// Whether all nodes are Ready. `Err` says how many are.
pub(crate) fn nodes_are_ready(dir: &Path, shape: &Shape) -> Result<Option<()>, String> {
    let wanted = shape.old_node_count();
    let nodes = api::objects(dir, &[("Node", "/api/v1/nodes")]).map_err(|error| format!("{error:#}"))?;
    let on_fargate =
        |node: &&Value| node["metadata"]["labels"]["eks.amazonaws.com/compute-type"] == "fargate";
    let ready = nodes.iter().filter(|node| node_is_ready(node) && !on_fargate(node)).count();
    if ready == wanted { Ok(Some(())) } else { Err(format!("{ready} of {wanted} nodes are Ready")) }
}

/// Whether the cluster is in use. `Err` says what is missing.
pub(crate) fn settled(dir: &Path, shape: &Shape) -> Result<Option<()>, String> {
    let kinds = [
        ("DaemonSet", "/apis/apps/v1/daemonsets"),
        ("Deployment", "/apis/apps/v1/deployments"),
        ("StatefulSet", "/apis/apps/v1/statefulsets"),
        ("Job", "/apis/batch/v1/jobs"),
        ("PodDisruptionBudget", "/apis/policy/v1/poddisruptionbudgets"),
    ];
    let objects = api::objects(dir, &kinds).map_err(|error| format!("{error:#}"))?;
    if !shape.auto_mode && !objects.iter().any(|object| name(object) == "kube-system/aws-node") {
        return Err("DaemonSet aws-node does not exist".to_string());
    }
    // Karpenter decides how many nodes there are.
    let nodes = if shape.karpenter.is_some() { None } else { Some(shape.old_node_count()) };
    match objects.iter().find(|object| !is_settled(object, nodes)) {
        Some(object) => {
            Err(format!("{} {} is not ready: {}", object["kind"], name(object), object["status"]))
        }
        None => Ok(Some(())),
    }
}

pub(crate) fn name(object: &Value) -> String {
    let part = |name: &str| object["metadata"][name].as_str().unwrap_or_default();
    format!("{}/{}", part("namespace"), part("name"))
}

fn node_is_ready(node: &Value) -> bool {
    let conditions = node["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// `nodes` is their number, if it is known.
fn is_settled(object: &Value, nodes: Option<usize>) -> bool {
    let status = &object["status"];
    let number = |field: &str| status[field].as_u64().unwrap_or(0);
    // Without nodes no pod can run.
    if nodes == Some(0) {
        return true;
    }
    let observed = status["observedGeneration"] == object["metadata"]["generation"];
    match object["kind"].as_str() {
        Some("DaemonSet") => {
            let ready = number("numberReady");
            observed
                && nodes.is_none_or(|nodes| ready == nodes as u64)
                && ready == number("desiredNumberScheduled")
                && ready == number("updatedNumberScheduled")
        }
        Some("Deployment" | "StatefulSet") => {
            observed && number("readyReplicas") == object["spec"]["replicas"].as_u64().unwrap_or(1)
        }
        Some("Job") => number("succeeded") > 0,
        Some("PodDisruptionBudget") => observed && number("disruptionsAllowed") > 0,
        _ => true,
    }
}
