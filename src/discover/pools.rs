//! Pools: reads what node groups launch, and makes pools of it.

mod alike;
mod arguments;
mod base;
mod family;
mod labels;
mod merge;
mod tags;

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};

use crate::aws::Aws;
use crate::error::{Error, Result};
use crate::facts::{
    Facts, InstanceProfile, KnownImage, LaunchSource, Launched, Launches, LifecycleHook, Node, Part, Read,
};
use crate::settings::{NodeRole, Settings};

pub(super) use merge::pools;

use base::profile_name;

/// What is known already, and what the facts name besides. A group that is new since is read then.
pub(super) async fn launches(aws: &Aws, facts: &Facts) -> Result<Launches> {
    let mut known = facts.launches.clone();
    let (sources, hooks, beside, instances) = tokio::try_join!(
        sources(aws, facts, &known),
        async { Ok(hooks(aws, facts, &known).await) },
        async {
            Ok(match known.beside.clone() {
                Some(beside) => beside,
                None => aws.autoscaling.beside().await.map_err(|error| error.in_short()),
            })
        },
        instances(aws, facts, &known),
    )?;
    known.sources.extend(sources);
    known.hooks.extend(hooks);
    known.beside = Some(beside);
    if let Some(read) = instances {
        match read {
            Ok(found) => known.instances.extend(found),
            Err(why) => known.instances_unread = Some(why),
        }
    }
    let (images, profiles) =
        tokio::try_join!(images(aws, &known), async { Ok(profiles(aws, facts, &known).await) })?;
    if let Some(read) = images {
        match read {
            Ok(found) => known.images.extend(found),
            Err(why) => known.images_unread = Some(why),
        }
    }
    known.profiles.extend(profiles);
    Ok(known)
}

/// Why launch templates, images or instances could not be read: then pools are not complete.
pub(super) fn unread(launches: &Launches) -> Option<(Part, String)> {
    let sources = launches.sources.values().find_map(|read| read.as_ref().err());
    let why = sources.or(launches.images_unread.as_ref()).or(launches.instances_unread.as_ref())?;
    Some((Part::Pools, why.clone()))
}

/// Calls side by side: AWS throttles an account's calls together.
const AT_ONCE: usize = 16;

async fn all<T>(calls: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    stream::iter(calls).buffer_unordered(AT_ONCE).collect().await
}

/// A refusal is noted. Without a code the service was not reached, and nothing can be read.
fn noted<T>(read: Result<T>) -> Result<Read<T>> {
    match read {
        Err(error) if error.code().is_empty() => Err(error),
        read => Ok(read.map_err(|error| error.in_short())),
    }
}

type Sources = Vec<(LaunchSource, Read<Option<Launched>>)>;

/// Launch templates take a call each, launch configurations one for all.
async fn sources(aws: &Aws, facts: &Facts, known: &Launches) -> Result<Sources> {
    let there = &facts.node_groups;
    let of_groups = there.groups.values().filter_map(|group| group.settings.launch.as_ref());
    // The group of a managed node group has the launch template that EKS made; without a group there is the user's.
    let alone =
        there.managed.iter().filter(|one| !one.groups.iter().any(|name| there.groups.contains_key(name)));
    let of_managed = alone.filter_map(|managed| managed.settings.launch.as_ref());
    let wanted: BTreeSet<&LaunchSource> =
        of_groups.chain(of_managed).filter(|source| !known.sources.contains_key(source)).collect();
    let (templates, configurations): (Vec<_>, Vec<_>) =
        wanted.into_iter().partition(|source| matches!(source, LaunchSource::Template { .. }));
    let names: Vec<String> = configurations
        .iter()
        .filter_map(|source| match source {
            LaunchSource::Configuration(name) => Some(name.clone()),
            LaunchSource::Template { .. } => None,
        })
        .collect();
    let templates = templates
        .into_iter()
        .map(|source| async move { (source.clone(), noted(aws.launched_from(source).await)) });
    let (templates, configurations) =
        tokio::join!(all(templates), aws.autoscaling.launch_configurations(&names));
    let mut found = Vec::new();
    for (source, read) in templates {
        found.push((source, read?));
    }
    let configurations = noted(configurations)?;
    found.extend(names.into_iter().map(|name| {
        let read = configurations.clone().map(|mut found| found.remove(&name));
        (LaunchSource::Configuration(name), read)
    }));
    Ok(found)
}

/// Lifecycle hooks take a call for each group.
async fn hooks(aws: &Aws, facts: &Facts, known: &Launches) -> Vec<(String, Read<Vec<LifecycleHook>>)> {
    let names = facts.node_groups.groups.keys().filter(|name| !known.hooks.contains_key(*name));
    let read = names.map(|name| async move {
        let hooks = aws.autoscaling.lifecycle_hooks(name).await;
        (name.clone(), hooks.map_err(|error| error.in_short()))
    });
    all(read).await
}

