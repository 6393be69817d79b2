//! The instance type and image of new nodes, and nodes that custom networking does not apply to.

use std::collections::{BTreeMap, BTreeSet};

use crate::design::PoolDesign;
use crate::facts::{NodeKind, StackStatus};
use crate::issue::{Issue, id};
use crate::net::accelerators::{Accelerator, accelerator};
use crate::net::max_pods::{Architecture, HOST_NETWORK_PODS, closest};
use crate::scene::Scene;
use crate::step::Step;
use crate::text::{counted, did_you_mean, subject};

use super::aws_auth;

pub(super) fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    if scene.concerns(&[Step::LaunchNodegroups]) {
        machine(scene, findings);
        stacks(scene, findings);
        host_network(scene, findings);
        aws_auth::check(scene, findings);
    }
    kinds(scene, findings);
}

fn machine(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let (facts, design, settings) = (scene.facts, scene.design, scene.settings);
    findings.extend(design.findings.iter().filter(|finding| finding.id == id::NOD_002).cloned());
    for name in &facts.machine.unknown_types {
        let mut similar = closest(name);
        similar.retain(|name| facts.machine.similar_types.contains(*name));
        findings.push(
            Issue::error(
                id::NOD_001,
                format!("EC2 offers no instance type '{name}' in {}", facts.caller.region),
            )
            .at(settings.named("instance-type"))
            .why(did_you_mean(&similar).unwrap_or_else(|| "no type there has a similar name".into()))
            .fix("eni-custom max-pods --all # lists the known types"),
        );
    }
    for pool in &design.pools {
        of_pool(scene, pool, findings);
    }
    if facts.cluster.service_cidr.is_none() {
        findings.push(
            Issue::error(id::NOD_006, "the cluster reports no service CIDR")
                .at(&facts.cluster.arn)
                .why("a node can't join without it")
                .fix(format!(
                    "aws eks describe-cluster --name {} --query cluster.kubernetesNetworkConfig",
                    facts.cluster.name
                )),
        );
    }
}

/// Whether the image runs on the pool's instance types.
fn of_pool(scene: &Scene<'_>, pool: &PoolDesign, findings: &mut Vec<Issue>) {
    let (facts, settings, machine) = (scene.facts, scene.settings, &pool.machine);
    let Some(instance_type) = machine.instance_type() else {
        // A type that can't be used has a finding of its own.
        let has_finding = findings.iter().any(|finding| finding.id == id::NOD_002);
        if facts.machine.unknown_types.is_empty() && !has_finding {
            findings.push(
                Issue::error(id::NOD_003, "no node to take the instance type from")
                    .at(&facts.cluster.name)
                    .why("the cluster has no EC2 nodes")
                    .fix("set --instance-type"),
            );
        }
        return;
    };
    if accelerator(&instance_type.name) == Some(Accelerator::Other) && !machine.own_image {
        findings.push(
            Issue::warning(
                id::NOD_025,
                format!("the image for {} has no drivers for its accelerators", instance_type.name),
            )
            .at(settings.named("instance-type"))
            .why("EKS publishes images with drivers for NVIDIA GPUs, Inferentia and Trainium only")
            .fix("set --ami-id to an image that has the drivers, or choose another --instance-type"),
        );
    }
    match &machine.image {
        Some(image) => {
            let fits = instance_type.architectures.iter().any(|architecture| {
                matches!(
                    (architecture, image.architecture.as_str()),
                    (Architecture::X86_64, "x86_64") | (Architecture::Arm64, "arm64")
                )
            });
            if !fits {
                let types: Vec<String> =
                    instance_type.architectures.iter().map(ToString::to_string).collect();
                findings.push(
                    Issue::error(id::NOD_004, format!("{} can't run {}", instance_type.name, image.id))
                        .at(settings.named("ami-id"))
                        .why(format!(
                            "the image is for {}, the instance type for {}",
                            image.architecture,
                            types.join(" and ")
                        ))
                        .fix("omit --ami-id to use the newest matching image, or choose another --instance-type"),
                );
            }
        }
        None => findings.push(
            Issue::error(
                id::NOD_005,
                format!("no {} image for Kubernetes {}", machine.family, facts.cluster.version),
            )
            .at(settings.named(if settings.nodes.ami_id.of(&pool.name).is_some() {
                "ami-id"
            } else {
                "ami-family"
            }))
            .why(machine.image_error.clone().unwrap_or_default())
            .fix("choose another --ami-family, or set --ami-id"),
        ),
    }
}

