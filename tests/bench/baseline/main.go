// The baseline is an operator as a Go programmer would write it in an afternoon: informers, a work queue, eight workers,
// and for each heal the durable writes that platelet promises. It heals two things: a crash loop, by the template of the
// revision before, and an alert, by a restart. It has no policies, limits, proofs or history, and does not take up what a crash left: it is a yardstick.
package main

import (
	"context"
	"flag"
	"log"
	"net/http"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	workers = 8 // as many as platelet has
	resync  = 10 * time.Minute
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "how to reach the API server")
	listen := flag.String("listen", "127.0.0.1:8080", "where alerts come in; also serves /readyz")
	namespace := flag.String("namespace", "", "where to act; everything is watched in any case")
	flag.Parse()
	if err := run(*kubeconfig, *listen, *namespace); err != nil {
		log.Fatal(err)
	}
}

func run(kubeconfig, listen, namespace string) error {
	ctx := context.Background()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.UserAgent = "baseline"
	config.QPS = -1 // the API server's own fairness is the limit
	config.ContentType = "application/vnd.kubernetes.protobuf"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, resync)
	sight := &Sight{
		namespace:   namespace,
		deployments: factory.Apps().V1().Deployments().Lister(),
		replicaSets: factory.Apps().V1().ReplicaSets().Lister(),
	}
	store := &Store{client: client.Discovery().RESTClient()}
	if err := store.load(ctx); err != nil {
		return err
	}
	healer := newHealer(client, sight, store)
	if err := watchPods(factory.Core().V1().Pods().Informer(), sight, healer); err != nil {
		return err
	}
	for _, informer := range []cache.SharedIndexInformer{
		factory.Apps().V1().Deployments().Informer(), factory.Apps().V1().ReplicaSets().Informer(),
	} {
		if err := informer.SetTransform(withoutManagedFields); err != nil {
			return err
		}
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	for range workers {
		go healer.work(ctx)
	}
	http.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	http.HandleFunc("POST /webhooks/alertmanager", healer.takeAlerts)
	return http.ListenAndServe(listen, nil)
}

func watchPods(informer cache.SharedIndexInformer, sight *Sight, healer *Healer) error {
	if err := informer.SetTransform(withoutManagedFields); err != nil {
		return err
	}
	look := func(object any) {
		if pod, ok := object.(*corev1.Pod); ok {
			if heal, found := sight.crash(pod); found {
				healer.queue.Add(heal)
			}
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: look, UpdateFunc: func(_, object any) { look(object) },
	})
	return err
}

// withoutManagedFields halves what the caches hold.
func withoutManagedFields(object any) (any, error) {
	switch known := object.(type) {
	case *corev1.Pod:
		known.ManagedFields = nil
	case *appsv1.Deployment:
		known.ManagedFields = nil
	case *appsv1.ReplicaSet:
		known.ManagedFields = nil
	}
	return object, nil
}
