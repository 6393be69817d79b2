use crate::goal::Goal;
use crate::scene::Scene;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::design::design;
use crate::facts::{Controller, Facts, Placement, Requests, Taint, Volume};
use crate::sample::{facts, node, pod, settings};
use crate::step::Step;

use super::*;

const GIB: u64 = 1 << 30;

fn target(zone: &str, pods: u32, cpu_milli: u64, memory: u64) -> Target {
    let free = Requests { cpu_milli, memory };
    let zone_label = ("topology.kubernetes.io/zone".to_string(), zone.to_string());
    Target {
        name: Some(format!("new-{zone}")),
        zone: zone.into(),
        labels: [zone_label].into(),
        pods: Some(pods),
        allocatable: Some(free),
        free: Some(free),
        ..Target::default()
    }
}

fn labelled(labels: &[(&str, &str)]) -> Target {
    let mut target = target("a", 10, 1000, GIB);
    target.labels.extend(labels.iter().map(|(key, value)| (key.to_string(), value.to_string())));
    target
}

fn asking(cpu_milli: u64, memory: u64) -> Pod {
    Pod { requests: Requests { cpu_milli, memory }, ..pod("shop", "cart") }
}

fn placed(placement: Placement) -> Pod {
    Pod { placement: Some(Box::new(placement)), ..asking(1, 1) }
}

fn selecting(key: &str, value: &str) -> Placement {
    Placement { node_selector: [(key.into(), value.into())].into(), ..Placement::default() }
}

fn room(targets: &[Target]) -> Capacity {
    Capacity { targets: targets.to_vec(), addresses: BTreeMap::new() }
}

fn found(pods: &[Pod], room: &Capacity) -> Vec<Shortage> {
    shortages(&pods.iter().collect::<Vec<_>>(), &BTreeMap::new(), room)
}

/// Each shortage as `3 in a: why`.
fn reported(shortages: &[Shortage]) -> Vec<String> {
    let one = |shortage: &Shortage| {
        let zone = shortage.zone.as_ref().map(|zone| format!(" in {zone}")).unwrap_or_default();
        format!("{}{zone}: {}", shortage.count, shortage.lack.text(Age::New))
    };
    shortages.iter().map(one).collect()
}

