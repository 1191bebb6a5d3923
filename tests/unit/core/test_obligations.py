"""What Remediations say is still to be reverted: all of it, and nothing that is settled."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.core import obligations, reservation
from platelet.model.budget import PendingRevert
from platelet.model.intent import PreState
from platelet.model.remediation import Attempt, Phase, Remediation, Revert
from tests.unit.pins import bounds_set, scaled
from tests.unit.situations import GOOD, NOW, a_budget, a_remediation, a_status, an_attempt, an_entry, bounds, minutes

DUE = NOW + minutes(20)
LENT = an_attempt(
    id="rem-1/0/1",
    action="scale",
    pre=PreState(uid="uid-api", generation=2, template_hash=GOOD, replicas=2),
    changes=scaled(5),
    revert=Revert(due_at=DUE),
)
BACK = an_attempt(id="rem-1/0/1/back", kind="Revert", action="scale", changes=scaled(2))
PUT_BACK = an_attempt(id="rem-1/1/1", action="scale", changes=(replace(scaled(2)[0], how={"putBack": LENT.id}),))


def remediation(*attempts: Attempt, mode: Any = "Enforce", **status: Any) -> Remediation:
    """One that has made these attempts."""
    usual = a_remediation(status=a_status(attempts=attempts, **status))
    return replace(usual, spec=replace(usual.spec, mode=mode))


def another(*attempts: Attempt, **status: Any) -> Remediation:
    """Another Remediation of the same target."""
    return replace(remediation(*attempts, **status), uid="rem-2", name="api-2")


OWED: dict[str, tuple[Remediation, ...]] = {
    "while it is open": (remediation(LENT, state="Monitoring"),),
    "when it is closed": (remediation(LENT, state="Closed", closed_at=NOW),),
    "when people have it": (remediation(LENT, state="Escalated"),),
    "where whether it was written is not known": (remediation(replace(LENT, phase="Unknown")),),
    "where it is being written": (remediation(replace(LENT, phase="Intended")),),
    "where the revert was superseded": (remediation(LENT, replace(BACK, phase="Superseded")),),
    "where the step that puts it back is being written": (remediation(LENT, replace(PUT_BACK, phase="Intended")),),
    "where the revert is being written": (remediation(LENT, replace(BACK, phase="Intended")),),
    "where another one took something else back": (remediation(LENT), another(replace(BACK, id="rem-1/0/12/back"))),
}
SETTLED: dict[str, tuple[Remediation, ...]] = {
    "what was reverted": (remediation(LENT, BACK),),
    "what was reverted at a second try": (remediation(LENT, replace(BACK, id="rem-1/0/1/back/2")),),
    "what another Remediation has reverted": (remediation(LENT), another(BACK)),
    "what others own by now": (remediation(LENT, let_go=("rem-1/0/1",)),),
    "what another Remediation has left to others": (remediation(LENT), another(let_go=("rem-1/0/1",))),
    "what a step has put back": (remediation(LENT, PUT_BACK),),
    "what was never written": (remediation(replace(LENT, phase="Superseded")),),
    "what was refused": (remediation(replace(LENT, phase="Refused")),),
    "what is to last": (remediation(replace(LENT, revert=None)),),
    "what was only imagined": (remediation(LENT, mode="Observe"),),
}


@pytest.mark.parametrize("remediations", OWED.values(), ids=OWED)
def test_it_is_owed(remediations: tuple[Remediation, ...]) -> None:
    (entry,) = obligations.owed(remediations)
    expected = PendingRevert(
        action="scale", changes=scaled(5, before=2), uid="uid-api", due_at=DUE, when_resolved=False
    )
    assert (entry.id, entry.kind, entry.revert, entry.target) == ("rem-1/0/1", "Act", expected, remediations[0].target)
    assert obligations.still_owe(remediations) == {"rem-1"}


@pytest.mark.parametrize("remediations", SETTLED.values(), ids=SETTLED)
def test_it_is_not_owed(remediations: tuple[Remediation, ...]) -> None:
    assert obligations.owed(remediations) == ()


def test_bounds_are_owed_as_they_were() -> None:
    """Of the very autoscaler, by its uid."""
    before, raised = bounds(2, 4), bounds(5, 5)
    attempt = replace(LENT, changes=bounds_set(raised, before))
    (entry,) = obligations.owed([remediation(attempt)])
    assert entry.revert is not None
    assert entry.revert.changes == bounds_set(raised, before)


PHASES: dict[Phase, Any] = {"Done": "Done", "Unknown": "Unknown", "Intended": None}


@pytest.mark.parametrize(("phase", "outcome"), PHASES.items())
def test_an_obligation_takes_effect_as_far_as_its_outcome_is_known(phase: Phase, outcome: str | None) -> None:
    (entry,) = obligations.owed([remediation(replace(LENT, phase=phase))])
    assert entry.outcome == outcome


@pytest.mark.parametrize(
    ("uid", "epoch", "remembered"),
    [("uid-budget", 0, True), ("uid-another", 3, True), (None, 0, True), ("uid-budget", 3, False), (None, 3, False)],
    ids=["wiped", "replaced", "of a cluster whose Lease is gone", "as it was left", "as it was left, without a Lease"],
)
def test_a_budget_remembers_again_what_it_has_lost(uid: str | None, epoch: int, remembered: bool) -> None:  # noqa: FBT001
    """What it knows itself is not touched, nor added twice."""
    own, lost = an_entry(id="rem-9/0/1"), an_entry(id="rem-1/0/1")
    after = reservation.take_over(
        a_budget(own, epoch=epoch),
        holder="me",
        known_uid=uid,
        longest=minutes(60),
        live={own.id},
        now=NOW,
        owed=[lost, replace(own, policy="another")],
    )
    assert after.entries == ((own, lost) if remembered else (own,))
