package authorize

import (
	"testing"

	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/instances"
)

const role = "arn:aws:iam::123456789012:role/nodes"

const mapped = `
- rolearn: arn:aws:iam::123456789012:role/other
  username: system:node:{{EC2PrivateDNSName}}
  groups: [system:bootstrappers, system:nodes]
- rolearn: arn:aws:iam::123456789012:role/nodes
  username: system:node:{{EC2PrivateDNSName}}
  groups:
    - system:bootstrappers
    - system:nodes
`

func TestCheck(t *testing.T) {
	linux := map[string]instances.AccessEntry{role: {Type: "EC2_LINUX"}}
	for name, test := range map[string]struct {
		mode     string
		entries  map[string]instances.AccessEntry
		mapRoles string
		role     string
		joins    bool
	}{
		"mapped in aws-auth":                    {mode: "CONFIG_MAP", mapRoles: mapped, role: role, joins: true},
		"not mapped":                            {mode: "CONFIG_MAP", mapRoles: mapped, role: role + "2"},
		"no aws-auth":                           {mode: "CONFIG_MAP", role: role},
		"access entries don't count":            {mode: "CONFIG_MAP", entries: linux, role: role},
		"access entry":                          {mode: "API", entries: linux, role: role, joins: true},
		"aws-auth doesn't count":                {mode: "API", mapRoles: mapped, role: role},
		"either: access entry":                  {mode: "API_AND_CONFIG_MAP", entries: linux, role: role, joins: true},
		"either: aws-auth":                      {mode: "API_AND_CONFIG_MAP", mapRoles: mapped, role: role, joins: true},
		"standard entry":                        {mode: "API", entries: map[string]instances.AccessEntry{role: {Type: "STANDARD"}}, role: role},
		"no role":                               {mode: "API", entries: linux},
		"role with a path is mapped without it": {mode: "CONFIG_MAP", mapRoles: mapped, role: "arn:aws:iam::123456789012:role/a/b/nodes", joins: true},
		"mapping with a path never matches":     {mode: "CONFIG_MAP", mapRoles: "- {rolearn: 'arn:aws:iam::123456789012:role/a/nodes', username: 'system:node:{{EC2PrivateDNSName}}', groups: [system:bootstrappers, system:nodes]}", role: "arn:aws:iam::123456789012:role/a/nodes"},
		"mapped to a wrong user":                {mode: "CONFIG_MAP", mapRoles: "- {rolearn: '" + role + "', username: admin, groups: [system:bootstrappers, system:nodes]}", role: role},
		"mapped without the nodes' group":       {mode: "CONFIG_MAP", mapRoles: "- {rolearn: '" + role + "', username: 'system:node:{{EC2PrivateDNSName}}', groups: [system:bootstrappers]}", role: role},
		"mapRoles is no list":                   {mode: "CONFIG_MAP", mapRoles: "rolearn: x", role: role},
	} {
		t.Run(name, func(t *testing.T) {
			err := Check(instances.Cluster{AuthenticationMode: test.mode, AccessEntries: test.entries}, test.role, test.mapRoles)
			if (err == nil) != test.joins {
				t.Errorf("joins should be %t, but: %v", test.joins, err)
			}
		})
	}
}
