//! Where pods get their addresses from and what admits them, in clusters like those in the field.

use aws_sdk_ec2::types::Tag;
use sandbox::{Cni, OldNodes, Sandbox, Shape};
use serde_json::{Value, json};

use super::before::{custom, define, deployment};
use super::{apply, healthy, kubectl, mentions, report, report_with, reports_nothing, set_image};
use crate::cluster::{refuses, start};
use crate::command::{Outcome, run, shell};
use crate::journey::{aws, until};
use crate::reach::{Console, from_cidr, from_group};

const PLAN: &[&str] = &["plan"];
const VERIFY: &[&str] = &["verify"];

/// Enough pods to use up the addresses of one node, all on that node.
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

/// With prefix delegation an old node has only its primary interface. Once custom networking is on, its next interface
/// comes from the ENIConfig, but its pods still get addresses from the primary one too.
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
    let reported = report_with(&sandbox, VERIFY, &["EC-VFY-021"]);
    let text = reported.to_string();
    assert!(
        text.contains(&old) && text.contains("pods also get addresses from the primary network interface"),
        "{reported:#}"
    );
    assert!(text.contains("eni-custom drain-nodes"), "{reported:#}");
    let planned = run(&sandbox, &["plan", "--output", "json"]).json();
    assert!(planned.to_string().contains("1 old node"), "{planned:#}");
    let status = run(&sandbox, &["status"]).expect(0).stdout;
    assert!(status.contains("1 of 2 nodes predate custom networking"), "{status}");

    run(&sandbox, &["drain-nodes", "--yes", "--node", &old]).expect(0);
    reports_nothing(&sandbox, VERIFY);
    reports_nothing(&sandbox, PLAN);
    a_lost_route_table_association(&sandbox);
}

/// 62: someone removes the pod subnet's route table association after setup.
fn a_lost_route_table_association(sandbox: &Sandbox) {
    let subnet = kubectl(sandbox, &["get", "eniconfigs", "-o", "jsonpath={.items[0].spec.subnet}"]);
    let query =
        format!("RouteTables[].Associations[?SubnetId=='{subnet}'].RouteTableAssociationId | [] | [0]");
    let association = aws(sandbox, &["ec2", "describe-route-tables", "--query", &query]);
    aws(sandbox, &["ec2", "disassociate-route-table", "--association-id", association.trim()]);
    let reported = report_with(sandbox, VERIFY, &["EC-VFY-075"]);
    assert_eq!(reported["proven"], false, "{reported:#}");
    assert!(reported.to_string().contains("eni-custom create-subnets --cluster sandbox"), "{reported:#}");
    let reported = finding(&report_with(sandbox, &["doctor"], &["EC-DOC-031"]), "EC-DOC-031");
    assert_eq!(reported["severity"], "error", "{reported:#}");
    run(sandbox, &["create-subnets", "--yes"]).expect(0);
    healthy(sandbox);
}

#[test]
fn problems_of_the_vpc_and_its_surroundings_are_reported_before_the_first_change() {
    let sandbox = start(Shape {
        azs: 1,
        old_nodes: OldNodes::SelfManaged,
        cni: Cni::Daemonset,
        secondary_cidr: Some("100.64.0.0/16".into()),
        ..Shape::default()
    });
    let console = Console::of(&sandbox);
    reports_nothing(&sandbox, PLAN);
    third_parties(&sandbox, &console);
    karpenter_node_pools(&sandbox, &console);
    tags_that_exclude_a_pod_subnet(&sandbox, &console);
    no_role_tags(&sandbox);
    aggregated_apis(&sandbox);
    a_secondary_block_that_nodes_use(&sandbox, &console);
}

/// The finding with this id that a command reports.
#[track_caller]
fn finding(report: &Value, id: &str) -> Value {
    let findings = report["findings"].as_array().expect("findings");
    findings.iter().find(|one| one["id"] == id).unwrap_or_else(|| panic!("no {id}: {report:#}")).clone()
}

/// Runs the fix of a finding as a user would.
#[track_caller]
fn run_fix(sandbox: &Sandbox, command: &Value) {
    Outcome::of(shell(sandbox).args(["-c", command.as_str().expect("a command")])).expect(0);
}

