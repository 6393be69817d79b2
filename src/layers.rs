//! Tests the order of this crate's modules: no module imports one of a higher layer.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// From the lowest layer to the highest. A module imports only modules before it, so there are no cycles.
const ORDER: &[(&str, &[&str])] = &[
    (
        "values: what things are",
        &[
            "exit",
            "yaml",
            "text",
            "shell",
            "tags",
            "client_token",
            "calls",
            "step",
            "goal",
            "issue",
            "error",
            "log",
            "events",
            "net",
            "addon",
            "ownership",
            "facts",
            "nodes",
            "settings",
        ],
    ),
    (
        "decisions: pure",
        &[
            "design",
            "scene",
            "capacity",
            "eviction",
            "subnet_tags",
            "cni_bugs",
            "fixes",
            "suspended",
            "reach",
            "alternatives",
            "found",
            "policy",
            "verify",
        ],
    ),
    ("adapters: SDK types in, facts out", &["aws", "k8s", "clients"]),
    ("effects", &["discover", "session", "permissions", "drain", "steps"]),
    // A step's decision and its effect are in one file, so what reads the decisions of steps is above them.
    ("judgements: on the steps' decisions", &["checks", "doctor", "plan", "status", "saved", "export"]),
    ("runs", &["probe", "run"]),
    ("people: all that reads arguments and prints", &["ui", "wizard", "cli", "commands"]),
    ("tests only: a cluster in memory that runs are tried on", &["scripted"]),
];

/// The code of a file; test code may import anything, so it is left out.
pub(crate) fn code(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    if name == "tests.rs" || path.components().any(|part| part.as_os_str() == "tests") {
        return None;
    }
    let text = fs::read_to_string(path).expect("a text");
    Some(text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_string())
}

/// All Rust files of a folder and those below it.
pub(crate) fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let mut files: Vec<_> =
        files.into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs")).collect();
    files.extend(folders.iter().flat_map(|folder| sources(folder)));
    files
}

/// The modules that a text imports: after `crate::`, also within braces.
fn imported(text: &str) -> BTreeSet<&str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut modules = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        let (inner, several) = match rest.strip_prefix('{') {
            Some(inner) => (inner.split('}').next().unwrap_or_default(), true),
            None => (rest, false),
        };
        for item in inner.split(',').take(if several { usize::MAX } else { 1 }) {
            let item = item.trim_start();
            let end = item.find(|c| !is_name(c)).unwrap_or(item.len());
            modules.insert(&item[..end]);
        }
    }
    modules
}

#[test]
fn no_module_imports_a_higher_layer() {
    let order: Vec<&str> = ORDER.iter().flat_map(|(_, modules)| modules.iter().copied()).collect();
    let rank: BTreeMap<&str, usize> = order.iter().enumerate().map(|(at, module)| (*module, at)).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut upwards = Vec::new();
    for path in sources(&root) {
        let within = path.strip_prefix(&root).expect("it is there");
        let module = within.components().next().expect("a name").as_os_str().to_string_lossy();
        let module = module.trim_end_matches(".rs");
        if ["lib", "main", "layers", "sample"].contains(&module) {
            continue;
        }
        let Some(own) = rank.get(module) else { panic!("module {module} is missing in ORDER") };
        let text = code(&path).unwrap_or_default();
        let above =
            imported(&text).into_iter().filter(|module| rank.get(module).is_some_and(|rank| rank > own));
        upwards.extend(above.map(|above| format!("{}: {above}", within.display())));
    }
    assert!(upwards.is_empty(), "these import a higher layer:\n{}", upwards.join("\n"));
}

#[test]
fn imports_are_found_in_each_form() {
    let text = "use crate::facts::{Facts, Node};\nuse crate::{export, saved::Saved};\nfn x() -> crate::exit::Exit {}";
    let modules: Vec<&str> = imported(text).into_iter().collect();
    assert_eq!(modules, ["exit", "export", "facts", "saved"]);
}
