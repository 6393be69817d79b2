//! Karpenter in the cluster: its CRDs, Deployment, NodePools and EC2NodeClasses, as each of its possible owners leaves
//! them, and the real controller.

pub mod build;
pub(crate) mod controller;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::shape::{Karpenter, KarpenterOwner, Shape};
use super::workloads::{self, Kubectl};
use super::{api, tools};

/// The release in tests/sandbox/karpenter/go.mod.
pub const VERSION: &str = "1.13.0";
/// The Helm releases, or Argo CD applications, of the controller and of the objects for it.
const RELEASES: [&str; 2] = ["karpenter", "karpenter-nodes"];

/// The namespace of the controller.
pub fn namespace(shape: Karpenter) -> &'static str {
    match shape {
        Karpenter::Alone => "karpenter",
        Karpenter::Beside => "kube-system",
    }
}

/// Creates all objects. The controller's pods start with the first nodes, or on Fargate at once.
pub(crate) fn install(kubectl: &Kubectl, shape: &Shape, crds: &Path) -> Result<()> {
    let Some(karpenter) = shape.karpenter else { return Ok(()) };
    let crds = crds.display().to_string();
    // Too large for the annotation of a client-side apply.
    kubectl.run(&["apply", "--server-side", "--field-manager=helm", "-f", &crds])?;
    kubectl.run(&["wait", "--for=condition=Established", "-f", &crds])?;
    if karpenter == Karpenter::Alone {
        kubectl.run(&["create", "namespace", namespace(karpenter)])?;
    }
    create(kubectl, shape, karpenter, "karpenter.yaml", RELEASES[0])?;
    let objects = match karpenter {
        Karpenter::Alone => "karpenter-alone.yaml",
        Karpenter::Beside => "karpenter-beside.yaml",
    };
    create(kubectl, shape, karpenter, objects, RELEASES[1])
}

/// Creates the objects of a manifest with the command and the field manager of their owner.
fn create(kubectl: &Kubectl, shape: &Shape, karpenter: Karpenter, file: &str, release: &str) -> Result<()> {
    let path = tools::sources().join("manifests").join(file);
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    // On EKS an admission webhook sets the scheduler in pods that a Fargate profile selects, not in their Deployment.
    let (replicas, scheduler) = match karpenter {
        Karpenter::Alone => (2, "fargate-scheduler"),
        // Two replicas need two nodes of the managed node group, which has one in each zone.
        Karpenter::Beside => (shape.azs.min(2), "default-scheduler"),
    };
    let text = text
        .replace("${NAMESPACE}", namespace(karpenter))
        .replace("${CLUSTER}", &shape.cluster)
        .replace("${VERSION}", VERSION)
        .replace("${REPLICAS}", &replicas.to_string())
        .replace("${SCHEDULER}", scheduler);
    let owner = shape.karpenter_owner;
    let documents: Vec<String> = text
        .split("\n---\n")
        .map(|document| {
            let (labels, annotations) = marks(document, owner, release, namespace(karpenter));
            let line = |name: &str, value: &Value| match value.as_object().is_some_and(|map| map.is_empty()) {
                true => String::new(),
                false => format!("  {name}: {value}\n"),
            };
            format!("{document}\n")
                .replace("  labels: ${LABELS}\n", &line("labels", &labels))
                .replace("  annotations: ${ANNOTATIONS}\n", &line("annotations", &annotations))
        })
        .collect();
    let command: &[&str] = match owner {
        KarpenterOwner::Helm => &["create", "--field-manager=helm"],
        KarpenterOwner::ArgoCd => &["apply", "--field-manager=argocd-controller"],
        KarpenterOwner::Nobody => &["create"],
    };
    let args = [command, &["--validate=ignore", "-f", "-"]].concat();
    kubectl.run_with(&args, &documents.join("\n---\n")).map(drop)
}

