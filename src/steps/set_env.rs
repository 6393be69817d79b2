//! Step 3: custom networking in aws-node's environment, written where its owner is.

mod back;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value};

use crate::aws::client_token;
use crate::aws::eks::{Update, Updated};
use crate::design::Design;
use crate::discover::Section;
use crate::error::{Error, Result};
use crate::facts::{Cni, Facts};
use crate::k8s::cni;
use crate::settings::Settings;
use crate::walk::{Seen, Walk};

use super::{Change, Rules, Sign, Step};

pub use back::Back;

pub struct SetEnv;

/// Who decides about aws-node, and would put back what is changed elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    Addon,
    DaemonSet,
    /// Helm release or GitOps application, by its name.
    Release {
        tool: &'static str,
        name: String,
    },
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Addon => f.write_str("EKS add-on vpc-cni"),
            Owner::DaemonSet => f.write_str("nobody but the DaemonSet"),
            Owner::Release { tool, name } => write!(f, "{tool} '{name}'"),
        }
    }
}

impl Owner {
    /// What is written, for people.
    fn resource(&self) -> String {
        match self {
            Owner::Addon => "EKS add-on vpc-cni, env in configurationValues".into(),
            Owner::DaemonSet => "DaemonSet kube-system/aws-node, env".into(),
            Owner::Release { tool, name } => {
                format!("DaemonSet kube-system/aws-node of {tool} '{name}', env")
            }
        }
    }
}

/// One write, so that there is one rollout.
#[derive(Debug, Clone)]
pub struct Write {
    owner: Owner,
    before: BTreeMap<String, Option<String>>,
    set: BTreeMap<String, String>,
    removed: BTreeSet<String>,
    /// The add-on's configurationValues, before and after.
    configuration: Option<(String, String)>,
}

/// Who owns aws-node. Labels of AWS's own manifest name Helm as well: only the annotation of a release proves one.
pub fn owner(cni: &Cni) -> Owner {
    if cni.addon.is_some() {
        return Owner::Addon;
    }
    let marks = [
        ("Helm", &cni.annotations, "meta.helm.sh/release-name"),
        ("Argo CD", &cni.annotations, "argocd.argoproj.io/tracking-id"),
        ("Argo CD", &cni.labels, "argocd.argoproj.io/instance"),
        ("Flux", &cni.labels, "kustomize.toolkit.fluxcd.io/name"),
        ("Flux", &cni.labels, "helm.toolkit.fluxcd.io/name"),
    ];
    let mark =
        marks.into_iter().find_map(|(tool, marks, key)| marks.get(key).map(|name| (tool, name.clone())));
    mark.map_or(Owner::DaemonSet, |(tool, name)| Owner::Release { tool, name })
}

impl Rules for SetEnv {
    type Change = Write;
    const STEP: Step = Step::SetEnv;
    const READS: &'static [Section] = &[Section::Cni, Section::EniConfigs];

    fn changes(design: &Design, facts: &Facts, _: &Settings) -> Vec<Write> {
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
        // The add-on must know too, or its next update puts everything back.
        let configuration = cni.addon.as_ref().and_then(|addon| {
            let merged = addon_configuration(design, facts)?;
            (merged != addon.configuration).then(|| (addon.configuration.clone(), merged))
        });
        if set.is_empty() && removed.is_empty() && configuration.is_none() {
            return Vec::new();
        }
        let touched = design.env.keys().chain(&design.env_removed);
        let before = touched.map(|name| (name.clone(), cni.env.get(name).cloned())).collect();
        vec![Write { owner: owner(cni), before, set, removed, configuration }]
    }

    fn describe(write: &Write) -> Change {
        let resource = write.owner.resource();
        let mut change = Change::new(Sign::Change, resource);
        for (name, before) in &write.before {
            match write.set.get(name) {
                Some(after) => {
                    change = change.from_to(name, Some(before.as_deref().unwrap_or("(not set)")), after)
                }
                None if write.removed.contains(name) => {
                    change = change.from_to(name, before.clone(), "(not set)");
                }
                None => {}
            }
        }
        if write.set.is_empty() && write.removed.is_empty() {
            change = change.from_to("configurationValues", Some("without these variables"), "with them");
        }
        change
    }

    async fn apply(walk: &mut Walk, write: Write) -> Result<()> {
        let addon_before = write.configuration.as_ref().map(|(before, _)| before.clone());
        walk.remember(|record| {
            for (name, before) in &write.before {
                record.env.entry(name.clone()).or_insert_with(|| before.clone());
            }
            if record.addon_configuration.is_none() {
                record.addon_configuration = addon_before;
            }
        })
        .await?;
        if let Some((_, configuration)) = &write.configuration {
            update_addon(walk, configuration).await?;
        }
        // PRESERVE leaves alone what somebody set in the cluster by hand, so the DaemonSet is looked at again.
        let kube = &walk.clients.kube.client;
        let now = cni::read(kube).await?;
        let still: BTreeMap<String, String> =
            write.set.into_iter().filter(|(name, value)| now.env.get(name) != Some(value)).collect();
        if !still.is_empty() {
            // Whose fields these are was asked in the checks.
            cni::apply_env(kube, &still, true).await?;
        }
        let left: Vec<String> = write.removed.into_iter().filter(|name| now.env.contains_key(name)).collect();
        if !left.is_empty() {
            cni::remove_env(kube, &left).await?;
        }
        Ok(())
    }

