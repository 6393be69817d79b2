//! Where pods get their addresses from, and what lets them in, in clusters as they are in the field.

use aws_sdk_ec2::types::Tag;
use sandbox::{Cni, OldNodes, Sandbox, Shape};
use serde_json::{Value, json};

use super::before::{custom, define, deployment};
use super::{apply, healthy, kubectl, mentions, report, set_image, silent, tells};
use crate::cluster::{refuses, start};
use crate::command::{Ran, run, shell};
use crate::journey::{aws, until};
use crate::reach::{Hand, from_cidr, from_group};

const PLAN: &[&str] = &["plan"];
const VERIFY: &[&str] = &["verify"];

/// Pods that stay on one node, as many as take its addresses.
fn on_one_node(node: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": "default", "name": "stays"},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": "stays"}},
            "template": {
                "metadata": {"labels": {"app": "stays"}},
                "spec": {
                    "nodeSelector": {"kubernetes.io/hostname": node},
                    "containers": [{"name": "main", "image": "example.com/none"}],
                },
            },
        },
    })
}

fn interfaces_of(sandbox: &Sandbox, instance: &str) -> Vec<String> {
    let filter = format!("Name=attachment.instance-id,Values={instance}");
    let subnets = aws(
        sandbox,
        &[
            "ec2",
            "describe-network-interfaces",
            "--filters",
            &filter,
            "--query",
            "NetworkInterfaces[].SubnetId",
        ],
    );
    subnets.split_whitespace().map(ToString::to_string).collect()
}

/// With prefix delegation an old node has its primary interface only. It gets its next one from the ENIConfig once
/// custom networking is on, and its pods go on taking addresses of the primary one all the same.
#[test]
fn an_old_node_that_gets_an_interface_in_the_pod_subnet_is_still_an_old_node() {
    let sandbox = start(Shape {
        azs: 1,
        old_nodes: OldNodes::Managed,
        cni_env: vec!["ENABLE_PREFIX_DELEGATION=true".into()],
        workloads: false,
        ..Shape::default()
    });
    let old = kubectl(&sandbox, &["get", "nodes", "-o", "jsonpath={.items[0].metadata.name}"]);
    let instance = sandbox.old_instances.first().expect("an old instance").clone();
    assert_eq!(interfaces_of(&sandbox, &instance).len(), 1, "prefixes are on its primary interface");
    run(&sandbox, &["setup", "--yes", "--keep-old-nodes"]).expect(0);

    apply(&sandbox, &on_one_node(&old, 20));
    until("the old node has an interface in the pod subnet", || {
        interfaces_of(&sandbox, &instance).len() == 2
    });
    kubectl(&sandbox, &["delete", "deployment", "stays", "--wait"]);
    let told = tells(&sandbox, VERIFY, &["EC-VFY-021"]);
    let text = told.to_string();
    assert!(
        text.contains(&old) && text.contains("pods also get addresses from the primary network interface"),
        "{told:#}"
    );
    assert!(text.contains("eni-custom drain-nodes"), "{told:#}");
    let planned = run(&sandbox, &["plan", "--output", "json"]).json();
    assert!(planned.to_string().contains("1 old node"), "{planned:#}");
    let status = run(&sandbox, &["status"]).expect(0).stdout;
    assert!(status.contains("1 of 2 nodes predate custom networking"), "{status}");

    run(&sandbox, &["drain-nodes", "--yes", "--node", &old]).expect(0);
    silent(&sandbox, VERIFY);
    silent(&sandbox, PLAN);
    a_route_table_is_lost(&sandbox);
}

/// 135: somebody takes the pod subnet of a cluster that was set up from its route table.
fn a_route_table_is_lost(sandbox: &Sandbox) {
    let subnet = kubectl(sandbox, &["get", "eniconfigs", "-o", "jsonpath={.items[0].spec.subnet}"]);
    let query =
        format!("RouteTables[].Associations[?SubnetId=='{subnet}'].RouteTableAssociationId | [] | [0]");
    let association = aws(sandbox, &["ec2", "describe-route-tables", "--query", &query]);
    aws(sandbox, &["ec2", "disassociate-route-table", "--association-id", association.trim()]);
    let told = tells(sandbox, VERIFY, &["EC-VFY-075"]);
    assert_eq!(told["proven"], false, "{told:#}");
    assert!(told.to_string().contains("eni-custom create-subnets --cluster sandbox"), "{told:#}");
    let told = finding(&tells(sandbox, &["doctor"], &["EC-DOC-031"]), "EC-DOC-031");
    assert_eq!(told["severity"], "error", "{told:#}");
    run(sandbox, &["create-subnets", "--yes"]).expect(0);
    healthy(sandbox);
}

