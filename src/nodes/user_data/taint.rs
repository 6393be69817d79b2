//! Taints that a kubelet registers its node with.

use std::fmt;

use super::label;
use crate::facts::Taint;

/// A taint that a kubelet accepts from its command line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeTaint {
    key: String,
    value: String,
    effect: TaintEffect,
}

/// What a taint does to pods that don't tolerate it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TaintEffect {
    NoSchedule,
    PreferNoSchedule,
    NoExecute,
}

impl TaintEffect {
    const ALL: [TaintEffect; 3] =
        [TaintEffect::NoSchedule, TaintEffect::PreferNoSchedule, TaintEffect::NoExecute];
}

impl fmt::Display for TaintEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TaintEffect::NoSchedule => "NoSchedule",
            TaintEffect::PreferNoSchedule => "PreferNoSchedule",
            TaintEffect::NoExecute => "NoExecute",
        })
    }
}

/// Not a taint that a kubelet accepts: one keeps it from starting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a taint; expected key=value:effect, with the effect NoSchedule, PreferNoSchedule or NoExecute"
)]
pub(crate) struct NodeTaintError(pub String);

impl NodeTaint {
    /// Checks key and value against Kubernetes's rules (k8s.io/kubernetes, pkg/util/taints).
    pub(crate) fn new(key: &str, value: &str, effect: &str) -> Result<NodeTaint, NodeTaintError> {
        let known = TaintEffect::ALL.into_iter().find(|known| known.to_string() == effect);
        match known {
            Some(effect) if label::is_key(key) && label::is_value(value) => {
                Ok(NodeTaint { key: key.to_string(), value: value.to_string(), effect })
            }
            _ => Err(NodeTaintError(format!("{key}={value}:{effect}"))),
        }
    }

    /// As in kubelet's `--register-with-taints`: `key=value:effect` or `key:effect`.
    pub(crate) fn parse(text: &str) -> Result<NodeTaint, NodeTaintError> {
        let error = || NodeTaintError(text.to_string());
        let (taint, effect) = text.split_once(':').ok_or_else(error)?;
        let (key, value) = taint.split_once('=').unwrap_or((taint, ""));
        NodeTaint::new(key, value, effect).map_err(|_| error())
    }

    /// `dedicated`
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// May be empty.
    pub(crate) fn value(&self) -> &str {
        &self.value
    }

    pub(crate) fn effect(&self) -> TaintEffect {
        self.effect
    }
}

/// `key=value:effect`, as in kubelet's `--register-with-taints`.
impl fmt::Display for NodeTaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}:{}", self.key, self.value, self.effect)
    }
}

impl TryFrom<&Taint> for NodeTaint {
    type Error = NodeTaintError;

    fn try_from(taint: &Taint) -> Result<NodeTaint, NodeTaintError> {
        NodeTaint::new(&taint.key, &taint.value, &taint.effect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taints_are_read_as_kubelet_reads_them() {
        for (text, key, value, effect) in [
            ("dedicated=db:NoSchedule", "dedicated", "db", TaintEffect::NoSchedule),
            ("example.com/gpu:NoExecute", "example.com/gpu", "", TaintEffect::NoExecute),
            ("spot=:PreferNoSchedule", "spot", "", TaintEffect::PreferNoSchedule),
            (
                "node.cilium.io/agent-not-ready=true:NoExecute",
                "node.cilium.io/agent-not-ready",
                "true",
                TaintEffect::NoExecute,
            ),
        ] {
            let taint = NodeTaint::parse(text).unwrap();
            assert_eq!((taint.key(), taint.value(), taint.effect()), (key, value, effect));
            assert_eq!(NodeTaint::parse(&taint.to_string()), Ok(taint.clone()));
            let fact = Taint { key: key.into(), value: value.into(), effect: effect.to_string() };
            assert_eq!(NodeTaint::try_from(&fact), Ok(taint));
        }
    }

    #[test]
    fn what_kubelet_refuses_is_refused() {
        for text in [
            "",
            "a",
            "a=b",
            ":NoSchedule",
            "a=b:",
            "a=b:noschedule",
            "a=b=c:NoSchedule",
            "a b:NoExecute",
            "a=b:NoSchedule:x",
            "a=-:NoSchedule",
        ] {
            assert_eq!(NodeTaint::parse(text), Err(NodeTaintError(text.into())), "{text}");
        }
    }
}
