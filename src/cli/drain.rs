//! Arguments of whatever empties nodes.

use clap::Args;

use super::values::{parse_duration, parse_wait};

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Old nodes")]
pub struct DrainArgs {
    /// Drain only old nodes with these labels, as kubectl's -l takes them
    #[arg(long, value_name = "SELECTOR")]
    pub nodes: Option<String>,

    /// Drain only this old node
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub node: Vec<String>,

    /// Drain only the old nodes of this managed node group or Auto Scaling group
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub old_node_group: Vec<String>,

    /// Show which nodes and pods would go, in which order, and change nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Terminate old instances that no group owns
    #[arg(long)]
    pub terminate_unowned: bool,

    /// Leave the old nodes as they are: nothing is cordoned, drained or terminated
    #[arg(long)]
    pub keep_old_nodes: bool,

    #[command(flatten)]
    pub evict: EvictArgs,
}

/// How nodes are emptied.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Drain")]
pub struct EvictArgs {
    /// Give up the drain after so long, e.g. 90s, 30m, 2h [default: --timeout where it is given, else 1h]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub drain_timeout: Option<std::time::Duration>,

    /// Give up a pod that is terminating and does not end, after so long [default: only with the whole drain]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub pod_timeout: Option<std::time::Duration>,

    /// Do not wait for a pod that is still terminating so long after its grace period: its node is terminated all the
    /// same. For nodes whose kubelet is dead, and finalizers that nobody removes [default: wait]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub skip_wait_for_delete_timeout: Option<std::time::Duration>,

    /// Pods that may be on their way out at a time
    #[arg(long, value_name = "N", default_value = "500", value_parser = at_least_one)]
    pub max_in_flight: usize,

    /// Terminate an instance only so long after its empty node has left its load balancers, where any forward to nodes;
    /// 0s does without [default: their deregistration delay, at least 5m]
    #[arg(long, value_name = "TIME", value_parser = parse_wait)]
    pub lb_drain: Option<std::time::Duration>,

    /// Nodes that may be emptied at a time [default: all]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub max_unavailable_nodes: Option<usize>,

    /// Give a Deployment of one replica behind minAvailable 1 a second one for as long as the drain lasts
    #[arg(long)]
    pub surge_singletons: bool,

    /// Let the pods of a controller go all at once where no PodDisruptionBudget holds them back; by default at most 25 %
    /// of them (rounded up) are unavailable at a time, and one of two or more stays Ready whatever the budgets allow
    #[arg(long)]
    pub no_default_budget: bool,

    /// Delete pods instead of evicting them, past every PodDisruptionBudget; asks for the cluster's name
    #[arg(long)]
    pub disable_eviction: bool,

    /// Evict pods that no controller would make anew: they are gone for good
    #[arg(long)]
    pub evict_bare_pods: bool,

    /// Evict pods with emptyDir or ephemeral volumes: what is in them is lost
    #[arg(long)]
    pub delete_emptydir_data: bool,

    /// Evict pods with volumes on their node's disk (local, hostPath, node-local CSI): what is in them is lost. Claims
    /// of a StatefulSet's templates are deleted, so that it creates new ones
    #[arg(long)]
    pub delete_local_volumes: bool,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("a number from 1 on is wanted".into()),
        Ok(number) => Ok(number),
    }
}
