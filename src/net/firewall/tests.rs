use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

fn net(text: &str) -> Ipv4Net {
    text.parse().unwrap()
}

fn rule(protocol: Option<Protocol>, from: u16, to: u16, peer: Peer) -> Rule {
    Rule { traffic: Traffic { protocol, ports: Ports { from, to } }, peer }
}

fn any(peer: Peer) -> Rule {
    Rule { traffic: Traffic::ALL, peer }
}

fn from_cidr(text: &str) -> Peer {
    Peer::Cidr(net(text))
}

fn group(id: &str, ingress: Vec<Rule>, egress: Vec<Rule>) -> (String, SecurityGroup) {
    (id.into(), SecurityGroup { id: id.into(), ingress, egress, ..SecurityGroup::default() })
}

fn entry(number: i32, allow: bool, traffic: Traffic, cidr: &str) -> AclEntry {
    AclEntry { number, allow, traffic, cidr: net(cidr) }
}

fn open_acl(id: &str, subnets: &[&str]) -> NetworkAcl {
    let all = vec![entry(100, true, Traffic::ALL, "0.0.0.0/0")];
    NetworkAcl {
        id: id.into(),
        default: true,
        subnets: subnets.iter().map(ToString::to_string).collect(),
        ingress: all.clone(),
        egress: all,
    }
}

fn pods() -> Endpoint {
    Endpoint {
        addresses: net("100.64.0.0/24"),
        all: true,
        groups: ["sg-pods".into()].into(),
        subnet: Some("subnet-pods".into()),
    }
}

fn api() -> Endpoint {
    Endpoint {
        addresses: net("10.0.0.0/24"),
        all: false,
        groups: ["sg-api".into()].into(),
        subnet: Some("subnet-api".into()),
    }
}

/// Pods may send everything; the API server's group has these rules.
fn firewall(ingress: Vec<Rule>) -> Firewall {
    Firewall {
        groups: [
            group("sg-pods", vec![], vec![any(from_cidr("0.0.0.0/0"))]),
            group("sg-api", ingress, vec![]),
        ]
        .into(),
        acls: vec![open_acl("acl-1", &["subnet-pods", "subnet-api"])],
        ..Firewall::default()
    }
}

fn said(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Allowed => "allowed".into(),
        Verdict::Denied { barriers } => {
            let names = barriers.iter().map(|barrier| match barrier {
                Barrier::SecurityGroups { direction, groups, .. } => format!("{direction:?} of {groups:?}"),
                Barrier::NetworkAcl { direction, id, number, answer, .. } => {
                    format!("{direction:?} {number} of {id}{}", if *answer { ", answer" } else { "" })
                }
            });
            names.collect::<Vec<_>>().join("; ")
        }
        Verdict::Unknown { because } => format!("unknown: {because}"),
    }
}

#[test]
fn group_rules_match_by_group_address_protocol_and_port() {
    use Protocol::{Tcp, Udp};
    let shut = "Ingress of {\"sg-api\"}";
    let group = |id: &str| Peer::Group(id.into());
    for (rules, expected) in [
        (vec![], shut),
        (vec![any(group("sg-pods"))], "allowed"),
        (vec![any(group("sg-other"))], shut),
        (vec![rule(Some(Tcp), 443, 443, group("sg-pods"))], "allowed"),
        (vec![rule(Some(Udp), 443, 443, group("sg-pods"))], shut),
        (vec![rule(Some(Tcp), 1025, 65535, group("sg-pods"))], shut),
        (vec![rule(Some(Tcp), 443, 443, from_cidr("10.0.0.0/16"))], shut),
        (vec![rule(Some(Tcp), 443, 443, from_cidr("100.64.0.0/16"))], "allowed"),
        // Two halves make a whole, one does not.
        (vec![any(from_cidr("100.64.0.0/25")), any(from_cidr("100.64.0.128/25"))], "allowed"),
        (vec![any(from_cidr("100.64.0.0/25"))], shut),
        (
            vec![rule(Some(Tcp), 443, 443, Peer::PrefixList("pl-1".into()))],
            "unknown: the addresses of prefix list pl-1 are not read",
        ),
        (vec![rule(Some(Tcp), 80, 80, Peer::PrefixList("pl-1".into()))], shut),
    ] {
        let verdict = firewall(rules.clone()).flow(&pods(), &api(), Tcp, Ports::one(443));
        assert_eq!(said(&verdict), expected, "{rules:?}");
    }
}

