//! kubelet's command line: which flags a new node gets from the old one, and which eni-custom writes itself. Pure.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::{NodeLabel, NodeTaint};
use crate::facts::Unclear;

/// What kubelet's flags say.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Flags {
    /// By key; of two labels with one key the later one counts, as for kubelet.
    pub labels: BTreeMap<String, NodeLabel>,
    /// `None` without the flag; of two flags the last one counts, as for kubelet.
    pub taints: Option<Vec<NodeTaint>>,
    /// All other flags, in order.
    pub others: Vec<String>,
    pub unclear: Vec<Unclear>,
}

/// Flags that eni-custom writes itself.
const OURS: [&str; 3] = ["node-labels", "register-with-taints", "max-pods"];

impl Flags {
    /// Reads flags as they are in NodeConfig (`kubelet.flags`) or in bootstrap.sh's `--kubelet-extra-args`. Both end in
    /// a systemd unit that splits them at white space.
    ///
    /// `dns`: the cluster's DNS address, which kubelet gets anyway.
    pub(super) fn read<'a>(texts: impl IntoIterator<Item = &'a str>, dns: Option<Ipv4Addr>) -> Flags {
        let mut flags = Flags::default();
        let mut words = texts.into_iter().flat_map(split);
        while let Some(word) = words.next() {
            let (name, value) =
                word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
            let name = name.trim_start_matches('-');
            if !word.starts_with('-') || !(OURS.contains(&name) || name == "cluster-dns") {
                if is_quoted(word) && OURS.iter().any(|ours| word.contains(ours)) {
                    flags.unclear(word, "it has quotes or a backslash".into());
                } else {
                    flags.others.push(word.to_string());
                }
                continue;
            }
            let Some(value) = value.or_else(|| words.next()) else {
                flags.unclear(word, "it has no value".into());
                continue;
            };
            match name {
                "node-labels" => flags.labels(value),
                "register-with-taints" => flags.taints(value),
                "max-pods" => {}
                _ if dns.is_some_and(|dns| dns.to_string() == value) => {}
                _ => flags.others.push(format!("--{name}={value}")),
            }
        }
        flags
    }

    fn labels(&mut self, value: &str) {
        for label in value.split(',').map(str::trim).filter(|label| !label.is_empty()) {
            match label.split_once('=').map(|(key, value)| NodeLabel::new(key.trim(), value.trim())) {
                Some(Ok(label)) => {
                    self.labels.insert(label.key().to_string(), label);
                }
                Some(Err(error)) => self.unclear(&format!("--node-labels={label}"), error.to_string()),
                None => {
                    self.unclear(&format!("--node-labels={label}"), "it is not of the form key=value".into())
                }
            }
        }
    }

    fn taints(&mut self, value: &str) {
        let mut taints = Vec::new();
        for taint in value.split(',').filter(|taint| !taint.is_empty()) {
            match NodeTaint::parse(taint) {
                Ok(taint) => taints.push(taint),
                Err(error) => self.unclear(&format!("--register-with-taints={taint}"), error.to_string()),
            }
        }
        self.taints = Some(taints);
    }

    fn unclear(&mut self, flag: &str, why: String) {
        self.unclear.push(Unclear { what: format!("kubelet flag {flag}"), why });
    }
}

/// The flags that eni-custom writes for these labels and taints; they come last, so that they win.
pub(super) fn ours(labels: &[NodeLabel], taints: &[NodeTaint]) -> Vec<String> {
    let labels: Vec<String> = labels.iter().map(ToString::to_string).collect();
    let taints: Vec<String> = taints.iter().map(ToString::to_string).collect();
    let flag = |name: &str, values: Vec<String>| {
        (!values.is_empty()).then(|| format!("--{name}={}", values.join(",")))
    };
    [flag("node-labels", labels), flag("register-with-taints", taints)].into_iter().flatten().collect()
}

/// A text with quotes stays whole: systemd does not split within them.
fn split(text: &str) -> Vec<&str> {
    if is_quoted(text) { vec![text.trim()] } else { text.split_whitespace().collect() }
}

fn is_quoted(text: &str) -> bool {
    text.contains(['"', '\'', '\\'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: &[&str]) -> Flags {
        Flags::read(texts.iter().copied(), Some(Ipv4Addr::new(172, 20, 0, 10)))
    }

    #[test]
    fn labels_and_taints_come_out_and_other_flags_stay_in_order() {
        let flags = read(&[
            "--v=2 --node-labels=a=1,b=2 --max-pods=17",
            "--node-labels",
            "b=3,c=",
            "--register-with-taints=a=b:NoSchedule",
            "--register-with-taints=x:NoExecute,y=z:PreferNoSchedule",
            "--max-pods 29 --cluster-dns=172.20.0.10",
            "--cluster-dns 169.254.20.10 --eviction-hard",
            "memory.available<5%",
        ]);
        let labels: Vec<String> = flags.labels.values().map(ToString::to_string).collect();
        assert_eq!(labels, ["a=1", "b=3", "c="]);
        let taints: Vec<String> = flags.taints.unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(taints, ["x=:NoExecute", "y=z:PreferNoSchedule"]);
        assert_eq!(
            flags.others,
            ["--v=2", "--cluster-dns=169.254.20.10", "--eviction-hard", "memory.available<5%"]
        );
        assert_eq!(flags.unclear, []);
    }

    #[test]
    fn a_flag_that_is_not_understood_is_reported() {
        for (text, what) in [
            ("--node-labels=a", "--node-labels=a"),
            ("--node-labels=kubernetes.io/role=x", "kubernetes.io/role"),
            ("--node-labels=a=$(uname -n)", "uname"),
            ("--node-labels=a=\"b\"", "--node-labels=a=\"b\""),
            ("--register-with-taints=a=b", "--register-with-taints=a=b"),
            ("--node-labels", "--node-labels"),
        ] {
            let flags = read(&[text]);
            assert!(flags.unclear.iter().any(|unclear| unclear.what.contains(what)), "{text}: {flags:?}");
            assert!(flags.labels.is_empty());
        }
    }
}
