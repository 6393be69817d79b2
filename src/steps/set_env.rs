//! Step 3: switches custom networking on in aws-node's environment, written through the environment's owner.

mod reserve;
mod undo;
mod update;

use std::collections::{BTreeMap, BTreeSet};

use crate::addon::{Edit, Form, Values, merged};
use crate::design::{CUSTOM_NETWORK, Design};
use crate::discover::Section;
use crate::error::Result;
use crate::events::Part;
use crate::facts::{EnvOwner, Facts, env_owner, silent};
use crate::k8s::{cni, nodes, pods};
use crate::scene::Scene;
use crate::session::{Seen, Session};
use crate::step::{Change, Sign, Step};

use super::Rules;

use reserve::Reserve;
pub(crate) use undo::{UndoSetEnv, restored_values};
pub(crate) use update::update_addon;

pub(crate) struct SetEnv;

#[derive(Debug, Clone)]
pub(crate) enum EnvChange {
    /// First: a node that starts with custom networking must not have max pods that counts its first network interface.
    Karpenter(Reserve),
    AwsNode(Write),
}

/// One write, so that there is one rollout.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    owner: EnvOwner,
    before: BTreeMap<String, Option<String>>,
    set: BTreeMap<String, String>,
    removed: BTreeSet<String>,
    addon: Option<AddonWrite>,
}

/// What happens to the add-on.
#[derive(Debug, Clone)]
pub(crate) struct AddonWrite {
    /// The current configurationValues.
    before: String,
    edit: Edit,
    role: Option<String>,
}

impl Rules for SetEnv {
    type Change = EnvChange;
    const STEP: Step = Step::SetEnv;
    const READS: &'static [Section] = &[Section::Cni, Section::EniConfigs, Section::Karpenter];

    fn changes(scene: &Scene<'_>) -> Vec<EnvChange> {
        let karpenter = reserve::change(scene).map(EnvChange::Karpenter);
        karpenter.into_iter().chain(write(scene).map(EnvChange::AwsNode)).collect()
    }

    fn describe(change: &EnvChange) -> Change {
        match change {
            EnvChange::Karpenter(reserve) => reserve.describe(),
            EnvChange::AwsNode(write) => shown(write),
        }
    }

    fn notes(scene: &Scene<'_>) -> Vec<String> {
        let Scene { design: _, facts: _, settings: _, .. } = *scene;
        let is_yaml = |write: Write| write.addon.is_some_and(|addon| is_yaml(&addon.before));
        match write(scene).is_some_and(is_yaml) {
            true => vec![
                "the add-on's configurationValues are YAML and become JSON without comments; undo restores the YAML"
                    .into(),
            ],
            false => Vec::new(),
        }
    }

    async fn apply(session: &mut Session, change: EnvChange) -> Result<()> {
        match change {
            EnvChange::Karpenter(reserve) => reserve.apply(session).await,
            EnvChange::AwsNode(write) => set(session, write).await,
        }
    }

    async fn settle(session: &mut Session) -> Result<()> {
        // Without ENIConfigs a node can't finish the rollout; step 6 waits for it then.
        let written = |zone: &crate::design::ZoneDesign| {
            session.facts.eniconfigs.items.iter().any(|config| config.name == zone.eniconfig)
        };
        if session.design.zones.iter().all(written) { rolled_out(session).await } else { Ok(()) }
    }
}

fn write(scene: &Scene<'_>) -> Option<Write> {
    let Scene { design, facts, .. } = *scene;
    let cni = &facts.cni;
    let differs = |name: &String, value: &String| cni.env.get(name) != Some(value);
    let set: BTreeMap<String, String> = design
        .env
        .iter()
        .filter(|(name, value)| differs(name, value))
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect();
    let removed: BTreeSet<String> =
        design.env_removed.iter().filter(|name| cni.env.contains_key(*name)).cloned().collect();
    // The add-on's values must change too, or its next update reverts everything.
    let addon = cni.addon.as_ref().and_then(|addon| {
        let (before, edit) = (addon.configuration.clone(), edit(design));
        let merged = merged(&before, &edit).ok()?;
        (merged != before).then(|| AddonWrite { before, edit, role: addon.role.clone() })
    });
    if set.is_empty() && removed.is_empty() && addon.is_none() {
        return None;
    }
    let touched = design.env.keys().chain(&design.env_removed);
    let before = touched.map(|name| (name.clone(), cni.env.get(name).cloned())).collect();
    Some(Write { owner: env_owner(cni), before, set, removed, addon })
}

