//! Foreign and changed resources that block undo: undo reports and keeps them, and the next run continues from there.

use sandbox::{AuthenticationMode, Cni, Crd, OldNodes, Sandbox, Shape};
use serde_json::{Value, json};

use super::{IMAGE, UNDO, ask, assert_state, delete_stack, lists_nothing, pod_subnet, set_up, state};
use crate::cluster::{refuses, start};
use crate::command::run;
use crate::policy::aws;

#[test]
fn foreign_resources_are_reported_and_kept() {
    let shape = Shape {
        azs: 1,
        old_nodes: OldNodes::Managed,
        cni: Cni::Daemonset,
        crd: Crd::Untyped,
        authentication_mode: AuthenticationMode::Api,
        public_nodes: true,
        ..Shape::default()
    };
    let mut sandbox = start(shape);
    let before = state(&sandbox);
    set_up(&sandbox, &[]);
    let subnet = pod_subnet(&sandbox);

    let interface = |description: &str| {
        let create =
            ["ec2", "create-network-interface", "--subnet-id", &subnet, "--description", description];
        ask(&sandbox, &create, "/NetworkInterface/NetworkInterfaceId")
    };
    let (database, balancer) = (interface("billing database"), interface("ELB app/shop/1a2b"));
    let image = ask(&sandbox, &["ssm", "get-parameter", "--name", IMAGE], "/Parameter/Value");
    let start = ["ec2", "run-instances", "--image-id", &image, "--instance-type", "t3.micro"];
    let instance =
        ask(&sandbox, &[&start[..], &["--subnet-id", &subnet]].concat(), "/Instances/0/InstanceId");
    let config = json!({
        "apiVersion": "crd.k8s.amazonaws.com/v1alpha1", "kind": "ENIConfig", "metadata": {"name": "by-hand"},
        "spec": {"subnet": subnet, "securityGroups": [sandbox.aws.cluster_security_group]},
    });
    sandbox.kubectl_with(&["apply", "-f", "-"], &config.to_string()).expect("the ENIConfig is written");
    let table = sandbox.aws.private_route_tables["us-west-2a"].clone();
    let gateway = sandbox.aws.nat_gateways["us-west-2a"].clone();
    let route = ["--route-table-id", &table, "--destination-cidr-block", "192.168.99.0/24"];
    aws(&sandbox, &[&["ec2", "create-route", "--nat-gateway-id", &gateway], &route[..]].concat());
    let filter = format!("Name=association.subnet-id,Values={subnet}");
    let tables = aws(&sandbox, &["ec2", "describe-route-tables", "--filters", &filter]);
    let rows = tables["RouteTables"][0]["Associations"].as_array().expect("associations").iter();
    let association = rows
        .filter(|row| row["SubnetId"] == subnet.as_str())
        .find_map(|row| row["RouteTableAssociationId"].as_str())
        .expect("the subnet is associated");
    let public = sandbox.aws.public_route_table.clone();
    let replace = ["ec2", "replace-route-table-association", "--association-id", association];
    aws(&sandbox, &[&replace[..], &["--route-table-id", &public]].concat());

    let names = [database.as_str(), "billing database", &balancer, "ELB app/shop/1a2b", &instance, &subnet];
    run(&sandbox, &UNDO).expect(1).says(&names).says(&["EC-UND-006", "EC-UND-007", "by-hand"]);
    // Everything else is undone, and a second run gets no further.
    let left = sandbox.kubectl(&["get", "eniconfigs", "-o", "name"]).expect("kubectl answers");
    assert_eq!(left.trim(), "eniconfig.crd.k8s.amazonaws.com/by-hand");
    run(&sandbox, &UNDO).expect(1).says(&names);
    let there = aws(
        &sandbox,
        &["ec2", "describe-network-interfaces", "--network-interface-ids", &database, &balancer],
    );
    assert_eq!(there["NetworkInterfaces"].as_array().map(Vec::len), Some(2));

    for id in [&database, &balancer] {
        aws(&sandbox, &["ec2", "delete-network-interface", "--network-interface-id", id]);
    }
    aws(&sandbox, &["ec2", "terminate-instances", "--instance-ids", &instance]);
    let filter = format!("Name=attachment.instance-id,Values={instance}");
    let list = ["ec2", "describe-network-interfaces", "--filters", &filter];
    lists_nothing(
        &mut sandbox,
        &[&list[..], &["--query", "NetworkInterfaces[].NetworkInterfaceId"]].concat(),
    );
    run(&sandbox, &UNDO).expect(0);
    let routes = aws(&sandbox, &["ec2", "describe-route-tables", "--route-table-ids", &table]).to_string();
    assert!(routes.contains("192.168.99.0/24"), "{routes}");
    aws(&sandbox, &[&["ec2", "delete-route"], &route[..]].concat());
    sandbox.kubectl(&["delete", "eniconfig", "by-hand"]).expect("kubectl answers");
    assert_state(&mut sandbox, &before);
}

