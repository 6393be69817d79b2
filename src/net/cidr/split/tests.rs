use proptest::prelude::*;

use super::*;

fn net(text: &str) -> Ipv4Net {
    text.parse().unwrap()
}

fn nets(texts: &[&str]) -> Vec<Ipv4Net> {
    texts.iter().map(|text| net(text)).collect()
}

fn zones(letters: &str) -> Vec<String> {
    letters.chars().map(|letter| format!("us-west-2{letter}")).collect()
}

fn own(subnets: &[(char, &str)]) -> BTreeMap<String, Ipv4Net> {
    subnets.iter().map(|(letter, text)| (format!("us-west-2{letter}"), net(text))).collect()
}

/// The result as `a=100.64.0.0/18 b=…`.
fn shown(result: Result<BTreeMap<String, Ipv4Net>, SplitError>) -> String {
    match result {
        Ok(layout) => {
            let parts: Vec<String> = layout
                .iter()
                .map(|(zone, subnet)| format!("{}={subnet}", zone.trim_start_matches("us-west-2")))
                .collect();
            parts.join(" ")
        }
        Err(error) => error.to_string(),
    }
}

fn plain(blocks: &[&str], letters: &str, taken: &[&str]) -> String {
    shown(split(&nets(blocks), &zones(letters), &nets(taken), &BTreeMap::new(), None))
}

#[test]
fn a_block_is_split_into_the_next_power_of_two() {
    assert_eq!(plain(&["100.64.0.0/16"], "a", &[]), "a=100.64.0.0/16");
    assert_eq!(plain(&["100.64.0.0/16"], "ab", &[]), "a=100.64.0.0/17 b=100.64.128.0/17");
    assert_eq!(plain(&["100.64.0.0/16"], "abc", &[]), "a=100.64.0.0/18 b=100.64.64.0/18 c=100.64.128.0/18");
    assert_eq!(
        plain(&["100.64.0.0/26"], "abcd", &[]),
        "a=100.64.0.0/28 b=100.64.0.16/28 c=100.64.0.32/28 d=100.64.0.48/28"
    );
}

#[test]
fn zones_are_spread_evenly_over_the_blocks() {
    let blocks = ["100.65.0.0/16", "100.64.0.0/16"];
    assert_eq!(plain(&blocks, "ab", &[]), "a=100.64.0.0/16 b=100.65.0.0/16");
    assert_eq!(plain(&blocks, "abc", &[]), "a=100.64.0.0/17 b=100.65.0.0/17 c=100.64.128.0/17");
    // Equal subnets matter more than using a block that is too small for one.
    assert_eq!(plain(&["100.64.0.0/16", "100.65.0.0/24"], "ab", &[]), "a=100.64.0.0/17 b=100.64.128.0/17");
}

#[test]
fn the_order_of_the_input_does_not_matter() {
    let mut backwards = zones("abc");
    backwards.reverse();
    backwards.push("us-west-2a".into());
    let blocks = nets(&["100.64.0.0/16", "100.64.0.0/16"]);
    let result = split(&blocks, &backwards, &[], &BTreeMap::new(), None);
    assert_eq!(shown(result), "a=100.64.0.0/18 b=100.64.64.0/18 c=100.64.128.0/18");
}

#[test]
fn subnets_do_not_overlap_with_existing_ones() {
    assert_eq!(
        plain(&["100.64.0.0/16"], "abc", &["100.64.0.0/24"]),
        "a=100.64.64.0/18 b=100.64.128.0/18 c=100.64.192.0/18"
    );
    assert_eq!(plain(&["100.64.0.0/16"], "ab", &["100.64.0.0/24"]), "a=100.64.64.0/18 b=100.64.128.0/18");
    assert_eq!(
        plain(&["100.64.0.0/16"], "ab", &["100.64.0.0/17", "100.64.200.0/24"]),
        "a=100.64.128.0/19 b=100.64.160.0/19"
    );
    // A subnet outside the block takes up no room.
    assert_eq!(plain(&["100.64.0.0/16"], "a", &["10.0.0.0/24"]), "a=100.64.0.0/16");
}

