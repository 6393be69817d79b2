package node

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/instances"
	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/userdata"
)

func TestNodeIsWhatKubeletAndCloudProviderRegister(t *testing.T) {
	instance := instances.Instance{
		ID: "i-1", Type: "m5.large", Zone: "us-west-2a", PrivateIP: "192.168.1.2", VCPUs: 2, MemoryMiB: 8192, Nodegroup: "old",
		PrivateDNSName: "ip-192-168-1-2.us-west-2.compute.internal", AMIFamily: instances.AL2023,
		Labels: map[string]string{"eks.amazonaws.com/nodegroup": "old", "eks.amazonaws.com/capacityType": "SPOT"},
	}
	kubelet := userdata.Kubelet{Labels: map[string]string{
		"team": "a", corev1.LabelTopologyZone: "elsewhere", KwokLabel: KwokFake,
	}}
	got := New(instance, kubelet, userdata.PodLimit{Pods: 20, Reserved: 29}, "us-west-2", "1.34")
	for label, want := range map[string]string{
		"team": "a", corev1.LabelTopologyZone: "us-west-2a", corev1.LabelTopologyRegion: "us-west-2",
		corev1.LabelInstanceTypeStable: "m5.large", corev1.LabelArchStable: "amd64",
		"eks.amazonaws.com/nodegroup": "old", "eks.amazonaws.com/capacityType": "SPOT", corev1.LabelHostname: instance.PrivateDNSName,
	} {
		if got.Labels[label] != want {
			t.Errorf("label %s is %q, want %q", label, got.Labels[label], want)
		}
	}
	if got.Spec.ProviderID != "aws:///us-west-2a/i-1" || InstanceID(got) != "i-1" {
		t.Errorf("provider id %s", got.Spec.ProviderID)
	}
	allocatable := got.Status.Allocatable
	if allocatable.Pods().Value() != 20 || allocatable.Cpu().String() != "1930m" {
		t.Errorf("allocatable %v", allocatable)
	}
	if IsReady(got) {
		t.Error("a node is Ready once its network is")
	}
	if got.Labels[KwokLabel] != "" {
		t.Error("kwok may not take it before")
	}
}

func TestArchitectureFollowsTheType(t *testing.T) {
	for name, arm := range map[string]bool{
		"m7g.large": true, "c6gn.xlarge": true, "t4g.micro": true, "a1.large": true, "im4gn.large": true, "x2gd.large": true,
		"m5.large": false, "g5.xlarge": false, "c5n.large": false, "p5.48xlarge": false, "g6.xlarge": false, "inf2.xlarge": false,
	} {
		if (architectureOf(instances.Instance{Type: name}) == "arm64") != arm {
			t.Errorf("%s: arm64 should be %t", name, arm)
		}
	}
}

func TestNodesReportTheirImage(t *testing.T) {
	for family, os := range map[string]string{
		instances.AL2023: "Amazon Linux 2023", instances.AL2: "Amazon Linux 2", instances.Bottlerocket: "Bottlerocket OS",
	} {
		instance := instances.Instance{Type: "m6g.large", Architecture: "arm64", AMIFamily: family, VCPUs: 2}
		info := New(instance, userdata.Kubelet{}, userdata.PodLimit{Pods: 1}, "us-west-2", "1.34").Status.NodeInfo
		if !strings.HasPrefix(info.OSImage, os) || !strings.HasSuffix(info.KernelVersion, ".aarch64") || info.Architecture != "arm64" {
			t.Errorf("%s: %+v", family, info)
		}
	}
}

func TestGPUsAreAllocatable(t *testing.T) {
	gpu := New(instances.Instance{Type: "g4dn.xlarge", AMIFamily: instances.AL2023, VCPUs: 4, GPUs: 1}, userdata.Kubelet{},
		userdata.PodLimit{Pods: 29, Reserved: 29}, "us-west-2", "1.34")
	if count := gpu.Status.Allocatable["nvidia.com/gpu"]; count.Value() != 1 {
		t.Errorf("allocatable %v", gpu.Status.Allocatable)
	}
}

func TestEKSAddsTaintsThatTheKubeletLacks(t *testing.T) {
	node := &corev1.Node{Spec: corev1.NodeSpec{Taints: []corev1.Taint{{Key: "a", Value: "1", Effect: corev1.TaintEffectNoSchedule}}}}
	AddLateTaints(node, []instances.Taint{{Key: "a", Value: "1", Effect: "NO_SCHEDULE"}, {Key: "b", Effect: "NO_EXECUTE"}})
	if len(node.Spec.Taints) != 2 || node.Spec.Taints[1].Effect != corev1.TaintEffectNoExecute {
		t.Errorf("taints %v", node.Spec.Taints)
	}
}
