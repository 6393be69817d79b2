//! What Kubernetes must allow: a ClusterRole, and a Role for the things that are in kube-system alone.

use std::fmt::Write as _;

use Step::{DrainNodes, InstallCrd, LaunchNodegroups, PatchSecurityGroups, SetEnv, WriteEniconfigs};

use crate::step::Step;
use crate::tags::NAMESPACE;

use super::{Need, Wanted};

/// Verbs on resources, and why.
#[derive(Debug)]
pub struct Rule {
    /// Empty: the core group.
    pub group: &'static str,
    pub resource: &'static str,
    pub verbs: &'static [&'static str],
    /// The only objects; none: all.
    pub names: &'static [&'static str],
    /// In kube-system alone.
    pub in_kube_system: bool,
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
) -> Rule {
    Rule { group, resource, verbs, names: &[], in_kube_system: false, need, why }
}

const fn own(
    group: &'static str,
    resource: &'static str,
    names: &'static [&'static str],
    verbs: &'static [&'static str],
    need: Need,
    why: &'static str,
) -> Rule {
    Rule { in_kube_system: true, names, ..all(group, resource, verbs, need, why) }
}

const READ: Need = Need::Discovery;
const FORWARD: Need = Need::DiscoveryForward;
/// The way back of step 8 drains the new nodes.
const DRAIN: Need = Need::In { forward: &[DrainNodes], back: &[PatchSecurityGroups] };
/// What a drain that was cut holds is let go by the way back of step 9.
const CUT_DRAIN: Need = Need::In { forward: &[DrainNodes], back: &[DrainNodes, PatchSecurityGroups] };
const ENICONFIGS: &[Step] = &[WriteEniconfigs, PatchSecurityGroups];
const AUTHORISE: Need = Need::In { forward: &[LaunchNodegroups], back: &[LaunchNodegroups] };
const EVERY_STEP: Need = Need::In { forward: ALL, back: ALL };
const CRD: &[&str] = &["eniconfigs.crd.k8s.amazonaws.com"];
const CRDS: &str = "customresourcedefinitions";
const HOOKS: &str = "admissionregistration.k8s.io";
const ENI: &str = "crd.k8s.amazonaws.com";

