//! The report of `verify` as JUnit XML: a testsuite for each section, a testcase for each check. A warning passes, with
//! its text in `system-out`; an unknown check is an `error`, a failed one a `failure`.

use std::fmt::Write as _;

use crate::issue::{Issue, Severity};
use crate::verify::{Report, ReportSection};

use super::issue;

pub(super) fn xml(report: &Report) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuites name=\"eni-custom verify\" tests=\"{}\" failures=\"{}\" errors=\"{}\">",
        report.checks().count(),
        report.count(Severity::Error),
        report.count(Severity::Unknown)
    );
    for section in &report.sections {
        suite(&mut out, section, &report.cluster);
    }
    out.push_str("</testsuites>\n");
    out
}

fn suite(out: &mut String, section: &ReportSection, cluster: &str) {
    let count = |status| section.checks.iter().filter(|check| check.severity() == status).count();
    let _ = writeln!(
        out,
        "  <testsuite name=\"{}\" hostname=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"0\">",
        escaped(&section.title),
        escaped(cluster),
        section.checks.len(),
        count(Severity::Error),
        count(Severity::Unknown)
    );
    for check in &section.checks {
        case(out, section, check);
    }
    out.push_str("  </testsuite>\n");
}

fn case(out: &mut String, section: &ReportSection, check: &Issue) {
    let name = escaped(&format!("{} {}", check.id, check.what));
    let class = escaped(&format!("verify.{}", section.title));
    let lines: Vec<String> =
        issue::fields(check).into_iter().map(|(label, value)| format!("{label}: {value}")).collect();
    let text = escaped(&lines.join("\n"));
    let _ = write!(out, "    <testcase classname=\"{class}\" name=\"{name}\"");
    let element = match check.severity() {
        Severity::Passed => {
            out.push_str("/>\n");
            return;
        }
        Severity::Warning | Severity::Note => {
            let _ = writeln!(out, ">\n      <system-out>{text}</system-out>\n    </testcase>");
            return;
        }
        Severity::Unknown => "error",
        Severity::Error => "failure",
    };
    let (id, what) = (escaped(check.id.as_str()), escaped(&check.what));
    let _ = writeln!(
        out,
        ">\n      <{element} type=\"{id}\" message=\"{what}\">{text}</{element}>\n    </testcase>"
    );
}

/// Escapes for text and for attributes. Characters that XML 1.0 can't contain become U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // A parser reads an unescaped line break in an attribute as a space.
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            '\r' => out.push_str("&#13;"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn no_name_can_end_an_element_or_an_attribute() {
        assert_eq!(escaped("a<b>&\"c'\n\u{1}"), "a&lt;b&gt;&amp;&quot;c&apos;&#10;\u{fffd}");
    }
}
