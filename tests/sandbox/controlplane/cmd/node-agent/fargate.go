package main

import (
	"context"
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/instances"
	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/node"
)

const (
	// fargateScheduler is the scheduler of pods that a Fargate profile selects. On EKS an admission webhook sets it.
	fargateScheduler = "fargate-scheduler"
	computeType      = "eks.amazonaws.com/compute-type"
)

// fargate runs each pod on a node of its own, as AWS Fargate does ("Understand AWS Fargate pods", EKS user guide).
type fargate struct {
	*agent
	running map[types.UID]*fargatePod
}

type fargatePod struct {
	instances.FargatePod
	bound      bool // to its node
	handedOver bool // kwok simulates its kubelet
}

func newFargate(agent *agent) *fargate {
	return &fargate{agent: agent, running: map[types.UID]*fargatePod{}}
}

// pass starts nodes for new pods, and deletes the nodes of pods that are gone. kwok gets a node one pass after its pod:
// it starts the pods that a new node has, and if the pod came at the same moment it would start it twice, with two
// addresses.
func (f *fargate) pass(ctx context.Context) error {
	var pods corev1.PodList
	if err := f.kubernetes.List(ctx, &pods, client.MatchingFields{"spec.schedulerName": fargateScheduler}); err != nil {
		return err
	}
	for _, pod := range f.running {
		if err := f.giveToKwok(ctx, pod); err != nil {
			return err
		}
	}
	present := map[types.UID]bool{}
	for i := range pods.Items {
		pod := &pods.Items[i]
		present[pod.UID] = true
		if pod.Spec.NodeName == "" && pod.DeletionTimestamp == nil {
			if err := f.start(ctx, pod); err != nil {
				return fmt.Errorf("pod %s/%s: %w", pod.Namespace, pod.Name, err)
			}
		}
	}
	for uid, place := range f.running {
		if present[uid] {
			continue
		}
		old := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: place.Node}}
		if err := f.kubernetes.Delete(ctx, old); client.IgnoreNotFound(err) != nil {
			return err
		}
		if err := f.source.StopFargatePod(ctx, place.Interface); err != nil {
			return err
		}
		delete(f.running, uid)
	}
	return nil
}

// start binds a pod to a node of its own. It continues where an earlier attempt failed.
func (f *fargate) start(ctx context.Context, pod *corev1.Pod) error {
	if f.running[pod.UID] == nil {
		place, err := f.source.StartFargatePod(ctx, pod.Namespace)
		if err != nil {
			return err
		}
		f.running[pod.UID] = &fargatePod{FargatePod: place}
	}
	started := f.running[pod.UID]
	fresh, err := fargateNode(started.FargatePod, f.region, f.kubernetesVersion)
	if err != nil {
		return err
	}
	if err := f.kubernetes.Create(ctx, fresh); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	binding := &corev1.Binding{Target: corev1.ObjectReference{Kind: "Node", Name: started.Node}}
	if err := f.kubernetes.SubResource("binding").Create(ctx, pod, binding); err != nil {
		return err
	}
	started.bound = true
	return nil
}

func (f *fargate) giveToKwok(ctx context.Context, pod *fargatePod) error {
	if pod.handedOver || !pod.bound {
		return nil
	}
	var registered corev1.Node
	if err := f.kubernetes.Get(ctx, client.ObjectKey{Name: pod.Node}, &registered); err != nil {
		return client.IgnoreNotFound(err)
	}
	before := registered.DeepCopy()
	metav1.SetMetaDataLabel(&registered.ObjectMeta, node.KwokLabel, node.KwokFake)
	if err := f.kubernetes.Patch(ctx, &registered, client.MergeFrom(before)); err != nil {
		return err
	}
	pod.handedOver = true
	return nil
}

// fargateNode returns the Node of a pod: for one pod, with a taint that keeps others away.
func fargateNode(place instances.FargatePod, region, kubernetesVersion string) (*corev1.Node, error) {
	address, err := netip.ParseAddr(place.Address)
	if err != nil {
		return nil, err
	}
	// kwok assigns the second address of the range.
	podCIDR := netip.PrefixFrom(address.Prev(), 31).String()
	capacity := corev1.ResourceList{
		corev1.ResourcePods: resource.MustParse("1"), corev1.ResourceCPU: resource.MustParse("2"),
		corev1.ResourceMemory: resource.MustParse("4Gi"), corev1.ResourceEphemeralStorage: resource.MustParse("30Gi"),
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: place.Node,
			Labels: map[string]string{
				computeType: "fargate", corev1.LabelHostname: place.Node,
				corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64",
				corev1.LabelTopologyZone: place.Zone, corev1.LabelTopologyRegion: region,
			},
		},
		Spec: corev1.NodeSpec{
			ProviderID: fmt.Sprintf("aws:///%s/%s/%s", place.Zone, place.Interface, place.Node),
			PodCIDR:    podCIDR, PodCIDRs: []string{podCIDR},
			Taints: []corev1.Taint{{Key: computeType, Value: "fargate", Effect: corev1.TaintEffectNoSchedule}},
		},
		Status: corev1.NodeStatus{
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: place.Address}, {Type: corev1.NodeHostName, Address: place.Node},
			},
			Capacity: capacity, Allocatable: capacity, Conditions: node.Conditions(node.Ready()),
			NodeInfo: corev1.NodeSystemInfo{
				OperatingSystem: "linux", Architecture: "amd64", OSImage: "Amazon Linux 2",
				KernelVersion: "5.10.244-240.965.amzn2.x86_64", ContainerRuntimeVersion: "containerd://1.7.27",
				KubeletVersion: fmt.Sprintf("v%s.1-eks-5d4a308", kubernetesVersion),
			},
		},
	}, nil
}
