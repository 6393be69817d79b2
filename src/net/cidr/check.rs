//! Predicts what AssociateVpcCidrBlock would refuse.

use ipnet::Ipv4Net;

use super::{LARGEST, SMALLEST, overlap};

/// What decides whether a block can be added to a VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VpcAddressing {
    /// The VPC's primary block; it can't be removed, and AWS's table of restrictions depends on it.
    pub primary: Ipv4Net,
    /// The other blocks that are associated, or will be.
    pub secondaries: Vec<Ipv4Net>,
    /// Destinations of the routes in all of the VPC's route tables, without the `local` ones.
    pub routes: Vec<RouteDestination>,
    /// The other side's blocks of each *active* peering.
    pub peers: Vec<PeerBlock>,
    /// Peerings in `pending-acceptance` that this VPC requested.
    pub pending_requests: Vec<String>,
    /// The quota of IPv4 blocks per VPC, including the primary one.
    pub block_quota: usize,
}

/// The destination of a route in a route table of the VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RouteDestination {
    /// `rtb-…`
    pub route_table: String,
    /// The destination.
    pub destination: Ipv4Net,
}

/// A block of a peered VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PeerBlock {
    /// `pcx-…`
    pub peering: String,
    /// A block of the other VPC.
    pub cidr: Ipv4Net,
}

impl VpcAddressing {
    /// The VPC after `block` is associated, for checking several blocks one after another.
    pub(crate) fn with(&self, block: Ipv4Net) -> VpcAddressing {
        let mut after = self.clone();
        after.secondaries.push(block);
        after
    }

    /// Every block, the primary one first.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = Ipv4Net> + '_ {
        std::iter::once(self.primary).chain(self.secondaries.iter().copied())
    }
}

/// Why AWS would not associate a block with a VPC.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CidrRefusal {
    /// Not /16 to /28.
    #[error("{block} has a size that AWS does not allow; a VPC block can be /{LARGEST} to /{SMALLEST}")]
    Size {
        /// The block asked for.
        block: Ipv4Net,
    },
    /// In a range that no VPC can use.
    #[error("{block} is in {range}, which no VPC can use")]
    Unusable {
        /// The block asked for.
        block: Ipv4Net,
        /// The range.
        range: Ipv4Net,
    },
    /// AWS's table of restricted associations.
    #[error(
        "{block} is not allowed: AWS does not associate blocks in {restricted} with a VPC whose primary block ({primary}) is {primary_range}"
    )]
    Restricted {
        /// The block asked for.
        block: Ipv4Net,
        /// The range that is closed.
        restricted: Ipv4Net,
        /// The VPC's primary block.
        primary: Ipv4Net,
        /// The row of the table that the primary block falls into, in words.
        primary_range: &'static str,
    },
    /// 10.0.0.0/16 is closed as soon as the VPC has any block in 10.0.0.0/15.
    #[error(
        "{block} is in 10.0.0.0/16: AWS does not associate blocks of this range with a VPC that has a block ({existing}) in 10.0.0.0/15"
    )]
    BesideTenZero {
        /// The block asked for.
        block: Ipv4Net,
        /// The VPC's block in 10.0.0.0/15.
        existing: Ipv4Net,
    },
    /// Overlaps with a block of the VPC.
    #[error("{block} overlaps with the VPC's own block {existing}")]
    OverlapsVpc {
        /// The block asked for.
        block: Ipv4Net,
        /// The VPC's block.
        existing: Ipv4Net,
    },
    /// Overlaps with a block of a peered VPC.
    #[error("{block} overlaps with {cidr} on the other side of the peering {peering}")]
    OverlapsPeer {
        /// The block asked for.
        block: Ipv4Net,
        /// `pcx-…`
        peering: String,
        /// The other VPC's block.
        cidr: Ipv4Net,
    },
    /// As large as a route's destination, or larger: the `local` route would override it.
    #[error("{block} is not smaller than {destination}, for which {route_table} has a route")]
    CoversRoute {
        /// The block asked for.
        block: Ipv4Net,
        /// `rtb-…`
        route_table: String,
        /// The route's destination.
        destination: Ipv4Net,
    },
    /// The VPC's quota of blocks is used up.
    #[error("{block} would be block {} of the VPC, and its quota is {quota}", .associated + 1)]
    Quota {
        /// The block asked for.
        block: Ipv4Net,
        /// Blocks that the VPC has.
        associated: usize,
        /// The quota.
        quota: usize,
    },
    /// While a peering that this VPC requested is pending, no block can be added.
    #[error(
        "{block} can't be added while the peering {peering}, which this VPC requested, is in pending-acceptance"
    )]
    PendingPeering {
        /// The block asked for.
        block: Ipv4Net,
        /// `pcx-…`
        peering: String,
    },
}

