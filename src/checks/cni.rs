//! aws-node's version and its owner.

use crate::addon::{Edit, merged};
use crate::cni_bugs::{bugs, fixed};
use crate::design::{ANNOTATION_DEF, CUSTOM_NETWORK, switched};
use crate::facts::{Cni, Crd, EnvOwner, Version, detected_version, env_owner};
use crate::fixes::{typed_definition, update_addon};
use crate::issue::{Issue, id};
use crate::ownership::Manager;
use crate::scene::Scene;
use crate::step::Step;
use crate::subnet_tags::{self, Exclusion};
use crate::text::counted;

use super::eniconfigs;

pub(super) fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    // Only the CIDR block and the subnets can be created without the CNI.
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

/// Pod subnets whose tags keep aws-node from assigning their addresses to pods.
fn excluded_subnets(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    let Some(acts) = subnet_tags::acts(facts).filter(|_| subnet_tags::discovers(facts)) else { return };
    let there = scene.design.zones.iter().filter_map(|zone| facts.vpc.subnet(zone.pod_subnet.id()?));
    for subnet in there {
        let Some(Exclusion { why, fix }) = subnet_tags::exclusion(subnet, &facts.cluster.name) else {
            continue;
        };
        let finding = match acts {
            true => Issue::error(id::CNI_020, format!("pods would get no address from {}", subnet.id)),
            false => Issue::warning(
                id::CNI_020,
                format!("pods will get no address from {} with VPC CNI 1.22 or later", subnet.id),
            ),
        };
        findings.push(
            finding
                .at(format!("{} in {}", subnet.id, subnet.zone))
                .why(format!("{why}; since 1.22 aws-node excludes such a subnet even with custom networking"))
                .fix(fix),
        );
    }
}

fn version(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let cni = &scene.facts.cni;
    let update = match &cni.addon {
        Some(addon) => update_addon(scene.facts, addon, "--addon-version …"),
        None => {
            format!(
                "update aws-node, or install the EKS add-on: aws eks create-addon --cluster-name {} --addon-name vpc-cni",
                scene.facts.cluster.name
            )
        }
    };
    let Some((version, source)) = detected_version(cni) else {
        findings.push(
            Issue::error(id::CNI_001, "the version of the VPC CNI is unknown")
                .at(&cni.image)
                .why("the add-on is not installed, and neither the image tag nor a label shows a version")
                .fix("add the label app.kubernetes.io/version to the DaemonSet, or install the EKS add-on"),
        );
        return;
    };
    if version < Version::CUSTOM_NETWORKING {
        findings.push(
            Issue::error(id::CNI_002, format!("VPC CNI {version} is too old for custom networking"))
                .at("DaemonSet kube-system/aws-node")
                .why(format!(
                    "it needs {} or later; the version is from {source}",
                    Version::CUSTOM_NETWORKING
                ))
                .fix(&update),
        );
    }
    let prefixes = cni.is_on("ENABLE_PREFIX_DELEGATION");
    if prefixes && version < Version::PREFIX_DELEGATION {
        findings.push(
            Issue::error(id::CNI_003, format!("VPC CNI {version} is too old for prefix delegation"))
                .at("ENABLE_PREFIX_DELEGATION")
                .why(format!(
                    "it needs {} or later; with the variable on, max pods would be too high",
                    Version::PREFIX_DELEGATION
                ))
                .fix(&update),
        );
    }
}

/// An untyped definition with another owner is left as it is.
fn definition(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    let (Crd::Untyped, Some(holder)) = (facts.eniconfigs.crd, &facts.eniconfigs.crd_holder) else { return };
    findings.push(
        Issue::warning(id::CNI_010, "the ENIConfig CRD has no schema, and is not replaced because it has another owner")
            .at("CustomResourceDefinition eniconfigs.crd.k8s.amazonaws.com")
            .why(format!(
                "it comes from a VPC CNI before 1.18.3: the API server accepts a malformed ENIConfig, which then fails \
                 on the node. eni-custom does not replace it: the next update by '{holder}' would end in a conflict on \
                 .spec.versions"
            ))
            .fix(typed_definition(facts)),
    );
}

