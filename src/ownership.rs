//! Other owners of an object in the cluster, who would revert changes to it. Pure.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use serde::Serialize;

use crate::tags::FIELD_MANAGER;

/// A field manager from managedFields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Manager {
    pub name: String,
    /// It uses server-side apply, which is repeated; otherwise it made an update, perhaps only once.
    pub applies: bool,
}

/// Controllers and tools that use updates repeatedly, by the prefix of their field manager: Helm 3, Argo CD, Flux,
/// Fleet, Terraform's provider (its user agent begins with HashiCorp), Pulumi, Crossplane, kOps' add-ons.
const RETURNING: [&str; 12] = [
    "helm",
    "argocd",
    "kustomize-controller",
    "flux",
    "fleet",
    "terraform",
    "hashicorp",
    "pulumi",
    "crossplane",
    "ansible-operator",
    "rancher",
    "kube-addon-manager",
];

impl Manager {
    pub fn of(entry: &ManagedFieldsEntry) -> Option<Self> {
        Some(Manager { name: entry.manager.clone()?, applies: entry.operation.as_deref() == Some("Apply") })
    }

    /// A person with kubectl, or eni-custom.
    pub fn is_by_hand(&self) -> bool {
        self.name.starts_with("kubectl") || self.name == FIELD_MANAGER
    }

    /// EKS itself. Without the add-on it installs aws-node once and never changes it again.
    pub fn is_eks(&self) -> bool {
        self.name == "eks"
    }

    /// Whether it will write the field again. An unknown client that made one update does not.
    pub fn returns(&self) -> bool {
        let name = self.name.to_ascii_lowercase();
        !self.is_by_hand()
            && !self.is_eks()
            && (self.applies || RETURNING.iter().any(|known| name.starts_with(known)))
    }
}

/// The owner that would revert changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// Helm release or GitOps application, by name.
    Release {
        tool: &'static str,
        name: String,
    },
    Manager(String),
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holder::Release { tool, name } => write!(f, "{tool} '{name}'"),
            Holder::Manager(name) => write!(f, "field manager '{name}'"),
        }
    }
}

/// The release or application from labels and annotations. AWS's own manifest has Helm labels too: only the release
/// annotation proves a release.
pub(crate) fn release(
    labels: &BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
) -> Option<(&'static str, String)> {
    let marks = [
        ("Helm", annotations, "meta.helm.sh/release-name"),
        ("Argo CD", annotations, "argocd.argoproj.io/tracking-id"),
        ("Argo CD", labels, "argocd.argoproj.io/instance"),
        ("Flux", labels, "kustomize.toolkit.fluxcd.io/name"),
        ("Flux", labels, "helm.toolkit.fluxcd.io/name"),
    ];
    // A tracking id is `APPLICATION:GROUP/KIND:NAMESPACE/NAME` (Argo CD, "Resource Tracking").
    let name = |value: &String| value.split(':').next().unwrap_or_default().to_string();
    marks.into_iter().find_map(|(tool, marks, key)| marks.get(key).map(|value| (tool, name(value))))
}

/// The owner of an object; `field` is the relevant field in managedFields syntax: `f:spec`.
pub(crate) fn holder(meta: &ObjectMeta, field: &str) -> Option<Holder> {
    let none = BTreeMap::new();
    let (labels, annotations) =
        (meta.labels.as_ref().unwrap_or(&none), meta.annotations.as_ref().unwrap_or(&none));
    if let Some((tool, name)) = release(labels, annotations) {
        return Some(Holder::Release { tool, name });
    }
    managers(meta, field).into_iter().find(Manager::returns).map(|manager| Holder::Manager(manager.name))
}

/// The managers of a field of the object.
pub(crate) fn managers(meta: &ObjectMeta, field: &str) -> Vec<Manager> {
    let owns = |entry: &&ManagedFieldsEntry| {
        entry.fields_v1.as_ref().is_some_and(|fields| fields.0.get(field).is_some())
    };
    meta.managed_fields.iter().flatten().filter(owns).filter_map(Manager::of).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn meta(manager: &str, operation: &str) -> ObjectMeta {
        serde_json::from_value(json!({"managedFields": [
            {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": {}}},
            {"manager": manager, "operation": operation, "fieldsV1": {"f:spec": {"f:subnet": {}}}},
            {"manager": "another-controller", "operation": "Apply", "fieldsV1": {"f:status": {}}},
        ]}))
        .unwrap()
    }

    #[test]
    fn argo_cd_s_application_is_the_first_part_of_its_tracking_id() {
        let id = "platform:apps/Deployment:karpenter/karpenter".to_string();
        let marks = [("argocd.argoproj.io/tracking-id".to_string(), id)].into();
        assert_eq!(release(&BTreeMap::new(), &marks), Some(("Argo CD", "platform".into())));
    }

    #[test]
    fn appliers_write_again_and_single_updates_do_not() {
        let cases = [
            ("platform-controller", "Apply", true),
            ("platform-controller", "Update", false),
            ("OpenAPI-Generator", "Update", false),
            ("helm", "Update", true),
            ("argocd-controller", "Update", true),
            ("HashiCorp", "Update", true),
            ("Terraform", "Apply", true),
            ("kubectl", "Apply", false),
            ("kubectl-client-side-apply", "Update", false),
            ("eni-custom", "Apply", false),
            ("eks", "Apply", false),
        ];
        for (name, operation, returns) in cases {
            let found = holder(&meta(name, operation), "f:spec");
            assert_eq!(found, returns.then(|| Holder::Manager(name.into())), "{name} {operation}");
        }
    }

    #[test]
    fn a_release_is_recognized_by_its_annotation_not_by_labels_of_the_stock_manifest() {
        let map = |key: &str, value: &str| [(key.to_string(), value.to_string())].into();
        assert_eq!(release(&map("app.kubernetes.io/managed-by", "Helm"), &map("a", "b")), None);
        let annotations = map("meta.helm.sh/release-name", "cni");
        assert_eq!(release(&map("a", "b"), &annotations), Some(("Helm", "cni".into())));
    }
}
