//! ENIConfigs: each node finds one, and the CNI can use its subnet and security groups.

use std::collections::{BTreeMap, BTreeSet};

use crate::design::{ZONE_LABEL, options};
use crate::facts::{Crd, EniConfig, Part, Subnet, SubnetState};
use crate::fixes;
use crate::issue::{Issue, id};
use crate::net::eniconfig::Source;
use crate::net::max_pods::{known, subnet_addresses};
use crate::subnet_tags;
use crate::text::counted;

use super::report::or_ok;
use super::view::{NodeView, View};

pub(super) fn checks(view: &View<'_>) -> Vec<Issue> {
    if let Some(because) = view.unread(Part::EniConfigs) {
        return vec![Issue::unknown(id::VFY_011, "whether nodes find their ENIConfigs", because)];
    }
    let mut checks = vec![definition(view)];
    checks.extend(or_ok(found(view), id::VFY_011, each_finds(view)));
    checks.extend(or_ok(malformed(view), id::VFY_012, "the CNI can read each ENIConfig"));
    checks.extend(or_ok(subnets(view), id::VFY_013, "their subnets exist, in their nodes' zones"));
    checks.extend(or_ok(blocks(view), id::VFY_015, "their subnets are in other CIDR blocks than the nodes"));
    checks.extend(or_ok(excluded(view), id::VFY_076, "no tag excludes pods from their subnets"));
    checks.extend(or_ok(groups(view), id::VFY_016, "their security groups exist"));
    checks.extend(or_ok(free(view), id::VFY_017, "their subnets have enough addresses for full nodes"));
    checks.extend(addon(view));
    checks.extend(expected(view));
    checks
}

/// The add-on's next update resets an ENIConfig that it creates and that differs from its values.
fn addon(view: &View<'_>) -> Vec<Issue> {
    let Some(values) = view.facts.addon_values() else { return Vec::new() };
    let differing = view.facts.eniconfigs.items.iter().filter(|config| values.differs(config));
    let issues = differing.map(|config| {
        Issue::error(id::VFY_003, format!("the add-on vpc-cni would reset ENIConfig {}", config.name))
            .at(format!("ENIConfig {}", config.name))
            .why("its next update applies its eniConfig.subnets, which differ")
            .fix(format!(
                "{} # copies the ENIConfig into the add-on; if the add-on is right: kubectl edit eniconfig {}",
                view.command("write-eniconfigs"),
                config.name
            ))
    });
    issues.collect()
}

fn definition(view: &View<'_>) -> Issue {
    let (id, at) = (id::VFY_010, "CustomResourceDefinition eniconfigs.crd.k8s.amazonaws.com");
    let install = view.command("install-crd");
    match view.facts.eniconfigs.crd {
        Crd::Typed { established: true } => Issue::passed(id, "the ENIConfig CRD has a schema"),
        Crd::Typed { established: false } => {
            Issue::error(id, "the ENIConfig CRD is not established").at(at).fix(install)
        }
        Crd::Missing => Issue::error(id, "there is no ENIConfig CRD").at(at).fix(install),
        Crd::Untyped => Issue::warning(id, "the ENIConfig CRD has no schema")
            .at(at)
            .why(
                "it comes from a CNI before 1.18.3: a malformed ENIConfig is accepted, and fails on the node",
            )
            .fix(match view.facts.eniconfigs.crd_holder {
                Some(_) => crate::fixes::typed_definition(view.facts),
                None => install,
            }),
    }
}

fn each_finds(view: &View<'_>) -> String {
    let zones: BTreeSet<&str> = view.nodes.iter().map(|node| node.node.zone.as_str()).collect();
    let verb = if view.nodes.len() == 1 { "finds" } else { "find" };
    format!("{} in {} {verb} an ENIConfig", counted(view.nodes.len(), "node"), counted(zones.len(), "zone"))
}

