//! Results as GitHub and GitLab flavored Markdown, for a comment on a pull request.

mod escape;
mod plan;
mod report;
mod space;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use crate::issue::Issue;

use super::issue;
use escape::{code, is_command, plain};

pub(super) use plan::plan;
pub(super) use report::{diagnoses, explained, outcome, report, status};

/// `### title`, and the cluster that a result is about.
fn heading(title: &str, cluster: &str, account: &str, region: &str) -> String {
    let name = cluster.rsplit('/').next().unwrap_or(cluster);
    format!(
        "### {title}: {}\n\n{} in account {}, {}\n",
        code(name),
        code(cluster),
        plain(account),
        plain(region)
    )
}

/// An issue as an item of a list, with its fields below.
fn finding(found: &Issue) -> String {
    let name = match found.link.starts_with("https://") {
        true => format!("[{}]({})", found.id, found.link),
        false => found.id.to_string(),
    };
    let mark = match (found.risk, found.accepted) {
        (_, true) => " (accepted)".to_string(),
        (true, false) => format!(" (risk: needs {})", code(&format!("--accept {}", found.id))),
        (false, false) => String::new(),
    };
    let severity = issue::severity(found.severity(), false);
    let mut out = format!("- **{severity} {name}**: {}{mark}\n", plain(&found.what));
    // The documentation is the link of the id.
    for (label, value) in issue::fields(found).into_iter().filter(|(label, _)| *label != "more") {
        let value = if is_command(value) { code(value) } else { plain(value) };
        let _ = writeln!(out, "  - {label}: {value}");
    }
    out
}

/// A table of these cells, which are Markdown already.
fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut out = line(head.iter().map(ToString::to_string).collect());
    out.push_str(&line(vec!["---".to_string(); head.len()]));
    out.extend(rows.into_iter().map(line));
    out
}

/// What a click unfolds. `summary` is HTML.
fn details(summary: &str, body: &str) -> String {
    // Markdown within HTML begins after an empty line.
    format!("<details>\n<summary>{summary}</summary>\n\n{}\n\n</details>\n", body.trim_end())
}
