package node

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/instances"
	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/userdata"
)

func TestNodeIsWhatKubeletAndCloudProviderRegister(t *testing.T) {
	instance := instances.Instance{
		ID: "i-1", Type: "m5.large", Zone: "us-west-2a", PrivateIP: "192.168.1.2", VCPUs: 2, Nodegroup: "old",
		PrivateDNSName: "ip-192-168-1-2.us-west-2.compute.internal", AMIFamily: instances.AL2023,
	}
	kubelet := userdata.Kubelet{Labels: map[string]string{"team": "a", corev1.LabelTopologyZone: "elsewhere"}}
	got := New(instance, kubelet, userdata.PodLimit{Pods: 20, Reserved: 29}, "us-west-2", "1.34")
	for label, want := range map[string]string{
		"team": "a", corev1.LabelTopologyZone: "us-west-2a", corev1.LabelTopologyRegion: "us-west-2",
		corev1.LabelInstanceTypeStable: "m5.large", corev1.LabelArchStable: "amd64",
		"eks.amazonaws.com/nodegroup": "old", corev1.LabelHostname: instance.PrivateDNSName,
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
		if graviton.MatchString(name) != arm {
			t.Errorf("%s: arm64 should be %t", name, arm)
		}
	}
}
