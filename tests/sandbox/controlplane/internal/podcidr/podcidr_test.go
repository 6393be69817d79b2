package podcidr

import (
	"net/netip"
	"testing"
)

func never(netip.Prefix) bool { return false }

func TestBits(t *testing.T) {
	for pods, want := range map[int]int{3: 28, 13: 28, 14: 27, 20: 27, 29: 27, 30: 26, 110: 25, 125: 25, 126: 24, 250: 24, 737: 22} {
		if got := Bits(pods); got != want {
			t.Errorf("%d pods: /%d, want /%d", pods, got, want)
		}
	}
}

func TestRangesAreDisjointAndKeepReservedAddressesFree(t *testing.T) {
	subnet := netip.MustParsePrefix("100.64.0.0/24")
	var used []netip.Prefix
	for {
		next, ok := Choose(subnet, 27, used, nil, never)
		if !ok {
			break
		}
		for _, other := range used {
			if other.Overlaps(next) {
				t.Fatalf("%s overlaps %s", next, other)
			}
		}
		if next.Contains(netip.MustParseAddr("100.64.0.3")) || next.Bits() != 27 {
			t.Fatalf("%s holds reserved addresses", next)
		}
		used = append(used, next)
	}
	if len(used) != 7 || used[0] != netip.MustParsePrefix("100.64.0.192/27") || used[6] != netip.MustParsePrefix("100.64.0.224/27") {
		t.Errorf("seven ranges from the top, the one with the broadcast address last, got %v", used)
	}
}

func TestUsedAddressesAndSpentRangesAreAvoided(t *testing.T) {
	subnet := netip.MustParsePrefix("10.0.0.0/24")
	address := []netip.Addr{netip.MustParseAddr("10.0.0.200")}
	first := netip.MustParsePrefix("10.0.0.160/27")
	if got, _ := Choose(subnet, 27, nil, address, never); got != first {
		t.Errorf("got %s, want %s", got, first)
	}
	spent := func(p netip.Prefix) bool { return p == first }
	if got, _ := Choose(subnet, 27, nil, address, spent); got != netip.MustParsePrefix("10.0.0.128/27") {
		t.Errorf("a spent range was used before fresh ones: %s", got)
	}
	all := func(netip.Prefix) bool { return true }
	if got, ok := Choose(subnet, 27, nil, address, all); !ok || got != first {
		t.Errorf("with nothing fresh left a spent range serves, got %s", got)
	}
}

func TestNoRoom(t *testing.T) {
	if got, ok := Choose(netip.MustParsePrefix("10.0.0.0/27"), 27, nil, nil, never); ok {
		t.Errorf("the whole subnet can't be one node's: %s", got)
	}
	if got, ok := Choose(netip.MustParsePrefix("10.0.0.0/28"), 27, nil, nil, never); ok {
		t.Errorf("larger than the subnet: %s", got)
	}
}

func TestAddresses(t *testing.T) {
	got := Addresses(netip.MustParsePrefix("10.0.0.192/28"), 3)
	if len(got) != 3 || got[0].String() != "10.0.0.192" || got[2].String() != "10.0.0.194" {
		t.Errorf("got %v", got)
	}
	if got := Addresses(netip.MustParsePrefix("10.0.0.192/28"), 30); len(got) != 16 {
		t.Errorf("more than the range holds: %d", len(got))
	}
}
