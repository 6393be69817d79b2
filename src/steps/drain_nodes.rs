//! Step 9: the old nodes out, within their pods' budgets, and terminated through their owner.

use std::collections::BTreeSet;

use crate::design::Design;
use crate::discover::Section;
use crate::drain;
use crate::error::Result;
use crate::facts::Facts;
use crate::settings::Settings;
use crate::walk::Walk;

use super::{Change, Rules, Sign, Step};

pub struct DrainNodes;

/// All old nodes at once: pods must not move from one old node to the next.
#[derive(Debug, Clone)]
pub struct Replace {
    nodes: BTreeSet<String>,
    /// `owner: how many`
    owners: Vec<(String, usize)>,
    moving: usize,
}

impl Rules for DrainNodes {
    type Change = Replace;
    const STEP: Step = Step::DrainNodes;
    const READS: &'static [Section] = &[Section::NodeGroups, Section::Nodes];

    fn changes(design: &Design, facts: &Facts, settings: &Settings) -> Vec<Replace> {
        if design.old_nodes.is_empty() || settings.keep_old_nodes {
            return Vec::new();
        }
        let pods = drain::filter::sort(facts, &design.old_nodes, settings);
        let owners = drain::owner::count(facts, &design.old_nodes);
        vec![Replace { nodes: design.old_nodes.clone(), owners, moving: pods.evict.len() }]
    }

    fn describe(change: &Replace) -> Change {
        let described = Change::new(Sign::Remove, format!("{} old nodes", change.nodes.len()))
            .to("pods to move", change.moving.to_string());
        change
            .owners
            .iter()
            .fold(described, |change, (owner, nodes)| change.to(owner, format!("{nodes} nodes")))
    }

    async fn apply(walk: &mut Walk, change: Replace) -> Result<()> {
        drain::drain(walk, &change.nodes).await
    }
}
