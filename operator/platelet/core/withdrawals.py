"""What people have withdrawn since a decision was made: asked until the write has left, and at each look after it."""

from datetime import datetime

from platelet import actions, guards
from platelet.core import approvals
from platelet.model.approval import REJECT
from platelet.model.policy import ACTING, ActionTraits, Step
from platelet.model.remediation import Attempt, RemediationStatus
from platelet.model.rules import Moment
from platelet.model.situation import Situation
from platelet.model.verdict import Deny


def why_over(situation: Situation) -> str:
    """Why the policy no longer wants this incident to be acted on (or observed); empty while it does."""
    policy, spec = situation.policy, situation.remediation.spec
    if policy is None or (spec.policy_ref.uid and policy.uid != spec.policy_ref.uid):
        return "the policy was deleted"
    if not policy.ready:
        return f"the policy is not ready: {policy.not_ready_reason}"
    if not situation.covered:
        return "the policy is no longer for this workload"
    if (policy.mode in ACTING) != (spec.mode in ACTING) and not (spec.by_hand and spec.mode == "Observe"):
        return f"the policy's mode is now {policy.mode}"
    return ""


def why_not_sent(situation: Situation, status: RemediationStatus, attempt: Attempt, now: datetime) -> str:
    """Why the write of an attempt that was intended is not sent after all; empty where nothing forbids it.

    Whatever people or the world around may have come to forbid since the intent is asked again.
    """
    if attempt.kind == "Revert":
        return _why_not_reverted(situation, status, attempt, now)
    if over := why_over(situation):
        return over
    if disapproved := _why_not_approved(situation, status, attempt):
        return disapproved
    return _say(guards.first_denial(situation, now, Moment.SEND, action=_traits(situation, attempt)))


def why_no_further(situation: Situation, now: datetime) -> str:
    """Why an attempt whose write has landed does nothing more; empty where nothing forbids it."""
    return why_over(situation) or _say(guards.first_denial(situation, now, Moment.REPLACE))


def _why_not_reverted(situation: Situation, status: RemediationStatus, attempt: Attempt, now: datetime) -> str:
    """A temporary change outlives its policy; reverting a step that failed is a part of the incident."""
    if situation.budget is not None and situation.budget.leaving(now) == "Drop":
        return "people let it stay: platelet is about to be removed"
    is_own_step = bool(status.reverting) and attempt.id.startswith(f"{status.reverting}/back")
    if is_own_step and (over := why_over(situation)):
        return over
    moment = Moment.REVERT_STEP if is_own_step else Moment.REVERT
    return _say(guards.first_denial(situation, now, moment))


def _why_not_approved(situation: Situation, status: RemediationStatus, attempt: Attempt) -> str:
    given = approvals.approved(status, attempt.id)
    if given is not None and situation.remediation.annotations.get(REJECT) == given.token:
        return "a person has rejected it meanwhile"
    step = _step_of(situation, attempt)
    if step is None or attempt.approved_by:
        return ""
    why = approvals.why_needed(situation, step)
    return f"a person must approve it now: {why}" if why else ""


def _traits(situation: Situation, attempt: Attempt) -> ActionTraits:
    """What guards must know of the attempt's action; where its step cannot be read, without that one's settings."""
    step = _step_of(situation, attempt)
    if step is not None and step.action == attempt.action:
        return step.traits
    action = actions.BY_KEY.get(attempt.action)
    return action.traits if action is not None else ActionTraits(name=attempt.action)


def _step_of(situation: Situation, attempt: Attempt) -> Step | None:
    return next(iter(situation.ladder.steps[attempt.step : attempt.step + 1]), None)


def _say(denial: tuple[str, Deny] | None) -> str:
    return f"{denial[1].reason}: {denial[1].message}" if denial else ""
