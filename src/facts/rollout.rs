//! The progress of aws-node's rollout, node by node. Pure.
//!
//! The DaemonSet's status is not enough: it counts nodes whose kubelet is gone, so its numbers never become equal. With as
//! many such nodes as `maxUnavailable`, the controller replaces no pod at all (kubernetes#117658).

use std::collections::{BTreeMap, BTreeSet};

use super::{ControllerKind, Node, NodeKind, Pod};
use crate::text::{few, part, subject};

/// The rollout of DaemonSet aws-node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rollout {
    /// The controller has seen the newest spec.
    pub observed: bool,
    pub strategy: UpdateStrategy,
    /// `controller-revision-hash` of the pods with the newest template; empty where ControllerRevisions can't be read.
    pub revision: String,
    pub desired: i32,
    pub updated: i32,
    pub available: i32,
}

/// How the controller replaces pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpdateStrategy {
    /// `maxUnavailable`, as a number or a percentage.
    Rolling(String),
    /// OnDelete: somebody deletes the pods.
    OnDelete,
}

impl Default for UpdateStrategy {
    fn default() -> Self {
        // API reference, RollingUpdateDaemonSet.
        UpdateStrategy::Rolling("1".into())
    }
}

/// The label of a DaemonSet's pods that identifies their template.
const REVISION: &str = "controller-revision-hash";

/// A rollout on the existing nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RolloutProgress {
    /// Ready nodes on which aws-node runs with its newest template.
    pub done: usize,
    /// Ready nodes where it does not, by node.
    pub waiting: BTreeMap<String, Lag>,
    /// Nodes that are not Ready: nothing changes on them until they are.
    pub aside: Vec<String>,
    observed: bool,
    /// The controller's own count, if nothing else is known.
    counted: Option<String>,
}

/// Why a Ready node is not up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lag {
    /// Its pod, by `name` and UID, is from before the change.
    Outdated { name: String, uid: String },
    /// Its pod is new but not Ready; the pod's message.
    NotReady { name: String, because: String },
    /// It has no pod right now.
    Missing,
}

impl Rollout {
    /// The progress of the rollout on these nodes.
    pub fn progress(&self, nodes: &[Node], pods: &[Pod]) -> RolloutProgress {
        let of_node = aws_nodes(pods);
        let nodes: Vec<&Node> = nodes.iter().filter(|node| node.kind == NodeKind::Ec2).collect();
        let (ready, aside): (Vec<&Node>, Vec<&Node>) = nodes.into_iter().partition(|node| node.ready);
        let mut progress = RolloutProgress { observed: self.observed, ..RolloutProgress::default() };
        progress.aside = aside.into_iter().map(|node| node.name.clone()).collect();
        if self.revision.is_empty() {
            // Without ControllerRevisions, only the controller's own count is known.
            progress.observed &= self.updated >= self.desired && self.available >= self.desired;
            let updated = part(self.updated, self.desired, "pod");
            progress.counted = Some(format!("{updated} updated, {} available", self.available));
            return progress;
        }
        // The node selector may exclude a node without a pod, so it counts only while the controller misses pods.
        let lacks_some = usize::try_from(self.desired).unwrap_or_default() > of_node.len();
        for node in ready {
            let there = of_node.get(node.name.as_str());
            match there.map(|pods| self.lag(pods)) {
                Some(None) => progress.done += 1,
                Some(Some(lag)) => drop(progress.waiting.insert(node.name.clone(), lag)),
                None if lacks_some => drop(progress.waiting.insert(node.name.clone(), Lag::Missing)),
                None => {}
            }
        }
        progress
    }

    fn lag(&self, pods: &[&Pod]) -> Option<Lag> {
        let staying = || pods.iter().filter(|pod| !pod.deleting);
        match staying().find(|pod| self.is_new(pod)) {
            Some(pod) if pod.ready => None,
            Some(pod) => Some(Lag::NotReady {
                name: pod.name.clone(),
                because: pod.not_ready_because.as_deref().unwrap_or("not Ready").to_string(),
            }),
            None => match staying().next() {
                Some(pod) => Some(Lag::Outdated { name: pod.name.clone(), uid: pod.uid.clone() }),
                None => Some(Lag::Missing),
            },
        }
    }

    fn is_new(&self, pod: &Pod) -> bool {
        pod.labels.get(REVISION) == Some(&self.revision)
    }

