"""What earlier versions have stored of an attempt is read as the changes that it was."""

from typing import Any

import pytest

from platelet.api.generation import crds
from platelet.api.kinds import budget as budgets
from platelet.api.kinds import earlier_intents, invalid
from platelet.api.kinds import remediation as remediations
from tests.unit.pins import Changes, bounds_set, restarted, restored, scaled
from tests.unit.situations import bounds

METADATA = {"namespace": "shop", "name": "deployment-api-1", "uid": "rem-1", "resourceVersion": "5"}
SPEC = {
    "targetRef": {"kind": "Deployment", "name": "api"},
    "policyRef": {"name": "heal"},
    "runbookRef": {"name": "heal"},
    "mode": "Enforce",
    "signal": {
        "source": "pod",
        "reason": "CrashLoopBackOff",
        "fingerprint": "pod/CrashLoopBackOff",
        "message": "m",
        "firstSeen": "2026-11-21T12:00:00Z",
        "lastSeen": "2026-11-21T12:00:00Z",
    },
}
PRE = {"uid": "uid-api", "generation": 2, "templateHash": "bad", "replicas": 2}
BOUNDS = {"kind": "HorizontalPodAutoscaler", "name": "api-hpa", "uid": "uid-hpa", "min": 2, "max": 10}
EARLIER: dict[str, tuple[dict[str, Any], dict[str, Any], Changes]] = {
    "an undo": (PRE, {"templateHash": "good", "record": "api-good"}, restored("good", "api-good")),
    "an undo that replaces stuck pods": (
        PRE,
        {"templateHash": "good", "record": "r", "replaceStuckPods": True},
        restored("good", "r", stuck=True),
    ),
    "a restart": (PRE, {"restartStamp": "s", "replaceStuckPods": True}, restarted("s", stuck=True)),
    "a number": (PRE, {"replicas": 5}, scaled(5)),
    "a number that was nothing": ({**PRE, "replicas": 0}, {"replicas": 1}, scaled(1, before=0)),
    "bounds": (
        {**PRE, "autoscaler": BOUNDS, "autoscalerVersion": "77"},
        {"autoscaler": {**BOUNDS, "min": 8}},
        bounds_set(bounds(8, 10), bounds(2, 10), version="77"),
    ),
}


def an_attempt(pre: dict[str, Any], post: dict[str, Any]) -> dict[str, Any]:
    known = {"id": "rem-1/0/1", "step": 0, "action": "scale", "summary": "s", "intendedAt": "2026-11-21T12:00:00Z"}
    return {**known, "pre": pre, "post": post}


@pytest.mark.parametrize(("pre", "post", "expected"), EARLIER.values(), ids=EARLIER)
def test_an_attempt_is_read_as_its_change(pre: dict[str, Any], post: dict[str, Any], expected: Changes) -> None:
    obj = {"metadata": METADATA, "spec": SPEC, "status": {"attempts": [an_attempt(pre, post)]}}
    (attempt,) = remediations.read_remediation(obj).status.attempts
    assert attempt.changes == expected
    assert attempt.write_id == attempt.id


def test_what_was_lent_is_still_owed() -> None:
    """Of that version only a scale ever lent something."""
    lent = {"ours": {"replicas": 5}, "before": {"replicas": 2}, "uid": "uid-api"}
    target = {"kind": "Deployment", "namespace": "shop", "name": "api"}
    known = {"id": "rem-1/0/1", "policy": "shop/heal", "epoch": 1, "reservedAt": "2026-11-21T12:00:00Z"}
    status = {"epoch": 1, "entries": [{**known, "target": target, "takeBack": lent}]}
    (entry,) = budgets.read_budget({"metadata": METADATA, "status": status}).status.entries
    assert entry.revert is not None
    assert entry.revert.action == "scale"
    assert [(change.before, change.meant) for change in entry.revert.changes] == [
        (change.before, change.meant) for change in scaled(5, before=2)
    ]


NOT_UNDERSTOOD: dict[str, Any] = {
    "a kind of a newer version": {"kind": "SetService", "meant": {"selector": "x"}},
    "a number that is none": {"kind": "SetReplicas", "before": {"replicas": "2"}, "meant": {"replicas": "many"}},
    "a template without one": {"kind": "RestoreTemplate", "meant": {}},
    "bounds of nothing": {"kind": "SetBounds", "meant": {"min": "2"}},
}


@pytest.mark.parametrize("change", NOT_UNDERSTOOD.values(), ids=NOT_UNDERSTOOD)
def test_what_is_not_understood_is_refused_and_not_guessed(change: dict[str, Any]) -> None:
    """Nothing is done on such a record, whoever wrote it (I28)."""
    attempt = {**an_attempt(PRE, {}), "changes": [change]}
    with pytest.raises(invalid.InvalidSpec, match=r"status.attempts\[0\].changes\[0\]"):
        remediations.read_remediation({"metadata": METADATA, "spec": SPEC, "status": {"attempts": [attempt]}})


@pytest.mark.parametrize("changes", [[], [{"kind": "SetReplicas", "meant": {"replicas": "1"}}] * 2])
def test_an_attempt_has_a_change_to_make(changes: list[Any]) -> None:
    attempt = {**an_attempt(PRE, {}), "changes": changes, "made": 2}
    with pytest.raises(invalid.InvalidSpec):
        remediations.read_remediation({"metadata": METADATA, "spec": SPEC, "status": {"attempts": [attempt]}})


def test_the_crds_keep_what_was_stored() -> None:
    """Else the API server would drop it before anybody could read it."""
    for kind, fields in earlier_intents.FIELDS.items():
        schema = crds.build_crd(crds.BY_NAME[kind])["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        for path, field in fields:
            place = schema["properties"]["status"]
            for name in path:
                place = place["properties"][name]
                place = place.get("items", place)
            assert place == field
