//! A cluster and its parts that have nothing special, for tests to change one thing of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::Value;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::design::{CUSTOM_NETWORK, LABEL_DEF, ZONE_LABEL};
use crate::facts::{
    Addon, AmiFamily, Authentication, AutoScalingGroup, Backends, Budget, Caller, CidrBlock, Cluster, Cni,
    Controller, Crd, EniConfig, EniConfigs, Facts, GroupInstance, Image, Instances, Integrations, Interface,
    Karpenter, LaunchTemplate, Launches, Least, LoadBalancers, Machine, Node, NodeClaim, NodeClass,
    NodeGroups, NodeKind, NodePool, Owner, Permissions, Pod, Pool, Quotas, Record, Requests, Rollout,
    Running, Shape, Sizes, StatefulSets, Subnet, TypeChoice, Vpc,
};
use crate::net::firewall::{AclEntry, Firewall, NetworkAcl, Peer, Rule, SecurityGroup, Traffic};
use crate::net::max_pods::known;
use crate::settings::{Origins, Settings};
use crate::tags::TAG_CLUSTER;

/// `setup` with these arguments.
pub(crate) fn settings(arguments: &[&str]) -> Settings {
    let cli = Cli::try_parse_from(["eni-custom", "setup"].iter().chain(arguments)).unwrap();
    match cli.command {
        Command::Setup(args) => Settings::new(args.all, Origins::default(), false).unwrap(),
        other => unreachable!("{other:?}"),
    }
}

/// The add-on as EKS has it, with these configurationValues.
pub(crate) fn addon(configuration: &str) -> Addon {
    Addon {
        version: "v1.20.4-eksbuild.1".into(),
        status: "ACTIVE".into(),
        configuration: configuration.into(),
        role: None,
        issues: Vec::new(),
    }
}

/// Two zones with an old node of m5.large in each, and nothing of ours yet.
pub(crate) fn facts() -> Facts {
    let subnet = |id: &str, zone: &str, cidr: &str| Subnet {
        id: id.into(),
        zone: zone.into(),
        zone_id: format!("id-{zone}"),
        cidr: cidr.parse().unwrap(),
        state: "available".into(),
        free: 200,
        tags: BTreeMap::new(),
        outpost: None,
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
        permissions: Permissions::default(),
        cluster: Cluster {
            name: "shop".into(),
            arn: "arn:aws:eks:r:1:cluster/shop".into(),
            version: "1.34".into(),
            status: "ACTIVE".into(),
            endpoint: "https://shop".into(),
            certificate_authority: String::new(),
            vpc_id: "vpc-1".into(),
            security_group: "sg-cluster".into(),
            control_plane_groups: Vec::new(),
            private_endpoint: true,
            service_cidr: Some("172.20.0.0/16".parse().unwrap()),
            ipv6: false,
            auto_mode: false,
            authentication: Authentication::Api,
            subnet_ids: vec!["subnet-a".into(), "subnet-b".into()],
        },
        vpc: Vpc {
            id: "vpc-1".into(),
            owner: "1".into(),
            primary: "10.0.0.0/16".parse().unwrap(),
            blocks: vec![block("10.0.0.0/16"), block("100.64.0.0/16")],
            subnets: vec![subnet("subnet-a", "a", "10.0.0.0/24"), subnet("subnet-b", "b", "10.0.1.0/24")],
            route_tables: Vec::new(),
            peerings: Vec::new(),
            block_quota: 5,
            quotas: Quotas::default(),
        },
        firewall: firewall(),
        backends: Backends::default(),
        integrations: Integrations::default(),
        machine: Machine { types: [(m5.name.clone(), m5)].into(), ..Machine::default() },
        karpenter: None,
        cni: Cni::default(),
        eniconfigs: EniConfigs::default(),
        node_groups: NodeGroups::default(),
        nodes: vec![old("old-1", "a", "subnet-a"), old("old-2", "b", "subnet-b")],
        left_over: Vec::new(),
        labelled_nodes: None,
        pools: Vec::new(),
        launches: Launches::default(),
        pods: Vec::new(),
        budgets: Vec::new(),
        running: Running::default(),
        volumes: BTreeMap::new(),
        stateful_sets: StatefulSets::default(),
        load_balancers: LoadBalancers::default(),
        surges: Vec::new(),
        loose_interfaces: Vec::new(),
        undo: None,
        record: Record::default(),
        unread: BTreeMap::new(),
    }
}