/// 38: a database that admits the nodes by their addresses, and an endpoint that admits them by their security group.
fn third_parties(sandbox: &Sandbox, console: &Console<'_>) {
    let query = "Reservations[0].Instances[0].SecurityGroups[0].GroupId";
    let nodes = aws(sandbox, &["ec2", "describe-instances", "--query", query]);
    let uses = |group: &str, description: &str| {
        let subnet = &sandbox.aws.private_subnets["us-west-2a"];
        let request = console.ec2.create_network_interface().subnet_id(subnet).groups(group);
        console.run(request.description(description).send());
    };
    let (database, endpoint) = (console.group("database"), console.group("endpoint"));
    console.allow(&database, from_cidr(5432, "192.168.0.0/16"));
    let reported = report_with(sandbox, PLAN, &["EC-RCH-017"]);
    assert_eq!(finding(&reported, "EC-RCH-017")["severity"], "note", "no interface uses it: {reported:#}");
    uses(&database, "RDSNetworkInterface");
    console.allow(&endpoint, from_group(nodes.trim()));
    uses(&endpoint, "VPC Endpoint Interface vpce-0123456789abcdef0");

    refuses(sandbox, &["setup", "--yes"], 3, &["EC-RCH-017", &database, &endpoint, "RDSNetworkInterface"]);
    let reported = report(sandbox, PLAN);
    let risks =
        reported["findings"].as_array().expect("findings").iter().filter(|one| one["id"] == "EC-RCH-017");
    let risks: Vec<&Value> = risks.filter(|one| one["risk"] == true).collect();
    assert_eq!(risks.len(), 2, "{reported:#}");
    for risk in risks {
        run_fix(sandbox, &risk["fix"]);
    }
    reports_nothing(sandbox, PLAN);
}

/// 65 and 51: NodePools whose controller runs elsewhere; then one whose max pods fits only larger types, and a selector
/// that matches a pod subnet.
fn karpenter_node_pools(sandbox: &Sandbox, console: &Console<'_>) {
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
    let reported = finding(&report(sandbox, LATE), "EC-NOD-020");
    let (fix, _) = reported["fix"].as_str().and_then(|fix| fix.split_once("; or")).expect("a command first");
    assert!(fix.contains("\"maxPods\":20"), "the smaller type decides: {reported:#}");
    run_fix(sandbox, &json!(fix));
    reports_nothing(sandbox, LATE);

    let more = json!({"spec": {"kubelet": {"maxPods": 44}}}).to_string();
    kubectl(sandbox, &["patch", "ec2nodeclass", "default", "--type=merge", "-p", &more]);
    kubectl(sandbox, &["create", "namespace", "karpenter"]);
    let labels = json!({"app.kubernetes.io/name": "karpenter", "app.kubernetes.io/instance": "karpenter"});
    apply(sandbox, &deployment("karpenter", "karpenter", &labels, &json!([])));
    let reported = finding(&report_with(sandbox, LATE, &["EC-NOD-021"]), "EC-NOD-021");
    assert!(reported.to_string().contains("m5.large (20)"), "{reported:#}");
    run_fix(sandbox, &reported["fix"]);
    reports_nothing(sandbox, LATE);

    let subnet = console.subnet("us-west-2a", "100.64.0.0/18");
    let id = subnet.split_once('=').expect("zone and subnet").1;
    let table = &sandbox.aws.private_route_tables["us-west-2a"];
    console.run(console.ec2.associate_route_table().route_table_id(table).subnet_id(id).send());
    let tag = Tag::builder().key("karpenter.sh/discovery").value("sandbox").build();
    console.run(console.ec2.create_tags().resources(id).tags(tag).send());
    let given = ["plan", "--env-last", "--subnet", &subnet];
    let reported = finding(&report_with(sandbox, &given, &["EC-NOD-022"]), "EC-NOD-022");
    run_fix(sandbox, &reported["fix"]);
    reports_nothing(sandbox, &given);
    console.run(console.ec2.delete_subnet().subnet_id(id).send());
    kubectl(sandbox, &["delete", "namespace", "karpenter", "--wait=false"]);
    kubectl(sandbox, &["delete", "crd", "ec2nodeclasses.karpenter.k8s.aws", "nodepools.karpenter.sh"]);
}

