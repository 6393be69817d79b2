package main

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/node"
)

// shutdownTime passes between an instance's end and its Node's: systemd stops the kubelet and the containers first,
// and the cloud provider looks at instances now and then.
const shutdownTime = time.Second

// leave does what the cloud provider does when an instance has ended: it deletes the Node.
func (a *agent) leave(ctx context.Context, id string, machine *machine) error {
	if machine.nodeName != "" {
		var registered corev1.Node
		err := a.kubernetes.Get(ctx, client.ObjectKey{Name: machine.nodeName}, &registered)
		if client.IgnoreNotFound(err) != nil {
			return err
		}
		if err == nil && node.InstanceID(&registered) == id {
			if err := a.deleteNode(ctx, &registered); err != nil {
				return err
			}
			a.say(id, "ended, Node %s deleted", machine.nodeName)
		}
	}
	a.network.Release(id)
	a.pods.forget(machine.nodeName)
	machine.gone = true
	return nil
}

// deleteNode deletes the Node and the pods that are left on it. The pod garbage collector would delete these too, but
// only 40 seconds to a minute later, and until then they look as if they ran.
func (a *agent) deleteNode(ctx context.Context, old *corev1.Node) error {
	uid := old.UID
	err := a.kubernetes.Delete(ctx, old, client.Preconditions{UID: &uid})
	if client.IgnoreNotFound(err) != nil {
		return err
	}
	var pods corev1.PodList
	if err := a.kubernetes.List(ctx, &pods, client.MatchingFields{"spec.nodeName": old.Name}); err != nil {
		return err
	}
	for i := range pods.Items {
		err := a.kubernetes.Delete(ctx, &pods.Items[i], client.GracePeriodSeconds(0))
		if client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	return nil
}
