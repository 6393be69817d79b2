//! ENIConfigs: each node finds one, and its subnet and groups are such that the CNI can use them.

use std::collections::{BTreeMap, BTreeSet};

use crate::design::{ZONE_LABEL, options};
use crate::facts::{Crd, EniConfig, Part, Subnet};
use crate::fixes;
use crate::issue::Issue;
use crate::net::eniconfig::Source;
use crate::net::max_pods::{known, subnet_addresses};
use crate::subnet_tags;
use crate::words::counted;

use super::report::or_ok;
use super::view::{NodeView, View};

pub fn checks(view: &View<'_>) -> Vec<Issue> {
    if let Some(because) = view.unread(Part::EniConfigs) {
        return vec![Issue::unknown("EC-VFY-011", "whether nodes find their ENIConfigs", because)];
    }
    let mut checks = vec![definition(view)];
    checks.extend(or_ok(found(view), "EC-VFY-011", each_finds(view)));
    checks.extend(or_ok(malformed(view), "EC-VFY-012", "each ENIConfig can be read by the CNI"));
    checks.extend(or_ok(subnets(view), "EC-VFY-013", "their subnets are there, in their nodes' zones"));
    checks.extend(or_ok(
        blocks(view),
        "EC-VFY-015",
        "their subnets are of other CIDR blocks than the nodes'",
    ));
    checks.extend(or_ok(excluded(view), "EC-VFY-076", "no tag keeps pods out of their subnets"));
    checks.extend(or_ok(groups(view), "EC-VFY-016", "their security groups are there"));
    checks.extend(or_ok(free(view), "EC-VFY-017", "their subnets have addresses for full nodes"));
    checks.extend(addon_agrees(view));
    checks.extend(expected(view));
    checks
}

/// An ENIConfig that the add-on creates and that says something else than its values is put back with its next update.
fn addon_agrees(view: &View<'_>) -> Vec<Issue> {
    let Some(values) = view.facts.addon_values() else { return Vec::new() };
    let differing = view.facts.eniconfigs.items.iter().filter(|config| values.differs(config));
    let told = differing.map(|config| {
        Issue::error("EC-VFY-003", format!("the add-on vpc-cni would put ENIConfig {} back", config.name))
            .at(format!("ENIConfig {}", config.name))
            .why("its eniConfig.subnets say something else, and its next update writes them")
            .fix(format!(
                "{} writes into the add-on what the ENIConfig says; where the add-on is right: kubectl edit eniconfig {}",
                view.ours("write-eniconfigs"),
                config.name
            ))
    });
    told.collect()
}

fn definition(view: &View<'_>) -> Issue {
    let (id, at) = ("EC-VFY-010", "CustomResourceDefinition eniconfigs.crd.k8s.amazonaws.com");
    let install = view.ours("install-crd");
    match view.facts.eniconfigs.crd {
        Crd::Typed { established: true } => Issue::passed(id, "the ENIConfig definition is typed"),
        Crd::Typed { established: false } => {
            Issue::error(id, "the ENIConfig definition is not served").at(at).fix(install)
        }
        Crd::Missing => Issue::error(id, "there is no ENIConfig definition").at(at).fix(install),
        Crd::Untyped => Issue::warning(id, "the ENIConfig definition has no types")
            .at(at)
            .why("it is of a CNI before 1.18.3: a malformed ENIConfig is taken, and fails on the node")
            .fix(match view.facts.eniconfigs.crd_holder {
                Some(_) => crate::fixes::typed_definition(view.facts),
                None => install,
            }),
    }
}

fn each_finds(view: &View<'_>) -> String {
    let zones: BTreeSet<&str> = view.nodes.iter().map(|node| node.node.zone.as_str()).collect();
    format!("{} in {} find an ENIConfig", counted(view.nodes.len(), "node"), counted(zones.len(), "zone"))
}

