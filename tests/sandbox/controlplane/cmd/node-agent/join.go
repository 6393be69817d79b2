package main

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/authorize"
	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/instances"
	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/node"
	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/userdata"
)

// join advances an instance by one step towards a Ready node.
func (a *agent) join(ctx context.Context, instance instances.Instance, machine *machine, cluster instances.Cluster) error {
	kubelet, err := a.readUserData(instance, machine)
	if err != nil {
		return err
	}
	if err := kubelet.Check(instance, cluster); err != nil {
		machine.refused = true
		return fmt.Errorf("never joins: %w", err)
	}
	limit, warning := kubelet.Limit(instance.Limits)
	if warning != nil {
		a.say(instance.ID+" max pods", "%v", warning)
	}
	if !machine.registered {
		if err := a.authorize(ctx, instance, cluster); err != nil {
			return err
		}
		if err := a.register(ctx, instance, node.New(instance, kubelet, limit, a.region, a.kubernetesVersion)); err != nil {
			return fmt.Errorf("registering: %w", err)
		}
		machine.nodeName, machine.registered = instance.PrivateDNSName, true
		a.say(instance.ID, "registered %s, %d pods", instance.PrivateDNSName, limit.Pods)
	}
	var registered corev1.Node
	if err := a.kubernetes.Get(ctx, client.ObjectKey{Name: machine.nodeName}, &registered); err != nil {
		return err
	}
	if err := a.rights(ctx, instance); err != nil {
		return fmt.Errorf("network not ready: %w", err)
	}
	if machine.handedOverAt.IsZero() {
		podCIDR, units, err := a.network.Connect(ctx, instance, &registered, limit.Pods)
		if err != nil {
			return fmt.Errorf("network not ready: %w", err)
		}
		if err := a.handOver(ctx, instance, &registered, podCIDR); err != nil {
			return err
		}
		machine.handedOverAt, machine.podCIDR, machine.units = time.Now(), podCIDR, units
	}
	if time.Since(machine.handedOverAt) < listTime {
		return nil
	}
	if err := a.makeReady(ctx, &registered); err != nil {
		return err
	}
	machine.ready = true
	a.say(instance.ID, "%s is Ready, pods in %s", machine.nodeName, machine.podCIDR)
	return nil
}

// readUserData gives up an instance permanently if its user data can't be read: it is read once, at the first boot.
func (a *agent) readUserData(instance instances.Instance, machine *machine) (userdata.Kubelet, error) {
	kubelet, err := userdata.Read(instance.AMIFamily, instance.UserData)
	if err != nil {
		machine.refused = true
		return kubelet, fmt.Errorf("never joins: %w", err)
	}
	return kubelet, nil
}

// authorize checks repeatedly: a rejected kubelet retries, so the result may change.
func (a *agent) authorize(ctx context.Context, instance instances.Instance, cluster instances.Cluster) error {
	var mapRoles string
	if authorize.UsesConfigMap(cluster.AuthenticationMode) {
		var auth corev1.ConfigMap
		err := a.kubernetes.Get(ctx, client.ObjectKey{Namespace: "kube-system", Name: "aws-auth"}, &auth)
		if client.IgnoreNotFound(err) != nil {
			return err
		}
		mapRoles = auth.Data["mapRoles"]
	}
	return authorize.Check(cluster, instance.RoleARN, mapRoles)
}

// register creates the Node. EC2 reuses the addresses of terminated instances, and the name follows the address: a
// leftover Node of another instance is deleted first.
func (a *agent) register(ctx context.Context, instance instances.Instance, fresh *corev1.Node) error {
	err := a.kubernetes.Create(ctx, fresh)
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	var existing corev1.Node
	if err := a.kubernetes.Get(ctx, client.ObjectKey{Name: fresh.Name}, &existing); err != nil {
		return err
	}
	if existing.Spec.ProviderID == fresh.Spec.ProviderID {
		return nil
	}
	if err := a.deleteNode(ctx, &existing); err != nil {
		return err
	}
	return fmt.Errorf("a Node of %s had the name %s", existing.Spec.ProviderID, fresh.Name)
}

// listTime is the time from the handover of a node to the moment when it is Ready. kwok lists the pods of a new node, and
// also starts those that it sees being bound. If pods that wait for the node are bound during the list, kwok starts them
// twice: the second start assigns another address, fails, and cancels what makes the pod Ready.
const listTime = 500 * time.Millisecond

// handOver hands the Node over to kwok, which simulates its kubelet.
func (a *agent) handOver(ctx context.Context, instance instances.Instance, registered *corev1.Node, podCIDR netip.Prefix) error {
	before := registered.DeepCopy()
	node.AddLateTaints(registered, instance.LateTaints)
	metav1.SetMetaDataLabel(&registered.ObjectMeta, node.KwokLabel, node.KwokFake)
	registered.Spec.PodCIDR, registered.Spec.PodCIDRs = podCIDR.String(), []string{podCIDR.String()}
	if err := a.kubernetes.Patch(ctx, registered, client.MergeFrom(before)); err != nil {
		return fmt.Errorf("giving the node its podCIDR: %w", err)
	}
	return nil
}

func (a *agent) makeReady(ctx context.Context, registered *corev1.Node) error {
	before := registered.DeepCopy()
	registered.Status.Conditions = node.Conditions(node.Ready())
	if err := a.kubernetes.Status().Patch(ctx, registered, client.StrategicMergeFrom(before)); err != nil {
		return fmt.Errorf("making the node Ready: %w", err)
	}
	return nil
}

// needsMore reports whether a pod has an address that is on no network interface.
func (a *agent) needsMore(instance instances.Instance, machine *machine) bool {
	return a.network.Needs(instance, machine.units, a.pods.highestOn(machine.nodeName))
}

// grow gives a node with many pods more addresses, one network interface or prefix at a time.
func (a *agent) grow(ctx context.Context, instance instances.Instance, machine *machine) error {
	if err := a.rights(ctx, instance); err != nil {
		return fmt.Errorf("more addresses: %w", err)
	}
	var registered corev1.Node
	if err := a.kubernetes.Get(ctx, client.ObjectKey{Name: machine.nodeName}, &registered); err != nil {
		return err
	}
	count, err := a.network.Grow(ctx, instance, &registered, machine.units)
	if err != nil {
		return fmt.Errorf("more addresses: %w", err)
	}
	machine.units = count
	return nil
}
