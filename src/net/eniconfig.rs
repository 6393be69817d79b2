//! Which ENIConfig a node uses, by the rules of the VPC CNI.
//!
//! Source: amazon-vpc-cni-k8s, pkg/eniconfig, GetNodeSpecificENIConfigName. The first key that exists decides, even if its
//! value is empty: then no ENIConfig is used.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The relevant fields of an ENIConfig.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EniConfig {
    pub name: String,
    pub subnet: String,
    pub security_groups: Vec<String>,
    /// Labelled as managed by eni-custom.
    #[serde(default)]
    pub ours: bool,
}

/// Set by an external manager of ENIConfigs; wins over everything.
pub(crate) const EXTERNAL_LABEL: &str = "vpc.amazonaws.com/externalEniConfig";
/// Default key of the annotation and the label.
pub(crate) const DEFAULT_KEY: &str = "k8s.amazonaws.com/eniConfig";
/// The ENIConfig of a node that has none of the keys.
pub(crate) const DEFAULT_NAME: &str = "default";

/// What determines the ENIConfig's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    ExternalLabel,
    Annotation(String),
    Label(String),
    /// None of the keys; holds the key of the missing label.
    Nothing(String),
}

/// The name of a node's ENIConfig, which need not exist.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Resolved {
    pub name: String,
    pub source: Source,
    /// The name in the label, if an annotation or the external label overrides it.
    pub overridden: Option<String>,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::ExternalLabel => write!(f, "label {EXTERNAL_LABEL}"),
            Source::Annotation(key) => write!(f, "annotation {key}"),
            Source::Label(key) => write!(f, "label {key}"),
            Source::Nothing(key) => write!(f, "missing label {key}"),
        }
    }
}

/// The ENIConfig of a node with these labels and annotations, for this environment of aws-node.
pub(crate) fn resolve(
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

/// A boolean in aws-node's environment, parsed as Go's ParseBool does; an invalid value is false.
pub(crate) fn is_on(value: Option<&String>) -> bool {
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
    fn the_first_existing_key_decides_even_if_it_is_empty() {
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
    fn an_overridden_label_is_kept_if_it_differs() {
        let env = map(&[("ENI_CONFIG_LABEL_DEF", ZONE)]);
        let overridden =
            |name: &str| resolve(&map(&[(ZONE, "a")]), &map(&[(DEFAULT_KEY, name)]), &env).overridden;
        assert_eq!(overridden("b"), Some("a".into()));
        assert_eq!(overridden("a"), None);
    }

    #[test]
    fn a_boolean_is_parsed_as_go_does() {
        for (value, on) in
            [("true", true), ("1", true), ("True", true), ("yes", false), ("", false), ("tRUE", false)]
        {
            assert_eq!(is_on(Some(&value.to_string())), on, "{value}");
        }
        assert!(!is_on(None));
    }
}
