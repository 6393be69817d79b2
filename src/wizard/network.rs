//! Questions about the pods' subnets and security groups.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use crate::design::{CUSTOM_NETWORK, PodSubnet, addressing};
use crate::error::Result;
use crate::facts::{Facts, Subnet};
use crate::net::cidr::{BlockError, check_secondary, nearest_block, parse_block, usable_addresses};
use crate::scene::Scene;
use crate::settings::{CniSettings, NetworkSettings, Settings};
use crate::text::{counted, plural};
use crate::ui::{Answer, Question, Refused};

use super::purpose::Purpose;
use super::{Asking, Reply};

/// Whether every zone has its pod subnet, or flags say which: then there is nothing to ask.
fn is_settled(scene: &Scene<'_>) -> bool {
    let Scene { settings, design, .. } = *scene;
    let there = |subnet: &PodSubnet| matches!(subnet, PodSubnet::There { .. });
    !settings.network.cidrs.is_empty()
        || !settings.network.subnets.is_empty()
        || !design.zones.is_empty() && design.zones.iter().all(|zone| there(&zone.pod_subnet))
}

/// Subnets of a zone that may become its pod subnet: neither a node subnet nor full.
fn candidates<'a>(scene: &Scene<'a>, zone: &str) -> Vec<&'a Subnet> {
    let facts: &Facts = scene.facts;
    let of_nodes = |subnet: &Subnet| facts.ec2_nodes().any(|node| node.subnet.as_ref() == Some(&subnet.id));
    let mut found: Vec<&Subnet> = facts
        .vpc
        .subnets
        .iter()
        .filter(|subnet| subnet.zone == zone && subnet.free > 0 && !of_nodes(subnet))
        .collect();
    found.sort_by_key(|subnet| (std::cmp::Reverse(subnet.free), subnet.id.clone()));
    found
}

/// New subnets, or some that exist: asked only where every zone has one to offer.
pub(super) fn source(asking: &Asking<'_>) -> Result<Reply> {
    let scene = &asking.scene;
    let has_all = scene.design.zones.iter().all(|zone| !candidates(scene, &zone.zone).is_empty());
    if is_settled(scene) || asking.purpose != Purpose::Separation || !has_all {
        return Ok(Reply::NotAsked);
    }
    let question = Question {
        ask: "Where do the pods' subnets come from?".into(),
        why: "Each zone with nodes needs one, in the same VPC.".into(),
        more: "New subnets are created in a secondary CIDR block of the VPC, and undo deletes them again. Existing ones are used as they are, with their route tables and network ACLs; undo leaves them.".into(),
        ..Question::default()
    };
    let items =
        ["new ones, in a secondary CIDR block".to_string(), "existing ones, one for each zone".into()];
    let settings = scene.settings.clone();
    asking.choose(question, &items, 0, |at| match at {
        0 => asking.answered(settings, None),
        _ => {
            // A zone without a subnet yet is what the next question asks for.
            let subnets = scene.design.zones.iter().map(|zone| (zone.zone.clone(), String::new())).collect();
            let network = NetworkSettings { subnets, ..settings.network.clone() };
            asking.answered(Settings { network, ..settings }, None)
        }
    })
}

/// One list for each zone.
pub(super) fn subnets(asking: &Asking<'_>) -> Result<Reply> {
    let Scene { settings, .. } = asking.scene;
    let open: Vec<&String> =
        settings.network.subnets.iter().filter(|(_, id)| id.is_empty()).map(|(zone, _)| zone).collect();
    if open.is_empty() {
        return Ok(Reply::NotAsked);
    }
    let mut chosen: BTreeMap<String, String> = settings.network.subnets.clone();
    let mut at = 0;
    while let Some(zone) = open.get(at) {
        let offered = candidates(&asking.scene, zone);
        let question = Question {
            ask: format!("Pod subnet in {zone}"),
            why: "Its free addresses are what the zone's pods can use.".into(),
            more: "Subnets with nodes are left out: a node's own subnet would give its pods nothing new."
                .into(),
            back: asking.back,
        };
        let item = |subnet: &&Subnet| {
            let name = subnet.tags.get("Name").map(|name| format!("  {name}")).unwrap_or_default();
            format!("{}  {}  {} free{name}", subnet.id, subnet.cidr, subnet.free)
        };
        let items: Vec<String> = offered.iter().map(item).collect();
        match asking.prompt.choose(&question, &items, 0)? {
            Answer::Is(index) => {
                if let Some(subnet) = offered.get(index) {
                    chosen.insert(zone.to_string(), subnet.id.clone());
                }
                at += 1;
            }
            Answer::Back if at == 0 => return Ok(Reply::Back),
            Answer::Back => at -= 1,
        }
    }
    let network = NetworkSettings { subnets: chosen, ..settings.network.clone() };
    Ok(asking.answered(Settings { network, ..settings.clone() }, None))
}

