package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	corev1 "k8s.io/api/core/v1"

	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/instances"
)

// Needs reports whether a pod's address is on none of the node's units (network interfaces, or prefixes) and the node
// can get more. count is how many units the caller knows of, 0 if unknown.
func (n *Network) Needs(instance instances.Instance, count int, highest netip.Addr) bool {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	claim := n.claims[instance.ID]
	if claim == nil || !highest.IsValid() {
		return false
	}
	layout := claim.layout(instance)
	return layout.canGrow(count) && !layout.holds(count, highest)
}

// Grow adds one unit as the CNI does when pods need more addresses: by aws-node's settings and the ENIConfig of this
// moment (ipamd, tryAllocateENI), whatever they were when the node joined. EC2 may not show the latest unit yet; known
// is how many units the caller knows of. Grow returns the current number.
func (n *Network) Grow(ctx context.Context, instance instances.Instance, node *corev1.Node, known int) (count int, err error) {
	attached, err := n.interfaces(ctx, map[string]string{"attachment.instance-id": instance.ID})
	if err != nil {
		return known, err
	}
	claim, err := n.adopted(instance.ID, attached)
	if err != nil {
		return known, err
	}
	layout := claim.layout(instance)
	if found := layout.found(attached); found > known || !layout.canGrow(found) {
		return found, nil
	}
	subnet, groups, err := n.here(ctx, node, attached)
	if err != nil {
		return known, err
	}
	return known + 1, n.add(ctx, instance, layout, known+1, place{subnet, groups, subnet != claim.subnet}, attached)
}

// place is the location of the next network interface. A foreign one is in another subnet than the node's range, and
// EC2 chooses its addresses.
type place struct {
	subnet  string
	groups  []string
	foreign bool
}

// add adds the node's next unit.
func (n *Network) add(ctx context.Context, instance instances.Instance, layout layout, unit int, where place, attached []types.NetworkInterface) error {
	device := layout.device(unit)
	if where.foreign && device == 0 {
		// The instance's own network interface gets no more addresses with custom networking (GetAllocatableENIs).
		device = firstPodInterface
	}
	existing := at(attached, int32(device))
	wanted := podInterface{instance: instance.ID, index: device, subnet: where.subnet, groups: where.groups}
	if where.foreign {
		wanted.foreign = layout.limits.IPv4PerENI - 1
		if existing != nil {
			return nil // its own addresses are enough for a node that is being removed
		}
		if layout.prefix {
			wanted.foreign, wanted.prefixes = 0, 1
		}
		return n.connect(ctx, wanted)
	}
	own, pods := layout.unit(unit)
	if existing != nil {
		id := aws.ToString(existing.NetworkInterfaceId)
		if layout.prefix {
			return n.assign(ctx, id, nil, layout.block(unit))
		}
		return n.assign(ctx, id, pods, "")
	}
	if layout.prefix {
		wanted.block = layout.block(unit)
	} else {
		wanted.addresses = append([]netip.Addr{own}, pods...)
	}
	return n.connect(ctx, wanted)
}

// here returns the location of a network interface that is created now.
func (n *Network) here(ctx context.Context, node *corev1.Node, attached []types.NetworkInterface) (subnet string, groups []string, err error) {
	settings, err := readSettings(ctx, n.kubernetes)
	if err != nil {
		return "", nil, err
	}
	primary := at(attached, 0)
	if primary == nil {
		return "", nil, errors.New("EC2 does not report the instance's primary network interface yet")
	}
	subnet, groups = aws.ToString(primary.SubnetId), groupIDs(primary.Groups)
	if !settings.customNetwork() {
		return subnet, groups, nil
	}
	custom, err := settings.eniConfig(ctx, n.kubernetes, node)
	if err != nil {
		return "", nil, err
	}
	if len(custom.Spec.SecurityGroups) > 0 {
		groups = custom.Spec.SecurityGroups
	}
	return custom.Spec.Subnet, groups, nil
}

// found counts the units that EC2 shows.
func (l layout) found(attached []types.NetworkInterface) (count int) {
	for i := range attached {
		one := &attached[i]
		if one.Attachment == nil || aws.ToInt32(one.Attachment.NetworkCardIndex) != 0 {
			continue
		}
		switch {
		case l.prefix:
			count += len(one.Ipv4Prefixes)
		case aws.ToInt32(one.Attachment.DeviceIndex) >= firstPodInterface:
			count++
		case l.primary && len(one.PrivateIpAddresses) > 1:
			count++
		}
	}
	return count
}

// adopted returns the node's claim; that of a node that joined before this process started is read from EC2.
func (n *Network) adopted(instance string, attached []types.NetworkInterface) (*claim, error) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	claim := n.claims[instance]
	if claim == nil {
		return nil, fmt.Errorf("no range is known of %s", instance)
	}
	if claim.subnet != "" {
		return claim, nil
	}
	mode, holder := modeOf(attached)
	if holder == nil {
		return nil, errors.New("EC2 does not report the instance's network interfaces for pods")
	}
	claim.mode, claim.subnet = mode, aws.ToString(holder.SubnetId)
	return claim, nil
}

// modeOf derives from the attached network interfaces how the node joined and which one holds its range; nil if there
// is none for pods yet.
func modeOf(attached []types.NetworkInterface) (mode, *types.NetworkInterface) {
	if primary := at(attached, 0); primary != nil && (len(primary.PrivateIpAddresses) > 1 || len(primary.Ipv4Prefixes) > 0) {
		return mode{primary: true, prefix: len(primary.Ipv4Prefixes) > 0}, primary
	}
	if first := at(attached, firstPodInterface); first != nil {
		return mode{prefix: len(first.Ipv4Prefixes) > 0}, first
	}
	return mode{}, nil
}
