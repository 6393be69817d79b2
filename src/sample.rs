//! A cluster and its parts that have nothing special, for tests to change one thing of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::facts::{
    Authentication, Budget, Caller, CidrBlock, Cluster, Cni, Controller, EniConfigs, Facts, Least, Machine,
    Node, NodeGroups, NodeKind, Pod, Requests, Subnet, Vpc,
};
use crate::k8s::record::Record;
use crate::net::max_pods::known;
use crate::settings::{Origins, Settings};

/// `setup` with these arguments.
pub fn settings(arguments: &[&str]) -> Settings {
    let cli = Cli::try_parse_from(["eni-custom", "setup"].iter().chain(arguments)).unwrap();
    match cli.command {
        Command::Setup(args) => Settings::new(args, Origins::default()).unwrap(),
        other => unreachable!("{other:?}"),
    }
}

/// Two zones with an old node of m5.large in each, and nothing of ours yet.
pub fn facts() -> Facts {
    let subnet = |id: &str, zone: &str, cidr: &str| Subnet {
        id: id.into(),
        zone: zone.into(),
        zone_id: format!("id-{zone}"),
        cidr: cidr.parse().unwrap(),
        state: "available".into(),
        free: 200,
        tags: BTreeMap::new(),
    };
    let old = |name: &str, zone: &str, subnet: &str| Node { subnet: Some(subnet.into()), ..node(name, zone) };
    let block = |cidr: &str| CidrBlock {
        association_id: format!("vpc-cidr-assoc-{cidr}"),
        cidr: cidr.parse().unwrap(),
        state: "associated".into(),
    };
    let m5 = known("m5.large").unwrap().clone();
    Facts {
        caller: Caller { account: "1".into(), arn: "arn:aws:iam::1:user/u".into(), region: "r".into() },
        cluster: Cluster {
            name: "shop".into(),
            arn: "arn:aws:eks:r:1:cluster/shop".into(),
            version: "1.34".into(),
            status: "ACTIVE".into(),
            endpoint: "https://shop".into(),
            certificate_authority: String::new(),
            vpc_id: "vpc-1".into(),
            security_group: "sg-cluster".into(),
            service_cidr: Some("172.20.0.0/16".parse().unwrap()),
            ipv6: false,
            auto_mode: false,
            authentication: Authentication::Api,
            subnet_ids: vec!["subnet-a".into(), "subnet-b".into()],
        },
        vpc: Vpc {
            id: "vpc-1".into(),
            primary: "10.0.0.0/16".parse().unwrap(),
            blocks: vec![block("10.0.0.0/16"), block("100.64.0.0/16")],
            subnets: vec![subnet("subnet-a", "a", "10.0.0.0/24"), subnet("subnet-b", "b", "10.0.1.0/24")],
            route_tables: Vec::new(),
            peerings: Vec::new(),
            block_quota: 5,
        },
        machine: Machine { types: [(m5.name.clone(), m5)].into(), ..Machine::default() },
        cni: Cni::default(),
        eniconfigs: EniConfigs::default(),
        node_groups: NodeGroups::default(),
        nodes: vec![old("old-1", "a", "subnet-a"), old("old-2", "b", "subnet-b")],
        labelled_nodes: None,
        pods: Vec::new(),
        budgets: Vec::new(),
        volumes: BTreeMap::new(),
        ordered_sets: BTreeSet::new(),
        interfaces: Vec::new(),
        record: Record::default(),
    }
}

pub fn pod(namespace: &str, name: &str) -> Pod {
    Pod {
        namespace: namespace.into(),
        name: name.into(),
        uid: format!("{namespace}-{name}"),
        node: "old-1".into(),
        labels: Arc::default(),
        phase: "Running".into(),
        ready: true,
        host_network: false,
        deleting: false,
        address: None,
        controller: Some(Arc::new(Controller { kind: "ReplicaSet".into(), name: "set".into() })),
        mirror: false,
        empty_dir: false,
        grace_seconds: 30,
        seconds_to_ready: None,
        not_ready_because: None,
        requests: Requests::default(),
        placement: None,
    }
}

/// With `null` for no selector. It has three pods, and all are healthy.
pub fn budget(namespace: &str, selector: Value) -> Budget {
    Budget {
        namespace: namespace.into(),
        name: "budget".into(),
        selector: (!selector.is_null()).then(|| serde_json::from_value(selector).unwrap()),
        least: Least::MaxUnavailable("1".into()),
        unhealthy_may_go: false,
        disruptions_allowed: 1,
        current_healthy: 3,
        desired_healthy: 2,
        expected: 3,
        observed: true,
        disrupted: BTreeSet::new(),
    }
}

pub fn node(name: &str, zone: &str) -> Node {
    Node {
        name: name.into(),
        kind: NodeKind::Ec2,
        instance_id: None,
        zone: zone.into(),
        instance_type: "m5.large".into(),
        ready: true,
        unschedulable: false,
        max_pods: 20,
        allocatable: Requests { cpu_milli: 2000, memory: 8 << 30 },
        taints: Vec::new(),
        labels: BTreeMap::from([("topology.kubernetes.io/zone".into(), zone.into())]),
        annotations: BTreeMap::new(),
        node_claim: None,
        subnet: None,
        pod_subnets: BTreeSet::new(),
        pod_addresses: 0,
    }
}
