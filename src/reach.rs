//! The traffic that the cluster needs once the pods have moved, and whether it is allowed. Pure.

mod parties;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::design::Design;
use crate::facts::{Backend, Facts, Webhook};
use crate::net::firewall::{Ports, Protocol, Verdict};

pub(crate) use parties::{NODE_GROUP_TO_BE, current_pods, firewall, pod_groups, targets};
use parties::{Parties, Party, Scenery};

/// The purpose of a flow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case", tag = "for")]
pub(crate) enum Purpose {
    /// Pods call the API server, by the addresses behind Service default/kubernetes.
    Api,
    /// New nodes join.
    NodeApi,
    Dns,
    /// Logs, exec and metrics.
    Kubelet,
    Webhook {
        service: String,
        /// It serves an aggregated API instead of a webhook.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        aggregated: bool,
        must_answer: bool,
        /// It can be called on its current node.
        works_now: bool,
    },
    /// Pods call each other, on the ports that are open between pods on old nodes.
    Pods,
}

/// One row of the reachability matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Flow {
    #[serde(flatten)]
    pub purpose: Purpose,
    pub from: String,
    pub to: String,
    pub protocol: Protocol,
    pub port: Ports,
    pub verdict: Verdict,
    /// One side is the control plane, in one of the subnets that it may use.
    #[serde(skip)]
    pub control_plane: bool,
}

const API: u16 = 443;
const KUBELET: u16 = 10_250;

/// Every flow that the cluster needs, with its verdict.
pub(crate) fn flows(design: &Design, facts: &Facts) -> Vec<Flow> {
    let scenery = Scenery { firewall: firewall(design, facts), parties: Parties::of(design, facts) };
    let mut flows = Vec::new();
    let Parties { new_pods, new_nodes, old_pods, old_nodes, current_pods, control_plane } = &scenery.parties;
    let tcp = |port| (Protocol::Tcp, Ports::one(port));
    let moved: Vec<&Party> = new_pods.iter().chain(current_pods).collect();
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

    // Without running pods, neither the nodes nor the ports of CoreDNS are known.
    let dns = facts.backends.dns.as_ref().filter(|dns| !dns.pods.is_empty() && !dns.ports.is_empty());
    let usual = [(Protocol::Udp, 53), (Protocol::Tcp, 53)].into();
    let dns_ports: &BTreeSet<(Protocol, u16)> = dns.map_or(&usual, |dns| &dns.ports);
    // If its nodes are unknown, it may run on any.
    let dns_here: Vec<&Party> =
        old_pods.iter().filter(|party| dns.is_none_or(|dns| runs_on(dns, party))).collect();
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
            let works_now = old_pods.iter().filter(|party| runs_on(&webhook.backend, party)).all(|party| {
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

    // Ports that are open between pods on old nodes must stay open while some of them have moved.
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

/// The flows that pods need in the cluster as it is now: to the API server, to CoreDNS on its nodes, and from the API
/// server to webhooks.
pub(crate) fn current_flows(facts: &Facts) -> Vec<Flow> {
    let scenery = Scenery { firewall: facts.firewall.clone(), parties: Parties::current(facts) };
    let Parties { current_pods, control_plane, .. } = &scenery.parties;
    let pods: Vec<&Party> = current_pods.iter().collect();
    let control_plane: Vec<&Party> = control_plane.iter().collect();
    let serving = |backend: &Backend| -> Vec<&Party> {
        current_pods.iter().filter(|party| runs_on(backend, party)).collect()
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
            // If it can't be called, only a new rule can fix that.
            works_now: true,
        };
        for (protocol, port) in &webhook.backend.ports {
            let port = (*protocol, Ports::one(*port));
            flows.extend(scenery.flows(&purpose, &control_plane, &serving(&webhook.backend), port));
        }
    }
    flows
}

/// Webhooks with pods that will get new addresses: on EC2 nodes and without hostNetwork.
pub(crate) fn moving_webhooks(facts: &Facts) -> Vec<&Webhook> {
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

fn runs_on(backend: &Backend, party: &Party) -> bool {
    backend.pods.values().any(|node| party.nodes.contains(node))
}

#[cfg(test)]
mod tests;
