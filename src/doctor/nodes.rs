//! Why nodes are not Ready, and why instances did not join the cluster.

use std::collections::{BTreeMap, BTreeSet};

use crate::design::CUSTOM_NETWORK;
use crate::facts::{Authentication, Facts, Lifecycle, Node, Pod, Symptoms};
use crate::fixes;
use crate::issue::{Id, Issue, Rated, id};
use crate::net::eniconfig::resolve;
use crate::nodes::aws_auth::USERNAME;
use crate::text::counted;
use crate::verify::Report;

use super::of_node;

/// Diagnoses for checks of `verify` that keep the CNI of a node from starting.
const CAUSES: [(Rated, &[Id]); 3] = [
    (id::DOC_001.error(), &[id::VFY_011.id()]),
    (id::DOC_002.error(), &[id::VFY_013.id(), id::VFY_014.id()]),
    (id::DOC_003.error(), &[id::VFY_012.id(), id::VFY_016.id()]),
];

pub(super) fn diagnose(facts: &Facts, symptoms: &Symptoms, report: &Report) -> Vec<Issue> {
    let mut by_cause: BTreeMap<(Rated, String, String), Vec<&str>> = BTreeMap::new();
    let is_aws_node = |pod: &&Pod| pod.namespace == "kube-system" && pod.name.starts_with("aws-node-");
    let waiting = facts.pods.iter().filter(is_aws_node).filter(|pod| !pod.ready);
    let aws_nodes: BTreeMap<&str, &Pod> = waiting.map(|pod| (pod.node.as_str(), pod)).collect();
    for node in facts.ec2_nodes().filter(|node| !node.ready) {
        let aws_node = aws_nodes.get(node.name.as_str()).copied();
        let (rated, cause, fix) = cause(facts, symptoms, report, node, aws_node);
        by_cause.entry((rated, cause, fix)).or_default().push(&node.name);
    }
    let evidence_of = |name: &&str| evidence(symptoms, name);
    let mut findings: Vec<Issue> = by_cause
        .into_iter()
        .map(|((rated, cause, fix), names)| {
            Issue::new(rated, format!("{} not Ready", counted(names.len(), "node")))
                .why(cause)
                .fix(fix)
                .evidence(names.iter().flat_map(evidence_of).collect::<Vec<_>>())
                .about(names.iter().map(ToString::to_string).collect())
        })
        .collect();
    findings.extend(not_joined(facts));
    findings
}

/// `aws_node` is the node's aws-node pod, if it is not Ready.
fn cause(
    facts: &Facts,
    symptoms: &Symptoms,
    report: &Report,
    node: &Node,
    aws_node: Option<&Pod>,
) -> (Rated, String, String) {
    // A node that already has an interface for pods keeps working.
    if facts.cni.is_on(CUSTOM_NETWORK) && node.interfaces.is_empty() {
        for (rated, checks) in CAUSES {
            if let Some(check) = of_node(report, checks, &node.name) {
                return (rated, format!("{}: {}", check.what, check.why), check.fix.clone());
            }
        }
        let name = resolve(&node.labels, &node.annotations, &facts.cni.env).name;
        let config = facts.eniconfigs.items.iter().find(|config| config.name == name);
        if let Some(subnet) =
            config.and_then(|config| facts.vpc.subnet(&config.subnet)).filter(|subnet| subnet.free == 0)
        {
            return (
                id::DOC_004.error(),
                format!("its pod subnet {} ({}) has no free addresses", subnet.id, subnet.cidr),
                fixes::more_addresses(facts, subnet),
            );
        }
    }
    if let Some(pod) = aws_node.filter(|_| !node.is_unreachable()) {
        let reason = pod.not_ready_because.as_deref().unwrap_or("the reason is unknown");
        return (
            id::DOC_006.error(),
            format!("aws-node is not running on it: {reason}"),
            format!("kubectl -n kube-system logs {} -c aws-node", pod.name),
        );
    }
    if node.is_unreachable() {
        return (
            id::DOC_085.error(),
            node.unready.as_ref().map_or_else(String::new, |unready| unready.message.clone()),
            fixes::end_instance(facts, node),
        );
    }
    let condition = symptoms
        .nodes
        .iter()
        .find(|trouble| trouble.name == node.name)
        .map(|trouble| trouble.message.as_str());
    (
        id::DOC_005.error(),
        match condition {
            Some(condition) if !condition.is_empty() => condition.to_string(),
            _ => "its kubelet reports no reason".into(),
        },
        format!("kubectl describe node {} # and on the node: journalctl -u kubelet", node.name),
    )
}

