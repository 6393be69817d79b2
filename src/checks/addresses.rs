//! Whether the subnets have enough addresses for the maximum size of each group. The network checks cover the desired
//! size.

use crate::design::{GroupDesign, PodSubnet, PoolDesign, TypeDesign, ZoneDesign, options, our_instances};
use crate::facts::{Facts, Subnet};
use crate::issue::{Issue, id};
use crate::net::cidr::usable_addresses;
use crate::step::Step;
use crate::text::{counted, subject};

use crate::scene::Scene;

pub(super) fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    if !scene.concerns(&[Step::CreateSubnets, Step::LaunchNodegroups, Step::PatchSecurityGroups]) {
        return;
    }
    for zone in &scene.design.zones {
        pods(scene, zone, findings);
        prefixes(scene, zone, findings);
        nodes(scene, zone, findings);
    }
}

/// Addresses for all pods of a group at its maximum size, including the CNI's warm targets.
fn pods(scene: &Scene<'_>, zone: &ZoneDesign, findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    let groups = || scene.design.groups_of(zone);
    let Some(each) = most_addresses(groups().map(|(pool, _)| pool)) else { return };
    let (place, all, left) = match &zone.pod_subnet {
        PodSubnet::New { cidr } => (cidr.to_string(), usable_addresses(*cidr), usable_addresses(*cidr)),
        PodSubnet::There { id, .. } => match facts.vpc.subnet(id) {
            Some(subnet) => (id.clone(), usable_addresses(subnet.cidr), left(facts, subnet)),
            None => return,
        },
        PodSubnet::Unknown => return,
    };
    let needed = |size: fn(&GroupDesign) -> u32| -> (u32, u32) {
        let nodes = |(pool, group): (&PoolDesign, &GroupDesign)| pool.nodes(group.largest_share(size(group)));
        let addresses = groups()
            .map(|(pool, group)| nodes((pool, group)).saturating_mul(pool.machine.addresses_per_node()));
        (groups().map(nodes).sum(), addresses.fold(0, u32::saturating_add))
    };
    let ((size, now), (max_size, full)) = (needed(|group| group.size), needed(|group| group.max_size));
    let per_node = each.addresses;
    let each = format!(
        "a full {} uses {} for {}, including the CNI's warm targets",
        each.kind.name,
        counted(per_node, "address"),
        counted(each.max_pods.get().saturating_sub(2), "pod")
    );
    // If even the empty subnet is too small, EC-NET-010 reports it.
    if now <= all && now > left {
        findings.push(
            Issue::warning(
                id::QTA_010,
                format!("other network interfaces use addresses that the pods of {} need", zone.zone),
            )
            .at(place)
            .why(format!("{each}: {now} for {}, but only {left} of {all} are free", counted(size, "node")))
            .fix("use a subnet that nothing else uses, or set fewer nodes with --nodes-per-zone"),
        );
    } else if now <= left && full > left {
        findings.push(
            Issue::warning(
                id::QTA_011,
                format!("the pod subnet of {} is too small for the group's maximum size", zone.zone),
            )
            .at(place)
            .why(format!("{each}: {full} for {}, but only {left} are free", counted(max_size, "node")))
            .fix(format!(
                "set a larger block with {}, or a lower --max-nodes-per-zone ({})",
                scene.settings.named("cidr"),
                subject(left / per_node.max(1), "node", "fits", "fit")
            )),
        );
    }
}

/// The instance type whose full node uses the most addresses.
fn most_addresses<'a>(pools: impl Iterator<Item = &'a PoolDesign>) -> Option<&'a TypeDesign> {
    pools.flat_map(|pool| &pool.machine.types).max_by_key(|one| one.addresses)
}

/// Free addresses, plus those that the new nodes already hold.
fn left(facts: &Facts, subnet: &Subnet) -> u32 {
    let ours = our_instances(facts);
    let held = facts.ec2_nodes().filter(|node| {
        node.pod_subnets.contains(&subnet.id)
            && node.instance_id.as_deref().is_some_and(|id| ours.contains(id))
    });
    held.map(|node| node.pod_addresses).fold(subnet.free, u32::saturating_add)
}

/// A prefix is an aligned block of sixteen addresses: single used addresses fragment the subnet.
fn prefixes(scene: &Scene<'_>, zone: &ZoneDesign, findings: &mut Vec<Issue>) {
    let PodSubnet::There { id, ours: false } = &zone.pod_subnet else { return };
    let Some(subnet) = scene.facts.vpc.subnet(id).filter(|_| options(scene.facts).prefix) else { return };
    let taken = usable_addresses(subnet.cidr).saturating_sub(left(scene.facts, subnet));
    if taken > 0 {
        findings.push(
            Issue::warning(id::QTA_012, format!("the pod subnet of {} may have no free /28 prefixes", zone.zone))
                .at(id)
                .why(format!(
                    "ENABLE_PREFIX_DELEGATION needs whole /28 blocks, but {} in between; EC2 returns InsufficientCidrBlocks if no block is free",
                    subject(taken, "address", "is taken", "are taken")
                ))
                .fix(format!(
                    "use a new subnet, or reserve the free blocks: aws ec2 create-subnet-cidr-reservation --subnet-id {id} --reservation-type prefix --cidr …"
                )),
        );
    }
}