#[test]
fn what_the_vpc_and_its_neighbours_bring_is_reported_before_the_first_change() {
    let sandbox = start(Shape {
        azs: 1,
        old_nodes: OldNodes::SelfManaged,
        cni: Cni::Daemonset,
        secondary_cidr: Some("100.64.0.0/16".into()),
        ..Shape::default()
    });
    let hand = Hand::of(&sandbox);
    silent(&sandbox, PLAN);
    third_parties(&sandbox, &hand);
    karpenter_s_pools(&sandbox, &hand);
    tags_that_keep_pods_out(&sandbox, &hand);
    no_role_tags(&sandbox);
    aggregated_apis(&sandbox);
    the_nodes_own_block(&sandbox, &hand);
}

/// The finding with this id that a command reports.
#[track_caller]
fn finding(report: &Value, id: &str) -> Value {
    let findings = report["findings"].as_array().expect("findings");
    findings.iter().find(|one| one["id"] == id).unwrap_or_else(|| panic!("no {id}: {report:#}")).clone()
}

/// Does what a finding says, as a person would.
#[track_caller]
fn does(sandbox: &Sandbox, command: &Value) {
    Ran::of(shell(sandbox).args(["-c", command.as_str().expect("a command")])).expect(0);
}

/// 106: a database that admits the nodes by their addresses, and an endpoint that admits them by their group.
fn third_parties(sandbox: &Sandbox, hand: &Hand<'_>) {
    let query = "Reservations[0].Instances[0].SecurityGroups[0].GroupId";
    let nodes = aws(sandbox, &["ec2", "describe-instances", "--query", query]);
    let uses = |group: &str, description: &str| {
        let subnet = &sandbox.aws.private_subnets["us-west-2a"];
        let request = hand.ec2.create_network_interface().subnet_id(subnet).groups(group);
        hand.done(request.description(description).send());
    };
    let (database, endpoint) = (hand.group("database"), hand.group("endpoint"));
    hand.allow(&database, from_cidr(5432, "192.168.0.0/16"));
    let told = tells(sandbox, PLAN, &["EC-RCH-017"]);
    assert_eq!(finding(&told, "EC-RCH-017")["severity"], "note", "nothing uses it: {told:#}");
    uses(&database, "RDSNetworkInterface");
    hand.allow(&endpoint, from_group(nodes.trim()));
    uses(&endpoint, "VPC Endpoint Interface vpce-0123456789abcdef0");

    refuses(sandbox, &["setup", "--yes"], 3, &["EC-RCH-017", &database, &endpoint, "RDSNetworkInterface"]);
    let told = report(sandbox, PLAN);
    let risks = told["findings"].as_array().expect("findings").iter().filter(|one| one["id"] == "EC-RCH-017");
    let risks: Vec<&Value> = risks.filter(|one| one["risk"] == true).collect();
    assert_eq!(risks.len(), 2, "{told:#}");
    for risk in risks {
        does(sandbox, &risk["fix"]);
    }
    silent(sandbox, PLAN);
}

