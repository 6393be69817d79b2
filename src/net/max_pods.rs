//! How many pods a node of an instance type can hold under the VPC CNI.
//!
//! Each pod that is not hostNetwork takes an address of a network interface; an interface's first address is not
//! for pods. With custom networking the node's own interface carries no pods at all. Source: EKS user guide,
//! "Determine the maximum number of Pods" and "CNI custom networking"; amazon-vpc-cni-k8s, docs/prefix-and-ip-target.

mod expression;
mod table;

pub(crate) use expression::evaluate;
pub(crate) use table::{all, closest, known, larger};

use std::fmt;

use serde::{Deserialize, Serialize};

/// Pods that take no address of an interface: aws-node and kube-proxy, which are hostNetwork.
pub(crate) const HOST_NETWORK_PODS: u32 = 2;

/// Addresses of a prefix, a /28, that the CNI asks for in place of a single address.
const PREFIX_ADDRESSES: u32 = 16;

/// From more than this many vCPUs on, AWS recommends the higher cap.
const MANY_VCPUS: u32 = 30;

/// The properties of an instance type that decide how many pods it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceType {
    /// `m5.large`
    pub name: String,
    /// Network interfaces on the *default network card*: the CNI uses no other card for pods.
    pub enis: u32,
    /// IPv4 addresses of one interface, its primary address included.
    pub ipv4_per_eni: u32,
    /// Default vCPUs; `None` where they are not known, and then the lower cap applies.
    pub vcpus: Option<u32>,
    /// Built on the Nitro system: hypervisor `nitro`, or bare metal, which has no hypervisor.
    pub nitro: bool,
    /// Bare metal; prefix delegation there needs CNI 1.11 (elsewhere 1.9).
    pub bare_metal: bool,
    /// Architectures of its AMIs. Empty if unknown, or if there are no EKS AMIs for it (mac).
    pub architectures: Vec<Architecture>,
}

/// Processor architecture, spelled as EC2 and SSM spell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// `x86_64`
    X86_64,
    /// `arm64`
    Arm64,
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Architecture::X86_64 => "x86_64",
            Architecture::Arm64 => "arm64",
        })
    }
}

/// The CNI's settings that change the number of pods. The default is a CNI without settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG: the first interface is for the node alone.
    pub custom: bool,
    /// ENABLE_PREFIX_DELEGATION: sixteen addresses instead of one.
    pub prefix: bool,
    /// ENABLE_POD_ENI: one interface becomes the trunk of security groups for pods.
    pub pod_eni: bool,
    /// MAX_ENI; zero is no limit, as for the CNI.
    pub max_eni: Option<u32>,
    /// Limit to what AWS recommends: 250 with more than 30 vCPUs, otherwise 110.
    pub cap: bool,
    /// What the CNI keeps in reserve.
    pub warm: Warm,
}

/// Addresses that the CNI reserves before pods need them. Not set: the CNI's defaults, one interface or one
/// prefix. Source: amazon-vpc-cni-k8s, docs/eni-and-ip-target.md and docs/prefix-and-ip-target.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Warm {
    /// WARM_ENI_TARGET
    pub enis: Option<u32>,
    /// WARM_PREFIX_TARGET
    pub prefixes: Option<u32>,
    /// WARM_IP_TARGET; it or MINIMUM_IP_TARGET overrides the two above.
    pub addresses: Option<u32>,
    /// MINIMUM_IP_TARGET
    pub least_addresses: Option<u32>,
}

impl Warm {
    /// Addresses that a node with so many pods holds for pods, where they are counted singly.
    fn counted(&self, pods: u32) -> Option<u32> {
        let set = |target: Option<u32>| target.filter(|target| *target > 0);
        match (set(self.addresses), set(self.least_addresses)) {
            (None, None) => None,
            (warm, least) => Some(pods.saturating_add(warm.unwrap_or(0)).max(least.unwrap_or(0))),
        }
    }
}

/// Pods that a node may hold, hostNetwork pods included; at least one. Made by [`max_pods`] alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub(crate) struct MaxPods(u32);

impl MaxPods {
    /// The number, as kubelet's `maxPods` wants it.
    pub(crate) fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for MaxPods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why an instance type can't be used with these options.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MaxPodsError {
    /// All network interfaces are reserved, so none is left for pods.
    #[error(
        "{instance_type} can have {enis} network interface{} on its default network card, and {reserved}: none is left for pods",
        if *.enis == 1 { "" } else { "s" }
    )]
    NoEniForPods {
        /// `hpc6id.32xlarge`
        instance_type: String,
        /// Interfaces that the CNI may use.
        enis: u32,
        /// What takes them, in words.
        reserved: &'static str,
    },
    /// EC2 assigns prefixes to interfaces of Nitro instances only.
    #[error("{instance_type} is not built on the Nitro system, which prefix delegation needs")]
    PrefixNeedsNitro {
        /// `t2.micro`
        instance_type: String,
    },
}

