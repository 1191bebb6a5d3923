"""What happens next and when: the operator's own `decide`, played forward on one situation without any effect."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from platelet.core import due_reverts, escalating, levels, recent_changes, waiting
from platelet.core.decide import decide
from platelet.core.decision import Decision
from platelet.explain import proof
from platelet.model import approval, effects
from platelet.model.durations import format_duration
from platelet.model.remediation import RemediationStatus
from platelet.model.situation import Situation
from platelet.model.verdict import Plan

_TURNS = 40  # as many as a Remediation has steps and states to pass through, and more


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """One thing that will happen, and when (None: when the world changes)."""

    text: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Where `decide` comes to rest, or which effect it asks for first."""

    situation: Situation  # with the status at rest
    decision: Decision

    @property
    def status(self) -> RemediationStatus:
        """The status at rest."""
        return self.decision.status


def begun(situation: Situation, now: datetime) -> Situation:
    """A Remediation that no operator has looked at yet, with the step and the evidence that the first look gives it."""
    remediation = situation.remediation
    if remediation.status.opened_at is not None:
        return situation
    spec = remediation.spec
    status = replace(remediation.status, opened_at=now, step=spec.first_step, evidence=(spec.signal,))
    status = recent_changes.note(situation, status)
    return replace(situation, remediation=replace(remediation, status=status))


def outlook_of(situation: Situation, now: datetime) -> Outlook:
    """Let `decide` go on until it rests or wants to change the world; accounts and Events are no change of it."""
    decision = decide(situation, now)
    for _ in range(_TURNS):
        resting = decision.status == situation.remediation.status
        if resting or any(not isinstance(effect, effects.Settle | effects.Publish) for effect in decision.effects):
            break
        situation = replace(situation, remediation=replace(situation.remediation, status=decision.status))
        decision = decide(situation, now)
    return Outlook(situation=situation, decision=decision)


def following(situation: Situation, now: datetime) -> tuple[Next, ...]:
    """Say what comes next, soonest first."""
    before = situation.remediation.status
    if before.state == "Closed":
        return (Next(text="nothing: it is closed; a new incident of the target opens a new Remediation"),)
    if before.state == "Verifying" and situation.knowledge.readings:  # of others, and whoever explains asks nobody
        said_last = f"{before.reason}: {before.message}"
        return (Next(text=f"verify again, by what the operator reads of others; it last said {said_last}"),)
    outlook = outlook_of(situation, now)
    after = outlook.status
    wanted = tuple(step for step in (_effect(effect, outlook, now) for effect in outlook.decision.effects) if step)
    coming = wanted
    if after.state != before.state:
        coming = (Next(text=f"{_becoming(after)}: {after.reason}: {after.message}", at=now), *wanted)
    if coming and after.state != "Escalated":
        return coming
    if after.state == "Closed":
        return coming
    return (*coming, *_at_rest(outlook, now))


def _becoming(status: RemediationStatus) -> str:
    match status.state:
        case "Closed":
            return "close"
        case "Escalated":
            return "stop, and tell people"
        case "Waiting":
            return f"go on with step {status.step + 1}"
        case _:
            return f"go on to {status.state}"


def _effect(effect: effects.Effect, outlook: Outlook, now: datetime) -> Next | None:
    match effect:
        case effects.Reserve() if effect.entry.kind == "Revert":
            return Next(text=f"take the temporary change of attempt {effect.entry.id} back", at=now)
        case effects.Reserve():
            rung = waiting.find_rung(outlook.situation, outlook.situation.remediation.status, now)
            plan = rung.plan.summary if rung is not None and isinstance(rung.plan, Plan) else "act"
            return Next(text=f"take a place on the ActionBudget, then {plan}", at=now)
        case effects.Write():
            return Next(text=f"send the write of attempt {effect.id}, unless it has been sent", at=now)
        case effects.Deliver():
            return Next(text=f"tell the policy's {effect.correlation.sink}", at=now)
        case _:
            return None


