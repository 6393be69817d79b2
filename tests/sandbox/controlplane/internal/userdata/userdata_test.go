package userdata

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/instances"
)

var authority = base64.StdEncoding.EncodeToString([]byte("-----BEGIN CERTIFICATE-----\nx\n"))

var cluster = instances.Cluster{
	Name: "demo", Endpoint: "https://127.0.0.1:6443", CertificateAuthority: authority, ServiceCIDR: "172.20.0.0/16",
}

func fill(text string) string {
	return strings.ReplaceAll(text, "CA_DATA", authority)
}

const al2023 = `MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="//"

--//
Content-Type: application/node.eks.aws

apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  cluster:
    name: demo
    apiServerEndpoint: https://127.0.0.1:6443
    certificateAuthority: CA_DATA
    cidr: 172.20.0.0/16
  kubelet:
    config:
      maxPods: 40
    flags:
      - --node-labels=team=a,zone-group=x

--//
Content-Type: text/x-shellscript

#!/bin/sh
echo hello

--//
Content-Type: application/node.eks.aws

apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  kubelet:
    config:
      maxPods: 20
      clusterDNS: [172.20.0.10]
    maxPodsExpression: (default_enis - 1) * (ips_per_eni - 1) + 2
    flags:
      - "--register-with-taints=dedicated=pods:NoSchedule"
      - --node-labels=team=b
--//--
`

const al2 = `MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="=="

--==
Content-Type: text/x-shellscript; charset="us-ascii"

#!/bin/bash
set -o xtrace
B64_CLUSTER_CA=CA_DATA
export API=https://127.0.0.1:6443
/etc/eks/bootstrap.sh demo --b64-cluster-ca $B64_CLUSTER_CA \
  --apiserver-endpoint "${API}" --dns-cluster-ip 172.20.0.10 \
  --use-max-pods false --kubelet-extra-args '--max-pods=20 --node-labels=team=a,x=y --register-with-taints=a=b:NoExecute'
/opt/aws/bin/cfn-signal --exit-code $? --stack s --resource NodeGroup --region us-west-2
--==--
`

const bottlerocket = `
[settings.kubernetes]
cluster-name = "demo"
api-server = "https://127.0.0.1:6443"
cluster-certificate = "CA_DATA"
cluster-dns-ip = "172.20.0.10"
max-pods = 20
[settings.kubernetes.node-labels]
team = "a"
[settings.kubernetes.node-taints]
dedicated = ["pods:NoSchedule", ":NoExecute"]
`

