"""The seam: total, bounded, and without an act where it may not act."""

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import assume, event, given
from hypothesis import strategies as st

from platelet import changes, guards
from platelet.actions.rollout_undo import RolloutUndo
from platelet.core import acting, needed_objects, reservation, since_escalation, target_state
from platelet.core.decide import decide
from platelet.core.decision import Decision
from platelet.guards import clock
from platelet.model import reasons
from platelet.model.effects import Annotate, DeletePod, Deliver, MarkRevision, Publish, Reserve, Settle, Write
from platelet.model.intent import REPLICAS, RESTART_STAMP, TEMPLATE
from platelet.model.policy import ACTING
from platelet.model.remediation import (
    BEFORE_ACTING,
    MAX_ATTEMPTS,
    MAX_DECISIONS,
    MAX_EVIDENCE,
    Remediation,
    RemediationStatus,
)
from platelet.model.situation import DeliveryResult, Situation
from platelet.model.verdict import Deny
from platelet.model.workload import Workload
from tests.properties.any_situation import OWNER, STALE, any_situation, many
from tests.unit.pins import precondition, restored
from tests.unit.situations import GOOD, NOW, a_sick_pod, a_situation, a_step, an_attempt, change, verifying

LOOKS = 20


def writes(decision: Decision) -> list[Write]:
    return [effect for effect in decision.effects if isinstance(effect, Write)]


def started(situation: Situation, decision: Decision) -> list[str]:
    """What a decision begins: places that it asks for, intents that it makes, writes that had no intent before."""
    before = {attempt.id for attempt in situation.remediation.status.attempts if attempt.phase == "Intended"}
    asked = [effect.entry.id for effect in decision.effects if isinstance(effect, Reserve)]
    intended = [
        attempt.id for attempt in decision.status.attempts if attempt.phase == "Intended" and attempt.id not in before
    ]
    return [*asked, *intended, *(write.id for write in writes(decision) if write.id not in before)]


def acts_started(situation: Situation, decision: Decision) -> list[str]:
    return [attempt for attempt in started(situation, decision) if "/back" not in attempt]


@many
@given(any_situation())
def test_every_situation_has_a_decision_and_its_lists_are_bounded(situation: Situation) -> None:
    status = decide(situation, NOW).status
    assert len(status.evidence) <= MAX_EVIDENCE
    assert len(status.attempts) <= MAX_ATTEMPTS
    assert len(status.decisions) <= MAX_DECISIONS


@many
@given(any_situation())
def test_a_decision_is_the_same_when_it_is_made_again(situation: Situation) -> None:
    assert decide(situation, NOW) == decide(situation, NOW)


@many
@given(any_situation())
def test_at_most_one_write_and_only_while_the_workload_means_what_was_planned(situation: Situation) -> None:
    decision = decide(situation, NOW)
    sent = writes(decision)
    assert len(sent) <= 1
    for write in sent:
        attempt = next(attempt for attempt in situation.remediation.status.attempts if attempt.write_id == write.id)
        workload = situation.snapshot.workload
        assert workload is not None
        assert attempt.phase == "Intended"
        live = changes.as_it_is(attempt.present, situation)
        assert live is not None
        assert live.values == attempt.present.before
        assert precondition(write) == (live.uid, live.resource_version)
        named = {workload.uid: workload.resource_version}
        named |= {
            autoscaler.bounds.uid: autoscaler.resource_version for autoscaler in situation.surroundings.autoscalers
        }
        assert live.resource_version == named[live.uid]
        assert workload.uid == attempt.pre.uid
        assert write.change == attempt.present
        assert write.target == situation.target
        assert target_state.same_meaning(situation, attempt)
        assert not target_state.landed(situation, attempt)
        assert not workload.deleting
        assert attempt.id in situation.own_writes.never_sent or target_state.untouched(situation, attempt)


def rolling(situation: Situation) -> Situation:
    """The same while an undo that pinned the replacement of stuck pods is verified; mostly, it has landed."""
    status, workload = situation.remediation.status, situation.snapshot.workload
    undo = an_attempt(changes=restored(GOOD, "api-good", stuck=True))
    seen = replace(status, opened_at=NOW, state="Verifying", verifying=verifying(), attempts=(undo,))
    if workload is not None and workload.replicas > 1:
        workload = replace(workload, uid="uid-api", template_hash=GOOD, ordered=True, observed_generation=3)
    others = [pod for pod in situation.snapshot.pods if pod.name != "api-0"]
    return change(
        situation,
        remediation=replace(situation.remediation, status=seen),
        workload=workload,
        pods=(a_sick_pod("api-0", owner=OWNER), *others),
    )


