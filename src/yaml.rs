//! Reading YAML, and why a text can't be read without the parser's own terms. Pure.

use std::fmt;

use serde_json::Value;
use serde_saphyr::options;

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

/// Parses YAML for a reader of unknown version. A value that differs between YAML 1.1 and 1.2 is an error: whatever is
/// written from it would fix it to one of them.
pub(crate) fn unambiguous(text: &str) -> Result<Value, Unreadable> {
    let read = |strict: bool| -> Result<Value, Unreadable> {
        let options = options! {
            strict_booleans: strict,
            legacy_octal_numbers: !strict,
            underscored_numbers_as_strings: strict,
            with_snippet: false,
        };
        serde_saphyr::from_str_with_options(text, options).map_err(|error| Unreadable::from(&error))
    };
    let (one, other) = (read(true)?, read(false)?);
    if one == other {
        return Ok(one);
    }
    let line = text.lines().position(is_ambiguous).and_then(|line| u64::try_from(line + 1).ok());
    let reason = "YAML 1.1 and 1.2 read a value differently, as text, boolean or number: quote it";
    Err(Unreadable { line, reason: reason.into() })
}

/// Whether a line ends in a boolean or number that only YAML 1.1 knows. Used to name the line in the error.
fn is_ambiguous(line: &str) -> bool {
    let line = line.split(" #").next().unwrap_or_default();
    let word = line
        .rsplit([' ', ':', '-', ',', '[', '{', '}', ']'])
        .find(|word| !word.is_empty())
        .unwrap_or_default();
    let lower = word.to_ascii_lowercase();
    matches!(lower.as_str(), "yes" | "no" | "on" | "off" | "y" | "n")
        || (word.len() > 1 && word.starts_with('0') && word.bytes().all(|byte| byte.is_ascii_digit()))
        || (word.contains('_') && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_'))
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
