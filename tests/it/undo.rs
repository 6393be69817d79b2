//! What was set up is taken back: afterwards the account and the cluster look as they did before.

use std::collections::BTreeSet;

use crate::cluster::{refuses, start};
use crate::command::run;
use crate::cut::kill_when;
use crate::sandbox::picture::{differences, picture};
use crate::sandbox::watch::PdbWatch;
use crate::sandbox::{AuthenticationMode, Cni, Crd, OldNodes, Sandbox, Shape, witness};

const UNDO: [&str; 4] = ["undo", "--yes", "--confirm-cluster", "sandbox"];

#[track_caller]
fn looks_as(sandbox: &mut Sandbox, before: &BTreeSet<String>) {
    let differing = differences(sandbox, before).expect("AWS and Kubernetes answer");
    assert!(differing.is_empty(), "not as before:\n{}", differing.join("\n"));
}

#[track_caller]
fn there_and_back(shape: Shape, flags: &[&str]) -> Sandbox {
    let mut sandbox = start(shape);
    let before = picture(&sandbox).expect("AWS and Kubernetes answer");
    run(&sandbox, &[&["setup", "--yes"], flags].concat()).expect(0);
    assert_ne!(picture(&sandbox).expect("AWS and Kubernetes answer"), before);
    let budgets = PdbWatch::start(&sandbox).expect("budgets can be watched");
    run(&sandbox, &UNDO).expect(0);
    assert_eq!(budgets.finish(), [""; 0]);
    looks_as(&mut sandbox, &before);
    sandbox
}

#[test]
fn all_is_as_before_and_a_second_undo_has_nothing_to_do() {
    let sandbox = there_and_back(Shape::default(), &[]);
    refuses(&sandbox, &UNDO, 3, &["EC-UND-001", "nothing to take back"]);
}

#[test]
fn a_daemonset_a_missing_definition_and_aws_auth_come_back_as_they_were() {
    let shape = Shape {
        azs: 1,
        old_nodes: OldNodes::SelfManaged,
        cni: Cni::Daemonset,
        crd: Crd::Missing,
        authentication_mode: AuthenticationMode::ConfigMap,
        ..Shape::default()
    };
    there_and_back(shape, &["--eniconfig-name", "us-west-2a=pods-a"]);
}

/// Cuts come before, within or after the call that they name.
#[test]
fn what_was_cut_on_the_way_there_or_back_is_taken_back_and_can_be_set_up_again() {
    let shape = Shape { azs: 1, old_nodes: OldNodes::SelfManaged, ..Shape::default() };
    let mut sandbox = start(shape);
    let before = picture(&sandbox).expect("AWS and Kubernetes answer");
    for (says, times) in
        [("subnet for pods in", 1), ("stack eni-custom-sandbox-us-west-2a", 1), ("old nodes\"", 1)]
    {
        kill_when(&sandbox, &["setup", "--yes"], says, times);
        run(&sandbox, &UNDO).expect(0);
        looks_as(&mut sandbox, &before);
    }
    run(&sandbox, &["setup", "--yes"]).expect(0);
    for says in [
        "env in configurationValues",
        "nodes of our groups",
        "stack eni-custom-sandbox-base",
        "subnet for pods in",
    ] {
        kill_when(&sandbox, &UNDO, says, 1);
    }
    run(&sandbox, &UNDO).expect(0);
    looks_as(&mut sandbox, &before);

    run(&sandbox, &["setup", "--yes"]).expect(0);
    kill_when(&sandbox, &UNDO, "nodes of our groups", 1);
    run(&sandbox, &["setup", "--yes"]).expect(0);
    let (seen, missing) = witness::end_state(&mut sandbox).expect("AWS and Kubernetes answer");
    assert!(missing.is_empty(), "not as it should be:\n{}\n{seen}", missing.join("\n"));
    run(&sandbox, &UNDO).expect(0);
    looks_as(&mut sandbox, &before);
}

#[test]
fn only_what_is_ours_goes_and_only_so_far_as_asked() {
    let shape = Shape { azs: 1, old_nodes: OldNodes::Managed, ..Shape::default() };
    let mut sandbox = start(shape);
    let before = picture(&sandbox).expect("AWS and Kubernetes answer");
    refuses(&sandbox, &UNDO, 3, &["EC-UND-001"]);
    run(&sandbox, &["setup", "--yes"]).expect(0);

    // Another cluster's name, no name, nobody to ask.
    refuses(
        &sandbox,
        &["undo", "--yes", "--confirm-cluster", "other"],
        3,
        &["'other'", "--confirm-cluster sandbox"],
    );
    refuses(&sandbox, &["undo", "--yes"], 3, &["--confirm-cluster sandbox"]);
    refuses(&sandbox, &["undo", "--confirm-cluster", "sandbox"], 3, &["no terminal"]);
    // The old nodes would come back as custom ones.
    refuses(&sandbox, &[&UNDO[..], &["--to-step", "6"]].concat(), 3, &["EC-UND-003", "--to-step 2"]);

    let planned = run(&sandbox, &["undo", "--plan", "--output", "json"]).expect(0).json();
    assert_eq!(planned["undo"], true);
    let order: Vec<u64> = planned["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .filter_map(|step| step["number"].as_u64())
        .collect();
    assert_eq!(order, [3, 9, 8, 7, 6, 5, 4, 2, 1]);

    // Somebody else's interface holds the subnet: all else goes, and the run says whose it is.
    let subnet = aws(
        &sandbox,
        &[
            "ec2",
            "describe-subnets",
            "--filters",
            "Name=tag-key,Values=eni-custom:cluster",
            "--query",
            "Subnets[0].SubnetId",
            "--output",
            "text",
        ],
    );
    let foreign = aws(
        &sandbox,
        &[
            "ec2",
            "create-network-interface",
            "--subnet-id",
            &subnet,
            "--description",
            "billing database",
            "--query",
            "NetworkInterface.NetworkInterfaceId",
            "--output",
            "text",
        ],
    );
    run(&sandbox, &UNDO).expect(1).tells(&[&foreign, "billing database", &subnet]);
    assert_eq!(sandbox.kubectl(&["get", "eniconfigs", "-o", "name"]).expect("kubectl answers"), "");
    aws(&sandbox, &["ec2", "delete-network-interface", "--network-interface-id", &foreign]);
    run(&sandbox, &UNDO).expect(0);
    looks_as(&mut sandbox, &before);
}

fn aws(sandbox: &Sandbox, args: &[&str]) -> String {
    let output =
        sandbox.command("aws").envs(sandbox.env_for("witness")).args(args).output().expect("aws starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_string()
}
