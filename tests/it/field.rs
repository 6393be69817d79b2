//! Each failure seen in the field is reproduced in a cluster, and the expected command must report it. A healthy
//! cluster must not be reported. docs/checks.md lists the failures; SCENARIOS names their tests.

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

/// For each failure of the table "Field failures" in docs/checks.md, by its number: the functions that reproduce it.
/// Each is a test or a part of one.
const SCENARIOS: &[(u32, &[&str])] = &[
    (1, &["stuck_pods_are_explained", "a_zone_without_an_eniconfig"]),
    (2, &["enabled_too_early", "a_zone_without_an_eniconfig"]),
    (3, &[UNREACHABLE]),
    (4, &[UNREACHABLE, "no_route_out"]),
    (5, &["a_zone_without_an_eniconfig"]),
    (6, &["names_and_labels"]),
    (7, &["names_and_labels"]),
    (8, &["bare_pods_foreign_fields_and_a_concurrent_run", BROKEN]),
    (9, &[BROKEN]),
    (10, &[UNREACHABLE]),
    (11, &["a_zone_without_an_eniconfig"]),
    (12, &["budgets"]),
    (13, &["a_group_per_zone"]),
    (14, &["two_tagged_groups", "targets_of_load_balancers"]),
    (15, &[UNREACHABLE, "network_policies_by_address"]),
    (16, &[UNREACHABLE, "no_route_out"]),
    (17, &["prefixes"]),
    (18, &["too_few_addresses_for_the_requested_nodes", "a_full_subnet"]),
    (19, &["autoscalers_start_nodes", "max_pods_are_reset"]),
    (20, &[BROKEN]),
    (21, &[BROKEN]),
    (22, &["nodes_that_are_not_allowed_to_join"]),
    (23, &["blocks_that_aws_would_reject"]),
    (24, &["a_malformed_group_list"]),
    (25, &["a_version_with_a_bug", "an_old_cni_and_a_full_vpc_are_reported_together"]),
    (26, &[BROKEN]),
    (27, &["autoscalers_start_nodes", "a_zone_without_an_eniconfig"]),
    (28, &["no_capacity_beside_the_old_nodes"]),
    (29, &["a_network_policy_blocks_the_probe"]),
    (30, &["too_many_host_network_pods"]),
    (31, &["probes"]),
    (32, &["managed_nodes_that_are_kept", "max_pods_are_reset"]),
    (33, &[ADDON]),
    (34, &["node_groups_that_are_not_active", "an_autoscaler_asks_a_managed_group_for_nodes"]),
    (35, &["a_partly_drained_group"]),
    (36, &["an_old_node_that_gets_an_interface_in_the_pod_subnet_is_still_an_old_node"]),
    (
        37,
        &[
            "connections_through_a_node_break_without_a_deregistration_delay",
            "a_node_is_deregistered_from_load_balancers_before_its_instance_terminates",
        ],
    ),
    (38, &["third_parties"]),
    (39, &["data_on_a_node_s_disk_needs_a_flag_like_emptydir_data"]),
    (40, &["a_single_pod_behind_a_fail_closed_webhook_is_a_risk_until_there_are_two"]),
    (41, &["an_eviction_that_admission_denies_is_retried_and_blocks_no_other"]),
    (42, &["a_budget_whose_sync_fails_is_reported_and_its_fix_works"]),
    (
        43,
        &[
            "a_dead_node_and_a_leftover_node_block_neither_setup_nor_undo",
            "an_aws_node_with_ondelete_is_an_error_with_a_fix",
            "setup_and_undo_drain_and_terminate_dead_nodes_too",
        ],
    ),
    (44, &[ADDON, "unreadable_addon_values"]),
    (45, &["eniconfigs_of_the_addon", "eniconfigs_and_aws_auth_with_other_owners"]),
    (46, &["a_crd_that_the_addon_owns"]),
    (47, &["aws_auth_that_cannot_be_edited"]),
    (48, &["a_group_without_the_cluster_s_tag"]),
    (49, &["a_warm_pool_a_hook_and_weights"]),
    (50, &["tags_that_exclude_a_pod_subnet"]),
    (51, &["karpenter_node_pools"]),
    (
        52,
        &[
            "pods_that_need_a_gpu_are_reported_if_no_new_node_has_one",
            "nodes_with_gpus_get_an_image_with_drivers",
        ],
    ),
    (53, &["an_impossible_second_replica_is_refused_and_a_removed_one_is_noticed"]),
    (54, &["another_convention"]),
    (55, &["pods_stuck_in_terminating_are_reported_and_their_node_is_terminated_if_requested"]),
    (56, &["aggregated_apis"]),
    (57, &["a_secondary_block_that_nodes_use"]),
    (58, &["no_role_tags"]),
    (59, &["managed_nodes_that_are_kept", "max_pods_are_reset"]),
    (60, &[INTERRUPTED]),
    (61, &["pods_without_a_node"]),
    (62, &["a_lost_route_table_association"]),
    (
        63,
        &[
            "printed_fixes_of_verify_and_doctor_resolve_their_issues",
            "flags_named_by_a_plan_resolve_its_findings",
        ],
    ),
    (64, &["a_past_field_manager"]),
    (65, &["karpenter_node_pools"]),
];
const ADDON: &str = "the_addon_keeps_its_role_and_pod_identities_and_undo_restores_its_yaml";
const INTERRUPTED: &str = "a_drain_killed_at_any_write_is_restored_by_the_next_run";
const UNREACHABLE: &str = "unreachable_pods_are_reported_before_the_first_change";
const BROKEN: &str = "manual_breakage_is_found_and_so_is_its_repair";

