//! What `verify` and `status` say of clusters as they are, and of one that is broken by hand in several ways.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::cluster::{set_up, shared};
use crate::command::{Ran, in_sandbox, run, writes};
use crate::journey::{aws, until};
use crate::sandbox::{OldNodes, Sandbox, Shape};

/// All that is not ok, as `id status`, and nothing twice.
pub fn told(report: &Value) -> Vec<String> {
    let sections = report["sections"].as_array().expect("sections");
    let checks = sections.iter().flat_map(|section| section["checks"].as_array().expect("checks"));
    let bad = checks.filter(|check| check["status"] != "ok");
    let mut told: Vec<String> = bad
        .map(|check| {
            let text = |key: &str| check[key].as_str().unwrap_or_default().to_string();
            format!("{} {}", text("id"), text("status"))
        })
        .collect();
    told.dedup();
    told
}

/// Looks again for a moment: EC2's answers lag behind what was done.
#[track_caller]
fn verifies(sandbox: &Sandbox, code: i32, wanted: &[&str]) {
    let mut last = Vec::new();
    for _ in 0..20 {
        let ran = run(sandbox, &["verify", "--output", "json"]);
        last = told(&ran.json());
        if last == wanted {
            assert_eq!(ran.code, code, "{}", ran.stdout);
            return;
        }
    }
    assert_eq!(last, wanted);
}

