use crate::design::design;
use crate::facts::Facts;
use crate::goal::Goal;
use crate::issue::{Issue, id};
use crate::plan;
use crate::sample::{add_pool, custom, facts, karpenter_nodes, settings};
use crate::scene::Scene;
use crate::step::Step;
use crate::verify::{Expected, verify};

use super::*;

/// A name that is markup, as no resource should have but a tag may.
const NASTY: &str = r#"<script>alert("1")</script>&'"#;

fn planned(facts: &Facts, arguments: &[&str], findings: Vec<Issue>) -> String {
    let settings = settings(arguments);
    let design = design(&settings, facts);
    let scene = Scene { goal: Goal::Setup, settings: &settings, facts, design: &design };
    super::plan(&plan::plan(&scene, findings), &scene, "eni-custom setup --plan plan.json")
}

/// A page as one element a line, without what differs from run to run and without the style.
fn same(name: &str, page: &str) {
    let lines = page.replace("><", ">\n<");
    insta::with_settings!({filters => vec![
        (r"(?s)<style>.*</style>", "<style>…</style>"),
        (r"sha256-[^']*", "sha256-…"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "TIME UTC"),
        (r#"href="data:[^"]*""#, r#"href="data:…""#),
    ]}, { insta::assert_snapshot!(name, lines) });
}

/// Two zones, with a pool in both and one in zone a; their subnets are short of addresses.
fn short() -> Facts {
    let mut facts = facts();
    facts.vpc.blocks.truncate(1);
    facts.vpc.subnets.iter_mut().for_each(|subnet| subnet.free = 12);
    facts.nodes.clear();
    add_pool(&mut facts, "web", "m5.large", &["a", "b"]);
    add_pool(&mut facts, "batch", "c5.2xlarge", &["a"]);
    facts
}

#[test]
fn the_page_of_a_plan_matches_its_snapshot() {
    let warning =
        Issue::warning(id::CNI_007, "the add-on vpc-cni is DEGRADED").at("vpc-cni").why("a pod is Pending");
    let risk = Issue::warning(id::NET_009, "the pod subnet of a is public").fix("use another route table");
    let page = planned(&short(), &["--cidr", "100.64.0.0/16"], vec![warning, risk]);
    same("plan", &page);
}

#[test]
fn the_page_of_what_is_not_verified_matches_its_snapshot() {
    let mut facts = custom();
    facts.nodes.extend(self::facts().nodes);
    same("not_verified", &super::report(&verify(&facts, &Expected::default()), &facts));
}

#[test]
fn the_page_of_a_verified_cluster_says_so() {
    let facts = custom();
    let page = super::report(&verify(&facts, &Expected::default()), &facts);
    assert!(page.contains("Verified: custom networking works"));
}

#[test]
fn what_refuses_a_plan_comes_before_everything_else() {
    let error = || vec![Issue::error(id::NET_002, "the pod subnets don't fit")];
    let at = |page: &str, section: &str| page.find(&format!("<section id=\"{section}\"")).expect(section);
    let refused = planned(&short(), &[], error());
    assert!(at(&refused, "findings") < at(&refused, "addresses"));
    assert!(refused.contains("Refused: fix 1 error first") && !refused.contains("To make these changes"));
    let warned = planned(&short(), &[], vec![Issue::warning(id::CNI_007, "x")]);
    assert!(at(&warned, "findings") > at(&warned, "steps"));
    assert!(warned.contains("To make these changes"));
}

#[test]
fn a_plan_without_changes_is_a_page_too() {
    let (facts, settings) = (custom(), settings(&[]));
    let design = design(&settings, &facts);
    let scene =
        Scene { goal: Goal::Step(Step::DetectCni), settings: &settings, facts: &facts, design: &design };
    let page = super::plan(&plan::plan(&scene, Vec::new()), &scene, "");
    assert!(page.contains("Nothing to do") && page.contains("up to date"));
}

#[test]
fn a_node_pool_whose_nodes_karpenter_replaces_is_a_pool() {
    let mut facts = facts();
    karpenter_nodes(&mut facts);
    facts.nodes.iter_mut().for_each(|node| node.max_pods = 29);
    let page = planned(&facts, &[], Vec::new());
    assert!(page.contains("NodePool; Karpenter replaces its nodes"));
    let capacity = r#"<span class="before">58</span><span class="arrow" aria-hidden="true">→</span><span class="sr"> then </span>40</span>"#;
    assert!(page.contains(capacity));
}

#[test]
fn alternatives_are_shown_where_only_addresses_are_short() {
    assert!(planned(&short(), &[], Vec::new()).contains("enhanced subnet discovery"));
    assert!(!planned(&facts(), &[], Vec::new()).contains("enhanced subnet discovery"));
}

#[test]
fn nothing_that_a_cluster_contains_becomes_markup() {
    let mut facts = short();
    facts.cluster.name = NASTY.into();
    facts.cluster.version = NASTY.into();
    facts.caller.region = NASTY.into();
    facts.vpc.id = NASTY.into();
    for subnet in &mut facts.vpc.subnets {
        subnet.zone_id = NASTY.into();
    }
    for pool in &mut facts.pools {
        pool.labels.insert("team".into(), NASTY.into());
        pool.role = Some(NASTY.into());
    }
    let issue = || {
        let names = vec![NASTY.to_string(); 9];
        Issue::warning(id::CNI_007, NASTY).about(names).why(NASTY).fix(NASTY).evidence([NASTY.to_string()])
    };
    let plan = planned(&facts, &[], vec![issue()]);
    let report = super::report(&verify(&facts, &Expected::default()), &facts);
    for page in [plan, report] {
        assert!(page.contains("&lt;script&gt;alert("));
        assert!(!page.contains("<script"));
        // The icon's namespace is the only address.
        let addresses = page.matches("http").count() - page.matches("http-equiv").count();
        assert_eq!(addresses, 1);
    }
}

#[test]
fn numbers_have_their_thousands_apart() {
    let cases = [(0, "0"), (251, "251"), (8_187, "8,187"), (65_531, "65,531"), (16_777_216, "16,777,216")];
    for (value, text) in cases {
        assert_eq!(number(value), text);
    }
}
