"""The scene of the fault tests: Deployments that fall ill at a word, policies without brakes, and what is judged.

Three heals, each done in about two seconds: a release whose image cannot be pulled is undone; an alert restarts; an
alert scales up, and the replicas are reverted when it has resolved. So a kill can be placed anywhere in a heal.
"""

import copy
import json
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from tests.cluster import attested, installation, patience
from tests.cluster.audit import AuditEvent
from tests.cluster.control_plane import ControlPlane
from tests.cluster.manifests import NO_BRAKES
from tests.faults.reader import Json, Reader, deployment_path

ACTIONS = ("undo", "restart", "scale", "adjust")
ORACLE = "oracle"
GOOD, BROKEN = "app:good-1", "app:pullfail-2"
WIDE_BUDGET = {"limits": [{"maxActions": 1000, "per": "1h"}]}
_STEPS: Mapping[str, Mapping[str, Any]] = {
    "undo": {"rolloutUndo": {"to": "LastHealthy"}},
    "restart": {"rolloutRestart": {}},
    "scale": {"scale": {"by": 1, "max": 5, "revertWhenResolved": True}},
    "adjust": {"adjustResources": {"memory": {"byPercent": 50, "max": "2Gi"}, "revertWhenResolved": True}},
}
_REVISION = "deployment.kubernetes.io/revision"
_RESTARTED = "kubectl.kubernetes.io/restartedAt"
_LABEL = "heal"
_PULL_FAILS = {"pod": {"reasons": ["ImagePullBackOff", "ErrImagePull"]}}


def policies(action: str, trigger: Mapping[str, Any] | None = None) -> str:
    """A Runbook of one step and the policy that uses it for the Deployments with the label heal=<action>.

    Without a trigger of the test's own, a failing pull is undone, and alerts named Needs-<action> call for the others.
    """
    alert = {"alert": {"matchers": [f'alertname="Needs-{action}"']}}
    trigger = trigger or (_PULL_FAILS if action == "undo" else alert)
    verify = {"timeout": "2m", "stableFor": "1s"}
    runbook = {"steps": [{"name": action, **_STEPS[action], "verify": verify}]}
    policy = {
        "mode": "Enforce",
        "triggers": [dict(trigger)],
        "targets": {"selector": {"matchLabels": {_LABEL: action}}},
        "runbookRef": {"name": action},
        "limits": dict(NO_BRAKES),
    }
    kinds = (("Runbook", runbook), ("RemediationPolicy", policy))
    return yaml.safe_dump_all(
        {"apiVersion": "platelet.dev/v1alpha1", "kind": kind, "metadata": {"name": action}, "spec": spec}
        for kind, spec in kinds
    )


def release(plane: ControlPlane, namespace: str, action: str, names: Iterable[str], *, replicas: int = 1) -> None:
    """Create healthy targets of a policy."""
    bodies = [installation.deployment(name, GOOD, replicas=replicas, labels={_LABEL: action}) for name in names]
    if action == "adjust":
        bodies = [_with_memory(body) for body in bodies]
    plane.kubectl("apply", "-n", namespace, "-f", "-", input="---\n".join(bodies))


def _with_memory(body: str) -> str:
    """The same Deployment with a limit and a request of memory."""
    deployment = yaml.safe_load(body)
    resources = {"limits": {"memory": "512Mi"}, "requests": {"memory": "256Mi"}}
    deployment["spec"]["template"]["spec"]["containers"][0]["resources"] = resources
    return yaml.safe_dump(deployment)


def break_release(reader: Reader, namespace: str, name: str, image: str = BROKEN) -> None:
    """Roll out an image that cannot work."""
    containers = [{"name": "app", "image": image}]
    reader.patch(deployment_path(namespace, name), {"spec": {"template": {"spec": {"containers": containers}}}})


def until_proven(reader: Reader, namespace: str, names: Iterable[str]) -> None:
    """Wait until each workload's template is attested as Healthy, which is what an undo goes back to."""
    wanted = set(names)

    def proven() -> bool:
        listing = reader.get(attested.PATH) or {}
        return wanted <= set(attested.proven(listing.get("items", []), namespace))

    patience.until(f"healthy revisions of {len(wanted)} workloads", proven)


def send_alert(urls: Iterable[str], name: str, target: tuple[str, str], episode: str, *, firing: bool) -> bool:
    """Deliver one alert as Alertmanager does, to whoever takes it; False when nobody did."""
    status, ends = ("firing", "0001-01-01T00:00:00Z") if firing else ("resolved", _now())
    labels = {"alertname": name, "namespace": target[0], "deployment": target[1]}
    alert = {"status": status, "labels": labels, "annotations": {}, "startsAt": episode, "endsAt": ends}
    alert |= {"fingerprint": f"{name}-{target[1]}", "generatorURL": ""}
    common = {"version": "4", "groupKey": name, "truncatedAlerts": 0, "receiver": "platelet", "externalURL": ""}
    body = {**common, "status": status, "groupLabels": {}, "commonLabels": labels, "commonAnnotations": {}}
    raw = json.dumps({**body, "alerts": [alert]}).encode()
    return any(_post(url, raw) for url in urls)


