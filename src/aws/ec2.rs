//! EC2: instances and their network interfaces, and what is created in the VPC. Reading the VPC, its security groups,
//! instance types, and what instances are launched from is in the submodules.

mod dry_run;
mod firewall;
mod launch;
mod machines;
mod template_data;
mod undo;
mod unowned;
mod vpc;

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::create_subnet::builders::CreateSubnetFluentBuilder;
use aws_sdk_ec2::types::{Filter, InstanceNetworkInterface, ResourceType, Tag, TagSpecification};
use ipnet::Ipv4Net;

use crate::calls::Calls;
use crate::error::Result;
use crate::facts::{CNI_INTERFACE, InstanceState, Interface};

use super::{Trace, failure};

pub(crate) use dry_run::DryRun;

#[derive(Debug, Clone)]
pub(crate) struct Ec2 {
    client: Client,
}

/// An instance's place in the VPC.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub subnet: String,
    pub state: InstanceState,
    /// Security groups of its primary network interface.
    pub security_groups: BTreeSet<String>,
    /// Auto Scaling group that started it. Only AWS can write a tag that begins with `aws:`.
    pub group: Option<String>,
    /// Addresses for pods on that interface: secondary ones, and those of prefixes.
    pub pod_addresses: u32,
}

impl Ec2 {
    pub(crate) fn new(config: &aws_config::SdkConfig, calls: &Calls) -> Self {
        let config = aws_sdk_ec2::config::Builder::from(config).interceptor(Trace(calls.clone())).build();
        Ec2 { client: Client::from_conf(config) }
    }

    /// The instances that are not terminated, by id. Those that EC2 does not know are left out.
    pub(crate) async fn instances(&self, ids: &[String]) -> Result<BTreeMap<String, Instance>> {
        let mut found = BTreeMap::new();
        // A filter takes 200 values. Unknown instance ids would be an error, unknown filter values are not.
        for ids in ids.chunks(200) {
            let mut pages = self
                .client
                .describe_instances()
                .filters(filter("instance-id", ids.iter().map(String::as_str)))
                .into_paginator()
                .items()
                .send();
            while let Some(reservation) = pages.next().await {
                let reservation = reservation.map_err(|error| failure("DescribeInstances", &error))?;
                for instance in reservation.instances() {
                    let state = instance.state().and_then(|state| state.name()).map(|name| name.as_str());
                    found.insert(
                        instance.instance_id().unwrap_or_default().to_string(),
                        Instance {
                            subnet: instance.subnet_id().unwrap_or_default().to_string(),
                            state: state.unwrap_or_default().into(),
                            security_groups: group_ids(instance.security_groups()),
                            group: tags(instance.tags()).remove("aws:autoscaling:groupName"),
                            pod_addresses: primary_addresses(instance.network_interfaces()),
                        },
                    );
                }
            }
        }
        Ok(found)
    }

    /// Network interfaces that CNIs created in the VPC, attached or not. They are found by their description: a CNI that
    /// is interrupted has not set its tags yet.
    pub(crate) async fn pod_interfaces(&self, vpc_id: &str) -> Result<Vec<Interface>> {
        let mut pages = self
            .client
            .describe_network_interfaces()
            .filters(filter("vpc-id", [vpc_id]))
            .filters(filter("description", [&format!("{CNI_INTERFACE}*")[..]]))
            .into_paginator()
            .items()
            .send();
        let mut interfaces = Vec::new();
        while let Some(interface) = pages.next().await {
            let interface =
                interface.map_err(|error| failure("DescribeNetworkInterfaces", &error).at(vpc_id))?;
            let holder = interface.attachment().and_then(|attachment| attachment.instance_id());
            let made_for = interface.description().and_then(|text| text.strip_prefix(CNI_INTERFACE));
            interfaces.push(Interface {
                id: interface.network_interface_id().unwrap_or_default().to_string(),
                instance: holder.or(made_for).unwrap_or_default().to_string(),
                attached: holder.is_some(),
                subnet: interface.subnet_id().unwrap_or_default().to_string(),
                security_groups: group_ids(interface.groups()),
                addresses: addresses(&interface),
                cluster: tags(interface.tag_set()).remove("cluster.k8s.amazonaws.com/name"),
            });
        }
        Ok(interfaces)
    }

