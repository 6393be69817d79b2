use super::*;
use crate::design::design;
use crate::facts::Facts;
use crate::goal::Goal;
use crate::plan::plan;
use crate::sample::{facts, settings};

const ARGUMENTS: [&str; 4] = ["--cidr", "100.64.0.0/16", "--route-table", "a=rtb-1"];

fn planned(facts: &Facts, arguments: &[&str]) -> (Saved, Plan) {
    let settings = settings(arguments);
    let design = design(&settings, facts);
    let scene = Scene { goal: Goal::Setup, settings: &settings, facts, design: &design };
    let plan = plan(&scene, Vec::new());
    (Saved::of(&plan, &scene), plan)
}

fn text(saved: &Saved) -> String {
    serde_json::to_string_pretty(saved).unwrap()
}

/// The drift of a cluster with these facts from `saved`.
fn drift(saved: &Saved, facts: &Facts, arguments: &[&str]) -> Vec<String> {
    let settings = settings(arguments);
    let design = design(&settings, facts);
    let scene = Scene { goal: Goal::Setup, settings: &settings, facts, design: &design };
    let found = saved.drift(&plan(&scene, Vec::new()), &scene);
    found.iter().map(|finding| format!("{} {}: {}", finding.id, finding.what, finding.why)).collect()
}

#[test]
fn a_saved_plan_is_read_unchanged() {
    let (saved, _) = planned(&facts(), &ARGUMENTS);
    assert_eq!(parse(&text(&saved)).unwrap(), saved);
    insta::assert_snapshot!(text(&saved));
}

#[test]
fn a_saved_plan_has_the_settings_but_no_connection_flags() {
    let arguments =
        ["--cidr", "100.64.0.0/16", "--env-last", "--profile", "mine", "--yes", "--confirm-cluster", "shop"];
    let (saved, _) = planned(&facts(), &arguments);
    let asked: Vec<(&str, &[String])> =
        saved.settings.iter().map(|(flag, values)| (flag.as_str(), values.as_slice())).collect();
    assert_eq!(asked, [("cidr", &["100.64.0.0/16".to_string()][..]), ("env-last", &[])]);
    assert!(!text(&saved).contains("mine"));
}

#[test]
fn every_edit_is_detected() {
    let (saved, _) = planned(&facts(), &ARGUMENTS);
    let text = text(&saved);
    let edits = [
        ("100.64.0.0/16", "100.65.0.0/16"),
        ("\"a=rtb-1\"", "\"a=rtb-1\", \"b=rtb-2\""),
        ("\"program_version\"", "\"note\": \"\", \"program_version\""),
        ("\"resource\":", "\"note\": \"\", \"resource\":"),
        ("\"account\": \"1\"", "\"account\": \"2\""),
        ("\"digest\": \"sha256:", "\"digest\": \"sha256:0"),
    ];
    for (from, to) in edits {
        assert!(text.contains(from), "{from}");
        let error = parse(&text.replacen(from, to, 1)).unwrap_err();
        assert_eq!(error.exit(), crate::exit::Exit::Refused, "{from}");
        assert!(error.what().contains("edited"), "{from}: {error}");
    }
    // White space does not matter.
    assert!(parse(&text.replace("  ", " ")).is_ok());
}

#[test]
fn another_format_version_and_other_files_are_refused() {
    let (saved, plan) = planned(&facts(), &ARGUMENTS);
    let newer = text(&saved).replace("\"format_version\": 1", "\"format_version\": 2");
    assert!(parse(&newer).unwrap_err().what().contains("format version is 2"));
    for other in ["", "[]", "cluster: shop", &serde_json::to_string(&plan).unwrap()] {
        let error = parse(other).unwrap_err();
        assert_eq!(error.exit(), crate::exit::Exit::Usage);
        assert!(error.what().contains("not a saved eni-custom plan"), "{other}");
    }
}

#[test]
fn a_plan_is_refused_for_another_cluster() {
    let (saved, _) = planned(&facts(), &ARGUMENTS);
    let Facts { caller, cluster, .. } = facts();
    assert!(saved.is_for(&caller, &cluster).is_ok());
    let elsewhere = [
        (Caller { account: "2".into(), ..caller.clone() }, cluster.clone()),
        (Caller { region: "s".into(), ..caller.clone() }, cluster.clone()),
        (caller, Cluster { arn: "arn:aws:eks:r:1:cluster/bank".into(), ..cluster }),
    ];
    for (caller, cluster) in elsewhere {
        assert_eq!(saved.is_for(&caller, &cluster).unwrap_err().exit(), crate::exit::Exit::Refused);
    }
}

#[test]
fn pods_and_free_addresses_are_not_drift() {
    let mut facts = facts();
    let (saved, _) = planned(&facts, &ARGUMENTS);
    // Pods come and go, and so do free addresses.
    facts.pods.push(crate::sample::pod("shop", "cart-0"));
    facts.vpc.subnets[0].free = 7;
    assert_eq!(drift(&saved, &facts, &ARGUMENTS), [""; 0]);
}

#[test]
fn drift_shows_the_planned_and_the_current_value() {
    let mut facts = facts();
    let (saved, _) = planned(&facts, &ARGUMENTS);
    facts.nodes.remove(1);
    facts.cni.env.insert("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG".into(), "true".into());
    facts.cluster.version = "1.35".into();
    insta::assert_snapshot!(drift(&saved, &facts, &ARGUMENTS).join("\n"));
}
