"""What an act claims, judged on every version that the cluster's objects have had.

Each function gives the evidence in words, or nothing while it is not there. None is content with how things are now: an
undo needs the bad template before it, a revert the larger number before it and the resolved alert.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.cluster.audit import AuditEvent
from tests.demo.narration import annotations, image, is_true, rolled_out
from tests.demo.watching import Obj, Seen

_OPERATOR = "platelet"


def released(seen: Seen, name: str, wanted: str) -> str:
    """The Deployment runs this image on every pod."""
    versions = seen.of("Deployment", name)
    if not versions or image(versions[-1]) != wanted or not rolled_out(versions[-1]):
        return ""
    return f"{versions[-1]['spec']['replicas']} pods available"


def remembered(seen: Seen, wanted: str) -> str:
    """A revision record says that the template with this image is healthy."""
    for record in seen.latest("ControllerRevision"):
        if (
            record["data"]["template"]["spec"]["containers"][0]["image"] == wanted
            and annotations(record).get("platelet.dev/health") == "Healthy"
        ):
            return f"ControllerRevision {record['metadata']['name']}"
    return ""


def crash_looped(seen: Seen, name: str, bad: str, restarts: int) -> str:
    """The Deployment had the bad image, and a pod of it was restarted so often and in CrashLoopBackOff."""
    if all(image(version) != bad for version in seen.of("Deployment", name)):
        return ""
    waiting, most = False, 0
    for pod in seen.ever("Pod"):
        for container in pod.get("status", {}).get("containerStatuses", ()):
            if container["image"] == bad:
                most = max(most, container["restartCount"])
                waiting |= container["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff"
    return f"{most} restarts, CrashLoopBackOff" if waiting and most >= restarts else ""


def undone(seen: Seen, name: str, bad: str, good: str) -> str:
    """After the bad image the good one is back, and a rolloutUndo of a Remediation did it."""
    images = [image(version) for version in seen.of("Deployment", name)]
    if bad not in images or images[-1] != good:
        return ""
    done = [attempt for attempt in _attempts(seen) if attempt["action"] == "rolloutUndo" and attempt["phase"] == "Done"]
    return f"attempt {_short(done[-1]['id'])}" if done else ""


def recovered(seen: Seen, name: str) -> str:
    """The one Remediation of this target is Recovered by a verified attempt."""
    remediation = _remediation(seen, name)
    acts = [attempt for attempt in _attempts(seen) if attempt["kind"] == "Act"]
    if (
        remediation is None
        or not is_true(remediation, "Recovered")
        or not acts
        or acts[-1].get("verdict") != "Recovered"
    ):
        return ""
    return f"{remediation['metadata']['name']}: {acts[-1]['verdictMessage']}"


def only_healthy_pods(pods: Sequence[Obj], wanted: str, count: int) -> str:
    """As many pods as asked for, all of this image, ready, never restarted."""
    alive = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    statuses = [status for pod in alive for status in pod.get("status", {}).get("containerStatuses", ())]
    good = [
        status for status in statuses if status["image"] == wanted and status["ready"] and not status["restartCount"]
    ]
    return f"{count} ready, 0 restarts" if len(alive) == len(statuses) == len(good) == count else ""


def scaled(seen: Seen, name: str, before: int, after: int) -> str:
    """The replicas went from the one number to the other, all pods are there, and a scale of a Remediation did it."""
    numbers = _replicas(seen, name)
    done = [attempt for attempt in _attempts(seen) if (attempt["action"], attempt["phase"]) == ("scale", "Done")]
    if numbers != [before, after] or not done or not rolled_out(seen.of("Deployment", name)[-1]):
        return ""
    return f"attempt {_short(done[-1]['id'])}: {done[-1]['summary']}"


def still_scaled(seen: Seen, name: str, before: int, after: int) -> str:
    """Nothing was reverted, and the verification is still under way."""
    remediation = _remediation(seen, name)
    attempts = list(_attempts(seen))
    if (
        remediation is None
        or _replicas(seen, name) != [before, after]
        or len(attempts) != 1
        or attempts[0].get("verdict")
    ):
        return ""
    return f"{remediation['status']['state']}: {remediation['status'].get('message', '')}"


def reverted(seen: Seen, name: str, before: int, after: int) -> str:
    """The replicas went up and down again, after the alert had resolved and before time alone would have done it."""
    act = next((attempt for attempt in _attempts(seen) if attempt["kind"] == "Act"), None)
    back = next(
        (attempt for attempt in _attempts(seen) if attempt["kind"] == "Revert" and attempt["phase"] == "Done"), None
    )
    remediation = _remediation(seen, name)
    if _replicas(seen, name) != [before, after, before] or act is None or back is None or remediation is None:
        return ""
    resolved = [fact.get("resolvedAt") for fact in remediation["status"]["evidence"]]
    # Times of one form in UTC, so their text is in their order.
    in_time = back["intendedAt"] < act["revert"]["dueAt"]
    return f"attempt {_short(back['id'])}: {back['summary']}" if all(resolved) and in_time else ""


def refused(seen: Seen, name: str, step: str, reason: str) -> str:
    """A decision on record names the step and the reason."""
    remediation = _remediation(seen, name)
    for decision in remediation["status"].get("decisions", ()) if remediation else ():
        if (decision["step"], decision["reason"]) == (step, reason):
            return f"{reason}: {decision['message']}"
    return ""


def failed(seen: Seen, action: str) -> str:
    """An attempt with this action was carried out, and was judged as no help."""
    for attempt in _attempts(seen):
        if (attempt["action"], attempt["phase"], attempt.get("verdict")) == (action, "Done", "Failed"):
            return f"attempt {_short(attempt['id'])}: {attempt['verdictMessage']}"
    return ""


def escalated(seen: Seen, name: str) -> str:
    """The Remediation is Escalated, and the workload's annotation names exactly it."""
    remediation, workload = _remediation(seen, name), seen.of("Deployment", name)
    mark = annotations(workload[-1]).get("platelet.dev/escalated") if workload else None
    if remediation is None or mark is None or not is_true(remediation, "Escalated"):
        return ""
    named: Mapping[str, str] = json.loads(mark)
    mark_text = f"platelet.dev/escalated: {named['reason']}, by {named['remediation']}"
    return mark_text if named["uid"] == remediation["metadata"]["uid"] else ""


