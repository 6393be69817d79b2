// Package podcidr allocates the nodes' pod address ranges in subnets. A real CNI assigns addresses one by one; kwok
// assigns them from the node's podCIDR, so every node gets its own range of its subnet.
package podcidr

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// Bits returns the prefix length of a range for that many pods: kwok assigns the range's addresses from the second one
// on, the first is the network interface's own, and the last stays free, because it may be the subnet's broadcast
// address. It is never smaller than a /28, the size of the CNI's prefixes.
func Bits(maxPods int) int {
	size := max(16, maxPods+3)
	return 32 - bits.Len(uint(size-1))
}

// Choose returns the highest range of that length in the subnet that has no used address and overlaps no used range;
// EC2 fills subnets from the bottom. spent reports ranges that another node had: they are used last, because kwok
// remembers addresses of pods that outlived their node. ok is false if no range is free.
func Choose(subnet netip.Prefix, length int, usedRanges []netip.Prefix, usedAddresses []netip.Addr, spent func(netip.Prefix) bool) (chosen netip.Prefix, ok bool) {
	if !subnet.Addr().Is4() || length < subnet.Bits() {
		return netip.Prefix{}, false
	}
	free := func(candidate netip.Prefix) bool {
		for _, used := range usedRanges {
			if used.Overlaps(candidate) {
				return false
			}
		}
		for _, used := range usedAddresses {
			if candidate.Contains(used) {
				return false
			}
		}
		return true
	}
	count := uint32(1) << (length - subnet.Bits())
	var fallback netip.Prefix
	// Not the lowest: AWS keeps the first four addresses of a subnet. The highest holds its broadcast address, which is
	// never assigned (see Bits); it is used when all others are used up.
	order := make([]uint32, 0, count)
	for index := int64(count) - 2; index >= 1; index-- {
		order = append(order, uint32(index))
	}
	if count > 1 {
		order = append(order, count-1)
	}
	for _, index := range order {
		candidate := nth(subnet, length, index)
		if !free(candidate) {
			continue
		}
		if !spent(candidate) {
			return candidate, true
		}
		if !fallback.IsValid() {
			fallback = candidate
		}
	}
	return fallback, fallback.IsValid()
}

// Addresses returns the first addresses of a range.
func Addresses(prefix netip.Prefix, count int) []netip.Addr {
	list := make([]netip.Addr, 0, count)
	for address := prefix.Masked().Addr(); len(list) < count && prefix.Contains(address); address = address.Next() {
		list = append(list, address)
	}
	return list
}

func nth(subnet netip.Prefix, length int, index uint32) netip.Prefix {
	base := subnet.Masked().Addr().As4()
	start := binary.BigEndian.Uint32(base[:]) + index<<(32-length)
	var address [4]byte
	binary.BigEndian.PutUint32(address[:], start)
	return netip.PrefixFrom(netip.AddrFrom4(address), length)
}