/// The same cluster with custom networking as somebody set it up by hand: a new node and a pod in each zone, no old
/// ones, and nothing of ours.
pub(crate) fn custom() -> Facts {
    let mut facts = facts();
    for (zone, cidr) in [("a", "100.64.0.0/18"), ("b", "100.64.64.0/18")] {
        let subnet = Subnet {
            id: format!("pods-{zone}"),
            cidr: cidr.parse().unwrap(),
            free: 16000,
            ..facts.vpc.subnets.iter().find(|subnet| subnet.zone == zone).unwrap().clone()
        };
        // Every subnet is in some network ACL.
        facts.firewall.acls[0].subnets.insert(subnet.id.clone());
        facts.vpc.subnets.push(subnet);
    }
    facts.cni = Cni {
        image: "cni:v1.20.4".into(),
        env: [(CUSTOM_NETWORK.into(), "true".into()), (LABEL_DEF.into(), ZONE_LABEL.into())].into(),
        rollout: Rollout { observed: true, desired: 2, updated: 2, available: 2, ..Rollout::default() },
        ..Cni::default()
    };
    let config = |zone: &str| EniConfig {
        name: zone.into(),
        subnet: format!("pods-{zone}"),
        security_groups: vec!["sg-cluster".into()],
        ours: false,
    };
    let crd = Crd::Typed { established: true };
    facts.eniconfigs = EniConfigs { crd, items: vec![config("a"), config("b")], ..EniConfigs::default() };
    facts.nodes = ["a", "b"].map(|zone| custom_node(&format!("new-{zone}"), zone)).into();
    facts.pods = [("a", "100.64.0.9"), ("b", "100.64.64.9")]
        .map(|(zone, address)| Pod {
            node: format!("new-{zone}"),
            address: Some(address.into()),
            ..pod("shop", &format!("cart-{zone}"))
        })
        .into();
    facts
}

/// The same as this program set it up, with the old nodes' group at size 0 since.
pub(crate) fn set_up() -> Facts {
    let mut facts = custom();
    let ours = || BTreeMap::from([(TAG_CLUSTER.to_string(), "shop".to_string())]);
    for subnet in facts.vpc.subnets.iter_mut().filter(|subnet| subnet.id.starts_with("pods-")) {
        subnet.tags = ours();
    }
    facts.eniconfigs.items.iter_mut().for_each(|config| config.ours = true);
    let instances = ["i-new-a", "i-new-b"];
    let group = |name: &str, instances: &[&str]| AutoScalingGroup {
        name: name.into(),
        min: 0,
        desired: i32::try_from(instances.len()).unwrap(),
        max: 4,
        instances: instances.iter().map(|id| group_instance(id, &id[id.len() - 1..])).collect(),
        ..AutoScalingGroup::default()
    };
    let new = AutoScalingGroup { tags: ours(), ..group("new", &instances) };
    facts.node_groups.groups = [("new".into(), new), ("old".into(), group("old", &[]))].into();
    let old: Vec<Node> = self::facts()
        .nodes
        .into_iter()
        .map(|mut node| {
            node.labels.insert("node.kubernetes.io/instance-type".into(), node.instance_type.clone());
            node.labels.insert("team".into(), "web".into());
            Node { max_pods: 29, ..node }
        })
        .collect();
    facts.record = Record {
        format_version: 1,
        env: [(CUSTOM_NETWORK.into(), None)].into(),
        groups: [("old".into(), Sizes { min: 1, desired: 2, max: 4 })].into(),
        shapes: [("old".into(), Shape::of_all(&old))].into(),
        ..Record::default()
    };
    facts
}

