"""What is ready, and yet can never do a part of what it is written for: told on the object, by lint, by the doctor.

A caveat keeps nothing from acting: what a policy can do it does. That it cannot be used at all, its readiness tells.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from platelet import actions, checks, triggers
from platelet.api.kinds.escalation_policy import EscalationPolicy
from platelet.api.kinds.policy import LoadedPolicy
from platelet.model import message_template, promql, reasons
from platelet.model.durations import format_duration
from platelet.model.intent import ObjectRef
from platelet.model.message_template import BadTemplateError
from platelet.model.outside import ALERTMANAGER_FIX, Outside, host_of
from platelet.model.policy import Policy, Step
from platelet.model.request import Destination
from platelet.model.resource import Resource
from platelet.model.trigger import FromAlerts, FromQueries
from platelet.model.workload import Kind
from platelet.sinks import SINKS


@dataclass(frozen=True, slots=True)
class Caveat:
    """One thing that cannot work, with the fix."""

    reason: str  # a constant of model.reasons
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What was looked up in the cluster for one policy."""

    missing_targets: tuple[str, ...] = ()  # of targets.refs, such as `Deployment api`
    missing_objects: tuple[ObjectRef, ...] = ()  # that steps need
    secret_faults: Mapping[str, str] = field(default_factory=dict)  # by `sink.field`: why it cannot be used
    escalation_fault: Caveat | None = None  # why its EscalationPolicy is not followed
    missing_rights: tuple[str, ...] = ()  # what a trigger on Jobs needs and the operator may not do
    unfound: str = ""  # what keeps the operator from finding what an alert is about
    unrecorded: str = ""  # why what people are told cannot be put on record


def find_in_policy(
    loaded: LoadedPolicy, steps: Sequence[Step], outside: Outside | None, around: Surroundings
) -> tuple[Caveat, ...]:
    """Find the caveats of a policy that follows these steps. Without settings what depends on them is not judged."""
    return (
        *find_unused(loaded, outside),
        *find_own(loaded, steps, outside, around),
        *find_in_runbook(steps, outside),
    )


def find_own(
    loaded: LoadedPolicy, steps: Sequence[Step], outside: Outside | None, around: Surroundings
) -> tuple[Caveat, ...]:
    """Find the caveats of the policy itself, without those of its triggers and of its Runbook."""
    return (
        *_of_rights(around),
        *_of_targets(loaded, steps, around),
        *_of_steps(steps, around),
        *_of_sinks(own_destinations(loaded.policy), "spec.escalation", outside, around.secret_faults),
        *_of_holds({} if loaded.policy.levels else loaded.policy.sinks, "spec.escalation", outside),
        *((around.escalation_fault,) if around.escalation_fault is not None else ()),
        *_of_alerts(loaded, outside),
    )


def needed_by(steps: Iterable[Step]) -> dict[tuple[Resource, str], str]:
    """What must be there for steps ever to be planned, and the name of the step that needs it."""
    return {
        needed: step.name
        for step in reversed(tuple(steps))
        for needed in actions.BY_KEY[step.action].needs(step.settings)
    }


def find_unused(loaded: LoadedPolicy, outside: Outside | None) -> tuple[Caveat, ...]:
    """Find the triggers that cannot be used, where the policy has others."""
    unusable = loaded.with_usable_triggers(outside).unusable
    return tuple(Caveat(fault.reason, f"a trigger is not used: {fault.message}") for fault in unusable)


def find_in_runbook(steps: Iterable[Step], outside: Outside | None) -> tuple[Caveat, ...]:
    """Find the caveats of a Runbook's steps by themselves."""
    if outside is None:
        return ()
    written = [(step.name, checks.of(settings)) for step in steps for settings in step.verify.checks]
    vain = ((check, check.find_caveat(outside)) for check in checks.CHECKS)
    return tuple(
        Caveat(fault.reason, f"{check.name} of step {', '.join(dict.fromkeys(asking))} {fault.message}")
        for check, fault in vain
        if fault is not None and (asking := [name for name, asked in written if asked == check])
    )


