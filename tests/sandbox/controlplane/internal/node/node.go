// Package node creates the Node objects that kubelets on EC2 instances register, with what the AWS cloud provider adds.
package node

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/instances"
	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/userdata"
)

// KwokLabel hands a node over to kwok, which simulates its kubelet from then on. It is a label, not an annotation: kwok
// manages a node when its watch reports it as added, and only a label selector works in the API server's watch, where a
// node that starts to match is reported as added.
const (
	KwokLabel = "kwok.x-k8s.io/node"
	KwokFake  = "fake"
)

// graviton types have a g right after the generation (m7g.large, c6gn.xlarge); a1 was the first family.
var graviton = regexp.MustCompile(`^(a1|[a-z]+[0-9]+g[a-z]*)\.`)

// ProviderID is the cloud provider's name of an instance.
func ProviderID(instance instances.Instance) string {
	return "aws:///" + instance.Zone + "/" + instance.ID
}

// InstanceID returns the instance of a Node; empty for one that is not on EC2, such as one of AWS Fargate.
func InstanceID(node *corev1.Node) string {
	id := node.Spec.ProviderID[strings.LastIndex(node.Spec.ProviderID, "/")+1:]
	if !strings.HasPrefix(node.Spec.ProviderID, "aws:///") || !strings.HasPrefix(id, "i-") {
		return ""
	}
	return id
}

// New returns the Node as it is registered: not Ready, because its network is not.
func New(instance instances.Instance, kubelet userdata.Kubelet, limit userdata.PodLimit, region, kubernetesVersion string) *corev1.Node {
	capacity, allocatable := resources(instance, limit)
	architecture := architectureOf(instance)
	image := images[instance.AMIFamily]
	version := fmt.Sprintf("v%s.1-eks-5d4a308", kubernetesVersion)
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name:   instance.PrivateDNSName,
			Labels: labels(instance, kubelet, region, architecture),
		},
		Spec: corev1.NodeSpec{ProviderID: ProviderID(instance), Taints: kubelet.Taints},
		Status: corev1.NodeStatus{
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: instance.PrivateIP},
				{Type: corev1.NodeInternalDNS, Address: instance.PrivateDNSName},
				{Type: corev1.NodeHostName, Address: instance.PrivateDNSName},
			},
			Capacity:    capacity,
			Allocatable: allocatable,
			Conditions:  Conditions(NetworkNotReady()),
			NodeInfo: corev1.NodeSystemInfo{
				MachineID: instance.ID, SystemUUID: instance.ID, BootID: instance.ID,
				OperatingSystem: "linux", Architecture: architecture,
				OSImage: image.os, KernelVersion: image.kernel + "." + machine[architecture],
				ContainerRuntimeVersion: image.runtime,
				KubeletVersion:          version,
			},
		},
	}
}

// images are what nodes of each family report about themselves.
var images = map[string]struct{ os, kernel, runtime string }{
	instances.AL2023:       {"Amazon Linux 2023.9.20261027", "6.12.46-66.121.amzn2023", "containerd://2.1.4"},
	instances.AL2:          {"Amazon Linux 2", "5.10.244-240.965.amzn2", "containerd://1.7.27"},
	instances.Bottlerocket: {"Bottlerocket OS 1.52.0 (aws-k8s)", "6.12.46-bottlerocket", "containerd://2.1.4+bottlerocket"},
}

// machine is the kernel's name of an architecture.
var machine = map[string]string{"amd64": "x86_64", "arm64": "aarch64"}

func architectureOf(instance instances.Instance) string {
	switch {
	case instance.Architecture == "arm64", instance.Architecture == "" && graviton.MatchString(instance.Type):
		return "arm64"
	}
	return "amd64"
}

// effects are Kubernetes's names of EKS's.
var effects = map[string]corev1.TaintEffect{
	"NO_SCHEDULE": corev1.TaintEffectNoSchedule, "NO_EXECUTE": corev1.TaintEffectNoExecute,
	"PREFER_NO_SCHEDULE": corev1.TaintEffectPreferNoSchedule,
}