/// Nodes whose ENIConfig is not there, by the name that they look for.
fn found(view: &View<'_>) -> Vec<Issue> {
    let mut lost: BTreeMap<(&str, &Source, &str), Vec<&NodeView<'_>>> = BTreeMap::new();
    for node in view.nodes.iter().filter(|node| node.config.is_none()) {
        let key = (node.resolved.name.as_str(), &node.resolved.source, node.node.zone.as_str());
        lost.entry(key).or_default().push(node);
    }
    let check = |((name, source, zone), nodes): ((&str, &Source, &str), Vec<&NodeView<'_>>)| {
        let names: Vec<String> = nodes.iter().map(|node| node.node.name.clone()).collect();
        Issue::error(
            "EC-VFY-011",
            format!(
                "ENIConfig '{name}', which {} in {zone} would take, is not there",
                counted(names.len(), "node")
            ),
        )
        .why(why_lost(view, source, zone, nodes[0]))
        .fix(mend_lost(view, source, name, &nodes))
        .about(names)
    };
    lost.into_iter().map(check).collect()
}

fn why_lost(view: &View<'_>, source: &Source, zone: &str, node: &NodeView<'_>) -> String {
    let known: Vec<&str> = view.facts.eniconfigs.items.iter().map(|config| config.name.as_str()).collect();
    let zone_id = zone_id(view, node);
    let mut why = format!("the CNI takes the name from {source}");
    if let Source::Nothing(key) = source {
        why = format!("they carry no label {key}, so the CNI takes the name 'default'");
    } else if zone_id.is_some_and(|id| known.contains(&id)) {
        why.push_str(&format!(
            "; there is one named {}, the zone's id, and the label has its name {zone}",
            zone_id.unwrap_or_default()
        ));
    }
    match known.is_empty() {
        true => format!("{why}; there is no ENIConfig at all"),
        false => format!("{why}; there are {}", known.join(", ")),
    }
}

