"""One Remediation explained, as values: what is known, every step with every guard's answer, and what comes next."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from platelet import actions, guards
from platelet.core import conditions, due_reverts
from platelet.explain import outlook
from platelet.model.budget import Entry
from platelet.model.policy import Step
from platelet.model.remediation import BEFORE_ACTING, Attempt, DecisionRecord, Remediation
from platelet.model.signal import Signal
from platelet.model.situation import Situation
from platelet.model.verdict import Deny, Plan, Refusal
from platelet.model.workload import WorkloadRef

Place = Literal["behind", "current", "ahead"]
_JUDGED = (*BEFORE_ACTING, "Acting", "Verifying", "Monitoring")  # the states from which a step may still be taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the guards and the action would say to a step now. The guards are asked about the current step only."""

    condition: conditions.Answer
    plan: Plan | Refusal
    verdicts: tuple[tuple[str, Deny | None], ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether it would be taken."""
        denied = any(denial is not None for _, denial in self.verdicts)
        return self.condition.holds and isinstance(self.plan, Plan) and not denied


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderStep:
    """One step of the ladder: what is on record for it, and how it stands now (None: it is not asked any more)."""

    step: Step
    place: Place
    judgement: Judgement | None
    attempts: tuple[Attempt, ...] = ()
    decisions: tuple[DecisionRecord, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Everything that `explain` says of one Remediation. It holds no template."""

    remediation: Remediation
    target: WorkloadRef
    target_exists: bool
    policy: str  # what is true of it now
    looked_at: bool  # an operator has seen it
    signals: tuple[Signal, ...]
    ladder: tuple[LadderStep, ...]
    reverts: tuple[Entry, ...]
    following: tuple[outlook.Next, ...]
    now: datetime


def explain(situation: Situation, now: datetime) -> Incident:
    """Explain one situation. Pure: nothing is read, nothing is done."""
    looked_at = situation.remediation.status.opened_at is not None
    following = outlook.following(situation, now)
    situation = outlook.begun(situation, now)
    return Incident(
        remediation=situation.remediation,
        target=situation.target,
        target_exists=situation.snapshot.workload is not None,
        policy=_policy(situation),
        looked_at=looked_at,
        signals=situation.signals,
        ladder=tuple(_ladder_step(situation, position, now) for position in range(len(situation.ladder.steps))),
        reverts=due_reverts.pending(situation),
        following=following,
        now=now,
    )


def _policy(situation: Situation) -> str:
    policy = situation.policy
    if policy is None:
        return "deleted, or its spec is not understood"
    if not policy.ready:
        return f"mode {policy.mode}, not ready: {policy.not_ready_reason}"
    return f"mode {policy.mode}, ready" + (f", suspended: {policy.suspended}" if policy.suspended else "")


def _ladder_step(situation: Situation, position: int, now: datetime) -> LadderStep:
    status, step = situation.remediation.status, situation.ladder.steps[position]
    place: Place = "current"
    if position != status.step:
        place = "behind" if position < status.step else "ahead"
    asked = status.state in _JUDGED and (place == "ahead" or (place == "current" and status.state in BEFORE_ACTING))
    return LadderStep(
        step=step,
        place=place,
        judgement=_judge(situation, position, now) if asked and situation.snapshot.workload is not None else None,
        attempts=tuple(attempt for attempt in status.attempts if attempt.step == position),
        decisions=tuple(decision for decision in status.decisions if decision.step == step.name),
    )


def _judge(situation: Situation, position: int, now: datetime) -> Judgement:
    """Ask the step as the flow does when it gets there, but ask everything, whatever the first no is.

    What would hold back a step that may never come is not known: what guards look at is read when it is reached.
    """
    step = situation.ladder.steps[position]
    status = replace(situation.remediation.status, step=position, step_name=step.name)
    action, is_current = actions.BY_KEY[step.action], position == situation.remediation.status.step
    seen = replace(situation, remediation=replace(situation.remediation, status=status))
    return Judgement(
        condition=conditions.holds(step, situation, status, now),
        plan=action.plan(step.settings, seen, now),
        verdicts=guards.all_verdicts(seen, step.traits, now) if action.writes and is_current else (),
    )
