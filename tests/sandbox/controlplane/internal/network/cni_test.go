package network

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestENIConfigNameFollowsTheCurrentDaemonSet(t *testing.T) {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Labels:      map[string]string{"topology.kubernetes.io/zone": "us-west-2a", "other": "x"},
		Annotations: map[string]string{"pods/eniconfig": "y"},
	}}
	for _, test := range []struct {
		settings settings
		want     string
	}{
		{settings{}, "default"},
		{settings{envENIConfigLabel: "topology.kubernetes.io/zone"}, "us-west-2a"},
		{settings{envENIConfigLabel: "other"}, "x"},
		{settings{envENIConfigLabel: "other", envENIConfigAnnoKey: "pods/eniconfig"}, "y"},
		{settings{}, "default"},
	} {
		if got, err := test.settings.eniConfigName(node); err != nil || got != test.want {
			t.Errorf("%v: got %q, %v, want %q", test.settings, got, err, test.want)
		}
	}
}

func TestCustomNetworkSwitch(t *testing.T) {
	for value, want := range map[string]bool{"true": true, "TRUE": true, "1": true, "false": false, "yes": false, "": false} {
		if got := (settings{envCustomNetwork: value}).customNetwork(); got != want {
			t.Errorf("%q: got %t", value, got)
		}
	}
}

func TestReserveIsAnInterfaceUnlessAddressesAreCounted(t *testing.T) {
	for _, test := range []struct {
		settings settings
		want     bool
	}{
		{settings{}, true},
		{settings{envWarmENIs: "2"}, true},
		{settings{envWarmENIs: "0"}, false},
		{settings{"WARM_IP_TARGET": "5"}, false},
		{settings{"WARM_IP_TARGET": "0"}, true},
		{settings{"MINIMUM_IP_TARGET": "10"}, false},
		{settings{envPrefixes: "true"}, false},
	} {
		if got := test.settings.warmInterface(); got != test.want {
			t.Errorf("%v: got %t", test.settings, got)
		}
	}
}

func TestSettingsAreThoseOfContainerAWSNode(t *testing.T) {
	daemonSet := &appsv1.DaemonSet{}
	daemonSet.Spec.Template.Spec.Containers = []corev1.Container{
		{Name: "aws-eks-nodeagent", Env: []corev1.EnvVar{{Name: envCustomNetwork, Value: "true"}}},
		{Name: "aws-node", Env: []corev1.EnvVar{{Name: envENIConfigLabel, Value: "zone"}, {Name: "MY_NODE_NAME", ValueFrom: &corev1.EnvVarSource{}}}},
	}
	got, err := settingsOf(daemonSet)
	if err != nil || len(got) != 1 || got[envENIConfigLabel] != "zone" || got.customNetwork() {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := settingsOf(&appsv1.DaemonSet{}); err == nil {
		t.Error("a DaemonSet without the container is no CNI")
	}
}
