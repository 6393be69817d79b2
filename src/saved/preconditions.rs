//! The preconditions of a plan: facts that would change the plan or its target if they were different. Pure.

use std::collections::BTreeMap;

use crate::design::{PodSubnet, RouteChoice};
use crate::facts::{Facts, detected_version, env_owner, owner};
use crate::scene::Scene;

/// Variables of aws-node that affect addresses, besides those that the plan sets.
const READ: [&str; 5] = [
    "ENABLE_PREFIX_DELEGATION",
    "ENABLE_POD_ENI",
    "MAX_ENI",
    crate::design::ANNOTATION_DEF,
    crate::design::EXTERNAL_SNAT,
];

/// The preconditions, each with a name that a person understands.
pub(super) fn preconditions(scene: &Scene<'_>) -> BTreeMap<String, String> {
    let Scene { design, facts, settings, .. } = *scene;
    let mut found = BTreeMap::new();
    let mut note = |name: String, value: String| drop(found.insert(name, value));
    let cluster = &facts.cluster;
    note("cluster's Kubernetes version".into(), cluster.version.clone());
    note("cluster's endpoint".into(), cluster.endpoint.clone());
    note("cluster's security group".into(), cluster.security_group.clone());
    note("cluster's authentication mode".into(), format!("{:?}", cluster.authentication));
    let service_cidr = cluster.service_cidr.map_or_else(String::new, |cidr| cidr.to_string());
    note("cluster's service CIDR".into(), service_cidr);
    let mut blocks: Vec<String> = facts.vpc.blocks.iter().map(|block| block.cidr.to_string()).collect();
    blocks.sort_unstable();
    note(format!("CIDR blocks of {}", facts.vpc.id), blocks.join(", "));
    let version = detected_version(&facts.cni).map(|(version, _)| version.to_string());
    note("VPC CNI's version".into(), version.unwrap_or_default());
    note("aws-node's owner".into(), env_owner(&facts.cni).to_string());
    if let Some(addon) = &facts.cni.addon {
        note("add-on's IAM role".into(), addon.role.clone().unwrap_or_else(|| "(none)".into()));
    }
    // Other variables may contain secrets, which must not be in a plan.
    for name in design.env.keys().map(String::as_str).chain(READ) {
        let value = facts.cni.env.get(name).map_or("(not set)", String::as_str);
        note(format!("aws-node's {name}"), value.into());
    }
    for config in &facts.eniconfigs.items {
        let groups = config.security_groups.join(", ");
        note(format!("ENIConfig {}", config.name), format!("{} with {groups}", config.subnet));
    }
    for zone in &design.zones {
        note(format!("node subnet of {}", zone.zone), zone.node_subnet.clone());
        if let PodSubnet::There { id, .. } = &zone.pod_subnet {
            let table = facts.vpc.route_table_of(id).map_or("", |table| table.id.as_str());
            note(
                format!("pod subnet of {}", zone.zone),
                format!("{id} on {}", table_and_target(facts, table)),
            );
        } else if let RouteChoice::Table(table) = &zone.route_table {
            note(format!("route table for the pods of {}", zone.zone), table_and_target(facts, table));
        }
    }
    if !settings.drain.keep_old_nodes {
        for node in facts.nodes.iter().filter(|node| design.drained.contains(&node.name)) {
            note(format!("old node {}", node.name), owner(facts, node).to_string());
        }
    }
    found
}

/// A route table and the target of its default route.
fn table_and_target(facts: &Facts, id: &str) -> String {
    let table = facts.vpc.route_tables.iter().find(|table| table.id == id);
    let target = table.and_then(|table| table.default_target()).unwrap_or("nowhere");
    format!("{id}, which leads to {target}")
}