#[test]
fn affinity_matches_as_in_the_scheduler() {
    let on = |requirement: Value| json!([{"matchExpressions": [requirement]}]);
    for (terms, labels, fits) in [
        (
            on(json!({"key": "disk", "operator": "In", "values": ["ssd", "nvme"]})),
            vec![("disk", "nvme")],
            true,
        ),
        (on(json!({"key": "disk", "operator": "In", "values": ["ssd"]})), vec![], false),
        (on(json!({"key": "disk", "operator": "NotIn", "values": ["ssd"]})), vec![("disk", "ssd")], false),
        (on(json!({"key": "disk", "operator": "NotIn", "values": ["ssd"]})), vec![], true),
        (on(json!({"key": "disk", "operator": "Exists"})), vec![("disk", "")], true),
        (on(json!({"key": "disk", "operator": "Exists"})), vec![], false),
        (on(json!({"key": "disk", "operator": "DoesNotExist"})), vec![], true),
        (on(json!({"key": "disk", "operator": "DoesNotExist"})), vec![("disk", "ssd")], false),
        (on(json!({"key": "cores", "operator": "Gt", "values": ["9"]})), vec![("cores", "10")], true),
        (on(json!({"key": "cores", "operator": "Gt", "values": ["10"]})), vec![("cores", "10")], false),
        (on(json!({"key": "cores", "operator": "Lt", "values": ["11"]})), vec![("cores", "10")], true),
        (on(json!({"key": "cores", "operator": "Lt", "values": ["11"]})), vec![("cores", "few")], false),
        (on(json!({"key": "cores", "operator": "Lt", "values": ["11"]})), vec![], false),
        // One term is enough; within one, all must hold; one of nothing selects nothing.
        (
            json!([
                {"matchExpressions": [{"key": "disk", "operator": "Exists"}]},
                {"matchExpressions": [{"key": "gpu", "operator": "Exists"}]},
            ]),
            vec![("gpu", "1")],
            true,
        ),
        (
            json!([{"matchExpressions": [
                {"key": "disk", "operator": "Exists"}, {"key": "gpu", "operator": "Exists"},
            ]}]),
            vec![("gpu", "1")],
            false,
        ),
        (json!([{}]), vec![], false),
        (
            json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["old-1"]}]}]),
            vec![],
            false,
        ),
        (
            json!([{"matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["old-1"]}]}]),
            vec![],
            true,
        ),
    ] {
        let placement = Placement {
            node_affinity: serde_json::from_value(terms.clone()).unwrap(),
            ..Placement::default()
        };
        let found = found(&[placed(placement)], &room(&[labelled(&labels)]));
        assert_eq!(found.is_empty(), fits, "{terms} {labels:?}");
        assert!(found.iter().all(|shortage| matches!(shortage.lack, Lack::Label(_))), "{found:?}");
    }
}

#[test]
fn taints_are_tolerated_as_in_the_api() {
    let taint = Taint { key: "gpu".into(), value: "a100".into(), effect: "NoSchedule".into() };
    let tainted = Target { taints: vec![taint], ..labelled(&[]) };
    for (toleration, fits) in [
        (json!(null), false),
        (json!({"operator": "Exists"}), true),
        (json!({"key": "gpu", "operator": "Exists"}), true),
        (json!({"key": "gpu", "operator": "Exists", "effect": "NoExecute"}), false),
        (json!({"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}), true),
        (json!({"key": "gpu", "value": "a100"}), true),
        (json!({"key": "gpu", "operator": "Equal", "value": "a100", "effect": "NoSchedule"}), true),
        (json!({"key": "gpu", "operator": "Equal", "value": "h100"}), false),
        (json!({"key": "tpu", "operator": "Exists"}), false),
    ] {
        let tolerations = if toleration.is_null() { json!([]) } else { json!([toleration]) };
        let placement =
            Placement { tolerations: serde_json::from_value(tolerations).unwrap(), ..Placement::default() };
        let found = found(&[placed(placement)], &room(std::slice::from_ref(&tainted)));
        assert_eq!(found.is_empty(), fits, "{toleration}");
        assert!(
            reported(&found).iter().all(|reported| reported.ends_with("the taint gpu=a100:NoSchedule")),
            "{found:?}"
        );
    }
}

#[test]
fn each_shortage_names_its_reason() {
    let two = |one: Pod| vec![one.clone(), one];
    let nodes = room(&[target("a", 1, 1000, 4 * GIB), target("a", 1, 1000, 4 * GIB)]);
    for (pods, room, expected) in [
        (two(asking(1, 1)), room(&[]), "2: no new node accepts pods"),
        (two(placed(selecting("disk", "ssd"))), nodes.clone(), "2: no new node has disk=ssd"),
        (
            two(asking(1001, 1)),
            nodes.clone(),
            "2: one pod alone requests more CPU or memory than a new node has",
        ),
        (two(asking(1, 1)), room(&[target("a", 1, 1000, GIB)]), "1 in a: the new nodes are full: max pods"),
        (
            two(asking(600, 1)),
            room(&[target("a", 9, 1000, GIB)]),
            "1 in a: the new nodes are full: cpu requests",
        ),
        (
            [two(asking(0, GIB)), two(asking(0, GIB))].concat(),
            room(&[target("a", 9, 1, 2 * GIB), target("b", 9, 1, GIB)]),
            "1: the new nodes are full: memory requests",
        ),
        (
            two(asking(1, 1)),
            Capacity { addresses: [("a".into(), 1)].into(), ..nodes },
            "1 in a: the pod subnet has too few free addresses",
        ),
    ] {
        assert_eq!(reported(&found(&pods, &room)), [expected]);
    }
}

#[test]
fn a_pod_needs_a_node_that_can_attach_its_volumes() {
    let claiming = |claims: &[&str]| {
        let claims = claims.iter().map(|claim| claim.to_string()).collect();
        placed(Placement { claims, ..Placement::default() })
    };
    let volume = |key: &str, values: &[&str]| {
        let expression = json!({"key": key, "operator": "In", "values": values});
        let affinity = serde_json::from_value(json!([{"matchExpressions": [expression]}])).unwrap();
        Volume { affinity, ..Volume::default() }
    };
    let ebs = "topology.ebs.csi.aws.com/zone";
    let volumes: BTreeMap<String, Volume> = [
        ("shop/in-a".to_string(), volume(ebs, &["a"])),
        ("shop/in-c".to_string(), volume(ebs, &["c"])),
        ("shop/on-old".to_string(), volume("kubernetes.io/hostname", &["old-1"])),
        ("shop/on-ssd".to_string(), volume("disk", &["ssd"])),
        ("shop/by-id".to_string(), volume("topology.k8s.aws/zone-id", &["usw2-az1"])),
        ("shop/anywhere".to_string(), Volume::default()),
    ]
    .into();
    let room = room(&[target("a", 1, 1000, GIB), target("b", 9, 1000, GIB)]);
    for (pods, expected) in [
        (vec![claiming(&["in-a"]), claiming(&["anywhere", "unbound"]), asking(1, 1)], vec![]),
        (vec![claiming(&["in-a"]), claiming(&["in-a"])], vec!["1 in a: the new nodes are full: max pods"]),
        (vec![claiming(&["in-c"])], vec!["1: their volumes are in c, and no suitable new node is"]),
        (
            vec![claiming(&["in-a", "in-c"])],
            vec!["1: their volumes are in a or c, and no suitable new node is"],
        ),
        (
            vec![claiming(&["on-old"])],
            vec!["1: their volumes are on nodes with kubernetes.io/hostname=old-1, and no new node matches"],
        ),
        (
            vec![claiming(&["on-ssd"])],
            vec!["1: their volumes are on nodes with disk=ssd, and no new node matches"],
        ),
        (
            vec![claiming(&["by-id"])],
            vec![
                "1: their volumes are on nodes with topology.k8s.aws/zone-id=usw2-az1, and no new node matches",
            ],
        ),
    ] {
        assert_eq!(reported(&shortages(&pods.iter().collect::<Vec<_>>(), &volumes, &room)), expected);
    }
}

#[test]
fn every_requested_resource_is_checked() {
    let asking_for = |name: &str, amount: u64| Pod {
        other_requests: Some(std::sync::Arc::new([(name.to_string(), amount)].into())),
        ..asking(1, 1)
    };
    let having = |others: &[(&str, u64)]| {
        let others: BTreeMap<String, u64> =
            others.iter().map(|(name, has)| (name.to_string(), *has)).collect();
        let (other_allocatable, other_free) = (Some(others.clone()), Some(others));
        Target { other_allocatable, other_free, ..target("a", 10, 1000, GIB) }
    };
    let gpu = "nvidia.com/gpu";
    for (pods, targets, expected) in [
        (
            vec![asking_for(gpu, 1)],
            vec![having(&[])],
            vec!["1: no new node has enough nvidia.com/gpu for one pod"],
        ),
        (
            vec![asking_for(gpu, 2)],
            vec![having(&[(gpu, 1)]), having(&[(gpu, 1)])],
            vec!["1: no new node has enough nvidia.com/gpu for one pod"],
        ),
        (
            vec![asking_for(gpu, 1); 3],
            vec![having(&[(gpu, 1)]), having(&[(gpu, 1)])],
            vec!["1 in a: the new nodes are full: nvidia.com/gpu requests"],
        ),
        (vec![asking_for(gpu, 1), asking(1, 1)], vec![having(&[]), having(&[(gpu, 1)])], vec![]),
        (
            vec![asking_for("hugepages-2Mi", 1 << 20)],
            vec![having(&[("hugepages-2Mi", 0)])],
            vec!["1: no new node has enough hugepages-2Mi for one pod"],
        ),
        (
            vec![asking_for("ephemeral-storage", 6 * GIB); 2],
            vec![having(&[("ephemeral-storage", 10 * GIB)])],
            vec!["1 in a: the new nodes are full: ephemeral-storage requests"],
        ),
        // Unknown resources are not checked.
        (vec![asking_for(gpu, 1)], vec![target("a", 10, 1000, GIB)], vec![]),
    ] {
        assert_eq!(reported(&found(&pods, &room(&targets))), expected, "{targets:?}");
    }
}

#[test]
fn planned_nodes_have_the_devices_of_their_type() {
    let gpu = "nvidia.com/gpu";
    let mut facts = facts();
    let mut pod = asking(1, 1);
    pod.other_requests = Some(std::sync::Arc::new(
        [gpu, "hugepages-2Mi", "ephemeral-storage", "smarter-devices/fuse"]
            .map(|name| (name.to_string(), 1))
            .into(),
    ));
    facts.pods = vec![pod];
    for node in &mut facts.nodes {
        node.instance_type = "g4dn.xlarge".into();
        node.other_allocatable = [(gpu, 1), ("hugepages-2Mi", 1 << 20), ("smarter-devices/fuse", 20)]
            .map(|(name, has)| (name.to_string(), has))
            .into();
    }
    for kind in ["g4dn.xlarge", "g5.xlarge", "m5.large"] {
        let known = crate::net::max_pods::known(kind).unwrap().clone();
        facts.machine.types.insert(kind.into(), known);
    }
    for (kind, gpus) in [("g4dn.xlarge", 1), ("g5.xlarge", u64::MAX), ("m5.large", 0)] {
        let [before, _] = rooms(&facts, &["--instance-type", kind]);
        let others = before.targets[0].other_free.clone().unwrap();
        assert_eq!(
            (others[gpu], others["hugepages-2Mi"], others["smarter-devices/fuse"]),
            (gpus, 0, 20),
            "{kind}"
        );
        assert!(others["ephemeral-storage"] >= 20 * GIB, "{kind}");
    }
}

#[test]
fn pods_with_few_suitable_nodes_are_placed_first() {
    let special = Target { pods: Some(1), ..labelled(&[("disk", "ssd")]) };
    let pods = [asking(900, 1), placed(selecting("disk", "ssd"))];
    assert_eq!(reported(&found(&pods, &room(&[special, target("b", 1, 1000, GIB)]))), [""; 0]);
}

#[test]
fn host_network_pods_need_no_address() {
    let room = Capacity { addresses: [("a".into(), 0)].into(), ..room(&[target("a", 9, 1000, GIB)]) };
    let host = Pod { host_network: true, ..asking(1, 1) };
    assert_eq!(reported(&found(&[host], &room)), [""; 0]);
    assert_eq!(found(&[asking(1, 1)], &room).len(), 1);
}

#[test]
fn a_shortage_names_a_few_of_its_pods_and_counts_all() {
    let shortages = found(&vec![asking(1, 1); 12], &room(&[target("a", 2, 1000, GIB)]));
    assert_eq!((shortages[0].pods.len(), shortages[0].count), (5, 10));
}

/// The capacity for a design of these facts, before step 8 and after.
fn rooms(facts: &Facts, arguments: &[&str]) -> [Capacity; 2] {
    let design = design(&settings(arguments), facts);
    [true, false].map(|growing| Capacity::of(facts, &design, growing))
}

#[test]
fn planned_nodes_count_with_their_zone_and_max_pods() {
    let mut facts = facts();
    let daemon = |name: &str| {
        let mut pod = pod("kube-system", name);
        pod.controller = Some(Controller { kind: "DaemonSet".into(), name: name.into() }.into());
        pod
    };
    facts.pods = vec![daemon("aws-node"), daemon("kube-proxy")];
    let [before, after] = rooms(&facts, &["--nodes-per-zone", "2"]);
    assert!(after.targets.is_empty(), "{after:?}");
    let zones: Vec<&str> = before.targets.iter().map(|target| target.zone.as_str()).collect();
    assert_eq!(zones, ["a", "a", "b", "b"]);
    let one = &before.targets[0];
    assert_eq!((one.pods, one.free), (Some(18), None), "20 pods with custom networking, two DaemonSets");
    assert_eq!(one.labels["topology.kubernetes.io/zone"], "a");
    assert_eq!(one.labels["node.kubernetes.io/instance-type"], "m5.large");
    // A /17 each, without AWS's five and an address for each node's interface.
    assert_eq!(before.addresses["a"], (1 << 15) - 5 - 2);
}

#[test]
fn a_new_node_has_the_capacity_that_its_pods_leave() {
    let mut facts = facts();
    facts.nodes[1].subnet = Some("subnet-b".into());
    let mut new = node("new-1", "b");
    (new.subnet, new.pod_subnets, new.pod_addresses) =
        (Some("subnet-b".into()), ["subnet-pods".to_string()].into(), 9);
    let interface = crate::sample::custom_node("new-1", "b").interfaces.remove(0);
    new.interfaces = vec![crate::facts::Interface { subnet: "subnet-pods".into(), ..interface }];
    let taint = |key: &str| Taint { key: key.into(), value: String::new(), effect: "NoSchedule".into() };
    // All but the first disappear from a node that is Ready and not cordoned.
    let states = ["memory-pressure", "not-ready", "unreachable", "unschedulable"];
    new.taints = states.map(|state| taint(&format!("node.kubernetes.io/{state}"))).into();
    let mut cordoned = new.clone();
    (cordoned.name, cordoned.unschedulable) = ("new-2".into(), true);
    facts.nodes.extend([new, cordoned]);
    facts.eniconfigs.items = vec![crate::facts::EniConfig {
        name: "b".into(),
        subnet: "subnet-pods".into(),
        security_groups: Vec::new(),
        ours: false,
    }];
    let mut subnet = facts.vpc.subnets[1].clone();
    (subnet.id, subnet.cidr, subnet.free) = ("subnet-pods".into(), "100.64.0.0/24".parse().unwrap(), 7);
    facts.vpc.subnets.push(subnet);
    let on_new = |pod: Pod| Pod { node: "new-1".into(), ..pod };
    let finished = Pod { phase: "Succeeded".into(), ..asking(900, GIB) };
    facts.pods = vec![on_new(asking(500, GIB)), on_new(finished), asking(100, GIB)];
    let [_, after] = rooms(&facts, &[]);
    let [target] = &after.targets[..] else { panic!("{after:?}") };
    assert_eq!(target.name.as_deref(), Some("new-1"));
    assert_eq!(target.pods, Some(19));
    assert_eq!(target.taints, [taint("node.kubernetes.io/memory-pressure")]);
    assert_eq!(target.free, Some(Requests { cpu_milli: 1500, memory: 7 * GIB }));
    assert_eq!(after.addresses["b"], 7 + 9 - 1, "free ones, and what the node holds beside its one pod's");
}

#[test]
fn a_run_with_step_8_counts_its_nodes_and_drain_nodes_alone_does_not() {
    let mut facts = facts();
    facts.pods = vec![asking(100, GIB)];
    let (settings, design) = (settings(&[]), design(&settings(&[]), &facts));
    let ids = |goal| {
        let scene = Scene { goal, settings: &settings, facts: &facts, design: &design };
        let found = crate::checks::check(&scene).into_iter().map(|finding| finding.id.as_str());
        found.filter(|id| ["EC-POD-010", "EC-POD-011"].contains(id)).collect::<Vec<_>>()
    };
    assert_eq!(ids(Goal::Setup), [""; 0]);
    assert_eq!(ids(Goal::Step(Step::DrainNodes)), ["EC-POD-010"]);
}

/// Whether the pods fit in some way: tries them all.
fn fits_somehow(pods: &[Pod], left: &mut [Target]) -> bool {
    let Some((pod, others)) = pods.split_first() else { return true };
    let wanted = pod
        .placement
        .as_ref()
        .and_then(|placement| placement.node_selector.get("topology.kubernetes.io/zone").cloned());
    for at in 0..left.len() {
        let before = left[at].clone();
        let (Some(slots), Some(free)) = (before.pods, before.free) else { unreachable!() };
        let allowed = wanted.as_ref().is_none_or(|zone| *zone == before.zone);
        if !allowed
            || slots == 0
            || free.cpu_milli < pod.requests.cpu_milli
            || free.memory < pod.requests.memory
        {
            continue;
        }
        left[at].pods = Some(slots - 1);
        left[at].free = Some(Requests {
            cpu_milli: free.cpu_milli - pod.requests.cpu_milli,
            memory: free.memory - pod.requests.memory,
        });
        let fits = fits_somehow(others, left);
        left[at] = before;
        if fits {
            return true;
        }
    }
    false
}

proptest! {
    #[test]
    fn pods_are_never_reported_to_fit_when_they_do_not(
        pods in prop::collection::vec((0..4u64, 0..4u64, 0..3usize), 0..6),
        nodes in prop::collection::vec((0..4u32, 0..6u64, 0..6u64, 0..2usize), 0..4),
    ) {
        let zones = ["a", "b"];
        let pods: Vec<Pod> = pods
            .into_iter()
            .map(|(cpu, memory, zone)| {
                let placement =
                    zones.get(zone).map(|zone| Box::new(selecting("topology.kubernetes.io/zone", zone)));
                Pod { placement, ..asking(cpu, memory) }
            })
            .collect();
        let mut targets: Vec<Target> =
            nodes.into_iter().map(|(pods, cpu, memory, zone)| target(zones[zone], pods, cpu, memory)).collect();
        let found = found(&pods, &room(&targets));
        if found.is_empty() {
            prop_assert!(fits_somehow(&pods, &mut targets));
        }
        prop_assert!(found.iter().map(|shortage| shortage.count).sum::<usize>() <= pods.len());
        for shortage in &found {
            prop_assert_eq!(shortage.pods.len(), shortage.count.min(NAMES));
        }
    }

    #[test]
    fn the_count_of_identical_pods_that_do_not_fit_is_exact(
        count in 0..200usize,
        cpu in 1..500u64,
        nodes in prop::collection::vec((0..30u32, 0..2000u64), 0..10),
        addresses in 0..200u64,
    ) {
        let targets: Vec<Target> = nodes.iter().map(|(pods, cpu)| target("a", *pods, *cpu, GIB)).collect();
        let room = Capacity { targets, addresses: [("a".to_string(), addresses)].into() };
        let fit: u64 = nodes.iter().map(|(pods, free)| u64::from(*pods).min(free / cpu)).sum();
        let missing = count.saturating_sub(usize::try_from(fit.min(addresses)).unwrap());
        let found = found(&vec![asking(cpu, 1); count], &room);
        prop_assert_eq!(found.iter().map(|shortage| shortage.count).sum::<usize>(), missing);
    }
}