/// Labels and annotations of an object. Helm marks what it installed with its release. Argo CD renders a chart without
/// installing it, so the labels of the chart's templates say "Helm" too, but no annotation does; its own annotation
/// tracks the object (Argo CD, "Resource Tracking").
fn marks(document: &str, owner: KarpenterOwner, release: &str, namespace: &str) -> (Value, Value) {
    let field = |name: &str| {
        let line = document.lines().find_map(|line| line.trim_start().strip_prefix(name));
        line.unwrap_or_default().trim().to_string()
    };
    let (version, kind, name) = (field("apiVersion:"), field("kind:"), field("name:"));
    let mut labels = json!({});
    if release == RELEASES[0] {
        labels = json!({"app.kubernetes.io/name": release, "app.kubernetes.io/instance": release});
    }
    if release == RELEASES[0] && owner != KarpenterOwner::Nobody {
        labels["helm.sh/chart"] = json!(format!("karpenter-{VERSION}"));
        labels["app.kubernetes.io/version"] = json!(VERSION);
        labels["app.kubernetes.io/managed-by"] = json!("Helm");
    }
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let annotations = match owner {
        KarpenterOwner::Helm => {
            // Helm 3.2 and later add the label to every object of a release.
            labels["app.kubernetes.io/managed-by"] = json!("Helm");
            json!({"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": namespace})
        }
        KarpenterOwner::ArgoCd => {
            json!({"argocd.argoproj.io/tracking-id": format!("{release}:{group}/{kind}:{namespace}/{name}")})
        }
        KarpenterOwner::Nobody => json!({}),
    };
    (labels, annotations)
}

/// Whether Karpenter could start nodes. `Err` says what is missing.
pub(crate) fn is_ready(dir: &Path) -> Result<Option<()>, String> {
    all(dir, "NodePool", "/apis/karpenter.sh/v1/nodepools", "Ready")
}

/// Whether all NodeClaims are nodes in use.
pub(crate) fn settled(dir: &Path) -> Result<Option<()>, String> {
    all(dir, "NodeClaim", "/apis/karpenter.sh/v1/nodeclaims", "Initialized")
}

fn all(dir: &Path, kind: &str, path: &str, condition: &str) -> Result<Option<()>, String> {
    let objects = api::objects(dir, &[(kind, path)]).map_err(|error| format!("{error:#}"))?;
    let lacks = |object: &&Value| {
        let mut conditions = object["status"]["conditions"].as_array().into_iter().flatten();
        !conditions.any(|each| each["type"] == condition && each["status"] == "True")
    };
    match objects.iter().find(lacks) {
        Some(object) => {
            let status = &object["status"]["conditions"];
            Err(format!("{kind} {} is not {condition}: {status}", workloads::name(object)))
        }
        None => Ok(Some(())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_module() {
        let module =
            fs::read_to_string(tools::sources().join("karpenter/go.mod")).expect("go.mod can be read");
        assert!(module.contains(&format!("github.com/aws/karpenter-provider-aws v{VERSION}")), "{module}");
    }

    #[test]
    fn each_owner_leaves_its_own_marks() {
        let pool =
            "apiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata:\n  name: general\n  labels: ${LABELS}\n";
        let (labels, annotations) = marks(pool, KarpenterOwner::Helm, RELEASES[1], "kube-system");
        assert_eq!(labels, json!({"app.kubernetes.io/managed-by": "Helm"}));
        assert_eq!(annotations["meta.helm.sh/release-name"], "karpenter-nodes");
        let (labels, annotations) = marks(pool, KarpenterOwner::ArgoCd, RELEASES[1], "kube-system");
        assert_eq!(labels, json!({}));
        let id = "karpenter-nodes:karpenter.sh/NodePool:kube-system/general";
        assert_eq!(annotations["argocd.argoproj.io/tracking-id"], id);
        let (labels, annotations) = marks(pool, KarpenterOwner::Nobody, RELEASES[1], "kube-system");
        assert_eq!((labels, annotations), (json!({}), json!({})));
    }
}
