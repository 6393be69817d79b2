//! Whether the changes can be undone, and which ones can't.

mod nodes;

use std::collections::BTreeSet;

use crate::design::undo::{instances_of_karpenter, our_subnets};
use crate::design::{CUSTOM_NETWORK, our_instances};
use crate::facts::{Facts, Occupant, Record, Version, detected_version};
use crate::fixes;
use crate::goal::Undo;
use crate::issue::{Issue, id};
use crate::scene::Scene;
use crate::step::Step;
use crate::steps::set_env;
use crate::subnet_tags::discovers;
use crate::text::subject;

use super::{aws_auth, permissions};

pub(super) fn check(scene: &Scene<'_>, undo: Undo, findings: &mut Vec<Issue>) {
    if nothing_of_ours(scene.facts) {
        return nothing_to_undo(scene, findings);
    }
    record(scene, findings);
    if !undo.keeps_nodes() {
        nodes::check(scene, undo, findings);
    }
    if undo.covers(Step::SetEnv) {
        group_discovery(scene, findings);
    }
    if undo.covers(Step::CreateSubnets) {
        foreign_interfaces(scene, undo, findings);
    }
    if undo.covers(Step::WriteEniconfigs) {
        foreign_eniconfigs(scene, findings);
    }
    if undo.covers(Step::SetEnv) {
        addon_values(scene, findings);
    }
    if undo.covers(Step::LaunchNodegroups) && !undo.keeps_nodes() {
        aws_auth::check_undo(scene, findings);
    }
    permissions::check(scene, findings);
}

/// The add-on's earlier values can't be restored: its next update would switch custom networking on again.
fn addon_values(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let Some(Err(error)) = set_env::restored_values(scene.facts) else { return };
    let change = "--configuration-values '{…}'";
    let update = match &scene.facts.cni.addon {
        Some(addon) => format!(
            "rewrite the current values as valid JSON: {}",
            fixes::update_addon(scene.facts, addon, change)
        ),
        None => "rewrite the recorded values as valid JSON, then run the same command again".into(),
    };
    findings.push(
        Issue::error(id::UND_012, "the add-on's configurationValues can't be restored")
            .at("EKS add-on vpc-cni")
            .why(error.to_string())
            .fix(update),
    );
}

/// 1.22.0 and 1.22.1 look up security groups by tag when they start without custom networking, and exit if the
/// permission is missing (amazon-vpc-cni-k8s#3704, `RefreshCustomSGIDs`); fixed in 1.22.2.
fn group_discovery(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    let Some((version, _)) = detected_version(&facts.cni) else { return };
    let affected = (Version(1, 22, 0)..Version(1, 22, 2)).contains(&version);
    if !affected || !discovers(facts) || !facts.cni.is_on(CUSTOM_NETWORK) {
        return;
    }
    findings.push(
        Issue::warning(id::UND_019, format!("VPC CNI {version} may not start without custom networking"))
            .at("DaemonSet kube-system/aws-node")
            .why("it then calls ec2:DescribeSecurityGroups and exits if its role lacks the permission: every node would become NotReady")
            .fix("update the VPC CNI to 1.22.2 or later first; or allow ec2:DescribeSecurityGroups for aws-node's role"),
    );
}

/// No tag and no record shows an earlier run.
fn nothing_of_ours(facts: &Facts) -> bool {
    facts.record == Record::default()
        && our_subnets(facts).next().is_none()
        && facts.node_groups.stacks.is_empty()
        && !facts.eniconfigs.items.iter().any(|config| config.ours)
}

fn nothing_to_undo(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let cluster = &scene.facts.cluster;
    findings.push(
        Issue::error(id::UND_001, "nothing to undo")
            .at(&cluster.arn)
            .why("this cluster has no record, subnet, stack or ENIConfig that eni-custom created")
            .fix(format!("{} # shows the state of the cluster", fixes::command(scene.facts, "plan"))),
    );
}

/// The record alone holds what can't be observed.
fn record(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    if facts.record.edited {
        return edited(facts, findings);
    }
    if facts.record != Record::default() {
        return;
    }
    let unknown =
        "aws-node's environment, the node groups' sizes and the CIDR association before setup are unknown";
    let finding = match facts.cni.is_on(CUSTOM_NETWORK) {
        true => Issue::error(id::UND_002, "the record of the state before setup is missing")
            .fix(format!(
                "restore ConfigMap kube-system/eni-custom from a backup; or switch {CUSTOM_NETWORK} off, scale up your \
                 old node groups, and run this again to delete the resources that eni-custom tagged"
            )),
        false => Issue::warning(id::UND_002, "the record of the state before setup is missing")
            .fix("continue to delete the resources that eni-custom tagged; check the node groups' sizes and the VPC's CIDR blocks yourself"),
    };
    findings.push(finding.at("ConfigMap kube-system/eni-custom").why(unknown));
}

fn edited(facts: &Facts, findings: &mut Vec<Issue>) {
    findings.push(
        Issue::warning(id::UND_009, "the record of the state before setup was edited")
            .at("ConfigMap kube-system/eni-custom")
            .why("its content differs from what eni-custom wrote, and undo would restore it")
            .fix(format!(
                "{} # shows what undo would restore; compare it with a backup; if it is right, add --accept {}",
                fixes::command(facts, "undo --dry-run"),
                id::UND_009
            )),
    );
}

/// Other interfaces in the managed subnets keep the subnets from being deleted.
fn foreign_interfaces(scene: &Scene<'_>, undo: Undo, findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    let mut ours = our_instances(facts);
    ours.extend(instances_of_karpenter(facts));
    let goes = |interface: &Occupant| {
        interface.is_leaked()
            || interface.instance.as_deref().is_some_and(|id| ours.contains(id) && !undo.keeps_nodes())
    };
    let left: Vec<String> =
        facts.occupants().iter().filter(|each| !goes(each)).map(Occupant::summary).collect();
    if left.is_empty() || undo.keeps_nodes() {
        return;
    }
    findings.push(
        Issue::warning(
            id::UND_006,
            subject(left.len(), "foreign interface", "is in the pod subnets", "are in the pod subnets"),
        )
        .at(left.join(", "))
        .why("eni-custom did not create them: their subnets and CIDR block stay until they are deleted")
        .fix("move or delete them first, or run the same command again later"),
    );
}

fn foreign_eniconfigs(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    let subnets: BTreeSet<&str> = our_subnets(facts).map(|subnet| subnet.id.as_str()).collect();
    let foreign = facts
        .eniconfigs
        .items
        .iter()
        .filter(|config| !config.ours && subnets.contains(config.subnet.as_str()));
    let names: Vec<&str> = foreign.map(|config| config.name.as_str()).collect();
    if names.is_empty() {
        return;
    }
    findings.push(
        Issue::warning(
            id::UND_007,
            subject(
                names.len(),
                "foreign ENIConfig",
                "names subnets that undo deletes",
                "name subnets that undo deletes",
            ),
        )
        .at(names.join(", "))
        .why("eni-custom did not create them, so they stay, but their subnets will be deleted")
        .fix(format!("if they are not needed: kubectl delete eniconfig {}", names.join(" "))),
    );
}

#[cfg(test)]
mod tests;