/// 50: tags exclude a pod subnet or assign it to another cluster, and aws-node reads tags.
fn tags_that_exclude_a_pod_subnet(sandbox: &Sandbox, console: &Console<'_>) {
    set_image(sandbox, "v1.22.4");
    let subnet = console.subnet("us-west-2a", "100.64.64.0/18");
    let id = subnet.split_once('=').expect("zone and subnet").1;
    let table = &sandbox.aws.private_route_tables["us-west-2a"];
    console.run(console.ec2.associate_route_table().route_table_id(table).subnet_id(id).send());
    let given = ["plan", "--subnet", &subnet];
    let role = "kubernetes.io/role/cni";
    for tags in [&[(role, "0")][..], &[(role, "1"), ("cni.networking.k8s.aws/cluster/bank", "shared")]] {
        let tags = tags.iter().map(|(key, value)| Tag::builder().key(*key).value(*value).build()).collect();
        console.run(console.ec2.create_tags().resources(id).set_tags(Some(tags)).send());
        let reported = finding(&report_with(sandbox, &given, &["EC-CNI-020"]), "EC-CNI-020");
        assert_eq!(reported["severity"], "error", "{reported:#}");
        run_fix(sandbox, &reported["fix"]);
        reports_nothing(sandbox, &given);
    }
    console.run(console.ec2.delete_subnet().subnet_id(id).send());
    set_image(sandbox, "v1.20.4");
}

/// 58: no subnet is tagged for internal load balancers.
fn no_role_tags(sandbox: &Sandbox) {
    let labels = json!({"app.kubernetes.io/name": "aws-load-balancer-controller"});
    apply(sandbox, &deployment("kube-system", "aws-load-balancer-controller", &labels, &json!([])));
    let subnets: Vec<&str> = sandbox.aws.private_subnets.values().map(String::as_str).collect();
    let tags = ["--tags", "Key=kubernetes.io/role/internal-elb"];
    aws(sandbox, &[&["ec2", "delete-tags"], &tags[..], &["--resources"], &subnets].concat());
    let reported = finding(&report_with(sandbox, PLAN, &["EC-NET-015"]), "EC-NET-015");
    run_fix(sandbox, &reported["fix"]);
    until("the tag is seen", || !mentions(&report(sandbox, PLAN), "EC-NET-015"));
    kubectl(sandbox, &["-n", "kube-system", "delete", "deployment", "aws-load-balancer-controller"]);
}

/// 56: pods serve an aggregated API, and the control plane does not recognize the new block yet.
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
    let reported =
        finding(&report_with(sandbox, &["plan", "--cidr", "100.65.0.0/16"], &["EC-RCH-011"]), "EC-RCH-011");
    assert!(reported.to_string().contains("APIService v1.numbers.example.com"), "{reported:#}");
    kubectl(sandbox, &["delete", "apiservice", "v1.numbers.example.com"]);
    kubectl(sandbox, &["-n", "kube-system", "delete", "service", "numbers"]);
    reports_nothing(sandbox, PLAN);
}

/// 57: most nodes are in the secondary block that pods would use.
fn a_secondary_block_that_nodes_use(sandbox: &Sandbox, console: &Console<'_>) {
    let subnet = console.subnet("us-west-2a", "100.64.128.0/20");
    let id = subnet.split_once('=').expect("zone and subnet").1;
    let table = &sandbox.aws.private_route_tables["us-west-2a"];
    console.run(console.ec2.associate_route_table().route_table_id(table).subnet_id(id).send());
    let name = "AutoScalingGroups[0].AutoScalingGroupName";
    let group = aws(sandbox, &["autoscaling", "describe-auto-scaling-groups", "--query", name]);
    let update = ["autoscaling", "update-auto-scaling-group", "--auto-scaling-group-name", group.trim()];
    aws(sandbox, &[&update[..], &["--vpc-zone-identifier", id, "--desired-capacity", "3"]].concat());
    let ready = "jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}";
    until("nodes are in the secondary block", || {
        kubectl(sandbox, &["get", "nodes", "-o", ready]).matches("True").count() == 3
    });
    let reported =
        finding(&report_with(sandbox, &["plan", "--cidr", "100.64.0.0/16"], &["EC-NET-013"]), "EC-NET-013");
    let fix: Vec<&str> = reported["fix"].as_str().expect("flags").split(' ').collect();
    for args in [&[][..], &fix] {
        let planned = report(sandbox, &[PLAN, args].concat());
        assert!(!mentions(&planned, "EC-NET-013"), "{planned:#}");
        assert!(planned.to_string().contains("100.65.0.0/16"), "another block is chosen: {planned:#}");
    }
    let given = report_with(sandbox, &["plan", "--subnet", &subnet], &["EC-NET-007"]);
    assert!(given.to_string().contains("--cidr 100.65.0.0/16"), "{given:#}");
}
