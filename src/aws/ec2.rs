//! EC2: the VPC, its subnets and route tables, instances and their network interfaces.

mod back;
mod firewall;

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::create_subnet::builders::CreateSubnetFluentBuilder;
use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};
use ipnet::Ipv4Net;

use crate::calls::Calls;
use crate::error::{Error, Result};
use crate::facts::{CNI_INTERFACE, CidrBlock, Image, Interface, Peering, Route, RouteTable, Subnet};
use crate::net::max_pods::{Architecture, InstanceType};

use super::{Count, failure};

mod dry_run;

pub use dry_run::DryRun;

#[derive(Debug, Clone)]
pub struct Ec2 {
    client: Client,
}

/// The VPC itself, as DescribeVpcs gives it.
#[derive(Debug, Clone)]
pub struct VpcBlocks {
    pub primary: Ipv4Net,
    pub blocks: Vec<CidrBlock>,
}

/// Where an instance stands.
#[derive(Debug, Clone)]
pub struct Instance {
    pub subnet: String,
    pub state: String,
    /// Of its own, first interface.
    pub security_groups: BTreeSet<String>,
}

impl Ec2 {
    pub fn new(config: &aws_config::SdkConfig, calls: &Calls) -> Self {
        let config = aws_sdk_ec2::config::Builder::from(config).interceptor(Count(calls.clone())).build();
        Ec2 { client: Client::from_conf(config) }
    }

    pub async fn vpc(&self, vpc_id: &str) -> Result<VpcBlocks> {
        let reply = self
            .client
            .describe_vpcs()
            .vpc_ids(vpc_id)
            .send()
            .await
            .map_err(|error| failure("DescribeVpcs", &error).at(vpc_id))?;
        let vpc = reply.vpcs().first().ok_or_else(|| Error::failed("VPC not found").at(vpc_id))?;
        let primary = net(vpc.cidr_block())?;
        let mut blocks = Vec::new();
        for association in vpc.cidr_block_association_set() {
            let state =
                association.cidr_block_state().and_then(|state| state.state()).map(|state| state.as_str());
            let state = state.unwrap_or_default().to_string();
            // A block that is gone stays listed for a while.
            if state == "disassociated" {
                continue;
            }
            blocks.push(CidrBlock {
                association_id: association.association_id().unwrap_or_default().to_string(),
                cidr: net(association.cidr_block())?,
                state,
            });
        }
        Ok(VpcBlocks { primary, blocks })
    }

    pub async fn subnets(&self, vpc_id: &str) -> Result<Vec<Subnet>> {
        let mut pages = self
            .client
            .describe_subnets()
            .filters(filter("vpc-id", [vpc_id]))
            .into_paginator()
            .items()
            .send();
        let mut subnets = Vec::new();
        while let Some(subnet) = pages.next().await {
            let subnet = subnet.map_err(|error| failure("DescribeSubnets", &error).at(vpc_id))?;
            // A subnet for IPv6 alone has no IPv4 block: no pod of ours can stand there.
            let Some(cidr) = subnet.cidr_block() else { continue };
            subnets.push(Subnet {
                id: subnet.subnet_id().unwrap_or_default().to_string(),
                zone: subnet.availability_zone().unwrap_or_default().to_string(),
                zone_id: subnet.availability_zone_id().unwrap_or_default().to_string(),
                cidr: net(Some(cidr))?,
                state: subnet.state().map(|state| state.as_str()).unwrap_or_default().to_string(),
                free: u32::try_from(subnet.available_ip_address_count().unwrap_or_default()).unwrap_or(0),
                tags: tags(subnet.tags()),
            });
        }
        subnets.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(subnets)
    }

    pub async fn route_tables(&self, vpc_id: &str) -> Result<Vec<RouteTable>> {
        let mut pages = self
            .client
            .describe_route_tables()
            .filters(filter("vpc-id", [vpc_id]))
            .into_paginator()
            .items()
            .send();
        let mut tables = Vec::new();
        while let Some(table) = pages.next().await {
            let table = table.map_err(|error| failure("DescribeRouteTables", &error).at(vpc_id))?;
            let routes = table.routes().iter().filter_map(|route| {
                let destination = route.destination_cidr_block()?.parse().ok()?;
                let target = route
                    .gateway_id()
                    .or(route.nat_gateway_id())
                    .or(route.transit_gateway_id())
                    .or(route.vpc_peering_connection_id())
                    .or(route.network_interface_id())
                    .or(route.local_gateway_id())
                    .or(route.carrier_gateway_id())
                    .or(route.core_network_arn())
                    .unwrap_or_default();
                let blackhole = route.state().is_some_and(|state| state.as_str() == "blackhole");
                Some(Route { destination, target: target.to_string(), blackhole })
            });
            tables.push(RouteTable {
                id: table.route_table_id().unwrap_or_default().to_string(),
                main: table.associations().iter().any(|association| association.main().unwrap_or_default()),
                subnet_ids: table
                    .associations()
                    .iter()
                    .filter_map(|association| association.subnet_id().map(ToString::to_string))
                    .collect(),
                routes: routes.collect(),
            });
        }
        tables.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(tables)
    }