    /// Pods to delete so that the rollout continues: as many as the controller would replace at a time without the nodes
    /// that do not report. Empty if the controller continues by itself, or if a node stopped reporting that is not in
    /// `before`: the new pods may be the cause.
    pub fn held_up<'a>(&self, nodes: &[Node], pods: &'a [Pod], before: &BTreeSet<String>) -> Vec<&'a Pod> {
        let UpdateStrategy::Rolling(most) = &self.strategy else { return Vec::new() };
        let silent = silent(nodes);
        let desired = usize::try_from(self.desired).unwrap_or_default();
        if !self.observed
            || self.revision.is_empty()
            || silent.len() < scaled(most, desired)
            || !silent.is_subset(before)
        {
            return Vec::new();
        }
        let progress = self.progress(nodes, pods);
        let ready = nodes.iter().filter(|node| node.kind == NodeKind::Ec2 && node.ready).count();
        let outdated: BTreeSet<&str> = progress
            .waiting
            .values()
            .filter_map(|lag| match lag {
                Lag::Outdated { uid, .. } => Some(uid.as_str()),
                _ => None,
            })
            .collect();
        let (away, old): (Vec<&Pod>, Vec<&Pod>) =
            pods.iter().filter(|pod| outdated.contains(pod.uid.as_str())).partition(|pod| !pod.ready);
        let under_way = progress.waiting.len() - old.len();
        let room = scaled(most, ready).saturating_sub(under_way);
        // A pod that does not work can be deleted at any time.
        away.into_iter().chain(old.into_iter().take(room)).collect()
    }
}

impl RolloutProgress {
    /// Every Ready node runs the newest aws-node.
    pub fn is_done(&self) -> bool {
        self.observed && self.waiting.is_empty()
    }

    /// Names of the pods with an old template.
    pub fn outdated(&self) -> Vec<String> {
        let outdated = self.waiting.values().filter_map(|lag| match lag {
            Lag::Outdated { name, .. } => Some(name.clone()),
            _ => None,
        });
        outdated.collect()
    }

    /// The first new pod that does not become Ready, with its message.
    pub fn failing(&self) -> Option<(&str, &str)> {
        self.waiting.values().find_map(|lag| match lag {
            Lag::NotReady { name, because } => Some((name.as_str(), because.as_str())),
            _ => None,
        })
    }

    /// The progress in one line.
    pub fn summary(&self) -> String {
        let on = part(self.done, self.done + self.waiting.len(), "Ready node");
        let mut line = self.counted.clone().unwrap_or_else(|| format!("aws-node is up to date on {on}"));
        if !self.observed && self.counted.is_none() {
            line.push_str("; its controller has not seen the newest spec");
        }
        if !self.waiting.is_empty() {
            let names: Vec<String> = self.waiting.keys().cloned().collect();
            line.push_str(&format!("; not yet on {}", few(&names)));
        }
        if let Some((pod, because)) = self.failing() {
            line.push_str(&format!("; {pod}: {because}"));
        }
        if let Some(aside) = self.told_aside() {
            line.push_str(&format!("; {aside}"));
        }
        line
    }

    /// The nodes that are left out; `None` if there are none.
    pub fn told_aside(&self) -> Option<String> {
        match self.aside.as_slice() {
            [] => None,
            aside => Some(format!(
                "{} not Ready and left out: {}",
                subject(aside.len(), "node", "is", "are"),
                few(aside)
            )),
        }
    }
}

/// Nodes that do not report.
pub fn silent(nodes: &[Node]) -> BTreeSet<String> {
    nodes.iter().filter(|node| node.is_unreachable()).map(|node| node.name.clone()).collect()
}

/// Pods of DaemonSet aws-node, by node.
fn aws_nodes(pods: &[Pod]) -> BTreeMap<&str, Vec<&Pod>> {
    let mut of_node: BTreeMap<&str, Vec<&Pod>> = BTreeMap::new();
    for pod in pods.iter().filter(|pod| is_aws_node(pod)) {
        of_node.entry(&pod.node).or_default().push(pod);
    }
    of_node
}

fn is_aws_node(pod: &Pod) -> bool {
    let controller = pod.controller.as_ref();
    pod.namespace == "kube-system"
        && controller.is_some_and(|owner| owner.kind == ControllerKind::DaemonSet && owner.name == "aws-node")
}

