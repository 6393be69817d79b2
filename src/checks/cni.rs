//! aws-node's version, its owner, and what there is of ENIConfigs.

use crate::addon::{Edit, merged};
use crate::cni_bugs::{bugs, mended};
use crate::design::{ANNOTATION_DEF, ZONE_LABEL};
use crate::facts::{Addon, Cni, Facts};
use crate::finding::Finding;
use crate::steps::{Owner, Step, Version, detected_version, owner};
use crate::words::counted;

use super::Scene;

pub fn check(scene: &Scene<'_>, findings: &mut Vec<Finding>) {
    // Custom networking is what every step is for; only the bare network can be made without the CNI.
    if scene.concerns(&[
        Step::SetEnv,
        Step::DetectCni,
        Step::InstallCrd,
        Step::WriteEniconfigs,
        Step::LaunchNodegroups,
    ]) {
        version(scene, findings);
    }
    if scene.concerns(&[Step::SetEnv, Step::WriteEniconfigs, Step::PatchSecurityGroups]) {
        known_bugs(scene, findings);
    }
    if scene.concerns(&[Step::SetEnv]) {
        environment(scene, findings);
    }
    if scene.concerns(&[Step::WriteEniconfigs, Step::PatchSecurityGroups]) {
        eniconfigs(scene, findings);
    }
}

/// The command that updates the add-on, and nothing of it but this: without its role it would lose it.
fn update_addon(facts: &Facts, addon: &Addon, change: &str) -> String {
    let role =
        addon.role.as_ref().map(|role| format!(" --service-account-role-arn {role}")).unwrap_or_default();
    format!(
        "aws eks update-addon --cluster-name {} --addon-name vpc-cni {change}{role} --resolve-conflicts PRESERVE",
        facts.cluster.name
    )
}

fn version(scene: &Scene<'_>, findings: &mut Vec<Finding>) {
    let cni = &scene.facts.cni;
    let update = match &cni.addon {
        Some(addon) => update_addon(scene.facts, addon, "--addon-version …"),
        None => "update aws-node, or let EKS manage it: aws eks create-addon --addon-name vpc-cni …".into(),
    };
    let Some((version, source)) = detected_version(cni) else {
        findings.push(
            Finding::error("EC-CNI-001", "the VPC CNI's version can't be told")
                .at(&cni.image)
                .why("there is no add-on, and neither the image's tag nor a label names a version")
                .mend(
                    "label the DaemonSet with app.kubernetes.io/version, or let EKS manage it as an add-on",
                ),
        );
        return;
    };
    if version < Version::CUSTOM_NETWORKING {
        findings.push(
            Finding::error("EC-CNI-002", format!("VPC CNI {version} is too old for custom networking"))
                .at("DaemonSet kube-system/aws-node")
                .why(format!(
                    "{} or later is needed; the version is from {source}",
                    Version::CUSTOM_NETWORKING
                ))
                .mend(&update),
        );
    }
    let prefixes = cni.is_on("ENABLE_PREFIX_DELEGATION");
    if prefixes && version < Version::PREFIX_DELEGATION {
        findings.push(
            Finding::error("EC-CNI-003", format!("VPC CNI {version} knows no prefix delegation"))
                .at("ENABLE_PREFIX_DELEGATION")
                .why(format!(
                    "{} or later is needed, and max pods would be computed for it",
                    Version::PREFIX_DELEGATION
                ))
                .mend(&update),
        );
    }
}

/// Bugs of this version that the cluster would meet with custom networking.
fn known_bugs(scene: &Scene<'_>, findings: &mut Vec<Finding>) {
    let bugs = bugs(scene.facts);
    let (Some((version, _)), Some(mended)) = (detected_version(&scene.facts.cni), mended(&bugs)) else {
        return;
    };
    let told: Vec<String> = bugs.iter().map(|bug| bug.told()).collect();
    findings.push(
        Finding::warning(
            "EC-CNI-009",
            format!("VPC CNI {version} has {} in the way", counted(bugs.len(), "known bug")),
        )
        .at("DaemonSet kube-system/aws-node")
        .why(told.join("; "))
        .mend(format!("update the VPC CNI to {mended} or later before custom networking is switched on")),
    );
}

