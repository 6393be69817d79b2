//! Facts for an undo only: whether the old nodes can be started again.

use std::collections::BTreeMap;

use crate::aws::Aws;
use crate::clients::Clients;
use crate::design::replacement;
use crate::design::undo::returning;
use crate::error::Result;
use crate::facts::{Cluster, Facts, Image, ImageTrouble, LaunchSource, Occupant, Stack, Vpc};
use crate::settings::Settings;
use crate::tags::{TAG_CLUSTER, TAG_REPLACEMENT};

/// By instance type, or why there is none.
type Images = BTreeMap<String, std::result::Result<Image, String>>;

/// All stacks with our tags, because an earlier run with other flags may have chosen their names.
pub(super) async fn stacks(aws: &Aws, cluster: &Cluster) -> Result<BTreeMap<String, Stack>> {
    let found = aws.cloudformation.stacks_tagged(&[TAG_CLUSTER, TAG_REPLACEMENT], &cluster.name).await?;
    Ok(found.into_iter().map(|stack| (stack.name.clone(), stack)).collect())
}

/// Network interfaces in the pod subnets that eni-custom created.
pub(super) async fn occupants(clients: &Clients, cluster: &Cluster, vpc: &Vpc) -> Result<Vec<Occupant>> {
    let ours: Vec<String> = vpc.made_for(&cluster.name).map(|subnet| subnet.id.clone()).collect();
    clients.aws.ec2.occupants(&ours).await
}

/// Images for the replacement node groups, by instance type. A known image is kept, so that a run in progress does not
/// depend on another answer of SSM.
pub(super) async fn images(aws: &Aws, settings: &Settings, facts: &Facts) -> Images {
    let mut images = Images::new();
    for name in replacement::instance_types(facts) {
        let Some(instance_type) = facts.machine.types.get(&name) else { continue };
        let image = match facts.replacement_image(&name) {
            Some(Ok(image)) => Ok(image.clone()),
            _ => super::machine::image_for(aws, settings, facts, instance_type).await,
        };
        images.insert(name, image);
    }
    images
}

/// Old groups that must start nodes again but whose image is gone or unknown.
pub(super) async fn image_trouble(aws: &Aws, facts: &Facts) -> BTreeMap<String, ImageTrouble> {
    let mut troubled = BTreeMap::new();
    for name in returning(facts) {
        let group = facts.node_groups.groups.get(&name);
        let Some(source) = group.and_then(|group| group.settings.launch.as_ref()) else { continue };
        match lost(aws, source).await {
            Ok(None) => {}
            Ok(Some(what)) => drop(troubled.insert(name, ImageTrouble::Gone(what))),
            Err(error) => drop(troubled.insert(name, ImageTrouble::Unknown(error.in_short()))),
        }
    }
    troubled
}

/// The launch source or image that no longer exists.
async fn lost(aws: &Aws, source: &LaunchSource) -> Result<Option<String>> {
    let launched = aws.launched_from(source).await?;
    let image = launched.as_ref().and_then(|launched| launched.template.image());
    match image {
        None => Ok(Some(source.to_string())),
        // A parameter's name, looked up at each launch: `resolve:ssm:…`
        Some(image) if !image.starts_with("ami-") => Ok(None),
        Some(image) if aws.ec2.images(&[image.to_string()].into()).await?.contains_key(image) => Ok(None),
        Some(image) => Ok(Some(format!("image {image}, which {source} names"))),
    }
}
