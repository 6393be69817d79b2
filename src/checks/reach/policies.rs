//! NetworkPolicies that name the nodes' addresses, and so leave out pods that have addresses of another block.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;

use crate::issue::Issue;

use super::{Scene, join, pod_blocks, pod_subnets};

pub fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let (design, facts) = (scene.design, scene.facts);
    let nodes: BTreeSet<Ipv4Net> =
        design.zones.iter().filter_map(|zone| Some(facts.vpc.subnet(&zone.node_subnet)?.cidr)).collect();
    let pods: Vec<Ipv4Net> = pod_subnets(design, facts).into_iter().map(|(_, cidr)| cidr).collect();
    let blocks = join(pod_blocks(design, facts));
    for policy in &facts.neighbours.policies {
        for (way, named) in [("in from", &policy.ingress), ("out to", &policy.egress)] {
            // A block within the nodes' subnet is about one of them, or a load balancer: that stays so.
            let about_nodes: Vec<&Ipv4Net> =
                named.iter().filter(|block| nodes.iter().any(|node| block.contains(node))).collect();
            let lets = |pods: &Ipv4Net| named.iter().any(|block| block.contains(pods));
            if about_nodes.is_empty() || pods.iter().all(lets) {
                continue;
            }
            let (namespace, name) = policy.name.split_once('/').unwrap_or_default();
            findings.push(
                Issue::warning(
                    "EC-RCH-015",
                    format!("NetworkPolicy {} lets {way} {}, and not the pods' {blocks}", policy.name, join(about_nodes)),
                )
                .at(format!("NetworkPolicy {}", policy.name))
                .why("it names addresses, and pods will have others than their nodes")
                .fix(format!("kubectl -n {namespace} edit networkpolicy {name}: an ipBlock of {blocks} beside it, where pods are meant")),
            );
        }
    }
}
