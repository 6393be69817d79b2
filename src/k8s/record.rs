//! ConfigMap kube-system/eni-custom: records values before they are changed, because they can't be read back later.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, Client};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::facts::Record;
use crate::tags::{FIELD_MANAGER, NAMESPACE};

use super::{failure, found};

pub const NAME: &str = "eni-custom";
const KEY: &str = "record.json";
/// SHA-256 of the record's text, in hex: shows whether somebody edited it.
const DIGEST: &str = "sha256";

pub const FORMAT_VERSION: u32 = 1;

/// The record of this cluster, by its ARN; an empty record if there is none.
pub async fn read(client: &Client, cluster: &str) -> Result<Record> {
    let map = found(api(client).get(NAME).await, "read ConfigMap kube-system/eni-custom")?;
    parse(&map.and_then(|map| map.data).unwrap_or_default(), cluster)
}

fn parse(data: &BTreeMap<String, String>, cluster: &str) -> Result<Record> {
    let Some(text) = data.get(KEY) else { return Ok(Record::default()) };
    let refused = |reason: String, next: &str| {
        Error::refused("eni-custom's record in the cluster can't be used; nothing was changed")
            .at("ConfigMap kube-system/eni-custom")
            .because(reason)
            .fix(next)
    };
    let unreadable = |error: serde_json::Error| {
        let next = "kubectl -n kube-system edit configmap eni-custom, and revert what was edited";
        refused(error.to_string(), next)
    };
    // The same names may have another meaning in another format.
    let version = serde_json::from_str::<Version>(text).map_err(unreadable)?.format_version;
    if version != FORMAT_VERSION {
        let reason =
            format!("it has format {version}, and this version of eni-custom reads format {FORMAT_VERSION}");
        return Err(refused(reason, "use the version of eni-custom that wrote it"));
    }
    let mut record: Record = serde_json::from_str(text).map_err(unreadable)?;
    if !record.cluster.is_empty() && record.cluster != cluster {
        let reason = format!("it belongs to cluster {}", record.cluster);
        return Err(refused(
            reason,
            "if it came from a backup: kubectl -n kube-system delete configmap eni-custom",
        ));
    }
    record.edited |= data.get(DIGEST) != Some(&digest(text));
    Ok(record)
}

/// Reads only the version of a record, whatever else it contains.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Version {
    format_version: u32,
}

fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// The ConfigMap's data for a record of this cluster.
pub(crate) fn rendered(record: &Record, cluster: &str) -> Result<BTreeMap<String, String>> {
    let record = Record { format_version: FORMAT_VERSION, cluster: cluster.into(), ..record.clone() };
    let text = serde_json::to_string_pretty(&record)
        .map_err(|error| Error::failed("write the record").because(error))?;
    Ok([(DIGEST.to_string(), digest(&text)), (KEY.to_string(), text)].into())
}

/// Writes the record of this cluster. The lock is held, so no other run writes it.
pub async fn write(client: &Client, record: &Record, cluster: &str) -> Result<()> {
    let map = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": NAME,
            "namespace": NAMESPACE,
            "labels": { "app.kubernetes.io/managed-by": FIELD_MANAGER },
        },
        "data": rendered(record, cluster)?,
    });
    api(client)
        .patch(NAME, &PatchParams::apply(FIELD_MANAGER).force(), &Patch::Apply(map))
        .await
        .map_err(|error| failure("write ConfigMap kube-system/eni-custom", &error))?;
    Ok(())
}

/// Deletes the record, when nothing is left to undo.
pub async fn delete(client: &Client) -> Result<()> {
    found(
        api(client).delete(NAME, &DeleteParams::default()).await,
        "delete ConfigMap kube-system/eni-custom",
    )?;
    Ok(())
}

fn api(client: &Client) -> Api<ConfigMap> {
    Api::namespaced(client.clone(), NAMESPACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: &str = "arn:aws:eks:r:1:cluster/shop";

    fn noted() -> Record {
        Record { node_roles: ["arn:aws:iam::1:role/nodes".into()].into(), ..Record::default() }
    }

    #[test]
    fn the_one_role_of_an_earlier_version_is_read() {
        let earlier = r#"{"nodeRole": "arn:aws:iam::1:role/nodes"}"#;
        assert_eq!(serde_json::from_str::<Record>(earlier).unwrap(), noted());
    }

    #[test]
    fn a_written_record_is_read_back_unedited() {
        let read = parse(&rendered(&noted(), SHOP).unwrap(), SHOP).unwrap();
        assert_eq!(read.node_roles, noted().node_roles);
        assert!(!read.edited && read.cluster == SHOP && read.format_version == FORMAT_VERSION);
        assert_eq!(parse(&BTreeMap::new(), SHOP).unwrap(), Record::default());
    }

    #[test]
    fn an_edit_is_detected_and_stays_marked_after_the_next_write() {
        let mut data = rendered(&noted(), SHOP).unwrap();
        let text = data[KEY].replace("role/nodes", "role/others");
        data.insert(KEY.into(), text);
        let edited = parse(&data, SHOP).unwrap();
        assert!(edited.edited);
        assert!(parse(&rendered(&edited, SHOP).unwrap(), SHOP).unwrap().edited);
        let mut unsigned = rendered(&noted(), SHOP).unwrap();
        unsigned.remove(DIGEST);
        assert!(parse(&unsigned, SHOP).unwrap().edited);
    }

    #[test]
    fn another_format_another_cluster_and_invalid_json_are_refused_with_the_reason() {
        let refusal = |data: &BTreeMap<String, String>, cluster: &str| {
            let error = parse(data, cluster).unwrap_err();
            assert_eq!(error.exit(), crate::exit::Exit::Refused);
            error.to_string()
        };
        let data = rendered(&noted(), SHOP).unwrap();
        let other = refusal(&data, "arn:aws:eks:r:1:cluster/other");
        assert!(other.contains(SHOP), "{other}");
        for (text, reason) in [
            (data[KEY].replace("\"formatVersion\": 1", "\"formatVersion\": 2"), "format 2"),
            ("{}".into(), "format 0"),
            ("not JSON".into(), "expected"),
        ] {
            let text = refusal(&[(KEY.to_string(), text)].into(), SHOP);
            assert!(text.contains(reason), "{text}");
        }
    }
}
