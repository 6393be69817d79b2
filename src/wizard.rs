//! Asks a person at a terminal for settings, with defaults from the cluster.

use crate::design::{Design, wanted_type};
use crate::error::Result;
use crate::facts::Facts;
use crate::net::cidr::{check_secondary, parse_block};
use crate::net::max_pods::{Options, known, max_pods};
use crate::settings::Settings;
use crate::ui::Prompt;

/// Asks for settings that no flag gives.
pub fn ask(settings: &mut Settings, facts: &Facts, design: &Design, prompt: &Prompt) -> Result<()> {
    network(settings, facts, design, prompt)?;
    nodes(settings, facts, design, prompt)?;
    order(settings, facts, design, prompt)
}

fn network(settings: &mut Settings, facts: &Facts, design: &Design, prompt: &Prompt) -> Result<()> {
    if settings.cidrs.is_empty() && settings.subnets.is_empty() {
        let default = design.blocks.first().map(ToString::to_string).unwrap_or_default();
        let vpc = crate::design::addressing(&facts.vpc);
        let there = |block| facts.vpc.blocks.iter().any(|known| known.cidr == block);
        let block = prompt.text("Secondary CIDR block for pods", &default, |text| {
            let block = parse_block(text).map_err(|error| error.to_string())?;
            match check_secondary(block, &vpc).first().filter(|_| !there(block)) {
                Some(refusal) => Err(refusal.to_string()),
                None => Ok(()),
            }
        })?;
        settings.cidrs = parse_block(&block).into_iter().collect();
    }
    let public = design
        .zones
        .iter()
        .any(|zone| facts.vpc.route_table_of(&zone.node_subnet).is_some_and(|table| table.is_public()));
    if public && !settings.external_snat {
        settings.external_snat = prompt.confirm(
            "The nodes are in public subnets. Should pods reach the internet through the NAT gateway of their own subnets?",
            true,
        )?;
    }
    Ok(())
}

fn nodes(settings: &mut Settings, facts: &Facts, design: &Design, prompt: &Prompt) -> Result<()> {
    let has_groups = design.zones.iter().all(|zone| facts.node_groups.stacks.contains_key(&zone.stack));
    if settings.instance_type.is_none() && !has_groups {
        let default = wanted_type(settings, facts).unwrap_or_else(|| "m5.large".into());
        let options = Options { custom: true, cap: true, ..Options::default() };
        let name = prompt.text("Instance type of the new nodes", &default, |name| match known(name) {
            // EC2 may have newer types, so it is asked later.
            None => Ok(()),
            Some(instance_type) => {
                max_pods(instance_type, &options).map(|_| ()).map_err(|error| error.to_string())
            }
        })?;
        settings.instance_type = Some(name);
    }
    if settings.nodes_per_zone.is_none() && !has_groups {
        let default = design.zones.iter().map(|zone| zone.size).max().unwrap_or(1);
        let size = prompt.text("New nodes in each zone", &default.to_string(), |text| {
            match text.parse::<u32>() {
                Ok(1..=1000) => Ok(()),
                _ => Err("expected a number from 1 to 1000".into()),
            }
        })?;
        settings.nodes_per_zone = size.parse().ok();
    }
    Ok(())
}

fn order(settings: &mut Settings, facts: &Facts, design: &Design, prompt: &Prompt) -> Result<()> {
    let done = design.env.iter().all(|(name, value)| facts.cni.env.get(name) == Some(value));
    if settings.env_last || done || facts.nodes.is_empty() {
        return Ok(());
    }
    let items = [
        "after the ENIConfigs are written (recommended: nodes that start meanwhile do not stay NotReady)"
            .to_string(),
        "before the ENIConfigs are written, as in the EKS user guide".to_string(),
    ];
    settings.env_last = prompt.choose("When should custom networking be enabled?", &items, 0)? == 0;
    Ok(())
}
