//! Quotas that the plan would exceed. Only what was read is counted, so an issue is certain, but its absence is not:
//! other clusters and VPCs of the account use the same quotas.

use std::collections::{BTreeMap, BTreeSet};

use crate::design::{PodSubnet, PoolDesign};
use crate::issue::{Issue, id};
use crate::net::max_pods::InstanceType;
use crate::net::vcpus::vcpu_family;
use crate::step::Step;
use crate::text::counted;

use crate::scene::Scene;

/// AWS's defaults (VPC user guide, "Amazon VPC quotas").
const SUBNETS: u32 = 200;
const GROUPS_PER_INTERFACE: u32 = 5;
const INTERFACES: u32 = 5000;
const RULES_PER_GROUP: u32 = 60;
/// CloudFormation user guide, "Understand CloudFormation quotas".
const STACKS: u32 = 2000;

pub(super) fn check(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    if scene.concerns(&[Step::CreateSubnets]) {
        subnets(scene, findings);
    }
    if scene.concerns(&[Step::WriteEniconfigs, Step::PatchSecurityGroups]) {
        groups_per_interface(scene, findings);
    }
    if scene.concerns(&[Step::PatchSecurityGroups]) {
        vcpus(scene, findings);
        interfaces(scene, findings);
    }
    if scene.concerns(&[Step::LaunchNodegroups]) {
        rules_per_group(scene, findings);
        stacks(scene, findings);
    }
}

/// The quota that was read, or the AWS default with the reason why it is only the default.
fn limit(scene: &Scene<'_>, read: Option<u32>, default: u32) -> (u32, String) {
    match (read, &scene.facts.vpc.quotas.unread) {
        (Some(limit), _) => (limit, String::new()),
        (None, Some(reason)) => {
            (default, format!(" (AWS's default; the account's quota could not be read: {reason})"))
        }
        (None, None) => (default, " (AWS's default)".into()),
    }
}

fn ask(service: &str, code: &str, need: u32) -> String {
    format!(
        "aws service-quotas request-service-quota-increase --service-code {service} --quota-code {code} \
         --desired-value {need}"
    )
}

fn subnets(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let vpc = &scene.facts.vpc;
    let is_new = |zone: &&crate::design::ZoneDesign| matches!(zone.pod_subnet, PodSubnet::New { .. });
    let new = count(scene.design.zones.iter().filter(is_new).count());
    let there = count(vpc.subnets.len());
    let (limit, source) = limit(scene, vpc.quotas.subnets, SUBNETS);
    if new > 0 && there + new > limit {
        findings.push(
            Issue::error(id::QTA_001, format!("the VPC can't have {}", counted(new, "more subnet")))
                .at(&vpc.id)
                .why(format!("it has {there}, and the quota is {limit}{source}"))
                .fix(ask("vpc", "L-407747CB", there + new)),
        );
    }
}

fn groups_per_interface(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    // The nodes' group and the cluster's, and what the old nodes have besides.
    let of_pods = match scene.design.security_groups.len() {
        0 => 2 + scene.design.shared_groups.len(),
        set => set,
    };
    let of_nodes = scene.design.pools.iter().map(|pool| (2 + pool.mirror.security_groups.len(), Some(pool)));
    let (groups, pool) =
        of_nodes.chain([(of_pods, None)]).max_by_key(|(groups, _)| *groups).unwrap_or((2, None));
    let groups = count(groups);
    let (limit, source) = limit(scene, scene.facts.vpc.quotas.groups_per_interface, GROUPS_PER_INTERFACE);
    if groups > limit {
        findings.push(
            Issue::error(id::QTA_002, format!("a network interface can't have {groups} security groups"))
                .at(pool.map_or_else(
                    || scene.settings.named("security-group"),
                    |pool| format!("nodes of pool {}", pool.name),
                ))
                .why(match pool {
                    None => format!(
                        "the quota is {limit}{source}; the CNI could not create network interfaces for pods"
                    ),
                    Some(_) => format!(
                        "the quota is {limit}{source}; new nodes have the old ones' groups, the cluster's, and one of all new nodes"
                    ),
                })
                .fix(ask("vpc", "L-2AFB9258", groups)),
        );
    }
}

