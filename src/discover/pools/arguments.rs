//! Labels and taints that user data registers a node with. Pure.

use std::collections::BTreeMap;

use crate::facts::{AmiFamily, Taint};

/// What kubelet is told in user data.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Arguments {
    pub labels: BTreeMap<String, String>,
    pub taints: Vec<Taint>,
}

pub(super) fn arguments(family: Option<AmiFamily>, user_data: &[u8]) -> Arguments {
    let text = String::from_utf8_lossy(user_data);
    match family {
        Some(AmiFamily::Bottlerocket) => of_settings(&text),
        _ => of_flags(&text),
    }
}

/// kubelet's flags, wherever they are.
fn of_flags(text: &str) -> Arguments {
    let values = |flag: &str| {
        let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'');
        let found = text.split(flag).skip(1).filter_map(move |rest| rest.split(ends).next());
        found.flat_map(|value| value.split(',')).filter(|item| !item.is_empty()).collect::<Vec<_>>()
    };
    let label = |text: &str| text.split_once('=').map(|(key, value)| (key.to_string(), value.to_string()));
    Arguments {
        labels: values("--node-labels=").into_iter().filter_map(label).collect(),
        taints: values("--register-with-taints=").into_iter().filter_map(taint).collect(),
    }
}

/// `key=value:effect` or `key:effect`
fn taint(text: &str) -> Option<Taint> {
    let (key, effect) = text.rsplit_once(':')?;
    let (key, value) = key.split_once('=').unwrap_or((key, ""));
    Some(Taint { key: key.into(), value: value.into(), effect: effect.into() })
}

/// Bottlerocket's settings.kubernetes: node-labels, and node-taints with a list of `value:effect` for each key.
fn of_settings(text: &str) -> Arguments {
    let settings: toml::Table = text.parse().unwrap_or_default();
    let kubernetes = settings.get("settings").and_then(|settings| settings.get("kubernetes"));
    let table = |name: &str| kubernetes?.get(name)?.as_table();
    let label = |(key, value): (&String, &toml::Value)| Some((key.clone(), value.as_str()?.to_string()));
    let taints = table("node-taints").into_iter().flatten().flat_map(|(key, values)| {
        let values = values.as_array().into_iter().flatten().filter_map(|value| value.as_str());
        values.filter_map(move |value| taint(&format!("{key}={value}")))
    });
    Arguments {
        labels: table("node-labels").into_iter().flatten().filter_map(label).collect(),
        taints: taints.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_taints_are_found_in_each_familys_user_data() {
        let expected = Arguments {
            labels: [("team".into(), "web".into()), ("tier".into(), String::new())].into(),
            taints: vec![Taint { key: "db".into(), value: "yes".into(), effect: "NoSchedule".into() }],
        };
        let flags =
            "--kubelet-extra-args '--node-labels=team=web,tier= --register-with-taints=db=yes:NoSchedule'";
        let settings = "[settings.kubernetes.node-labels]\nteam = \"web\"\ntier = \"\"\n[settings.kubernetes.node-taints]\ndb = [\"yes:NoSchedule\"]\n";
        assert_eq!(arguments(Some(AmiFamily::Al2), flags.as_bytes()), expected);
        assert_eq!(arguments(Some(AmiFamily::Bottlerocket), settings.as_bytes()), expected);
        assert_eq!(arguments(None, b"\x1f\x8b"), Arguments::default());
    }
}