@many
@given(any_situation().map(rolling))
def test_at_most_one_pod_is_deleted_and_only_for_an_attempt_that_has_landed(situation: Situation) -> None:
    """One that is not ready, of a policy that acts, and not while people have suspended us."""
    deletions = [effect for effect in decide(situation, NOW).effects if isinstance(effect, DeletePod)]
    event(f"{len(deletions)} pods are deleted")
    for deletion in deletions:
        (attempt,) = situation.remediation.status.attempts
        assert deletion.attempt == attempt.id
        assert situation.snapshot.workload is not None
        assert target_state.landed(situation, attempt)
        assert situation.remediation.spec.mode in ACTING
        assert guards.suspended.deny(situation, NOW) is None
        (pod,) = [pod for pod in situation.snapshot.pods if pod.uid == deletion.uid]
        assert (pod.name, pod.ready, pod.deleting) == (deletion.name, False, False)
    assert len(deletions) <= 1


MUST_NOT_START: dict[str, dict[str, Any]] = {
    "the budget cannot be read": {"budget": None},
    "the policy was deleted": {"policy": None},
    "the workload was deleted": {"workload": None},
    "the clock is stale": {"clock_age_seconds": STALE},
    "the clock was never sampled": {"clock_age_seconds": math.inf},
    "an older remediation is open": {"older_open": "deployment-api-0"},
    "a younger remediation has no verdict yet": {"younger_acting": "deployment-api-2"},
    "the namespace is suspended": {"namespace_suspended": "freeze"},
    "the scope is unknown": {"scope": None},
}


@many
@given(any_situation(), st.sampled_from(sorted(MUST_NOT_START)))
def test_no_act_is_started_where_something_vital_is_missing(situation: Situation, why: str) -> None:
    """What has its intent on record is brought to its end: it was started before."""
    lacking = change(situation, **MUST_NOT_START[why])
    assert not acts_started(lacking, decide(lacking, NOW)), why


@many
@given(any_situation())
def test_nothing_at_all_is_started_while_the_clock_is_stale_or_no_budget_is_read(situation: Situation) -> None:
    """Reverts included."""
    if situation.budget is None or not situation.knowledge.clock_age_seconds <= clock.MAX_AGE_SECONDS:
        assert not started(situation, decide(situation, NOW))


@many
@given(any_situation())
def test_only_a_ready_acting_policy_of_an_acting_remediation_starts_an_act(situation: Situation) -> None:
    policy = situation.policy
    spec = situation.remediation.spec
    acts = policy is not None and policy.mode in ACTING and spec.mode in ACTING
    allowed = policy is not None and policy.ready and acts and not policy.suspended
    if not allowed or policy is None or policy.uid != spec.policy_ref.uid:
        assert not acts_started(situation, decide(situation, NOW))


@many
@given(any_situation(), st.sampled_from(["mode", "step"]), st.booleans())
def test_no_act_is_started_without_a_yes_to_exactly_this_attempt(
    situation: Situation,
    by: str,
    approved: bool,  # noqa: FBT001 - drawn
) -> None:
    """Whatever is annotated: what counts is the yes on record, for the attempt that is started."""
    if by == "mode" and situation.policy is not None:
        situation = replace(situation, policy=replace(situation.policy, mode="Approve"))
    if by == "step":
        situation = change(
            situation, steps=tuple(replace(step, needs_approval=True) for step in situation.ladder.steps)
        )
    if approved:
        situation = replace(situation, remediation=_answered(situation))
    given_for = situation.remediation.status.approval
    for attempt in acts_started(situation, decide(situation, NOW)):
        assert given_for is not None
        assert (given_for.attempt, given_for.answer) == (attempt, "Approved")
        assert given_for.expires_at > NOW