/// The number of pods for `kubelet --max-pods`.
///
/// Interfaces times addresses for pods of each, plus two for the hostNetwork pods that every node has.
pub(crate) fn max_pods(instance_type: &InstanceType, options: &Options) -> Result<MaxPods, MaxPodsError> {
    let enis = enis_for_pods(instance_type, options)?;
    let per_slot = if options.prefix { PREFIX_ADDRESSES } else { 1 };
    let addresses = enis.saturating_mul(addresses_for_pods(instance_type)).saturating_mul(per_slot);
    let pods = addresses.saturating_add(HOST_NETWORK_PODS);
    Ok(MaxPods(if options.cap { pods.min(recommended_cap(instance_type)) } else { pods }))
}

/// The most addresses of the pod subnet that one node holds, to decide whether a subnet is large enough.
///
/// A node that is full with [`max_pods`] has attached as many interfaces as these pods need, each with all its
/// addresses, and keeps more in reserve as [`Warm`] says, as far as the instance type allows. The first address of
/// each interface is in the subnet too.
pub(crate) fn subnet_addresses(instance_type: &InstanceType, options: &Options) -> Result<u32, MaxPodsError> {
    let enis = enis_for_pods(instance_type, options)?;
    let slots = addresses_for_pods(instance_type).max(1);
    let pods = max_pods(instance_type, options)?.get().saturating_sub(HOST_NETWORK_PODS);
    let (warm, most) = (&options.warm, enis.saturating_mul(slots));
    Ok(match (options.prefix, warm.counted(pods)) {
        (true, counted) => {
            let in_reserve = || pods.div_ceil(PREFIX_ADDRESSES).saturating_add(warm.prefixes.unwrap_or(1));
            let prefixes =
                counted.map_or_else(in_reserve, |counted| counted.div_ceil(PREFIX_ADDRESSES)).min(most);
            prefixes * PREFIX_ADDRESSES + prefixes.div_ceil(slots)
        }
        (false, Some(counted)) => {
            let addresses = counted.min(most);
            addresses + addresses.div_ceil(slots)
        }
        (false, None) => pods.div_ceil(slots).saturating_add(warm.enis.unwrap_or(1)).min(enis) * (slots + 1),
    })
}

/// What a `max-pods --all` line shows; `None` where the instance type can't be used so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Row {
    /// `m5.large`
    pub instance_type: String,
    /// Without custom networking.
    pub standard: Option<u32>,
    /// With custom networking.
    pub custom: Option<u32>,
    /// With custom networking, limited to AWS's recommended cap.
    pub custom_capped: Option<u32>,
    /// With custom networking and prefix delegation.
    pub prefix: Option<u32>,
    /// With custom networking and prefix delegation, limited to AWS's recommended cap.
    pub prefix_capped: Option<u32>,
}

/// The figures of an instance type with every combination that [`Row`] lists.
pub(crate) fn row(instance_type: &InstanceType) -> Row {
    let pods = |custom, prefix, cap| {
        max_pods(instance_type, &Options { custom, prefix, cap, ..Options::default() }).ok().map(MaxPods::get)
    };
    Row {
        instance_type: instance_type.name.clone(),
        standard: pods(false, false, false),
        custom: pods(true, false, false),
        custom_capped: pods(true, false, true),
        prefix: pods(true, true, false),
        prefix_capped: pods(true, true, true),
    }
}

/// Interfaces that carry pods.
fn enis_for_pods(instance_type: &InstanceType, options: &Options) -> Result<u32, MaxPodsError> {
    if options.prefix && !instance_type.nitro {
        return Err(MaxPodsError::PrefixNeedsNitro { instance_type: instance_type.name.clone() });
    }
    let limit = options.max_eni.filter(|limit| *limit > 0).unwrap_or(u32::MAX);
    let enis = instance_type.enis.min(limit);
    let (taken, reserved) = match (options.custom, options.pod_eni) {
        (true, true) => {
            (2, "custom networking keeps the first for the node, security groups for pods take one")
        }
        (true, false) => (1, "custom networking keeps the first for the node"),
        (false, true) => (1, "security groups for pods take one"),
        (false, false) => (0, "nothing takes one"),
    };
    match enis.checked_sub(taken) {
        Some(left) if left > 0 => Ok(left),
        _ => Err(MaxPodsError::NoEniForPods { instance_type: instance_type.name.clone(), enis, reserved }),
    }
}

/// Addresses (or prefixes) of one interface that pods can have.
fn addresses_for_pods(instance_type: &InstanceType) -> u32 {
    instance_type.ipv4_per_eni.saturating_sub(1)
}

/// AWS's scalability guidance; a type with unknown vCPUs gets the lower cap, which is never too high.
fn recommended_cap(instance_type: &InstanceType) -> u32 {
    if instance_type.vcpus.is_some_and(|vcpus| vcpus > MANY_VCPUS) { 250 } else { 110 }
}

#[cfg(test)]
mod tests;
