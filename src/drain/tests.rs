//! The order of calls of a drain: the record, then the suspension, then nodes and pods, and at the end the resumption.

use crate::exit::Exit;
use crate::facts::{Facts, ManagedNodeGroup, Sizes};
use crate::goal::Goal;
use crate::scripted::{Scripted, Twist, assert_writes, error_of};
use crate::step::Step;
use crate::tags::TAG_POOL;

const DRAIN: Goal = Goal::Step(Step::DrainNodes);

/// The old group belongs to a managed node group.
fn managed(facts: &mut Facts) {
    let old = &facts.node_groups.groups["old"];
    facts.node_groups.managed = vec![ManagedNodeGroup {
        name: "web".into(),
        status: "ACTIVE".into(),
        min: old.min,
        desired: old.desired,
        max: old.max,
        groups: vec!["old".into()],
        issues: Vec::new(),
        settings: crate::facts::ManagedSettings::default(),
    }];
    // The pool has the name of its managed node group.
    for stack in facts.node_groups.stacks.values_mut() {
        stack.tags.entry(TAG_POOL.into()).and_modify(|pool| *pool = "web".into());
    }
}

/// Nothing of a drain is left: the group is as before, and every node takes pods.
#[track_caller]
fn assert_put_back(server: &Scripted, after: &str) {
    let facts = server.facts();
    let old = &facts.node_groups.groups["old"];
    assert_eq!(
        (old.sizes(), old.suspended.len()),
        (Sizes { min: 1, desired: 2, max: 4 }, 0),
        "after {after}"
    );
    assert!(!facts.record.drain_is_open(), "after {after}: {:?}", facts.record);
    assert!(!facts.nodes.iter().any(|node| node.unschedulable), "after {after}");
}

#[tokio::test]
async fn a_group_is_recorded_then_suspended_and_resumed_when_its_nodes_are_gone() {
    let server = Scripted::setup_with_old_nodes().await.again();
    server.run(DRAIN, &[]).await.unwrap();
    assert_writes(
        &server,
        &[
            "POST leases",
            "PATCH configmaps/eni-custom +cordoned",
            "PATCH configmaps/eni-custom +groups +held +shapes +suspendedBefore",
            "SuspendProcesses old AZRebalance Launch",
            "UpdateAutoScalingGroup old min=0 max=2",
            "PATCH nodes/old-1 cordon",
            "PATCH nodes/old-2 cordon",
            "POST pods/cart-1/eviction",
            "TerminateInstanceInAutoScalingGroup i-old-1",
            "POST pods/cart-2/eviction",
            "TerminateInstanceInAutoScalingGroup i-old-2",
            // A group that could launch before its bounds are set would start nodes.
            "UpdateAutoScalingGroup old min=0 max=0",
            "ResumeProcesses old AZRebalance Launch",
            "PATCH configmaps/eni-custom -held",
            "PATCH configmaps/eni-custom -cordoned",
            "DELETE leases/eni-custom",
        ],
    );
    let old = &server.facts().node_groups.groups["old"];
    assert_eq!((old.sizes(), old.suspended.len()), (Sizes { min: 0, desired: 0, max: 0 }, 0));
}

#[tokio::test]
async fn a_managed_group_gets_its_sizes_from_eks_before_and_after() {
    let server = Scripted::setup_with_old_nodes().await.again();
    server.change(managed);
    server.run(DRAIN, &[]).await.unwrap();
    assert_writes(
        &server,
        &[
            "POST leases",
            "PATCH configmaps/eni-custom +cordoned",
            "PATCH configmaps/eni-custom +held +heldManaged +managed +shapes +suspendedBefore",
            "SuspendProcesses old AZRebalance Launch",
            "UpdateNodegroupConfig web min=0 max=2",
            "PATCH nodes/old-1 cordon",
            "PATCH nodes/old-2 cordon",
            "POST pods/cart-1/eviction",
            "TerminateInstanceInAutoScalingGroup i-old-1",
            "POST pods/cart-2/eviction",
            "TerminateInstanceInAutoScalingGroup i-old-2",
            // EKS does not accept a maximum below 1.
            "UpdateNodegroupConfig web min=0 max=1",
            "ResumeProcesses old AZRebalance Launch",
            "PATCH configmaps/eni-custom -held -heldManaged",
            "PATCH configmaps/eni-custom -cordoned",
            "DELETE leases/eni-custom",
        ],
    );
}

