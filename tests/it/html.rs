//! Pages: written beside the normal output, and opened in a real browser where there is one.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use sandbox::browser::{Browser, Screen};
use sandbox::{Pools, Shape};

use crate::cluster::{refuses, shared, start};
use crate::command::{Outcome, offline, run};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

#[test]
fn a_path_that_cannot_be_written_is_reported_before_the_cluster_is_read() {
    let folder = folder();
    let missing = folder.path().join("missing/plan.html");
    for command in ["plan", "verify"] {
        // The cluster does not exist: reading it would be another error.
        let html = |path: &Path| {
            let args = [command, "--cluster", "shop", "--region", "us-west-2", "--html", text(path)];
            Outcome::of(offline().args(args)).expect(2).stderr
        };
        assert!(html(folder.path()).contains("this is a folder"));
        let refused = html(&missing);
        assert!(refused.contains("can't be written") && refused.contains("--html"), "{refused}");
    }
    let page = folder.path().join("page");
    let both = ["plan", "--cluster", "shop", "--out", text(&page), "--html", text(&page)];
    Outcome::of(offline().args(both)).expect(2).says(&["name the same file"]);
    assert!(!page.exists());
}

#[test]
fn a_page_is_written_beside_the_result_also_of_a_refused_plan() {
    let sandbox = shared();
    let folder = folder();
    let page = folder.path().join("page.html");
    let read = || fs::read_to_string(&page).expect("the page is written");
    let plain = run(&sandbox, &["plan"]).expect(0).stdout;
    let with = run(&sandbox, &["plan", "--html", text(&page)]).expect(0).says(&["The plan as a page"]);
    assert_eq!(with.stdout.lines().next(), plain.lines().next());
    assert!(read().contains("associate-cidr"), "{}", read());
    run(&sandbox, &["plan", "--cidr", "10.1.0.0/16", "--html", text(&page)]).expect(3);
    assert!(read().contains("Refused: fix 1 error first"), "{}", read());
    run(&sandbox, &["verify", "--html", text(&page)]).expect(4);
    assert!(read().contains("Not verified"), "{}", read());
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing else is left behind");
    refuses(&sandbox, &["plan", "--html", "/"], 2, &["this is a folder"]);
}

/// Makes names longer than any screen is wide.
const STRETCH: &str = r"
    document.querySelectorAll('main *, header *').forEach(element => {
        const is_text = element.childElementCount === 0 && element.textContent.trim() !== '';
        if (is_text && element.getBoundingClientRect().width > 1 && !element.closest('svg, .num, .chip, .sign, .number, .state, .time, .value, .remark'))
            element.textContent += '-long'.repeat(40);
    })";
const OVERFLOW: &str = "document.documentElement.scrollWidth - document.documentElement.clientWidth";

#[test]
fn a_page_is_readable_in_a_browser_on_a_phone_and_a_desk_by_day_and_by_night() {
    let Some(program) = Browser::find() else {
        // Not captured as the output of a passed test is.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: no Chromium on the PATH, so no page is opened in a browser"
        );
        return;
    };
    let folder = folder();
    let pages = pages(folder.path());
    let mut browser = Browser::start(&program).expect("Chromium starts");
    for file in &pages {
        for (width, dark) in [(360, false), (360, true), (1280, false), (1280, true)] {
            let screen = Screen { width, height: 800, dark };
            let page = browser.open(file, screen).expect("the page opens");
            let seen = format!("{} at {screen:?}", file.display());
            let mut value = |script: &str| browser.value(&page, script).expect("the script runs");
            assert_eq!(value("getComputedStyle(document.body).colorScheme"), "light dark", "{seen}");
            let ground = value("getComputedStyle(document.body).backgroundColor");
            assert_eq!(ground == "rgb(14, 16, 20)", dark, "{seen}: {ground}");
            assert_eq!(value(OVERFLOW), 0, "{seen}");
            value("document.querySelectorAll('details').forEach(one => one.open = true)");
            assert_eq!(value(OVERFLOW), 0, "{seen}, opened");
            value(STRETCH);
            assert_eq!(value(OVERFLOW), 0, "{seen}, with long names");
            assert_eq!(value(FAINT), serde_json::json!([]), "{seen}");
            assert_eq!(browser.troubles(&page), [""; 0], "{seen}");
        }
    }
}

/// Pages of each kind: a plan with many pools, a refused one, and the results of `verify`.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let sandbox = start(Shape { azs: 3, pools: Pools::Mixed, ..Shape::default() });
    let page = |name: &str, code: i32, args: &[&str]| {
        let path = folder.join(name);
        run(&sandbox, &[args, &["--html", text(&path)]].concat()).expect(code);
        path
    };
    vec![
        page("plan.html", 0, &["plan"]),
        page("refused.html", 3, &["plan", "--cidr", "10.1.0.0/16"]),
        page("verify.html", 4, &["verify"]),
    ]
}

/// Texts with less contrast than WCAG 2 asks for (AA: 4.5 to 1), on the nearest ground that is not transparent.
const FAINT: &str = r"
    (() => {
        const rgb = color => color.match(/[\d.]+/g).map(Number);
        const light = color => {
            const [r, g, b] = rgb(color).map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
            return .2126 * r + .7152 * g + .0722 * b;
        };
        const ground = element => {
            const color = getComputedStyle(element).backgroundColor;
            return rgb(color)[3] === 0 ? ground(element.parentElement) : color;
        };
        const faint = element => {
            const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((a, b) => b - a);
            return (a + .05) / (b + .05) < 4.5;
        };
        const texts = [...document.querySelectorAll('body *')].filter(element =>
            !element.closest('svg, style') && [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()));
        return [...new Set(texts.filter(faint).map(element => element.className + ': ' + element.textContent.slice(0, 40)))];
    })()";
