//! Interfaces of nodes that are gone: they hold addresses, and keep a subnet from being deleted.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::Part;
use crate::issue::Issue;

use super::report::or_ok;
use super::view::View;
use crate::words::counted;

pub fn checks(view: &View<'_>) -> Vec<Issue> {
    let facts = view.facts;
    if let Some(because) = view.unread(Part::Interfaces) {
        return vec![Issue::unknown("EC-VFY-040", "interfaces of nodes that are gone", because)];
    }
    let pod_subnets: BTreeSet<&str> =
        facts.eniconfigs.items.iter().map(|config| config.subnet.as_str()).collect();
    let instances: BTreeSet<&str> =
        facts.nodes.iter().filter_map(|node| node.instance_id.as_deref()).collect();
    let mut left: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for interface in &facts.loose_interfaces {
        let ours = interface.cluster.as_ref().is_none_or(|cluster| *cluster == facts.cluster.name);
        // A node that lives attaches it in a moment, or its CNI deletes it.
        let of_the_living = instances.contains(interface.instance.as_str());
        if ours && !of_the_living && pod_subnets.contains(interface.subnet.as_str()) {
            left.entry(&interface.subnet).or_default().push(interface.id.clone());
        }
    }
    let told = left.into_iter().map(|(subnet, names)| {
        Issue::warning("EC-VFY-040", format!("{} of nodes that are gone in {subnet}", counted(names.len(), "interface")))
            .why("the CNI was cut off before it deleted them; they hold addresses, and keep the subnet from being deleted")
            .fix(format!("for E in {}; do aws ec2 delete-network-interface --network-interface-id $E; done", names.join(" ")))
            .about(names)
    });
    or_ok(told.collect(), "EC-VFY-040", "no interface is left in the pod subnets by a node that is gone")
}
