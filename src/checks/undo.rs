//! Whether what was made can be taken back, and what of it not.

use std::collections::BTreeSet;

use crate::design::{CUSTOM_NETWORK, our_instances};
use crate::drain::owner::{Owner, owner};
use crate::drain::room::{Room, shortages};
use crate::facts::{Facts, Node, Occupant, Pod};
use crate::finding::Finding;
use crate::k8s::record::Record;
use crate::settings::Undo;
use crate::steps::Step;
use crate::steps::create_subnets::ours as our_subnets;
use crate::steps::drain_nodes::missing;
use crate::steps::patch_security_groups::our_nodes;

use super::Scene;
use super::workload::of_pods;

pub fn check(scene: &Scene<'_>, undo: Undo, findings: &mut Vec<Finding>) {
    if nothing_of_ours(scene.facts) {
        return never_set_up(scene, findings);
    }
    record(scene, findings);
    let moves = undo.takes_back(Step::PatchSecurityGroups) && !undo.keep_nodes;
    if moves && !our_nodes(scene.facts).is_empty() {
        custom_networking_stays_on(scene, undo, findings);
        old_groups(scene, findings);
        let moving = of_pods(scene, &our_nodes(scene.facts), "--keep-nodes leaves the new nodes", findings);
        room(scene, &moving, findings);
    }
    if undo.takes_back(Step::CreateSubnets) {
        in_the_way(scene, undo, findings);
    }
    if undo.takes_back(Step::WriteEniconfigs) {
        foreign_eniconfigs(scene, findings);
    }
}

/// Neither tag nor record tells of an earlier run.
fn nothing_of_ours(facts: &Facts) -> bool {
    facts.record == Record::default()
        && our_subnets(facts).next().is_none()
        && facts.node_groups.stacks.is_empty()
        && !facts.eniconfigs.items.iter().any(|config| config.ours)
}

fn never_set_up(scene: &Scene<'_>, findings: &mut Vec<Finding>) {
    let cluster = &scene.facts.cluster;
    findings.push(
        Finding::error("EC-UND-001", "there is nothing to take back")
            .at(&cluster.arn)
            .why("no record, subnet, stack or ENIConfig of this cluster was made by this program")
            .mend("eni-custom plan shows where the cluster stands"),
    );
}

/// What can't be observed stood there alone.
fn record(scene: &Scene<'_>, findings: &mut Vec<Finding>) {
    let facts = scene.facts;
    if facts.record != Record::default() {
        return;
    }
    let on = facts.cni.env.get(CUSTOM_NETWORK).is_some_and(|value| value == "true");
    let unknown =
        "aws-node's environment, node groups' sizes and the CIDR association before the set-up are unknown";
    let finding = match on {
        true => Finding::error("EC-UND-002", "the record of what was before is missing")
            .mend(format!(
                "put ConfigMap kube-system/eni-custom back from a backup; or switch {CUSTOM_NETWORK} off yourself, let \
                 your old node groups grow, and run this again for what tags prove"
            )),
        false => Finding::warning("EC-UND-002", "the record of what was before is missing")
            .mend("what tags prove is taken back; look at node groups' sizes and the VPC's CIDR blocks yourself"),
    };
    findings.push(finding.at("ConfigMap kube-system/eni-custom").why(unknown));
}

/// Old nodes that start while custom networking is on would be custom ones, with too many pods for it.
fn custom_networking_stays_on(scene: &Scene<'_>, undo: Undo, findings: &mut Vec<Finding>) {
    let facts = scene.facts;
    let on = facts.cni.env.get(CUSTOM_NETWORK).is_some_and(|value| value == "true");
    let old_are_there = facts
        .ec2_nodes()
        .any(|node| node.ready && !node.unschedulable && scene.design.old_nodes.contains(&node.name));
    if !on || undo.takes_back(Step::SetEnv) || old_are_there {
        return;
    }
    findings.push(
        Finding::error("EC-UND-003", "the old nodes are gone, and custom networking would stay on")
            .at(CUSTOM_NETWORK)
            .why(
                "nodes of the old groups that start meanwhile would take their pods' addresses from the ENIConfigs' \
                 subnets, and more pods than they have addresses for",
            )
            .mend("go back to step 2 or further: eni-custom undo --to-step 2"),
    );
}

