//! Node groups that stand in for old ones that are gone: like those, as far as the record knows them, and left standing.
//!
//! They are launched when custom networking is off and before the first new node is emptied. Earlier, their nodes would
//! start as custom ones, with the standard max pods and too few addresses for it; later, the pods of the new nodes
//! would have nowhere to go. They come from the templates of step 7, but have a base stack and a tag of their own: what
//! has our tag is taken back, and these are the cluster's old nodes from now on, also for the next set-up.

use std::collections::{BTreeMap, BTreeSet};

use crate::aws::client_token;
use crate::aws::cloudformation::StackRequest;
use crate::design::{Design, options, stack_name};
use crate::error::{Error, Result};
use crate::facts::{Authentication, Facts, Stack};
use crate::k8s::record::{Shape, Sizes};
use crate::net::accelerators::{Accelerator, accelerator};
use crate::net::max_pods::{MaxPods, Options, max_pods};
use crate::nodes::templates::{BASE, NODE_GROUP, NodeGroupParameters, Parameters};
use crate::nodes::user_data::{AmiFamily, Boot, NodeLabel, render};
use crate::steps::launch_nodegroups::{
    access_entry, base_parameters, complete, is_authorised, never_complete, remove_failed,
};
use crate::steps::{Change, Sign};
use crate::walk::Walk;

use super::missing;

/// On a stand-in's stacks, with the cluster's name.
pub const TAG_STAND_IN: &str = "eni-custom:stand-in";

/// A group for those nodes of an old group that were alike, in one subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandIn {
    /// The old group.
    pub group: String,
    pub stack: String,
    /// What its nodes will be like: labels are those that a kubelet may set.
    pub shape: Shape,
    pub sizes: Sizes,
}

/// One thing that a stand-in needs.
#[derive(Debug, Clone)]
pub enum Launch {
    /// Role, instance profile and security group of all of them. A failed stack goes first.
    Base {
        failed: bool,
    },
    /// Lets nodes with that role join.
    Authorise {
        mode: Authentication,
        role: Option<String>,
    },
    Group {
        stand_in: Box<StandIn>,
        max_pods: Option<MaxPods>,
        failed: bool,
    },
}

/// Whether an old group that had nodes is gone, and others can stand in for it.
pub fn is_needed(design: &Design, facts: &Facts) -> bool {
    !stand_ins(design, facts).is_empty()
}

/// What stands in for the old groups that are gone, where it can. Those that had no nodes are not missed.
pub fn stand_ins(design: &Design, facts: &Facts) -> Vec<StandIn> {
    let impossible = impossible(design, facts);
    wanted(facts).into_iter().filter(|one| !impossible.contains_key(&one.group)).collect()
}

fn wanted(facts: &Facts) -> Vec<StandIn> {
    let of_group = |group: &str| {
        let record = &facts.record;
        let before = record.groups.get(group).or_else(|| record.managed.get(group)).copied();
        let alike = alike(record.shapes.get(group).map(Vec::as_slice).unwrap_or_default());
        let stand_in = |(at, shape): (usize, Shape)| StandIn {
            group: group.into(),
            stack: stack(facts, group, at),
            sizes: sizes(before, shape.count),
            shape: attainable(facts, shape),
        };
        alike.into_iter().enumerate().map(stand_in).collect::<Vec<_>>()
    };
    missing(facts).into_iter().flat_map(of_group).collect()
}

/// Shapes that differ in nothing that a launch could make different are one.
fn alike(shapes: &[Shape]) -> Vec<Shape> {
    let mut alike: Vec<Shape> = Vec::new();
    for shape in shapes {
        let same = |one: &&mut Shape| {
            (&one.subnet, &one.labels, &one.taints) == (&shape.subnet, &shape.labels, &shape.taints)
        };
        match alike.iter_mut().find(same) {
            Some(one) => one.count += shape.count,
            None => alike.push(shape.clone()),
        }
    }
    alike
}

