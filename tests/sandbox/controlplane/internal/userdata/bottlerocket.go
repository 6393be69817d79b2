package userdata

import (
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// bottlerocketSettings are the fields of settings.kubernetes that decide whether and how a node joins.
type bottlerocketSettings struct {
	Settings struct {
		Kubernetes *struct {
			ClusterName        string            `toml:"cluster-name"`
			APIServer          string            `toml:"api-server"`
			ClusterCertificate string            `toml:"cluster-certificate"`
			ClusterDNSIP       any               `toml:"cluster-dns-ip"` // one address or a list
			MaxPods            int               `toml:"max-pods"`
			NodeLabels         map[string]string `toml:"node-labels"`
			NodeTaints         map[string]any    `toml:"node-taints"` // "value:Effect" or a list of them
		} `toml:"kubernetes"`
	} `toml:"settings"`
}

func readBottlerocket(text string) (Kubelet, error) {
	var read bottlerocketSettings
	if err := toml.Unmarshal([]byte(text), &read); err != nil {
		return Kubelet{}, fmt.Errorf("user data is not TOML: %w", err)
	}
	settings := read.Settings.Kubernetes
	if settings == nil {
		return Kubelet{}, ErrNone
	}
	kubelet := Kubelet{
		ClusterName:          settings.ClusterName,
		Endpoint:             settings.APIServer,
		CertificateAuthority: settings.ClusterCertificate,
		MaxPods:              settings.MaxPods,
		Labels:               settings.NodeLabels,
	}
	servers, err := stringOrList(settings.ClusterDNSIP)
	if err != nil {
		return Kubelet{}, fmt.Errorf("settings.kubernetes.cluster-dns-ip: %w", err)
	}
	if len(servers) > 0 {
		kubelet.ClusterDNS = servers[0]
	}
	for key, value := range settings.NodeTaints {
		taints, err := stringOrList(value)
		if err != nil {
			return Kubelet{}, fmt.Errorf("settings.kubernetes.node-taints: %w", err)
		}
		for _, taint := range taints {
			// "value:Effect" and ":Effect" become key=value:Effect and key:Effect.
			spec := key + "=" + taint
			if strings.HasPrefix(taint, ":") {
				spec = key + taint
			}
			if err := kubelet.addTaints([]string{spec}); err != nil {
				return Kubelet{}, err
			}
		}
	}
	return kubelet, nil
}

func stringOrList(value any) (list []string, err error) {
	switch value := value.(type) {
	case nil:
	case string:
		list = append(list, value)
	case []any:
		for _, item := range value {
			text, ok := item.(string)
			if !ok {
				return nil, fmt.Errorf("%v is not a string", item)
			}
			list = append(list, text)
		}
	default:
		return nil, fmt.Errorf("%v is neither a string nor a list", value)
	}
	return list, nil
}
