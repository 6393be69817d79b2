package userdata

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/pflag"
	kubeletapis "k8s.io/kubelet/pkg/apis"
	"k8s.io/kubernetes/pkg/util/taints"
)

// addFlags reads the kubelet flags that matter here and leaves the others alone. Flags win over the kubelet's
// configuration file; --node-labels and --register-with-taints add up.
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

// addTaints takes key=value:Effect, as the kubelet's flag does.
func (k *Kubelet) addTaints(specs []string) error {
	parsed, _, err := taints.ParseTaints(specs)
	if err != nil {
		return fmt.Errorf("--register-with-taints: %w", err)
	}
	k.Taints = append(k.Taints, parsed...)
	return nil
}

// checkLabels: a kubelet doesn't start when --node-labels holds a label of Kubernetes' own that it may not set.
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

// newFlags ignores what it doesn't know.
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

// dnsAddress: EKS gives CoreDNS the tenth address of the service CIDR.
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
