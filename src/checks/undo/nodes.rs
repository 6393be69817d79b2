//! Whether the old nodes can start again, and whether the pods of the new nodes fit on them.

use std::collections::BTreeMap;

use crate::capacity::{Age, Capacity, shortages};
use crate::design::CUSTOM_NETWORK;
use crate::design::replacement;
use crate::design::undo::{missing, our_nodes, returning};
use crate::eviction::local::LocalData;
use crate::facts::{ImageTrouble, ManagedNodeGroup, Node, Owner, Pod, Shape, owner};
use crate::fixes;
use crate::goal::Undo;
use crate::issue::{Issue, id};
use crate::net::vcpus::{VcpuFamily, vcpu_family};
use crate::scene::Scene;
use crate::step::Step;
use crate::text::{counted, subject};

use super::super::groups::not_active;
use super::super::workload::{of_pods, surges};

pub(super) fn check(scene: &Scene<'_>, undo: Undo, findings: &mut Vec<Issue>) {
    let empties = undo.covers(Step::PatchSecurityGroups) && !our_nodes(scene.facts).is_empty();
    let mut coming = Vec::new();
    if undo.covers(Step::DrainNodes) {
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
            growing.filter_map(|managed| not_active(&scene.facts.cluster.name, managed, id::UND_015)),
        );
        addresses(scene, &coming, findings);
        vcpus(scene, &coming, findings);
    }
    if empties {
        let moving = of_pods(scene, &our_nodes(scene.facts), "--keep-nodes to keep the new nodes", findings);
        capacity(scene, &moving, &coming, findings);
    }
}

/// Nodes that the old groups and their replacement node groups will start.
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
    for one in replacement::replacements(scene.design, facts) {
        let group = facts.node_groups.groups.values().find(|group| group.stack() == Some(&one.stack));
        let there = group.map_or(0, |group| facts.ec2_nodes().filter(|node| group.holds(node)).count());
        coming.push((one.shape.clone(), (one.shape.count as usize).saturating_sub(there)));
    }
    coming
}

/// Old nodes that start while custom networking is on would use it, with max pods above their addresses.
fn custom_networking_stays_on(scene: &Scene<'_>, undo: Undo, empties: bool, findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    let old_are_there = facts
        .ec2_nodes()
        .any(|node| node.ready && !node.unschedulable && scene.design.old_nodes.contains(&node.name));
    let would_start = !returning(facts).is_empty() || replacement::is_needed(scene.design, facts);
    if !facts.cni.is_on(CUSTOM_NETWORK)
        || undo.covers(Step::SetEnv)
        || !(would_start || (empties && !old_are_there))
    {
        return;
    }
    let fix = match undo {
        Undo::Only(_) => fixes::command(scene.facts, "set-env --undo"),
        Undo::All { .. } | Undo::DownTo { .. } => {
            format!("{} # undoes step 3 too", fixes::command(scene.facts, "undo --to-step 2"))
        }
    };
    findings.push(
        Issue::error(id::UND_003, "the old node groups would start nodes while custom networking is on")
            .at(crate::design::CUSTOM_NETWORK)
            .why(
                "the old groups would start nodes that use the pod subnets, with max pods above their addresses",
            )
            .fix(fix),
    );
}

/// Old groups that no longer exist, and what happens to their nodes.
fn old_groups(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let impossible = replacement::impossible(scene.design, scene.facts);
    if !impossible.is_empty() {
        let names: Vec<&str> = impossible.keys().map(String::as_str).collect();
        let why: Vec<String> = impossible.iter().map(|(group, why)| format!("{group}: {why}")).collect();
        findings.push(
            Issue::warning(
                id::UND_011,
                format!("{} gone, and can't be replaced", counted(names.len(), "old node group")),
            )
            .at(names.join(", "))
            .why(why.join("; "))
            .fix(format!(
                "start nodes without custom networking for their pods, then add --accept {}; or keep the new nodes with \
                 --keep-nodes",
                id::UND_011
            )),
        );
    }
    let mut nodes: BTreeMap<String, u32> = BTreeMap::new();
    for one in replacement::replacements(scene.design, scene.facts) {
        *nodes.entry(one.group).or_default() += one.shape.count;
    }
    if nodes.is_empty() {
        return;
    }
    let names: Vec<&str> = nodes.keys().map(String::as_str).collect();
    let count: u32 = nodes.values().sum();
    findings.push(
        Issue::warning(id::UND_004, format!("{} gone", counted(names.len(), "old node group")))
            .at(names.join(", "))
            .why(format!(
                "replacement node groups with {} are created: the same subnets, instance types and labels, Amazon Linux \
                 2023, their own node role and security group; they remain after undo",
                counted(count as usize, "node")
            ))
            .fix("nothing to do; or create your own node groups and keep the new nodes with --keep-nodes"),
    );
}

