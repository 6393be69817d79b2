//! Instance types, image and max pods of a pool's new nodes.

use std::collections::BTreeMap;

use crate::facts::{AmiFamily, Facts, Image, Instances};
use crate::issue::{Issue, id};
use crate::net::accelerators::accelerator;
use crate::net::max_pods::{Architecture, InstanceType, MaxPods, Options, Warm, max_pods, subnet_addresses};
use crate::nodes::user_data::ami_parameter;
use crate::settings::Settings;

/// What a pool's new nodes are to be: the settings, and what they do not say as the old nodes have it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wanted {
    /// The types are in order of preference; empty if nothing says which.
    pub instances: Instances,
    /// `None`: that of the old nodes is not one of AWS's.
    pub family: Option<AmiFamily>,
    /// An image of the user's own; else the newest of the family.
    pub ami_id: Option<String>,
    /// All types have the lowest number of max pods, because EKS sets one for the whole node group.
    pub one_max_pods: bool,
}

impl Wanted {
    /// Where the image comes from: an AMI id, or the path of a public SSM parameter. An error says why there is no image.
    pub(crate) fn image_source(
        &self,
        kubernetes_version: &str,
        types: &BTreeMap<String, InstanceType>,
    ) -> std::result::Result<String, String> {
        if let Some(id) = &self.ami_id {
            return Ok(id.clone());
        }
        let first = self.instances.types.first().map_or("", |choice| choice.name.as_str());
        let architectures = types.get(first).map(|kind| kind.architectures.as_slice());
        let architecture = architectures.and_then(|all| all.first()).copied().unwrap_or(Architecture::X86_64);
        let path = ami_parameter(
            self.family.unwrap_or_default(),
            kubernetes_version,
            architecture,
            accelerator(first),
        );
        path.map_err(|error| error.to_string())
    }
}

/// The machine of a pool's new nodes. An unknown value has a finding.
#[derive(Debug, Clone)]
pub(crate) struct MachineDesign {
    pub family: AmiFamily,
    /// In order of preference. More than one: Auto Scaling or EKS chooses.
    pub types: Vec<TypeDesign>,
    pub image: Option<Image>,
    /// Why there is no image.
    pub image_error: Option<String>,
    /// As the group launches them: types, Spot and On-Demand.
    pub instances: Instances,
    /// Neither a setting nor the old nodes say which family it is, so their user data can't be written.
    pub family_unknown: bool,
    /// The user's own image, which stays.
    pub own_image: bool,
    /// GiB of the volume with the containers' images and files, if it is not mirrored from the pool.
    pub volume_size: Option<u32>,
}

/// One of the instance types.
#[derive(Debug, Clone)]
pub(crate) struct TypeDesign {
    pub kind: InstanceType,
    /// Capacity units of an instance.
    pub weight: Option<u32>,
    pub max_pods: MaxPods,
    /// Pod subnet addresses that a full node uses.
    pub addresses: u32,
}

impl MachineDesign {
    /// The most preferred type.
    pub(crate) fn instance_type(&self) -> Option<&InstanceType> {
        self.types.first().map(|one| &one.kind)
    }

    /// The lowest number of all types.
    pub(crate) fn max_pods(&self) -> Option<MaxPods> {
        self.types.iter().map(|one| one.max_pods).min()
    }

    /// Pod subnet addresses that a full node uses, at most.
    pub(crate) fn addresses_per_node(&self) -> u32 {
        self.types.iter().map(|one| one.addresses).max().unwrap_or_default()
    }

    /// `m5.large`, `m5.large, m5a.large`; `?` if none is known.
    pub(crate) fn type_names(&self) -> String {
        let names: Vec<&str> = self.types.iter().map(|one| one.kind.name.as_str()).collect();
        if names.is_empty() { "?".into() } else { names.join(", ") }
    }
}

pub(super) fn machine(
    settings: &Settings,
    facts: &Facts,
    pool: &str,
    wanted: &Wanted,
    findings: &mut Vec<Issue>,
) -> MachineDesign {
    let options = options(facts);
    let mut types = Vec::new();
    for choice in &wanted.instances.types {
        let Some(kind) = facts.machine.types.get(&choice.name) else { continue };
        match max_pods(kind, &options) {
            Ok(max_pods) => types.push(TypeDesign {
                kind: kind.clone(),
                weight: choice.weight,
                max_pods,
                addresses: subnet_addresses(kind, &options).unwrap_or_default(),
            }),
            Err(error) => findings.push(
                Issue::error(id::NOD_002, format!("{} can't be used with custom networking", kind.name))
                    .at(settings.named("instance-type"))
                    .why(error.to_string())
                    .fix("choose another instance type; to list them: eni-custom max-pods --all"),
            ),
        }
    }
    if let Some(lowest) =
        types.iter().map(|one: &TypeDesign| one.max_pods).min().filter(|_| wanted.one_max_pods)
    {
        types.iter_mut().for_each(|one| one.max_pods = lowest);
    }
    let source = wanted.image_source(&facts.cluster.version, &facts.machine.types);
    let (image, image_error) = match source.map(|source| facts.machine.images.get(&source)) {
        Ok(Some(Ok(image))) => (Some(image.clone()), None),
        Ok(Some(Err(reason))) => (None, Some(reason.clone())),
        Ok(None) => (None, None),
        Err(reason) => (None, Some(reason)),
    };
    MachineDesign {
        family: wanted.family.unwrap_or_default(),
        types,
        image,
        image_error,
        instances: wanted.instances.clone(),
        family_unknown: wanted.family.is_none(),
        own_image: wanted.ami_id.is_some(),
        volume_size: settings.nodes.volume_size.of(pool).copied(),
    }
}

/// The address settings in aws-node's environment.
pub(crate) fn options(facts: &Facts) -> Options {
    let number = |name: &str| facts.cni.env.get(name).and_then(|value| value.parse::<u32>().ok());
    Options {
        custom: true,
        prefix: facts.cni.is_on("ENABLE_PREFIX_DELEGATION"),
        pod_eni: facts.cni.is_on("ENABLE_POD_ENI"),
        max_eni: number("MAX_ENI").filter(|max| *max > 0),
        cap: true,
        warm: Warm {
            enis: number("WARM_ENI_TARGET"),
            prefixes: number("WARM_PREFIX_TARGET"),
            addresses: number("WARM_IP_TARGET"),
            least_addresses: number("MINIMUM_IP_TARGET"),
        },
    }
}

/// Pods that fit on a node besides those of DaemonSets.
pub(super) fn capacity(machine: &MachineDesign, facts: &Facts) -> u32 {
    machine.max_pods().map_or(u32::MAX, |max| max.get().saturating_sub(daemon_pods(facts)))
}

/// The largest number of DaemonSet pods on one node.
pub(crate) fn daemon_pods(facts: &Facts) -> u32 {
    let mut counted: BTreeMap<&str, u32> = BTreeMap::new();
    for pod in facts.pods.iter().filter(|pod| pod.is_of_daemon_set()) {
        *counted.entry(&pod.node).or_default() += 1;
    }
    counted.into_values().max().unwrap_or_default()
}
