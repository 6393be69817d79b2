use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::sample::{budget, pod};

fn labels(text: &str) -> BTreeMap<String, String> {
    text.split_whitespace()
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.to_string(), value.to_string()))
        .collect()
}

#[test]
fn selectors_match_as_in_kubernetes() {
    for (selector, with, expected) in [
        (json!(null), "app=cart", false),
        (json!({}), "app=cart", true),
        (json!({}), "", true),
        (json!({"matchLabels": {"app": "cart"}}), "app=cart tier=web", true),
        (json!({"matchLabels": {"app": "cart", "tier": "db"}}), "app=cart tier=web", false),
        (
            json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]}),
            "app=b",
            true,
        ),
        (json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]}), "", false),
        (json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["a"]}]}), "app=a", false),
        (json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["a"]}]}), "", true),
        (json!({"matchExpressions": [{"key": "app", "operator": "Exists"}]}), "app=", true),
        (json!({"matchExpressions": [{"key": "app", "operator": "Exists"}]}), "tier=app", false),
        (json!({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}), "tier=web", true),
        (json!({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}), "app=cart", false),
        (
            json!({"matchLabels": {"tier": "web"}, "matchExpressions": [{"key": "app", "operator": "Exists"}]}),
            "tier=web",
            false,
        ),
    ] {
        let mut pod = pod("shop", "cart-0");
        pod.labels = labels(with).into();
        assert_eq!(covers(&budget("shop", selector.clone()), &pod), expected, "{selector} {with}");
        assert!(!covers(&budget("other", selector), &pod), "a budget covers pods of its own namespace");
    }
}

#[test]
fn percentages_are_rounded_up_both_ways() {
    let min = |value: &str| Least::MinAvailable(value.into());
    let max = |value: &str| Least::MaxUnavailable(value.into());
    for (least, expected, desired, allowed) in [
        (min("2"), 5, 2, 3),
        (min("50%"), 5, 3, 2),
        (min("90%"), 5, 5, 0),
        (min("100%"), 3, 3, 0),
        (min("7"), 5, 7, 0),
        (min("0"), 5, 0, 5),
        (max("1"), 5, 4, 1),
        (max("0"), 5, 5, 0),
        (max("0%"), 5, 5, 0),
        (max("25%"), 10, 7, 3),
        (max("1%"), 3, 2, 1),
        (max("100%"), 3, 0, 3),
        (max("9"), 3, 0, 3),
        (min("1"), 0, 1, 0),
        (max("1"), 0, 0, 0),
    ] {
        assert_eq!(desired_healthy(&least, expected), Some(desired), "{least} of {expected}");
        assert_eq!(most_allowed(&least, expected), Some(allowed), "{least} of {expected}");
    }
    for wrong in ["", "%", "x", "1.5%"] {
        assert_eq!(desired_healthy(&min(wrong), 3), None, "{wrong}");
    }
}

proptest! {
    #[test]
    fn cover_says_what_covers_says(
        pods in prop::collection::vec((0..3u8, 0..3u8), 0..20),
        budgets in prop::collection::vec((0..3u8, 0..4u8), 0..10),
    ) {
        let pods: Vec<Pod> = pods
            .into_iter()
            .map(|(namespace, app)| {
                let mut pod = pod(&namespace.to_string(), "p");
                pod.labels = labels(&format!("app={app}")).into();
                pod
            })
            .collect();
        let budgets: Vec<Budget> = budgets
            .into_iter()
            .map(|(namespace, app)| {
                let selector = match app {
                    3 => json!({}),
                    app => json!({"matchLabels": {"app": app.to_string()}}),
                };
                budget(&namespace.to_string(), selector)
            })
            .collect();
        let found = cover(&pods, &budgets);
        prop_assert_eq!(found.len(), pods.len());
        for (pod, found) in pods.iter().zip(found) {
            let slow: Vec<usize> = (0..budgets.len()).filter(|at| covers(&budgets[*at], pod)).collect();
            prop_assert_eq!(found, slow);
        }
    }

    #[test]
    fn what_is_allowed_leaves_what_is_desired(percent in 0..=100u8, expected in 0..500i32, min in any::<bool>()) {
        let value = format!("{percent}%");
        let least = if min { Least::MinAvailable(value) } else { Least::MaxUnavailable(value) };
        let (desired, allowed) = (desired_healthy(&least, expected).unwrap(), most_allowed(&least, expected).unwrap());
        prop_assert_eq!(desired + allowed, expected);
    }
}