/// A number, or a percentage of `all` rounded up; at least one (DaemonSet controller, UnavailableCount).
fn scaled(text: &str, of: usize) -> usize {
    let number = match text.strip_suffix('%') {
        Some(percent) => percent.parse().map_or(0, |percent: usize| (percent * of).div_ceil(100)),
        None => text.parse().unwrap_or_default(),
    };
    number.max(1)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::facts::{Controller, Unready};
    use crate::sample::{node, pod};

    const NEW: &str = "new";

    fn dead(name: &str) -> Node {
        Node {
            ready: false,
            unready: Some(Unready { silent: true, message: "stopped".into() }),
            ..node(name, "a")
        }
    }

    fn aws_node(on: &str, revision: &str) -> Pod {
        Pod {
            node: on.into(),
            labels: Arc::new([(REVISION.to_string(), revision.to_string())].into()),
            controller: Some(Arc::new(Controller { kind: "DaemonSet".into(), name: "aws-node".into() })),
            ..pod("kube-system", &format!("aws-node-{on}"))
        }
    }

    fn rollout(desired: i32, most: &str) -> Rollout {
        Rollout {
            observed: true,
            strategy: UpdateStrategy::Rolling(most.into()),
            revision: NEW.into(),
            desired,
            ..Rollout::default()
        }
    }

    fn names(pods: &[&Pod]) -> Vec<String> {
        pods.iter().map(|pod| pod.node.clone()).collect()
    }

    #[test]
    fn nodes_that_are_not_ready_are_named_and_not_waited_for() {
        let nodes = [node("one", "a"), node("two", "b"), dead("dead")];
        let pods = [aws_node("one", NEW), aws_node("two", NEW), aws_node("dead", "old")];
        let progress = rollout(3, "1").progress(&nodes, &pods);
        assert!(progress.is_done());
        assert_eq!(
            progress.summary(),
            "aws-node is up to date on 2 of 2 Ready nodes; 1 node is not Ready and left out: dead"
        );
    }

    #[test]
    fn a_ready_node_is_up_to_date_with_a_ready_pod_of_the_newest_template() {
        let nodes = [node("one", "a"), node("two", "b")];
        let not_ready =
            Pod { ready: false, not_ready_because: Some("crashes".into()), ..aws_node("two", NEW) };
        let ending = Pod { deleting: true, ..aws_node("two", "old") };
        let cases = [
            (
                vec![aws_node("one", NEW), aws_node("two", "old")],
                Lag::Outdated { name: "aws-node-two".into(), uid: "kube-system-aws-node-two".into() },
            ),
            (
                vec![aws_node("one", NEW), not_ready],
                Lag::NotReady { name: "aws-node-two".into(), because: "crashes".into() },
            ),
            (vec![aws_node("one", NEW), ending], Lag::Missing),
            (vec![aws_node("one", NEW)], Lag::Missing),
        ];
        for (pods, lag) in cases {
            let progress = rollout(2, "1").progress(&nodes, &pods);
            assert!(!progress.is_done(), "{lag:?}");
            assert_eq!(progress.waiting, [("two".to_string(), lag)].into());
        }
        let progress = rollout(1, "1").progress(&nodes, &[aws_node("one", NEW)]);
        assert!(progress.is_done(), "the node selector excludes the other node: {progress:?}");
        let unseen = Rollout { observed: false, ..rollout(1, "1") };
        assert!(!unseen.progress(&nodes, &[aws_node("one", NEW)]).is_done());
    }

    #[test]
    fn without_controller_revisions_the_controller_s_count_decides() {
        let counted = |updated| Rollout { revision: String::new(), updated, available: 2, ..rollout(2, "1") };
        assert!(!counted(1).progress(&[], &[]).is_done());
        assert!(counted(2).progress(&[], &[]).is_done());
    }

    #[test]
    fn pods_are_deleted_only_if_nodes_that_do_not_report_block_the_controller() {
        let nodes = [node("one", "a"), node("two", "b"), dead("dead")];
        let known = silent(&nodes);
        let pods = [aws_node("one", "old"), aws_node("two", "old"), aws_node("dead", "old")];
        assert_eq!(names(&rollout(3, "1").held_up(&nodes, &pods, &known)), ["one"], "one at a time");
        assert_eq!(names(&rollout(3, "10%").held_up(&nodes, &pods, &known)), ["one"]);
        assert_eq!(
            names(&rollout(3, "2").held_up(&nodes, &pods, &known)),
            [""; 0],
            "the controller replaces another by itself"
        );
        let on_delete = Rollout { strategy: UpdateStrategy::OnDelete, ..rollout(3, "1") };
        assert_eq!(names(&on_delete.held_up(&nodes, &pods, &known)), [""; 0]);
        let alive = [node("one", "a"), node("two", "b")];
        assert_eq!(names(&rollout(2, "1").held_up(&alive, &pods[..2], &known)), [""; 0]);
    }

    #[test]
    fn no_more_pods_are_deleted_while_one_is_starting_or_after_another_node_stops_reporting() {
        let nodes = [node("one", "a"), node("two", "b"), dead("dead")];
        let known = silent(&nodes);
        let coming = Pod { ready: false, ..aws_node("one", NEW) };
        let pods = [coming, aws_node("two", "old"), aws_node("dead", "old")];
        assert_eq!(names(&rollout(3, "1").held_up(&nodes, &pods, &known)), [""; 0]);
        let pods = [aws_node("one", "old"), aws_node("two", "old"), aws_node("dead", NEW)];
        assert_eq!(names(&rollout(3, "1").held_up(&nodes, &pods, &known)), ["one"], "it was dead before");
        assert_eq!(names(&rollout(3, "1").held_up(&nodes, &pods, &BTreeSet::new())), [""; 0]);
    }
}