/// The secondary CIDR block.
pub(super) fn block(asking: &Asking<'_>) -> Result<Reply> {
    let Scene { settings, facts, design, .. } = asking.scene;
    if is_settled(&asking.scene) {
        return Ok(Reply::NotAsked);
    }
    let default = design.blocks.first().map(ToString::to_string).unwrap_or_default();
    let vpc = addressing(&facts.vpc);
    let there = |block: Ipv4Net| facts.vpc.blocks.iter().any(|known| known.cidr == block);
    let avoid: Vec<Ipv4Net> = facts.cluster.service_cidr.into_iter().collect();
    let nearest = |block| nearest_block(block, &vpc, &avoid).map(|nearest| nearest.to_string());
    let question = Question {
        ask: "Secondary CIDR block for pods".into(),
        why: format!(
            "It is split into one subnet for each of {}; addresses of 100.64.0.0/10 need not be routable.",
            counted(design.zones.len(), "zone")
        ),
        more: "A block of 100.64.0.0/10 (RFC 6598) saves private addresses: pods behind it reach other networks with their node's address (source NAT). Choose a routable block if systems outside of the VPC must reach pods directly, or must see pods' own addresses. A block that is associated already is used as it is. A VPC block can't be resized later, only added to.".into(),
        back: asking.back,
    };
    let check = |text: &str| {
        let block = parse_block(text).map_err(|error| match error {
            BlockError::HostBits { meant, .. } => {
                Refused { nearest: nearest(meant), why: format!("{text} has bits set outside its prefix") }
            }
            BlockError::NotABlock { .. } => Refused::from(error.to_string()),
        })?;
        match check_secondary(block, &vpc).first().filter(|_| !there(block)) {
            Some(refusal) => Err(Refused { why: refusal.to_string(), nearest: nearest(block) }),
            None => Ok(()),
        }
    };
    match asking.prompt.text(&question, &default, check)? {
        Answer::Back => Ok(Reply::Back),
        Answer::Is(text) => {
            let cidrs = parse_block(&text).into_iter().collect();
            let network = NetworkSettings { cidrs, ..settings.network.clone() };
            Ok(asking
                .answered(Settings { network, ..settings.clone() }, subnets_of_the_block as super::Effect))
        }
    }
}

fn subnets_of_the_block(scene: &Scene<'_>) -> String {
    let new: Vec<&Ipv4Net> = scene
        .design
        .zones
        .iter()
        .filter_map(|zone| match &zone.pod_subnet {
            PodSubnet::New { cidr } => Some(cidr),
            _ => None,
        })
        .collect();
    match new.first() {
        None => "Every zone has its pod subnet already.".into(),
        Some(first) => {
            let each = usable_addresses(**first);
            let each = format!("{} {} each", grouped(each), plural(each, "address"));
            format!("{} with {each}", counted(new.len(), "subnet"))
        }
    }
}

/// `32,763`
fn grouped(number: u32) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Security groups for pods, in place of those of the nodes.
pub(super) fn security_groups(asking: &Asking<'_>) -> Result<Reply> {
    let Scene { settings, facts, .. } = asking.scene;
    let is_settled = !settings.cni.security_groups.is_empty() || facts.cni.is_on(CUSTOM_NETWORK);
    if asking.purpose != Purpose::Separation || is_settled {
        return Ok(Reply::NotAsked);
    }
    const SAME: &str = "same";
    let question = Question {
        ask: "Security groups for pods (IDs with commas, or same)".into(),
        why: "same: the new nodes' security group and the cluster security group.".into(),
        more: "Pods on one node share these groups, except those with security groups of their own (SecurityGroupPolicy). They must let pods reach each other, the cluster's DNS, and the API server; the plan checks that and says what would be cut off.".into(),
        back: asking.back,
    };
    let check = |text: &str| {
        if text == SAME {
            return Ok(());
        }
        let ids = ids(text);
        match ids.iter().find(|id| !id.starts_with("sg-")) {
            _ if ids.is_empty() => Err(Refused::from("expected security group IDs, or same".to_string())),
            Some(wrong) => Err(Refused::from(format!(
                "'{wrong}' is not a security group ID such as sg-0123456789abcdef0"
            ))),
            None => Ok(()),
        }
    };
    match asking.prompt.text(&question, SAME, check)? {
        Answer::Back => Ok(Reply::Back),
        Answer::Is(text) => {
            let security_groups = if text == SAME { Vec::new() } else { ids(&text) };
            let cni = CniSettings { security_groups, ..settings.cni.clone() };
            Ok(asking.answered(Settings { cni, ..settings.clone() }, None))
        }
    }
}

fn ids(text: &str) -> Vec<String> {
    text.split([',', ' ']).map(str::trim).filter(|id| !id.is_empty()).map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_separators_for_thousands() {
        for (number, text) in [(7, "7"), (763, "763"), (32_763, "32,763"), (1_048_571, "1,048,571")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn ids_are_separated_by_commas_or_blanks() {
        assert_eq!(ids("sg-1, sg-2 sg-3,"), ["sg-1", "sg-2", "sg-3"]);
        assert!(ids(" , ").is_empty());
    }
}
