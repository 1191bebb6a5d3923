"""evictPods: let failing pods go by the Eviction API, so that their controller makes others, maybe on another node.

Only what fails by its own status and is not ready at this moment; never one that is well. A PodDisruptionBudget that
says no is waited for, and never got round by a deletion. Beside them go pods of the target that are over (Failed: the
kubelet has evicted them, say), which no controller of a Deployment ever removes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Final

from pydantic import ConfigDict, Field

from platelet.changes import evicted_pod
from platelet.model import disruption, reasons, symptoms
from platelet.model.durations import CAMEL
from platelet.model.intent import MAX_CHANGES
from platelet.model.policy import ActionTraits
from platelet.model.resource import DISRUPTION_BUDGETS
from platelet.model.rights import Right
from platelet.model.rules import Action
from platelet.model.situation import Situation
from platelet.model.symptoms import Symptom
from platelet.model.verdict import Pause, Plan, Refusal
from platelet.model.workload import Pod, Workload

_ASK_EVERY: Final = timedelta(seconds=10)
_NO_REMEDY: Final = frozenset({"Unschedulable", "StuckTerminating"})
"""Another one like it finds no node either; and what is to go already is only ever forced, which nobody does here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvictPods:
    """Evict pods that fail, by the Eviction API: a PodDisruptionBudget that forbids it is waited for.

    Never one that is ready. Pods of the workload that are over (phase Failed) are removed beside them, so that all are
    4 at most. What is evicted cannot be brought back.
    """

    max_pods: Annotated[
        int, Field(ge=1, le=MAX_CHANGES, description="How many failing pods at once, those that were made first.")
    ] = 1

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(slots=True, kw_only=True)
class _Failing:
    """The pods that fail: which may go now, which run for the moment, which a budget holds."""

    free: list[Symptom] = field(default_factory=list)
    running: list[Symptom] = field(default_factory=list)
    held: list[tuple[Symptom, str]] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.free) + len(self.running) + len(self.held)


def plan(settings: EvictPods, situation: Situation, now: datetime) -> Plan | Refusal:
    """Pin each pod by its uid; wait where all of them run for a moment, or a budget holds them."""
    live = situation.snapshot.workload
    if live is None:
        return Refusal(reason=reasons.TARGET_GONE, message="the workload is gone, there is nothing to evict")
    budgets = _budgets(live, situation)
    if len(budgets) > 1:
        names = ", ".join(map(disruption.name_of, budgets))
        message = f"PodDisruptionBudgets {names} select its pods: the Eviction API takes no pod that has several"
        return Refusal(reason=reasons.DISRUPTION_BUDGET, message=message)
    owned = sorted(_owned(situation), key=lambda pod: (pod.created_at, pod.name))
    failing = _sort_out(owned, budgets, situation, now)
    over = [pod for pod in owned if pod.phase == "Failed" and not pod.deleting]
    chosen = [symptom.pod for symptom in failing.free[: settings.max_pods]]
    cleaned = over[: MAX_CHANGES - len(chosen)]
    if chosen or (cleaned and not failing.count):
        changes = tuple(evicted_pod.of(pod) for pod in (*chosen, *cleaned))
        return Plan(changes=changes, summary=_say(chosen, failing.count, cleaned))
    if failing.count:
        return _wait(failing, now)
    return Refusal(reason=reasons.NOTHING_TO_EVICT, message=f"no pod of {live.ref} fails so that another may do better")


def _owned(situation: Situation) -> list[Pod]:
    """Its controller makes another one in their place: what belongs to nobody stays."""
    return [pod for pod in situation.snapshot.pods if pod.owner is not None]


def _budgets(live: Workload, situation: Situation) -> tuple[disruption.Json, ...]:
    """Those of its pods. Where they may not be read, only the API server's answer tells of them."""
    labels = (live.template.get("metadata") or {}).get("labels") or {}
    return disruption.selecting(situation.surroundings.lists.get(DISRUPTION_BUDGETS.plural) or (), labels)


def _sort_out(pods: Sequence[Pod], budgets: Sequence[disruption.Json], situation: Situation, now: datetime) -> _Failing:
    failing = _Failing()
    signals = [signal for signal in situation.signals if signal.source == "pod" and signal.counts(now)]
    named = {name for signal in signals for name in signal.pods}
    for pod in pods:
        symptom = _symptom(pod, now, is_named=pod.name in named)
        if symptom is None:
            continue
        why_held = "; ".join(filter(None, (disruption.why_held(budget, pod) for budget in budgets)))
        if pod.ready:
            failing.running.append(symptom)
        elif why_held:
            failing.held.append((symptom, why_held))
        else:
            failing.free.append(symptom)
    return failing


def _symptom(pod: Pod, now: datetime, *, is_named: bool) -> Symptom | None:
    """What it shows: at once where the policy's trigger named the pod, else once it has lasted for the usual time."""
    for reason in symptoms.ORDER:
        least = 1 if is_named else symptoms.MIN_RESTARTS
        shown = symptoms.find(reason, pod, now, least, None) if reason not in _NO_REMEDY else None
        patience = timedelta() if is_named else symptoms.PATIENCE.get(reason, timedelta())
        if shown is not None and shown.since + patience <= now:
            return shown
    return None


def _wait(failing: _Failing, now: datetime) -> Plan:
    if failing.held:
        symptom, why = failing.held[0]
        reason, message = reasons.DISRUPTION_BUDGET, f"{why}: pod {symptom.pod.name} is evicted once that lets it go"
    else:
        symptom = failing.running[0]
        reason = reasons.RUNS_AT_THE_MOMENT
        message = f"pod {symptom.pod.name} fails again and again ({symptom.words}), and is ready at this moment"
    again_at = now + _ASK_EVERY
    pause = Pause(reason=reason, message=message, until=again_at, look_at=again_at)
    return Plan(changes=(), summary=f"evict pod {symptom.pod.name}", pause=pause)


def _say(chosen: Sequence[Pod], failing: int, cleaned: Sequence[Pod]) -> str:
    parts = []
    if chosen:
        parts.append(f"evict {len(chosen)} of {failing} failing pods: {_names(chosen)}")
    if cleaned:
        parts.append(f"remove {len(cleaned)} that {'are' if len(cleaned) > 1 else 'is'} over: {_names(cleaned)}")
    return ", and ".join(parts)


def _names(pods: Sequence[Pod]) -> str:
    return ", ".join(pod.name for pod in pods)


ACTION = Action(
    key="evictPods",
    settings=EvictPods,
    changes=(evicted_pod.CHANGE,),
    rights=evicted_pod.CHANGE.rights,
    traits=ActionTraits(name="evictPods", replaces_pods=True),
    needs_room=lambda _settings: True,
    plan=plan,
    lists=(DISRUPTION_BUDGETS,),
    reads=(Right(group=DISRUPTION_BUDGETS.group, resource=DISRUPTION_BUDGETS.plural, verb="list"),),
)
