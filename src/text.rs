//! Lists, numbers and times in readable form.

use std::time::Duration;

use jiff::fmt::friendly::{Spacing, SpanPrinter};

/// The number of names that a text lists.
const NAMES: usize = 5;

/// The first names, and the number of the others.
pub(crate) fn few(names: &[String]) -> String {
    first_of(&names[..names.len().min(NAMES)], names.len())
}

/// These names, and the number of the others of `all`.
pub(crate) fn first_of(names: &[String], all: usize) -> String {
    match all.saturating_sub(names.len()) {
        0 => names.join(", "),
        more => format!("{}, and {more} more", names.join(", ")),
    }
}

/// `1 node`, `3 nodes`, `0 addresses`, `2 policies`
pub(crate) fn counted<N: Number>(number: N, noun: &str) -> String {
    format!("{number} {}", plural(number, noun))
}

/// The same without its number.
pub(crate) fn plural<N: Number>(number: N, noun: &str) -> String {
    // `pod to be moved`: the noun comes first.
    if let Some((noun, rest)) = noun.split_once(" to be ") {
        return format!("{} to be {rest}", plural(number, noun));
    }
    let vowel = |c: char| "aeiou".contains(c);
    match noun.strip_suffix('y') {
        _ if is_one(number) => noun.to_string(),
        Some(stem) if !stem.ends_with(vowel) => format!("{stem}ies"),
        _ if noun.ends_with(['s', 'x']) => format!("{noun}es"),
        _ => format!("{noun}s"),
    }
}

/// `1 of 1 node`, `2 of 3 nodes`
pub(crate) fn part<N: Number>(number: N, all: N, noun: &str) -> String {
    format!("{number} of {}", counted(all, noun))
}

/// `1 node is`, `2 nodes are`: with the verb in singular or plural.
pub(crate) fn subject<N: Number>(number: N, noun: &str, one: &str, many: &str) -> String {
    format!("{} {}", counted(number, noun), if is_one(number) { one } else { many })
}

fn is_one<N: Number>(number: N) -> bool {
    number.try_into().is_ok_and(|number| number == 1)
}

/// Up to three known names that `name` may be a typing error of, the most likely first.
pub(crate) fn closest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    const MOST: usize = 3;
    let name = name.trim().to_ascii_lowercase();
    let allowed = (name.chars().count() / 3).clamp(1, 3);
    let distance = |known: &'a str| (strsim::damerau_levenshtein(&name, &known.to_ascii_lowercase()), known);
    let mut found: Vec<_> =
        known.into_iter().map(distance).filter(|(distance, _)| *distance <= allowed).collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().take(MOST).map(|(_, known)| known).collect()
}

/// `did you mean m5.large?`; `None` without a name.
pub(crate) fn did_you_mean(closest: &[&str]) -> Option<String> {
    (!closest.is_empty()).then(|| format!("did you mean {}?", closest.join(" or ")))
}

/// A time as the value of a flag: `1h30m`.
pub(crate) fn flag_value(time: Duration) -> String {
    SpanPrinter::new().spacing(Spacing::None).unsigned_duration_to_string(&time)
}

/// The least time that something takes, rounded down to a unit that a person can judge: `90 s`, `3 min`, `2 h 5 min`.
pub(crate) fn at_least(seconds: u64) -> String {
    rounded(seconds, u64::div_euclid)
}

/// An estimated time, the same rounded up.
pub(crate) fn about(seconds: u64) -> String {
    rounded(seconds, u64::div_ceil)
}