/// Bugs of this version that affect this cluster with custom networking.
fn known_bugs(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let bugs = bugs(scene.facts);
    let (Some((version, _)), Some(fixed)) = (detected_version(&scene.facts.cni), fixed(&bugs)) else {
        return;
    };
    let lines: Vec<String> = bugs.iter().map(|bug| bug.line()).collect();
    findings.push(
        Issue::warning(
            id::CNI_009,
            format!("VPC CNI {version} has {} with custom networking", counted(bugs.len(), "known bug")),
        )
        .at("DaemonSet kube-system/aws-node")
        .why(lines.join("; "))
        .fix(format!("update the VPC CNI to {fixed} or later before you enable custom networking")),
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
    if !differing.is_empty() && !settings.cni.take_over_env {
        if let EnvOwner::Release { tool, name } = env_owner(cni) {
            let values: Vec<String> =
                scene.design.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
            findings.push(
                Issue::error(id::CNI_004, format!("aws-node belongs to {tool} '{name}'"))
                    .at("DaemonSet kube-system/aws-node")
                    .why(format!("{tool} would revert changes made in the cluster"))
                    .fix(format!(
                        "set env {} in {tool}; or add --take-over-env to change it anyway",
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
    // If custom networking is already on, nodes with the annotation rely on it, so it is kept.
    if cni.env.contains_key(ANNOTATION_DEF)
        && !settings.cni.remove_annotation_def
        && !cni.is_on(CUSTOM_NETWORK)
    {
        findings.push(
            Issue::error(id::CNI_005, format!("{ANNOTATION_DEF} is set on aws-node"))
                .at("DaemonSet kube-system/aws-node")
                .why(
                    "a node's annotation overrides its label, so ENIConfigs named by zone would not be found",
                )
                .fix("add --remove-annotation-def to remove it"),
        );
    }
    if let Some(addon) = &cni.addon {
        if let Err(error) =
            merged(&addon.configuration, &Edit { env: scene.design.env.clone(), ..Edit::default() })
        {
            findings.push(
                Issue::error(
                    id::CNI_006,
                    "the add-on's configurationValues can't be merged with these variables",
                )
                .at("EKS add-on vpc-cni")
                .why(error.to_string())
                .fix(format!(
                    "rewrite the same values as JSON: {}",
                    update_addon(scene.facts, addon, "--configuration-values '{…}'")
                )),
            );
        }
        if addon.status.is_unhealthy() {
            findings.push(
                Issue::warning(id::CNI_007, format!("the add-on vpc-cni is {}", addon.status))
                    .at("EKS add-on vpc-cni")
                    .why(addon.issues.join("; "))
                    .fix("fix its health issues first; otherwise an update may fail"),
            );
        }
    }
}

/// Live nodes that would use another ENIConfig for their next interfaces.
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
        lost => format!("; {} would be NotReady until their new ENIConfig exists", counted(lost, "node")),
    };
    findings.push(
        Issue::warning(id::CNI_011, format!("{} would use another ENIConfig", counted(nodes.len(), "live node")))
            .at(nodes.join(", "))
            .why(format!(
                "custom networking is already on: {} uses ENIConfig '{}' now and would use '{}' with the new environment{more}",
                first.node, first.from, first.to
            ))
            .fix("omit --eniconfig-label and --remove-annotation-def to keep the current assignment"),
    );
}

/// A controller reverts a field that it owns; a client that set the field once does not.
fn foreign_field(cni: &Cni, name: &str, findings: &mut Vec<Issue>) {
    let managers = cni.env_managers.get(name).map(Vec::as_slice).unwrap_or_default();
    if let Some(Manager { name: manager, .. }) = managers.iter().find(|manager| manager.returns()) {
        findings.push(
            Issue::error(id::CNI_008, format!("{name} of aws-node is owned by field manager '{manager}'"))
                .at("DaemonSet kube-system/aws-node")
                .why("the owner of a field may revert changes at any time")
                .fix(format!("set it there; or add --take-over-env to take the field from '{manager}'")),
        );
    } else if let Some(Manager { name: manager, .. }) =
        managers.iter().find(|manager| !manager.is_by_hand() && !manager.is_eks())
    {
        findings.push(
            Issue::note(id::CNI_008, format!("{name} of aws-node was set by '{manager}' in the past"))
                .at("DaemonSet kube-system/aws-node")
                .why("it wrote the field by an update, not by server-side apply, and is not known to write it again")
                .fix(format!("nothing to do, unless '{manager}' keeps writing it: then set it there")),
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
        let issues = found.iter().filter(|finding| finding.id == id::CNI_020);
        issues.map(|finding| format!("{:?} {}", finding.severity(), finding.fix)).collect()
    }

    #[test]
    fn a_pod_subnet_excluded_by_tags_is_an_error_if_aws_node_obeys_them() {
        let role = ("kubernetes.io/role/cni", "0");
        let delete = "aws ec2 delete-tags --resources pods-a --tags Key=kubernetes.io/role/cni";
        assert_eq!(excluded("cni:v1.22.4", &[role]), [format!("Error {delete}")]);
        assert_eq!(excluded("cni:v1.20.4", &[role]), [format!("Warning {delete}")]);
        let of_another = [("kubernetes.io/role/cni", "1"), ("cni.networking.k8s.aws/cluster/bank", "shared")];
        let create = "aws ec2 create-tags --resources pods-a --tags Key=cni.networking.k8s.aws/cluster/shop,Value=shared";
        assert_eq!(excluded("cni:v1.23.0", &of_another), [format!("Error {create}")]);
        assert_eq!(excluded("cni:v1.23.0", &[]), [""; 0]);
        let new = super::super::found(check, &facts(), &[]);
        assert!(!new.iter().any(|finding| finding.id == id::CNI_020), "new subnets have no such tags");
    }
}
