//! The pools before and after: a table of all, and every property of each.

use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::design::{PoolDesign, options, pool_name};
use crate::facts::Node;
use crate::net::max_pods::{known, max_pods};
use crate::plan::{Plan, PoolOutlook, PoolRow};
use crate::scene::Scene;
use crate::text::counted;

use super::{number, shift};

/// A pool's nodes before or after the run.
struct Nodes {
    count: u32,
    /// Pods that one of them can hold: `29`, or `20 to 58`.
    max_pods: String,
    capacity: u32,
}

pub(super) fn section(plan: &Plan, scene: &Scene<'_>) -> Markup {
    let pools: Vec<(&PoolOutlook, &PoolDesign)> = plan.pools.iter().zip(&scene.design.pools).collect();
    let node_pools: Vec<&String> = scene.design.karpenter.drifts.iter().collect();
    html! {
        @if !pools.is_empty() || !node_pools.is_empty() {
            section #pools {
                div.title {
                    h2 { "Node pools" }
                    p.dim { (counted(pools.len() + node_pools.len(), "pool")) ", before and after" }
                }
                div.panel.pools {
                    div.row.labels aria-hidden="true" {
                        span { "Pool" } span { "Node groups" } span { "Instance types" }
                        span.num { "Nodes" } span.num { "Max pods" } span.num { "Pod capacity" }
                    }
                    @for (outlook, design) in &pools { (pool(scene, outlook, design, pools.len() == 1)) }
                    @for name in node_pools { (node_pool(scene, name)) }
                }
            }
        }
    }
}

/// A row with what matters most; opened, it shows every property.
fn pool(scene: &Scene<'_>, outlook: &PoolOutlook, pool: &PoolDesign, is_only: bool) -> Markup {
    let (old, new) = (before(scene, pool), after(pool));
    let text = |value: u32| number(value.into());
    let types = outlook.rows.iter().find(|row| row.what == "instance types");
    html! {
        details.pool open[is_only] {
            summary.row {
                strong { (outlook.name) }
                span { (groups(outlook)) }
                span {
                    @match types {
                        Some(row) => { (shift(&row.before, &row.after)) }
                        None => { (pool.machine.type_names()) }
                    }
                }
                (cell("nodes", &shift(&text(old.count), &text(new.count))))
                (cell("max pods", &shift(&old.max_pods, &new.max_pods)))
                (cell("pod capacity", &shift(&text(old.capacity), &text(new.capacity))))
            }
            (properties(outlook))
        }
    }
}

fn cell(label: &str, value: &Markup) -> Markup {
    html! { span.num { span.label { (label) ": " } (value) } }
}

/// A row for a NodePool whose nodes Karpenter replaces one by one, each with one of its type.
fn node_pool(scene: &Scene<'_>, name: &str) -> Markup {
    let facts = scene.facts;
    let claims = facts.karpenter.iter().flat_map(|karpenter| &karpenter.claims);
    let own: BTreeSet<&str> =
        claims.filter(|claim| claim.pool == name).filter_map(|claim| claim.node.as_deref()).collect();
    let replaced = &scene.design.karpenter.replaced;
    let is_replaced = |node: &&Node| own.contains(node.name.as_str()) && replaced.contains(&node.name);
    let nodes: Vec<&Node> = facts.ec2_nodes().filter(is_replaced).collect();
    let after = |node: &&Node| {
        let kind = facts.machine.types.get(&node.instance_type).or_else(|| known(&node.instance_type));
        kind.and_then(|kind| max_pods(kind, &options(facts)).ok()).map_or(node.max_pods, |pods| pods.get())
    };
    let limits = |of: &dyn Fn(&&Node) -> u32| {
        let all: Vec<u32> = nodes.iter().map(of).collect();
        (range(all.iter().copied()), number(all.iter().map(|pods| u64::from(*pods)).sum()))
    };
    let (old, new) = (limits(&|node| node.max_pods), limits(&after));
    let types: BTreeSet<&str> = nodes.iter().map(|node| node.instance_type.as_str()).collect();
    html! {
        div.pool.row {
            strong { (name) }
            span { "NodePool; Karpenter replaces its nodes" }
            span { (types.into_iter().collect::<Vec<_>>().join(", ")) }
            (cell("nodes", &html! { (nodes.len()) }))
            (cell("max pods", &shift(&old.0, &new.0)))
            (cell("pod capacity", &shift(&old.1, &new.1)))
        }
    }
}

