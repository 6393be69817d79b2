//! Lists and numbers as people read them.

/// How many names a text lists.
const NAMES: usize = 5;

/// The first names, and how many more there are.
pub fn few(names: &[String]) -> String {
    first_of(&names[..names.len().min(NAMES)], names.len())
}

/// These names, of so many in all.
pub fn first_of(names: &[String], all: usize) -> String {
    match all.saturating_sub(names.len()) {
        0 => names.join(", "),
        more => format!("{}, and {more} more", names.join(", ")),
    }
}

/// `1 node`, `3 nodes`, `0 addresses`
pub fn counted(number: usize, noun: &str) -> String {
    let many = if noun.ends_with('s') { "es" } else { "s" };
    format!("{number} {noun}{}", if number == 1 { "" } else { many })
}
