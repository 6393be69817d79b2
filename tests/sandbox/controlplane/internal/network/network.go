package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"github.com/aws/amazon-vpc-cni-k8s/pkg/apis/crd/v1alpha1"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/instances"
	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/podcidr"
)

// patience is how often connecting a network interface with one range may fail before another range is tried.
const patience = 20

// Network of the cluster's nodes.
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
	subnet   string
	podCIDR  netip.Prefix
	failures int
}

// New network; cluster is the name that goes into tags.
func New(ec2 *ec2.Client, kubernetes client.Client, cluster string) *Network {
	return &Network{
		ec2: ec2, kubernetes: kubernetes, cluster: cluster,
		claims: map[string]*claim{}, spent: map[netip.Prefix]bool{},
	}
}

// Adopt takes note of a node that has its range already.
func (n *Network) Adopt(instance string, podCIDR netip.Prefix) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.claims[instance] = &claim{podCIDR: podCIDR}
	n.spent[podCIDR] = true
}

// Release gives an ended instance's range back.
func (n *Network) Release(instance string) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	delete(n.claims, instance)
}

// Connect gives the node its network interface for pods, and the range that they get addresses from. An error leaves
// the node without network for now; call again. What was done before is found again, by attachment and by tag.
func (n *Network) Connect(ctx context.Context, instance instances.Instance, node *corev1.Node, maxPods int) (netip.Prefix, error) {
	settings, err := readSettings(ctx, n.kubernetes)
	if err != nil {
		return netip.Prefix{}, err
	}
	var custom *v1alpha1.ENIConfig
	if settings.customNetwork() {
		if custom, err = settings.eniConfig(ctx, n.kubernetes, node); err != nil {
			return netip.Prefix{}, err
		}
	}
	attached, err := n.interfaces(ctx, map[string]string{"attachment.instance-id": instance.ID})
	if err != nil {
		return netip.Prefix{}, err
	}
	if existing := at(attached, firstPodInterface); existing != nil {
		return n.resume(ctx, instance.ID, existing, maxPods)
	}
	primary := at(attached, 0)
	if primary == nil {
		return netip.Prefix{}, errors.New("EC2 doesn't tell the instance's primary network interface yet")
	}
	subnet, groups := aws.ToString(primary.SubnetId), groupIDs(primary.Groups)
	if custom != nil {
		subnet = custom.Spec.Subnet
		if len(custom.Spec.SecurityGroups) > 0 {
			groups = custom.Spec.SecurityGroups
		}
	}
	claim, err := n.claim(ctx, instance.ID, subnet, maxPods)
	if err != nil {
		return netip.Prefix{}, err
	}
	err = n.connect(ctx, podInterface{
		instance: instance.ID, index: firstPodInterface, subnet: subnet, groups: groups,
		addresses: podcidr.Addresses(claim.podCIDR, instance.Limits.IPv4PerENI),
	})
	if err != nil {
		n.failed(instance.ID, claim)
		return netip.Prefix{}, err
	}
	return claim.podCIDR, nil
}

// resume goes on with a network interface that was attached before: by this process, or by one before it.
func (n *Network) resume(ctx context.Context, instance string, existing *types.NetworkInterface, maxPods int) (netip.Prefix, error) {
	podCIDR, err := rangeOf(existing, maxPods)
	if err != nil {
		return netip.Prefix{}, err
	}
	n.Adopt(instance, podCIDR)
	if aws.ToBool(existing.Attachment.DeleteOnTermination) {
		return podCIDR, nil
	}
	return podCIDR, n.deleteOnTermination(ctx, aws.ToString(existing.NetworkInterfaceId), aws.ToString(existing.Attachment.AttachmentId))
}

// rangeOf: a network interface's own address is the first of its node's range.
func rangeOf(existing *types.NetworkInterface, maxPods int) (netip.Prefix, error) {
	first, err := netip.ParseAddr(aws.ToString(existing.PrivateIpAddress))
	if err != nil {
		return netip.Prefix{}, err
	}
	podCIDR := netip.PrefixFrom(first, podcidr.Bits(maxPods))
	if podCIDR.Masked() != podCIDR {
		return netip.Prefix{}, fmt.Errorf("network interface %s was not made by a node agent", aws.ToString(existing.NetworkInterfaceId))
	}
	return podCIDR, nil
}

// claim chooses a range in the subnet, once per instance and subnet.
func (n *Network) claim(ctx context.Context, instance, subnet string, maxPods int) (*claim, error) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if existing := n.claims[instance]; existing != nil && existing.subnet == subnet {
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
		return nil, fmt.Errorf("subnet %s (%s) has no room for %d pods", subnet, cidr, maxPods)
	}
	fresh := &claim{subnet: subnet, podCIDR: chosen}
	n.claims[instance] = fresh
	n.spent[chosen] = true
	return fresh, nil
}

// failed forgets a range that EC2 goes on refusing.
func (n *Network) failed(instance string, claim *claim) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	claim.failures++
	if claim.failures >= patience {
		delete(n.claims, instance)
	}
}
