//! aws-node's version and its owner.

use crate::addon::{Edit, merged};
use crate::cni_bugs::{bugs, mended};
use crate::design::{ANNOTATION_DEF, CUSTOM_NETWORK, switched};
use crate::facts::{Addon, Cni, Crd, Facts};
use crate::finding::Finding;
use crate::ownership::Manager;
use crate::steps::{Owner, Step, Version, detected_version, owner};
use crate::words::counted;

use super::{Scene, eniconfigs};

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
    if scene.concerns(&[Step::InstallCrd]) {
        definition(scene, findings);
    }
    if scene.concerns(&[Step::WriteEniconfigs, Step::PatchSecurityGroups]) {
        eniconfigs::check(scene, findings);
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

/// A definition without types that somebody else keeps is left to its owner.
fn definition(scene: &Scene<'_>, findings: &mut Vec<Finding>) {
    let facts = scene.facts;
    let (Crd::Untyped, Some(holder)) = (facts.eniconfigs.crd, &facts.eniconfigs.crd_holder) else { return };
    findings.push(
        Finding::warning("EC-CNI-010", "the ENIConfig definition has no types, and stays as its owner wrote it")
            .at("CustomResourceDefinition eniconfigs.crd.k8s.amazonaws.com")
            .why(format!(
                "it is of a VPC CNI before 1.18.3: a malformed ENIConfig is taken, and fails on the node; if this \
                 program replaced it, the next update by '{holder}' would end in a conflict on .spec.versions"
            ))
            .mend(typed_definition(facts)),
    );
}

/// How an untyped definition gets types where somebody else keeps it.
pub fn typed_definition(facts: &Facts) -> String {
    match &facts.cni.addon {
        Some(addon) => {
            let newest = format!(
                "--addon-version \"$(aws eks describe-addon-versions --addon-name vpc-cni --kubernetes-version {} \
                 --query 'addons[0].addonVersions[0].addonVersion' --output text)\"",
                facts.cluster.version
            );
            update_addon(facts, addon, &newest)
        }
        None => format!(
            "update aws-node to 1.18.3 or later where it comes from: {}",
            facts.eniconfigs.crd_holder.as_deref().unwrap_or("its manifest")
        ),
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
    switched_nodes(scene, findings);
    // Where it is on already, nodes that carry the annotation are served by it, and it is not touched.
    if cni.env.contains_key(ANNOTATION_DEF) && !settings.remove_annotation_def && !cni.is_on(CUSTOM_NETWORK) {
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

/// Live nodes that would take their next interfaces by another ENIConfig than now.
fn switched_nodes(scene: &Scene<'_>, findings: &mut Vec<Finding>) {
    let (facts, design) = (scene.facts, scene.design);
    let mut env = facts.cni.env.clone();
    env.extend(design.env.clone());
    env.retain(|name, _| !design.env_removed.contains(name));
    let switched = switched(facts, &env);
    let Some(first) = switched.first() else { return };
    let is_there = |name: &String| facts.eniconfigs.items.iter().any(|config| config.name == *name);
    let lost = switched.iter().filter(|node| !is_there(&node.to)).count();
    let nodes: Vec<&str> = switched.iter().map(|node| node.node.as_str()).collect();
    let more = match lost {
        0 => String::new(),
        lost => format!(
            "; of {} the ENIConfig is not there yet, and they are not Ready until it is",
            counted(lost, "node")
        ),
    };
    findings.push(
        Finding::warning("EC-CNI-011", format!("{} would take another ENIConfig", counted(nodes.len(), "live node")))
            .at(nodes.join(", "))
            .why(format!(
                "custom networking is on, and {} takes ENIConfig '{}'; with the environment asked for it takes '{}'{more}",
                first.node, first.from, first.to
            ))
            .mend("leave out --eniconfig-label and --remove-annotation-def: what is there is kept then"),
    );
}

/// A field that a controller owns comes back; one that somebody set once does not.
fn foreign_field(cni: &Cni, name: &str, findings: &mut Vec<Finding>) {
    let managers = cni.env_managers.get(name).map(Vec::as_slice).unwrap_or_default();
    if let Some(Manager { name: manager, .. }) = managers.iter().find(|manager| manager.returns()) {
        findings.push(
            Finding::error("EC-CNI-008", format!("{name} of aws-node is owned by field manager '{manager}'"))
                .at("DaemonSet kube-system/aws-node")
                .why("whoever owns a field may put it back at any time")
                .mend(format!("set it there; or pass --take-over-env to take the field from '{manager}'")),
        );
    } else if let Some(Manager { name: manager, .. }) =
        managers.iter().find(|manager| !manager.is_by_hand() && !manager.is_eks())
    {
        findings.push(
            Finding::note("EC-CNI-008", format!("{name} of aws-node was set by '{manager}' in the past"))
                .at("DaemonSet kube-system/aws-node")
                .why("it wrote the field by an update, not by server-side apply, and is not known to come back")
                .mend(format!("nothing, unless '{manager}' writes it again and again: set it there then")),
        );
    }
}
