//! Resources with another owner that would revert changes: the add-on, Helm, Terraform, a past field manager. And
//! custom networking that is already on with another convention.

use sandbox::picture::{differences, picture};
use sandbox::{AuthenticationMode, Cni, Crd, OldNodes, Sandbox, Shape};
use serde_json::{Value, json};

use super::{apply, kubectl, mentions, report, report_with};
use crate::addon::addon;
use crate::cluster::{Watched, refuses, set_up_in, start};
use crate::command::{Outcome, run, shell, writes};
use crate::journey::{aws, subnet_by_hand, until};
use crate::undo::UNDO;

const PLAN: &[&str] = &["plan"];
const VERIFY: &[&str] = &["verify"];
const ZONE: &str = "us-west-2a";
const LABEL: &str = "k8s.amazonaws.com/eniConfig";

#[test]
fn what_the_addon_owns_is_changed_in_the_addon() {
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

    eniconfigs_of_the_addon(&mut sandbox);
    run(&sandbox, &UNDO).expect(0);
    let differing = differences(&mut sandbox, &before).expect("AWS and Kubernetes answer");
    assert!(differing.is_empty(), "differs from the initial state:\n{}", differing.join("\n"));
    a_crd_that_the_addon_owns(&sandbox);
}

/// Updates the add-on with the AWS CLI. The update must succeed.
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

/// 45: the add-on's values define the ENIConfigs, before and after setup.
fn eniconfigs_of_the_addon(sandbox: &mut Sandbox) {
    let watched = Watched::start(sandbox);
    let ran = run(sandbox, &["setup", "--yes"]).expect(0);
    ran.says(&["changes are written into its eniConfig.subnets", "EC-CNI-010"]);
    watched.assert_end_state(sandbox);
    let groups = |sandbox: &Sandbox| {
        let text = addon(sandbox)["configurationValues"].as_str().expect("values").to_string();
        let values: Value = serde_json::from_str(&text).expect("JSON");
        values["eniConfig"]["subnets"][ZONE]["securityGroups"].as_array().expect("groups").len()
    };
    assert_eq!(groups(sandbox), 2);
    let managers = "jsonpath={.metadata.managedFields[*].manager}";
    assert_eq!(kubectl(sandbox, &["get", "eniconfig", ZONE, "-o", managers, "--show-managed-fields"]), "eks");
    // The next update by another client has no conflict and reverts nothing.
    update_addon(sandbox, &["--resolve-conflicts", "NONE"]);
    run(sandbox, VERIFY).expect(0);
    let mark = sandbox.mark();
    run(sandbox, &["setup", "--yes"]).expect(0);
    assert_eq!(writes(sandbox, mark), Vec::<String>::new());

    let patch = json!({"spec": {"securityGroups": [sandbox.aws.cluster_security_group]}}).to_string();
    kubectl(sandbox, &["patch", "eniconfig", ZONE, "--type=merge", "-p", &patch]);
    let reported = report_with(sandbox, VERIFY, &["EC-VFY-003"]);
    assert!(reported.to_string().contains("write-eniconfigs"), "{reported:#}");
    run(sandbox, &["write-eniconfigs", "--yes"]).expect(0);
    assert_eq!(groups(sandbox), 1);
    assert!(!mentions(&report(sandbox, VERIFY), "EC-VFY-003"));
    run(sandbox, &["patch-security-groups", "--yes"]).expect(0);
    assert_eq!(groups(sandbox), 2);
}

/// 46: the CRD is left to the add-on, and the printed command gives it a schema.
fn a_crd_that_the_addon_owns(sandbox: &Sandbox) {
    let reported = report_with(sandbox, PLAN, &["EC-CNI-010"]);
    let findings = reported["findings"].as_array().expect("findings").iter();
    let fix =
        findings.clone().find(|one| one["id"] == "EC-CNI-010").expect("the issue is reported")["fix"].clone();
    Outcome::of(shell(sandbox).arg("-c").arg(fix.as_str().expect("a command"))).expect(0);
    settled(sandbox);
    assert!(!mentions(&report(sandbox, PLAN), "EC-CNI-010"));
}

