//! A program's read requests according to the API server's audit log.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, Result};
use k8s_openapi::jiff::Timestamp;
use serde::Deserialize;

/// Requests for one resource. Times are in seconds since 1970.
#[derive(Clone, Debug)]
pub(crate) struct Reads {
    pub resource: String,
    pub requests: usize,
    pub start: f64,
    pub end: f64,
    /// Sum of the server's time for each request.
    pub server: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    verb: String,
    #[serde(default)]
    user_agent: String,
    #[serde(default)]
    object_ref: Object,
    request_received_timestamp: Timestamp,
    stage_timestamp: Timestamp,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Object {
    resource: String,
}

pub(crate) fn now() -> f64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

/// Lists and gets of a user agent from an offset in the log to its end, by resource, the longest first.
pub(crate) fn of(log: &Path, from: u64, agent: &str) -> Result<Vec<Reads>> {
    let mut file = File::open(log).with_context(|| format!("opening {}", log.display()))?;
    file.seek(SeekFrom::Start(from))?;
    let mut reads: BTreeMap<String, Reads> = BTreeMap::new();
    for line in BufReader::new(file).lines() {
        let Ok(line) = serde_json::from_str::<Line>(&line?) else { continue };
        if !line.user_agent.starts_with(agent) || !matches!(line.verb.as_str(), "list" | "get") {
            continue;
        }
        let (start, end) = (seconds(line.request_received_timestamp), seconds(line.stage_timestamp));
        let resource = line.object_ref.resource;
        let each =
            reads.entry(resource.clone()).or_insert(Reads { resource, requests: 0, start, end, server: 0.0 });
        each.requests += 1;
        (each.start, each.end) = (each.start.min(start), each.end.max(end));
        each.server += end - start;
    }
    let mut reads: Vec<Reads> = reads.into_values().collect();
    reads.sort_by(|a, b| (b.end - b.start).total_cmp(&(a.end - a.start)));
    Ok(reads)
}

fn seconds(time: Timestamp) -> f64 {
    time.as_microsecond() as f64 / 1e6
}
