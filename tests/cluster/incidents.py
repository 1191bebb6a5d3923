"""Incidents for the live tests: a namespace where Deployments fall ill, how they do, and what is judged afterwards."""

import json
import secrets
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.cluster import attested, installation, manifests, operating, patience
from tests.cluster.audit import OWN_WRITES, AuditEvent
from tests.cluster.control_plane import ControlPlane
from tests.cluster.manifests import GOOD, POLICY_LABEL, Json

OURS = "/apis/platelet.dev/v1alpha1"
_MERGE = {"Content-Type": "application/merge-patch+json"}
_UNBOUND = "SchedulerError"  # of the condition PodScheduled
_STUCK = timedelta(seconds=10)  # for which a pod is being deleted
T = TypeVar("T")


@contextmanager
def scene(plane: ControlPlane, namespace: str = "") -> Iterator["Scene"]:
    """A fresh namespace, in which pods can be made at once; or one that exists, whose policies go in the end."""
    scene = Scene(plane, namespace or f"test-{secrets.token_hex(4)}")
    try:
        if not namespace:
            scene.create()
        yield scene
    finally:
        if namespace:
            scene.kubectl("delete", "rempol,rbk", "--all")
        else:
            scene.remove()
        scene.close()


Playground = tuple["Scene", Callable[[Json], None]]
"""A namespace, and what lets an alert fire there."""


@contextmanager
def playground(plane: ControlPlane, directory: Path, *policies: str) -> Iterator[Playground]:
    """A fresh namespace with these policies, an operator that leads and looks again often, and what sends it alerts."""
    with operating.one_leader(plane, directory, resync="2s") as operator, scene(plane) as fresh:
        fresh.use(*policies)

        def send(alert: Json) -> None:
            manifests.send(operator.alerts_url, alert)

        yield fresh, send


