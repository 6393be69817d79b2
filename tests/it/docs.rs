//! The documents tell the truth: their commands parse, their flags exist, their links lead somewhere, and the marked
//! examples run on a cluster as a user would type them.
//!
//! An example is marked by a comment on the line before its fence, which says when it runs: `<!-- example: before -->`
//! (before `setup`), `setup`, `after` or `undo`. All run on one cluster, which has the name that the documents use.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use clap::{CommandFactory, Parser};
use eni_custom::cli::Cli;
use sandbox::{OldNodes, Shape};

use crate::cluster::start;
use crate::command::shell;

/// The order in which examples run.
const PHASES: [&str; 4] = ["before", "setup", "after", "undo"];

/// Flags of other programs that documents name without their program.
const FLAGS_OF_OTHERS: [&str; 3] = ["--aws-feature-gates", "--nodes", "--service-account-role-arn"];

struct Document {
    path: PathBuf,
    text: String,
}

/// A code fence.
struct Fence {
    language: String,
    /// The phase in which it runs, if it is marked.
    phase: Option<String>,
    lines: Vec<String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Markdown file that a user reads: of the root, and below these folders.
fn documents() -> Vec<Document> {
    let mut files = Vec::new();
    let mut open = vec![root().join("docs"), root().join("benches"), root().join("examples")];
    open.push(root().join("tests/sandbox"));
    files.extend(entries(root()).filter(|path| path.is_file()));
    while let Some(folder) = open.pop() {
        for path in entries(&folder) {
            if path.is_dir() { open.push(path) } else { files.push(path) }
        }
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    files.sort();
    let read = |path: PathBuf| Document { text: fs::read_to_string(&path).expect("a text"), path };
    files.into_iter().map(read).collect()
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("an entry").path())
}

impl Document {
    fn name(&self) -> String {
        self.path.strip_prefix(root()).expect("below the root").display().to_string()
    }

    fn fences(&self) -> Vec<Fence> {
        let mut fences: Vec<Fence> = Vec::new();
        let (mut inside, mut before) = (false, "");
        for line in self.text.lines() {
            // In a list a fence is indented.
            let line = line.trim_start();
            match (line.strip_prefix("```"), inside) {
                (Some(_), true) => inside = false,
                (Some(language), false) => {
                    let phase =
                        before.strip_prefix("<!-- example: ").and_then(|rest| rest.strip_suffix(" -->"));
                    fences.push(Fence {
                        language: language.trim().to_string(),
                        phase: phase.map(ToString::to_string),
                        lines: Vec::new(),
                    });
                    inside = true;
                }
                (None, true) => fences.last_mut().expect("an open fence").lines.push(line.to_string()),
                (None, false) => {}
            }
            before = line;
        }
        assert!(!inside, "{} has a fence without an end", self.name());
        fences
    }

    /// The text outside of fences.
    fn prose(&self) -> String {
        let mut inside = false;
        let mut prose = String::new();
        for line in self.text.lines() {
            if line.trim_start().starts_with("```") {
                inside = !inside;
            } else if !inside {
                prose.push_str(line);
                prose.push('\n');
            }
        }
        prose
    }

    /// The `code` in the prose. A span may go over a line's end.
    fn code_spans(&self) -> Vec<String> {
        let prose = self.prose();
        prose.split('`').skip(1).step_by(2).map(|span| span.replace('\n', " ")).collect()
    }

    /// The targets of all links and pictures.
    fn links(&self) -> Vec<String> {
        let prose = self.prose();
        let links = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        let sources = ["src=\"", "srcset=\""].into_iter().flat_map(|name| prose.split(name).skip(1));
        let pictures = sources.filter_map(|rest| rest.split_once('"'));
        links.chain(pictures).map(|(target, _)| target.to_string()).collect()
    }

