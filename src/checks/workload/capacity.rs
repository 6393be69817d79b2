//! Whether the pods fit on the new nodes.

use std::collections::BTreeSet;

use crate::capacity::{Age, Capacity, Lack, Shortage, shortages};
use crate::eviction::local::LocalData;
use crate::facts::{Facts, Node, Pod};
use crate::fixes;
use crate::issue::{Issue, id};
use crate::scene::Scene;
use crate::step::Step;
use crate::text::{counted, first_of, subject};

use super::surges;

/// Pods that don't fit on the new nodes.
pub(super) fn check(scene: &Scene<'_>, moving: &[&Pod], local: &LocalData, findings: &mut Vec<Issue>) {
    // A bare pod is not recreated, and a terminating pod already has its replacement.
    let recreated = moving.iter().copied().filter(|pod| pod.controller.is_some() && !pod.deleting);
    // Karpenter starts another node of the same NodePool, if no other node has room.
    let placed = on_node_pools(scene.facts);
    let recreated: Vec<&Pod> = recreated.filter(|pod| !placed.contains(pod.node.as_str())).collect();
    let growing = scene.concerns(&[Step::PatchSecurityGroups]);
    let room = Capacity::of(scene.facts, scene.design, growing);
    surges(scene, &scene.design.drained, &room, findings);
    for shortage in shortages(&recreated, &local.others(&scene.facts.volumes), &room) {
        findings.push(shortage_issue(scene, &shortage, growing));
    }
}

/// Names of the nodes of Karpenter's NodePools.
fn on_node_pools(facts: &Facts) -> BTreeSet<&str> {
    let Some(karpenter) = &facts.karpenter else { return BTreeSet::new() };
    let pools: BTreeSet<&str> = karpenter.pools.iter().map(|pool| pool.name.as_str()).collect();
    let claims = karpenter.claims.iter().filter(|claim| pools.contains(claim.pool.as_str()));
    let claims: BTreeSet<&str> = claims.map(|claim| claim.name.as_str()).collect();
    let is_of_one = |node: &&Node| node.node_claim.as_deref().is_some_and(|claim| claims.contains(claim));
    facts.nodes.iter().filter(is_of_one).map(|node| node.name.as_str()).collect()
}

fn shortage_issue(scene: &Scene<'_>, shortage: &Shortage, growing: bool) -> Issue {
    let fits_nowhere = matches!(
        shortage.lack,
        Lack::Nodes
            | Lack::Label(_)
            | Lack::VolumeZone(_)
            | Lack::VolumeNode(_)
            | Lack::Taint(_)
            | Lack::Size
            | Lack::Resource(_)
    );
    let zone = shortage.zone.as_ref().map(|zone| format!(" in {zone}")).unwrap_or_default();
    // Karpenter starts nodes for pending pods, but adds no addresses.
    let karpenter = scene.facts.nodes.iter().any(|node| node.node_claim.is_some());
    let may_start = karpenter && shortage.lack != Lack::Addresses;
    let rated = match (fits_nowhere, may_start) {
        (true, true) => id::POD_010.warning(),
        (true, false) => id::POD_010.error(),
        (false, true) => id::POD_011.warning(),
        (false, false) => id::POD_011.error(),
    };
    let what = match fits_nowhere {
        true => format!("{} can't run on any new node", counted(shortage.count, "pod")),
        false => {
            format!("{} on the new nodes{zone}", subject(shortage.count, "pod", "does not fit", "do not fit"))
        }
    };
    let lack = shortage.lack.text(Age::New);
    let named = |flag| scene.settings.named(flag);
    // New nodes that are only cordoned.
    let cordoned: Vec<&str> = scene
        .facts
        .ec2_nodes()
        .filter(|node| node.ready && node.unschedulable && !scene.design.old_nodes.contains(&node.name))
        .map(|node| node.name.as_str())
        .collect();
    let keep = "run setup with --keep-old-nodes first";
    Issue::new(rated, what)
        .at(first_of(&shortage.pods, shortage.count))
        .why(if may_start { format!("{lack}; Karpenter may start nodes for them") } else { lack })
        .fix(match (&shortage.lack, growing) {
            (Lack::Nodes | Lack::MaxPods | Lack::Cpu | Lack::Memory, false) if !cordoned.is_empty() => {
                format!("kubectl uncordon {}", cordoned.join(" "))
            }
            (Lack::Nodes, _) => {
                format!("{} # starts the new nodes", fixes::command(scene.facts, "patch-security-groups"))
            }
            (Lack::Label(label), false) => {
                format!("label the new nodes with {label}, or change the pods' node selector or affinity")
            }
            (Lack::Label(label), true) => {
                format!(
                    "change the pods' node selector or affinity; or {keep}, label the new nodes with {label}, then run drain-nodes"
                )
            }
            (Lack::VolumeZone(_), _) => {
                "a volume can't leave its zone: start a node there that fits the pods".into()
            }
            (Lack::VolumeNode(label), _) => {
                format!("label new nodes that can attach the volume with {label}")
            }
            (Lack::Taint(taint), _) => {
                format!("kubectl taint nodes NAME {taint}-; or add a toleration to the pods")
            }
            (Lack::Resource(name), _) => format!(
                "choose an instance type that has {name} with {}; or drain only the other nodes with --old-node-group",
                named("instance-type")
            ),
            (Lack::Size, _) => format!("set a larger instance type with {}", named("instance-type")),
            (Lack::MaxPods | Lack::Cpu | Lack::Memory | Lack::Shared(_), true) => format!(
                "set more nodes with {}, or a larger instance type with {}",
                named("nodes-per-zone"),
                named("instance-type")
            ),
            (Lack::MaxPods | Lack::Cpu | Lack::Memory | Lack::Shared(_), false) => {
                format!(
                    "start more nodes first: {}",
                    fixes::command(scene.facts, "patch-security-groups --nodes-per-zone N")
                )
            }
            (Lack::Addresses, _) => {
                format!("set a larger pod subnet with {}", named("subnet"))
            }
        })
}
