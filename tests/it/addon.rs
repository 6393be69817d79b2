//! The EKS add-on vpc-cni as users configure it: with its own IAM role, with pod identities, with values in YAML. An
//! update changes what was requested and nothing else.

use sandbox::picture::{differences, picture};
use sandbox::{OldNodes, Sandbox, Shape};
use serde_json::{Value, json};

use crate::cluster::{Watched, refuses, start};
use crate::command::{Outcome, in_sandbox, run, writes};
use crate::policy::{self, aws};
use crate::undo::UNDO;

/// As eksctl and users write it.
const YAML: &str = "\
# network team: ask before you change this
env:
  WARM_ENI_TARGET: '2'   # one spare for the morning
resources:
  requests: {cpu: 25m}
tolerations:
- operator: Exists
";

pub(crate) fn addon(sandbox: &Sandbox) -> Value {
    let describe = ["eks", "describe-addon", "--cluster-name", "sandbox", "--addon-name", "vpc-cni"];
    aws(sandbox, &describe)["addon"].clone()
}

pub(crate) fn role(sandbox: &Sandbox) -> Option<String> {
    addon(sandbox)["serviceAccountRoleArn"].as_str().map(ToString::to_string)
}

fn values(sandbox: &Sandbox) -> Value {
    let text = addon(sandbox)["configurationValues"].clone();
    serde_json::from_str(text.as_str().expect("values")).expect("JSON")
}

/// The role on the service account, which EKS gives to each aws-node pod when it starts.
fn annotation(sandbox: &Sandbox) -> String {
    let path = "jsonpath={.metadata.annotations.eks\\.amazonaws\\.com/role-arn}";
    sandbox
        .kubectl(&["-n", "kube-system", "get", "serviceaccount", "aws-node", "-o", path])
        .expect("kubectl answers")
}

/// A duplicate key: only the add-on's own parser knows which one counts.
fn unreadable_addon_values(sandbox: &Sandbox, role: &str) {
    let update = ["eks", "update-addon", "--cluster-name", "sandbox", "--addon-name", "vpc-cni"];
    let wait = ["eks", "wait", "addon-active", "--cluster-name", "sandbox", "--addon-name", "vpc-cni"];
    let write = |text: &str| {
        let values = ["--configuration-values", text, "--service-account-role-arn", role];
        aws(sandbox, &[&update[..], &values].concat());
        aws(sandbox, &wait);
    };
    write("env:\n  WARM_ENI_TARGET: '2'\n  WARM_ENI_TARGET: '3'\n");
    refuses(sandbox, &["setup", "--yes"], 3, &["EC-CNI-006", "line 3", "--service-account-role-arn"]);
    write(YAML);
}

/// Run by a user with only the permissions that `iam-policy --addon-role` prints. If the role is lost, aws-node is no
/// longer Ready on any node, and its rollout never completes.
#[test]
fn the_addon_keeps_its_role_and_pod_identities_and_undo_restores_its_yaml() {
    let mut sandbox = start(Shape {
        azs: 1,
        old_nodes: OldNodes::SelfManaged,
        irsa: true,
        addon_values: Some(YAML.into()),
        ..Shape::default()
    });
    let cni_role = sandbox.aws.cni_role_arn.clone().expect("the add-on has a role");
    let identity = format!("serviceAccount=aws-node,roleArn={cni_role}");
    let update = ["eks", "update-addon", "--cluster-name", "sandbox", "--addon-name", "vpc-cni"];
    aws(
        &sandbox,
        &[&update[..], &["--pod-identity-associations", &identity, "--service-account-role-arn", &cni_role]]
            .concat(),
    );
    aws(&sandbox, &["eks", "wait", "addon-active", "--cluster-name", "sandbox", "--addon-name", "vpc-cni"]);
    let identities = addon(&sandbox)["podIdentityAssociations"].clone();
    assert_ne!(identities, Value::Null);
    let version = addon(&sandbox)["addonVersion"].clone();
    unreadable_addon_values(&sandbox, &cni_role);
    let deployer = policy::deployer(&sandbox, &[]);
    let before = picture(&sandbox).expect("AWS and Kubernetes answer");

    // A caller who may not pass the role learns so before the first change.
    let deny = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "iam:PassRole", "Resource": cni_role},
    ]});
    let keys = policy::user(&sandbox, "no-pass-role", &deny.to_string());
    let mark = sandbox.mark();
    let mut setup =
        policy::as_user(&sandbox, &keys.access_key_id, &keys.secret_access_key, &["setup", "--yes"]);
    let lacks = format!("--addon-role {cni_role}");
    Outcome::of(&mut setup).expect(3).says(&["EC-IAM-001", "iam:PassRole", &lacks]);
    assert_eq!(writes(&sandbox, mark), Vec::<String>::new());

    let admin = sandbox.aws.keys.insert("admin".into(), deployer).expect("there is an admin");
    let plan = run(&sandbox, &["plan"]).expect(0).stdout;
    for text in [&format!("{cni_role} (unchanged)"), "YAML", "JSON", "undo restores the YAML"] {
        assert!(plan.contains(text), "{text} is not in:\n{plan}");
    }
    let watched = Watched::start(&sandbox);
    run(&sandbox, &["setup", "--yes", "--timeout", "2m"]).expect(0);
    watched.assert_end_state(&mut sandbox);
    assert_eq!((role(&sandbox).as_ref(), annotation(&sandbox)), (Some(&cni_role), cni_role.clone()));
    assert_eq!(addon(&sandbox)["podIdentityAssociations"], identities);
    assert_eq!(addon(&sandbox)["addonVersion"], version);
    assert_eq!(
        values(&sandbox),
        json!({
            "env": {
                "WARM_ENI_TARGET": "2",
                "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "true",
                "ENI_CONFIG_LABEL_DEF": "topology.kubernetes.io/zone",
            },
            "resources": {"requests": {"cpu": "25m"}},
            "tolerations": [{"operator": "Exists"}],
        })
    );
    crate::field::healthy(&sandbox);
    let mark = sandbox.mark();
    run(&sandbox, &["setup", "--yes"]).expect(0);
    assert_eq!(writes(&sandbox, mark), Vec::<String>::new(), "a second run changes nothing");

    sandbox.aws.keys.insert("admin".into(), admin);
    Outcome::of(in_sandbox(&sandbox, &UNDO).args(["--timeout", "2m"])).expect(0);
    assert_eq!(addon(&sandbox)["configurationValues"], YAML);
    assert_eq!((role(&sandbox).as_ref(), annotation(&sandbox)), (Some(&cni_role), cni_role.clone()));
    let differing = differences(&mut sandbox, &before).expect("AWS and Kubernetes answer");
    assert!(differing.is_empty(), "differs from the initial state:\n{}", differing.join("\n"));
}
