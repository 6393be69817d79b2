//! Existing ENIConfigs, and who owns them.

use crate::design::{ZONE_LABEL, ZoneDesign};
use crate::facts::{EniConfig, same_groups};
use crate::issue::{Issue, id};
use crate::step::Step;

use crate::scene::Scene;

/// Whether an existing ENIConfig would be changed.
fn differs(scene: &Scene<'_>, zone: &ZoneDesign, there: &EniConfig) -> bool {
    let patched = scene.concerns(&[Step::PatchSecurityGroups])
        && scene
            .design
            .final_groups(scene.facts)
            .is_none_or(|groups| !same_groups(&groups, &there.security_groups));
    patched || zone.pod_subnet.id() != Some(there.subnet.as_str())
}

pub(super) fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let (facts, design, settings) = (scene.facts, scene.design, scene.settings);
    for zone in &design.zones {
        let Some(there) = facts.eniconfigs.items.iter().find(|config| config.name == zone.eniconfig) else {
            continue;
        };
        if settings.cni.replace_eniconfigs {
            continue;
        }
        if let Some(holder) =
            facts.eniconfigs.holders.get(&there.name).filter(|_| differs(scene, zone, there))
        {
            let groups = there.security_groups.join(",");
            findings.push(
                Issue::error(id::ENI_005, format!("ENIConfig {} belongs to {holder}", there.name))
                    .at(format!("ENIConfig {}", there.name))
                    .why("its owner would revert the change, and nodes that start later would use the old subnet and groups")
                    .fix(format!(
                        "--subnet {}={} --security-group {groups} to keep it as it is; or change it at its owner; or \
                         --replace-eniconfigs to change it anyway",
                        zone.zone, there.subnet
                    )),
            );
            continue;
        }
        if zone.pod_subnet.id() != Some(there.subnet.as_str()) {
            findings.push(
                Issue::error(id::ENI_001, format!("ENIConfig {} names another subnet", there.name))
                    .at(format!("ENIConfig {}", there.name))
                    .why(format!(
                        "it names {}; the plan uses {}",
                        there.subnet,
                        zone.pod_subnet.id().unwrap_or("a new subnet")
                    ))
                    .fix(format!(
                        "--subnet {}={} to use its subnet, or --replace-eniconfigs to change it",
                        zone.zone, there.subnet
                    )),
            );
        }
        let last = design.final_groups(facts).unwrap_or_else(|| vec![facts.cluster.security_group.clone()]);
        let foreign: Vec<&str> =
            there.security_groups.iter().filter(|group| !last.contains(group)).map(String::as_str).collect();
        if !foreign.is_empty() && scene.concerns(&[Step::PatchSecurityGroups]) {
            findings.push(
                Issue::error(id::ENI_002, format!("ENIConfig {} has other security groups", there.name))
                    .at(format!("ENIConfig {}", there.name))
                    .why(format!("{} would be removed from it", foreign.join(", ")))
                    .fix(format!(
                        "--security-group {} to keep them, or --replace-eniconfigs to change them",
                        there.security_groups.join(",")
                    )),
            );
        }
    }
    let other_name = design.zones.iter().find(|zone| zone.zone != zone.eniconfig);
    if let Some(zone) = other_name.filter(|_| design.label_key == ZONE_LABEL) {
        findings.push(
            Issue::error(id::ENI_003, format!("no node would use ENIConfig {}", zone.eniconfig))
                .at(settings.named("eniconfig-name"))
                .why(format!("nodes find it by label {ZONE_LABEL}, whose value is always the zone's name"))
                .fix("omit --eniconfig-label: new nodes then get their own label"),
        );
    }
    for node in facts.ec2_nodes() {
        if node.labels.contains_key("vpc.amazonaws.com/externalEniConfig")
            && !design.old_nodes.contains(&node.name)
        {
            findings.push(
                Issue::warning(id::ENI_004, format!("{} has a label that names its ENIConfig", node.name))
                    .at("label vpc.amazonaws.com/externalEniConfig")
                    .why("this label overrides the zone label and any annotation")
                    .fix(format!("kubectl label node {} vpc.amazonaws.com/externalEniConfig-", node.name)),
            );
        }
    }
}