def _answered(situation: Situation) -> Remediation:
    """What is shown at the next look, with a yes on record to it."""
    asked = decide(situation, NOW).status.approval
    remediation = situation.remediation
    if asked is None:
        return remediation
    given_for = replace(asked, answer="Approved", by="ann", answered_at=NOW)
    return replace(remediation, status=replace(remediation.status, approval=given_for))


@many
@given(any_situation())
def test_an_observing_remediation_does_nothing_to_a_workload(situation: Situation) -> None:
    spec = replace(situation.remediation.spec, mode="Observe")
    observing = replace(situation, remediation=replace(situation.remediation, spec=spec))
    effects = decide(observing, NOW).effects
    assert not any(isinstance(effect, Reserve | Write | DeletePod | Annotate) for effect in effects)


@many
@given(any_situation(), st.timedeltas(timedelta(), timedelta(seconds=30)))
def test_where_a_cheap_guard_says_no_nothing_hangs_on_what_is_far_around(
    situation: Situation, passed: timedelta
) -> None:
    """So it need not be read: not even when the decision falls a little before the moment that was asked about.

    While an attempt is under way it is read.
    """
    remediation = situation.remediation
    assume(acting.unfinished(remediation.status) is None)
    waiting = replace(situation, remediation=replace(remediation, status=replace(remediation.status, state="Waiting")))
    if guards.is_denied_anyway(waiting, NOW, timedelta(seconds=30)):
        at_stake = needed_objects.asks_who_scales(waiting, NOW) or since_escalation.needs_autoscalers(waiting)
        known = waiting.surroundings.autoscalers if needed_objects.written_scalers(waiting) or at_stake else ()
        unread = decide(change(waiting, scope=None, autoscalers=known), NOW + passed)
        effects = [
            replace(effect, situation=waiting) if isinstance(effect, Reserve) else effect for effect in unread.effects
        ]
        assert replace(unread, effects=tuple(effects)) == decide(waiting, NOW + passed)
        assert not acts_started(waiting, unread)


@many
@given(any_situation(), st.timedeltas(timedelta(), timedelta(seconds=30)))
def test_who_scales_the_target_is_asked_wherever_what_follows_an_act_hangs_on_it(
    situation: Situation, passed: timedelta
) -> None:
    assume(situation.remediation.status.state not in BEFORE_ACTING)
    assume(not needed_objects.asks_who_scales(situation, NOW) and not since_escalation.needs_autoscalers(situation))
    if not needed_objects.written_scalers(situation):
        assert decide(change(situation, autoscalers=()), NOW + passed) == decide(situation, NOW + passed)


@many
@given(any_situation())
def test_what_is_closed_stays_as_it_is(situation: Situation) -> None:
    """It settles its reservations, tells its end to whoever was told of it, and takes its own mark off; no more.

    Where its end cannot be told, that is said.
    """
    closed = replace(situation.remediation.status, state="Closed")
    situation = replace(situation, remediation=replace(situation.remediation, status=closed))
    decision = decide(situation, NOW)
    assert replace(decision.status, notifications=()) == replace(closed, notifications=())
    assert all(isinstance(effect, Settle | Deliver | Annotate | Publish) for effect in decision.effects)
    assert all(effect.value is None for effect in decision.effects if isinstance(effect, Annotate))
    assert {effect.reason for effect in decision.effects if isinstance(effect, Publish)} <= {reasons.NOT_DELIVERED}


@many
@given(any_situation())
def test_a_place_is_asked_for_only_by_this_leader_and_never_under_a_used_id(situation: Situation) -> None:
    asked = [effect.entry for effect in decide(situation, NOW).effects if isinstance(effect, Reserve)]
    assert len(asked) <= 1
    used = {attempt.id for attempt in situation.remediation.status.attempts}
    used |= {entry.id for entry in situation.budget.status.entries} if situation.budget else set()
    for entry in asked:
        assert entry.epoch == situation.knowledge.epoch
        assert entry.id not in used
        assert entry.target == situation.target


@many
@given(any_situation())
def test_what_is_not_known_leads_to_people_unless_the_step_says_otherwise(situation: Situation) -> None:
    """I10: no reading, no sample, NaN, a stale one: never the next step by itself."""
    before = situation.remediation.status
    after = decide(situation, NOW).status
    known = {attempt.id for attempt in before.attempts if attempt.verdict == "Inconclusive"}
    judged = [attempt for attempt in after.attempts if attempt.verdict == "Inconclusive" and attempt.id not in known]
    for attempt in judged:
        step = situation.ladder.steps[attempt.step] if attempt.step < len(situation.ladder.steps) else None
        if step is None or step.on_inconclusive == "Escalate":
            assert (after.state, after.step) == ("Escalated", before.step)


