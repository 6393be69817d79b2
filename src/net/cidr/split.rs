//! Splits the pods' CIDR blocks evenly into one subnet per Availability Zone.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;

use super::{LARGEST, SMALLEST, overlap};

/// Why there can't be a subnet for each zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SplitError {
    /// There is no block to create subnets in.
    #[error("there is no CIDR block to create subnets in")]
    NoBlocks,
    /// EC2 does not allow subnets of this size.
    #[error("a subnet can't be a /{prefix}; EC2 allows /{LARGEST} to /{SMALLEST}")]
    Prefix {
        /// The requested prefix length.
        prefix: u8,
    },
    /// Not enough free slots, down to `/prefix`.
    #[error(
        "{} {} room for {free} more subnet{} of /{prefix} and {needed} {} needed: {} too few",
        join(.blocks), if .blocks.len() == 1 { "has" } else { "have" }, if *.free == 1 { "" } else { "s" },
        if *.needed == 1 { "is" } else { "are" },
        crate::text::counted(*.lacking_addresses, "address")
    )]
    NoRoom {
        /// The existing blocks.
        blocks: Vec<Ipv4Net>,
        /// Prefix length of the subnets: the requested one, or the smallest subnet that EC2 allows.
        prefix: u8,
        /// Zones that have no subnet yet.
        needed: usize,
        /// Aligned slots of that size that overlap with no subnet.
        free: usize,
        /// Free, aligned addresses that another block would have to add.
        lacking_addresses: u64,
    },
}

fn join(blocks: &[Ipv4Net]) -> String {
    let blocks: Vec<String> = blocks.iter().map(ToString::to_string).collect();
    blocks.join(", ")
}

/// Splits `blocks` into one subnet per zone, all of the same size.
///
/// Each block is divided into slots of that size. Slots that overlap with a subnet in `taken` are left out, and the
/// others are assigned to the sorted zones, from the blocks in turn. With `prefix` the subnets have that size; without
/// it they are the largest for which there are enough slots.
///
/// `own` are zones that already have their subnet. They keep it, whatever it is, and the other zones get the subnets that
/// they would have got anyway. So a run that is interrupted after any subnet, and repeated with its subnets as `own`,
/// gives the same result: the size of the subnets in `own` is kept as long as there is room, and a zone whose slot
/// overlaps with an `own` subnet moves to a free one.
///
/// The order of `blocks`, `zones` and `taken` does not matter. The result has exactly the zones of `zones`.
pub(crate) fn split(
    blocks: &[Ipv4Net],
    zones: &[String],
    taken: &[Ipv4Net],
    own: &BTreeMap<String, Ipv4Net>,
    prefix: Option<u8>,
) -> Result<BTreeMap<String, Ipv4Net>, SplitError> {
    let zones: BTreeSet<&str> = zones.iter().map(String::as_str).collect();
    let blocks: BTreeSet<Ipv4Net> = blocks.iter().map(Ipv4Net::trunc).collect();
    if let Some(prefix) = prefix.filter(|prefix| !(LARGEST..=SMALLEST).contains(prefix)) {
        return Err(SplitError::Prefix { prefix });
    }
    let (kept, elsewhere): (Vec<_>, Vec<_>) =
        own.iter().map(|(zone, subnet)| (zone.as_str(), *subnet)).partition(|(zone, _)| zones.contains(zone));
    let kept: BTreeMap<&str, Ipv4Net> = kept.into_iter().collect();
    // A zone that is no longer in `zones` keeps its subnet, which takes up room like any other. A zone in `zones` has its
    // own slot, even if its subnet is listed in `taken`.
    let foreign = taken.iter().copied().filter(|subnet| !kept.values().any(|own| own == subnet));
    let taken: Vec<Ipv4Net> = foreign.chain(elsewhere.into_iter().map(|(_, subnet)| subnet)).collect();

    let needed = zones.iter().filter(|zone| !kept.contains_key(*zone)).count();
    if needed > 0 && blocks.is_empty() {
        return Err(SplitError::NoBlocks);
    }
    let sizes = match prefix {
        Some(prefix) => prefix..=prefix,
        None => {
            let earlier = kept.values().map(Ipv4Net::prefix_len).max().unwrap_or(LARGEST);
            earlier.clamp(LARGEST, SMALLEST)..=SMALLEST
        }
    };
    let smallest = *sizes.end();
    for prefix in sizes {
        if let Some(layout) = place(&zones, &deal(&blocks, prefix, &taken), &kept) {
            return Ok(layout);
        }
    }
    let clear = |slot: &Ipv4Net| !kept.values().any(|subnet| overlap(*slot, *subnet));
    let free = deal(&blocks, smallest, &taken).into_iter().filter(clear).count();
    Err(SplitError::NoRoom {
        blocks: blocks.into_iter().collect(),
        prefix: smallest,
        needed,
        free,
        lacking_addresses: (needed.saturating_sub(free) as u64) << (32 - u32::from(smallest)),
    })
}

/// The free slots of a size, in the order of assignment: the first of each block, the second of each…
fn deal(blocks: &BTreeSet<Ipv4Net>, prefix: u8, taken: &[Ipv4Net]) -> Vec<Ipv4Net> {
    let mut by_block: Vec<_> = blocks
        .iter()
        .map(|block| {
            let slots = block.subnets(prefix).into_iter().flatten();
            slots.filter(|slot| !taken.iter().any(|subnet| overlap(*slot, *subnet)))
        })
        .collect();
    let mut dealt = Vec::new();
    loop {
        let round: Vec<Ipv4Net> = by_block.iter_mut().filter_map(Iterator::next).collect();
        if round.is_empty() {
            return dealt;
        }
        dealt.extend(round);
    }
}

/// Each zone's subnet; `None` if there are too few slots.
///
/// Slots are first assigned as if no zone had its subnet, so that existing subnets do not change the others.
fn place(
    zones: &BTreeSet<&str>,
    slots: &[Ipv4Net],
    kept: &BTreeMap<&str, Ipv4Net>,
) -> Option<BTreeMap<String, Ipv4Net>> {
    let clear = |slot: &&Ipv4Net| !kept.values().any(|subnet| overlap(**slot, *subnet));
    let mut placed: BTreeMap<&str, Ipv4Net> = kept.clone();
    let mut moved = Vec::new();
    for (index, zone) in zones.iter().enumerate().filter(|(_, zone)| !kept.contains_key(*zone)) {
        match slots.get(index).filter(clear) {
            Some(slot) => drop(placed.insert(zone, *slot)),
            None => moved.push(*zone),
        }
    }
    let used: BTreeSet<Ipv4Net> = placed.values().copied().collect();
    let mut rest = slots.iter().filter(clear).filter(|slot| !used.contains(*slot));
    for zone in moved {
        placed.insert(zone, *rest.next()?);
    }
    Some(placed.into_iter().map(|(zone, subnet)| (zone.to_string(), subnet)).collect())
}

#[cfg(test)]
mod tests;
