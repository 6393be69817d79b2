//! The two request logs: every request to AWS and every request to Kubernetes.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// An offset in both logs. Later entries happened later.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mark {
    pub(crate) aws: u64,
    pub(crate) kubernetes: u64,
}

/// A request to AWS.
#[derive(Clone, Debug, Deserialize)]
pub struct AwsCall {
    pub time: String,
    pub service: String,
    pub operation: String,
    /// Whether the call is neither a read nor a dry run.
    pub mutating: bool,
    pub caller: Option<String>,
    #[serde(default)]
    pub user_agent: Option<String>,
    pub status: u16,
    pub error_code: Option<String>,
}

/// A request to the API server, from its audit log.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KubernetesCall {
    pub verb: String,
    #[serde(rename = "requestURI")]
    pub uri: String,
    #[serde(default)]
    pub user_agent: String,
    pub user: User,
    #[serde(default)]
    pub object_ref: Object,
    #[serde(default)]
    pub response_status: Status,
    /// The body, for evictions and writes of nodes, ConfigMaps, DaemonSets, Deployments, ENIConfigs and Karpenter's
    /// objects.
    #[serde(default)]
    pub request_object: Value,
    pub request_received_timestamp: String,
}

/// Empty if authentication failed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct User {
    pub username: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Object {
    pub api_group: String,
    pub resource: String,
    pub subresource: String,
    pub namespace: String,
    pub name: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Status {
    #[serde(default)]
    pub code: u16,
}

impl KubernetesCall {
    /// Whether the request would change a stored object: not a dry run and not a review (a query sent as a POST).
    pub fn mutating(&self) -> bool {
        let review =
            matches!(self.object_ref.api_group.as_str(), "authorization.k8s.io" | "authentication.k8s.io");
        matches!(self.verb.as_str(), "create" | "update" | "patch" | "delete" | "deletecollection")
            && !review
            && !self.uri.contains("dryRun=All")
    }

    /// Whether the program under test made the request.
    pub fn by_program(&self) -> bool {
        self.user_agent.starts_with("eni-custom")
    }
}

/// The current end of the log.
pub(crate) fn end(log: &Path) -> u64 {
    log.metadata().map_or(0, |metadata| metadata.len())
}

/// The lines after an offset.
pub(crate) fn read<T: DeserializeOwned>(log: &Path, from: u64) -> Result<Vec<T>> {
    let mut text = String::new();
    let mut file = File::open(log).with_context(|| format!("opening {}", log.display()))?;
    file.seek(SeekFrom::Start(from))?;
    file.read_to_string(&mut text)?;
    // The last line may still be incomplete.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole
        .lines()
        .map(|line| serde_json::from_str(line).with_context(|| format!("in {}: {line}", log.display())))
        .collect()
}
