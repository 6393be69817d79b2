//! `setup`: all reads and checks, then the changes of each step.

use std::collections::BTreeSet;

use crate::exit::Exit;
use crate::goal::{Goal, Undo};
use crate::scripted::{Scripted, Twist, assert_writes, cluster, error_of};
use crate::step::Step;

/// What is read before the first change, and again once the lock is taken.
const READ: [&str; 28] = [
    "DescribeAddon",
    "DescribeAutoScalingGroups",
    "DescribeImages",
    "DescribeInstanceTypes",
    "DescribeInstances",
    "DescribeLaunchTemplateVersions",
    "DescribeLifecycleHooks",
    "DescribeNetworkAcls",
    "DescribeNetworkInterfaces",
    "DescribePolicies",
    "DescribeRouteTables",
    "DescribeScheduledActions",
    "DescribeSecurityGroups",
    "DescribeStacks",
    "DescribeSubnets",
    "DescribeVpcPeeringConnections",
    "DescribeVpcs",
    "GET configmaps/aws-auth",
    "GET configmaps/eni-custom",
    "GET customresourcedefinitions/eniconfigs.crd.k8s.amazonaws.com",
    "GET daemonsets/aws-node",
    "GET mutatingwebhookconfigurations",
    "GET nodes",
    "GET poddisruptionbudgets",
    "GET pods",
    "GetInstanceProfile",
    "ListAccessEntries",
    "ListNodegroups",
];

#[tokio::test]
async fn a_setup_records_and_changes_step_by_step_and_nodes_start_when_both_eniconfigs_are_complete() {
    assert_writes(
        &Scripted::whole_setup().await,
        &[
            "POST leases",
            // An association can't be tagged, so the record says who made it.
            "PATCH configmaps/eni-custom +blocks",
            "AssociateVpcCidrBlock 100.64.0.0/16",
            "CreateSubnet 100.64.0.0/17",
            "AssociateRouteTable pods-a",
            "CreateSubnet 100.64.128.0/17",
            "AssociateRouteTable pods-b",
            "PATCH configmaps/eni-custom +env +pools",
            "PATCH daemonsets/aws-node +AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG +ENI_CONFIG_LABEL_DEF",
            "PATCH configmaps/eni-custom +eniconfigs",
            "PATCH eniconfigs/a sg-cluster",
            "PATCH configmaps/eni-custom ~eniconfigs",
            "PATCH eniconfigs/b sg-cluster",
            "CreateStack eni-custom-shop-base",
            "CreateStack eni-custom-shop-a min=0 max=2 desired=0",
            "CreateStack eni-custom-shop-b min=0 max=2 desired=0",
            // The CNI never changes the groups of an existing interface.
            "PATCH eniconfigs/a sg-nodes sg-cluster",
            "PATCH eniconfigs/b sg-nodes sg-cluster",
            "UpdateStack eni-custom-shop-a min=1 max=2 desired=1",
            "UpdateStack eni-custom-shop-b min=0 max=2 desired=1",
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
            "UpdateAutoScalingGroup old min=0 max=0",
            "ResumeProcesses old AZRebalance Launch",
            "PATCH configmaps/eni-custom -held",
            "PATCH configmaps/eni-custom -cordoned",
            "DELETE leases/eni-custom",
        ],
    );
}

#[tokio::test]
async fn everything_is_read_before_the_lock_and_again_before_the_first_change() {
    let calls = Scripted::whole_setup().await.calls();
    let lock = calls.iter().position(|call| call == "POST leases").unwrap();
    let first = calls.iter().position(|call| call.starts_with("PATCH configmaps/eni-custom")).unwrap();
    for (part, calls) in
        [("before the lock", &calls[..lock]), ("before the first change", &calls[lock..first])]
    {
        let read: BTreeSet<&str> = calls.iter().map(String::as_str).collect();
        let missing: Vec<&&str> = READ.iter().filter(|call| !read.contains(**call)).collect();
        assert!(missing.is_empty(), "not read {part}: {missing:?}");
    }
}

#[tokio::test]
async fn each_step_waits_for_its_changes_before_the_next_step_begins() {
    let calls = Scripted::whole_setup().await.calls();
    for (last_change, waits) in [
        ("AssociateVpcCidrBlock", &["DescribeVpcs"][..]),
        ("AssociateRouteTable pods-b", &["DescribeSubnets"]),
        ("PATCH eniconfigs/b sg-cluster", &["GET daemonsets/aws-node", "GET nodes", "GET pods"]),
        ("CreateStack eni-custom-shop-b ", &["DescribeStacks", "DescribeStacks", "DescribeStacks"]),
        (
            "UpdateStack eni-custom-shop-b",
            &["DescribeAutoScalingGroups", "DescribeStacks", "DescribeStacks", "GET nodes"],
        ),
        ("SuspendProcesses old", &["DescribeAutoScalingGroups"]),
        ("TerminateInstanceInAutoScalingGroup i-old-2", &["DescribeInstances", "GET nodes"]),
        ("ResumeProcesses old", &["DescribeAutoScalingGroups"]),
    ] {
        let at = calls.iter().position(|call| call.starts_with(last_change)).unwrap() + 1;
        // Reads that are made at the same time come in any order.
        let mut read = calls[at..at + waits.len()].to_vec();
        read.sort();
        assert_eq!(read, *waits, "after {last_change}");
    }
}

