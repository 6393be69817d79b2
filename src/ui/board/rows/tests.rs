use crate::events::Part;
use crate::step::Step;

use super::*;

const PLAIN: Look = Look { color: false, ascii: false };

fn steps(states: [StepState; 9]) -> Vec<StepView> {
    Step::DOCUMENTED.into_iter().zip(states).map(|(step, state)| StepView { step, state }).collect()
}

/// Four steps are done, one runs.
fn at_work(wait: WaitView) -> View {
    let done = |changes, seconds| StepState::Done { changes, seconds };
    let to_do = |changes, estimate| StepState::ToDo { changes, estimate: Some(estimate) };
    View {
        steps: steps([
            done(1, 3),
            done(3, 6),
            done(1, 75),
            done(0, 0),
            done(0, 0),
            done(3, 1),
            StepState::Running { made: 1, changes: 4, seconds: 70, left: Some(125) },
            to_do(6, 180),
            to_do(1, 390),
        ]),
        wait: Some(wait),
        elapsed: 155,
        left: Some(695),
        ..View::default()
    }
}

fn stack() -> View {
    at_work(WaitView {
        what: "3 stacks to complete".into(),
        detail: "eni-custom-shop-us-west-2a: NodeInstanceProfile (AWS::IAM::InstanceProfile) CREATE_IN_PROGRESS: Resource creation Initiated".into(),
        seconds: 48,
        part: Some(Part { done: 1, of: 3, noun: "stack" }),
        drain: None,
    })
}

fn drain() -> View {
    let mut view = at_work(WaitView {
        what: "nodes to be drained".into(),
        detail: String::new(),
        seconds: 100,
        part: None,
        drain: Some(DrainState {
            pods_moved: 37,
            pods: 120,
            nodes_empty: 1,
            nodes: 3,
            waiting: Some(DrainWait {
                pods: 14,
                why: "14 pods for pdb/shop/api (2 of 3 unhealthy)".into(),
                budget: Some("shop/api".into()),
                seconds: 72,
            }),
            left_seconds: Some(350),
        }),
    });
    view.steps[6].state = StepState::Done { changes: 4, seconds: 130 };
    view.steps[7].state = StepState::Done { changes: 6, seconds: 166 };
    view.steps[8].state = StepState::Running { made: 1, changes: 1, seconds: 100, left: Some(350) };
    view
}

fn shown(view: &View, size: (usize, usize), look: Look) -> String {
    let lines = rows(view, size, look);
    assert!(lines.len() < size.0.max(2), "{} lines in {} rows", lines.len(), size.0);
    assert!(size.1 < 60 || lines.len() <= 15, "{} lines", lines.len());
    for line in &lines {
        assert!(measure_text_width(line) < size.1, "{line}");
    }
    lines.join("\n")
}

#[test]
fn a_wait_names_the_resource_and_its_reason() {
    insta::assert_snapshot!(shown(&stack(), (24, 80), PLAIN));
}

#[test]
fn a_drain_is_a_bar_with_what_it_waits_for() {
    insta::assert_snapshot!(shown(&drain(), (24, 80), PLAIN));
}

#[test]
fn a_wide_terminal_shows_whole_sentences_and_a_narrow_one_what_matters() {
    insta::assert_snapshot!(shown(&stack(), (24, 200), PLAIN));
    insta::assert_snapshot!(shown(&drain(), (24, 60), PLAIN));
}

#[test]
fn a_run_that_is_asked_to_stop_says_so_in_whole_words() {
    let stopping = View { stopping: true, ..drain() };
    insta::assert_snapshot!(shown(&stopping, (24, 60), PLAIN));
}

#[test]
fn a_low_terminal_shows_only_the_running_step() {
    insta::assert_snapshot!(shown(&drain(), (10, 80), PLAIN));
    for rows in 1..4 {
        let lines = shown(&drain(), (rows, 80), PLAIN);
        assert!(lines.contains("9 drain-nodes"), "{lines}");
    }
}

#[test]
fn every_size_fits() {
    for view in [stack(), drain(), View { stopping: true, ..stack() }, View::default()] {
        for columns in (21..=220).step_by(3) {
            for rows in 1..30 {
                shown(&view, (rows, columns), PLAIN);
            }
        }
    }
}

#[test]
fn a_locale_without_utf_8_gets_nothing_but_ascii() {
    for view in [stack(), drain()] {
        let shown = shown(&view, (24, 70), Look { color: false, ascii: true });
        assert!(shown.is_ascii(), "{shown}");
    }
}

#[test]
fn colors_change_no_width() {
    let size = (24, 80);
    let colored = rows(&drain(), size, Look { color: true, ascii: false });
    let bare: Vec<String> = colored.iter().map(|line| console::strip_ansi_codes(line).into_owned()).collect();
    assert!(colored.iter().any(|line| line.contains("\x1b[")));
    assert_eq!(bare, rows(&drain(), size, PLAIN));
}