func TestEveryFamilyJoinsWithCompleteUserData(t *testing.T) {
	for family, test := range map[string]struct {
		text   string
		team   string
		taints int
	}{
		instances.AL2023:       {al2023, "b", 1},
		instances.AL2:          {al2, "a", 1},
		instances.Bottlerocket: {bottlerocket, "a", 2},
	} {
		t.Run(family, func(t *testing.T) {
			kubelet, err := Read(family, fill(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if err := kubelet.Check(instances.Instance{AMIFamily: family}, cluster); err != nil {
				t.Error(err)
			}
			if kubelet.MaxPods != 20 || kubelet.ClusterDNS != "172.20.0.10" {
				t.Errorf("max pods %d, DNS %s", kubelet.MaxPods, kubelet.ClusterDNS)
			}
			if kubelet.Labels["team"] != test.team || len(kubelet.Taints) != test.taints {
				t.Errorf("labels %v, taints %v", kubelet.Labels, kubelet.Taints)
			}
		})
	}
}

func TestWrongOrMissingValuesNeverJoin(t *testing.T) {
	for family, text := range map[string]string{instances.AL2023: al2023, instances.AL2: al2, instances.Bottlerocket: bottlerocket} {
		other := base64.StdEncoding.EncodeToString([]byte("another authority"))
		for _, change := range [][2]string{{"demo", "demo2"}, {"127.0.0.1:6443", "10.0.0.1"}, {authority, other}, {"172.20.0.", "10.100.0."}} {
			kubelet, err := Read(family, strings.ReplaceAll(fill(text), change[0], change[1]))
			if err != nil {
				t.Fatal(err)
			}
			if err := kubelet.Check(instances.Instance{AMIFamily: family}, cluster); err == nil {
				t.Errorf("%s joins with %s for %s", family, change[1], change[0])
			}
		}
	}
	kubelet, err := Read(instances.AL2023, "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec: {cluster: {name: demo}}\n")
	if err != nil {
		t.Fatal(err)
	}
	if err := kubelet.Check(instances.Instance{AMIFamily: instances.AL2023}, cluster); err == nil {
		t.Error("AL2023 can't join without endpoint, authority and CIDR")
	}
	if err := kubelet.Check(instances.Instance{AMIFamily: instances.AL2023, Nodegroup: "own"}, cluster); err == nil {
		t.Error("with an image id in the launch template EKS adds nothing in a managed node group either")
	}
}

func TestUserDataOfOtherMachinesStartsNoKubelet(t *testing.T) {
	for family, text := range map[string]string{
		instances.AL2023:       "",
		instances.AL2:          "#!/bin/sh\n# /etc/eks/bootstrap.sh demo\necho no bootstrap.sh here\n",
		instances.Bottlerocket: "[settings.motd]\n",
	} {
		if _, err := Read(family, text); !errors.Is(err, ErrNone) {
			t.Errorf("%s: %v", family, err)
		}
	}
}

func TestAL2AsksEKSForMissingValues(t *testing.T) {
	kubelet, err := Read(instances.AL2, "#!/bin/sh\n/etc/eks/bootstrap.sh demo\n")
	if err != nil {
		t.Fatal(err)
	}
	if err := kubelet.Check(instances.Instance{AMIFamily: instances.AL2}, cluster); err != nil {
		t.Error(err)
	}
}

func TestAKubeletMustNotSetEveryLabel(t *testing.T) {
	for label, allowed := range map[string]bool{
		"team": true, "example.com/a": true, "node.kubernetes.io/a": true, "topology.kubernetes.io/zone": true,
		"node-role.kubernetes.io/worker": false, "k8s.io/x": false,
	} {
		if err := checkLabels(map[string]string{label: "x"}); (err == nil) != allowed {
			t.Errorf("%s: %v", label, err)
		}
	}
}

func TestLimit(t *testing.T) {
	large := instances.Limits{ENIs: 3, IPv4PerENI: 10}
	expression := "(default_enis - 1) * (ips_per_eni - 1) + 2"
	for name, test := range map[string]struct {
		kubelet Kubelet
		want    PodLimit
		warns   bool
	}{
		"the AMI's table":                {Kubelet{}, PodLimit{29, 29}, false},
		"a number":                       {Kubelet{MaxPods: 20}, PodLimit{20, 29}, false},
		"an expression":                  {Kubelet{MaxPodsExpression: expression}, PodLimit{20, 20}, false},
		"a number wins":                  {Kubelet{MaxPods: 17, MaxPodsExpression: expression}, PodLimit{17, 20}, false},
		"with a condition":               {Kubelet{MaxPodsExpression: "max_pods < 10 ? max_pods : 10"}, PodLimit{10, 10}, false},
		"a fraction is cut off":          {Kubelet{MaxPodsExpression: "17.9"}, PodLimit{17, 17}, false},
		"a number of no pods is skipped": {Kubelet{MaxPodsExpression: "max_pods - 29"}, PodLimit{29, 29}, true},
		"a broken expression is skipped": {Kubelet{MaxPodsExpression: "enis * 2"}, PodLimit{29, 29}, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, warning := test.kubelet.Limit(large)
			if got != test.want || (warning != nil) != test.warns {
				t.Errorf("got %v, %v, want %v", got, warning, test.want)
			}
		})
	}
}

func TestBootstrapWithoutTableAndNumberUsesTheKubeletsDefault(t *testing.T) {
	kubelet, err := Read(instances.AL2, "#!/bin/sh\n/etc/eks/bootstrap.sh demo --use-max-pods false\n")
	if err != nil || kubelet.MaxPods != kubeletDefaultMaxPods {
		t.Errorf("got %d, %v", kubelet.MaxPods, err)
	}
}

// EKS appends its NodeConfig to the parts of a managed node group's launch template.
func TestTheLastNodeConfigWinsUnlessItIsEmpty(t *testing.T) {
	config := func(spec string) string {
		return "--x\nContent-Type: application/node.eks.aws\n\n" +
			base64.StdEncoding.EncodeToString([]byte("apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec: "+spec+"\n")) + "\n"
	}
	text := "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"x\"\n\n" +
		config("{kubelet: {config: {maxPods: 110, clusterDNS: [10.0.0.1]}, flags: [--node-labels=team=a]}}") +
		config("{kubelet: {config: {maxPods: 29, clusterDNS: []}, flags: [--node-labels=eks=b, --register-with-taints=k=v:NoSchedule]}}") +
		config("{kubelet: {config: {maxPods: 0}}}") + "--x--\n"
	kubelet, err := Read(instances.AL2023, text)
	if err != nil {
		t.Fatal(err)
	}
	if kubelet.MaxPods != 29 || kubelet.ClusterDNS != "10.0.0.1" || len(kubelet.Taints) != 1 {
		t.Errorf("got %+v", kubelet)
	}
	if kubelet.Labels["team"] != "a" || kubelet.Labels["eks"] != "b" {
		t.Errorf("labels %v", kubelet.Labels)
	}
}

func TestEveryFamilyRegistersItsLabelsAndTaints(t *testing.T) {
	for family, text := range map[string]string{
		instances.AL2023: "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec: {kubelet: {flags: " +
			"[\"--node-labels=team=a,tier=b\", --register-with-taints=k=v:NoSchedule]}}\n",
		instances.AL2: "#!/bin/sh\n/etc/eks/bootstrap.sh demo --kubelet-extra-args " +
			"'--node-labels=team=a,tier=b --register-with-taints=k=v:NoSchedule'\n",
		instances.Bottlerocket: "[settings.kubernetes]\ncluster-name = \"demo\"\n[settings.kubernetes.node-labels]\n" +
			"team = \"a\"\ntier = \"b\"\n[settings.kubernetes.node-taints]\nk = [\"v:NoSchedule\"]\n",
	} {
		kubelet, err := Read(family, text)
		if err != nil {
			t.Fatal(family, err)
		}
		if kubelet.Labels["team"] != "a" || kubelet.Labels["tier"] != "b" || len(kubelet.Taints) != 1 {
			t.Errorf("%s: labels %v, taints %v", family, kubelet.Labels, kubelet.Taints)
		}
	}
}

// As Karpenter writes it (pkg/providers/launchtemplate/testdata/al2023_userdata_unmerged.golden, v1.13.0).
const karpenter = `MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="//"

--//
Content-Type: application/node.eks.aws

# Karpenter Generated NodeConfig
apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
metadata: {}
spec:
  cluster:
    apiServerEndpoint: https://127.0.0.1:6443
    certificateAuthority: CA_DATA
    cidr: 172.20.0.0/16
    name: demo
  containerd: {}
  instance:
    localStorage: {}
  kubelet:
    config:
      clusterDNS:
      - 172.20.0.10
      maxPods: 29
      registerWithTaints:
      - effect: NoSchedule
        key: arch
        value: arm64
      - effect: NoExecute
        key: karpenter.sh/unregistered
    flags:
    - --node-labels="karpenter.sh/capacity-type=on-demand,karpenter.sh/nodepool=arm"

--//--
`

func TestKarpentersTaintsAndQuotedLabels(t *testing.T) {
	kubelet, err := Read(instances.AL2023, fill(karpenter))
	if err != nil {
		t.Fatal(err)
	}
	if err := kubelet.Check(instances.Instance{AMIFamily: instances.AL2023}, cluster); err != nil {
		t.Error(err)
	}
	if kubelet.MaxPods != 29 || len(kubelet.Taints) != 2 || kubelet.Taints[1].Key != "karpenter.sh/unregistered" {
		t.Errorf("max pods %d, taints %v", kubelet.MaxPods, kubelet.Taints)
	}
	labels := kubelet.Labels
	if labels["karpenter.sh/capacity-type"] != "on-demand" || labels["karpenter.sh/nodepool"] != "arm" {
		t.Errorf("labels %v", labels)
	}
}