/// The base stack adds a rule to the cluster security group.
fn rules_per_group(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    let id = &facts.cluster.security_group;
    if facts.node_groups.stacks.contains_key(&scene.design.base_stack) {
        return;
    }
    let Some(group) = facts.firewall.groups.get(id) else { return };
    let there = count(group.ingress.len());
    let (limit, source) = limit(scene, facts.vpc.quotas.rules_per_group, RULES_PER_GROUP);
    if there + 1 > limit {
        findings.push(
            Issue::error(id::QTA_005, format!("{id} can't have another inbound rule"))
                .at(id)
                .why(format!(
                    "it has {there}, and the quota is {limit}{source}; pods and new nodes need one more"
                ))
                .fix(format!("{}; or delete unused rules", ask("vpc", "L-0EA8095F", there + 1))),
        );
    }
}

/// One stack per node group and one base stack, minus those that exist.
fn stacks(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let (design, integrations) = (scene.design, &scene.facts.integrations);
    let names = design.groups().map(|(_, group)| &group.stack).chain([&design.base_stack]);
    let new = count(names.filter(|name| !scene.facts.node_groups.stacks.contains_key(*name)).count());
    let (Some(there), limit) = (integrations.stacks, integrations.stack_quota.unwrap_or(STACKS)) else {
        return;
    };
    if new > 0 && there.saturating_add(new) > limit {
        findings.push(
            Issue::error(
                id::QTA_006,
                format!("the region can't have {}", counted(new, "more CloudFormation stack")),
            )
            .at(&scene.facts.caller.region)
            .why(format!("there are {there}, and the quota is {limit}"))
            .fix(ask("cloudformation", "L-0485CB21", there.saturating_add(new))),
        );
    }
}

/// Nodes of a pool that have not joined yet.
fn new_nodes(scene: &Scene<'_>, pool: &PoolDesign) -> u32 {
    pool.groups.iter().map(|group| pool.to_start(group, scene.facts)).sum()
}

/// Auto Scaling and EKS may choose any of a pool's types, so the one with the most counts.
fn most(pool: &PoolDesign, of: impl Fn(&InstanceType) -> Option<u32>) -> u32 {
    pool.machine.types.iter().filter_map(|one| of(&one.kind)).max().unwrap_or_default()
}

fn vcpus(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let (design, machine) = (scene.design, &scene.facts.machine);
    let family = |pool: &PoolDesign| vcpu_family(&pool.machine.instance_type()?.name);
    let families: BTreeMap<&str, _> =
        design.pools.iter().filter_map(family).map(|family| (family.code, family)).collect();
    for (code, quota) in families {
        let Some(limit) = machine.vcpu_quotas.get(code).copied() else { continue };
        let running: u32 = scene
            .facts
            .ec2_nodes()
            .filter(|node| vcpu_family(&node.instance_type) == Some(quota))
            .filter_map(|node| machine.types.get(&node.instance_type)?.vcpus)
            .sum();
        let pools = || design.pools.iter().filter(|pool| family(pool) == Some(quota));
        let nodes: u32 = pools().map(|pool| new_nodes(scene, pool)).sum();
        let needed: u32 =
            pools().map(|pool| new_nodes(scene, pool).saturating_mul(most(pool, |kind| kind.vcpus))).sum();
        if nodes == 0 || running.saturating_add(needed) <= limit {
            continue;
        }
        let types: BTreeSet<String> = pools().map(|pool| pool.machine.type_names()).collect();
        let types = types.into_iter().collect::<Vec<_>>().join(", ");
        findings.push(
            Issue::error(id::QTA_003, format!("{} of {types} can't be started", counted(nodes, "new node")))
                .at(format!("quota {} of {}", quota.name, scene.facts.caller.region))
                .why(format!(
                    "they need {}, the cluster's nodes use {running}, and the account may run {limit}; old and new nodes run at the same time for a while",
                    counted(needed, "vCPU")
                ))
                .fix(format!(
                    "{}; or set fewer nodes with --nodes-per-zone",
                    ask("ec2", code, running.saturating_add(needed))
                )),
        );
    }
}

