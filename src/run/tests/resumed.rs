//! A run after an interrupted one looks up what is there, creates nothing twice, and finishes what was begun.

use std::collections::BTreeSet;

use crate::facts::{Facts, Record};
use crate::goal::Goal;
use crate::scripted::{Scripted, Twist, cluster, error_of, small_cluster};
use crate::step::Step;

/// Calls that must not be made twice.
fn made_twice(server: &Scripted) -> Vec<String> {
    let once = |call: &&String| {
        ["Create", "AssociateVpc", "AssociateRoute", "Terminate", "Delete", "Disassociate", "POST pods"]
            .iter()
            .any(|verb| call.starts_with(verb))
    };
    let mut known = BTreeSet::new();
    server.writes().iter().filter(once).filter(|call| !known.insert((*call).clone())).cloned().collect()
}

/// What a record says while nothing is under way.
fn is_at_rest(record: &Record) -> bool {
    !record.drain_is_open() && record.claims.is_empty()
}

#[tokio::test]
async fn a_setup_killed_at_any_change_is_finished_by_the_next_one_and_creates_nothing_twice() {
    let whole = Scripted::after(small_cluster(), Goal::Setup, &[]).await;
    for (change, server) in
        Scripted::serving(small_cluster()).killed_at_each_kind_of_change(Goal::Setup).await
    {
        let resumed = server.run(Goal::Setup, &[]).await;
        resumed.unwrap_or_else(|error| panic!("after {change}: {error} {:?}", error.findings()));
        assert_eq!(made_twice(&server), [""; 0], "after {change}");
        let (facts, expected) = (server.facts(), whole.facts());
        assert!(is_at_rest(&facts.record), "after {change}: {:?}", facts.record);
        assert_eq!(facts.record.blocks, expected.record.blocks, "after {change}");
        assert_eq!(facts.record.groups, expected.record.groups, "after {change}");
        assert_eq!(facts.record.env, expected.record.env, "after {change}");
        assert_eq!(facts.eniconfigs.items.len(), 1, "after {change}");
        let groups = |facts: &Facts| -> Vec<_> {
            let groups = facts.node_groups.groups.values();
            groups.map(|group| (group.name.clone(), group.sizes(), group.suspended.clone())).collect()
        };
        assert_eq!(groups(&facts), groups(&expected), "after {change}");
    }
}

#[tokio::test]
async fn a_block_whose_reply_is_lost_is_looked_up() {
    let server = Scripted::serving(cluster());
    server.twist("AssociateVpcCidrBlock", Twist::Lost);
    server.run(Goal::Step(Step::AssociateCidr), &[]).await.unwrap();
    let calls = server.calls();
    let at = calls.iter().position(|call| call.starts_with("AssociateVpcCidrBlock")).unwrap();
    let block = "AssociateVpcCidrBlock 100.64.0.0/16";
    assert_eq!(calls[at..at + 3], [block, block, "DescribeVpcs"]);
    assert_eq!(server.facts().vpc.blocks.len(), 2);
}

#[tokio::test]
async fn a_subnet_whose_reply_is_lost_is_found_by_its_block_and_its_tags() {
    let server = Scripted::after(cluster(), Goal::Step(Step::AssociateCidr), &[]).await;
    server.twist("CreateSubnet 100.64.0.0/17", Twist::Lost);
    server.run(Goal::Step(Step::CreateSubnets), &[]).await.unwrap();
    let calls = server.calls();
    let at = calls.iter().position(|call| call == "CreateSubnet 100.64.0.0/17").unwrap();
    assert_eq!(
        calls[at..at + 4],
        [
            "CreateSubnet 100.64.0.0/17",
            "CreateSubnet 100.64.0.0/17",
            "DescribeSubnets",
            "AssociateRouteTable pods-a"
        ]
    );
    assert_eq!(server.facts().vpc.subnets.len(), 4);
}

#[tokio::test]
async fn a_stack_is_requested_with_the_same_token_by_the_retry_and_by_the_next_run() {
    let server = Scripted::after(cluster(), Goal::Step(Step::AssociateCidr), &[]).await;
    server.run(Goal::Step(Step::CreateSubnets), &[]).await.unwrap();
    let launch = Goal::Step(Step::LaunchNodegroups);
    server.twist("CreateStack eni-custom-shop-base", Twist::Refused("Throttling"));
    error_of(server.run(launch, &[]).await);
    server.untwist();
    server.twist("CreateStack eni-custom-shop-base", Twist::Lost);
    server.run(launch, &[]).await.unwrap();
    let tokens = server.tokens("CreateStack");
    let (of_base, of_zones) = tokens.split_at(tokens.len() - 2);
    assert_eq!(of_base.len(), 5, "three attempts, then one whose reply is lost and its retry");
    assert!(of_base.iter().all(|token| token == &of_base[0]), "{tokens:?}");
    assert!(of_zones.iter().all(|token| token != &of_base[0]) && of_zones[0] != of_zones[1], "{tokens:?}");
}
