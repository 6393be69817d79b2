use std::collections::BTreeSet;

use proptest::prelude::*;

use super::kubernetes::{RULES, manifest};
use super::*;

fn named() -> Names {
    Names {
        cluster: Some("shop".into()),
        region: Some("eu-west-1".into()),
        account: Some("123456789012".into()),
        ..Names::default()
    }
}

fn text(wanted: &Scope, names: &Names) -> String {
    serde_json::to_string_pretty(&document(wanted, names)).unwrap()
}

fn actions(document: &Value) -> BTreeSet<String> {
    let statements = document["Statement"].as_array().unwrap().iter();
    let actions = statements.flat_map(|statement| statement["Action"].as_array().unwrap().clone());
    actions.map(|action| action.as_str().unwrap().to_string()).collect()
}

#[test]
fn the_whole_policy_of_a_cluster() {
    insta::assert_snapshot!(text(&Scope::default(), &named()));
}

#[test]
fn unknown_names_become_wildcards() {
    insta::assert_snapshot!(text(&Scope::default(), &Names::default()));
}

#[test]
fn a_single_step_reads_everything_and_writes_its_own_resources() {
    let wanted = Scope { step: Some(Step::CreateSubnets), ..Scope::default() };
    insta::assert_snapshot!(text(&wanted, &named()));
}

#[test]
fn the_policy_for_undo() {
    insta::assert_snapshot!(text(&Scope { undo: true, ..Scope::default() }, &named()));
}

/// A replacement node group needs the calls of step 7, and nothing else of setup.
#[test]
fn replacement_node_groups_add_the_launch_permissions() {
    let of = |wanted: &Scope| actions(&document(wanted, &named()));
    let undo = of(&Scope { undo: true, ..Scope::default() });
    let both = of(&Scope { undo: true, replacements: true, ..Scope::default() });
    let launch = of(&Scope { step: Some(Step::LaunchNodegroups), ..Scope::default() });
    let looks = of(&Scope { read_only: true, ..Scope::default() });
    let changes = &launch - &looks;
    assert!(changes.is_subset(&both) && !changes.is_subset(&undo));
    assert!(!both.contains("ec2:CreateSubnet") && !both.contains("ec2:AssociateVpcCidrBlock"));
}

#[test]
fn read_only_policies_allow_no_change() {
    for undo in [false, true] {
        assert_read_only(&Scope { read_only: true, undo, ..Scope::default() });
    }
}

#[track_caller]
fn assert_read_only(wanted: &Scope) {
    for action in actions(&document(wanted, &named())) {
        let (_, verb) = action.split_once(':').unwrap();
        assert!(["Describe", "Get", "List"].iter().any(|read| verb.starts_with(read)), "{action}");
    }
    for rule in kubernetes::rules(wanted) {
        assert!(rule.verbs.iter().all(|verb| ["get", "list"].contains(verb)), "{rule:?}");
    }
}

#[test]
fn the_whole_is_the_sum_of_its_steps() {
    let of = |wanted: &Scope| actions(&document(wanted, &named()));
    for whole in [Scope::default(), Scope { undo: true, ..Scope::default() }] {
        let steps = Step::DOCUMENTED.into_iter().map(|step| Scope { step: Some(step), ..whole });
        let sum: BTreeSet<String> = steps.flat_map(|wanted| of(&wanted)).collect();
        assert_eq!(of(&whole), sum);
    }
}

#[test]
fn only_the_flag_lets_instances_be_terminated() {
    let of = |terminate_unowned| {
        actions(&document(&Scope { terminate_unowned, ..Scope::default() }, &named()))
            .contains("ec2:TerminateInstances")
    };
    assert!(of(true) && !of(false));
}

#[test]
fn partitions_have_their_own_arns_and_services() {
    let china = Names { region: Some("cn-north-1".into()), ..named() };
    let text = text(&Scope::default(), &china);
    assert!(text.contains("arn:aws-cn:eks:cn-north-1:123456789012:cluster/shop"), "{text}");
    assert!(text.contains("ec2.amazonaws.com.cn") && !text.contains("\"arn:aws:"), "{text}");
}

#[test]
fn roles_for_kubernetes() {
    let undo = Scope { undo: true, ..Scope::default() };
    insta::assert_snapshot!(manifest(&Scope::default(), "eni-custom"));
    insta::assert_snapshot!(manifest(&undo, "eni-custom"));
    for wanted in [Scope::default(), undo] {
        let parsed: Result<Vec<Value>, _> =
            manifest(&wanted, "x").split("---\n").map(serde_saphyr::from_str::<Value>).collect();
        assert_eq!(parsed.unwrap().len(), 4);
    }
}

#[test]
fn every_row_has_a_reason_and_is_unique() {
    let mut seen = BTreeSet::new();
    for action in all() {
        assert!(!action.why.is_empty() && !action.grants.is_empty(), "{action:?}");
        let undoes =
            !matches!(action.need, Need::Discovery | Need::DiscoverySetup | Need::In { undo: &[], .. });
        for grant in action.grants {
            assert!(
                seen.insert((action.name, grant, undoes, format!("{:?}", action.only)))
                    || action.name == "ec2:CreateTags",
                "{action:?}"
            );
        }
    }
    assert!(RULES.iter().all(|rule| !rule.why.is_empty() && rule.verbs.is_sorted()));
    assert!(reasons(&Scope::default()).lines().count() > 50);
}

/// Grants that share a statement must share its condition, but for values of the same key.
#[test]
fn grants_of_one_statement_share_its_condition() {
    let mut keys: std::collections::BTreeMap<&str, BTreeSet<(&str, String)>> = Default::default();
    for grant in all().flat_map(|action| action.grants) {
        let own: BTreeSet<(&str, String)> = grant
            .conditions(&named())
            .into_iter()
            .map(|condition| (condition.operator, condition.key))
            .collect();
        assert_eq!(*keys.entry(grant.sid()).or_insert(own.clone()), own, "{grant:?}");
    }
}

proptest! {
    /// IAM limits a role's inline policies to 10,240 characters, a managed policy to 6,144, and a Sid to letters and
    /// digits.
    #[test]
    fn every_policy_fits_the_limits_of_iam(
        cluster in "[a-zA-Z0-9][a-zA-Z0-9_-]{0,99}",
        read_only: bool,
        terminate_unowned: bool,
        undo: bool,
        replacements: bool,
    ) {
        let names = Names { cluster: Some(cluster.clone()), region: Some("ap-southeast-4".into()), ..named() };
        let wanted = Scope { read_only, terminate_unowned, undo, replacements, managed: true, delete_old_groups: true, karpenter: true, step: None };
        let document = document(&wanted, &names);
        let size = document.to_string().len();
        prop_assert!(size <= if read_only { MANAGED_POLICY } else { 10_240 }, "{size}");
        let sids: Vec<&str> =
            document["Statement"].as_array().unwrap().iter().map(|one| one["Sid"].as_str().unwrap()).collect();
        prop_assert!(sids.iter().all(|sid| sid.chars().all(|c| c.is_ascii_alphanumeric())));
        prop_assert_eq!(sids.iter().collect::<BTreeSet<_>>().len(), sids.len());
    }
}
