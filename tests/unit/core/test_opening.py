"""Whether a fact about a target that we have acted on belongs to the old incident or is a new one."""

from dataclasses import replace

import pytest

from platelet.api.kinds.runbook import Runbook
from platelet.core import opening
from platelet.model import reasons
from platelet.model.remediation import RemediationStatus, State
from platelet.model.signal import Source
from tests.unit.situations import (
    GOOD,
    NOW,
    a_policy,
    a_remediation,
    a_signal,
    a_status,
    an_attempt,
    evidence_of,
    minutes,
)

RUNBOOK = Runbook(namespace="shop", name="heal", uid="uid-runbook", generation=1, steps=({"name": "restart"},))
OTHER = "0123456789abcdef"


@pytest.mark.parametrize(
    ("state", "live", "ended"),
    [
        pytest.param("Monitoring", GOOD, None, id="recovered, and the same template fails again: a recurrence"),
        pytest.param("Monitoring", OTHER, reasons.RECOVERED, id="recovered, then something else was released"),
        pytest.param("Verifying", OTHER, reasons.CANCELLED, id="something else was released while it was verified"),
        pytest.param("Verifying", GOOD, None, id="verified, and the template that we acted on fails"),
        pytest.param("Waiting", OTHER, None, id="nothing is under way: the facts belong together"),
        pytest.param("Escalated", OTHER, None, id="people have it"),
        pytest.param("Monitoring", None, None, id="the live template is not known"),
    ],
)
def test_a_failing_target_after_our_act(state: State, live: str | None, ended: str | None) -> None:
    before = a_remediation(status=a_status(state=state, attempts=(an_attempt(),)))
    fact = evidence_of(a_signal())
    answer = opening.receive(
        before.target, [fact], a_policy(), RUNBOOK, [before], {a_policy().key: a_policy()}, live, NOW
    )
    closed = answer.status if isinstance(answer, opening.Update) and answer.status.state == "Closed" else None
    assert (closed.reason if closed else None) == ended


@pytest.mark.parametrize(
    ("source", "first_step"),
    [
        pytest.param("pod", 1, id="an incident goes on at its next step"),
        pytest.param("request", 0, id="a runbook by hand was another ladder"),
    ],
)
def test_a_target_that_was_created_anew_goes_on_with_its_own_ladder(source: Source, first_step: int) -> None:
    """Within `reopenWithin`."""
    before = a_remediation(
        status=a_status(
            state="Closed", reason=reasons.TARGET_GONE, attempts=(an_attempt(),), closed_at=NOW - minutes(1)
        )
    )
    fact = evidence_of(a_signal())
    before = replace(before, spec=replace(before.spec, signal=replace(fact, source=source)))
    answer = opening.receive(before.target, [fact], a_policy(), RUNBOOK, [before], {}, None, NOW)
    assert isinstance(answer, opening.Create)
    assert answer.spec.first_step == first_step


HIGHER = a_policy(name="higher", priority=a_policy().priority + 1)


@pytest.mark.parametrize(
    ("status", "asked_by_hand", "yields"),
    [
        pytest.param(a_status(state="Waiting"), False, True, id="nothing was done yet"),
        pytest.param(a_status(state="Waiting", attempts=(an_attempt(),)), False, False, id="between two attempts"),
        pytest.param(a_status(state="Verifying", attempts=(an_attempt(),)), False, False, id="under way"),
        pytest.param(a_status(state="Waiting"), True, False, id="people have chosen the policy"),
    ],
)
def test_an_incident_yields_to_a_higher_priority_until_its_first_attempt(
    status: RemediationStatus,
    *,
    asked_by_hand: bool,
    yields: bool,
) -> None:
    """Afterwards its policy is fixed: two runbooks are not mixed."""
    current = a_remediation(status=status)
    if asked_by_hand:
        asked = evidence_of(a_signal(source="request"))
        current = replace(current, spec=replace(current.spec, signal=asked))
    incumbents = {policy.key: policy for policy in (a_policy(), HIGHER)}
    fact = evidence_of(a_signal())
    answer = opening.receive(current.target, [fact], HIGHER, RUNBOOK, [current], incumbents, GOOD, NOW)
    closed = isinstance(answer, opening.Update) and answer.status.state == "Closed"
    assert closed == yields


def test_an_observing_incident_does_not_stand_in_the_way_of_an_acting_one() -> None:
    """They are recorded beside each other."""
    observed = a_remediation(status=a_status(state="Waiting"))
    observed = replace(observed, spec=replace(observed.spec, mode="Observe"))
    fact = evidence_of(a_signal())
    answer = opening.receive(observed.target, [fact], a_policy(), RUNBOOK, [observed], {}, GOOD, NOW)
    assert isinstance(answer, opening.Create)