/// A time that has passed, to the second: `48 s`, `1 min 30 s`, `2 h 5 min`.
pub(crate) fn spent(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// With whole minutes as `divide` rounds them.
fn rounded(seconds: u64, divide: fn(u64, u64) -> u64) -> String {
    match (seconds, divide(seconds, 60)) {
        (0..=120, _) => format!("{seconds} s"),
        (_, minutes @ 0..=120) => format!("{minutes} min"),
        (_, minutes) => format!("{} h {} min", minutes / 60, minutes % 60),
    }
}

/// An integer of any type.
pub(crate) trait Number: Copy + std::fmt::Display + TryInto<u64> {}

impl<N: Copy + std::fmt::Display + TryInto<u64>> Number for N {}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use crate::layers::sources;

    use super::*;

    #[test]
    fn one_of_a_thing_is_singular_and_every_other_number_is_not() {
        let cases = [(1, "node", "1 node"), (0, "address", "0 addresses"), (2, "policy", "2 policies")];
        for (number, noun, text) in cases {
            assert_eq!(counted(number, noun), text);
        }
        assert_eq!(counted(2_u64, "key"), "2 keys");
        assert_eq!(part(1_usize, 1, "node"), "1 of 1 node");
        assert_eq!(subject(1_i32, "node", "is", "are"), "1 node is");
        assert_eq!(subject(3_u32, "node", "is", "are"), "3 nodes are");
    }

    #[test]
    fn a_typing_error_finds_what_was_meant() {
        let known = ["cidr", "cluster", "subnet", "subnet-prefix"];
        let meant = |typed: &str| closest(typed, known);
        assert_eq!(meant("cdir"), ["cidr"]);
        assert_eq!(meant("clutser"), ["cluster"]);
        assert_eq!(meant("subnet_prefix"), ["subnet-prefix"]);
        assert_eq!(meant("Subnets"), ["subnet"]);
        assert!(meant("x").is_empty());
        assert_eq!(did_you_mean(&["cidr"]).unwrap(), "did you mean cidr?");
        assert_eq!(did_you_mean(&[]), None);
    }

    #[test]
    fn times_are_in_units_that_a_person_can_judge() {
        for (seconds, least, estimate) in [
            (0, "0 s", "0 s"),
            (120, "120 s", "120 s"),
            (210, "3 min", "4 min"),
            (9_000, "2 h 30 min", "2 h 30 min"),
        ] {
            assert_eq!((at_least(seconds).as_str(), about(seconds).as_str()), (least, estimate));
        }
        assert_eq!([spent(48), spent(90), spent(7_500)], ["48 s", "1 min 30 s", "2 h 5 min"]);
        assert_eq!(flag_value(Duration::from_secs(5_400)), "1h30m");
        assert_eq!(flag_value(Duration::ZERO), "0s");
    }

    /// Every count in a text is formatted by the functions above.
    #[test]
    fn no_text_counts_by_itself() {
        let nouns = [
            "nodes",
            "pods",
            "changes",
            "instances",
            "zones",
            "addresses",
            "variables",
            "checks",
            "risks",
            "warnings",
            "calls",
            "others",
            "groups",
            "subnets",
            "blocks",
            "stacks",
            "interfaces",
            "Nodes",
            "ENIConfigs",
            "findings",
            "Deployments",
            "replicas",
            "volumes",
            "errors",
        ];
        // Between a number and its noun.
        let between = ["", "old ", "new ", "more ", "free ", "known ", "of the chosen "];
        let mut counted_by_hand = Vec::new();
        for path in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
            let left_out = ["src/words.rs", "tests"];
            if left_out.iter().any(|part| path.to_string_lossy().contains(part)) {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for (at, line) in code.lines().enumerate().filter(|(_, line)| !line.trim().starts_with("//")) {
                let after_hole = line.match_indices("} ").map(|(at, found)| &line[at + found.len()..]);
                let counts = |rest: &str| {
                    between.iter().filter_map(|word| rest.strip_prefix(word)).any(|rest| {
                        let word = rest.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
                        nouns.contains(&word)
                    })
                };
                let verbs = ["reads the", "writes"];
                if after_hole.into_iter().any(counts) && !verbs.iter().any(|verb| line.contains(verb)) {
                    counted_by_hand.push(format!("{}:{}: {}", path.display(), at + 1, line.trim()));
                }
            }
        }
        assert_eq!(counted_by_hand, [""; 0], "use words::counted");
    }
}
