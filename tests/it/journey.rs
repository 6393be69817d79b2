//! The whole setup, on each shape of cluster.

use sandbox::{AuthenticationMode, Aws, Cni, Crd, OldNodes, Sandbox, Shape};

use crate::cluster::{refuses, set_up, set_up_in, start};
use crate::command::{run, writes};
use crate::policy;
use crate::terminal::{ENTER, GO_ON, answer, session};

#[test]
fn a_cluster_with_managed_and_self_managed_nodes_is_set_up_and_a_second_run_changes_nothing() {
    let mut sandbox = start(Shape::default());
    policy::restrict(&mut sandbox);
    policy::plans_with(&sandbox, &["EC-NOD-055"]);
    set_up_in(&mut sandbox, &[]);
    policy::needs_all_of(&sandbox, policy::SETUP);
    policy::needs_all_of_kubernetes(&sandbox, Default::default(), policy::KUBERNETES_ADDON);
    let mark = sandbox.mark();
    let again = run(&sandbox, &["setup", "--yes", "--output", "json"]).expect(0).json();
    assert_eq!(again["calls"]["writes"], 0);
    assert_eq!(writes(&sandbox, mark), Vec::<String>::new());
    let planned = run(&sandbox, &["plan", "--detailed-exitcode"]).expect(0);
    assert!(planned.stdout.contains("Nothing to do."), "{}", planned.stdout);
    let status = run(&sandbox, &["status", "--output", "json"]).expect(0).json();
    let states = status["steps"].as_array().expect("steps").iter().map(|step| step["state"].clone());
    assert_eq!(states.collect::<Vec<_>>(), vec!["done"; 9]);
    let report = run(&sandbox, &["verify", "--output", "json"]).expect(0).json();
    assert_eq!(crate::verify::problems(&report), [""; 0]);
    assert_eq!(writes(&sandbox, mark), Vec::<String>::new());
}

#[test]
fn the_environment_can_be_set_last_and_nodes_can_get_a_new_role() {
    let shape = Shape {
        azs: 2,
        old_nodes: OldNodes::Managed,
        authentication_mode: AuthenticationMode::Api,
        ..Shape::default()
    };
    let mut sandbox = start(shape);
    policy::restrict(&mut sandbox);
    set_up_in(&mut sandbox, &["--env-last", "--cidr", "100.65.0.0/16", "--node-role", "new"]);
    policy::needs_all_of(&sandbox, policy::NEW_ROLE);
    let log = sandbox.audit_log(Default::default()).expect("the audit log can be read");
    let aws = sandbox.aws_log(Default::default()).expect("the AWS log can be read");
    let written = log
        .iter()
        .filter(|call| call.by_program() && call.mutating() && call.object_ref.resource == "eniconfigs");
    let written =
        written.map(|call| call.request_received_timestamp.clone()).min().expect("ENIConfigs were written");
    let switched = aws.iter().find(|call| call.operation == "UpdateAddon").expect("the add-on was updated");
    assert!(switched.time > written, "switched on at {}, ENIConfigs from {written}", switched.time);
}

#[test]
fn a_plain_daemonset_without_a_crd_uses_the_existing_block() {
    let shape = Shape {
        azs: 1,
        old_nodes: OldNodes::SelfManaged,
        cni: Cni::Daemonset,
        crd: Crd::Missing,
        secondary_cidr: Some("100.64.0.0/16".into()),
        authentication_mode: AuthenticationMode::ConfigMap,
        ..Shape::default()
    };
    let mut sandbox = start(shape);
    policy::restrict(&mut sandbox);
    set_up_in(&mut sandbox, &[]);
    policy::needs_all_of_kubernetes(&sandbox, Default::default(), policy::KUBERNETES_DAEMONSET);
    let log = sandbox.aws_log(Default::default()).expect("the AWS log can be read");
    assert!(!log.iter().any(|call| call.operation == "AssociateVpcCidrBlock"
        && call.error_code.is_none()
        && call.mutating
        && is_admin(&sandbox, call)));
}

#[test]
fn nodes_in_public_subnets_get_pods_behind_their_nat_gateways() {
    let shape = Shape { azs: 2, old_nodes: OldNodes::SelfManaged, public_nodes: true, ..Shape::default() };
    let sandbox = set_up(shape, &["--external-snat"]);
    let env = sandbox
        .kubectl(&["-n", "kube-system", "get", "daemonset", "aws-node", "-o", "jsonpath={.spec.template.spec.containers[0].env[?(@.name=='AWS_VPC_K8S_CNI_EXTERNALSNAT')].value}"])
        .expect("kubectl answers");
    assert_eq!(env.trim(), "true");
}