fn interfaces(scene: &Scene<'_>, findings: &mut Vec<Issue>) {
    let facts = scene.facts;
    // Each instance has its primary interface, and at least one for each pod subnet that was seen.
    let there: u32 = facts.ec2_nodes().map(|node| 1 + count(node.pod_subnets.len())).sum();
    let of_pool =
        |pool: &PoolDesign| new_nodes(scene, pool).saturating_mul(most(pool, |kind| Some(kind.enis)));
    let needed: u32 = scene.design.pools.iter().map(of_pool).sum();
    let (limit, source) = limit(scene, facts.vpc.quotas.interfaces, INTERFACES);
    if needed > 0 && there.saturating_add(needed) > limit {
        findings.push(
            Issue::error(id::QTA_004, "the region can't have enough network interfaces")
                .at(&facts.caller.region)
                .why(format!("new nodes need up to {needed}, the cluster has at least {there}, and the quota is {limit}{source}"))
                .fix(ask("vpc", "L-DF5E4CA3", there.saturating_add(needed))),
        );
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use crate::checks::{found_after, ids};
    use crate::facts::{Facts, Quotas};

    use super::*;

    fn found(arguments: &[&str], change: impl FnOnce(&mut Facts)) -> Vec<Issue> {
        found_after(check, arguments, change)
    }

    #[test]
    fn a_plan_within_its_quotas_has_no_issue() {
        let quotas = Quotas {
            subnets: Some(4),
            groups_per_interface: Some(2),
            interfaces: Some(8),
            ..Quotas::default()
        };
        let all = found(&[], |facts| {
            facts.vpc.quotas = quotas;
            facts.machine.vcpu_quotas = [("L-1216C47A".to_string(), 8)].into();
        });
        assert_eq!(ids(&all), [""; 0]);
        assert_eq!(ids(&found(&[], |_| {})), [""; 0]);
    }

    #[test]
    fn stacks_and_rules_are_counted_with_the_planned_ones() {
        // Three stacks: one for each of two zones, and one for both.
        let stacks = |there: u32| {
            let all = found(&[], |facts| {
                facts.integrations.stacks = Some(there);
                facts.integrations.stack_quota = Some(10);
            });
            ids(&all).join(" ")
        };
        assert_eq!(stacks(7), "");
        assert_eq!(stacks(8), "EC-QTA-006");
        let rules = |quota: u32| {
            let all = found(&[], |facts| facts.vpc.quotas.rules_per_group = Some(quota));
            ids(&all).join(" ")
        };
        assert_eq!(rules(2), "");
        assert_eq!(rules(1), "EC-QTA-005");
    }

    #[test]
    fn each_exceeded_quota_is_one_issue() {
        let quotas = Quotas {
            subnets: Some(3),
            groups_per_interface: Some(1),
            interfaces: Some(7),
            ..Quotas::default()
        };
        let all = found(&[], |facts| {
            facts.vpc.quotas = quotas;
            facts.machine.vcpu_quotas = [("L-1216C47A".to_string(), 7)].into();
        });
        insta::assert_json_snapshot!(all);
    }

    #[test]
    fn a_default_quota_is_marked() {
        let groups: Vec<String> = (0..6).map(|number| format!("--security-group=sg-{number}")).collect();
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        let all = found(&groups, |facts| facts.vpc.quotas.unread = Some("AccessDeniedException".into()));
        assert_eq!(ids(&all), ["EC-QTA-002"]);
        assert!(all[0].why.contains("AWS's default") && all[0].why.contains("AccessDenied"), "{:?}", all[0]);
    }

    #[test]
    fn instances_of_another_family_do_not_count() {
        let all = found(&["--instance-type", "p5.48xlarge"], |facts| {
            let p5 = crate::net::max_pods::known("p5.48xlarge").unwrap().clone();
            facts.machine.types.insert(p5.name.clone(), p5);
            facts.machine.vcpu_quotas = [("L-1216C47A".to_string(), 2 * 192)].into();
        });
        assert_eq!(ids(&all), [""; 0]);
    }
}
