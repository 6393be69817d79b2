package main

import (
	"context"
	"net/netip"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// pods has the highest address that a pod of each node ever had, and the running pods of aws-node.
type pods struct {
	mutex   sync.Mutex
	highest map[string]netip.Addr // by node name
	cni     map[types.UID]cniPod
}

// watchPods watches all pods until ctx ends, and keeps only their addresses.
func watchPods(ctx context.Context, config *rest.Config) (*pods, error) {
	clientset, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	seen := &pods{highest: map[string]netip.Addr{}, cni: map[types.UID]cniPod{}}
	factory := informers.NewSharedInformerFactoryWithOptions(clientset, 0, informers.WithTransform(onlyAddress))
	_, err = factory.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    seen.note,
		UpdateFunc: func(_, now any) { seen.note(now) },
		DeleteFunc: seen.gone,
	})
	if err != nil {
		return nil, err
	}
	factory.Start(ctx.Done())
	return seen, nil
}

func onlyAddress(object any) (any, error) {
	pod, ok := object.(*corev1.Pod)
	if !ok {
		return object, nil
	}
	slim := &corev1.Pod{}
	slim.Namespace, slim.Name, slim.UID, slim.ResourceVersion = pod.Namespace, pod.Name, pod.UID, pod.ResourceVersion
	slim.Spec.NodeName, slim.Spec.HostNetwork = pod.Spec.NodeName, pod.Spec.HostNetwork
	slim.Status.PodIP, slim.Status.Phase = pod.Status.PodIP, pod.Status.Phase
	if isCNI(pod) {
		slim.Labels = pod.Labels
	}
	return slim, nil
}

func (p *pods) note(object any) {
	pod, ok := object.(*corev1.Pod)
	if ok && isCNI(pod) {
		p.noteCNI(pod)
	}
	if !ok || pod.Spec.HostNetwork {
		return
	}
	address, err := netip.ParseAddr(pod.Status.PodIP)
	if err != nil {
		return
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if before := p.highest[pod.Spec.NodeName]; !before.IsValid() || before.Less(address) {
		p.highest[pod.Spec.NodeName] = address
	}
}

func (p *pods) highestOn(node string) netip.Addr {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.highest[node]
}

func (p *pods) forget(node string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	delete(p.highest, node)
}
