//! Which ENIConfig is a node's, as the VPC CNI finds it.
//!
//! Source: amazon-vpc-cni-k8s, pkg/eniconfig, GetNodeSpecificENIConfigName. A key that is there decides, whatever its
//! value: an empty one names no ENIConfig at all.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// An ENIConfig, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EniConfig {
    pub name: String,
    pub subnet: String,
    pub security_groups: Vec<String>,
    /// Labelled as written by this program.
    #[serde(default)]
    pub ours: bool,
}

/// Set by who manages ENIConfigs from outside; wins over everything.
pub const EXTERNAL_LABEL: &str = "vpc.amazonaws.com/externalEniConfig";
/// Key of the annotation and of the label where aws-node's environment names no other.
pub const DEFAULT_KEY: &str = "k8s.amazonaws.com/eniConfig";
/// The ENIConfig of a node that carries none of the keys.
pub const DEFAULT_NAME: &str = "default";

/// What named the ENIConfig.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    ExternalLabel,
    Annotation(String),
    Label(String),
    /// The node carries nothing; the key of the label that it lacks.
    Nothing(String),
}

/// A node's ENIConfig by name, which need not exist.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resolved {
    pub name: String,
    pub source: Source,
    /// The name in the label, where an annotation or the external label has overridden it.
    pub overridden: Option<String>,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::ExternalLabel => write!(f, "label {EXTERNAL_LABEL}"),
            Source::Annotation(key) => write!(f, "annotation {key}"),
            Source::Label(key) => write!(f, "label {key}"),
            Source::Nothing(key) => write!(f, "for want of label {key}"),
        }
    }
}

/// The ENIConfig of a node with these labels and annotations, where aws-node has this environment.
pub fn resolve(
    labels: &BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
    env: &BTreeMap<String, String>,
) -> Resolved {
    let key = |variable: &str| {
        env.get(variable).filter(|key| !key.is_empty()).cloned().unwrap_or_else(|| DEFAULT_KEY.into())
    };
    let (annotation, label) = (key("ENI_CONFIG_ANNOTATION_DEF"), key("ENI_CONFIG_LABEL_DEF"));
    let by_label = labels.get(&label).cloned();
    let overriding = labels
        .get(EXTERNAL_LABEL)
        .map(|name| (name, Source::ExternalLabel))
        .or_else(|| annotations.get(&annotation).map(|name| (name, Source::Annotation(annotation.clone()))));
    match (overriding, by_label) {
        (Some((name, source)), by_label) => {
            Resolved { name: name.clone(), source, overridden: by_label.filter(|other| other != name) }
        }
        (None, Some(name)) => Resolved { name, source: Source::Label(label), overridden: None },
        (None, None) => {
            Resolved { name: DEFAULT_NAME.into(), source: Source::Nothing(label), overridden: None }
        }
    }
}

/// A switch in aws-node's environment, read as Go's ParseBool does; what that can't read is off.
pub fn is_on(value: Option<&String>) -> bool {
    matches!(value.map(String::as_str), Some("1" | "t" | "T" | "TRUE" | "true" | "True"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZONE: &str = "topology.kubernetes.io/zone";

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    #[test]
    fn the_first_key_that_is_there_decides_whatever_its_value() {
        let by_zone = &[("ENI_CONFIG_LABEL_DEF", ZONE)][..];
        let own_keys = &[("ENI_CONFIG_LABEL_DEF", "pods"), ("ENI_CONFIG_ANNOTATION_DEF", "also")][..];
        let empty = &[("ENI_CONFIG_LABEL_DEF", ""), ("ENI_CONFIG_ANNOTATION_DEF", "")][..];
        let label = |key: &str| Source::Label(key.into());
        let annotation = |key: &str| Source::Annotation(key.into());
        type Pairs<'a> = &'a [(&'a str, &'a str)];
        let cases: &[(Pairs<'_>, Pairs<'_>, Pairs<'_>, &str, Source)] = &[
            (&[(ZONE, "a")], &[], by_zone, "a", label(ZONE)),
            (&[(ZONE, "a")], &[], &[], "default", Source::Nothing(DEFAULT_KEY.into())),
            (
                &[("failure-domain.beta.kubernetes.io/zone", "a")],
                &[],
                by_zone,
                "default",
                Source::Nothing(ZONE.into()),
            ),
            (&[(DEFAULT_KEY, "x"), (ZONE, "a")], &[], &[], "x", label(DEFAULT_KEY)),
            (&[(ZONE, "a")], &[(DEFAULT_KEY, "x")], by_zone, "x", annotation(DEFAULT_KEY)),
            (&[(ZONE, "a")], &[(DEFAULT_KEY, "")], by_zone, "", annotation(DEFAULT_KEY)),
            (&[("pods", "p")], &[("also", "q")], own_keys, "q", annotation("also")),
            (&[("pods", "p")], &[(DEFAULT_KEY, "q")], own_keys, "p", label("pods")),
            (&[(DEFAULT_KEY, "x")], &[], empty, "x", label(DEFAULT_KEY)),
            (
                &[(ZONE, "a"), (EXTERNAL_LABEL, "e")],
                &[(DEFAULT_KEY, "x")],
                by_zone,
                "e",
                Source::ExternalLabel,
            ),
            (&[(EXTERNAL_LABEL, "")], &[], by_zone, "", Source::ExternalLabel),
        ];
        for (labels, annotations, env, name, source) in cases {
            let resolved = resolve(&map(labels), &map(annotations), &map(env));
            assert_eq!(
                (resolved.name.as_str(), &resolved.source),
                (*name, source),
                "{labels:?} {annotations:?}"
            );
        }
    }

    #[test]
    fn what_was_overridden_is_kept_where_it_differs() {
        let env = map(&[("ENI_CONFIG_LABEL_DEF", ZONE)]);
        let overridden =
            |name: &str| resolve(&map(&[(ZONE, "a")]), &map(&[(DEFAULT_KEY, name)]), &env).overridden;
        assert_eq!(overridden("b"), Some("a".into()));
        assert_eq!(overridden("a"), None);
    }

    #[test]
    fn a_switch_is_on_where_go_says_so() {
        for (value, on) in
            [("true", true), ("1", true), ("True", true), ("yes", false), ("", false), ("tRUE", false)]
        {
            assert_eq!(is_on(Some(&value.to_string())), on, "{value}");
        }
        assert!(!is_on(None));
    }
}
