//! A saved plan: settings, facts and changes in a file. It is applied exactly as it is, or not at all.
//!
//! The file contains no secrets. Its digest detects edits; it is not a signature, because whoever can write the file can
//! also write another digest.

mod drift;
mod preconditions;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::facts::{Caller, Cluster};
use crate::issue::Issue;
use crate::plan::Plan;
use crate::scene::Scene;
use crate::step::{Change, Step};

/// Version of the file format, not of the program.
const FORMAT_VERSION: u32 = 1;
const KIND: &str = "eni-custom plan";

/// The file's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Saved {
    pub kind: String,
    pub format_version: u32,
    pub program_version: String,
    /// The cluster's name.
    pub cluster: String,
    pub cluster_arn: String,
    pub account: String,
    pub region: String,
    /// The settings by flag; a switch has no value.
    pub settings: BTreeMap<String, Vec<String>>,
    /// Ids of accepted warnings.
    pub accepted: BTreeSet<String>,
    pub steps: Vec<SavedStep>,
    /// The facts that the plan depends on.
    pub facts: BTreeMap<String, String>,
    pub facts_digest: String,
    /// Digest of all other fields.
    pub digest: String,
}

/// A step's changes, without predictions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SavedStep {
    pub step: Step,
    pub changes: Vec<Change>,
}

impl Saved {
    /// The saved form of a new plan.
    pub(crate) fn of(plan: &Plan, scene: &Scene<'_>) -> Saved {
        let Scene { design: _, facts, settings, .. } = *scene;
        let preconditions = preconditions::preconditions(scene);
        let mut saved = Saved {
            kind: KIND.into(),
            format_version: FORMAT_VERSION,
            program_version: env!("CARGO_PKG_VERSION").into(),
            cluster: facts.cluster.name.clone(),
            cluster_arn: plan.cluster.clone(),
            account: plan.account.clone(),
            region: plan.region.clone(),
            settings: settings.asked(),
            accepted: settings.run.accept.iter().map(ToString::to_string).collect(),
            steps: steps(plan),
            facts_digest: digest(&serde_json::json!(preconditions)),
            facts: preconditions,
            digest: String::new(),
        };
        saved.digest = saved.own_digest();
        saved
    }

    /// Errors if the plan is for another account, region or cluster.
    pub(crate) fn is_for(&self, caller: &Caller, cluster: &Cluster) -> Result<()> {
        let targets = [
            ("account", &self.account, &caller.account),
            ("region", &self.region, &caller.region),
            ("cluster", &self.cluster_arn, &cluster.arn),
        ];
        match targets.into_iter().find(|(_, planned, there)| planned != there) {
            None => Ok(()),
            Some((what, planned, there)) => Err(Error::refused(format!(
                "the plan is for {what} {planned}, but the target is {there}; nothing was changed"
            ))
            .at("--plan")
            .fix("use the credentials that the plan was made with, or create a new plan for this cluster")),
        }
    }

    /// What has changed since the plan was made.
    pub(crate) fn drift(&self, plan: &Plan, scene: &Scene<'_>) -> Vec<Issue> {
        drift::drift(self, &steps(plan), &preconditions::preconditions(scene))
    }

    fn own_digest(&self) -> String {
        let rest = Saved { digest: String::new(), ..self.clone() };
        digest(&serde_json::json!(rest))
    }
}

fn steps(plan: &Plan) -> Vec<SavedStep> {
    let firm = |change: &Change| {
        let mut change = change.clone();
        change.fields.retain(|field| !field.forecast);
        change
    };
    let step = |step: &crate::plan::StepPlan| SavedStep {
        step: step.step,
        changes: step.changes.iter().map(firm).collect(),
    };
    plan.steps.iter().map(step).collect()
}

fn digest(value: &Value) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(value.to_string())))
}

/// Writes the file atomically: a reader sees the old or the new content.
pub(crate) fn write(saved: &Saved, path: &Path) -> Result<()> {
    let text = serde_json::to_string_pretty(saved)
        .map_err(|error| Error::failed("save the plan").at(path.display().to_string()).because(error))?;
    replace(path, &format!("{text}\n"), "the plan")
}

/// Writes a file atomically. `what` it is, for the error.
pub(crate) fn replace(path: &Path, text: &str, what: &str) -> Result<()> {
    let failed = |error: std::io::Error| {
        Error::failed(format!("{what} can't be saved")).at(path.display().to_string()).because(error)
    };
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    std::fs::write(&temporary, text).map_err(failed)?;
    std::fs::rename(&temporary, path).map_err(failed)
}

/// Reads a saved plan. Errors if it was edited or has another format version.
pub(crate) fn read(path: &Path) -> Result<Saved> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::usage("the plan can't be read")
            .at(path.display().to_string())
            .because(error)
            .fix("create one: eni-custom plan --out FILE")
    })?;
    parse(&text).map_err(|error| error.at(path.display().to_string()))
}

fn parse(text: &str) -> Result<Saved> {
    let new_plan = "create a new plan: eni-custom plan --out FILE";
    let not_a_plan = |why: &dyn std::fmt::Display| {
        Error::usage("the file is not a saved eni-custom plan")
            .because(why)
            .fix("create a saved plan: eni-custom plan --out FILE (the output of plan --output json can't be applied)")
    };
    let value: Value = serde_json::from_str(text).map_err(|error| not_a_plan(&error))?;
    if value.get("kind").and_then(Value::as_str) != Some(KIND) {
        return Err(not_a_plan(&format!("its kind is not '{KIND}'")));
    }
    match value.get("format_version").and_then(Value::as_u64) {
        Some(version) if version == u64::from(FORMAT_VERSION) => {}
        version => {
            let version = version.map_or_else(|| "unknown".to_string(), |version| version.to_string());
            return Err(Error::refused(format!(
                "the plan's format version is {version}, but this version of eni-custom reads {FORMAT_VERSION}; nothing was changed"
            ))
            .fix(new_plan));
        }
    }
    let edited = |why: &str| {
        Error::refused("the plan was edited after it was made; nothing was changed")
            .because(why)
            .fix(new_plan)
    };
    let saved: Saved = serde_json::from_value(value.clone()).map_err(|error| edited(&error.to_string()))?;
    if serde_json::json!(saved) != value {
        return Err(edited("it has fields that a plan does not have"));
    }
    if saved.digest != saved.own_digest() || saved.facts_digest != digest(&serde_json::json!(saved.facts)) {
        return Err(edited("its digest does not match its content"));
    }
    Ok(saved)
}

#[cfg(test)]
mod tests;
