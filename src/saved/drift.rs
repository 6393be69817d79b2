//! Drift: what differs between a saved plan and a plan made now. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::issue::{Issue, id};
use crate::step::{Change, Field};

use super::{Saved, SavedStep};

const FIX: &str = "review the difference, then create a new plan: eni-custom plan --out FILE";

/// All differences, facts first, because they cause the others.
pub(super) fn drift(saved: &Saved, steps: &[SavedStep], facts: &BTreeMap<String, String>) -> Vec<Issue> {
    let mut found = Vec::new();
    let names: BTreeSet<&String> = saved.facts.keys().chain(facts.keys()).collect();
    for name in names {
        let (was, now) = (saved.facts.get(name), facts.get(name));
        if was != now {
            let shown = |value: Option<&String>| value.map_or("missing", String::as_str).to_string();
            found.push(
                Issue::error(id::PLN_002, format!("{name} has changed since the plan was made"))
                    .at(name)
                    .why(format!("planned: {}; now: {}", shown(was), shown(now)))
                    .fix(FIX),
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
                (Some(_), None) => format!("the planned change of {resource} is no longer needed"),
                (None, _) => format!("the change of {resource} is not in the plan"),
                _ => format!("the change of {resource} differs from the plan"),
            };
            found.push(
                Issue::error(id::PLN_001, what)
                    .at(format!("step {} {}", step.step.number(), step.step.name()))
                    .why(differing(was.copied(), is.copied()))
                    .fix(FIX),
            );
        }
    }
    found
}

fn by_resource(changes: &[Change]) -> BTreeMap<&str, &Change> {
    changes.iter().map(|change| (change.resource.as_str(), change)).collect()
}

/// `planned: …; now: …`. If both exist, only the fields that differ.
fn differing(was: Option<&Change>, is: Option<&Change>) -> String {
    let fields = |one: &Change, other: Option<&Change>| {
        let differs = |field: &&Field| other.is_none_or(|other| !other.fields.contains(field));
        let shown: Vec<String> = one.fields.iter().filter(differs).map(one_field).collect();
        let shown = if shown.is_empty() { "no other value".to_string() } else { shown.join(", ") };
        format!("{} {shown}", one.sign.mark())
    };
    let shown = |one: Option<&Change>, other: Option<&Change>| {
        one.map_or_else(|| "no change".to_string(), |one| fields(one, other))
    };
    format!("planned: {}; now: {}", shown(was, is), shown(is, was))
}

fn one_field(field: &Field) -> String {
    let after = field.after.as_deref().unwrap_or("(known after apply)");
    match &field.before {
        Some(before) => format!("{} {before} -> {after}", field.name),
        None => format!("{} {after}", field.name),
    }
}