impl CidrRefusal {
    /// What to do about it, as a sentence.
    pub(crate) fn fix(&self) -> String {
        match self {
            CidrRefusal::Size { .. } => "Use a block from /16 to /28.".into(),
            CidrRefusal::Unusable { .. } | CidrRefusal::Restricted { .. } | CidrRefusal::BesideTenZero { .. } => {
                "Use a block from 100.64.0.0/10, which every VPC can use.".into()
            }
            CidrRefusal::OverlapsVpc { .. } | CidrRefusal::OverlapsPeer { .. } => {
                "Use a block that does not overlap with it.".into()
            }
            CidrRefusal::CoversRoute { route_table, destination, .. } => format!(
                "Use another block, or one smaller than {destination}, or remove the route from {route_table}."
            ),
            CidrRefusal::Quota { .. } => {
                "Request an increase in Service Quotas (VPC, \"IPv4 CIDR blocks per VPC\"), or create the subnets in an existing block of the VPC."
                    .into()
            }
            CidrRefusal::PendingPeering { peering, .. } => {
                format!("Have the other side accept {peering}, or delete it and request it again afterwards.")
            }
        }
    }
}

const fn net(a: u8, b: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(std::net::Ipv4Addr::new(a, b, 0, 0), prefix)
}

const TEN: Ipv4Net = net(10, 0, 8);
const TEN_ZERO: Ipv4Net = net(10, 0, 16);
const TEN_ZERO_AND_ONE: Ipv4Net = net(10, 0, 15);
const ONE_SEVEN_TWO: Ipv4Net = net(172, 16, 12);
const ONE_SEVEN_TWO_THIRTY_ONE: Ipv4Net = net(172, 31, 16);
const ONE_NINE_TWO: Ipv4Net = net(192, 168, 16);
const ONE_NINE_EIGHT_NINETEEN: Ipv4Net = net(198, 19, 16);
const SHARED: Ipv4Net = net(100, 64, 10);

/// Link-local is in AWS's table; the others are not usable unicast addresses (RFC 6890).
const UNUSABLE: [Ipv4Net; 4] = [net(0, 0, 8), net(127, 0, 8), net(169, 254, 16), net(224, 0, 3)];

/// A row of AWS's table: a primary block in the range rules out these ranges for other blocks.
type Row = (Ipv4Net, &'static str, &'static [Ipv4Net]);

/// VPC user guide, "IPv4 CIDR block association restrictions".
const ROWS: [Row; 4] = [
    (TEN, "in 10.0.0.0/8", &[ONE_SEVEN_TWO, ONE_NINE_TWO, ONE_NINE_EIGHT_NINETEEN]),
    (
        ONE_SEVEN_TWO,
        "in 172.16.0.0/12",
        &[TEN, ONE_NINE_TWO, ONE_SEVEN_TWO_THIRTY_ONE, ONE_NINE_EIGHT_NINETEEN],
    ),
    (ONE_NINE_TWO, "in 192.168.0.0/16", &[TEN, ONE_SEVEN_TWO, ONE_NINE_EIGHT_NINETEEN]),
    (ONE_NINE_EIGHT_NINETEEN, "in 198.19.0.0/16", &[TEN, ONE_SEVEN_TWO, ONE_NINE_TWO]),
];

