//! Labels and taints that nodes get from the owner of their pool, and not from Kubernetes, AWS or a controller. Pure.

use std::collections::BTreeMap;

use crate::design::LABEL_DEF;
use crate::facts::{Facts, Node, Taint};
use crate::net::eniconfig::DEFAULT_KEY;

/// Labels of a pool.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Labels {
    pub own: BTreeMap<String, String>,
    /// `eks.amazonaws.com/…`
    pub eks: BTreeMap<String, String>,
}

/// Prefixes of labels that Kubernetes, the cloud provider, a CSI driver, the VPC CNI, Karpenter or feature discovery
/// (Node Feature Discovery, NVIDIA's) sets on new nodes as well.
const SET_ANYWAY: [&str; 14] = [
    "topology.kubernetes.io/",
    "failure-domain.beta.kubernetes.io/",
    "beta.kubernetes.io/",
    "topology.k8s.aws/",
    "topology.ebs.csi.aws.com/",
    "topology.efs.csi.aws.com/",
    "topology.fsx.csi.aws.com/",
    "vpc.amazonaws.com/",
    "karpenter.sh/",
    "karpenter.k8s.aws/",
    "feature.node.kubernetes.io/",
    "nvidia.com/gpu.",
    "nvidia.com/cuda.",
    "nvidia.com/gfd.",
];

/// The same, whole labels. The last one takes a node out of load balancers, for a drain for example.
const LABELS_SET_ANYWAY: [&str; 6] = [
    "kubernetes.io/hostname",
    "kubernetes.io/os",
    "kubernetes.io/arch",
    "node.kubernetes.io/instance-type",
    "k8s.io/cloud-provider-aws",
    "node.kubernetes.io/exclude-from-external-load-balancers",
];

const OF_EKS: &str = "eks.amazonaws.com/";

/// Divides labels. `eniconfig`: the labels by which the CNI finds a node's ENIConfig; eni-custom sets these itself.
pub(super) fn divided(labels: BTreeMap<String, String>, eniconfig: &[&str]) -> Labels {
    let mut divided = Labels::default();
    for (key, value) in labels {
        let is_set_anyway = SET_ANYWAY.iter().any(|prefix| key.starts_with(prefix))
            || LABELS_SET_ANYWAY.contains(&key.as_str())
            || eniconfig.contains(&key.as_str());
        if is_set_anyway {
            continue;
        }
        if key.starts_with(OF_EKS) {
            divided.eks.insert(key, value);
            continue;
        }
        divided.own.insert(key, value);
    }
    divided
}

/// Labels by which the CNI finds a node's ENIConfig.
pub(super) fn of_eniconfigs(facts: &Facts) -> Vec<&str> {
    let set = facts.cni.env.get(LABEL_DEF).map(String::as_str).filter(|key| !key.is_empty());
    [DEFAULT_KEY].into_iter().chain(set).collect()
}

