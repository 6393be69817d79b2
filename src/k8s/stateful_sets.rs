//! StatefulSets: in which order their pods start, and which claims they create.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::StatefulSet;
use kube::Client;
use kube::api::ListParams;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::Result;
use crate::facts::StatefulSets;

use super::slim::Slim;
use super::{failure, pages};

type Set = Slim<StatefulSet, SetSpec, IgnoredAny>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SetSpec {
    pod_management_policy: Option<String>,
    volume_claim_templates: Option<Vec<Template>>,
}

#[derive(Deserialize)]
struct Template {
    metadata: Name,
}

#[derive(Deserialize)]
struct Name {
    name: Option<String>,
}

/// Start order and claim templates of these StatefulSets (`namespace/name`). Makes no call if there are none.
pub async fn read(client: &Client, wanted: &BTreeSet<String>) -> Result<StatefulSets> {
    let mut sets = StatefulSets::default();
    if wanted.is_empty() {
        return Ok(sets);
    }
    let keep = |set: Set| {
        let (ordered, templates) = (is_ordered(&set), templates(&set));
        let name = format!("{}/{}", set.metadata.namespace?, set.metadata.name?);
        wanted.contains(&name).then_some((name, ordered, templates))
    };
    let found = pages::all(client, ListParams::default(), keep).await;
    for (name, ordered, templates) in found.map_err(|error| failure("list StatefulSets", &error))? {
        if ordered {
            sets.ordered.insert(name.clone());
        }
        if !templates.is_empty() {
            sets.claim_templates.insert(name, templates);
        }
    }
    Ok(sets)
}

/// The default podManagementPolicy is OrderedReady (API reference, StatefulSetSpec).
fn is_ordered(set: &Set) -> bool {
    let policy = set.spec.as_ref().and_then(|spec| spec.pod_management_policy.as_deref());
    policy.is_none_or(|policy| policy == "OrderedReady")
}

fn templates(set: &Set) -> BTreeSet<String> {
    let templates = set.spec.iter().flat_map(|spec| spec.volume_claim_templates.iter().flatten());
    templates.filter_map(|template| template.metadata.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(spec: &serde_json::Value) -> Set {
        let mut whole = serde_json::json!({"selector": {}, "serviceName": "s", "template": {}});
        whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        serde_json::from_value(serde_json::json!({"metadata": {}, "spec": whole})).unwrap()
    }

    #[test]
    fn a_stateful_set_is_ordered_unless_its_policy_is_parallel() {
        for (spec, expected) in [
            (serde_json::json!({}), true),
            (serde_json::json!({"podManagementPolicy": "OrderedReady"}), true),
            (serde_json::json!({"podManagementPolicy": "Parallel"}), false),
        ] {
            assert_eq!(is_ordered(&set(&spec)), expected, "{spec}");
        }
    }

    #[test]
    fn the_names_of_claim_templates_are_read() {
        let claims =
            serde_json::json!({"volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {}}]});
        assert_eq!(templates(&set(&claims)), BTreeSet::from(["data".to_string()]));
        assert_eq!(templates(&set(&serde_json::json!({}))), BTreeSet::new());
    }
}
