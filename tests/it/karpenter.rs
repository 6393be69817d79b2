//! The sandbox's clusters with the real Karpenter.

mod moved;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sandbox::picture::{differences, picture};
use sandbox::{Karpenter, KarpenterOwner, Kubectl, Sandbox, Shape};
use serde_json::Value;

use crate::cluster::start;

/// Karpenter looks for nodes to disrupt every ten seconds, and other tests use the processors too.
const LIMIT: Duration = Duration::from_secs(300);

/// A NodeClaim with its node.
struct Claim {
    name: String,
    pool: String,
    terminating: bool,
    initialized: bool,
    /// Max pods of its node, 0 if it has none yet.
    pods: u64,
}

fn items(kubectl: &Kubectl, kind: &str) -> Result<Vec<Value>, String> {
    let text = kubectl.run(&["get", kind, "-A", "-o", "json"]).map_err(|error| format!("{error:#}"))?;
    let mut list: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    Ok(list["items"].as_array_mut().map(std::mem::take).unwrap_or_default())
}

fn claims(kubectl: &Kubectl) -> Result<Vec<Claim>, String> {
    let nodes: BTreeMap<String, Value> = items(kubectl, "nodes")?
        .into_iter()
        .map(|node| (node["metadata"]["name"].as_str().unwrap_or_default().to_string(), node))
        .collect();
    let claim = |object: Value| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let node = nodes.get(&text(&object["status"]["nodeName"]));
        let pods = node.and_then(|node| node["status"]["allocatable"]["pods"].as_str()?.parse().ok());
        let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
        let mut on = conditions.filter(|condition| condition["status"] == "True");
        Claim {
            name: text(&object["metadata"]["name"]),
            pool: text(&object["metadata"]["labels"]["karpenter.sh/nodepool"]),
            terminating: object["metadata"]["deletionTimestamp"].is_string(),
            initialized: on.any(|condition| condition["type"] == "Initialized"),
            pods: pods.unwrap_or(0),
        }
    };
    Ok(items(kubectl, "nodeclaims")?.into_iter().map(claim).collect())
}

fn of_pool<'a>(claims: &'a [Claim], pool: &str) -> Vec<&'a Claim> {
    claims.iter().filter(|claim| claim.pool == pool).collect()
}

#[test]
fn the_sandboxs_karpenter_starts_replaces_and_removes_nodes() {
    let mut sandbox = start(Shape { azs: 2, karpenter: Some(Karpenter::Beside), ..Shape::default() });
    let kubectl = sandbox.kubectl_alone();
    let before = claims(&kubectl).expect("NodeClaims can be read");
    // Each pool has the nodes that its pods need. Max pods include the first interface: RESERVED_ENIS is 0.
    for pool in ["general", "spot", "arm"] {
        let found = of_pool(&before, pool);
        assert!(!found.is_empty(), "NodePool {pool} has no node");
        assert!(found.iter().all(|claim| claim.pods == 29), "NodePool {pool}: {:?}", found[0].pods);
    }

    // Without its pods a node is empty, and Karpenter removes it while the rest goes on.
    kubectl.run(&["-n", "teams", "delete", "deployment", "indexer"]).expect("the Deployment is deleted");
    reserve_first_interface(&kubectl);
    drift(&mut sandbox, &before);
    let gone = || Ok(of_pool(&claims(&kubectl)?, "arm").is_empty().then_some(()));
    sandbox.until("an empty node to go", LIMIT, gone).expect("Karpenter consolidates");
}

/// The controller gets the settings of its Deployment with the rollout.
fn reserve_first_interface(kubectl: &Kubectl) {
    let set = ["-n", "kube-system", "set", "env", "deployment/karpenter", "RESERVED_ENIS=1"];
    kubectl.run(&set).expect("the Deployment is changed");
    let wait = ["-n", "kube-system", "rollout", "status", "deployment/karpenter", "--timeout=60s"];
    kubectl.run(&wait).expect("the Deployment is rolled out");
}

/// A changed annotation of the template replaces each NodeClaim of the pool, one at a time (`budgets`).
fn drift(sandbox: &mut Sandbox, before: &[Claim]) {
    let kubectl = sandbox.kubectl_alone();
    let old: BTreeSet<String> = of_pool(before, "general").iter().map(|claim| claim.name.clone()).collect();
    let patch = r#"{"spec":{"template":{"metadata":{"annotations":{"example.com/networking":"2"}}}}}"#;
    kubectl
        .run(&["patch", "nodepool", "general", "--type=merge", "-p", patch])
        .expect("the NodePool is changed");
    let mut most = 0;
    let replaced = || {
        let claims = claims(&kubectl)?;
        let ours = of_pool(&claims, "general");
        // A budget is about nodes: a NodeClaim outlives its node until EC2 has terminated the instance.
        most = most.max(ours.iter().filter(|claim| claim.terminating && claim.pods > 0).count());
        let new = ours.iter().all(|claim| claim.initialized && !old.contains(&claim.name));
        if !new || ours.is_empty() {
            return Err(format!("{} NodeClaims, {most} terminating at once", ours.len()));
        }
        Ok(Some(ours.iter().map(|claim| claim.pods).collect::<BTreeSet<_>>()))
    };
    let pods = sandbox.until("drifted nodes to be replaced", LIMIT, replaced).expect("Karpenter drifts");
    assert_eq!(pods, BTreeSet::from([20]), "max pods of the new nodes");
    assert_eq!(most, 1, "nodes terminating at once");
}

#[test]
fn the_sandboxs_karpenter_on_fargate_starts_all_other_nodes() {
    let mut sandbox = start(Shape {
        azs: 1,
        karpenter: Some(Karpenter::Alone),
        karpenter_owner: KarpenterOwner::ArgoCd,
        ..Shape::default()
    });
    let nodes =
        sandbox.kubectl(&["get", "nodes", "-L", "eks.amazonaws.com/compute-type,karpenter.sh/nodepool"]);
    let nodes = nodes.expect("nodes can be listed");
    let rows: Vec<&str> = nodes.lines().skip(1).collect();
    assert!(rows.iter().all(|row| row.contains("fargate") != row.contains("default")), "{nodes}");
    assert_eq!(rows.iter().filter(|row| row.contains("fargate")).count(), 2, "{nodes}");
    let managers = sandbox
        .kubectl(&[
            "get",
            "nodepool",
            "default",
            "--show-managed-fields",
            "-o",
            "jsonpath={.metadata.managedFields[*].manager}",
        ])
        .expect("the NodePool can be read");
    assert!(managers.contains("argocd-controller") && managers.contains("karpenter"), "{managers}");

    // Fargate starts a node for the next pod, and the old pod's node goes with it.
    let before = picture(&sandbox).expect("the cluster can be read");
    let pods = ["-n", "karpenter", "delete", "pods", "--all", "--wait=false"];
    sandbox.kubectl(&pods).expect("the controller's pods are deleted");
    let kubectl = sandbox.kubectl_alone();
    let replaced = || {
        let fargate = ["get", "nodes", "-l", "eks.amazonaws.com/compute-type=fargate", "-o", "name"];
        let now = kubectl.run(&fargate).map_err(|error| format!("{error:#}"))?;
        let left = rows.iter().filter_map(|row| row.split(' ').next()).any(|node| now.contains(node));
        Ok((!left && now.lines().count() == 2).then_some(()))
    };
    sandbox.until("other Fargate nodes", LIMIT, replaced).expect("Fargate runs the new pods");
    assert_eq!(differences(&mut sandbox, &before).expect("the cluster can be read"), Vec::<String>::new());
}
