//! What `verify` and `status` report of healthy clusters, and of one that is broken by hand in several ways.

mod doctor;
mod probe;

use std::process::Command;

use sandbox::{OldNodes, Sandbox, Shape, tools};
use serde_json::{Value, json};

use doctor::{explains, grows, nodes_in, stuck_pods_are_explained, unreachable_dns_is_explained};
use probe::probes;

use crate::cluster::{set_up, shared};
use crate::command::{Outcome, run, writes};
use crate::journey::{aws, until};
use crate::policy::{as_user, user};
use crate::schemas::conforms;

/// All problems of a report as `id severity`, without duplicates.
pub(crate) fn problems(report: &Value) -> Vec<String> {
    let sections = report["sections"].as_array().expect("sections");
    let checks = sections.iter().flat_map(|section| section["checks"].as_array().expect("checks"));
    let bad = checks.filter(|check| check["severity"] != "passed");
    let mut problems: Vec<String> = bad
        .map(|check| {
            let text = |key: &str| check[key].as_str().unwrap_or_default().to_string();
            format!("{} {}", text("id"), text("severity"))
        })
        .collect();
    problems.dedup();
    problems
}

/// Retries for a moment: EC2's answers lag behind changes.
#[track_caller]
fn verifies(sandbox: &Sandbox, code: i32, wanted: &[&str]) {
    let mut last = Vec::new();
    for _ in 0..20 {
        let ran = run(sandbox, &["verify", "--output", "json"]);
        let report = ran.json();
        last = problems(&report);
        if last == wanted {
            assert_eq!(ran.code, code, "{}", ran.stdout);
            conforms("verify", &report);
            return;
        }
    }
    assert_eq!(last, wanted);
}

