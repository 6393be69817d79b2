//! What the user wants, and where each value came from. `cli` makes it. Pure.

mod command_line;
mod file_text;
mod per_pool;
mod replacement;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use ipnet::Ipv4Net;

use crate::facts::AmiFamily;
use crate::issue::Id;

pub(crate) use per_pool::PerPool;
pub(crate) use replacement::{KarpenterMove, ManagedImage, ReplaceWith};

/// Where a value came from, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag,
    Environment(String),
    File(String),
    Default,
}

/// Which kubeconfig to use, if one was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KubeconfigChoice {
    /// As in the variable KUBECONFIG: one path, or several.
    pub path: Option<String>,
    pub context: Option<String>,
}

impl KubeconfigChoice {
    pub fn is_given(&self) -> bool {
        self.path.is_some() || self.context.is_some()
    }

    pub fn shown(&self) -> String {
        self.path.clone().unwrap_or_else(|| "~/.kube/config".into())
    }
}

/// The settings of a run, with each value checked, in the groups of the help text. An answer of the user makes new
/// settings; nothing changes those of a run.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub target: TargetSettings,
    pub network: NetworkSettings,
    pub cni: CniSettings,
    pub nodes: NodeSettings,
    pub drain: DrainSettings,
    pub run: RunSettings,
    pub(crate) origins: BTreeMap<String, Origin>,
}

/// The connection to the cluster.
#[derive(Debug, Clone)]
pub(crate) struct TargetSettings {
    pub cluster: Option<String>,
    pub region: Option<String>,
    pub profile: Option<String>,
    pub kubeconfig: KubeconfigChoice,
}

/// CIDR blocks and pod subnets.
#[derive(Debug, Clone)]
pub(crate) struct NetworkSettings {
    pub cidrs: Vec<Ipv4Net>,
    /// Prefix length of created subnets, in bits.
    pub subnet_prefix: Option<u8>,
    /// Existing pod subnets, by zone.
    pub subnets: BTreeMap<String, String>,
    /// Route tables for created subnets, by zone.
    pub route_tables: BTreeMap<String, String>,
}

/// aws-node and the ENIConfigs.
#[derive(Debug, Clone)]
pub(crate) struct CniSettings {
    /// Set aws-node's environment after the ENIConfigs are written.
    pub env_last: bool,
    pub external_snat: bool,
    /// Names of ENIConfigs, by zone.
    pub eniconfig_names: BTreeMap<String, String>,
    pub eniconfig_label: Option<String>,
    /// Security groups for pods.
    pub security_groups: Vec<String>,
    pub take_over_env: bool,
    pub take_over_karpenter: bool,
    pub remove_annotation_def: bool,
    pub replace_eniconfigs: bool,
}

/// The new nodes.
#[derive(Debug, Clone, Default)]
pub(crate) struct NodeSettings {
    /// Names of the pools to replace; all if empty.
    pub pools: Vec<String>,
    pub replace_with: PerPool<ReplaceWith>,
    pub managed_image: PerPool<ManagedImage>,
    pub instance_type: PerPool<String>,
    pub ami_family: PerPool<AmiFamily>,
    pub ami_id: PerPool<String>,
    pub nodes_per_zone: PerPool<u32>,
    pub max_nodes_per_zone: PerPool<u32>,
    /// Size of the root volume, in GiB.
    pub volume_size: PerPool<u32>,
    pub node_role: PerPool<NodeRole>,
    /// Tags for everything that the new node groups consist of, besides those of the old ones.
    pub tags: BTreeMap<String, String>,
    /// ARN of the policy that limits a role that eni-custom creates.
    pub permissions_boundary: Option<String>,
    /// IAM path of such a role, with a slash at each end.
    pub role_path: Option<String>,
}

/// The IAM role of new nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeRole {
    /// That of the old nodes.
    Same,
    /// One that eni-custom creates, with no more than nodes need.
    New,
    /// This one, by its ARN.
    Arn(String),
}

impl fmt::Display for NodeRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NodeRole::Same => "same",
            NodeRole::New => "new",
            NodeRole::Arn(arn) => arn,
        })
    }
}

