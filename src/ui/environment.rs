//! What the environment says about the terminal.

/// The variables that say what a terminal can show.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    term: String,
    /// The locale of characters; empty if none is set.
    locale: String,
}

impl Environment {
    pub(crate) fn read() -> Self {
        Environment::of(|name| std::env::var(name).ok())
    }

    /// The first variable that is set and not empty names the locale of characters (POSIX, XBD 8.2).
    fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &&str| variable(name).filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(set);
        Environment { term: variable("TERM").unwrap_or_default(), locale: locale.unwrap_or_default() }
    }

    /// Whether only whole lines are printed, as with `--plain`. Without any locale, as in a container, the terminal can
    /// still move its cursor.
    pub(crate) fn is_plain(&self) -> bool {
        self.term == "dumb" || (self.is_ascii() && !self.locale.is_empty())
    }

    /// Whether the locale may not show anything but ASCII.
    pub(crate) fn is_ascii(&self) -> bool {
        let locale = self.locale.to_ascii_lowercase();
        !(locale.contains("utf-8") || locale.contains("utf8"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(set: &[(&str, &str)]) -> Environment {
        Environment::of(|name| set.iter().find(|(each, _)| *each == name).map(|(_, value)| value.to_string()))
    }

    #[test]
    fn a_dumb_terminal_and_a_locale_without_utf_8_are_plain() {
        for (set, plain, ascii) in [
            (&[("TERM", "xterm"), ("LANG", "C.UTF-8")][..], false, false),
            (&[("TERM", "xterm"), ("LANG", "de_DE.utf8")], false, false),
            (&[("TERM", "dumb"), ("LANG", "C.UTF-8")], true, false),
            (&[("TERM", "xterm"), ("LANG", "C")], true, true),
            (&[("TERM", "xterm"), ("LANG", "de_DE.ISO-8859-1")], true, true),
            (&[("LC_ALL", "POSIX"), ("LANG", "C.UTF-8")], true, true),
            (&[("LC_ALL", ""), ("LC_CTYPE", "C.UTF-8"), ("LANG", "C")], false, false),
            (&[("TERM", "xterm")], false, true),
        ] {
            let environment = environment(set);
            assert_eq!((environment.is_plain(), environment.is_ascii()), (plain, ascii), "{set:?}");
        }
    }
}
