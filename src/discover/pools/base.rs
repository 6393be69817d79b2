//! What a pool's nodes are launched from, and what follows from that alone. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::facts::{
    Facts, Instances, KnownImage, LaunchSource, LaunchTemplate, Launched, Node, Owner, Pool, Sizes, Unclear,
};

use super::family::family;
use super::tags;

/// A group's launch template or launch configuration. One that can't be had is empty, and says why.
pub(super) fn source(facts: &Facts, source: Option<&LaunchSource>) -> Launched {
    let Some(source) = source else {
        return missing("launch template".into(), "the group has none".into());
    };
    match facts.launches.sources.get(source) {
        Some(Ok(Some(launched))) => launched.clone(),
        Some(Ok(None)) => missing(source.to_string(), "it no longer exists".into()),
        Some(Err(why)) => missing(source.to_string(), format!("it could not be read: {why}")),
        None => missing(source.to_string(), "it was not read".into()),
    }
}

/// An instance as if it had a launch template.
pub(super) fn instance(facts: &Facts, id: &str) -> Launched {
    let what = format!("instance {id}");
    match (facts.launches.instances.get(id), &facts.launches.instances_unread) {
        (Some(Some(launched)), _) => launched.clone(),
        (Some(None), _) => missing(what, "EC2 does not know it".into()),
        (None, Some(why)) => missing(what, format!("it could not be read: {why}")),
        (None, None) => missing(what, "it was not read".into()),
    }
}

fn missing(what: String, why: String) -> Launched {
    let template = LaunchTemplate { source: what.clone(), ..LaunchTemplate::default() };
    Launched { template, unclear: vec![Unclear { what, why }] }
}

/// A pool of these nodes, as far as its launch template and its nodes decide.
pub(super) fn base(
    facts: &Facts,
    owner: Owner,
    name: &str,
    launched: Launched,
    ami_type: &str,
    nodes: &[&Node],
) -> Pool {
    let Launched { mut template, mut unclear } = launched;
    tags::clean(&mut template.data, &facts.cluster.name);
    let named = template.image().map(ToString::to_string);
    let image = match named.as_deref().map(|named| image(facts, named)) {
        Some(Ok(image)) => image,
        Some(Err(why)) => {
            unclear.push(why);
            NamedImage::default()
        }
        None => NamedImage::default(),
    };
    let os_images: Vec<&str> = nodes.iter().map(|node| node.os_image.as_str()).collect();
    let is_by_eks = !matches!(ami_type, "" | "CUSTOM");
    Pool {
        name: name.into(),
        owner,
        nodes: nodes.iter().map(|node| node.name.clone()).collect(),
        groups: BTreeSet::new(),
        family: family(ami_type, image.name, &os_images),
        own_image: image.own && !is_by_eks,
        image: image.known.map(|known| known.image.clone()),
        template,
        instances: Instances::default(),
        labels: BTreeMap::new(),
        eks_labels: BTreeMap::new(),
        taints: Vec::new(),
        role: None,
        instance_profile: None,
        subnets: BTreeSet::new(),
        sizes: Sizes { min: 0, desired: 0, max: 0 },
        tags: Vec::new(),
        group: Map::new(),
        managed: None,
        unclear,
    }
}

/// The image that a launch template names.
#[derive(Debug, Default)]
struct NamedImage<'a> {
    /// Its name, or the name of the parameter that has its id.
    name: Option<&'a str>,
    known: Option<&'a KnownImage>,
    /// Not AWS's.
    own: bool,
}

/// `named`: an id, or `resolve:ssm:NAME` for a parameter that EC2 looks up at each launch. Only AWS can have parameters
/// below /aws (Systems Manager user guide, "Working with public parameters").
fn image<'a>(facts: &'a Facts, named: &'a str) -> Result<NamedImage<'a>, Unclear> {
    let unclear = |why: String| Unclear { what: format!("ImageId {named}"), why };
    if !named.starts_with("ami-") {
        let own = !named.starts_with("resolve:ssm:/aws/service/");
        return Ok(NamedImage { name: Some(named), known: None, own });
    }
    match (facts.launches.images.get(named), &facts.launches.images_unread) {
        (Some(Some(known)), _) => {
            Ok(NamedImage { name: Some(&known.image.name), known: Some(known), own: !known.by_aws })
        }
        (Some(None), _) => Err(unclear(
            "EC2 does not list it: it was deregistered, or is no longer shared with the account".into(),
        )),
        (None, Some(why)) => Err(unclear(format!("it could not be read: {why}"))),
        (None, None) => Err(unclear("it was not read".into())),
    }
}

/// The name of an instance profile, which its ARN ends with.
pub(super) fn profile_name(template: &LaunchTemplate) -> Option<&str> {
    let profile = template.data.get("IamInstanceProfile")?;
    let text = |key: &str| profile.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    text("Arn").and_then(|arn| arn.rsplit('/').next()).or_else(|| text("Name"))
}

/// The node role, by the launch template's instance profile.
pub(super) fn read_instance_profile(facts: &Facts, pool: &mut Pool) {
    let Some(name) = profile_name(&pool.template) else { return };
    let what = format!("instance profile {name}");
    let unclear = match facts.launches.profiles.get(name) {
        Some(Ok(profile)) => {
            pool.instance_profile = Some(profile.arn.clone());
            pool.role = profile.role.clone();
            profile.role.is_none().then(|| "it has no role".to_string())
        }
        Some(Err(why)) => Some(format!("its role could not be read: {why}")),
        None => Some("it was not read".into()),
    };
    pool.unclear.extend(unclear.map(|why| Unclear { what, why }));
}
