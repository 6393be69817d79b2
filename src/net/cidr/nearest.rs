//! The block that a person probably can use instead of one that can't be associated.

use ipnet::Ipv4Net;

use super::{LARGEST, SMALLEST, VpcAddressing, check_secondary, overlap, suggest_block};

/// Ranges that a VPC's private blocks come from: RFC 1918 and RFC 6598.
const PRIVATE: [Ipv4Net; 4] = [
    Ipv4Net::new_assert(std::net::Ipv4Addr::new(10, 0, 0, 0), 8),
    Ipv4Net::new_assert(std::net::Ipv4Addr::new(172, 16, 0, 0), 12),
    Ipv4Net::new_assert(std::net::Ipv4Addr::new(192, 168, 0, 0), 16),
    Ipv4Net::new_assert(std::net::Ipv4Addr::new(100, 64, 0, 0), 10),
];

/// How many neighbors on each side are tried.
const NEIGHBORS: u32 = 2048;

/// The block nearest to `block` that AWS would associate with the VPC: of the same size if that is allowed, and in the same
/// private range; else one of 100.64.0.0/10. It does not overlap with `avoid`. `None`: AWS would accept no block at all.
pub(crate) fn nearest_block(block: Ipv4Net, vpc: &VpcAddressing, avoid: &[Ipv4Net]) -> Option<Ipv4Net> {
    let works = |block: &Ipv4Net| {
        !avoid.iter().any(|other| overlap(*block, *other)) && check_secondary(*block, vpc).is_empty()
    };
    let otherwise = suggest_block(vpc, avoid)?;
    let prefix = block.prefix_len().clamp(LARGEST, SMALLEST);
    let Some(range) = PRIVATE.into_iter().find(|range| range.contains(&block.network())) else {
        return Some(otherwise);
    };
    let size = 1_u32 << (32 - u32::from(prefix));
    let start = u32::from(block.network()) / size * size;
    let at = |address: Option<u32>| {
        let block = Ipv4Net::new(address?.into(), prefix).ok()?;
        range.contains(&block).then_some(block)
    };
    let around = (0..=NEIGHBORS).flat_map(|distance| {
        let by = distance.checked_mul(size);
        [by.and_then(|by| start.checked_add(by)), by.and_then(|by| start.checked_sub(by))]
    });
    around.filter_map(at).find(works).or(Some(otherwise))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn net(text: &str) -> Ipv4Net {
        text.parse().unwrap()
    }

    fn vpc(primary: &str, secondaries: &[&str]) -> VpcAddressing {
        VpcAddressing {
            primary: net(primary),
            secondaries: secondaries.iter().map(|block| net(block)).collect(),
            routes: Vec::new(),
            peers: Vec::new(),
            pending_requests: Vec::new(),
            block_quota: 5,
        }
    }

    #[test]
    fn the_nearest_block_has_the_same_size_and_is_beside_the_one_asked_for() {
        for (asked, primary, secondaries, nearest) in [
            // The VPC's own block.
            ("10.1.0.0/16", "10.1.0.0/16", &[][..], "10.2.0.0/16"),
            ("100.64.0.0/16", "10.1.0.0/16", &["100.64.0.0/16"], "100.65.0.0/16"),
            ("100.64.32.0/20", "10.1.0.0/16", &["100.64.0.0/18"], "100.64.64.0/20"),
            // Too large, and too small.
            ("100.64.0.0/10", "10.1.0.0/16", &[], "100.64.0.0/16"),
            ("100.64.0.16/30", "10.1.0.0/16", &[], "100.64.0.16/28"),
            // AWS's table: no 192.168.0.0/16 beside a block of 10.0.0.0/8.
            ("192.168.0.0/16", "10.1.0.0/16", &[], "100.64.0.0/16"),
            // No private range.
            ("8.8.0.0/16", "192.168.0.0/16", &[], "100.64.0.0/16"),
        ] {
            let found = nearest_block(net(asked), &vpc(primary, secondaries), &[]);
            assert_eq!(found, Some(net(nearest)), "{asked}");
        }
    }

    #[test]
    fn a_range_in_use_elsewhere_is_avoided() {
        let found = nearest_block(net("10.1.0.0/16"), &vpc("10.1.0.0/16", &[]), &[net("10.2.0.0/16")]);
        assert_eq!(found, Some(net("10.3.0.0/16")));
    }

    #[test]
    fn a_vpc_at_its_quota_takes_no_block() {
        let mut full = vpc("10.1.0.0/16", &[]);
        full.block_quota = 1;
        assert_eq!(nearest_block(net("100.64.0.0/16"), &full, &[]), None);
    }

    proptest! {
        #[test]
        fn what_is_offered_would_be_associated(address: u32, prefix in 8_u8..=32, second in 0_u8..=255) {
            let block = Ipv4Net::new(address.into(), prefix).unwrap().trunc();
            let vpc = vpc(&format!("10.{second}.0.0/16"), &[]);
            let found = nearest_block(block, &vpc, &[]).expect("there is room");
            prop_assert!(check_secondary(found, &vpc).is_empty(), "{found}");
        }
    }
}