class Scene:
    """One namespace. People act on it by kubectl or as the admin; what the operator did is read from the audit log."""

    operator = "platelet"  # as the API server knows it

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        """Looks have a connection of their own: kubectl would cost a tenth of a second of CPU for each."""
        self.plane, self.namespace = plane, namespace
        self._plurals: dict[str, str] = {}  # of workloads that are no Deployments, by name
        self._api = httpx.Client(
            base_url=plane.url,
            headers={"Authorization": f"Bearer {plane.token('admin')}", "User-Agent": "incident-test"},
            verify=ssl.create_default_context(cafile=str(plane.ca_file)),
            trust_env=False,
            timeout=20,
        )

    def create(self) -> None:
        """Create the namespace."""
        self.plane.kubectl("create", "namespace", self.namespace)

        def has_account() -> bool:
            return any(account["metadata"]["name"] == "default" for account in self.items("/api/v1|serviceaccounts"))

        patience.until(f"the default service account of {self.namespace}", has_account)

    def remove(self) -> None:
        """Remove the namespace, and all in it."""
        self._api.delete(f"/api/v1/namespaces/{self.namespace}")

    def close(self) -> None:
        """Close the connection."""
        self._api.close()

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        """Run kubectl in the namespace, as a person with all rights."""
        return self.plane.kubectl(*arguments, "-n", self.namespace, input=text)

    def apply(self, *manifests: str) -> None:
        """Apply manifests."""
        self.kubectl("apply", "-f", "-", text="---\n".join(manifests))

    def use(self, *policies: str) -> None:
        """Apply policies, and wait until all of the namespace are in use."""
        self.apply(*policies)
        self.kubectl("wait", "rempol", "--all", "--for=condition=Ready", "--timeout=30s")

    def admit(self, policy: str, *names: str, image: str = GOOD, replicas: int = 1) -> None:
        """Create Deployments that are targets of a policy."""
        labels = {POLICY_LABEL: policy}
        self.apply(*(installation.deployment(name, image, replicas=replicas, labels=labels) for name in names))

    def admit_kind(self, kind: str, policy: str, name: str, image: str = GOOD, **spec: Any) -> None:
        """Create a workload of another kind that is a target of a policy. Its name is its own."""
        self._plurals[name] = f"{kind.lower()}s"
        self.apply(installation.workload(kind, name, image, labels={POLICY_LABEL: policy}, **spec))

    def until_proven(self, *names: str) -> None:
        """Wait until the templates of these are attested as Healthy: an undo has a goal."""
        patience.until(f"healthy records of {', '.join(names)}", lambda: set(names) <= set(self.proven()))

    def release(self, name: str, image: str) -> None:
        """Roll out another image, as a person or a pipeline does."""
        containers = [{"name": "app", "image": image}]
        self.patch(name, {"spec": {"template": {"spec": {"containers": containers}}}})
        if name in self._plurals:
            self.until(f"a pod of {name} with {image}", name, lambda: self._is_played(name, image), 90)

    def _is_played(self, name: str, image: str) -> bool:
        """Whether a pod of a StatefulSet or a DaemonSet has been replaced, or more has come of it.

        KWOK tries to remove a pod once: after a conflict it stays for ever, and the rollout with it. A kubelet would
        try again, as is done here. And where a pod goes and comes back under its name while the scheduler binds it, the
        scheduler takes the new one for the old, which it may not try again for a minute: that one is made anew, too.
        """
        for pod in self.pods(name):
            if _is_going_for(pod["metadata"], _STUCK) or _is_left_unbound(pod):
                self._finish(pod["metadata"])
        live = [pod for pod in self.pods(name) if "deletionTimestamp" not in pod["metadata"]]
        bound = [pod for pod in live if pod["spec"].get("nodeName")]
        replaced = any(pod["spec"]["containers"][0]["image"] == image for pod in bound)
        return replaced or bool(self.remediations(name))

    def _finish(self, metadata: Json) -> None:
        path = f"/api/v1/namespaces/{self.namespace}/pods/{metadata['name']}"
        body = {"gracePeriodSeconds": 0, "preconditions": {"uid": metadata["uid"]}}
        self._api.request("DELETE", path, json=body)

    def patch(self, name: str, body: Mapping[str, Any]) -> None:
        """Merge a change of a person's into a workload."""
        self._api.patch(self._path(name), json=body, headers=_MERGE).raise_for_status()

    def merge(self, kind: str, name: str, body: Mapping[str, Any], *, namespace: str = "") -> None:
        """Merge a change of a person's into any object."""
        patch = json.dumps(body)
        self.plane.kubectl("patch", kind, name, "-n", namespace or self.namespace, "--type=merge", "-p", patch)

    def post(self, plural: str, body: str, *, expected: int = 201) -> str:
        """Create an object of ours from any text, past kubectl."""
        answer = self._api.post(
            f"{OURS}/namespaces/{self.namespace}/{plural}", content=body, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == expected, answer.text
        return answer.text

    def read(self, path: str) -> Json:
        """Read an object or a list that exists."""
        answer: Json = self._api.get(path).raise_for_status().json()
        return answer

    def items(self, path: str) -> list[Json]:
        """Read the objects of a list of this namespace, such as `/apis/apps/v1|deployments`."""
        group, _, plural = path.partition("|")
        items: list[Json] = self.read(f"{group}/namespaces/{self.namespace}/{plural}")["items"]
        return items

    def workload(self, name: str) -> Json:
        """A workload."""
        return self.read(self._path(name))

    def pods(self, name: str) -> list[Json]:
        """The pods of a workload, by name."""
        pods = [pod for pod in self.items("/api/v1|pods") if pod["metadata"]["labels"].get("app") == name]
        return sorted(pods, key=lambda pod: str(pod["metadata"]["name"]))

    def image(self, name: str) -> str:
        """The image that a workload asks for."""
        image: str = self.workload(name)["spec"]["template"]["spec"]["containers"][0]["image"]
        return image

    def replicas(self, name: str) -> int:
        """The replicas that a workload asks for."""
        return int(self.workload(name)["spec"].get("replicas", 0))

    def policy(self, name: str) -> Json:
        """A RemediationPolicy."""
        return self.read(f"{OURS}/namespaces/{self.namespace}/remediationpolicies/{name}")

    def remediations(self, target: str = "") -> list[Json]:
        """The Remediations of one Deployment, or of all, oldest first."""
        listed: list[Json] = [{"status": {}, **stored} for stored in self.items(f"{OURS}|remediations")]
        wanted = [remediation for remediation in listed if target in ("", remediation["spec"]["targetRef"]["name"])]
        return sorted(
            wanted,
            key=lambda remediation: (remediation["metadata"]["creationTimestamp"], remediation["metadata"]["name"]),
        )

    def until_state(self, target: str, *states: str, number: int = 1, seconds: float = 60) -> Json:
        """Wait until a Remediation of a Deployment, the `number`-th or a later one, is in one of these states."""

        def find() -> Json | None:
            seen = self.remediations(target)[number - 1 :]
            return next(
                (remediation for remediation in reversed(seen) if remediation["status"].get("state") in states), None
            )

        return self.until(f"{target}: {' or '.join(states)}", target, find, seconds)

    def until_waiting(self, target: str, reason: str, number: int = 1) -> Json:
        """Wait until such a Remediation waits for this reason, and return `status.waiting`."""

        def find() -> Json | None:
            waits = [
                remediation["status"].get("waiting") or {} for remediation in self.remediations(target)[number - 1 :]
            ]
            return next((wait for wait in waits if wait.get("reason") == reason), None)

        return self.until(f"{target} to wait: {reason}", target, find)

    def until_verifying(self, target: str) -> Json:
        """Wait until the pods are well after an attempt and only an alert must still resolve."""

        def find() -> Json | None:
            seen = self.remediations(target)
            firing = [remediation for remediation in seen if remediation["status"].get("reason") == "AlertFiring"]
            return next((remediation for remediation in firing if remediation["status"]["state"] == "Verifying"), None)

        return self.until(f"{target} to wait for its alert to resolve", target, find)

    def until_acted(self, target: str) -> None:
        """Wait until an attempt on a Deployment is done, and the audit log agrees."""

        def done() -> bool:
            attempts = [
                a for remediation in self.remediations(target) for a in remediation["status"].get("attempts", [])
            ]
            return any(attempt["phase"] == "Done" for attempt in attempts)

        self.until(f"an attempt on {target}", target, done)
        assert self.effects(target), f"{target} was not changed"

    def until(self, what: str, target: str, find: Callable[[], T | None], seconds: float = 60) -> T:
        """Wait; when it is in vain, say what the Remediations of the target say instead."""
        try:
            return patience.until(what, find, seconds)
        except TimeoutError as error:
            stories = [story(remediation) for remediation in self.remediations(target)]
            pods = [json.dumps({"metadata": pod["metadata"], "status": pod["status"]}) for pod in self.pods(target)]
            raise TimeoutError("\n".join([str(error), *(stories or ["no Remediation; its pods:", *pods])])) from None

    def writes(self) -> list[AuditEvent]:
        """All changes in the namespace that the API server granted to the operator."""
        events = self.plane.audit_events(mentioning=self.namespace)
        return [
            event
            for event in events
            if event.user == self.operator and event.is_write and event.namespace == self.namespace and event.code < 300
        ]

    def foreign_writes(self) -> list[AuditEvent]:
        """Those on what is not its own."""
        return [write for write in self.writes() if (write.verb, write.resource, write.subresource) not in OWN_WRITES]

    def effects(self, target: str) -> list[AuditEvent]:
        """The granted changes of a workload's spec by the operator; its annotations do not count."""
        return [write for write in self.writes() if write.name == target and is_effect(write)]

    def _path(self, name: str) -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace}/{self._plurals.get(name, 'deployments')}/{name}"

    def proven(self) -> list[str]:
        """The names of workloads, once for each of their templates that is attested as Healthy."""
        return attested.proven(self.read(attested.PATH)["items"], self.namespace)


