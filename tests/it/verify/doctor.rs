//! What `doctor` reports about pods and nodes with problems.

use sandbox::Sandbox;
use serde_json::{Value, json};

use crate::command::{Outcome, run, shell};
use crate::journey::aws;
use crate::schemas::conforms;

/// Waits until `doctor` reports exactly these problems, as `id severity`.
#[track_caller]
pub(super) fn explains(sandbox: &Sandbox, code: i32, wanted: &[&str]) -> Value {
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
            conforms("doctor", &found);
            return found;
        }
    }
    assert_eq!(last, wanted);
    Value::Null
}

/// A network ACL blocks pods from CoreDNS in the other zone until the command that doctor prints is run.
#[track_caller]
pub(super) fn unreachable_dns_is_explained(sandbox: &Sandbox) {
    let vpc = format!("Name=vpc-id,Values={}", sandbox.aws.vpc_id);
    let query = "NetworkAcls[0].NetworkAclId";
    let acl = aws(
        sandbox,
        &["ec2", "describe-network-acls", "--filters", &vpc, "Name=default,Values=true", "--query", query],
    );
    let entry =
        ["ec2", "create-network-acl-entry", "--network-acl-id", &acl, "--ingress", "--protocol", "udp"];
    let denies = ["--rule-number", "50", "--port-range", "From=53,To=53", "--cidr-block", "0.0.0.0/0"];
    aws(sandbox, &[&entry[..], &denies, &["--rule-action", "deny"]].concat());
    let explained = explains(sandbox, 4, &["EC-RCH-002 error"]);
    let fix = explained["findings"][0]["fix"].as_str().expect("a fix");
    Outcome::of(shell(sandbox).args(["-c", fix])).expect(0);
    explains(sandbox, 0, &[]);
}

/// Resizes the new group of us-west-2a.
pub(super) fn grows(sandbox: &Sandbox, size: usize) {
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

pub(super) fn nodes_in(sandbox: &Sandbox, selector: &str) -> usize {
    sandbox.kubectl(&["get", "nodes", "-l", selector, "-o", "name"]).expect("kubectl answers").lines().count()
}

/// One pod that fits no node, and one whose node has no address for it.
#[track_caller]
pub(super) fn stuck_pods_are_explained(sandbox: &Sandbox, node: &str) {
    explains(sandbox, 0, &[]);
    let pod = |name: &str, spec: Value| {
        let mut spec = spec;
        spec["containers"] = json!([{"name": "main", "image": "example.com/none"}]);
        let object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": spec});
        sandbox.kubectl_with(&["apply", "-f", "-"], &object.to_string()).expect("the pod is created");
    };
    let kubectl = |args: &[&str]| sandbox.kubectl(args).expect("kubectl answers");
    let gone = |name: &str| kubectl(&["delete", "pod", name, "--grace-period", "0", "--force"]);
    pod("picky", json!({"nodeSelector": {"disk": "ssd"}}));
    let explained = explains(sandbox, 0, &["EC-DOC-021 warning"]);
    assert!(explained.to_string().contains("node affinity/selector"), "{explained}");
    gone("picky");

    // The node's kubelet is stopped, and the CNI has reported an error.
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
    sandbox.kubectl_with(&["create", "-f", "-"], &event.to_string()).expect("the event is created");
    let explained = explains(sandbox, 4, &["EC-DOC-010 error"]);
    assert!(explained.to_string().contains("at most 20 pods on m5.large"), "{explained}");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = dir.path().join("help.tar.gz").to_string_lossy().into_owned();
    let bundled = ["doctor", "--bundle", &file, "--mask-account"];
    run(sandbox, &bundled).expect(4).says(&["facts and issues are in"]);
    holds_no_secret(sandbox, &file);
    run(sandbox, &bundled).expect(1).says(&["write the bundle", "help.tar.gz"]);
    gone("stuck");
    let as_before = json!({"status": {"allocatable": {"pods": "20"}, "capacity": {"pods": "20"}}});
    kubectl(&["patch", "node", node, "--subresource=status", "-p", &as_before.to_string()]);
    kubectl(&["label", "node", node, "kwok.x-k8s.io/node=fake"]);
}

/// Asserts that the bundle has no keys, tokens, user data, certificates or account ids.
#[track_caller]
fn holds_no_secret(sandbox: &Sandbox, bundle: &str) {
    let file = std::fs::File::open(bundle).expect("the bundle exists");
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let mut all = String::new();
    for entry in archive.entries().expect("a tar") {
        std::io::Read::read_to_string(&mut entry.expect("a file"), &mut all).expect("a text");
    }
    assert!(all.contains("eniconfigs") && all.contains("arn:aws:eks:us-west-2:************"), "{all}");
    let keys = sandbox.aws.keys.values().flat_map(|keys| [&keys.access_key_id, &keys.secret_access_key]);
    let secret = [
        "k8s-aws-v1.",
        "Bearer",
        "X-Amz-",
        "nodeadm",
        "#!/bin/bash",
        "certificate",
        "LS0tLS1CRUdJTi",
        "123456789012",
    ];
    for secret in secret.into_iter().chain(keys.map(String::as_str)) {
        assert!(!all.contains(secret), "{secret} is in {all}");
    }
}
