use super::*;
use crate::design::EXTERNAL_SNAT;
use crate::facts::{
    Authentication, AutoScalingGroup, Backend, ClusterEvent, Facts, GroupInstance, NodeTrouble, Obstacle,
    Route, RouteTable, WaitingPod, Webhook,
};
use crate::goal::Goal;
use crate::issue::id;
use crate::net::firewall::{Peer, Protocol, Rule, SecurityGroup, Traffic};
use crate::sample::{custom, facts, group_instance, settings};

/// The diagnoses of a cluster with default settings.
pub(super) fn diagnosed(facts: &Facts, symptoms: &Symptoms) -> Diagnoses {
    let settings = settings(&[]);
    let design = crate::design::design(&settings, facts);
    diagnose(&Scene { goal: Goal::Setup, settings: &settings, facts, design: &design }, symptoms)
}

fn findings(facts: &Facts, symptoms: &Symptoms) -> Vec<String> {
    let diagnoses = diagnosed(facts, symptoms);
    diagnoses
        .findings
        .iter()
        .map(|finding| format!("{} {:?}: {}", finding.id, finding.severity(), finding.what))
        .collect()
}

/// A waiting pod, with an event about it.
fn waiting(node: &str, message: &str) -> Symptoms {
    let state = if node.is_empty() { message } else { "ContainerCreating" };
    let pod = WaitingPod {
        namespace: "shop".into(),
        name: "till".into(),
        node: node.into(),
        host_network: false,
        old: false,
        message: state.into(),
        obstacles: Obstacle::named_in(state),
    };
    let event = ClusterEvent {
        kind: "Pod".into(),
        namespace: "shop".into(),
        name: "till".into(),
        reason: if node.is_empty() { "FailedScheduling" } else { "FailedCreatePodSandBox" }.into(),
        message: message.into(),
        obstacles: Obstacle::named_in(message),
    };
    Symptoms { pods: vec![pod], events: vec![event], ..Symptoms::default() }
}

const NO_ADDRESS: &str = "plugin type=\"aws-cni\" name=\"aws-cni\" failed (add): add cmd: failed to assign an IP address to container";

#[test]
fn healthy_clusters_have_no_findings() {
    for facts in [custom(), {
        let mut plain = facts();
        plain.cni.image = "cni:v1.20.4".into();
        plain
    }] {
        let diagnoses = diagnosed(&facts, &Symptoms::default());
        assert!(diagnoses.healthy);
        assert_eq!(diagnoses.findings, []);
    }
    // A pod that was created a moment ago, without a warning event.
    let young = Symptoms { events: Vec::new(), ..waiting("new-a", "") };
    assert_eq!(findings(&custom(), &young), [""; 0]);
}

#[test]
fn not_ready_nodes_are_explained_by_their_cni() {
    let sick = || {
        let mut facts = custom();
        facts.nodes[0].ready = false;
        facts.nodes[0].interfaces.clear();
        // No pod has started on it.
        facts.pods.clear();
        facts
    };
    let symptoms = Symptoms {
        nodes: vec![NodeTrouble {
            name: "new-a".into(),
            message: "KubeletNotReady: cni plugin not initialized".into(),
        }],
        ..Symptoms::default()
    };
    let mut unnamed = sick();
    unnamed.eniconfigs.items[0].name = "id-a".into();
    let diagnoses = diagnosed(&unnamed, &symptoms);
    assert_eq!(findings(&unnamed, &symptoms), ["EC-DOC-001 Error: 1 node not Ready"]);
    assert!(
        diagnoses.findings[0].why.contains("ENIConfig id-a has the zone's ID as its name"),
        "{}",
        diagnoses.findings[0].why
    );
    assert_eq!(diagnoses.findings[0].evidence, ["KubeletNotReady: cni plugin not initialized"]);

    let mut misplaced = sick();
    misplaced.eniconfigs.items[0].subnet = "pods-b".into();
    assert_eq!(findings(&misplaced, &symptoms), ["EC-DOC-002 Error: 1 node not Ready"]);

    let mut malformed = sick();
    malformed
        .eniconfigs
        .malformed
        .insert("a".into(), "spec.securityGroups is \"sg-1\", and not a list".into());
    assert_eq!(findings(&malformed, &symptoms), ["EC-DOC-003 Error: 1 node not Ready"]);

    let mut full = sick();
    full.vpc.subnets.iter_mut().filter(|subnet| subnet.id == "pods-a").for_each(|subnet| subnet.free = 0);
    assert_eq!(findings(&full, &symptoms), ["EC-DOC-004 Error: 1 node not Ready"]);

    let mut other = sick();
    other.nodes[0].interfaces = custom().nodes[0].interfaces.clone();
    let diagnoses = diagnosed(&other, &symptoms);
    assert_eq!(diagnoses.findings[0].id, id::DOC_005);
    assert_eq!(diagnoses.findings[0].why, "KubeletNotReady: cni plugin not initialized");
}

