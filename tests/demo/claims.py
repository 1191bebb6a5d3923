"""What an act claims, judged on every version that the cluster's objects have had.

Each function gives the evidence in words, or nothing while it is not there. None is content with how things are now: an
undo needs the bad template before it, a take-back the larger number before it and the resolved alert.
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
    found = seen.of("Deployment", name)
    if not found or image(found[-1]) != wanted or not rolled_out(found[-1]):
        return ""
    return f"{found[-1]['spec']['replicas']} pods available"


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
    if all(image(each) != bad for each in seen.of("Deployment", name)):
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
    images = [image(each) for each in seen.of("Deployment", name)]
    if bad not in images or images[-1] != good:
        return ""
    done = [each for each in _attempts(seen) if each["action"] == "rolloutUndo" and each["phase"] == "Done"]
    return f"attempt {_short(done[-1]['id'])}" if done else ""


def recovered(seen: Seen, name: str) -> str:
    """The one Remediation of this target is Recovered by a verified attempt."""
    found = _remediation(seen, name)
    acts = [each for each in _attempts(seen) if each["kind"] == "Act"]
    if found is None or not is_true(found, "Recovered") or not acts or acts[-1].get("verdict") != "Recovered":
        return ""
    return f"{found['metadata']['name']}: {acts[-1]['verdictMessage']}"


def only_healthy_pods(pods: Sequence[Obj], wanted: str, count: int) -> str:
    """As many pods as asked for, all of this image, ready, never restarted."""
    alive = [each for each in pods if not each["metadata"].get("deletionTimestamp")]
    statuses = [status for each in alive for status in each.get("status", {}).get("containerStatuses", ())]
    good = [each for each in statuses if each["image"] == wanted and each["ready"] and not each["restartCount"]]
    return f"{count} ready, 0 restarts" if len(alive) == len(statuses) == len(good) == count else ""


def scaled(seen: Seen, name: str, before: int, after: int) -> str:
    """The replicas went from the one number to the other, all pods are there, and a scale of a Remediation did it."""
    numbers = _replicas(seen, name)
    done = [each for each in _attempts(seen) if (each["action"], each["phase"]) == ("scale", "Done")]
    if numbers != [before, after] or not done or not rolled_out(seen.of("Deployment", name)[-1]):
        return ""
    return f"attempt {_short(done[-1]['id'])}: {done[-1]['summary']}"


def still_scaled(seen: Seen, name: str, before: int, after: int) -> str:
    """Nothing was taken back, and the verification is still under way."""
    found = _remediation(seen, name)
    attempts = list(_attempts(seen))
    if found is None or _replicas(seen, name) != [before, after] or len(attempts) != 1 or attempts[0].get("verdict"):
        return ""
    return f"{found['status']['state']}: {found['status'].get('message', '')}"


def taken_back(seen: Seen, name: str, before: int, after: int) -> str:
    """The replicas went up and down again, after the alert had resolved and before time alone would have done it."""
    act = next((each for each in _attempts(seen) if each["kind"] == "Act"), None)
    back = next((each for each in _attempts(seen) if each["kind"] == "TakeBack" and each["phase"] == "Done"), None)
    found = _remediation(seen, name)
    if _replicas(seen, name) != [before, after, before] or act is None or back is None or found is None:
        return ""
    resolved = [each.get("resolvedAt") for each in found["status"]["evidence"]]
    # Times of one form in UTC, so their text is in their order.
    in_time = back["intendedAt"] < act["takeBack"]["dueAt"]
    return f"attempt {_short(back['id'])}: {back['summary']}" if all(resolved) and in_time else ""


def refused(seen: Seen, name: str, step: str, reason: str) -> str:
    """A decision on record names the step and the reason."""
    found = _remediation(seen, name)
    for each in found["status"].get("decisions", ()) if found else ():
        if (each["step"], each["reason"]) == (step, reason):
            return f"{reason}: {each['message']}"
    return ""


def failed(seen: Seen, action: str) -> str:
    """An attempt with this action was carried out, and was judged as no help."""
    for each in _attempts(seen):
        if (each["action"], each["phase"], each.get("verdict")) == (action, "Done", "Failed"):
            return f"attempt {_short(each['id'])}: {each['verdictMessage']}"
    return ""


def escalated(seen: Seen, name: str) -> str:
    """The Remediation is Escalated, and the workload's annotation names exactly it."""
    found, workload = _remediation(seen, name), seen.of("Deployment", name)
    mark = annotations(workload[-1]).get("platelet.dev/escalated") if workload else None
    if found is None or mark is None or not is_true(found, "Escalated"):
        return ""
    named: Mapping[str, str] = json.loads(mark)
    said = f"platelet.dev/escalated: {named['reason']}, by {named['remediation']}"
    return said if named["uid"] == found["metadata"]["uid"] else ""


