//! Replacement node groups for old ones that are gone: like those, as far as the record knows them. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::client_token::client_token;
use crate::design::{Design, options, stack_name};
use crate::error::{Error, Result};
use crate::facts::{AmiFamily, Facts, Shape, Sizes};
use crate::net::accelerators::{Accelerator, accelerator};
use crate::net::max_pods::{MaxPods, Options, max_pods};
use crate::nodes::templates::{DEFAULT_VOLUME_SIZE, PlainNodeGroup};
use crate::nodes::user_data::{Boot, Carried, MaxPodsRule, NodeLabel, render};
use crate::tags::TAG_REPLACEMENT;

use super::undo::missing;

/// A replacement node group, for those nodes of an old group that were alike and in one subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replacement {
    /// The old group.
    pub group: String,
    pub stack: String,
    /// Properties of its nodes; the labels are those that a kubelet may set.
    pub shape: Shape,
    pub sizes: Sizes,
}

/// Whether an old group that had nodes is gone and can be replaced.
pub(crate) fn is_needed(design: &Design, facts: &Facts) -> bool {
    !replacements(design, facts).is_empty()
}

/// The replacements of the old groups that are gone, if possible. Groups without nodes are not replaced.
pub(crate) fn replacements(design: &Design, facts: &Facts) -> Vec<Replacement> {
    let impossible = impossible(design, facts);
    wanted(facts).into_iter().filter(|one| !impossible.contains_key(&one.group)).collect()
}

pub(crate) fn wanted(facts: &Facts) -> Vec<Replacement> {
    let of_group = |group: &str| {
        let record = &facts.record;
        let before = record.groups.get(group).or_else(|| record.managed.get(group)).copied();
        let alike = alike(record.shapes.get(group).map(Vec::as_slice).unwrap_or_default());
        let replacement = |(at, shape): (usize, Shape)| Replacement {
            group: group.into(),
            stack: stack(facts, group, at),
            sizes: sizes(before, shape.count),
            shape: launchable(facts, shape),
        };
        alike.into_iter().enumerate().map(replacement).collect::<Vec<_>>()
    };
    missing(facts).into_iter().flat_map(of_group).collect()
}

/// Merges shapes that a launch could not make different.
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

/// The group can grow as far as the old group could.
fn sizes(before: Option<Sizes>, count: u32) -> Sizes {
    let count = i32::try_from(count).unwrap_or(i32::MAX);
    let (min, growth) =
        before.map_or((0, 0), |before| (before.min, before.max.saturating_sub(before.desired).max(0)));
    Sizes { min: min.min(count), desired: count, max: count.saturating_add(growth) }
}

/// The stack name. It depends only on the record, so that the next run finds the stacks of an interrupted one. Group names
/// can be longer than CloudFormation allows, and contain other characters.
fn stack(facts: &Facts, group: &str, at: usize) -> String {
    let token = client_token(&facts.cluster.arn, TAG_REPLACEMENT, &format!("{group} {at}"));
    let hash = token.trim_start_matches("eni-custom-");
    stack_name(&facts.cluster.name, &format!("replacement-{}", &hash[..6]))
}

/// The name starts like that of the other base stack, so that IAM policies for the node role match both.
pub(crate) fn base_stack(facts: &Facts) -> String {
    stack_name(&facts.cluster.name, "base-replacement")
}

