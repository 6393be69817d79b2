//! What CloudFormation gets for a node group: the old group's launch template, with what must differ. Pure.

use serde_json::json;

use crate::design::{Design, GroupDesign, PoolDesign, RoleDesign, options};
use crate::error::{Error, Result};
use crate::facts::{AmiFamily, Facts};
use crate::net::max_pods::InstanceType;
use crate::nodes::templates::data::{set_security_groups, set_volume_size};
use crate::nodes::templates::error::TemplateError;
use crate::nodes::templates::launch::Launch;
use crate::nodes::templates::managed::ManagedTemplate;
use crate::nodes::templates::node_group::{NodeGroupTemplate, Profile};
use crate::nodes::templates::{self, DEFAULT_VOLUME_SIZE, Parameters};
use crate::nodes::user_data::{Boot, MaxPodsRule, NodeLabel, NodeTaint, for_eks, knows_expression, render};
use crate::tags::node_group_name;

/// What the base stack has for node groups, or placeholders for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BaseOutputs<'a> {
    pub security_group: &'a str,
    /// ARN of the role; `None` if no new node has it.
    pub role: Option<&'a str>,
    /// ARN of its instance profile.
    pub instance_profile: Option<&'a str>,
}

/// Template of a group's stack.
pub(crate) fn node_group_template(
    design: &Design,
    facts: &Facts,
    (pool, group): (&PoolDesign, &GroupDesign),
    base: BaseOutputs<'_>,
) -> Result<String> {
    let (machine, mirror) = (&pool.machine, &pool.mirror);
    let image = machine.image.as_ref().ok_or_else(|| unknown("image"))?;
    let mut data = mirror.data.clone();
    match pool.kind.has_image_of_eks() {
        true => drop(data.shift_remove("ImageId")),
        false => drop(data.insert("ImageId".into(), json!(image.id))),
    }
    let own = [base.security_group.to_string(), facts.cluster.security_group.clone()];
    let groups: Vec<String> = own.into_iter().chain(mirror.security_groups.iter().cloned()).collect();
    set_security_groups(&mut data, &groups);
    if let Some(size) = machine.volume_size {
        set_volume_size(&mut data, machine.family, size);
    }
    let failed = |error| Error::failed("write the node group's template").at(&group.stack).because(error);
    let (user_data, tags) = (user_data(design, facts, pool, group)?, mirror.launch_tags());
    let launch = Launch {
        cluster: &facts.cluster.name,
        name: if pool.kind.is_managed() { &node_group_name(&group.stack) } else { &group.stack },
        data: &data,
        user_data: user_data.as_bytes(),
        // Old nodes whose launch template describes no volumes have those of their image.
        family: (pool.old.is_none() || machine.volume_size.is_some()).then_some(machine.family),
        volume_size: machine.volume_size.unwrap_or(DEFAULT_VOLUME_SIZE),
        imds_defaults: pool.old.is_none(),
        tags: &tags,
    };
    if pool.kind.is_managed() {
        return managed(design, facts, (pool, group), launch, base)?.map_err(failed);
    }
    let profile = match &mirror.role {
        RoleDesign::Existing { profile: Some(arn), .. } => Profile::Existing(arn),
        RoleDesign::Existing { arn, .. } => {
            Profile::OfRole { role: arn.rsplit('/').next().unwrap_or(arn), path: design.role_path.as_deref() }
        }
        RoleDesign::New => {
            Profile::Existing(base.instance_profile.ok_or_else(|| unknown("instance profile"))?)
        }
    };
    NodeGroupTemplate {
        launch,
        subnets: &group.node_subnets(),
        profile,
        instances: &machine.instances,
        group: &mirror.group,
        group_tags: &mirror.tags,
    }
    .render()
    .map_err(failed)
}