/// Policies that pods may live from, of roles that new nodes are not to have. IAM may be out of reach in a private network,
/// so any failure is noted.
pub(super) async fn policies(
    aws: &Aws,
    settings: &Settings,
    facts: &Facts,
) -> BTreeMap<String, Read<BTreeSet<String>>> {
    let roles = facts.pools.iter().filter_map(|pool| {
        let old = pool.role.as_ref()?;
        match settings.nodes.node_role.of(&pool.name)? {
            NodeRole::Same => None,
            NodeRole::New => Some(vec![old]),
            NodeRole::Arn(arn) => (arn != old).then(|| vec![old, arn]),
        }
    });
    let roles: BTreeSet<&String> = roles.flatten().collect();
    let mut known = facts.launches.policies.clone();
    known.retain(|role, _| roles.contains(role));
    let read = roles.into_iter().filter(|role| !known.contains_key(*role)).map(|role| async move {
        let policies = aws.iam.role_policies(role.rsplit('/').next().unwrap_or(role)).await;
        (role.clone(), policies.map_err(|error| error.in_short()))
    });
    known.extend(all(read).await);
    known
}

type Instances = Vec<(String, Option<Launched>)>;

/// Instances that nobody would launch again. User data takes a call for an instance, so one of a set of alike nodes is
/// asked for.
async fn instances(aws: &Aws, facts: &Facts, known: &Launches) -> Result<Option<Read<Instances>>> {
    let id = |node: &Node| node.instance_id.clone();
    let mut nodes = alike::unowned(facts);
    nodes.retain(|node| id(node).is_some_and(|id| !known.instances.contains_key(&id)));
    if nodes.is_empty() || known.instances_unread.is_some() {
        return Ok(None);
    }
    let ids: Vec<String> = nodes.iter().copied().filter_map(id).collect();
    let found = match noted(aws.ec2.launched(&ids).await)? {
        Ok(found) => found,
        Err(why) => return Ok(Some(Err(why))),
    };
    nodes.retain(|node| id(node).is_some_and(|id| found.contains_key(&id)));
    let sets = alike::sets(facts, nodes, |id| found.get(id).cloned().unwrap_or_default());
    let with_user_data = sets.into_iter().map(|set| async move {
        let ids: Vec<String> = set.nodes.into_iter().filter_map(id).collect();
        let user_data = aws.ec2.user_data(&ids[0]).await;
        user_data.map(|user_data| (ids, user_data))
    });
    let mut read: BTreeMap<String, Option<Launched>> = ids.into_iter().map(|id| (id, None)).collect();
    for set in all(with_user_data).await {
        let (ids, user_data) = match noted(set)? {
            Ok(set) => set,
            Err(why) => return Ok(Some(Err(why))),
        };
        for id in ids {
            let launched = found.get(&id).cloned().map(|mut launched| {
                launched.template.user_data.clone_from(&user_data.template.user_data);
                launched.unclear.extend(user_data.unclear.iter().cloned());
                launched
            });
            read.insert(id, launched);
        }
    }
    Ok(Some(Ok(read.into_iter().collect())))
}

type Images = Vec<(String, Option<KnownImage>)>;

/// All images in one call.
async fn images(aws: &Aws, known: &Launches) -> Result<Option<Read<Images>>> {
    let of_sources = known.sources.values().filter_map(|read| read.as_ref().ok()?.as_ref());
    let launched = of_sources.chain(known.instances.values().flatten());
    let ids = launched.filter_map(|launched| launched.template.image()).filter(|id| id.starts_with("ami-"));
    let ids: BTreeSet<String> =
        ids.filter(|id| !known.images.contains_key(*id)).map(ToString::to_string).collect();
    if ids.is_empty() || known.images_unread.is_some() {
        return Ok(None);
    }
    let read = noted(aws.ec2.images(&ids).await)?;
    Ok(Some(read.map(|mut found| ids.into_iter().map(|id| (id.clone(), found.remove(&id))).collect())))
}

/// Instance profiles of self-managed nodes take a call each. IAM may be out of reach in a private network, so any failure
/// is noted.
async fn profiles(aws: &Aws, facts: &Facts, known: &Launches) -> Vec<(String, Read<InstanceProfile>)> {
    let there = &facts.node_groups;
    let own = there.groups.values().filter(|group| there.manager(&group.name).is_none());
    let sources =
        own.filter_map(|group| known.sources.get(group.settings.launch.as_ref()?)?.as_ref().ok()?.as_ref());
    let launched = sources.chain(known.instances.values().flatten());
    let names: BTreeSet<&str> = launched
        .filter_map(|launched| profile_name(&launched.template))
        .filter(|name| !known.profiles.contains_key(*name))
        .collect();
    let read = names.into_iter().map(|name| async move {
        let profile = aws.iam.instance_profile(name).await;
        (name.to_string(), profile.map_err(|error: Error| error.in_short()))
    });
    all(read).await
}
