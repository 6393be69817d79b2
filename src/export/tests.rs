use crate::design::design;
use crate::facts::{AccessEntry, Addon, Authentication};
use crate::plan::plan;
use crate::sample;

use super::*;

fn facts() -> Facts {
    let mut facts = sample::facts();
    facts.machine.images = crate::sample::images();
    facts
}

fn exported(facts: &Facts, arguments: &[&str]) -> Files {
    let all = [&["--route-table", "a=rtb-1,b=rtb-1"][..], arguments].concat();
    let settings = sample::settings(&all);
    let design = design(&settings, facts);
    let scene = Scene { goal: Goal::Setup, settings: &settings, facts, design: &design };
    files(&plan(&scene, Vec::new()), &scene).unwrap()
}

#[test]
fn the_script_has_the_documented_commands_with_the_planned_values() {
    insta::assert_snapshot!(exported(&facts(), &["--cidr", "100.64.0.0/16"])["commands.sh"]);
}

#[test]
fn every_file_is_valid_and_reproducible() {
    let files = exported(&facts(), &[]);
    assert_eq!(files, exported(&facts(), &[]));
    for (path, text) in &files {
        if path.ends_with(".json") {
            serde_json::from_str::<Value>(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        }
        // CloudFormation templates have YAML tags of their own; cfn-lint checks them.
        if path.ends_with(".yaml") && !path.starts_with("cloudformation/") {
            serde_saphyr::from_str::<Value>(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        }
    }
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    insta::assert_snapshot!(names.join("\n"));
}

#[test]
fn an_eniconfig_has_its_final_groups() {
    insta::assert_snapshot!(exported(&facts(), &[])["eniconfigs/a.yaml"]);
}

#[test]
fn the_environment_is_written_in_the_format_of_its_owner() {
    let mut facts = facts();
    let env = |facts: &Facts| {
        let files = exported(facts, &["--remove-annotation-def"]);
        let (path, text) = files.iter().find(|(path, _)| path.starts_with("env/")).unwrap();
        format!("{path}\n{text}\n")
    };
    let mut all = env(&facts);
    facts.cni.annotations.insert("meta.helm.sh/release-name".into(), "cni".into());
    all.push_str(&env(&facts));
    facts.cni.addon = Some(Addon {
        version: "v1.20.4-eksbuild.1".into(),
        status: "ACTIVE".into(),
        role: None,
        configuration: r#"{"env":{"WARM_ENI_TARGET":"2"}}"#.into(),
        issues: Vec::new(),
    });
    all.push_str(&env(&facts));
    insta::assert_snapshot!(all);
}

#[test]
fn eniconfigs_that_the_add_on_creates_go_into_its_values() {
    let mut facts = facts();
    facts.cni.addon = Some(crate::sample::addon(
        r#"{"eniConfig":{"create":true,"region":"r","subnets":{"x":{"id":"subnet-x"}}}}"#,
    ));
    let files = exported(&facts, &[]);
    let values: Value = serde_json::from_str(&files["env/addon-eniconfigs-step-8.json"]).unwrap();
    assert_eq!(values["eniConfig"]["subnets"]["x"]["id"], "subnet-x");
    assert_eq!(values["eniConfig"]["subnets"]["a"]["id"], "${SUBNET_A}");
    assert_eq!(values["env"]["AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG"], "true");
    let script = &files["commands.sh"];
    assert!(!script.contains("kubectl apply --filename -"), "{script}");
    assert!(script.contains("fill env/addon-eniconfigs-step-6.json"), "{script}");
}

#[test]
fn unusual_names_are_quoted_for_the_shell() {
    let mut facts = facts();
    facts.cluster.authentication = Authentication::ConfigMap;
    facts.nodes[0].name = "old'; rm -rf /".into();
    let files = exported(&facts, &[]);
    assert!(files["commands.sh"].contains(r"'old'\''; rm -rf /'"));
}

#[test]
fn a_folder_that_is_not_empty_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(may_write(folder.path(), false).is_ok());
    assert!(may_write(&folder.path().join("new"), false).is_ok());
    write(&[("a/commands.sh".to_string(), "true\n".to_string())].into(), folder.path()).unwrap();
    assert!(may_write(folder.path(), false).unwrap_err().what().contains("not empty"));
    assert!(may_write(folder.path(), true).is_ok());
    assert!(may_write(&folder.path().join("a/commands.sh"), true).is_err(), "a file is not a folder");
}

#[test]
fn only_roles_that_may_not_join_yet_are_authorised() {
    let mut facts = facts();
    facts.nodes.clear();
    sample::add_pool(&mut facts, "web", "m5.large", &["a"]);
    let script = |facts: &Facts, arguments: &[&str]| exported(facts, arguments)["commands.sh"].clone();
    let own = facts.pools[0].role.clone().unwrap();
    let kept = script(&facts, &[]);
    assert!(kept.contains(&format!("NODE_ROLE_ARN={own}\n")), "{kept}");
    assert!(!kept.contains("InstanceProfileArn"), "{kept}");
    let entry = AccessEntry { kind: "EC2_LINUX".into(), tags: Default::default() };
    facts.node_groups.access_entries.insert(own, entry);
    let joined = script(&facts, &[]);
    assert!(!joined.contains("create-access-entry"), "{joined}");
    let new = script(&facts, &["--node-role", "new"]);
    assert!(new.contains("NODE_ROLE_ARN=$(stack_output eni-custom-shop-base NodeRoleArn)"), "{new}");
    assert!(new.contains("InstanceProfileArn"), "{new}");
}

#[test]
fn managed_node_groups_are_in_the_files_and_the_script_waits_for_their_nodes() {
    let mut facts = facts();
    facts.nodes.clear();
    sample::add_pool(&mut facts, "web", "m5.large", &["a", "b"]);
    let files = exported(&facts, &["--replace-with", "managed", "--node-role", "new"]);
    let template = &files["cloudformation/eni-custom-shop-managed.yaml"];
    let expected =
        ["AWS::EKS::Nodegroup", "NodeRole: ${NEW_NODE_ROLE_ARN}", "AmiType: AL2023_x86_64_STANDARD"];
    for text in expected {
        assert!(template.contains(text), "{text}:\n{template}");
    }
    assert!(!template.contains("ImageId") && !template.contains("IamInstanceProfile"), "{template}");
    let script = &files["commands.sh"];
    let role = "NEW_NODE_ROLE_ARN=$(stack_output eni-custom-shop-base NodeRoleArn)";
    let wait = "retry managed_nodes_are_ready eni-custom-shop-managed 2";
    assert!(script.contains(role) && script.contains(wait), "{script}");
}

#[test]
fn karpenter_replaces_its_nodes_by_the_exported_commands_too() {
    let mut facts = facts();
    sample::karpenter_nodes(&mut facts).reserved_enis = 0;
    let script = exported(&facts, &["--cidr", "100.64.0.0/16"])["commands.sh"].clone();
    let is_its = |line: &&str| ["karpenter", "nodepool", "nodeclaim"].iter().any(|name| line.contains(name));
    let lines: Vec<&str> = script.lines().filter(is_its).collect();
    insta::assert_snapshot!(lines.join("\n"));
}
