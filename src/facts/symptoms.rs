//! What tells of trouble, beside the facts: nodes that are not Ready, waiting pods and events. `doctor` alone reads it.

use std::collections::BTreeMap;

use super::WaitingPod;

/// What tells of trouble, beside the facts.
#[derive(Debug, Clone, Default)]
pub struct Symptoms {
    pub nodes: Vec<NodeTrouble>,
    pub pods: Vec<WaitingPod>,
    pub events: Vec<ClusterEvent>,
    /// A run of this program is at work: what it has suspended, it resumes.
    pub run_at_work: bool,
    /// What could not be read, and why.
    pub unread: BTreeMap<&'static str, String>,
}

/// A node that is not Ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeTrouble {
    pub name: String,
    /// Its Ready condition's words.
    pub told: String,
}

/// A warning of the cluster's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterEvent {
    /// `Pod` or `Node`
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub reason: String,
    pub message: String,
}
