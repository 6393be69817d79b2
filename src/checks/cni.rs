//! aws-node's version and its owner.

use crate::addon::{Edit, merged};
use crate::cni_bugs::{bugs, fixed};
use crate::design::{ANNOTATION_DEF, CUSTOM_NETWORK, switched};
use crate::facts::{Cni, Crd, EnvOwner, Version, detected_version, env_owner};
use crate::fixes::{typed_definition, update_addon};
use crate::issue::Issue;
use crate::ownership::Manager;
use crate::step::Step;
use crate::subnet_tags::{self, Exclusion};
use crate::words::counted;

use super::{Scene, eniconfigs};

pub fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
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
        excluded_subnets(scene, findings);
    }
}

/// Pod subnets whose tags keep aws-node from giving pods addresses there.
fn excluded_subnets(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    let Some(acts) = subnet_tags::acts(facts).filter(|_| subnet_tags::discovers(facts)) else { return };
    let there = scene.design.zones.iter().filter_map(|zone| facts.vpc.subnet(zone.pod_subnet.id()?));
    for subnet in there {
        let Some(Exclusion { why, fix }) = subnet_tags::exclusion(subnet, &facts.cluster.name) else {
            continue;
        };
        let finding = match acts {
            true => Issue::error("EC-CNI-020", format!("pods would get no address of {}", subnet.id)),
            false => Issue::warning(
                "EC-CNI-020",
                format!("pods get no address of {} once the VPC CNI is 1.22 or later", subnet.id),
            ),
        };
        findings.push(
            finding
                .at(format!("{} in {}", subnet.id, subnet.zone))
                .why(format!("{why}; since 1.22 aws-node excludes such a subnet with custom networking too"))
                .fix(fix),
        );
    }
}

fn version(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let cni = &scene.facts.cni;
    let update = match &cni.addon {
        Some(addon) => update_addon(scene.facts, addon, "--addon-version …"),
        None => "update aws-node, or let EKS manage it: aws eks create-addon --addon-name vpc-cni …".into(),
    };
    let Some((version, source)) = detected_version(cni) else {
        findings.push(
            Issue::error("EC-CNI-001", "the VPC CNI's version can't be told")
                .at(&cni.image)
                .why("there is no add-on, and neither the image's tag nor a label names a version")
                .fix("label the DaemonSet with app.kubernetes.io/version, or let EKS manage it as an add-on"),
        );
        return;
    };
    if version < Version::CUSTOM_NETWORKING {
        findings.push(
            Issue::error("EC-CNI-002", format!("VPC CNI {version} is too old for custom networking"))
                .at("DaemonSet kube-system/aws-node")
                .why(format!(
                    "{} or later is needed; the version is from {source}",
                    Version::CUSTOM_NETWORKING
                ))
                .fix(&update),
        );
    }
    let prefixes = cni.is_on("ENABLE_PREFIX_DELEGATION");
    if prefixes && version < Version::PREFIX_DELEGATION {
        findings.push(
            Issue::error("EC-CNI-003", format!("VPC CNI {version} knows no prefix delegation"))
                .at("ENABLE_PREFIX_DELEGATION")
                .why(format!(
                    "{} or later is needed, and max pods would be computed for it",
                    Version::PREFIX_DELEGATION
                ))
                .fix(&update),
        );
    }
}

/// A definition without types that somebody else keeps is left to its owner.
fn definition(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    let (Crd::Untyped, Some(holder)) = (facts.eniconfigs.crd, &facts.eniconfigs.crd_holder) else { return };
    findings.push(
        Issue::warning("EC-CNI-010", "the ENIConfig definition has no types, and stays as its owner wrote it")
            .at("CustomResourceDefinition eniconfigs.crd.k8s.amazonaws.com")
            .why(format!(
                "it is of a VPC CNI before 1.18.3: a malformed ENIConfig is taken, and fails on the node; if this \
                 program replaced it, the next update by '{holder}' would end in a conflict on .spec.versions"
            ))
            .fix(typed_definition(facts)),
    );
}

/// Bugs of this version that the cluster would meet with custom networking.
fn known_bugs(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let bugs = bugs(scene.facts);
    let (Some((version, _)), Some(fixed)) = (detected_version(&scene.facts.cni), fixed(&bugs)) else {
        return;
    };
    let told: Vec<String> = bugs.iter().map(|bug| bug.told()).collect();
    findings.push(
        Issue::warning(
            "EC-CNI-009",
            format!("VPC CNI {version} has {} in the way", counted(bugs.len(), "known bug")),
        )
        .at("DaemonSet kube-system/aws-node")
        .why(told.join("; "))
        .fix(format!("update the VPC CNI to {fixed} or later before custom networking is switched on")),
    );
}

