//! PersistentVolumes, as far as they hold a pod in its zone.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    NodeSelectorTerm, PersistentVolume, PersistentVolumeSpec, PersistentVolumeStatus,
};
use kube::Client;
use kube::api::ListParams;

use crate::error::Result;

use super::slim::Slim;
use super::{failure, pages};

type Volume = Slim<PersistentVolume, PersistentVolumeSpec, PersistentVolumeStatus>;

/// Labels of nodes that stand for their zone: the present one, that of the EBS CSI driver, and the one before 1.17.
const ZONE_LABELS: [&str; 3] = [
    "topology.kubernetes.io/zone",
    "topology.ebs.csi.aws.com/zone",
    "failure-domain.beta.kubernetes.io/zone",
];

/// The zones of the volume that is bound to each of these claims (`namespace/name`). A claim that is left out, or
/// has no zone, holds its pod nowhere. Asks nothing where there is no claim.
///
/// A volume names its claim as the claim names its volume (PersistentVolumeSpec, claimRef), so the claims need not
/// be read: one that is not bound yet has no volume that could hold it.
pub async fn zones(client: &Client, claims: &BTreeSet<String>) -> Result<BTreeMap<String, BTreeSet<String>>> {
    if claims.is_empty() {
        return Ok(BTreeMap::new());
    }
    let bound = |volume: Volume| {
        let claim = claim_of(&volume).filter(|claim| claims.contains(claim))?;
        Some((claim, zones_of(&volume)))
    };
    let found = pages::all(client, ListParams::default(), bound).await;
    Ok(found.map_err(|error| failure("list PersistentVolumes", &error))?.into_iter().collect())
}

/// The claim that the volume is bound to now: one that is Released still names the claim that it had.
fn claim_of(volume: &Volume) -> Option<String> {
    let phase = volume.status.as_ref().and_then(|status| status.phase.as_deref());
    let claim = volume.spec.as_ref()?.claim_ref.as_ref().filter(|_| phase == Some("Bound"))?;
    Some(format!("{}/{}", claim.namespace.as_deref()?, claim.name.as_deref()?))
}

/// Zones in which a node can have the volume; none where any can.
fn zones_of(volume: &Volume) -> BTreeSet<String> {
    let affinity = volume.spec.as_ref().and_then(|spec| spec.node_affinity.as_ref()?.required.as_ref());
    if let Some(required) = affinity {
        let terms: Option<Vec<BTreeSet<String>>> =
            required.node_selector_terms.iter().map(zones_of_term).collect();
        // One term is enough, so one that names no zone lets the volume be in any.
        return terms.into_iter().flatten().flatten().collect();
    }
    // Volumes of the time before nodeAffinity: the scheduler still reads these (plugin VolumeZone), and where there
    // are several, they stand with two underscores between.
    let labels = volume.metadata.labels.as_ref();
    let label = labels.and_then(|labels| ZONE_LABELS.iter().find_map(|key| labels.get(*key)));
    label.into_iter().flat_map(|zones| zones.split("__")).map(ToString::to_string).collect()
}

/// All of a term's expressions must hold; nothing where none is about the zone.
fn zones_of_term(term: &NodeSelectorTerm) -> Option<BTreeSet<String>> {
    let about_zone =
        term.match_expressions.iter().flatten().filter(|expression| {
            expression.operator == "In" && ZONE_LABELS.contains(&expression.key.as_str())
        });
    about_zone
        .map(|expression| expression.values.iter().flatten().cloned().collect::<BTreeSet<String>>())
        .reduce(|one, other| one.intersection(&other).cloned().collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn volume(phase: &str, spec: &Value, labels: &Value) -> Volume {
        let mut spec = spec.clone();
        spec["claimRef"] = json!({"namespace": "shop", "name": "data-cart-0"});
        serde_json::from_value(json!({
            "metadata": {"labels": labels}, "spec": spec, "status": {"phase": phase},
        }))
        .unwrap()
    }

    fn terms(terms: Value) -> Value {
        json!({"nodeAffinity": {"required": {"nodeSelectorTerms": terms}}})
    }

    fn zone_in(key: &str, zones: &[&str]) -> Value {
        json!({"key": key, "operator": "In", "values": zones})
    }

    #[test]
    fn a_volume_is_held_in_the_zones_of_its_terms() {
        let present = "topology.kubernetes.io/zone";
        let csi = "topology.ebs.csi.aws.com/zone";
        let other = json!({"key": "disk", "operator": "In", "values": ["ssd"]});
        for (spec, labels, expected) in [
            (json!({}), json!({}), ""),
            (terms(json!([{"matchExpressions": [zone_in(present, &["a"])]}])), json!({}), "a"),
            (terms(json!([{"matchExpressions": [zone_in(csi, &["a", "b"])]}])), json!({}), "a b"),
            (
                terms(
                    json!([{"matchExpressions": [zone_in(csi, &["a", "b"]), zone_in(present, &["b", "c"])]}]),
                ),
                json!({}),
                "b",
            ),
            (
                terms(json!([
                    {"matchExpressions": [zone_in(present, &["a"])]},
                    {"matchExpressions": [other.clone(), zone_in(present, &["b"])]},
                ])),
                json!({}),
                "a b",
            ),
            (
                terms(
                    json!([{"matchExpressions": [zone_in(present, &["a"])]}, {"matchExpressions": [other]}]),
                ),
                json!({}),
                "",
            ),
            (json!({}), json!({"failure-domain.beta.kubernetes.io/zone": "a__b"}), "a b"),
        ] {
            let zones: Vec<String> = zones_of(&volume("Bound", &spec, &labels)).into_iter().collect();
            assert_eq!(zones.join(" "), expected, "{spec} {labels}");
        }
    }

    #[test]
    fn only_a_bound_volume_belongs_to_its_claim() {
        let of = |phase| claim_of(&volume(phase, &json!({}), &json!({})));
        assert_eq!(of("Bound").as_deref(), Some("shop/data-cart-0"));
        assert_eq!(of("Released"), None);
        assert_eq!(of("Available"), None);
    }
}
