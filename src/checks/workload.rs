//! Pods that would be lost, and nodes that nobody ends.

use std::collections::BTreeMap;

use crate::drain::filter::{Refuse, sort};
use crate::drain::owner::{Owner, owner};
use crate::finding::Finding;
use crate::steps::Step;

use super::Scene;

pub fn check(scene: &Scene<'_>, findings: &mut Vec<Finding>) {
    if !scene.concerns(&[Step::DrainNodes]) || scene.settings.keep_old_nodes {
        return;
    }
    let sorted = sort(scene.facts, &scene.design.old_nodes, scene.settings);
    let mut by_reason: BTreeMap<&str, (Refuse, Vec<String>)> = BTreeMap::new();
    for (pod, reason) in &sorted.refuse {
        by_reason.entry(reason.flag()).or_insert((*reason, Vec::new())).1.push(pod.full_name());
    }
    for (flag, (reason, pods)) in by_reason {
        let (id, what) = match reason {
            Refuse::Bare => ("EC-POD-001", "pods on old nodes have no controller"),
            Refuse::EmptyDir => ("EC-POD-002", "pods on old nodes keep data in emptyDir volumes"),
        };
        findings.push(
            Finding::error(id, format!("{} {what}", pods.len()))
                .at(some_of(&pods))
                .why(reason.to_string())
                .mend(format!("{flag} allows it; or --keep-old-nodes leaves the old nodes as they are")),
        );
    }
    let nodes = scene.facts.nodes.iter().filter(|node| scene.design.old_nodes.contains(&node.name));
    let unowned: Vec<String> = nodes
        .filter(|node| owner(scene.facts, node) == Owner::Nobody)
        .map(|node| node.name.clone())
        .collect();
    if !unowned.is_empty() && !scene.settings.terminate_unowned {
        findings.push(
            Finding::error("EC-POD-003", format!("{} old nodes belong to no group", unowned.len()))
                .at(some_of(&unowned))
                .why("no Auto Scaling group, managed node group or NodeClaim would end their instances")
                .mend("--terminate-unowned ends them; or --keep-old-nodes leaves the old nodes as they are"),
        );
    }
}

fn some_of(names: &[String]) -> String {
    match names.len() {
        0..=5 => names.join(", "),
        more => format!("{}, and {} more", names[..5].join(", "), more - 5),
    }
}
