//! The least privileges that a run needs in IAM and Kubernetes: one table of calls, and the policies generated from it.
//!
//! Pure, and needs no network. CloudFormation creates a stack's resources with the permissions of the stack's creator
//! (forward access sessions), so the table includes its calls.

pub(crate) mod actions;
pub(crate) mod calls;
pub(crate) mod grants;
pub(crate) mod kubernetes;
mod need;
mod undo;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::step::Step;

pub(crate) use actions::all;
pub(crate) use grants::{Condition, Grant, Names};
pub(crate) use need::{Action, By, Need, Only};

/// Which commands a policy is for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Scope {
    /// Read-only commands: plan, status, verify, doctor.
    pub read_only: bool,
    /// A single step instead of all nine.
    pub step: Option<Step>,
    /// Terminate instances that no group owns (`--terminate-unowned`).
    pub terminate_unowned: bool,
    /// Delete old managed node groups (`--delete-old-groups`).
    pub delete_old_groups: bool,
    /// Karpenter starts nodes.
    pub karpenter: bool,
    /// `undo` and `--undo` instead of setup.
    pub undo: bool,
    /// Managed node groups replace old ones (`--replace-with managed` or `same`).
    pub managed: bool,
    /// Undo creates replacement node groups for old node groups that no longer exist.
    pub replacements: bool,
}

impl Scope {
    fn includes(&self, need: Need) -> bool {
        match need {
            Need::Discovery => true,
            Need::DiscoverySetup => !self.undo,
            Need::DiscoveryUndo => self.undo,
            Need::In { .. } if self.read_only => false,
            Need::In { setup, undo } => {
                let steps = if self.undo { undo } else { setup };
                // The undo of step 9 launches replacement node groups with the calls of step 7.
                let replaces = self.undo && self.replacements && setup.contains(&Step::LaunchNodegroups);
                match self.step {
                    None => !steps.is_empty() || replaces,
                    Some(step) => steps.contains(&step) || (replaces && step == Step::DrainNodes),
                }
            }
        }
    }

    /// The steps that need it, as text.
    fn steps_text(&self, need: Need) -> String {
        let (steps, prefix) = match need {
            Need::Discovery => return "every command".into(),
            Need::DiscoverySetup => return "every command except undo".into(),
            Need::DiscoveryUndo => return "every undo".into(),
            Need::In { undo, .. } if self.undo => (undo, "undo of "),
            Need::In { setup, .. } => (setup, ""),
        };
        match steps.len() {
            0 => format!("{prefix}{}, for replacement node groups", Step::DrainNodes.name()),
            all if all == Step::DOCUMENTED.len() => format!("{prefix}every step"),
            _ => format!("{prefix}{}", steps.iter().map(|step| step.name()).collect::<Vec<_>>().join(", ")),
        }
    }

    /// The actions of these commands, in the order of the table.
    pub(crate) fn actions(&self) -> impl Iterator<Item = &'static Action> {
        let Scope { terminate_unowned, delete_old_groups, managed, .. } = *self;
        let requested = move |action: &&Action| match action.only {
            Only::Unowned => terminate_unowned,
            Only::OldGroups => delete_old_groups,
            Only::NewManaged | Only::NewManagedRarely | Only::ManagedStacksStay => managed,
            _ => true,
        };
        all().filter(|action| self.includes(action.need)).filter(requested)
    }
}

/// The size limit of a managed policy, in characters without white space ("IAM and AWS STS quotas", IAM user guide).
/// The limit of a role's inline policies is 10,240.
pub(crate) const MANAGED_POLICY: usize = 6144;

/// A statement being built.
#[derive(Default)]
struct Statement {
    actions: BTreeSet<&'static str>,
    resources: Vec<String>,
    /// By operator, then by key.
    conditions: BTreeMap<&'static str, BTreeMap<String, Vec<String>>>,
}

/// The policy document: Version 2012-10-17, a statement for each condition.
pub(crate) fn document(wanted: &Scope, names: &Names) -> Value {
    let mut grants: BTreeMap<Grant, BTreeSet<&'static str>> = BTreeMap::new();
    for action in wanted.actions() {
        // Grants without resources are skipped: the cluster doesn't have them.
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

/// The table as text: each action, the steps that need it, and why.
pub(crate) fn reasons(wanted: &Scope) -> String {
    let rows: Vec<(&str, String, String)> = wanted
        .actions()
        .map(|action| {
            let why = match action.by {
                By::Program => action.why.to_string(),
                By::CloudFormation => format!("{} (called by CloudFormation)", action.why),
            };
            (action.name, wanted.steps_text(action.need), why)
        })
        .collect();
    let width =
        |column: fn(&(&str, String, String)) -> usize| rows.iter().map(column).max().unwrap_or_default();
    let (name, steps) = (width(|row| row.0.len()), width(|row| row.1.len()));
    rows.iter().map(|row| format!("{:name$}  {:steps$}  {}\n", row.0, row.1, row.2)).collect()
}

#[cfg(test)]
mod tests;