/// An Auto Scaling group with one node of its own in each of these zones, `NAME-ZONE`, and its pool.
pub(crate) fn add_pool(facts: &mut Facts, name: &str, instance_type: &str, zones: &[&str]) -> Pool {
    let nodes = zones.iter().map(|zone| Node {
        instance_id: Some(format!("i-{name}-{zone}")),
        instance_type: instance_type.into(),
        subnet: Some(format!("subnet-{zone}")),
        primary_addresses: 9,
        max_pods: 29,
        ..node(&format!("{name}-{zone}"), zone)
    });
    facts.nodes.extend(nodes);
    let count = i32::try_from(zones.len()).unwrap();
    let sizes = Sizes { min: 1, desired: count, max: 2 * count };
    let group = AutoScalingGroup {
        name: name.into(),
        min: sizes.min,
        desired: sizes.desired,
        max: sizes.max,
        instances: zones.iter().map(|zone| group_instance(&format!("i-{name}-{zone}"), zone)).collect(),
        ..AutoScalingGroup::default()
    };
    facts.node_groups.groups.insert(name.into(), group);
    facts.machine.types.extend(known(instance_type).map(|kind| (instance_type.to_string(), kind.clone())));
    let types = vec![TypeChoice { name: instance_type.into(), weight: None }];
    let pool = Pool {
        name: name.into(),
        owner: Owner::Group(name.into()),
        groups: [name.to_string()].into(),
        nodes: zones.iter().map(|zone| format!("{name}-{zone}")).collect(),
        template: LaunchTemplate::default(),
        instances: Instances { types, ..Instances::default() },
        labels: BTreeMap::new(),
        eks_labels: BTreeMap::new(),
        taints: Vec::new(),
        family: Some(AmiFamily::Al2023),
        image: None,
        own_image: false,
        role: Some("arn:aws:iam::123456789012:role/old".into()),
        instance_profile: None,
        subnets: zones.iter().map(|zone| format!("subnet-{zone}")).collect(),
        sizes,
        tags: Vec::new(),
        group: serde_json::Map::new(),
        managed: None,
        unclear: Vec::new(),
    };
    facts.pools.push(pool.clone());
    pool
}

/// Makes all nodes those of Karpenter's NodePool `web`, before custom networking.
pub(crate) fn karpenter_nodes(facts: &mut Facts) -> &mut Karpenter {
    let pool = NodePool { name: "web".into(), class: "default".into(), ..NodePool::default() };
    let mut karpenter = Karpenter {
        deployment: Some("karpenter/karpenter".into()),
        container: "controller".into(),
        reserved_enis: 1,
        classes: [("default".to_string(), NodeClass::default())].into(),
        pools: vec![pool],
        ..Karpenter::default()
    };
    for node in &mut facts.nodes {
        let name = format!("web-{}", node.name);
        node.node_claim = Some(name.clone());
        node.primary_addresses = 9;
        let node = Some(node.name.clone());
        karpenter.claims.push(NodeClaim { name, pool: "web".into(), node, ..NodeClaim::default() });
    }
    facts.karpenter.insert(karpenter)
}

/// An instance in service, in a zone.
pub(crate) fn group_instance(id: &str, zone: &str) -> GroupInstance {
    GroupInstance { id: id.into(), state: "InService".into(), zone: zone.into(), weight: 1 }
}

/// Removes the old nodes' group, which then only the record describes.
pub(crate) fn old_group_gone(facts: &mut Facts) {
    let Facts { node_groups, record, .. } = set_up();
    facts.record = record;
    facts.node_groups = node_groups;
    facts.node_groups.groups.remove("old");
    let image = Image { id: "ami-1".into(), name: "al2023".into(), architecture: "x86_64".into() };
    facts.undo.get_or_insert_default().images = [("m5.large".into(), Ok(image))].into();
}

