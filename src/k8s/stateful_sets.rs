//! StatefulSets, as far as they say in which order their pods start.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::StatefulSet;
use kube::api::ListParams;
use kube::{Api, Client};

use crate::error::Result;

use super::failure;
use super::nodes::PAGE;

/// Which of these (`namespace/name`) start a pod only when the one before it is Ready. Asks nothing where there are
/// none.
pub async fn ordered(client: &Client, wanted: &BTreeSet<String>) -> Result<BTreeSet<String>> {
    let mut ordered = BTreeSet::new();
    if wanted.is_empty() {
        return Ok(ordered);
    }
    let api: Api<StatefulSet> = Api::all(client.clone());
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let page = api.list(&params).await.map_err(|error| failure("list StatefulSets", &error))?;
        let names = page.items.into_iter().filter(is_ordered).map(|set| {
            format!(
                "{}/{}",
                set.metadata.namespace.unwrap_or_default(),
                set.metadata.name.unwrap_or_default()
            )
        });
        ordered.extend(names.filter(|name| wanted.contains(name)));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = ListParams::default().limit(PAGE).continue_token(&token),
            None => return Ok(ordered),
        }
    }
}

/// OrderedReady is what an unset podManagementPolicy means (API reference, StatefulSetSpec).
fn is_ordered(set: &StatefulSet) -> bool {
    let policy = set.spec.pod_management_policy.as_deref();
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
            let set: StatefulSet =
                serde_json::from_value(serde_json::json!({"metadata": {}, "spec": whole})).unwrap();
            assert_eq!(is_ordered(&set), expected, "{spec}");
        }
    }
}
