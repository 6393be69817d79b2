//! Partial undo: to a step, without the nodes, step by step.

use sandbox::{AuthenticationMode, Cni, Crd, OldNodes, Shape, witness};

use super::{UNDO, assert_state, pod_subnet, set_up, state};
use crate::cluster::{refuses, start};
use crate::command::run;
use crate::policy;

const CONFIRMED: [&str; 4] = ["--undo", "--yes", "--confirm-cluster", "sandbox"];

#[test]
fn a_part_can_be_undone_and_set_up_again() {
    let shape = Shape { azs: 1, old_nodes: OldNodes::Managed, crd: Crd::Missing, ..Shape::default() };
    let mut sandbox = start(shape);
    let before = state(&sandbox);
    refuses(&sandbox, &UNDO, 3, &["EC-UND-001"]);
    set_up(&sandbox, &[]);

    // Another cluster's name, no name, no terminal.
    refuses(
        &sandbox,
        &["undo", "--yes", "--confirm-cluster", "other"],
        3,
        &["'other'", "--confirm-cluster sandbox"],
    );
    refuses(&sandbox, &["undo", "--yes"], 3, &["--confirm-cluster sandbox"]);
    refuses(&sandbox, &["undo", "--confirm-cluster", "sandbox"], 3, &["no terminal"]);
    // The old nodes would start with custom networking.
    refuses(&sandbox, &[&UNDO[..], &["--to-step", "6"]].concat(), 3, &["EC-UND-003", "--to-step 2"]);

    let planned = run(&sandbox, &["undo", "--plan", "--output", "json"]).expect(0).json();
    assert_eq!(planned["undo"], true);
    let steps = planned["steps"].as_array().expect("steps").iter();
    let order: Vec<u64> = steps.filter_map(|step| step["number"].as_u64()).collect();
    assert_eq!(order, [3, 9, 8, 7, 6, 5, 4, 2, 1]);

    let subnet = pod_subnet(&sandbox);
    run(&sandbox, &[&UNDO[..], &["--to-step", "2"]].concat()).expect(0);
    assert_eq!(pod_subnet(&sandbox), subnet);
    set_up(&sandbox, &[]);
    assert_eq!(pod_subnet(&sandbox), subnet);
    let (seen, missing) = witness::end_state(&mut sandbox).expect("AWS and Kubernetes answer");
    assert!(missing.is_empty(), "the end state is not reached:\n{}\n{seen}", missing.join("\n"));

    // The nodes are kept, and so is the subnet that they use; the environment is restored.
    run(&sandbox, &[&UNDO[..], &["--keep-nodes"]].concat()).expect(0).says(&[&subnet, "is kept"]);
    let nodes = sandbox.kubectl(&["get", "nodes", "-o", "name"]).expect("kubectl answers");
    assert_eq!(nodes.lines().count(), 1, "{nodes}");
    let env = "jsonpath={.spec.template.spec.containers[0].env[?(@.name=='AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG')].value}";
    let env = sandbox.kubectl(&["-n", "kube-system", "get", "daemonset", "aws-node", "-o", env]);
    assert_eq!(env.expect("kubectl answers").trim(), "false");
    run(&sandbox, &UNDO).expect(0);
    assert_state(&mut sandbox, &before);
}

/// Run by a user with only the permissions that `iam-policy --undo` prints.
#[test]
fn each_step_can_be_undone_alone_but_not_before_its_dependents() {
    let shape = Shape {
        azs: 1,
        old_nodes: OldNodes::SelfManaged,
        cni: Cni::Daemonset,
        authentication_mode: AuthenticationMode::Api,
        ..Shape::default()
    };
    let mut sandbox = start(shape);
    let deployer = policy::deployer(&sandbox, &["--undo"]);
    let before = state(&sandbox);
    set_up(&sandbox, &[]);
    let mark = sandbox.mark();
    sandbox.aws.keys.insert("admin".into(), deployer);

    let alone = |step: &'static str| [&[step], &CONFIRMED[..]].concat();
    for (step, texts) in [
        ("associate-cidr", &["EC-RUN-001", "create-subnets --undo"][..]),
        ("create-subnets", &["EC-RUN-001", "write-eniconfigs --undo", "launch-nodegroups --undo"]),
        ("write-eniconfigs", &["EC-RUN-001", "set-env --undo", "drain-nodes --undo"]),
        ("launch-nodegroups", &["EC-RUN-001", "patch-security-groups --undo"]),
        ("patch-security-groups", &["EC-RUN-001", "drain-nodes --undo"]),
        ("drain-nodes", &["EC-UND-003", "set-env --undo"]),
    ] {
        refuses(&sandbox, &alone(step), 3, texts);
    }
    for step in [
        "set-env",
        "drain-nodes",
        "patch-security-groups",
        "launch-nodegroups",
        "write-eniconfigs",
        "install-crd",
        "detect-cni",
        "create-subnets",
        "associate-cidr",
    ] {
        run(&sandbox, &alone(step)).expect(0);
        let again = run(&sandbox, &[&alone(step)[..], &["--output", "json"]].concat()).expect(0).json();
        assert_eq!(again["calls"]["writes"], 0, "{step}");
    }
    policy::nothing_missing(&sandbox, mark, &["--undo"]);
    policy::needs_all_of(&sandbox, policy::UNDO_STEP);
    // Only the record is left: no single step deletes it.
    run(&sandbox, &UNDO).expect(0);
    assert_state(&mut sandbox, &before);
}
