//! AWS says no half-way, budgets hold pods back, somebody presses Ctrl-C: what is told, and that the next run ends
//! the work.

use std::time::Duration;

use rustix::process::Signal;
use sandbox::{Kubectl, OldNodes, Sandbox, Shape};
use serde_json::json;

use crate::cluster::{Watched, start};
use crate::command::{in_sandbox, run};
use crate::going::Going;

fn small(old_nodes: OldNodes) -> Sandbox {
    start(Shape { azs: 1, nodes_per_az: 2, old_nodes, ..Shape::default() })
}

#[test]
fn failures_on_the_way_are_told_with_their_cause_and_the_next_run_goes_on() {
    let mut sandbox = small(OldNodes::SelfManaged);
    let watched = Watched::start(&sandbox);
    let fails = |fault: serde_json::Value, texts: &[&str]| {
        sandbox.fault(&fault).expect("AWS takes the fault");
        run(&sandbox, &["setup", "--yes"]).expect(1).tells(texts);
        sandbox.clear_faults().expect("AWS is well again");
    };

    fails(
        json!({"service": "eks", "operation": "UpdateAddon", "kind": "addon_failure", "code": "ConfigurationConflict", "message": "Conflicts found"}),
        &["could not update the add-on vpc-cni", "ConfigurationConflict", "aws eks describe-update"],
    );
    // Made, and then not stable: what was made has to go again, in both kinds of stack.
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
    run(&sandbox, &["setup", "--yes"]).expect(0);
    crate::policy::needs_all_of(&sandbox, crate::policy::TROUBLE);
    watched.reached(&mut sandbox);
}

#[test]
fn replies_that_are_lost_after_the_work_was_done_make_nothing_twice() {
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
    sandbox.fault(&json!(faults)).expect("AWS takes the faults");
    run(&sandbox, &["setup", "--yes"]).expect(0);
    watched.reached(&mut sandbox);
}

#[test]
fn a_drain_that_can_not_end_gives_up_in_good_order_and_goes_on_later() {
    let mut sandbox = small(OldNodes::SelfManaged);
    // No deadline may be shorter than a grace period.
    let short = r#"{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":5}}}}"#;
    for args in
        [&["patch", "deployment", "coredns", "-p", short][..], &["rollout", "status", "deployment/coredns"]]
    {
        sandbox.kubectl(&[&["-n", "kube-system"], args].concat()).expect("kubectl answers");
    }
    run(&sandbox, &["setup", "--yes", "--keep-old-nodes"]).expect(0);
    assert_eq!(cordoned(&sandbox.kubectl_alone()), "");
    let kubectl = sandbox.kubectl_alone();
    // A third pod that is never Ready, on a new node: with it two of three are the least, and no third ever is.
    let new = "jsonpath={.items[?(@.status.allocatable.pods=='20')].metadata.name}";
    let new = sandbox.kubectl(&["get", "nodes", "-o", new]).expect("kubectl answers");
    let third = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "third", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}, "annotations": {"sandbox.eni-custom/ready-after": "1h"}},
        "spec": {"nodeName": new.split_whitespace().next(), "containers": [{"name": "main", "image": "example.com/none"}]},
    });
    sandbox.kubectl_with(&["apply", "-f", "-"], &third.to_string()).expect("the pod is made");
    let budget = |name: &str, least: serde_json::Value| {
        let spec = json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": {"name": name, "namespace": "kube-system"},
            "spec": {"minAvailable": least, "selector": {"matchLabels": {"k8s-app": "kube-dns"}}},
        });
        kubectl.run(&["-n", "kube-system", "delete", "pdb", "--all"]).expect("the old budget goes");
        kubectl.run_with(&["apply", "-f", "-"], &spec.to_string()).expect("the budget is there");
    };

    budget("never", json!(2));
    run(&sandbox, &["drain-nodes", "--yes", "--drain-timeout", "5s"]).expect(4).tells(&[
        "coredns",
        "never",
        "run the same command again",
    ]);
    cordons_are_put_back(&mut sandbox);

    interrupted(&sandbox);
    cordons_are_put_back(&mut sandbox);

    kubectl
        .run(&["-n", "kube-system", "delete", "pod", "third", "--grace-period", "0", "--force"])
        .expect("the pod goes");
    budget("now", json!("50%"));
    let watched = Watched::start(&sandbox);
    run(&sandbox, &["drain-nodes", "--yes"]).expect(0);
    watched.reached(&mut sandbox);
}

/// Names of nodes that take no pods.
fn cordoned(kubectl: &Kubectl) -> String {
    kubectl
        .run(&["get", "nodes", "-o", "jsonpath={.items[?(@.spec.unschedulable==true)].metadata.name}"])
        .expect("kubectl answers")
        .trim()
        .to_string()
}

/// What was cordoned takes pods again, but for a node that was empty and is on its way out: that one goes.
#[track_caller]
fn cordons_are_put_back(sandbox: &mut Sandbox) {
    let kubectl = sandbox.kubectl_alone();
    sandbox
        .until("no cordoned node", Duration::from_secs(60), || match cordoned(&kubectl).as_str() {
            "" => Ok(Some(())),
            nodes => Err(format!("cordoned: {nodes}")),
        })
        .expect("cordons are put back");
}

/// Presses Ctrl-C once as soon as the drain waits.
fn interrupted(sandbox: &Sandbox) {
    let mut drain = Going::start(&mut in_sandbox(sandbox, &["drain-nodes", "--yes", "--events", "json"]));
    drain.says("nodes to be drained");
    drain.signal(Signal::INT);
    let told = drain.ends(130);
    for text in ["interrupted", "to continue: eni-custom drain-nodes"] {
        assert!(told.contains(text), "'{text}' is not in:\n{told}");
    }
}
