//! Words of a POSIX shell, for commands to copy and for user data. Pure.
//!
//! No crate fits: `shell-words` leaves `!`, `{` and `^` bare, which an interactive bash expands, and `shlex` quotes `=` and
//! `,`, which nearly every flag's value contains.

/// A text as one word, in quotes only if it needs them.
pub(crate) fn shell_quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,@%+".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text.into() } else { single_quoted(text) }
}

/// A text as one word in single quotes, in which nothing is special but the single quote.
pub(crate) fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A command line of these words.
pub(crate) fn shell_line<'a>(words: impl IntoIterator<Item = &'a String>) -> String {
    words.into_iter().map(|word| shell_quote(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_words_stay_as_they_are() {
        for text in ["us-west-2a=subnet-0a", "100.64.0.0/16", "a,b", "arn:aws:eks:us-west-2:1:cluster/shop"] {
            assert_eq!(shell_quote(text), text);
        }
        assert_eq!(shell_quote(""), "''");
        assert_eq!(shell_quote("team=shop,!spot"), "'team=shop,!spot'");
        assert_eq!(shell_quote("it's"), r"'it'\''s'");
    }

    proptest! {
        #[test]
        fn a_shell_reads_the_same_words_again(words in prop::collection::vec(any::<String>(), 1..5)) {
            prop_assert_eq!(shell_words::split(&shell_line(&words)).unwrap(), words);
        }

        #[test]
        fn nothing_that_a_shell_expands_is_outside_of_quotes(text in "[a-z!{}^*?~$`\\\\;&|<>()#\"]{0,8}") {
            let quoted = shell_quote(&text);
            prop_assert!(quoted.starts_with('\'') || text.chars().all(char::is_alphanumeric), "{quoted}");
        }
    }
}