/// The table's last row: every other primary block.
const OTHERWISE: (&str, &[Ipv4Net]) =
    ("publicly routable or in 100.64.0.0/10", &[TEN, ONE_SEVEN_TWO, ONE_NINE_TWO, ONE_NINE_EIGHT_NINETEEN]);

/// All reasons why AWS would not associate `block` with the VPC; empty if it would.
///
/// A block that the VPC already has counts as an overlap, so pass only new blocks.
pub(crate) fn check_secondary(block: Ipv4Net, vpc: &VpcAddressing) -> Vec<CidrRefusal> {
    let mut refusals = Vec::new();
    if !(LARGEST..=SMALLEST).contains(&block.prefix_len()) {
        refusals.push(CidrRefusal::Size { block });
    }
    for range in UNUSABLE {
        if overlap(block, range) {
            refusals.push(CidrRefusal::Unusable { block, range });
        }
    }
    let (primary_range, closed) = ROWS
        .iter()
        .find(|(range, ..)| range.contains(&vpc.primary))
        .map_or(OTHERWISE, |(_, words, closed)| (words, closed));
    for &restricted in closed {
        if overlap(block, restricted) {
            refusals.push(CidrRefusal::Restricted { block, restricted, primary: vpc.primary, primary_range });
        }
    }
    if overlap(block, TEN_ZERO)
        && let Some(existing) = vpc.blocks().find(|existing| overlap(*existing, TEN_ZERO_AND_ONE))
    {
        refusals.push(CidrRefusal::BesideTenZero { block, existing });
    }
    for existing in vpc.blocks().filter(|existing| overlap(block, *existing)) {
        refusals.push(CidrRefusal::OverlapsVpc { block, existing });
    }
    for peer in vpc.peers.iter().filter(|peer| overlap(block, peer.cidr)) {
        refusals.push(CidrRefusal::OverlapsPeer { block, peering: peer.peering.clone(), cidr: peer.cidr });
    }
    for route in vpc.routes.iter().filter(|route| block.contains(&route.destination)) {
        let route_table = route.route_table.clone();
        refusals.push(CidrRefusal::CoversRoute { block, route_table, destination: route.destination });
    }
    let associated = vpc.blocks().count();
    if associated >= vpc.block_quota {
        refusals.push(CidrRefusal::Quota { block, associated, quota: vpc.block_quota });
    }
    for peering in &vpc.pending_requests {
        refusals.push(CidrRefusal::PendingPeering { block, peering: peering.clone() });
    }
    refusals
}

/// A block from 100.64.0.0/10 that AWS would associate with the VPC, and that does not overlap with `avoid` (blocks in
/// use elsewhere, such as the cluster's service CIDR).
///
/// The largest one, 100.64.0.0/16 first; blocks that no route covers come first. `None`: AWS would accept no block at all,
/// or the range is used up.
pub(crate) fn suggest_block(vpc: &VpcAddressing, avoid: &[Ipv4Net]) -> Option<Ipv4Net> {
    // A smaller block holds too few pods to be useful.
    const SMALLEST_OFFER: u8 = 20;
    let legal: Vec<Ipv4Net> = (LARGEST..=SMALLEST_OFFER)
        .flat_map(|prefix| SHARED.subnets(prefix).into_iter().flatten())
        .filter(|block| !avoid.iter().any(|other| overlap(*block, *other)))
        .filter(|block| check_secondary(*block, vpc).is_empty())
        .collect();
    // A default route covers every block. Any other route that covers the block goes to a network that uses it.
    let led_away = |block: &Ipv4Net| {
        vpc.routes
            .iter()
            .any(|route| route.destination.prefix_len() > 0 && overlap(*block, route.destination))
    };
    legal.iter().find(|block| !led_away(block)).or(legal.first()).copied()
}

#[cfg(test)]
mod tests;
