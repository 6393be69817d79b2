package network

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	smithy "github.com/aws/smithy-go/middleware"
)

// Tags that the CNI sets on its network interfaces.
const (
	tagInstance = "node.k8s.amazonaws.com/instance_id"
	tagCluster  = "cluster.k8s.amazonaws.com/name"
)

// firstPodInterface is the device index of the first network interface after the instance's own.
const firstPodInterface = 1

// NewEC2 returns a client for the AWS side at url.
func NewEC2(url, region string, keys aws.CredentialsProvider) *ec2.Client {
	return ec2.NewFromConfig(aws.Config{
		Region:       region,
		Credentials:  keys,
		BaseEndpoint: aws.String(url),
		APIOptions:   []func(*smithy.Stack) error{middleware.AddUserAgentKey("node-agent")},
	})
}

// interfaces returns all network interfaces that match every filter.
func (n *Network) interfaces(ctx context.Context, filters map[string]string) ([]types.NetworkInterface, error) {
	input := &ec2.DescribeNetworkInterfacesInput{}
	for name, value := range filters {
		input.Filters = append(input.Filters, types.Filter{Name: aws.String(name), Values: []string{value}})
	}
	var all []types.NetworkInterface
	pages := ec2.NewDescribeNetworkInterfacesPaginator(n.ec2, input)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, page.NetworkInterfaces...)
	}
	return all, nil
}

func (n *Network) subnetCIDR(ctx context.Context, id string) (netip.Prefix, error) {
	answer, err := n.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{id}})
	if err != nil {
		return netip.Prefix{}, err
	}
	if len(answer.Subnets) != 1 {
		return netip.Prefix{}, fmt.Errorf("subnet %s not found", id)
	}
	return netip.ParsePrefix(aws.ToString(answer.Subnets[0].CidrBlock))
}

// podInterface is a network interface for pods that is to be created.
type podInterface struct {
	instance string
	index    int // device index
	subnet   string
	groups   []string
	// The CNI lets EC2 choose; here they are from the node's range, from which kwok assigns pod addresses: its own,
	// then those for pods; or a prefix.
	addresses []netip.Addr
	block     string
	// The number of addresses that EC2 chooses if there is no range in this subnet.
	foreign  int
	prefixes int
}

// token makes repeated creates of the same network interface idempotent.
func (w podInterface) token() string {
	first := w.block
	if len(w.addresses) > 0 {
		first = w.addresses[0].String()
	}
	return fmt.Sprintf("%s-%d-%s-%s", w.instance, w.index, w.subnet, first)
}

// connect finds or creates the network interface, and attaches it.
func (n *Network) connect(ctx context.Context, wanted podInterface) error {
	id, err := n.findOrCreate(ctx, wanted)
	if err != nil {
		return err
	}
	return n.attach(ctx, wanted, id)
}

// findOrCreate first looks for one that was created but not attached: the response may have been lost.
func (n *Network) findOrCreate(ctx context.Context, wanted podInterface) (id string, err error) {
	left, err := n.interfaces(ctx, map[string]string{
		"tag:" + tagInstance: wanted.instance, "subnet-id": wanted.subnet, "status": string(types.NetworkInterfaceStatusAvailable),
	})
	if err != nil {
		return "", err
	}
	for _, one := range left {
		if len(wanted.addresses) == 0 || aws.ToString(one.PrivateIpAddress) == wanted.addresses[0].String() {
			return aws.ToString(one.NetworkInterfaceId), nil
		}
	}
	return n.create(ctx, wanted)
}

func (n *Network) create(ctx context.Context, wanted podInterface) (string, error) {
	input := &ec2.CreateNetworkInterfaceInput{
		SubnetId:    aws.String(wanted.subnet),
		Groups:      wanted.groups,
		Description: aws.String("aws-K8S-" + wanted.instance),
		ClientToken: aws.String(wanted.token()),
		TagSpecifications: []types.TagSpecification{{
			ResourceType: types.ResourceTypeNetworkInterface,
			Tags: []types.Tag{
				{Key: aws.String(tagInstance), Value: aws.String(wanted.instance)},
				{Key: aws.String(tagCluster), Value: aws.String(n.cluster)},
			},
		}},
	}
	for index, address := range wanted.addresses {
		input.PrivateIpAddresses = append(input.PrivateIpAddresses, types.PrivateIpAddressSpecification{
			PrivateIpAddress: aws.String(address.String()),
			Primary:          aws.Bool(index == 0),
		})
	}
	if wanted.block != "" {
		input.Ipv4Prefixes = []types.Ipv4PrefixSpecificationRequest{{Ipv4Prefix: aws.String(wanted.block)}}
	}
	if wanted.foreign > 0 {
		input.SecondaryPrivateIpAddressCount = aws.Int32(int32(wanted.foreign))
	}
	if wanted.prefixes > 0 {
		input.Ipv4PrefixCount = aws.Int32(int32(wanted.prefixes))
	}
	answer, err := n.ec2.CreateNetworkInterface(ctx, input)
	if err != nil {
		return "", err
	}
	return aws.ToString(answer.NetworkInterface.NetworkInterfaceId), nil
}

// assign adds addresses or a prefix to an attached network interface.
func (n *Network) assign(ctx context.Context, id string, addresses []netip.Addr, block string) error {
	input := &ec2.AssignPrivateIpAddressesInput{NetworkInterfaceId: aws.String(id)}
	for _, address := range addresses {
		input.PrivateIpAddresses = append(input.PrivateIpAddresses, address.String())
	}
	if block != "" {
		input.Ipv4Prefixes = []string{block}
	}
	_, err := n.ec2.AssignPrivateIpAddresses(ctx, input)
	return err
}

// attach also makes EC2 delete the network interface with its instance, as the CNI does.
func (n *Network) attach(ctx context.Context, wanted podInterface, id string) error {
	answer, err := n.ec2.AttachNetworkInterface(ctx, &ec2.AttachNetworkInterfaceInput{
		InstanceId:         aws.String(wanted.instance),
		NetworkInterfaceId: aws.String(id),
		DeviceIndex:        aws.Int32(int32(wanted.index)),
		NetworkCardIndex:   aws.Int32(0),
	})
	if err != nil {
		return err
	}
	return n.deleteOnTermination(ctx, id, aws.ToString(answer.AttachmentId))
}

func (n *Network) deleteOnTermination(ctx context.Context, id, attachment string) error {
	_, err := n.ec2.ModifyNetworkInterfaceAttribute(ctx, &ec2.ModifyNetworkInterfaceAttributeInput{
		NetworkInterfaceId: aws.String(id),
		Attachment: &types.NetworkInterfaceAttachmentChanges{
			AttachmentId:        aws.String(attachment),
			DeleteOnTermination: aws.Bool(true),
		},
	})
	return err
}

// at returns the network interface at a device index of the default network card.
func at(all []types.NetworkInterface, index int32) *types.NetworkInterface {
	for i := range all {
		attachment := all[i].Attachment
		if attachment != nil && aws.ToInt32(attachment.DeviceIndex) == index && aws.ToInt32(attachment.NetworkCardIndex) == 0 {
			return &all[i]
		}
	}
	return nil
}

func groupIDs(groups []types.GroupIdentifier) (ids []string) {
	for _, group := range groups {
		ids = append(ids, aws.ToString(group.GroupId))
	}
	return ids
}