/// The record in the cluster.
fn record(sandbox: &Sandbox) -> Value {
    let map = sandbox.kubectl(&["-n", "kube-system", "get", "configmap", "eni-custom", "-o", "json"]);
    let mut map: Value = serde_json::from_str(&map.expect("the record exists")).expect("the record is JSON");
    map["metadata"] = json!({"name": "eni-custom", "namespace": "kube-system"});
    map
}

fn write(sandbox: &Sandbox, record: &Value) {
    sandbox
        .kubectl_with(&["replace", "--force", "-f", "-"], &record.to_string())
        .expect("the record is written");
}

fn edited(record: &Value, from: &str, to: &str) -> Value {
    let text = record["data"]["record.json"].as_str().expect("a text");
    assert!(text.contains(from), "{text}");
    let mut record = record.clone();
    record["data"]["record.json"] = json!(text.replace(from, to));
    record
}

#[test]
fn an_untrusted_record_is_reported_and_a_deleted_stack_is_no_obstacle() {
    let shape = Shape {
        azs: 1,
        old_nodes: OldNodes::SelfManaged,
        crd: Crd::Untyped,
        authentication_mode: AuthenticationMode::ConfigMap,
        public_nodes: true,
        ..Shape::default()
    };
    let mut sandbox = start(shape);
    let before = state(&sandbox);
    set_up(&sandbox, &[]);
    let written = record(&sandbox);

    write(&sandbox, &edited(&written, "\"formatVersion\": 1", "\"formatVersion\": 2"));
    refuses(&sandbox, &UNDO, 3, &["format 2", "kube-system/eni-custom"]);
    write(&sandbox, &edited(&written, "cluster/sandbox", "cluster/other"));
    refuses(&sandbox, &UNDO, 3, &["cluster/other", "backup"]);
    sandbox.kubectl(&["-n", "kube-system", "delete", "configmap", "eni-custom"]).expect("kubectl answers");
    refuses(&sandbox, &UNDO, 3, &["EC-UND-002", "missing"]);
    write(&sandbox, &edited(&written, "\"desired\": 1", "\"desired\":  1"));
    refuses(&sandbox, &UNDO, 3, &["EC-UND-009", "--accept EC-UND-009"]);
    write(&sandbox, &written);

    // Deletes its nodes too: their pods wait for the old nodes.
    delete_stack(&mut sandbox, "eni-custom-sandbox-us-west-2a");
    write(&sandbox, &edited(&written, "\"desired\": 1", "\"desired\":  1"));
    run(&sandbox, &[&UNDO[..], &["--accept", "EC-UND-009"]].concat()).expect(0);
    assert_state(&mut sandbox, &before);
}

/// If the cluster had no nodes before, pods that run now would have nowhere to go, and their budgets would never allow
/// a disruption.
#[test]
fn pods_are_not_left_without_a_node() {
    let shape = Shape { azs: 1, old_nodes: OldNodes::None, cni: Cni::Daemonset, ..Shape::default() };
    let sandbox = start(shape);
    set_up(&sandbox, &["--instance-type", "m5.large"]);
    let all_run =
        ["-n", "shop", "wait", "--for=condition=Available", "deployment", "--all", "--timeout=120s"];
    sandbox.kubectl(&all_run).expect("they run on the new nodes");
    refuses(&sandbox, &UNDO, 3, &["EC-UND-005", "without custom networking", "--keep-nodes"]);
    run(&sandbox, &[&UNDO[..], &["--keep-nodes"]].concat()).expect(0);
}
