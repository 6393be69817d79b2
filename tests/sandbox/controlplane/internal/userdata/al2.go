package userdata

import (
	"fmt"
	"io"
	"path"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// kubeletDefaultMaxPods is the kubelet's own when nothing sets it: bootstrap.sh --use-max-pods false without
// --max-pods.
const kubeletDefaultMaxPods = 110

// readAL2 finds the call of /etc/eks/bootstrap.sh, in a script or in the shell parts of MIME user data.
func readAL2(text string) (Kubelet, error) {
	all, multipart, err := parts(text)
	if err != nil {
		return Kubelet{}, err
	}
	scripts := []string{text}
	if multipart {
		scripts = nil
		for _, part := range all {
			if part.mediaType == "text/x-shellscript" {
				scripts = append(scripts, string(part.body))
			}
		}
	}
	for _, script := range scripts {
		args, err := bootstrapCall(script)
		if err != nil {
			return Kubelet{}, err
		}
		if args != nil {
			return readBootstrap(args)
		}
	}
	return Kubelet{}, ErrNone
}

// bootstrapCall returns the arguments of the first call of bootstrap.sh, with words split and variables expanded as in
// a shell; nil if the script has none. The output of a $(command) is unknown and treated as empty.
func bootstrapCall(script string) ([]string, error) {
	if !strings.Contains(script, "bootstrap.sh") {
		return nil, nil
	}
	file, err := syntax.NewParser().Parse(strings.NewReader(script), "user-data")
	if err != nil {
		return nil, fmt.Errorf("user data is not a shell script: %w", err)
	}
	variables := map[string]string{}
	config := &expand.Config{
		Env:      expand.FuncEnviron(func(name string) string { return variables[name] }),
		CmdSubst: func(io.Writer, *syntax.CmdSubst) error { return nil },
	}
	assign := func(assigns []*syntax.Assign) {
		for _, one := range assigns {
			if one.Name == nil || one.Value == nil {
				continue
			}
			if value, err := expand.Literal(config, one.Value); err == nil {
				variables[one.Name.Value] = value
			}
		}
	}
	var found []string
	var failed error
	syntax.Walk(file, func(node syntax.Node) bool {
		if found != nil || failed != nil {
			return false
		}
		switch node := node.(type) {
		case *syntax.DeclClause: // export NAME=value
			assign(node.Args)
		case *syntax.CallExpr:
			if len(node.Args) == 0 {
				assign(node.Assigns)
			} else if path.Base(node.Args[0].Lit()) == "bootstrap.sh" {
				var words []string
				if words, failed = expand.Fields(config, node.Args...); failed == nil {
					found = words[1:]
				}
			}
		}
		return true
	})
	if failed != nil {
		return nil, fmt.Errorf("bootstrap.sh: %w", failed)
	}
	return found, nil
}

func readBootstrap(args []string) (Kubelet, error) {
	flags := newFlags("bootstrap.sh")
	useMaxPods := flags.String("use-max-pods", "true", "")
	authority := flags.String("b64-cluster-ca", "", "")
	endpoint := flags.String("apiserver-endpoint", "", "")
	dns := flags.String("dns-cluster-ip", "", "")
	extra := flags.String("kubelet-extra-args", "", "")
	if err := flags.Parse(args); err != nil {
		return Kubelet{}, fmt.Errorf("bootstrap.sh: %w", err)
	}
	kubelet := Kubelet{
		ClusterName:          flags.Arg(0),
		Endpoint:             *endpoint,
		CertificateAuthority: *authority,
		ClusterDNS:           *dns,
	}
	if *useMaxPods != "true" {
		kubelet.MaxPods = kubeletDefaultMaxPods
	}
	// bootstrap.sh passes the extra arguments to systemd, which splits them at blanks.
	return kubelet, kubelet.addFlags(strings.Fields(*extra))
}
