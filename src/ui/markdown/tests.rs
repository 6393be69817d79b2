use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::design::design;
use crate::goal::{Goal, Undo};
use crate::issue::id;
use crate::plan::{Plan, plan as make_plan};
use crate::sample::{facts, set_up, settings};
use crate::scene::Scene;
use crate::step::{Change, Sign};
use crate::verify::{Expected, verify};

use super::space::LIMIT;
use super::*;

const APPLY: &str = "eni-custom setup --cluster shop --yes";

fn planned(arguments: &[&str], findings: Vec<Issue>) -> Plan {
    let (settings, facts) = (settings(arguments), facts());
    let design = design(&settings, &facts);
    make_plan(&Scene { goal: Goal::Setup, settings: &settings, facts: &facts, design: &design }, findings)
}

fn warning() -> Issue {
    Issue::warning(id::NET_009, "the pod subnet of a is public")
        .at("subnet-0a")
        .why("pods have no public address")
        .fix("eni-custom create-subnets --route-table a=rtb-1")
}

#[test]
fn a_plan_shows_what_to_decide_on_first_and_the_changes_to_unfold() {
    let other = Issue::warning(id::CNI_007, "the add-on vpc-cni is DEGRADED");
    insta::assert_snapshot!(plan(&planned(&[], vec![warning(), other]), APPLY));
}

#[test]
fn a_refused_plan_says_so_and_no_command_to_apply_it() {
    let error = Issue::error(id::NET_002, "the pod subnets don't fit").at("--cidr").fix("use a larger block");
    let shown = plan(&planned(&["--cidr", "100.64.0.0/28"], vec![error]), APPLY);
    assert!(shown.contains("**Refused: fix 1 error first.**"), "{shown}");
    assert!(shown.contains("Fix the errors, then plan again.") && !shown.contains(APPLY), "{shown}");
}

#[test]
fn an_undo_plan_and_a_plan_without_changes_say_what_they_are() {
    let (settings, facts) = (settings(&[]), set_up());
    let design = design(&settings, &facts);
    let of = |goal| {
        plan(
            &make_plan(&Scene { goal, settings: &settings, facts: &facts, design: &design }, Vec::new()),
            APPLY,
        )
    };
    assert!(of(Goal::Undo(Undo::WHOLE)).starts_with("### Undo plan for EKS cluster: `shop`\n"));
    let nothing = of(Goal::Step(crate::step::Step::DetectCni));
    assert!(nothing.contains("**Nothing to do.**") && !nothing.contains("Next"), "{nothing}");
}

#[test]
fn reports_show_problems_first_and_count_what_passed() {
    insta::assert_snapshot!("report_proven", report(&verify(&set_up(), &Expected::default())));
    insta::assert_snapshot!("report_not_proven", report(&verify(&facts(), &Expected::default())));
}

/// What a page shows of a Markdown text: its text, and the HTML in it.
fn rendered(markdown: &str) -> (String, Vec<String>) {
    let (mut text, mut html, mut cells) = (String::new(), Vec::new(), 0);
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Text(shown) | Event::Code(shown) => text.push_str(&shown),
            Event::Html(shown) | Event::InlineHtml(shown) => html.push(shown.trim().to_string()),
            Event::SoftBreak | Event::HardBreak => text.push('\n'),
            Event::Start(Tag::Emphasis | Tag::Strikethrough | Tag::Link { .. } | Tag::Image { .. }) => {
                html.push(format!("{event:?}"));
            }
            Event::End(TagEnd::TableCell) => cells += 1,
            _ => {}
        }
    }
    assert!(cells % 2 == 0, "a cell was split: {markdown}");
    (text, html)
}

#[test]
fn no_name_becomes_markup() {
    let names =
        ["a|b", "`x`", "``", "<b>bold</b>", "*a* _b_ ~~c~~", "[a](https://b)", "&lt;", "![a](b)", r"\|"];
    for name in names {
        for (shown, is_text) in [(plain(name), true), (code(name), false)] {
            let (text, html) = rendered(&format!("x {shown} y"));
            assert_eq!(text, format!("x {name} y"), "{shown}");
            assert_eq!(html, [""; 0], "{is_text} {shown}");
        }
        let row = vec![plain(name), escape::cell(name)];
        let (text, html) = rendered(&table(&["a", "b"], [row]));
        assert_eq!((text, html), (format!("ab{name}{name}"), Vec::new()));
    }
    // GitHub notifies whoever is named after an @ that stands alone.
    assert_eq!(plain("to @all"), "to @<!-- -->all");
    assert_eq!(escape::html("<@all>"), "&lt;@<!-- -->all&gt;");
}

proptest! {
    #[test]
    fn a_text_stays_in_its_cell(name in "[ -~]{0,20}") {
        // Spaces at the ends of a cell are not shown, nor is an empty cell's code.
        let name = format!("x{name}x");
        let (text, _) = rendered(&table(&["a", "b"], [vec![escape::cell(&name), escape::cell(&name)]]));
        prop_assert_eq!(text, format!("ab{name}{name}"));
    }

    #[test]
    fn code_ends_where_its_block_ends(text in "[`a\\n]{0,40}") {
        let shown = format!("{}\nafter", escape::block("diff", &text));
        let (read, _) = rendered(&shown);
        prop_assert!(read.ends_with("after"), "{}", shown);
        prop_assert!(read.contains(text.trim_end()), "{}", shown);
    }
}

#[test]
fn a_plan_that_is_too_long_for_a_comment_is_shortened_and_says_so() {
    let findings = (0..500).map(|_| warning().why("x".repeat(300))).collect();
    let mut long = planned(&[], findings);
    for step in &mut long.steps {
        let change =
            |at| Change::new(Sign::Create, format!("resource {at} ``` </details>")).to("id", "y".repeat(40));
        step.changes.extend((0..700).map(change));
    }
    let shown = plan(&long, APPLY);
    assert!(shown.len() <= LIMIT && shown.len() > LIMIT / 2, "{}", shown.len());
    assert!(
        shown.contains("**Shortened to 65536 characters, the limit of a comment on GitHub.**"),
        "{shown}"
    );
    assert!(shown.contains("findings") && shown.contains("changes. Without `--output markdown`"), "{shown}");
    assert!(shown.contains(APPLY), "the next command is never left out");
    let (_, html) = rendered(&shown);
    let count = |tag: &str| html.iter().filter(|line| line.starts_with(tag)).count();
    assert_eq!((count("<details>"), count("</details>")), (9, 9), "each step is there, and closed");
}
