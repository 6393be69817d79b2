package userdata

import (
	"fmt"
	"math"

	"github.com/google/cel-go/cel"

	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/instances"
)

// PodLimit is the kubelet's maxPods, and the number of pods for which the AMI reserves memory. On AL2023 these differ:
// kubelet.config.maxPods sets the first, kubelet.maxPodsExpression or the AMI's own table the second.
type PodLimit struct {
	Pods     int
	Reserved int
}

// Limit resolves the user data's settings for an instance type with these limits. The error is a warning: if an
// expression can't be evaluated, nodeadm continues with its table, and so does this.
func (k Kubelet) Limit(limits instances.Limits) (PodLimit, error) {
	// The AMIs' table (eni-max-pods.txt): all addresses of the network interfaces except each one's own, plus two for
	// aws-node and kube-proxy, which use the host's network.
	standard := limits.ENIs*(limits.IPv4PerENI-1) + 2
	limit := PodLimit{Pods: standard, Reserved: standard}
	var warning error
	if k.MaxPodsExpression != "" {
		value, err := evaluate(k.MaxPodsExpression, limits, standard)
		if err == nil {
			limit = PodLimit{Pods: value, Reserved: value}
		}
		warning = err
	}
	if k.MaxPods > 0 {
		limit.Pods = k.MaxPods
	}
	return limit, warning
}

// evaluate runs nodeadm's maxPodsExpression, a CEL expression over three numbers (internal/kubelet/eni_max_pods.go,
// amazon-eks-ami commit 81fec2e).
func evaluate(expression string, limits instances.Limits, standard int) (int, error) {
	environment, err := cel.NewEnv(
		cel.Variable("default_enis", cel.IntType),
		cel.Variable("ips_per_eni", cel.IntType),
		cel.Variable("max_pods", cel.IntType),
	)
	if err != nil {
		return 0, err
	}
	ast, issues := environment.Compile(expression)
	if issues.Err() != nil {
		return 0, fmt.Errorf("maxPodsExpression: %w", issues.Err())
	}
	program, err := environment.Program(ast)
	if err != nil {
		return 0, fmt.Errorf("maxPodsExpression: %w", err)
	}
	value, _, err := program.Eval(map[string]any{
		"default_enis": limits.ENIs, "ips_per_eni": limits.IPv4PerENI, "max_pods": standard,
	})
	if err != nil {
		return 0, fmt.Errorf("maxPodsExpression: %w", err)
	}
	// nodeadm converts the result: 17.9 gives 17.
	number, ok := value.ConvertToType(cel.IntType).Value().(int64)
	if !ok || number <= 0 || number > math.MaxInt32 {
		return 0, fmt.Errorf("maxPodsExpression gives %v, not a number of pods", value.Value())
	}
	return int(number), nil
}
