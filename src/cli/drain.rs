//! Arguments of the commands that drain nodes.

use clap::Args;

use crate::settings::KarpenterMove;

use super::values::{parse_duration, parse_wait};

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Old nodes")]
pub struct DrainArgs {
    /// Drain only old nodes that match this label selector, e.g. pool=web,spot!=true
    #[arg(long, short = 'l', alias = "nodes", value_name = "SELECTOR")]
    pub selector: Option<String>,

    /// Drain only this old node, repeatable
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub node: Vec<String>,

    /// Drain only the old nodes of this managed node group or Auto Scaling group, repeatable
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub old_node_group: Vec<String>,

    /// Show what would be done, and the order in which nodes are drained; changes nothing
    #[arg(long, help_heading = "Run")]
    pub dry_run: bool,

    /// Terminate old instances that belong to no node group
    #[arg(long)]
    pub terminate_unowned: bool,

    /// Delete the old managed node groups after the drain; undo can then only start nodes like theirs
    #[arg(long, conflicts_with = "keep_old_nodes")]
    pub delete_old_groups: bool,

    /// Let Karpenter replace its nodes within its NodePools' budgets (drift), or drain them and delete their NodeClaims
    #[arg(long, value_name = "drift|drain", default_value_t)]
    pub karpenter: KarpenterMove,

    /// Keep the old nodes: do not cordon, drain or terminate them
    #[arg(long)]
    pub keep_old_nodes: bool,

    #[command(flatten)]
    pub evict: EvictArgs,
}

/// How nodes are drained.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Drain")]
pub struct EvictArgs {
    /// Give up the drain after this time, e.g. 90s or 1h30m [default: --timeout if given, else 1h]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub drain_timeout: Option<std::time::Duration>,

    /// Give up on a pod that is still terminating after this time [default: when the drain times out]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub pod_timeout: Option<std::time::Duration>,

    /// Terminate a node although a pod on it is still terminating this long after its grace period [default: never]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub skip_wait_for_delete_timeout: Option<std::time::Duration>,

    /// Maximum pods that are terminating at a time
    #[arg(long, value_name = "N", default_value = "500", value_parser = at_least_one)]
    pub max_in_flight: usize,

    /// Wait this long before terminating a node that has left its load balancers, or 0s [default: their deregistration
    /// delay, at least 5m]
    #[arg(long, value_name = "DURATION", value_parser = parse_wait)]
    pub lb_drain: Option<std::time::Duration>,

    /// Maximum nodes that are drained at a time [default: all]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub max_unavailable_nodes: Option<usize>,

    /// During the drain, run a second replica of Deployments with one replica and minAvailable 1
    #[arg(long)]
    pub surge_singletons: bool,

    /// Evict the pods of a controller without a PodDisruptionBudget all at once, not 25 % at a time
    #[arg(long)]
    pub no_default_budget: bool,

    /// Delete pods instead of evicting them, past every PodDisruptionBudget; asks for the cluster name
    #[arg(long)]
    pub disable_eviction: bool,

    /// Evict bare pods, which no controller recreates: they are lost
    #[arg(long)]
    pub evict_bare_pods: bool,

    /// Evict pods with emptyDir or ephemeral volumes, whose data is lost
    #[arg(long)]
    pub delete_emptydir_data: bool,

    /// Evict pods with local, hostPath or node-local CSI volumes, whose data is lost, and delete a StatefulSet's claims
    #[arg(long)]
    pub delete_local_volumes: bool,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("expected a number of at least 1".into()),
        Ok(number) => Ok(number),
    }
}
