"""Told once, early: what waits for a common cause does so for hours, and people must know of it within minutes.

One incident tells them for all of its policy that wait for the same reason, with what else is sick; then it goes on
waiting as before. The others note that it did, one after the other: there may be hundreds, and it is no news of theirs.
"""

import zlib
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from platelet.core import incident_notices, record
from platelet.core.decision import Decision
from platelet.model.enumeration import name_some
from platelet.model.held import Held
from platelet.model.policy import ACTING
from platelet.model.remediation import RemediationStatus
from platelet.model.situation import Situation
from platelet.model.verdict import Deny
from platelet.model.workload import WorkloadRef

TOLD_AFTER = timedelta(seconds=90)
_HEARD_WITHIN = timedelta(seconds=30)
_ONE_AT_A_TIME = timedelta(seconds=2)
_NAMED = 10


def hold(situation: Situation, decision: Decision, denial: Deny, now: datetime) -> Decision:
    """Add to a decision to wait the notice that people get about it, or when they get it."""
    status = decision.status
    if not denial.common_cause or situation.remediation.spec.mode not in ACTING:
        return replace(decision, status=_without_untold(status))
    held = status.held
    if held is None or held.reason != denial.reason:
        held = Held(reason=denial.reason, since=now)
    if held.told_at is not None:
        return decision
    scope, due_at = situation.surroundings.scope, held.since + TOLD_AFTER
    if now < due_at:
        again_at = min(filter(None, (decision.again_at, due_at)))
        return replace(decision, status=replace(status, held=held), again_at=again_at)
    if scope is not None and denial.reason in scope.told_by_others:
        noted_at = due_at + _HEARD_WITHIN + _turn(situation.remediation.uid, len(scope.sick))
        if now >= noted_at:
            return replace(decision, status=replace(status, held=replace(held, told_at=now, by_another=True)))
        again_at = min(filter(None, (decision.again_at, noted_at)))
        return replace(decision, status=replace(status, held=held), again_at=again_at)
    if scope is not None and denial.reason in scope.left_to_others:
        again_at = min(filter(None, (decision.again_at, now + _HEARD_WITHIN)))  # the older one will tell them
        return replace(decision, status=replace(status, held=held), again_at=again_at)
    status = replace(status, held=replace(held, told_at=now))
    text = record.clip(_describe(situation, denial))
    news = incident_notices.make(situation, status, "Held", denial.reason, text, now, occasion=denial.reason)
    return replace(decision, status=status, notices=(news,))


def _turn(uid: str, of: int) -> timedelta:
    """How long one of so many waits, so that on average they come one after the other."""
    return zlib.crc32(uid.encode()) % of * _ONE_AT_A_TIME


def _without_untold(status: RemediationStatus) -> RemediationStatus:
    """The status without a notice that was not told yet: what it waits for is no longer a common cause."""
    return replace(status, held=None) if status.held is not None and status.held.told_at is None else status


def _describe(situation: Situation, denial: Deny) -> str:
    sick = situation.surroundings.scope.sick if situation.surroundings.scope is not None else frozenset()
    return f"{denial.message}; sick: {_names(sick | {situation.target})}; it goes on waiting"


def _names(targets: Collection[WorkloadRef]) -> str:
    return name_some(sorted(map(str, targets)), _NAMED)
