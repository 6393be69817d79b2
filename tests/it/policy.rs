//! The printed permissions are exactly those that the program needs.
//!
//! Every journey checks that no permission is missing (`nothing_missing`). Some list the actions that they have used.
//! All of these, plus the few that no journey can use, are the whole table.

mod tables;

use std::collections::BTreeSet;
use std::process::Command;

use sandbox::{AuthenticationMode, AwsCall, Keys, KubernetesCall, Mark, Sandbox, warm};
use serde_json::{Value, json};

use crate::cluster::shared;
use crate::command::{Outcome, by_program, in_sandbox, offline, run};

pub(crate) use tables::*;

/// The policy that `iam-policy` prints for this cluster.
fn printed(sandbox: &Sandbox, more: &[&str]) -> String {
    let (shape, aws) = (&sandbox.shape, &sandbox.aws);
    let names = ["--cluster", &shape.cluster, "--region", &aws.region, "--account", &aws.account];
    let role = aws.cni_role_arn.as_deref().map(|role| ["--addon-role", role]);
    let old: Vec<_> = aws.old_node_roles.iter().map(|role| ["--node-role", role]).collect();
    let roles = role.iter().chain(&old).flatten();
    Outcome::of(offline().arg("iam-policy").args(names).args(roles).args(more)).expect(0).stdout
}

fn actions(policy: &str) -> BTreeSet<String> {
    let policy: Value = serde_json::from_str(policy).expect("the policy is JSON");
    let statements = policy["Statement"].as_array().expect("statements").iter();
    let actions = statements.flat_map(|statement| statement["Action"].as_array().expect("actions").clone());
    actions.map(|action| action.as_str().expect("an action").to_string()).collect()
}

/// One rule of a printed role.
struct Rule {
    in_kube_system: bool,
    group: String,
    resource: String,
    verbs: Vec<String>,
    names: Vec<String>,
}

fn rules(manifest: &str) -> Vec<Rule> {
    let mut rules = Vec::new();
    for document in manifest.split("---\n") {
        let role: Value = serde_saphyr::from_str(document).expect("the role is YAML");
        let texts = |value: &Value| -> Vec<String> {
            let values = value.as_array().into_iter().flatten();
            values.map(|value| value.as_str().expect("a text").to_string()).collect()
        };
        for rule in role["rules"].as_array().into_iter().flatten() {
            rules.push(Rule {
                in_kube_system: role["kind"] == "Role",
                group: texts(&rule["apiGroups"]).concat(),
                resource: texts(&rule["resources"]).concat(),
                verbs: texts(&rule["verbs"]),
                names: texts(&rule["resourceNames"]),
            });
        }
    }
    rules
}

fn resource(call: &KubernetesCall) -> String {
    let object = &call.object_ref;
    match object.subresource.is_empty() {
        true => object.resource.clone(),
        false => format!("{}/{}", object.resource, object.subresource),
    }
}

impl Rule {
    fn allows(&self, call: &KubernetesCall) -> bool {
        let object = &call.object_ref;
        self.group == object.api_group
            && self.resource == resource(call)
            && self.verbs.contains(&call.verb)
            && (self.names.is_empty() || self.names.contains(&object.name))
            && (!self.in_kube_system || object.namespace == "kube-system")
    }
}

/// The IAM action of a call, such as `ec2:DescribeVpcs`. The action prefix of Service Quotas differs from its endpoint.
fn action(call: &AwsCall) -> String {
    format!("{}:{}", call.service.replace('-', ""), call.operation)
}