#[tokio::test]
async fn a_failed_check_changes_nothing_not_even_the_lock() {
    let server = Scripted::serving(cluster());
    server.change(|facts| facts.cluster.status = "UPDATING".into());
    let error = error_of(server.run(Goal::Setup, &[]).await);
    assert_eq!((error.exit(), error.findings()[0].id.as_str()), (Exit::Refused, "EC-CLU-003"));
    assert_writes(&server, &[]);
}

#[tokio::test]
async fn a_check_that_fails_once_the_lock_is_taken_releases_it_and_changes_nothing() {
    let server = Scripted::serving(cluster());
    let prepared = server.prepare(Goal::Setup, &[]).await.unwrap();
    server.change(|facts| facts.cni.rollout.strategy = crate::facts::UpdateStrategy::OnDelete);
    let error = error_of(Box::pin(prepared.apply()).await);
    assert_eq!((error.exit(), error.findings()[0].id.as_str()), (Exit::Refused, "EC-CNI-025"));
    assert_writes(&server, &["POST leases", "DELETE leases/eni-custom"]);
}

#[tokio::test]
async fn a_second_setup_changes_nothing_and_takes_no_lock() {
    let server = Scripted::whole_setup().await.again();
    let done = server.run(Goal::Setup, &[]).await.unwrap();
    assert_eq!(done.steps.iter().map(|step| step.changes).sum::<usize>(), 0);
    assert_writes(&server, &[]);
}

#[tokio::test]
async fn a_denied_call_ends_the_run_with_its_code_and_request_id_and_nothing_more_is_changed() {
    let server = Scripted::serving(cluster());
    server.twist("CreateSubnet", Twist::Refused("UnauthorizedOperation"));
    let error = error_of(server.run(Goal::Setup, &[]).await);
    let cause = error.reason().unwrap();
    assert_eq!(error.exit(), Exit::Failed);
    assert_eq!(cause.code, "UnauthorizedOperation");
    assert_eq!(cause.request_id.as_deref(), Some("request-of-CreateSubnet"));
    let stopped = error.where_it_stopped().unwrap();
    assert_eq!((&stopped.done[..], stopped.stopped_in), (&[Step::AssociateCidr][..], Step::CreateSubnets));
    assert_eq!(stopped.not_begun.len(), 7);
    assert_writes(
        &server,
        &[
            "POST leases",
            "PATCH configmaps/eni-custom +blocks",
            "AssociateVpcCidrBlock 100.64.0.0/16",
            "CreateSubnet 100.64.0.0/17",
            "DELETE leases/eni-custom",
        ],
    );
}

#[tokio::test]
async fn a_throttled_call_is_tried_again_and_then_ends_the_run() {
    let server = Scripted::serving(cluster());
    server.twist("AssociateVpcCidrBlock", Twist::Refused("RequestLimitExceeded"));
    let error = error_of(server.run(Goal::Setup, &[]).await);
    assert_eq!((error.exit(), error.code()), (Exit::Failed, "RequestLimitExceeded"));
    assert_writes(
        &server,
        &[
            "POST leases",
            "PATCH configmaps/eni-custom +blocks",
            "AssociateVpcCidrBlock 100.64.0.0/16",
            "AssociateVpcCidrBlock 100.64.0.0/16",
            "AssociateVpcCidrBlock 100.64.0.0/16",
            "DELETE leases/eni-custom",
        ],
    );
}

#[tokio::test]
async fn ctrl_c_ends_the_run_after_the_change_that_is_being_made() {
    let server = Scripted::serving(cluster());
    server.twist("AssociateVpcCidrBlock", Twist::Interrupted);
    let error = error_of(server.run(Goal::Setup, &[]).await);
    assert_eq!(error.exit(), Exit::Interrupted);
    assert_writes(
        &server,
        &[
            "POST leases",
            "PATCH configmaps/eni-custom +blocks",
            "AssociateVpcCidrBlock 100.64.0.0/16",
            "DELETE leases/eni-custom",
        ],
    );
}

/// The nodes could not join before.
#[tokio::test]
async fn a_new_role_is_created_and_authorised_before_the_node_groups_that_have_it() {
    let server = Scripted::after(cluster(), Goal::Setup, &["--node-role", "new", "--keep-old-nodes"]).await;
    let writes = server.writes();
    let at = |start: &str| writes.iter().position(|write| write.starts_with(start)).unwrap();
    let order = [
        at("CreateStack eni-custom-shop-base"),
        at("CreateAccessEntry"),
        at("CreateStack eni-custom-shop-a"),
    ];
    assert!(order.is_sorted(), "{writes:?}");
    assert!(writes[order[1]].ends_with("role/nodes"), "{writes:?}");
    let undo = server.again();
    undo.run(Goal::Undo(Undo::WHOLE), &["--confirm-cluster", "shop"]).await.unwrap();
    assert!(undo.writes().contains(&"DeleteAccessEntry arn:aws:iam::1:role/nodes".to_string()));
}
