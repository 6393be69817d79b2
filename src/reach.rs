//! Who must reach whom once the pods have moved, and whether they can. Pure.

mod parties;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::design::Design;
use crate::facts::{Backend, Facts, Webhook};
use crate::net::reach::{Ports, Protocol, Verdict};

pub use parties::{NODE_GROUP_TO_BE, firewall, pod_groups, standing_pods, targets};
use parties::{Parties, Party, Scenery};

/// What a flow is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case", tag = "for")]
pub enum Purpose {
    /// Pods call the API server, by the addresses behind Service default/kubernetes.
    Api,
    /// New nodes join.
    NodeApi,
    Dns,
    /// Logs, exec and metrics.
    Kubelet,
    Webhook {
        service: String,
        /// It serves an aggregated API, and is no webhook.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        aggregated: bool,
        must_answer: bool,
        /// It can be called where it stands now.
        works_now: bool,
    },
    /// Pods call each other, on the ports on which pods on old nodes do.
    Pods,
}

/// One line of the matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flow {
    #[serde(flatten)]
    pub purpose: Purpose,
    pub from: String,
    pub to: String,
    pub protocol: Protocol,
    pub port: Ports,
    pub verdict: Verdict,
    /// The control plane takes part, in one of the subnets that it may use.
    #[serde(skip)]
    pub control_plane: bool,
}

const API: u16 = 443;
const KUBELET: u16 = 10_250;

/// Every flow that the cluster needs, with what the VPC says to it.
pub fn flows(design: &Design, facts: &Facts) -> Vec<Flow> {
    let scenery = Scenery { firewall: firewall(design, facts), parties: Parties::of(design, facts) };
    let mut flows = Vec::new();
    let Parties { new_pods, new_nodes, old_pods, old_nodes, standing_pods, control_plane } = &scenery.parties;
    let tcp = |port| (Protocol::Tcp, Ports::one(port));
    let moved: Vec<&Party> = new_pods.iter().chain(standing_pods).collect();
    let mut all = |purpose: &Purpose, from: &[&Party], to: &[&Party], (protocol, ports)| {
        flows.extend(scenery.flows(purpose, from, to, (protocol, ports)));
    };
    let control_plane: Vec<&Party> = control_plane.iter().collect();
    let (new_pods, new_nodes): (Vec<&Party>, Vec<&Party>) =
        (new_pods.iter().collect(), new_nodes.iter().collect());

    all(&Purpose::Api, &moved, &control_plane, tcp(API));
    if facts.cluster.private_endpoint {
        all(&Purpose::NodeApi, &new_nodes, &control_plane, tcp(API));
    }

    // One that nobody serves at the moment tells neither where nor on which port.
    let dns = facts.backends.dns.as_ref().filter(|dns| !dns.pods.is_empty() && !dns.ports.is_empty());
    let usual = [(Protocol::Udp, 53), (Protocol::Tcp, 53)].into();
    let dns_ports: &BTreeSet<(Protocol, u16)> = dns.map_or(&usual, |dns| &dns.ports);
    // Where it is not known on which nodes it runs, it may be any.
    let dns_here: Vec<&Party> =
        old_pods.iter().filter(|party| dns.is_none_or(|dns| stands_on(dns, party))).collect();
    let old_pods: Vec<&Party> = old_pods.iter().collect();
    for (protocol, port) in dns_ports {
        let port = (*protocol, Ports::one(*port));
        all(&Purpose::Dns, &moved, &dns_here, port);
        all(&Purpose::Dns, &old_pods, &moved, port);
        all(&Purpose::Dns, &moved, &moved, port);
    }

    let old_nodes: Vec<&Party> = old_nodes.iter().collect();
    all(&Purpose::Kubelet, &moved, &new_nodes, tcp(KUBELET));
    all(&Purpose::Kubelet, &moved, &old_nodes, tcp(KUBELET));
    all(&Purpose::Kubelet, &control_plane, &new_nodes, tcp(KUBELET));

    for webhook in moving_webhooks(facts) {
        for (protocol, port) in &webhook.backend.ports {
            let works_now = old_pods.iter().filter(|party| stands_on(&webhook.backend, party)).all(|party| {
                control_plane.iter().any(|from| {
                    let port = Ports::one(*port);
                    scenery.flow(Purpose::Api, from, party, *protocol, port).verdict == Verdict::Allowed
                })
            });
            let purpose = Purpose::Webhook {
                service: webhook.service.clone(),
                aggregated: webhook.aggregated,
                must_answer: webhook.must_answer,
                works_now,
            };
            all(&purpose, &control_plane, &new_pods, (*protocol, Ports::one(*port)));
        }
    }

    // What pods on one kind of node say to each other now, they go on to say while some of them have moved.
    let is_dns = |ports: &Ports| ports.from == ports.to && dns_ports.contains(&(Protocol::Tcp, ports.from));
    let mut among_moved: BTreeSet<Ports> = BTreeSet::new();
    for party in &old_pods {
        let open = scenery.firewall.open_among(&party.endpoint, Protocol::Tcp);
        for ports in open.into_iter().filter(|ports| !is_dns(ports)) {
            all(&Purpose::Pods, &moved, &[*party], (Protocol::Tcp, ports));
            all(&Purpose::Pods, &[*party], &moved, (Protocol::Tcp, ports));
            among_moved.insert(ports);
        }
    }
    for ports in among_moved {
        all(&Purpose::Pods, &moved, &moved, (Protocol::Tcp, ports));
    }
    flows
}

