//! Nodes that can't be changed at the moment, and an aws-node whose pods are not replaced.

use std::collections::BTreeMap;

use crate::facts::{Node, UpdateStrategy};
use crate::fixes;
use crate::issue::{Issue, id};
use crate::step::Step;
use crate::steps::{Rules, SetEnv, UndoSetEnv};
use crate::text::{few, subject};

use crate::scene::Scene;

/// Steps that wait for aws-node, for nodes, or for pods on them.
const CONCERNED: [Step; 4] =
    [Step::SetEnv, Step::WriteEniconfigs, Step::PatchSecurityGroups, Step::DrainNodes];

pub(super) fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    if !scene.concerns(&CONCERNED) {
        return;
    }
    not_ready(scene, findings);
    left_over(scene, findings);
    if scene.concerns(&[Step::SetEnv, Step::WriteEniconfigs]) {
        on_delete(scene, findings);
    }
}

/// Ready is Unknown if the kubelet does not report, and False if it reports a problem.
fn not_ready(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let (silent, other): (Vec<&Node>, Vec<&Node>) =
        scene.facts.ec2_nodes().filter(|node| !node.ready).partition(|node| node.is_unreachable());
    let names = |nodes: &[&Node]| few(&nodes.iter().map(|node| node.name.clone()).collect::<Vec<_>>());
    if let Some(first) = silent.first() {
        findings.push(
            Issue::warning(id::NOD_028, format!("{} not reporting", subject(silent.len(), "node", "is", "are")))
                .at(names(&silent))
                .why(
                    "the kubelet has stopped reporting: aws-node's rollout continues without the node, and its pods stay \
                     terminating until the instance is terminated",
                )
                .fix(match silent.len() {
                    1 => fixes::end_instance(scene.facts, first),
                    _ => format!("{} # repeat for each node", fixes::end_instance(scene.facts, first)),
                }),
        );
    }
    let mut by_message: BTreeMap<&str, Vec<&Node>> = BTreeMap::new();
    for node in other {
        let message = node.unready.as_ref().map_or("", |unready| unready.message.as_str());
        by_message.entry(message).or_default().push(node);
    }
    for (message, nodes) in by_message {
        findings.push(
            Issue::warning(id::NOD_030, format!("{} not Ready", subject(nodes.len(), "node", "is", "are")))
                .at(names(&nodes))
                .why(message)
                .fix(format!("{} # shows the cause", fixes::command(scene.facts, "doctor"))),
        );
    }
}

fn left_over(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let names: Vec<String> = scene.facts.left_over.iter().map(|node| node.name.clone()).collect();
    if names.is_empty() {
        return;
    }
    findings.push(
        Issue::warning(
            id::NOD_029,
            subject(names.len(), "Node object", "has no instance", "have no instance"),
        )
        .at(few(&names))
        .why("EC2 has no such instance any more, and the Node object was not deleted; every step ignores it")
        .fix(format!("kubectl delete node {}", names.join(" "))),
    );
}

/// A changed environment reaches a node only with a new pod, and with OnDelete the controller creates none.
fn on_delete(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let (facts, _settings) = (scene.facts, scene.settings);
    let rollout = &facts.cni.rollout;
    if rollout.strategy != UpdateStrategy::OnDelete {
        return;
    }
    let changes = match scene.goal.is_undo() {
        true => UndoSetEnv::changes(scene).len(),
        false => SetEnv::changes(scene).len(),
    };
    let outdated = rollout.progress(&facts.nodes, &facts.pods).outdated();
    if changes == 0 && outdated.is_empty() {
        return;
    }
    let patch = r#"{"spec":{"updateStrategy":{"type":"RollingUpdate"}}}"#;
    findings.push(
        Issue::error(id::CNI_025, "aws-node's updateStrategy is OnDelete")
            .at("DaemonSet kube-system/aws-node")
            .why("its pods keep their old environment: with OnDelete the controller does not replace them")
            .fix(format!("kubectl -n kube-system patch daemonset aws-node --type merge -p '{patch}'")),
    );
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::facts::{Controller, Facts, Pod, Rollout, Unready};
    use crate::sample::{custom, facts, node, pod};

    use super::*;

    fn reported(facts: &Facts) -> Vec<String> {
        super::super::reported(check, facts, &[])
    }

    fn unready(silent: bool) -> Option<Unready> {
        Some(Unready { silent, message: "KubeletNotReady: no network".into() })
    }

    #[test]
    fn nodes_that_are_not_ready_or_left_over_are_reported() {
        let mut facts = facts();
        assert_eq!(reported(&facts), [""; 0]);
        facts.nodes[0].ready = false;
        facts.nodes[0].unready = unready(true);
        facts.nodes[1].ready = false;
        facts.nodes[1].unready = unready(false);
        facts.left_over = vec![node("gone-1", "a"), node("gone-2", "b")];
        assert_eq!(
            reported(&facts),
            [
                "EC-NOD-028 Warning: 1 node is not reporting",
                "EC-NOD-030 Warning: 1 node is not Ready",
                "EC-NOD-029 Warning: 2 Node objects have no instance",
            ]
        );
    }

    #[test]
    fn on_delete_is_an_error_only_while_a_pod_has_to_be_replaced() {
        let mut facts = facts();
        facts.cni.rollout.strategy = UpdateStrategy::OnDelete;
        assert_eq!(reported(&facts), ["EC-CNI-025 Error: aws-node's updateStrategy is OnDelete"]);
        let mut facts = custom();
        let pod = |revision: &str| Pod {
            node: "new-a".into(),
            labels: Arc::new([("controller-revision-hash".to_string(), revision.to_string())].into()),
            controller: Some(Arc::new(Controller { kind: "DaemonSet".into(), name: "aws-node".into() })),
            ..pod("kube-system", "aws-node-x")
        };
        facts.cni.rollout = Rollout {
            observed: true,
            strategy: UpdateStrategy::OnDelete,
            revision: "new".into(),
            ..Rollout::default()
        };
        facts.pods.push(pod("new"));
        assert_eq!(reported(&facts), [""; 0]);
        facts.pods.pop();
        facts.pods.push(pod("old"));
        assert_eq!(reported(&facts), ["EC-CNI-025 Error: aws-node's updateStrategy is OnDelete"]);
    }
}
