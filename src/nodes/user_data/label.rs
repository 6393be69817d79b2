//! Labels that a kubelet gives to its own node.

use std::fmt;

/// A node label that a kubelet accepts from its command line and may set on its own node.
///
/// A kubelet with any other label exits at start, so it is refused here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeLabel {
    key: String,
    value: String,
}

/// Why a label can't be given to a node by its kubelet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NodeLabelError {
    /// Not `name` or `prefix/name` as Kubernetes has it.
    #[error(
        "{key:?} is not a label key; expected at most 63 letters, digits, '-', '_' and '.', optionally after a DNS name and '/'"
    )]
    Key {
        /// As it was given.
        key: String,
    },
    /// Not a label value as Kubernetes has it.
    #[error(
        "{value:?} is not a label value; expected at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends"
    )]
    Value {
        /// As it was given.
        value: String,
    },
    /// A prefix that Kubernetes reserves.
    #[error(
        "a node can't set the label {key} on itself: Kubernetes reserves kubernetes.io and k8s.io, with few exceptions"
    )]
    Reserved {
        /// As it was given.
        key: String,
    },
}

/// Labels with reserved prefixes that kubelet may set: k8s.io/kubelet, pkg/apis/well_known_labels.go.
const ALLOWED: [&str; 11] = [
    "kubernetes.io/hostname",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
    "beta.kubernetes.io/instance-type",
    "node.kubernetes.io/instance-type",
    "kubernetes.io/os",
    "kubernetes.io/arch",
    "beta.kubernetes.io/os",
    "beta.kubernetes.io/arch",
];

/// Prefixes with which kubelet may set any label; the same source.
const ALLOWED_NAMESPACES: [&str; 2] = ["kubelet.kubernetes.io", "node.kubernetes.io"];

impl NodeLabel {
    /// Checks key and value against Kubernetes's rules, and that kubelet may set the key.
    pub(crate) fn new(key: &str, value: &str) -> Result<NodeLabel, NodeLabelError> {
        if !is_key(key) {
            return Err(NodeLabelError::Key { key: key.to_string() });
        }
        if !is_value(value) {
            return Err(NodeLabelError::Value { value: value.to_string() });
        }
        let namespace = key.split_once('/').map_or("", |(namespace, _)| namespace);
        let kept = ["kubernetes.io", "k8s.io"].into_iter().any(|domain| is_in(namespace, domain));
        let allowed =
            ALLOWED.contains(&key) || ALLOWED_NAMESPACES.into_iter().any(|domain| is_in(namespace, domain));
        if kept && !allowed {
            return Err(NodeLabelError::Reserved { key: key.to_string() });
        }
        Ok(NodeLabel { key: key.to_string(), value: value.to_string() })
    }

    /// `k8s.amazonaws.com/eniConfig`
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// `us-west-2a`; may be empty.
    pub(crate) fn value(&self) -> &str {
        &self.value
    }
}

/// `key=value`
impl fmt::Display for NodeLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

/// The domain itself or one below it.
fn is_in(namespace: &str, domain: &str) -> bool {
    namespace.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether a text is a qualified name, the key of a label or of a taint: `name` or `prefix/name`.
pub(super) fn is_key(text: &str) -> bool {
    match text.split_once('/') {
        Some((namespace, name)) => is_dns_name(namespace) && is_name(name),
        None => is_name(text),
    }
}

/// Whether a text is valid as the value of a label or of a taint.
pub(super) fn is_value(text: &str) -> bool {
    text.is_empty() || is_name(text)
}

/// Whether a text is valid as a label's name, or as a non-empty value.
fn is_name(text: &str) -> bool {
    text.len() <= 63
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && bounded(text, u8::is_ascii_alphanumeric)
}

/// A DNS subdomain (RFC 1123).
fn is_dns_name(text: &str) -> bool {
    let lower = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= 253
        && text
            .split('.')
            .all(|part| bounded(part, lower) && part.bytes().all(|byte| lower(&byte) || byte == b'-'))
}

/// Not empty, with valid first and last bytes.
fn bounded(text: &str, fits: impl Fn(&u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(&fits) && bytes.last().is_some_and(&fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_kubelet_takes() {
        for (key, value) in [
            ("k8s.amazonaws.com/eniConfig", "us-west-2a"),
            ("topology.kubernetes.io/zone", "us-west-2a"),
            ("node.kubernetes.io/anything", "x"),
            ("team.node.kubernetes.io/x", ""),
            ("example.com/a_b.c-d", "A.b_c-9"),
            ("plain", ""),
            ("notkubernetes.io/x", "y"),
        ] {
            let label = NodeLabel::new(key, value).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(label.to_string(), format!("{key}={value}"));
        }
    }

    #[test]
    fn labels_that_are_none() {
        let long = "x".repeat(64);
        for key in [
            "",
            "/",
            "a/",
            "/a",
            "a/b/c",
            "-a",
            "a-",
            "a b",
            "Upper.com/a",
            "a..b/c",
            "a,b",
            "a=b",
            "ä",
            &long,
        ] {
            assert_eq!(NodeLabel::new(key, ""), Err(NodeLabelError::Key { key: key.into() }));
        }
        for value in ["-", "a b", "a,b", "a=b", "'", "\"", "a\n", &long] {
            assert_eq!(NodeLabel::new("a", value), Err(NodeLabelError::Value { value: value.into() }));
        }
    }

    #[test]
    fn reserved_label_prefixes_are_refused() {
        for key in ["kubernetes.io/role", "node-role.kubernetes.io/worker", "k8s.io/x", "a.k8s.io/x"] {
            assert_eq!(NodeLabel::new(key, "x"), Err(NodeLabelError::Reserved { key: key.into() }));
        }
    }
}