#[test]
fn a_cluster_that_is_not_set_up_is_not_proven_and_says_how_to_begin() {
    let sandbox = shared();
    let mark = sandbox.mark();
    let text = run(&sandbox, &["verify"]).expect(4).stdout;
    for part in [
        "× custom networking is off [EC-VFY-001]",
        "eni-custom setup --cluster sandbox",
        "Not proven: 1 failed",
    ] {
        assert!(text.contains(part), "'{part}' is not in:\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "colour is for terminals");
    let xml = run(&sandbox, &["verify", "--output", "junit"]).expect(4).stdout;
    assert!(xml.contains("<failure type=\"EC-VFY-001\""), "{xml}");
    let status = run(&sandbox, &["status"]).expect(0).stdout;
    assert!(status.contains("- 3 set-env"), "{status}");
    assert!(status.contains("√ 4 detect-cni"), "{status}");
    let doctor = run(&sandbox, &["doctor"]).expect(0).stdout;
    assert!(doctor.contains("Nothing is wrong"), "{doctor}");
    assert_eq!(writes(&sandbox, mark), Vec::<String>::new());
}

#[test]
fn what_can_not_be_read_is_unknown() {
    let sandbox = set_up(Shape { azs: 1, old_nodes: OldNodes::SelfManaged, ..Shape::default() }, &[]);
    let denied = |operation: &str| json!({"service": "ec2", "operation": operation, "kind": "error", "code": "UnauthorizedOperation", "status": 403, "times": 1});
    sandbox
        .fault(&json!([denied("DescribeSecurityGroups"), denied("DescribeNetworkInterfaces")]))
        .expect("AWS takes the faults");
    let report = run(&sandbox, &["verify", "--output", "json"]).expect(4).json();
    assert_eq!(told(&report), ["EC-VFY-016 unknown", "EC-VFY-021 unknown", "EC-VFY-040 unknown"]);
    assert!(report.to_string().contains("unknown because UnauthorizedOperation"));
    // What everything else rests on must be read.
    sandbox.fault(&denied("DescribeSubnets")).expect("AWS takes the fault");
    run(&sandbox, &["verify"]).expect(1).tells(&["DescribeSubnets", "UnauthorizedOperation"]);
}

#[test]
fn what_is_broken_by_hand_is_found_and_found_mended() {
    let sandbox = set_up(Shape { azs: 2, old_nodes: OldNodes::SelfManaged, ..Shape::default() }, &[]);
    let kubectl = |args: &[&str]| sandbox.kubectl(args).expect("kubectl answers").trim().to_string();
    verifies(&sandbox, 0, &[]);

    let in_zone_a = "topology.kubernetes.io/zone=us-west-2a";
    let node = kubectl(&["get", "nodes", "-l", in_zone_a, "-o", "jsonpath={.items[0].metadata.name}"]);
    kubectl(&["annotate", "node", &node, "k8s.amazonaws.com/eniConfig=us-west-2b"]);
    verifies(&sandbox, 4, &["EC-VFY-014 failed", "EC-VFY-021 failed", "EC-VFY-026 warning"]);
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
    // By the zone's id, as somebody reads it in another account. A node that starts then waits for its ENIConfig.
    let id = "AvailabilityZones[0].ZoneId";
    let id =
        aws(&sandbox, &["ec2", "describe-availability-zones", "--zone-names", "us-west-2a", "--query", id]);
    named(&id);
    kubectl(&["delete", "eniconfig", "us-west-2a"]);
    verifies(&sandbox, 4, &["EC-VFY-011 failed"]);
    grows(&sandbox, 2);
    until("a node has joined, and waits", || nodes_in(&sandbox, in_zone_a) == 2);
    let explained = explains(&sandbox, 4, &["EC-DOC-001 error"]);
    for part in [&format!("there is one named {id}, the zone's id"), "write-eniconfigs"] {
        assert!(explained.to_string().contains(part), "'{part}' is not in {explained}");
    }
    named("us-west-2a");
    kubectl(&["delete", "eniconfig", &id]);
    verifies(&sandbox, 0, &[]);
    pods_are_explained(&sandbox, &node);

    let allocatable = |pods: &str| {
        let patch = json!({"status": {"allocatable": {"pods": pods}, "capacity": {"pods": pods}}});
        kubectl(&["patch", "node", &node, "--subresource=status", "-p", &patch.to_string()]);
    };
    allocatable("29");
    verifies(&sandbox, 4, &["EC-VFY-024 failed"]);
    allocatable("8");
    verifies(&sandbox, 0, &["EC-VFY-025 warning"]);
    allocatable("20");

    // Groups changed when the interfaces were there.
    let cluster_group = json!({"spec": {"securityGroups": [sandbox.aws.cluster_security_group]}});
    kubectl(&["patch", "eniconfig", "us-west-2a", "--type=merge", "-p", &cluster_group.to_string()]);
    verifies(&sandbox, 4, &["EC-VFY-023 failed"]);
    named("us-west-2a");

    kubectl(&["-n", "kube-system", "set", "env", "daemonset/aws-node", "AWS_VPC_K8S_CNI_EXTERNALSNAT=true"]);
    kubectl(&["-n", "kube-system", "rollout", "status", "daemonset/aws-node"]);
    verifies(&sandbox, 4, &["EC-VFY-003 failed"]);
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

    // Nothing of this program is needed to prove it: neither its record nor its tags on the nodes' groups.
    kubectl(&["-n", "kube-system", "delete", "configmap", "eni-custom"]);
    verifies(&sandbox, 0, &[]);
    probes(&sandbox);
}

/// What `doctor` finds, as `id severity`.
#[track_caller]
fn explains(sandbox: &Sandbox, code: i32, wanted: &[&str]) -> Value {
    let mut last = Vec::new();
    for _ in 0..20 {
        let ran = run(sandbox, &["doctor", "--output", "json"]);
        let found = ran.json();
        let findings = found["findings"].as_array().expect("findings");
        let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_string();
        last =
            findings.iter().map(|each| format!("{} {}", text(each, "id"), text(each, "severity"))).collect();
        if last == wanted {
            assert_eq!(ran.code, code, "{}", ran.stdout);
            return found;
        }
    }
    assert_eq!(last, wanted);
    Value::Null
}

/// The new group of us-west-2a gets another size.
fn grows(sandbox: &Sandbox, size: u32) {
    let name = "AutoScalingGroups[?Tags[?Key=='aws:cloudformation:stack-name' && Value=='eni-custom-sandbox-us-west-2a']].AutoScalingGroupName | [0]";
    let group = aws(sandbox, &["autoscaling", "describe-auto-scaling-groups", "--query", name]);
    let size = size.to_string();
    aws(
        sandbox,
        &[
            "autoscaling",
            "set-desired-capacity",
            "--auto-scaling-group-name",
            &group,
            "--desired-capacity",
            &size,
        ],
    );
}

fn nodes_in(sandbox: &Sandbox, selector: &str) -> usize {
    sandbox.kubectl(&["get", "nodes", "-l", selector, "-o", "name"]).expect("kubectl answers").lines().count()
}

/// One pod that no node takes, and one that its node has no address for.
#[track_caller]
fn pods_are_explained(sandbox: &Sandbox, node: &str) {
    explains(sandbox, 0, &[]);
    let pod = |name: &str, spec: Value| {
        let mut spec = spec;
        spec["containers"] = json!([{"name": "main", "image": "example.com/none"}]);
        let object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": spec});
        sandbox.kubectl_with(&["apply", "-f", "-"], &object.to_string()).expect("the pod is made");
    };
    let kubectl = |args: &[&str]| sandbox.kubectl(args).expect("kubectl answers");
    let gone = |name: &str| kubectl(&["delete", "pod", name, "--grace-period", "0", "--force"]);
    pod("picky", json!({"nodeSelector": {"disk": "ssd"}}));
    let explained = explains(sandbox, 0, &["EC-DOC-021 warning"]);
    assert!(explained.to_string().contains("node affinity/selector"), "{explained}");
    gone("picky");

    // Its kubelet does nothing more, and the CNI has complained.
    kubectl(&["label", "node", node, "kwok.x-k8s.io/node-"]);
    let crowded = json!({"status": {"allocatable": {"pods": "29"}, "capacity": {"pods": "29"}}});
    kubectl(&["patch", "node", node, "--subresource=status", "-p", &crowded.to_string()]);
    pod("stuck", json!({"nodeName": node}));
    let event = json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "stuck.1", "namespace": "default"},
        "involvedObject": {"kind": "Pod", "namespace": "default", "name": "stuck"},
        "reason": "FailedCreatePodSandBox", "type": "Warning",
        "message": "plugin type=\"aws-cni\" failed (add): add cmd: failed to assign an IP address to container",
    });
    sandbox.kubectl_with(&["create", "-f", "-"], &event.to_string()).expect("the event is made");
    let explained = explains(sandbox, 4, &["EC-DOC-010 error"]);
    assert!(explained.to_string().contains("the most for m5.large (20)"), "{explained}");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = dir.path().join("help.tar.gz").to_string_lossy().into_owned();
    let bundled = ["doctor", "--bundle", &file, "--mask-account"];
    run(sandbox, &bundled).expect(4).tells(&["facts and findings are in"]);
    assert!(std::fs::metadata(&file).is_ok_and(|file| file.len() > 500));
    run(sandbox, &bundled).expect(1).tells(&["write the bundle", "help.tar.gz"]);
    gone("stuck");
    let as_before = json!({"status": {"allocatable": {"pods": "20"}, "capacity": {"pods": "20"}}});
    kubectl(&["patch", "node", node, "--subresource=status", "-p", &as_before.to_string()]);
    kubectl(&["label", "node", node, "kwok.x-k8s.io/node=fake"]);
}

