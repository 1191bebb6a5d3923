package main

import (
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	appslisters "k8s.io/client-go/listers/apps/v1"
)

const (
	revisionAnnotation = "deployment.kubernetes.io/revision"
	hashLabel          = "pod-template-hash"
	minRestarts        = 2
)

// Sight finds in the informers' caches what is ill, and what it was before.
type Sight struct {
	namespace   string
	deployments appslisters.DeploymentLister
	replicaSets appslisters.ReplicaSetLister
}

// Heal says what to do, to which Deployment. It is the key of the work queue, so the same one is done once at a time.
type Heal struct {
	Namespace, Deployment string
	Undo                  string // the ReplicaSet that is crashing; empty: restart
	Alert                 string // whose alert, if it is one
}

// crash says whether a pod is in a crash loop that an undo of its Deployment could end.
func (s *Sight) crash(pod *corev1.Pod) (Heal, bool) {
	if pod.Namespace != s.namespace || !isCrashLooping(pod) {
		return Heal{}, false
	}
	owner := metav1.GetControllerOf(pod)
	if owner == nil || owner.Kind != "ReplicaSet" {
		return Heal{}, false
	}
	replicaSet, err := s.replicaSets.ReplicaSets(pod.Namespace).Get(owner.Name)
	if err != nil {
		return Heal{}, false
	}
	deployment := metav1.GetControllerOf(replicaSet)
	if deployment == nil || deployment.Kind != "Deployment" {
		return Heal{}, false
	}
	return Heal{Namespace: pod.Namespace, Deployment: deployment.Name, Undo: replicaSet.Name}, true
}

func isCrashLooping(pod *corev1.Pod) bool {
	for _, container := range pod.Status.ContainerStatuses {
		waiting := container.State.Waiting
		if waiting != nil && waiting.Reason == "CrashLoopBackOff" && container.RestartCount >= minRestarts {
			return true
		}
	}
	return false
}

// revisions returns the crashing ReplicaSet if it is the newest one, and the one before it.
func (s *Sight) revisions(deployment *appsv1.Deployment, crashing string) (current, before *appsv1.ReplicaSet) {
	selector, err := metav1.LabelSelectorAsSelector(deployment.Spec.Selector)
	if err != nil {
		return nil, nil
	}
	replicaSets, err := s.replicaSets.ReplicaSets(deployment.Namespace).List(selector)
	if err != nil {
		return nil, nil
	}
	for _, replicaSet := range replicaSets {
		if !metav1.IsControlledBy(replicaSet, deployment) {
			continue
		}
		if current == nil || revision(replicaSet) > revision(current) {
			current, before = replicaSet, current
		} else if before == nil || revision(replicaSet) > revision(before) {
			before = replicaSet
		}
	}
	if current == nil || current.Name != crashing {
		return nil, nil
	}
	return current, before
}

func revision(replicaSet *appsv1.ReplicaSet) int {
	number, err := strconv.Atoi(replicaSet.Annotations[revisionAnnotation])
	if err != nil {
		return 0
	}
	return number
}
