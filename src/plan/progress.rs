//! The progress of each step, for `status`, and whether it is done, for `plan`. Pure.

use crate::design::{Design, GroupDesign, PodSubnet};
use crate::facts::{BlockState, Crd, EniConfig, Facts, Version, detected_version, same_groups};
use crate::step::Step;
use crate::text::part;

/// Whether everything that the step creates exists.
pub(crate) fn is_done(step: Step, design: &Design, facts: &Facts) -> bool {
    let (there, of, _) = reached(step, design, facts);
    there == of
}

/// How many of a step's resources exist, how many there should be, and a sentence about it.
pub(crate) fn reached(step: Step, design: &Design, facts: &Facts) -> (usize, usize, String) {
    let zones = design.zones.len();
    let counted =
        |is: &dyn Fn(&crate::design::ZoneDesign) -> bool| design.zones.iter().filter(|zone| is(zone)).count();
    match step {
        Step::AssociateCidr => {
            let associated = |block: &&ipnet::Ipv4Net| {
                facts
                    .vpc
                    .blocks
                    .iter()
                    .any(|there| there.cidr == **block && there.state == BlockState::Associated)
            };
            let there: Vec<String> =
                design.blocks.iter().filter(associated).map(ToString::to_string).collect();
            match design.blocks.len() {
                // The pod subnets were set by flag and are in no secondary block.
                0 => (0, 0, "no block is needed".into()),
                all if all == there.len() => (all, all, format!("{} in {}", there.join(", "), facts.vpc.id)),
                all => of(there.len(), all, "block", "is in the VPC", "are in the VPC"),
            }
        }
        Step::CreateSubnets => {
            let there = counted(&|zone| matches!(zone.pod_subnet, PodSubnet::There { .. }));
            of(there, zones, "zone", "has a pod subnet", "have a pod subnet")
        }
        Step::SetEnv => {
            let set = |(name, value): &(&String, &String)| facts.cni.env.get(*name) == Some(*value);
            let there = design.env.iter().filter(set).count();
            of(there, design.env.len(), "variable", "of aws-node is set", "of aws-node are set")
        }
        Step::DetectCni => match detected_version(&facts.cni) {
            Some((version, source)) => {
                let new = usize::from(version >= Version::CUSTOM_NETWORKING);
                (new, 1, format!("VPC CNI {version} (from {source})"))
            }
            None => (0, 1, "the VPC CNI version is unknown".into()),
        },
        Step::InstallCrd => match facts.eniconfigs.crd {
            Crd::Missing => (0, 1, "the ENIConfig CRD is missing".into()),
            Crd::Untyped => (1, 2, "the ENIConfig CRD has no schema".into()),
            Crd::Typed { established: false } => (1, 2, "the ENIConfig CRD is not established yet".into()),
            Crd::Typed { established: true } => (1, 1, "the ENIConfig CRD has a schema".into()),
        },
        Step::WriteEniconfigs => {
            let there =
                counted(&|zone| facts.eniconfigs.items.iter().any(|config| config.name == zone.eniconfig));
            of(there, zones, "zone", "has an ENIConfig", "have an ENIConfig")
        }
        Step::LaunchNodegroups if design.pools.is_empty() => {
            let there = usize::from(facts.node_groups.stacks.contains_key(&design.base_stack));
            let verb = if there == 1 { "exists" } else { "is missing" };
            (there, 1, format!("the base stack {verb}; Karpenter starts the nodes"))
        }
        Step::PatchSecurityGroups if design.pools.is_empty() => {
            let after = design.final_groups(facts);
            let has = |config: &EniConfig| {
                after.as_ref().is_some_and(|after| same_groups(&config.security_groups, after))
            };
            let there = counted(&|zone| {
                facts.eniconfigs.items.iter().any(|config| config.name == zone.eniconfig && has(config))
            });
            of(there, zones, "zone", "has its security groups", "have their security groups")
        }
        Step::LaunchNodegroups => {
            let there = |group: &GroupDesign| facts.node_groups.stacks.contains_key(&group.stack);
            let (one, many) = ("has an eni-custom node group", "have an eni-custom node group");
            of_groups(design, there, (one, many), ("exists", "exist"))
        }
        Step::PatchSecurityGroups => {
            // A group that is scaled to zero gets no nodes.
            let grown = |group: &GroupDesign| group.size == 0 || group.is_grown(facts);
            let (one, many) = ("has security groups and nodes", "have security groups and nodes");
            of_groups(design, grown, (one, many), ("has its nodes", "have their nodes"))
        }
        Step::DrainNodes => {
            let all = facts.ec2_nodes().count();
            let old = design.old_nodes.len();
            let verb = if all == 1 { "predates" } else { "predate" };
            (all - old.min(all), all, format!("{} {verb} custom networking", part(old, all, "node")))
        }
    }
}

fn of(there: usize, all: usize, noun: &str, one: &str, many: &str) -> (usize, usize, String) {
    let verb = if all == 1 { one } else { many };
    (there, all, format!("{} {verb}", part(there, all, noun)))
}

/// How many node groups are as the filter says: by zone if there is one pool, else by group.
fn of_groups(
    design: &Design,
    is: impl Fn(&GroupDesign) -> bool,
    zone: (&str, &str),
    group: (&str, &str),
) -> (usize, usize, String) {
    let groups: Vec<&GroupDesign> = design.groups().map(|(_, group)| group).collect();
    let there = groups.iter().filter(|group| is(group)).count();
    match design.pools.len() {
        1 => of(there, groups.len(), "zone", zone.0, zone.1),
        _ => of(there, groups.len(), "node group", group.0, group.1),
    }
}
