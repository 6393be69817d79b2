//! Instance types, and the image of new nodes.

use std::collections::{BTreeMap, BTreeSet};

use crate::aws::Aws;
use crate::design::replacement;
use crate::design::wanted_type;
use crate::error::Result;
use crate::facts::{Facts, Image, Machine};
use crate::goal::Goal;
use crate::net::accelerators::accelerator;
use crate::net::max_pods::{Architecture, InstanceType};
use crate::net::vcpus::vcpu_family;
use crate::nodes::user_data::ami_parameter;
use crate::settings::Settings;

pub(super) fn types_in_use(facts: &Facts) -> BTreeSet<String> {
    let in_use = facts.ec2_nodes().map(|node| node.instance_type.clone());
    in_use.filter(|name| !name.is_empty()).collect()
}

pub(super) async fn instance_types(
    aws: &Aws,
    names: &BTreeSet<String>,
) -> Result<BTreeMap<String, InstanceType>> {
    if names.is_empty() { Ok(BTreeMap::new()) } else { aws.ec2.instance_types(names).await }
}

/// Instance types in use and needed, and the image for new nodes.
pub(super) async fn machine_for(
    aws: &Aws,
    goal: Goal,
    settings: &Settings,
    facts: &Facts,
) -> Result<Machine> {
    let mut names = types_in_use(facts);
    let wanted = wanted_type(settings, facts);
    names.extend(wanted.clone());
    if goal.is_undo() {
        names.extend(replacement::instance_types(facts));
    }
    let types = instance_types(aws, &names).await?;
    let unknown_type = wanted.clone().filter(|name| !types.contains_key(name));
    let mut machine = Machine { types, unknown_type, ..Machine::default() };
    let Some(instance_type) = wanted.and_then(|name| machine.types.get(&name)) else { return Ok(machine) };
    let quota = async {
        match vcpu_family(&instance_type.name) {
            Some(family) => aws.quotas.of_ec2(family.code).await,
            None => Ok(None),
        }
    };
    let (vcpu_quota, image) = tokio::join!(quota, image_for(aws, settings, facts, instance_type));
    // AWS itself checks the quota, so a missing permission does not stop the run.
    match vcpu_quota {
        Ok(quota) => machine.vcpu_quota = quota,
        Err(error) => machine.vcpu_unread = Some(error.in_short()),
    }
    match image {
        Ok(image) => machine.image = Some(image),
        Err(error) => machine.image_error = Some(error),
    }
    Ok(machine)
}

/// The image for new nodes of a type, or why there is none.
pub(super) async fn image_for(
    aws: &Aws,
    settings: &Settings,
    facts: &Facts,
    instance_type: &InstanceType,
) -> std::result::Result<Image, String> {
    let architecture = instance_type.architectures.first().copied().unwrap_or(Architecture::X86_64);
    let id = match &settings.nodes.ami_id {
        Some(id) => id.clone(),
        None => {
            let path = ami_parameter(
                settings.nodes.ami_family,
                &facts.cluster.version,
                architecture,
                accelerator(&instance_type.name),
            );
            let path = path.map_err(|error| error.to_string())?;
            aws.ssm.parameter(&path).await.map_err(|error| error.to_string())?
        }
    };
    aws.ec2.image(&id).await.map_err(|error| error.to_string())
}
