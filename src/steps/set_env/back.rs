//! The way back of step 3: aws-node's environment as it was recorded, at its owner.
//!
//! It is the first to be taken back. A node that starts while custom networking is on takes its pods' addresses from
//! its ENIConfig's subnet, which is to go; and one of the old groups would do so with the max pods of a node whose
//! first interface serves pods too. Off first, every node that starts from then on is a plain one, whoever starts it;
//! nodes that are there keep their interfaces, and their pods keep running.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::design::Design;
use crate::discover::Section;
use crate::error::Result;
use crate::facts::Facts;
use crate::k8s::cni;
use crate::settings::Settings;
use crate::steps::{Change, Rules, Sign, Step};
use crate::walk::Walk;

use super::{Owner, owner, rolled_out, update_addon};

pub struct Back;

/// One write, so that there is one rollout.
#[derive(Debug, Clone)]
pub struct Restore {
    owner: Owner,
    /// Each variable that differs: as it is, and as it was.
    env: BTreeMap<String, (Option<String>, Option<String>)>,
    /// The add-on's configurationValues, now and to be.
    configuration: Option<(String, String)>,
}

impl Rules for Back {
    type Change = Restore;
    const STEP: Step = Step::SetEnv;
    const READS: &'static [Section] = &[Section::Cni];

    fn changes(_: &Design, facts: &Facts, _: &Settings) -> Vec<Restore> {
        let (cni, record) = (&facts.cni, &facts.record);
        let differing = record.env.iter().filter_map(|(name, before)| {
            let now = cni.env.get(name).cloned();
            (now != *before).then(|| (name.clone(), (now, before.clone())))
        });
        let env: BTreeMap<_, _> = differing.collect();
        let configuration = cni.addon.as_ref().and_then(|addon| {
            let before = record.addon_configuration.as_deref()?;
            let restored = restored(&addon.configuration, before, record.env.keys())?;
            (!same(&restored, &addon.configuration)).then(|| (addon.configuration.clone(), restored))
        });
        if env.is_empty() && configuration.is_none() {
            return Vec::new();
        }
        vec![Restore { owner: owner(cni), env, configuration }]
    }

    fn describe(restore: &Restore) -> Change {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "(not set)".into());
        let change = Change::new(Sign::Change, restore.owner.resource());
        let change = restore.env.iter().fold(change, |change, (name, (now, before))| {
            change.from_to(name, Some(shown(now)), shown(before))
        });
        match restore.env.is_empty() {
            true => change.from_to("configurationValues", Some("with these variables"), "without them"),
            false => change,
        }
    }

    async fn apply(walk: &mut Walk, restore: Restore) -> Result<()> {
        if let Some((_, configuration)) = &restore.configuration {
            update_addon(walk, configuration).await?;
        }
        // What the add-on has put right by itself is not written again.
        let kube = &walk.clients.kube.client;
        let now = cni::read(kube).await?;
        let (mut set, mut removed) = (BTreeMap::new(), Vec::new());
        for (name, (_, before)) in restore.env {
            match before {
                Some(value) if now.env.get(&name) != Some(&value) => drop(set.insert(name, value)),
                None if now.env.contains_key(&name) => removed.push(name),
                _ => {}
            }
        }
        if !set.is_empty() {
            cni::set_env(kube, &set).await?;
        }
        if !removed.is_empty() {
            cni::remove_env(kube, &removed).await?;
        }
        Ok(())
    }

    async fn settle(walk: &mut Walk) -> Result<()> {
        rolled_out(walk).await
    }
}

/// The configuration with these variables as they were before; what else was changed since stays. Where nothing was,
/// the very text of before. Nothing where either is no JSON object.
fn restored<'a>(now: &str, before: &str, names: impl Iterator<Item = &'a String>) -> Option<String> {
    let parse = |text: &str| match text.trim() {
        "" => Some(Map::new()),
        text => serde_json::from_str::<Map<String, Value>>(text).ok(),
    };
    let (mut root, was) = (parse(now)?, parse(before)?);
    let env_of = |root: &Map<String, Value>| root.get("env").and_then(Value::as_object).cloned();
    let (mut env, env_was) = (env_of(&root).unwrap_or_default(), env_of(&was));
    for name in names {
        match env_was.as_ref().and_then(|env| env.get(name)) {
            Some(value) => drop(env.insert(name.clone(), value.clone())),
            None => drop(env.shift_remove(name)),
        }
    }
    match env.is_empty() && env_was.is_none() {
        true => drop(root.shift_remove("env")),
        false => drop(root.insert("env".into(), Value::Object(env))),
    }
    if root == was {
        // EKS takes an empty text for "as it is", and an empty object for none.
        return Some(if before.trim().is_empty() { "{}".into() } else { before.to_string() });
    }
    serde_json::to_string(&Value::Object(root)).ok()
}

/// No configuration, and an empty one, say the same.
fn same(one: &str, other: &str) -> bool {
    let none = |text: &str| matches!(text.trim(), "" | "{}");
    one == other || (none(one) && none(other))
}

#[cfg(test)]
mod tests {
    use super::{restored, same};

    #[test]
    fn the_configuration_comes_back_to_the_byte_and_keeps_what_others_changed_since() {
        let names = ["A".to_string(), "B".to_string()];
        let back = |now: &str, before: &str| restored(now, before, names.iter());
        let spaced = "{ \"env\": {\"W\": \"2\", \"A\": \"false\"} }";
        let cases = [
            // now, before, restored
            (r#"{"env":{"W":"2","A":"true","B":"x"}}"#, spaced, spaced),
            (r#"{"env":{"A":"true","B":"x"}}"#, "", "{}"),
            (r#"{"env":{"A":"true","B":"x"},"resources":{}}"#, r#"{"resources":{}}"#, r#"{"resources":{}}"#),
            (r#"{"env":{"A":"true","B":"x","W":"5"}}"#, r#"{"env":{"W":"2"}}"#, r#"{"env":{"W":"5"}}"#),
            (r#"{"env":{"A":"true"},"resources":{"a":1}}"#, "", r#"{"resources":{"a":1}}"#),
        ];
        for (now, before, wanted) in cases {
            assert_eq!(back(now, before).as_deref(), Some(wanted), "{now} {before}");
            let again = back(wanted, before).unwrap();
            assert!(same(&again, wanted), "a second time changes nothing: {again}");
        }
        assert_eq!(back("[]", ""), None);
    }
}