#[test]
fn a_port_range_is_allowed_if_rules_together_cover_it() {
    let tcp = |from, to| rule(Some(Protocol::Tcp), from, to, Peer::Group("sg-pods".into()));
    for (rules, expected) in [
        (vec![tcp(0, 65535)], true),
        (vec![tcp(0, 1023), tcp(1024, 65535)], true),
        (vec![tcp(0, 1023), tcp(1025, 65535)], false),
        (vec![tcp(0, 65534)], false),
    ] {
        let verdict = firewall(rules.clone()).flow(&pods(), &api(), Protocol::Tcp, Ports::ALL);
        assert_eq!(verdict == Verdict::Allowed, expected, "{rules:?}");
    }
}

#[test]
fn egress_is_checked_too_and_both_sides_are_reported_at_once() {
    let mut firewall = firewall(vec![]);
    let tcp = |peer| rule(Some(Protocol::Tcp), 443, 443, peer);
    firewall.groups.insert("sg-pods".into(), SecurityGroup { id: "sg-pods".into(), ..Default::default() });
    let ask = |firewall: &Firewall| said(&firewall.flow(&pods(), &api(), Protocol::Tcp, Ports::one(443)));
    assert_eq!(ask(&firewall), "Egress of {\"sg-pods\"}; Ingress of {\"sg-api\"}");
    for (peer, expected) in [
        (Peer::Group("sg-api".into()), "Ingress of {\"sg-api\"}"),
        (from_cidr("10.0.0.0/24"), "Ingress of {\"sg-api\"}"),
    ] {
        firewall.groups.get_mut("sg-pods").unwrap().egress = vec![tcp(peer)];
        assert_eq!(ask(&firewall), expected);
    }
    // Which addresses of its subnet the other side has is not known.
    firewall.groups.get_mut("sg-pods").unwrap().egress = vec![tcp(from_cidr("10.0.0.7/32"))];
    firewall.groups.get_mut("sg-api").unwrap().ingress = vec![any(Peer::Group("sg-pods".into()))];
    assert_eq!(ask(&firewall), "unknown: only 10.0.0.7/32 of 10.0.0.0/24 is allowed");
}

#[test]
fn a_network_acl_is_stateless_so_replies_need_their_own_entries() {
    let tcp = |from, to| Traffic { protocol: Some(Protocol::Tcp), ports: Ports { from, to } };
    let mut firewall = firewall(vec![any(Peer::Group("sg-pods".into()))]);
    firewall.acls = vec![open_acl("acl-api", &["subnet-api"]), open_acl("acl-pods", &["subnet-pods"])];
    let ask = |firewall: &Firewall| said(&firewall.flow(&pods(), &api(), Protocol::Tcp, Ports::one(443)));
    assert_eq!(ask(&firewall), "allowed");

    firewall.acls[0].ingress = vec![entry(100, true, tcp(443, 443), "10.0.0.0/16")];
    assert_eq!(ask(&firewall), "Ingress 32767 of acl-api");
    firewall.acls[0].ingress.push(entry(110, true, tcp(443, 443), "100.64.0.0/16"));
    assert_eq!(ask(&firewall), "allowed");
    firewall.acls[0].egress = vec![entry(100, true, tcp(443, 443), "0.0.0.0/0")];
    assert_eq!(ask(&firewall), "Egress 32767 of acl-api, answer");
    firewall.acls[0].egress = vec![entry(100, true, tcp(32768, 65535), "0.0.0.0/0")];
    assert_eq!(ask(&firewall), "allowed");
    firewall.acls[1].ingress.insert(0, entry(90, false, tcp(0, 65535), "10.0.0.0/8"));
    assert_eq!(ask(&firewall), "Ingress 90 of acl-pods, answer");
    firewall.acls[1].ingress[0].cidr = net("10.0.0.0/28");
    assert_eq!(ask(&firewall), "unknown: entry 90 of acl-pods denies some of 10.0.0.0/24");
}

#[test]
fn traffic_within_a_subnet_skips_network_acls() {
    let mut firewall = firewall(vec![]);
    firewall.groups.get_mut("sg-pods").unwrap().ingress = vec![any(Peer::Group("sg-pods".into()))];
    firewall.acls[0].ingress.clear();
    let ask = |to: &Endpoint| said(&firewall.flow(&pods(), to, Protocol::Udp, Ports::one(53)));
    assert_eq!(ask(&pods()), "allowed");
    let elsewhere = Endpoint { subnet: Some("subnet-api".into()), ..pods() };
    assert!(ask(&elsewhere).contains("of acl-1"));
}

#[test]
fn what_could_not_be_read_is_unknown() {
    let mut no_groups = firewall(vec![]);
    no_groups.groups.clear();
    no_groups.groups_unknown = Some("DescribeSecurityGroups: UnauthorizedOperation".into());
    let mut no_acls = firewall(vec![any(Peer::Group("sg-pods".into()))]);
    no_acls.acls.clear();
    no_acls.acls_unknown = Some("DescribeNetworkAcls: UnauthorizedOperation".into());
    let mut one_missing = firewall(vec![]);
    one_missing.groups.remove("sg-api");
    for (firewall, why) in [
        (no_groups, "DescribeSecurityGroups: UnauthorizedOperation"),
        (no_acls, "DescribeNetworkAcls: UnauthorizedOperation"),
        (one_missing, "sg-api can't be read"),
    ] {
        let verdict = firewall.flow(&pods(), &api(), Protocol::Tcp, Ports::one(443));
        assert_eq!(said(&verdict), format!("unknown: {why}"));
    }
}

