//! PersistentVolumes with node affinity, and the claims that are bound to them.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    NodeSelectorRequirement, NodeSelectorTerm, PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec,
    PersistentVolumeStatus,
};
use kube::api::{DeleteParams, ListParams, Preconditions};
use kube::{Api, Client};

use crate::error::Result;
use crate::facts::{Medium, Volume, ZONE_LABELS};

use super::slim::Slim;
use super::{failure, pages};

type KubeVolume = Slim<PersistentVolume, PersistentVolumeSpec, PersistentVolumeStatus>;

/// The volume that is bound to each of these claims (`namespace/name`). A claim that is left out does not restrict its
/// pod to nodes. Makes no call if there are no claims.
///
/// A bound volume names its claim (PersistentVolumeSpec, claimRef), so the claims need not be read: a claim that is not
/// bound yet (WaitForFirstConsumer) has no volume.
pub async fn bound(client: &Client, claims: &BTreeSet<String>) -> Result<BTreeMap<String, Volume>> {
    if claims.is_empty() {
        return Ok(BTreeMap::new());
    }
    let bound = |volume: KubeVolume| {
        let claim = claim_of(&volume).filter(|claim| claims.contains(claim))?;
        Some((claim, volume_of(volume)))
    };
    let found = pages::all(client, ListParams::default(), bound).await;
    Ok(found.map_err(|error| failure("list PersistentVolumes", &error))?.into_iter().collect())
}

/// The claim that the volume is bound to now. A Released volume still names its former claim.
fn claim_of(volume: &KubeVolume) -> Option<String> {
    let phase = volume.status.as_ref().and_then(|status| status.phase.as_deref());
    let claim = volume.spec.as_ref()?.claim_ref.as_ref().filter(|_| phase == Some("Bound"))?;
    Some(format!("{}/{}", claim.namespace.as_deref()?, claim.name.as_deref()?))
}

fn volume_of(volume: KubeVolume) -> Volume {
    let spec = volume.spec.unwrap_or_default();
    let medium = if spec.local.is_some() || spec.host_path.is_some() {
        Medium::NodeDisk
    } else if spec.csi.is_some() {
        Medium::Csi
    } else {
        Medium::Remote
    };
    let required = spec.node_affinity.and_then(|affinity| affinity.required);
    Volume {
        name: volume.metadata.name.unwrap_or_default(),
        claim_uid: spec.claim_ref.and_then(|claim| claim.uid).unwrap_or_default(),
        medium,
        one_node: spec.access_modes.is_some_and(|modes| {
            modes.iter().all(|mode| matches!(mode.as_str(), "ReadWriteOnce" | "ReadWriteOncePod"))
        }),
        affinity: match required {
            Some(required) => required.node_selector_terms,
            None => labelled(volume.metadata.labels.as_ref()),
        },
    }
}

/// Old volumes without nodeAffinity: the scheduler still reads these labels (plugin VolumeZone). Several zones are
/// separated by two underscores.
fn labelled(labels: Option<&BTreeMap<String, String>>) -> Vec<NodeSelectorTerm> {
    let label = labels.and_then(|labels| ZONE_LABELS.iter().find_map(|key| labels.get_key_value(*key)));
    let Some((key, zones)) = label else { return Vec::new() };
    let in_zones = NodeSelectorRequirement {
        key: key.clone(),
        operator: "In".into(),
        values: Some(zones.split("__").map(ToString::to_string).collect()),
    };
    vec![NodeSelectorTerm { match_expressions: Some(vec![in_zones]), match_fields: None }]
}

/// Deletes exactly this claim (`namespace/name`), by its UID: a recreated claim of the same name stays. Kubernetes removes
/// it when no scheduled pod uses it any more (kube-controller-manager, pvc-protection).
pub async fn delete_claim(client: &Client, claim: &str, uid: &str) -> Result<()> {
    let Some((namespace, name)) = claim.split_once('/') else { return Ok(()) };
    let api: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), namespace);
    let same = Preconditions { uid: Some(uid.into()), resource_version: None };
    match api.delete(name, &DeleteParams::default().preconditions(same)).await {
        // 409: another claim has its name by now.
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
        Err(error) => Err(failure("delete PersistentVolumeClaim", &error).at(claim)),
        Ok(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn volume(phase: &str, spec: &Value, labels: &Value) -> KubeVolume {
        let mut spec = spec.clone();
        spec["claimRef"] = json!({"namespace": "shop", "name": "data-cart-0", "uid": "u-1"});
        serde_json::from_value(json!({
            "metadata": {"name": "pv-1", "labels": labels}, "spec": spec, "status": {"phase": phase},
        }))
        .unwrap()
    }

    fn in_zones(zones: &[&str]) -> Vec<NodeSelectorTerm> {
        let zone = json!({"key": ZONE_LABELS[0], "operator": "In", "values": zones});
        serde_json::from_value(json!([{"matchExpressions": [zone]}])).unwrap()
    }

    #[test]
    fn a_volume_is_restricted_by_node_affinity_or_by_old_zone_labels() {
        let required = json!({"nodeAffinity": {"required": {"nodeSelectorTerms": in_zones(&["a"])}}});
        for (spec, labels, expected) in [
            (json!({}), json!({}), Vec::new()),
            (required.clone(), json!({}), in_zones(&["a"])),
            (json!({}), json!({(ZONE_LABELS[0]): "a__b"}), in_zones(&["a", "b"])),
            (required, json!({(ZONE_LABELS[0]): "b"}), in_zones(&["a"])),
        ] {
            let volume = volume_of(volume("Bound", &spec, &labels));
            assert_eq!(volume.affinity, expected, "{spec} {labels}");
            assert_eq!((volume.name.as_str(), volume.claim_uid.as_str()), ("pv-1", "u-1"));
        }
    }

    #[test]
    fn a_volume_s_source_says_where_its_data_is() {
        for (spec, medium) in [
            (json!({"local": {"path": "/mnt/disks/1"}}), Medium::NodeDisk),
            (json!({"hostPath": {"path": "/opt/local-path-provisioner/1"}}), Medium::NodeDisk),
            (json!({"csi": {"driver": "topolvm.io", "volumeHandle": "v"}}), Medium::Csi),
            (json!({"awsElasticBlockStore": {"volumeID": "vol-1"}}), Medium::Remote),
            (json!({"nfs": {"server": "s", "path": "/"}}), Medium::Remote),
        ] {
            assert_eq!(volume_of(volume("Bound", &spec, &json!({}))).medium, medium, "{spec}");
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
