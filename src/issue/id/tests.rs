use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::layers::{code, sources};

use super::*;

/// The whole table.
fn all() -> impl Iterator<Item = Id> {
    [PLAN, VERIFY, DOCTOR].into_iter().flatten().copied()
}

/// Every issue id in a text.
fn ids(text: &str) -> BTreeSet<String> {
    let is_id = |id: &str| {
        let parts: Vec<&str> = id.split('-').collect();
        let [_, area, number] = parts[..] else { return false };
        area.bytes().all(|b| b.is_ascii_uppercase()) && number.bytes().all(|b| b.is_ascii_digit())
    };
    let found = text.match_indices("EC-").filter_map(|(at, _)| text.get(at..at + "EC-NET-003".len()));
    found.filter(|id| is_id(id)).map(ToString::to_string).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn documentation() -> String {
    fs::read_to_string(root().join("docs/checks.md")).unwrap()
}

/// Rows of docs/checks.md that explain an id: the id, its severity, and what it is about.
fn rows(docs: &str) -> Vec<[&str; 3]> {
    docs.lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| <a id=\"")?.split(" | ");
            let (anchor, id) = cells.next()?.split_once("\"></a>")?;
            assert_eq!(anchor, id.to_lowercase(), "the anchor of {id}");
            Some([id, cells.next()?, cells.next()?.trim_end_matches(" |")])
        })
        .collect()
}

/// The severities of an id as docs/checks.md shows them: `error or risk`.
fn severities(id: Id) -> String {
    let name = |severity: &Severity| match severity {
        Severity::Error => "error",
        Severity::Warning if id.is_risk() => "risk",
        Severity::Warning => "warning",
        Severity::Note => "note",
        Severity::Unknown => "unknown",
        Severity::Passed => "passed",
    };
    id.severities().iter().map(name).collect::<Vec<_>>().join(" or ")
}

#[test]
fn ids_are_unique_and_in_order() {
    for list in [PLAN, VERIFY, DOCTOR] {
        assert!(list.is_sorted_by(|one, next| one < next));
    }
    assert_eq!(all().collect::<BTreeSet<_>>().len(), all().count());
}

#[test]
fn each_constant_has_the_name_of_its_id() {
    let table = fs::read_to_string(root().join("src/issue/id.rs")).unwrap();
    for id in all() {
        let name = id.as_str().trim_start_matches("EC-").replace('-', "_");
        assert!(table.contains(&format!("    {name} = \"{id}\": ")), "{id} is not that of {name}");
    }
}

#[test]
fn every_id_is_reported_somewhere() {
    let sources: String = sources(&root().join("src")).iter().filter_map(|path| code(path)).collect();
    let unused = |id: &Id| !sources.contains(&format!("id::{}", id.as_str()[3..].replace('-', "_")));
    assert_eq!(all().find(unused), None);
}

#[test]
fn every_id_in_a_text_is_in_the_table() {
    let files = sources(&root().join("src"));
    let named: BTreeSet<String> =
        files.iter().flat_map(|path| ids(&fs::read_to_string(path).unwrap())).collect();
    let known: BTreeSet<String> = all().map(|id| id.to_string()).collect();
    assert_eq!(named.difference(&known).collect::<Vec<_>>(), ["EC-NET-999"], "which a test asks for");
}

#[test]
fn the_documentation_explains_exactly_the_ids_of_the_table() {
    let docs = documentation();
    let rows = rows(&docs);
    let documented: BTreeSet<&str> = rows.iter().map(|[id, ..]| *id).collect();
    assert_eq!(documented.len(), rows.len(), "an id has two rows");
    let known: BTreeSet<&str> = all().map(Id::as_str).collect();
    assert_eq!(known.difference(&documented).next(), None, "no row in docs/checks.md");
    assert_eq!(documented.difference(&known).next(), None, "no such id");
}

#[test]
fn the_documentation_has_the_severities_and_the_title_of_each_id() {
    let docs = documentation();
    for [name, severity, meaning] in rows(&docs) {
        let Some(id) = all().find(|id| id.as_str() == name) else { continue };
        assert_eq!(severity, severities(id), "the severity of {id}");
        let title = format!("**{}**", id.title()).to_lowercase();
        assert!(meaning.to_lowercase().starts_with(&title), "{id} in docs/checks.md must start with {title}");
    }
}

/// Each field failure has a row with at least one check.
#[test]
fn every_field_failure_has_a_check() {
    let docs = documentation();
    let table = docs.split("## Field failures").nth(1).unwrap();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split('|').map(str::trim).collect())
        .filter(|cells: &Vec<&str>| cells.get(1).is_some_and(|number| number.parse::<u32>().is_ok()))
        .collect();
    let numbers: Vec<u32> = rows.iter().map(|cells| cells[1].parse().unwrap()).collect();
    assert!(numbers.len() >= 32 && numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
    for cells in rows {
        let reported_by = ids(cells[4]);
        assert!(!reported_by.is_empty(), "no check reports {}", cells[2]);
        let unknown = reported_by.iter().find(|name| !all().any(|id| id.as_str() == **name));
        assert_eq!(unknown, None, "of {}", cells[2]);
    }
}

/// The code and the documentation list the same bugs of the CNI.
#[test]
fn the_documented_bugs_of_the_cni_are_those_in_the_code() {
    let docs = documentation();
    let table = docs.split("## Bugs of the VPC CNI").nth(1).unwrap().split("\n## ").next().unwrap();
    for bug in crate::cni_bugs::BUGS {
        let row = format!("| {} | {} | {} |", bug.issue, bug.from, bug.fixed);
        assert!(table.contains(&row), "docs/checks.md lacks: {row}");
    }
    let rows = table
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| #") && !line.starts_with("| -"));
    assert_eq!(rows.count(), crate::cni_bugs::BUGS.len());
}

#[test]
fn only_warnings_can_be_accepted() {
    let acceptable = |text| acceptable(text).map(Id::as_str);
    assert_eq!(acceptable("ec-net-009"), Ok("EC-NET-009"));
    assert_eq!(acceptable("EC-POD-011"), Ok("EC-POD-011"), "an error on some clusters only");
    assert!(acceptable("EC-NET-003").unwrap_err().contains("must be fixed"));
    assert!(acceptable("EC-NOD-009").unwrap_err().contains("needs no acceptance"));
    assert!(acceptable("EC-NET-999").unwrap_err().contains("no issue"));
    assert!(acceptable("EC-VFY-017").unwrap_err().contains("need no acceptance"), "verify refuses nothing");
}

/// The rendered text of an id is its name, wherever it is shown.
#[test]
fn an_id_is_shown_written_and_sorted_as_its_name() {
    let id = NET_003.id();
    assert_eq!(id.to_string(), "EC-NET-003");
    assert_eq!(format!("{id:?} {id:>12}"), "\"EC-NET-003\"   EC-NET-003");
    assert_eq!(serde_json::json!(id), "EC-NET-003");
    assert!(id == NET_003 && id < NET_004.id());
}
