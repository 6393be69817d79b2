// Package userdata reads an instance's user data as its AMI family would, and returns the settings of its kubelet.
package userdata

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/instances"
)

// ErrNone means that the user data starts no kubelet, so the instance is no node of any cluster.
var ErrNone = errors.New("user data doesn't start a kubelet")

// Kubelet has the settings of the user data. Empty fields were not set.
type Kubelet struct {
	ClusterName          string
	Endpoint             string
	CertificateAuthority string // base64 of PEM
	ServiceCIDR          string
	ClusterDNS           string
	MaxPods              int
	MaxPodsExpression    string
	Labels               map[string]string
	Taints               []corev1.Taint
}

// Read parses the user data in clear text.
func Read(family, text string) (Kubelet, error) {
	switch family {
	case instances.AL2023:
		return readAL2023(text)
	case instances.AL2:
		return readAL2(text)
	case instances.Bottlerocket:
		return readBottlerocket(text)
	}
	return Kubelet{}, fmt.Errorf("AMI family %q is not known", family)
}

// required has the fields that each family needs to start; AL2's bootstrap.sh asks EKS for missing ones.
var required = map[string][]string{
	instances.AL2023:       {"cluster name", "API server endpoint", "certificate authority", "service CIDR"},
	instances.AL2:          {"cluster name"},
	instances.Bottlerocket: {"cluster name", "API server endpoint", "certificate authority"},
}

// Check returns why a kubelet with these values can't join the cluster. EKS writes the user data of managed node groups
// into their launch template, so it is complete there too.
func (k Kubelet) Check(instance instances.Instance, cluster instances.Cluster) error {
	given := map[string]string{
		"cluster name":          k.ClusterName,
		"API server endpoint":   k.Endpoint,
		"certificate authority": k.CertificateAuthority,
		"service CIDR":          k.ServiceCIDR,
	}
	for _, field := range required[instance.AMIFamily] {
		if given[field] == "" {
			return fmt.Errorf("user data has no %s", field)
		}
	}
	if k.ClusterName != "" && k.ClusterName != cluster.Name {
		return fmt.Errorf("user data is for cluster %q", k.ClusterName)
	}
	if k.Endpoint != "" && strings.TrimRight(k.Endpoint, "/") != strings.TrimRight(cluster.Endpoint, "/") {
		return fmt.Errorf("user data has endpoint %s, the cluster's is %s", k.Endpoint, cluster.Endpoint)
	}
	if k.CertificateAuthority != "" && !sameCertificate(k.CertificateAuthority, cluster.CertificateAuthority) {
		return errors.New("user data has another certificate authority than the cluster")
	}
	if k.ServiceCIDR != "" && k.ServiceCIDR != cluster.ServiceCIDR {
		return fmt.Errorf("user data has service CIDR %s, the cluster's is %s", k.ServiceCIDR, cluster.ServiceCIDR)
	}
	if k.ClusterDNS != "" {
		if dns := dnsAddress(cluster.ServiceCIDR); k.ClusterDNS != dns {
			return fmt.Errorf("user data has cluster DNS %s, the cluster's is %s", k.ClusterDNS, dns)
		}
	}
	return checkLabels(k.Labels)
}

func sameCertificate(a, b string) bool {
	first, errFirst := base64.StdEncoding.DecodeString(strings.TrimSpace(a))
	second, errSecond := base64.StdEncoding.DecodeString(strings.TrimSpace(b))
	return errFirst == nil && errSecond == nil && bytes.Equal(bytes.TrimSpace(first), bytes.TrimSpace(second))
}

// part is one piece of multipart user data.
type part struct {
	mediaType string
	body      []byte
}

// parts splits MIME multipart user data; ok is false if it is something else.
func parts(text string) (all []part, ok bool, err error) {
	message, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		return nil, false, nil
	}
	mediaType, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(mediaType, "multipart/") {
		return nil, false, nil
	}
	reader := multipart.NewReader(message.Body, params["boundary"])
	for {
		next, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return all, true, nil
		}
		if err != nil {
			return nil, true, fmt.Errorf("user data is broken MIME: %w", err)
		}
		body, err := io.ReadAll(next)
		if err != nil {
			return nil, true, fmt.Errorf("user data is broken MIME: %w", err)
		}
		if strings.EqualFold(next.Header.Get("Content-Transfer-Encoding"), "base64") {
			if body, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(body)), "")); err != nil {
				return nil, true, fmt.Errorf("user data is broken base64: %w", err)
			}
		}
		mediaType, _, _ := mime.ParseMediaType(next.Header.Get("Content-Type"))
		all = append(all, part{mediaType: mediaType, body: body})
	}
}