fn shown(write: &Write) -> Change {
    let resource = write.owner.resource();
    let mut change = Change::new(Sign::Change, resource);
    for (name, before) in &write.before {
        match write.set.get(name) {
            Some(after) => {
                change = change.before_after(name, Some(before.as_deref().unwrap_or("(not set)")), after)
            }
            None if write.removed.contains(name) => {
                change = change.before_after(name, before.clone(), "(not set)");
            }
            None => {}
        }
    }
    if write.set.is_empty() && write.removed.is_empty() {
        change = change.before_after("configurationValues", Some("without these variables"), "with them");
    }
    match &write.addon {
        Some(addon) => described(change, &addon.before, addon.role.as_deref()),
        None => change,
    }
}

async fn set(session: &mut Session, write: Write) -> Result<()> {
    let addon_before = write.addon.as_ref().map(|addon| addon.before.clone());
    let switches_on = write.set.contains_key(CUSTOM_NETWORK) && !session.facts.cni.is_on(CUSTOM_NETWORK);
    let pools = session.design.pools.iter().filter(|pool| pool.old.is_some());
    let pools: BTreeSet<String> = pools.map(|pool| pool.name.clone()).collect();
    let youngest = session.facts.nodes.iter().filter_map(|node| node.joined).max();
    session
        .remember(|record| {
            if switches_on {
                record.youngest_before = youngest.map(|time| time.to_string());
                record.pools = pools;
            }
            for (name, before) in &write.before {
                record.env.entry(name.clone()).or_insert_with(|| before.clone());
            }
            if record.addon_configuration.is_none() {
                record.addon_configuration = addon_before;
            }
        })
        .await?;
    if let Some(addon) = &write.addon {
        update_addon(session, Step::SetEnv, |now| merged(now, &addon.edit)).await?;
    }
    // PRESERVE keeps what somebody set in the cluster by hand, so the DaemonSet is read again.
    let kube = &session.clients.kube.client;
    let now = cni::read(kube).await?;
    let still: BTreeMap<String, String> =
        write.set.into_iter().filter(|(name, value)| now.env.get(name) != Some(value)).collect();
    if !still.is_empty() {
        // The checks asked about field managers that own these fields.
        cni::apply_env(kube, &still, true).await?;
    }
    let left: Vec<String> = write.removed.into_iter().filter(|name| now.env.contains_key(name)).collect();
    if !left.is_empty() {
        cni::remove_env(kube, &left).await?;
    }
    Ok(())
}

/// Waits until every Ready node runs aws-node with the new environment. Nodes that are not Ready are named and skipped:
/// they may stay NotReady. If they block the rollout on other nodes (maxUnavailable), the outdated pods are deleted here,
/// as the controller would delete them.
pub(crate) async fn rolled_out(session: &Session) -> Result<()> {
    let kube = &session.clients.kube;
    let mut before = None;
    let aside = session.until("the aws-node rollout to finish", async || {
        let (cni, nodes, pods) =
            tokio::try_join!(cni::read(&kube.client), nodes::list(&kube.client), cni::pods(&kube.client))?;
        let progress = cni.rollout.progress(&nodes, &pods);
        if progress.is_done() {
            return Ok(Seen::Yes(progress.told_aside()));
        }
        let before = before.get_or_insert_with(|| silent(&nodes));
        for pod in cni.rollout.held_up(&nodes, &pods, before) {
            session.stop_if_interrupted()?;
            session.events.note(format!(
                "unreachable nodes block the aws-node rollout: deleting {} on {} so that it is recreated",
                pod.full_name(),
                pod.node
            ));
            pods::delete(&kube.evictor, pod).await?;
        }
        let of = progress.done + progress.waiting.len();
        Ok(Seen::Partly(Part { done: progress.done, of, noun: "node" }, progress.summary()))
    });
    if let Some(aside) = aside.await? {
        session.events.note(format!("aws-node rollout: {aside}"));
    }
    Ok(())
}

fn is_yaml(configuration: &str) -> bool {
    Values::parse(configuration).is_ok_and(|values| values.form() == Form::Yaml)
}

/// Adds to an add-on update that the role is kept and that YAML becomes JSON.
fn described(change: Change, before: &str, role: Option<&str>) -> Change {
    let change = match is_yaml(before) {
        true => change.before_after("configurationValues", Some("YAML"), "JSON"),
        false => change,
    };
    match role {
        Some(role) => change.to("serviceAccountRoleArn", format!("{role} (unchanged)")),
        None => change,
    }
}

/// The designed configuration of the add-on; `None` if there is no add-on or if it can't be merged, which a check reports.
pub(crate) fn addon_configuration(design: &Design, facts: &Facts) -> Option<String> {
    merged(&facts.cni.addon.as_ref()?.configuration, &edit(design)).ok()
}

/// The part of the add-on's configuration that this step writes.
fn edit(design: &Design) -> Edit {
    Edit { env: design.env.clone(), env_removed: design.env_removed.clone(), ..Edit::default() }
}
