"""Whether a policy is for a workload at this moment, and if not, why not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from platelet.api.policy import LoadedPolicy
from platelet.api.selectors import LabelSelector
from platelet.api.targets import Targets
from platelet.core import opening, signals
from platelet.model.durations import format_duration
from platelet.model.signal import Evidence, Signal
from platelet.model.workload import Pod, WorkloadRef
from platelet.shell.policy_book import Standing
from platelet.shell.sight import Sight
from platelet.triggers import symptoms
from platelet.triggers.alert import AlertTrigger
from platelet.triggers.pod import PodTrigger
from platelet.triggers.query import QueryTrigger


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
    standings: Sequence[Standing | Unread],
    target: WorkloadRef,
    sight: Sight,
    facts: Mapping[str, Sequence[Evidence]],
    now: datetime,
) -> tuple[Candidate, ...]:
    """Judge all policies, the acting ones against each other.

    `facts` are those of the open Remediations, by the policy that looked for them: others' signals are not its own.
    """
    known = [each for each in standings if isinstance(each, Standing)]
    matching = [each for each in known if not unfit(each, target, sight)]
    winner = opening.choose([each.policy for each in matching])
    candidates = []
    for each in standings:
        if isinstance(each, Unread):
            candidates.append(Candidate(key=each.key, mode="unknown", matches=False, because=(each.because,)))
        elif each not in matching:
            because = tuple(unfit(each, target, sight))
            candidates.append(Candidate(key=each.policy.key, mode=each.policy.mode, matches=False, because=because))
        else:
            own = facts.get(each.policy.key, ())
            candidates.append(_judge_match(each, winner.key if winner else "", sight, own, now))
    return tuple(candidates)


def with_strays(candidates: Iterable[Candidate], strays: Mapping[str, Sequence[Evidence]]) -> tuple[Candidate, ...]:
    """Add to each policy, by key, the alerts that it is for and whose workload is not known: maybe this one."""
    return tuple(replace(each, because=each.because + _say_strays(strays.get(each.key, ()))) for each in candidates)


def _say_strays(strays: Sequence[Evidence]) -> tuple[str, ...]:
    firing = [each for each in strays if each.resolved_at is None]
    if not firing:
        return ()
    return (
        "alerts that name no workload it knows: " + _few((f"{each.reason} ({each.message})" for each in firing), 3),
    )


def shown(pods: Sequence[Pod], now: datetime) -> tuple[str, ...]:
    """What the pods show, whatever any policy asks for. Those that are over, or on their way out, do not count."""
    active = [each for each in pods if each.is_active]
    said = [f"{sum(each.ready for each in active)} of {len(active)} pods are ready"]
    for reason in symptoms.ORDER:
        found = [symptoms.find(reason, each, now, 0, None) for each in pods]
        sick = [each for each in found if each is not None]
        counting = sum(symptoms.counts(each, reason) for each in pods)
        if sick and not (reason == "Unready" and len(said) > 1):
            said.append(f"{reason}: {symptoms.describe(sick, counting)}")
    return tuple(said)


def unfit(standing: Standing, target: WorkloadRef, sight: Sight) -> list[str]:
    """Why the policy is not for this workload whatever happens to it; empty when it is."""
    policy, loaded = standing.policy, standing.loaded
    said = [] if policy.ready else [f"not ready: {policy.not_ready_reason}"]
    if policy.ready and target.namespace not in standing.namespaces:
        said.append(f"its namespaceSelector does not choose namespace {target.namespace}")
    labels = sight.workload.labels if sight.workload is not None else {}
    if not loaded.targets.matches(labels, target.name, target.kind):
        said.append(f"not a target: {_describe_targets(loaded.targets, labels)}")
    return said


def _judge_match(standing: Standing, winner: str, sight: Sight, facts: Sequence[Evidence], now: datetime) -> Candidate:
    policy, loaded = standing.policy, standing.loaded
    said = []
    if policy.mode == "Observe":
        said.append("mode Observe: it says what it would do, and does nothing")
    elif policy.key != winner:
        said.append(f"policy {winner} takes precedence, by priority and name")
    if policy.suspended:
        said.append(f"suspended by people: {policy.suspended}")
    said += [f"a trigger is not used: {each.reason}: {each.message}" for each in loaded.unusable]
    found = _signals(loaded, sight, facts, now)
    if found:
        said += [f"{each.reason} since {_briefly(each.since)}: {each.message}" for each in found]
    else:
        said.append("no trigger holds now: " + "; ".join(_describe_triggers(loaded, facts)))
    return Candidate(key=policy.key, mode=policy.mode, matches=True, signals=tuple(found), because=tuple(said))


def _signals(loaded: LoadedPolicy, sight: Sight, facts: Sequence[Evidence], now: datetime) -> list[Signal]:
    if sight.workload is None:
        return []
    asked = {"alert": loaded.alert_triggers, "query": loaded.query_triggers}
    known = [each for each in facts if asked.get(each.source, True)]
    triggers, named = loaded.looked_for, loaded.alert_triggers
    return list(signals.current(triggers, known, sight.workload, sight.revisions, sight.pods, now, named))


def _describe_triggers(loaded: LoadedPolicy, facts: Sequence[Evidence]) -> list[str]:
    pods = [_describe_pod_trigger(each) for each in loaded.pod_triggers]
    pods += [f"it looks for {' or '.join(each.conditions)} of the workload" for each in loaded.workload_triggers]
    alerts = [_describe_alert_trigger(each, facts) for each in loaded.alert_triggers]
    return pods + alerts + [_describe_query_trigger(each, facts) for each in loaded.query_triggers]


def _describe_pod_trigger(trigger: PodTrigger) -> str:
    words = f"it looks for pods with {' or '.join(trigger.reasons)}"
    if {"CrashLoopBackOff", "OOMKilled"} & set(trigger.reasons):
        words += f", {trigger.min_restarts} restarts at least"
    return words + (f", for {format_duration(trigger.for_)}" if trigger.for_ else "")


def _describe_alert_trigger(trigger: AlertTrigger, facts: Sequence[Evidence]) -> str:
    firing = [each for each in facts if each.source == "alert" and each.resolved_at is None]
    seen = "firing ones are on record" if firing else "none is on record for this workload"
    return f"it looks for alerts with {', '.join(trigger.matchers)}: {seen}"


def _describe_query_trigger(trigger: QueryTrigger, facts: Sequence[Evidence]) -> str:
    present = [each for each in facts if each.source == "query" and each.resolved_at is None]
    seen = "results are on record" if present else "none is on record for this workload"
    return f"it looks for results of {trigger.expr} {trigger.bound}: {seen}"


def _describe_targets(targets: Targets, labels: Mapping[str, str]) -> str:
    """Say whom the policy is for, and what the workload has instead."""
    if targets.refs is not None:
        return "the policy names " + _few(f"{each.kind} {each.name}" for each in targets.refs)
    if targets.selector is None:
        return f"the policy is for {' and '.join(targets.kinds)} only"
    has = _few(f"{key}={value}" for key, value in sorted(labels.items())) or "no labels"
    return f"the policy asks for {_describe_selector(targets.selector)}; the workload's own metadata has {has}"


def _describe_selector(selector: LabelSelector) -> str:
    parts = [f"{key}={value}" for key, value in selector.match_labels.items()]
    for each in selector.match_expressions:
        values = f" ({', '.join(each.values)})" if each.values else ""
        parts.append(f"{each.key} {each.operator}{values}")
    return ", ".join(parts)


def _few(words: Iterable[str], most: int = 10) -> str:
    found = list(words)
    rest = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + rest


def _briefly(at: datetime) -> str:
    """Write a time without fractions of a second."""
    return at.replace(microsecond=0).isoformat().replace("+00:00", "Z")
