// Package network does for a new node what the VPC CNI's ipamd does: it reads its own settings, finds the ENIConfig
// for the node with the CNI's own code, and creates and attaches the network interface for pods through EC2.
package network

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"

	"github.com/aws/amazon-vpc-cni-k8s/pkg/apis/crd/v1alpha1"
	"github.com/aws/amazon-vpc-cni-k8s/pkg/eniconfig"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	_ "github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/cnilog"
)

// The CNI's environment variables that decide where a node's pods get their addresses.
const (
	envCustomNetwork    = "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG"
	envENIConfigLabel   = "ENI_CONFIG_LABEL_DEF"
	envENIConfigAnnoKey = "ENI_CONFIG_ANNOTATION_DEF"
	envPrefixes         = "ENABLE_PREFIX_DELEGATION"
	envWarmENIs         = "WARM_ENI_TARGET"
)

// Targets in addresses: with one of them ipamd keeps no whole network interface in reserve.
var envWarmAddresses = [...]string{"WARM_IP_TARGET", "MINIMUM_IP_TARGET"}

// settings is the environment of container aws-node.
type settings map[string]string

// readSettings reads them from the current DaemonSet: what an aws-node pod that starts now would see.
func readSettings(ctx context.Context, kubernetes client.Client) (settings, error) {
	var daemonSet appsv1.DaemonSet
	if err := kubernetes.Get(ctx, client.ObjectKey{Namespace: "kube-system", Name: "aws-node"}, &daemonSet); err != nil {
		return nil, fmt.Errorf("no CNI: %w", err)
	}
	return settingsOf(&daemonSet)
}

func settingsOf(daemonSet *appsv1.DaemonSet) (settings, error) {
	for _, container := range daemonSet.Spec.Template.Spec.Containers {
		if container.Name != "aws-node" {
			continue
		}
		read := settings{}
		for _, variable := range container.Env {
			if variable.ValueFrom == nil {
				read[variable.Name] = variable.Value
			}
		}
		return read, nil
	}
	return nil, fmt.Errorf("no CNI: DaemonSet aws-node has no container aws-node")
}

// customNetwork reads the switch as ipamd does: anything that Go's ParseBool rejects is off.
func (s settings) customNetwork() bool {
	on, err := strconv.ParseBool(s[envCustomNetwork])
	return err == nil && on
}

func (s settings) prefixDelegation() bool {
	on, err := strconv.ParseBool(s[envPrefixes])
	return err == nil && on
}

// warmInterface reports whether ipamd keeps a whole network interface in reserve: WARM_ENI_TARGET is 1 by default
// (isDatastorePoolTooLow).
func (s settings) warmInterface() bool {
	for _, name := range envWarmAddresses {
		if count, err := strconv.Atoi(s[name]); err == nil && count > 0 {
			return false
		}
	}
	count, err := strconv.Atoi(s[envWarmENIs])
	return !s.prefixDelegation() && (err != nil || count > 0)
}

// environment guards the environment of this process, from which the CNI's code reads its settings.
var environment sync.Mutex

// eniConfigName returns the name of this node's ENIConfig, as the CNI's code determines it.
func (s settings) eniConfigName(node *corev1.Node) (string, error) {
	environment.Lock()
	defer environment.Unlock()
	for _, name := range []string{envENIConfigLabel, envENIConfigAnnoKey} {
		value, set := s[name]
		change := os.Unsetenv(name)
		if set {
			change = os.Setenv(name, value)
		}
		if change != nil {
			return "", change
		}
	}
	return eniconfig.GetNodeSpecificENIConfigName(*node)
}

// eniConfig returns the node's ENIConfig.
func (s settings) eniConfig(ctx context.Context, kubernetes client.Client, node *corev1.Node) (*v1alpha1.ENIConfig, error) {
	name, err := s.eniConfigName(node)
	if err != nil {
		return nil, err
	}
	var found v1alpha1.ENIConfig
	if err := kubernetes.Get(ctx, client.ObjectKey{Name: name}, &found); err != nil {
		return nil, fmt.Errorf("no ENIConfig %q for this node: %w", name, err)
	}
	if found.Spec.Subnet == "" {
		return nil, fmt.Errorf("ENIConfig %q names no subnet", name)
	}
	return &found, nil
}
