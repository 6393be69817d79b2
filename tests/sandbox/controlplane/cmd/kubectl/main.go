// kubectl is Kubernetes' own command, in a binary of its own: in the control plane's it would initialize the packages of
// all servers, which takes longer than most of its calls.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
)

func main() {
	os.Exit(cli.Run(cmd.NewDefaultKubectlCommand()))
}
