//! The sandbox's clusters of unlike node groups, and the witness that compares old groups with their replacements.

use std::collections::BTreeSet;

use sandbox::{Pools, Sandbox, Shape, witness};
use serde_json::Value;

use crate::cluster::start;

fn cluster_with(pools: Pools) -> Sandbox {
    start(Shape { pools, ..Shape::default() })
}

/// Each controller's pods run in one pool, whose name ends so.
#[track_caller]
fn assert_placed(recorded: &witness::pools::Recorded, expected: &[(&str, &str)]) {
    for (controller, pool) in expected {
        let pools = recorded.pools_of(controller);
        assert!(pools.len() == 1 && pools.iter().all(|name| name.contains(pool)), "{controller}: {pools:?}");
    }
}

#[test]
fn unlike_node_groups_run_their_own_pods_and_have_no_replacement_before_a_run() {
    let sandbox = cluster_with(Pools::Mixed);
    let before = witness::pools::record(&sandbox).expect("AWS and Kubernetes answer");
    let expected = [
        ("teams/indexer", "arm"),
        ("teams/batch", "spot"),
        ("teams/ledger", "payments"),
        ("teams/reports", "reports"),
    ];
    assert_placed(&before, &expected);

    let faults = witness::pools::faults(&sandbox, &before).expect("AWS and Kubernetes answer");
    for pool in &sandbox.aws.pools {
        let missing = format!("pool {}: no group has the tag eni-custom:pool={}", pool.name, pool.name);
        assert!(faults.contains(&missing), "{missing}: {faults:#?}");
    }
    for (controller, _) in expected {
        assert!(
            faults.iter().any(|fault| fault.starts_with(&format!("{controller} runs on"))),
            "{faults:#?}"
        );
    }
}

#[test]
fn managed_node_groups_of_every_kind_join() {
    let sandbox = cluster_with(Pools::Managed);
    let before = witness::pools::record(&sandbox).expect("AWS and Kubernetes answer");
    assert_placed(
        &before,
        &[
            ("teams/web", "plain"),
            ("teams/search", "templated"),
            ("teams/vault", "own-image"),
            ("teams/edge", "bottlerocket"),
        ],
    );
    let text = sandbox.kubectl(&["get", "nodes", "-o", "json"]).expect("kubectl works");
    let nodes: Value = serde_json::from_str(&text).expect("kubectl prints JSON");
    let seen: BTreeSet<String> = nodes["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|node| {
            let labels = &node["metadata"]["labels"];
            let (group, capacity) =
                (&labels["eks.amazonaws.com/nodegroup"], &labels["eks.amazonaws.com/capacityType"]);
            let os = node["status"]["nodeInfo"]["osImage"].as_str().unwrap_or_default();
            let family = os.split_whitespace().next().unwrap_or_default();
            format!("{group} {capacity} {family} {}", node["spec"]["taints"][0]["value"]).replace('"', "")
        })
        .collect();
    let expected = [
        "plain ON_DEMAND Amazon null",
        "templated SPOT Amazon spot",
        "own-image ON_DEMAND Amazon vault",
        "bottlerocket ON_DEMAND Bottlerocket edge",
    ];
    assert_eq!(seen, expected.map(String::from).into());
}