#[tokio::test]
async fn pods_leave_before_their_node_is_terminated_and_nodes_are_cordoned_before_any_pod_leaves() {
    let server = Scripted::setup_with_old_nodes().await.again();
    server.run(DRAIN, &[]).await.unwrap();
    let writes = server.writes();
    let at = |text: &str| writes.iter().position(|call| call.starts_with(text)).expect(text);
    assert!(at("PATCH nodes/old-2 cordon") < at("POST pods"));
    assert!(at("POST pods/cart-1/eviction") < at("TerminateInstanceInAutoScalingGroup i-old-1"));
    assert!(at("POST pods/cart-2/eviction") < at("TerminateInstanceInAutoScalingGroup i-old-2"));
}

#[tokio::test]
async fn an_error_during_the_drain_uncordons_the_node_that_is_left_and_resumes_its_group() {
    let server = Scripted::setup_with_old_nodes().await.again();
    server.twist("TerminateInstanceInAutoScalingGroup i-old-2", Twist::Refused("AccessDenied"));
    let error = error_of(server.run(DRAIN, &[]).await);
    assert_eq!((error.exit(), error.code()), (Exit::Failed, "AccessDenied"));
    let writes = server.writes();
    let from = writes.iter().position(|call| call.ends_with("i-old-2")).unwrap();
    assert_eq!(
        writes[from..],
        [
            "TerminateInstanceInAutoScalingGroup i-old-2",
            "PATCH nodes/old-2 uncordon",
            "ResumeProcesses old Launch",
            "UpdateAutoScalingGroup old min=1 max=4",
            "ResumeProcesses old AZRebalance",
            "PATCH configmaps/eni-custom -held",
            "PATCH configmaps/eni-custom -cordoned",
            "DELETE leases/eni-custom",
        ]
    );
}

/// Ctrl-C at each change until the first node is terminated.
async fn assert_ctrl_c_puts_back(change: fn(&mut Facts)) {
    let whole = Scripted::setup_with_old_nodes().await.again();
    whole.change(change);
    whole.run(DRAIN, &[]).await.unwrap();
    let writes = whole.writes();
    let first_gone = writes.iter().position(|call| call.starts_with("Terminate")).unwrap();
    for (at, call) in writes[..first_gone].iter().enumerate() {
        let server = Scripted::setup_with_old_nodes().await.again();
        server.change(change);
        server.twist_after(at, Twist::Interrupted);
        let error = error_of(server.run(DRAIN, &[]).await);
        assert_eq!(error.exit(), Exit::Interrupted, "{call}");
        assert_put_back(&server, call);
    }
}

#[tokio::test]
async fn ctrl_c_at_any_change_before_a_node_is_gone_puts_everything_back() {
    assert_ctrl_c_puts_back(|_| {}).await;
}

#[tokio::test]
async fn ctrl_c_puts_the_sizes_of_a_managed_group_back_as_well() {
    assert_ctrl_c_puts_back(managed).await;
}

#[tokio::test]
async fn a_group_that_can_not_be_resumed_stays_in_the_record_and_the_next_run_resumes_it() {
    let server = Scripted::setup_with_old_nodes().await.again();
    server.twist("PATCH nodes/old-1 cordon", Twist::Refused("Forbidden"));
    server.twist("ResumeProcesses", Twist::Refused("AccessDenied"));
    let error = error_of(server.run(DRAIN, &[]).await);
    assert_eq!(error.code(), "Forbidden", "the first error is reported");
    let held = server.facts().record.held;
    assert_eq!(held["old"].iter().collect::<Vec<_>>(), ["AZRebalance", "Launch"]);
    server.untwist();
    server.run(DRAIN, &["--keep-old-nodes"]).await.unwrap();
    assert_put_back(&server, "the next run");
}

#[tokio::test]
async fn a_drain_killed_at_any_change_has_recorded_it_and_a_run_that_keeps_the_old_nodes_puts_everything_back()
 {
    for (change, server) in Scripted::setup_with_old_nodes().await.killed_at_each_change(DRAIN).await {
        if change.starts_with("Terminate") {
            break;
        }
        let facts = server.facts();
        let old = &facts.node_groups.groups["old"];
        let is_changed = !old.suspended.is_empty() || old.sizes() != Sizes { min: 1, desired: 2, max: 4 };
        assert!(!is_changed || facts.record.held.contains_key("old"), "not recorded: {change}");
        let cordoned = facts.nodes.iter().filter(|node| node.unschedulable);
        assert!(
            cordoned.into_iter().all(|node| facts.record.cordoned.contains(&node.name)),
            "not recorded: {change}"
        );
        server.run(DRAIN, &["--keep-old-nodes"]).await.unwrap();
        assert_put_back(&server, &change);
    }
}
