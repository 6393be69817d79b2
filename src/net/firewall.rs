//! Whether the VPC allows a flow: security groups (stateful), network ACLs (stateless) and routes. Pure.
//!
//! "Security groups are stateful", "Network ACLs are stateless" and "the most specific route that matches" are the
//! VPC user guide's words.

mod acl;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ipnet::Ipv4Net;
use serde::Serialize;

pub(crate) use acl::{AclEntry, NetworkAcl, Ruling};

/// Ephemeral ports of Linux (net.ipv4.ip_local_port_range), to which replies are sent. AWS's example of a network ACL for
/// Linux allows 32768 and above.
pub(crate) const EPHEMERAL: Ports = Ports { from: 32_768, to: 60_999 };

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Tcp,
    Udp,
}

/// First and last port, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Ports {
    pub from: u16,
    pub to: u16,
}

/// The protocol and ports of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    /// Nothing: every protocol.
    pub protocol: Option<Protocol>,
    pub ports: Ports,
}

/// The peer in a security group's rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    Cidr(Ipv4Net),
    Group(String),
    /// Its addresses are not read.
    PrefixList(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub traffic: Traffic,
    pub peer: Peer,
}

/// A security group, with its rules for IPv4.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SecurityGroup {
    pub id: String,
    pub ingress: Vec<Rule>,
    pub egress: Vec<Rule>,
    pub tags: BTreeMap<String, String>,
}

/// Security groups and network ACLs of the VPC.
#[derive(Debug, Clone, Default)]
pub struct Firewall {
    /// By id.
    pub groups: BTreeMap<String, SecurityGroup>,
    /// Why there are none.
    pub groups_unknown: Option<String>,
    pub acls: Vec<NetworkAcl>,
    /// Why there are none.
    pub acls_unknown: Option<String>,
}

/// One side of a flow: network interfaces with the same settings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    pub addresses: Ipv4Net,
    /// Any of the addresses will be used, so a rule for some of them is not enough. Otherwise it is not known which
    /// of them are.
    pub all: bool,
    pub groups: BTreeSet<String>,
    /// `None` if the subnet does not exist yet.
    pub subnet: Option<String>,
}

/// The direction through a security group or network ACL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    Ingress,
    Egress,
}

/// What blocks a flow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum Barrier {
    /// No security group of one side has a rule that allows it.
    SecurityGroups {
        direction: Direction,
        groups: BTreeSet<String>,
        peers: BTreeSet<String>,
        remote: Ipv4Net,
        protocol: Protocol,
        ports: Ports,
    },
    /// An entry denies it, or its reply.
    NetworkAcl {
        direction: Direction,
        id: String,
        /// The entry's number; the last one, `*`, is 32767.
        number: i32,
        remote: Ipv4Net,
        protocol: Protocol,
        ports: Ports,
        answer: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Verdict {
    Allowed,
    /// All barriers that block it.
    Denied {
        barriers: Vec<Barrier>,
    },
    Unknown {
        because: String,
    },
}

/// What one layer says.
enum Layer {
    Open,
    Shut,
    Unknown(String),
}

impl Ports {
    pub const ALL: Ports = Ports { from: 0, to: u16::MAX };

    pub fn one(port: u16) -> Self {
        Ports { from: port, to: port }
    }

    pub fn contains(self, other: Ports) -> bool {
        self.from <= other.from && other.to <= self.to
    }

    pub fn overlaps(self, other: Ports) -> bool {
        self.from <= other.to && other.from <= self.to
    }
}

impl Traffic {
    pub const ALL: Traffic = Traffic { protocol: None, ports: Ports::ALL };

    pub fn is_about(self, protocol: Protocol) -> bool {
        self.protocol.is_none_or(|own| own == protocol)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        })
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from == self.to { write!(f, "{}", self.from) } else { write!(f, "{}-{}", self.from, self.to) }
    }
}

impl Direction {
    pub fn back(self) -> Self {
        match self {
            Direction::Ingress => Direction::Egress,
            Direction::Egress => Direction::Ingress,
        }
    }
}

impl SecurityGroup {
    pub fn rules(&self, direction: Direction) -> &[Rule] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

impl Firewall {
    /// The network ACL of a subnet; a subnet that does not exist yet gets the VPC's default one.
    pub fn acl_of(&self, subnet: Option<&str>) -> Option<&NetworkAcl> {
        match subnet {
            Some(id) => self.acls.iter().find(|acl| acl.subnets.contains(id)),
            None => self.acls.iter().find(|acl| acl.default),
        }
    }

    /// Whether all traffic of one side to these ports reaches the other side, and the replies come back.
    pub fn flow(&self, from: &Endpoint, to: &Endpoint, protocol: Protocol, ports: Ports) -> Verdict {
        let mut judged = Judged::default();
        for (own, other, direction) in [(from, to, Direction::Egress), (to, from, Direction::Ingress)] {
            judged.add(self.groups(own, other, direction, protocol, ports), || Barrier::SecurityGroups {
                direction,
                groups: own.groups.clone(),
                peers: other.groups.clone(),
                remote: other.addresses,
                protocol,
                ports,
            });
        }
        // Traffic within a subnet does not pass its network ACL.
        if from.subnet.is_none() && to.subnet.is_none() && from.addresses == to.addresses
            || from.subnet.is_some() && from.subnet == to.subnet
        {
            return judged.verdict();
        }
        for (own, other, direction) in [(from, to, Direction::Egress), (to, from, Direction::Ingress)] {
            let Some(acl) = self.acl_of(own.subnet.as_deref()) else {
                judged.unknown.push(self.acls_unknown.clone().unwrap_or_else(|| {
                    format!(
                        "the network ACL of {} could not be read",
                        own.subnet.as_deref().unwrap_or("the VPC")
                    )
                }));
                continue;
            };
            for (direction, ports, answer) in [(direction, ports, false), (direction.back(), EPHEMERAL, true)]
            {
                let ruling = acl.ruling(direction, other.addresses, protocol, ports);
                let layer = match (&ruling, other.all) {
                    (Ruling::Allowed, _) => Layer::Open,
                    (Ruling::Denied { .. }, _) | (Ruling::Mixed { .. }, true) => Layer::Shut,
                    (Ruling::Mixed { number }, false) => Layer::Unknown(format!(
                        "entry {number} of {} denies some of {}",
                        acl.id, other.addresses
                    )),
                };
                judged.add(layer, || Barrier::NetworkAcl {
                    direction,
                    id: acl.id.clone(),
                    number: ruling.number(),
                    remote: other.addresses,
                    protocol,
                    ports,
                    answer,
                });
            }
        }
        judged.verdict()
    }

