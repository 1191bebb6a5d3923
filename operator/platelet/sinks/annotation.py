"""The annotation on the workload: people with kubectl see that automation has stopped, and which record says why.

It is a mark, never state: Kubernetes copies it to ReplicaSets and a later undo brings it back (TRAPS 42). So it carries
the Remediation's uid, and one that names no open Remediation is scrubbed.
"""

import json
from collections.abc import Collection

from platelet.model.durations import format_time
from platelet.model.effects import Annotate
from platelet.model.notice import Notice
from platelet.model.remediation import Remediation
from platelet.model.rules import Sink
from platelet.model.workload import Workload

KEY = "platelet.dev/escalated"


def tells(notice: Notice) -> bool:
    """The escalation itself, and that it is over. What people hear of it later leaves the mark as it is."""
    workload, remediation = notice.workload, notice.remediation
    if workload is None or workload.deleting or remediation is None:
        return False
    if notice.kind == "Resolved":
        return KEY in workload.annotations and named_uid(workload) in ("", remediation.uid)
    escalation = remediation.status.escalation
    return notice.kind == "Escalated" and (escalation is None or notice.occasion == escalation.occasion)


def render(notice: Notice) -> tuple[Annotate, ...]:
    """Set the mark for an escalation, remove it for a resolution; nothing where it already is so."""
    workload, remediation = notice.workload, notice.remediation
    if workload is None or remediation is None or not tells(notice):
        return ()
    value = _value(notice, remediation) if notice.kind == "Escalated" else None
    if workload.annotations.get(KEY) == value:
        return ()
    return (_write(workload, value, remediation.uid),)


def scrub(workload: Workload, open_uids: Collection[str]) -> tuple[Annotate, ...]:
    """Remove a mark that names none of the open Remediations: an undo by hand has brought it back."""
    if workload.deleting or KEY not in workload.annotations or named_uid(workload) in open_uids:
        return ()
    return (_write(workload, None, named_uid(workload) or "unknown"),)


def named_uid(workload: Workload) -> str:
    """Read the uid of the Remediation that the mark names; empty when there is none or it cannot be read."""
    try:
        value = json.loads(workload.annotations.get(KEY, ""))
    except (ValueError, RecursionError):
        return ""
    uid = value.get("uid") if isinstance(value, dict) else None
    return uid if isinstance(uid, str) else ""


def _value(notice: Notice, remediation: Remediation) -> str:
    mark = {
        "reason": notice.reason,
        "time": format_time(notice.at),
        "remediation": remediation.name,
        "uid": remediation.uid,
    }
    return json.dumps(mark, separators=(",", ":"))


def _write(workload: Workload, value: str | None, uid: str) -> Annotate:
    return Annotate(
        target=workload.ref,
        uid=workload.uid,
        resource_version=workload.resource_version,
        key=KEY,
        value=value,
        agent=f"{uid}/escalated",
    )


SINK = Sink(name="annotation", tells=tells, render=render, kept=True, marks=True)
