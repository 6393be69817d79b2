//! Whether pods, nodes and the control plane can still reach each other once pods have new addresses and groups.

mod denied;
mod narrow;
pub(crate) mod others;
mod outside;
mod policies;
mod targets;

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;

use crate::design::{CUSTOM_NETWORK, Design, PodSubnet};
use crate::facts::Facts;
use crate::issue::{Issue, Severity, id};
use crate::net::firewall::Verdict;
use crate::reach::{self, Purpose, flows};
use crate::step::Step;

use crate::scene::Scene;

pub(super) use outside::external_snat;

/// Steps that move pods to the new subnets, or prepare it.
const POD_STEPS: [Step; 4] =
    [Step::WriteEniconfigs, Step::LaunchNodegroups, Step::PatchSecurityGroups, Step::DrainNodes];

/// The fix if security groups or network ACLs can't be read.
const FIREWALL: &str =
    "allow ec2:DescribeSecurityGroups and ec2:DescribeNetworkAcls; or check these paths yourself";

pub(super) fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    if scene.concerns(&POD_STEPS) {
        given_groups(scene, findings);
        let flows = flows(scene.design, scene.facts);
        denied::check(scene, &flows, findings);
        narrow::check(scene, findings);
        others::check(scene, &others::Admission::planned(scene.design, scene.facts), findings);
        policies::check(scene, findings);
        targets::check(scene, findings);
        unknown(scene, &flows, findings);
    }
    outside::check(scene, findings);
}

/// What blocks pods in the cluster as it is now, and what could not be determined.
pub(crate) fn current(scene: &Scene<'_>) -> Vec<Issue> {
    let flows = reach::current_flows(scene.facts);
    let mut findings = Vec::new();
    denied::check(scene, &flows, &mut findings);
    unknown(scene, &flows, &mut findings);
    if scene.facts.cni.is_on(CUSTOM_NETWORK) {
        let mut found = Vec::new();
        others::check(scene, &others::Admission::current(scene.design, scene.facts), &mut found);
        // An unused group can't be the cause of a problem.
        findings.extend(found.into_iter().filter(|finding| finding.severity() != Severity::Note));
    }
    let firewall = &scene.facts.firewall;
    // Without known endpoints there is no flow that could report the missing permission.
    if let Some(why) = firewall.acls_unknown.as_ref().or(firewall.groups_unknown.as_ref())
        && flows.is_empty()
    {
        findings.push(
            Issue::note(id::RCH_012, "unknown whether pods reach what they need")
                .at(&scene.facts.vpc.id)
                .why(format!("unknown because {why}"))
                .fix(FIREWALL),
        );
    }
    findings
}

/// The API server accepts an ENIConfig with a group of another VPC, but no interface can then be attached.
fn given_groups(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let firewall = &scene.facts.firewall;
    if firewall.groups_unknown.is_some() {
        return;
    }
    for id in scene.settings.cni.security_groups.iter().filter(|id| !firewall.groups.contains_key(*id)) {
        let vpc = &scene.facts.vpc.id;
        findings.push(
            Issue::error(id::RCH_013, format!("{id} is not a security group of the cluster's VPC"))
                .at(scene.settings.named("security-group"))
                .why("the CNI could not attach a network interface with it, and pods would never start")
                .fix(format!("aws ec2 describe-security-groups --filters Name=vpc-id,Values={vpc}")),
        );
    }
}

/// Reports what could not be determined, with the reason.
fn unknown(scene: &Scene<'_>, flows: &[crate::reach::Flow], findings: &mut Vec<Issue>) {
    let mut reasons: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for flow in flows {
        if let Verdict::Unknown { because } = &flow.verdict {
            reasons.entry(because).or_default().insert(subject(&flow.purpose));
        }
    }
    let firewall = &scene.facts.firewall;
    let fix = match firewall.groups_unknown.is_some() || firewall.acls_unknown.is_some() {
        true => FIREWALL,
        false => "check these paths yourself",
    };
    for (because, subjects) in reasons {
        let subjects: Vec<&str> = subjects.into_iter().collect();
        findings.push(
            Issue::note(
                id::RCH_012,
                format!("unknown whether this traffic is allowed: {}", subjects.join("; ")),
            )
            .at(&scene.facts.vpc.id)
            .why(format!("unknown because {because}"))
            .fix(fix),
        );
    }
    if let Some(why) = &scene.facts.backends.apis_unknown {
        findings.push(
            Issue::note(
                id::RCH_012,
                "unknown whether the API server can call aggregated APIs once their pods have moved",
            )
            .at("APIServices")
            .why(format!("unknown because {why}"))
            .fix("allow list on apiservices"),
        );
    }
    if let Some(why) = &scene.facts.backends.unknown {
        findings.push(
            Issue::note(id::RCH_012, "unknown whether the API server can call webhooks once their pods have moved")
                .at("webhook configurations, Services and EndpointSlices")
                .why(format!("unknown because {why}"))
                .fix("allow list on validatingwebhookconfigurations, mutatingwebhookconfigurations, services and endpointslices"),
        );
    }
}

/// A flow's purpose in plain words.
fn subject(purpose: &Purpose) -> &'static str {
    match purpose {
        Purpose::Api => "pods to the API server",
        Purpose::NodeApi => "new nodes to the API server",
        Purpose::Dns => "pods to CoreDNS",
        Purpose::Kubelet => "metrics, logs and exec to kubelets",
        Purpose::Webhook { .. } => "the API server to webhooks",
        Purpose::Pods => "pods to pods",
    }
}

/// The pod subnets of the design, with their ids where they have any.
fn pod_subnets<'a>(design: &'a Design, facts: &Facts) -> Vec<(Option<&'a str>, Ipv4Net)> {
    let subnets = design.zones.iter().filter_map(|zone| match &zone.pod_subnet {
        PodSubnet::There { id, .. } => Some((Some(id.as_str()), facts.vpc.subnet(id)?.cidr)),
        PodSubnet::New { cidr } => Some((None, *cidr)),
        PodSubnet::Unknown => None,
    });
    subnets.collect()
}

/// The CIDRs that a rule must name to cover all pods: the blocks of their subnets, else the subnets.
fn pod_blocks(design: &Design, facts: &Facts) -> Vec<Ipv4Net> {
    let mut blocks: BTreeSet<Ipv4Net> = BTreeSet::new();
    for (_, cidr) in pod_subnets(design, facts) {
        let block = design.blocks.iter().find(|block| block.contains(&cidr));
        blocks.insert(block.copied().unwrap_or(cidr));
    }
    blocks.into_iter().collect()
}

fn join<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    values.into_iter().map(|value| value.to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