    /// The ports that are open between these interfaces, as ranges.
    pub fn open_among(&self, these: &Endpoint, protocol: Protocol) -> Vec<Ports> {
        let groups = these.groups.iter().filter_map(|id| self.groups.get(id));
        let rules = groups.flat_map(|group| group.ingress.iter().chain(&group.egress));
        let mut edges: BTreeSet<u16> = [0].into();
        for rule in rules.filter(|rule| rule.traffic.is_about(protocol)) {
            edges.insert(rule.traffic.ports.from);
            edges.extend(rule.traffic.ports.to.checked_add(1));
        }
        let mut open: Vec<Ports> = Vec::new();
        for from in &edges {
            let next = edges.range(from + 1..).next();
            let ports = Ports { from: *from, to: next.map_or(u16::MAX, |next| next - 1) };
            if self.flow(these, these, protocol, ports) != Verdict::Allowed {
                continue;
            }
            match open.last_mut().filter(|last| last.to.checked_add(1) == Some(*from)) {
                Some(last) => last.to = ports.to,
                None => open.push(ports),
            }
        }
        open
    }

    /// Whether the security groups of one side allow all of these ports.
    fn groups(
        &self,
        own: &Endpoint,
        other: &Endpoint,
        direction: Direction,
        protocol: Protocol,
        ports: Ports,
    ) -> Layer {
        if let Some(why) = &self.groups_unknown {
            return Layer::Unknown(why.clone());
        }
        let missing = own.groups.iter().find(|id| !self.groups.contains_key(*id));
        let rules: Vec<&Rule> = own
            .groups
            .iter()
            .filter_map(|id| self.groups.get(id))
            .flat_map(|group| group.rules(direction))
            .filter(|rule| rule.traffic.is_about(protocol))
            .collect();
        let mut layer = Layer::Open;
        // Rules begin and end only at these ports, so checking them is enough.
        let edges = rules.iter().flat_map(|rule| {
            [Some(rule.traffic.ports.from), rule.traffic.ports.to.checked_add(1)].into_iter().flatten()
        });
        let edges: BTreeSet<u16> =
            edges.filter(|port| ports.contains(Ports::one(*port))).chain([ports.from]).collect();
        for port in edges {
            let there = rules.iter().filter(|rule| rule.traffic.ports.contains(Ports::one(port)));
            match (one_port(there.map(|rule| &rule.peer), other), missing) {
                (Layer::Open, _) => {}
                (Layer::Unknown(why), _) => layer = Layer::Unknown(why),
                (Layer::Shut, Some(id)) => layer = Layer::Unknown(format!("{id} can't be read")),
                (Layer::Shut, None) => return Layer::Shut,
            }
        }
        layer
    }
}

/// Whether rules with these peers match the other side.
fn one_port<'a>(peers: impl Iterator<Item = &'a Peer>, other: &Endpoint) -> Layer {
    let mut cidrs = Vec::new();
    let mut list = None;
    for peer in peers {
        match peer {
            Peer::Group(id) if other.groups.contains(id) => return Layer::Open,
            Peer::Group(_) => {}
            Peer::Cidr(cidr) => cidrs.push(*cidr),
            Peer::PrefixList(id) => list = Some(id),
        }
    }
    let cidrs = Ipv4Net::aggregate(&cidrs);
    if cidrs.iter().any(|cidr| cidr.contains(&other.addresses)) {
        return Layer::Open;
    }
    if let Some(id) = list {
        return Layer::Unknown(format!("the addresses of prefix list {id} are not read"));
    }
    match cidrs.iter().find(|cidr| other.addresses.contains(*cidr)) {
        Some(part) if !other.all => Layer::Unknown(format!("only {part} of {} is allowed", other.addresses)),
        _ => Layer::Shut,
    }
}

#[derive(Default)]
struct Judged {
    barriers: Vec<Barrier>,
    unknown: Vec<String>,
}

impl Judged {
    fn add(&mut self, layer: Layer, barrier: impl FnOnce() -> Barrier) {
        match layer {
            Layer::Open => {}
            Layer::Shut => self.barriers.push(barrier()),
            Layer::Unknown(why) => self.unknown.push(why),
        }
    }

    fn verdict(mut self) -> Verdict {
        if !self.barriers.is_empty() {
            return Verdict::Denied { barriers: self.barriers };
        }
        self.unknown.dedup();
        match self.unknown.is_empty() {
            true => Verdict::Allowed,
            false => Verdict::Unknown { because: self.unknown.join("; ") },
        }
    }
}

#[cfg(test)]
mod tests;
