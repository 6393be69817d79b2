//! Pods: each has an address of its node's ENIConfig.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::facts::{Part, Pod};
use crate::issue::{Issue, id};

use super::report::or_ok;
use super::view::{NodeView, View};
use crate::text::{counted, subject};

pub(super) fn checks(view: &View<'_>) -> Vec<Issue> {
    if let Some(because) = view.unread(Part::Pods) {
        return vec![Issue::unknown(id::VFY_030, "the pods' addresses", because)];
    }
    let nodes: BTreeMap<&str, &NodeView<'_>> =
        view.new_nodes().map(|node| (node.node.name.as_str(), node)).collect();
    let mut correct = 0;
    let mut misplaced: BTreeMap<(String, String), Vec<(&Pod, Ipv4Addr)>> = BTreeMap::new();
    for pod in &view.facts.pods {
        if pod.host_network || pod.is_finished() || pod.deleting {
            continue;
        }
        let Some(node) = nodes.get(pod.node.as_str()) else { continue };
        let (Some(subnet), Some(address)) =
            (node.subnet, pod.address.as_ref().and_then(|address| address.parse::<Ipv4Addr>().ok()))
        else {
            continue;
        };
        if subnet.cidr.contains(&address) {
            correct += 1;
        } else {
            let key = (node.kind(), format!("{} ({})", subnet.id, subnet.cidr));
            misplaced.entry(key).or_default().push((pod, address));
        }
    }
    let delete =
        |(pod, _): &(&Pod, Ipv4Addr)| format!("kubectl -n {} delete pod {}", pod.namespace, pod.name);
    let issues = misplaced.into_iter().map(|((kind, subnet), pods)| {
        Issue::error(
            id::VFY_030,
            format!("{} outside the pod subnet, on nodes {kind}", counted(pods.len(), "pod")),
        )
        .why(format!("the ENIConfig's subnet is {subnet}"))
        .fix(pods.iter().take(5).map(delete).collect::<Vec<_>>().join(" && "))
        .about(pods.iter().map(|(pod, address)| format!("{} {address}", pod.full_name())).collect())
    });
    or_ok(
        issues.collect(),
        id::VFY_030,
        format!(
            "{} in their ENIConfig's subnet",
            subject(correct, "pod", "has an address", "have addresses")
        ),
    )
}
