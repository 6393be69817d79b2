//! Whether the old nodes can come back, and the pods of the new ones find room there.

use std::collections::BTreeMap;

use crate::capacity::{Room, shortages};
use crate::design::stand_in;
use crate::design::undo::{missing, our_nodes, returning};
use crate::design::{CUSTOM_NETWORK, wanted_type};
use crate::eviction::local::LocalData;
use crate::facts::{ImageTrouble, ManagedNodeGroup, Node, Owner, Pod, Shape, owner};
use crate::issue::Issue;
use crate::net::vcpus::vcpu_family;
use crate::step::{Step, Undo};
use crate::words::{counted, subject};

use super::super::Scene;
use super::super::groups::not_active;
use super::super::workload::{of_pods, surges};

pub fn check(scene: &Scene<'_>, undo: Undo, findings: &mut Vec<Issue>) {
    let empties = undo.takes_back(Step::PatchSecurityGroups) && !our_nodes(scene.facts).is_empty();
    let mut coming = Vec::new();
    if undo.takes_back(Step::DrainNodes) {
        coming = nodes_to_come(scene);
        custom_networking_stays_on(scene, undo, empties, findings);
        old_groups(scene, findings);
        images(scene, findings);
        let there = &scene.facts.node_groups;
        let grows = |managed: &&ManagedNodeGroup| {
            let before = scene.facts.record.managed.get(&managed.name);
            before.is_some_and(|before| *before != there.sizes_of(managed))
        };
        let growing = there.managed.iter().filter(grows);
        findings.extend(
            growing.filter_map(|managed| not_active(&scene.facts.cluster.name, managed, "EC-UND-015")),
        );
        addresses(scene, &coming, findings);
        vcpus(scene, &coming, findings);
    }
    if empties {
        let moving = of_pods(scene, &our_nodes(scene.facts), "--keep-nodes leaves the new nodes", findings);
        room(scene, &moving, &coming, findings);
    }
}

/// Nodes that the old groups, and what stands in for them, start again.
fn nodes_to_come(scene: &Scene<'_>) -> Vec<(Shape, usize)> {
    let facts = scene.facts;
    let leaving = our_nodes(facts);
    let gone = missing(facts);
    let mut coming = Vec::new();
    for (group, shapes) in facts.record.shapes.iter().filter(|(group, _)| !gone.contains(&group.as_str())) {
        let is_of = |node: &&Node| {
            !leaving.contains(&node.name)
                && matches!(owner(facts, node), Owner::Group(name) | Owner::Managed(name) if name == *group)
        };
        let mut there = facts.ec2_nodes().filter(is_of).count();
        for shape in shapes {
            let count = shape.count as usize;
            coming.push((shape.clone(), count.saturating_sub(there)));
            there = there.saturating_sub(count);
        }
    }
    for one in stand_in::stand_ins(scene.design, facts) {
        let group = facts.node_groups.groups.values().find(|group| group.stack() == Some(&one.stack));
        let there = group.map_or(0, |group| facts.ec2_nodes().filter(|node| group.holds(node)).count());
        coming.push((one.shape.clone(), (one.shape.count as usize).saturating_sub(there)));
    }
    coming
}

/// Old nodes that start while custom networking is on would be custom ones, with too many pods for it.
fn custom_networking_stays_on(scene: &Scene<'_>, undo: Undo, empties: bool, findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    let old_are_there = facts
        .ec2_nodes()
        .any(|node| node.ready && !node.unschedulable && scene.design.old_nodes.contains(&node.name));
    let would_start = !returning(facts).is_empty() || stand_in::is_needed(scene.design, facts);
    if !facts.cni.is_on(CUSTOM_NETWORK)
        || undo.takes_back(Step::SetEnv)
        || !(would_start || (empties && !old_are_there))
    {
        return;
    }
    let fix = match undo.only {
        Some(_) => "eni-custom set-env --undo first",
        None => "go back to step 2 or further: eni-custom undo --to-step 2",
    };
    findings.push(
        Issue::error("EC-UND-003", "the old nodes are gone, and custom networking would stay on")
            .at(crate::design::CUSTOM_NETWORK)
            .why(
                "nodes of the old groups that start meanwhile would take their pods' addresses from the ENIConfigs' \
                 subnets, and more pods than they have addresses for",
            )
            .fix(fix),
    );
}

/// Old groups that are not there any more, and what becomes of their nodes.
fn old_groups(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let impossible = stand_in::impossible(scene.design, scene.facts);
    if !impossible.is_empty() {
        let names: Vec<&str> = impossible.keys().map(String::as_str).collect();
        let why: Vec<String> = impossible.iter().map(|(group, why)| format!("{group}: {why}")).collect();
        findings.push(
            Issue::warning(
                "EC-UND-011",
                format!("{} gone, and nothing can stand in", counted(names.len(), "old node group")),
            )
            .at(names.join(", "))
            .why(why.join("; "))
            .fix(
                "start nodes without custom networking for their pods, as you did before, and go on with \
                 --accept EC-UND-011; or leave the new nodes: --keep-nodes",
            ),
        );
    }
    let mut nodes: BTreeMap<String, u32> = BTreeMap::new();
    for one in stand_in::stand_ins(scene.design, scene.facts) {
        *nodes.entry(one.group).or_default() += one.shape.count;
    }
    if nodes.is_empty() {
        return;
    }
    let names: Vec<&str> = nodes.keys().map(String::as_str).collect();
    let count: u32 = nodes.values().sum();
    findings.push(
        Issue::warning("EC-UND-004", format!("{} gone", counted(names.len(), "old node group")))
            .at(names.join(", "))
            .why(format!(
                "new groups stand in, with {}: the same subnets, instance types and labels, Amazon Linux 2023, a node \
                 role and a security group of their own; they stay when all else is taken back",
                counted(count as usize, "node")
            ))
            .fix("where that is not wanted: make node groups of your own, and leave the new ones with --keep-nodes"),
    );
}

