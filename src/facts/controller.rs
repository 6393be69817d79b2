//! What creates pods.

use std::fmt;

/// The controlling owner of a Pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Controller {
    pub kind: ControllerKind,
    pub name: String,
}

/// The kind of a controller; one that is not known here keeps its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ControllerKind {
    DaemonSet,
    Deployment,
    Job,
    ReplicaSet,
    ReplicationController,
    /// Of Argo Rollouts.
    Rollout,
    StatefulSet,
    Other(String),
}

impl ControllerKind {
    /// `ReplicaSet`
    pub fn name(&self) -> &str {
        match self {
            ControllerKind::DaemonSet => "DaemonSet",
            ControllerKind::Deployment => "Deployment",
            ControllerKind::Job => "Job",
            ControllerKind::ReplicaSet => "ReplicaSet",
            ControllerKind::ReplicationController => "ReplicationController",
            ControllerKind::Rollout => "Rollout",
            ControllerKind::StatefulSet => "StatefulSet",
            ControllerKind::Other(name) => name,
        }
    }

    /// As in kubectl's arguments: `replicaset`.
    pub fn lowercase(&self) -> String {
        self.name().to_lowercase()
    }
}

impl From<String> for ControllerKind {
    fn from(name: String) -> Self {
        use ControllerKind::*;
        let known = [DaemonSet, Deployment, Job, ReplicaSet, ReplicationController, Rollout, StatefulSet];
        known.into_iter().find(|kind| kind.name() == name).unwrap_or(Other(name))
    }
}

impl From<&str> for ControllerKind {
    fn from(name: &str) -> Self {
        name.to_string().into()
    }
}

impl fmt::Display for ControllerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_keeps_its_name_known_or_not() {
        for name in ["DaemonSet", "Job", "ReplicaSet", "Rollout", "StatefulSet", "CloneSet"] {
            let kind = ControllerKind::from(name);
            assert_eq!(kind.name(), name);
            assert_eq!(matches!(kind, ControllerKind::Other(_)), name == "CloneSet");
        }
    }
}
