//! Runs each printed fix as a user would type it; afterwards the issue must be resolved. Commands of eni-custom get
//! `--yes`, because there is no terminal for a question.

use std::collections::BTreeSet;

use sandbox::{Cni, OldNodes, Sandbox, Shape};
use serde_json::{Value, json};

use crate::cluster::{set_up, start};
use crate::command::{Outcome, run, shell};
use crate::field::{apply, kubectl, report_with, rolled_out, write_env};
use crate::journey::{aws, until};

const VERIFY: &[&str] = &["verify"];
const DOCTOR: &[&str] = &["doctor"];
const PLAN: &[&str] = &["plan"];

/// All issues of a report with this id, except passed checks.
fn issues_with_id(report: &Value, id: &str) -> Vec<Value> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let checks = list(&report["sections"]).into_iter().flat_map(|section| list(&section["checks"]));
    list(&report["findings"])
        .into_iter()
        .chain(checks)
        .filter(|one| one["id"] == id && one["severity"] != "passed")
        .collect()
}

fn current_issues(sandbox: &Sandbox, command: &[&str], id: &str) -> Vec<Value> {
    issues_with_id(&run(sandbox, &[command, &["--output", "json"]].concat()).json(), id)
}

/// Asserts that the issue is reported and that running its fix resolves it.
#[track_caller]
fn fix_works(sandbox: &Sandbox, command: &[&str], id: &str) {
    let report = report_with(sandbox, command, &[id]);
    let finding = &issues_with_id(&report, id)[0];
    let fix = finding["fix"].as_str().expect("a fix");
    let typed = format!("eni-custom() {{ command eni-custom \"$@\" --yes; }}; {fix}");
    let ran = Outcome::of(shell(sandbox).args(["-c", &typed]));
    assert_eq!(ran.code, 0, "{id}: {fix}\n{}\n{}", ran.stdout, ran.stderr);
    until(&format!("{id} is resolved by: {fix}"), || current_issues(sandbox, command, id).is_empty());
}

/// Asserts that the flag named by an issue of a plan resolves that issue.
#[track_caller]
fn flag_works(sandbox: &Sandbox, id: &str, given: &mut Vec<String>) {
    let args: Vec<&str> = PLAN.iter().copied().chain(given.iter().map(String::as_str)).collect();
    let report = report_with(sandbox, &args, &[id]);
    let finding = &issues_with_id(&report, id)[0];
    let fix = finding["fix"].as_str().expect("a fix");
    let flag = fix.split_whitespace().find(|word| word.starts_with("--")).expect("the fix names a flag");
    given.push(flag.trim_end_matches([';', ',']).to_string());
    let args: Vec<&str> = PLAN.iter().copied().chain(given.iter().map(String::as_str)).collect();
    until(&format!("{id} is resolved by {flag}"), || current_issues(sandbox, &args, id).is_empty());
}

#[test]
fn printed_fixes_of_verify_and_doctor_resolve_their_issues() {
    let sandbox = set_up(
        Shape {
            azs: 1,
            nodes_per_az: 2,
            old_nodes: OldNodes::SelfManaged,
            workloads: false,
            ..Shape::default()
        },
        &[],
    );
    let node = kubectl(&sandbox, &["get", "nodes", "-o", "jsonpath={.items[0].metadata.name}"]);
    let zone = "us-west-2a";

    write_env(&sandbox, &["ENI_CONFIG_LABEL_DEF=example.com/no-node-has-it"]);
    fix_works(&sandbox, VERIFY, "EC-VFY-011");
    kubectl(&sandbox, &["delete", "eniconfig", zone]);
    fix_works(&sandbox, VERIFY, "EC-VFY-011");
    let patch = |spec: Value| {
        let patch = json!({"spec": spec}).to_string();
        kubectl(&sandbox, &["patch", "eniconfig", zone, "--type=merge", "-p", &patch]);
    };
    patch(json!({"subnet": "subnet-0123456789abcdef0"}));
    fix_works(&sandbox, VERIFY, "EC-VFY-013");
    patch(json!({"securityGroups": ["sg-0123456789abcdef0"]}));
    fix_works(&sandbox, VERIFY, "EC-VFY-016");
    kubectl(&sandbox, &["annotate", "node", &node, "k8s.amazonaws.com/eniConfig=elsewhere"]);
    fix_works(&sandbox, VERIFY, "EC-VFY-026");
    kubectl(&sandbox, &["annotate", "node", &node, "k8s.amazonaws.com/eniConfig=elsewhere"]);
    fix_works(&sandbox, VERIFY, "EC-VFY-011");
    for variable in ["AWS_VPC_K8S_CNI_EXTERNALSNAT=true", "ENI_CONFIG_ANNOTATION_DEF=example.com/eni"] {
        write_env(&sandbox, &[variable]);
        rolled_out(&sandbox);
        fix_works(&sandbox, VERIFY, "EC-VFY-003");
    }
    write_env(&sandbox, &["AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG=false"]);
    fix_works(&sandbox, VERIFY, "EC-VFY-001");

    sandbox.leave_node_behind("ip-192-168-255-9.us-west-2.compute.internal").expect("the Node is created");
    fix_works(&sandbox, VERIFY, "EC-VFY-085");
    a_pod_subnet_without_a_table(&sandbox);
    an_interface_without_a_node(&sandbox);
    aws_node_with_ondelete(&sandbox);
    pods_without_a_node(&sandbox);
    sandbox.kill_kubelet(&node).expect("the kubelet is killed");
    fix_works(&sandbox, VERIFY, "EC-VFY-086");
    until("another node is Ready", || current_issues(&sandbox, VERIFY, "EC-VFY-020").is_empty());
    let alive = ["get", "nodes", "-l", "kwok.x-k8s.io/node", "-o", "jsonpath={.items[0].metadata.name}"];
    sandbox.kill_kubelet(&kubectl(&sandbox, &alive)).expect("the kubelet is killed");
    fix_works(&sandbox, DOCTOR, "EC-DOC-085");
    crate::field::healthy(&sandbox);
}

