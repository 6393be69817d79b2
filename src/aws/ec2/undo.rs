//! EC2 calls for undo: what uses a subnet, and how to delete it.

use crate::error::Result;
use crate::facts::Occupant;

use super::{Ec2, failure, filter, group_ids};

impl Ec2 {
    /// All network interfaces in these subnets, whoever created them.
    pub(crate) async fn occupants(&self, subnets: &[String]) -> Result<Vec<Occupant>> {
        self.interfaces_by("subnet-id", subnets).await
    }

    /// All network interfaces that have one of these security groups.
    pub(crate) async fn interfaces_with_groups(&self, groups: &[String]) -> Result<Vec<Occupant>> {
        self.interfaces_by("group-id", groups).await
    }

    async fn interfaces_by(&self, name: &str, values: &[String]) -> Result<Vec<Occupant>> {
        let mut interfaces = Vec::new();
        // A filter takes 200 values.
        for values in values.chunks(200) {
            let mut pages = self
                .client
                .describe_network_interfaces()
                .filters(filter(name, values.iter().map(String::as_str)))
                .into_paginator()
                .items()
                .send();
            while let Some(found) = pages.next().await {
                let found = found.map_err(|error| failure("DescribeNetworkInterfaces", &error))?;
                let attachment = found.attachment();
                interfaces.push(Occupant {
                    id: found.network_interface_id().unwrap_or_default().to_string(),
                    subnet: found.subnet_id().unwrap_or_default().to_string(),
                    description: found.description().unwrap_or_default().to_string(),
                    kind: found.interface_type().map(|kind| kind.as_str()).unwrap_or_default().to_string(),
                    status: found.status().map(|status| status.as_str()).unwrap_or_default().into(),
                    instance: attachment.and_then(|there| there.instance_id()).map(ToString::to_string),
                    requester: found.requester_id().unwrap_or_default().to_string(),
                    groups: group_ids(found.groups()),
                });
            }
        }
        interfaces.sort_by(|one: &Occupant, other| one.id.cmp(&other.id));
        // An interface that matches values of two requests is returned twice.
        interfaces.dedup_by(|one, other| one.id == other.id);
        Ok(interfaces)
    }

    /// Deletes a detached network interface. One that is already gone is a success.
    pub(crate) async fn delete_interface(&self, id: &str) -> Result<()> {
        let reply = self.client.delete_network_interface().network_interface_id(id).send().await;
        gone(id, reply.map_err(|error| failure("delete network interface", &error)))
    }

    /// Deletes a subnet, and with it its association with a route table.
    pub(crate) async fn delete_subnet(&self, id: &str) -> Result<()> {
        let reply = self.client.delete_subnet().subnet_id(id).send().await;
        gone(id, reply.map_err(|error| failure("delete subnet", &error)))
    }

    /// Disassociates a secondary CIDR block from its VPC.
    pub(crate) async fn disassociate_cidr(&self, association: &str) -> Result<()> {
        let reply = self.client.disassociate_vpc_cidr_block().association_id(association).send().await;
        gone(association, reply.map_err(|error| failure("disassociate CIDR block", &error)))
    }
}

/// NotFound is a success: an earlier call whose reply was lost has deleted it, or somebody by hand.
fn gone<T>(id: &str, reply: Result<T>) -> Result<()> {
    match reply {
        Ok(_) => Ok(()),
        Err(error) if error.code().ends_with(".NotFound") => Ok(()),
        Err(error) => Err(error.at(id)),
    }
}
