"""The kinds of object that platelet asks the API server for, and where each lives in the API."""

from dataclasses import replace

from platelet.model.resource import SCALERS, WORKLOADS, Resource

NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
SERVICES = Resource("", "v1", "services", "Service")
SECRETS = Resource("", "v1", "secrets", "Secret")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", metadata_only=True)
CLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", metadata_only=True)
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount", metadata_only=True)
DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS = WORKLOADS.values()
REPLICA_SETS = Resource("apps", "v1", "replicasets", "ReplicaSet")
AUTOSCALERS, SCALED_OBJECTS = SCALERS.values()
EVENTS = Resource("events.k8s.io", "v1", "events", "Event")
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")
RUNBOOKS = Resource("platelet.dev", "v1alpha1", "runbooks", "Runbook")
POLICIES = Resource("platelet.dev", "v1alpha1", "remediationpolicies", "RemediationPolicy")
ESCALATION_POLICIES = Resource("platelet.dev", "v1alpha1", "escalationpolicies", "EscalationPolicy")
REMEDIATIONS = Resource("platelet.dev", "v1alpha1", "remediations", "Remediation")
REMEDIATION_METADATA = replace(REMEDIATIONS, metadata_only=True)
BUDGETS = Resource("platelet.dev", "v1alpha1", "actionbudgets", "ActionBudget")
