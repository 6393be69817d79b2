//! Network ACLs: numbered entries, of which the first that matches decides.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;

use super::{Direction, Ports, Protocol, Traffic};

/// The last entry of every network ACL, which can't be changed.
const LAST: i32 = 32_767;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclEntry {
    pub number: i32,
    pub allow: bool,
    pub traffic: Traffic,
    pub cidr: Ipv4Net,
}

/// A network ACL, with its entries for IPv4 in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkAcl {
    pub id: String,
    /// The VPC's default one.
    pub default: bool,
    pub subnets: BTreeSet<String>,
    pub ingress: Vec<AclEntry>,
    pub egress: Vec<AclEntry>,
}

/// Whether a network ACL allows a range of addresses and ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruling {
    Allowed,
    /// Denies all of it, first by this entry.
    Denied {
        number: i32,
    },
    /// Denies some of it, first by this entry.
    Mixed {
        number: i32,
    },
}

impl Ruling {
    /// The number of the entry that denies; the last entry's if none denies.
    pub fn number(self) -> i32 {
        match self {
            Ruling::Allowed => LAST,
            Ruling::Denied { number } | Ruling::Mixed { number } => number,
        }
    }

    fn and(self, other: Ruling) -> Ruling {
        match (self, other) {
            (Ruling::Allowed, Ruling::Allowed) => Ruling::Allowed,
            (Ruling::Denied { number }, Ruling::Denied { number: other }) => {
                Ruling::Denied { number: number.min(other) }
            }
            // Only entries that deny count for the number.
            (Ruling::Allowed, other) => Ruling::Mixed { number: other.number() },
            (one, Ruling::Allowed) => Ruling::Mixed { number: one.number() },
            (one, other) => Ruling::Mixed { number: one.number().min(other.number()) },
        }
    }
}

impl NetworkAcl {
    pub fn entries(&self, direction: Direction) -> &[AclEntry] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }

    /// The ruling for all of these addresses and ports together.
    pub fn ruling(
        &self,
        direction: Direction,
        addresses: Ipv4Net,
        protocol: Protocol,
        ports: Ports,
    ) -> Ruling {
        let about = |entry: &&AclEntry| entry.traffic.is_about(protocol);
        let entries: Vec<&AclEntry> = self.entries(direction).iter().filter(about).collect();
        ruling(&entries, addresses, ports)
    }

    /// Unused entry numbers below this one, the highest first.
    pub fn free_numbers(&self, direction: Direction, below: i32) -> impl Iterator<Item = i32> {
        let taken: BTreeSet<i32> = self.entries(direction).iter().map(|entry| entry.number).collect();
        (1..below).rev().filter(move |number| !taken.contains(number))
    }
}

/// Splits the range in halves until an entry covers all or none of each part.
fn ruling(entries: &[&AclEntry], addresses: Ipv4Net, ports: Ports) -> Ruling {
    let touches = |entry: &&AclEntry| {
        entry.traffic.ports.overlaps(ports)
            && (entry.cidr.contains(&addresses) || addresses.contains(&entry.cidr))
    };
    let Some(at) = entries.iter().position(touches) else { return Ruling::Denied { number: LAST } };
    let (entry, rest) = (entries[at], &entries[at..]);
    if !entry.cidr.contains(&addresses) {
        // It is inside of them, so they are more than one.
        let halves = addresses.subnets(addresses.prefix_len() + 1).into_iter().flatten();
        return halves.map(|half| ruling(rest, half, ports)).reduce(Ruling::and).unwrap_or(Ruling::Allowed);
    }
    let own = entry.traffic.ports;
    if own.from > ports.from {
        let below = ruling(rest, addresses, Ports { from: ports.from, to: own.from - 1 });
        return below.and(ruling(rest, addresses, Ports { from: own.from, to: ports.to }));
    }
    if own.to < ports.to {
        let inside = ruling(rest, addresses, Ports { from: ports.from, to: own.to });
        return inside.and(ruling(rest, addresses, Ports { from: own.to + 1, to: ports.to }));
    }
    match entry.allow {
        true => Ruling::Allowed,
        false => Ruling::Denied { number: entry.number },
    }
}
