//! Tests only: whether each field of an SDK's type becomes a property or is explained in docs/pools.md. A field that a
//! later version of the SDK adds is found this way.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use serde_json::Value;

use crate::facts::Unclear;

/// What happens to a field that has no property of its name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    /// A replacement does not get it, and the pool says so.
    Reported,
    /// It is no setting, or it is read in another place.
    Explained,
}

/// Compares a value that has every field set with what was made of it. `section`: the heading in docs/pools.md.
#[track_caller]
pub(super) fn assert_each_has_its_place(
    section: &str,
    value: &impl Debug,
    properties: &Value,
    unclear: &[Unclear],
) {
    let debug = format!("{value:#?}");
    let (set, unset) = fields(&debug);
    assert!(unset.is_empty(), "set these too, and map or explain them: {unset:?}");
    let mut known = BTreeSet::new();
    paths(properties, "", &mut known);
    let explained = explained(section);
    let reported: BTreeSet<String> = unclear.iter().map(|one| plain(&one.what)).collect();
    for field in &set {
        let fate = ancestors(field).find_map(|field| explained.get(field));
        let has_property = known.contains(&plain(field));
        match (has_property, fate) {
            (true, None) | (false, Some(Fate::Explained)) => {}
            (false, Some(Fate::Reported)) => {
                let is_reported = ancestors(field).any(|field| reported.contains(&plain(field)));
                assert!(is_reported, "{field}: docs/pools.md says that it is reported");
            }
            (false, None) => panic!("{field} has no property and no row in docs/pools.md, {section}"),
            (true, Some(_)) => panic!("{field} has a property, so its row in docs/pools.md is stale"),
        }
    }
    let stale: Vec<&String> = explained.keys().filter(|field| !set.contains(*field)).collect();
    assert!(stale.is_empty(), "rows in docs/pools.md without a field: {stale:?}");
}

/// The field, then the structures that it is in, the innermost first.
fn ancestors(field: &str) -> impl Iterator<Item = &str> {
    let ends = [field.len()].into_iter().chain(field.rmatch_indices('.').map(|(at, _)| at));
    ends.map(|end| &field[..end])
}

/// Paths of the fields that are set, and of those that are not: `placement.group_name`.
fn fields(debug: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut set, mut unset) = (BTreeSet::new(), BTreeSet::new());
    let mut within: Vec<(usize, String)> = Vec::new();
    for line in debug.lines() {
        let Some((name, value)) = line.trim_start().split_once(": ") else { continue };
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        // Of a time, not of AWS's API.
        if !name.chars().all(is_name) || ["seconds", "subsecond_nanos"].contains(&name) {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        while within.last().is_some_and(|(outer, _)| *outer >= indent) {
            within.pop();
        }
        within.push((indent, name.to_string()));
        let path = within.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(".");
        if value == "None," {
            unset.insert(path)
        } else {
            set.insert(path)
        };
    }
    (set, unset)
}

/// CloudFormation's spelling and the SDK's differ in case and underscores only.
fn plain(name: &str) -> String {
    name.replace('_', "").to_lowercase()
}

/// Paths of all properties, in plain spelling.
fn paths(value: &Value, within: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(properties) => {
            for (name, value) in properties {
                let path = if within.is_empty() { plain(name) } else { format!("{within}.{}", plain(name)) };
                paths(value, &path, into);
                into.insert(path);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| paths(item, within, into)),
        _ => {}
    }
}

/// The rows of a section's table: `| field | what happens to it | why |`.
fn explained(section: &str) -> BTreeMap<String, Fate> {
    let page = include_str!("../../docs/pools.md");
    let (_, rest) = page.split_once(&format!("## {section}\n")).expect("a section of docs/pools.md");
    let section = rest.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let row = |row: &str| {
        let cells: Vec<&str> = row.trim_end_matches('|').split('|').map(str::trim).collect();
        let [field, what, why] = cells[..] else { panic!("three columns: {row}") };
        assert!(!why.is_empty(), "{field} needs a reason");
        let fate = if what.starts_with("reported") { Fate::Reported } else { Fate::Explained };
        (field.trim_end_matches('`').to_string(), fate)
    };
    rows.map(row).collect()
}

#[test]
fn fields_are_found_in_debug_output() {
    #[derive(Debug)]
    #[expect(dead_code, reason = "only its Debug output is read")]
    struct Inner {
        text: Option<&'static str>,
        missing: Option<u8>,
    }
    #[derive(Debug)]
    #[expect(dead_code, reason = "only its Debug output is read")]
    struct Outer {
        items: Option<Vec<Inner>>,
        last: Option<bool>,
    }
    let value = Outer { items: Some(vec![Inner { text: Some("a"), missing: None }]), last: Some(true) };
    let (set, unset) = fields(&format!("{value:#?}"));
    assert_eq!(set.iter().map(String::as_str).collect::<Vec<_>>(), ["items", "items.text", "last"]);
    assert_eq!(unset.iter().map(String::as_str).collect::<Vec<_>>(), ["items.missing"]);
}
