"""What is ready, and yet can never do a part of what it is written for: told on the object, by lint, by the doctor.

A caveat keeps nothing from acting: what a policy can do it does. That it cannot be used at all, its readiness tells.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from platelet.api.outside import Outside
from platelet.api.policy import LoadedPolicy
from platelet.checks import alert_resolved, http_endpoint
from platelet.model import reasons
from platelet.model.policy import Step
from platelet.model.workload import Kind

_ALERTMANAGER_FIX = "set alertmanager.url in the operator's settings, as in http://alertmanager.monitoring.svc:9093"


@dataclass(frozen=True, slots=True)
class Caveat:
    """One thing that cannot work, with the fix."""

    reason: str  # a constant of model.reasons
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What was looked up in the cluster for one policy."""

    missing_targets: tuple[str, ...] = ()  # of targets.refs, such as `Deployment api`
    secret_fault: str = ""  # why the token of the webhook cannot be read


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
        *_of_targets(loaded, steps, around),
        *_of_webhook(loaded, outside, around),
        *_of_alerts(loaded, outside),
    )


def find_unused(loaded: LoadedPolicy, outside: Outside | None) -> tuple[Caveat, ...]:
    """Find the triggers that cannot be used, where the policy has others."""
    unusable = loaded.with_usable_triggers(outside).unusable
    return tuple(Caveat(each.reason, f"a trigger is not used: {each.message}") for each in unusable)


def find_in_runbook(steps: Iterable[Step], outside: Outside | None) -> tuple[Caveat, ...]:
    """Find the caveats of a Runbook's steps by themselves."""
    if outside is None or outside.has_alertmanager:
        return ()
    waiting = [step.name for step in steps if any(_awaits_alert(check) for check in step.verify.checks)]
    if not waiting:
        return ()
    said = f"alertResolved of step {', '.join(waiting)} asks Alertmanager, and there is none to ask: what still fires"
    text = f"{said} is not known, so a step that does not help goes to people and not to the next one"
    return (Caveat(reasons.ALERTMANAGER_NOT_CONFIGURED, f"{text}: {_ALERTMANAGER_FIX}"),)


def _awaits_alert(check: object) -> bool:
    return isinstance(check, alert_resolved.AlertResolved)


def _of_targets(loaded: LoadedPolicy, steps: Sequence[Step], around: Surroundings) -> Iterable[Caveat]:
    kinds = frozenset(loaded.targets.all_kinds)
    if around.missing_targets:
        named = ", ".join(around.missing_targets)
        yield Caveat(reasons.TARGET_NOT_FOUND, f"spec.targets.refs: there is no {named}: correct the name")
    stuck = any("RolloutStuck" in trigger.conditions for trigger in loaded.workload_triggers)
    if stuck and "Deployment" not in kinds:
        said = f"RolloutStuck is a Deployment's, and the policy is for {_join(kinds)} only: use ReplicasUnavailable"
        yield Caveat(reasons.TRIGGER_NEVER_HOLDS, said)
    scaling = [step.name for step in steps if step.action == "scale"]
    if scaling and kinds == {"DaemonSet"}:
        said = f"step {', '.join(scaling)} scales, and a DaemonSet has one pod on each node: it is always passed over"
        yield Caveat(reasons.STEP_NEVER_APPLIES, said)


def _of_webhook(loaded: LoadedPolicy, outside: Outside | None, around: Surroundings) -> Iterable[Caveat]:
    if loaded.webhook is None:
        return
    host = http_endpoint.host_of(loaded.webhook.url)
    if outside is not None and not outside.allows(host):
        said = f"spec.escalation.webhook.url: {host} is not in allowedHosts of the operator's settings"
        yield Caveat(reasons.HOST_NOT_ALLOWED, f"{said}, so nobody is told by it: add it there")
    if around.secret_fault:
        said = f"spec.escalation.webhook.secretRef: {around.secret_fault}, so nobody is told by it"
        yield Caveat(reasons.SECRET_NOT_READABLE, f"{said}: create it, and let the operator read it (docs/rights.md)")


def _of_alerts(loaded: LoadedPolicy, outside: Outside | None) -> Iterable[Caveat]:
    if loaded.alert_triggers and outside is not None and not (outside.accepts_alerts or outside.has_alertmanager):
        said = "no alert reaches the operator: set alertTokenFiles, or alertmanager.url, in its settings"
        yield Caveat(reasons.ALERTS_NOT_ACCEPTED, said)


def _join(kinds: frozenset[Kind]) -> str:
    return " and ".join(f"{kind}s" for kind in sorted(kinds))
