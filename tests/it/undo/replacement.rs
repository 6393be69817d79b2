//! Old nodes that can't be started again as they were: their image or their whole group no longer exists.

use sandbox::watch::PdbWatch;
use sandbox::{OldNodes, Sandbox, Shape};
use serde_json::json;

use super::{IMAGE, UNDO, ask, delete_stack, set_up};
use crate::cluster::{refuses, start};
use crate::command::run;
use crate::interrupted::kill_when;
use crate::policy::{self, aws};

/// Gives the old group an image of its own and deletes that image. Returns its id.
fn lose_the_image(sandbox: &Sandbox, group: &str) -> String {
    let source = ask(sandbox, &["ssm", "get-parameter", "--name", IMAGE], "/Parameter/Value");
    let copy = ["ec2", "copy-image", "--name", "own", "--source-region", "us-west-2", "--source-image-id"];
    let image = ask(sandbox, &[&copy[..], &[&source]].concat(), "/ImageId");
    let describe = ["autoscaling", "describe-auto-scaling-groups", "--auto-scaling-group-names", group];
    let template = ask(sandbox, &describe, "/AutoScalingGroups/0/LaunchTemplate/LaunchTemplateId");
    let create = ["ec2", "create-launch-template-version", "--launch-template-id", &template];
    let data = json!({"ImageId": image}).to_string();
    aws(sandbox, &[&create[..], &["--source-version", "1", "--launch-template-data", &data]].concat());
    let update = ["autoscaling", "update-auto-scaling-group", "--auto-scaling-group-name", group];
    let version = format!("LaunchTemplateId={template},Version=2");
    aws(sandbox, &[&update[..], &["--launch-template", &version]].concat());
    aws(sandbox, &["ec2", "deregister-image", "--image-id", &image]);
    image
}

#[test]
fn a_deleted_group_is_replaced_and_one_without_an_image_is_reported() {
    let mut sandbox = start(Shape { azs: 1, old_nodes: OldNodes::SelfManaged, ..Shape::default() });
    let deployer = policy::deployer(&sandbox, &["--undo", "--replacements"]);
    set_up(&sandbox, &[]);
    let old = sandbox.aws.self_managed_asgs[0].clone();

    let image = lose_the_image(&sandbox, &old);
    refuses(&sandbox, &UNDO, 3, &["EC-UND-008", &old, &image]);

    delete_stack(&mut sandbox, "sandbox-old-nodes");
    let mark = sandbox.mark();
    let admin = sandbox.aws.keys.insert("admin".into(), deployer).expect("there is an admin");
    let watched = PdbWatch::start(&sandbox).expect("pods and budgets can be watched");
    kill_when(&sandbox, &UNDO, "stack eni-custom-sandbox-replacement-", 1);
    run(&sandbox, &UNDO).expect(0).says(&["EC-UND-004", &old]);
    assert_eq!(watched.finish_with_unschedulable(), [""; 0]);
    policy::nothing_missing(&sandbox, mark, &["--undo", "--replacements"]);

    // One node like the old one, and nothing else that eni-custom created.
    let pods = "jsonpath={.items[*].status.allocatable.pods}";
    assert_eq!(sandbox.kubectl(&["get", "nodes", "-o", pods]).expect("kubectl answers").trim(), "29");
    let stacks = aws(&sandbox, &["cloudformation", "describe-stacks"]);
    let names: Vec<&str> =
        stacks["Stacks"].as_array().expect("stacks").iter().filter_map(|s| s["StackName"].as_str()).collect();
    let is_replacement = |name: &&str| name.contains("replacement");
    assert!(names.len() == 2 && names.iter().all(is_replacement), "{names:?}");
    refuses(&sandbox, &UNDO, 3, &["EC-UND-001"]);

    // The replacement node group is an old group like any other.
    sandbox.aws.keys.insert("admin".into(), admin);
    set_up(&sandbox, &[]);
    run(&sandbox, &UNDO).expect(0);
    assert_eq!(sandbox.kubectl(&["get", "nodes", "-o", pods]).expect("kubectl answers").trim(), "29");
}
