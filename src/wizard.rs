//! Asks a person at a terminal for settings, with defaults from the cluster.

use crate::design::PoolDesign;
use crate::error::{Error, Result};
use crate::facts::Owner;
use crate::net::cidr::{check_secondary, parse_block};
use crate::net::max_pods::{Options, known, max_pods};
use crate::scene::Scene;
use crate::settings::{CniSettings, NetworkSettings, NodeSettings, ReplaceWith, Settings};
use crate::text::counted;
use crate::ui::Prompt;

/// The settings with answers for what no flag gives.
pub(crate) fn ask(scene: &Scene<'_>, prompt: &Prompt) -> Result<Settings> {
    let network = network(scene, prompt)?;
    let external_snat = external_snat(scene, prompt)?;
    let nodes = nodes(scene, prompt)?;
    let env_last = env_last(scene, prompt)?;
    let cni = CniSettings { external_snat, env_last, ..scene.settings.cni.clone() };
    Ok(Settings { network, cni, nodes, ..scene.settings.clone() })
}

fn network(scene: &Scene<'_>, prompt: &Prompt) -> Result<NetworkSettings> {
    let Scene { settings, facts, design, .. } = *scene;
    let given = settings.network.clone();
    if !given.cidrs.is_empty() || !given.subnets.is_empty() {
        return Ok(given);
    }
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
    Ok(NetworkSettings { cidrs: parse_block(&block).into_iter().collect(), ..given })
}

fn external_snat(scene: &Scene<'_>, prompt: &Prompt) -> Result<bool> {
    let (facts, design) = (scene.facts, scene.design);
    let is_public = |subnet: &String| facts.vpc.route_table_of(subnet).is_some_and(|table| table.is_public());
    let public = design.zones.iter().any(|zone| is_public(&zone.node_subnet));
    if scene.settings.cni.external_snat || !public {
        return Ok(scene.settings.cni.external_snat);
    }
    prompt.confirm(
        "The nodes are in public subnets. Should pods reach the internet through the NAT gateway of their own subnets?",
        true,
    )
}

fn env_last(scene: &Scene<'_>, prompt: &Prompt) -> Result<bool> {
    let Scene { settings, facts, design, .. } = *scene;
    let done = design.env.iter().all(|(name, value)| facts.cni.env.get(name) == Some(value));
    if settings.cni.env_last || done || facts.nodes.is_empty() {
        return Ok(settings.cni.env_last);
    }
    let items = [
        "after the ENIConfigs are written (recommended: nodes that start meanwhile do not stay NotReady)"
            .to_string(),
        "before the ENIConfigs are written, as in the EKS user guide".to_string(),
    ];
    Ok(prompt.choose("When should custom networking be enabled?", &items, 0)? == 0)
}

fn nodes(scene: &Scene<'_>, prompt: &Prompt) -> Result<NodeSettings> {
    let Scene { settings, facts, design, .. } = *scene;
    let mut nodes = settings.nodes.clone();
    if design.groups().all(|(_, group)| facts.node_groups.stacks.contains_key(&group.stack)) {
        return Ok(nodes);
    }
    if nodes.replace_with.is_empty() {
        nodes.replace_with.all = kind(scene, prompt)?;
    }
    if design.pools.len() > 1 {
        return pools(scene, prompt, nodes);
    }
    if nodes.instance_type.is_empty() {
        let pool = design.pools.first().and_then(|pool| pool.machine.instance_type());
        let default = pool.map_or("m5.large", |kind| kind.name.as_str());
        let chosen = instance_type(prompt, "Instance type of the new nodes", default)?;
        // Without a setting a group also keeps its further types and weights.
        nodes.instance_type.all = Some(chosen).filter(|chosen| chosen != default || pool.is_none());
    }
    if nodes.nodes_per_zone.is_empty() {
        let default = design.groups().map(|(_, group)| group.size).max().unwrap_or(1);
        let size = prompt.text("New nodes in each zone", &default.to_string(), |text| {
            match text.parse::<u32>() {
                Ok(1..=1000) => Ok(()),
                _ => Err("expected a number from 1 to 1000".into()),
            }
        })?;
        // Without a setting a group also keeps its minimum and maximum.
        nodes.nodes_per_zone.all = size.parse().ok().filter(|size| *size != default);
    }
    Ok(nodes)
}

/// Asked only if it makes a difference.
fn kind(scene: &Scene<'_>, prompt: &Prompt) -> Result<Option<ReplaceWith>> {
    let is_managed = |pool: &PoolDesign| {
        pool.old.as_ref().is_some_and(|old| matches!(old.owner, Owner::Managed(_)))
            && pool.groups.iter().all(|group| !scene.facts.node_groups.stacks.contains_key(&group.stack))
    };
    let managed: Vec<&str> =
        scene.design.pools.iter().filter(|pool| is_managed(pool)).map(|pool| pool.name.as_str()).collect();
    if managed.is_empty() {
        return Ok(None);
    }
    let answers = [
        "managed node groups, like them (recommended)".to_string(),
        "self-managed node groups, as in the EKS user guide for custom networking".to_string(),
    ];
    let question = format!("What should replace the managed node groups ({})?", managed.join(", "));
    let chosen = prompt.choose(&question, &answers, 0)?;
    Ok(Some(if chosen == 0 { ReplaceWith::Same } else { ReplaceWith::SelfManaged }))
}

/// One question for each pool: most people want its like.
fn pools(scene: &Scene<'_>, prompt: &Prompt, mut nodes: NodeSettings) -> Result<NodeSettings> {
    let mut chosen = Vec::new();
    for pool in &scene.design.pools {
        let types = pool.machine.type_names();
        let now = pool.old.as_ref().map(|old| old.nodes.len()).unwrap_or_default();
        let question = format!("Pool {} ({} of {types})", pool.name, counted(now, "node"));
        let answers = [
            "replace it with the same".to_string(),
            "replace it with another instance type".to_string(),
            "leave it as it is".to_string(),
        ];
        match prompt.choose(&question, &answers, 0)? {
            1 => {
                let first = pool.machine.instance_type().map_or("m5.large", |kind| kind.name.as_str());
                let name = instance_type(prompt, &format!("Instance type of pool {}", pool.name), first)?;
                nodes.instance_type.pools.insert(pool.name.clone(), name);
            }
            2 => continue,
            _ => {}
        }
        chosen.push(pool.name.clone());
    }
    if chosen.is_empty() {
        return Err(Error::usage("no pool is chosen, so there is nothing to replace")
            .fix("eni-custom setup --keep-old-nodes # sets the cluster up, and keeps the old nodes"));
    }
    if chosen.len() < scene.design.pools.len() {
        nodes.pools = chosen;
    }
    Ok(nodes)
}

fn instance_type(prompt: &Prompt, question: &str, default: &str) -> Result<String> {
    let options = Options { custom: true, cap: true, ..Options::default() };
    prompt.text(question, default, |name| match known(name) {
        // EC2 may have newer types, so it is asked later.
        None => Ok(()),
        Some(kind) => max_pods(kind, &options).map(|_| ()).map_err(|error| error.to_string()),
    })
}
