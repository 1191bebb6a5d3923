"""What Remediations say is still to be taken back: all of it, and nothing that is settled."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.core import obligations, reservation
from platelet.model.budget import PendingTakeBack
from platelet.model.intent import PostState, PreState
from platelet.model.remediation import Attempt, Phase, Remediation, TakeBack
from tests.unit.situations import GOOD, NOW, a_budget, a_remediation, a_status, an_attempt, an_entry, bounds, minutes

DUE = NOW + minutes(20)
LENT = an_attempt(
    id="rem-1/0/1",
    action="scale",
    pre=PreState(uid="uid-api", generation=2, template_hash=GOOD, replicas=2),
    post=PostState(replicas=5),
    take_back=TakeBack(due_at=DUE),
)
BACK = an_attempt(id="rem-1/0/1/back", kind="TakeBack", action="scale", post=PostState(replicas=2))


def remediation(*attempts: Attempt, mode: Any = "Enforce", **status: Any) -> Remediation:
    """One that has made these attempts."""
    found = a_remediation(status=a_status(attempts=attempts, **status))
    return replace(found, spec=replace(found.spec, mode=mode))


def another(*attempts: Attempt, **status: Any) -> Remediation:
    """Another Remediation of the same target."""
    return replace(remediation(*attempts, **status), uid="rem-2", name="api-2")


OWED: dict[str, tuple[Remediation, ...]] = {
    "while it is open": (remediation(LENT, state="Monitoring"),),
    "when it is closed": (remediation(LENT, state="Closed", closed_at=NOW),),
    "when people have it": (remediation(LENT, state="Escalated"),),
    "where whether it was written is not known": (remediation(replace(LENT, phase="Unknown")),),
    "where it is being written": (remediation(replace(LENT, phase="Intended")),),
    "where the take-back was superseded": (remediation(LENT, replace(BACK, phase="Superseded")),),
    "where the take-back is being written": (remediation(LENT, replace(BACK, phase="Intended")),),
    "where another one took something else back": (remediation(LENT), another(replace(BACK, id="rem-1/0/12/back"))),
}
SETTLED: dict[str, tuple[Remediation, ...]] = {
    "what was taken back": (remediation(LENT, BACK),),
    "what was taken back at a second try": (remediation(LENT, replace(BACK, id="rem-1/0/1/back/2")),),
    "what another Remediation has taken back": (remediation(LENT), another(BACK)),
    "what others own by now": (remediation(LENT, let_go=("rem-1/0/1",)),),
    "what another Remediation has left to others": (remediation(LENT), another(let_go=("rem-1/0/1",))),
    "what was never written": (remediation(replace(LENT, phase="Superseded")),),
    "what was refused": (remediation(replace(LENT, phase="Refused")),),
    "what is to last": (remediation(replace(LENT, take_back=None)),),
    "what was only imagined": (remediation(LENT, mode="Observe"),),
}


@pytest.mark.parametrize("found", OWED.values(), ids=OWED)
def test_it_is_owed(found: tuple[Remediation, ...]) -> None:
    (entry,) = obligations.owed(found)
    expected = PendingTakeBack(
        ours=PostState(replicas=5), before=PostState(replicas=2), uid="uid-api", due_at=DUE, when_resolved=False
    )
    assert (entry.id, entry.kind, entry.take_back, entry.target) == ("rem-1/0/1", "Act", expected, found[0].target)
    assert obligations.still_owe(found) == {"rem-1"}


@pytest.mark.parametrize("found", SETTLED.values(), ids=SETTLED)
def test_it_is_not_owed(found: tuple[Remediation, ...]) -> None:
    assert obligations.owed(found) == ()


def test_bounds_are_owed_as_they_were() -> None:
    """Of the very autoscaler, by its uid."""
    before, raised = bounds(2, 4), bounds(5, 5)
    attempt = replace(LENT, pre=replace(LENT.pre, autoscaler=before), post=PostState(autoscaler=raised))
    (entry,) = obligations.owed([remediation(attempt)])
    assert entry.take_back is not None
    assert (entry.take_back.ours, entry.take_back.before) == (
        PostState(autoscaler=raised),
        PostState(autoscaler=before),
    )


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