/// Labels and taints are EKS's to set where it writes user data. Where it does not, it only shows them, to the Cluster
/// Autoscaler for example, and the nodes get them by their user data.
fn managed(
    design: &Design,
    facts: &Facts,
    (pool, group): (&PoolDesign, &GroupDesign),
    launch: Launch<'_>,
    base: BaseOutputs<'_>,
) -> Result<std::result::Result<String, TemplateError>> {
    let mirror = &pool.mirror;
    let node_role = match &mirror.role {
        RoleDesign::Existing { arn, .. } => arn,
        RoleDesign::New => base.role.ok_or_else(|| unknown("role"))?,
    };
    let old = pool.old.as_ref().and_then(|old| old.managed.as_ref());
    let mut tags = old.map(|old| old.tags.clone()).unwrap_or_default();
    tags.extend(design.group_tags(pool, group));
    let mut labels = mirror.labels.clone();
    labels.retain(|key, _| !key.starts_with("eks.amazonaws.com/"));
    if design.labels_nodes() {
        labels.extend(group.zones.first().map(|zone| (design.label_key.clone(), zone.eniconfig.clone())));
    }
    let template = ManagedTemplate {
        launch,
        cluster_security_group: &facts.cluster.security_group,
        subnets: &group.node_subnets(),
        node_role,
        ami_type: pool.ami_type().ok_or_else(|| unknown("AMI type"))?,
        instances: &pool.managed_instances(),
        labels: &labels,
        taints: &mirror.taints,
        settings: &old.map(|old| old.settings.clone()).unwrap_or_default(),
        tags: &tags,
    };
    Ok(template.render())
}

/// No node may start before its ENIConfig has its groups: the CNI never changes those of an existing interface.
pub(crate) fn first_sizes(group: &GroupDesign) -> Parameters {
    templates::sizes(0, 0, group.max_size)
}

/// User data of the instances of a group.
pub(crate) fn user_data(
    design: &Design,
    facts: &Facts,
    pool: &PoolDesign,
    group: &GroupDesign,
) -> Result<String> {
    let mirror = &pool.mirror;
    if pool.kind.has_image_of_eks() {
        let text = for_eks(pool.machine.family, &mirror.carried, max_pods(facts, pool)?.lowest());
        return text.map_err(|error| Error::failed("write the user data").at(&group.stack).because(error));
    }
    let mut labels = Vec::new();
    if let Some(zone) = group.zones.first().filter(|_| design.labels_nodes()) {
        labels.push(label(&design.label_key, &zone.eniconfig)?);
    }
    for (key, value) in mirror.labels.iter().filter(|(key, _)| **key != design.label_key) {
        labels.push(label(key, value)?);
    }
    let taints = mirror.taints.iter().map(|taint| {
        NodeTaint::new(&taint.key, &taint.value, &taint.effect)
            .map_err(|error| Error::usage("a taint can't be used").at(&taint.key).because(error))
    });
    let boot = Boot {
        cluster: &facts.cluster.name,
        endpoint: &facts.cluster.endpoint,
        certificate_authority: &facts.cluster.certificate_authority,
        service_cidr: facts.cluster.service_cidr.ok_or_else(|| unknown("service CIDR"))?,
        max_pods: max_pods(facts, pool)?,
        labels: &labels,
        taints: &taints.collect::<Result<Vec<_>>>()?,
        carried: &mirror.carried,
    };
    render(pool.machine.family, &boot)
        .map_err(|error| Error::failed("write the user data").at(&group.stack).because(error))
}

fn label(key: &str, value: &str) -> Result<NodeLabel> {
    NodeLabel::new(key, value)
        .map_err(|error| Error::usage("the node label can't be used").at(key).because(error))
}

/// One number, or an expression where nodes of several types compute their own.
fn max_pods(facts: &Facts, pool: &PoolDesign) -> Result<MaxPodsRule> {
    let machine = &pool.machine;
    let kinds: Vec<InstanceType> = machine.types.iter().map(|one| one.kind.clone()).collect();
    let computes = machine.family == AmiFamily::Al2023
        && machine.image.as_ref().is_some_and(|image| knows_expression(&image.name));
    let rule = MaxPodsRule::new(&kinds, &options(facts), computes);
    rule.ok().flatten().ok_or_else(|| unknown("max pods"))
}

/// The checks refuse the run first if one of these is unknown.
fn unknown(what: &str) -> Error {
    Error::failed(format!("the {what} of the new nodes is unknown"))
}
