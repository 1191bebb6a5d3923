"""What earlier versions have stored of an attempt, read as changes: one state before, and one after, of all at once.

It is read wherever it is still on record, and never written. Its fields stay in the CRDs, or the API server would drop
them before anybody could read them.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from platelet.api.kinds import earlier_words
from platelet.api.readers import lenient
from platelet.changes import autoscaler_bounds, on_target, replicas, restart_stamp, restored_template
from platelet.model.intent import RECORD, REPLICAS, RESTART_STAMP, TEMPLATE
from platelet.model.resource import SCALERS

Raw = Mapping[str, Any]
_ANY: Final = {
    "type": "object",
    "description": "As an earlier version has stored it. It is read, and never written.",
    "x-kubernetes-preserve-unknown-fields": True,
}
_TEXT: Final = {**{key: _ANY[key] for key in ("description",)}, "type": "string", "maxLength": 256}
FIELDS: Final[Mapping[str, Iterable[tuple[tuple[str, ...], Mapping[str, Any]]]]] = {
    "Remediation": (
        (("undoing",), _TEXT),
        (("takenBackAt",), _TEXT),
        (("attempts", "takeBack"), _ANY),
        (("attempts", "post"), _ANY),
        (("attempts", "pre", "autoscaler"), _ANY),
        (("attempts", "pre", "autoscalerVersion"), _TEXT),
        (("approval", "post"), _ANY),
        (("approval", "pre", "autoscaler"), _ANY),
        (("approval", "pre", "autoscalerVersion"), _TEXT),
    ),
    "ActionBudget": ((("entries", "takeBack"), _ANY),),
}
"""By kind: where in its status, through lists, and what the CRD says of it."""


def read_status(status: Raw) -> Raw:
    """The status of a Remediation, as this version would have written it."""
    status = earlier_words.read_status(status)
    attempts, approval = status.get("attempts"), status.get("approval")
    if isinstance(attempts, list):
        status = {**status, "attempts": [_with_changes(attempt) for attempt in attempts]}
    return {**status, "approval": _with_changes(approval)} if isinstance(approval, Mapping) else status


def read_budget_status(status: Raw) -> Raw:
    """The status of an ActionBudget, as this version would have written it."""
    status = earlier_words.read_budget_status(status)
    entries = status.get("entries")
    if not isinstance(entries, list):
        return status
    return {**status, "entries": [_with_lent(entry) for entry in entries]}


def _with_changes(attempt: Any) -> Any:
    if not isinstance(attempt, Mapping) or "changes" in attempt or "post" not in attempt:
        return attempt
    pre, post = lenient.mapping(attempt.get("pre")), lenient.mapping(attempt["post"])
    version = lenient.text(pre.get("autoscalerVersion")) if "autoscaler" in post else str(pre.get("generation", ""))
    change = _change(pre, post, uid=lenient.text(pre.get("uid")), version=version)
    return {**attempt, "changes": [change]}


def _with_lent(entry: Any) -> Any:
    lent = lenient.mapping(entry).get("revert")
    if not isinstance(lent, Mapping) or "changes" in lent or "ours" not in lent:
        return entry
    before, ours = lenient.mapping(lent.get("before")), lenient.mapping(lent["ours"])
    change = _change(before, ours, uid=lenient.text(lent.get("uid")), version="")
    return {**entry, "revert": {"action": "scale", **lent, "changes": [change]}}


def _change(before: Raw, after: Raw, *, uid: str, version: str) -> Raw:
    """The one change that made this state of that one: no version has ever stored several."""
    autoscaler = after.get("autoscaler")
    if isinstance(autoscaler, Mapping):
        return _bounds(lenient.mapping(before.get("autoscaler")), autoscaler, version)
    known = {"uid": uid, "version": version}
    stuck = {on_target.STUCK_PODS: on_target.REPLACED} if after.get("replaceStuckPods") else {}
    if "templateHash" in after:
        left, record = str(before.get("templateHash", "")), lenient.text(after.get("record"))
        meant = {TEMPLATE: str(after["templateHash"])}
        how = {RECORD: record, **stuck}
        change = {"kind": restored_template.KIND, "before": {TEMPLATE: left}, "meant": meant}
        return {**known, **change, "how": how, "abandons": left}
    if "replicas" in after:
        number = {REPLICAS: str(before.get("replicas", 0))}
        return {**known, "kind": replicas.KIND, "before": number, "meant": {REPLICAS: str(after["replicas"])}}
    stamp = {RESTART_STAMP: lenient.text(before.get("restartStamp"))}
    meant = {RESTART_STAMP: lenient.text(after.get("restartStamp"))}
    return {**known, "kind": restart_stamp.KIND, "before": stamp, "meant": meant, "how": stuck}


def _bounds(before: Raw, after: Raw, version: str) -> Raw:
    named = next((named for named in SCALERS.values() if named.kind == after.get("kind")), None)
    if named is None:
        return {"kind": autoscaler_bounds.KIND}
    return {
        "kind": autoscaler_bounds.KIND,
        "object": {"apiVersion": named.api_version, "kind": named.kind, "name": after.get("name")},
        "uid": lenient.text(after.get("uid")),
        "version": version,
        "before": _numbers(before),
        "meant": _numbers(after),
    }


def _numbers(bounds: Raw) -> dict[str, str]:
    names = (autoscaler_bounds.MIN, autoscaler_bounds.MAX)
    return {name: str(bounds[name]) for name in names if bounds.get(name) is not None}
