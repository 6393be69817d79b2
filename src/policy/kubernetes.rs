//! What Kubernetes must allow: a ClusterRole, and a Role for the things that are in kube-system alone.

use std::fmt::Write as _;

use super::{Need, Wanted};
use crate::k8s::NAMESPACE;
use crate::steps::Step;
use Step::{DrainNodes, InstallCrd, LaunchNodegroups, PatchSecurityGroups, SetEnv, WriteEniconfigs};

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
const DRAIN: Need = Need::In(&[DrainNodes]);
const ENICONFIGS: Need = Need::In(&[WriteEniconfigs, PatchSecurityGroups]);
const AUTHORISE: Need = Need::In(&[LaunchNodegroups]);
const EVERY_STEP: Need = Need::In(ALL);
const CRD: &[&str] = &["eniconfigs.crd.k8s.amazonaws.com"];
const CRDS: &str = "customresourcedefinitions";
const HOOKS: &str = "admissionregistration.k8s.io";
const ENI: &str = "crd.k8s.amazonaws.com";

/// The table. `/version` is open to everyone who is logged in (ClusterRole system:public-info-viewer).
pub const RULES: &[Rule] = &[
    all("", "nodes", &["list"], READ, "which nodes there are, and of which kind"),
    all("", "pods", &["list"], READ, "what stands on them"),
    all("policy", "poddisruptionbudgets", &["list"], READ, "what a drain must respect"),
    all("", "events", &["list"], READ, "warnings that doctor explains"),
    all("", "persistentvolumes", &["list"], READ, "zones of the volumes that pods claim"),
    all("apps", "statefulsets", &["list"], READ, "whether their pods start one after another"),
    all(HOOKS, "validatingwebhookconfigurations", &["list"], READ, "webhooks that pods serve"),
    all(HOOKS, "mutatingwebhookconfigurations", &["list"], READ, "likewise"),
    all("", "services", &["list"], READ, "the ports of CoreDNS and of webhooks"),
    all("discovery.k8s.io", "endpointslices", &["list"], READ, "the pods behind them"),
    all("apps", "deployments", &["list"], READ, "the cluster-autoscaler and Karpenter"),
    all(
        "karpenter.k8s.aws",
        "ec2nodeclasses",
        &["list"],
        READ,
        "max pods of the nodes that Karpenter starts",
    ),
    all("networking.k8s.io", "networkpolicies", &["list"], READ, "addresses that they name"),
    all("elbv2.k8s.aws", "targetgroupbindings", &["list"], READ, "load balancers whose targets are pods"),
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
            Need::In(&[InstallCrd]),
            "the typed definition",
        )
    },
    all(ENI, "eniconfigs", &["create", "patch"], ENICONFIGS, "an ENIConfig for each pod subnet"),
    all("", "nodes", &["patch", "watch"], DRAIN, "cordons, and their end"),
    all("", "pods", &["delete", "watch"], DRAIN, "what is left; deletes with --disable-eviction alone"),
    all("", "pods/eviction", &["create"], DRAIN, "pods go as their budgets allow"),
    all("policy", "poddisruptionbudgets", &["watch"], DRAIN, "how many may go now"),
    all(
        "storage.k8s.io",
        "volumeattachments",
        &["list", "watch"],
        DRAIN,
        "a node ends when its volumes are off it",
    ),
    all("apps", "replicasets", &["get"], DRAIN, "the Deployment behind a pod, for --surge-singletons"),
    all(
        "apps",
        "deployments/scale",
        &["get", "patch"],
        DRAIN,
        "a second replica for as long as the drain lasts",
    ),
    all("karpenter.sh", "nodeclaims", &["delete"], DRAIN, "Karpenter ends the nodes that it made"),
    own("apps", "daemonsets", &["aws-node"], &["get"], READ, "aws-node's image and environment"),
    own(
        "",
        "configmaps",
        &["aws-auth", "eni-custom"],
        &["get"],
        READ,
        "whose nodes may join; what was written down",
    ),
    own("apps", "daemonsets", &["aws-node"], &["patch"], Need::In(&[SetEnv]), "aws-node's environment"),
    own("", "configmaps", &["eni-custom"], &["patch"], EVERY_STEP, "values before a change are written down"),
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
    for in_kube_system in [false, true] {
        let (kind, scope) = if in_kube_system {
            ("Role", format!("  namespace: {NAMESPACE}\n"))
        } else {
            ("ClusterRole", String::new())
        };
        let _ = write!(
            out,
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata:\n  name: eni-custom\n{scope}rules:\n"
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
            "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}Binding\nmetadata:\n  name: eni-custom\n{scope}\
             roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: {kind}, name: eni-custom}}\n\
             subjects:\n- {{apiGroup: rbac.authorization.k8s.io, kind: Group, name: \"{group}\"}}\n"
        );
        if !in_kube_system {
            out.push_str("---\n");
        }
    }
    out
}