/// The room to grow is what the old group had.
fn sizes(before: Option<Sizes>, count: u32) -> Sizes {
    let count = i32::try_from(count).unwrap_or(i32::MAX);
    let (min, growth) =
        before.map_or((0, 0), |before| (before.min, before.max.saturating_sub(before.desired).max(0)));
    Sizes { min: min.min(count), desired: count, max: count.saturating_add(growth) }
}

/// The record decides about the name, so that a run after a cut finds what was made before. Names of groups are longer
/// than CloudFormation takes, and have letters that it doesn't.
fn stack(facts: &Facts, group: &str, at: usize) -> String {
    let token = client_token(&facts.cluster.arn, TAG_STAND_IN, &format!("{group} {at}"));
    let hash = token.trim_start_matches("eni-custom-");
    stack_name(&facts.cluster.name, &format!("stand-in-{}", &hash[..6]))
}

/// Its name begins as the other base stack's does: what an IAM policy says of the nodes' role holds for both.
pub fn base_stack(facts: &Facts) -> String {
    stack_name(&facts.cluster.name, "base-stand-in")
}

/// Labels that the kubelet or the cloud provider gives each node by itself, from where and what it is.
fn comes_by_itself(key: &str) -> bool {
    const DOMAINS: [&str; 4] = [
        "topology.kubernetes.io/",
        "failure-domain.beta.kubernetes.io/",
        "topology.ebs.csi.aws.com/",
        "topology.k8s.aws/",
    ];
    const NAMES: [&str; 2] = ["node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type"];
    let of_system = |name: &str| matches!(name, "os" | "arch");
    DOMAINS.iter().any(|domain| key.starts_with(domain))
        || NAMES.contains(&key)
        || key.strip_prefix("kubernetes.io/").is_some_and(of_system)
        || key.strip_prefix("beta.kubernetes.io/").is_some_and(of_system)
}

fn attainable(facts: &Facts, mut shape: Shape) -> Shape {
    shape.labels.retain(|key, value| comes_by_itself(key) || NodeLabel::new(key, value).is_ok());
    if let Some(max_pods) = standard_max_pods(facts, &shape) {
        shape.max_pods = max_pods.get();
    }
    shape
}

/// Without custom networking the first interface serves pods too.
fn standard_max_pods(facts: &Facts, shape: &Shape) -> Option<MaxPods> {
    let instance_type = facts.machine.types.get(shape.instance_type()?)?;
    max_pods(instance_type, &Options { custom: false, ..options(facts) }).ok()
}

/// Instance types that have to be known, with an image for each.
pub fn instance_types(facts: &Facts) -> BTreeSet<String> {
    let types = wanted(facts).into_iter().filter_map(|one| Some(one.shape.instance_type()?.to_string()));
    types.collect()
}

/// Why an old group that is gone can't be stood in for, by its name.
pub fn impossible(design: &Design, facts: &Facts) -> BTreeMap<String, String> {
    let mut why = BTreeMap::new();
    for group in missing(facts) {
        let had_nodes = |sizes: Option<&Sizes>| sizes.is_some_and(|sizes| sizes.desired > 0);
        let record = &facts.record;
        let known = record.shapes.get(group).is_some_and(|shapes| !shapes.is_empty());
        if !known && (had_nodes(record.groups.get(group)) || had_nodes(record.managed.get(group))) {
            why.insert(group.to_string(), "the record doesn't say what its nodes were like".to_string());
        }
    }
    let is_there = |one: &StandIn| facts.node_groups.stand_ins.contains_key(&one.stack);
    for one in wanted(facts).into_iter().filter(|one| !is_there(one)) {
        if let Some(reason) = obstacle(design, facts, &one) {
            why.entry(one.group).or_insert(reason);
        }
    }
    why
}

