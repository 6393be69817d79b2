//! What a run has just made, for the checks at its end: the cluster must be exactly like this.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::EniConfig;
use crate::scene::Scene;

use super::Before;

/// The `verify` command knows nothing of this and uses the default.
#[derive(Debug, Clone, Default)]
pub(crate) struct Expected {
    /// aws-node's variables and their values.
    pub env: BTreeMap<String, String>,
    pub eniconfigs: Vec<EniConfig>,
    /// Max pods, by node.
    pub max_pods: BTreeMap<String, u32>,
    /// Old nodes that must be gone.
    pub gone: BTreeSet<String>,
    /// Old nodes that are meant to stay, by name.
    pub spared: BTreeSet<String>,
    /// `--take-over-env` was given: aws-node's environment was changed without its owner.
    pub taken_over: bool,
    /// All old nodes are meant to stay.
    pub old_may_stay: bool,
    /// The workloads before the run; `None` without a run.
    pub before: Option<Before>,
}

impl Expected {
    /// The expected state after a setup.
    pub(crate) fn of(scene: &Scene<'_>) -> Self {
        let Scene { design, facts, settings, .. } = *scene;
        let gone = if settings.drain.keep_old_nodes { BTreeSet::new() } else { design.drained.clone() };
        let groups = design.final_groups(facts).unwrap_or_default();
        let eniconfigs = design.zones.iter().map(|zone| EniConfig {
            name: zone.eniconfig.clone(),
            subnet: zone.pod_subnet.id().unwrap_or_default().to_string(),
            security_groups: groups.clone(),
            ours: true,
        });
        let mut max_pods = BTreeMap::new();
        for (pool, group) in design.groups() {
            let Some(there) = group.there(facts) else { continue };
            for node in facts.ec2_nodes().filter(|node| there.holds(node)) {
                let own = pool.machine.types.iter().find(|one| one.kind.name == node.instance_type);
                max_pods.extend(own.map(|own| (node.name.clone(), own.max_pods.get())));
            }
        }
        Expected {
            env: design.env.clone(),
            eniconfigs: eniconfigs.collect(),
            max_pods,
            spared: design.old_nodes.difference(&gone).cloned().collect(),
            gone,
            taken_over: settings.cni.take_over_env,
            old_may_stay: false,
            before: None,
        }
    }
}