fn old_groups(scene: &Scene<'_>, findings: &mut Vec<Finding>) {
    let gone = missing(scene.facts);
    if gone.is_empty() {
        return;
    }
    findings.push(
        Finding::error("EC-UND-004", format!("{} old node groups are gone", gone.len()))
            .at(gone.join(", "))
            .why("the pods of the new nodes need nodes without custom networking to go to")
            .mend("make a node group for them as you made the old ones, or leave the new ones: --keep-nodes"),
    );
}

/// Whether the pods find room on the nodes that are there and those that the old groups start again.
fn room(scene: &Scene<'_>, moving: &[&Pod], findings: &mut Vec<Finding>) {
    let facts = scene.facts;
    let leaving = our_nodes(facts);
    let mut coming = Vec::new();
    for (group, shapes) in &facts.record.shapes {
        let is_of = |node: &&Node| {
            !leaving.contains(&node.name)
                && matches!(owner(facts, node), Owner::Group(name) | Owner::Managed(name) if name == *group)
        };
        let mut there = facts.ec2_nodes().filter(is_of).count();
        for shape in shapes {
            let count = shape.count as usize;
            coming.push((shape, count.saturating_sub(there)));
            there = there.saturating_sub(count);
        }
    }
    let room = Room::without(facts, &leaving, &coming);
    // Karpenter starts what pods need; nobody knows before what that will be.
    if facts.nodes.iter().any(|node| node.node_claim.is_some()) || facts.record.shapes.is_empty() {
        return;
    }
    let anew: Vec<&Pod> =
        moving.iter().copied().filter(|pod| pod.controller.is_some() && !pod.deleting).collect();
    for shortage in shortages(&anew, &facts.volumes, &room) {
        findings.push(
            Finding::error("EC-UND-005", format!("{} pods find no room on the old nodes", shortage.count))
                .at(shortage.pods.join(", "))
                .why(shortage.lack.to_string().replace("new node", "old node"))
                .mend("let an old node group grow, or start another without custom networking, and run this again"),
        );
    }
}

/// Whoever else stands in our subnets keeps them.
fn in_the_way(scene: &Scene<'_>, undo: Undo, findings: &mut Vec<Finding>) {
    let facts = scene.facts;
    let ours = our_instances(facts);
    let goes = |interface: &Occupant| {
        interface.is_leaked()
            || interface.instance.as_deref().is_some_and(|id| ours.contains(id) && !undo.keep_nodes)
    };
    let left: Vec<String> = facts.occupants.iter().filter(|each| !goes(each)).map(Occupant::told).collect();
    if left.is_empty() || undo.keep_nodes {
        return;
    }
    findings.push(
        Finding::warning("EC-UND-006", format!("{} others stand in the pod subnets", left.len()))
            .at(left.join(", "))
            .why("this program did not make them: the subnets they are in, and their CIDR block, stay until they are gone")
            .mend("move or delete them before, or run the same command again afterwards"),
    );
}

fn foreign_eniconfigs(scene: &Scene<'_>, findings: &mut Vec<Finding>) {
    let facts = scene.facts;
    let subnets: BTreeSet<&str> = our_subnets(facts).map(|subnet| subnet.id.as_str()).collect();
    let foreign = facts
        .eniconfigs
        .items
        .iter()
        .filter(|config| !config.ours && subnets.contains(config.subnet.as_str()));
    let names: Vec<&str> = foreign.map(|config| config.name.as_str()).collect();
    if names.is_empty() {
        return;
    }
    findings.push(
        Finding::warning("EC-UND-007", format!("{} ENIConfigs of others name our subnets", names.len()))
            .at(names.join(", "))
            .why("they were written by hand, and stay; what they name will be gone")
            .mend("kubectl delete eniconfig, where nobody needs them"),
    );
}
