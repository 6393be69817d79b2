// node-agent emulates the machines of the cluster: it keeps Kubernetes' Nodes in sync with EC2's instances.
//
// For every running instance it reads the user data as the AMI family would and checks whether the instance's role may
// join. If so it registers the Node, not Ready, and then does what the VPC CNI does with the settings of DaemonSet
// aws-node at that moment: with custom networking on it finds the node's ENIConfig, creates and attaches a network
// interface in its subnet with its groups, and gives the node a podCIDR there; otherwise in the node's own subnet. Only
// then does the Node become Ready, and kwok simulates its kubelet. The Node of a terminated instance is deleted.
//
// It knows only what EC2, EKS and Kubernetes report, so it can't favor a program under test.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/aws/amazon-vpc-cni-k8s/pkg/apis/crd/v1alpha1"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/instances"
	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/lifeline"
	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/network"
)

type options struct {
	awsEndpoint       string
	region            string
	kubeconfig        string
	cluster           string
	kubernetesVersion string
	interval          time.Duration
	bootTime          time.Duration
	fargate           bool
}

func main() {
	var o options
	// Not the global flag set: controller-runtime defines --kubeconfig there.
	flags := flag.NewFlagSet("node-agent", flag.ExitOnError)
	flags.StringVar(&o.awsEndpoint, "aws-endpoint", "", "URL of the sandbox's AWS side")
	flags.StringVar(&o.region, "region", "", "AWS region")
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig of an administrator")
	flags.StringVar(&o.cluster, "cluster", "", "name of the EKS cluster")
	flags.StringVar(&o.kubernetesVersion, "kubernetes-version", "1.34", "minor version that kubelets report")
	flags.DurationVar(&o.interval, "interval", 250*time.Millisecond, "how often instances are looked at")
	flags.DurationVar(&o.bootTime, "boot-time", 0, "how long an instance takes from running to its kubelet's start")
	flags.BoolVar(&o.fargate, "fargate", false, "run the pods that ask for Fargate's scheduler")
	_ = flags.Parse(os.Args[1:]) // exits on an error
	lifeline.Hold()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "node-agent:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	log.SetLogger(logr.Discard())
	config, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return err
	}
	config.UserAgent = "node-agent"
	config.QPS = -1
	kubernetes, err := kubernetesClient(config)
	if err != nil {
		return err
	}
	pods, err := watchPods(ctx, config)
	if err != nil {
		return err
	}
	keys := credentials.NewStaticCredentialsProvider(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), "")
	agent := newAgent(o, instances.NewSource(o.awsEndpoint), kubernetes,
		network.New(network.NewEC2(o.awsEndpoint, o.region, keys), kubernetes, o.cluster), pods)
	fargate := newFargate(agent)
	tick := time.NewTicker(o.interval)
	defer tick.Stop()
	for {
		agent.pass(ctx)
		if o.fargate {
			agent.attempt("Fargate", func() error { return fargate.pass(ctx) })
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// kubernetesClient reads without a cache: the state of the cluster at the start of a node counts.
func kubernetesClient(config *rest.Config) (client.Client, error) {
	types := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(types); err != nil {
			return nil, err
		}
	}
	return client.New(config, client.Options{Scheme: types})
}