def _is_left_unbound(pod: Json) -> bool:
    """Whether the scheduler has failed over it, not over what it asks for."""
    failed = [condition for condition in pod["status"].get("conditions", ()) if condition.get("reason") == _UNBOUND]
    return bool(failed) and not pod["spec"].get("nodeName")


def _is_going_for(metadata: Json, least: timedelta) -> bool:
    """Whether a pod has been on its way out for longer than that."""
    since = metadata.get("deletionTimestamp")  # when its grace ends
    grace = timedelta(seconds=metadata.get("deletionGracePeriodSeconds", 0))
    return since is not None and datetime.now(UTC) - datetime.fromisoformat(since) + grace > least


def is_effect(event: AuditEvent) -> bool:
    """Whether a write on a workload asks for another spec."""
    if event.resource not in ("deployments", "statefulsets", "daemonsets"):
        return False
    request: Any = event.request
    return not isinstance(request, Mapping) or "spec" in request


def attempt_of(event: AuditEvent) -> str:
    """The attempt id in a write's user agent."""
    return event.user_agent.partition("(")[2].partition(")")[0]


def condition(remediation: Json, kind: str) -> tuple[str, str]:
    """Status and reason of a condition, empty when it was never set."""
    of_kind = (entry for entry in remediation["status"].get("conditions", []) if entry["type"] == kind)
    return next(((entry["status"], entry["reason"]) for entry in of_kind), ("", ""))


def acts(remediation: Json) -> list[str]:
    """The actions that were carried out, in order."""
    return [attempt["action"] for attempt in remediation["status"].get("attempts", []) if attempt["kind"] == "Act"]


def story(remediation: Json) -> str:
    """What a Remediation says, for a test's message."""
    status = remediation["status"]
    lines: Sequence[Json] = status.get("decisions", [])
    decisions = "; ".join(
        f"{decision.get('step')}/{decision['by']}: {decision['reason']}: {decision['message']}" for decision in lines
    )
    return f"{remediation['metadata']['name']}: {status.get('state')} {status.get('message')} [{decisions}]"