/// Which old nodes are drained, and how.
#[derive(Debug, Clone)]
pub(crate) struct DrainSettings {
    /// Label selector of the old nodes to drain.
    pub selector: Option<String>,
    /// Names of the old nodes to drain.
    pub node: Vec<String>,
    /// Managed node groups or Auto Scaling groups to drain.
    pub old_node_groups: Vec<String>,
    pub drain_timeout: Option<Duration>,
    pub pod_timeout: Option<Duration>,
    pub skip_wait_for_delete_timeout: Option<Duration>,
    /// Pods that may be terminating at a time.
    pub max_in_flight: usize,
    /// Wait between leaving load balancers and termination; `None` takes their deregistration delay.
    pub lb_drain: Option<Duration>,
    /// Nodes that may be drained at a time; `None` for all.
    pub max_unavailable_nodes: Option<usize>,
    pub surge_singletons: bool,
    pub no_default_budget: bool,
    pub disable_eviction: bool,
    pub evict_bare_pods: bool,
    pub delete_emptydir_data: bool,
    pub delete_local_volumes: bool,
    pub terminate_unowned: bool,
    /// Delete the old managed node groups once they are drained.
    pub delete_old_groups: bool,
    pub keep_old_nodes: bool,
    /// How Karpenter's old nodes are replaced.
    pub karpenter: KarpenterMove,
    /// Show the nodes and budgets in their order; the command changes nothing.
    pub preview: bool,
}

/// How the command runs.
#[derive(Debug, Clone)]
pub(crate) struct RunSettings {
    pub yes: bool,
    /// The command changes nothing: `plan`, `--dry-run`, `detect-cni`.
    pub read_only: bool,
    /// The cluster name that confirms undo and `--disable-eviction`.
    pub confirm_cluster: Option<String>,
    /// Ids of warnings to continue despite.
    pub accept: BTreeSet<Id>,
    /// Longest wait for one operation.
    pub timeout: Duration,
}

/// Where each flag's value came from.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    pub(crate) of: BTreeMap<String, Origin>,
    /// The same with values, in the order of the help.
    pub(crate) explained: Vec<Explained>,
}

/// A setting as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Explained {
    /// The heading in the help.
    pub heading: String,
    /// Without its dashes.
    pub flag: String,
    /// Empty if it is not set and has no default.
    pub values: Vec<String>,
    pub origin: Origin,
}

impl Settings {
    /// Where a person finds the value: `--cidr`, `ENI_CUSTOM_CIDR`, `cidr in eni-custom.toml`.
    pub(crate) fn named(&self, flag: &str) -> String {
        match self.origins.get(flag) {
            Some(Origin::Environment(name)) => name.clone(),
            Some(Origin::File(path)) => format!("{flag} in {path}"),
            _ => format!("--{flag}"),
        }
    }

    /// The profile was given by `--profile`, which wins over credentials in the environment.
    pub(crate) fn profile_is_flag(&self) -> bool {
        self.origins.get("profile") == Some(&Origin::Flag)
    }

    /// The timeout of the whole drain: `--drain-timeout`, else `--timeout` if it was given, else one hour.
    pub(crate) fn drain_deadline(&self) -> Duration {
        let given = self.is_set("timeout").then_some(self.run.timeout);
        self.drain.drain_timeout.or(given).unwrap_or(Duration::from_secs(3600))
    }

    /// The flag that sets the timeout of the drain, for messages.
    pub(crate) fn drain_deadline_flag(&self) -> &'static str {
        if self.drain.drain_timeout.is_none() && self.is_set("timeout") { "timeout" } else { "drain-timeout" }
    }

    /// The same settings with the cluster name that the user typed as confirmation.
    pub(crate) fn confirmed(mut self, name: String) -> Self {
        self.run.confirm_cluster = Some(name);
        self
    }

    /// The same settings with these warnings accepted.
    pub(crate) fn accepting(mut self, ids: impl IntoIterator<Item = Id>) -> Self {
        self.run.accept.extend(ids);
        self
    }

    /// The same settings, with a flag that was given on the command line.
    #[cfg(test)]
    pub(crate) fn given(mut self, flag: &str) -> Self {
        self.origins.insert(flag.into(), Origin::Flag);
        self
    }

    fn is_set(&self, flag: &str) -> bool {
        !matches!(self.origins.get(flag), None | Some(Origin::Default))
    }
}
