// Package authorize decides, as EKS does, whether the role that an instance runs with may join as a node.
package authorize

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/instances"
)

// nodeUsername is the user name to which a node's role must be mapped: the Node authorizer uses the name in it.
const nodeUsername = "system:node:{{EC2PrivateDNSName}}"

var nodeGroups = []string{"system:bootstrappers", "system:nodes"}

// UsesConfigMap reports whether the cluster uses ConfigMap kube-system/aws-auth.
func UsesConfigMap(mode string) bool {
	return mode == "CONFIG_MAP" || mode == "API_AND_CONFIG_MAP"
}

// Check returns why the role can't join. mapRoles is that of aws-auth, empty if there is none.
func Check(cluster instances.Cluster, roleARN, mapRoles string) error {
	if roleARN == "" {
		return fmt.Errorf("the instance has no role")
	}
	var reasons []string
	if cluster.AuthenticationMode != "CONFIG_MAP" {
		reason := byAccessEntry(cluster.AccessEntries, roleARN)
		if reason == "" {
			return nil
		}
		reasons = append(reasons, reason)
	}
	if UsesConfigMap(cluster.AuthenticationMode) {
		reason := byConfigMap(mapRoles, roleARN)
		if reason == "" {
			return nil
		}
		reasons = append(reasons, reason)
	}
	return fmt.Errorf("role %s is not authorised (%s): %s",
		roleARN, cluster.AuthenticationMode, strings.Join(reasons, "; "))
}

func byAccessEntry(entries map[string]instances.AccessEntry, roleARN string) string {
	entry, ok := entries[roleARN]
	if !ok {
		return "no access entry"
	}
	if entry.Type != "EC2_LINUX" {
		return fmt.Sprintf("its access entry is of type %s, not EC2_LINUX", entry.Type)
	}
	return ""
}

// mappedRole is an entry of aws-auth's mapRoles.
type mappedRole struct {
	RoleARN  string   `json:"rolearn"`
	Username string   `json:"username"`
	Groups   []string `json:"groups"`
}

func byConfigMap(mapRoles, roleARN string) string {
	if strings.TrimSpace(mapRoles) == "" {
		return "aws-auth has no mapRoles"
	}
	var roles []mappedRole
	if err := yaml.Unmarshal([]byte(mapRoles), &roles); err != nil {
		return "aws-auth's mapRoles is broken: " + err.Error()
	}
	caller := withoutPath(roleARN)
	reason := "aws-auth doesn't map it"
	for _, role := range roles {
		if !strings.EqualFold(role.RoleARN, caller) {
			continue
		}
		reason = wrongMapping(role)
		if reason == "" {
			return ""
		}
	}
	return reason
}

func wrongMapping(role mappedRole) string {
	if role.Username != nodeUsername {
		return fmt.Sprintf("aws-auth maps it to username %q", role.Username)
	}
	for _, group := range nodeGroups {
		if !slices.Contains(role.Groups, group) {
			return "aws-auth maps it without group " + group
		}
	}
	return ""
}

// withoutPath removes the path: aws-iam-authenticator sees the role of an STS session, whose ARN has no path, so an
// entry whose rolearn has one never matches.
func withoutPath(roleARN string) string {
	prefix, rest, ok := strings.Cut(roleARN, ":role/")
	if !ok {
		return roleARN
	}
	return prefix + ":role/" + rest[strings.LastIndex(rest, "/")+1:]
}
