"""Deployments of real containers: what their one container does decides what becomes of them."""

from collections.abc import Mapping
from typing import Any

import yaml

from tests.cluster.manifests import POLICY_LABEL, Json
from tests.e2e.node import BUSYBOX


def container(command: str, **more: Any) -> Json:
    """A container that runs a line of shell."""
    return {"name": "app", "image": BUSYBOX, "command": ["sh", "-c", command], **more}


WELL = container("sleep 1d")
CRASHES = container(  # after long enough for each pod to be Ready for a moment
    "echo connecting; sleep 4; echo DB_PASSWORD=hunter2; echo no database; exit 1"
)
HUNGRY = container("sleep 2; tail /dev/zero", resources={"limits": {"memory": "16Mi"}})  # one endless line
MISSING = {"name": "app", "image": "registry.invalid/app:2"}
UNREADY = container("sleep 1d", readinessProbe={"exec": {"command": ["false"]}, "periodSeconds": 1})


def deployment(
    name: str, life: Mapping[str, Any], *, replicas: int = 2, labels: Mapping[str, str] | None = None
) -> Json:
    """A Deployment whose pods end at once when they are told to."""
    pod = {"terminationGracePeriodSeconds": 0, "containers": [life]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": {"app": name, **(labels or {})}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod},
        },
    }


def target(name: str, policy: str) -> str:
    """A healthy Deployment that a policy looks after."""
    return yaml.safe_dump(deployment(name, WELL, labels={POLICY_LABEL: policy}))


def shop(policy: str) -> str:
    """A web server whose /metrics tell how many requests wait; at first, none do."""
    serve = "mkdir /tmp/www; echo shop_waiting_requests 0 > /tmp/www/metrics; exec httpd -f -p 8080 -h /tmp/www"
    ready = {"httpGet": {"path": "/metrics", "port": 8080}, "periodSeconds": 1}
    life = container(serve, ports=[{"containerPort": 8080}], readinessProbe=ready)
    return yaml.safe_dump(deployment("shop", life, replicas=1, labels={POLICY_LABEL: policy}))
