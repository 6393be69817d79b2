//! What was proven as JUnit's XML: a testsuite for each section, a testcase for each check. A warning passes and is
//! told in `system-out`; what is unknown is an `error`, what has failed a `failure`.

use std::fmt::Write as _;

use crate::verify::{Check, Report, Section, Status};

pub fn xml(report: &Report) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuites name=\"eni-custom verify\" tests=\"{}\" failures=\"{}\" errors=\"{}\">",
        report.checks().count(),
        report.count(Status::Failed),
        report.count(Status::Unknown)
    );
    for section in &report.sections {
        suite(&mut out, section, &report.cluster);
    }
    out.push_str("</testsuites>\n");
    out
}

fn suite(out: &mut String, section: &Section, cluster: &str) {
    let count = |status| section.checks.iter().filter(|check| check.status == status).count();
    let _ = writeln!(
        out,
        "  <testsuite name=\"{}\" hostname=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"0\">",
        escaped(&section.title),
        escaped(cluster),
        section.checks.len(),
        count(Status::Failed),
        count(Status::Unknown)
    );
    for check in &section.checks {
        case(out, section, check);
    }
    out.push_str("  </testsuite>\n");
}

fn case(out: &mut String, section: &Section, check: &Check) {
    let name = escaped(&format!("{} {}", check.id, check.what));
    let class = escaped(&format!("verify.{}", section.title));
    let told: Vec<String> = [("where", &check.place), ("why", &check.why), ("mend", &check.mend)]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    let told = escaped(&told.join("\n"));
    let _ = write!(out, "    <testcase classname=\"{class}\" name=\"{name}\"");
    let element = match check.status {
        Status::Ok => {
            out.push_str("/>\n");
            return;
        }
        Status::Warning => {
            let _ = writeln!(out, ">\n      <system-out>{told}</system-out>\n    </testcase>");
            return;
        }
        Status::Unknown => "error",
        Status::Failed => "failure",
    };
    let (id, what) = (escaped(check.id), escaped(&check.what));
    let _ = writeln!(
        out,
        ">\n      <{element} type=\"{id}\" message=\"{what}\">{told}</{element}>\n    </testcase>"
    );
}

/// For text and for attributes. What XML 1.0 can't hold at all becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // In an attribute a plain one would be read as a space.
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
    fn nothing_in_a_name_can_end_an_element_or_an_attribute() {
        assert_eq!(escaped("a<b>&\"c'\n\u{1}"), "a&lt;b&gt;&amp;&quot;c&apos;&#10;\u{fffd}");
    }
}