fn a_pod_subnet_without_a_table(sandbox: &Sandbox) {
    let subnet = kubectl(sandbox, &["get", "eniconfig", "us-west-2a", "-o", "jsonpath={.spec.subnet}"]);
    let filter = format!("Name=association.subnet-id,Values={subnet}");
    let query = format!("RouteTables[0].Associations[?SubnetId=='{subnet}'].RouteTableAssociationId | [0]");
    let list = ["ec2", "describe-route-tables", "--filters", &filter, "--query", &query];
    let association = aws(sandbox, &list);
    aws(sandbox, &["ec2", "disassociate-route-table", "--association-id", &association]);
    // The subnet's own routes matter: EXTERNALSNAT is on by now.
    fix_works(sandbox, DOCTOR, "EC-DOC-030");
}

fn an_interface_without_a_node(sandbox: &Sandbox) {
    let subnet = kubectl(sandbox, &["get", "eniconfig", "us-west-2a", "-o", "jsonpath={.spec.subnet}"]);
    let of = ["--subnet-id", &subnet, "--description", "aws-K8S-i-00000000000000000"];
    aws(sandbox, &[&["ec2", "create-network-interface"], &of[..]].concat());
    fix_works(sandbox, VERIFY, "EC-VFY-040");
}

fn aws_node_with_ondelete(sandbox: &Sandbox) {
    let strategy = |strategy: Value| {
        let patch = json!({"spec": {"updateStrategy": strategy}}).to_string();
        let set = ["-n", "kube-system", "patch", "daemonset", "aws-node", "--type=merge", "-p", &patch];
        kubectl(sandbox, &set);
    };
    strategy(json!({"type": "OnDelete", "rollingUpdate": null}));
    write_env(sandbox, &["WARM_ENI_TARGET=2"]);
    fix_works(sandbox, VERIFY, "EC-VFY-002");
    strategy(json!({"type": "RollingUpdate"}));
    write_env(sandbox, &["WARM_ENI_TARGET=1"]);
    rolled_out(sandbox);
}

fn pods_without_a_node(sandbox: &Sandbox) {
    let nodes = kubectl(sandbox, &["get", "nodes", "-o", "jsonpath={.items[*].metadata.name}"]);
    let nodes: Vec<&str> = nodes.split_whitespace().collect();
    kubectl(sandbox, &[&["cordon"], &nodes[..]].concat());
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "homeless", "namespace": "default"},
        "spec": {"containers": [{"name": "main", "image": "example.com/none"}]},
    });
    apply(sandbox, &pod);
    fix_works(sandbox, VERIFY, "EC-VFY-087");
    kubectl(sandbox, &["-n", "default", "delete", "pod", "homeless", "--wait=false"]);
}

#[test]
fn flags_named_by_a_plan_resolve_its_findings() {
    let sandbox = start(Shape {
        azs: 1,
        old_nodes: OldNodes::SelfManaged,
        workloads: false,
        cni: Cni::Daemonset,
        ..Shape::default()
    });
    let node = kubectl(&sandbox, &["get", "nodes", "-o", "jsonpath={.items[0].metadata.name}"]);
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "lonely", "namespace": "default"},
        "spec": {"nodeName": node, "containers": [{"name": "main", "image": "example.com/none"}],
            "volumes": [{"name": "cache", "emptyDir": {}}]},
    });
    apply(&sandbox, &pod);
    write_env(&sandbox, &["ENI_CONFIG_ANNOTATION_DEF=example.com/eni"]);
    let owned = json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "aws-node", "namespace": "kube-system"},
        "spec": {"template": {"spec": {"containers": [{"name": "aws-node",
            "env": [{"name": "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", "value": "false"}]}]}}},
    });
    let manager = ["--server-side", "--force-conflicts", "--field-manager", "platform-controller", "-f", "-"];
    sandbox
        .kubectl_with(&[&["apply"], &manager[..]].concat(), &owned.to_string())
        .expect("the field has an owner");
    let mut given = Vec::new();
    for id in ["EC-POD-001", "EC-POD-002", "EC-CNI-005", "EC-CNI-008"] {
        flag_works(&sandbox, id, &mut given);
    }
    let flags: BTreeSet<&str> = given.iter().map(String::as_str).collect();
    assert_eq!(flags.len(), 4, "{flags:?}");
    sandbox.leave_node_behind("ip-192-168-255-9.us-west-2.compute.internal").expect("the Node is created");
    fix_works(&sandbox, PLAN, "EC-NOD-029");
}
