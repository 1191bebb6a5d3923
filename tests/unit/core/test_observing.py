"""The virtual budget of mode Observe: what others would have done takes its place, and nobody's place twice."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from platelet import actions
from platelet.core import observing
from platelet.core.decide import decide
from platelet.model import reasons
from platelet.model.budget import BudgetSpec, Entry
from platelet.model.policy import Mode, Rate
from platelet.model.remediation import DecisionRecord, Remediation, RemediationStatus, TargetRef
from platelet.model.situation import Situation
from platelet.model.workload import WorkloadRef
from tests.unit.situations import (
    A_MINUTE_AGO,
    NOW,
    a_budget,
    a_policy,
    a_remediation,
    a_situation,
    a_status,
    a_step,
    an_entry,
    limits,
    minutes,
)

HOUR = timedelta(hours=1)
ONE_AN_HOUR = BudgetSpec(limits=(Rate(max_actions=1, per=HOUR),))
RESTART = a_step("rolloutRestart", actions.BY_KEY["rolloutRestart"].settings())


def would(at: datetime) -> DecisionRecord:
    return DecisionRecord(
        step="restart", by="rolloutRestart", reason=reasons.WOULD_HAVE_ACTED, message="", first_at=at, last_at=at
    )


def observed(name: str = "web", at: datetime | None = A_MINUTE_AGO, mode: Mode = "Observe") -> Remediation:
    """Build an observing Remediation of another target that would have acted then."""
    usual = a_remediation(uid=f"rem-{name}", name=f"deployment-{name}-1")
    spec = replace(usual.spec, mode=mode, target_ref=TargetRef(kind="Deployment", name=name))
    return replace(usual, spec=spec, status=a_status(decisions=(would(at),) if at else ()))


def situation(*others: Remediation, decisions: tuple[DecisionRecord, ...] = (), **changes: Any) -> Situation:
    """Build the bad release as an observing policy sees it, with one action an hour for the whole operator."""
    mine = a_remediation(status=a_status(decisions=decisions))
    mine = replace(mine, spec=replace(mine.spec, mode="Observe"))
    free = limits(cooldown=timedelta(), max_concurrent=100)
    state: dict[str, Any] = {
        "remediation": mine,
        "policy": a_policy(mode="Observe", limits=free),
        "steps": (RESTART,),
        "budget": a_budget(spec=ONE_AN_HOUR),
        "claims": observing.claims(others, NOW),
    }
    return a_situation(**(state | changes))


def said(seen: Situation) -> RemediationStatus:
    return decide(seen, NOW).status


CLAIM = Entry(
    id="rem-web/0/1",
    target=WorkloadRef(kind="Deployment", namespace="shop", name="web"),
    policy="shop/heal-api",
    epoch=0,
    reserved_at=NOW - minutes(1),
    outcome="Done",
    outcome_at=NOW - minutes(1),
)
CLAIMS: dict[str, tuple[Remediation, Entry | None]] = {
    "one that would have acted": (observed(), CLAIM),
    "one that would not have": (observed(at=None), None),
    "one that acts itself": (observed(mode="Enforce"), None),
    "one of more than a day ago": (observed(at=NOW - 25 * HOUR), None),
    "one whose verification would be over": (
        observed(at=NOW - minutes(5)),
        replace(CLAIM, reserved_at=NOW - minutes(5), outcome_at=NOW - minutes(5), settled_at=NOW),
    ),
}


@pytest.mark.parametrize(("remediation", "claim"), CLAIMS.values(), ids=CLAIMS)
def test_what_would_have_been_reserved(remediation: Remediation, claim: Entry | None) -> None:
    assert observing.claims([remediation], NOW) == ((claim,) if claim else ())


def test_the_place_of_another_is_taken_and_it_is_said_until_when() -> None:
    status = said(situation(observed()))
    assert status.waiting is not None
    assert status.reason == reasons.OPERATOR_RATE_LIMITED
    assert status.waiting.until == NOW + minutes(59)
    assert status.message.startswith("would not act: ")


FREE = {
    "nobody else would have acted": situation(observed(at=None)),
    "it is long ago": situation(observed(at=NOW - HOUR)),
    "it is another policy's word on this very target": situation(
        replace(
            observed("api"),
            spec=replace(observed("api").spec, policy_ref=replace(observed().spec.policy_ref, name="other")),
        )
    ),
    "the other came later": situation(observed(), decisions=(would(NOW - minutes(2)),)),
    "a real action came later": situation(
        decisions=(would(NOW - minutes(2)),),
        budget=a_budget(an_entry(reserved_at=NOW - minutes(1), outcome_at=NOW - minutes(1)), spec=ONE_AN_HOUR),
    ),
}


@pytest.mark.parametrize("seen", FREE.values(), ids=FREE)
def test_a_place_that_is_free_or_ones_own_is_kept(seen: Situation) -> None:
    assert said(seen).reason == reasons.WOULD_HAVE_ACTED


def test_of_two_that_took_the_last_place_at_once_the_later_gives_it_back() -> None:
    """By the moment, then by uid: both see it the same way, and its record no longer says that it would have acted."""
    at = NOW - minutes(1)
    later = situation(observed("a", at), decisions=(would(at),))  # rem-1 sorts before rem-a
    assert said(later).reason == reasons.WOULD_HAVE_ACTED
    earlier = replace(observed("a", at), uid="rem-0")
    status = said(situation(earlier, decisions=(would(at),)))
    assert status.reason == reasons.OPERATOR_RATE_LIMITED
    assert all(decision.reason != reasons.WOULD_HAVE_ACTED for decision in status.decisions)


def test_without_the_budget_nothing_would_be_done() -> None:
    assert said(situation(budget=None)).reason == reasons.BUDGET_UNREADABLE
