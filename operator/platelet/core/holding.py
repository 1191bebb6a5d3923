"""Told once, early: what waits for a common cause does so for hours, and people must know of it within minutes.

One incident tells them for all of its policy that wait for the same reason, with what else is sick; then it goes on
waiting as before.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from platelet.core import telling
from platelet.core.decision import Decision
from platelet.model.held import Held
from platelet.model.policy import ACTING
from platelet.model.remediation import RemediationStatus
from platelet.model.situation import Situation
from platelet.model.verdict import Deny
from platelet.model.workload import WorkloadRef

TOLD_AFTER = timedelta(seconds=90)
_HEARD_WITHIN = timedelta(seconds=30)
_NAMED = 10


def hold(situation: Situation, decision: Decision, denial: Deny, now: datetime) -> Decision:
    """Add to a decision to wait what people are to hear of it, or when."""
    status = decision.status
    if not denial.common_cause or situation.remediation.spec.mode not in ACTING:
        return replace(decision, status=_without_untold(status))
    held = status.held
    if held is None or held.reason != denial.reason:
        held = Held(reason=denial.reason, since=now)
    if held.told_at is not None:
        return decision
    scope, due_at = situation.scope, held.since + TOLD_AFTER
    if now < due_at:
        again_at = min(filter(None, (decision.again_at, due_at)))
        return replace(decision, status=replace(status, held=held), again_at=again_at)
    if scope is not None and denial.reason in scope.told_by_others:
        return replace(decision, status=replace(status, held=replace(held, told_at=now, by_another=True)))
    if scope is not None and denial.reason in scope.left_to_others:
        again_at = min(filter(None, (decision.again_at, now + _HEARD_WITHIN)))  # until it has, or is over
        return replace(decision, status=replace(status, held=held), again_at=again_at)
    told = replace(status, held=replace(held, told_at=now))
    return telling.held(situation, replace(decision, status=told), denial.reason, _describe(situation, denial), now)


def _without_untold(status: RemediationStatus) -> RemediationStatus:
    """It waits for something of its own now. Of what was told nobody is told again."""
    return replace(status, held=None) if status.held is not None and status.held.told_at is None else status


def _describe(situation: Situation, denial: Deny) -> str:
    sick = situation.scope.sick if situation.scope is not None else frozenset()
    return f"{denial.message}; sick: {_names(sick | {situation.target})}; it goes on waiting"


def _names(targets: Collection[WorkloadRef]) -> str:
    names = sorted(map(str, targets))
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