/// What pods need to work at all, in the cluster as it stands: the API server, CoreDNS where it runs, and to be called
/// by the API server where they serve a webhook.
pub fn standing(facts: &Facts) -> Vec<Flow> {
    let scenery = Scenery { firewall: facts.firewall.clone(), parties: Parties::standing(facts) };
    let Parties { standing_pods, control_plane, .. } = &scenery.parties;
    let pods: Vec<&Party> = standing_pods.iter().collect();
    let control_plane: Vec<&Party> = control_plane.iter().collect();
    let serving = |backend: &Backend| -> Vec<&Party> {
        standing_pods.iter().filter(|party| stands_on(backend, party)).collect()
    };
    let mut flows = scenery.flows(&Purpose::Api, &pods, &control_plane, (Protocol::Tcp, Ports::one(API)));
    if let Some(dns) = &facts.backends.dns {
        for (protocol, port) in &dns.ports {
            flows.extend(scenery.flows(&Purpose::Dns, &pods, &serving(dns), (*protocol, Ports::one(*port))));
        }
    }
    for webhook in moving_webhooks(facts) {
        let purpose = Purpose::Webhook {
            service: webhook.service.clone(),
            aggregated: webhook.aggregated,
            must_answer: webhook.must_answer,
            // Where it can't be called, nothing will fix that but a rule.
            works_now: true,
        };
        for (protocol, port) in &webhook.backend.ports {
            let port = (*protocol, Ports::one(*port));
            flows.extend(scenery.flows(&purpose, &control_plane, &serving(&webhook.backend), port));
        }
    }
    flows
}

/// Webhooks with pods that take addresses of their own on EC2 nodes: those that move.
pub fn moving_webhooks(facts: &Facts) -> Vec<&Webhook> {
    let ec2: BTreeSet<&str> = facts.ec2_nodes().map(|node| node.name.as_str()).collect();
    let wanted: BTreeSet<&str> = facts
        .backends
        .webhooks
        .iter()
        .flat_map(|hook| hook.backend.pods.keys().map(String::as_str))
        .collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let in_host: BTreeSet<String> = facts
        .pods
        .iter()
        .filter(|pod| pod.host_network)
        .map(|pod| pod.full_name())
        .filter(|name| wanted.contains(name.as_str()))
        .collect();
    let moves = |hook: &&Webhook| {
        hook.backend.pods.iter().any(|(pod, node)| ec2.contains(node.as_str()) && !in_host.contains(pod))
    };
    facts.backends.webhooks.iter().filter(moves).collect()
}

fn stands_on(backend: &Backend, party: &Party) -> bool {
    backend.pods.values().any(|node| party.nodes.contains(node))
}

#[cfg(test)]
mod tests;
