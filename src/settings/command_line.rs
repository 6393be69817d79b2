//! Settings as a command to copy, and as the part that a saved plan keeps.

use std::collections::BTreeMap;

use super::Settings;
use crate::nodes::user_data::AmiFamily;

/// Flags and their values in display order; a switch has no value.
type Flags = Vec<(&'static str, Option<String>)>;

impl Settings {
    /// The command that runs with these settings without asking; `command` is `setup` or a step.
    pub fn command_line(&self, command: &str) -> String {
        let mut words = vec!["eni-custom".to_string(), command.to_string()];
        let flags = [self.target(), self.desired(), self.undo_flags(), self.confirmations()].concat();
        for (name, value) in flags {
            words.push(format!("--{name}"));
            words.extend(value);
        }
        words.push("--yes".into());
        words.iter().map(|word| shell_quote(word)).collect::<Vec<_>>().join(" ")
    }

    /// The desired state of the cluster, by flag; a switch has no value. Without the connection to the cluster, output
    /// formats, and confirmations, which each run needs again.
    pub fn asked(&self) -> BTreeMap<String, Vec<String>> {
        let mut asked: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in self.desired() {
            asked.entry(name.into()).or_default().extend(value);
        }
        asked
    }

    /// The connection to the cluster.
    fn target(&self) -> Flags {
        // As a flag, the value of AWS_PROFILE would win over keys in the environment.
        let profile = self.profile.clone().filter(|_| self.profile_is_flag());
        let values = [
            ("cluster", &self.cluster),
            ("region", &self.region),
            ("profile", &profile),
            ("kubeconfig", &self.kubeconfig.path),
            ("context", &self.kubeconfig.context),
        ];
        given(values)
    }

    /// The command that undoes everything on the same cluster.
    pub fn undo_command(&self) -> String {
        let mut words = vec!["eni-custom".to_string(), "undo".to_string()];
        for (name, value) in self.target() {
            words.push(format!("--{name}"));
            words.extend(value);
        }
        words.extend(["--confirm-cluster".into(), self.name(), "--yes".into()]);
        words.iter().map(|word| shell_quote(word)).collect::<Vec<_>>().join(" ")
    }

    fn name(&self) -> String {
        self.cluster.clone().unwrap_or_else(|| "NAME".into())
    }

    fn undo_flags(&self) -> Flags {
        let Some(undo) = self.undo else { return Flags::new() };
        let mut flags = Flags::new();
        flags.extend(undo.to_step.map(|step| ("to-step", Some(step.to_string()))));
        flags.extend(undo.keep_nodes.then_some(("keep-nodes", None)));
        flags.extend(undo.only.map(|_| ("undo", None)));
        flags
    }

    /// Accepted risks, and the confirmation that undo needs.
    fn confirmations(&self) -> Flags {
        let confirmed = self.confirm_cluster.clone().or_else(|| self.undo.map(|_| self.name()));
        let mut flags = given([("confirm-cluster", &confirmed)]);
        flags.extend(self.accept.iter().map(|id| ("accept", Some(id.clone()))));
        flags
    }

    fn desired(&self) -> Flags {
        let mut flags: Flags = self.cidrs.iter().map(|block| ("cidr", Some(block.to_string()))).collect();
        for (name, values) in [
            ("subnet", &self.subnets),
            ("route-table", &self.route_tables),
            ("eniconfig-name", &self.eniconfig_names),
        ] {
            flags.extend(values.iter().map(|(zone, value)| (name, Some(format!("{zone}={value}")))));
        }
        for (name, values) in [
            ("security-group", &self.security_groups),
            ("node", &self.node),
            ("old-node-group", &self.old_node_groups),
        ] {
            flags.extend(values.iter().map(|value| (name, Some(value.clone()))));
        }
        flags.extend(self.numbers());
        flags.extend(given([
            ("eniconfig-label", &self.eniconfig_label),
            ("instance-type", &self.instance_type),
            ("ami-id", &self.ami_id),
            ("nodes", &self.nodes),
        ]));
        if self.is_set("ami-family") || self.ami_family != AmiFamily::Al2023 {
            flags.push(("ami-family", Some(self.ami_family.to_string())));
        }
        let switches = [
            ("env-last", self.env_last),
            ("external-snat", self.external_snat),
            ("take-over-env", self.take_over_env),
            ("remove-annotation-def", self.remove_annotation_def),
            ("replace-eniconfigs", self.replace_eniconfigs),
            ("evict-bare-pods", self.evict_bare_pods),
            ("delete-emptydir-data", self.delete_emptydir_data),
            ("delete-local-volumes", self.delete_local_volumes),
            ("terminate-unowned", self.terminate_unowned),
            ("keep-old-nodes", self.keep_old_nodes),
            ("surge-singletons", self.surge_singletons),
            ("no-default-budget", self.no_default_budget),
            ("disable-eviction", self.disable_eviction),
        ];
        flags.extend(switches.into_iter().filter(|(_, set)| *set).map(|(name, _)| (name, None)));
        flags
    }

    fn numbers(&self) -> Flags {
        let numbers = [
            ("subnet-prefix", self.subnet_prefix.map(u32::from)),
            ("nodes-per-zone", self.nodes_per_zone),
            ("max-nodes-per-zone", self.max_nodes_per_zone),
            ("volume-size", self.is_set("volume-size").then_some(self.volume_size)),
        ];
        let numbers = numbers.map(|(name, value)| (name, value.map(|value| value.to_string())));
        let counts = [
            ("max-in-flight", self.is_set("max-in-flight").then_some(self.max_in_flight)),
            ("max-unavailable-nodes", self.max_unavailable_nodes),
        ];
        let counts = counts.map(|(name, value)| (name, value.map(|value| value.to_string())));
        let times = [
            ("drain-timeout", self.drain_timeout),
            ("pod-timeout", self.pod_timeout),
            ("skip-wait-for-delete-timeout", self.skip_wait_for_delete_timeout),
            ("lb-drain", self.lb_drain),
            ("timeout", self.is_set("timeout").then_some(self.timeout)),
        ];
        let times = times.map(|(name, value)| (name, value.map(|value| format!("{}s", value.as_secs()))));
        let all = numbers.into_iter().chain(counts).chain(times);
        all.filter(|(_, value)| value.is_some()).collect()
    }
}

fn given<const N: usize>(values: [(&'static str, &Option<String>); N]) -> Flags {
    values
        .into_iter()
        .filter(|(_, value)| value.is_some())
        .map(|(name, value)| (name, value.clone()))
        .collect()
}

/// Quotes a word for a POSIX shell if needed.
pub fn shell_quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