#[test]
fn foreign_owners_are_reported_and_existing_custom_networking_is_adopted() {
    let mut sandbox = start(Shape {
        azs: 1,
        old_nodes: OldNodes::SelfManaged,
        cni: Cni::Daemonset,
        authentication_mode: AuthenticationMode::ConfigMap,
        secondary_cidr: Some("100.64.0.0/16".into()),
        ..Shape::default()
    });
    aws_auth_that_cannot_be_edited(&sandbox);
    a_past_field_manager(&sandbox);
    let subnet = subnet_by_hand(&sandbox, ZONE, "100.64.0.0/19");
    eniconfigs_and_aws_auth_with_other_owners(&sandbox, &subnet);
    another_convention(&mut sandbox, &subnet);
}

fn config(name: &str, subnet: &str, group: &str) -> Value {
    json!({
        "apiVersion": "crd.k8s.amazonaws.com/v1alpha1", "kind": "ENIConfig", "metadata": {"name": name},
        "spec": {"subnet": subnet, "securityGroups": [group]},
    })
}

/// 47: four forms of aws-auth. What the authenticator accepts is accepted.
fn aws_auth_that_cannot_be_edited(sandbox: &Sandbox) {
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
        let reported = report_with(sandbox, PLAN, &["EC-NOD-041"]);
        assert!(reported.to_string().contains(&reason), "{reported:#}");
        refuses(sandbox, &["setup", "--yes"], 3, &["EC-NOD-041", "edit configmap aws-auth"]);
    }
    write(&format!("{before}{entry}  username: b\n"));
    assert!(!mentions(&report(sandbox, PLAN), "EC-NOD-041"));
    write(&before);
}

/// 64: an unknown client set the variable once.
fn a_past_field_manager(sandbox: &Sandbox) {
    let set = ["-n", "kube-system", "set", "env", "daemonset/aws-node", "--field-manager=inventory-script"];
    kubectl(sandbox, &[&set[..], &["AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG=0"]].concat());
    let reported = report_with(sandbox, PLAN, &["EC-CNI-008"]);
    let findings = reported["findings"].as_array().expect("findings").iter();
    let notes: Vec<_> =
        findings.filter(|one| one["id"] == "EC-CNI-008").map(|one| &one["severity"]).collect();
    assert_eq!(notes, ["note"], "{reported:#}");
    kubectl(sandbox, &["-n", "kube-system", "rollout", "status", "daemonset/aws-node", "--timeout=60s"]);
}

/// 45: an ENIConfig of a Helm release, and an aws-auth that Terraform owns.
fn eniconfigs_and_aws_auth_with_other_owners(sandbox: &Sandbox, subnet: &str) {
    let group = sandbox.aws.cluster_security_group.clone();
    let mut helms = config(ZONE, subnet, &group);
    helms["metadata"]["annotations"] = json!({"meta.helm.sh/release-name": "network"});
    apply(sandbox, &helms);
    refuses(sandbox, &["setup", "--yes"], 3, &["EC-ENI-005", "Helm 'network'", "--replace-eniconfigs"]);
    // The printed flags keep it unchanged.
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
    refuses(sandbox, &["setup", "--yes", "--node-role", "new"], 3, &texts);
}

/// 54: no ENI_CONFIG_LABEL_DEF, the CNI's default label, an ENIConfig with another name. Setup adopts the convention.
/// If flags ask for another one, the nodes that would use another ENIConfig are listed.
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

    set_up_in(sandbox, &accept);
    let labels = format!("jsonpath={{.items[*].metadata.labels.{}}}", LABEL.replace('.', "\\."));
    assert_eq!(kubectl(sandbox, &["get", "nodes", "-o", &labels]), "pods-one");
    let key = "jsonpath={.spec.template.spec.containers[0].env[?(@.name=='ENI_CONFIG_LABEL_DEF')].value}";
    assert_eq!(kubectl(sandbox, &["-n", "kube-system", "get", "daemonset", "aws-node", "-o", key]), "");
}