/// The table. `/version` is open to everyone who is logged in (ClusterRole system:public-info-viewer).
pub const RULES: &[Rule] = &[
    all("", "nodes", &["list"], READ, "which nodes there are, and of which kind"),
    all("", "pods", &["list"], READ, "what stands on them"),
    all("policy", "poddisruptionbudgets", &["list"], READ, "what a drain must respect"),
    all("", "events", &["list"], FORWARD, "warnings that doctor explains"),
    all("", "persistentvolumes", &["list"], READ, "where the volumes are that pods claim"),
    all(
        "apps",
        "statefulsets",
        &["list"],
        READ,
        "whether their pods start one after another, and which claims they create",
    ),
    all(HOOKS, "validatingwebhookconfigurations", &["list"], READ, "webhooks that pods serve"),
    all(HOOKS, "mutatingwebhookconfigurations", &["list"], READ, "likewise"),
    all(HOOKS, "validatingadmissionpolicies", &["list"], READ, "what intercepts evictions"),
    all("apiregistration.k8s.io", "apiservices", &["list"], READ, "aggregated APIs that pods serve"),
    all(
        "",
        "services",
        &["list"],
        READ,
        "the ports of CoreDNS, of webhooks and of aggregated APIs; load balancers",
    ),
    all("discovery.k8s.io", "endpointslices", &["list"], READ, "the pods behind them"),
    all(
        "apps",
        "deployments",
        &["list"],
        FORWARD,
        "the cluster-autoscaler, Karpenter and the AWS Load Balancer Controller",
    ),
    all(
        "karpenter.k8s.aws",
        "ec2nodeclasses",
        &["list"],
        FORWARD,
        "max pods of the nodes that Karpenter starts",
    ),
    all(
        "karpenter.sh",
        "nodepools",
        &["list"],
        FORWARD,
        "whether Karpenter starts nodes, and of which types",
    ),
    all("networking.k8s.io", "networkpolicies", &["list"], FORWARD, "addresses that they name"),
    all(
        "elbv2.k8s.aws",
        "targetgroupbindings",
        &["list"],
        READ,
        "load balancers whose targets are pods or nodes",
    ),
    Rule {
        names: CRD,
        ..all("apiextensions.k8s.io", CRDS, &["get"], READ, "whether ENIConfigs are defined")
    },
    all(ENI, "eniconfigs", &["list"], READ, "the ENIConfigs that are there"),
    // A server-side apply that makes an object needs create beside patch.
    Rule {
        names: CRD,
        ..all(
            "apiextensions.k8s.io",
            CRDS,
            &["create", "patch"],
            Need::forward(&[InstallCrd]),
            "the typed definition",
        )
    },
    Rule {
        names: CRD,
        ..all(
            "apiextensions.k8s.io",
            CRDS,
            &["delete", "update"],
            Need::back(&[InstallCrd]),
            "the definition that we installed goes; one that we wrote over comes back",
        )
    },
    all(
        ENI,
        "eniconfigs",
        &["create", "patch"],
        Need::forward(ENICONFIGS),
        "an ENIConfig for each pod subnet",
    ),
    all(ENI, "eniconfigs", &["patch"], Need::back(ENICONFIGS), "subnet and groups as they were before"),
    all(ENI, "eniconfigs", &["delete"], Need::back(&[WriteEniconfigs]), "those that we wrote"),
    all(
        "",
        "nodes",
        &["patch", "watch"],
        CUT_DRAIN,
        "cordons, the label that keeps a node out of load balancers, and their end",
    ),
    all("", "pods", &["delete", "watch"], DRAIN, "what is left; deletes with --disable-eviction alone"),
    all("", "pods/eviction", &["create"], DRAIN, "pods go as their budgets allow"),
    all(
        "",
        "persistentvolumeclaims",
        &["delete"],
        CUT_DRAIN,
        "claims of StatefulSets on the disk of a node that goes; with --delete-local-volumes alone",
    ),
    all("policy", "poddisruptionbudgets", &["watch"], DRAIN, "how many may go now"),
    all(
        "storage.k8s.io",
        "volumeattachments",
        &["list", "watch"],
        DRAIN,
        "a node ends when its volumes are off it",
    ),
    all(
        "apps",
        "replicasets",
        &["get"],
        DRAIN,
        "the Deployment behind a pod; whether it wants a pod that is missing",
    ),
    all("apps", "deployments", &["get"], DRAIN, "whether it wants a pod that is missing after the drain"),
    all("apps", "statefulsets", &["get"], DRAIN, "likewise"),
    all("batch", "jobs", &["get"], DRAIN, "likewise"),
    all("autoscaling", "horizontalpodautoscalers", &["list"], DRAIN, "who scales it, for --surge-singletons"),
    all(
        "apps",
        "deployments/scale",
        &["get", "patch"],
        CUT_DRAIN,
        "a second replica for as long as the drain lasts",
    ),
    all(
        "karpenter.sh",
        "nodeclaims",
        &["delete"],
        Need::forward(&[DrainNodes]),
        "Karpenter ends the nodes that it made",
    ),
    own("apps", "daemonsets", &["aws-node"], &["get"], READ, "aws-node's image and environment"),
    own(
        "apps",
        "controllerrevisions",
        &[],
        &["list"],
        READ,
        "which of aws-node's pods are of its newest template",
    ),
    own(
        "",
        "pods",
        &[],
        &["delete"],
        Need::In { forward: &[SetEnv, WriteEniconfigs], back: &[SetEnv] },
        "aws-node's pods, where nodes that do not report hold up its rollout",
    ),
    own(
        "",
        "configmaps",
        &["aws-auth", "eni-custom"],
        &["get"],
        READ,
        "whose nodes may join; what was written down",
    ),
    own(
        "apps",
        "daemonsets",
        &["aws-node"],
        &["patch"],
        Need::In { forward: &[SetEnv], back: &[SetEnv] },
        "aws-node's environment",
    ),
    own("", "configmaps", &["eni-custom"], &["patch"], EVERY_STEP, "values before a change are written down"),
    own(
        "",
        "configmaps",
        &["eni-custom"],
        &["delete"],
        Need::back(ALL),
        "the record, when all is taken back",
    ),
    own(
        "",
        "configmaps",
        &["aws-auth"],
        &["delete"],
        Need::back(&[LaunchNodegroups]),
        "an aws-auth that there was not before",
    ),
    own(
        "",
        "configmaps",
        &["aws-auth"],
        &["patch"],
        AUTHORISE,
        "the new nodes' role, where aws-auth decides",
    ),
    // RBAC can't tell by name who creates: the name is in the body.
    own("", "configmaps", &[], &["create"], EVERY_STEP, "either of them, where it is not there"),
    own("coordination.k8s.io", "leases", &[], &["create"], EVERY_STEP, "one run at a time"),
    own(
        "coordination.k8s.io",
        "leases",
        &["eni-custom"],
        &["delete", "get", "update"],
        EVERY_STEP,
        "the lease is kept, and given back",
    ),
];

/// The rules of these commands.
pub fn rules(wanted: &Wanted) -> impl Iterator<Item = &'static Rule> {
    let wanted = *wanted;
    RULES.iter().filter(move |rule| wanted.takes(rule.need))
}

/// Two roles and their bindings to a group, as YAML to be applied.
pub fn manifest(wanted: &Wanted, group: &str) -> String {
    let mut out = String::new();
    // Both ways may be allowed side by side.
    let name = if wanted.undo { "eni-custom-undo" } else { "eni-custom" };
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