fn evidence(symptoms: &Symptoms, name: &str) -> Vec<String> {
    let condition = symptoms.nodes.iter().filter(|node| node.name == name).map(|node| node.message.clone());
    let events = symptoms.events.iter().filter(|event| event.kind == "Node" && event.name == name);
    condition.chain(events.map(|event| format!("{}: {}", event.reason, event.message))).collect()
}

/// Instances that are InService in their group but are not nodes: the cluster did not authenticate them, or they can't
/// reach it.
fn not_joined(facts: &Facts) -> Vec<Issue> {
    let nodes: BTreeSet<&str> = facts.nodes.iter().filter_map(|node| node.instance_id.as_deref()).collect();
    let mut findings = Vec::new();
    for group in facts.node_groups.groups.values() {
        let missing: Vec<String> = group
            .instances
            .iter()
            .filter(|instance| {
                instance.state == Lifecycle::InService && !nodes.contains(instance.id.as_str())
            })
            .map(|instance| instance.id.clone())
            .collect();
        if missing.is_empty() {
            continue;
        }
        // The step gives the role of eni-custom's own groups access in every authentication mode.
        let grant = |by_hand: String| match facts.node_groups.is_ours(group) {
            true => fixes::command(facts, "launch-nodegroups"),
            false => by_hand,
        };
        let role = format!(
            "ROLE is the role of the instance profile that this prints: aws ec2 describe-instances --instance-ids {} --query 'Reservations[].Instances[].IamInstanceProfile.Arn'",
            missing[0]
        );
        let entries = &facts.node_groups.access_entries;
        let linux = entries.values().any(|entry| entry.kind == "EC2_LINUX" || entry.kind == "EC2");
        let (cause, fix) = match facts.cluster.authentication {
            Authentication::Api if !linux => (
                "the cluster accepts only access entries (authentication mode API), and none is of type EC2_LINUX; ConfigMap aws-auth is not read",
                grant(format!(
                    "aws eks create-access-entry --cluster-name {} --type EC2_LINUX --principal-arn ROLE # {role}",
                    facts.cluster.name
                )),
            ),
            Authentication::ConfigMap if facts.node_groups.aws_auth.is_none() => (
                "the cluster authenticates only by ConfigMap aws-auth, which does not exist",
                grant(format!(
                    "kubectl -n kube-system create configmap aws-auth --from-literal='mapRoles=[{{rolearn: ROLE, username: \"{USERNAME}\", groups: [system:bootstrappers, system:nodes]}}]' # {role}"
                )),
            ),
            Authentication::ConfigMap => (
                "their kubelets have not registered; the cluster authenticates only by ConfigMap aws-auth: their role may be missing in its mapRoles, or they can't reach the API server",
                "kubectl -n kube-system get configmap aws-auth -o yaml # and read the kubelet's log on one of them"
                    .into(),
            ),
            Authentication::Api | Authentication::ApiAndConfigMap => (
                "their kubelets have not registered: their role may have no access entry of type EC2_LINUX, their user data may be wrong, or they can't reach the API server",
                format!(
                    "aws eks list-access-entries --cluster-name {} # and read the kubelet's log on one of them",
                    facts.cluster.name
                ),
            ),
        };
        findings.push(
            Issue::error(
                id::DOC_007,
                format!("{} of {} did not join the cluster", counted(missing.len(), "instance"), group.name),
            )
            .why(cause)
            .fix(fix)
            .about(missing),
        );
    }
    findings
}
