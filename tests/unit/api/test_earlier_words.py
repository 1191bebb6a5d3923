"""What earlier versions have stored of a revert, by the words of then, is the obligation that it was."""

from typing import Any

import pytest

from platelet.api.kinds import budget as budgets
from platelet.api.kinds import invalid, runbook
from platelet.api.kinds import remediation as remediations
from platelet.model.budget import Budget, PendingRevert
from platelet.model.remediation import Remediation, Revert
from tests.unit.pins import scaled
from tests.unit.situations import NOW

AT = "2026-11-21T12:00:00Z"
METADATA = {"namespace": "shop", "name": "deployment-api-1", "uid": "rem-1", "resourceVersion": "5"}
TARGET = {"kind": "Deployment", "namespace": "shop", "name": "api"}
CHANGES = [
    {"kind": change.kind, "uid": change.uid, "before": change.before, "meant": change.meant, "version": change.version}
    for change in scaled(5, before=2)
]
PLACE = {"id": "rem-1/0/1", "policy": "shop/heal", "epoch": 1, "reservedAt": AT, "target": TARGET}


def a_budget(spec: dict[str, Any], *entries: dict[str, Any]) -> Budget:
    return budgets.read_budget({"metadata": METADATA, "spec": spec, "status": {"epoch": 1, "entries": list(entries)}})


def a_remediation(status: dict[str, Any], source: str = "pod", *steps: dict[str, Any]) -> Remediation:
    fact = {"source": source, "reason": "r", "fingerprint": "f", "message": "m", "firstSeen": AT, "lastSeen": AT}
    spec = {
        "targetRef": {"kind": "Deployment", "name": "api"},
        "policyRef": {"name": "heal"},
        "runbookRef": {"name": "heal"},
        "mode": "Enforce",
        "signal": fact,
        "steps": list(steps),
    }
    return remediations.read_remediation({"metadata": METADATA, "spec": spec, "status": {"evidence": [fact], **status}})


def an_attempt(**stored: Any) -> dict[str, Any]:
    pre = {"uid": "uid-api", "generation": 2, "templateHash": "bad", "replicas": 2}
    known = {"id": "rem-1/0/1", "step": 0, "action": "scale", "summary": "s", "intendedAt": AT}
    return {**known, "pre": pre, "changes": CHANGES, **stored}


def test_what_the_budget_owes_is_still_owed() -> None:
    lent = {"action": "scale", "changes": CHANGES, "uid": "uid-api", "dueAt": AT, "whenResolved": True}
    back = {**PLACE, "id": "rem-1/0/1/back", "kind": "TakeBack"}
    owed, reverted = a_budget({}, {**PLACE, "kind": "Act", "takeBack": lent}, back).status.entries
    assert owed.revert == PendingRevert(
        action="scale", changes=scaled(5, before=2), uid="uid-api", due_at=NOW, when_resolved=True
    )
    assert (owed.kind, reverted.kind, reverted.revert) == ("Act", "Revert", None)


def test_what_is_written_anew_is_not_written_by_the_words_of_then() -> None:
    """Nor is what this version has written replaced by what an earlier one left beside it."""
    lent = {"action": "scale", "changes": CHANGES}
    entry = {**PLACE, "takeBack": {**lent, "uid": "of-then"}, "revert": {**lent, "uid": "of-today"}}
    (written,) = budgets.write_budget_status(a_budget({}, entry).status)["entries"]
    assert (written["revert"]["uid"], "takeBack" in written) == ("of-today", False)


@pytest.mark.parametrize(("stored", "read"), [("TakeBack", "Revert"), ("Drop", "Drop"), (None, None)])
def test_what_people_wanted_of_temporary_changes_before_a_removal(stored: str | None, read: str | None) -> None:
    suspended = {"reason": "removal", **({"leaving": stored} if stored else {})}
    assert a_budget({"suspended": suspended}).leaving(NOW) == read


def test_what_a_remediation_has_lent_and_reverts_is_read() -> None:
    act = an_attempt(takeBack={"dueAt": AT, "whenResolved": True})
    back = an_attempt(id="rem-1/0/1/back", kind="TakeBack")
    status = a_remediation({"attempts": [act, back], "undoing": "rem-1/0/1", "takenBackAt": AT}).status
    assert [(attempt.kind, attempt.revert) for attempt in status.attempts] == [
        ("Act", Revert(due_at=NOW, when_resolved=True)),
        ("Revert", None),
    ]
    assert (status.reverting, status.reverted_at) == ("rem-1/0/1", NOW)


def test_one_that_was_opened_only_to_revert_is_no_incident() -> None:
    decision = {"by": "takeBack", "reason": "Intended", "message": "m", "firstAt": AT, "lastAt": AT}
    opened = a_remediation({"decisions": [decision]}, "takeBack")
    assert (opened.spec.signal.source, opened.status.evidence[0].source) == ("revert", "revert")
    assert opened.status.decisions[0].by == "revert"


@pytest.mark.parametrize("made_by_hand", [False, True])
def test_a_pinned_step_that_is_reverted_if_it_fails_is_so_still(*, made_by_hand: bool) -> None:
    step = {"name": "more", "scale": {"by": 1}, "onFailure": "Undo"}
    read = a_remediation({"steps": [step]}) if made_by_hand else a_remediation({}, "pod", step)
    (pinned,) = runbook.read_steps(read.status.steps if made_by_hand else read.spec.steps)
    assert pinned.on_failure == "Revert"


def test_a_runbook_that_says_undo_is_told_what_to_write() -> None:
    with pytest.raises(invalid.InvalidSpec, match="'Undo' is called 'Revert': write onFailure: Revert"):
        runbook.read_steps([{"name": "more", "scale": {"by": 1}, "onFailure": "Undo"}])


@pytest.mark.parametrize("stored", ["text", [1], {"attempts": "none"}, {"attempts": [1]}, {"steps": {}}])
def test_what_is_malformed_is_refused_and_no_fault_of_the_reader(stored: Any) -> None:
    obj = {"metadata": {**METADATA, "creationTimestamp": AT}, "spec": stored, "status": stored}
    with pytest.raises(invalid.InvalidSpec):
        remediations.read_remediation(obj)
