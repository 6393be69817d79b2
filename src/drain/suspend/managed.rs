//! Sizes of managed node groups: they are set in EKS, which writes them to the Auto Scaling group.

use std::collections::BTreeSet;

use crate::aws::eks::{Scaling, Updated};
use crate::client_token::client_token;
use crate::error::Result;
use crate::events::Interrupt;
use crate::facts::{AutoScalingGroup, Facts, ManagedNodeGroup, Sizes};
use crate::session::{Seen, Session, until};
use crate::step::Step;

use super::{DrainEnd, read_groups, staying, while_drained};

/// Attempts while an autoscaler keeps changing the size.
const TRIES: usize = 5;

/// Lowers the bounds of a managed node group, so that it can shrink and autoscalers do not scale it up.
pub(super) async fn suspend(session: &Session, name: &str, nodes: &BTreeSet<String>) -> Result<()> {
    let Some(managed) = session.facts.node_groups.managed.iter().find(|group| group.name == name) else {
        return Ok(());
    };
    let groups = auto_scaling_groups(&session.facts, managed);
    let bounds = groups.iter().map(|group| while_drained(&session.facts, group, nodes));
    let (min, max) = bounds.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    let sizes = session.facts.node_groups.sizes_of(managed);
    if groups.is_empty() || (min, max) == (sizes.min, sizes.max) {
        return Ok(());
    }
    // Capacity above the maximum has no instance yet, because Launch is suspended: reduce the desired size.
    scale(session, &session.interrupt, name, |now| Scaling { min, max, desired: (now > max).then_some(max) })
        .await
}

/// Sets the sizes of a managed node group after a drain.
pub(super) async fn afterwards(
    session: &Session,
    managed: &ManagedNodeGroup,
    drained: &BTreeSet<String>,
    ended: DrainEnd,
) -> Result<()> {
    let facts = &session.facts;
    let before = before(facts, managed);
    let name = &managed.name;
    let uninterrupted = Interrupt::default();
    if ended == DrainEnd::GivenUp {
        // A minimum above the desired size would start nodes.
        let scaling =
            |now: i32| Scaling { min: before.min.min(now), max: before.max.max(now).max(1), desired: None };
        return scale(session, &uninterrupted, name, scaling).await;
    }
    let groups = auto_scaling_groups(facts, managed);
    let stay: i32 = groups.iter().map(|group| staying(facts, group, drained)).sum();
    // EKS does not accept a maximum below 1.
    let scaling = |now: i32| Scaling {
        min: before.min.min(stay),
        max: stay.max(1),
        desired: (now != stay).then_some(stay),
    };
    scale(session, &uninterrupted, name, scaling).await?;
    // An autoscaler may have requested the one node that a maximum of 1 allows. Launch is still suspended.
    let now = read_groups(session).await?;
    let asked = managed.groups.iter().filter_map(|name| now.get(name)).filter(|group| group.desired > stay);
    for group in asked {
        session.clients.aws.autoscaling.set_desired(&group.name, stay).await?;
    }
    Ok(())
}

/// Sizes before the drain: as recorded, or for a node group of eni-custom the parameters of its stack.
fn before(facts: &Facts, managed: &ManagedNodeGroup) -> Sizes {
    let now = facts.node_groups.sizes_of(managed);
    let Some(stack) = facts.node_groups.stack_of(managed) else {
        return facts.record.managed.get(&managed.name).copied().unwrap_or(now);
    };
    let parameter = |key: &str| stack.parameters.get(key)?.parse::<i32>().ok();
    Sizes {
        min: parameter("MinSize").unwrap_or(now.min),
        max: parameter("MaxSize").unwrap_or(now.max),
        desired: now.desired,
    }
}

/// Restores the sizes of a managed node group; nodes that an autoscaler added stay.
pub(crate) async fn restore(session: &Session, name: &str, before: Sizes) -> Result<()> {
    let scaling = |now: i32| {
        let desired = now.clamp(before.desired, before.max.max(before.desired));
        Scaling { min: before.min, max: before.max, desired: (now != desired).then_some(desired) }
    };
    scale(session, &Interrupt::default(), name, scaling).await
}

fn auto_scaling_groups<'a>(facts: &'a Facts, managed: &'a ManagedNodeGroup) -> Vec<&'a AutoScalingGroup> {
    managed.groups.iter().filter_map(|name| facts.node_groups.groups.get(name)).collect()
}

/// Sets the sizes of a managed node group, computed from its current desired size, and waits for the update.
async fn scale(
    session: &Session,
    interrupt: &Interrupt,
    name: &str,
    scaling: impl Fn(i32) -> Scaling,
) -> Result<()> {
    let (eks, cluster) = (&session.clients.aws.eks, &session.facts.cluster);
    let of = Updated::ManagedNodeGroup(name);
    let timeout = session.settings.run.timeout;
    let mut tries = 0;
    let what = format!("managed node group {name} to accept an update");
    let update = until(&session.events, interrupt, timeout, &what, async || {
        let groups = read_groups(session).await?;
        let managed = session.facts.node_groups.managed.iter().find(|group| group.name == name);
        let own = managed.into_iter().flat_map(|group| &group.groups).filter_map(|name| groups.get(name));
        let scaling = scaling(own.map(|group| group.desired).sum());
        // EKS returns the same update for the same token, even a failed one.
        let content = format!("{} {name} {scaling:?} {tries}", eks.update_count(&cluster.name, of).await?);
        let token = client_token(&cluster.arn, Step::DrainNodes.name(), &content);
        tries += 1;
        match eks.scale_managed(&cluster.name, name, scaling, &token).await {
            Ok(update) => Ok(Seen::Yes(update)),
            // Another update is in progress: of somebody else, or of an interrupted run.
            Err(error) if error.code() == "ResourceInUseException" => Ok(Seen::NotYet(error.to_string())),
            // The desired size has changed since it was read.
            Err(error) if error.code() == "InvalidParameterException" && tries < TRIES => {
                Ok(Seen::NotYet(error.to_string()))
            }
            Err(error) => Err(error),
        }
    })
    .await?;
    session.updated(interrupt, of, &update).await
}