#[test]
fn instances_that_did_not_join_are_explained_by_the_authentication_mode() {
    let mut facts = custom();
    let instance = |id: &str, state: &str| GroupInstance { state: state.into(), ..group_instance(id, "a") };
    facts.node_groups.groups.insert(
        "blue".into(),
        AutoScalingGroup {
            name: "blue".into(),
            min: 1,
            desired: 2,
            max: 2,
            instances: vec![
                instance("i-new-a", "InService"),
                instance("i-lost", "InService"),
                instance("i-young", "Pending"),
            ],
            ..AutoScalingGroup::default()
        },
    );
    for (mode, cause) in [
        (Authentication::Api, "none is of type EC2_LINUX; ConfigMap aws-auth is not read"),
        (Authentication::ConfigMap, "only by ConfigMap aws-auth"),
        (Authentication::ApiAndConfigMap, "may have no access entry"),
    ] {
        facts.cluster.authentication = mode;
        let diagnoses = diagnosed(&facts, &Symptoms::default());
        assert_eq!(diagnoses.findings[0].names, ["i-lost"]);
        assert!(diagnoses.findings[0].why.contains(cause), "{mode:?}: {}", diagnoses.findings[0].why);
    }
}

#[test]
fn pods_that_do_not_start_are_explained_by_their_node_and_its_subnet() {
    let free = |left: u32| {
        let mut facts = custom();
        facts
            .vpc
            .subnets
            .iter_mut()
            .filter(|subnet| subnet.id == "pods-a")
            .for_each(|subnet| subnet.free = left);
        facts
    };
    let mut crowded = custom();
    crowded.nodes[0].max_pods = 29;
    assert_eq!(findings(&crowded, &waiting("new-a", NO_ADDRESS)), ["EC-DOC-010 Error: 1 pod not started"]);
    assert_eq!(findings(&free(0), &waiting("new-a", NO_ADDRESS)), ["EC-DOC-011 Error: 1 pod not started"]);
    assert_eq!(findings(&custom(), &waiting("new-a", NO_ADDRESS)), ["EC-DOC-012 Error: 1 pod not started"]);
    assert_eq!(
        findings(&custom(), &waiting("new-a", "no such image")),
        ["EC-DOC-013 Warning: 1 pod not started"]
    );
    let mut pieces = free(5000);
    pieces.cni.env.insert("ENABLE_PREFIX_DELEGATION".into(), "true".into());
    for node in &mut pieces.nodes {
        node.max_pods = 110;
    }
    assert_eq!(findings(&pieces, &waiting("new-a", NO_ADDRESS)), ["EC-DOC-014 Error: 1 pod not started"]);
    let full = waiting("", "0/2 nodes are available: 2 Too many pods.");
    assert_eq!(findings(&custom(), &full), ["EC-DOC-020 Error: 1 pod not scheduled"]);
    let picky = waiting("", "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.");
    assert_eq!(findings(&custom(), &picky), ["EC-DOC-021 Warning: 1 pod not scheduled"]);
}

#[test]
fn routes_are_reported_if_pods_use_them() {
    let table = |id: &str, main: bool, subnets: &[&str], target: Option<&str>| RouteTable {
        id: id.into(),
        main,
        subnet_ids: subnets.iter().map(ToString::to_string).collect(),
        routes: target
            .map(|target| Route {
                destination: "0.0.0.0/0".parse().unwrap(),
                target: target.into(),
                blackhole: false,
            })
            .into_iter()
            .collect(),
    };
    let mut facts = custom();
    let nodes = ["subnet-a", "subnet-b"];
    facts.vpc.route_tables = vec![
        table("rtb-main", true, &[], None),
        table("rtb-n", false, &[nodes[0], nodes[1], "pods-b"], Some("nat-1")),
    ];
    assert_eq!(
        findings(&facts, &Symptoms::default()),
        ["EC-DOC-031 Warning: pod subnet pods-a has no route table of its own"]
    );
    facts.cni.env.insert(EXTERNAL_SNAT.into(), "true".into());
    assert_eq!(
        findings(&facts, &Symptoms::default()),
        ["EC-DOC-030 Error: pods in a can't reach anything outside the VPC"]
    );
    facts.vpc.route_tables[1].subnet_ids.insert("pods-a".into());
    assert_eq!(findings(&facts, &Symptoms::default()), [""; 0]);
    facts.vpc.route_tables[1].routes[0].target = "igw-1".into();
    assert_eq!(findings(&facts, &Symptoms::default()).len(), 2);
}

