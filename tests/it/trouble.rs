//! AWS fails in the middle of a run, budgets block evictions, the user presses Ctrl-C: what is reported, and that the
//! next run completes the work.

use std::time::Duration;

use rustix::process::Signal;
use sandbox::{Kubectl, OldNodes, Sandbox, Shape};
use serde_json::json;

use crate::background::BackgroundRun;
use crate::cluster::{Watched, start};
use crate::command::{in_sandbox, run};

/// A new role is a further thing that can fail.
const NEW_ROLE: [&str; 4] = ["setup", "--yes", "--node-role", "new"];

fn small(old_nodes: OldNodes) -> Sandbox {
    start(Shape { azs: 1, nodes_per_az: 2, old_nodes, ..Shape::default() })
}

#[test]
fn failures_are_reported_with_their_cause_and_the_next_run_continues() {
    let mut sandbox = small(OldNodes::SelfManaged);
    let watched = Watched::start(&sandbox);
    let fails = |fault: serde_json::Value, texts: &[&str]| {
        sandbox.fault(&fault).expect("the fault is set");
        run(&sandbox, &NEW_ROLE).expect(1).says(texts);
        sandbox.clear_faults().expect("the faults are cleared");
    };

    fails(
        json!({"service": "eks", "operation": "UpdateAddon", "kind": "addon_failure", "code": "ConfigurationConflict", "message": "Conflicts found"}),
        &["could not update the add-on vpc-cni", "ConfigurationConflict", "aws eks describe-update"],
    );
    // Created, then failed to stabilize: in both kinds of stack the created resources must be deleted.
    fails(
        json!({"service": "cloudformation", "operation": "NodesToCluster", "kind": "stack_failure", "late": true, "message": "no more rules"}),
        &["ROLLBACK_COMPLETE", "no more rules"],
    );
    fails(
        json!({"service": "cloudformation", "operation": "AWS::AutoScaling::AutoScalingGroup", "kind": "stack_failure", "late": true, "message": "no room for a group"}),
        &[
            "ROLLBACK_COMPLETE",
            "no room for a group",
            "deleted and recreated",
            "done         1 associate-cidr, 2 create-subnets",
            "stopped in   7 launch-nodegroups",
            "undo         eni-custom undo --cluster sandbox",
        ],
    );
    fails(
        json!({"service": "autoscaling", "operation": "Launch", "kind": "launch_failure", "code": "InsufficientInstanceCapacity", "times": 1000}),
        &["can't start the nodes of us-west-2a", "capacity", "--instance-type"],
    );
    run(&sandbox, &NEW_ROLE).expect(0);
    crate::policy::needs_all_of(&sandbox, crate::policy::TROUBLE);
    watched.assert_end_state(&mut sandbox);
}

#[test]
fn lost_replies_to_completed_calls_create_nothing_twice() {
    let mut sandbox = small(OldNodes::Managed);
    let watched = Watched::start(&sandbox);
    let lost = |service: &str, operation: &str| json!({"service": service, "operation": operation, "kind": "lost_reply", "times": 1});
    let faults = [
        lost("ec2", "AssociateVpcCidrBlock"),
        lost("ec2", "CreateSubnet"),
        lost("ec2", "AssociateRouteTable"),
        lost("eks", "UpdateAddon"),
        lost("cloudformation", "CreateStack"),
        lost("eks", "CreateAccessEntry"),
        lost("cloudformation", "UpdateStack"),
        lost("eks", "UpdateNodegroupConfig"),
    ];
    sandbox.fault(&json!(faults)).expect("the faults are set");
    run(&sandbox, &NEW_ROLE).expect(0);
    watched.assert_end_state(&mut sandbox);
}

#[test]
fn a_blocked_drain_stops_cleanly_and_can_be_continued() {
    let mut sandbox = small(OldNodes::SelfManaged);
    // A deadline must not be shorter than a grace period.
    let short = r#"{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":5}}}}"#;
    for args in
        [&["patch", "deployment", "coredns", "-p", short][..], &["rollout", "status", "deployment/coredns"]]
    {
        sandbox.kubectl(&[&["-n", "kube-system"], args].concat()).expect("kubectl answers");
    }
    run(&sandbox, &["setup", "--yes", "--keep-old-nodes"]).expect(0);
    assert_eq!(cordoned(&sandbox.kubectl_alone()), "");
    let kubectl = sandbox.kubectl_alone();
    // A third pod on a new node that is never Ready: two of three must be available, and there is never a third.
    let new = "jsonpath={.items[?(@.status.allocatable.pods=='20')].metadata.name}";
    let new = sandbox.kubectl(&["get", "nodes", "-o", new]).expect("kubectl answers");
    let third = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "third", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}, "annotations": {"sandbox.eni-custom/ready-after": "1h"}},
        "spec": {"nodeName": new.split_whitespace().next(), "containers": [{"name": "main", "image": "example.com/none"}]},
    });
    sandbox.kubectl_with(&["apply", "-f", "-"], &third.to_string()).expect("the pod is created");
    let budget = |name: &str, least: serde_json::Value| {
        let spec = json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": {"name": name, "namespace": "kube-system"},
            "spec": {"minAvailable": least, "selector": {"matchLabels": {"k8s-app": "kube-dns"}}},
        });
        kubectl.run(&["-n", "kube-system", "delete", "pdb", "--all"]).expect("the old budget is deleted");
        kubectl.run_with(&["apply", "-f", "-"], &spec.to_string()).expect("the budget is created");
    };

    budget("never", json!(2));
    run(&sandbox, &["drain-nodes", "--yes", "--drain-timeout", "5s"]).expect(4).says(&[
        "coredns",
        "never",
        "run the same command again",
    ]);
    cordons_are_removed(&mut sandbox);

    interrupt_drain(&sandbox);
    cordons_are_removed(&mut sandbox);

    kubectl
        .run(&["-n", "kube-system", "delete", "pod", "third", "--grace-period", "0", "--force"])
        .expect("the pod is deleted");
    budget("now", json!("50%"));
    let watched = Watched::start(&sandbox);
    run(&sandbox, &["drain-nodes", "--yes"]).expect(0);
    watched.assert_end_state(&mut sandbox);
}

/// The names of cordoned nodes.
fn cordoned(kubectl: &Kubectl) -> String {
    kubectl
        .run(&["get", "nodes", "-o", "jsonpath={.items[?(@.spec.unschedulable==true)].metadata.name}"])
        .expect("kubectl answers")
        .trim()
        .to_string()
}

/// Waits until no node is cordoned. A node that was empty is terminated instead of uncordoned.
#[track_caller]
fn cordons_are_removed(sandbox: &mut Sandbox) {
    let kubectl = sandbox.kubectl_alone();
    sandbox
        .until("no cordoned node", Duration::from_secs(60), || match cordoned(&kubectl).as_str() {
            "" => Ok(Some(())),
            nodes => Err(format!("cordoned: {nodes}")),
        })
        .expect("no node stays cordoned");
}

/// Presses Ctrl-C as soon as the drain waits.
fn interrupt_drain(sandbox: &Sandbox) {
    let mut drain =
        BackgroundRun::start(&mut in_sandbox(sandbox, &["drain-nodes", "--yes", "--events", "json"]));
    drain.wait_for("nodes to be drained");
    drain.signal(Signal::INT);
    let output = drain.exits_with(130);
    for text in ["interrupted", "to continue: eni-custom drain-nodes"] {
        assert!(output.contains(text), "'{text}' is not in:\n{output}");
    }
}
