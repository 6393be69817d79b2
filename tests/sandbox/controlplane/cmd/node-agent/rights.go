package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/eni-custom/eni-custom/tests/sandbox/controlplane/internal/instances"
)

const (
	// roleAnnotation on a service account has the role of its pods; EKS's webhook sets it in each pod at creation.
	// Without it a pod uses its node's role.
	roleAnnotation = "eks.amazonaws.com/role-arn"
	// noRights on a pod of aws-node keeps kwok from making it Ready.
	noRights = "sandbox.eni-custom/no-rights"
	// needed are the actions that ipamd requires.
	needed = "ec2:AttachNetworkInterface"
	// remembered is how long the result for a role is cached.
	remembered = time.Second
)

// cniPod is a pod of aws-node.
type cniPod struct {
	name, node string
	judged     bool
}

func isCNI(pod *corev1.Pod) bool {
	return pod.Namespace == "kube-system" && pod.Labels["k8s-app"] == "aws-node"
}

func (p *pods) noteCNI(pod *corev1.Pod) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if _, known := p.cni[pod.UID]; !known && pod.Status.Phase == corev1.PodRunning {
		p.cni[pod.UID] = cniPod{name: pod.Name, node: pod.Spec.NodeName}
	}
}

func (p *pods) gone(object any) {
	if last, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = last.Obj
	}
	if pod, ok := object.(*corev1.Pod); ok {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		delete(p.cni, pod.UID)
	}
}

// unjudged returns the pods of aws-node that have not been checked yet.
func (p *pods) unjudged() map[types.UID]cniPod {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	left := map[types.UID]cniPod{}
	for uid, pod := range p.cni {
		if !pod.judged {
			left[uid] = pod
		}
	}
	return left
}

func (p *pods) judge(uid types.UID) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if pod, known := p.cni[uid]; known {
		pod.judged = true
		p.cni[uid] = pod
	}
}

// rights returns why aws-node can't work with the role that it would have on an instance now, or nil if it can.
func (a *agent) rights(ctx context.Context, instance instances.Instance) error {
	role, err := a.cniRole(ctx)
	if err != nil {
		return err
	}
	if role == "" {
		role = instance.RoleARN
	}
	allowed, err := a.allowed(ctx, role)
	if err == nil && !allowed {
		err = refusedError{role}
	}
	return err
}

type refusedError struct{ role string }

func (r refusedError) Error() string {
	return fmt.Sprintf("UnauthorizedOperation: %s is not authorized to perform: %s", r.role, needed)
}

// cniRole is the role of aws-node's service account, or empty if it has none.
func (a *agent) cniRole(ctx context.Context) (string, error) {
	var account corev1.ServiceAccount
	err := a.kubernetes.Get(ctx, client.ObjectKey{Namespace: "kube-system", Name: "aws-node"}, &account)
	return account.Annotations[roleAnnotation], client.IgnoreNotFound(err)
}

type answer struct {
	allowed bool
	since   time.Time
}

func (a *agent) allowed(ctx context.Context, role string) (bool, error) {
	a.mutex.Lock()
	known := a.answers[role]
	a.mutex.Unlock()
	if time.Since(known.since) < remembered {
		return known.allowed, nil
	}
	allowed, err := a.source.Allowed(ctx, role, needed)
	if err == nil {
		a.mutex.Lock()
		a.answers[role] = answer{allowed, time.Now()}
		a.mutex.Unlock()
	}
	return allowed, err
}

// judgeCNI checks pods of aws-node that have started: without EC2 permissions ipamd exits repeatedly, and the pod is
// never Ready. A pod keeps the role that it started with.
func (a *agent) judgeCNI(ctx context.Context, list []instances.Instance) {
	for uid, pod := range a.pods.unjudged() {
		for _, instance := range list {
			if instance.PrivateDNSName != pod.node || instance.State != instances.Running {
				continue
			}
			err := a.rights(ctx, instance)
			var refused refusedError
			if errors.As(err, &refused) {
				a.say("aws-node on "+pod.node, "%v", refused)
				err = a.neverReady(ctx, pod.name, refused.role)
			}
			if err == nil {
				a.pods.judge(uid)
			}
		}
	}
}

func (a *agent) neverReady(ctx context.Context, name, role string) error {
	var pod corev1.Pod
	if err := a.kubernetes.Get(ctx, client.ObjectKey{Namespace: "kube-system", Name: name}, &pod); err != nil {
		return client.IgnoreNotFound(err)
	}
	before := pod.DeepCopy()
	if pod.Annotations == nil {
		pod.Annotations = map[string]string{}
	}
	pod.Annotations[noRights] = role
	if err := a.kubernetes.Patch(ctx, &pod, client.MergeFrom(before)); err != nil {
		return err
	}
	before = pod.DeepCopy()
	for i := range pod.Status.Conditions {
		condition := &pod.Status.Conditions[i]
		if condition.Type == corev1.PodReady || condition.Type == corev1.ContainersReady {
			condition.Status, condition.Reason = corev1.ConditionFalse, "ContainersNotReady"
		}
	}
	for i := range pod.Status.ContainerStatuses {
		pod.Status.ContainerStatuses[i].Ready = pod.Status.ContainerStatuses[i].Name != "aws-node"
	}
	return a.kubernetes.Status().Patch(ctx, &pod, client.StrategicMergeFrom(before))
}