/// A node that started with custom networking on, with one interface for pods.
pub(crate) fn custom_node(name: &str, zone: &str) -> Node {
    let interface = Interface {
        id: format!("eni-{name}"),
        instance: format!("i-{name}"),
        attached: true,
        subnet: format!("pods-{zone}"),
        security_groups: ["sg-cluster".into()].into(),
        addresses: 9,
        cluster: Some("shop".into()),
    };
    Node {
        instance_id: Some(interface.instance.clone()),
        subnet: Some(format!("subnet-{zone}")),
        security_groups: interface.security_groups.clone(),
        pod_subnets: [interface.subnet.clone()].into(),
        pod_addresses: interface.addresses,
        interfaces: vec![interface],
        ..node(name, zone)
    }
}

/// The cluster security group as EKS makes it, and the network ACL that a VPC begins with.
fn firewall() -> Firewall {
    let everywhere = "0.0.0.0/0".parse().unwrap();
    let any = |peer| Rule { traffic: Traffic::ALL, peer };
    let cluster = SecurityGroup {
        id: "sg-cluster".into(),
        ingress: vec![any(Peer::Group("sg-cluster".into()))],
        egress: vec![any(Peer::Cidr(everywhere))],
        tags: BTreeMap::new(),
    };
    let all = vec![AclEntry { number: 100, allow: true, traffic: Traffic::ALL, cidr: everywhere }];
    let acl = NetworkAcl {
        id: "acl-1".into(),
        default: true,
        subnets: ["subnet-a".into(), "subnet-b".into()].into(),
        ingress: all.clone(),
        egress: all,
    };
    Firewall { groups: [(cluster.id.clone(), cluster)].into(), acls: vec![acl], ..Firewall::default() }
}

pub(crate) fn pod(namespace: &str, name: &str) -> Pod {
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
        terminating: None,
        address: None,
        controller: Some(Arc::new(Controller { kind: "ReplicaSet".into(), name: "set".into() })),
        mirror: false,
        do_not_disrupt: false,
        empty_dir: false,
        host_path: false,
        grace_seconds: 30,
        seconds_to_ready: None,
        not_ready_because: None,
        requests: Requests::default(),
        other_requests: None,
        placement: None,
    }
}

/// With `null` for no selector. It has three pods, and all are healthy.
pub(crate) fn budget(namespace: &str, selector: Value) -> Budget {
    Budget {
        namespace: namespace.into(),
        name: "budget".into(),
        selector: (!selector.is_null()).then(|| {
            let selector: LabelSelector = serde_json::from_value(selector).unwrap();
            selector.try_into().unwrap()
        }),
        least: Least::MaxUnavailable("1".into()),
        unhealthy_may_go: false,
        disruptions_allowed: 1,
        current_healthy: 3,
        desired_healthy: 2,
        expected: 3,
        observed: true,
        sync_failed: None,
        disrupted: BTreeSet::new(),
    }
}

pub(crate) fn node(name: &str, zone: &str) -> Node {
    Node {
        name: name.into(),
        kind: NodeKind::Ec2,
        instance_id: None,
        zone: zone.into(),
        instance_type: "m5.large".into(),
        ready: true,
        unready: None,
        unschedulable: false,
        max_pods: 20,
        allocatable: Requests { cpu_milli: 2000, memory: 8 << 30 },
        other_allocatable: BTreeMap::new(),
        taints: Vec::new(),
        soft_taints: Vec::new(),
        os_image: "Amazon Linux 2023.9.20251105".into(),
        labels: BTreeMap::from([("topology.kubernetes.io/zone".into(), zone.into())]),
        annotations: BTreeMap::new(),
        node_claim: None,
        group: None,
        joined: None,
        subnet: None,
        primary_addresses: 0,
        pod_subnets: BTreeSet::new(),
        pod_addresses: 0,
        interfaces: Vec::new(),
        security_groups: ["sg-cluster".into()].into(),
    }
}

/// The newest AL2023 image for the cluster's version.
pub(crate) fn images() -> BTreeMap<String, std::result::Result<Image, String>> {
    let path = "/aws/service/eks/optimized-ami/1.34/amazon-linux-2023/x86_64/standard/recommended/image_id";
    let image = Image { id: "ami-1".into(), name: "al2023".into(), architecture: "x86_64".into() };
    [(path.to_string(), Ok(image))].into()
}