def _at_rest(outlook: Outlook, now: datetime) -> tuple[Next, ...]:
    status, again_at = outlook.status, outlook.decision.again_at
    if outlook.situation.remediation.spec.mode == "Observe":
        reason = f"nothing is done in mode Observe ({status.message}); it is judged again when something changes"
        return (
            Next(text=reason, at=again_at),
            Next(text="close as WouldHaveActed when every signal is gone"),
        )
    match status.state:
        case "Waiting":
            return _waiting(outlook, again_at, now)
        case "AwaitingApproval":
            return (*_awaiting(outlook), *_levels(outlook, now))
        case "Verifying":
            reason = proof.say_progress(outlook.situation, status, now)
            verify = Next(text=f"verify again ({status.reason}: {status.message})", at=again_at)
            return (*((Next(text=reason),) if reason else ()), verify)
        case "Monitoring":
            return _monitoring(outlook, again_at)
        case "Escalated":
            return (*_levels(outlook, now), *_escalated(outlook))
        case _:
            return (Next(text="look again", at=again_at),)


def _waiting(outlook: Outlook, again_at: datetime | None, now: datetime) -> tuple[Next, ...]:
    status, policy = outlook.status, outlook.situation.policy
    if status.quiet_since is not None:
        text = f"watch the target once it is well, else tell people ({status.reason}: {status.message})"
        return (Next(text=text, at=again_at),)
    coming = []
    asked = status.waiting.until if status.waiting else again_at
    why = f" ({status.waiting.by}: {status.waiting.reason})" if status.waiting else ""
    coming.append(Next(text=f"ask the guards again{why}, and earlier when something changes", at=asked))
    if policy is not None:
        gives_up = (status.waiting_since or now) + policy.limits.give_up_after
        coming.append(Next(text="give up and tell people, if nothing could be done until then", at=gives_up))
    return tuple(sorted(coming, key=lambda step: step.at or now))


def _awaiting(outlook: Outlook) -> tuple[Next, ...]:
    remediation, asked = outlook.situation.remediation, outlook.status.approval
    if asked is None:
        return ()
    how = approval.how_to_approve(remediation.namespace, remediation.name)
    kubectl = approval.how_to_annotate(remediation.namespace, remediation.name, asked.token)
    return (
        Next(text=f"a person approves: {how}"),
        Next(text=f"by kubectl alone: {kubectl}"),
        Next(text="ask the guards again, and earlier void the plan if it changes; then act"),
        Next(text="stop, and tell people, if nobody has approved by then", at=asked.expires_at),
    )


def _monitoring(outlook: Outlook, again_at: datetime | None) -> tuple[Next, ...]:
    due = due_reverts.next_due(outlook.situation)
    back = (Next(text="revert the temporary change", at=due),) if due_reverts.pending(outlook.situation) else ()
    watching = Next(
        text="look again: closed if the target stayed well, the next step if the fault came back", at=again_at
    )
    return (*back, watching) if again_at is None or again_at != due else back


def _levels(outlook: Outlook, now: datetime) -> Iterator[Next]:
    """Who is told next, level by level."""
    call = levels.calling(outlook.status)
    for coming in sorted(levels.coming(outlook.situation.policy, call, now), key=lambda level: level.at):
        unless = "or acknowledged before" if coming.level.until == "Acknowledged" else "before"
        verb, over = ("ask", "answered") if outlook.status.state == "AwaitingApproval" else ("tell", "over")
        text = f"{verb} level {coming.number}, {', '.join(coming.level.sinks)}, unless it is {over} {unless}"
        yield Next(text=text, at=coming.at)


def _escalated(outlook: Outlook) -> tuple[Next, ...]:
    """People have it: when it ends, and what they can do."""
    remediation, escalation = outlook.situation.remediation, outlook.status.escalation
    release = escalating.foresee_release(outlook.situation, outlook.status)
    soon, late = format_duration(escalating.stable_for(outlook.situation)), format_duration(escalating.QUIET_FOR)
    text = f"close, when the target has been well for {soon}"
    if escalation is not None and escalation.handed_over is not None and not remediation.spec.by_hand:
        text = f"{text} and somebody has changed something of it, or else for {late}"
    text = f"{text}; until then people have it"
    if escalation is not None and escalation.token:
        how = approval.how_to_retry(remediation.namespace, remediation.name)
        text = f"{text}, or hand it back, and its steps are tried again: {how}"
    return (Next(text=text, at=release.at if release else None),)
