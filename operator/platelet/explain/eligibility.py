"""Whether a policy is for a workload at this moment, and if not, why not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from platelet import triggers
from platelet.api.kinds.policy import LoadedPolicy
from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.api.kinds.targets import NO_TARGETS, Targets
from platelet.api.readers.selectors import LabelSelector
from platelet.core import opening, signals
from platelet.explain import calls
from platelet.model import symptoms
from platelet.model.enumeration import name_some
from platelet.model.signal import TOLD, Evidence, Signal
from platelet.model.snapshot import Snapshot
from platelet.model.trigger import Trigger
from platelet.model.untargeted_alert import UntargetedAlert
from platelet.model.workload import Pod, WorkloadRef

_NAMED = 10  # targets, or labels, in a sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A policy, or all those of a namespace, of which nothing is known but why."""

    key: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One policy and one workload. `because` says what keeps the policy from acting, or that nothing does."""

    key: str  # namespace/name
    mode: str
    matches: bool  # ready, and the workload is one of its targets
    signals: tuple[Signal, ...] = ()
    because: tuple[str, ...] = ()


def judge(
    resolved_policies: Sequence[ResolvedPolicy | Unread],
    target: WorkloadRef,
    snapshot: Snapshot,
    facts: Mapping[str, Sequence[Evidence]],
    now: datetime,
) -> tuple[Candidate, ...]:
    """Judge all policies, the acting ones against each other.

    `facts` are those of the open Remediations, by the policy that looked for them: others' signals are not its own.
    """
    known = [resolved for resolved in resolved_policies if isinstance(resolved, ResolvedPolicy)]
    matching = [resolved for resolved in known if not unfit(resolved, target, snapshot)]
    winner = opening.choose([resolved.policy for resolved in matching])
    candidates = []
    for resolved in resolved_policies:
        if isinstance(resolved, Unread):
            candidates.append(Candidate(key=resolved.key, mode="unknown", matches=False, because=(resolved.because,)))
        elif resolved not in matching:
            because = tuple(unfit(resolved, target, snapshot))
            candidates.append(
                Candidate(key=resolved.policy.key, mode=resolved.policy.mode, matches=False, because=because)
            )
        else:
            own = facts.get(resolved.policy.key, ())
            candidates.append(_judge_match(resolved, winner.key if winner else "", snapshot, own, now))
    return tuple(candidates)


def with_strays(
    candidates: Iterable[Candidate], strays: Mapping[str, Sequence[UntargetedAlert]]
) -> tuple[Candidate, ...]:
    """Add to each policy, by key, the alerts that it is for and whose workload is not known: maybe this one."""
    return tuple(
        replace(candidate, because=candidate.because + _say_strays(strays.get(candidate.key, ())))
        for candidate in candidates
    )


def _say_strays(strays: Sequence[UntargetedAlert]) -> tuple[str, ...]:
    firing = [stray for stray in strays if stray.is_open]
    if not firing:
        return ()
    alerts = name_some([f"{alert.reason} ({alert.message}{_say_call(alert)})" for alert in firing], 3)
    return (f"alerts that name no workload it knows: {alerts}",)


def _say_call(alert: UntargetedAlert) -> str:
    return f"; {calls.say(alert)}" if alert.call is not None else ""


def shown(pods: Sequence[Pod], now: datetime) -> tuple[str, ...]:
    """What the pods show, whatever any policy asks for. Those that are over, or on their way out, do not count."""
    active = [pod for pod in pods if pod.is_active]
    lines = [f"{sum(pod.ready for pod in active)} of {len(active)} pods are ready"]
    for reason in symptoms.ORDER:
        symptom_of_each = [symptoms.find(reason, pod, now, 0, None) for pod in pods]
        sick = [symptom for symptom in symptom_of_each if symptom is not None and symptom.since <= now]
        counting = sum(symptoms.counts(pod, reason) for pod in pods)
        if sick and not (reason == "Unready" and len(lines) > 1):
            lines.append(f"{reason}: {symptoms.describe(sick, counting)}")
    return tuple(lines)


def unfit(resolved: ResolvedPolicy, target: WorkloadRef, snapshot: Snapshot) -> list[str]:
    """Why the policy is not for this workload whatever happens to it; empty when it is."""
    policy, loaded = resolved.policy, resolved.loaded
    reasons = [] if policy.ready else [f"not ready: {policy.not_ready_reason}"]
    if policy.ready and target.namespace not in resolved.namespaces:
        reasons.append(f"its namespaceSelector does not choose namespace {target.namespace}")
    labels = snapshot.workload.labels if snapshot.workload is not None else {}
    if not loaded.targets.matches(labels, target.name, target.kind):
        reasons.append(f"not a target: {_describe_targets(loaded.targets, labels)}")
    return reasons


def _judge_match(
    resolved: ResolvedPolicy, winner: str, snapshot: Snapshot, facts: Sequence[Evidence], now: datetime
) -> Candidate:
    policy, loaded = resolved.policy, resolved.loaded
    because = []
    if policy.mode == "Observe":
        because.append("mode Observe: it says what it would do, and does nothing")
    elif policy.key != winner:
        because.append(f"policy {winner} takes precedence, by priority and name")
    if policy.suspended:
        because.append(f"suspended by people: {policy.suspended}")
    because += [f"a trigger is not used: {fault.reason}: {fault.message}" for fault in loaded.unusable]
    holding = _signals(loaded, snapshot, facts, now)
    if holding:
        because += [f"{signal.reason} since {_briefly(signal.since)}: {signal.message}" for signal in holding]
    else:
        looked_for = (triggers.of(settings).describe(settings, facts) for settings in loaded.triggers)
        because.append("no trigger holds now: " + "; ".join(looked_for))
    return Candidate(key=policy.key, mode=policy.mode, matches=True, signals=tuple(holding), because=tuple(because))


def _signals(loaded: LoadedPolicy, snapshot: Snapshot, facts: Sequence[Evidence], now: datetime) -> list[Signal]:
    if snapshot.workload is None:
        return []
    sources = {trigger.source for trigger, _ in loaded.triggers_of(Trigger)}
    known = [fact for fact in facts if fact.source not in TOLD or fact.source in sources]
    chosen = loaded.triggers
    return list(signals.current(chosen, known, snapshot.workload, snapshot.revisions, snapshot.pods, now))


def _describe_targets(targets: Targets, labels: Mapping[str, str]) -> str:
    """Say whom the policy is for, and what the workload has instead."""
    if targets == NO_TARGETS:
        return "the policy is for no workload"
    if targets.refs is not None:
        return "the policy names " + name_some([f"{ref.kind} {ref.name}" for ref in targets.refs], _NAMED)
    if targets.selector is None:
        return f"the policy is for {' and '.join(targets.kinds)} only"
    has = name_some([f"{key}={value}" for key, value in sorted(labels.items())], _NAMED) or "no labels"
    return f"the policy asks for {_describe_selector(targets.selector)}; the workload's own metadata has {has}"


def _describe_selector(selector: LabelSelector) -> str:
    parts = [f"{key}={value}" for key, value in selector.match_labels.items()]
    for expression in selector.match_expressions:
        values = f" ({', '.join(expression.values)})" if expression.values else ""
        parts.append(f"{expression.key} {expression.operator}{values}")
    return ", ".join(parts)


def _briefly(at: datetime) -> str:
    """Write a time without fractions of a second."""
    return at.replace(microsecond=0).isoformat().replace("+00:00", "Z")