#[test]
fn a_cluster_without_setup_is_not_proven_and_verify_says_how_to_start() {
    let sandbox = shared();
    let mark = sandbox.mark();
    let text = run(&sandbox, &["verify"]).expect(4).stdout;
    for part in [
        "× custom networking is off [EC-VFY-001]",
        "eni-custom setup --cluster sandbox",
        "Not verified: 1 failed",
    ] {
        assert!(text.contains(part), "'{part}' is not in:\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "no color outside of a terminal");
    let json = |command: &str, code: i32| run(&sandbox, &[command, "--output", "json"]).expect(code).json();
    let report = json("verify", 4);
    conforms("verify", &report);
    let xml = run(&sandbox, &["verify", "--output", "junit"]).expect(4).stdout;
    assert!(xml.contains("<failure type=\"EC-VFY-001\""), "{xml}");
    matches_the_report(&xml, &report);
    let status = run(&sandbox, &["status"]).expect(0).stdout;
    assert!(status.contains("- 3 set-env"), "{status}");
    assert!(status.contains("√ 4 detect-cni"), "{status}");
    let doctor = run(&sandbox, &["doctor"]).expect(0).stdout;
    assert!(doctor.contains("Nothing is wrong"), "{doctor}");
    conforms("status", &json("status", 0));
    conforms("doctor", &json("doctor", 0));
    assert_eq!(writes(&sandbox, mark), Vec::<String>::new());
}

/// Asserts that the JUnit XML is well-formed and has the counts of the report.
#[track_caller]
fn matches_the_report(xml: &str, report: &Value) {
    let script = "import json, sys, xml.etree.ElementTree as tree\n\
        root = tree.fromstring(sys.argv[1].encode())\n\
        of = lambda node: [int(node.get(name)) for name in ('tests', 'failures', 'errors')]\n\
        made = lambda node: [len(list(node.iter(name))) for name in ('testcase', 'failure', 'error')]\n\
        print(json.dumps([[of(node), made(node)] for node in [root, *root]]))";
    let python = Command::new(tools::find_or_build().expect("the sandbox's tools are installed").python)
        .args(["-c", script, xml])
        .output()
        .expect("python runs");
    assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
    let sections = report["sections"].as_array().expect("sections");
    let count = |checks: &[Value]| {
        let of = |severity: &str| checks.iter().filter(|check| check["severity"] == severity).count();
        json!([checks.len(), of("error"), of("unknown")])
    };
    let of_section = |section: &Value| section["checks"].as_array().expect("checks").clone();
    let all: Vec<Value> = sections.iter().flat_map(of_section).collect();
    let counts = [count(&all)].into_iter().chain(sections.iter().map(|section| count(&of_section(section))));
    // Both in the attributes and in the elements.
    let wanted: Vec<Value> = counts.map(|count| json!([count, count])).collect();
    assert_eq!(serde_json::from_slice::<Value>(&python.stdout).expect("JSON"), json!(wanted), "{xml}");
}

#[test]
fn facts_that_cannot_be_read_are_unknown() {
    let sandbox = set_up(Shape { azs: 1, old_nodes: OldNodes::SelfManaged, ..Shape::default() }, &[]);
    let denied = |operation: &str| json!({"service": "ec2", "operation": operation, "kind": "error", "code": "UnauthorizedOperation", "status": 403, "times": 1});
    sandbox
        .fault(&json!([denied("DescribeSecurityGroups"), denied("DescribeNetworkInterfaces")]))
        .expect("the faults are set");
    let report = run(&sandbox, &["verify", "--output", "json"]).expect(4).json();
    assert_eq!(problems(&report), ["EC-VFY-016 unknown", "EC-VFY-021 unknown", "EC-VFY-040 unknown"]);
    assert!(report.to_string().contains("unknown because UnauthorizedOperation"));
    // Facts that everything else depends on must be readable.
    sandbox.fault(&denied("DescribeSubnets")).expect("the fault is set");
    run(&sandbox, &["verify"]).expect(1).says(&["DescribeSubnets", "UnauthorizedOperation"]);

    // The same for a user without the IAM permissions.
    let document = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Resource": "*", "Action": [
            "ec2:DescribeInstanceTypes", "ec2:DescribeNetworkAcls", "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroups", "eks:DescribeAddon",
        ]},
    ]});
    let keys = user(&sandbox, "blind", &document.to_string());
    let denied = |args: &[&str]| {
        Outcome::of(&mut as_user(&sandbox, &keys.access_key_id, &keys.secret_access_key, args))
    };
    let report = denied(&["verify", "--output", "json"]).expect(4).json();
    let unknown = ["003", "016", "021", "024", "040"].map(|id| format!("EC-VFY-{id} unknown"));
    assert_eq!(problems(&report), unknown);
    conforms("verify", &report);
    matches_the_report(&denied(&["verify", "--output", "junit"]).expect(4).stdout, &report);
    let found = denied(&["doctor", "--output", "json"]).expect(4).json();
    conforms("doctor", &found);
    assert_eq!(found["healthy"], false);
    let findings = found["findings"].as_array().expect("findings");
    for id in ["EC-VFY-003", "EC-VFY-016", "EC-VFY-021", "EC-VFY-024", "EC-VFY-040", "EC-RCH-012"] {
        let finding = findings.iter().find(|finding| finding["id"] == id);
        let finding = finding.unwrap_or_else(|| panic!("{id} is not in {found:#}"));
        assert!(finding["why"].as_str().is_some_and(|cause| cause.contains("unknown because")), "{finding}");
    }
}

