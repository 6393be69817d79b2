//! `undo`: the reverse order, and nothing is deleted while it is in use: the cluster in memory would fail the test.

use tokio::sync::OnceCell;

use crate::exit::Exit;
use crate::facts::{Record, Sizes};
use crate::goal::{Goal, Undo};
use crate::scripted::{Scripted, Twist, assert_writes, cluster, error_of, small_cluster};

const ALL: Goal = Goal::Undo(Undo::WHOLE);

/// One whole undo of a whole setup.
async fn undone() -> Scripted {
    static DONE: OnceCell<Scripted> = OnceCell::const_new();
    let undo = async || Scripted::after(Scripted::whole_setup().await.facts(), ALL, &[]).await;
    DONE.get_or_init(undo).await.clone()
}

#[tokio::test]
async fn an_undo_takes_the_reverse_order_and_deletes_the_record_last() {
    assert_writes(
        &undone().await,
        &[
            "POST leases",
            "PATCH daemonsets/aws-node -AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG -ENI_CONFIG_LABEL_DEF",
            // The old nodes are there before the first pod leaves a new one.
            "UpdateAutoScalingGroup old min=1 max=4 desired=2",
            "PATCH configmaps/eni-custom +cordoned",
            "PATCH configmaps/eni-custom +held ~suspendedBefore",
            "SuspendProcesses eni-custom-shop-a AZRebalance Launch",
            "SuspendProcesses eni-custom-shop-b AZRebalance Launch",
            "UpdateAutoScalingGroup eni-custom-shop-a min=0 max=2",
            "PATCH nodes/new-a-1 cordon",
            "PATCH nodes/new-b-1 cordon",
            "POST pods/cart-1-again/eviction",
            "TerminateInstanceInAutoScalingGroup i-new-a-1",
            "POST pods/cart-2-again/eviction",
            "TerminateInstanceInAutoScalingGroup i-new-b-1",
            "UpdateAutoScalingGroup eni-custom-shop-a min=0 max=0",
            "UpdateAutoScalingGroup eni-custom-shop-b min=0 max=0",
            "ResumeProcesses eni-custom-shop-a AZRebalance Launch",
            "ResumeProcesses eni-custom-shop-b AZRebalance Launch",
            "PATCH configmaps/eni-custom -held",
            "PATCH configmaps/eni-custom -cordoned",
            "DeleteStack eni-custom-shop-a",
            "DeleteStack eni-custom-shop-b",
            "DeleteStack eni-custom-shop-base",
            "DELETE eniconfigs/a",
            "DELETE eniconfigs/b",
            "DeleteSubnet pods-a",
            "DeleteSubnet pods-b",
            "DisassociateVpcCidrBlock vpc-cidr-assoc-1",
            "DELETE configmaps/eni-custom",
            "DELETE leases/eni-custom",
        ],
    );
}

#[tokio::test]
async fn after_an_undo_the_cluster_is_as_before_the_setup() {
    let (before, after) = (cluster(), undone().await.facts());
    assert_eq!(after.record, Record::default());
    assert_eq!(after.cni.env, before.cni.env);
    assert_eq!(after.vpc.blocks.len(), before.vpc.blocks.len());
    assert_eq!(after.vpc.subnets.len(), before.vpc.subnets.len());
    assert!(
        after.node_groups.stacks.is_empty()
            && after.node_groups.access_entries.keys().eq(before.node_groups.access_entries.keys())
    );
    assert!(after.eniconfigs.items.is_empty());
    let old = &after.node_groups.groups["old"];
    assert_eq!((old.sizes(), old.suspended.len()), (before.node_groups.groups["old"].sizes(), 0));
    assert!(after.nodes.iter().all(|node| node.group.as_deref() == Some("old") && !node.unschedulable));
}

#[tokio::test]
async fn a_second_undo_changes_nothing() {
    let server = undone().await.again();
    let error = error_of(server.run(ALL, &[]).await);
    assert_eq!((error.exit(), error.findings()[0].id.as_str()), (Exit::Refused, "EC-UND-001"));
    assert_writes(&server, &[]);
}

#[tokio::test]
async fn an_undo_killed_at_any_change_is_finished_by_the_next_one() {
    let set_up = Scripted::after(small_cluster(), Goal::Setup, &[]).await;
    for (change, server) in set_up.killed_at_each_kind_of_change(ALL).await {
        let nothing_left = server.facts().record == Record::default();
        match (server.run(ALL, &[]).await, nothing_left) {
            (Ok(_), false) => {}
            (Err(error), true) => assert_eq!(error.findings()[0].id.as_str(), "EC-UND-001", "after {change}"),
            (Ok(_), true) => panic!("after {change}: there was nothing left to undo"),
            (Err(error), false) => panic!("after {change}: {error} {:?}", error.findings()),
        }
        let facts = server.facts();
        assert_eq!(facts.record, Record::default(), "after {change}");
        assert!(facts.node_groups.stacks.is_empty(), "after {change}");
        assert_eq!((facts.vpc.blocks.len(), facts.vpc.subnets.len()), (1, 1), "after {change}");
        assert_eq!(
            facts.node_groups.groups["old"].sizes(),
            Sizes { min: 0, desired: 1, max: 2 },
            "after {change}"
        );
    }
}

#[tokio::test]
async fn an_undo_that_fails_keeps_the_record_and_deletes_nothing_more() {
    let server = Scripted::whole_setup().await.again();
    server.twist("DeleteStack eni-custom-shop-b", Twist::Refused("AccessDenied"));
    let error = error_of(server.run(ALL, &[]).await);
    assert_eq!((error.exit(), error.code()), (Exit::Failed, "AccessDenied"));
    assert!(server.facts().record.env.contains_key(crate::design::CUSTOM_NETWORK));
    let writes = server.writes();
    let deleted: Vec<&String> =
        writes.iter().filter(|call| call.starts_with("Delete") || call.starts_with("DELETE")).collect();
    assert_eq!(
        deleted,
        ["DeleteStack eni-custom-shop-a", "DeleteStack eni-custom-shop-b", "DELETE leases/eni-custom"]
    );
}