/// Stacks with our names that can neither be used nor recreated.
fn stacks(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let names = scene.design.groups().map(|(_, group)| &group.stack).chain([&scene.design.base_stack]);
    for stack in names.filter_map(|name| scene.facts.node_groups.stacks.get(name)) {
        if !stack.tags.contains_key(crate::tags::TAG_CLUSTER) {
            findings.push(
                Issue::error(
                    id::NOD_007,
                    format!("a stack named {} exists and is not managed by eni-custom", stack.name),
                )
                .at(&stack.id)
                .why("it does not have the tag that eni-custom sets")
                .fix("choose another ENIConfig name with --eniconfig-name, or delete the stack"),
            );
        } else if stack.status == StackStatus::UpdateRollbackFailed {
            findings.push(
                Issue::error(id::NOD_008, format!("stack {} is {}", stack.name, stack.status))
                    .at(&stack.id)
                    .why(&stack.reason)
                    .fix(format!("aws cloudformation continue-update-rollback --stack-name {}", stack.name)),
            );
        }
    }
}

/// DaemonSets with hostNetwork on every node, beyond those that the max pods formula counts: each takes a pod slot and
/// no address, so as many addresses are never used.
fn host_network(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    let mut on_node: BTreeMap<&str, BTreeSet<String>> =
        facts.ec2_nodes().map(|node| (node.name.as_str(), BTreeSet::new())).collect();
    for pod in facts.pods.iter().filter(|pod| pod.host_network && pod.is_of_daemon_set()) {
        let (Some(names), Some(set)) = (on_node.get_mut(pod.node.as_str()), &pod.controller) else {
            continue;
        };
        names.insert(format!("{}/{}", pod.namespace, set.name));
    }
    let Some(everywhere) = on_node.into_values().reduce(|one, other| &one & &other) else { return };
    let Some(beyond) = everywhere.len().checked_sub(HOST_NETWORK_PODS as usize).filter(|more| *more > 0)
    else {
        return;
    };
    findings.push(
        Issue::note(
            id::NOD_014,
            format!("each node runs {} with hostNetwork", counted(everywhere.len(), "pod")),
        )
        .at(everywhere.into_iter().collect::<Vec<_>>().join(", "))
        .why(format!(
            "max pods assumes {HOST_NETWORK_PODS} of them: {} of each node can't be used by other pods",
            counted(beyond, "address")
        ))
        .fix("nothing to do, unless nodes reach max pods too early: then run fewer such DaemonSets"),
    );
}

/// Nodes that are not changed.
fn kinds(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let kinds = [
        (NodeKind::Windows, id::NOD_009, "Windows", "custom networking works only on Linux nodes"),
        (
            NodeKind::Fargate,
            id::NOD_010,
            "Fargate",
            "their pods get addresses from the Fargate profile's subnets",
        ),
        (NodeKind::Hybrid, id::NOD_011, "hybrid", "they don't run the VPC CNI"),
    ];
    for (kind, id, name, why) in kinds {
        let count = scene.facts.nodes.iter().filter(|node| node.kind == kind).count();
        if count > 0 {
            findings.push(
                Issue::note(id, subject(count, &format!("{name} node"), "is not changed", "are not changed"))
                    .at(&scene.facts.cluster.name)
                    .why(why)
                    .fix("nothing to do"),
            );
        }
    }
}
