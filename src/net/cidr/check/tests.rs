use proptest::prelude::*;

use super::*;

fn block(text: &str) -> Ipv4Net {
    text.parse().unwrap()
}

fn vpc(primary: &str) -> VpcAddressing {
    VpcAddressing {
        primary: block(primary),
        secondaries: Vec::new(),
        routes: vec![route("rtb-1", "0.0.0.0/0")],
        peers: Vec::new(),
        pending_requests: Vec::new(),
        block_quota: 5,
    }
}

fn route(route_table: &str, destination: &str) -> RouteDestination {
    RouteDestination { route_table: route_table.into(), destination: block(destination) }
}

fn is_restricted(text: &str, vpc: &VpcAddressing) -> bool {
    check_secondary(block(text), vpc).iter().any(|refusal| {
        matches!(
            refusal,
            CidrRefusal::Restricted { .. } | CidrRefusal::BesideTenZero { .. } | CidrRefusal::Unusable { .. }
        )
    })
}

/// The table of the VPC user guide, cell by cell: primary block, then what it closes and what it leaves open.
#[test]
fn restricted_associations_are_those_of_the_user_guide() {
    let table: [(&str, &[&str], &[&str]); 6] = [
        (
            "10.5.0.0/16",
            &[
                "172.16.0.0/16",
                "172.31.255.0/24",
                "192.168.0.0/16",
                "192.168.7.0/24",
                "198.19.0.0/16",
                "169.254.0.0/16",
            ],
            &[
                "10.6.0.0/16",
                "10.0.0.0/16",
                "10.1.0.0/16",
                "100.64.0.0/16",
                "100.127.0.0/16",
                "198.18.0.0/16",
                "8.8.0.0/16",
            ],
        ),
        (
            "10.1.0.0/16",
            &["10.0.0.0/16", "10.0.128.0/20", "172.16.0.0/16", "198.19.3.0/24"],
            &["10.2.0.0/16", "100.64.0.0/16"],
        ),
        (
            "172.20.0.0/16",
            &[
                "10.0.0.0/16",
                "10.200.0.0/16",
                "192.168.0.0/16",
                "172.31.0.0/16",
                "172.31.9.0/24",
                "198.19.0.0/16",
            ],
            &["172.16.0.0/16", "172.30.0.0/16", "100.64.0.0/16", "172.32.0.0/16", "11.0.0.0/16"],
        ),
        (
            "192.168.0.0/17",
            &["10.0.0.0/16", "172.16.0.0/16", "172.31.0.0/16", "198.19.0.0/16"],
            &["192.168.128.0/17", "100.64.0.0/16", "192.169.0.0/16"],
        ),
        (
            "198.19.0.0/17",
            &["10.0.0.0/16", "172.16.0.0/16", "192.168.0.0/16"],
            &["198.19.128.0/17", "100.64.0.0/16", "8.8.0.0/16"],
        ),
        (
            "100.64.0.0/16",
            &["10.0.0.0/16", "172.16.0.0/16", "192.168.0.0/16", "198.19.0.0/16"],
            &["100.65.0.0/16", "8.8.0.0/16"],
        ),
    ];
    for (primary, closed, open) in table {
        let vpc = vpc(primary);
        for text in closed {
            assert!(is_restricted(text, &vpc), "{text} with primary {primary}");
        }
        for text in open {
            assert!(check_secondary(block(text), &vpc).is_empty(), "{text} with primary {primary}");
        }
    }
    assert!(is_restricted("10.0.0.0/16", &vpc("8.8.0.0/16")));
}

#[test]
fn a_secondary_block_in_10_0_or_10_1_rules_out_10_0_too() {
    let mut vpc = vpc("10.7.0.0/16");
    assert!(!is_restricted("10.0.0.0/20", &vpc));
    vpc.secondaries.push(block("10.1.0.0/16"));
    assert!(is_restricted("10.0.0.0/20", &vpc));
    assert!(!is_restricted("10.2.0.0/20", &vpc));
}

#[test]
fn sizes_outside_16_to_28_are_refused() {
    let vpc = vpc("10.5.0.0/16");
    assert_eq!(
        check_secondary(block("100.64.0.0/15"), &vpc),
        [CidrRefusal::Size { block: block("100.64.0.0/15") }]
    );
    assert_eq!(
        check_secondary(block("100.64.0.0/29"), &vpc),
        [CidrRefusal::Size { block: block("100.64.0.0/29") }]
    );
    assert!(check_secondary(block("100.64.0.0/28"), &vpc).is_empty());
}

