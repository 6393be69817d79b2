package network

import (
	"net/netip"

	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/instances"
	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/podcidr"
)

// prefixSize is how many addresses a delegated prefix has: a /28.
const prefixSize = 16

// mode is how a node's pods got their first addresses. It does not change: ipamd keeps what is attached.
type mode struct {
	primary bool // the instance's own network interface carries pods: custom networking was off
	prefix  bool // in whole prefixes
}

// layout distributes a node's range over the network interfaces or prefixes that the CNI adds one after another. Each
// of these is a unit; they are numbered from 1.
type layout struct {
	mode
	podCIDR netip.Prefix
	limits  instances.Limits
}

// device returns the device index of the network interface that holds a unit.
func (l layout) device(unit int) int {
	first := firstPodInterface
	if l.primary {
		first = 0
	}
	if l.prefix {
		return first + (unit-1)/max(l.limits.IPv4PerENI-1, 1)
	}
	return first + unit - 1
}

// canGrow reports whether the instance type and the range allow one more unit.
func (l layout) canGrow(count int) bool {
	if l.prefix && count*prefixSize >= 1<<(32-l.podCIDR.Bits()) {
		return false
	}
	return l.device(count+1) < l.limits.ENIs
}

// holds reports whether this many units include the address.
func (l layout) holds(count int, address netip.Addr) bool {
	if count == 0 {
		return false
	}
	_, addresses := l.unit(count)
	return len(addresses) > 0 && !addresses[len(addresses)-1].Less(address)
}

// unit returns a unit's addresses for pods, preceded by the network interface's own address if it is in the range. kwok
// assigns pods all addresses in order, from the second one on. The first network interface for pods has the range's
// first address; the others' own addresses are taken from the end, before the last. A prefix is whole: EC2 chooses its
// network interface's own address.
func (l layout) unit(number int) (own netip.Addr, pods []netip.Addr) {
	all := podcidr.Addresses(l.podCIDR, 1<<(32-l.podCIDR.Bits()))
	if l.prefix {
		from := min((number-1)*prefixSize, len(all))
		return netip.Addr{}, all[from:min(from+prefixSize, len(all))]
	}
	each := l.limits.IPv4PerENI - 1
	last := len(all) - 1
	if number > 1 {
		last = len(all) - number
		own = all[last]
	} else if !l.primary {
		own = all[0]
	}
	from := min(1+(number-1)*each, last)
	return own, all[from:min(from+each, last)]
}

// block returns a unit's prefix.
func (l layout) block(number int) string {
	_, addresses := l.unit(number)
	return netip.PrefixFrom(addresses[0], 28).String()
}
