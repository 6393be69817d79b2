//! Security groups and network ACLs of a VPC.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{IpPermission, NetworkAclEntry, PortRange};

use crate::error::Result;
use crate::net::firewall::{AclEntry, NetworkAcl, Peer, Ports, Protocol, Rule, SecurityGroup, Traffic};

use super::{Ec2, failure, filter, tags};

impl Ec2 {
    /// All groups of the VPC, by id. Their rules for IPv4, TCP and UDP are kept.
    pub(crate) async fn security_groups(&self, vpc_id: &str) -> Result<BTreeMap<String, SecurityGroup>> {
        let mut pages = self
            .client
            .describe_security_groups()
            .filters(filter("vpc-id", [vpc_id]))
            .into_paginator()
            .items()
            .send();
        let mut groups = BTreeMap::new();
        while let Some(group) = pages.next().await {
            let group = group.map_err(|error| failure("DescribeSecurityGroups", &error).at(vpc_id))?;
            let id = group.group_id().unwrap_or_default().to_string();
            let kept = SecurityGroup {
                id: id.clone(),
                ingress: group.ip_permissions().iter().flat_map(rules).collect(),
                egress: group.ip_permissions_egress().iter().flat_map(rules).collect(),
                tags: tags(group.tags()),
            };
            groups.insert(id, kept);
        }
        Ok(groups)
    }

    /// All network ACLs of the VPC. Their entries for IPv4, TCP and UDP are kept.
    pub(crate) async fn network_acls(&self, vpc_id: &str) -> Result<Vec<NetworkAcl>> {
        let mut pages = self
            .client
            .describe_network_acls()
            .filters(filter("vpc-id", [vpc_id]))
            .into_paginator()
            .items()
            .send();
        let mut acls = Vec::new();
        while let Some(acl) = pages.next().await {
            let acl = acl.map_err(|error| failure("DescribeNetworkAcls", &error).at(vpc_id))?;
            let entries = |egress: bool| {
                let these = acl.entries().iter().filter(|entry| entry.egress() == Some(egress));
                let mut entries: Vec<AclEntry> = these.filter_map(acl_entry).collect();
                entries.sort_by_key(|entry| entry.number);
                entries
            };
            let subnets = acl.associations().iter();
            acls.push(NetworkAcl {
                id: acl.network_acl_id().unwrap_or_default().to_string(),
                default: acl.is_default().unwrap_or_default(),
                subnets: subnets.filter_map(|one| one.subnet_id().map(ToString::to_string)).collect(),
                ingress: entries(false),
                egress: entries(true),
            });
        }
        acls.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(acls)
    }
}

/// A permission has one kind of traffic and any number of peers.
fn rules(permission: &IpPermission) -> Vec<Rule> {
    let Some(traffic) = traffic(permission.ip_protocol(), permission.from_port(), permission.to_port())
    else {
        return Vec::new();
    };
    let cidrs = permission.ip_ranges().iter().filter_map(|range| range.cidr_ip()?.parse().ok());
    let groups = permission.user_id_group_pairs().iter().filter_map(|pair| pair.group_id());
    let lists = permission.prefix_list_ids().iter().filter_map(|list| list.prefix_list_id());
    cidrs
        .map(Peer::Cidr)
        .chain(groups.map(|id| Peer::Group(id.into())))
        .chain(lists.map(|id| Peer::PrefixList(id.into())))
        .map(|peer| Rule { traffic, peer })
        .collect()
}

fn acl_entry(entry: &NetworkAclEntry) -> Option<AclEntry> {
    let ports = entry.port_range();
    Some(AclEntry {
        number: entry.rule_number()?,
        allow: entry.rule_action()?.as_str() == "allow",
        traffic: traffic(entry.protocol(), ports.and_then(PortRange::from), ports.and_then(PortRange::to))?,
        // An entry for IPv6 has no IPv4 block.
        cidr: entry.cidr_block()?.parse().ok()?,
    })
}

/// Security groups name protocols, network ACLs number them. `None`: neither TCP nor UDP.
fn traffic(protocol: Option<&str>, from: Option<i32>, to: Option<i32>) -> Option<Traffic> {
    let protocol = match protocol? {
        "-1" => return Some(Traffic::ALL),
        "tcp" | "6" => Protocol::Tcp,
        "udp" | "17" => Protocol::Udp,
        _ => return None,
    };
    let port = |port: Option<i32>, open: u16| port.and_then(|port| u16::try_from(port).ok()).unwrap_or(open);
    let ports = Ports { from: port(from, 0), to: port(to, u16::MAX) };
    Some(Traffic { protocol: Some(protocol), ports })
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{IpRange, PrefixListId, UserIdGroupPair};

    use super::*;

    #[test]
    fn protocols_are_read_by_name_and_number_and_only_tcp_and_udp_are_kept() {
        let tcp = Traffic { protocol: Some(Protocol::Tcp), ports: Ports { from: 443, to: 444 } };
        for (protocol, expected) in
            [("tcp", Some(tcp)), ("6", Some(tcp)), ("-1", Some(Traffic::ALL)), ("icmp", None), ("50", None)]
        {
            assert_eq!(traffic(Some(protocol), Some(443), Some(444)), expected, "{protocol}");
        }
        let any_port = traffic(Some("udp"), None, None).unwrap();
        assert_eq!(any_port, Traffic { protocol: Some(Protocol::Udp), ports: Ports::ALL });
    }

    #[test]
    fn a_permission_becomes_one_rule_per_peer() {
        let permission = IpPermission::builder()
            .ip_protocol("-1")
            .ip_ranges(IpRange::builder().cidr_ip("10.0.0.0/8").build())
            .user_id_group_pairs(UserIdGroupPair::builder().group_id("sg-1").build())
            .prefix_list_ids(PrefixListId::builder().prefix_list_id("pl-1").build())
            .build();
        let peers: Vec<Peer> = rules(&permission).into_iter().map(|rule| rule.peer).collect();
        let expected = [
            Peer::Cidr("10.0.0.0/8".parse().unwrap()),
            Peer::Group("sg-1".into()),
            Peer::PrefixList("pl-1".into()),
        ];
        assert_eq!(peers, expected);
    }
}