def events_on(seen: Seen, *kinds: str) -> str:
    """The operator has published an Event of reason Escalated on an object of each kind."""
    found = {
        each["regarding"]["kind"]
        for each in seen.latest("Event")
        if (each.get("reportingController"), each["reason"]) == ("platelet.dev/operator", "Escalated")
    }
    return f"on {' and '.join(kinds)}" if found.issuperset(kinds) else ""


def told(seen: Seen, name: str, received: Iterable[Mapping[str, Any]]) -> str:
    """The webhook was sent this very escalation, and the Remediation knows that it arrived."""
    found = _remediation(seen, name)
    if found is None or not ((found.get("status") or {}).get("escalation") or {}).get("delivered"):
        return ""
    uid = found["metadata"]["uid"]
    for each in received:
        if each.get("id") == f"{uid}/escalated" and each["data"]["target"]["name"] == name:
            return f"{each['type']}: {each['data']['reason']}"
    return ""


def asked(seen: Seen, name: str, action: str) -> str:
    """The Remediation shows the plan of this action and awaits a person's answer."""
    found = _remediation(seen, name)
    plan = (found["status"].get("approval") or {}) if found else {}
    if found is None or found["status"].get("state") != "AwaitingApproval" or plan.get("action") != action:
        return ""
    return f"AwaitingApproval: {plan['summary']}"


def written_after_yes(log: Iterable[AuditEvent], namespace: str, seen: Seen, approver: str) -> str:
    """By the audit log: one write to a workload, later than the person's annotation, whose name its attempt bears."""
    events = list(log)
    yes = [
        each.timestamp
        for each in events
        if (each.user, each.namespace, each.resource, each.verb) == (approver, namespace, "remediations", "patch")
        and each.code < 300
    ]
    writes = [each.timestamp for each in events if any(at["id"] in each.user_agent for at in _attempts(seen))]
    named = all(each.get("approvedBy") == approver for each in _attempts(seen))
    if not yes or not named or not written(events, namespace, seen, 1) or min(writes) <= max(yes):
        return ""
    return f"approved by {approver}, written {(min(writes) - max(yes)).total_seconds():.1f} s later"


def written(log: Iterable[AuditEvent], namespace: str, seen: Seen, expected: int) -> str:
    """By the audit log: exactly so many writes to workloads, each with the id of its attempt."""
    writes = [
        each
        for each in log
        if each.is_write
        and (each.user, each.namespace, each.api_group) == (_OPERATOR, namespace, "apps")
        and each.resource != "controllerrevisions"
        and each.code < 300
    ]
    acted = [each for each in writes if any(attempt["id"] in each.user_agent for attempt in _attempts(seen))]
    others = [each for each in writes if each not in acted and "/escalated" not in each.user_agent]
    if len(acted) != expected or others or len(list(_attempts(seen))) != expected:
        return ""
    return f"{expected} by {_OPERATOR}"


def _attempts(seen: Seen) -> Iterable[Mapping[str, Any]]:
    return (each for found in seen.latest("Remediation") for each in (found.get("status") or {}).get("attempts", ()))


def _remediation(seen: Seen, name: str) -> Obj | None:
    """The Remediation of this target; None when there is none, or more than one."""
    found = [each for each in seen.latest("Remediation") if each["spec"]["targetRef"]["name"] == name]
    return found[0] if len(found) == 1 and found[0].get("status") else None


def _replicas(seen: Seen, name: str) -> list[int]:
    """The numbers of replicas that the Deployment was given, one after the other."""
    numbers: list[int] = []
    for each in seen.of("Deployment", name):
        if not numbers or numbers[-1] != each["spec"]["replicas"]:
            numbers.append(each["spec"]["replicas"])
    return numbers


def _short(attempt: str) -> str:
    """An attempt's id without most of its Remediation's uid."""
    return attempt[:8] + attempt[36:]
