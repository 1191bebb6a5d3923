"""Something that a step says: its words as they are written, told as one notice for each time."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from platelet.actions import notify
from platelet.actions.notify import Notify
from platelet.core import notices, record
from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.remediation import RemediationStatus
from platelet.model.situation import Situation
from platelet.model.verdict import Refusal
from tests.unit.situations import NOW, a_listening_policy, a_remediation, a_situation, a_status, seconds

SAYS = Notify(message="INVESTIGATING: errors on the API")


def planned(mode: Any = "Enforce") -> Refusal:
    remediation = a_remediation()
    remediation = replace(remediation, spec=replace(remediation.spec, mode=mode))
    plan = notify.plan(SAYS, a_situation(remediation=remediation), NOW)
    assert isinstance(plan, Refusal)
    return plan


@pytest.mark.parametrize("mode", ["Enforce", "Approve"])
def test_its_words_are_the_decision_and_the_next_step_follows(mode: str) -> None:
    plan = planned(mode)
    assert (plan.reason, plan.message, plan.outcome) == (reasons.ANNOUNCED, SAYS.message, "PassedOver")


def test_in_observe_it_says_what_it_would_say() -> None:
    assert (planned("Observe").reason, planned("Observe").message) == (
        reasons.WOULD_ANNOUNCE, f"it would only say: {SAYS.message}",
    )  # fmt: skip


def announcing(status: RemediationStatus, step: str, at: timedelta = timedelta()) -> RemediationStatus:
    return record.note(status, NOW + at, step=step, by="notify", reason=reasons.ANNOUNCED, message=SAYS.message)


def told(before: RemediationStatus, after: RemediationStatus) -> list[str]:
    """The ids under which the webhook is to be told of announcements."""
    situation: Situation = a_situation(remediation=a_remediation(status=before), policy=a_listening_policy())
    decision = notices.tell(situation, Decision(status=after), NOW)
    return [known.id for known in decision.status.notifications if known.kind == "Announced"]


def test_each_decision_is_one_notice_under_an_id_of_its_own() -> None:
    after = announcing(announcing(a_status(), "investigating"), "identified")
    assert told(a_status(), after) == [
        "rem-1/announced/investigating/2026-11-21T12:00:00Z", "rem-1/announced/identified/2026-11-21T12:00:00Z",
    ]  # fmt: skip


def test_what_is_on_record_is_not_said_again() -> None:
    once = announcing(a_status(), "investigating")
    assert told(once, once) == []


def test_a_step_that_is_reached_again_says_it_again() -> None:
    """Once people have handed the incident back."""
    once = announcing(a_status(), "investigating")
    between = record.note(once, NOW, step="", by="people", reason=reasons.HANDED_BACK, message="try again")
    (again,) = told(between, announcing(between, "investigating", seconds(30)))
    assert again == "rem-1/announced/investigating/2026-11-21T12:00:30Z"
