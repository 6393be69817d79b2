//! Which kind of node group replaces a pool. Pure.

use crate::facts::{AmiFamily, Facts, Instances, Owner, Pool, Stack};
use crate::net::accelerators::{Accelerator, accelerator};
use crate::net::max_pods::Architecture;
use crate::settings::{ManagedImage, NodeSettings, ReplaceWith};
use crate::tags::{MANAGED, TAG_KIND, TAG_POOL, node_group_name};

use super::PoolDesign;

/// What a pool's node groups are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupKind {
    /// An Auto Scaling group.
    SelfManaged,
    /// A managed node group.
    Managed(ManagedImage),
}

impl GroupKind {
    pub(crate) fn is_managed(self) -> bool {
        matches!(self, GroupKind::Managed(_))
    }

    /// EKS launches its image, and so decides the user data and max pods.
    pub(crate) fn has_image_of_eks(self) -> bool {
        self == GroupKind::Managed(ManagedImage::Eks)
    }
}

/// The kind of a pool's node groups. It never changes once there is one of them.
pub(super) fn kind(settings: &NodeSettings, facts: &Facts, name: &str, pool: Option<&Pool>) -> GroupKind {
    let image = match wanted_image(settings, name) {
        Some(image) => image,
        None if pool.is_some_and(has_own_image) && settings.ami_family.of(name).is_none() => {
            ManagedImage::Own
        }
        None => ManagedImage::Eks,
    };
    if let Some(stack) = launched(facts, name) {
        return match stack.tags.get(TAG_KIND).is_some_and(|kind| kind == MANAGED) {
            true => GroupKind::Managed(image_of(facts, stack).unwrap_or(image)),
            false => GroupKind::SelfManaged,
        };
    }
    let is_managed = match settings.replace_with.of(name).copied().unwrap_or_default() {
        ReplaceWith::SelfManaged => false,
        ReplaceWith::Managed => true,
        ReplaceWith::Same => pool.is_some_and(|pool| matches!(pool.owner, Owner::Managed(_))),
    };
    if is_managed { GroupKind::Managed(image) } else { GroupKind::SelfManaged }
}

/// `--managed-image`; an AMI id has only one meaning.
pub(super) fn wanted_image(settings: &NodeSettings, name: &str) -> Option<ManagedImage> {
    let by_id = settings.ami_id.of(name).map(|_| ManagedImage::Own);
    settings.managed_image.of(name).copied().or(by_id)
}

/// A stack of the pool that an earlier run created. One that failed is deleted and recreated as the settings say.
fn launched<'a>(facts: &'a Facts, pool: &str) -> Option<&'a Stack> {
    facts.node_groups.stacks.values().find(|stack| {
        stack.tags.get(TAG_POOL).is_some_and(|tag| tag == pool) && !stack.status.never_completed()
    })
}

/// The image of a managed node group that exists.
fn image_of(facts: &Facts, stack: &Stack) -> Option<ManagedImage> {
    let name = node_group_name(&stack.name);
    let managed = facts.node_groups.managed.iter().find(|managed| managed.name == name)?;
    let is_own = managed.settings.pool.ami_type == "CUSTOM";
    Some(if is_own { ManagedImage::Own } else { ManagedImage::Eks })
}

/// The old nodes have an image that EKS did not choose: their managed node group's launch template names one, or it is
/// not one of AWS's.
fn has_own_image(pool: &Pool) -> bool {
    pool.own_image || pool.managed.as_ref().is_some_and(|managed| managed.ami_type == "CUSTOM")
}

impl PoolDesign {
    /// Which image EKS is to choose: that of the old managed node group if it fits, else that of the family for the
    /// instance types (EKS API reference, CreateNodegroup, amiType). `None` if there is none.
    pub(crate) fn ami_type(&self) -> Option<&str> {
        let machine = &self.machine;
        let first = machine.instance_type()?;
        let is_arm = machine.image.as_ref().map_or_else(
            || first.architectures.first() == Some(&Architecture::Arm64),
            |image| image.architecture == "arm64",
        );
        let fitting = ami_type(machine.family, is_arm, accelerator(&first.name));
        let before =
            self.old.as_ref().and_then(|old| Some((old.family?, old.managed.as_ref()?.ami_type.as_str())));
        let is_like = |(family, name): &(AmiFamily, &str)| {
            let is_kept = old_types(self) == types(self);
            *family == machine.family && *name != "CUSTOM" && (is_kept || Some(*name) == fitting)
        };
        before.filter(is_like).map(|(_, name)| name).or(fitting)
    }

    /// What a managed node group launches. EKS makes the distribution between On-Demand and Spot Instances from its
    /// capacity type, so one that is all of one kind needs none.
    pub(crate) fn managed_instances(&self) -> Instances {
        let instances = self.machine.instances.clone();
        let share = |key: &str| instances.distribution.as_ref()?.get(key)?.as_u64();
        let base = share("OnDemandBaseCapacity").unwrap_or_default();
        let is_spot = (base, share("OnDemandPercentageAboveBaseCapacity")) == (0, Some(0));
        let is_on_demand = share("OnDemandPercentageAboveBaseCapacity").unwrap_or(100) == 100;
        match instances.distribution {
            Some(_) if is_spot || is_on_demand => {
                Instances { distribution: None, spot: is_spot || instances.spot, ..instances }
            }
            _ => instances,
        }
    }
}

fn types(pool: &PoolDesign) -> Vec<&str> {
    pool.machine.instances.types.iter().map(|one| one.name.as_str()).collect()
}

fn old_types(pool: &PoolDesign) -> Vec<&str> {
    let old = pool.old.iter().flat_map(|old| &old.instances.types);
    old.map(|one| one.name.as_str()).collect()
}

fn ami_type(family: AmiFamily, is_arm: bool, accelerator: Option<Accelerator>) -> Option<&'static str> {
    Some(match (family, is_arm, accelerator) {
        (_, _, Some(Accelerator::Other)) => return None,
        (AmiFamily::Al2023, false, None) => "AL2023_x86_64_STANDARD",
        (AmiFamily::Al2023, true, None) => "AL2023_ARM_64_STANDARD",
        (AmiFamily::Al2023, false, Some(Accelerator::Nvidia)) => "AL2023_x86_64_NVIDIA",
        (AmiFamily::Al2023, true, Some(Accelerator::Nvidia)) => "AL2023_ARM_64_NVIDIA",
        (AmiFamily::Al2023, false, Some(Accelerator::Neuron)) => "AL2023_x86_64_NEURON",
        (AmiFamily::Al2, false, None) => "AL2_x86_64",
        (AmiFamily::Al2, true, None) => "AL2_ARM_64",
        (AmiFamily::Al2, false, Some(_)) => "AL2_x86_64_GPU",
        (AmiFamily::Bottlerocket, false, Some(Accelerator::Nvidia)) => "BOTTLEROCKET_x86_64_NVIDIA",
        (AmiFamily::Bottlerocket, true, Some(Accelerator::Nvidia)) => "BOTTLEROCKET_ARM_64_NVIDIA",
        // The plain variant has the drivers of Inferentia and Trainium.
        (AmiFamily::Bottlerocket, false, _) => "BOTTLEROCKET_x86_64",
        (AmiFamily::Bottlerocket, true, _) => "BOTTLEROCKET_ARM_64",
        (AmiFamily::Al2023, true, Some(Accelerator::Neuron)) | (AmiFamily::Al2, true, Some(_)) => {
            return None;
        }
    })
}

#[cfg(test)]
mod tests;
