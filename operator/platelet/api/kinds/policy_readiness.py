"""Whether a RemediationPolicy can be used: what the API server cannot judge when it admits one."""

from platelet.api.kinds import usable_triggers
from platelet.api.kinds.blocking import find_fault
from platelet.api.kinds.conditions import Readiness
from platelet.api.kinds.policy import LoadedPolicy
from platelet.api.kinds.runbook import Runbook, check_runbook
from platelet.guards import maintenance_window, protected_namespace
from platelet.model import reasons
from platelet.model.outside import Outside


def check_policy(
    loaded: LoadedPolicy, runbook: Runbook | None, runbook_error: str, operator_namespace: str, outside: Outside | None
) -> Readiness:
    """Judge a policy. One that is not ready does nothing; all others go on.

    `runbook` is None when there is none of that name, or when it could not be read: then `runbook_error` says why.
    """
    if loaded.namespace_selector is not None and loaded.policy.namespace != operator_namespace:
        return _not_ready(
            reasons.NAMESPACE_SELECTOR_NOT_ALLOWED,
            f"namespaceSelector is for policies in {operator_namespace} only: remove it, or move the policy there",
        )
    if loaded.namespace_selector is None and loaded.policy.namespace in _protected(operator_namespace, outside):
        message = (
            f"namespace {loaded.policy.namespace} is protected, and no action is taken there whatever a policy says"
        )
        return _not_ready(reasons.PROTECTED_NAMESPACE, f"{message}: move the policy beside the workloads that it heals")
    usable = loaded.with_usable_triggers(outside)
    if not usable.triggers:
        return usable_triggers.say(usable.unusable)
    for index, window in enumerate(loaded.policy.limits.maintenance_windows):
        fault = maintenance_window.find_fault(window)
        if fault:
            message = f"spec.limits.maintenanceWindows[{index}].{fault}"
            return _not_ready(reasons.INVALID_MAINTENANCE_WINDOW, message)
    for index, block in enumerate(loaded.policy.limits.block_while):
        blocking_fault = find_fault(block, outside)
        if blocking_fault is not None:
            message = f"spec.limits.blockWhile[{index}]: {blocking_fault.message}"
            return _not_ready(blocking_fault.reason, message)
    return _by_runbook(loaded, runbook, runbook_error, outside)


def _protected(operator_namespace: str, outside: Outside | None) -> frozenset[str]:
    """The namespaces in which nothing is ever done, as far as they are known here."""
    settings = outside.protected_namespaces if outside is not None else frozenset()
    return protected_namespace.ALWAYS | {operator_namespace} | settings


def _by_runbook(
    loaded: LoadedPolicy, runbook: Runbook | None, runbook_error: str, outside: Outside | None
) -> Readiness:
    if not loaded.runbook:
        return Readiness(ready=True, reason=reasons.READY, message="only tells people")
    if runbook_error:
        return _not_ready(reasons.RUNBOOK_NOT_READY, f"Runbook {loaded.runbook}: {runbook_error}")
    if runbook is None:
        missing = f"there is no Runbook {loaded.runbook} in namespace {loaded.policy.namespace}: create it"
        return _not_ready(reasons.RUNBOOK_NOT_FOUND, missing)
    readiness = check_runbook(runbook, outside)
    if readiness.ready:
        return Readiness(ready=True, reason=reasons.READY, message=f"follows Runbook {runbook.name}")
    reason = reasons.RUNBOOK_NOT_READY if readiness.reason == reasons.INVALID_SPEC else readiness.reason
    return _not_ready(reason, f"Runbook {runbook.name}: {readiness.message}")


def _not_ready(reason: str, message: str) -> Readiness:
    return Readiness(ready=False, reason=reason, message=message)
