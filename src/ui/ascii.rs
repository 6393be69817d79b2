//! Text for a locale that may show nothing but ASCII.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

static ONLY_ASCII: AtomicBool = AtomicBool::new(false);

/// Sets whether text is printed in ASCII from now on. JSON is UTF-8 in every locale (RFC 8259).
pub(super) fn only(ascii: bool) {
    ONLY_ASCII.store(ascii, Ordering::Relaxed);
}

/// The text as the locale can show it.
pub(super) fn legible(text: &str) -> Cow<'_, str> {
    match ONLY_ASCII.load(Ordering::Relaxed) {
        true => replaced(text),
        false => text.into(),
    }
}

fn replaced(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return text.into();
    }
    let ascii = |c: char| match c {
        '…' => "...",
        '·' => "-",
        '√' | '✓' => "+",
        '×' => "x",
        '‼' => "!",
        _ => "?",
    };
    text.chars()
        .map(|c| if c.is_ascii() { c.to_string() } else { ascii(c).to_string() })
        .collect::<String>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_keep_their_meaning_in_ascii() {
        assert_eq!(replaced("√ 3 zones · waiting …"), "+ 3 zones - waiting ...");
        assert!(matches!(replaced("plain"), Cow::Borrowed("plain")));
    }
}
