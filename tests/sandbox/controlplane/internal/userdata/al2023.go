package userdata

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

// nodeConfig is the part of node.eks.aws/v1alpha1 NodeConfig that decides whether and how a node joins.
type nodeConfig struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Spec       struct {
		Cluster struct {
			Name                 string `json:"name"`
			APIServerEndpoint    string `json:"apiServerEndpoint"`
			CertificateAuthority string `json:"certificateAuthority"`
			CIDR                 string `json:"cidr"`
		} `json:"cluster"`
		Kubelet struct {
			Config            map[string]json.RawMessage `json:"config"`
			Flags             []string                   `json:"flags"`
			MaxPodsExpression string                     `json:"maxPodsExpression"`
		} `json:"kubelet"`
	} `json:"spec"`
}

// readAL2023 does what nodeadm does (internal/api/merge.go and internal/configprovider, amazon-eks-ami commit 81fec2e): it
// merges all parts of type application/node.eks.aws in order; later values win unless they are empty, lists are replaced,
// and flags accumulate. A part may be base64 and gzip. User data that is not MIME is a single NodeConfig.
func readAL2023(text string) (Kubelet, error) {
	if strings.TrimSpace(text) == "" {
		return Kubelet{}, ErrNone
	}
	all, multipart, err := parts(text)
	if err != nil {
		return Kubelet{}, err
	}
	var documents [][]byte
	if !multipart {
		documents = append(documents, []byte(text))
	}
	for _, part := range all {
		if part.mediaType == "application/node.eks.aws" {
			body, err := plain(part.body)
			if err != nil {
				return Kubelet{}, fmt.Errorf("NodeConfig: %w", err)
			}
			documents = append(documents, body)
		}
	}
	if len(documents) == 0 {
		return Kubelet{}, ErrNone
	}
	var kubelet Kubelet
	var flags []string
	for _, document := range documents {
		more, err := kubelet.mergeNodeConfig(document)
		if err != nil {
			return Kubelet{}, err
		}
		for _, flag := range more {
			flags = append(flags, unquoted(flag))
		}
	}
	return kubelet, kubelet.addFlags(flags)
}

// mergeNodeConfig returns the flags: they override the config of every document, so they are read last.
func (k *Kubelet) mergeNodeConfig(document []byte) (flags []string, err error) {
	var config nodeConfig
	if err := yaml.Unmarshal(document, &config); err != nil {
		return nil, fmt.Errorf("NodeConfig: %w", err)
	}
	if config.APIVersion != "node.eks.aws/v1alpha1" || config.Kind != "NodeConfig" {
		return nil, fmt.Errorf("user data holds %q %q, not a node.eks.aws/v1alpha1 NodeConfig", config.APIVersion, config.Kind)
	}
	cluster, kubelet := config.Spec.Cluster, config.Spec.Kubelet
	take(&k.ClusterName, cluster.Name)
	take(&k.Endpoint, cluster.APIServerEndpoint)
	take(&k.CertificateAuthority, cluster.CertificateAuthority)
	take(&k.ServiceCIDR, cluster.CIDR)
	take(&k.MaxPodsExpression, kubelet.MaxPodsExpression)
	if raw, ok := kubelet.Config["maxPods"]; ok {
		var number int
		if err := json.Unmarshal(raw, &number); err != nil {
			return nil, fmt.Errorf("NodeConfig: kubelet.config.maxPods: %w", err)
		}
		if number != 0 {
			k.MaxPods = number
		}
	}
	if raw, ok := kubelet.Config["clusterDNS"]; ok {
		var servers []string
		if err := json.Unmarshal(raw, &servers); err != nil {
			return nil, fmt.Errorf("NodeConfig: kubelet.config.clusterDNS: %w", err)
		}
		if len(servers) > 0 {
			k.ClusterDNS = servers[0]
		}
	}
	if raw, ok := kubelet.Config["registerWithTaints"]; ok {
		if err := json.Unmarshal(raw, &k.Taints); err != nil {
			return nil, fmt.Errorf("NodeConfig: kubelet.config.registerWithTaints: %w", err)
		}
	}
	return kubelet.Flags, nil
}

// unquoted removes the quotes of a flag's value. nodeadm passes the flags to systemd in a variable, and systemd respects
// quotes when it splits that (systemd.service, "Command lines"). Karpenter quotes the labels.
func unquoted(flag string) string {
	name, value, _ := strings.Cut(flag, "=")
	if plain, err := strconv.Unquote(value); err == nil {
		return name + "=" + plain
	}
	return flag
}

// plain decodes a part that is base64, gzip, or gzip in base64.
func plain(body []byte) ([]byte, error) {
	if decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(body))); err == nil {
		body = decoded
	}
	if !bytes.HasPrefix(body, []byte{0x1f, 0x8b}) {
		return body, nil
	}
	reader, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(reader)
}

func take(into *string, value string) {
	if value != "" {
		*into = value
	}
}
