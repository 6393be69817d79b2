//! The instance types that are known offline.

use std::sync::LazyLock;

use crate::text;

use super::{Architecture, InstanceType, Options, max_pods};

const TABLE: &str = include_str!("instance_types.csv");

/// Parsed at the first lookup: a command that needs no instance type does not pay for it.
static TYPES: LazyLock<Vec<InstanceType>> = LazyLock::new(|| lines().filter_map(instance_type).collect());

/// Every instance type known offline, sorted by name.
pub(crate) fn all() -> &'static [InstanceType] {
    &TYPES
}

/// An instance type by its exact name; `None` if it is not in the table.
pub(crate) fn known(name: &str) -> Option<&'static InstanceType> {
    let index = TYPES.binary_search_by(|known| known.name.as_str().cmp(name)).ok()?;
    TYPES.get(index)
}

/// The smallest type of the same family that can be used with these options.
pub(crate) fn larger(kind: &InstanceType, options: &Options) -> Option<&'static InstanceType> {
    let family = kind.name.split('.').next()?;
    let same = TYPES.iter().filter(|known| known.name.split('.').next() == Some(family));
    let pods =
        |known: &&InstanceType| Some((max_pods(known, options).ok()?, known.vcpus, known.name.clone()));
    same.filter(|known| pods(known).is_some()).min_by_key(pods)
}

/// The known names that `name` may be a typing error of.
pub(crate) fn closest(name: &str) -> Vec<&'static str> {
    text::closest(name, TYPES.iter().map(|known| known.name.as_str()))
}

fn lines() -> impl Iterator<Item = &'static str> {
    TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// A line of the table, in the format of its header. A test verifies that every line can be parsed.
fn instance_type(line: &str) -> Option<InstanceType> {
    let mut fields = line.split(',');
    let mut field = || fields.next();
    let parsed = InstanceType {
        name: field()?.to_string(),
        enis: field()?.parse().ok()?,
        ipv4_per_eni: field()?.parse().ok()?,
        vcpus: match field()? {
            "" => None,
            vcpus => Some(vcpus.parse().ok()?),
        },
        nitro: yes(field()?)?,
        bare_metal: yes(field()?)?,
        architectures: field()?.split_whitespace().map(architecture).collect::<Option<_>>()?,
    };
    field().is_none().then_some(parsed)
}

fn yes(text: &str) -> Option<bool> {
    match text {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

fn architecture(text: &str) -> Option<Architecture> {
    [Architecture::X86_64, Architecture::Arm64].into_iter().find(|known| known.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read_and_in_order() {
        assert_eq!(all().len(), lines().count());
        assert!(all().len() > 1400);
        assert!(all().is_sorted_by(|one, next| one.name < next.name));
    }

    #[test]
    fn every_type_is_found_by_its_name() {
        for known in all() {
            assert_eq!(super::known(&known.name), Some(known));
        }
        assert_eq!(super::known("m5.LARGE"), None);
        assert_eq!(super::known(""), None);
    }

    #[test]
    fn architectures_are_those_of_the_amis() {
        let of = |name: &str| super::known(name).unwrap().architectures.clone();
        assert_eq!(of("m5.large"), [Architecture::X86_64]);
        assert_eq!(of("m7g.large"), [Architecture::Arm64]);
        assert_eq!(of("mac1.metal"), []);
    }

    #[test]
    fn typing_errors_find_what_was_meant() {
        for (typed, meant) in [
            ("m5.larg", "m5.large"),
            ("M5.Large", "m5.large"),
            ("m5large", "m5.large"),
            ("m5.alrge", "m5.large"),
            ("c6gd.2xlage", "c6gd.2xlarge"),
        ] {
            assert_eq!(closest(typed).first(), Some(&meant), "{typed}");
        }
        assert!(closest("x").is_empty());
        assert!(closest("quite-something-else").is_empty());
        assert!(closest("t3.").len() <= 3);
    }
}