fn environment(scene: &Scene<'_>, findings: &mut Vec<Finding>) {
    let (cni, settings) = (&scene.facts.cni, scene.settings);
    let differing: Vec<&String> = scene
        .design
        .env
        .iter()
        .filter(|(name, value)| cni.env.get(*name) != Some(value))
        .map(|(name, _)| name)
        .collect();
    if !differing.is_empty() && !settings.take_over_env {
        if let Owner::Release { tool, name } = owner(cni) {
            let values: Vec<String> =
                scene.design.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
            findings.push(
                Finding::error("EC-CNI-004", format!("aws-node belongs to {tool} '{name}'"))
                    .at("DaemonSet kube-system/aws-node")
                    .why(format!("{tool} would put back what is changed in the cluster"))
                    .mend(format!(
                        "commit env {} there; or pass --take-over-env to write it all the same",
                        values.join(", ")
                    )),
            );
        } else {
            for name in &differing {
                foreign_field(cni, name, findings);
            }
        }
    }
    if cni.env.contains_key(ANNOTATION_DEF) && !settings.remove_annotation_def {
        findings.push(
            Finding::error("EC-CNI-005", format!("{ANNOTATION_DEF} is set on aws-node"))
                .at("DaemonSet kube-system/aws-node")
                .why(
                    "a node's annotation wins over its label, so ENIConfigs named by zone would not be found",
                )
                .mend("--remove-annotation-def removes it"),
        );
    }
    if let Some(addon) = &cni.addon {
        if let Err(error) =
            merged(&addon.configuration, &Edit { env: scene.design.env.clone(), ..Edit::default() })
        {
            findings.push(
                Finding::error(
                    "EC-CNI-006",
                    "the add-on's configurationValues can't be merged with these variables",
                )
                .at("EKS add-on vpc-cni")
                .why(error.to_string())
                .mend(format!(
                    "write them as JSON that says the same: {}",
                    update_addon(scene.facts, addon, "--configuration-values '{…}'")
                )),
            );
        }
        if addon.status.ends_with("_FAILED") || addon.status == "DEGRADED" {
            findings.push(
                Finding::warning("EC-CNI-007", format!("the add-on vpc-cni is {}", addon.status))
                    .at("EKS add-on vpc-cni")
                    .why(addon.issues.join("; "))
                    .mend("look at its health issues first; an update may not go through"),
            );
        }
    }
}

/// A field that a controller owns comes back; one that a person set with kubectl does not.
fn foreign_field(cni: &Cni, name: &str, findings: &mut Vec<Finding>) {
    let by_hand = |manager: &str| manager.starts_with("kubectl") || manager == crate::k8s::FIELD_MANAGER;
    // Without an add-on EKS installed aws-node once, and never comes back to it; with one, it is the owner.
    let eks = |manager: &str| manager == "eks";
    let managers = cni.env_managers.get(name).map(Vec::as_slice).unwrap_or_default();
    if let Some(manager) = managers.iter().find(|manager| !by_hand(manager) && !eks(manager)) {
        findings.push(
            Finding::error("EC-CNI-008", format!("{name} of aws-node is owned by field manager '{manager}'"))
                .at("DaemonSet kube-system/aws-node")
                .why("whoever owns a field may put it back at any time")
                .mend(format!("set it there; or pass --take-over-env to take the field from '{manager}'")),
        );
    }
}

fn eniconfigs(scene: &Scene<'_>, findings: &mut Vec<Finding>) {
    let (facts, design, settings) = (scene.facts, scene.design, scene.settings);
    for zone in &design.zones {
        let Some(there) = facts.eniconfigs.items.iter().find(|config| config.name == zone.eniconfig) else {
            continue;
        };
        if settings.replace_eniconfigs {
            continue;
        }
        if zone.pod_subnet.id() != Some(there.subnet.as_str()) {
            findings.push(
                Finding::error("EC-ENI-001", format!("ENIConfig {} names another subnet", there.name))
                    .at(format!("ENIConfig {}", there.name))
                    .why(format!(
                        "it names {}; designed is {}",
                        there.subnet,
                        zone.pod_subnet.id().unwrap_or("a new one")
                    ))
                    .mend(format!(
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
                Finding::error("EC-ENI-002", format!("ENIConfig {} has other security groups", there.name))
                    .at(format!("ENIConfig {}", there.name))
                    .why(format!("{} would be taken out of it", foreign.join(", ")))
                    .mend(format!(
                        "--security-group {} to keep them, or --replace-eniconfigs to change them",
                        there.security_groups.join(",")
                    )),
            );
        }
    }
    let named_otherwise = design.zones.iter().find(|zone| zone.zone != zone.eniconfig);
    if let Some(zone) = named_otherwise.filter(|_| design.label_key == ZONE_LABEL) {
        findings.push(
            Finding::error("EC-ENI-003", format!("no node would find ENIConfig {}", zone.eniconfig))
                .at(settings.named("eniconfig-name"))
                .why(format!("the value of {ZONE_LABEL} is the zone's name, and it can't be another"))
                .mend("leave out --eniconfig-label, and nodes get a label of their own"),
        );
    }
    for node in facts.ec2_nodes() {
        if node.labels.contains_key("vpc.amazonaws.com/externalEniConfig")
            && !design.old_nodes.contains(&node.name)
        {
            findings.push(
                Finding::warning("EC-ENI-004", format!("{} names its ENIConfig by itself", node.name))
                    .at("label vpc.amazonaws.com/externalEniConfig")
                    .why("it wins over everything else")
                    .mend(format!("kubectl label node {} vpc.amazonaws.com/externalEniConfig-", node.name)),
            );
        }
    }
}