fn obstacle(design: &Design, facts: &Facts, one: &StandIn) -> Option<String> {
    let shape = &one.shape;
    let Some(name) = shape.instance_type() else {
        return Some("the record has no instance type of its nodes".into());
    };
    if facts.vpc.subnet(&shape.subnet).is_none() {
        return Some(format!("its subnet {} is gone", shape.subnet));
    }
    if !shape.taints.is_empty() {
        return Some("its nodes had taints: what they were for is not known".into());
    }
    if accelerator(name) == Some(Accelerator::Other) {
        return Some(format!("EKS publishes no image with drivers for {name}"));
    }
    if !facts.machine.types.contains_key(name) {
        return Some(format!("EC2 doesn't know the instance type {name}"));
    }
    if let Some(Err(reason)) = facts.machine.images.get(name) {
        return Some(format!("there is no image for {name}: {reason}"));
    }
    parameters(design, facts, one, "", "").err().map(|error| error.to_string())
}

/// What is not yet there.
pub fn changes(design: &Design, facts: &Facts) -> Vec<Launch> {
    let failed = |stack: &Stack| never_complete(&stack.status);
    let there = |name: &str| facts.node_groups.stand_ins.get(name);
    let to_make = |name: &str| there(name).is_none_or(failed);
    let groups: Vec<Launch> = stand_ins(design, facts)
        .into_iter()
        .filter(|one| to_make(&one.stack))
        .map(|one| Launch::Group {
            max_pods: standard_max_pods(facts, &one.shape),
            failed: there(&one.stack).is_some(),
            stand_in: Box::new(one),
        })
        .collect();
    if !is_needed(design, facts) {
        return groups;
    }
    let base = base_stack(facts);
    let role = there(&base).and_then(|stack| stack.outputs.get("NodeRoleArn")).cloned();
    let mut changes = Vec::new();
    if to_make(&base) {
        changes.push(Launch::Base { failed: there(&base).is_some() });
    }
    if !role.as_deref().is_some_and(|role| is_authorised(facts, role)) {
        changes.push(Launch::Authorise { mode: facts.cluster.authentication, role });
    }
    changes.into_iter().chain(groups).collect()
}

pub fn describe(launch: &Launch) -> Change {
    let stack = |what: String, failed: bool| {
        let sign = if failed { Sign::Change } else { Sign::Create };
        let change = Change::new(sign, what);
        if failed { change.from_to("status", Some("failed"), "deleted, then created anew") } else { change }
    };
    match launch {
        Launch::Base { failed } => stack("CloudFormation stack of the stand-ins' node role".into(), *failed),
        Launch::Authorise { mode, role } => {
            let resource = match mode {
                Authentication::ConfigMap => "mapRoles entry of the stand-ins' node role",
                _ => "EC2_LINUX access entry of the stand-ins' node role",
            };
            let change = Change::new(Sign::Create, resource);
            match role {
                Some(role) => change.to("role", role),
                None => change.later("role"),
            }
        }
        Launch::Group { stand_in: one, max_pods, failed } => {
            let max_pods = max_pods.map_or("?".into(), |max| max.to_string());
            stack(format!("CloudFormation stack {}", one.stack), *failed)
                .to("in place of", &one.group)
                .to("subnet", &one.shape.subnet)
                .to("instance type", one.shape.instance_type().unwrap_or("?"))
                .to("max pods", max_pods)
                .to("nodes", format!("{} (at most {})", one.sizes.desired, one.sizes.max))
        }
    }
}