/// Whether the groups that are there can start nodes as they did.
fn images(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    for (group, trouble) in &scene.facts.node_groups.image_trouble {
        let finding = match trouble {
            ImageTrouble::Gone(what) => {
                Issue::error("EC-UND-008", "an old node group can't start nodes any more")
                    .why(format!("{what} is not there any more"))
                    .fix(
                        "give the group an image that is there, by a new version of its launch template (a managed one: \
                         aws eks update-nodegroup-version), and run this again; or leave the new nodes: --keep-nodes",
                    )
            }
            ImageTrouble::Unknown(reason) => {
                Issue::warning("EC-UND-008", "whether an old node group can start nodes again is unknown")
                    .why(format!("its image could not be looked at: {reason}"))
                    .fix("look whether the image of its launch template is there")
            }
        };
        findings.push(finding.at(group));
    }
}

/// Each node takes an address of its subnet, before its pods do.
fn addresses(scene: &Scene<'_>, coming: &[(Shape, usize)], findings: &mut Vec<Issue>) {
    let mut nodes: BTreeMap<&str, usize> = BTreeMap::new();
    for (shape, count) in coming {
        *nodes.entry(&shape.subnet).or_default() += count;
    }
    for (subnet, nodes) in nodes {
        let Some(subnet) = scene.facts.vpc.subnet(subnet).filter(|subnet| nodes > subnet.free as usize)
        else {
            continue;
        };
        findings.push(
            Issue::error("EC-UND-010", format!("{} can't start", counted(nodes, "old node")))
                .at(&subnet.id)
                .why(format!("{} left in their subnet", counted(subnet.free as usize, "free address")))
                .fix("free addresses there, and run this again"),
        );
    }
}

/// Old and new nodes stand side by side for a while.
fn vcpus(scene: &Scene<'_>, coming: &[(Shape, usize)], findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    let machine = &facts.machine;
    let wanted = wanted_type(scene.settings, facts);
    let (Some(family), Some(limit)) = (wanted.as_deref().and_then(vcpu_family), machine.vcpu_quota) else {
        return;
    };
    let vcpus = |name: &str| match vcpu_family(name) == Some(family) {
        true => machine.types.get(name).and_then(|kind| kind.vcpus).unwrap_or_default(),
        false => 0,
    };
    let running: u32 = facts.ec2_nodes().map(|node| vcpus(&node.instance_type)).sum();
    let of = |(shape, count): &(Shape, usize)| {
        vcpus(shape.instance_type().unwrap_or_default())
            .saturating_mul(u32::try_from(*count).unwrap_or(u32::MAX))
    };
    let needed = coming.iter().map(of).fold(0, u32::saturating_add);
    if needed == 0 || running.saturating_add(needed) <= limit {
        return;
    }
    findings.push(
        Issue::error("EC-UND-010", "the old nodes can't start beside the new ones")
            .at(format!("quota {} of {}", family.name, facts.caller.region))
            .why(format!(
                "they take {}, the cluster's nodes have {running}, and the account may run {limit}",
                counted(needed, "vCPU")
            ))
            .fix(format!(
                "aws service-quotas request-service-quota-increase --service-code ec2 --quota-code {} --desired-value {}",
                family.code,
                running.saturating_add(needed)
            )),
    );
}

/// Whether the pods find room on the nodes that are there and those that come.
fn room(scene: &Scene<'_>, moving: &[&Pod], coming: &[(Shape, usize)], findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    // Karpenter starts what pods need; nobody knows before what that will be.
    if facts.nodes.iter().any(|node| node.node_claim.is_some()) {
        return;
    }
    let coming: Vec<(&Shape, usize)> = coming.iter().map(|(shape, count)| (shape, *count)).collect();
    let room = Room::without(facts, &our_nodes(facts), &coming);
    surges(scene, &our_nodes(facts), &room, findings);
    let local = LocalData::of(facts, &our_nodes(facts));
    let anew: Vec<&Pod> =
        moving.iter().copied().filter(|pod| pod.controller.is_some() && !pod.deleting).collect();
    for shortage in shortages(&anew, &local.others(&facts.volumes), &room) {
        findings.push(
            Issue::error("EC-UND-005", format!("{} no room on the old nodes", subject(shortage.count, "pod", "finds", "find")))
                .at(shortage.pods.join(", "))
                .why(shortage.lack.to_string().replace("new node", "old node"))
                .fix(
                    "let an old node group grow, or start another without custom networking, and run this again; or \
                     leave the new nodes: --keep-nodes",
                ),
        );
    }
}