/// Labels that all of these nodes carry, with the same value.
pub(super) fn common(nodes: &[&Node]) -> BTreeMap<String, String> {
    let Some((first, others)) = nodes.split_first() else { return BTreeMap::new() };
    let on_all =
        |(key, value): &(&String, &String)| others.iter().all(|node| node.labels.get(*key) == Some(*value));
    first.labels.iter().filter(on_all).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Taints that a node has because of its state, or that an agent removes once it runs on the node.
fn is_of_state(key: &str) -> bool {
    const PREFIXES: [&str; 5] = [
        // not-ready, unreachable, disk-pressure, unschedulable (a cordon), … : Kubernetes, "Well-Known Labels,
        // Annotations and Taints"
        "node.kubernetes.io/",
        // uninitialized, shutdown
        "node.cloudprovider.kubernetes.io/",
        "karpenter.sh/",
        "aws-node-termination-handler/",
        "node-problem-detector/",
    ];
    // kubernetes/autoscaler, cluster-autoscaler/utils/taints
    const AUTOSCALER: [&str; 2] = ["ToBeDeletedByClusterAutoscaler", "DeletionCandidateOfClusterAutoscaler"];
    PREFIXES.iter().any(|prefix| key.starts_with(prefix)) || AUTOSCALER.contains(&key)
}

/// Taints that a node registers with and that its agents remove: CSI drivers' (`ebs.csi.aws.com/agent-not-ready`),
/// Cilium's (`node.cilium.io/agent-not-ready`), and those that the cluster autoscaler knows by their prefix.
fn is_of_start(key: &str) -> bool {
    const PREFIXES: [&str; 2] =
        ["startup-taint.cluster-autoscaler.kubernetes.io/", "status-taint.cluster-autoscaler.kubernetes.io/"];
    key.ends_with("/agent-not-ready") || PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

/// Taints of a group: those that all of its nodes have, and those that its user data registers nodes with and that are
/// removed soon after. `registered`: taints in the user data. Without nodes the user data has the only word.
pub(super) fn taints(nodes: &[&Node], registered: &[Taint]) -> Vec<Taint> {
    let all = |node: &Node| node.taints.iter().chain(&node.soft_taints).cloned().collect::<Vec<_>>();
    let mut taints = match nodes.split_first() {
        None => registered.to_vec(),
        Some((first, others)) => {
            let others: Vec<Vec<Taint>> = others.iter().map(|node| all(node)).collect();
            let mut taints = all(first);
            taints.retain(|taint| others.iter().all(|theirs| theirs.contains(taint)));
            taints.retain(|taint| !is_of_start(&taint.key));
            taints.extend(registered.iter().filter(|taint| is_of_start(&taint.key)).cloned());
            taints
        }
    };
    taints.retain(|taint| !is_of_state(&taint.key));
    taints.sort_by(|one, other| (&one.key, &one.effect).cmp(&(&other.key, &other.effect)));
    taints.dedup();
    taints
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::sample;

    fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    fn taint(text: &str) -> Taint {
        let (key, effect) = text.split_once(':').unwrap();
        Taint { key: key.into(), value: String::new(), effect: effect.into() }
    }

    #[test]
    fn labels_are_the_owners_eks_s_or_set_anyway() {
        #[derive(Debug, PartialEq)]
        enum Kind {
            Own,
            Eks,
            Left,
        }
        for (key, expected) in [
            ("team", Kind::Own),
            ("example.com/tier", Kind::Own),
            ("alpha.eksctl.io/nodegroup-name", Kind::Own),
            ("node.kubernetes.io/lifecycle", Kind::Own),
            ("nvidia.com/mig.config", Kind::Own),
            ("eks.amazonaws.com/nodegroup", Kind::Eks),
            ("eks.amazonaws.com/capacityType", Kind::Eks),
            ("kubernetes.io/hostname", Kind::Left),
            ("kubernetes.io/arch", Kind::Left),
            ("beta.kubernetes.io/instance-type", Kind::Left),
            ("node.kubernetes.io/instance-type", Kind::Left),
            ("node.kubernetes.io/exclude-from-external-load-balancers", Kind::Left),
            ("topology.kubernetes.io/zone", Kind::Left),
            ("topology.k8s.aws/zone-id", Kind::Left),
            ("topology.ebs.csi.aws.com/zone", Kind::Left),
            ("k8s.io/cloud-provider-aws", Kind::Left),
            ("karpenter.sh/nodepool", Kind::Left),
            ("vpc.amazonaws.com/has-trunk-attached", Kind::Left),
            ("feature.node.kubernetes.io/cpu-model.family", Kind::Left),
            ("nvidia.com/gpu.count", Kind::Left),
            ("our/eniconfig", Kind::Left),
            ("k8s.amazonaws.com/eniConfig", Kind::Left),
            ("node-role.kubernetes.io/worker", Kind::Own),
            ("storage.k8s.io/fast", Kind::Own),
        ] {
            let found = divided(pairs(&[(key, "x")]), &["our/eniconfig", "k8s.amazonaws.com/eniConfig"]);
            let kind = match (found.own.len(), found.eks.len()) {
                (1, 0) => Kind::Own,
                (0, 1) => Kind::Eks,
                (0, 0) => Kind::Left,
                _ => panic!("{found:?}"),
            };
            assert_eq!(kind, expected, "{key}");
        }
    }

    #[test]
    fn a_label_of_one_node_alone_is_not_the_groups() {
        let node = |labels: &[(&str, &str)]| Node { labels: pairs(labels), ..sample::node("n", "a") };
        let (one, other) = (
            node(&[("team", "web"), ("disk", "ssd"), ("own", "1")]),
            node(&[("team", "web"), ("disk", "hdd")]),
        );
        assert_eq!(common(&[&one, &other]), pairs(&[("team", "web")]));
        assert_eq!(common(&[&one]).len(), 3);
        assert_eq!(common(&[]), pairs(&[]));
    }

    #[test]
    fn taints_of_state_are_left_out_and_startup_taints_are_taken_from_user_data() {
        let node = |taints: &[&str], soft: &[&str]| Node {
            taints: taints.iter().map(|text| taint(text)).collect(),
            soft_taints: soft.iter().map(|text| taint(text)).collect(),
            ..sample::node("n", "a")
        };
        let cordon = "node.kubernetes.io/unschedulable:NoSchedule";
        let shrinking = "ToBeDeletedByClusterAutoscaler:NoSchedule";
        let start = "ebs.csi.aws.com/agent-not-ready:NoExecute";
        type Case<'a> = (&'a [Node], &'a [&'a str], &'a [&'a str]);
        let cases: &[Case<'_>] = &[
            (
                &[node(&["db:NoSchedule", cordon], &["old:PreferNoSchedule"])],
                &[],
                &["db:NoSchedule", "old:PreferNoSchedule"],
            ),
            (
                &[node(&["db:NoSchedule", shrinking], &[]), node(&["db:NoSchedule", "own:NoExecute"], &[])],
                &[],
                &["db:NoSchedule"],
            ),
            (&[node(&["db:NoSchedule"], &[]), node(&["db:NoExecute"], &[])], &[], &[]),
            // A taint that was removed by hand from all nodes is not the group's any more.
            (
                &[node(&["db:NoSchedule"], &[])],
                &["db:NoSchedule", start, "gone:NoSchedule"],
                &["db:NoSchedule", start],
            ),
            (&[node(&[start, "karpenter.sh/disrupted:NoSchedule"], &[])], &[], &[]),
            (&[], &["db:NoSchedule", start], &["db:NoSchedule", start]),
        ];
        for (nodes, registered, expected) in cases {
            let registered: Vec<Taint> = registered.iter().map(|text| taint(text)).collect();
            let found = taints(&nodes.iter().collect::<Vec<_>>(), &registered);
            let found: Vec<String> =
                found.iter().map(|taint| format!("{}:{}", taint.key, taint.effect)).collect();
            assert_eq!(found, *expected);
        }
    }
}
