package network

import (
	"net/netip"
	"testing"

	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/instances"
	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/podcidr"
)

// kwok gives pods the range's second address and on, so these must all be on an interface, and none twice.
func TestEveryPodAddressIsOnOneInterface(t *testing.T) {
	for name, limits := range map[string]instances.Limits{
		"t3.micro": {ENIs: 2, IPv4PerENI: 2}, "t3.medium": {ENIs: 3, IPv4PerENI: 6},
		"m5.large": {ENIs: 3, IPv4PerENI: 10}, "m5.xlarge": {ENIs: 4, IPv4PerENI: 15}, "m5.4xlarge": {ENIs: 8, IPv4PerENI: 30},
	} {
		maxPods := (limits.ENIs-1)*(limits.IPv4PerENI-1) + 2
		podCIDR := netip.PrefixFrom(netip.MustParseAddr("100.64.8.0"), podcidr.Bits(maxPods))
		owners := map[netip.Addr]int{}
		for index := firstPodInterface; index < limits.ENIs; index++ {
			for position, address := range addressesOf(podCIDR, limits, index) {
				if owners[address] != 0 || !podCIDR.Contains(address) {
					t.Errorf("%s: %s on interface %d is on %d already, or outside", name, address, index, owners[address])
				}
				owners[address] = index
				if position == 0 && index == firstPodInterface && address != podCIDR.Addr() {
					t.Errorf("%s: the first interface's own address is %s", name, address)
				}
			}
		}
		for _, address := range podcidr.Addresses(podCIDR, maxPods-1)[1:] {
			if owners[address] == 0 {
				t.Errorf("%s: pod address %s is on no interface", name, address)
			}
			for count := 1; count < limits.ENIs; count++ {
				if Holds(podCIDR, limits, count, address) != (owners[address] <= count) {
					t.Errorf("%s: %d interfaces and address %s of interface %d", name, count, address, owners[address])
				}
			}
		}
	}
}
