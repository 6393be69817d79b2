package userdata

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/pflag"
	kubeletapis "k8s.io/kubelet/pkg/apis"
	"k8s.io/kubernetes/pkg/util/taints"
)

// addFlags reads the kubelet flags that matter here and ignores the others. Flags override the kubelet's configuration
// file; several --node-labels or --register-with-taints accumulate.
func (k *Kubelet) addFlags(args []string) error {
	flags := newFlags("kubelet")
	labels := flags.StringArray("node-labels", nil, "")
	tainted := flags.StringArray("register-with-taints", nil, "")
	maxPods := flags.Int("max-pods", 0, "")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("kubelet flags: %w", err)
	}
	if flags.Changed("max-pods") {
		k.MaxPods = *maxPods
	}
	for _, list := range *labels {
		for _, pair := range splitList(list) {
			key, value, _ := strings.Cut(pair, "=")
			k.addLabel(strings.TrimSpace(key), strings.TrimSpace(value))
		}
	}
	if flags.Changed("register-with-taints") {
		k.Taints = nil
	}
	for _, list := range *tainted {
		if err := k.addTaints(splitList(list)); err != nil {
			return err
		}
	}
	return nil
}

func (k *Kubelet) addLabel(key, value string) {
	if k.Labels == nil {
		k.Labels = map[string]string{}
	}
	k.Labels[key] = value
}

// addTaints parses key=value:Effect, as the kubelet's flag does.
func (k *Kubelet) addTaints(specs []string) error {
	parsed, _, err := taints.ParseTaints(specs)
	if err != nil {
		return fmt.Errorf("--register-with-taints: %w", err)
	}
	k.Taints = append(k.Taints, parsed...)
	return nil
}

// checkLabels returns an error if --node-labels has a Kubernetes label that a kubelet may not set: it would not start.
func checkLabels(labels map[string]string) error {
	for key := range labels {
		domain, _, _ := strings.Cut(key, "/")
		kubernetes := domain != key && (domain == "kubernetes.io" || strings.HasSuffix(domain, ".kubernetes.io") ||
			domain == "k8s.io" || strings.HasSuffix(domain, ".k8s.io"))
		if kubernetes && !kubeletapis.IsKubeletLabel(key) {
			return fmt.Errorf("--node-labels: a kubelet may not set %s", key)
		}
	}
	return nil
}

// newFlags ignores unknown flags.
func newFlags(name string) *pflag.FlagSet {
	flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.Usage = func() {}
	return flags
}

func splitList(list string) (items []string) {
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// dnsAddress returns the address of CoreDNS: on EKS the tenth one of the service CIDR.
func dnsAddress(serviceCIDR string) string {
	prefix, err := netip.ParsePrefix(serviceCIDR)
	if err != nil {
		return ""
	}
	address := prefix.Masked().Addr()
	for range 10 {
		address = address.Next()
	}
	return address.String()
}