#[test]
fn manual_breakage_is_found_and_so_is_its_repair() {
    let sandbox = set_up(Shape { azs: 2, old_nodes: OldNodes::SelfManaged, ..Shape::default() }, &[]);
    let kubectl = |args: &[&str]| sandbox.kubectl(args).expect("kubectl answers").trim().to_string();
    verifies(&sandbox, 0, &[]);

    let in_zone_a = "topology.kubernetes.io/zone=us-west-2a";
    let node = kubectl(&["get", "nodes", "-l", in_zone_a, "-o", "jsonpath={.items[0].metadata.name}"]);
    kubectl(&["annotate", "node", &node, "k8s.amazonaws.com/eniConfig=us-west-2b"]);
    verifies(&sandbox, 4, &["EC-VFY-014 error", "EC-VFY-021 error", "EC-VFY-026 warning"]);
    kubectl(&["annotate", "node", &node, "k8s.amazonaws.com/eniConfig-"]);

    let config: Value =
        serde_json::from_str(&kubectl(&["get", "eniconfig", "us-west-2a", "-o", "json"])).expect("JSON");
    let named = |name: &str| {
        let object = json!({
            "apiVersion": config["apiVersion"], "kind": config["kind"],
            "metadata": {"name": name}, "spec": config["spec"],
        });
        sandbox.kubectl_with(&["apply", "-f", "-"], &object.to_string()).expect("kubectl answers");
    };
    // Named by the zone's ID instead of its name. A node that starts then waits for its ENIConfig.
    let id = "AvailabilityZones[0].ZoneId";
    let id =
        aws(&sandbox, &["ec2", "describe-availability-zones", "--zone-names", "us-west-2a", "--query", id]);
    named(&id);
    kubectl(&["delete", "eniconfig", "us-west-2a"]);
    verifies(&sandbox, 4, &["EC-VFY-011 error"]);
    let before = nodes_in(&sandbox, in_zone_a);
    grows(&sandbox, before + 1);
    until("a node has joined, and waits", || nodes_in(&sandbox, in_zone_a) > before);
    let explained = explains(&sandbox, 4, &["EC-DOC-001 error"]);
    for part in [&format!("ENIConfig {id} has the zone's ID as its name"), "write-eniconfigs"] {
        assert!(explained.to_string().contains(part), "'{part}' is not in {explained}");
    }
    named("us-west-2a");
    kubectl(&["delete", "eniconfig", &id]);
    verifies(&sandbox, 0, &[]);
    stuck_pods_are_explained(&sandbox, &node);
    unreachable_dns_is_explained(&sandbox);

    let allocatable = |pods: &str| {
        let patch = json!({"status": {"allocatable": {"pods": pods}, "capacity": {"pods": pods}}});
        kubectl(&["patch", "node", &node, "--subresource=status", "-p", &patch.to_string()]);
    };
    allocatable("29");
    verifies(&sandbox, 4, &["EC-VFY-024 error"]);
    allocatable("8");
    verifies(&sandbox, 0, &["EC-VFY-025 warning"]);
    allocatable("20");

    // Security groups that were changed after the interfaces were created.
    let cluster_group = json!({"spec": {"securityGroups": [sandbox.aws.cluster_security_group]}});
    kubectl(&["patch", "eniconfig", "us-west-2a", "--type=merge", "-p", &cluster_group.to_string()]);
    verifies(&sandbox, 4, &["EC-VFY-023 error"]);
    named("us-west-2a");

    kubectl(&["-n", "kube-system", "set", "env", "daemonset/aws-node", "AWS_VPC_K8S_CNI_EXTERNALSNAT=true"]);
    kubectl(&["-n", "kube-system", "rollout", "status", "daemonset/aws-node"]);
    verifies(&sandbox, 4, &["EC-VFY-003 error"]);
    kubectl(&["-n", "kube-system", "set", "env", "daemonset/aws-node", "AWS_VPC_K8S_CNI_EXTERNALSNAT=false"]);
    kubectl(&["-n", "kube-system", "rollout", "status", "daemonset/aws-node"]);

    let subnet = config["spec"]["subnet"].as_str().expect("a subnet");
    let gone = "aws-K8S-i-00000000000000000";
    let left = aws(
        &sandbox,
        &[
            "ec2",
            "create-network-interface",
            "--subnet-id",
            subnet,
            "--description",
            gone,
            "--query",
            "NetworkInterface.NetworkInterfaceId",
        ],
    );
    verifies(&sandbox, 0, &["EC-VFY-040 warning"]);
    aws(&sandbox, &["ec2", "delete-network-interface", "--network-interface-id", &left]);
    verifies(&sandbox, 0, &[]);

    // The proof needs neither the program's record nor its tags on the node groups.
    kubectl(&["-n", "kube-system", "delete", "configmap", "eni-custom"]);
    verifies(&sandbox, 0, &[]);
    conforms("plan", &run(&sandbox, &["undo", "--plan", "--output", "json"]).json());
    probes(&sandbox);
}
