//! Arguments of the commands that drain nodes.

use clap::Args;

use crate::settings::KarpenterMove;

use super::values::{parse_duration, parse_wait};

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Old nodes")]
pub struct DrainArgs {
    /// Drain only old nodes that match this label selector, such as pool=web,spot!=true
    #[arg(long, short = 'l', alias = "nodes", value_name = "SELECTOR")]
    pub selector: Option<String>,

    /// Drain only these old nodes, separated by commas
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub node: Vec<String>,

    /// Drain only the old nodes of these managed node groups or Auto Scaling groups, separated by commas
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub old_node_group: Vec<String>,

    /// Show what would be done, and which nodes and pods would be drained in which order; changes nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Terminate old instances that belong to no node group
    #[arg(long)]
    pub terminate_unowned: bool,

    /// Delete the old managed node groups once they are drained; undo can then only start nodes like theirs
    #[arg(long, conflicts_with = "keep_old_nodes")]
    pub delete_old_groups: bool,

    /// Who replaces Karpenter's nodes: drift for Karpenter itself, within its NodePools' budgets; drain for eni-custom, which
    /// drains them and deletes their NodeClaims
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
    /// Give up the drain after this time, e.g. 90s, 30m or 1h30m [default: --timeout if it is given, else 1h]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub drain_timeout: Option<std::time::Duration>,

    /// Give up on a pod that is still terminating after this time [default: only when the drain times out]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub pod_timeout: Option<std::time::Duration>,

    /// Stop waiting for a pod that is still terminating this long after its grace period, and terminate its node
    /// anyway. For dead kubelets and finalizers that nothing removes [default: wait]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub skip_wait_for_delete_timeout: Option<std::time::Duration>,

    /// Pods that may be terminating at a time
    #[arg(long, value_name = "N", default_value = "500", value_parser = at_least_one)]
    pub max_in_flight: usize,

    /// Wait this long after an empty node has left its load balancers before terminating its instance, if any load
    /// balancer forwards to nodes; 0s for no wait [default: their deregistration delay, at least 5m]
    #[arg(long, value_name = "DURATION", value_parser = parse_wait)]
    pub lb_drain: Option<std::time::Duration>,

    /// Nodes that may be drained at a time [default: all]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub max_unavailable_nodes: Option<usize>,

    /// Run a second replica of Deployments with one replica and minAvailable 1 while the drain lasts
    #[arg(long)]
    pub surge_singletons: bool,

    /// Evict all pods of a controller at once if it has no PodDisruptionBudget. By default at most 25 % of them (rounded
    /// up) are unavailable at a time, and one of two or more stays Ready whatever the budgets allow
    #[arg(long)]
    pub no_default_budget: bool,

    /// Delete pods instead of evicting them, which bypasses every PodDisruptionBudget; asks for the cluster name
    #[arg(long)]
    pub disable_eviction: bool,

    /// Evict bare pods: no controller recreates them, they are lost for good
    #[arg(long)]
    pub evict_bare_pods: bool,

    /// Evict pods with emptyDir or ephemeral volumes; the data in them is lost
    #[arg(long)]
    pub delete_emptydir_data: bool,

    /// Evict pods with volumes on their node's disk (local, hostPath, node-local CSI); the data in them is lost. Claims
    /// from a StatefulSet's volumeClaimTemplates are deleted, so that it creates new ones
    #[arg(long)]
    pub delete_local_volumes: bool,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("expected a number of at least 1".into()),
        Ok(number) => Ok(number),
    }
}
