//! What belongs to somebody else, who would put back what is changed in it: the add-on, Helm, Terraform, a client of the
//! past; and a custom networking that is on already, by another convention.

use sandbox::picture::{differences, picture};
use sandbox::{AuthenticationMode, Cni, Crd, OldNodes, Sandbox, Shape};
use serde_json::{Value, json};

use super::{apply, kubectl, mentions, report, tells};
use crate::addon::addon;
use crate::cluster::{Watched, refuses, set_up_there, start};
use crate::command::{Ran, run, shell, writes};
use crate::journey::{aws, subnet_by_hand, until};
use crate::undo::UNDO;

const PLAN: &[&str] = &["plan"];
const VERIFY: &[&str] = &["verify"];
const ZONE: &str = "us-west-2a";
const LABEL: &str = "k8s.amazonaws.com/eniConfig";

#[test]
fn what_the_add_on_owns_is_changed_in_the_add_on() {
    let mut sandbox = start(Shape {
        azs: 1,
        old_nodes: OldNodes::SelfManaged,
        cni_version: "v1.18.1-eksbuild.3".into(),
        crd: Crd::Untyped,
        secondary_cidr: Some("100.64.0.0/16".into()),
        ..Shape::default()
    });
    let subnet = subnet_by_hand(&sandbox, ZONE, "100.64.0.0/19");
    let group = sandbox.aws.cluster_security_group.clone();
    let values = json!({"eniConfig": {
        "create": true, "region": "us-west-2", "subnets": {ZONE: {"id": subnet, "securityGroups": [group]}},
    }});
    update_addon(&sandbox, &["--configuration-values", &values.to_string()]);
    let before = picture(&sandbox).expect("AWS and Kubernetes answer");

    eniconfigs_of_the_add_on(&mut sandbox);
    run(&sandbox, &UNDO).expect(0);
    let differing = differences(&mut sandbox, &before).expect("AWS and Kubernetes answer");
    assert!(differing.is_empty(), "not as before:\n{}", differing.join("\n"));
    a_definition_that_the_add_on_keeps(&sandbox);
}

/// As somebody does it by the aws CLI; the update must be a success.
#[track_caller]
fn update_addon(sandbox: &Sandbox, args: &[&str]) {
    let update = ["eks", "update-addon", "--cluster-name", "sandbox", "--addon-name", "vpc-cni"];
    aws(sandbox, &[&update[..], args].concat());
    settled(sandbox);
}

#[track_caller]
fn settled(sandbox: &Sandbox) {
    until("the add-on is updated", || addon(sandbox)["status"] != "UPDATING");
    let addon = addon(sandbox);
    assert_eq!(addon["status"], "ACTIVE", "{addon:#}");
}

/// 115: its values say what the ENIConfigs are, before and after.
fn eniconfigs_of_the_add_on(sandbox: &mut Sandbox) {
    let watched = Watched::start(sandbox);
    let ran = run(sandbox, &["setup", "--yes"]).expect(0);
    ran.tells(&["changes are written into its eniConfig.subnets", "EC-CNI-010"]);
    watched.reached(sandbox);
    let groups = |sandbox: &Sandbox| {
        let text = addon(sandbox)["configurationValues"].as_str().expect("values").to_string();
        let values: Value = serde_json::from_str(&text).expect("JSON");
        values["eniConfig"]["subnets"][ZONE]["securityGroups"].as_array().expect("groups").len()
    };
    assert_eq!(groups(sandbox), 2);
    let managers = "jsonpath={.metadata.managedFields[*].manager}";
    assert_eq!(kubectl(sandbox, &["get", "eniconfig", ZONE, "-o", managers, "--show-managed-fields"]), "eks");
    // The next update by somebody else meets no conflict, and puts nothing back.
    update_addon(sandbox, &["--resolve-conflicts", "NONE"]);
    run(sandbox, VERIFY).expect(0);
    let mark = sandbox.mark();
    run(sandbox, &["setup", "--yes"]).expect(0);
    assert_eq!(writes(sandbox, mark), Vec::<String>::new());

    let patch = json!({"spec": {"securityGroups": [sandbox.aws.cluster_security_group]}}).to_string();
    kubectl(sandbox, &["patch", "eniconfig", ZONE, "--type=merge", "-p", &patch]);
    let told = tells(sandbox, VERIFY, &["EC-VFY-003"]);
    assert!(told.to_string().contains("write-eniconfigs"), "{told:#}");
    run(sandbox, &["write-eniconfigs", "--yes"]).expect(0);
    assert_eq!(groups(sandbox), 1);
    assert!(!mentions(&report(sandbox, VERIFY), "EC-VFY-003"));
    run(sandbox, &["patch-security-groups", "--yes"]).expect(0);
    assert_eq!(groups(sandbox), 2);
}

