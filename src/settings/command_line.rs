//! Settings as a command to copy, and as the part that a saved plan keeps.

use std::collections::BTreeMap;

use super::{NodeSettings, Settings};
use crate::goal::{Goal, Undo};
use crate::shell::shell_line;
use crate::text::flag_value;

/// Flags and their values in display order; a switch has no value.
type Flags = Vec<(&'static str, Option<String>)>;

impl Settings {
    /// The command that reaches this goal with these settings, without asking.
    pub(crate) fn command_line(&self, goal: Goal) -> String {
        line(goal, [self.target(), self.desired(), undo_flags(goal), self.confirmations(goal)].concat())
    }

    /// The desired state of the cluster, by flag; a switch has no value. Without the connection to the cluster, output
    /// formats, and confirmations, which each run needs again.
    pub(crate) fn asked(&self) -> BTreeMap<String, Vec<String>> {
        let mut asked: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in self.desired() {
            asked.entry(name.into()).or_default().extend(value);
        }
        asked
    }

    /// The connection to the cluster.
    pub(super) fn target(&self) -> Flags {
        // As a flag, the value of AWS_PROFILE would win over keys in the environment.
        let profile = self.target.profile.clone().filter(|_| self.profile_is_flag());
        let values = [
            ("cluster", &self.target.cluster),
            ("region", &self.target.region),
            ("profile", &profile),
            ("kubeconfig", &self.target.kubeconfig.path),
            ("context", &self.target.kubeconfig.context),
        ];
        given(values)
    }

    /// The command that undoes everything on the same cluster.
    pub(crate) fn undo_command(&self) -> String {
        let mut flags = self.target();
        flags.push(("confirm-cluster", Some(self.name())));
        line(Goal::Undo(Undo::WHOLE), flags)
    }

    fn name(&self) -> String {
        self.target.cluster.clone().unwrap_or_else(|| "NAME".into())
    }

    /// Accepted risks, and the confirmation that undo needs.
    fn confirmations(&self, goal: Goal) -> Flags {
        let confirmed = self.run.confirm_cluster.clone().or_else(|| goal.is_undo().then(|| self.name()));
        let mut flags = given([("confirm-cluster", &confirmed)]);
        flags.extend(self.run.accept.iter().map(|id| ("accept", Some(id.to_string()))));
        flags
    }

    pub(super) fn desired(&self) -> Flags {
        let mut flags: Flags =
            self.network.cidrs.iter().map(|block| ("cidr", Some(block.to_string()))).collect();
        for (name, values) in [
            ("subnet", &self.network.subnets),
            ("route-table", &self.network.route_tables),
            ("eniconfig-name", &self.cni.eniconfig_names),
        ] {
            flags.extend(values.iter().map(|(zone, value)| (name, Some(format!("{zone}={value}")))));
        }
        for (name, values) in [
            ("security-group", &self.cni.security_groups),
            ("node", &self.drain.node),
            ("old-node-group", &self.drain.old_node_groups),
            ("pool", &self.nodes.pools),
        ] {
            flags.extend(values.iter().map(|value| (name, Some(value.clone()))));
        }
        flags.extend(self.nodes.flags());
        flags.extend(self.numbers());
        flags.extend(given([
            ("eniconfig-label", &self.cni.eniconfig_label),
            ("selector", &self.drain.selector),
        ]));
        let switches = [
            ("env-last", self.cni.env_last),
            ("external-snat", self.cni.external_snat),
            ("take-over-env", self.cni.take_over_env),
            ("take-over-karpenter", self.cni.take_over_karpenter),
            ("remove-annotation-def", self.cni.remove_annotation_def),
            ("replace-eniconfigs", self.cni.replace_eniconfigs),
            ("evict-bare-pods", self.drain.evict_bare_pods),
            ("delete-emptydir-data", self.drain.delete_emptydir_data),
            ("delete-local-volumes", self.drain.delete_local_volumes),
            ("terminate-unowned", self.drain.terminate_unowned),
            ("delete-old-groups", self.drain.delete_old_groups),
            ("keep-old-nodes", self.drain.keep_old_nodes),
            ("surge-singletons", self.drain.surge_singletons),
            ("no-default-budget", self.drain.no_default_budget),
            ("disable-eviction", self.drain.disable_eviction),
        ];
        flags.extend(switches.into_iter().filter(|(_, set)| *set).map(|(name, _)| (name, None)));
        flags
    }

    fn numbers(&self) -> Flags {
        let numbers = [("subnet-prefix", self.network.subnet_prefix.map(u32::from))];
        let numbers = numbers.map(|(name, value)| (name, value.map(|value| value.to_string())));
        let counts = [
            ("max-in-flight", self.is_set("max-in-flight").then_some(self.drain.max_in_flight)),
            ("max-unavailable-nodes", self.drain.max_unavailable_nodes),
        ];
        let counts = counts.map(|(name, value)| (name, value.map(|value| value.to_string())));
        let times = [
            ("drain-timeout", self.drain.drain_timeout),
            ("pod-timeout", self.drain.pod_timeout),
            ("skip-wait-for-delete-timeout", self.drain.skip_wait_for_delete_timeout),
            ("lb-drain", self.drain.lb_drain),
            ("timeout", self.is_set("timeout").then_some(self.run.timeout)),
        ];
        let times = times.map(|(name, value)| (name, value.map(flag_value)));
        let all = numbers.into_iter().chain(counts).chain(times);
        all.filter(|(_, value)| value.is_some()).collect()
    }
}

impl NodeSettings {
    /// What is set: one flag for all pools, and one for each pool of its own.
    fn flags(&self) -> Flags {
        let values = [
            ("replace-with", self.replace_with.values()),
            ("managed-image", self.managed_image.values()),
            ("instance-type", self.instance_type.values()),
            ("ami-family", self.ami_family.values()),
            ("ami-id", self.ami_id.values()),
            ("nodes-per-zone", self.nodes_per_zone.values()),
            ("max-nodes-per-zone", self.max_nodes_per_zone.values()),
            ("volume-size", self.volume_size.values()),
            ("node-role", self.node_role.values()),
            ("tag", self.tags.iter().map(|(key, value)| format!("{key}={value}")).collect()),
        ];
        let each = |(name, values): (&'static str, Vec<String>)| {
            values.into_iter().map(move |value| (name, Some(value)))
        };
        let mut flags: Flags = values.into_iter().flat_map(each).collect();
        flags.extend(given([
            ("permissions-boundary", &self.permissions_boundary),
            ("role-path", &self.role_path),
        ]));
        flags
    }
}

fn line(goal: Goal, flags: Flags) -> String {
    let mut words = vec!["eni-custom".to_string(), goal.command().to_string()];
    for (name, value) in flags {
        words.push(format!("--{name}"));
        words.extend(value);
    }
    words.push("--yes".into());
    shell_line(&words)
}

fn undo_flags(goal: Goal) -> Flags {
    let (last, keep_nodes, only) = match goal {
        Goal::Setup | Goal::Step(_) => return Flags::new(),
        Goal::Undo(Undo::Only(_)) => (None, false, true),
        Goal::Undo(Undo::All { keep_nodes }) => (None, keep_nodes, false),
        Goal::Undo(Undo::DownTo { last, keep_nodes }) => (Some(last), keep_nodes, false),
    };
    let mut flags = Flags::new();
    flags.extend(last.map(|step| ("to-step", Some(step.to_string()))));
    flags.extend(keep_nodes.then_some(("keep-nodes", None)));
    flags.extend(only.then_some(("undo", None)));
    flags
}

fn given<const N: usize>(values: [(&'static str, &Option<String>); N]) -> Flags {
    values
        .into_iter()
        .filter(|(_, value)| value.is_some())
        .map(|(name, value)| (name, value.clone()))
        .collect()
}