/// 144 and 123: NodePools whose controller runs elsewhere; then one with max pods for larger types, and a selector that
/// matches a pod subnet.
fn karpenter_s_pools(sandbox: &Sandbox, hand: &Hand<'_>) {
    const LATE: &[&str] = &["plan", "--env-last"];
    let in_list = |key: &str, values: &[&str]| json!({"key": key, "operator": "In", "values": values});
    let class = json!({
        "metadata": {"name": "default"},
        "spec": {"subnetSelectorTerms": [{"tags": {"karpenter.sh/discovery": "sandbox"}}]},
    });
    define(sandbox, &custom("karpenter.k8s.aws", "v1", "EC2NodeClass", "Cluster", class));
    let pool = json!({"metadata": {"name": "web"}, "spec": {"template": {"spec": {
        "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
        "requirements": [
            in_list("karpenter.k8s.aws/instance-family", &["m5"]),
            in_list("karpenter.k8s.aws/instance-size", &["large", "xlarge"]),
        ],
    }}}});
    define(sandbox, &custom("karpenter.sh", "v1", "NodePool", "Cluster", pool));
    refuses(sandbox, &["setup", "--yes", "--env-last"], 3, &["EC-NOD-020", "NodePool web"]);
    let told = finding(&report(sandbox, LATE), "EC-NOD-020");
    let (fix, _) = told["fix"].as_str().and_then(|fix| fix.split_once("; or")).expect("a command first");
    assert!(fix.contains("\"maxPods\":20"), "the smaller type decides: {told:#}");
    does(sandbox, &json!(fix));
    silent(sandbox, LATE);

    let more = json!({"spec": {"kubelet": {"maxPods": 44}}}).to_string();
    kubectl(sandbox, &["patch", "ec2nodeclass", "default", "--type=merge", "-p", &more]);
    kubectl(sandbox, &["create", "namespace", "karpenter"]);
    let labels = json!({"app.kubernetes.io/name": "karpenter", "app.kubernetes.io/instance": "karpenter"});
    apply(sandbox, &deployment("karpenter", "karpenter", &labels, &json!([])));
    let told = finding(&tells(sandbox, LATE, &["EC-NOD-021"]), "EC-NOD-021");
    assert!(told.to_string().contains("m5.large (20)"), "{told:#}");
    does(sandbox, &told["fix"]);
    silent(sandbox, LATE);

    let subnet = hand.subnet("us-west-2a", "100.64.0.0/18");
    let id = subnet.split_once('=').expect("zone and subnet").1;
    let table = &sandbox.aws.private_route_tables["us-west-2a"];
    hand.done(hand.ec2.associate_route_table().route_table_id(table).subnet_id(id).send());
    let tag = Tag::builder().key("karpenter.sh/discovery").value("sandbox").build();
    hand.done(hand.ec2.create_tags().resources(id).tags(tag).send());
    let given = ["plan", "--env-last", "--subnet", &subnet];
    let told = finding(&tells(sandbox, &given, &["EC-NOD-022"]), "EC-NOD-022");
    does(sandbox, &told["fix"]);
    silent(sandbox, &given);
    hand.done(hand.ec2.delete_subnet().subnet_id(id).send());
    kubectl(sandbox, &["delete", "namespace", "karpenter", "--wait=false"]);
    kubectl(sandbox, &["delete", "crd", "ec2nodeclasses.karpenter.k8s.aws", "nodepools.karpenter.sh"]);
}

/// 122: a pod subnet that is excluded, or is another cluster's, for an aws-node that looks at tags.
fn tags_that_keep_pods_out(sandbox: &Sandbox, hand: &Hand<'_>) {
    set_image(sandbox, "v1.22.4");
    let subnet = hand.subnet("us-west-2a", "100.64.64.0/18");
    let id = subnet.split_once('=').expect("zone and subnet").1;
    let table = &sandbox.aws.private_route_tables["us-west-2a"];
    hand.done(hand.ec2.associate_route_table().route_table_id(table).subnet_id(id).send());
    let given = ["plan", "--subnet", &subnet];
    let role = "kubernetes.io/role/cni";
    for tags in [&[(role, "0")][..], &[(role, "1"), ("cni.networking.k8s.aws/cluster/bank", "shared")]] {
        let tags = tags.iter().map(|(key, value)| Tag::builder().key(*key).value(*value).build()).collect();
        hand.done(hand.ec2.create_tags().resources(id).set_tags(Some(tags)).send());
        let told = finding(&tells(sandbox, &given, &["EC-CNI-020"]), "EC-CNI-020");
        assert_eq!(told["severity"], "error", "{told:#}");
        does(sandbox, &told["fix"]);
        silent(sandbox, &given);
    }
    hand.done(hand.ec2.delete_subnet().subnet_id(id).send());
    set_image(sandbox, "v1.20.4");
}