/// 116: it is left to the add-on, and the command that is printed gives it types.
fn a_definition_that_the_add_on_keeps(sandbox: &Sandbox) {
    let told = tells(sandbox, PLAN, &["EC-CNI-010"]);
    let findings = told["findings"].as_array().expect("findings").iter();
    let fix = findings.clone().find(|one| one["id"] == "EC-CNI-010").expect("it is told")["fix"].clone();
    Ran::of(shell(sandbox).arg("-c").arg(fix.as_str().expect("a command"))).expect(0);
    settled(sandbox);
    assert!(!mentions(&report(sandbox, PLAN), "EC-CNI-010"));
}

#[test]
fn what_others_own_is_told_and_what_is_on_already_is_adopted() {
    let mut sandbox = start(Shape {
        azs: 1,
        old_nodes: OldNodes::SelfManaged,
        cni: Cni::Daemonset,
        authentication_mode: AuthenticationMode::ConfigMap,
        secondary_cidr: Some("100.64.0.0/16".into()),
        ..Shape::default()
    });
    aws_auth_that_can_not_be_edited(&sandbox);
    a_manager_of_the_past(&sandbox);
    let subnet = subnet_by_hand(&sandbox, ZONE, "100.64.0.0/19");
    eniconfigs_and_aws_auth_of_others(&sandbox, &subnet);
    another_convention(&mut sandbox, &subnet);
}

fn config(name: &str, subnet: &str, group: &str) -> Value {
    json!({
        "apiVersion": "crd.k8s.amazonaws.com/v1alpha1", "kind": "ENIConfig", "metadata": {"name": name},
        "spec": {"subnet": subnet, "securityGroups": [group]},
    })
}

/// 117: four shapes of it; what the authenticator takes is taken.
fn aws_auth_that_can_not_be_edited(sandbox: &Sandbox) {
    let path = "jsonpath={.data.mapRoles}";
    let before = sandbox
        .kubectl(&["-n", "kube-system", "get", "configmap", "aws-auth", "-o", path])
        .expect("kubectl answers");
    let write = |roles: &str| {
        let patch = json!({"data": {"mapRoles": roles}}).to_string();
        kubectl(
            sandbox,
            &["-n", "kube-system", "patch", "configmap", "aws-auth", "--type=merge", "-p", &patch],
        );
    };
    let entry = "- rolearn: arn:aws:iam::123456789012:role/a\n  username: a\n";
    let line = before.lines().count() + 2;
    for (more, reason) in [
        ("  username: {{SessionName}}\n", format!("line {}", line + 1)),
        ("\tgroups: []\n", format!("line {}", line + 1)),
        ("  groups: [\n", String::new()),
    ] {
        write(&format!("{before}{entry}{more}"));
        let told = tells(sandbox, PLAN, &["EC-NOD-041"]);
        assert!(told.to_string().contains(&reason), "{told:#}");
        refuses(sandbox, &["setup", "--yes"], 3, &["EC-NOD-041", "edit configmap aws-auth"]);
    }
    write(&format!("{before}{entry}  username: b\n"));
    assert!(!mentions(&report(sandbox, PLAN), "EC-NOD-041"));
    write(&before);
}

