//! Pools: read with everything else, in few calls, and not again while a step waits.

use crate::facts::{AutoScalingGroup, Part};
use crate::goal::Goal;
use crate::scripted::{Scripted, Twist, cluster};

fn count(server: &Scripted, call: &str) -> usize {
    server.calls().iter().filter(|made| *made == call).count()
}

/// The old group, and fifteen more without nodes.
fn sixteen_groups() -> Scripted {
    let server = Scripted::serving(cluster());
    server.change(|facts| {
        for number in 2..=16 {
            let name = format!("old-{number}");
            let group = AutoScalingGroup { name: name.clone(), max: 4, ..AutoScalingGroup::default() };
            facts.node_groups.groups.insert(name, group);
        }
    });
    server
}

#[tokio::test]
async fn sixteen_pools_take_as_few_calls_as_aws_allows() {
    let server = sixteen_groups();
    let prepared = server.prepare(Goal::Setup, &[]).await.unwrap();
    let pools = &prepared.session.facts.pools;
    assert_eq!(pools.len(), 16);
    assert_eq!(pools.iter().find(|pool| !pool.unclear.is_empty()), None);
    for (call, calls) in [
        // One template, and hooks of one group, a call.
        ("DescribeLaunchTemplateVersions", 16),
        ("DescribeLifecycleHooks", 16),
        ("DescribeLaunchConfigurations", 0),
        ("DescribePolicies", 1),
        ("DescribeScheduledActions", 1),
        ("DescribeNotificationConfigurations", 1),
        // They share it.
        ("GetInstanceProfile", 1),
        // The pools' images, and the image of new nodes.
        ("DescribeImages", 2),
        ("DescribeInstanceAttribute", 0),
    ] {
        assert_eq!(count(&server, call), calls, "{call}");
    }
}

#[tokio::test]
async fn a_step_that_waits_does_not_read_the_pools_again() {
    let server = Scripted::whole_setup().await;
    let looks = count(&server, "GET configmaps/eni-custom");
    assert_eq!(count(&server, "DescribePolicies"), looks, "once with each look at everything");
    assert!(count(&server, "ListNodegroups") > looks, "a step reads node groups more often");
}

#[tokio::test]
async fn a_second_look_at_everything_reads_the_pools_again() {
    let server = Scripted::serving(cluster());
    let mut prepared = server.prepare(Goal::Setup, &[]).await.unwrap();
    let calls = count(&server, "DescribeLaunchTemplateVersions");
    prepared.session.observe().await.unwrap();
    assert_eq!(count(&server, "DescribeLaunchTemplateVersions"), 2 * calls);
}

#[tokio::test]
async fn a_refused_read_is_noted_and_shown_by_the_pool_until_it_is_allowed() {
    let server = Scripted::serving(cluster());
    server.twist("DescribeLaunchTemplateVersions", Twist::Refused("UnauthorizedOperation"));
    let mut prepared = server.prepare(Goal::Setup, &[]).await.unwrap();
    let facts = &prepared.session.facts;
    assert!(facts.unread[&Part::Pools].contains("UnauthorizedOperation"), "{:?}", facts.unread);
    assert_eq!(facts.pools[0].unclear[0].what, "launch template lt-old version 1");
    server.untwist();
    prepared.session.observe().await.unwrap();
    let facts = &prepared.session.facts;
    assert_eq!((facts.unread.get(&Part::Pools), &facts.pools[0].unclear[..]), (None, &[][..]));
}

#[tokio::test]
async fn optional_reads_that_are_refused_make_the_pool_unclear_and_nothing_else() {
    let server = Scripted::serving(cluster());
    for call in ["DescribeLifecycleHooks", "DescribePolicies", "GetInstanceProfile"] {
        server.twist(call, Twist::Refused("AccessDenied"));
    }
    let prepared = server.prepare(Goal::Setup, &[]).await.unwrap();
    let facts = &prepared.session.facts;
    let whats: Vec<&str> = facts.pools[0].unclear.iter().map(|one| one.what.as_str()).collect();
    let expected = [
        "lifecycle hooks",
        "scaling policies, scheduled actions and notifications",
        "instance profile nodes",
    ];
    assert_eq!((whats, facts.unread.get(&Part::Pools)), (expected.to_vec(), None));
}

#[tokio::test]
async fn nodes_without_an_owner_are_described_by_ec2() {
    let server = Scripted::serving(cluster());
    server.change(|facts| {
        facts.node_groups.groups.clear();
        facts.nodes.iter_mut().for_each(|node| node.group = None);
    });
    let prepared = server.prepare(Goal::Setup, &[]).await.unwrap();
    let pools = &prepared.session.facts.pools;
    let found: Vec<(&str, usize, &[u8])> = pools
        .iter()
        .map(|pool| (pool.name.as_str(), pool.nodes.len(), &pool.template.user_data[..]))
        .collect();
    assert_eq!(found, [("unowned-1", 2, &b"#!/bin/sh\n"[..])]);
    assert_eq!(count(&server, "DescribeInstanceAttribute"), 1, "the two are alike");
}

#[tokio::test]
async fn an_undo_reads_no_pools() {
    let server = Scripted::whole_setup().await.again();
    let prepared = server.prepare(Goal::Undo(crate::goal::Undo::WHOLE), &[]).await.unwrap();
    assert_eq!(prepared.session.facts.pools.len(), 0);
    assert_eq!(count(&server, "DescribePolicies"), 0);
}
