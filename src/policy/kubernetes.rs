//! The Kubernetes permissions: a ClusterRole, and a Role for objects in kube-system.

use std::fmt::Write as _;

use Step::{DrainNodes, InstallCrd, LaunchNodegroups, PatchSecurityGroups, SetEnv, WriteEniconfigs};

use crate::step::Step;
use crate::tags::NAMESPACE;

use super::{Need, Scope};

/// Verbs on resources, and why.
#[derive(Debug)]
pub(crate) struct RoleRule {
    /// Empty: the core API group.
    pub group: &'static str,
    pub resource: &'static str,
    pub verbs: &'static [&'static str],
    /// Resource names; empty: all.
    pub names: &'static [&'static str],
    /// Only in kube-system.
    pub in_kube_system: bool,
    /// Only where Karpenter starts nodes.
    pub for_karpenter: bool,
    pub need: Need,
    pub why: &'static str,
}

const ALL: &[Step] = &Step::DOCUMENTED;

const fn all(
    group: &'static str,
    resource: &'static str,
    verbs: &'static [&'static str],
    need: Need,
    why: &'static str,
) -> RoleRule {
    RoleRule { group, resource, verbs, names: &[], in_kube_system: false, for_karpenter: false, need, why }
}

const fn own(
    group: &'static str,
    resource: &'static str,
    names: &'static [&'static str],
    verbs: &'static [&'static str],
    need: Need,
    why: &'static str,
) -> RoleRule {
    RoleRule { in_kube_system: true, names, ..all(group, resource, verbs, need, why) }
}

const fn karpenter(rule: RoleRule) -> RoleRule {
    RoleRule { for_karpenter: true, ..rule }
}

const READ: Need = Need::Discovery;
const SETUP: Need = Need::DiscoverySetup;
/// The undo of step 8 drains the new nodes.
const DRAIN: Need = Need::In { setup: &[DrainNodes], undo: &[PatchSecurityGroups] };
/// The undo of step 9 resumes what an interrupted drain suspended.
const INTERRUPTED_DRAIN: Need = Need::In { setup: &[DrainNodes], undo: &[DrainNodes, PatchSecurityGroups] };
const ENICONFIGS: &[Step] = &[WriteEniconfigs, PatchSecurityGroups];
const AUTHORISE: Need = Need::In { setup: &[LaunchNodegroups], undo: &[LaunchNodegroups] };
const EVERY_STEP: Need = Need::In { setup: ALL, undo: ALL };
const CRD: &[&str] = &["eniconfigs.crd.k8s.amazonaws.com"];
const CRDS: &str = "customresourcedefinitions";
const HOOKS: &str = "admissionregistration.k8s.io";
const ENI: &str = "crd.k8s.amazonaws.com";

