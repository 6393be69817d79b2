//! The least that IAM and Kubernetes must allow for a run: one table of calls, and the documents made of it.
//!
//! Pure, and needs no network. CloudFormation makes a stack's resources with the permissions of who made the stack
//! (forward access sessions), so what it calls stands in the table too.

pub mod actions;
mod back;
pub mod calls;
pub mod grants;
pub mod kubernetes;
mod need;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::step::Step;

pub use actions::all;
pub use grants::{Condition, Grant, Names, Probe};
pub use need::{Action, By, Need, Only};

/// Which commands a policy is for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted {
    /// Those that only look: plan, status, verify, doctor.
    pub read_only: bool,
    /// One step by itself, in place of all nine.
    pub step: Option<Step>,
    /// Instances that no group owns are to be terminated (`--terminate-unowned`).
    pub terminate_unowned: bool,
    /// Those that take back, in place of those that set up.
    pub undo: bool,
    /// Old node groups that are gone by then get stand-ins.
    pub stand_ins: bool,
}

impl Wanted {
    fn takes(&self, need: Need) -> bool {
        match need {
            Need::Discovery => true,
            Need::DiscoveryForward => !self.undo,
            Need::DiscoveryBack => self.undo,
            Need::In { .. } if self.read_only => false,
            Need::In { forward, back } => {
                let steps = if self.undo { back } else { forward };
                // They are launched as step 7 launches, when step 9 is taken back.
                let stands_in = self.undo && self.stand_ins && forward.contains(&Step::LaunchNodegroups);
                match self.step {
                    None => !steps.is_empty() || stands_in,
                    Some(step) => steps.contains(&step) || (stands_in && step == Step::DrainNodes),
                }
            }
        }
    }

    /// The steps that need it, for people.
    fn told(&self, need: Need) -> String {
        let (steps, way) = match need {
            Need::Discovery => return "every command".into(),
            Need::DiscoveryForward => return "every command but undo".into(),
            Need::DiscoveryBack => return "every undo".into(),
            Need::In { back, .. } if self.undo => (back, "undo of "),
            Need::In { forward, .. } => (forward, ""),
        };
        match steps.len() {
            0 => format!("{way}{}, for stand-ins", Step::DrainNodes.name()),
            all if all == Step::DOCUMENTED.len() => format!("{way}every step"),
            _ => format!("{way}{}", steps.iter().map(|step| step.name()).collect::<Vec<_>>().join(", ")),
        }
    }

    /// The actions of these commands, in the order of the table.
    pub fn actions(&self) -> impl Iterator<Item = &'static Action> {
        let Wanted { terminate_unowned, .. } = *self;
        let asked_for = move |action: &&Action| terminate_unowned || action.only != Only::Unowned;
        all().filter(|action| self.takes(action.need)).filter(asked_for)
    }
}

/// What a managed policy takes, in characters without white space ("IAM and AWS STS quotas", IAM user guide). A role's
/// inline policies take 10,240.
pub const MANAGED_POLICY: usize = 6144;

/// A statement on its way.
#[derive(Default)]
struct Statement {
    actions: BTreeSet<&'static str>,
    resources: Vec<String>,
    /// By operator, then by key.
    conditions: BTreeMap<&'static str, BTreeMap<String, Vec<String>>>,
}

/// The policy document: Version 2012-10-17, a statement for each condition.
pub fn document(wanted: &Wanted, names: &Names) -> Value {
    let mut grants: BTreeMap<Grant, BTreeSet<&'static str>> = BTreeMap::new();
    for action in wanted.actions() {
        // Nothing is granted on what the cluster doesn't have.
        for grant in action.grants.iter().filter(|grant| !grant.resources(names).is_empty()) {
            grants.entry(*grant).or_default().insert(action.name);
        }
    }
    let mut statements: Vec<(&str, Statement)> = Vec::new();
    for (grant, actions) in grants {
        let at = statements.iter().position(|(sid, _)| *sid == grant.sid()).unwrap_or_else(|| {
            statements.push((grant.sid(), Statement::default()));
            statements.len() - 1
        });
        let statement = &mut statements[at].1;
        statement.actions.extend(actions);
        add_new(&mut statement.resources, grant.resources(names));
        for Condition { operator, key, values } in grant.conditions(names) {
            add_new(statement.conditions.entry(operator).or_default().entry(key).or_default(), values);
        }
    }
    let statements: Vec<Value> =
        statements.into_iter().map(|(sid, statement)| shown(sid, statement)).collect();
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn shown(sid: &str, statement: Statement) -> Value {
    let Statement { actions, resources, conditions } = statement;
    let mut shown = json!({
        "Sid": sid,
        "Effect": "Allow",
        "Action": actions,
        "Resource": one_or_many(resources),
    });
    if !conditions.is_empty() {
        let conditions: BTreeMap<&str, BTreeMap<String, Value>> = conditions
            .into_iter()
            .map(|(operator, keys)| {
                (operator, keys.into_iter().map(|(key, values)| (key, one_or_many(values))).collect())
            })
            .collect();
        shown["Condition"] = json!(conditions);
    }
    shown
}

fn add_new(to: &mut Vec<String>, values: Vec<String>) {
    for value in values {
        if !to.contains(&value) {
            to.push(value);
        }
    }
}

fn one_or_many(mut values: Vec<String>) -> Value {
    if values.len() == 1 { json!(values.remove(0)) } else { json!(values) }
}

/// The table as people read it: each action, the steps that need it, and why.
pub fn reasons(wanted: &Wanted) -> String {
    let rows: Vec<(&str, String, String)> = wanted
        .actions()
        .map(|action| {
            let why = match action.by {
                By::Program => action.why.to_string(),
                By::CloudFormation => format!("{} (called by CloudFormation)", action.why),
            };
            (action.name, wanted.told(action.need), why)
        })
        .collect();
    let width =
        |column: fn(&(&str, String, String)) -> usize| rows.iter().map(column).max().unwrap_or_default();
    let (name, steps) = (width(|row| row.0.len()), width(|row| row.1.len()));
    rows.iter().map(|row| format!("{:name$}  {:steps$}  {}\n", row.0, row.1, row.2)).collect()
}

#[cfg(test)]
mod tests;
