"""From two versions of an object to what a spectator should hear. Pure: the same changes give the same lines."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.demo.watching import Change, Obj

_TOLD_CRASHES = 3  # of one template; a crash loop has no end
_RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
_ESCALATED = "platelet.dev/escalated"
_HEALTH = "platelet.dev/health"
_OPERATOR = "platelet.dev/operator"
_TOLD_OTHERWISE = ("verification", "escalation")  # by the attempt's verdict, by the state
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?Z")


@dataclass(frozen=True, slots=True)
class Line:
    """Who did it, and what."""

    who: str
    text: str


@dataclass(slots=True)
class ProgressReporter:
    """Remembers what it has told, so that it does not repeat itself."""

    rollouts: set[tuple[Any, ...]] = field(default_factory=set)
    crashes: dict[str, int] = field(default_factory=dict)  # by the template of the pods

    def tell(self, change: Change) -> list[Line]:
        """What is new, in words; nothing for what a spectator need not know."""
        tellers: dict[str, Callable[[Obj, Obj], Iterator[Line]]] = {
            "Deployment": self._deployment,
            "Pod": self._pod,
            "Remediation": _remediation,
            "ControllerRevision": _revision_record,
            "Event": _event,
            "RemediationPolicy": _policy,
        }
        if change.deleted:
            return []
        lines = tellers[change.kind](change.before or {}, change.after)
        return [Line(line.who, brief(line.text)) for line in lines]

    def _deployment(self, before: Obj, after: Obj) -> Iterator[Line]:
        name = f"Deployment {after['metadata']['name']}"
        if before:
            yield from _spec_changes(name, before, after)
            mark = annotations(after).get(_ESCALATED)
            if mark and annotations(before).get(_ESCALATED) != mark:
                yield Line("platelet", f"{name} is annotated {_ESCALATED}: {json.loads(mark)['reason']}")
        if rolled_out(after):
            replicas = after["spec"]["replicas"]
            rollout = (after["metadata"]["uid"], image(after), _restarted_at(after), replicas)
            if rollout not in self.rollouts:
                self.rollouts.add(rollout)
                yield Line("cluster", f"{name}: {replicas} of {replicas} pods ready, running {image(after)}")

    def _pod(self, _before: Obj, after: Obj) -> Iterator[Line]:
        template = (after["metadata"].get("labels") or {}).get("pod-template-hash", "")
        known = self.crashes.get(template, 0)
        for container in after.get("status", {}).get("containerStatuses", ()):
            count = container["restartCount"]
            if known < count <= _TOLD_CRASHES:
                self.crashes[template] = count
                times = "once" if count == 1 else f"{count} times"
                yield Line("cluster", f"pods of {container['image']} crash: restarted {times}")


def brief(text: str) -> str:
    """The same with the time of day alone: all of it happens within minutes."""
    return _MOMENT.sub(r"\1", text)


def image(workload: Obj) -> str:
    """The image of the one container."""
    name: str = workload["spec"]["template"]["spec"]["containers"][0]["image"]
    return name


def annotations(obj: Obj) -> Mapping[str, str]:
    """Those of the object itself."""
    marks: Mapping[str, str] = obj["metadata"].get("annotations") or {}
    return marks


def rolled_out(deployment: Obj) -> bool:
    """Whether every pod has the template and is available at this moment."""
    status, wanted = deployment.get("status", {}), deployment["spec"]["replicas"]
    counts = {status.get(field, 0) for field in ("replicas", "updatedReplicas", "availableReplicas")}
    return status.get("observedGeneration", 0) >= deployment["metadata"]["generation"] and counts == {wanted}


def _restarted_at(deployment: Obj) -> str:
    metadata = deployment["spec"]["template"].get("metadata") or {}
    stamp: str = (metadata.get("annotations") or {}).get(_RESTARTED_AT, "")
    return stamp


def _spec_changes(name: str, before: Obj, after: Obj) -> Iterator[Line]:
    if image(before) != image(after):
        yield Line("cluster", f"{name}: image {image(before)} -> {image(after)}")
    if before["spec"]["replicas"] != after["spec"]["replicas"]:
        yield Line("cluster", f"{name}: replicas {before['spec']['replicas']} -> {after['spec']['replicas']}")
    if _restarted_at(before) != _restarted_at(after):
        yield Line("cluster", f"{name}: all pods are replaced by new ones of the same image")


def _remediation(before: Obj, after: Obj) -> Iterator[Line]:
    name, signal = after["metadata"]["name"], after["spec"]["signal"]
    if not before:
        yield Line("platelet", f"opens Remediation {name}: {signal['reason']}: {signal['message']}")
    old, new = before.get("status") or {}, after.get("status") or {}
    yield from _evidence(old, new)
    yield from _decisions(old, new)
    yield from _attempts(old, new)
    if new.get("state") != old.get("state"):
        yield from _state(name, new)
    if _is_told(new) and not _is_told(old):
        yield Line("platelet", "the webhook has taken the escalation")


def _is_told(status: Mapping[str, Any]) -> bool:
    return any(
        (notification["sink"], notification["kind"], notification.get("state")) == ("webhook", "Escalated", "Delivered")
        for notification in status.get("notifications") or ()
    )


def _evidence(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Line]:
    resolved = {fact["fingerprint"] for fact in old.get("evidence", ()) if fact.get("resolvedAt")}
    for fact in new.get("evidence", ()):
        if fact.get("resolvedAt") and fact["fingerprint"] not in resolved:
            yield Line("platelet", f"notes that {fact['reason']} has resolved")


def _decisions(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Line]:
    """Each question and each no, once: by which step or guard, and why. What was intended is told by the attempts."""
    known = {(decision["step"], decision["by"], decision["reason"]) for decision in old.get("decisions", ())}
    for decision in new.get("decisions", ()):
        is_told_otherwise = decision["by"] in _TOLD_OTHERWISE or decision["reason"] in ("Intended", "Written")
        if is_told_otherwise or (decision["step"], decision["by"], decision["reason"]) in known:
            continue
        if decision["by"] == "approval":
            asks = "asks: " if decision["reason"] == "ApprovalNeeded" else ""
            yield Line("platelet", asks + decision["message"])
        else:
            yield Line("platelet", f"step {decision['step']}: no: {decision['reason']}: {decision['message']}")


def _attempts(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Line]:
    known = {attempt["id"]: attempt for attempt in old.get("attempts", ())}
    for attempt in new.get("attempts", ()):
        was = known.get(attempt["id"], {})
        if not was:
            yield Line("platelet", attempt["summary"])
        if attempt["phase"] != was.get("phase") and attempt["phase"] not in ("Intended", "Done"):
            yield Line("platelet", f"the attempt came to nothing: {attempt['phase']}: {attempt.get('message', '')}")
        if attempt.get("verdict") and not was.get("verdict"):
            yield Line("platelet", f"verified: {attempt['verdict']}: {attempt.get('verdictMessage', '')}")


def _state(name: str, status: Mapping[str, Any]) -> Iterator[Line]:
    match status.get("state"):
        case "Verifying":
            yield Line("platelet", "written; verifies whether it helped")
        case "Escalated":
            yield Line("platelet", f"escalates to people and stops: {status['reason']}: {status['message']}")
        case "Monitoring":
            yield Line("platelet", f"{name} is Recovered, and watched for a recurrence")
        case "Closed":
            yield Line("platelet", f"{name} is closed: {status['reason']}")


def _revision_record(before: Obj, after: Obj) -> Iterator[Line]:
    health = annotations(after).get(_HEALTH)
    was = annotations(before).get(_HEALTH) if before else "Unknown"
    if health and health != was:
        name = after["data"]["template"]["spec"]["containers"][0]["image"]
        yield Line("platelet", f"remembers the template with {name} as {health}")


def _event(_before: Obj, after: Obj) -> Iterator[Line]:
    regarding = after["regarding"]
    if after.get("reportingController") == _OPERATOR and regarding["kind"] == "Deployment":  # the policy gets the same
        yield Line("platelet", f"Event {after['type']} {after['reason']} on {regarding['kind']} {regarding['name']}")


def _policy(before: Obj, after: Obj) -> Iterator[Line]:
    if is_true(after, "Ready") and not is_true(before, "Ready"):
        yield Line("platelet", f"RemediationPolicy {after['metadata']['name']} is Ready")


def is_true(obj: Obj, condition: str) -> bool:
    """Whether a condition of the object's status is True."""
    conditions = (obj.get("status") or {}).get("conditions", ())
    return any(known["type"] == condition and known["status"] == "True" for known in conditions)