/// 141: it wrote the variable once, and is not known to come back.
fn a_manager_of_the_past(sandbox: &Sandbox) {
    let set = ["-n", "kube-system", "set", "env", "daemonset/aws-node", "--field-manager=inventory-script"];
    kubectl(sandbox, &[&set[..], &["AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG=0"]].concat());
    let told = tells(sandbox, PLAN, &["EC-CNI-008"]);
    let findings = told["findings"].as_array().expect("findings").iter();
    let notes: Vec<_> =
        findings.filter(|one| one["id"] == "EC-CNI-008").map(|one| &one["severity"]).collect();
    assert_eq!(notes, ["note"], "{told:#}");
    kubectl(sandbox, &["-n", "kube-system", "rollout", "status", "daemonset/aws-node", "--timeout=60s"]);
}

/// 115: a Helm release's ENIConfig, and an aws-auth of Terraform's.
fn eniconfigs_and_aws_auth_of_others(sandbox: &Sandbox, subnet: &str) {
    let group = sandbox.aws.cluster_security_group.clone();
    let mut helms = config(ZONE, subnet, &group);
    helms["metadata"]["annotations"] = json!({"meta.helm.sh/release-name": "network"});
    apply(sandbox, &helms);
    refuses(sandbox, &["setup", "--yes"], 3, &["EC-ENI-005", "Helm 'network'", "--replace-eniconfigs"]);
    // The printed flags leave it as it is.
    let given = format!("{ZONE}={subnet}");
    let kept = report(sandbox, &["plan", "--subnet", &given, "--security-group", &group]);
    assert!(!mentions(&kept, "EC-ENI-005"), "{kept:#}");
    kubectl(sandbox, &["delete", "eniconfig", ZONE]);

    let users = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "aws-auth", "namespace": "kube-system"},
        "data": {"mapAccounts": "[]"},
    });
    let by_terraform =
        ["apply", "--server-side", "--force-conflicts", "--field-manager", "Terraform", "-f", "-"];
    sandbox.kubectl_with(&by_terraform, &users.to_string()).expect("Terraform owns it");
    let texts = ["EC-NOD-040", "field manager 'Terraform'", "--accept EC-NOD-040"];
    refuses(sandbox, &["setup", "--yes"], 3, &texts);
}

/// 126: no ENI_CONFIG_LABEL_DEF, a label of the CNI's own, an ENIConfig by another name. It is adopted, and the nodes that
/// would be switched are named where it is not to be.
fn another_convention(sandbox: &mut Sandbox, subnet: &str) {
    let group = sandbox.aws.cluster_security_group.clone();
    apply(sandbox, &config("pods-one", subnet, &group));
    let node = kubectl(sandbox, &["get", "nodes", "-o", "jsonpath={.items[0].metadata.name}"]);
    kubectl(sandbox, &["label", "nodes", "--all", &format!("{LABEL}=pods-one")]);
    super::set_env(sandbox, &["AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG=True"]);

    let plan = report(sandbox, PLAN);
    assert!(!mentions(&plan, "EC-CNI-011"), "{plan:#}");
    let steps = plan["steps"].as_array().expect("steps").iter();
    let set_env = steps.clone().find(|step| step["name"] == "set-env").unwrap_or(&plan["steps"][2]);
    assert_eq!(set_env["changes"], json!([]), "{set_env:#}");
    let accept = ["--accept", "EC-NOD-040"];
    let other = ["setup", "--yes", "--eniconfig-label", "topology.kubernetes.io/zone"];
    refuses(
        sandbox,
        &[&other[..], &accept].concat(),
        3,
        &["EC-CNI-011", &node, "'pods-one'", "--accept EC-CNI-011"],
    );

    set_up_there(sandbox, &accept);
    let labels = format!("jsonpath={{.items[*].metadata.labels.{}}}", LABEL.replace('.', "\\."));
    assert_eq!(kubectl(sandbox, &["get", "nodes", "-o", &labels]), "pods-one");
    let key = "jsonpath={.spec.template.spec.containers[0].env[?(@.name=='ENI_CONFIG_LABEL_DEF')].value}";
    assert_eq!(kubectl(sandbox, &["-n", "kube-system", "get", "daemonset", "aws-node", "-o", key]), "");
}