#[test]
fn each_field_failure_has_its_scenario() {
    let numbers: Vec<u32> = SCENARIOS.iter().map(|(number, _)| *number).collect();
    let (failures, without_check) = documented();
    assert_eq!(numbers, failures, "docs/checks.md lists other failures");
    let mut sources = String::new();
    let mut open =
        ["tests/it", "src"].map(|folder| Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).to_vec();
    while let Some(next) = open.pop() {
        match next.is_dir() {
            true => open.extend(
                fs::read_dir(&next).expect("the folder exists").map(|entry| entry.expect("an entry").path()),
            ),
            false => sources.push_str(&fs::read_to_string(&next).expect("a text")),
        }
    }
    let scenarios = SCENARIOS.iter().flat_map(|(_, scenarios)| *scenarios).map(ToString::to_string);
    for scenario in scenarios.chain(without_check) {
        assert!(sources.contains(&format!("fn {scenario}(")), "no function {scenario}");
    }
}

/// From docs/checks.md: the numbers in the table "Field failures", and the tests named in the table "Without a check".
fn documented() -> (Vec<u32>, Vec<String>) {
    let docs =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/checks.md")).expect("a text");
    let (_, tables) = docs.split_once("## Field failures").expect("the table exists");
    let (failures, others) = tables.split_once("## Without a check").expect("the table exists");
    let numbers =
        failures.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(' ')?.0.parse().ok());
    let tests = others.split('`').filter(|name| name.len() > 20 && name.split_whitespace().count() == 1);
    (numbers.collect(), tests.map(ToString::to_string).collect())
}

/// How often a command is repeated: AWS's answers lag behind changes.
const ATTEMPTS: usize = 25;

/// The ids of all problems in a report: everything but notes and passed checks.
fn problems(report: &Value) -> BTreeSet<String> {
    let of = |list: &Value| list.as_array().cloned().unwrap_or_default();
    let checks = of(&report["sections"]).into_iter().flat_map(|section| of(&section["checks"]));
    let is_problem = |one: &Value| !matches!(one["severity"].as_str(), Some("note" | "passed"));
    let all = of(&report["findings"]).into_iter().chain(checks);
    all.filter(is_problem).map(|one| one["id"].as_str().expect("an id").to_string()).collect()
}

fn report(sandbox: &Sandbox, command: &[&str]) -> Value {
    run(sandbox, &[command, &["--output", "json"]].concat()).json()
}

/// Waits until the command reports all of these ids, possibly among others. Returns the report.
#[track_caller]
pub(crate) fn report_with(sandbox: &Sandbox, command: &[&str], ids: &[&str]) -> Value {
    let mut last = Value::Null;
    for _ in 0..ATTEMPTS {
        last = report(sandbox, command);
        if ids.iter().all(|id| mentions(&last, id)) {
            return last;
        }
    }
    panic!("{command:?} does not report {ids:?}: {last:#}");
}

/// Whether a report has this id. Notes count too.
fn mentions(report: &Value, id: &str) -> bool {
    let of = |list: &Value| list.as_array().cloned().unwrap_or_default();
    let checks = of(&report["sections"]).into_iter().flat_map(|section| of(&section["checks"]));
    of(&report["findings"])
        .into_iter()
        .chain(checks)
        .any(|one| one["id"] == id && one["severity"] != "passed")
}

/// Whether the command still reports this id after AWS's answers have had time to catch up.
pub(crate) fn mentioned(sandbox: &Sandbox, command: &[&str], id: &str) -> bool {
    (0..ATTEMPTS).all(|_| mentions(&report(sandbox, command), id))
}

/// Waits until the command reports no problem.
#[track_caller]
pub(crate) fn reports_nothing(sandbox: &Sandbox, command: &[&str]) {
    let mut last = Value::Null;
    for _ in 0..ATTEMPTS {
        last = report(sandbox, command);
        if problems(&last).is_empty() {
            return;
        }
    }
    panic!("{command:?} reports {:?}: {last:#}", problems(&last));
}

/// Asserts that neither `verify` nor `doctor` reports a problem.
#[track_caller]
pub(crate) fn healthy(sandbox: &Sandbox) {
    reports_nothing(sandbox, &["verify"]);
    reports_nothing(sandbox, &["doctor"]);
}

#[track_caller]
pub(crate) fn kubectl(sandbox: &Sandbox, args: &[&str]) -> String {
    sandbox.kubectl(args).expect("kubectl answers").trim().to_string()
}

#[track_caller]
pub(crate) fn apply(sandbox: &Sandbox, object: &Value) {
    sandbox.kubectl_with(&["apply", "-f", "-"], &object.to_string()).expect("the object is applied");
}

/// Changes aws-node's environment with kubectl: `NAME=value` or `NAME-`.
#[track_caller]
pub(crate) fn write_env(sandbox: &Sandbox, variables: &[&str]) {
    kubectl(sandbox, &[&["-n", "kube-system", "set", "env", "daemonset/aws-node"], variables].concat());
}

/// Changes aws-node's environment and waits until all nodes have it.
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
pub(crate) fn rolled_out(sandbox: &Sandbox) {
    kubectl(sandbox, &["-n", "kube-system", "rollout", "status", "daemonset/aws-node", "--timeout=3m"]);
}
