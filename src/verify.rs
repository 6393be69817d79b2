//! Whether what was reached is really so, from what the cluster and AWS say now. Pure.

use std::collections::BTreeSet;

use crate::design::Design;
use crate::facts::{Facts, NodeKind};
use crate::settings::Settings;

/// What is not as it should be at the end of a whole run; nothing means proven.
pub fn verify(design: &Design, facts: &Facts, settings: &Settings) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, value) in &design.env {
        if facts.cni.env.get(name) != Some(value) {
            wrong.push(format!("aws-node's {name} is not '{value}'"));
        }
    }
    let pod_subnets: BTreeSet<&str> = design.zones.iter().filter_map(|zone| zone.pod_subnet.id()).collect();
    let groups: BTreeSet<String> = design.final_groups(facts).unwrap_or_default().into_iter().collect();
    for zone in &design.zones {
        match facts.eniconfigs.items.iter().find(|config| config.name == zone.eniconfig) {
            None => wrong.push(format!("ENIConfig {} is missing", zone.eniconfig)),
            Some(config) if Some(config.subnet.as_str()) != zone.pod_subnet.id() => {
                wrong.push(format!("ENIConfig {} names {}", config.name, config.subnet));
            }
            Some(config) if config.security_groups.iter().cloned().collect::<BTreeSet<_>>() != groups => {
                wrong.push(format!(
                    "ENIConfig {} has groups {}",
                    config.name,
                    config.security_groups.join(", ")
                ));
            }
            Some(_) => {}
        }
    }
    nodes(design, facts, &pod_subnets, &mut wrong);
    pods(design, facts, &pod_subnets, &mut wrong);
    if !settings.keep_old_nodes && !design.drained.is_empty() {
        let names: Vec<&str> = design.drained.iter().map(String::as_str).collect();
        wrong.push(format!("old nodes are left: {}", names.join(", ")));
    }
    wrong
}

fn nodes(design: &Design, facts: &Facts, pod_subnets: &BTreeSet<&str>, wrong: &mut Vec<String>) {
    for node in facts.ec2_nodes().filter(|node| !design.old_nodes.contains(&node.name)) {
        if !node.ready {
            wrong.push(format!("node {} is not Ready", node.name));
        }
        if node.pod_subnets.is_empty() {
            wrong.push(format!("node {} has no interface for pods yet", node.name));
        }
        for subnet in node.pod_subnets.iter().filter(|subnet| !pod_subnets.contains(subnet.as_str())) {
            wrong.push(format!("node {} has an interface for pods in {subnet}", node.name));
        }
        let ours = crate::design::our_instances(facts);
        let is_ours = node.instance_id.as_deref().is_some_and(|id| ours.contains(id));
        let of_design =
            design.machine.instance_type.as_ref().is_some_and(|kind| kind.name == node.instance_type);
        if let Some(max_pods) = design.machine.max_pods.filter(|_| is_ours && of_design)
            && node.max_pods != max_pods.get()
        {
            wrong.push(format!("node {} takes {} pods, not {max_pods}", node.name, node.max_pods));
        }
    }
}

fn pods(design: &Design, facts: &Facts, pod_subnets: &BTreeSet<&str>, wrong: &mut Vec<String>) {
    let cidrs: Vec<_> =
        pod_subnets.iter().filter_map(|id| facts.vpc.subnet(id)).map(|subnet| subnet.cidr).collect();
    let elsewhere: BTreeSet<&str> = facts
        .nodes
        .iter()
        .filter(|node| node.kind != NodeKind::Ec2 || design.old_nodes.contains(&node.name))
        .map(|node| node.name.as_str())
        .collect();
    for pod in &facts.pods {
        if pod.host_network || pod.is_finished() || pod.deleting || elsewhere.contains(pod.node.as_str()) {
            continue;
        }
        let Some(address) =
            pod.address.as_ref().and_then(|address| address.parse::<std::net::Ipv4Addr>().ok())
        else {
            continue;
        };
        if !cidrs.iter().any(|cidr| cidr.contains(&address)) {
            wrong.push(format!("pod {} has address {address}, outside of the pod subnets", pod.full_name()));
        }
    }
}
