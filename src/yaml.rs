//! Why a YAML text can't be read, without the parser's own terms. Pure.

use std::fmt;

/// Why a text can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Counted from 1.
    pub line: Option<u64>,
    pub reason: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

impl Unreadable {
    /// An error of the text as a whole.
    pub fn whole(reason: &str) -> Self {
        Unreadable { line: None, reason: reason.into() }
    }
}

impl From<&serde_saphyr::Error> for Unreadable {
    fn from(error: &serde_saphyr::Error) -> Self {
        let text = error.without_snippet().to_string();
        let first = text.lines().next().unwrap_or_default();
        // Cuts off advice to the parser's caller, and the place, which is a separate field.
        let reason =
            [", set ", " at line "].iter().fold(first, |text, end| text.split(end).next().unwrap_or(text));
        Unreadable { line: error.location().map(|at| at.line()), reason: reason.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_yaml_is_reported_with_its_line_and_without_the_library_s_advice() {
        for text in ["a: 1\nb: 2\na: 3\n", "a: [1\n", "a:\n\t- b\n", "a: {{x}}\n"] {
            let error = serde_saphyr::from_str::<serde_json::Value>(text).unwrap_err();
            let reason = Unreadable::from(&error).to_string();
            assert!(reason.starts_with("line ") && !reason.contains("Options"), "{text}: {reason}");
            assert!(reason.len() < 160 && !reason.contains('\n'), "{text}: {reason}");
        }
    }
}
