//! What a run has just made, for the checks at its end: the cluster must be exactly like this.

use std::collections::{BTreeMap, BTreeSet};

use crate::design::our_instances;
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
        let ours = our_instances(facts);
        let of_design = facts.ec2_nodes().filter(|node| {
            node.instance_id.as_deref().is_some_and(|id| ours.contains(id))
                && design.machine.instance_type.as_ref().is_some_and(|kind| kind.name == node.instance_type)
        });
        let max_pods = design.machine.max_pods.map(|max_pods| max_pods.get());
        Expected {
            env: design.env.clone(),
            eniconfigs: eniconfigs.collect(),
            max_pods: of_design.filter_map(|node| Some((node.name.clone(), max_pods?))).collect(),
            spared: design.old_nodes.difference(&gone).cloned().collect(),
            gone,
            taken_over: settings.cni.take_over_env,
            old_may_stay: false,
            before: None,
        }
    }
}