    /// Names of the region's Availability Zones; Local Zones are left out where the account has not opted in.
    pub async fn zones(&self) -> Result<Vec<String>> {
        let reply = self.client.describe_availability_zones().send().await;
        let reply = reply.map_err(|error| failure("DescribeAvailabilityZones", &error))?;
        let zones = reply.availability_zones().iter();
        Ok(zones.filter_map(|zone| zone.zone_name().map(ToString::to_string)).collect())
    }

    /// Peerings in which the VPC stands on either side.
    pub async fn peerings(&self, vpc_id: &str) -> Result<Vec<Peering>> {
        let mut peerings = Vec::new();
        for (side, we_requested) in [("requester-vpc-info.vpc-id", true), ("accepter-vpc-info.vpc-id", false)]
        {
            let mut pages = self
                .client
                .describe_vpc_peering_connections()
                .filters(filter(side, [vpc_id]))
                .into_paginator()
                .items()
                .send();
            while let Some(peering) = pages.next().await {
                let peering =
                    peering.map_err(|error| failure("DescribeVpcPeeringConnections", &error).at(vpc_id))?;
                let peer =
                    if we_requested { peering.accepter_vpc_info() } else { peering.requester_vpc_info() };
                let status = peering.status().and_then(|status| status.code()).map(|code| code.as_str());
                peerings.push(Peering {
                    id: peering.vpc_peering_connection_id().unwrap_or_default().to_string(),
                    status: status.unwrap_or_default().to_string(),
                    we_requested,
                    peer_cidrs: peer
                        .map(|peer| {
                            peer.cidr_block_set()
                                .iter()
                                .filter_map(|block| block.cidr_block()?.parse().ok())
                                .collect()
                        })
                        .unwrap_or_default(),
                });
            }
        }
        Ok(peerings)
    }

    /// The instances that are not gone yet, by id. Those EC2 doesn't know are left out.
    pub async fn instances(&self, ids: &[String]) -> Result<BTreeMap<String, Instance>> {
        let mut found = BTreeMap::new();
        // A filter takes 200 values; unlike instance ids, values that match nothing are no error.
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
                            state: state.unwrap_or_default().to_string(),
                            security_groups: group_ids(instance.security_groups()),
                        },
                    );
                }
            }
        }
        Ok(found)
    }

    /// Interfaces that CNIs made in the VPC, held by an instance or not. A CNI begins the description of each with
    /// these letters, and is cut off before it gives tags.
    pub async fn pod_interfaces(&self, vpc_id: &str) -> Result<Vec<Interface>> {
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

    /// What EC2 says of instance types; one that it doesn't know is left out.
    pub async fn instance_types(&self, names: &BTreeSet<String>) -> Result<BTreeMap<String, InstanceType>> {
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

    pub async fn image(&self, id: &str) -> Result<Image> {
        let reply = self
            .client
            .describe_images()
            .image_ids(id)
            .send()
            .await
            .map_err(|error| failure("DescribeImages", &error).at(id))?;
        let image = reply.images().first().ok_or_else(|| Error::failed("no such AMI").at(id))?;
        Ok(Image {
            id: id.to_string(),
            name: image.name().unwrap_or_default().to_string(),
            architecture: image.architecture().map(|arch| arch.as_str()).unwrap_or_default().to_string(),
            root_device: image.root_device_name().unwrap_or("/dev/xvda").to_string(),
        })
    }

    pub async fn associate_cidr(&self, vpc_id: &str, block: Ipv4Net) -> Result<()> {
        self.client
            .associate_vpc_cidr_block()
            .vpc_id(vpc_id)
            .cidr_block(block.to_string())
            .send()
            .await
            .map_err(|error| failure(format!("associate CIDR block {block}"), &error).at(vpc_id))?;
        Ok(())
    }

    /// Makes a subnet with its tags in one call; answers its id.
    pub async fn create_subnet(
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
            // The zone's id means the same zone in every account; its name does not.
            .availability_zone_id(zone_id)
            .cidr_block(cidr.to_string())
            .tag_specifications(specification.build())
    }

    pub async fn associate_route_table(&self, table: &str, subnet: &str) -> Result<()> {
        self.client
            .associate_route_table()
            .route_table_id(table)
            .subnet_id(subnet)
            .send()
            .await
            .map_err(|error| failure(format!("associate route table {table}"), &error).at(subnet))?;
        Ok(())
    }

    /// Ends instances that no group owns.
    pub async fn terminate(&self, instance: &str) -> Result<()> {
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
    let single = interface.private_ip_addresses().len().saturating_sub(1);
    // A prefix of the CNI is a /28.
    u32::try_from(single + 16 * interface.ipv4_prefixes().len()).unwrap_or(u32::MAX)
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

fn net(text: Option<&str>) -> Result<Ipv4Net> {
    let text = text.unwrap_or_default();
    text.parse().map_err(|error| {
        Error::failed(format!("EC2 answered a CIDR block that can't be read: '{text}'")).because(error)
    })
}

fn instance_type(info: &aws_sdk_ec2::types::InstanceTypeInfo) -> Option<InstanceType> {
    let network = info.network_info()?;
    // The CNI uses the default network card alone, so its share of the interfaces is what counts.
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
