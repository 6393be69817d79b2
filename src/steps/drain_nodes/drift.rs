//! Karpenter replaces its own nodes. The templates of its NodePools get an annotation; NodeClaims that were made from another
//! template have drifted, and Karpenter replaces them as the NodePools' budgets and the pods' allow.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::design::CUSTOM_NETWORK;
use crate::design::karpenter::{CUSTOM, NETWORKING, is_marked, is_new, outdated};
use crate::error::{Error, Result};
use crate::events::Part;
use crate::eviction;
use crate::exit::Exit;
use crate::facts::{NodeClaim, NodePool};
use crate::k8s::karpenter::{self, Blocked};
use crate::scene::Scene;
use crate::session::{Seen, Session, until};
use crate::step::{Change, Sign, Step};
use crate::text::{counted, few};

/// A NodePool whose nodes Karpenter replaces.
#[derive(Debug, Clone)]
pub(crate) struct Drift {
    pool: String,
    /// An earlier run has already set the annotation.
    is_marked: bool,
    /// The label by which its nodes find their ENIConfig, if the template lacks it.
    label: Option<(String, String)>,
    nodes: usize,
    /// Controllers without a PodDisruptionBudget that have pods there.
    unguarded: usize,
}

pub(super) fn changes(scene: &Scene<'_>) -> Vec<Drift> {
    let Some(karpenter) = &scene.facts.karpenter else { return Vec::new() };
    let drift = |name: &String| {
        let pool = karpenter.pools.iter().find(|pool| pool.name == *name)?;
        let claims = outdated(karpenter, name);
        let nodes: BTreeSet<String> = claims.iter().filter_map(|claim| claim.node.clone()).collect();
        Some(Drift {
            pool: name.clone(),
            is_marked: is_marked(pool),
            label: label(scene, pool),
            nodes: claims.len(),
            unguarded: eviction::outlook(scene.facts, &nodes, scene.settings).guarded,
        })
    };
    scene.design.karpenter.drifts.iter().filter_map(drift).collect()
}

/// A check requires that such a NodePool is for one zone.
fn label(scene: &Scene<'_>, pool: &NodePool) -> Option<(String, String)> {
    let key = &scene.design.label_key;
    let zone = pool.zone().filter(|_| scene.design.labels_nodes() && !pool.labels.contains_key(key))?;
    let zone = scene.design.zones.iter().find(|one| one.zone == zone)?;
    Some((key.clone(), zone.eniconfig.clone()))
}

pub(super) fn describe(drift: &Drift) -> Change {
    let annotation = format!("{NETWORKING}: {CUSTOM}");
    let before = if drift.is_marked { annotation.as_str() } else { "(not set)" };
    let change = Change::new(Sign::Change, format!("NodePool {}", drift.pool)).before_after(
        "spec.template.metadata.annotations",
        Some(before),
        &annotation,
    );
    let labelled = |change: Change, (key, value): &(String, String)| {
        change.before_after("spec.template.metadata.labels", Some("(not set)"), format!("{key}: {value}"))
    };
    let change = drift.label.iter().fold(change, labelled);
    let change = change.expect("replaced by Karpenter", counted(drift.nodes, "node"));
    if drift.unguarded == 0 {
        return change;
    }
    let controllers = counted(drift.unguarded, "controller");
    change.expect(
        "without a PodDisruptionBudget",
        format!("{controllers}, whose pods on a node all leave at once"),
    )
}

pub(super) async fn start(session: &mut Session, drift: Drift) -> Result<()> {
    if drift.is_marked {
        return Ok(());
    }
    let pools = session.facts.karpenter.iter().flat_map(|karpenter| &karpenter.pools);
    let before = pools.filter(|pool| pool.name == drift.pool).map(|pool| pool.metadata.clone()).next();
    session
        .remember(|record| {
            record.node_pools.entry(drift.pool.clone()).or_insert(before.flatten());
        })
        .await?;
    let mut metadata = json!({ "annotations": { NETWORKING: CUSTOM } });
    if let Some((key, value)) = drift.label {
        metadata["labels"] = json!({ key: value });
    }
    karpenter::patch_template(&session.clients.kube.client, &drift.pool, metadata).await
}

/// Waits until Karpenter has replaced all nodes of the NodePools that drift.
pub(super) async fn replaced(session: &Session) -> Result<()> {
    let pools = &session.design.karpenter.drifts;
    if pools.is_empty() {
        return Ok(());
    }
    wait(session, pools, is_new).await
}