fn mend_lost(view: &View<'_>, source: &Source, name: &str, nodes: &[&NodeView<'_>]) -> String {
    let names: Vec<&str> = nodes.iter().map(|node| node.node.name.as_str()).collect();
    match source {
        Source::Annotation(_) | Source::ExternalLabel => fixes::no_override(source, &names),
        Source::Nothing(_) => view.ours(&format!("set-env --eniconfig-label {ZONE_LABEL}")),
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
    let told = |(name, why): (&String, &String)| {
        let nodes = view.used().find(|(config, _)| config.name == *name).map(|(_, nodes)| nodes);
        Issue::error("EC-VFY-012", format!("ENIConfig {name} can't be read by the CNI"))
            .of(names(&nodes.unwrap_or_default()))
            .at(format!("ENIConfig {name}"))
            .why(why)
            .fix(format!("{} && kubectl edit eniconfig {name}", view.ours("install-crd")))
    };
    view.facts.eniconfigs.malformed.iter().map(told).collect()
}

fn subnets(view: &View<'_>) -> Vec<Issue> {
    let mut checks = Vec::new();
    for (config, nodes) in view.used() {
        let at = format!("ENIConfig {}", config.name);
        let Some(subnet) = view.facts.vpc.subnet(&config.subnet) else {
            checks.push(
                Issue::error(
                    "EC-VFY-013",
                    format!("ENIConfig {} names a subnet that is not there", config.name),
                )
                .at(at)
                .of(names(&nodes))
                .why(format!("{} has no subnet '{}'", view.facts.vpc.id, config.subnet))
                .fix(fixes::rewritten_eniconfigs(view.facts)),
            );
            continue;
        };
        if subnet.state != "available" {
            checks.push(
                Issue::error("EC-VFY-013", format!("subnet {} is {}", subnet.id, subnet.state))
                    .at(at.clone())
                    .of(names(&nodes))
                    .fix(format!("aws ec2 wait subnet-available --subnet-ids {}", subnet.id)),
            );
        }
        // An interface can be attached to instances of its own zone alone.
        let astray: Vec<String> = nodes
            .iter()
            .filter(|node| !node.node.zone.is_empty() && node.node.zone != subnet.zone)
            .map(|node| node.node.name.clone())
            .collect();
        if !astray.is_empty() {
            let first = nodes.iter().find(|node| node.node.name == astray[0]);
            let zone = first.map_or("", |node| node.node.zone.as_str());
            let overriding = first.filter(|node| node.resolved.overridden.is_some());
            let names: Vec<&str> = astray.iter().map(String::as_str).collect();
            let fix = match overriding {
                Some(node) => fixes::no_override(&node.resolved.source, &names),
                None => fixes::rewritten_eniconfigs(view.facts),
            };
            checks.push(
                Issue::error(
                    "EC-VFY-014",
                    format!("ENIConfig {} leads nodes of {zone} to a subnet in {}", config.name, subnet.zone),
                )
                .why(format!(
                    "{} is in {} ({}): its interfaces can't be attached",
                    subnet.id, subnet.zone, subnet.zone_id
                ))
                .fix(fix)
                .about(astray),
            );
        }
    }
    checks
}

/// "CNI custom networking": the pods' subnet is of another block than the nodes'. It works without, and gives pods
/// no range of their own.
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
                "EC-VFY-015",
                format!("ENIConfig {} has a subnet of the nodes' own block", config.name),
            )
            .at(format!("{} in {pods}", config.subnet))
            .why("AWS documents custom networking with a subnet of another CIDR block")
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
        let what = format!("the subnet of ENIConfig {} is excluded from pods", config.name);
        let check = match acts {
            true => Issue::error("EC-VFY-076", what),
            false => Issue::warning("EC-VFY-076", format!("{what} from VPC CNI 1.22 on")),
        };
        Some(
            check
                .at(format!("{} ({})", subnet.id, subnet.cidr))
                .of(names(&nodes))
                .why(format!("{}: aws-node attaches interfaces there and gives pods none of their addresses", exclusion.why))
                .fix(format!("{}; aws-node reads tags when it starts: kubectl -n kube-system rollout restart daemonset/aws-node", exclusion.fix)),
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
        return vec![Issue::unknown(
            "EC-VFY-016",
            "whether the ENIConfigs' security groups are there",
            because,
        )];
    }
    let missing = named.into_iter().filter(|(_, group, _)| !view.facts.firewall.groups.contains_key(*group));
    let told = missing.map(|(config, group, nodes)| {
        Issue::error(
            "EC-VFY-016",
            format!("ENIConfig {} names a security group that is not there", config.name),
        )
        .at(format!("ENIConfig {}", config.name))
        .of(nodes)
        .why(format!("{} has no security group '{group}'", view.facts.vpc.id))
        .fix(match view.facts.node_groups.stacks.is_empty() {
            false => format!("{} --replace-eniconfigs", view.ours("patch-security-groups")),
            true => format!(
                "kubectl patch eniconfig {} --type merge -p '{{\"spec\":{{\"securityGroups\":[\"{}\"]}}}}'",
                config.name, view.facts.cluster.security_group
            ),
        })
    });
    told.collect()
}

/// Addresses that the nodes there would still take when they are full, against what is free.
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
                "EC-VFY-017",
                format!(
                    "the pod subnet of {} has {} left",
                    subnet.zone,
                    counted(subnet.free as usize, "address")
                ),
            )
            .at(format!("{id} ({})", subnet.cidr))
            .why(format!("its nodes take {needed} more until they are full"))
            .fix(fixes::more_addresses(view.facts, subnet))
        })
    });
    short.collect()
}

/// After a set-up each zone's ENIConfig is exactly as designed.
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
                format!("ENIConfig {} has groups {}", config.name, config.security_groups.join(", "))
            }
            Some(_) => continue,
        };
        checks.push(
            Issue::error("EC-VFY-018", what)
                .at(format!("ENIConfig {}", wanted.name))
                .why("this run wrote it otherwise")
                .fix(view.ours("setup")),
        );
    }
    checks
}
