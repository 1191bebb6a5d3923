"""How a question was answered: whoever was asked hears it once, by this or by the call that follows from it."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.core import answers
from platelet.model import reasons
from platelet.model.approval import Approval
from platelet.model.escalation import EscalationRecord
from platelet.model.escalation_levels import Level
from platelet.model.policy import Policy
from platelet.model.remediation import RemediationStatus
from platelet.sinks.webhook import Webhook
from tests.unit.situations import (
    NOW,
    a_notification,
    a_policy,
    a_remediation,
    a_situation,
    a_status,
    an_approval,
    an_attempt,
    minutes,
)

HOOK = Webhook(url="https://hooks.example.com/oncall")
LEVELS = (Level(after=minutes(0), sinks=("oncall",)), Level(after=minutes(10), sinks=("lead",)))
POLICY = a_policy(levels=LEVELS, sinks={"oncall": HOOK, "lead": HOOK})
PLAN = an_approval()
NEXT = an_approval(token="1-2-def", attempt="rem-1/1/2", asked_at=NOW)
CALLS = (
    a_notification(kind="ApprovalNeeded", id=f"rem-1/approvalneeded/{PLAN.token}", sink="oncall"),
    a_notification(kind="ApprovalNeeded", id=f"rem-1/approvalneeded/{PLAN.token}/level-2", sink="lead", level=2),
    a_notification(kind="ApprovalNeeded", id="rem-1/approvalneeded/1-0-old", sink="manager"),
)
ASKED = a_status(state="AwaitingApproval", approval=PLAN, notifications=CALLS)
APPROVED = replace(ASKED, approval=replace(PLAN, answer="Approved", by="ann"))
PEOPLE_HAVE_IT: dict[str, Any] = {
    "state": "Escalated",
    "escalation": EscalationRecord(reason=reasons.REJECTED, message="m", at=NOW, token="t"),
}


def ended(asked: Approval, **changes: Any) -> RemediationStatus:
    return replace(ASKED, approval=asked, **{"state": "Waiting", **changes})


def hears(before: RemediationStatus, after: RemediationStatus, policy: Policy = POLICY) -> list[tuple[str, str]]:
    """Who hears it, and for what reason."""
    situation = a_situation(policy=policy, remediation=a_remediation(status=before))
    notices = list(answers.find(situation, before, after, NOW))
    return [(sink, notice.reason) for notice in notices for sink in notice.to or ()]


REJECTED = replace(PLAN, answer="Rejected", by="ann", message="not now")
HEARD: dict[str, tuple[RemediationStatus, RemediationStatus, list[tuple[str, str]]]] = {
    "it is still open": (ASKED, ASKED, []),
    "nothing was asked": (a_status(notifications=CALLS), a_status(notifications=CALLS), []),
    "somebody looks at it": (ASKED, replace(ASKED, approval=replace(PLAN, acknowledged_by="bob")), []),
    "it is approved": (ASKED, ended(replace(PLAN, answer="Approved")), [("oncall", "Approved"), ("lead", "Approved")]),
    "it is rejected, and the first level has it": (ASKED, ended(REJECTED, **PEOPLE_HAVE_IT), [("lead", "Rejected")]),
    "it has expired, and the first level has it": (
        ASKED,
        ended(replace(PLAN, answer="Expired", message="m"), **PEOPLE_HAVE_IT),
        [("lead", "ApprovalExpired")],
    ),
    "another plan is shown, and the first level is asked": (
        ASKED,
        ended(NEXT, state="AwaitingApproval"),
        [("lead", "PlanChanged")],
    ),
    "the yes is withdrawn": (APPROVED, ended(REJECTED, **PEOPLE_HAVE_IT), [("lead", "Rejected")]),
    "the yes is used, and the next step asks": (
        APPROVED,
        ended(NEXT, state="AwaitingApproval", attempts=(an_attempt(id=PLAN.attempt),)),
        [],
    ),
    "the end of the incident says it all": (ASKED, ended(replace(PLAN, answer="Void"), state="Closed"), []),
}


@pytest.mark.parametrize(("before", "after", "expected"), HEARD.values(), ids=HEARD)
def test_who_was_asked_hears(
    before: RemediationStatus, after: RemediationStatus, expected: list[tuple[str, str]]
) -> None:
    assert hears(before, after) == expected
