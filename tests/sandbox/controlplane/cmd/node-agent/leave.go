package main

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/node"
)

// shutdownTime is the time from the termination of an instance to the deletion of its Node: systemd stops the kubelet
// and the containers first, and the cloud provider polls instances now and then.
const shutdownTime = time.Second

// leave deletes the Node of a terminated instance, as the cloud provider does.
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

// deleteNode deletes the Node and its remaining pods. The pod garbage collector would delete these too, but only 40
// seconds to a minute later, and until then they would look as if they were running.
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