/// `managed node group → 3 Auto Scaling groups`
fn groups(outlook: &PoolOutlook) -> Markup {
    let noun = if outlook.kind == "managed" { "managed node group" } else { "Auto Scaling group" };
    let new = counted(outlook.groups.len(), noun);
    let old = outlook.replaces.as_deref().unwrap_or("no node group");
    // A pool has the name of what it replaces, mostly.
    shift(old.strip_suffix(&outlook.name).map_or(old, str::trim_end), &new)
}

/// The old nodes of a pool.
fn before(scene: &Scene<'_>, pool: &PoolDesign) -> Nodes {
    let is_old = |node: &&Node| scene.design.old_nodes.contains(&node.name);
    let own = |node: &&Node| pool_name(scene.facts, node) == pool.name;
    let nodes: Vec<&Node> = scene.facts.ec2_nodes().filter(is_old).filter(own).collect();
    Nodes {
        count: u32::try_from(nodes.len()).unwrap_or(u32::MAX),
        max_pods: range(nodes.iter().map(|node| node.max_pods)),
        capacity: nodes.iter().map(|node| node.max_pods).sum(),
    }
}

/// The nodes of its new groups.
fn after(pool: &PoolDesign) -> Nodes {
    let count = pool.new_nodes();
    let each = pool.machine.max_pods().map_or(0, |max| max.get());
    Nodes {
        count,
        max_pods: range(pool.machine.types.iter().map(|one| one.max_pods.get())),
        capacity: count.saturating_mul(each),
    }
}

/// `29`, `20 to 58`, or a dash if there is none.
fn range(numbers: impl Iterator<Item = u32> + Clone) -> String {
    match (numbers.clone().min(), numbers.max()) {
        (Some(least), Some(most)) if least == most => number(least.into()),
        (Some(least), Some(most)) => format!("{} to {}", number(least.into()), number(most.into())),
        _ => "–".into(),
    }
}

/// What the nodes of a pool have, before and after, and its new node groups.
fn properties(outlook: &PoolOutlook) -> Markup {
    html! {
            @if !outlook.rows.is_empty() {
                table.properties {
                    thead { tr {
                        th scope="col" { "Property" } th scope="col" { "Before" } th scope="col" { "After" }
                    } }
                    tbody { @for row in &outlook.rows { (property(row)) } }
                }
            }
            table.groups {
                thead { tr {
                    th scope="col" { "New node group" } th scope="col" { "Zones" }
                    th.num scope="col" { "Min" } th.num scope="col" { "Desired" } th.num scope="col" { "Max" }
                } }
                tbody {
                    @for group in &outlook.groups {
                        tr {
                            th scope="row" { code { (group.stack) } }
                            td data-label="zones" { (group.zones.join(", ")) }
                            td.num data-label="min" { (group.min) }
                            td.num data-label="desired" { (group.desired) }
                            td.num data-label="max" { (group.max) }
                        }
                    }
                }
            }
    }
}

fn property(row: &PoolRow) -> Markup {
    html! {
        tr.changed[row.why.is_some()] {
            th scope="row" { (row.what) }
            @match row.why {
                None => { td colspan="2" data-label="same" { (row.after) } }
                Some(why) => {
                    td data-label="before" { (row.before) }
                    td data-label="after" { (row.after) p.reason { (why) } }
                }
            }
        }
    }
}