    pub(crate) async fn associate_cidr(&self, vpc_id: &str, block: Ipv4Net) -> Result<()> {
        self.client
            .associate_vpc_cidr_block()
            .vpc_id(vpc_id)
            .cidr_block(block.to_string())
            .send()
            .await
            .map_err(|error| failure(format!("associate CIDR block {block}"), &error).at(vpc_id))?;
        Ok(())
    }

    /// Creates a subnet with its tags in one call. Returns its id.
    pub(crate) async fn create_subnet(
        &self,
        vpc_id: &str,
        zone_id: &str,
        cidr: Ipv4Net,
        tags: &[(String, String)],
    ) -> Result<String> {
        let reply = self
            .subnet_request(vpc_id, zone_id, cidr, tags)
            .send()
            .await
            .map_err(|error| failure(format!("create subnet {cidr} in {zone_id}"), &error).at(vpc_id))?;
        Ok(reply.subnet().and_then(|subnet| subnet.subnet_id()).unwrap_or_default().to_string())
    }

    fn subnet_request(
        &self,
        vpc_id: &str,
        zone_id: &str,
        cidr: Ipv4Net,
        tags: &[(String, String)],
    ) -> CreateSubnetFluentBuilder {
        let mut specification = TagSpecification::builder().resource_type(ResourceType::Subnet);
        for (key, value) in tags {
            specification = specification.tags(Tag::builder().key(key).value(value).build());
        }
        self.client
            .create_subnet()
            .vpc_id(vpc_id)
            // A zone's id is the same in every account; its name is not.
            .availability_zone_id(zone_id)
            .cidr_block(cidr.to_string())
            .tag_specifications(specification.build())
    }

    pub(crate) async fn associate_route_table(&self, table: &str, subnet: &str) -> Result<()> {
        self.client
            .associate_route_table()
            .route_table_id(table)
            .subnet_id(subnet)
            .send()
            .await
            .map_err(|error| failure(format!("associate route table {table}"), &error).at(subnet))?;
        Ok(())
    }

    /// Terminates an instance that no node group owns.
    pub(crate) async fn terminate(&self, instance: &str) -> Result<()> {
        self.client
            .terminate_instances()
            .instance_ids(instance)
            .send()
            .await
            .map_err(|error| failure("terminate instance", &error).at(instance))?;
        Ok(())
    }
}

fn addresses(interface: &aws_sdk_ec2::types::NetworkInterface) -> u32 {
    for_pods(interface.private_ip_addresses().len(), interface.ipv4_prefixes().len())
}

/// Security groups of the interface at device 0 of the default network card.
fn primary_addresses(interfaces: &[InstanceNetworkInterface]) -> u32 {
    let is_primary = |interface: &&InstanceNetworkInterface| {
        let attachment = interface.attachment();
        attachment.is_some_and(|at| at.device_index() == Some(0) && at.network_card_index().unwrap_or(0) == 0)
    };
    interfaces.iter().find(is_primary).map_or(0, |interface| {
        for_pods(interface.private_ip_addresses().len(), interface.ipv4_prefixes().len())
    })
}

/// The number of an interface's addresses for pods: not its primary one, and 16 for each prefix (/28).
fn for_pods(addresses: usize, prefixes: usize) -> u32 {
    u32::try_from(addresses.saturating_sub(1) + 16 * prefixes).unwrap_or(u32::MAX)
}

fn group_ids(groups: &[aws_sdk_ec2::types::GroupIdentifier]) -> BTreeSet<String> {
    groups.iter().filter_map(|group| group.group_id().map(ToString::to_string)).collect()
}

fn filter<'a>(name: &str, values: impl IntoIterator<Item = &'a str>) -> Filter {
    let values = values.into_iter().map(ToString::to_string).collect();
    Filter::builder().name(name).set_values(Some(values)).build()
}

fn tags(tags: &[Tag]) -> BTreeMap<String, String> {
    let pair = |tag: &Tag| Some((tag.key()?.to_string(), tag.value().unwrap_or_default().to_string()));
    tags.iter().filter_map(pair).collect()
}
