//! StatefulSets, as far as they say in which order their pods start.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::StatefulSet;
use kube::Client;
use kube::api::ListParams;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::Result;

use super::slim::Slim;
use super::{failure, pages};

type Set = Slim<StatefulSet, SetSpec, IgnoredAny>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SetSpec {
    pod_management_policy: Option<String>,
}

/// Which of these (`namespace/name`) start a pod only when the one before it is Ready. Asks nothing where there are
/// none.
pub async fn ordered(client: &Client, wanted: &BTreeSet<String>) -> Result<BTreeSet<String>> {
    if wanted.is_empty() {
        return Ok(BTreeSet::new());
    }
    let name = |set: Set| {
        let ordered = is_ordered(&set);
        let name = format!("{}/{}", set.metadata.namespace?, set.metadata.name?);
        (ordered && wanted.contains(&name)).then_some(name)
    };
    let found = pages::all(client, ListParams::default(), name).await;
    Ok(found.map_err(|error| failure("list StatefulSets", &error))?.into_iter().collect())
}

/// OrderedReady is what an unset podManagementPolicy means (API reference, StatefulSetSpec).
fn is_ordered(set: &Set) -> bool {
    let policy = set.spec.as_ref().and_then(|spec| spec.pod_management_policy.as_deref());
    policy.is_none_or(|policy| policy == "OrderedReady")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_ordered_unless_it_says_parallel() {
        for (spec, expected) in [
            (serde_json::json!({}), true),
            (serde_json::json!({"podManagementPolicy": "OrderedReady"}), true),
            (serde_json::json!({"podManagementPolicy": "Parallel"}), false),
        ] {
            let mut whole = serde_json::json!({"selector": {}, "serviceName": "s", "template": {}});
            whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
            let set: Set =
                serde_json::from_value(serde_json::json!({"metadata": {}, "spec": whole})).unwrap();
            assert_eq!(is_ordered(&set), expected, "{spec}");
        }
    }
}
