//! Whether what was made can be taken back, and what of it not.

mod nodes;

use std::collections::BTreeSet;

use crate::design::undo::our_subnets;
use crate::design::{CUSTOM_NETWORK, our_instances};
use crate::facts::{Facts, Occupant, Record, Version, detected_version};
use crate::issue::Issue;
use crate::step::{Step, Undo};
use crate::steps::set_env;
use crate::subnet_tags::discovers;
use crate::words::subject;

use super::{Scene, aws_auth, permissions};

pub fn check(scene: &Scene<'_>, undo: Undo, findings: &mut Vec<Issue>) {
    if nothing_of_ours(scene.facts) {
        return never_set_up(scene, findings);
    }
    record(scene, findings);
    if !undo.keep_nodes {
        nodes::check(scene, undo, findings);
    }
    if undo.takes_back(Step::SetEnv) {
        group_discovery(scene, findings);
    }
    if undo.takes_back(Step::CreateSubnets) {
        in_the_way(scene, undo, findings);
    }
    if undo.takes_back(Step::WriteEniconfigs) {
        foreign_eniconfigs(scene, findings);
    }
    if undo.takes_back(Step::SetEnv) {
        addon_values(scene, findings);
    }
    if undo.takes_back(Step::LaunchNodegroups) && !undo.keep_nodes {
        aws_auth::check_undo(scene, findings);
    }
    permissions::check(scene, findings);
}

/// The add-on's values as they were, where they can't be put back: its next update would switch custom networking on.
fn addon_values(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let Some(Err(error)) = set_env::restored_values(scene.facts) else { return };
    let cluster = &scene.facts.cluster.name;
    findings.push(
        Issue::error("EC-UND-012", "the add-on's configurationValues can't be put back")
            .at("EKS add-on vpc-cni")
            .why(error.to_string())
            .fix(format!(
                "write them so that they can be read, with what they say now: aws eks describe-addon --cluster-name \
                 {cluster} --addon-name vpc-cni; aws eks update-addon --configuration-values '{{…}}'"
            )),
    );
}

/// 1.22.0 and 1.22.1 look for security groups by tag when they start without custom networking, and end where they may
/// not (amazon-vpc-cni-k8s#3704, `RefreshCustomSGIDs`); 1.22.2 does so no more.
fn group_discovery(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    let Some((version, _)) = detected_version(&facts.cni) else { return };
    let affected = (Version(1, 22, 0)..Version(1, 22, 2)).contains(&version);
    if !affected || !discovers(facts) || !facts.cni.is_on(CUSTOM_NETWORK) {
        return;
    }
    findings.push(
        Issue::warning("EC-UND-019", format!("VPC CNI {version} may not start without custom networking"))
            .at("DaemonSet kube-system/aws-node")
            .why("it then calls ec2:DescribeSecurityGroups, and ends where its role may not: every node would become NotReady")
            .fix("update the VPC CNI to 1.22.2 or later first; or allow ec2:DescribeSecurityGroups to aws-node's role"),
    );
}

/// Neither tag nor record tells of an earlier run.
fn nothing_of_ours(facts: &Facts) -> bool {
    facts.record == Record::default()
        && our_subnets(facts).next().is_none()
        && facts.node_groups.stacks.is_empty()
        && !facts.eniconfigs.items.iter().any(|config| config.ours)
}

fn never_set_up(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let cluster = &scene.facts.cluster;
    findings.push(
        Issue::error("EC-UND-001", "there is nothing to take back")
            .at(&cluster.arn)
            .why("no record, subnet, stack or ENIConfig of this cluster was made by this program")
            .fix("eni-custom plan shows where the cluster stands"),
    );
}

/// What can't be observed stood there alone.
fn record(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    if facts.record.edited {
        return edited(findings);
    }
    if facts.record != Record::default() {
        return;
    }
    let unknown =
        "aws-node's environment, node groups' sizes and the CIDR association before the set-up are unknown";
    let finding = match facts.cni.is_on(CUSTOM_NETWORK) {
        true => Issue::error("EC-UND-002", "the record of what was before is missing")
            .fix(format!(
                "put ConfigMap kube-system/eni-custom back from a backup; or switch {CUSTOM_NETWORK} off yourself, let \
                 your old node groups grow, and run this again for what tags prove"
            )),
        false => Issue::warning("EC-UND-002", "the record of what was before is missing")
            .fix("what tags prove is taken back; look at node groups' sizes and the VPC's CIDR blocks yourself"),
    };
    findings.push(finding.at("ConfigMap kube-system/eni-custom").why(unknown));
}

fn edited(findings: &mut Vec<Issue>) {
    findings.push(
        Issue::warning("EC-UND-009", "the record of what was before has been edited")
            .at("ConfigMap kube-system/eni-custom")
            .why("its text is not the one that this program wrote, and what it says would be put back")
            .fix(
                "eni-custom undo --plan shows what would be put back; compare it with a backup, and where it is right: \
                 --accept EC-UND-009",
            ),
    );
}

/// Whoever else stands in our subnets keeps them.
fn in_the_way(scene: &Scene<'_>, undo: Undo, findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    let ours = our_instances(facts);
    let goes = |interface: &Occupant| {
        interface.is_leaked()
            || interface.instance.as_deref().is_some_and(|id| ours.contains(id) && !undo.keep_nodes)
    };
    let left: Vec<String> = facts.occupants.iter().filter(|each| !goes(each)).map(Occupant::told).collect();
    if left.is_empty() || undo.keep_nodes {
        return;
    }
    findings.push(
        Issue::warning("EC-UND-006", subject(left.len(), "foreign interface", "is in the pod subnets", "are in the pod subnets"))
            .at(left.join(", "))
            .why("this program did not make them: the subnets they are in, and their CIDR block, stay until they are gone")
            .fix("move or delete them before, or run the same command again afterwards"),
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
            "EC-UND-007",
            subject(names.len(), "foreign ENIConfig", "names subnets that go", "name subnets that go"),
        )
        .at(names.join(", "))
        .why("they were written by hand, and stay; what they name will be gone")
        .fix("kubectl delete eniconfig, where nobody needs them"),
    );
}

#[cfg(test)]
mod tests;