/// Waits until all nodes of these NodePools are as wanted and ready for pods. Karpenter reports what keeps it from replacing
/// one; that is passed on at once, because only a person can change it.
pub(super) async fn wait(
    session: &Session,
    pools: &BTreeSet<String>,
    is_wanted: impl Fn(&NodeClaim) -> bool,
) -> Result<()> {
    let client = &session.clients.kube.client;
    let mut told: BTreeSet<Blocked> = BTreeSet::new();
    let deadline = session.settings.drain_deadline();
    let mut standing: BTreeSet<Blocked> = BTreeSet::new();
    let mut left = 0;
    let waited =
        until(&session.events, &session.interrupt, deadline, "Karpenter to replace its nodes", async || {
            let claims = karpenter::claims(client).await?;
            let own = claims.iter().filter(|claim| pools.contains(&claim.pool));
            let (new, open): (Vec<&NodeClaim>, Vec<&NodeClaim>) = own.partition(|claim| is_wanted(claim));
            let starting = new.iter().filter(|claim| !claim.is_initialized).count();
            left = open.len();
            if open.is_empty() && starting == 0 {
                return Ok(Seen::Yes(()));
            }
            standing = blocked(client, &open, pools).await?;
            for one in standing.iter().filter(|one| !told.contains(*one)) {
                session.events.note(format!("Karpenter does not replace {one}; {}", way_on(one)));
            }
            told.extend(standing.iter().cloned());
            let mut detail = format!("{} left to replace, {starting} starting", counted(open.len(), "node"));
            if !standing.is_empty() {
                let reasons: Vec<String> = standing.iter().map(ToString::to_string).collect();
                detail = format!("{detail}; held up: {}", few(&reasons));
            }
            let part = Part { done: new.len() - starting, of: new.len() + open.len(), noun: "node" };
            Ok(Seen::Partly(part, detail))
        });
    let place = format!("NodePool {}", few(&pools.iter().cloned().collect::<Vec<_>>()));
    match waited.await {
        // A service's error has a code; a wait that took too long has none.
        Err(error) if error.exit() == Exit::Failed && error.code().is_empty() => {
            let reasons: Vec<String> = standing.iter().map(|one| format!("{one}; {}", way_on(one))).collect();
            let why = match reasons.is_empty() {
                true => "Karpenter reports nothing that holds it up; its log says more".to_string(),
                false => reasons.join("\n         "),
            };
            Err(Error::unproven(format!(
                "Karpenter has not replaced {} after {} s",
                counted(left, "node"),
                deadline.as_secs()
            ))
            .at(place)
            .because(why)
            .fix("run the same command again to go on waiting; or with --karpenter drain, which evicts the pods itself"))
        }
        Err(error) if error.exit() == Exit::Interrupted => Err(error.because(format!(
            "Karpenter goes on by itself: {} of {place} left to replace, within its disruption budgets",
            counted(left, "node")
        ))),
        other => other,
    }
}

/// A NodePool whose template gets its recorded metadata back, so that Karpenter replaces its nodes again.
#[derive(Debug, Clone)]
pub(crate) struct DriftBack {
    pool: String,
    now: Option<Value>,
    restored: Option<Value>,
    nodes: usize,
}

/// Only once custom networking is off, or is about to be: otherwise the nodes would be replaced by ones like them.
pub(super) fn undo(scene: &Scene<'_>) -> Vec<DriftBack> {
    let facts = scene.facts;
    let ends = scene.undo().is_some_and(|undo| undo.covers(Step::SetEnv));
    if facts.cni.is_on(CUSTOM_NETWORK) && !ends {
        return Vec::new();
    }
    let Some(karpenter) = &facts.karpenter else { return Vec::new() };
    let back = |(name, before): (&String, &Option<Value>)| {
        let pool = karpenter.pools.iter().find(|pool| pool.name == *name)?;
        let nodes = karpenter.claims.iter().filter(|claim| claim.pool == *name && is_new(claim)).count();
        let restored = restored(pool.metadata.as_ref(), before.as_ref(), &scene.design.label_key);
        (is_marked(pool) || nodes > 0).then(|| DriftBack {
            pool: name.clone(),
            now: pool.metadata.clone(),
            restored,
            nodes,
        })
    };
    facts.record.node_pools.iter().filter_map(back).collect()
}

impl DriftBack {
    pub(super) fn describe(&self) -> Change {
        let annotation = format!("{NETWORKING}: {CUSTOM}");
        Change::new(Sign::Change, format!("NodePool {}", self.pool))
            .before_after("spec.template.metadata.annotations", Some(annotation), "(not set)")
            .expect("replaced by Karpenter", counted(self.nodes, "node"))
    }

    pub(super) async fn start(self, session: &Session) -> Result<()> {
        if self.now == self.restored {
            return Ok(());
        }
        let client = &session.clients.kube.client;
        let now = self.now.unwrap_or_default();
        let patch = self.restored.map_or(Value::Null, |restored| merge_patch(&now, &restored));
        karpenter::patch_template(client, &self.pool, patch).await
    }
}