// AddLateTaints adds the taints that EKS gives a registered node, unless the kubelet set them.
func AddLateTaints(node *corev1.Node, late []instances.Taint) {
	for _, one := range late {
		taint := corev1.Taint{Key: one.Key, Value: one.Value, Effect: effects[one.Effect]}
		if !slices.ContainsFunc(node.Spec.Taints, func(has corev1.Taint) bool { return has.MatchTaint(&taint) }) {
			node.Spec.Taints = append(node.Spec.Taints, taint)
		}
	}
}

// labels are the kubelet's own and configured ones, overridden by the cloud provider's.
func labels(instance instances.Instance, kubelet userdata.Kubelet, region, architecture string) map[string]string {
	all := map[string]string{
		corev1.LabelHostname:      instance.PrivateDNSName,
		corev1.LabelOSStable:      "linux",
		corev1.LabelArchStable:    architecture,
		"beta.kubernetes.io/os":   "linux",
		"beta.kubernetes.io/arch": architecture,
	}
	maps.Copy(all, kubelet.Labels)
	maps.Copy(all, instance.Labels)
	// User data written after the labels of another node may contain it.
	delete(all, KwokLabel)
	maps.Copy(all, map[string]string{
		corev1.LabelInstanceTypeStable:      instance.Type,
		corev1.LabelInstanceType:            instance.Type,
		corev1.LabelTopologyZone:            instance.Zone,
		corev1.LabelTopologyRegion:          region,
		corev1.LabelFailureDomainBetaZone:   instance.Zone,
		corev1.LabelFailureDomainBetaRegion: region,
	})
	return all
}

// resources returns capacity and allocatable: the AMIs reserve 11 MiB for each pod and 255 MiB, 100 MiB for eviction,
// and of the cores 6 % of the first, 1 % of the second, 0.5 % of the next two and 0.25 % of the others.
func resources(instance instances.Instance, limit userdata.PodLimit) (capacity, allocatable corev1.ResourceList) {
	const mebibyte = 1 << 20
	vcpus := max(instance.VCPUs, 1)
	reservedMilli := 0.0
	for core := range vcpus {
		switch {
		case core == 0:
			reservedMilli += 60
		case core == 1:
			reservedMilli += 10
		case core < 4:
			reservedMilli += 5
		default:
			reservedMilli += 2.5
		}
	}
	memory := instance.MemoryMiB * mebibyte
	reservedMemory := min(int64(11*limit.Reserved+255+100)*mebibyte, memory*3/4)
	pods := *resource.NewQuantity(int64(limit.Pods), resource.DecimalSI)
	capacity = corev1.ResourceList{
		corev1.ResourcePods:             pods,
		corev1.ResourceCPU:              *resource.NewQuantity(int64(vcpus), resource.DecimalSI),
		corev1.ResourceMemory:           *resource.NewQuantity(memory, resource.BinarySI),
		corev1.ResourceEphemeralStorage: resource.MustParse("80Gi"),
	}
	allocatable = corev1.ResourceList{
		corev1.ResourcePods:             pods,
		corev1.ResourceCPU:              *resource.NewMilliQuantity(int64(vcpus*1000)-int64(reservedMilli), resource.DecimalSI),
		corev1.ResourceMemory:           *resource.NewQuantity(memory-reservedMemory, resource.BinarySI),
		corev1.ResourceEphemeralStorage: resource.MustParse("71Gi"),
	}
	// As NVIDIA's device plugin adds them, a DaemonSet on every node.
	if instance.GPUs > 0 {
		gpus := *resource.NewQuantity(int64(instance.GPUs), resource.DecimalSI)
		capacity["nvidia.com/gpu"], allocatable["nvidia.com/gpu"] = gpus, gpus
	}
	return capacity, allocatable
}
