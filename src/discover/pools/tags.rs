//! Tags that a replacement gets too. Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::facts::GroupTag;

/// Whether AWS, CloudFormation or EKS sets the tag, or eni-custom on each group: the cluster's tag.
fn is_set_anyway(key: &str, cluster: &str) -> bool {
    let of_cluster = ["kubernetes.io/cluster/", "k8s.io/cluster/"];
    key.starts_with("aws:")
        || key.starts_with("eks:")
        || of_cluster.iter().any(|prefix| key.strip_prefix(prefix) == Some(cluster))
}

pub(super) fn of_group(tags: &[GroupTag], cluster: &str) -> Vec<GroupTag> {
    let mut own: Vec<GroupTag> =
        tags.iter().filter(|tag| !is_set_anyway(&tag.key, cluster)).cloned().collect();
    own.sort_by(|one, other| one.key.cmp(&other.key));
    own
}

pub(super) fn of_managed(tags: &BTreeMap<String, String>, cluster: &str) -> BTreeMap<String, String> {
    let own = tags.iter().filter(|(key, _)| !is_set_anyway(key, cluster));
    own.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Takes the tags of an instance out of its data: a group gives them to its instances.
pub(super) fn taken(data: &mut Map<String, Value>) -> Vec<GroupTag> {
    let text = |tag: &Value, key: &str| tag[key].as_str().unwrap_or_default().to_string();
    let tag = |tag: &Value| GroupTag { key: text(tag, "Key"), value: text(tag, "Value"), propagated: true };
    let Some(Value::Array(specifications)) = data.remove("TagSpecifications") else { return Vec::new() };
    let all = specifications.iter().filter_map(|one| one["Tags"].as_array()).flatten();
    all.map(tag).collect()
}

/// Leaves those of AWS out of a launch template's TagSpecifications.
pub(super) fn clean(data: &mut Map<String, Value>, cluster: &str) {
    let Some(Value::Array(specifications)) = data.get_mut("TagSpecifications") else { return };
    let keeps = |tag: &Value| tag["Key"].as_str().is_some_and(|key| !is_set_anyway(key, cluster));
    for specification in specifications.iter_mut() {
        if let Some(Value::Array(tags)) = specification.get_mut("Tags") {
            tags.retain(keeps);
        }
    }
    specifications.retain(|one| one["Tags"].as_array().is_some_and(|tags| !tags.is_empty()));
    if specifications.is_empty() {
        data.remove("TagSpecifications");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::json;

    #[test]
    fn tags_of_aws_and_the_clusters_own_are_left_out() {
        for (key, is_kept) in [
            ("team", true),
            ("aws:cloudformation:stack-name", false),
            ("aws:autoscaling:groupName", false),
            ("eks:nodegroup-name", false),
            ("kubernetes.io/cluster/shop", false),
            ("k8s.io/cluster/shop", false),
            ("kubernetes.io/cluster/other", true),
            ("k8s.io/cluster-autoscaler/shop", true),
            ("k8s.io/cluster-autoscaler/node-template/label/team", true),
            ("eni-custom:cluster", true),
            ("awsome", true),
        ] {
            let tag = GroupTag { key: key.into(), value: "x".into(), propagated: true };
            assert_eq!(of_group(&[tag], "shop").len() == 1, is_kept, "{key}");
            let tags = [(key.to_string(), "x".to_string())].into();
            assert_eq!(of_managed(&tags, "shop").len() == 1, is_kept, "{key}");
        }
    }

    #[test]
    fn a_tag_specification_without_own_tags_goes() {
        let tags = |kind: &str, keys: &[&str]| {
            let tags: Vec<Value> = keys.iter().map(|key| json!({ "Key": key, "Value": "x" })).collect();
            json!({ "ResourceType": kind, "Tags": tags })
        };
        let cleaned = |before: Value| {
            let mut data = Map::from_iter([("TagSpecifications".to_string(), before)]);
            clean(&mut data, "shop");
            Value::Object(data)
        };
        let before =
            json!([tags("instance", &["eks:cluster-name", "Name"]), tags("volume", &["eks:cluster-name"])]);
        assert_eq!(cleaned(before), json!({ "TagSpecifications": [tags("instance", &["Name"])] }));
        assert_eq!(cleaned(json!([tags("volume", &["kubernetes.io/cluster/shop"])])), json!({}));
    }
}
