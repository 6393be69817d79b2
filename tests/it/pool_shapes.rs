//! The sandbox's clusters of unlike node groups, and the witness that compares old groups with their replacements.

use std::collections::BTreeSet;
use std::time::Duration;

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

/// Copies every Auto Scaling group with the tags of a replacement, or (`empty`) scales the old ones to zero.
const COPY: &str = r#"
import os, sys, botocore.session
api = botocore.session.get_session().create_client("autoscaling", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
pages = api.get_paginator("describe_auto_scaling_groups").paginate()
old = [g for p in pages for g in p["AutoScalingGroups"] if not g["AutoScalingGroupName"].startswith("copy-of-")]
same = ("LaunchTemplate", "MixedInstancesPolicy", "MinSize", "MaxSize", "DesiredCapacity", "VPCZoneIdentifier",
        "CapacityRebalance", "HealthCheckGracePeriod")
for group in old:
    name = group["AutoScalingGroupName"]
    if sys.argv[1:] == ["empty"]:
        api.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=0, DesiredCapacity=0)
        continue
    tags = {t["Key"]: (t["Value"], t["PropagateAtLaunch"]) for t in group["Tags"]}
    pool = tags.get("eks:nodegroup-name", (name,))[0]
    tags = {k: v for k, v in tags.items() if not k.startswith(("aws:", "eks:"))}
    tags |= {"eni-custom:pool": (pool, False), "eni-custom:eniconfig": ("any", False)}
    api.create_auto_scaling_group(
        AutoScalingGroupName="copy-of-" + name, **{k: group[k] for k in same if group.get(k) not in (None, {})},
        Tags=[{"Key": k, "Value": v, "PropagateAtLaunch": p} for k, (v, p) in tags.items()])
"#;

#[test]
fn a_copy_of_every_group_has_no_fault() {
    let mut sandbox = cluster_with(Pools::Mixed);
    let before = witness::pools::record(&sandbox).expect("AWS and Kubernetes answer");
    let copy = |sandbox: &Sandbox, args: &[&str]| {
        let mut command = sandbox.command(&sandbox.tools.python);
        let output = command.args(["-c", COPY]).args(args).output().expect("python runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let limit = Duration::from_secs(120);
    let kubectl = sandbox.kubectl_alone();
    let nodes = "jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}";
    copy(&sandbox, &[]);
    sandbox
        .until("the copies' nodes", limit, || {
            let ready = kubectl.run(&["get", "nodes", "-o", nodes]).map_err(|error| error.to_string())?;
            let count = ready.split(' ').filter(|status| *status == "True").count();
            if count == 12 { Ok(Some(())) } else { Err(format!("{count} of 12 are Ready")) }
        })
        .expect("the copies start nodes");
    copy(&sandbox, &["empty"]);
    // Pods of the old nodes end with them, and their controllers start others.
    let mut left = Vec::new();
    let settled = (0..240).any(|_| {
        left = witness::pools::faults(&sandbox, &before).expect("AWS and Kubernetes answer");
        left.is_empty()
    });
    assert!(settled, "{left:#?}");
}