/// Labels that the kubelet or the cloud provider sets on each node automatically.
fn is_automatic(key: &str) -> bool {
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

fn launchable(facts: &Facts, mut shape: Shape) -> Shape {
    shape.labels.retain(|key, value| is_automatic(key) || NodeLabel::new(key, value).is_ok());
    if let Some(max_pods) = standard_max_pods(facts, &shape) {
        shape.max_pods = max_pods.get();
    }
    shape
}

/// Max pods without custom networking: the primary interface serves pods too.
pub(crate) fn standard_max_pods(facts: &Facts, shape: &Shape) -> Option<MaxPods> {
    let instance_type = facts.machine.types.get(shape.instance_type()?)?;
    max_pods(instance_type, &Options { custom: false, ..options(facts) }).ok()
}

/// Instance types whose details and images are needed.
pub(crate) fn instance_types(facts: &Facts) -> BTreeSet<String> {
    let types = wanted(facts).into_iter().filter_map(|one| Some(one.shape.instance_type()?.to_string()));
    types.collect()
}

/// Why an old group that is gone can't be replaced, by its name.
pub(crate) fn impossible(design: &Design, facts: &Facts) -> BTreeMap<String, String> {
    let mut why = BTreeMap::new();
    for group in missing(facts) {
        let had_nodes = |sizes: Option<&Sizes>| sizes.is_some_and(|sizes| sizes.desired > 0);
        let record = &facts.record;
        let known = record.shapes.get(group).is_some_and(|shapes| !shapes.is_empty());
        if !known && (had_nodes(record.groups.get(group)) || had_nodes(record.managed.get(group))) {
            why.insert(group.to_string(), "the record has no details of its nodes".to_string());
        }
    }
    let is_there = |one: &Replacement| facts.replacement_stack(&one.stack).is_some();
    for one in wanted(facts).into_iter().filter(|one| !is_there(one)) {
        if let Some(reason) = obstacle(design, facts, &one) {
            why.entry(one.group).or_insert(reason);
        }
    }
    why
}

fn obstacle(design: &Design, facts: &Facts, one: &Replacement) -> Option<String> {
    let shape = &one.shape;
    let Some(name) = shape.instance_type() else {
        return Some("the record has no instance type of its nodes".into());
    };
    if facts.vpc.subnet(&shape.subnet).is_none() {
        return Some(format!("its subnet {} is gone", shape.subnet));
    }
    if !shape.taints.is_empty() {
        return Some("its nodes had taints, and their purpose is unknown".into());
    }
    if accelerator(name) == Some(Accelerator::Other) {
        return Some(format!("EKS publishes no image with drivers for {name}"));
    }
    if !facts.machine.types.contains_key(name) {
        return Some(format!("EC2 doesn't know the instance type {name}"));
    }
    if let Some(Err(reason)) = facts.replacement_image(name) {
        return Some(format!("there is no image for {name}: {reason}"));
    }
    template(design, facts, one, "", "").err().map(|error| error.to_string())
}

pub(crate) fn template(
    design: &Design,
    facts: &Facts,
    one: &Replacement,
    group: &str,
    profile: &str,
) -> Result<String> {
    let unknown =
        |what: &str| Error::failed(format!("the {what} of the replacement nodes is unknown")).at(&one.group);
    let (cluster, shape) = (&facts.cluster, &one.shape);
    let instance_type = shape.instance_type().ok_or_else(|| unknown("instance type"))?;
    let image = facts.replacement_image(instance_type).and_then(|image| image.as_ref().ok());
    let image = image.ok_or_else(|| unknown("image"))?;
    let max_pods = standard_max_pods(facts, shape).ok_or_else(|| unknown("max pods"))?;
    let own = shape.labels.iter().filter(|(key, _)| !is_automatic(key));
    let labels: Vec<NodeLabel> = own.filter_map(|(key, value)| NodeLabel::new(key, value).ok()).collect();
    let boot = Boot {
        cluster: &cluster.name,
        endpoint: &cluster.endpoint,
        certificate_authority: &cluster.certificate_authority,
        service_cidr: cluster.service_cidr.ok_or_else(|| unknown("service CIDR"))?,
        max_pods: MaxPodsRule::Fixed(max_pods),
        labels: &labels,
        taints: &[],
        carried: &Carried::default(),
    };
    let user_data = render(AmiFamily::Al2023, &boot)
        .map_err(|error| Error::failed("write the user data").at(&one.group).because(error))?;
    PlainNodeGroup {
        cluster_name: &cluster.name,
        node_group_name: &one.stack,
        subnet_ids: std::slice::from_ref(&shape.subnet),
        node_security_group_id: group,
        cluster_security_group_id: &cluster.security_group,
        instance_profile_arn: profile,
        instance_type,
        image_id: &image.id,
        ami_family: AmiFamily::Al2023,
        user_data: &user_data,
        volume_size: design.volume_size.unwrap_or(DEFAULT_VOLUME_SIZE),
    }
    .template()
    .map_err(|error| {
        Error::failed("write the template of the replacement node group").at(&one.group).because(error)
    })
}
