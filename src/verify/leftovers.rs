//! Interfaces that deleted nodes have left: they use addresses and block the deletion of a subnet.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::Part;
use crate::issue::{Issue, id};

use super::report::or_ok;
use super::view::View;
use crate::text::counted;

pub(super) fn checks(view: &View<'_>) -> Vec<Issue> {
    let facts = view.facts;
    if let Some(because) = view.unread(Part::Interfaces) {
        return vec![Issue::unknown(
            id::VFY_040,
            "whether deleted nodes have left network interfaces",
            because,
        )];
    }
    let pod_subnets: BTreeSet<&str> =
        facts.eniconfigs.items.iter().map(|config| config.subnet.as_str()).collect();
    let instances: BTreeSet<&str> =
        facts.nodes.iter().filter_map(|node| node.instance_id.as_deref()).collect();
    let mut left: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for interface in &facts.loose_interfaces {
        let in_cluster = interface.cluster.as_ref().is_none_or(|cluster| *cluster == facts.cluster.name);
        // A live node will attach it, or its CNI will delete it.
        let is_live = instances.contains(interface.instance.as_str());
        if in_cluster && !is_live && pod_subnets.contains(interface.subnet.as_str()) {
            left.entry(&interface.subnet).or_default().push(interface.id.clone());
        }
    }
    let issues = left.into_iter().map(|(subnet, names)| {
        Issue::warning(id::VFY_040, format!("{} of deleted nodes left in {subnet}", counted(names.len(), "network interface")))
            .why("the CNI was stopped before it deleted them; they use addresses and block the deletion of the subnet")
            .fix(format!("for E in {}; do aws ec2 delete-network-interface --network-interface-id $E; done", names.join(" ")))
            .about(names)
    });
    or_ok(issues.collect(), id::VFY_040, "no deleted node has left an interface in the pod subnets")
}