def _of_targets(loaded: LoadedPolicy, steps: Sequence[Step], around: Surroundings) -> Iterable[Caveat]:
    kinds = frozenset(loaded.targets.all_kinds)
    if around.missing_targets:
        named = ", ".join(around.missing_targets)
        yield Caveat(reasons.TARGET_NOT_FOUND, f"spec.targets.refs: there is no {named}: correct the name")
    why_never = (triggers.of(settings).never_holds(settings, kinds) for settings in loaded.triggers)
    for why in dict.fromkeys(filter(None, why_never)):
        yield Caveat(reasons.TRIGGER_NEVER_HOLDS, why)
    yield from _of_look_backs(loaded, steps)
    scaling = [step.name for step in steps if step.action == "scale"]
    if scaling and kinds == {"DaemonSet"}:
        message = (
            f"step {', '.join(scaling)} scales, and a DaemonSet has one pod on each node: it is always passed over"
        )
        yield Caveat(reasons.STEP_NEVER_APPLIES, message)


def _of_look_backs(loaded: LoadedPolicy, steps: Sequence[Step]) -> Iterable[Caveat]:
    """Queries that go on seeing the time before a step for longer than the step waits for their end."""
    acting = [step for step in steps if actions.BY_KEY[step.action].writes]
    for trigger, settings in loaded.triggers_of(FromQueries):
        seen = promql.look_back(trigger.expression(settings))
        hasty = [step.name for step in acting if checks.patience_for_queries(step.verify) < seen]
        if hasty:
            message = f"a query looks back {format_duration(seen)}, and step {', '.join(hasty)} is not given that long"
            fix = f"add `alertResolved: {{timeout: {format_duration(seen)}}}` or more to its checks"
            yield Caveat(
                reasons.LOOKS_BACK_TOO_FAR, f"{message} to end it, so people decide though it has helped: {fix}"
            )


def find_in_escalation(
    escalation: EscalationPolicy,
    outside: Outside | None,
    secret_faults: Mapping[str, str],
    key_faults: Mapping[str, str] | None = None,
) -> tuple[Caveat, ...]:
    """Find the sinks of an EscalationPolicy that can tell nobody, and the callbacks by which nobody can answer."""
    of_sinks = _of_sinks(destinations_of(escalation.sinks), "spec.sinks", outside, secret_faults)
    of_holds = _of_holds(escalation.sinks, "spec.sinks", outside)
    return (*of_sinks, *of_holds, *_of_templates(escalation), *_of_callbacks(escalation, outside, key_faults or {}))


def no_escalation_policy(name: str, namespace: str) -> Caveat:
    """Say that there is none of this name."""
    message = f"spec.escalation.policyRef: there is no EscalationPolicy {name} in namespace {namespace}"
    return Caveat(reasons.ESCALATION_POLICY_NOT_FOUND, f"{message}, so nobody is told by it: create it")


def bad_escalation_policy(name: str, fault: str) -> Caveat:
    """Say that it cannot be followed."""
    message = f"spec.escalation.policyRef: EscalationPolicy {name} cannot be read, so nobody is told by it: {fault}"
    return Caveat(reasons.ESCALATION_POLICY_NOT_READY, message)


def _of_steps(steps: Sequence[Step], around: Surroundings) -> Iterable[Caveat]:
    for (resource, name), step in needed_by(steps).items():
        if resource.named(name) in around.missing_objects:
            message = f"step {step}: there is no {resource.kind} {name} where the policy acts, so it is passed over"
            yield Caveat(reasons.MISSING_REFERENCE, f"{message}: create it, or correct the name")


def _of_sinks(
    destinations: Mapping[str, Destination], path: str, outside: Outside | None, secret_faults: Mapping[str, str]
) -> Iterable[Caveat]:
    for name, destination in destinations.items():
        host = host_of(destination.url)
        if outside is not None and not outside.allows(host):
            message = f"{path}.{name}.url: {host} is not in allowedHosts of the operator's settings"
            yield Caveat(reasons.HOST_NOT_ALLOWED, f"{message}, so nobody is told by it: add it there")
        for field_name in destination.secrets:
            fault = secret_faults.get(f"{name}.{field_name}")
            if not fault:
                continue
            message = f"{path}.{name}.{field_name}: {fault}, so nobody is told by it"
            fix = "create it, or correct it, and let the operator read it (docs/rights.md)"
            yield Caveat(reasons.SECRET_NOT_READABLE, f"{message}: {fix}")