def _post(url: str, raw: bytes) -> bool:
    headers = {"Authorization": f"Bearer {installation.ALERT_TOKEN}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/webhooks/alertmanager", raw, headers)  # noqa: S310 - http on loopback
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(request, timeout=3) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


@dataclass(frozen=True, slots=True)
class Patient:
    """One target whose heal is watched: what makes it ill, what a monitoring system would do meanwhile."""

    reader: Reader
    urls: Callable[[], list[str]]  # of the replicas that live now
    action: str
    namespace: str
    name: str

    def heal(self, seconds: float = 60) -> "EndState":
        """Make it ill and see it through to the closed Remediation."""
        if self.action == "undo":
            break_release(self.reader, self.namespace, self.name)
        else:
            episode = self.fire(seconds)
            patience.until(f"an attempt on {self.name} to be done", lambda: self._has("attempts"), seconds)
            patience.until(f"the outcome for {self.name}", lambda: self._phase() not in ("", "Intended"), seconds)
            self._send(episode, seconds, firing=False)
        self.until_over(seconds)
        return end_state(self.reader, self.namespace, self.name)

    def fire(self, seconds: float = 60) -> str:
        """Send the alert until someone takes it; when its episode began."""
        episode = _now()
        self._send(episode, seconds, firing=True)
        return episode

    def until_over(self, seconds: float = 60) -> None:
        """Wait until its Remediations, of which there is one at least, are closed or with people."""
        patience.until(f"the remediation of {self.name} to close", self._is_closed, seconds)

    def _send(self, episode: str, seconds: float, *, firing: bool) -> None:
        target = (self.namespace, self.name)
        patience.until(
            "a leader to take the alert",
            lambda: send_alert(self.urls(), f"Needs-{self.action}", target, episode, firing=firing),
            seconds,
        )

    def _statuses(self) -> list[Json]:
        return [remediation.get("status") or {} for remediation in self.reader.remediations(self.namespace, self.name)]

    def _has(self, key: str) -> bool:
        return any(status.get(key) for status in self._statuses())

    def _phase(self) -> str:
        phases = [a["phase"] for status in self._statuses() for a in status.get("attempts", []) if a["kind"] == "Act"]
        return "Done" if "Done" in phases else ""

    def _is_closed(self) -> bool:
        statuses = self._statuses()
        return bool(statuses) and all(status.get("state") in ("Closed", "Escalated") for status in statuses)


@dataclass(frozen=True, slots=True)
class EndState:
    """What must not depend on crashes: the workload as it was left, and how the incident ended."""

    template: Json
    restarted: bool
    replicas: int
    annotations: tuple[str, ...]
    incidents: tuple[tuple[str, str], ...]  # state and reason of each Remediation


def end_state(reader: Reader, namespace: str, name: str) -> EndState:
    """Read it now."""
    stored = reader.deployment(namespace, name)
    template = copy.deepcopy(stored["spec"]["template"])
    marks = template["metadata"].get("annotations") or {}
    restarted = marks.pop(_RESTARTED, None) is not None
    template["metadata"] = {"labels": {**template["metadata"]["labels"], "app": "any"}, "annotations": marks}
    incidents = [remediation["status"] for remediation in reader.remediations(namespace, name)]
    return EndState(
        template=template,
        restarted=restarted,
        replicas=stored["spec"].get("replicas", 0),
        annotations=tuple(sorted(set(stored["metadata"].get("annotations") or {}) - {_REVISION})),
        incidents=tuple((incident["state"], incident["reason"]) for incident in incidents),
    )


def story(reader: Reader, namespace: str, name: str) -> str:
    """All that its Remediations say, for people who ask why a test failed."""
    statuses = [remediation.get("status") or {} for remediation in reader.remediations(namespace, name)]
    return json.dumps(statuses, indent=1)


def attempts_of(reader: Reader, namespace: str, name: str) -> list[str]:
    """Ids of the attempts on record."""
    statuses = [remediation.get("status") or {} for remediation in reader.remediations(namespace, name)]
    return [attempt["id"] for status in statuses for attempt in status.get("attempts", [])]


def effects(events: Iterable[AuditEvent], namespace: str) -> dict[str, list[str]]:
    """By workload, the attempt ids of all changes of its spec that the API server granted to the operator.

    An attempt id that occurs twice is what must never be.
    """
    attempts: dict[str, list[str]] = {}
    for event in events:
        if is_effect(event) and event.namespace == namespace:
            agent = event.user_agent
            attempts.setdefault(event.name, []).append(agent[agent.find("(") + 1 : agent.rfind(")")])
    return attempts


def is_effect(event: AuditEvent) -> bool:
    """Whether the operator changed a Deployment's spec by this request; its annotations do not count."""
    if event.user != "platelet" or not event.is_write or event.resource != "deployments" or event.code >= 300:
        return False
    request: Any = event.request
    return not isinstance(request, Mapping) or "spec" in request


def twice(ids: Iterable[str]) -> list[str]:
    """The ids that had more than one effect."""
    return [attempt for attempt, count in Counter(ids).items() if count > 1]