/// Asserts that the policy and roles printed with these flags cover every call of the program since a mark.
#[track_caller]
pub(crate) fn nothing_missing(sandbox: &Sandbox, since: Mark, flags: &[&str]) {
    let policy = actions(&printed(sandbox, flags));
    let log = sandbox.aws_log(since).expect("the AWS log can be read");
    let called: BTreeSet<String> = log.iter().filter(|call| by_program(call)).map(action).collect();
    // Every caller may ask for its own identity.
    let missing: Vec<_> =
        called.difference(&policy).filter(|action| *action != "sts:GetCallerIdentity").collect();
    assert!(!called.is_empty() && missing.is_empty(), "not in the policy: {missing:?}");

    let rules = rules(&printed(sandbox, &[flags, &["--kubernetes"]].concat()));
    let log = sandbox.audit_log(since).expect("the audit log can be read");
    let missing: BTreeSet<String> = log
        .iter()
        .filter(|call| call.by_program() && !call.object_ref.resource.is_empty())
        .filter(|call| !rules.iter().any(|rule| rule.allows(call)))
        .map(|call| format!("{} {}", call.verb, call.uri))
        .collect();
    assert!(missing.is_empty(), "not in the roles: {missing:?}");
}

/// Asserts that IAM was asked about all of these actions for the caller, so that the policy needs each of them.
#[track_caller]
pub(crate) fn needs_all_of(sandbox: &Sandbox, actions: &[&str]) {
    let asked = sandbox.asked_permissions().expect("the sandbox reports them");
    let asked = &asked[&sandbox.aws.keys["admin"].arn];
    let idle: Vec<_> = actions.iter().filter(|action| !asked.contains(**action)).collect();
    assert!(idle.is_empty(), "IAM was never asked about {idle:?}");
}

#[track_caller]
pub(crate) fn needs_all_of_kubernetes(sandbox: &Sandbox, since: Mark, calls: &[&str]) {
    let log = sandbox.audit_log(since).expect("the audit log can be read");
    let made: BTreeSet<String> = log
        .iter()
        .filter(|call| call.by_program())
        .map(|call| format!("{} {}", call.verb, resource(call)))
        .collect();
    let idle: Vec<_> = calls.iter().filter(|call| !made.contains(**call)).collect();
    assert!(idle.is_empty(), "never called: {idle:?}");
}

/// Runs the program from now on as an IAM user with only the printed policy and roles.
pub(crate) fn restrict(sandbox: &mut Sandbox) {
    let keys = deployer(sandbox, &[]);
    sandbox.aws.keys.insert("admin".into(), keys);
}

/// An IAM user with only the policy and roles that are printed with these flags.
pub(crate) fn deployer(sandbox: &Sandbox, flags: &[&str]) -> Keys {
    let keys = user(sandbox, "deployer", &printed(sandbox, flags));
    let roles = printed(sandbox, &[flags, &["--kubernetes"]].concat());
    sandbox.kubectl_with(&["apply", "-f", "-"], &roles).expect("the roles are applied");
    if sandbox.shape.authentication_mode == AuthenticationMode::ConfigMap {
        let users = format!("- userarn: {}\n  username: deployer\n  groups: [eni-custom]\n", keys.arn);
        let patch = json!({"data": {"mapUsers": users}}).to_string();
        sandbox
            .kubectl(&[
                "-n",
                "kube-system",
                "patch",
                "configmap",
                "aws-auth",
                "--type",
                "merge",
                "-p",
                &patch,
            ])
            .expect("the user is mapped");
    } else {
        let cluster = sandbox.shape.cluster.clone();
        let entry = ["eks", "create-access-entry", "--cluster-name", &cluster, "--principal-arn", &keys.arn];
        aws(sandbox, &[&entry[..], &["--kubernetes-groups", "eni-custom"]].concat());
    }
    keys
}

/// A new IAM user with one managed policy.
pub(crate) fn user(sandbox: &Sandbox, name: &str, policy: &str) -> Keys {
    aws(sandbox, &["iam", "create-user", "--user-name", name]);
    let create = ["iam", "create-policy", "--policy-name", name, "--policy-document", policy];
    let policy = aws(sandbox, &create)["Policy"]["Arn"].clone();
    let policy = policy.as_str().expect("an ARN");
    aws(sandbox, &["iam", "attach-user-policy", "--user-name", name, "--policy-arn", policy]);
    let key = aws(sandbox, &["iam", "create-access-key", "--user-name", name])["AccessKey"].clone();
    let text = |name: &str| key[name].as_str().expect("a text").to_string();
    Keys {
        access_key_id: text("AccessKeyId"),
        secret_access_key: text("SecretAccessKey"),
        arn: format!("arn:aws:iam::{}:user/{name}", sandbox.aws.account),
        session_token: None,
    }
}

