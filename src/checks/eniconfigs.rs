//! What there is of ENIConfigs, and whose it is.

use crate::design::{ZONE_LABEL, ZoneDesign};
use crate::facts::{EniConfig, same_groups};
use crate::issue::Issue;
use crate::step::Step;

use super::Scene;

/// Whether an ENIConfig that is there would be changed.
fn differs(scene: &Scene<'_>, zone: &ZoneDesign, there: &EniConfig) -> bool {
    let patched = scene.concerns(&[Step::PatchSecurityGroups])
        && scene
            .design
            .final_groups(scene.facts)
            .is_none_or(|groups| !same_groups(&groups, &there.security_groups));
    patched || zone.pod_subnet.id() != Some(there.subnet.as_str())
}

pub fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let (facts, design, settings) = (scene.facts, scene.design, scene.settings);
    for zone in &design.zones {
        let Some(there) = facts.eniconfigs.items.iter().find(|config| config.name == zone.eniconfig) else {
            continue;
        };
        if settings.replace_eniconfigs {
            continue;
        }
        if let Some(holder) =
            facts.eniconfigs.holders.get(&there.name).filter(|_| differs(scene, zone, there))
        {
            let groups = there.security_groups.join(",");
            findings.push(
                Issue::error("EC-ENI-005", format!("ENIConfig {} belongs to {holder}", there.name))
                    .at(format!("ENIConfig {}", there.name))
                    .why("what is changed in it here is put back there, and nodes that start then are others")
                    .fix(format!(
                        "--subnet {}={} --security-group {groups} leaves it as it is; or write the subnet and groups \
                         wanted there, or pass --replace-eniconfigs to write it all the same",
                        zone.zone, there.subnet
                    )),
            );
            continue;
        }
        if zone.pod_subnet.id() != Some(there.subnet.as_str()) {
            findings.push(
                Issue::error("EC-ENI-001", format!("ENIConfig {} names another subnet", there.name))
                    .at(format!("ENIConfig {}", there.name))
                    .why(format!(
                        "it names {}; designed is {}",
                        there.subnet,
                        zone.pod_subnet.id().unwrap_or("a new one")
                    ))
                    .fix(format!(
                        "--subnet {}={} to use it, or --replace-eniconfigs to change it",
                        zone.zone, there.subnet
                    )),
            );
        }
        let last = design.final_groups(facts).unwrap_or_else(|| vec![facts.cluster.security_group.clone()]);
        let foreign: Vec<&str> =
            there.security_groups.iter().filter(|group| !last.contains(group)).map(String::as_str).collect();
        if !foreign.is_empty() && scene.concerns(&[Step::PatchSecurityGroups]) {
            findings.push(
                Issue::error("EC-ENI-002", format!("ENIConfig {} has other security groups", there.name))
                    .at(format!("ENIConfig {}", there.name))
                    .why(format!("{} would be taken out of it", foreign.join(", ")))
                    .fix(format!(
                        "--security-group {} to keep them, or --replace-eniconfigs to change them",
                        there.security_groups.join(",")
                    )),
            );
        }
    }
    let named_otherwise = design.zones.iter().find(|zone| zone.zone != zone.eniconfig);
    if let Some(zone) = named_otherwise.filter(|_| design.label_key == ZONE_LABEL) {
        findings.push(
            Issue::error("EC-ENI-003", format!("no node would find ENIConfig {}", zone.eniconfig))
                .at(settings.named("eniconfig-name"))
                .why(format!("the value of {ZONE_LABEL} is the zone's name, and it can't be another"))
                .fix("leave out --eniconfig-label, and nodes get a label of their own"),
        );
    }
    for node in facts.ec2_nodes() {
        if node.labels.contains_key("vpc.amazonaws.com/externalEniConfig")
            && !design.old_nodes.contains(&node.name)
        {
            findings.push(
                Issue::warning("EC-ENI-004", format!("{} names its ENIConfig by itself", node.name))
                    .at("label vpc.amazonaws.com/externalEniConfig")
                    .why("it wins over everything else")
                    .fix(format!("kubectl label node {} vpc.amazonaws.com/externalEniConfig-", node.name)),
            );
        }
    }
}
