package network

import (
	"context"
	"errors"
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/instances"
	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/podcidr"
)

// Grow attaches one more network interface of the first one's kind, as the CNI does when pods need more addresses.
// known is how many for pods the caller knows of, 0 if it doesn't know; so many there are now. EC2 may not show yet
// what was attached a moment ago.
func (n *Network) Grow(ctx context.Context, instance instances.Instance, podCIDR netip.Prefix, known int) (count int, err error) {
	attached, err := n.interfaces(ctx, map[string]string{"attachment.instance-id": instance.ID})
	if err != nil {
		return known, err
	}
	first := at(attached, firstPodInterface)
	if first == nil {
		return known, errors.New("EC2 doesn't tell the instance's network interfaces for pods")
	}
	index := firstPodInterface
	for at(attached, int32(index)) != nil || index <= known {
		index++
	}
	if found := index - 1; found > known || !CanGrow(instance.Limits, found) {
		return found, nil
	}
	return index, n.connect(ctx, podInterface{
		instance: instance.ID, index: index,
		subnet: aws.ToString(first.SubnetId), groups: groupIDs(first.Groups),
		addresses: addressesOf(podCIDR, instance.Limits, index),
	})
}

// CanGrow tells whether the instance type takes one more when it has that many for pods.
func CanGrow(limits instances.Limits, count int) bool {
	return firstPodInterface+count < limits.ENIs
}

// Holds tells whether that many network interfaces for pods hold this address.
func Holds(podCIDR netip.Prefix, limits instances.Limits, count int, address netip.Addr) bool {
	if count == 0 {
		return false
	}
	addresses := addressesOf(podCIDR, limits, count)
	return !addresses[len(addresses)-1].Less(address)
}

// addressesOf lays a node's range out over its network interfaces. The first one's own address is the range's first,
// that of the others is taken from the end, before the last: pods have all between, in order.
func addressesOf(podCIDR netip.Prefix, limits instances.Limits, index int) []netip.Addr {
	all := podcidr.Addresses(podCIDR, 1<<(32-podCIDR.Bits()))
	perInterface := limits.IPv4PerENI
	if index == firstPodInterface {
		return all[:min(perInterface, len(all))]
	}
	own := len(all) - index
	from := min(1+(index-1)*(perInterface-1), own)
	to := min(from+perInterface-1, own)
	return append([]netip.Addr{all[own]}, all[from:to]...)
}
