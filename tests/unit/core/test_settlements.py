"""What the ActionBudget is told of ended attempts, and what it makes of it: used is used, only a refusal is free."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from platelet.core import reservation, settlements
from platelet.core.decide import decide
from platelet.model.budget import Entry, PendingRevert
from platelet.model.effects import Settle
from platelet.model.remediation import Phase
from tests.unit.core.runbooks import scale_step
from tests.unit.pins import scaled
from tests.unit.situations import (
    NOW,
    a_budget,
    a_remediation,
    a_signal,
    a_situation,
    a_status,
    a_workload,
    an_attempt,
    an_entry,
    change,
    evidence_of,
    minutes,
)

DAY = timedelta(days=1)
OWED = PendingRevert(action="scale", changes=scaled(5, before=2), uid="uid-api")


def open_entry(**changes: Any) -> Entry:
    """A place whose end is not on record."""
    return an_entry(**{"id": "rem-1/0/1", "outcome": None, "outcome_at": None, "settled_at": None, **changes})


def told(entry: Entry, phase: Phase) -> Settle:
    """What the budget is told of an attempt that has ended so."""
    status = a_status(state="Waiting", attempts=(an_attempt(id=entry.id, phase=phase, outcome_at=NOW),))
    situation = a_situation(remediation=a_remediation(status=status), budget=a_budget(entry))
    (settlement,) = settlements.unsettled(situation, status, NOW)
    return settlement


@pytest.mark.parametrize(
    ("phase", "refunded"), [("Done", False), ("Unknown", False), ("Superseded", False), ("Refused", True)]
)
def test_only_what_the_api_server_has_refused_is_refunded(phase: Phase, refunded: bool) -> None:  # noqa: FBT001
    """A superseded attempt has used its place: else two who fight would never reach a limit."""
    budget = a_budget(open_entry())
    (entry,) = reservation.settle(budget.status, told(open_entry(), phase)).entries
    assert (entry.outcome, entry.refunded) == (phase, refunded)


@pytest.mark.parametrize(("phase", "ended"), [("Done", ["rem-0/0/1"]), ("Unknown", [])])
def test_what_a_step_has_put_back_is_owed_no_more(phase: Phase, ended: list[str]) -> None:
    """Whoever lent it."""
    back = an_attempt(phase=phase, changes=(replace(scaled(2)[0], how={"putBack": "rem-0/0/1"}),))
    status = a_status(state="Monitoring", attempts=(back,))
    budget = a_budget(an_entry(revert=OWED), an_entry(id="rem-0/0/2", revert=OWED))
    situation = a_situation(remediation=a_remediation(status=status), budget=budget)
    assert [end.attempt for end in settlements.unsettled(situation, status, NOW) if end.reverted] == ended


def test_an_intent_that_may_still_be_sent_is_not_settled() -> None:
    """Its place is taken until its outcome is known."""
    attempt = an_attempt(phase="Intended", outcome_at=None)
    status = a_status(state="Acting", attempts=(attempt,))
    situation = a_situation(remediation=a_remediation(status=status), budget=a_budget(open_entry()))
    assert settlements.unsettled(situation, status, NOW) == ()


def test_another_leaders_budget_is_left_to_it() -> None:
    """What we know of our attempts may be overtaken: who leads now settles them from the record."""
    status = a_status(state="Waiting", attempts=(an_attempt(outcome_at=NOW),))
    situation = a_situation(remediation=a_remediation(status=status), budget=a_budget(open_entry()))
    assert len(settlements.unsettled(situation, status, NOW)) == 1
    assert settlements.unsettled(change(situation, epoch=situation.knowledge.epoch + 1), status, NOW) == ()


@pytest.mark.parametrize("phase", ["Done", "Unknown"])
def test_a_place_that_was_taken_for_abandoned_and_was_used_counts_from_its_use(phase: Phase) -> None:
    """And what was lent under it is owed."""
    abandoned = an_entry(id="rem-1/0/1", outcome="Abandoned", outcome_at=NOW - minutes(50), revert=OWED)
    (entry,) = reservation.settle(a_budget(abandoned).status, told(abandoned, phase)).entries
    assert (entry.outcome, entry.outcome_at) == (phase, NOW)


def test_what_has_ended_otherwise_is_not_turned_into_a_use() -> None:
    """A late word about a refused attempt changes nothing."""
    refused = an_entry(id="rem-1/0/1", outcome="Refused", refunded=True)
    late = Settle(attempt=refused.id, outcome="Done", at=NOW)
    assert reservation.settle(a_budget(refused).status, late).entries[0].outcome == "Refused"


KEPT: dict[str, tuple[Entry, bool]] = {
    "ended less than a day ago": (an_entry(outcome_at=NOW - DAY + minutes(1)), True),
    "ended a day ago": (an_entry(outcome_at=NOW - DAY), False),
    "not ended, however old": (open_entry(reserved_at=NOW - 3 * DAY), True),
    "lent, and not given back": (an_entry(outcome_at=NOW - 30 * DAY, revert=OWED), True),
    "maybe lent, and not given back": (an_entry(outcome="Unknown", outcome_at=NOW - 30 * DAY, revert=OWED), True),
    "given back": (an_entry(outcome_at=NOW - 30 * DAY, revert=replace(OWED, done=True)), False),
    "never lent": (an_entry(outcome="Superseded", outcome_at=NOW - 30 * DAY, revert=OWED), False),
}


@pytest.mark.parametrize(("entry", "kept"), KEPT.values(), ids=KEPT)
def test_an_entry_is_kept_as_long_as_it_counts_or_owes(entry: Entry, kept: bool) -> None:  # noqa: FBT001
    assert reservation.forget([entry], NOW) == ((entry,) if kept else ())


def test_what_was_reserved_to_be_lent_is_reserved_anew_when_the_number_has_changed_since() -> None:
    """Else a number that was there before our place was taken would be put back, and not the one that we replace."""
    signal = a_signal()
    status = a_status(evidence=(evidence_of(signal),))
    held = open_entry(epoch=1, revert=OWED)
    step = scale_step(to=5, revert_after=minutes(30))
    known: dict[str, Any] = {
        "remediation": a_remediation(status=status),
        "steps": (step,),
        "signals": (signal,),
        "budget": a_budget(held),
    }
    as_it_was = decide(a_situation(workload=a_workload(replicas=2), **known), NOW)
    assert [attempt.phase for attempt in as_it_was.status.attempts] == ["Intended"]
    three = a_workload(replicas=3, updated_replicas=3, status_replicas=3)
    changed = decide(a_situation(workload=three, **known), NOW)
    assert changed.status.waiting is None, "no guard stands in the way"
    assert changed.status.attempts == ()
    assert [(effect.attempt, effect.outcome) for effect in changed.effects if isinstance(effect, Settle)] == [
        (held.id, "Abandoned")
    ]