/// The AWS CLI as a user whose calls no test counts.
pub(crate) fn aws(sandbox: &Sandbox, args: &[&str]) -> Value {
    let mut command = Command::new(warm::aws_cli().expect("the AWS CLI is installed"));
    command.envs(sandbox.env_for("witness")).args(args).args(["--output", "json"]);
    let output = command.output().expect("aws runs");
    assert!(output.status.success(), "aws {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

/// The program as another AWS user, with the sandbox's kubeconfig.
pub(crate) fn as_user(sandbox: &Sandbox, key: &str, secret: &str, args: &[&str]) -> Command {
    let kubeconfig = sandbox.kubeconfig().display().to_string();
    let mut command = in_sandbox(sandbox, args);
    command.args(["--kubeconfig", &kubeconfig]);
    command.env("AWS_ACCESS_KEY_ID", key).env("AWS_SECRET_ACCESS_KEY", secret);
    command
}

#[test]
fn every_printed_permission_is_needed_by_a_journey_or_has_a_reason() {
    let is_all = |flags: &[&str], seen: &[&[&str]], unseen: &[(&str, &str)]| {
        let policy = Outcome::of(offline().arg("iam-policy").args(flags)).expect(0).stdout;
        assert_eq!(actions(&policy), names(seen, unseen), "{flags:?}");
    };
    is_all(&["--terminate-unowned"], &[SETUP, NEW_ROLE, TROUBLE], &[UNSEEN, SETUP_UNSEEN].concat());
    is_all(&["--undo"], &[UNDO, UNDO_STEP], UNDO_UNSEEN);
    let seen = [SETUP, NEW_ROLE, TROUBLE, DELETED_GROUPS];
    is_all(&["--terminate-unowned", "--delete-old-groups"], &seen, &[UNSEEN, SETUP_UNSEEN].concat());
    let seen = [SETUP, NEW_ROLE, TROUBLE, MANAGED];
    let unseen = [UNSEEN, SETUP_UNSEEN, MANAGED_UNSEEN].concat();
    is_all(&["--terminate-unowned", "--managed-node-groups"], &seen, &unseen);
    is_all(&["--undo", "--managed-node-groups"], &[UNDO, UNDO_STEP, UNDO_MANAGED], UNDO_UNSEEN);

    let is_all = |flags: &[&str], seen: &[&[&str]], unseen: &[(&str, &str)]| {
        let roles = Outcome::of(offline().args(["iam-policy", "--kubernetes"]).args(flags)).expect(0).stdout;
        let of_rule = |rule: &Rule| {
            rule.verbs.iter().map(|verb| format!("{verb} {}", rule.resource)).collect::<Vec<_>>()
        };
        let printed: BTreeSet<String> = rules(&roles).iter().flat_map(of_rule).collect();
        assert_eq!(printed, names(seen, unseen), "{flags:?}");
    };
    is_all(&[], &[KUBERNETES_ADDON, KUBERNETES_DAEMONSET], KUBERNETES_UNSEEN);
    is_all(&["--undo"], &[KUBERNETES_UNDO, KUBERNETES_UNDO_DAEMONSET], KUBERNETES_UNDO_UNSEEN);
}

fn names(seen: &[&[&str]], unseen: &[(&str, &str)]) -> BTreeSet<String> {
    let seen = seen.iter().copied().flatten().chain(unseen.iter().map(|(name, _)| name));
    seen.map(ToString::to_string).collect()
}

#[test]
fn invalid_iam_policy_arguments_are_reported() {
    let rejects = |args: &[&str], texts: &[&str]| {
        Outcome::of(offline().arg("iam-policy").args(args)).expect(2).says(texts);
    };
    rejects(&["--account", "123"], &["--account", "12-digit AWS account ID"]);
    rejects(&["--addon-role", "arn:aws:iam::123456789012:role/*"], &["--addon-role", "an IAM role ARN"]);
    rejects(&["--step", "drain"], &["--step", "drain-nodes"]);
    rejects(&["--read-only", "--step", "set-env"], &["--read-only", "--step"]);
}

/// On the shared cluster: users who lack a permission, users who may not call the simulator, and a role with a path.
#[test]
fn missing_permissions_are_reported_before_the_first_change() {
    let sandbox = shared();
    let all_but = |name: &str, lacking: &[&str]| {
        let document = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": lacking, "Resource": "*"},
        ]});
        user(&sandbox, name, &document.to_string())
    };

    let keys = all_but("lacking", &["ec2:CreateSubnet", "iam:CreateRole"]);
    let new_role = ["setup", "--yes", "--node-role", "new"];
    let mut setup = as_user(&sandbox, &keys.access_key_id, &keys.secret_access_key, &new_role);
    Outcome::of(&mut setup).expect(3).says(&[
        "EC-IAM-001",
        "ec2:CreateSubnet, iam:CreateRole",
        "user/lacking",
        "eni-custom iam-policy --cluster sandbox --region us-west-2 --account 123456789012",
    ]);
    // A read-only command is not refused.
    let mut plan =
        as_user(&sandbox, &keys.access_key_id, &keys.secret_access_key, &["plan", "--output", "json"]);
    let plan = Outcome::of(&mut plan).expect(0).json();
    assert_eq!(plan["findings"][0]["id"], "EC-IAM-001", "{plan:#}");
    assert_eq!(plan["findings"][0]["severity"], "warning");

    let keys = all_but("silent", &["iam:SimulatePrincipalPolicy", "ec2:CreateSubnet"]);
    let mut setup = as_user(&sandbox, &keys.access_key_id, &keys.secret_access_key, &["setup", "--yes"]);
    let refused = Outcome::of(&mut setup).expect(3);
    refused.says(&[
        "EC-IAM-001",
        "lacks permission ec2:CreateSubnet",
        "EC-IAM-002",
        "unknown because",
        "AccessDenied",
    ]);

    // The ARN of a session omits the path of its role.
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": sandbox.aws.account}, "Action": "sts:AssumeRole"}]});
    let create = ["iam", "create-role", "--role-name", "deployers", "--path", "/team/"];
    let role = aws(&sandbox, &[&create[..], &["--assume-role-policy-document", &trust.to_string()]].concat());
    let all =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    let put = ["iam", "put-role-policy", "--role-name", "deployers", "--policy-name", "all"];
    aws(&sandbox, &[&put[..], &["--policy-document", &all.to_string()]].concat());
    let arn = role["Role"]["Arn"].as_str().expect("an ARN");
    let session = aws(&sandbox, &["sts", "assume-role", "--role-arn", arn, "--role-session-name", "ci"]);
    let text = |name: &str| session["Credentials"][name].as_str().expect("a text");
    let args = ["plan", "--output", "json"];
    let mut plan = as_user(&sandbox, text("AccessKeyId"), text("SecretAccessKey"), &args);
    let plan = Outcome::of(plan.env("AWS_SESSION_TOKEN", text("SessionToken"))).expect(0).json();
    assert_eq!(plan["findings"], json!([]));
}

/// Asserts that a plan with only the printed policy and roles finds nothing but this.
#[track_caller]
pub(crate) fn plans_with(sandbox: &Sandbox, findings: &[&str]) {
    let plan = run(sandbox, &["plan", "--output", "json"]).expect(0).json();
    let found = plan["findings"].as_array().expect("findings").iter();
    assert_eq!(found.map(|one| &one["id"]).collect::<Vec<_>>(), findings, "{:#}", plan["findings"]);
}
