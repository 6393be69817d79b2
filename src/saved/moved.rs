//! What differs between a saved plan and the plan of today. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::issue::Issue;
use crate::step::{Change, Field};

use super::{Saved, SavedStep};

const MEND: &str = "look at it, then plan anew: eni-custom plan --out FILE";

/// Each thing that moved: facts first, they are the reason for the rest.
pub fn moved(saved: &Saved, steps: &[SavedStep], facts: &BTreeMap<String, String>) -> Vec<Issue> {
    let mut found = Vec::new();
    let names: BTreeSet<&String> = saved.facts.keys().chain(facts.keys()).collect();
    for name in names {
        let (was, now) = (saved.facts.get(name), facts.get(name));
        if was != now {
            let told = |value: Option<&String>| value.map_or("not there", String::as_str).to_string();
            found.push(
                Issue::error("EC-PLN-002", format!("{name} is not what it was when the plan was made"))
                    .at(name)
                    .why(format!("it was: {}; it is: {}", told(was), told(now)))
                    .fix(MEND),
            );
        }
    }
    let now: BTreeMap<_, _> = steps.iter().map(|step| (step.step, &step.changes)).collect();
    for step in &saved.steps {
        let then = by_resource(&step.changes);
        let now = now.get(&step.step).map(|changes| by_resource(changes)).unwrap_or_default();
        let resources: BTreeSet<&str> = then.keys().chain(now.keys()).copied().collect();
        for resource in resources {
            let (was, is) = (then.get(resource), now.get(resource));
            if was == is {
                continue;
            }
            let what = match (was, is) {
                (Some(_), None) => format!("{resource} is not to be changed any more"),
                (None, _) => format!("{resource} is not in the plan"),
                _ => format!("{resource} would be changed otherwise than planned"),
            };
            found.push(
                Issue::error("EC-PLN-001", what)
                    .at(format!("step {} {}", step.step.number(), step.step.name()))
                    .why(differing(was.copied(), is.copied()))
                    .fix(MEND),
            );
        }
    }
    found
}

fn by_resource(changes: &[Change]) -> BTreeMap<&str, &Change> {
    changes.iter().map(|change| (change.resource.as_str(), change)).collect()
}

/// `planned: …; now: …`, where both are there of what differs alone.
fn differing(was: Option<&Change>, is: Option<&Change>) -> String {
    let fields = |one: &Change, other: Option<&Change>| {
        let differs = |field: &&Field| other.is_none_or(|other| !other.fields.contains(field));
        let told: Vec<String> = one.fields.iter().filter(differs).map(one_field).collect();
        let told = if told.is_empty() { "without that".to_string() } else { told.join(", ") };
        format!("{} {told}", one.sign.mark())
    };
    let told = |one: Option<&Change>, other: Option<&Change>| {
        one.map_or_else(|| "no change".to_string(), |one| fields(one, other))
    };
    format!("planned: {}; now: {}", told(was, is), told(is, was))
}

fn one_field(field: &Field) -> String {
    let after = field.after.as_deref().unwrap_or("(known after apply)");
    match &field.before {
        Some(before) => format!("{} {before} -> {after}", field.name),
        None => format!("{} {after}", field.name),
    }
}