/// No process runs in a pod of the sandbox, so the pods' answers are given by hand.
#[track_caller]
fn probes(sandbox: &Sandbox) {
    let answer = |code: i32, of: &dyn Fn(&str) -> String| {
        let pods: Value =
            serde_json::from_str(&list(sandbox, "app.kubernetes.io/component=probe-asks")).expect("JSON");
        for pod in pods["items"].as_array().into_iter().flatten() {
            let zone = pod["metadata"]["labels"]["eni-custom/zone"].as_str().unwrap_or_default();
            let ended = json!({"exitCode": code, "message": of(zone), "reason": "Completed"});
            let status = json!({"status": {
                "phase": if code == 0 { "Succeeded" } else { "Failed" },
                "containerStatuses": [{"name": "probe", "image": "x", "imageID": "", "ready": false, "restartCount": 0,
                    "state": {"terminated": ended}}],
            }});
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            // It may be gone by now.
            let _ = sandbox.kubectl(&[
                "patch",
                "pod",
                name,
                "--subresource=status",
                "--type=merge",
                "-p",
                &status.to_string(),
            ]);
        }
    };
    let probe = |code: i32, of: &dyn Fn(&str) -> String| {
        let mut child = in_sandbox(sandbox, &["verify", "--probe", "--output", "json"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        while child.try_wait().expect("the program can be asked").is_none() {
            answer(code, of);
        }
        let output = child.wait_with_output().expect("the run has ended");
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::new(),
        }
    };
    let other = |zone: &str| if zone == "us-west-2a" { "us-west-2b" } else { "us-west-2a" };
    let mark = sandbox.mark();
    let well = probe(0, &|zone| format!("dns ok\napi ok\npod {} ok\n", other(zone))).expect(0).json();
    assert_eq!(told(&well), [""; 0]);
    assert!(well.to_string().contains("pods reach pods of other zones"));
    assert_eq!(
        list(sandbox, "app.kubernetes.io/name=eni-custom-probe").matches("\"kind\": \"Pod\"").count(),
        0
    );
    let made = writes(sandbox, mark);
    let count = |verb: &str| made.iter().filter(|write| write.starts_with(verb)).count();
    assert_eq!((count("create"), count("delete")), (4, 4), "two pods in each zone: {made:?}");

    let ill = probe(1, &|zone| format!("dns failed\napi ok\npod {} failed\n", other(zone))).expect(4).json();
    assert_eq!(told(&ill), ["EC-VFY-051 failed", "EC-VFY-053 failed"]);

    // Nobody answers, and then somebody presses Ctrl-C; before that a run was killed, and left its pods.
    for signal in [rustix::process::Signal::KILL, rustix::process::Signal::INT] {
        let mut child = in_sandbox(sandbox, &["verify", "--probe"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let pid = child.id().to_string();
        until("this run's pods ask", || {
            let pods = list(sandbox, "app.kubernetes.io/component=probe-asks");
            pods.matches(&format!("/{pid}\"")).count() >= 2
        });
        rustix::process::kill_process(rustix::process::Pid::from_child(&child), signal)
            .expect("the signal is sent");
        let status = child.wait().expect("the run ends");
        let left = list(sandbox, "app.kubernetes.io/name=eni-custom-probe");
        if signal == rustix::process::Signal::INT {
            assert_eq!(status.code(), Some(130));
            assert_eq!(left.matches("\"kind\": \"Pod\"").count(), 0, "{left}");
        }
    }

    // A namespace that the probe may not use is no proof of anything.
    let absent = ["verify", "--probe", "--probe-namespace", "not-there", "--output", "json"];
    let refused = run(sandbox, &absent).expect(4).json();
    assert_eq!(told(&refused), ["EC-VFY-050 unknown"]);

    // Restricted Pod Security takes these pods, and nobody answers in time.
    for args in [
        &["create", "namespace", "strict"][..],
        &["label", "namespace", "strict", "pod-security.kubernetes.io/enforce=restricted"],
    ] {
        sandbox.kubectl(args).expect("kubectl answers");
    }
    let strict =
        ["verify", "--probe", "--probe-namespace", "strict", "--probe-timeout", "1s", "--output", "json"];
    let late = run(sandbox, &strict).expect(4).json();
    assert_eq!(told(&late), ["EC-VFY-050 failed"]);
}

fn list(sandbox: &Sandbox, selector: &str) -> String {
    sandbox.kubectl(&["get", "pods", "-A", "-l", selector, "-o", "json"]).expect("kubectl answers")
}
