//! IPv4 CIDR blocks of a VPC: which can be added, and how they are split into subnets.
//!
//! Source of the rules: VPC user guide, "VPC CIDR blocks" and "Subnet CIDR blocks".

mod check;
mod nearest;
mod split;

pub(crate) use check::{PeerBlock, RouteDestination, VpcAddressing, check_secondary, suggest_block};
pub(crate) use nearest::nearest_block;
pub(crate) use split::split;

use ipnet::Ipv4Net;

/// Prefix length of the largest block that a VPC or a subnet may have.
pub(crate) const LARGEST: u8 = 16;

/// Prefix length of the smallest block that a VPC or a subnet may have.
pub(crate) const SMALLEST: u8 = 28;

/// The default quota of IPv4 blocks per VPC, including the primary one.
pub(crate) const DEFAULT_BLOCK_QUOTA: usize = 5;

/// First four and last address of each subnet: network, router, DNS, future use, broadcast.
const RESERVED_BY_AWS: u64 = 5;

/// Why a text can't be used as a CIDR block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BlockError {
    /// Not an IPv4 address, a slash and a prefix length from 0 to 32.
    #[error("{text:?} is not an IPv4 CIDR block; expected one such as 100.64.0.0/16")]
    NotABlock {
        /// As it was given.
        text: String,
    },
    /// EC2 would drop the bits silently, but it may be a typing error.
    #[error("{text} has bits set outside its prefix; the block that contains it is {meant}")]
    HostBits {
        /// As it was given.
        text: String,
        /// The block with these bits cleared.
        meant: Ipv4Net,
    },
}

/// Reads a CIDR block such as `100.64.0.0/16`.
///
/// Stricter than EC2: bits outside the prefix are an error that names the block that was probably meant.
pub(crate) fn parse_block(text: &str) -> Result<Ipv4Net, BlockError> {
    let block: Ipv4Net = text.trim().parse().map_err(|_| BlockError::NotABlock { text: text.to_string() })?;
    if block.addr() == block.network() {
        Ok(block)
    } else {
        Err(BlockError::HostBits { text: block.to_string(), meant: block.trunc() })
    }
}

/// Usable addresses of a subnet: all but the five that AWS reserves.
pub(crate) fn usable_addresses(subnet: Ipv4Net) -> u32 {
    let usable = addresses(subnet).saturating_sub(RESERVED_BY_AWS);
    u32::try_from(usable).unwrap_or(u32::MAX)
}

/// Whether two blocks have an address in common.
pub(crate) fn overlap(one: Ipv4Net, other: Ipv4Net) -> bool {
    one.contains(&other) || other.contains(&one)
}

/// All addresses of a block.
fn addresses(block: Ipv4Net) -> u64 {
    1 << (32 - u32::from(block.prefix_len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_strictly() {
        assert_eq!(parse_block(" 100.64.0.0/16 "), Ok("100.64.0.0/16".parse().unwrap()));
        for text in
            ["", "100.64.0.0", "100.64.0.0/33", "100.64/16", "fd00::/64", "100.64.0.0/16x", "1.2.3.400/8"]
        {
            assert_eq!(parse_block(text), Err(BlockError::NotABlock { text: text.into() }), "{text}");
        }
    }

    #[test]
    fn the_error_for_host_bits_names_the_block() {
        let error = parse_block("100.64.3.7/16").unwrap_err();
        assert_eq!(
            error.to_string(),
            "100.64.3.7/16 has bits set outside its prefix; the block that contains it is 100.64.0.0/16"
        );
    }

    #[test]
    fn five_addresses_of_a_subnet_are_reserved() {
        for (subnet, usable) in [
            ("10.0.0.0/28", 11),
            ("10.0.0.0/24", 251),
            ("10.0.0.0/16", 65_531),
            ("10.0.0.0/30", 0),
            ("0.0.0.0/0", 4_294_967_291),
        ] {
            assert_eq!(usable_addresses(subnet.parse().unwrap()), usable, "{subnet}");
        }
    }
}