/// The table. `/version` is open to every user (ClusterRole system:public-info-viewer).
pub(crate) const RULES: &[RoleRule] = &[
    all("", "nodes", &["list"], READ, "the nodes and their kinds"),
    all("", "pods", &["list"], READ, "the pods on the nodes"),
    all("policy", "poddisruptionbudgets", &["list"], READ, "budgets that a drain must respect"),
    all("", "events", &["list"], SETUP, "warnings that doctor explains"),
    all("", "persistentvolumes", &["list"], READ, "the location of the volumes that pods claim"),
    all(
        "apps",
        "statefulsets",
        &["list"],
        READ,
        "their pod management policy, and the claims that they create",
    ),
    all(HOOKS, "validatingwebhookconfigurations", &["list"], READ, "webhooks that pods serve"),
    all(HOOKS, "mutatingwebhookconfigurations", &["list"], READ, "the same"),
    all(HOOKS, "validatingadmissionpolicies", &["list"], READ, "policies that intercept evictions"),
    all("apiregistration.k8s.io", "apiservices", &["list"], READ, "aggregated APIs that pods serve"),
    all("", "services", &["list"], READ, "ports of CoreDNS, webhooks and aggregated APIs; load balancers"),
    all("discovery.k8s.io", "endpointslices", &["list"], READ, "the pods behind these Services"),
    all(
        "apps",
        "deployments",
        &["list"],
        READ,
        "finds the Cluster Autoscaler, Karpenter and the AWS Load Balancer Controller",
    ),
    all(
        "karpenter.k8s.aws",
        "ec2nodeclasses",
        &["list"],
        READ,
        "max pods of the nodes that Karpenter starts",
    ),
    all("karpenter.sh", "nodepools", &["list"], READ, "whether Karpenter starts nodes, and of which types"),
    all("karpenter.sh", "nodeclaims", &["list"], READ, "the nodes that Karpenter has started or is starting"),
    all("networking.k8s.io", "networkpolicies", &["list"], SETUP, "the CIDRs that they allow"),
    all(
        "elbv2.k8s.aws",
        "targetgroupbindings",
        &["list"],
        READ,
        "load balancers whose targets are pods or nodes",
    ),
    RoleRule {
        names: CRD,
        ..all("apiextensions.k8s.io", CRDS, &["get"], READ, "whether the ENIConfig CRD exists")
    },
    all(ENI, "eniconfigs", &["list"], READ, "the existing ENIConfigs"),
    // A server-side apply that creates an object needs create in addition to patch.
    RoleRule {
        names: CRD,
        ..all(
            "apiextensions.k8s.io",
            CRDS,
            &["create", "patch"],
            Need::setup(&[InstallCrd]),
            "installs the CRD with a schema",
        )
    },
    RoleRule {
        names: CRD,
        ..all(
            "apiextensions.k8s.io",
            CRDS,
            &["delete", "update"],
            Need::undo(&[InstallCrd]),
            "deletes the CRD that setup installed, or restores the one that it replaced",
        )
    },
    all(ENI, "eniconfigs", &["create", "patch"], Need::setup(ENICONFIGS), "an ENIConfig for each pod subnet"),
    all(ENI, "eniconfigs", &["patch"], Need::undo(ENICONFIGS), "restores the subnet and security groups"),
    all(
        ENI,
        "eniconfigs",
        &["delete"],
        Need::undo(&[WriteEniconfigs]),
        "deletes the ENIConfigs that setup created",
    ),
    all(
        "",
        "nodes",
        &["patch", "watch"],
        INTERRUPTED_DRAIN,
        "cordons nodes, labels them to leave load balancers, waits until they are gone",
    ),
    all("", "pods", &["delete", "watch"], DRAIN, "waits for pods; deletes them only with --disable-eviction"),
    all("", "pods/eviction", &["create"], DRAIN, "evicts pods as their budgets allow"),
    all(
        "",
        "persistentvolumeclaims",
        &["delete"],
        INTERRUPTED_DRAIN,
        "claims of StatefulSets on the disk of a drained node; only with --delete-local-volumes",
    ),
    all("policy", "poddisruptionbudgets", &["watch"], DRAIN, "how many disruptions they allow right now"),
    all(
        "storage.k8s.io",
        "volumeattachments",
        &["list", "watch"],
        DRAIN,
        "a node is terminated once its volumes are detached",
    ),
    all(
        "apps",
        "replicasets",
        &["get"],
        DRAIN,
        "the Deployment of a pod; whether a pod is missing after the drain",
    ),
    all("apps", "deployments", &["get"], DRAIN, "whether a pod is missing after the drain"),
    all("apps", "statefulsets", &["get"], DRAIN, "the same"),
    all("batch", "jobs", &["get"], DRAIN, "the same"),
    all(
        "autoscaling",
        "horizontalpodautoscalers",
        &["list"],
        DRAIN,
        "autoscaling of a Deployment, for --surge-singletons",
    ),
    all(
        "apps",
        "deployments/scale",
        &["get", "patch"],
        INTERRUPTED_DRAIN,
        "a second replica during the drain (--surge-singletons)",
    ),
    karpenter(RoleRule {
        // The name that Karpenter's chart gives it.
        names: &["karpenter"],
        ..all(
            "apps",
            "deployments",
            &["get", "patch"],
            Need::In { setup: &[SetEnv], undo: &[SetEnv] },
            "RESERVED_ENIS of Karpenter's controller, and whether it runs with it",
        )
    }),
    karpenter(all(
        "karpenter.sh",
        "nodepools",
        &["patch"],
        Need::In { setup: &[DrainNodes], undo: &[DrainNodes] },
        "the annotation of their templates that makes Karpenter replace their nodes",
    )),
    karpenter(all(
        "",
        "events",
        &["list"],
        Need::In { setup: &[DrainNodes], undo: &[DrainNodes] },
        "what keeps Karpenter from replacing a node",
    )),
    karpenter(all(
        "karpenter.sh",
        "nodeclaims",
        &["delete"],
        DRAIN,
        "makes Karpenter terminate its nodes (--karpenter drain)",
    )),
    own("apps", "daemonsets", &["aws-node"], &["get"], READ, "aws-node's image and environment"),
    own("apps", "controllerrevisions", &[], &["list"], READ, "which aws-node pods run the newest template"),
    own(
        "",
        "pods",
        &[],
        &["delete"],
        Need::In { setup: &[SetEnv, WriteEniconfigs], undo: &[SetEnv] },
        "aws-node's pods, if unreachable nodes block its rollout",
    ),
    own(
        "",
        "configmaps",
        &["aws-auth", "eni-custom"],
        &["get"],
        READ,
        "which roles may join nodes; the record of eni-custom",
    ),
    own(
        "apps",
        "daemonsets",
        &["aws-node"],
        &["patch"],
        Need::In { setup: &[SetEnv], undo: &[SetEnv] },
        "aws-node's environment",
    ),
    own("", "configmaps", &["eni-custom"], &["patch"], EVERY_STEP, "records values before they are changed"),
    own(
        "",
        "configmaps",
        &["eni-custom"],
        &["delete"],
        Need::undo(ALL),
        "deletes the record when everything is undone",
    ),
    own(
        "",
        "configmaps",
        &["aws-auth"],
        &["delete"],
        Need::undo(&[LaunchNodegroups]),
        "deletes aws-auth if it did not exist before",
    ),
    own(
        "",
        "configmaps",
        &["aws-auth"],
        &["patch"],
        AUTHORISE,
        "the new nodes' role, if nodes join through aws-auth",
    ),
    // RBAC can't restrict create by resource name: the name is in the request body.
    own("", "configmaps", &[], &["create"], EVERY_STEP, "creates either of them if it does not exist"),
    own("coordination.k8s.io", "leases", &[], &["create"], EVERY_STEP, "allows one run at a time"),
    own(
        "coordination.k8s.io",
        "leases",
        &["eni-custom"],
        &["delete", "get", "update"],
        EVERY_STEP,
        "renews and releases the lease",
    ),
];