#[test]
fn bottlerocket_nodes_join_with_custom_eniconfig_names() {
    let shape = Shape { azs: 1, old_nodes: OldNodes::Managed, ..Shape::default() };
    set_up(shape, &["--ami-family", "bottlerocket", "--eniconfig-name", "us-west-2a=pods-a"]);
}

#[test]
fn al2_nodes_join_through_aws_auth() {
    let shape = Shape {
        azs: 1,
        old_nodes: OldNodes::Both,
        kubernetes_version: "1.32".into(),
        authentication_mode: AuthenticationMode::ConfigMap,
        ..Shape::default()
    };
    let before = |sandbox: &Sandbox| map_roles(sandbox);
    let mut sandbox = start(shape);
    let roles = before(&sandbox);
    set_up_in(&mut sandbox, &["--ami-family", "al2"]);
    // All other entries stay unchanged byte for byte, comments included.
    let after = map_roles(&sandbox);
    assert!(after.contains(roles.trim_end()), "before:\n{roles}\nafter:\n{after}");
}

#[test]
fn setup_reaches_the_same_state_on_a_rough_day_at_aws() {
    let shape = Shape { azs: 2, old_nodes: OldNodes::Both, aws: Aws::Rough, ..Shape::default() };
    set_up(shape, &[]);
}

#[test]
fn existing_manual_changes_are_adopted() {
    let shape = Shape {
        azs: 2,
        old_nodes: OldNodes::SelfManaged,
        cni: Cni::Daemonset,
        // From before nodes without an ENIConfig stayed NotReady, and before the CRD had a schema.
        cni_version: "v1.12.6-eksbuild.2".into(),
        crd: Crd::Untyped,
        ..Shape::default()
    };
    let mut sandbox = start(shape);
    let subnet = by_hand(&sandbox);
    set_up_in(&mut sandbox, &["--cidr", "100.64.0.0/16"]);
    let named = sandbox
        .kubectl(&["get", "eniconfig", "us-west-2a", "-o", "jsonpath={.spec.subnet}"])
        .expect("kubectl answers");
    assert_eq!(named, subnet, "the existing subnet is used for its zone");
}

#[test]
fn given_subnets_replace_created_ones() {
    let shape = Shape {
        azs: 1,
        old_nodes: OldNodes::SelfManaged,
        secondary_cidr: Some("100.64.0.0/16".into()),
        ..Shape::default()
    };
    let mut sandbox = start(shape);
    a_risk_must_be_accepted(&sandbox);
    let subnet = subnet_by_hand(&sandbox, "us-west-2a", "100.64.128.0/20");
    let mark = sandbox.mark();
    set_up_in(
        &mut sandbox,
        &[
            "--subnet",
            &format!("us-west-2a={subnet}"),
            "--instance-type",
            "m5.xlarge",
            "--nodes-per-zone",
            "1",
        ],
    );
    assert!(!writes(&sandbox, mark).contains(&"ec2:CreateSubnet".to_string()));
}

/// A pod subnet that routes to an internet gateway: `--yes` does not cover this risk.
fn a_risk_must_be_accepted(sandbox: &Sandbox) {
    let table = &sandbox.aws.public_route_table;
    let subnet = subnet_on(sandbox, table, "us-west-2a", "100.64.0.0/20");
    let given = format!("us-west-2a={subnet}");
    let setup = ["setup", "--yes", "--subnet", &given, "--nodes-per-zone", "1"];
    refuses(sandbox, &setup, 3, &["EC-NET-009", &subnet, "--accept EC-NET-009", "docs/checks.md#ec-net-009"]);

    let plan = |args: &[&str]| {
        let all = [&["plan", "--subnet", &given, "--nodes-per-zone", "1", "--output", "json"], args].concat();
        let plan = run(sandbox, &all).expect(0).json();
        plan["findings"].as_array().expect("findings")[0].clone()
    };
    assert_eq!(plan(&[])["risk"], true);
    assert_eq!(plan(&[])["accepted"], false);
    assert_eq!(plan(&["--accept", "EC-NET-009"])["accepted"], true);

    let mark = sandbox.mark();
    let mut asked = session(sandbox, &[&["setup"], &setup[2..], &["--cidr", "100.64.0.0/16"]].concat());
    answer(&mut asked, "Security groups for pods", ENTER);
    answer(&mut asked, "what replaces it", ENTER);
    answer(&mut asked, "When should custom networking be enabled", ENTER);
    answer(&mut asked, GO_ON, "yes\r");
    answer(&mut asked, "Continue despite 1 warning (EC-NET-009)?", "n");
    answer(&mut asked, GO_ON, ENTER);
    asked.exp_string("Nothing was changed.").expect("setup stops after a no");
    asked.exp_eof().expect("the program exits");
    assert_eq!(writes(sandbox, mark), Vec::<String>::new());
}

