"""What people have withdrawn since a decision was made: asked until the write has left, and at each look after it."""

from dataclasses import replace
from datetime import datetime

from platelet import actions, guards
from platelet.core import approving
from platelet.model.approval import REJECT
from platelet.model.policy import ACTING, Step
from platelet.model.remediation import Attempt, RemediationStatus
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
    if attempt.kind == "TakeBack":
        return _why_not_taken_back(situation, status, attempt, now)
    if over := why_over(situation):
        return over
    seen = _with_traits(situation, attempt)
    if disapproved := _why_not_approved(seen, status, attempt):
        return disapproved
    return _say(guards.first_denial(seen, now, guards.BEFORE_SENDING))


def why_no_further(situation: Situation, now: datetime) -> str:
    """Why an attempt whose write has landed does nothing more; empty where nothing forbids it."""
    return why_over(situation) or _say(guards.first_denial(situation, now, guards.WHILE_UNDER_WAY))


def _why_not_taken_back(situation: Situation, status: RemediationStatus, attempt: Attempt, now: datetime) -> str:
    """A temporary change outlives its policy; taking back a step that failed is a part of the incident."""
    if situation.budget is not None and situation.budget.leaving(now) == "Drop":
        return "people let it stay: platelet is about to be removed"
    if status.undoing and attempt.id.startswith(f"{status.undoing}/back") and (over := why_over(situation)):
        return over
    return _say(guards.first_denial(situation, now, guards.FOR_TAKING_BACK))


def _why_not_approved(situation: Situation, status: RemediationStatus, attempt: Attempt) -> str:
    given = approving.approved(status, attempt.id)
    if given is not None and situation.remediation.annotations.get(REJECT) == given.token:
        return "a person has rejected it meanwhile"
    step = _step_of(situation, attempt)
    if step is None or attempt.approved_by:
        return ""
    why = approving.why_needed(situation, step, situation.action)
    return f"a person must approve it now: {why}" if why else ""


def _with_traits(situation: Situation, attempt: Attempt) -> Situation:
    """The situation as the guards must see it: with what they must know of the attempt's action."""
    action = actions.BY_KEY.get(attempt.action)
    if action is None:
        return situation
    step = _step_of(situation, attempt)
    if step is None or step.action != action.key or step.settings is None:
        return replace(situation, action=action.traits)
    return replace(situation, action=action.traits_with(step.settings))


def _step_of(situation: Situation, attempt: Attempt) -> Step | None:
    return next(iter(situation.steps[attempt.step : attempt.step + 1]), None)


def _say(denial: tuple[str, Deny] | None) -> str:
    return f"{denial[1].reason}: {denial[1].message}" if denial else ""
