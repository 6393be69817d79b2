// Package cnilog keeps the CNI's packages from logging to /host/var/log/aws-routed-eni, where they log by default.
// They read the environment when they are initialised, so it has to be set before that: Go initialises packages in the
// order of their import paths as their imports allow, and this one, which imports only os, comes before theirs,
// which import Kubernetes'. Import it where the CNI's packages are imported.
package cnilog

import "os"

// Level is the level of the CNI's remaining logs, on stderr.
var Level = set("AWS_VPC_K8S_CNI_LOGLEVEL", "ERROR")

var _ = set("AWS_VPC_K8S_CNI_LOG_FILE", "stderr")

func set(name, value string) string {
	if err := os.Setenv(name, value); err != nil {
		panic(err)
	}
	return value
}