/// Half of the documented manual steps: the block, one subnet with its route table, the environment, one ENIConfig.
fn by_hand(sandbox: &Sandbox) -> String {
    let vpc = sandbox.aws.vpc_id.as_str();
    aws(sandbox, &["ec2", "associate-vpc-cidr-block", "--vpc-id", vpc, "--cidr-block", "100.64.0.0/16"]);
    until("the block is associated", || {
        let state = "Vpcs[0].CidrBlockAssociationSet[?CidrBlock=='100.64.0.0/16'].CidrBlockState.State";
        aws(sandbox, &["ec2", "describe-vpcs", "--vpc-ids", vpc, "--query", state]) == "associated"
    });
    let subnet = subnet_by_hand(sandbox, "us-west-2a", "100.64.32.0/19");
    let group = &sandbox.aws.cluster_security_group;
    let config = serde_json::json!({
        "apiVersion": "crd.k8s.amazonaws.com/v1alpha1", "kind": "ENIConfig",
        "metadata": {"name": "us-west-2a"},
        "spec": {"subnet": subnet, "securityGroups": [group]},
    });
    sandbox.kubectl_with(&["apply", "-f", "-"], &config.to_string()).expect("the ENIConfig is applied");
    let switch = "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG=true";
    sandbox
        .kubectl(&["-n", "kube-system", "set", "env", "daemonset", "aws-node", switch])
        .expect("the environment is set");
    subnet
}

/// Creates a subnet with the route table of its zone's private subnet.
pub(crate) fn subnet_by_hand(sandbox: &Sandbox, zone: &str, cidr: &str) -> String {
    subnet_on(sandbox, &sandbox.aws.private_route_tables[zone], zone, cidr)
}

fn subnet_on(sandbox: &Sandbox, table: &str, zone: &str, cidr: &str) -> String {
    let vpc = sandbox.aws.vpc_id.as_str();
    let subnet = aws(
        sandbox,
        &[
            "ec2",
            "create-subnet",
            "--vpc-id",
            vpc,
            "--availability-zone",
            zone,
            "--cidr-block",
            cidr,
            "--query",
            "Subnet.SubnetId",
        ],
    );
    until("the subnet is visible", || {
        let args = ["ec2", "associate-route-table", "--route-table-id", table, "--subnet-id", &subnet];
        aws_command(sandbox, &args).output().is_ok_and(|output| output.status.success())
    });
    // As a user checks before continuing: EC2's answers lag behind for each kind of resource on its own.
    let filter = format!("Name=vpc-id,Values={vpc}");
    until("the subnet is listed with its route table", || {
        let listed = ["ec2", "describe-subnets", "--filters", &filter, "--query", "Subnets[].SubnetId"];
        let associations = "RouteTables[].Associations[].SubnetId";
        let routed = ["ec2", "describe-route-tables", "--filters", &filter, "--query", associations];
        aws(sandbox, &listed).contains(&subnet) && aws(sandbox, &routed).contains(&subnet)
    });
    subnet
}

fn aws_command(sandbox: &Sandbox, args: &[&str]) -> std::process::Command {
    let mut command = sandbox.command(sandbox::warm::aws_cli().expect("the AWS CLI is installed"));
    command.args(args).args(["--output", "text"]);
    command
}

pub(crate) fn aws(sandbox: &Sandbox, args: &[&str]) -> String {
    let output = aws_command(sandbox, args).output().expect("aws runs");
    assert!(output.status.success(), "aws {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_string()
}

pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = std::time::Instant::now();
    while !condition() {
        assert!(started.elapsed().as_secs() < 60, "timed out after 60 s waiting for: {what}");
    }
}

fn map_roles(sandbox: &Sandbox) -> String {
    sandbox
        .kubectl(&["-n", "kube-system", "get", "configmap", "aws-auth", "-o", "jsonpath={.data.mapRoles}"])
        .expect("kubectl answers")
}

fn is_admin(sandbox: &Sandbox, call: &sandbox::AwsCall) -> bool {
    call.caller.as_ref() == Some(&sandbox.aws.keys["admin"].arn)
}
