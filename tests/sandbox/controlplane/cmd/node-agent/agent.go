package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/instances"
	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/network"
	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/node"
)

// parallel is how many instances are processed concurrently.
const parallel = 8

// agent keeps the state of each instance between passes.
type agent struct {
	options
	source     *instances.Source
	kubernetes client.Client
	network    *network.Network
	pods       *pods
	started    bool

	mutex    sync.Mutex
	machines map[string]*machine // by instance id
	answers  map[string]answer   // by role
	said     map[string]string
}

// machine is the state of an instance.
type machine struct {
	nodeName     string
	runningAt    time.Time // first seen running
	endedAt      time.Time // first seen not running after it had run
	registered   bool      // the Node was created; a kubelet does not recreate it when it is deleted
	handedOverAt time.Time // when the Node was handed over to kwok
	ready        bool      // the Node is Ready
	podCIDR      netip.Prefix
	units        int  // network interfaces for pods, or prefixes; 0: unknown
	refused      bool // its user data can never join; it does not change while the instance runs
	gone         bool // the Node was deleted
}

func newAgent(o options, source *instances.Source, kubernetes client.Client, network *network.Network, pods *pods) *agent {
	return &agent{
		options: o, source: source, kubernetes: kubernetes, network: network, pods: pods,
		machines: map[string]*machine{}, answers: map[string]answer{}, said: map[string]string{},
	}
}

// pass advances every instance by one step. Failures are reported and retried in the next pass.
func (a *agent) pass(ctx context.Context) {
	if !a.started {
		if err := a.adopt(ctx); err != nil {
			a.say("start", "reading the cluster's nodes: %v", err)
			return
		}
		a.started = true
	}
	list, err := a.source.List(ctx)
	if err != nil {
		a.say("instances", "asking for instances: %v", err)
		return
	}
	joining, growing := a.sort(list)
	a.judgeCNI(ctx, list)
	var work errgroup.Group
	work.SetLimit(parallel)
	if len(joining) > 0 {
		cluster, err := a.source.Cluster(ctx)
		if err != nil {
			a.say("cluster", "asking for the cluster: %v", err)
		} else {
			for _, instance := range joining {
				work.Go(func() error {
					a.attempt(instance.ID, func() error { return a.join(ctx, instance, a.machine(instance.ID), cluster) })
					return nil
				})
			}
		}
	}
	for _, instance := range growing {
		work.Go(func() error {
			a.attempt(instance.ID, func() error { return a.grow(ctx, instance, a.machine(instance.ID)) })
			return nil
		})
	}
	for id, machine := range a.leaving() {
		work.Go(func() error {
			a.attempt(id, func() error { return a.leave(ctx, id, machine) })
			return nil
		})
	}
	_ = work.Wait()
}

// adopt records the Nodes that an earlier run of this process created.
func (a *agent) adopt(ctx context.Context) error {
	var nodes corev1.NodeList
	if err := a.kubernetes.List(ctx, &nodes); err != nil {
		return err
	}
	for i := range nodes.Items {
		found := &nodes.Items[i]
		id := node.InstanceID(found)
		if id == "" {
			continue
		}
		known := a.machine(id)
		known.nodeName, known.registered, known.runningAt = found.Name, true, time.Now()
		if podCIDR, err := netip.ParsePrefix(found.Spec.PodCIDR); err == nil {
			a.network.Adopt(id, podCIDR)
			known.podCIDR = podCIDR
			known.ready = found.Labels[node.KwokLabel] == node.KwokFake && node.IsReady(found)
		}
	}
	return nil
}

// sort records each instance's state and returns those that are not Ready nodes yet, and those whose pods have
// addresses that are on no network interface.
func (a *agent) sort(list []instances.Instance) (joining, growing []instances.Instance) {
	now := time.Now()
	running := map[string]bool{}
	for _, instance := range list {
		switch instance.State {
		case instances.Pending:
			running[instance.ID] = true
		case instances.Running:
			running[instance.ID] = true
			machine := a.machine(instance.ID)
			if machine.runningAt.IsZero() {
				machine.runningAt = now
			}
			if !machine.gone {
				machine.endedAt = time.Time{}
			}
			switch {
			case machine.refused || machine.gone || now.Sub(machine.runningAt) < a.bootTime:
			case !machine.ready:
				joining = append(joining, instance)
			case a.needsMore(instance, machine):
				growing = append(growing, instance)
			}
		}
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	for id, machine := range a.machines {
		if !running[id] && machine.endedAt.IsZero() {
			machine.endedAt = now
		}
	}
	return joining, growing
}

// leaving returns the machines that terminated long enough ago for their pods to have terminated too.
func (a *agent) leaving() map[string]*machine {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	left := map[string]*machine{}
	for id, machine := range a.machines {
		if !machine.gone && !machine.endedAt.IsZero() && time.Since(machine.endedAt) >= shutdownTime {
			left[id] = machine
		}
	}
	return left
}

func (a *agent) machine(id string) *machine {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.machines[id] == nil {
		a.machines[id] = &machine{}
	}
	return a.machines[id]
}

// attempt reports an error once for as long as it stays the same.
func (a *agent) attempt(id string, step func() error) {
	if err := step(); err != nil && !errors.Is(err, context.Canceled) {
		a.say(id, "%v", err)
	}
}

func (a *agent) say(subject, format string, values ...any) {
	text := fmt.Sprintf(format, values...)
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.said[subject] != text {
		a.said[subject] = text
		fmt.Fprintf(os.Stderr, "%s %s: %s\n", time.Now().UTC().Format("15:04:05.000"), subject, text)
	}
}
