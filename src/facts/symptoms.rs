//! Symptoms of problems besides the facts: nodes that are not Ready, Pending pods and events. Only `doctor` reads them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Obstacle, WaitingPod};

/// Symptoms of problems, besides the facts.
#[derive(Debug, Clone, Default)]
pub struct Symptoms {
    pub nodes: Vec<NodeTrouble>,
    pub pods: Vec<WaitingPod>,
    pub events: Vec<ClusterEvent>,
    /// A run of eni-custom is active: it resumes what it has suspended.
    pub run_at_work: bool,
    /// What could not be read, and why.
    pub unread: BTreeMap<&'static str, String>,
}

/// A node that is not Ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeTrouble {
    pub name: String,
    /// Its Ready condition's message.
    pub message: String,
}

/// A Warning event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterEvent {
    /// `Pod` or `Node`
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub reason: String,
    pub message: String,
    /// The causes that the message names.
    pub obstacles: BTreeSet<Obstacle>,
}
