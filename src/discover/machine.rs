//! Instance types, and the image of new nodes.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;

use crate::aws::Aws;
use crate::design::replacement;
use crate::design::{Wanted, all_wanted};
use crate::error::Result;
use crate::facts::{Facts, Image, Instances, Machine, TypeChoice};
use crate::goal::Goal;
use crate::net::max_pods::{InstanceType, closest};
use crate::net::vcpus::vcpu_family;
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

/// Instance types in use and needed, the images of new nodes, and the quotas that they count towards.
pub(super) async fn machine_for(
    aws: &Aws,
    goal: Goal,
    settings: &Settings,
    facts: &Facts,
) -> Result<Machine> {
    let wanted = all_wanted(settings, facts);
    let asked: BTreeSet<String> =
        wanted.iter().flat_map(|one| one.instances.types.iter().map(|choice| choice.name.clone())).collect();
    let mut names = types_in_use(facts);
    names.extend(asked.clone());
    if goal.is_undo() {
        names.extend(replacement::instance_types(facts));
    }
    let types = instance_types(aws, &names).await?;
    let unknown_types: BTreeSet<String> =
        asked.iter().filter(|name| !types.contains_key(*name)).cloned().collect();
    // The offline table has types of all regions; only those of this one are worth a suggestion.
    let similar = unknown_types.iter().flat_map(|name| closest(name)).map(ToString::to_string).collect();
    let similar_types = instance_types(aws, &similar).await?.into_keys().collect();
    // The images depend on the types' architectures.
    let version = &facts.cluster.version;
    let sources: BTreeSet<String> =
        wanted.iter().filter_map(|one| one.image_source(version, &types).ok()).collect();
    let images = sources.iter().map(|source| async move { (source.clone(), image(aws, source).await) });
    let codes: BTreeSet<&str> = types
        .keys()
        .filter(|name| asked.contains(*name))
        .filter_map(|name| Some(vcpu_family(name)?.code))
        .collect();
    let quotas = codes.iter().map(|code| async move { (code.to_string(), aws.quotas.of_ec2(code).await) });
    let (images, quotas) = tokio::join!(join_all(images), join_all(quotas));
    let images = images.into_iter().collect();
    let mut machine = Machine { types, unknown_types, similar_types, images, ..Machine::default() };
    for (code, quota) in quotas {
        match quota {
            Ok(quota) => machine.vcpu_quotas.extend(quota.map(|quota| (code, quota))),
            // AWS itself checks the quota, so a missing permission does not stop the run.
            Err(error) => machine.vcpu_unread = Some(error.in_short()),
        }
    }
    Ok(machine)
}

/// An image by its id or by the path of the SSM parameter that names it, or why there is none.
async fn image(aws: &Aws, source: &str) -> std::result::Result<Image, String> {
    let id = match source.starts_with('/') {
        true => aws.ssm.parameter(source).await.map_err(|error| error.to_string())?,
        false => source.to_string(),
    };
    aws.ec2.image(&id).await.map_err(|error| error.to_string())
}

/// The image for the replacement of old nodes of a type, or why there is none.
pub(super) async fn image_for(
    aws: &Aws,
    settings: &Settings,
    facts: &Facts,
    instance_type: &InstanceType,
) -> std::result::Result<Image, String> {
    let kind = TypeChoice { name: instance_type.name.clone(), weight: None };
    let wanted = Wanted {
        instances: Instances { types: vec![kind], ..Instances::default() },
        family: Some(settings.nodes.ami_family.all.unwrap_or_default()),
        ami_id: settings.nodes.ami_id.all.clone(),
        one_max_pods: false,
    };
    let types = [(instance_type.name.clone(), instance_type.clone())].into();
    image(aws, &wanted.image_source(&facts.cluster.version, &types)?).await
}