/// The rules of these commands.
pub(crate) fn rules(wanted: &Scope) -> impl Iterator<Item = &'static RoleRule> {
    let wanted = *wanted;
    RULES.iter().filter(move |rule| wanted.includes(rule.need) && (wanted.karpenter || !rule.for_karpenter))
}

/// Two roles and their bindings to a group, as YAML for kubectl apply.
pub(crate) fn manifest(wanted: &Scope, group: &str) -> String {
    let mut out = String::new();
    // Setup, undo and reading may all be allowed, to different groups, so their roles have different names.
    let name = match (wanted.read_only, wanted.undo) {
        (true, _) => "eni-custom-read-only",
        (false, true) => "eni-custom-undo",
        (false, false) => "eni-custom",
    };
    for in_kube_system in [false, true] {
        let (kind, scope) = if in_kube_system {
            ("Role", format!("  namespace: {NAMESPACE}\n"))
        } else {
            ("ClusterRole", String::new())
        };
        let _ = write!(
            out,
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata:\n  name: {name}\n{scope}rules:\n"
        );
        for rule in rules(wanted).filter(|rule| rule.in_kube_system == in_kube_system) {
            let list = |values: &[&str]| {
                let quoted: Vec<String> = values.iter().map(|value| format!("\"{value}\"")).collect();
                format!("[{}]", quoted.join(", "))
            };
            let _ = writeln!(out, "- # {}", rule.why);
            let _ = writeln!(out, "  apiGroups: {}", list(&[rule.group]));
            let _ = writeln!(out, "  resources: {}", list(&[rule.resource]));
            if !rule.names.is_empty() {
                let _ = writeln!(out, "  resourceNames: {}", list(rule.names));
            }
            let _ = writeln!(out, "  verbs: {}", list(rule.verbs));
        }
        let _ = write!(
            out,
            "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}Binding\nmetadata:\n  name: {name}\n{scope}\
             roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: {kind}, name: {name}}}\n\
             subjects:\n- {{apiGroup: rbac.authorization.k8s.io, kind: Group, name: \"{group}\"}}\n"
        );
        if !in_kube_system {
            out.push_str("---\n");
        }
    }
    out
}
