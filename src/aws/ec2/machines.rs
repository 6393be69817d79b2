//! Instance types.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Result;
use crate::net::max_pods::{Architecture, InstanceType};

use super::{Ec2, failure, filter};

impl Ec2 {
    /// DescribeInstanceTypes for these types. A type that EC2 does not know is left out.
    pub(crate) async fn instance_types(
        &self,
        names: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, InstanceType>> {
        let mut found = BTreeMap::new();
        for names in names.iter().collect::<Vec<_>>().chunks(100) {
            let mut pages = self
                .client
                .describe_instance_types()
                .filters(filter("instance-type", names.iter().map(|name| name.as_str())))
                .into_paginator()
                .items()
                .send();
            while let Some(info) = pages.next().await {
                let info = info.map_err(|error| failure("DescribeInstanceTypes", &error))?;
                if let Some(known) = instance_type(&info) {
                    found.insert(known.name.clone(), known);
                }
            }
        }
        Ok(found)
    }
}

fn instance_type(info: &aws_sdk_ec2::types::InstanceTypeInfo) -> Option<InstanceType> {
    let network = info.network_info()?;
    // The CNI uses only the default network card, so only that card's interfaces count.
    let default_card = network.default_network_card_index().unwrap_or_default();
    let card = network.network_cards().iter().find(|card| card.network_card_index() == Some(default_card));
    let enis =
        card.and_then(|card| card.maximum_network_interfaces()).or(network.maximum_network_interfaces())?;
    let architectures =
        info.processor_info().map(|processor| processor.supported_architectures()).unwrap_or_default();
    Some(InstanceType {
        name: info.instance_type()?.as_str().to_string(),
        enis: u32::try_from(enis).ok()?,
        ipv4_per_eni: u32::try_from(network.ipv4_addresses_per_interface()?).ok()?,
        vcpus: info.v_cpu_info().and_then(|cpu| u32::try_from(cpu.default_v_cpus()?).ok()),
        nitro: info.hypervisor().is_some_and(|hypervisor| hypervisor.as_str() == "nitro")
            || info.bare_metal().unwrap_or_default(),
        bare_metal: info.bare_metal().unwrap_or_default(),
        architectures: architectures
            .iter()
            .filter_map(|arch| match arch.as_str() {
                "x86_64" => Some(Architecture::X86_64),
                "arm64" => Some(Architecture::Arm64),
                _ => None,
            })
            .collect(),
    })
}
