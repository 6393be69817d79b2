//! The objects of a scenario: a Deployment for each app, and its PodDisruptionBudget.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::bound::disruptions;
use crate::ledger::Ledger;
use crate::scenario::{App, Budget, Scenario};

/// Tells the watcher how many pods of an app must be healthy.
pub(crate) fn expect(ledger: &mut Ledger, app: &App) {
    if app.budget.is_some() {
        ledger.expect(format!("{}/{}", app.namespace, app.name), (app.replicas - disruptions(app)).into());
    }
}

/// Namespaces and budgets before Deployments, in the order in which they are applied.
pub(crate) fn objects(scenario: &Scenario) -> Value {
    let names: BTreeSet<&String> = scenario.apps.iter().map(|app| &app.namespace).collect();
    let namespace = |name| json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
    let namespaces = names.into_iter().map(namespace);
    let budgets = scenario.apps.iter().filter_map(budget);
    let items: Vec<Value> = namespaces.chain(budgets).chain(scenario.apps.iter().map(deployment)).collect();
    json!({ "apiVersion": "v1", "kind": "List", "items": items })
}

fn deployment(app: &App) -> Value {
    let labels = json!({ "app": app.name });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "namespace": app.namespace, "name": app.name },
        "spec": {
            "replicas": app.replicas,
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": {
                    "labels": labels,
                    "annotations": { "sandbox.eni-custom/ready-after": format!("{}s", app.ready_after) },
                },
                "spec": {
                    "containers": [{
                        "name": "app",
                        "image": "registry.example/app:1.0",
                        "resources": { "requests": { "cpu": "25m", "memory": "32Mi" } },
                    }],
                },
            },
        },
    })
}

/// A merge patch that sets a budget's limits and removes the previous ones.
pub(crate) fn limits(budget: Budget) -> Value {
    match budget {
        Budget::Pods(most) => json!({ "maxUnavailable": most, "minAvailable": null }),
        Budget::Percent(percent) => json!({ "maxUnavailable": format!("{percent}%"), "minAvailable": null }),
        Budget::Keep(least) => json!({ "maxUnavailable": null, "minAvailable": least }),
    }
}

fn budget(app: &App) -> Option<Value> {
    let mut spec = limits(app.budget?);
    spec["selector"] = json!({ "matchLabels": { "app": app.name } });
    Some(json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": { "namespace": app.namespace, "name": app.name },
        "spec": spec,
    }))
}
