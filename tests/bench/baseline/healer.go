package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/workqueue"
)

// Healer carries heals out, each once.
type Healer struct {
	client kubernetes.Interface
	sight  *Sight
	store  *Store
	queue  workqueue.TypedRateLimitingInterface[Heal]
	mutex  sync.Mutex
	opened map[Heal]*Record // by whoever opened them; nil: done
}

func newHealer(client kubernetes.Interface, sight *Sight, store *Store) *Healer {
	limiter := workqueue.DefaultTypedControllerRateLimiter[Heal]()
	return &Healer{
		client: client, sight: sight, store: store,
		queue: workqueue.NewTypedRateLimitingQueue(limiter), opened: map[Heal]*Record{},
	}
}

func (h *Healer) work(ctx context.Context) {
	for {
		heal, over := h.queue.Get()
		if over {
			return
		}
		if err := h.heal(ctx, heal); err != nil {
			log.Printf("%s/%s: %v", heal.Namespace, heal.Deployment, err)
			h.queue.AddRateLimited(heal)
		} else {
			h.queue.Forget(heal)
		}
		h.queue.Done(heal)
	}
}

// heal makes the durable writes of one attempt: create, reserve, intend, (GET) PATCH, record.
func (h *Healer) heal(ctx context.Context, heal Heal) error {
	deployment, err := h.sight.deployments.Deployments(heal.Namespace).Get(heal.Deployment)
	if err != nil {
		return err
	}
	change, err := h.plan(deployment, heal)
	if err != nil || change == nil {
		return err
	}
	record, err := h.open(ctx, heal)
	if err != nil || record == nil {
		return err
	}
	if err := h.store.reserve(ctx, record.Metadata.UID+"/0/1"); err != nil {
		return err
	}
	record.Status = RecordStatus{Phase: "Intended", Before: change.before, After: change.after}
	if err := h.store.update(ctx, record); err != nil {
		return err
	}
	if err := h.act(ctx, deployment, change); err != nil {
		return err
	}
	record.Status.Phase = "Done"
	if err := h.store.update(ctx, record); err != nil {
		return err
	}
	h.mutex.Lock()
	h.opened[heal] = nil
	h.mutex.Unlock()
	return nil
}

// open creates the record of an incident, if nobody has; nil when it is over.
func (h *Healer) open(ctx context.Context, heal Heal) (*Record, error) {
	h.mutex.Lock()
	record, known := h.opened[heal]
	h.mutex.Unlock()
	if known {
		return record, nil
	}
	name, action := heal.Undo, "undo"
	if heal.Undo == "" {
		name, action = heal.Deployment+"-"+heal.Alert, "restart"
	}
	record = &Record{
		APIVersion: group, Kind: "Record",
		Metadata: Meta{Namespace: heal.Namespace, Name: name},
		Spec:     RecordSpec{Deployment: heal.Deployment, Action: action},
	}
	if err := h.store.create(ctx, record); apierrors.IsAlreadyExists(err) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	h.mutex.Lock()
	h.opened[heal] = record
	h.mutex.Unlock()
	return record, nil
}

// Change is a pinned write.
type Change struct {
	before, after string
	operation     map[string]any // of a JSON patch
}

func (h *Healer) plan(deployment *appsv1.Deployment, heal Heal) (*Change, error) {
	if heal.Undo == "" {
		template := deployment.Spec.Template.DeepCopy()
		metav1.SetMetaDataAnnotation(&template.ObjectMeta, "kubectl.kubernetes.io/restartedAt", time.Now().Format(time.RFC3339))
		return &Change{after: "restart", operation: replace("/spec/template", template)}, nil
	}
	current, before := h.sight.revisions(deployment, heal.Undo)
	if current == nil {
		return nil, nil // it has been released or undone since
	}
	if before == nil {
		return nil, fmt.Errorf("%s has no revision to go back to", heal.Undo)
	}
	template := before.Spec.Template.DeepCopy()
	delete(template.Labels, hashLabel)
	return &Change{before: current.Name, after: before.Name, operation: replace("/spec/template", template)}, nil
}

// act reads the Deployment afresh and writes to what was just read. Another spec than was planned for is an error.
func (h *Healer) act(ctx context.Context, planned *appsv1.Deployment, change *Change) error {
	deployments := h.client.AppsV1().Deployments(planned.Namespace)
	for {
		fresh, err := deployments.Get(ctx, planned.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if fresh.UID != planned.UID || fresh.Generation != planned.Generation {
			return fmt.Errorf("another spec than planned for: generation %d", fresh.Generation)
		}
		checked := replace("/metadata/resourceVersion", fresh.ResourceVersion)
		patch, err := json.Marshal([]any{checked, change.operation})
		if err != nil {
			return err
		}
		_, err = deployments.Patch(ctx, planned.Name, types.JSONPatchType, patch, metav1.PatchOptions{})
		if err == nil {
			return nil
		}
		if !apierrors.IsConflict(err) {
			return err
		}
	}
}

func replace(path string, value any) map[string]any {
	return map[string]any{"op": "replace", "path": path, "value": value}
}

// takeAlerts stores each alert of a body as a record of its own, and answers when all are stored.
func (h *Healer) takeAlerts(w http.ResponseWriter, request *http.Request) {
	var body struct {
		Alerts []struct {
			Status      string
			Labels      map[string]string
			Fingerprint string
		}
	}
	if err := json.NewDecoder(request.Body).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	heals, failed := make(chan Heal), make(chan error, len(body.Alerts))
	var storing sync.WaitGroup
	for range workers {
		storing.Go(func() {
			for heal := range heals {
				if _, err := h.open(request.Context(), heal); err != nil {
					failed <- err
				} else {
					h.queue.Add(heal)
				}
			}
		})
	}
	for _, alert := range body.Alerts {
		if alert.Status == "firing" && alert.Labels["namespace"] == h.sight.namespace {
			heals <- Heal{Namespace: h.sight.namespace, Deployment: alert.Labels["deployment"], Alert: alert.Fingerprint}
		}
	}
	close(heals)
	storing.Wait()
	if len(failed) > 0 {
		http.Error(w, (<-failed).Error(), http.StatusServiceUnavailable)
	}
}