#[test]
fn a_free_number_is_below_the_entry_that_denies() {
    let mut acl = open_acl("acl-1", &[]);
    acl.ingress.insert(0, entry(99, false, Traffic::ALL, "0.0.0.0/0"));
    let first = |below| acl.free_numbers(Direction::Ingress, below).take(2).collect::<Vec<_>>();
    assert_eq!(first(100), [98, 97]);
    assert_eq!(first(1), [] as [i32; 0]);
}

/// Addresses and ports of a small world in which everything can be tried.
const WORLD: &str = "10.0.0.0/28";
const LAST_PORT: u16 = 11;

fn small_net() -> impl Strategy<Value = Ipv4Net> {
    (28u8..=32, 0u32..16).prop_map(|(prefix, host)| {
        let base = u32::from(Ipv4Addr::new(10, 0, 0, 0)) + host;
        Ipv4Net::new(Ipv4Addr::from(base), prefix).unwrap().trunc()
    })
}

fn small_traffic() -> impl Strategy<Value = Traffic> {
    (0usize..3, 0..=LAST_PORT, 0..=LAST_PORT).prop_map(|(protocol, one, other)| Traffic {
        protocol: [None, Some(Protocol::Tcp), Some(Protocol::Udp)][protocol],
        ports: Ports { from: one.min(other), to: one.max(other) },
    })
}

proptest! {
    #[test]
    fn an_acl_allows_a_range_exactly_where_it_allows_each_packet(
        entries in prop::collection::vec((prop::bool::ANY, small_traffic(), small_net()), 0..8),
        addresses in small_net(),
        asked in small_traffic(),
    ) {
        let ingress: Vec<AclEntry> = entries
            .into_iter()
            .zip(1..)
            .map(|((allow, traffic, cidr), number)| AclEntry { number, allow, traffic, cidr })
            .collect();
        let packet = |address: Ipv4Addr, port: u16| {
            for entry in &ingress {
                let Traffic { protocol, ports } = entry.traffic;
                if protocol != Some(Protocol::Udp) && (ports.from..=ports.to).contains(&port) && entry.cidr.contains(&address) {
                    return entry.allow;
                }
            }
            false
        };
        let acl = NetworkAcl { ingress: ingress.clone(), ..NetworkAcl::default() };
        let mut outcomes = Vec::new();
        for address in net(WORLD).addr().to_bits()..=net(WORLD).broadcast().to_bits() {
            let address = Ipv4Addr::from(address);
            if addresses.contains(&address) {
                outcomes.extend((asked.ports.from..=asked.ports.to).map(|port| packet(address, port)));
            }
        }
        let ruling = acl.ruling(Direction::Ingress, addresses, Protocol::Tcp, asked.ports);
        let all = outcomes.iter().all(|open| *open);
        let none = outcomes.iter().all(|open| !open);
        prop_assert_eq!(matches!(ruling, Ruling::Allowed), all);
        prop_assert_eq!(matches!(ruling, Ruling::Denied { .. }), none);
    }

    #[test]
    fn groups_allow_a_range_exactly_where_they_allow_each_packet(
        rules in prop::collection::vec((small_traffic(), small_net()), 0..6),
        addresses in small_net(),
        asked in small_traffic(),
    ) {
        let packet = |address: Ipv4Addr, port: u16| {
            rules.iter().any(|(traffic, cidr)| {
                traffic.protocol != Some(Protocol::Udp)
                    && traffic.ports.from <= port
                    && port <= traffic.ports.to
                    && cidr.contains(&address)
            })
        };
        let mut expected = true;
        for address in addresses.network().to_bits()..=addresses.broadcast().to_bits() {
            for port in asked.ports.from..=asked.ports.to {
                expected &= packet(Ipv4Addr::from(address), port);
            }
        }
        let ingress = rules.iter().map(|(traffic, cidr)| Rule { traffic: *traffic, peer: Peer::Cidr(*cidr) });
        let mut firewall = firewall(ingress.collect());
        firewall.acls = vec![open_acl("acl-1", &["subnet-pods", "subnet-api"])];
        let from = Endpoint { addresses, ..pods() };
        let verdict = firewall.flow(&from, &api(), Protocol::Tcp, asked.ports);
        prop_assert_eq!(verdict == Verdict::Allowed, expected);
    }
}
