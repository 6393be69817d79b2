//! Zones other than Availability Zones, and subnets that other controllers choose.

use std::collections::BTreeSet;

use crate::issue::{Issue, id};
use crate::scene::Scene;
use crate::step::Step;

/// Nodes on Outposts, in Local Zones and in Wavelength Zones.
pub(super) fn outside_of_the_region(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    for zone in &scene.design.zones {
        let outpost = facts.vpc.subnet(&zone.node_subnet).and_then(|subnet| subnet.outpost.as_ref());
        let finding = match (outpost, zone_kind(&zone.zone, &facts.caller.region)) {
            (Some(outpost), _) => Issue::error(
                id::NET_014,
                format!("nodes of {} are on an Outpost", zone.zone),
            )
            .at(format!("{}, {outpost}", zone.node_subnet))
            .why("their pod subnet must be on the same Outpost, but one ENIConfig serves the whole zone, including nodes in the Region")
            .fix("eni-custom does not support Outposts: create ENIConfigs with subnets of the Outpost yourself, and label these nodes with vpc.amazonaws.com/externalEniConfig"),
            (None, Some(kind)) => Issue::warning(
                id::NET_014,
                format!("nodes of {} are in a {kind}", zone.zone),
            )
            .at(&zone.node_subnet)
            .why(format!("new nodes and their pod subnet are created there too: a {kind} offers few instance types, and often no NAT gateway"))
            .fix(format!(
                "aws ec2 describe-instance-type-offerings --location-type availability-zone --filters Name=location,Values={} # lists its types; then add --accept {}",
                zone.zone,
                id::NET_014
            )),
            (None, None) => continue,
        };
        findings.push(finding);
    }
}

/// `us-west-2a` is an Availability Zone, `us-west-2-lax-1a` a Local Zone, `us-west-2-wl1-las-wlz-1` a Wavelength Zone
/// (EC2 user guide, "Regions and Zones").
pub(super) fn zone_kind(zone: &str, region: &str) -> Option<&'static str> {
    let rest = zone.strip_prefix(region)?;
    match rest.strip_prefix('-') {
        None => None,
        Some(rest) if rest.starts_with("wl") => Some("Wavelength Zone"),
        Some(_) => Some("Local Zone"),
    }
}

/// If no subnet has the role tag, the AWS Load Balancer Controller chooses private subnets by their routes, including
/// pod subnets ("Subnet Discovery" in its documentation).
pub(super) fn untagged(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    const ROLE: &str = "kubernetes.io/role/internal-elb";
    let (facts, design) = (scene.facts, scene.design);
    let tagged = facts.vpc.subnets.iter().any(|subnet| subnet.tags.contains_key(ROLE));
    if !facts.integrations.load_balancers || tagged || !scene.concerns(&[Step::CreateSubnets]) {
        return;
    }
    let nodes: BTreeSet<&str> = design.zones.iter().map(|zone| zone.node_subnet.as_str()).collect();
    let nodes: Vec<&str> = nodes.into_iter().collect();
    findings.push(
        Issue::note(id::NET_015, "internal load balancers may be placed in pod subnets")
            .at(&facts.vpc.id)
            .why(format!(
                "no subnet is tagged {ROLE}, so the AWS Load Balancer Controller chooses among all private subnets; a load balancer in a pod subnet uses pods' addresses and blocks the subnet's deletion"
            ))
            .fix(format!("aws ec2 create-tags --tags Key={ROLE},Value=1 --resources {}", nodes.join(" "))),
    );
}
