package main

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

const (
	group         = "bench.platelet.dev/v1"
	root          = "/apis/" + group
	allowancePath = root + "/namespaces/bench-system/allowances/baseline"
	maxEntries    = 2000
)

// Meta is what the store needs of an object's metadata.
type Meta struct {
	Name            string `json:"name"`
	Namespace       string `json:"namespace"`
	UID             string `json:"uid,omitempty"`
	ResourceVersion string `json:"resourceVersion,omitempty"`
}

// Entry is one attempt's place on the allowance.
type Entry struct {
	ID         string      `json:"id"`
	ReservedAt metav1.Time `json:"reservedAt"`
}

// Allowance is the one object on which every attempt reserves its place.
type Allowance struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   Meta   `json:"metadata"`
	Status     struct {
		Entries []Entry `json:"entries,omitempty"`
	} `json:"status"`
}

// Record is the ledger of one incident.
type Record struct {
	APIVersion string       `json:"apiVersion"`
	Kind       string       `json:"kind"`
	Metadata   Meta         `json:"metadata"`
	Spec       RecordSpec   `json:"spec"`
	Status     RecordStatus `json:"status"`
}

// RecordSpec says what it is about.
type RecordSpec struct {
	Deployment string `json:"deployment"`
	Action     string `json:"action"`
}

// RecordStatus pins what is about to be written, and what came of it.
type RecordStatus struct {
	Phase  string `json:"phase,omitempty"` // Intended, Done
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// Store reads and writes the baseline's own two kinds, each write checked by resourceVersion.
type Store struct {
	client    rest.Interface
	mutex     sync.Mutex // one writer of the allowance
	allowance Allowance
}

func (s *Store) load(ctx context.Context) error {
	raw, err := s.client.Get().AbsPath(allowancePath).Do(ctx).Raw()
	if err != nil {
		return err
	}
	s.allowance = Allowance{}
	return json.Unmarshal(raw, &s.allowance)
}

// reserve puts an attempt on the allowance. What a lost race leaves is read and tried anew.
func (s *Store) reserve(ctx context.Context, id string) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for {
		wanted := s.allowance
		entries := append(wanted.Status.Entries[:len(wanted.Status.Entries):len(wanted.Status.Entries)],
			Entry{ID: id, ReservedAt: metav1.NewTime(time.Now())})
		wanted.Status.Entries = entries[max(0, len(entries)-maxEntries):]
		err := s.put(ctx, allowancePath+"/status", &wanted)
		if err == nil {
			s.allowance = wanted
			return nil
		}
		if !apierrors.IsConflict(err) {
			return err
		}
		if err := s.load(ctx); err != nil {
			return err
		}
	}
}

// create opens the record of an incident; one that is there already is an error.
func (s *Store) create(ctx context.Context, record *Record) error {
	body, err := json.Marshal(record)
	if err != nil {
		return err
	}
	path := root + "/namespaces/" + record.Metadata.Namespace + "/records"
	raw, err := s.client.Post().AbsPath(path).SetHeader("Content-Type", "application/json").Body(body).Do(ctx).Raw()
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, record)
}

// update writes a record's status.
func (s *Store) update(ctx context.Context, record *Record) error {
	path := root + "/namespaces/" + record.Metadata.Namespace + "/records/" + record.Metadata.Name + "/status"
	return s.put(ctx, path, record)
}

// put replaces an object and takes over the answer, with its new resourceVersion.
func (s *Store) put(ctx context.Context, path string, object any) error {
	body, err := json.Marshal(object)
	if err != nil {
		return err
	}
	raw, err := s.client.Put().AbsPath(path).SetHeader("Content-Type", "application/json").Body(body).Do(ctx).Raw()
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, object)
}