/// Nodes whose ENIConfig does not exist, by the name that they look for.
fn found(view: &View<'_>) -> Vec<Issue> {
    let mut missing: BTreeMap<(&str, &Source, &str), Vec<&NodeView<'_>>> = BTreeMap::new();
    for node in view.nodes.iter().filter(|node| node.config.is_none()) {
        let key = (node.resolved.name.as_str(), &node.resolved.source, node.node.zone.as_str());
        missing.entry(key).or_default().push(node);
    }
    let check = |((name, source, zone), nodes): ((&str, &Source, &str), Vec<&NodeView<'_>>)| {
        let names: Vec<String> = nodes.iter().map(|node| node.node.name.clone()).collect();
        Issue::error(
            id::VFY_011,
            format!("ENIConfig '{name}' for {} in {zone} does not exist", counted(names.len(), "node")),
        )
        .why(why_missing(view, source, zone, nodes[0]))
        .fix(fix_missing(view, source, name, &nodes))
        .about(names)
    };
    missing.into_iter().map(check).collect()
}

fn why_missing(view: &View<'_>, source: &Source, zone: &str, node: &NodeView<'_>) -> String {
    let known: Vec<&str> = view.facts.eniconfigs.items.iter().map(|config| config.name.as_str()).collect();
    let zone_id = zone_id(view, node);
    let mut why = format!("the CNI takes the name from {source}");
    if let Source::Nothing(key) = source {
        why = format!("without a node label {key}, the CNI uses the name 'default'");
    } else if zone_id.is_some_and(|id| known.contains(&id)) {
        why.push_str(&format!(
            "; ENIConfig {} has the zone's ID as its name, but the label has the zone's name {zone}",
            zone_id.unwrap_or_default()
        ));
    }
    match known.is_empty() {
        true => format!("{why}; there are no ENIConfigs"),
        false => format!("{why}; existing ENIConfigs: {}", known.join(", ")),
    }
}

fn fix_missing(view: &View<'_>, source: &Source, name: &str, nodes: &[&NodeView<'_>]) -> String {
    let names: Vec<&str> = nodes.iter().map(|node| node.node.name.as_str()).collect();
    match source {
        Source::Annotation(_) | Source::ExternalLabel => fixes::no_override(source, &names),
        Source::Nothing(_) => view.command(&format!("set-env --eniconfig-label {ZONE_LABEL}")),
        Source::Label(_) if name == nodes[0].node.zone => fixes::eniconfigs(view.facts),
        Source::Label(key) => {
            let of_zone = view.facts.eniconfigs.items.iter().find(|config| {
                view.facts.vpc.subnet(&config.subnet).is_some_and(|its| its.zone == nodes[0].node.zone)
            });
            match of_zone {
                Some(config) => {
                    format!("kubectl label node --overwrite {} {key}={}", names.join(" "), config.name)
                }
                None => fixes::eniconfigs(view.facts),
            }
        }
    }
}

fn zone_id<'a>(view: &View<'a>, node: &NodeView<'_>) -> Option<&'a str> {
    let subnets = &view.facts.vpc.subnets;
    subnets.iter().find(|subnet| subnet.zone == node.node.zone).map(|subnet| subnet.zone_id.as_str())
}