#[test]
fn a_requested_size_is_used() {
    let at = |letters, prefix| {
        shown(split(&nets(&["100.64.0.0/24"]), &zones(letters), &[], &BTreeMap::new(), Some(prefix)))
    };
    assert_eq!(at("ab", 28), "a=100.64.0.0/28 b=100.64.0.16/28");
    assert_eq!(
        at("ab", 24),
        "100.64.0.0/24 has room for 1 more subnet of /24 and 2 are needed: 256 addresses too few"
    );
    assert_eq!(
        at("ab", 23),
        "100.64.0.0/24 has room for 0 more subnets of /23 and 2 are needed: 1024 addresses too few"
    );
    assert_eq!(at("ab", 29), "a subnet can't be a /29; EC2 allows /16 to /28");
    assert_eq!(at("ab", 15), "a subnet can't be a /15; EC2 allows /16 to /28");
}

#[test]
fn the_error_says_how_many_addresses_are_missing() {
    assert_eq!(
        plain(&["100.64.0.0/28", "100.65.0.0/28"], "abc", &[]),
        "100.64.0.0/28, 100.65.0.0/28 have room for 2 more subnets of /28 and 3 are needed: 16 addresses too few"
    );
    assert_eq!(plain(&[], "a", &[]), "there is no CIDR block to create subnets in");
    assert_eq!(plain(&[], "", &[]), "");
}

#[test]
fn a_zone_that_is_added_later_gets_a_slot_of_the_same_size() {
    let had = own(&[('a', "100.64.0.0/18"), ('b', "100.64.64.0/18"), ('d', "100.64.128.0/18")]);
    let result = split(&nets(&["100.64.0.0/16"]), &zones("abcd"), &[], &had, None);
    assert_eq!(shown(result), "a=100.64.0.0/18 b=100.64.64.0/18 c=100.64.192.0/18 d=100.64.128.0/18");
    let result = split(&nets(&["100.64.0.0/16"]), &zones("abcde"), &[], &had, None);
    assert_eq!(
        shown(result),
        "a=100.64.0.0/18 b=100.64.64.0/18 c=100.64.192.0/19 d=100.64.128.0/18 e=100.64.224.0/19"
    );
}

#[test]
fn subnets_that_fill_the_block_leave_no_room_for_another_zone() {
    let had = own(&[('a', "100.64.0.0/17"), ('b', "100.64.128.0/17")]);
    let result = split(&nets(&["100.64.0.0/16"]), &zones("abc"), &[], &had, None);
    assert_eq!(
        shown(result),
        "100.64.0.0/16 has room for 0 more subnets of /28 and 1 is needed: 16 addresses too few"
    );
}

#[test]
fn existing_pod_subnets_stay_wherever_they_are() {
    let had = own(&[('a', "100.99.0.0/20"), ('z', "100.64.16.0/20")]);
    let result = split(&nets(&["100.64.0.0/16"]), &zones("ab"), &[], &had, None);
    assert_eq!(shown(result), "a=100.99.0.0/20 b=100.64.32.0/20");
}

/// Blocks that a VPC can have side by side, foreign subnets in them, zones and a size, and which of the zones
/// got their subnet before the run was interrupted.
fn situation() -> impl Strategy<Value = (Vec<Ipv4Net>, Vec<String>, Vec<Ipv4Net>, Option<u8>, u8)> {
    let block =
        |(second, prefix): (u32, u8)| Ipv4Net::new((100 << 24 | (64 + second) << 16).into(), prefix).unwrap();
    let subnet = (0u32..4 << 16, 17u8..=28).prop_map(|(offset, prefix)| {
        Ipv4Net::new(((100 << 24 | 64 << 16) + offset).into(), prefix).unwrap().trunc()
    });
    (
        prop::collection::btree_map(0u32..4, 16u8..=26, 1..4),
        prop::collection::btree_set(prop::char::range('a', 'f'), 1..=6),
        prop::collection::vec(subnet, 0..6),
        prop::option::weighted(0.3, 18u8..=28),
        any::<u8>(),
    )
        .prop_map(move |(blocks, letters, taken, prefix, created)| {
            let letters: String = letters.into_iter().collect();
            (blocks.into_iter().map(block).collect(), zones(&letters), taken, prefix, created)
        })
}