    /// What a link can lead to within the document: its headings as GitHub names them, and explicit ids.
    fn anchors(&self) -> BTreeSet<String> {
        let prose = self.prose();
        let headings = prose.lines().filter(|line| line.starts_with('#')).map(slug);
        let ids = prose.split("<a id=\"").skip(1).filter_map(|rest| rest.split_once('"'));
        headings.chain(ids.map(|(id, _)| id.to_string())).collect()
    }
}

/// `## Don't use `x`, or else` becomes `dont-use-x-or-else`.
fn slug(heading: &str) -> String {
    let title = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

impl Fence {
    fn is_shell(&self) -> bool {
        matches!(self.language.as_str(), "sh" | "bash" | "console")
    }

    /// The commands as typed: without prompts and output, and with continued lines joined.
    fn commands(&self) -> Vec<String> {
        let mut commands: Vec<String> = Vec::new();
        let mut continued = false;
        for line in &self.lines {
            let typed = match self.language.as_str() {
                "console" if !continued => line.strip_prefix("$ "),
                _ => Some(line.as_str()),
            };
            let Some(typed) = typed.filter(|typed| !typed.trim().is_empty()) else { continue };
            let (part, more) = match typed.strip_suffix('\\') {
                Some(part) => (part, true),
                None => (typed, false),
            };
            if continued {
                commands.last_mut().expect("a command to continue").push_str(part);
            } else {
                commands.push(part.to_string());
            }
            continued = more;
        }
        commands
    }
}

/// The parts of a command line that start programs, without comments and leading variables.
fn programs(line: &str) -> Vec<Vec<String>> {
    let line = line.split_once(" #").map_or(line, |(command, _)| command);
    let words = shell_words::split(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    let parts = words.split(|word| matches!(word.as_str(), "|" | "&&" | "||" | ";"));
    let is_variable = |word: &&String| {
        word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
    };
    let until_redirection = |part: &[String]| -> Vec<String> {
        let words = part.iter().skip_while(is_variable).take_while(|word| !word.starts_with('>'));
        words.cloned().collect()
    };
    parts.map(until_redirection).filter(|part| !part.is_empty()).collect()
}

#[test]
fn the_readme_can_be_read_in_five_minutes() {
    let lines = fs::read_to_string(root().join("README.md")).expect("a text").lines().count();
    assert!(lines <= 120, "README.md has {lines} lines; move details to docs/");
}

#[test]
fn links_between_documents_lead_somewhere() {
    let documents = documents();
    let mut broken = Vec::new();
    let mut checked = 0;
    for document in &documents {
        for link in
            document.links().iter().filter(|link| !link.contains("://") && !link.starts_with("mailto:"))
        {
            checked += 1;
            let (file, anchor) =
                link.split_once('#').map_or((link.as_str(), None), |(file, a)| (file, Some(a)));
            let folder = document.path.parent().expect("a folder");
            let target = if file.is_empty() { document.path.clone() } else { folder.join(file) };
            let Ok(target) = target.canonicalize() else {
                broken.push(format!("{}: {link}: no such file", document.name()));
                continue;
            };
            let Some(anchor) = anchor else { continue };
            let there =
                documents.iter().find(|other| other.path.canonicalize().is_ok_and(|path| path == target));
            if !there.is_some_and(|other| other.anchors().contains(anchor)) {
                broken.push(format!("{}: {link}: no such heading", document.name()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(checked > 80, "only {checked} links were found");
}

#[test]
fn every_document_can_be_reached_from_the_readme() {
    let documents = documents();
    let mut reached = BTreeSet::from([root().join("README.md")]);
    let mut open = vec![root().join("README.md")];
    while let Some(path) = open.pop() {
        let document = documents.iter().find(|document| document.path == path).expect("a document");
        for link in document.links() {
            let file = link.split('#').next().unwrap_or_default();
            let target = path.parent().expect("a folder").join(file).canonicalize();
            let Some(target) = target.ok().filter(|_| !file.is_empty()) else { continue };
            if documents.iter().any(|document| document.path == target) && reached.insert(target.clone()) {
                open.push(target);
            }
        }
    }
    let lost: Vec<String> = documents
        .iter()
        .filter(|document| {
            document.path.starts_with(root().join("docs")) && !reached.contains(&document.path)
        })
        .map(Document::name)
        .collect();
    assert_eq!(lost, [""; 0], "no document links to these");
}

#[test]
fn every_command_in_the_documents_parses() {
    let mut wrong = Vec::new();
    let mut parsed = 0;
    for document in documents() {
        for fence in document.fences().iter().filter(|fence| fence.is_shell()) {
            for command in fence.commands() {
                for words in programs(&command).iter().filter(|words| words[0] == "eni-custom") {
                    parsed += 1;
                    if let Err(error) = Cli::try_parse_from(words) {
                        wrong.push(format!("{}: {command}\n{error}", document.name()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(parsed > 60, "only {parsed} commands were found");
}

/// All long flags of a command and its subcommands.
fn flags(command: &clap::Command, found: &mut BTreeSet<String>) {
    for argument in command.get_arguments() {
        let names = argument.get_long().into_iter().chain(argument.get_all_aliases().into_iter().flatten());
        found.extend(names.map(|name| format!("--{name}")));
    }
    for subcommand in command.get_subcommands() {
        flags(subcommand, found);
    }
}

/// Whether a program of this repository that is no library has the flag: its field is in one of these folders.
fn in_the_tools(flag: &str) -> bool {
    let name = flag.trim_start_matches("--");
    let field = format!("{}:", name.replace('-', "_"));
    let folders = ["tests/sandbox", "tests/drain_bench"].map(|folder| root().join(folder));
    let mut sources = folders.iter().flat_map(|folder| entries(folder));
    let quoted = format!("\"{name}\"");
    sources.any(|path| {
        let is_source = path.extension().is_some_and(|extension| extension == "rs");
        let text = if is_source { fs::read_to_string(&path).unwrap_or_default() } else { String::new() };
        text.contains(&field) || text.contains(&quoted)
    })
}

#[test]
fn every_flag_that_the_documents_name_exists() {
    let mut known = BTreeSet::from(["--help", "--version"].map(String::from));
    let mut command = Cli::command();
    // Only then do subcommands have the global flags too.
    command.build();
    flags(&command, &mut known);
    let others = ["aws", "kubectl", "cargo", "helm", "apt-get", "ssh", "git", "python"];
    let mut unknown = BTreeSet::new();
    let mut checked = 0;
    for document in documents() {
        let mut texts = document.code_spans();
        let shells = document.fences().into_iter().filter(Fence::is_shell);
        let tools = shells.flat_map(|fence| fence.commands()).filter(|line| line.starts_with("cargo run"));
        texts.extend(tools.filter_map(|line| Some(line.split_once(" -- ")?.1.to_string())));
        for text in texts {
            let words: Vec<&str> = text.split_whitespace().collect();
            if words.first().is_some_and(|first| others.contains(first)) {
                continue;
            }
            for word in words.iter().filter(|word| word.starts_with("--") && word.len() > 3) {
                let flag = word.split(['=', '[', ',', ';', '.', ')']).next().unwrap_or_default();
                checked += 1;
                if !known.contains(flag) && !FLAGS_OF_OTHERS.contains(&flag) && !in_the_tools(flag) {
                    unknown.insert(format!("{}: {flag} in `{text}`", document.name()));
                }
            }
        }
    }
    let unknown: Vec<String> = unknown.into_iter().collect();
    assert!(
        unknown.is_empty(),
        "no such flags (another program's belong to FLAGS_OF_OTHERS):\n{}",
        unknown.join("\n")
    );
    assert!(checked > 150, "only {checked} flags were found");
}

/// The variables that flags of a command and its subcommands read.
fn variables(command: &clap::Command, found: &mut BTreeSet<String>) {
    let names = command.get_arguments().filter_map(clap::Arg::get_env);
    found.extend(names.map(|name| name.to_string_lossy().into_owned()));
    for subcommand in command.get_subcommands() {
        variables(subcommand, found);
    }
}

#[test]
fn every_variable_of_eni_custom_that_the_documents_name_is_read() {
    let mut known = BTreeSet::new();
    variables(&Cli::command(), &mut known);
    // Jobs have variables of their own.
    let folder = root().join("examples/ci");
    let jobs = entries(&folder).filter(|path| path.is_file());
    let jobs: String = jobs.map(|path| fs::read_to_string(path).expect("a text")).collect();
    let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let mut named = BTreeSet::new();
    for document in documents() {
        let words = document.text.split(|c| !is_name(c));
        // The sandbox has its own.
        let own =
            words.filter(|word| word.starts_with("ENI_CUSTOM_") && !word.starts_with("ENI_CUSTOM_SANDBOX"));
        named.extend(own.map(ToString::to_string));
    }
    let unread: Vec<&String> = named.difference(&known).filter(|name| !jobs.contains(*name)).collect();
    assert_eq!(unread, [""; 0], "no flag reads these");
    let own: Vec<&String> = known.iter().filter(|name| name.starts_with("ENI_CUSTOM_")).collect();
    let unnamed: Vec<&&String> = own.iter().filter(|name| !named.contains(**name)).collect();
    assert!(unnamed.is_empty(), "docs/settings.md does not list {unnamed:?}");
}

#[test]
fn marked_examples_run_as_a_user_types_them() {
    let mut marked = Vec::new();
    for document in documents() {
        for fence in document.fences() {
            if let Some(phase) = &fence.phase {
                assert!(fence.is_shell(), "{}: an example that no shell runs", document.name());
                let phase = PHASES.iter().position(|known| known == phase);
                let phase = phase.unwrap_or_else(|| panic!("{}: no such phase", document.name()));
                marked.extend(fence.commands().into_iter().map(|line| (phase, document.name(), line)));
            }
        }
    }
    // README's examples of a phase run first, then those of the other documents: the sort is stable.
    marked.sort_by_key(|(phase, ..)| *phase);
    assert!(marked.len() > 25, "only {} examples are marked", marked.len());

    let shop = Shape {
        cluster: "shop".into(),
        region: "eu-west-1".into(),
        azs: 2,
        old_nodes: OldNodes::SelfManaged,
        ..Shape::default()
    };
    let sandbox = start(shop);
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (_, document, line) in marked {
        let mut shell = shell(&sandbox);
        shell.args(["-o", "pipefail", "-c", &line]).current_dir(folder.path()).stdin(Stdio::null());
        let output = shell.output().expect("bash runs");
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        assert!(output.status.success(), "{document}: `{line}` ended with {}:\n{text}", output.status);
    }
}

#[test]
fn a_heading_becomes_the_anchor_that_github_gives_it() {
    assert_eq!(slug("## Save a plan, and apply it"), "save-a-plan-and-apply-it");
    assert_eq!(slug("### MFA and `aws login`"), "mfa-and-aws-login");
    assert_eq!(slug("## Permissions (EC-IAM)"), "permissions-ec-iam");
}
