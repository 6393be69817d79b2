//! The VPC: its blocks, subnets, route tables, zones and peerings.

use ipnet::Ipv4Net;

use crate::error::{Error, Result};
use crate::facts::{BlockState, CidrBlock, Peering, Route, RouteTable, Subnet};

use super::{Ec2, failure, filter, tags};

/// The VPC itself, as DescribeVpcs gives it.
#[derive(Debug, Clone)]
pub(crate) struct VpcBlocks {
    /// The account that the VPC belongs to.
    pub owner: String,
    pub primary: Ipv4Net,
    pub blocks: Vec<CidrBlock>,
}

impl Ec2 {
    pub(crate) async fn vpc(&self, vpc_id: &str) -> Result<VpcBlocks> {
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
            let state = BlockState::from(state.unwrap_or_default());
            if state == BlockState::Disassociated {
                continue;
            }
            blocks.push(CidrBlock {
                association_id: association.association_id().unwrap_or_default().to_string(),
                cidr: net(association.cidr_block())?,
                state,
            });
        }
        Ok(VpcBlocks { owner: vpc.owner_id().unwrap_or_default().to_string(), primary, blocks })
    }

    pub(crate) async fn subnets(&self, vpc_id: &str) -> Result<Vec<Subnet>> {
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
            // An IPv6-only subnet has no IPv4 block, so pods can't use it.
            let Some(cidr) = subnet.cidr_block() else { continue };
            subnets.push(Subnet {
                id: subnet.subnet_id().unwrap_or_default().to_string(),
                zone: subnet.availability_zone().unwrap_or_default().to_string(),
                zone_id: subnet.availability_zone_id().unwrap_or_default().to_string(),
                cidr: net(Some(cidr))?,
                state: subnet.state().map(|state| state.as_str()).unwrap_or_default().into(),
                free: u32::try_from(subnet.available_ip_address_count().unwrap_or_default()).unwrap_or(0),
                tags: tags(subnet.tags()),
                outpost: subnet.outpost_arn().map(ToString::to_string),
            });
        }
        subnets.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(subnets)
    }

    pub(crate) async fn route_tables(&self, vpc_id: &str) -> Result<Vec<RouteTable>> {
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
    pub(crate) async fn zones(&self) -> Result<Vec<String>> {
        let reply = self.client.describe_availability_zones().send().await;
        let reply = reply.map_err(|error| failure("DescribeAvailabilityZones", &error))?;
        let zones = reply.availability_zones().iter();
        Ok(zones.filter_map(|zone| zone.zone_name().map(ToString::to_string)).collect())
    }

    /// Peering connections with the VPC on either side.
    pub(crate) async fn peerings(&self, vpc_id: &str) -> Result<Vec<Peering>> {
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
                    status: status.unwrap_or_default().into(),
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
}

fn net(text: Option<&str>) -> Result<Ipv4Net> {
    let text = text.unwrap_or_default();
    text.parse().map_err(|error| {
        Error::failed(format!("EC2 returned an invalid CIDR block: '{text}'")).because(error)
    })
}