/// New nodes need addresses alongside the old nodes, and more if the group grows to its maximum size.
fn nodes(scene: &Scene<'_>, zone: &ZoneDesign, findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    let Some(subnet) = facts.vpc.subnet(&zone.node_subnet) else { return };
    let ours = our_instances(facts);
    let there = facts.ec2_nodes().filter(|node| {
        node.subnet.as_ref() == Some(&subnet.id)
            && node.instance_id.as_deref().is_some_and(|id| ours.contains(id))
    });
    let there = u32::try_from(there.count()).unwrap_or(u32::MAX);
    let groups = || scene.design.groups_of(zone);
    let nodes = |size: fn(&GroupDesign) -> u32| -> u32 {
        groups().map(|(pool, group)| pool.nodes(group.largest_share(size(group)))).sum()
    };
    let (size, max_size) = (nodes(|group| group.size), nodes(|group| group.max_size));
    let to_come = max_size.saturating_sub(there);
    if size.saturating_sub(there) <= subnet.free && to_come > subnet.free {
        findings.push(
            Issue::warning(
                id::QTA_013,
                format!("the node subnet of {} is too small for the group's maximum size", zone.zone),
            )
            .at(&subnet.id)
            .why(format!(
                "up to {} may start there, but {} free",
                counted(to_come, "node"),
                subject(subnet.free, "address", "is", "are")
            ))
            .fix("set a lower --max-nodes-per-zone; or do nothing: the old nodes' addresses become free when the nodes are terminated"),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::{found_after, ids};

    use super::*;

    fn found(arguments: &[&str], change: impl FnOnce(&mut Facts)) -> Vec<Issue> {
        found_after(check, arguments, change)
    }

    /// A subnet of the second block in each zone, of 251 addresses.
    fn given(facts: &mut Facts, free: u32) {
        for (id, zone, cidr) in [("subnet-pa", "a", "100.64.0.0/24"), ("subnet-pb", "b", "100.64.1.0/24")] {
            let mut subnet = facts.vpc.subnets[0].clone();
            (subnet.id, subnet.zone, subnet.cidr, subnet.free) =
                (id.into(), zone.into(), cidr.parse().unwrap(), free);
            facts.vpc.subnets.push(subnet);
        }
    }

    const GIVEN: [&str; 2] = ["--subnet", "a=subnet-pa,b=subnet-pb"];

    #[test]
    fn enough_addresses_are_no_issue() {
        assert_eq!(ids(&found(&[], |_| {})), [""; 0]);
        assert_eq!(ids(&found(&GIVEN, |facts| given(facts, 251))), [""; 0]);
    }

    #[test]
    fn a_group_at_its_maximum_size_can_exceed_the_pod_subnet() {
        // m5.large: twenty addresses a node, 59 in a /26.
        let all =
            found(&["--cidr", "100.64.0.0/25", "--nodes-per-zone", "2", "--max-nodes-per-zone", "3"], |_| {});
        insta::assert_json_snapshot!(all);
        let fits = ["--cidr", "100.64.0.0/25", "--nodes-per-zone", "1", "--max-nodes-per-zone", "2"];
        assert_eq!(ids(&found(&fits, |_| {})), [""; 0]);
    }

    #[test]
    fn warm_targets_count() {
        let args = [
            "--cidr",
            "100.64.0.0/24",
            "--instance-type",
            "m5.4xlarge",
            "--nodes-per-zone",
            "1",
            "--max-nodes-per-zone",
            "1",
        ];
        let with = |target: Option<&str>| {
            found(&args, |facts| {
                let kind = crate::net::max_pods::known("m5.4xlarge").unwrap().clone();
                facts.machine.types.insert(kind.name.clone(), kind);
                facts.cni.env.extend(target.map(|value| ("WARM_IP_TARGET".to_string(), value.to_string())));
            })
        };
        // 150 with the default of a whole interface in reserve, 117 when addresses are counted: 123 are there.
        assert_eq!(ids(&with(Some("5"))), [""; 0]);
        let network = crate::net::cidr::usable_addresses("100.64.0.0/25".parse().unwrap());
        assert_eq!(network, 123);
    }

    #[test]
    fn addresses_held_by_others_are_not_counted() {
        assert_eq!(ids(&found(&GIVEN, |facts| given(facts, 10))), ["EC-QTA-010", "EC-QTA-010"]);
        let prefixes = |facts: &mut Facts| {
            given(facts, 250);
            facts.cni.env.insert("ENABLE_PREFIX_DELEGATION".into(), "true".into());
        };
        let all =
            found(&[&GIVEN[..], &["--nodes-per-zone", "1", "--max-nodes-per-zone", "1"]].concat(), prefixes);
        assert_eq!(ids(&all), ["EC-QTA-012", "EC-QTA-012"]);
    }

    #[test]
    fn new_nodes_need_addresses_beside_the_old_ones() {
        let short = |free: u32| {
            found(&["--nodes-per-zone", "1", "--max-nodes-per-zone", "4"], |facts| {
                facts.vpc.subnets.iter_mut().for_each(|subnet| subnet.free = free);
            })
        };
        assert_eq!(ids(&short(4)), [""; 0]);
        assert_eq!(ids(&short(3)), ["EC-QTA-013", "EC-QTA-013"]);
        // Not even the first node fits: EC-NET-011 reports it.
        assert_eq!(ids(&short(0)), [""; 0]);
    }
}