/// Whether the existing groups can still start nodes.
fn images(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    for (group, trouble) in scene.facts.undo.iter().flat_map(|undo| &undo.image_trouble) {
        let finding = match trouble {
            ImageTrouble::Gone(what) => {
                Issue::error(id::UND_008, "an old node group can no longer start nodes")
                    .why(format!("{what} no longer exists"))
                    .fix(
                        "create a launch template version with an existing image (for a managed node group: \
                         aws eks update-nodegroup-version), then run this again; or keep the new nodes with --keep-nodes",
                    )
            }
            ImageTrouble::Unknown(reason) => {
                Issue::warning(id::UND_008, "unknown whether an old node group can start nodes")
                    .why(format!("its image could not be read: {reason}"))
                    .fix("check that the image in its launch template exists")
            }
        };
        findings.push(finding.at(group));
    }
}

/// Each node needs an address of its subnet.
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
            Issue::error(id::UND_010, format!("{} can't start", counted(nodes, "old node")))
                .at(&subnet.id)
                .why(format!("{} in their subnet", counted(subnet.free as usize, "free address")))
                .fix("free addresses there, and run this again"),
        );
    }
}

/// Old and new nodes run at the same time for a while.
fn vcpus(scene: &Scene<'_>, coming: &[(Shape, usize)], findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    let machine = &facts.machine;
    let families: BTreeMap<&str, _> = coming
        .iter()
        .filter_map(|(shape, _)| vcpu_family(shape.instance_type()?))
        .map(|family| (family.code, family))
        .collect();
    for (code, family) in families {
        if let Some(limit) = machine.vcpu_quotas.get(code) {
            vcpus_of(scene, family, *limit, coming, findings);
        }
    }
}

fn vcpus_of(
    scene: &Scene<'_>,
    family: &VcpuFamily,
    limit: u32,
    coming: &[(Shape, usize)],
    findings: &mut Vec<Issue>,
) {
    let facts = scene.facts;
    let machine = &facts.machine;
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
        Issue::error(id::UND_010, "the old nodes can't start alongside the new ones")
            .at(format!("quota {} of {}", family.name, facts.caller.region))
            .why(format!(
                "they need {}, the cluster's nodes use {running}, and the account may run {limit}",
                counted(needed, "vCPU")
            ))
            .fix(format!(
                "aws service-quotas request-service-quota-increase --service-code ec2 --quota-code {} --desired-value {}",
                family.code,
                running.saturating_add(needed)
            )),
    );
}

/// Whether the pods fit on the remaining nodes and those that will start.
fn capacity(scene: &Scene<'_>, moving: &[&Pod], coming: &[(Shape, usize)], findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    // Karpenter starts nodes as pods need them; which ones can't be known in advance.
    if facts.nodes.iter().any(|node| node.node_claim.is_some()) {
        return;
    }
    let coming: Vec<(&Shape, usize)> = coming.iter().map(|(shape, count)| (shape, *count)).collect();
    let room = Capacity::without(facts, &our_nodes(facts), &coming);
    surges(scene, &our_nodes(facts), &room, findings);
    let local = LocalData::of(facts, &our_nodes(facts));
    let recreated: Vec<&Pod> =
        moving.iter().copied().filter(|pod| pod.controller.is_some() && !pod.deleting).collect();
    for shortage in shortages(&recreated, &local.others(&facts.volumes), &room) {
        findings.push(
            Issue::error(id::UND_005, format!("{} on the old nodes", subject(shortage.count, "pod", "does not fit", "do not fit")))
                .at(shortage.pods.join(", "))
                .why(shortage.lack.text(Age::Old))
                .fix(
                    "scale up an old node group, or create one without custom networking, then run this again; or keep the \
                     new nodes with --keep-nodes",
                ),
        );
    }
}
