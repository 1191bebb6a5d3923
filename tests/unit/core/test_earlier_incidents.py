"""Which Remediation of a target a new one continues: attempts carry over, and what people did begins anew."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.api.kinds.runbook import Runbook
from platelet.core import earlier_incidents, since_escalation
from platelet.model import reasons
from platelet.model.escalation import EscalationRecord
from platelet.model.policy import DAY
from platelet.model.remediation import Remediation, Revert
from tests.unit.pins import raised
from tests.unit.situations import (
    BAD,
    GOOD,
    NOW,
    a_policy,
    a_remediation,
    a_signal,
    a_situation,
    a_status,
    an_attempt,
    evidence_of,
    minutes,
    seconds,
)

STEPS = ({"name": "undo"}, {"name": "restart"}, {"name": "scale"})
RUNBOOK = Runbook(namespace="shop", name="api-down", uid="uid-runbook", generation=0, steps=STEPS)
HANDED_OVER = EscalationRecord(
    reason=reasons.INCONCLUSIVE, message="m", at=NOW - minutes(300), handed_over=since_escalation.pin(a_situation())
)
OVER: dict[str, Any] = {"state": "Closed", "closed_at": NOW - minutes(1), "attempts": (an_attempt(),)}
BY_ITSELF = {**OVER, "reason": reasons.RESOLVED_BY_ITSELF, "escalation": HANDED_OVER}
GONE = {**OVER, "reason": reasons.TARGET_GONE}


def closed(**status: Any) -> Remediation:
    return a_remediation(status=a_status(**status))


def by_hand(remediation: Remediation) -> Remediation:
    asked = evidence_of(a_signal(source="request"))
    return replace(remediation, spec=replace(remediation.spec, signal=asked))


def of_another_policy(remediation: Remediation) -> Remediation:
    other = replace(remediation.spec.policy_ref, name="other", uid="uid-other")
    return replace(remediation, spec=replace(remediation.spec, policy_ref=other))


CASES: dict[str, tuple[Remediation, str | None, int]] = {
    "an escalation that ended by itself: people have it again": (closed(**BY_ITSELF), BAD, 3),
    "the template is not known: the same": (closed(**BY_ITSELF), None, 3),
    "a template that its undo restored: the same": (closed(**BY_ITSELF), GOOD, 3),
    "another template: a ladder of its own": (closed(**BY_ITSELF), "other", 0),
    "a day later": (closed(**{**BY_ITSELF, "closed_at": NOW - DAY}), BAD, 0),
    "within the day": (closed(**{**BY_ITSELF, "closed_at": NOW - DAY + seconds(1)}), BAD, 3),
    "people mended it": (closed(**{**BY_ITSELF, "reason": reasons.RESOLVED_BY_PEOPLE}), BAD, 0),
    "a policy that took precedence for a while": (closed(**{**BY_ITSELF, "reason": reasons.CANCELLED}), BAD, 3),
    "the policy that takes precedence": (
        of_another_policy(closed(**{**BY_ITSELF, "reason": reasons.CANCELLED})),
        BAD,
        0,
    ),
    "nothing had been tried": (closed(**{**BY_ITSELF, "attempts": ()}), BAD, 0),
    "nothing had been sent": (closed(**{**BY_ITSELF, "attempts": (an_attempt(phase="Superseded"),)}), BAD, 0),
    "by hand: another ladder": (by_hand(closed(**BY_ITSELF)), BAD, 0),
    "it was never escalated": (closed(**{**BY_ITSELF, "escalation": None}), BAD, 0),
    "escalated, deleted, and made anew": (closed(**{**GONE, "escalation": HANDED_OVER}), BAD, 3),
    "escalated, deleted, and made anew hours later": (
        closed(**{**GONE, "escalation": HANDED_OVER, "closed_at": NOW - minutes(600)}),
        BAD,
        3,
    ),
    "escalated, deleted, and another one made": (closed(**{**GONE, "escalation": HANDED_OVER}), "other", 0),
    "deleted on the way, and made anew: the next step": (closed(**GONE), BAD, 1),
    "deleted on the way, and another one made": (closed(**GONE), "other", 0),
    "deleted on the way, and made anew later than reopenWithin": (
        closed(**{**GONE, "closed_at": NOW - minutes(15)}),
        BAD,
        0,
    ),
}


@pytest.mark.parametrize(("before", "live", "step"), CASES.values(), ids=CASES)
def test_where_the_ladder_begins(before: Remediation, live: str | None, step: int) -> None:
    continued, first_step = earlier_incidents.find([before], a_policy(), RUNBOOK, live, NOW)
    assert first_step == step
    assert (continued is not None) == (step > 0)


RECOVERED = {**OVER, "reason": reasons.RECOVERED, "attempts": (an_attempt(verdict="Recovered"),)}
RAISED = an_attempt(verdict="Recovered", changes=raised(GOOD))
LENT = an_attempt(verdict="Recovered", revert=Revert(due_at=NOW))
GIVEN_BACK = an_attempt(id="rem-1/0/1/back", kind="Revert")
RELAPSES: dict[str, tuple[list[Remediation], str | None, int]] = {
    "three recoveries within a day: the step after": ([closed(**RECOVERED)] * 3, GOOD, 1),
    "the template is not known: the same": ([closed(**RECOVERED)] * 3, None, 1),
    "two recoveries: the ladder from its beginning": ([closed(**RECOVERED)] * 2, GOOD, 0),
    "another template since": ([closed(**RECOVERED)] * 3, "other", 0),
    "one of them more than a day ago": (
        [*[closed(**RECOVERED)] * 2, closed(**{**RECOVERED, "closed_at": NOW - DAY})],
        GOOD,
        0,
    ),
    "one of them by hand": ([*[closed(**RECOVERED)] * 2, by_hand(closed(**RECOVERED))], GOOD, 0),
    "what is lent and given back each time is meant to be": (
        [closed(**{**RECOVERED, "attempts": (LENT, GIVEN_BACK)})] * 3,
        GOOD,
        0,
    ),
    "what may help once a day: the step after, at once": ([closed(**{**RECOVERED, "attempts": (RAISED,)})], BAD, 1),
    "the same, for the template that came of it": ([closed(**{**RECOVERED, "attempts": (RAISED,)})], GOOD, 1),
    "what may help once a day, a day later": (
        [closed(**{**RECOVERED, "attempts": (RAISED,), "closed_at": NOW - DAY})],
        GOOD,
        0,
    ),
    "what may help once a day, and another release since": (
        [closed(**{**RECOVERED, "attempts": (RAISED,)})],
        "other",
        0,
    ),
    "what may help once a day, for a time only": (
        [closed(**{**RECOVERED, "attempts": (replace(RAISED, revert=Revert(due_at=NOW)), GIVEN_BACK)})],
        GOOD,
        0,
    ),
    "by the last step: people have it": (
        [closed(**{**RECOVERED, "step": 2, "attempts": (an_attempt(step=2, verdict="Recovered"),)})] * 3,
        GOOD,
        3,
    ),
}


@pytest.mark.parametrize(("before", "live", "step"), RELAPSES.values(), ids=RELAPSES)
def test_what_a_step_mends_for_a_while_only_goes_on_with_the_next_one(
    before: list[Remediation], live: str | None, step: int
) -> None:
    """A remedy that must be repeated all day is none (TRAPS 25)."""
    continued, first_step = earlier_incidents.find(before, a_policy(), RUNBOOK, live, NOW)
    assert first_step == step
    assert (continued is not None) == (step > 0)


@pytest.mark.parametrize("changes", [{"uid": "uid-new"}, {"generation": 5}, {"name": "other"}], ids=str)
def test_a_runbook_that_people_have_changed_begins_anew(changes: dict[str, Any]) -> None:
    assert earlier_incidents.find([closed(**BY_ITSELF)], a_policy(), replace(RUNBOOK, **changes), BAD, NOW) == (None, 0)


def test_the_template_is_asked_for_only_where_it_matters() -> None:
    """Each is a read more."""
    assert earlier_incidents.asks_for_template([closed(**BY_ITSELF)])
    assert earlier_incidents.asks_for_template([closed(**GONE)])
    assert earlier_incidents.asks_for_template([closed(**{**RECOVERED, "attempts": (RAISED,)})])
    assert earlier_incidents.asks_for_template([a_remediation(status=a_status(state="Monitoring"))])
    assert not earlier_incidents.asks_for_template([closed(**RECOVERED)] * 2)
    assert earlier_incidents.asks_for_template([closed(**RECOVERED)] * 3)
    assert not earlier_incidents.asks_for_template([a_remediation(status=a_status(state="Escalated"))])