fn subset(layout: &BTreeMap<String, Ipv4Net>, mask: u8) -> BTreeMap<String, Ipv4Net> {
    let kept = layout.iter().enumerate().filter(|(index, _)| mask >> index & 1 == 1);
    kept.map(|(_, (zone, subnet))| (zone.clone(), *subnet)).collect()
}

proptest! {
    #[test]
    fn subnets_are_aligned_within_blocks_and_do_not_overlap((blocks, zones, taken, prefix, _) in situation()) {
        let Ok(layout) = split(&blocks, &zones, &taken, &BTreeMap::new(), prefix) else { return Ok(()) };
        prop_assert_eq!(layout.keys().collect::<Vec<_>>(), zones.iter().collect::<Vec<_>>());
        let subnets: Vec<Ipv4Net> = layout.values().copied().collect();
        for (index, subnet) in subnets.iter().enumerate() {
            prop_assert_eq!(*subnet, subnet.trunc());
            prop_assert_eq!(subnet.prefix_len(), subnets[0].prefix_len());
            prop_assert!((LARGEST..=SMALLEST).contains(&subnet.prefix_len()));
            prop_assert!(blocks.iter().any(|block| block.contains(subnet)));
            prop_assert!(!taken.iter().any(|other| overlap(*other, *subnet)));
            prop_assert!(!subnets[index + 1..].iter().any(|other| overlap(*other, *subnet)));
        }
    }

    /// No larger even split would have gone round.
    #[test]
    fn subnets_are_as_large_as_possible((blocks, zones, taken, _, _) in situation()) {
        match split(&blocks, &zones, &taken, &BTreeMap::new(), None) {
            Ok(layout) => {
                let prefix = layout.values().next().unwrap().prefix_len();
                if prefix > LARGEST {
                    let larger = split(&blocks, &zones, &taken, &BTreeMap::new(), Some(prefix - 1));
                    let refused = matches!(larger, Err(SplitError::NoRoom { .. }));
                    prop_assert!(refused, "{:?}", larger);
                }
            }
            Err(SplitError::NoRoom { prefix, needed, free, lacking_addresses, .. }) => {
                prop_assert_eq!((prefix, needed), (SMALLEST, zones.len()));
                prop_assert_eq!(lacking_addresses, 16 * (needed - free) as u64);
            }
            Err(error) => prop_assert!(false, "{}", error),
        }
    }

    #[test]
    fn an_interrupted_run_gives_the_same_subnets((blocks, zones, taken, prefix, created) in situation()) {
        let Ok(layout) = split(&blocks, &zones, &taken, &BTreeMap::new(), prefix) else { return Ok(()) };
        let again = split(&blocks, &zones, &taken, &subset(&layout, created), prefix);
        prop_assert_eq!(again, Ok(layout.clone()));
        // Its subnets may be listed among the VPC's.
        let kept = subset(&layout, created);
        let listed: Vec<Ipv4Net> = taken.iter().chain(kept.values()).copied().collect();
        prop_assert_eq!(split(&blocks, &zones, &listed, &kept, prefix), Ok(layout));
    }

    /// Also if zones were added or blocks changed between setup and the interrupted run.
    #[test]
    fn an_interrupted_run_that_added_zones_gives_the_same_subnets(
        (blocks, zones, taken, _, created) in situation(),
        (before, had) in (any::<u8>(), any::<u8>()),
    ) {
        let first: Vec<String> = zones.iter().enumerate().filter(|(index, _)| before >> index & 1 == 1).map(|(_, zone)| zone.clone()).collect();
        let Ok(first) = split(&blocks, &first, &taken, &BTreeMap::new(), None) else { return Ok(()) };
        let had = subset(&first, had);
        let Ok(layout) = split(&blocks, &zones, &taken, &had, None) else { return Ok(()) };
        for (zone, subnet) in &had {
            prop_assert_eq!(layout.get(zone), Some(subnet));
        }
        let subnets: Vec<Ipv4Net> = layout.values().copied().collect();
        for (index, subnet) in subnets.iter().enumerate() {
            prop_assert!(!subnets[index + 1..].iter().any(|other| overlap(*other, *subnet)));
        }
        let mut existing = subset(&layout, created);
        existing.extend(had);
        prop_assert_eq!(split(&blocks, &zones, &taken, &existing, None), Ok(layout));
    }
}
