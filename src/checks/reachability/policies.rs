//! NetworkPolicies that allow the nodes' addresses, but not pods with addresses of another block.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;

use crate::issue::{Issue, id};
use crate::scene::Scene;

use super::{join, pod_blocks, pod_subnets};

pub(super) fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let (design, facts) = (scene.design, scene.facts);
    let nodes: BTreeSet<Ipv4Net> =
        design.zones.iter().filter_map(|zone| Some(facts.vpc.subnet(&zone.node_subnet)?.cidr)).collect();
    let pods: Vec<Ipv4Net> = pod_subnets(design, facts).into_iter().map(|(_, cidr)| cidr).collect();
    let blocks = join(pod_blocks(design, facts));
    for policy in &facts.integrations.policies {
        for (way, named) in [("from", &policy.ingress), ("to", &policy.egress)] {
            // A block inside a nodes' subnet means a single node or a load balancer, whose address does not change.
            let about_nodes: Vec<&Ipv4Net> =
                named.iter().filter(|block| nodes.iter().any(|node| block.contains(node))).collect();
            let lets = |pods: &Ipv4Net| named.iter().any(|block| block.contains(pods));
            if about_nodes.is_empty() || pods.iter().all(lets) {
                continue;
            }
            let (namespace, name) = policy.name.split_once('/').unwrap_or_default();
            findings.push(
                Issue::warning(
                    id::RCH_015,
                    format!("NetworkPolicy {} allows traffic {way} {}, but not {way} the pods' {blocks}", policy.name, join(about_nodes)),
                )
                .at(format!("NetworkPolicy {}", policy.name))
                .why("it allows addresses by CIDR, and pods will have addresses outside their nodes' CIDR")
                .fix(format!("kubectl -n {namespace} edit networkpolicy {name} # if the rule is meant for pods, add an ipBlock for {blocks}")),
            );
        }
    }
}