def _of_holds(sinks: Mapping[str, Any], path: str, outside: Outside | None) -> Iterable[Caveat]:
    """What holds back a page keeps the webhook from telling us of its alert, too: only who asks hears of its end."""
    if outside is None or outside.has_alertmanager:
        return
    for name, settings in sinks.items():
        if any(sink.holds_page(settings) for sink in SINKS if sink.settings is type(settings)):
            message = f"{path}.{name}: while it holds back a page, the end of that alert does not come by the webhook"
            yield Caveat(reasons.ALERTMANAGER_NOT_CONFIGURED, f"{message}: {ALERTMANAGER_FIX}")


def _of_templates(escalation: EscalationPolicy) -> Iterable[Caveat]:
    for name, template in escalation.templates.items():
        for part, text in (("title", template.title), ("body", template.body)):
            try:
                message_template.check(text)
            except BadTemplateError as error:
                message = f"spec.sinks.{name}.template.{part}: {error}"
                yield Caveat(
                    reasons.TEMPLATE_NOT_USED, f"{message}; until it is corrected, platelet's own words are sent"
                )


def _of_callbacks(
    escalation: EscalationPolicy, outside: Outside | None, key_faults: Mapping[str, str]
) -> Iterable[Caveat]:
    for name in escalation.callbacks:
        path = f"spec.callbacks.{name}"
        if outside is not None and not outside.accepts_callbacks:
            message = f"{path}: nothing comes back: set listen.callbacks in the operator's settings"
            yield Caveat(reasons.CALLBACKS_NOT_ACCEPTED, message)
        if not escalation.sinks_of(name):
            message = f"{path}: no sink of this kind is in spec.sinks, so nobody is told there who could answer"
            yield Caveat(reasons.SINK_NOT_FOUND, f"{message}: add one, or take it away")
        if fault := key_faults.get(name):
            yield Caveat(reasons.SECRET_NOT_READABLE, f"{path}: {fault}, so nothing is taken that it would sign")


def destinations_of(sinks: Mapping[str, Any]) -> dict[str, Destination]:
    """Where sinks lead to that call out, by name."""
    callers = {sink.settings: sink.leads_to for sink in SINKS if sink.settings is not None}
    leads = ((name, callers.get(type(settings)), settings) for name, settings in sinks.items())
    return {name: lead(settings) for name, lead, settings in leads if lead is not None}


def own_destinations(policy: Policy) -> dict[str, Destination]:
    """Those that the policy itself has written; those of its EscalationPolicy are judged there."""
    return {} if policy.levels else destinations_of(policy.sinks)


def _of_alerts(loaded: LoadedPolicy, outside: Outside | None) -> Iterable[Caveat]:
    reachable = outside is None or outside.accepts_alerts or outside.has_alertmanager
    if loaded.triggers_of(FromAlerts) and not reachable:
        message = "no alert reaches the operator: set alertTokenFiles, or alertmanager.url, in its settings"
        yield Caveat(reasons.ALERTS_NOT_ACCEPTED, message)


def _of_rights(around: Surroundings) -> Iterable[Caveat]:
    if around.unrecorded:
        message = "people are not told of failed Jobs and of alerts without a workload, since that cannot be recorded"
        yield Caveat(reasons.CRD_OUTDATED, f"{message}: {around.unrecorded}")
    if around.unfound:
        message = f"what an alert is about may not be looked up, so its sender must send it again: {around.unfound}"
        yield Caveat(reasons.SUBJECT_NOT_READABLE, f"{message}: kubectl apply -k deploy/base lets it (docs/rights.md)")
    for missing in around.missing_rights:
        message = f"a trigger on Jobs is of no use: the operator may not {missing}, so nobody is told of failed Jobs"
        yield Caveat(reasons.JOBS_NOT_READABLE, f"{message}: kubectl apply -k deploy/base lets it (docs/rights.md)")


def _join(kinds: frozenset[Kind]) -> str:
    return " and ".join(f"{kind}s" for kind in sorted(kinds))
