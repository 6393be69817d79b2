package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/instances"
	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/podcidr"
)

// patience is how often connecting a network interface with a range may fail before another range is tried.
const patience = 20

// Network is the network of the cluster's nodes.
type Network struct {
	ec2        *ec2.Client
	kubernetes client.Client
	cluster    string

	mutex  sync.Mutex
	claims map[string]*claim // by instance id
	spent  map[netip.Prefix]bool
}

// claim is the range that a node has or is about to get.
type claim struct {
	mode
	subnet   string // empty while unknown
	podCIDR  netip.Prefix
	failures int
}

func (c *claim) layout(instance instances.Instance) layout {
	return layout{mode: c.mode, podCIDR: c.podCIDR, limits: instance.Limits}
}

// New returns a network; cluster is the name for tags.
func New(ec2 *ec2.Client, kubernetes client.Client, cluster string) *Network {
	return &Network{
		ec2: ec2, kubernetes: kubernetes, cluster: cluster,
		claims: map[string]*claim{}, spent: map[netip.Prefix]bool{},
	}
}

// Adopt records a node that already has its range.
func (n *Network) Adopt(instance string, podCIDR netip.Prefix) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.claims[instance] = &claim{podCIDR: podCIDR}
	n.spent[podCIDR] = true
}

// Release releases the range of a terminated instance.
func (n *Network) Release(instance string) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	delete(n.claims, instance)
}

// Connect sets up the node's network for pods: it returns the range of their addresses and how many units hold it.
// After an error the node has no network yet: call again. What was done before is found by attachment and by tag.
func (n *Network) Connect(ctx context.Context, instance instances.Instance, node *corev1.Node, maxPods int) (podCIDR netip.Prefix, units int, err error) {
	settings, err := readSettings(ctx, n.kubernetes)
	if err != nil {
		return netip.Prefix{}, 0, err
	}
	attached, err := n.interfaces(ctx, map[string]string{"attachment.instance-id": instance.ID})
	if err != nil {
		return netip.Prefix{}, 0, err
	}
	subnet, groups, err := n.here(ctx, node, attached)
	if err != nil {
		return netip.Prefix{}, 0, err
	}
	if mode, holder := modeOf(attached); holder != nil {
		return n.resume(ctx, instance, mode, holder, attached, maxPods)
	}
	mode := mode{primary: !settings.customNetwork(), prefix: settings.prefixDelegation()}
	claim, err := n.claim(ctx, instance.ID, subnet, mode, maxPods)
	if err != nil {
		return netip.Prefix{}, 0, err
	}
	layout := claim.layout(instance)
	for units = 1; ; units++ {
		if err := n.add(ctx, instance, layout, units, place{subnet: subnet, groups: groups}, attached); err != nil {
			n.failed(instance.ID, claim)
			return netip.Prefix{}, 0, err
		}
		if units == 2 || !mode.primary || !settings.warmInterface() || !layout.canGrow(units) {
			return claim.podCIDR, units, nil
		}
	}
}

// resume continues with a network interface that was attached before, by this process or an earlier one.
func (n *Network) resume(ctx context.Context, instance instances.Instance, mode mode, holder *types.NetworkInterface, attached []types.NetworkInterface, maxPods int) (netip.Prefix, int, error) {
	podCIDR, err := rangeOf(holder, mode, maxPods)
	if err != nil {
		return netip.Prefix{}, 0, err
	}
	n.Adopt(instance.ID, podCIDR)
	claim, err := n.adopted(instance.ID, attached)
	if err != nil {
		return netip.Prefix{}, 0, err
	}
	units := claim.layout(instance).found(attached)
	for _, one := range attached {
		if one.Attachment == nil || aws.ToBool(one.Attachment.DeleteOnTermination) {
			continue
		}
		if err := n.deleteOnTermination(ctx, aws.ToString(one.NetworkInterfaceId), aws.ToString(one.Attachment.AttachmentId)); err != nil {
			return netip.Prefix{}, 0, err
		}
	}
	return podCIDR, units, nil
}

// rangeOf derives the range of a node: the lowest of its addresses for pods shows where the range starts; the own
// address of a network interface that was created for them is the range's first one.
func rangeOf(holder *types.NetworkInterface, mode mode, maxPods int) (netip.Prefix, error) {
	var lowest netip.Addr
	note := func(text string) {
		if address, err := netip.ParseAddr(text); err == nil && (!lowest.IsValid() || address.Less(lowest)) {
			lowest = address
		}
	}
	for _, prefix := range holder.Ipv4Prefixes {
		if block, err := netip.ParsePrefix(aws.ToString(prefix.Ipv4Prefix)); err == nil {
			note(block.Addr().String())
		}
	}
	if !mode.prefix {
		for _, one := range holder.PrivateIpAddresses {
			if !mode.primary || !aws.ToBool(one.Primary) {
				note(aws.ToString(one.PrivateIpAddress))
			}
		}
	}
	if !lowest.IsValid() {
		return netip.Prefix{}, errors.New("EC2 does not report the node's addresses for pods")
	}
	podCIDR := netip.PrefixFrom(lowest, podcidr.Bits(maxPods)).Masked()
	first := podCIDR.Addr()
	if mode.primary && !mode.prefix {
		first = first.Next()
	}
	if lowest != first {
		return netip.Prefix{}, fmt.Errorf("network interface %s was not created by a node agent", aws.ToString(holder.NetworkInterfaceId))
	}
	return podCIDR, nil
}

// claim chooses a range in the subnet, once per instance and subnet.
func (n *Network) claim(ctx context.Context, instance, subnet string, mode mode, maxPods int) (*claim, error) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if existing := n.claims[instance]; existing != nil && existing.subnet == subnet && existing.mode == mode {
		return existing, nil
	}
	cidr, err := n.subnetCIDR(ctx, subnet)
	if err != nil {
		return nil, err
	}
	inSubnet, err := n.interfaces(ctx, map[string]string{"subnet-id": subnet})
	if err != nil {
		return nil, err
	}
	var addresses []netip.Addr
	for _, one := range inSubnet {
		for _, private := range one.PrivateIpAddresses {
			if address, err := netip.ParseAddr(aws.ToString(private.PrivateIpAddress)); err == nil {
				addresses = append(addresses, address)
			}
		}
	}
	var ranges []netip.Prefix
	for owner, other := range n.claims {
		if owner != instance {
			ranges = append(ranges, other.podCIDR)
		}
	}
	chosen, ok := podcidr.Choose(cidr, podcidr.Bits(maxPods), ranges, addresses, func(p netip.Prefix) bool { return n.spent[p] })
	if !ok {
		return nil, fmt.Errorf("subnet %s (%s) has no free range for %d pods", subnet, cidr, maxPods)
	}
	fresh := &claim{mode: mode, subnet: subnet, podCIDR: chosen}
	n.claims[instance] = fresh
	n.spent[chosen] = true
	return fresh, nil
}

// failed discards a range that EC2 keeps rejecting.
func (n *Network) failed(instance string, claim *claim) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	claim.failures++
	if claim.failures >= patience {
		delete(n.claims, instance)
	}
}
