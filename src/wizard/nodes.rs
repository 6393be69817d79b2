//! Questions about the new nodes: their kind, and what becomes of each old node group.

use crate::design::PoolDesign;
use crate::error::{Error, Result};
use crate::facts::{Facts, Owner};
use crate::net::max_pods::{Options, known, larger, max_pods};
use crate::scene::Scene;
use crate::settings::{PerPool, ReplaceWith, Settings};
use crate::text::counted;
use crate::ui::{Answer, Question, Refused};

use super::{Asking, Effect, Reply, with_scene};

/// The most new nodes in a zone that a person may ask for here.
const MOST: u32 = 1000;

/// Whether every new node group has its stack already: its design is settled.
fn all_launched(scene: &Scene<'_>) -> bool {
    scene.design.groups().all(|(_, group)| scene.facts.node_groups.stacks.contains_key(&group.stack))
}

/// Asked only if it makes a difference.
pub(super) fn kind(asking: &Asking<'_>) -> Result<Reply> {
    let Scene { settings, facts, design, .. } = asking.scene;
    let is_managed = |pool: &PoolDesign| {
        pool.old.as_ref().is_some_and(|old| matches!(old.owner, Owner::Managed(_)))
            && pool.groups.iter().all(|group| !facts.node_groups.stacks.contains_key(&group.stack))
    };
    let managed: Vec<&str> =
        design.pools.iter().filter(|pool| is_managed(pool)).map(|pool| pool.name.as_str()).collect();
    if managed.is_empty() || !settings.nodes.replace_with.is_empty() {
        return Ok(Reply::NotAsked);
    }
    let question = Question {
        ask: format!("What should replace the managed node groups ({})?", crate::text::few(&names(&managed))),
        why: "A managed node group can't change its max pods in place, so each is replaced.".into(),
        more: "Managed: EKS drains and updates the new groups as it does the old ones; each is one CloudFormation stack with a launch template that sets max pods. Self-managed: Auto Scaling groups, one for each zone, as the EKS user guide for custom networking describes. Undo brings the old groups back in both cases.".into(),
        ..Question::default()
    };
    let answers = [
        "managed node groups, like them (recommended)".to_string(),
        "self-managed node groups, as in the EKS user guide for custom networking".to_string(),
    ];
    asking.choose(question, &answers, 0, |at| {
        let mut nodes = settings.nodes.clone();
        nodes.replace_with.all = Some(if at == 0 { ReplaceWith::Same } else { ReplaceWith::SelfManaged });
        asking.answered(Settings { nodes, ..settings.clone() }, None)
    })
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

/// A table with a row for each pool; picking one changes it. The first row goes on.
pub(super) fn pools(asking: &Asking<'_>) -> Result<Reply> {
    if asking.scene.design.pools.is_empty() || all_launched(&asking.scene) {
        return Ok(Reply::NotAsked);
    }
    let mut settings = asking.scene.settings.clone();
    let all: Vec<String> = asking.scene.design.pools.iter().map(|pool| pool.name.clone()).collect();
    loop {
        let question = Question {
            ask: match all.len() {
                1 => "The node group, and what replaces it".into(),
                count => format!("{count} node groups, and what replaces each"),
            },
            why: "Nodes, instance type, and pods of one node. Pick a group to change it, or to leave it out.".into(),
            more: "With custom networking a node's primary network interface carries no pods, so a node holds fewer of them; where the same number of nodes would be too few for the pods that run now, more are planned. Everything else (labels, taints, tags, user data, volumes, Spot) is taken over from the old group; `details` at the end shows each of them.".into(),
            back: asking.back,
        };
        let rows = with_scene(asking.scene.facts, &settings, |scene| rows(&all, scene));
        let items: Vec<String> = std::iter::once("go on with this".to_string()).chain(rows).collect();
        match asking.prompt.choose(&question, &items, 0)? {
            Answer::Back => return Ok(Reply::Back),
            Answer::Is(0) => {
                if settings.nodes.pools.len() == 1 && settings.nodes.pools[0].is_empty() {
                    return Err(nothing_chosen());
                }
                return Ok(asking.answered(settings, capacity as Effect));
            }
            Answer::Is(at) => {
                if let Some(name) = all.get(at - 1) {
                    settings = one_pool(asking, settings, name, &all)?;
                }
            }
        }
    }
}

fn nothing_chosen() -> Error {
    Error::usage("no pool is chosen, so there is nothing to replace")
        .fix("eni-custom setup --keep-old-nodes # sets the cluster up, and keeps the old nodes")
}

/// Whether the run replaces this pool. A selection without names means all of them.
fn is_in(settings: &Settings, name: &str) -> bool {
    settings.nodes.pools.is_empty() || settings.nodes.pools.iter().any(|one| one == name)
}

/// `web    6 m5.large -> 6 m5.large self-managed, 29 -> 20 pods`
fn rows(all: &[String], scene: &Scene<'_>) -> Vec<String> {
    let name_width = all.iter().map(|name| name.chars().count().min(20)).max().unwrap_or_default();
    let row = |name: &String| {
        let short = console::truncate_str(name, 20, "…");
        // The design has no pool that is left out.
        let Some(pool) = scene.design.pools.iter().find(|pool| pool.name == *name) else {
            return format!("{short:name_width$}  stays as it is");
        };
        let old = pool.old.as_ref().filter(|_| !pool.is_kept);
        let before = old.map(|old| {
            let types: Vec<String> = old.instances.types.iter().map(|one| one.name.clone()).collect();
            format!("{} {} -> ", old.nodes.len(), crate::text::few(&types))
        });
        let was_managed = old.is_some_and(|old| matches!(old.owner, Owner::Managed(_)));
        // Only a change is worth the space.
        let kind = match (was_managed, pool.kind.is_managed()) {
            (true, false) => " self-managed",
            (false, true) => " managed",
            _ => "",
        };
        let after = format!("{} {}{kind}", pool.new_nodes(), pool.machine.type_names());
        format!(
            "{short:name_width$}  {}{after}{}",
            before.unwrap_or_default(),
            pods_per_node(pool, scene.facts)
        )
    };
    all.iter().map(row).collect()
}

/// `, 29 -> 20 pods`: of one node.
fn pods_per_node(pool: &PoolDesign, facts: &Facts) -> String {
    let Some(after) = pool.machine.max_pods() else { return String::new() };
    let old = pool.old.as_ref();
    let nodes = facts.ec2_nodes().filter(|node| old.is_some_and(|old| old.nodes.contains(&node.name)));
    match nodes.map(|node| node.max_pods).max() {
        Some(before) if before != after.get() => format!(", {before} -> {}", counted(after.get(), "pod")),
        _ => format!(", {}", counted(after.get(), "pod")),
    }
}

/// What to change about a pool.
fn one_pool(asking: &Asking<'_>, settings: Settings, name: &str, all: &[String]) -> Result<Settings> {
    let facts = asking.scene.facts;
    let find = |scene: &Scene<'_>| scene.design.pools.iter().find(|pool| pool.name == name).cloned();
    // A pool that is left out is put back before anything else about it is asked.
    let Some(pool) = with_scene(facts, &settings, find) else {
        return Ok(toggled(settings, name, all));
    };
    let question = Question { ask: format!("Change {name}"), back: true, ..Question::default() };
    let items = ["another instance type", "another number of nodes", "leave it as it is, in this run"];
    let items = items.map(ToString::to_string);
    let mut nodes = settings.nodes.clone();
    match asking.prompt.choose(&question, &items, 0)? {
        Answer::Is(0) => {
            let Some(chosen) = instance_type(asking, &pool)? else { return Ok(settings) };
            set(&mut nodes.instance_type, all, name, chosen);
        }
        Answer::Is(1) => {
            let Some(size) = size(asking, &pool)? else { return Ok(settings) };
            set(&mut nodes.nodes_per_zone, all, name, size);
        }
        Answer::Is(_) => return Ok(toggled(settings, name, all)),
        Answer::Back => return Ok(settings),
    }
    let settings = Settings { nodes, ..settings };
    asking.prompt.say(&format!("  {}", with_scene(facts, &settings, capacity)));
    Ok(settings)
}

/// A cluster's only pool is set without its name, so that the printed command is short.
fn set<T>(values: &mut PerPool<T>, all: &[String], name: &str, value: T) {
    match all {
        [_] => values.all = Some(value),
        _ => drop(values.pools.insert(name.to_string(), value)),
    }
}

/// The settings with a pool left out that was in, or the other way round.
fn toggled(mut settings: Settings, name: &str, all: &[String]) -> Settings {
    let was_in = is_in(&settings, name);
    let chosen = |one: &&String| if *one == name { !was_in } else { is_in(&settings, one) };
    let mut pools: Vec<String> = all.iter().filter(chosen).cloned().collect();
    if pools.len() == all.len() {
        pools.clear();
    } else if pools.is_empty() {
        // No pool has an empty name: this stands for none.
        pools.push(String::new());
    }
    settings.nodes.pools = pools;
    settings
}

fn instance_type(asking: &Asking<'_>, pool: &PoolDesign) -> Result<Option<String>> {
    let options = Options { custom: true, cap: true, ..Options::default() };
    let default = pool.machine.instance_type().map_or("m5.large", |kind| kind.name.as_str());
    let question = Question {
        ask: format!("Instance type of {}", pool.name),
        why: "Its network interfaces decide how many pods a node holds.".into(),
        more: "Max pods with custom networking: (network interfaces - 1) x (addresses of each - 1) + 2. `eni-custom max-pods TYPE...` prints it for any types.".into(),
        back: true,
    };
    let check = |name: &str| match known(name) {
        // EC2 may have newer types; whether it has this one is read after the questions.
        None if name.contains('.') => Ok(()),
        None => Err(Refused::from(format!("'{name}' is not an instance type such as m5.large"))),
        Some(kind) => match max_pods(kind, &options) {
            Ok(_) => Ok(()),
            Err(error) => Err(Refused {
                why: error.to_string(),
                nearest: larger(kind, &options).map(|kind| kind.name.clone()),
            }),
        },
    };
    Ok(match asking.prompt.text(&question, default, check)? {
        Answer::Is(name) => Some(name),
        Answer::Back => None,
    })
}

fn size(asking: &Asking<'_>, pool: &PoolDesign) -> Result<Option<u32>> {
    let default = pool.groups.iter().map(|group| group.size).max().unwrap_or(1);
    let question = Question {
        ask: format!("New nodes of {} in each zone", pool.name),
        why: "The default holds all pods that run on the old nodes now.".into(),
        more: "Fewer nodes are refused later if the pods do not fit: the plan packs them with their requests, volumes and affinities.".into(),
        back: true,
    };
    let check = |text: &str| match text.parse::<u32>() {
        Ok(1..=MOST) => Ok(()),
        Ok(0) => Err(Refused { why: "a pool without nodes holds no pods".into(), nearest: Some("1".into()) }),
        Ok(_) => Err(Refused { why: format!("at most {MOST} here"), nearest: Some(MOST.to_string()) }),
        Err(_) => Err(Refused::from(format!("expected a number from 1 to {MOST}"))),
    };
    Ok(match asking.prompt.text(&question, &default.to_string(), check)? {
        Answer::Is(text) => text.parse().ok(),
        Answer::Back => None,
    })
}

/// `6 m5.large with 20 pods each hold 120 pods; 88 run now`
fn capacity(scene: &Scene<'_>) -> String {
    let Scene { design, facts, .. } = *scene;
    let (mut nodes, mut hold) = (0, 0);
    for pool in &design.pools {
        let new = pool.new_nodes();
        nodes += new;
        hold += new * pool.machine.max_pods().map_or(0, |pods| pods.get());
    }
    let on_old = |pod: &&crate::facts::Pod| design.old_nodes.contains(&pod.node) && !pod.is_finished();
    let running = facts.pods.iter().filter(on_old).count();
    format!(
        "{} will hold {}; {} run on the old nodes now",
        counted(nodes, "new node"),
        counted(hold, "pod"),
        running
    )
}

#[cfg(test)]
mod tests {
    use crate::sample::settings;

    use super::*;

    #[test]
    fn a_pool_is_left_out_and_put_back_and_all_of_them_need_no_names() {
        let all = ["gpu".to_string(), "web".to_string()];
        let none = settings(&[]);
        let without = toggled(none, "web", &all);
        assert_eq!(without.nodes.pools, ["gpu"]);
        assert!(!is_in(&without, "web") && is_in(&without, "gpu"));
        let nothing = toggled(without.clone(), "gpu", &all);
        assert!(!is_in(&nothing, "gpu") && !is_in(&nothing, "web"));
        assert!(toggled(without, "web", &all).nodes.pools.is_empty());
    }
}
