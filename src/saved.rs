//! A plan in a file: what was asked, what it was made from, and the changes. It is applied as it is, or not at all.
//!
//! There is nothing secret in it. Its digest shows that it was changed by accident or by hand; it is no signature, for
//! who can write the file can write another digest.

mod ground;
mod moved;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::design::Design;
use crate::error::{Error, Result};
use crate::facts::{Caller, Cluster, Facts};
use crate::issue::Issue;
use crate::plan::Plan;
use crate::settings::Settings;
use crate::step::{Change, Step};

/// Of the file, not of the program.
const FORMAT_VERSION: u32 = 1;
const KIND: &str = "eni-custom plan";

/// The file's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    pub kind: String,
    pub format_version: u32,
    pub program_version: String,
    /// The cluster's name, and the place where it is.
    pub cluster: String,
    pub cluster_arn: String,
    pub account: String,
    pub region: String,
    /// What was asked, by flag; a switch has no value.
    pub settings: BTreeMap<String, Vec<String>>,
    /// Ids of warnings that were accepted.
    pub accepted: BTreeSet<String>,
    pub steps: Vec<SavedStep>,
    /// What was read and matters.
    pub facts: BTreeMap<String, String>,
    pub facts_digest: String,
    /// Over all the rest.
    pub digest: String,
}

/// A step's changes, without what is only a forecast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedStep {
    pub step: Step,
    pub changes: Vec<Change>,
}

impl Saved {
    /// The plan of a cluster that was read just now.
    pub fn of(plan: &Plan, design: &Design, facts: &Facts, settings: &Settings) -> Saved {
        let ground = ground::ground(design, facts, settings);
        let mut saved = Saved {
            kind: KIND.into(),
            format_version: FORMAT_VERSION,
            program_version: env!("CARGO_PKG_VERSION").into(),
            cluster: facts.cluster.name.clone(),
            cluster_arn: plan.cluster.clone(),
            account: plan.account.clone(),
            region: plan.region.clone(),
            settings: settings.asked(),
            accepted: settings.accept.clone(),
            steps: steps(plan),
            facts_digest: digest(&serde_json::json!(ground)),
            facts: ground,
            digest: String::new(),
        };
        saved.digest = saved.own_digest();
        saved
    }

    /// Refuses a cluster that is not the plan's.
    pub fn is_for(&self, caller: &Caller, cluster: &Cluster) -> Result<()> {
        let targets = [
            ("account", &self.account, &caller.account),
            ("region", &self.region, &caller.region),
            ("cluster", &self.cluster_arn, &cluster.arn),
        ];
        match targets.into_iter().find(|(_, planned, there)| planned != there) {
            None => Ok(()),
            Some((what, planned, there)) => Err(Error::refused(format!(
                "the plan is for {what} {planned}, and this is {there}; nothing was changed"
            ))
            .at("--plan")
            .fix("use the credentials that the plan was made with, or plan anew for this cluster")),
        }
    }

    /// What is not as it was when the plan was made.
    pub fn moved(&self, plan: &Plan, design: &Design, facts: &Facts, settings: &Settings) -> Vec<Issue> {
        moved::moved(self, &steps(plan), &ground::ground(design, facts, settings))
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
    let hash = Sha256::digest(value.to_string());
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// Writes the file in one go: who reads it meanwhile sees the old one or the new one.
pub fn write(saved: &Saved, path: &Path) -> Result<()> {
    let failed = |error: &dyn std::fmt::Display| {
        Error::failed("the plan can't be saved").at(path.display().to_string()).because(error)
    };
    let text = serde_json::to_string_pretty(saved).map_err(|error| failed(&error))?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    std::fs::write(&beside, format!("{text}\n")).map_err(|error| failed(&error))?;
    std::fs::rename(&beside, path).map_err(|error| failed(&error))
}

/// Reads a saved plan, and refuses one that this program can't stand for.
pub fn read(path: &Path) -> Result<Saved> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::usage("the plan can't be read")
            .at(path.display().to_string())
            .because(error)
            .fix("eni-custom plan --out FILE makes one")
    })?;
    parse(&text).map_err(|error| error.at(path.display().to_string()))
}

fn parse(text: &str) -> Result<Saved> {
    let anew = "plan anew: eni-custom plan --out FILE";
    let no_plan = |why: &dyn std::fmt::Display| {
        Error::usage("the file is no saved plan of eni-custom")
            .because(why)
            .fix("the output of plan --output json can't be applied: plan --out FILE makes what can")
    };
    let value: Value = serde_json::from_str(text).map_err(|error| no_plan(&error))?;
    if value.get("kind").and_then(Value::as_str) != Some(KIND) {
        return Err(no_plan(&format!("its kind is not '{KIND}'")));
    }
    match value.get("format_version").and_then(Value::as_u64) {
        Some(version) if version == u64::from(FORMAT_VERSION) => {}
        version => {
            let version = version.map_or_else(|| "unknown".to_string(), |version| version.to_string());
            return Err(Error::refused(format!(
                "the plan's format version is {version}, and this program reads {FORMAT_VERSION}; nothing was changed"
            ))
            .fix(anew));
        }
    }
    let edited = |why: &str| {
        Error::refused("the plan was edited after it was made; nothing was changed").because(why).fix(anew)
    };
    let saved: Saved = serde_json::from_value(value.clone()).map_err(|error| edited(&error.to_string()))?;
    if serde_json::json!(saved) != value {
        return Err(edited("it has more in it than a plan"));
    }
    if saved.digest != saved.own_digest() || saved.facts_digest != digest(&serde_json::json!(saved.facts)) {
        return Err(edited("its digest is not that of its content"));
    }
    Ok(saved)
}

#[cfg(test)]
mod tests;
