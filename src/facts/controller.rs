//! What creates pods.

use super::named::named;

/// The controlling owner of a Pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Controller {
    pub kind: ControllerKind,
    pub name: String,
}

named! {
    /// The kind of a controller.
    ControllerKind {
        DaemonSet = "DaemonSet",
        Deployment = "Deployment",
        ReplicaSet = "ReplicaSet",
        ReplicationController = "ReplicationController",
        /// Of Argo Rollouts.
        Rollout = "Rollout",
        StatefulSet = "StatefulSet",
    }
}

impl ControllerKind {
    /// As in kubectl's arguments: `replicaset`.
    pub fn lowercase(&self) -> String {
        self.name().to_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_keeps_its_name_known_or_not() {
        for name in ["DaemonSet", "ReplicaSet", "Rollout", "StatefulSet", "CloneSet"] {
            let kind = ControllerKind::from(name);
            assert_eq!(kind.name(), name);
            assert_eq!(matches!(kind, ControllerKind::Other(_)), name == "CloneSet");
        }
    }
}