/// CoreDNS on new-b, and a webhook with failurePolicy Fail on new-a.
fn with_backends() -> Facts {
    let mut facts = custom();
    let backend = |protocols: &[Protocol], port: u16, pod: &str, node: &str| Backend {
        ports: protocols.iter().map(|protocol| (*protocol, port)).collect(),
        pods: [(pod.to_string(), node.to_string())].into(),
    };
    facts.backends.dns = Some(backend(&[Protocol::Tcp, Protocol::Udp], 53, "kube-system/coredns-1", "new-b"));
    facts.backends.webhooks = vec![Webhook {
        aggregated: false,
        service: "policy/guard".into(),
        configurations: ["ValidatingWebhookConfiguration guard".to_string()].into(),
        must_answer: true,
        backend: backend(&[Protocol::Tcp], 8443, "policy/guard-1", "new-a"),
    }];
    facts
}

#[test]
fn pods_that_reach_neither_api_nor_dns_are_explained_by_the_missing_rule() {
    assert_eq!(findings(&with_backends(), &Symptoms::default()), [""; 0]);

    // Pods of one zone have a security group that no other group admits, and that admits none.
    let mut facts = with_backends();
    let everywhere = Peer::Cidr("0.0.0.0/0".parse().unwrap());
    let lonely = SecurityGroup {
        id: "sg-pods".into(),
        egress: vec![Rule { traffic: Traffic::ALL, peer: everywhere }],
        ..SecurityGroup::default()
    };
    facts.firewall.groups.insert(lonely.id.clone(), lonely);
    facts.eniconfigs.items[0].security_groups = vec!["sg-pods".into()];
    facts.nodes[0].interfaces[0].security_groups = ["sg-pods".into()].into();
    let diagnoses = diagnosed(&facts, &Symptoms::default());
    assert_eq!(
        findings(&facts, &Symptoms::default()),
        [
            "EC-RCH-001 Error: pods could not reach the API server (tcp 443)",
            "EC-RCH-002 Error: pods could not reach CoreDNS (tcp 53, udp 53)",
            "EC-RCH-005 Error: the API server could not call webhook policy/guard once its pods have moved (tcp 8443)",
        ]
    );
    assert!(!diagnoses.healthy);
    assert!(
        diagnoses.findings[0].fix.contains(
            "authorize-security-group-ingress --group-id sg-cluster --ip-permissions 'IpProtocol=tcp,FromPort=443,ToPort=443,UserIdGroupPairs=[{GroupId=sg-pods}]'"
        ),
        "{}",
        diagnoses.findings[0].fix
    );

    // Missing permissions must not make the cluster look healthy.
    let mut blind = with_backends();
    blind.firewall.acls.clear();
    blind.firewall.acls_unknown = Some("DescribeNetworkAcls: UnauthorizedOperation".into());
    let diagnoses = diagnosed(&blind, &Symptoms::default());
    assert!(!diagnoses.healthy);
    assert_eq!(diagnoses.findings[0].id, id::RCH_012);
    assert!(diagnoses.findings[0].why.contains("unknown because DescribeNetworkAcls"));
}

#[test]
fn text_and_json_of_a_healthy_and_a_failed_cluster() {
    let mut crowded = with_backends();
    crowded.nodes[0].max_pods = 29;
    let waiting = waiting("new-a", NO_ADDRESS);
    for (name, facts, symptoms) in
        [("healthy", with_backends(), Symptoms::default()), ("failed", crowded, waiting)]
    {
        let diagnoses = diagnosed(&facts, &symptoms);
        insta::assert_json_snapshot!(format!("{name}_json"), diagnoses);
        insta::assert_snapshot!(format!("{name}_text"), crate::ui::diagnoses_text(&diagnoses));
    }
}

#[test]
fn problems_without_symptoms_keep_their_verify_ids() {
    let mut facts = custom();
    facts.cni.rollout.available = 1;
    facts.nodes[1].max_pods = 8;
    facts.nodes[0].ready = false;
    let symptoms =
        Symptoms { unread: [("events", "Forbidden: no".to_string())].into(), ..Symptoms::default() };
    let diagnoses = diagnosed(&facts, &symptoms);
    assert!(!diagnoses.healthy);
    insta::assert_json_snapshot!(diagnoses);
    insta::assert_snapshot!(crate::ui::diagnoses_text(&diagnoses));
}
