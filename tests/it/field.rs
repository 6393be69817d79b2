//! Each way in which it goes wrong in the field, made by hand in a cluster, and who tells of it; and that nobody tells
//! of anything where nothing is wrong. docs/checks.md lists them with their scenarios.

mod after;
mod before;
mod by_hand;
mod network;
mod owners;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sandbox::Sandbox;
use serde_json::Value;

use crate::command::run;

/// Who makes each failure of the table "Field failures" in docs/checks.md by hand, by its number there: a test, or one
/// turn of a test.
const SCENARIOS: &[(u32, &[&str])] = &[
    (1, &["pods_are_explained", "a_zone_is_forgotten"]),
    (2, &["switched_on_too_early", "a_zone_is_forgotten"]),
    (3, &[CUT_OFF]),
    (4, &[CUT_OFF, "no_way_out"]),
    (5, &["a_zone_is_forgotten"]),
    (6, &["names_and_labels"]),
    (7, &["names_and_labels"]),
    (8, &["bare_pods_others_fields_and_a_live_run", BROKEN]),
    (9, &[BROKEN]),
    (10, &[CUT_OFF]),
    (11, &["a_zone_is_forgotten"]),
    (12, &["budgets"]),
    (13, &["a_group_per_zone"]),
    (14, &["two_tagged_groups", "targets_of_load_balancers"]),
    (15, &[CUT_OFF, "others_decide_by_address"]),
    (16, &[CUT_OFF, "no_way_out"]),
    (17, &["prefixes"]),
    (18, &["too_few_addresses_for_the_nodes_asked", "a_subnet_that_is_full"]),
    (19, &["others_start_nodes", "max_pods_are_reset"]),
    (20, &[BROKEN]),
    (21, &[BROKEN]),
    (22, &["nodes_that_may_not_join"]),
    (23, &["blocks_that_aws_would_refuse"]),
    (24, &["a_malformed_group_list"]),
    (25, &["a_version_with_a_bug", "an_old_cni_and_a_full_vpc_are_told_together"]),
    (26, &[BROKEN]),
    (27, &["others_start_nodes", "a_zone_is_forgotten"]),
    (28, &["no_room_beside_the_old_nodes"]),
    (29, &["a_policy_stops_the_probe"]),
    (30, &["too_many_in_the_host_s_network"]),
    (31, &["probes"]),
    (32, &["managed_nodes_that_stay", "max_pods_are_reset"]),
    (33, &[ADDON]),
    (34, &["node_groups_that_are_not_active", "an_autoscaler_asks_a_managed_group_for_nodes"]),
    (35, &["a_group_that_was_drained_in_part"]),
    (36, &["an_old_node_that_gets_an_interface_in_the_pod_subnet_is_still_an_old_node"]),
    (
        37,
        &[
            "connections_through_a_node_are_cut_without_a_wait",
            "a_node_leaves_its_load_balancers_before_its_instance_ends",
        ],
    ),
    (38, &["third_parties"]),
    (39, &["data_on_a_node_s_disk_is_refused_like_emptydir_data"]),
    (40, &["the_only_pod_behind_a_webhook_that_fails_closed_is_a_risk_and_a_second_one_ends_it"]),
    (41, &["an_eviction_that_admission_denies_is_asked_for_again_and_holds_back_no_other"]),
    (42, &["a_budget_whose_status_can_not_be_computed_is_told_and_its_fix_ends_it"]),
    (
        43,
        &[
            "a_dead_node_and_a_left_over_node_hold_up_neither_setup_nor_undo",
            "an_aws_node_that_nobody_replaces_is_an_error_with_its_fix",
            "a_dead_node_is_emptied_and_terminated_with_the_others_and_so_on_the_way_back",
        ],
    ),
    (44, &[ADDON, "values_of_the_add_on_that_can_not_be_read"]),
    (45, &["eniconfigs_of_the_add_on", "eniconfigs_and_aws_auth_of_others"]),
    (46, &["a_definition_that_the_add_on_keeps"]),
    (47, &["aws_auth_that_can_not_be_edited"]),
    (48, &["a_group_without_the_cluster_s_tag"]),
    (49, &["a_warm_pool_a_hook_and_weights"]),
    (50, &["tags_that_keep_pods_out"]),
    (51, &["karpenter_s_pools"]),
    (
        52,
        &[
            "pods_that_need_a_gpu_are_told_where_no_new_node_has_one",
            "nodes_with_gpus_get_an_image_with_drivers",
        ],
    ),
    (53, &["a_second_replica_that_can_not_work_is_refused_and_one_that_is_undone_is_noticed"]),
    (54, &["another_convention"]),
    (55, &["pods_that_do_not_end_are_told_and_their_node_goes_where_that_is_asked_for"]),
    (56, &["aggregated_apis"]),
    (57, &["the_nodes_own_block"]),
    (58, &["no_role_tags"]),
    (59, &["managed_nodes_that_stay", "max_pods_are_reset"]),
    (60, &[INTERRUPTED]),
    (61, &["pods_without_a_node"]),
    (62, &["a_route_table_is_lost"]),
    (
        63,
        &[
            "the_fixes_of_verify_and_doctor_change_what_they_are_printed_for",
            "the_flags_that_a_plan_names_answer_its_findings",
        ],
    ),
    (64, &["a_manager_of_the_past"]),
    (65, &["karpenter_s_pools"]),
];
const ADDON: &str = "the_add_on_keeps_its_role_and_pod_identities_and_gets_its_yaml_back";
const INTERRUPTED: &str = "interrupted_at_any_write_a_drain_is_put_back_by_the_next_run_and_undone_whole";
const CUT_OFF: &str = "what_would_cut_pods_off_is_told_before_anything_is_changed";
const BROKEN: &str = "what_is_broken_by_hand_is_found_and_found_fixed";