fn names(nodes: &[&NodeView<'_>]) -> Vec<String> {
    nodes.iter().map(|node| node.node.name.clone()).collect()
}

fn malformed(view: &View<'_>) -> Vec<Issue> {
    let issue = |(name, why): (&String, &String)| {
        let nodes = view.used().find(|(config, _)| config.name == *name).map(|(_, nodes)| nodes);
        Issue::error(id::VFY_012, format!("the CNI can't read ENIConfig {name}"))
            .of(names(&nodes.unwrap_or_default()))
            .at(format!("ENIConfig {name}"))
            .why(why)
            .fix(format!("{} && kubectl edit eniconfig {name}", view.command("install-crd")))
    };
    view.facts.eniconfigs.malformed.iter().map(issue).collect()
}

fn subnets(view: &View<'_>) -> Vec<Issue> {
    let mut checks = Vec::new();
    for (config, nodes) in view.used() {
        let at = format!("ENIConfig {}", config.name);
        let Some(subnet) = view.facts.vpc.subnet(&config.subnet) else {
            checks.push(
                Issue::error(
                    id::VFY_013,
                    format!("ENIConfig {} names a subnet that does not exist", config.name),
                )
                .at(at)
                .of(names(&nodes))
                .why(format!("{} has no subnet '{}'", view.facts.vpc.id, config.subnet))
                .fix(fixes::rewritten_eniconfigs(view.facts)),
            );
            continue;
        };
        if subnet.state != SubnetState::Available {
            checks.push(
                Issue::error(id::VFY_013, format!("subnet {} is {}", subnet.id, subnet.state))
                    .at(at.clone())
                    .of(names(&nodes))
                    .fix(format!("aws ec2 wait subnet-available --subnet-ids {}", subnet.id)),
            );
        }
        // An interface can be attached only to instances in its own zone.
        let misplaced: Vec<String> = nodes
            .iter()
            .filter(|node| !node.node.zone.is_empty() && node.node.zone != subnet.zone)
            .map(|node| node.node.name.clone())
            .collect();
        if !misplaced.is_empty() {
            let first = nodes.iter().find(|node| node.node.name == misplaced[0]);
            let zone = first.map_or("", |node| node.node.zone.as_str());
            let overriding = first.filter(|node| node.resolved.overridden.is_some());
            let names: Vec<&str> = misplaced.iter().map(String::as_str).collect();
            let fix = match overriding {
                Some(node) => fixes::no_override(&node.resolved.source, &names),
                None => fixes::rewritten_eniconfigs(view.facts),
            };
            checks.push(
                Issue::error(
                    id::VFY_014,
                    format!("ENIConfig {} gives nodes in {zone} a subnet in {}", config.name, subnet.zone),
                )
                .why(format!(
                    "{} is in {} ({}): interfaces can't be attached across zones",
                    subnet.id, subnet.zone, subnet.zone_id
                ))
                .fix(fix)
                .about(misplaced),
            );
        }
    }
    checks
}

/// EKS user guide, "CNI custom networking": the pod subnet is in another block than the nodes. It works without, but
/// pods then have no address range of their own.
fn blocks(view: &View<'_>) -> Vec<Issue> {
    let vpc = &view.facts.vpc;
    let block = |subnet: &Subnet| {
        vpc.blocks.iter().find(|block| block.cidr.contains(&subnet.cidr)).map(|block| block.cidr)
    };
    let same = view.used().filter_map(|(config, nodes)| {
        let pods = block(vpc.subnet(&config.subnet)?)?;
        let node_subnets = nodes.iter().filter_map(|node| vpc.subnet(node.node.subnet.as_deref()?));
        node_subnets.into_iter().any(|subnet| block(subnet) == Some(pods)).then(|| {
            Issue::warning(
                id::VFY_015,
                format!("the subnet of ENIConfig {} is in the nodes' own CIDR block", config.name),
            )
            .at(format!("{} in {pods}", config.subnet))
            .why("AWS documents custom networking with subnets from another CIDR block")
            .fix(fixes::rewritten_eniconfigs(view.facts))
        })
    });
    same.collect()
}

/// Tags that aws-node reads as "no pods here".
fn excluded(view: &View<'_>) -> Vec<Issue> {
    let facts = view.facts;
    let Some(acts) = subnet_tags::acts(facts).filter(|_| subnet_tags::discovers(facts)) else {
        return Vec::new();
    };
    let excluded = view.used().filter_map(|(config, nodes)| {
        let subnet = facts.vpc.subnet(&config.subnet)?;
        let exclusion = subnet_tags::exclusion(subnet, &facts.cluster.name)?;
        let what = format!("a tag excludes pods from the subnet of ENIConfig {}", config.name);
        let check = match acts {
            true => Issue::error(id::VFY_076, what),
            false => Issue::warning(id::VFY_076, format!("{what} from VPC CNI 1.22 on")),
        };
        Some(
            check
                .at(format!("{} ({})", subnet.id, subnet.cidr))
                .of(names(&nodes))
                .why(format!("{}: aws-node attaches interfaces there but gives pods none of their addresses", exclusion.why))
                .fix(format!("{} && kubectl -n kube-system rollout restart daemonset/aws-node # aws-node reads tags when it starts", exclusion.fix)),
        )
    });
    excluded.collect()
}

fn groups(view: &View<'_>) -> Vec<Issue> {
    let mut named: Vec<(&EniConfig, &String, Vec<String>)> = Vec::new();
    for (config, nodes) in view.used() {
        named.extend(config.security_groups.iter().map(|group| (config, group, names(&nodes))));
    }
    if named.is_empty() {
        return Vec::new();
    }
    if let Some(because) = view.unread(Part::SecurityGroups) {
        return vec![Issue::unknown(id::VFY_016, "whether the ENIConfigs' security groups exist", because)];
    }
    let missing = named.into_iter().filter(|(_, group, _)| !view.facts.firewall.groups.contains_key(*group));
    let issues = missing.map(|(config, group, nodes)| {
        Issue::error(
            id::VFY_016,
            format!("ENIConfig {} names a security group that does not exist", config.name),
        )
        .at(format!("ENIConfig {}", config.name))
        .of(nodes)
        .why(format!("{} has no security group '{group}'", view.facts.vpc.id))
        .fix(match view.facts.node_groups.stacks.is_empty() {
            false => format!("{} --replace-eniconfigs", view.command("patch-security-groups")),
            true => format!(
                "kubectl patch eniconfig {} --type merge -p '{{\"spec\":{{\"securityGroups\":[\"{}\"]}}}}'",
                config.name, view.facts.cluster.security_group
            ),
        })
    });
    issues.collect()
}

/// Addresses that the nodes will still need when they are full, compared with those that are free.
fn free(view: &View<'_>) -> Vec<Issue> {
    let options = options(view.facts);
    let mut needed: BTreeMap<&str, u32> = BTreeMap::new();
    for node in view.nodes.iter() {
        let (Some(subnet), types) = (node.subnet, &view.facts.machine.types) else { continue };
        let kind = &node.node.instance_type;
        let full =
            types.get(kind).or_else(|| known(kind)).and_then(|kind| subnet_addresses(kind, &options).ok());
        let own = node.node.interfaces.iter().filter(|interface| interface.subnet == subnet.id);
        let held: u32 = own.map(|interface| interface.addresses + 1).sum();
        *needed.entry(&subnet.id).or_default() += full.unwrap_or_default().saturating_sub(held);
    }
    let short = needed.into_iter().filter_map(|(id, needed)| {
        let subnet = view.facts.vpc.subnet(id)?;
        (subnet.free < needed || subnet.free == 0).then(|| {
            Issue::warning(
                id::VFY_017,
                format!(
                    "the pod subnet of {} has {} left",
                    subnet.zone,
                    counted(subnet.free as usize, "address")
                ),
            )
            .at(format!("{id} ({})", subnet.cidr))
            .why(format!("its nodes need {needed} more when they are full"))
            .fix(fixes::more_addresses(view.facts, subnet))
        })
    });
    short.collect()
}

/// After a run each zone's ENIConfig must be exactly as planned.
fn expected(view: &View<'_>) -> Vec<Issue> {
    let mut checks = Vec::new();
    let set = |groups: &[String]| groups.iter().cloned().collect::<BTreeSet<_>>();
    for wanted in &view.expected.eniconfigs {
        let there = view.facts.eniconfigs.items.iter().find(|config| config.name == wanted.name);
        let what = match there {
            None => format!("ENIConfig {} is missing", wanted.name),
            Some(config) if config.subnet != wanted.subnet => {
                format!("ENIConfig {} names {}, not {}", config.name, config.subnet, wanted.subnet)
            }
            Some(config) if set(&config.security_groups) != set(&wanted.security_groups) => {
                format!("ENIConfig {} has security groups {}", config.name, config.security_groups.join(", "))
            }
            Some(_) => continue,
        };
        checks.push(
            Issue::error(id::VFY_018, what)
                .at(format!("ENIConfig {}", wanted.name))
                .why("this run wrote other values, and something has changed them since")
                .fix(view.command("setup")),
        );
    }
    checks
}
