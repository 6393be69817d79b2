//! Undo of step 3: restores aws-node's recorded environment, through the environment's owner.
//!
//! This is undone first. A node that starts while custom networking is on takes pod addresses from its ENIConfig's
//! subnet, which will be deleted; and a node of an old group would do so with too high a max pods, because that counts the
//! primary interface. Once custom networking is off, every new node uses the default network. Existing nodes keep
//! their interfaces, and their pods keep running.

use std::collections::BTreeMap;

use crate::addon::{Keys, Unreadable, restored, same};
use crate::discover::Section;
use crate::error::Result;
use crate::facts::{Addon, EnvOwner, Facts, Record, env_owner};
use crate::k8s::cni;
use crate::scene::Scene;
use crate::session::Session;
use crate::step::{Change, Sign, Step};
use crate::steps::Rules;

use super::reserve::{self, Reserve};
use super::{described, rolled_out, update_addon};

pub(crate) struct UndoSetEnv;

#[derive(Debug, Clone)]
pub(crate) enum EnvRestore {
    AwsNode(RestoreEnv),
    /// Last: until custom networking is off, a node must not have max pods that counts its first network interface.
    Karpenter(Reserve),
}

/// One write, so that there is one rollout.
#[derive(Debug, Clone)]
pub(crate) struct RestoreEnv {
    owner: EnvOwner,
    /// Each variable that differs: its current and its recorded value.
    env: BTreeMap<String, (Option<String>, Option<String>)>,
    /// The current add-on, and its recorded configurationValues.
    addon: Option<(Addon, String)>,
    keys: Keys,
}

impl Rules for UndoSetEnv {
    type Change = EnvRestore;
    const STEP: Step = Step::SetEnv;
    const READS: &'static [Section] = &[Section::Cni, Section::Karpenter];

    fn changes(scene: &Scene<'_>) -> Vec<EnvRestore> {
        let karpenter = reserve::undo(scene).map(EnvRestore::Karpenter);
        restore(scene.facts).map(EnvRestore::AwsNode).into_iter().chain(karpenter).collect()
    }

    fn describe(change: &EnvRestore) -> Change {
        match change {
            EnvRestore::AwsNode(restore) => shown(restore),
            EnvRestore::Karpenter(reserve) => reserve.describe(),
        }
    }

    async fn apply(session: &mut Session, change: EnvRestore) -> Result<()> {
        match change {
            EnvRestore::AwsNode(restore) => write(session, restore).await,
            EnvRestore::Karpenter(reserve) => {
                rolled_out(session).await?;
                reserve.write(session).await
            }
        }
    }

    async fn settle(session: &mut Session) -> Result<()> {
        rolled_out(session).await
    }
}

fn restore(facts: &Facts) -> Option<RestoreEnv> {
    let (cni, record) = (&facts.cni, &facts.record);
    let differing = record.env.iter().filter_map(|(name, before)| {
        let now = cni.env.get(name).cloned();
        (now != *before).then(|| (name.clone(), (now, before.clone())))
    });
    let env: BTreeMap<_, _> = differing.collect();
    let keys = keys(record);
    let addon = cni.addon.as_ref().and_then(|addon| {
        let restored = restored_values(facts)?.ok()?;
        let before = record.addon_configuration.clone()?;
        (!same(&restored, &addon.configuration)).then(|| (addon.clone(), before))
    });
    if env.is_empty() && addon.is_none() {
        return None;
    }
    Some(RestoreEnv { owner: env_owner(cni), env, addon, keys })
}

fn shown(restore: &RestoreEnv) -> Change {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "(not set)".into());
    let change = Change::new(Sign::Change, restore.owner.resource());
    let change = restore.env.iter().fold(change, |change, (name, (now, before))| {
        change.before_after(name, Some(text(now)), text(before))
    });
    let change = match restore.env.is_empty() {
        true => change.before_after("configurationValues", Some("with these variables"), "without them"),
        false => change,
    };
    match &restore.addon {
        Some((addon, _)) => described(change, &addon.configuration, addon.role.as_deref()),
        None => change,
    }
}

async fn write(session: &Session, restore: RestoreEnv) -> Result<()> {
    if let Some((_, before)) = &restore.addon {
        update_addon(session, Step::SetEnv, |now| {
            let restored = restored(now, before, &restore.keys)?;
            Ok(if same(&restored, now) { now.to_string() } else { restored })
        })
        .await?;
    }
    // What the add-on update has already restored is not written again.
    let kube = &session.clients.kube.client;
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

/// The add-on's configuration with the recorded values of our variables; `None` if there is no add-on or nothing was
/// written to it.
pub(crate) fn restored_values(facts: &Facts) -> Option<std::result::Result<String, Unreadable>> {
    let before = facts.record.addon_configuration.as_deref()?;
    Some(restored(&facts.cni.addon.as_ref()?.configuration, before, &keys(&facts.record)))
}

/// The part of the configuration that this step has written.
fn keys(record: &Record) -> Keys {
    Keys { env: record.env.keys().cloned().collect(), ..Keys::default() }
}