def events_on(seen: Seen, *kinds: str) -> str:
    """The operator has published an Event of reason Escalated on an object of each kind."""
    regarded = {
        event["regarding"]["kind"]
        for event in seen.latest("Event")
        if (event.get("reportingController"), event["reason"]) == ("platelet.dev/operator", "Escalated")
    }
    return f"on {' and '.join(kinds)}" if regarded.issuperset(kinds) else ""


def told(seen: Seen, name: str, received: Iterable[Mapping[str, Any]]) -> str:
    """The webhook was sent this very escalation, and the Remediation knows that it arrived."""
    remediation = _remediation(seen, name)
    if remediation is None:
        return ""
    uid = remediation["metadata"]["uid"]
    known = (remediation.get("status") or {}).get("notifications") or ()
    if (f"{uid}/escalated", "webhook", "Delivered") not in {(n["id"], n["sink"], n.get("state")) for n in known}:
        return ""
    for notice in received:
        if notice.get("id") == f"{uid}/escalated" and notice["data"]["target"]["name"] == name:
            return f"{notice['type']}: {notice['data']['reason']}"
    return ""


def called(seen: Seen, name: str, kind: str, received: Iterable[Mapping[str, Any]]) -> str:
    """Somebody was sent a notice of this kind about this target's Remediation."""
    remediation = _remediation(seen, name)
    for notice in received:
        is_kind = notice["type"] == f"dev.platelet.remediation.{kind}"
        if remediation is not None and is_kind and remediation["metadata"]["uid"] in notice["id"]:
            return f"{notice['type']}: {notice['data']['reason']}"
    return ""


def asked(seen: Seen, name: str, action: str) -> str:
    """The Remediation shows the plan of this action and awaits a person's answer."""
    remediation = _remediation(seen, name)
    plan = (remediation["status"].get("approval") or {}) if remediation else {}
    if remediation is None or remediation["status"].get("state") != "AwaitingApproval" or plan.get("action") != action:
        return ""
    return f"AwaitingApproval: {plan['summary']}"


def written_after_yes(log: Iterable[AuditEvent], namespace: str, seen: Seen, approver: str) -> str:
    """By the audit log: one write to a workload, later than the person's annotation, whose name its attempt bears."""
    events = list(log)
    yes = [
        event.timestamp
        for event in events
        if (event.user, event.namespace, event.resource, event.verb) == (approver, namespace, "remediations", "patch")
        and event.code < 300
    ]
    writes = [event.timestamp for event in events if any(at["id"] in event.user_agent for at in _attempts(seen))]
    named = all(attempt.get("approvedBy") == approver for attempt in _attempts(seen))
    if not yes or not named or not written(events, namespace, seen, 1) or min(writes) <= max(yes):
        return ""
    return f"approved by {approver}, written {(min(writes) - max(yes)).total_seconds():.1f} s later"


def written(log: Iterable[AuditEvent], namespace: str, seen: Seen, expected: int) -> str:
    """By the audit log: exactly so many writes to workloads, each with the id of its attempt."""
    writes = [
        event
        for event in log
        if event.is_write
        and (event.user, event.namespace, event.api_group) == (_OPERATOR, namespace, "apps")
        and event.resource != "controllerrevisions"
        and event.code < 300
    ]
    acted = [write for write in writes if any(attempt["id"] in write.user_agent for attempt in _attempts(seen))]
    others = [write for write in writes if write not in acted and "/escalated" not in write.user_agent]
    if len(acted) != expected or others or len(list(_attempts(seen))) != expected:
        return ""
    return f"{expected} by {_OPERATOR}"


def _attempts(seen: Seen) -> Iterable[Mapping[str, Any]]:
    return (
        attempt
        for remediation in seen.latest("Remediation")
        for attempt in (remediation.get("status") or {}).get("attempts", ())
    )


def _remediation(seen: Seen, name: str) -> Obj | None:
    """The Remediation of this target; None when there is none, or more than one."""
    remediations = [
        remediation for remediation in seen.latest("Remediation") if remediation["spec"]["targetRef"]["name"] == name
    ]
    return remediations[0] if len(remediations) == 1 and remediations[0].get("status") else None


def _replicas(seen: Seen, name: str) -> list[int]:
    """The numbers of replicas that the Deployment was given, one after the other."""
    numbers: list[int] = []
    for version in seen.of("Deployment", name):
        if not numbers or numbers[-1] != version["spec"]["replicas"]:
            numbers.append(version["spec"]["replicas"])
    return numbers


def _short(attempt: str) -> str:
    """An attempt's id without most of its Remediation's uid."""
    return attempt[:8] + attempt[36:]