#[test]
fn each_field_failure_has_its_scenario() {
    let numbers: Vec<u32> = SCENARIOS.iter().map(|(number, _)| *number).collect();
    let (failures, without_check) = documented();
    assert_eq!(numbers, failures, "docs/checks.md lists others");
    let mut sources = String::new();
    let mut open =
        ["tests/it", "src"].map(|folder| Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).to_vec();
    while let Some(next) = open.pop() {
        match next.is_dir() {
            true => open.extend(
                fs::read_dir(&next)
                    .expect("the folder is there")
                    .map(|entry| entry.expect("an entry").path()),
            ),
            false => sources.push_str(&fs::read_to_string(&next).expect("a text")),
        }
    }
    let scenarios = SCENARIOS.iter().flat_map(|(_, scenarios)| *scenarios).map(ToString::to_string);
    for scenario in scenarios.chain(without_check) {
        assert!(sources.contains(&format!("fn {scenario}(")), "there is no {scenario}");
    }
}

/// Of docs/checks.md: the numbers of the table "Field failures", and the tests that the table "Without a check" names.
fn documented() -> (Vec<u32>, Vec<String>) {
    let docs =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/checks.md")).expect("a text");
    let (_, tables) = docs.split_once("## Field failures").expect("the table is there");
    let (failures, others) = tables.split_once("## Without a check").expect("the table is there");
    let numbers =
        failures.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(' ')?.0.parse().ok());
    let tests = others.split('`').filter(|name| name.len() > 20 && name.split_whitespace().count() == 1);
    (numbers.collect(), tests.map(ToString::to_string).collect())
}

/// How often one looks again: AWS's answers lag behind what was done.
const LOOKS: usize = 25;

/// What a command says that is no note and not ok, as `id`.
fn said(report: &Value) -> BTreeSet<String> {
    let of = |list: &Value| list.as_array().cloned().unwrap_or_default();
    let checks = of(&report["sections"]).into_iter().flat_map(|section| of(&section["checks"]));
    let weighs = |one: &Value| !matches!(one["severity"].as_str(), Some("note" | "passed"));
    let all = of(&report["findings"]).into_iter().chain(checks);
    all.filter(weighs).map(|one| one["id"].as_str().expect("an id").to_string()).collect()
}

fn report(sandbox: &Sandbox, command: &[&str]) -> Value {
    run(sandbox, &[command, &["--output", "json"]].concat()).json()
}

/// The command tells all of these, whatever else comes of the same; its report.
#[track_caller]
pub fn tells(sandbox: &Sandbox, command: &[&str], ids: &[&str]) -> Value {
    let mut last = Value::Null;
    for _ in 0..LOOKS {
        last = report(sandbox, command);
        if ids.iter().all(|id| mentions(&last, id)) {
            return last;
        }
    }
    panic!("{command:?} does not tell {ids:?}: {last:#}");
}

/// Notes count too.
fn mentions(report: &Value, id: &str) -> bool {
    let of = |list: &Value| list.as_array().cloned().unwrap_or_default();
    let checks = of(&report["sections"]).into_iter().flat_map(|section| of(&section["checks"]));
    of(&report["findings"])
        .into_iter()
        .chain(checks)
        .any(|one| one["id"] == id && one["severity"] != "passed")
}

/// Whether the command tells this after AWS's answers have had time to follow.
pub fn mentioned(sandbox: &Sandbox, command: &[&str], id: &str) -> bool {
    (0..LOOKS).all(|_| mentions(&report(sandbox, command), id))
}

/// The command has nothing to say.
#[track_caller]
pub fn silent(sandbox: &Sandbox, command: &[&str]) {
    let mut last = Value::Null;
    for _ in 0..LOOKS {
        last = report(sandbox, command);
        if said(&last).is_empty() {
            return;
        }
    }
    panic!("{command:?} says {:?}: {last:#}", said(&last));
}

/// A cluster that was set up, and in which nothing is wrong.
#[track_caller]
pub fn healthy(sandbox: &Sandbox) {
    silent(sandbox, &["verify"]);
    silent(sandbox, &["doctor"]);
}

#[track_caller]
pub fn kubectl(sandbox: &Sandbox, args: &[&str]) -> String {
    sandbox.kubectl(args).expect("kubectl answers").trim().to_string()
}

#[track_caller]
pub fn apply(sandbox: &Sandbox, object: &Value) {
    sandbox.kubectl_with(&["apply", "-f", "-"], &object.to_string()).expect("the object is taken");
}

/// aws-node's environment, as somebody changes it with kubectl: `NAME=value` or `NAME-`.
#[track_caller]
pub fn write_env(sandbox: &Sandbox, variables: &[&str]) {
    kubectl(sandbox, &[&["-n", "kube-system", "set", "env", "daemonset/aws-node"], variables].concat());
}

/// The same, and it has reached all nodes.
#[track_caller]
fn set_env(sandbox: &Sandbox, variables: &[&str]) {
    write_env(sandbox, variables);
    rolled_out(sandbox);
}

#[track_caller]
fn set_image(sandbox: &Sandbox, version: &str) {
    let image = format!("aws-node=602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon-k8s-cni:{version}");
    kubectl(sandbox, &["-n", "kube-system", "set", "image", "daemonset/aws-node", &image]);
    rolled_out(sandbox);
}

#[track_caller]
pub fn rolled_out(sandbox: &Sandbox) {
    kubectl(sandbox, &["-n", "kube-system", "rollout", "status", "daemonset/aws-node", "--timeout=3m"]);
}