def not_due(decision: Decision) -> bool:
    """Else the operator would read everything again and again for as long as nothing changes."""
    return decision.again_at is None or decision.again_at > NOW


def fed_back(situation: Situation, status: RemediationStatus) -> Situation:
    known = {attempt.id for attempt in situation.remediation.status.attempts}
    new = {attempt.id for attempt in status.attempts if attempt.phase == "Intended" and attempt.id not in known}
    return change(
        situation,
        remediation=replace(situation.remediation, status=status),
        never_sent=situation.own_writes.never_sent | new,
    )


@many
@given(any_situation())
def test_when_no_effect_comes_to_anything_the_status_comes_to_rest(situation: Situation) -> None:
    """With an API server that answers nothing but reads and status writes, nothing spins."""
    for _ in range(LOOKS):
        decision = decide(situation, NOW)
        if decision.status == situation.remediation.status:
            assert decision.effects or not_due(decision)
            return
        situation = change(fed_back(situation, decision.status), results=(), in_flight=frozenset())
    raise AssertionError(f"still changing: {situation.remediation.status}")


@many
@given(any_situation())
def test_when_effects_come_true_everything_comes_to_rest(situation: Situation) -> None:
    """In one moment: in the end nothing is changed and nothing done, but for asking a budget that says no."""
    for _ in range(2 * LOOKS):
        decision = decide(situation, NOW)
        lasting = [effect for effect in decision.effects if not isinstance(effect, Publish)]
        asked = change(situation, results=(), in_flight=frozenset())
        after = carried_out(fed_back(asked, decision.status), decision)
        if after == asked:
            assert all(isinstance(effect, Reserve) for effect in lasting), lasting
            assert lasting or not_due(decision)
            return
        situation = after
    raise AssertionError(f"still changing: {situation.remediation.status}")


def carried_out(situation: Situation, decision: Decision) -> Situation:
    """What the API server makes of the effects."""
    for effect in decision.effects:
        match effect:
            case Reserve() if situation.budget is not None:
                answer = reservation.reserve(situation.budget, effect.entry, effect.situation, NOW)
                if not isinstance(answer, Deny):
                    situation = replace(situation, budget=replace(situation.budget, status=answer))
            case Settle() if situation.budget is not None:
                settled = reservation.settle(situation.budget.status, effect)
                situation = replace(situation, budget=replace(situation.budget, status=settled))
            case MarkRevision():
                marked = tuple(
                    replace(record, health=effect.health) if record.name == effect.record else record
                    for record in situation.snapshot.records
                )
                situation = change(situation, records=marked)
            case Write() if situation.snapshot.workload is not None:
                situation = change(situation, workload=written(situation.snapshot.workload, effect))
            case Annotate() if situation.snapshot.workload is not None:
                annotations = {**situation.snapshot.workload.annotations, effect.key: effect.value}
                kept = {key: value for key, value in annotations.items() if value is not None}
                situation = change(situation, workload=replace(situation.snapshot.workload, annotations=kept))
            case Deliver():
                situation = change(situation, results=(*situation.own_writes.results, taken(effect)))
            case _:
                pass
    return situation


def taken(delivery: Deliver) -> DeliveryResult:
    correlation = delivery.correlation
    return correlation.result()


def written(workload: Workload, write: Write) -> Workload:
    meant = write.change.meant if write.change.object is None else {}
    return replace(
        workload,
        generation=workload.generation + 1,
        template_hash=meant.get(TEMPLATE, workload.template_hash),
        restart_stamp=meant.get(RESTART_STAMP, workload.restart_stamp),
        replicas=int(meant.get(REPLICAS, workload.replicas)),
    )


def test_the_properties_see_acts_at_all() -> None:
    """A situation in which everything is allowed leads to a reservation."""
    situation = a_situation(steps=(a_step(settings=RolloutUndo()),))
    assert acts_started(situation, decide(situation, NOW)) == ["rem-1/0/1"]
    assert acting.unfinished(situation.remediation.status) is None
