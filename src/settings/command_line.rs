//! Settings as a command that a person can type.

use super::Settings;
use crate::nodes::user_data::AmiFamily;

impl Settings {
    /// The command that says the same as these settings without a question; `command` is `setup` or a step.
    pub fn command_line(&self, command: &str) -> String {
        let mut words = self.target_words(command);
        let mut flag = |name: &str, value: String| words.extend([format!("--{name}"), value]);
        for block in &self.cidrs {
            flag("cidr", block.to_string());
        }
        for (name, values) in [
            ("subnet", &self.subnets),
            ("route-table", &self.route_tables),
            ("eniconfig-name", &self.eniconfig_names),
        ] {
            for (zone, value) in values {
                flag(name, format!("{zone}={value}"));
            }
        }
        for group in &self.security_groups {
            flag("security-group", group.clone());
        }
        let numbers = [
            ("subnet-prefix", self.subnet_prefix.map(u32::from)),
            ("nodes-per-zone", self.nodes_per_zone),
            ("max-nodes-per-zone", self.max_nodes_per_zone),
        ];
        for (name, value) in numbers {
            if let Some(value) = value {
                flag(name, value.to_string());
            }
        }
        for (name, value) in [
            ("eniconfig-label", &self.eniconfig_label),
            ("instance-type", &self.instance_type),
            ("ami-id", &self.ami_id),
        ] {
            if let Some(value) = value {
                flag(name, value.clone());
            }
        }
        if self.is_set("ami-family") || self.ami_family != AmiFamily::Al2023 {
            flag("ami-family", self.ami_family.to_string());
        }
        if self.is_set("volume-size") {
            flag("volume-size", self.volume_size.to_string());
        }
        let times = [
            ("drain-timeout", self.drain_timeout),
            ("pod-timeout", self.pod_timeout),
            ("timeout", self.is_set("timeout").then_some(self.timeout)),
        ];
        for (name, value) in times {
            if let Some(value) = value {
                flag(name, format!("{}s", value.as_secs()));
            }
        }
        if self.is_set("max-in-flight") {
            flag("max-in-flight", self.max_in_flight.to_string());
        }
        if let Some(nodes) = self.max_unavailable_nodes {
            flag("max-unavailable-nodes", nodes.to_string());
        }
        for (name, values) in [("node", &self.node), ("old-node-group", &self.old_node_groups)] {
            for value in values {
                flag(name, value.clone());
            }
        }
        for (name, value) in [("nodes", &self.nodes), ("confirm-cluster", &self.confirm_cluster)] {
            if let Some(value) = value {
                flag(name, value.clone());
            }
        }
        for (name, set) in [
            ("env-last", self.env_last),
            ("external-snat", self.external_snat),
            ("take-over-env", self.take_over_env),
            ("remove-annotation-def", self.remove_annotation_def),
            ("replace-eniconfigs", self.replace_eniconfigs),
            ("evict-bare-pods", self.evict_bare_pods),
            ("delete-emptydir-data", self.delete_emptydir_data),
            ("terminate-unowned", self.terminate_unowned),
            ("keep-old-nodes", self.keep_old_nodes),
            ("surge-singletons", self.surge_singletons),
            ("disable-eviction", self.disable_eviction),
        ] {
            if set {
                words.push(format!("--{name}"));
            }
        }
        if let Some(undo) = &self.undo {
            if let Some(step) = undo.to_step.filter(|_| undo.only.is_none()) {
                words.extend(["--to-step".to_string(), step.to_string()]);
            }
            words.extend(undo.keep_nodes.then(|| "--keep-nodes".to_string()));
            words.extend(undo.only.map(|_| "--undo".to_string()));
            if self.confirm_cluster.is_none() {
                words
                    .extend(["--confirm-cluster".to_string(), self.cluster.clone().unwrap_or("NAME".into())]);
            }
        }
        words.push("--yes".into());
        words.iter().map(|word| shell_quote(word)).collect::<Vec<_>>().join(" ")
    }

    /// The command that takes all back, on the same cluster.
    pub fn undo_command(&self) -> String {
        let mut words = self.target_words("undo");
        words.extend([
            "--confirm-cluster".into(),
            self.cluster.clone().unwrap_or("NAME".into()),
            "--yes".into(),
        ]);
        words.iter().map(|word| shell_quote(word)).collect::<Vec<_>>().join(" ")
    }

    /// The command, and which cluster it is about.
    fn target_words(&self, command: &str) -> Vec<String> {
        let mut words = vec!["eni-custom".to_string(), command.to_string()];
        for (name, value) in [
            ("cluster", &self.cluster),
            ("region", &self.region),
            ("profile", &self.profile),
            ("kubeconfig", &self.kubeconfig.path),
            ("context", &self.kubeconfig.context),
        ] {
            if let Some(value) = value {
                words.extend([format!("--{name}"), value.clone()]);
            }
        }
        words
    }
}

fn shell_quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