    async fn settle(walk: &mut Walk) -> Result<()> {
        // Before ENIConfigs exist a node can't finish the rollout; step 6 waits then.
        let written = |zone: &crate::design::ZoneDesign| {
            walk.facts.eniconfigs.items.iter().any(|config| config.name == zone.eniconfig)
        };
        if walk.design.zones.iter().all(written) { rolled_out(walk).await } else { Ok(()) }
    }
}

/// Waits until each node runs aws-node with the new environment.
pub async fn rolled_out(walk: &Walk) -> Result<()> {
    walk.until("aws-node rolled out", async || {
        let rollout = cni::read(&walk.clients.kube.client).await?.rollout;
        if rollout.is_done() {
            return Ok(Seen::Yes(()));
        }
        Ok(Seen::NotYet(format!(
            "{} of {} updated, {} available",
            rollout.updated, rollout.desired, rollout.available
        )))
    })
    .await
}

async fn update_addon(walk: &Walk, configuration: &str) -> Result<()> {
    let eks = &walk.clients.aws.eks;
    let cluster = &walk.facts.cluster;
    // An update of somebody else's, or of a run that was cut, comes first.
    walk.until("add-on vpc-cni free", async || match eks.addon(&cluster.name).await? {
        Some(addon) if addon.status == "UPDATING" || addon.status == "CREATING" => {
            Ok(Seen::NotYet(addon.status))
        }
        _ => Ok(Seen::Yes(())),
    })
    .await?;
    if eks.addon(&cluster.name).await?.is_some_and(|addon| addon.configuration == configuration) {
        return Ok(());
    }
    let updates = eks.update_count(&cluster.name, Updated::Addon).await?;
    let token = client_token(&cluster.arn, Step::SetEnv.name(), &format!("{updates} {configuration}"));
    let update = eks.update_addon(&cluster.name, configuration, &token).await?;
    walk.until("add-on vpc-cni updated", async || {
        match eks.update(&cluster.name, Updated::Addon, &update).await {
            Ok(Update::Successful) => Ok(Seen::Yes(())),
            Ok(Update::InProgress) => Ok(Seen::NotYet("in progress".into())),
            Ok(Update::Failed(reason)) => Err(Error::failed("EKS could not update the add-on vpc-cni")
                .at(&update)
                .because(reason)
                .next(format!(
                    "aws eks describe-update --name {} --addon-name vpc-cni --update-id {update}",
                    cluster.name
                ))),
            Err(error) if error.code() == "ResourceNotFoundException" => Ok(Seen::NotYet(error.to_string())),
            Err(error) => Err(error),
        }
    })
    .await
}

/// The add-on's configuration as it is to be; nothing where there is no add-on, or where it can't be merged.
pub fn addon_configuration(design: &Design, facts: &Facts) -> Option<String> {
    merge(&facts.cni.addon.as_ref()?.configuration, &design.env, &design.env_removed)
}

/// The add-on's configuration with our variables in its env, all else as it is. Nothing where it is no JSON object:
/// a check says so.
fn merge(configuration: &str, env: &BTreeMap<String, String>, removed: &BTreeSet<String>) -> Option<String> {
    let mut root: Map<String, Value> = match configuration.trim() {
        "" => Map::new(),
        text => serde_json::from_str(text).ok()?,
    };
    let variables = root.entry("env").or_insert_with(|| Value::Object(Map::new())).as_object_mut()?;
    let differs = |name: &String, value: &String| variables.get(name).and_then(Value::as_str) != Some(value);
    if !env.iter().any(|(name, value)| differs(name, value))
        && !removed.iter().any(|name| variables.contains_key(name))
    {
        // Not even its white space is touched where nothing is to be said.
        return Some(configuration.to_string());
    }
    for (name, value) in env {
        variables.insert(name.clone(), Value::String(value.clone()));
    }
    for name in removed {
        variables.shift_remove(name);
    }
    serde_json::to_string(&Value::Object(root)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env() -> BTreeMap<String, String> {
        [("A".into(), "true".into())].into()
    }

    #[test]
    fn merging_keeps_all_that_is_there() {
        let before = r#"{"resources":{"limits":{"cpu":"100m"}},"env":{"WARM_ENI_TARGET":"2","A":"false"}}"#;
        let after = merge(before, &env(), &BTreeSet::new());
        assert_eq!(
            after.as_deref(),
            Some(r#"{"resources":{"limits":{"cpu":"100m"}},"env":{"WARM_ENI_TARGET":"2","A":"true"}}"#)
        );
        assert_eq!(merge("", &env(), &BTreeSet::new()).as_deref(), Some(r#"{"env":{"A":"true"}}"#));
    }

    #[test]
    fn merging_what_is_merged_changes_no_byte() {
        let there = "{ \"env\": {\"A\": \"true\"} }";
        assert_eq!(merge(there, &env(), &BTreeSet::new()).as_deref(), Some(there));
    }

    #[test]
    fn merging_removes_only_what_is_named() {
        let removed = ["B".to_string()].into();
        let merged = merge(r#"{"env":{"A":"true","B":"x","C":"y"}}"#, &env(), &removed);
        assert_eq!(merged.as_deref(), Some(r#"{"env":{"A":"true","C":"y"}}"#));
    }

    #[test]
    fn a_release_is_known_by_its_annotation_not_by_labels_of_the_stock_manifest() {
        let mut cni = Cni::default();
        cni.labels.insert("app.kubernetes.io/managed-by".into(), "Helm".into());
        assert_eq!(owner(&cni), Owner::DaemonSet);
        cni.annotations.insert("meta.helm.sh/release-name".into(), "cni".into());
        assert_eq!(owner(&cni), Owner::Release { tool: "Helm", name: "cni".into() });
    }
}
