// Package instances reads from the AWS side of the sandbox what only AWS and the machines know: the EC2 instances with
// their user data, and EKS's description of the cluster.
package instances

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// States of an instance, as EC2 names them.
const (
	Running = "running"
	Pending = "pending"
)

// AMI families.
const (
	AL2023       = "al2023"
	AL2          = "al2"
	Bottlerocket = "bottlerocket"
)

// Instance is an EC2 instance as seen by the machine itself.
type Instance struct {
	ID             string            `json:"instance_id"`
	State          string            `json:"state"`
	PrivateIP      string            `json:"private_ip"`
	PrivateDNSName string            `json:"private_dns_name"`
	SubnetID       string            `json:"subnet_id"`
	Zone           string            `json:"az"`
	Type           string            `json:"instance_type"`
	UserData       string            `json:"user_data"`
	RoleARN        string            `json:"role_arn"` // of its instance profile; empty without one
	AMIFamily      string            `json:"ami_family"`
	Nodegroup      string            `json:"nodegroup"`    // EKS managed node group, empty for others
	Labels         map[string]string `json:"labels"`       // that EKS gives the nodes of the managed node group
	LateTaints     []Taint           `json:"late_taints"`  // that EKS gives them after they joined
	Architecture   string            `json:"architecture"` // of the image: x86_64 or arm64
	Limits         Limits            `json:"eni_limits"`
	VCPUs          int               `json:"vcpus"`
	MemoryMiB      int64             `json:"memory_mib"`
	GPUs           int               `json:"gpus"` // NVIDIA's, if the image has drivers for them
}

// Taint is one of EKS's API.
type Taint struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Effect string `json:"effect"` // NO_SCHEDULE, NO_EXECUTE, PREFER_NO_SCHEDULE
}

// Limits are those of the default network card: its network interfaces, and IPv4 addresses on each.
type Limits struct {
	ENIs       int `json:"enis"`
	IPv4PerENI int `json:"ipv4_per_eni"`
}

// Cluster has the results of EKS's DescribeCluster and ListAccessEntries.
type Cluster struct {
	Name                 string                 `json:"name"`
	Endpoint             string                 `json:"endpoint"`
	CertificateAuthority string                 `json:"certificate_authority"` // base64 of PEM
	ServiceCIDR          string                 `json:"service_cidr"`
	AuthenticationMode   string                 `json:"authentication_mode"`
	AccessEntries        map[string]AccessEntry `json:"access_entries"` // by principal ARN
}

// AccessEntry of EKS.
type AccessEntry struct {
	Type string `json:"type"`
}

// Source reads from the AWS side's address.
type Source struct {
	base   string
	client http.Client
}

// NewSource returns a source for the AWS side's URL.
func NewSource(url string) *Source {
	return &Source{base: strings.TrimRight(url, "/"), client: http.Client{Timeout: 10 * time.Second}}
}

// List returns all instances, including recently terminated ones.
func (s *Source) List(ctx context.Context) ([]Instance, error) {
	var list []Instance
	return list, s.get(ctx, "/sandbox/instances", &list)
}

// Cluster returns the current description of the cluster.
func (s *Source) Cluster(ctx context.Context) (Cluster, error) {
	var cluster Cluster
	return cluster, s.get(ctx, "/sandbox/cluster", &cluster)
}

// Allowed reports whether a role's policies allow an action.
func (s *Source) Allowed(ctx context.Context, roleARN, action string) (bool, error) {
	body, err := json.Marshal(map[string]string{"role": roleARN, "action": action})
	if err != nil {
		return false, err
	}
	var answer struct {
		Allowed bool `json:"allowed"`
	}
	return answer.Allowed, s.ask(ctx, http.MethodPost, "/sandbox/may", bytes.NewReader(body), &answer)
}

// FargatePod is where AWS Fargate runs a pod.
type FargatePod struct {
	Profile   string `json:"profile"`
	Interface string `json:"interface"`
	Address   string `json:"address"`
	Zone      string `json:"zone"`
	Node      string `json:"node"` // the name of its node
}

// StartFargatePod has AWS Fargate start a pod of a namespace.
func (s *Source) StartFargatePod(ctx context.Context, namespace string) (FargatePod, error) {
	body, err := json.Marshal(map[string]string{"namespace": namespace})
	if err != nil {
		return FargatePod{}, err
	}
	var started FargatePod
	return started, s.ask(ctx, http.MethodPost, "/sandbox/fargate", bytes.NewReader(body), &started)
}

// StopFargatePod deletes the network interface of a pod.
func (s *Source) StopFargatePod(ctx context.Context, networkInterface string) error {
	body, err := json.Marshal(map[string]string{"interface": networkInterface})
	if err != nil {
		return err
	}
	var nothing struct{}
	return s.ask(ctx, http.MethodDelete, "/sandbox/fargate", bytes.NewReader(body), &nothing)
}

func (s *Source) get(ctx context.Context, path string, into any) error {
	return s.ask(ctx, http.MethodGet, path, http.NoBody, into)
}

func (s *Source) ask(ctx context.Context, method, path string, body io.Reader, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, s.base+path, body)
	if err != nil {
		return err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", method, path, response.Status)
	}
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}