fn environment(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let (cni, settings) = (&scene.facts.cni, scene.settings);
    let differing: Vec<&String> = scene
        .design
        .env
        .iter()
        .filter(|(name, value)| cni.env.get(*name) != Some(value))
        .map(|(name, _)| name)
        .collect();
    if !differing.is_empty() && !settings.take_over_env {
        if let EnvOwner::Release { tool, name } = env_owner(cni) {
            let values: Vec<String> =
                scene.design.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
            findings.push(
                Issue::error("EC-CNI-004", format!("aws-node belongs to {tool} '{name}'"))
                    .at("DaemonSet kube-system/aws-node")
                    .why(format!("{tool} would put back what is changed in the cluster"))
                    .fix(format!(
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
            Issue::error("EC-CNI-005", format!("{ANNOTATION_DEF} is set on aws-node"))
                .at("DaemonSet kube-system/aws-node")
                .why(
                    "a node's annotation wins over its label, so ENIConfigs named by zone would not be found",
                )
                .fix("--remove-annotation-def removes it"),
        );
    }
    if let Some(addon) = &cni.addon {
        if let Err(error) =
            merged(&addon.configuration, &Edit { env: scene.design.env.clone(), ..Edit::default() })
        {
            findings.push(
                Issue::error(
                    "EC-CNI-006",
                    "the add-on's configurationValues can't be merged with these variables",
                )
                .at("EKS add-on vpc-cni")
                .why(error.to_string())
                .fix(format!(
                    "write them as JSON that says the same: {}",
                    update_addon(scene.facts, addon, "--configuration-values '{…}'")
                )),
            );
        }
        if addon.status.ends_with("_FAILED") || addon.status == "DEGRADED" {
            findings.push(
                Issue::warning("EC-CNI-007", format!("the add-on vpc-cni is {}", addon.status))
                    .at("EKS add-on vpc-cni")
                    .why(addon.issues.join("; "))
                    .fix("look at its health issues first; an update may not go through"),
            );
        }
    }
}

/// Live nodes that would take their next interfaces by another ENIConfig than now.
fn switched_nodes(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
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
        Issue::warning("EC-CNI-011", format!("{} would take another ENIConfig", counted(nodes.len(), "live node")))
            .at(nodes.join(", "))
            .why(format!(
                "custom networking is on, and {} takes ENIConfig '{}'; with the environment asked for it takes '{}'{more}",
                first.node, first.from, first.to
            ))
            .fix("leave out --eniconfig-label and --remove-annotation-def: what is there is kept then"),
    );
}

/// A field that a controller owns comes back; one that somebody set once does not.
fn foreign_field(cni: &Cni, name: &str, findings: &mut Vec<Issue>) {
    let managers = cni.env_managers.get(name).map(Vec::as_slice).unwrap_or_default();
    if let Some(Manager { name: manager, .. }) = managers.iter().find(|manager| manager.returns()) {
        findings.push(
            Issue::error("EC-CNI-008", format!("{name} of aws-node is owned by field manager '{manager}'"))
                .at("DaemonSet kube-system/aws-node")
                .why("whoever owns a field may put it back at any time")
                .fix(format!("set it there; or pass --take-over-env to take the field from '{manager}'")),
        );
    } else if let Some(Manager { name: manager, .. }) =
        managers.iter().find(|manager| !manager.is_by_hand() && !manager.is_eks())
    {
        findings.push(
            Issue::note("EC-CNI-008", format!("{name} of aws-node was set by '{manager}' in the past"))
                .at("DaemonSet kube-system/aws-node")
                .why("it wrote the field by an update, not by server-side apply, and is not known to come back")
                .fix(format!("nothing, unless '{manager}' writes it again and again: set it there then")),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::sample::{custom, facts};

    use super::*;

    fn excluded(image: &str, tags: &[(&str, &str)]) -> Vec<String> {
        let mut facts = custom();
        facts.cni.image = image.into();
        let subnet = facts.vpc.subnets.iter_mut().find(|subnet| subnet.id == "pods-a").unwrap();
        subnet.tags.extend(tags.iter().map(|(key, value)| (key.to_string(), value.to_string())));
        let found = super::super::found(check, &facts, &[]);
        let told = found.iter().filter(|finding| finding.id == "EC-CNI-020");
        told.map(|finding| format!("{:?} {}", finding.severity, finding.fix)).collect()
    }

    #[test]
    fn a_pod_subnet_that_tags_exclude_is_an_error_where_aws_node_acts_by_them() {
        let role = ("kubernetes.io/role/cni", "0");
        let delete = "aws ec2 delete-tags --resources pods-a --tags Key=kubernetes.io/role/cni";
        assert_eq!(excluded("cni:v1.22.4", &[role]), [format!("Error {delete}")]);
        assert_eq!(excluded("cni:v1.20.4", &[role]), [format!("Warning {delete}")]);
        let of_another = [("kubernetes.io/role/cni", "1"), ("cni.networking.k8s.aws/cluster/bank", "shared")];
        let create = "aws ec2 create-tags --resources pods-a --tags Key=cni.networking.k8s.aws/cluster/shop,Value=shared";
        assert_eq!(excluded("cni:v1.23.0", &of_another), [format!("Error {create}")]);
        assert_eq!(excluded("cni:v1.23.0", &[]), [""; 0]);
        let new = super::super::found(check, &facts(), &[]);
        assert!(
            !new.iter().any(|finding| finding.id == "EC-CNI-020"),
            "subnets that are to be made have no such tags"
        );
    }
}