pub async fn launch(walk: &mut Walk, launch: Launch) -> Result<()> {
    let base = base_stack(&walk.facts);
    match launch {
        Launch::Base { failed } => {
            if failed {
                remove_failed(walk, &base, TAG_STAND_IN).await?;
            }
            create(walk, base, BASE, base_parameters(&walk.facts)).await
        }
        Launch::Authorise { mode, .. } => {
            let role = base_output(walk, &base, "NodeRoleArn").await?;
            match mode {
                Authentication::ConfigMap => {
                    crate::k8s::aws_auth::allow_nodes(&walk.clients.kube.client, &role).await
                }
                // Without our tag: what has it is taken back.
                _ => access_entry(walk, &role, &[]).await,
            }
        }
        Launch::Group { stand_in, failed, .. } => {
            if failed {
                remove_failed(walk, &stand_in.stack, TAG_STAND_IN).await?;
            }
            let group = base_output(walk, &base, "NodeSecurityGroupId").await?;
            let profile = base_output(walk, &base, "InstanceProfileArn").await?;
            let parameters = parameters(&walk.design, &walk.facts, &stand_in, &group, &profile)?;
            create(walk, stand_in.stack.clone(), NODE_GROUP, parameters).await
        }
    }
}

/// Waits until all of them are complete; their nodes are waited for with those of the other old groups.
pub async fn settle(walk: &Walk) -> Result<()> {
    for one in stand_ins(&walk.design, &walk.facts) {
        complete(walk, &one.stack).await?;
    }
    Ok(())
}

async fn base_output(walk: &Walk, base: &str, name: &str) -> Result<String> {
    let stack = complete(walk, base).await?;
    stack.outputs.get(name).cloned().ok_or_else(|| {
        Error::failed(format!("the stack has no output {name}")).at(base).next("its template was changed")
    })
}

async fn create(walk: &Walk, name: String, template: &str, parameters: Parameters) -> Result<()> {
    let cluster = &walk.facts.cluster;
    let parameters: BTreeMap<String, String> =
        parameters.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
    let content = format!("{name}\n{template}\n{parameters:?}");
    let request = StackRequest {
        token: client_token(&cluster.arn, TAG_STAND_IN, &content),
        template: template.into(),
        tags: vec![(TAG_STAND_IN.into(), cluster.name.clone())],
        parameters,
        name,
    };
    walk.clients.aws.cloudformation.create(&request).await
}

fn parameters(
    design: &Design,
    facts: &Facts,
    one: &StandIn,
    group: &str,
    profile: &str,
) -> Result<Parameters> {
    let unknown =
        |what: &str| Error::failed(format!("the {what} of the stand-in's nodes is unknown")).at(&one.group);
    let (cluster, shape) = (&facts.cluster, &one.shape);
    let instance_type = shape.instance_type().ok_or_else(|| unknown("instance type"))?;
    let image = facts.machine.images.get(instance_type).and_then(|image| image.as_ref().ok());
    let image = image.ok_or_else(|| unknown("image"))?;
    let max_pods = standard_max_pods(facts, shape).ok_or_else(|| unknown("max pods"))?;
    let own = shape.labels.iter().filter(|(key, _)| !comes_by_itself(key));
    let labels: Vec<NodeLabel> = own.filter_map(|(key, value)| NodeLabel::new(key, value).ok()).collect();
    let boot = Boot {
        cluster: &cluster.name,
        endpoint: &cluster.endpoint,
        certificate_authority: &cluster.certificate_authority,
        service_cidr: cluster.service_cidr.ok_or_else(|| unknown("service CIDR"))?,
        max_pods,
        labels: &labels,
    };
    let size = |size: i32| u32::try_from(size).unwrap_or_default();
    NodeGroupParameters {
        cluster_name: &cluster.name,
        node_group_name: &one.stack,
        subnet_ids: std::slice::from_ref(&shape.subnet),
        node_security_group_id: group,
        cluster_security_group_id: &cluster.security_group,
        instance_profile_arn: profile,
        instance_type,
        image_id: &image.id,
        ami_family: AmiFamily::Al2023,
        user_data: &render(AmiFamily::Al2023, &boot),
        min_size: size(one.sizes.min),
        desired_capacity: size(one.sizes.desired),
        max_size: size(one.sizes.max),
        volume_size: design.machine.volume_size,
    }
    .parameters()
    .map_err(|error| Error::failed("write the stand-in's parameters").at(&one.group).because(error))
}

#[cfg(test)]
mod tests;