/// The guide's own example: with a route for 10.0.0.0/24, a /24 is refused and a /25 is not.
#[test]
fn a_block_must_be_smaller_than_a_routes_destination() {
    let mut vpc = vpc("10.2.0.0/16");
    vpc.routes.push(route("rtb-9", "10.0.0.0/24"));
    for refused in ["10.0.0.0/24", "10.0.0.0/16"] {
        let refusals = check_secondary(block(refused), &vpc);
        let [refusal @ CidrRefusal::CoversRoute { route_table, .. }] = refusals.as_slice() else {
            panic!("{refusals:?}");
        };
        assert_eq!(route_table, "rtb-9");
        assert!(refusal.fix().contains("rtb-9"));
    }
    assert!(check_secondary(block("10.0.0.0/25"), &vpc).is_empty());
}

#[test]
fn overlaps_with_the_vpc_and_its_peers_are_refused() {
    let mut vpc = vpc("10.2.0.0/16").with(block("100.64.0.0/17"));
    vpc.peers.push(PeerBlock { peering: "pcx-1".into(), cidr: block("100.65.0.0/20") });
    let texts = |text| check_secondary(block(text), &vpc).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(texts("100.64.0.0/16"), ["100.64.0.0/16 overlaps with the VPC's own block 100.64.0.0/17"]);
    assert_eq!(texts("10.2.3.0/24"), ["10.2.3.0/24 overlaps with the VPC's own block 10.2.0.0/16"]);
    assert_eq!(
        texts("100.65.0.0/16"),
        ["100.65.0.0/16 overlaps with 100.65.0.0/20 on the other side of the peering pcx-1"]
    );
}

#[test]
fn all_reasons_are_reported_at_once() {
    let mut vpc = vpc("10.2.0.0/16");
    vpc.block_quota = 1;
    vpc.pending_requests.push("pcx-7".into());
    let refusals = check_secondary(block("172.16.0.0/12"), &vpc);
    assert_eq!(refusals.len(), 4, "{refusals:?}");
    let text: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    assert_eq!(
        text,
        [
            "172.16.0.0/12 has a size that AWS does not allow; a VPC block can be /16 to /28",
            "172.16.0.0/12 is not allowed: AWS does not associate blocks in 172.16.0.0/12 with a VPC whose primary block (10.2.0.0/16) is in 10.0.0.0/8",
            "172.16.0.0/12 would be block 2 of the VPC, and its quota is 1",
            "172.16.0.0/12 can't be added while the peering pcx-7, which this VPC requested, is in pending-acceptance",
        ]
    );
}

#[test]
fn the_first_offer_is_100_64() {
    assert_eq!(suggest_block(&vpc("10.0.0.0/16"), &[]), Some(block("100.64.0.0/16")));
    assert_eq!(suggest_block(&vpc("10.0.0.0/16"), &[block("100.64.9.0/24")]), Some(block("100.65.0.0/16")));
}

#[test]
fn an_offer_prefers_addresses_that_no_route_covers() {
    let mut vpc = vpc("10.0.0.0/16");
    vpc.routes.push(route("rtb-1", "100.64.0.0/15"));
    assert_eq!(suggest_block(&vpc, &[]), Some(block("100.66.0.0/16")));
    vpc.routes.push(route("rtb-1", "100.64.0.0/10"));
    assert_eq!(suggest_block(&vpc, &[]), Some(block("100.64.0.0/16")));
}

#[test]
fn nothing_is_offered_if_aws_would_accept_no_block() {
    let mut full = vpc("10.0.0.0/16");
    full.block_quota = 1;
    assert_eq!(suggest_block(&full, &[]), None);
    assert_eq!(suggest_block(&vpc("10.0.0.0/16"), &[block("100.64.0.0/10")]), None);
}

proptest! {
    #[test]
    fn an_offer_is_accepted_and_does_not_overlap(
        primary in prop::sample::select(vec!["10.0.0.0/16", "172.31.0.0/16", "192.168.0.0/16", "100.64.0.0/16", "8.8.0.0/16"]),
        others in prop::collection::vec((0u32..1 << 22, 12u8..=28), 0..12),
    ) {
        let others: Vec<Ipv4Net> = others
            .iter()
            .map(|&(offset, prefix)| Ipv4Net::new(((100 << 24 | 64 << 16) + offset).into(), prefix).unwrap().trunc())
            .collect();
        let (peers, avoid) = others.split_at(others.len() / 2);
        let mut vpc = vpc(primary);
        vpc.peers = peers.iter().map(|&cidr| PeerBlock { peering: "pcx-1".into(), cidr }).collect();
        if let Some(offer) = suggest_block(&vpc, avoid) {
            prop_assert!(SHARED.contains(&offer));
            prop_assert!(check_secondary(offer, &vpc).is_empty());
            prop_assert!(!others.iter().any(|other| overlap(*other, offer)));
        }
    }
}
