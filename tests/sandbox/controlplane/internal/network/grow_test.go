package network

import (
	"net/netip"
	"testing"

	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/instances"
	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/podcidr"
)

// kwok assigns pods the range's addresses from the second one on, so each of these must be on exactly one interface.
func TestEveryPodAddressIsOnOneInterface(t *testing.T) {
	for name, limits := range map[string]instances.Limits{
		"t3.micro": {ENIs: 2, IPv4PerENI: 2}, "t3.medium": {ENIs: 3, IPv4PerENI: 6},
		"m5.large": {ENIs: 3, IPv4PerENI: 10}, "m5.xlarge": {ENIs: 4, IPv4PerENI: 15}, "m5.4xlarge": {ENIs: 8, IPv4PerENI: 30},
	} {
		for _, mode := range []mode{{}, {primary: true}} {
			carrying := limits.ENIs
			if !mode.primary {
				carrying--
			}
			maxPods := carrying*(limits.IPv4PerENI-1) + 2
			podCIDR := netip.PrefixFrom(netip.MustParseAddr("100.64.8.0"), podcidr.Bits(maxPods))
			layout := layout{mode: mode, podCIDR: podCIDR, limits: limits}
			owners := map[netip.Addr]int{}
			for unit := 1; unit <= carrying; unit++ {
				own, addresses := layout.unit(unit)
				if own.IsValid() {
					addresses = append([]netip.Addr{own}, addresses...)
				}
				for _, address := range addresses {
					if owners[address] != 0 || !podCIDR.Contains(address) {
						t.Errorf("%s: %s of unit %d is of %d already, or outside", name, address, unit, owners[address])
					}
					owners[address] = unit
				}
				if own.IsValid() == (mode.primary && unit == 1) {
					t.Errorf("%s: only the instance's own interface has an address from elsewhere, not unit %d", name, unit)
				}
				if layout.canGrow(unit) != (unit < carrying) {
					t.Errorf("%s: after %d of %d units there is room: %t", name, unit, carrying, layout.canGrow(unit))
				}
			}
			for _, address := range podcidr.Addresses(podCIDR, maxPods-1)[1:] {
				if owners[address] == 0 {
					t.Errorf("%s: pod address %s is on no interface", name, address)
				}
				for count := 1; count < carrying; count++ {
					if layout.holds(count, address) != (owners[address] <= count) {
						t.Errorf("%s: %d units and address %s of unit %d", name, count, address, owners[address])
					}
				}
			}
		}
	}
}

func TestPrefixesFillOneInterfaceAfterAnother(t *testing.T) {
	limits := instances.Limits{ENIs: 3, IPv4PerENI: 6}
	for _, primary := range []bool{true, false} {
		layout := layout{mode: mode{primary: primary, prefix: true}, podCIDR: netip.MustParsePrefix("100.64.8.0/25"), limits: limits}
		first := firstPodInterface
		if primary {
			first = 0
		}
		if layout.device(1) != first || layout.device(5) != first || layout.device(6) != first+1 {
			t.Errorf("five prefixes are on one interface: %d %d %d", layout.device(1), layout.device(5), layout.device(6))
		}
		if layout.block(2) != "100.64.8.16/28" || !layout.canGrow(7) || layout.canGrow(8) {
			t.Errorf("the range has eight prefixes; the second is %s", layout.block(2))
		}
		if !layout.holds(2, netip.MustParseAddr("100.64.8.31")) || layout.holds(2, netip.MustParseAddr("100.64.8.32")) {
			t.Error("two prefixes hold thirty-two addresses")
		}
	}
}