/// Waits until no node of the recorded NodePools has custom networking.
pub(super) async fn returned(session: &Session) -> Result<()> {
    let pools: BTreeSet<String> = undo(&session.scene()).into_iter().map(|back| back.pool).collect();
    if pools.is_empty() {
        return Ok(());
    }
    wait(session, &pools, |claim| !is_new(claim)).await
}

/// What Karpenter says of these NodeClaims, their nodes and NodePools; the newest for each object.
async fn blocked(
    client: &kube::Client,
    open: &[&NodeClaim],
    pools: &BTreeSet<String>,
) -> Result<BTreeSet<Blocked>> {
    let claims: BTreeMap<&str, &str> = open
        .iter()
        .flat_map(|claim| {
            [(claim.name.as_str(), claim.name.as_str())]
                .into_iter()
                .chain(claim.node.as_deref().map(|node| (node, claim.name.as_str())))
        })
        .collect();
    let concerns = |one: &Blocked| match one.kind.as_str() {
        "NodePool" => pools.contains(&one.name) && !open.is_empty(),
        "Node" => claims.contains_key(one.name.as_str()),
        // A NodeClaim that has a node is reported with it.
        "NodeClaim" => open.iter().any(|claim| claim.name == one.name && claim.node.is_none()),
        _ => false,
    };
    let all = karpenter::blocked(client).await?.into_iter();
    Ok(all.filter(|one| concerns(one) && !one.passes()).collect())
}

/// The command that lets Karpenter go on.
fn way_on(blocked: &Blocked) -> String {
    let drain = "or --karpenter drain";
    match (blocked.kind.as_str(), blocked.pod()) {
        ("NodePool", _) => {
            format!("raise spec.disruption.budgets: kubectl edit nodepool {}; {drain}", blocked.name)
        }
        (_, Some((namespace, name))) if blocked.message.contains("do-not-disrupt") => {
            format!("kubectl -n {namespace} annotate pod {name} karpenter.sh/do-not-disrupt- ; {drain}")
        }
        _ if blocked.message.to_lowercase().contains("pdb prevents") => {
            "it waits until the PodDisruptionBudget allows it".into()
        }
        _ => format!("remove the cause, {drain}"),
    }
}

/// What is left of a template's metadata without the annotation, and without the labels that only eni-custom has set:
/// those that the record lacks. `None` if it had no metadata and has none left.
fn restored(now: Option<&Value>, before: Option<&Value>, label: &str) -> Option<Value> {
    let mut now = now?.as_object()?.clone();
    for (part, key) in [("annotations", NETWORKING), ("labels", label)] {
        let before = before.and_then(|before| before.get(part));
        let Some(all) = now.get_mut(part).and_then(Value::as_object_mut) else { continue };
        if before.and_then(|before| before.get(key)).is_none() {
            all.remove(key);
        }
        if all.is_empty() && before.is_none() {
            now.remove(part);
        }
    }
    (!now.is_empty() || before.is_some()).then_some(Value::Object(now))
}

/// The JSON Merge Patch (RFC 7386) from one value to the other.
fn merge_patch(from: &Value, to: &Value) -> Value {
    let (Some(old), Some(new)) = (from.as_object(), to.as_object()) else { return to.clone() };
    let changed = new.iter().filter(|(key, value)| old.get(*key) != Some(*value));
    let changed = changed.map(|(key, value)| {
        (key.clone(), old.get(key).map_or_else(|| value.clone(), |before| merge_patch(before, value)))
    });
    let gone = old.keys().filter(|key| !new.contains_key(*key)).map(|key| (key.clone(), Value::Null));
    Value::Object(changed.chain(gone).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_restored_exactly_and_later_changes_of_others_stay() {
        let marked = |mut value: Value| {
            value["annotations"][NETWORKING] = CUSTOM.into();
            value["labels"]["eniconfig"] = "a".into();
            value
        };
        let templates = [
            json!({}),
            json!({"labels": {"team": "web"}}),
            json!({"annotations": {}}),
            json!({"annotations": {"a": "b"}, "labels": {"eniconfig": "a"}}),
        ];
        for before in templates {
            let found = restored(Some(&marked(before.clone())), Some(&before), "eniconfig");
            assert_eq!(found, Some(before.clone()));
        }
        assert_eq!(restored(Some(&marked(json!({}))), None, "eniconfig"), None);
        let changed = marked(json!({"labels": {"team": "api"}}));
        let expected = json!({"labels": {"team": "api"}});
        assert_eq!(restored(Some(&changed), None, "eniconfig"), Some(expected));
    }

    #[test]
    fn a_merge_patch_makes_one_value_the_other() {
        let from = json!({"labels": {"a": "1", "b": "2"}, "annotations": {"c": "3"}});
        let to = json!({"labels": {"a": "1", "b": "4"}});
        assert_eq!(merge_patch(&from, &to), json!({"labels": {"b": "4"}, "annotations": null}));
        assert_eq!(merge_patch(&to, &to), json!({}));
    }
}