/// 131: no subnet says where internal load balancers belong.
fn no_role_tags(sandbox: &Sandbox) {
    let labels = json!({"app.kubernetes.io/name": "aws-load-balancer-controller"});
    apply(sandbox, &deployment("kube-system", "aws-load-balancer-controller", &labels, &json!([])));
    let subnets: Vec<&str> = sandbox.aws.private_subnets.values().map(String::as_str).collect();
    let tags = ["--tags", "Key=kubernetes.io/role/internal-elb"];
    aws(sandbox, &[&["ec2", "delete-tags"], &tags[..], &["--resources"], &subnets].concat());
    let told = finding(&tells(sandbox, PLAN, &["EC-NET-015"]), "EC-NET-015");
    does(sandbox, &told["fix"]);
    until("the tag is seen", || !mentions(&report(sandbox, PLAN), "EC-NET-015"));
    kubectl(sandbox, &["-n", "kube-system", "delete", "deployment", "aws-load-balancer-controller"]);
}

/// 128: an API that pods serve, and a block that the control plane does not know yet.
fn aggregated_apis(sandbox: &Sandbox) {
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "numbers", "namespace": "kube-system"},
        "spec": {"selector": {"k8s-app": "kube-dns"}, "ports": [{"name": "https", "port": 443, "targetPort": 10251}]},
    });
    let api = json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {"name": "v1.numbers.example.com"},
        "spec": {
            "group": "numbers.example.com", "version": "v1", "insecureSkipTLSVerify": true,
            "groupPriorityMinimum": 100, "versionPriority": 100,
            "service": {"namespace": "kube-system", "name": "numbers", "port": 443},
        },
    });
    apply(sandbox, &service);
    apply(sandbox, &api);
    let told = finding(&tells(sandbox, &["plan", "--cidr", "100.65.0.0/16"], &["EC-RCH-011"]), "EC-RCH-011");
    assert!(told.to_string().contains("APIService v1.numbers.example.com"), "{told:#}");
    kubectl(sandbox, &["delete", "apiservice", "v1.numbers.example.com"]);
    kubectl(sandbox, &["-n", "kube-system", "delete", "service", "numbers"]);
    silent(sandbox, PLAN);
}

/// 129: most nodes are in the secondary block that pods would get.
fn the_nodes_own_block(sandbox: &Sandbox, hand: &Hand<'_>) {
    let subnet = hand.subnet("us-west-2a", "100.64.128.0/20");
    let id = subnet.split_once('=').expect("zone and subnet").1;
    let table = &sandbox.aws.private_route_tables["us-west-2a"];
    hand.done(hand.ec2.associate_route_table().route_table_id(table).subnet_id(id).send());
    let name = "AutoScalingGroups[0].AutoScalingGroupName";
    let group = aws(sandbox, &["autoscaling", "describe-auto-scaling-groups", "--query", name]);
    let update = ["autoscaling", "update-auto-scaling-group", "--auto-scaling-group-name", group.trim()];
    aws(sandbox, &[&update[..], &["--vpc-zone-identifier", id, "--desired-capacity", "3"]].concat());
    let ready = "jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}";
    until("nodes are in the secondary block", || {
        kubectl(sandbox, &["get", "nodes", "-o", ready]).matches("True").count() == 3
    });
    let told = finding(&tells(sandbox, &["plan", "--cidr", "100.64.0.0/16"], &["EC-NET-013"]), "EC-NET-013");
    let fix: Vec<&str> = told["fix"].as_str().expect("flags").split(' ').collect();
    for args in [&[][..], &fix] {
        let planned = report(sandbox, &[PLAN, args].concat());
        assert!(!mentions(&planned, "EC-NET-013"), "{planned:#}");
        assert!(planned.to_string().contains("100.65.0.0/16"), "another block is taken: {planned:#}");
    }
    let given = tells(sandbox, &["plan", "--subnet", &subnet], &["EC-NET-007"]);
    assert!(given.to_string().contains("--cidr 100.65.0.0/16"), "{given:#}");
}
