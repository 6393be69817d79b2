//! One subnet per Availability Zone, cut evenly from the pods' blocks.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;

use super::{LARGEST, SMALLEST, overlap};

/// Why there can't be a subnet for each zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// There is nothing to cut subnets from.
    #[error("there is no CIDR block to cut subnets from")]
    NoBlocks,
    /// EC2 makes no subnets of this size.
    #[error("a subnet can't be a /{prefix}; EC2 makes them from /{LARGEST} to /{SMALLEST}")]
    Prefix {
        /// As it was asked for.
        prefix: u8,
    },
    /// Not enough free slots, down to `/prefix`.
    #[error(
        "{} {} room for {free} more subnet{} of /{prefix} and {needed} {} needed: {} too few",
        join(.blocks), if .blocks.len() == 1 { "has" } else { "have" }, if *.free == 1 { "" } else { "s" },
        if *.needed == 1 { "is" } else { "are" },
        crate::words::counted(*.lacking_addresses, "address")
    )]
    NoRoom {
        /// The blocks there are.
        blocks: Vec<Ipv4Net>,
        /// Size of the subnets: what was asked for, or the smallest that EC2 makes.
        prefix: u8,
        /// Zones that have no subnet yet.
        needed: usize,
        /// Aligned slots of that size that no subnet touches.
        free: usize,
        /// Addresses, free and aligned, that another block would have to bring.
        lacking_addresses: u64,
    },
}

fn join(blocks: &[Ipv4Net]) -> String {
    let blocks: Vec<String> = blocks.iter().map(ToString::to_string).collect();
    blocks.join(", ")
}

/// Cuts `blocks` into one subnet per zone, all of the same size.
///
/// The blocks are seen as slots of that size, a power of two in each; slots that touch a subnet in `taken` are
/// left out, and the rest is dealt to the sorted zones, one block after the other in turn. Without `prefix` the
/// subnets are the largest for which that goes round; with it they are of that size.
///
/// `own` are zones whose subnet is there already. They keep it, whatever it is, and the others get what they
/// would have got beside it: a run that was cut after any of its subnets and is started again, with what it
/// created as `own`, comes to the same result. So the size of the subnets in `own` is kept as long as there is
/// room, and a zone whose slot an `own` subnet sits on moves to a free one.
///
/// The order of `blocks`, `zones` and `taken` is of no matter. The result has the zones of `zones` and no others.
pub fn split(
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
    // A zone that is no longer asked for keeps its subnet too; it is in the way like anybody's. One that is asked
    // for has a slot of its own, also where its subnet is listed among all the others.
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

/// The free slots of a size, in the order in which zones get them: the first of each block, the second of each…
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

/// Each zone's subnet, or nothing where the slots don't go round.
///
/// The slots are first dealt as if no zone had its subnet, so that having some changes nothing for the others.
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
