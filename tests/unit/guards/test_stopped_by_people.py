"""The guards that need no counting: the clock, other remediations, people's switches, what is protected or goes."""

from typing import Any

import pytest

from platelet.guards import being_deleted, busy, clock, paused, policy_live, protected_namespace, suspended
from platelet.model import reasons
from platelet.model.budget import BudgetSpec, Suspension
from platelet.model.policy import Settings
from platelet.model.remediation import TargetRef
from platelet.model.situation import Situation
from tests.unit.situations import (
    NOW,
    RESTART,
    SCALE,
    a_budget,
    a_policy,
    a_remediation,
    a_situation,
    a_workload,
    minutes,
)

FREEZE = "release freeze"


def suspended_budget(**suspension: Any) -> Any:
    return a_budget(spec=BudgetSpec(suspended=Suspension(**suspension)))


def in_namespace(name: str, **settings: Any) -> Situation:
    return a_situation(
        remediation=a_remediation(namespace=name),
        settings=Settings(namespace="platelet-system", **settings),
    )


def annotated(value: str) -> Situation:
    return a_situation(workload=a_workload(annotations={"platelet.dev/suspend": value}))


ALLOWED = {
    "the clock was seen just now": (clock, a_situation(clock_age_seconds=0)),
    "the clock was seen exactly a minute ago": (clock, a_situation(clock_age_seconds=60)),
    "no other remediation of the target is open": (busy, a_situation(older_open="")),
    "the policy is there and ready": (policy_live, a_situation()),
    "nothing is suspended": (suspended, a_situation()),
    "the suspension ended this very moment": (suspended, a_situation(budget=suspended_budget(until=NOW))),
    "the suspension ended long ago": (suspended, a_situation(budget=suspended_budget(until=NOW - minutes(60)))),
    "the workload says that it is not suspended": (suspended, annotated("false")),
    "the policy is gone, which another guard says": (suspended, a_situation(policy=None)),
    "an ordinary namespace": (protected_namespace, in_namespace("shop")),
    "a namespace whose name only begins like a protected one": (protected_namespace, in_namespace("kube-system-tools")),
    "another namespace is protected by the settings": (
        protected_namespace,
        in_namespace("shop", protected_namespaces=frozenset({"bank"})),
    ),
    "the workload stays": (being_deleted, a_situation()),
    "the workload is not paused": (paused, a_situation()),
}


@pytest.mark.parametrize(("guard", "situation"), ALLOWED.values(), ids=ALLOWED)
def test_allows(guard: Any, situation: Situation) -> None:
    """The allowing side, up to the boundary."""
    assert guard.deny(situation, NOW) is None


DENIED = {
    "the clock was last seen more than a minute ago": (
        clock,
        a_situation(clock_age_seconds=60.001),
        reasons.CLOCK_UNKNOWN,
        "60 s",
    ),
    "the clock was never seen": (clock, a_situation(clock_age_seconds=float("inf")), reasons.CLOCK_UNKNOWN, "60 s"),
    "the clock's age is not a number": (
        clock,
        a_situation(clock_age_seconds=float("nan")),
        reasons.CLOCK_UNKNOWN,
        "60 s",
    ),
    "an older remediation of the target is open": (
        busy,
        a_situation(older_open="deployment-api-0"),
        reasons.TARGET_BUSY,
        "deployment-api-0",
    ),
    "a younger one of the target is being verified": (
        busy,
        a_situation(younger_acting="deployment-api-2"),
        reasons.TARGET_BUSY,
        "deployment-api-2",
    ),
    "the policy was deleted": (policy_live, a_situation(policy=None), reasons.CANCELLED, "shop/heal-api"),
    "the policy is not ready": (
        policy_live,
        a_situation(policy=a_policy(ready=False, not_ready_reason="RunbookNotFound")),
        reasons.CANCELLED,
        "RunbookNotFound",
    ),
    "the budget cannot be read": (suspended, a_situation(budget=None), reasons.BUDGET_UNREADABLE, "ActionBudget"),
    "the kill switch is set without an end": (
        suspended,
        a_situation(budget=suspended_budget(reason=FREEZE)),
        reasons.SUSPENDED,
        FREEZE,
    ),
    "the namespace is suspended": (
        suspended,
        a_situation(namespace_suspended="migration"),
        reasons.SUSPENDED,
        "migration",
    ),
    "the workload is suspended with a reason": (suspended, annotated(FREEZE), reasons.SUSPENDED, FREEZE),
    "the workload is plainly suspended": (suspended, annotated("true"), reasons.SUSPENDED, "shop/deployment/api"),
    "the annotation is empty": (suspended, annotated(""), reasons.SUSPENDED, "shop/deployment/api"),
    "the annotation says False, which is not false": (suspended, annotated("False"), reasons.SUSPENDED, "False"),
    "the policy is suspended": (
        suspended,
        a_situation(policy=a_policy(suspended=FREEZE)),
        reasons.SUSPENDED,
        "policy shop/heal-api",
    ),
    "kube-system": (
        protected_namespace,
        in_namespace("kube-system"),
        reasons.PROTECTED_NAMESPACE,
        "kube-system",
    ),
    "the operator's own namespace": (
        protected_namespace,
        in_namespace("platelet-system"),
        reasons.PROTECTED_NAMESPACE,
        "platelet-system",
    ),
    "a namespace that the settings protect": (
        protected_namespace,
        in_namespace("bank", protected_namespaces=frozenset({"bank"})),
        reasons.PROTECTED_NAMESPACE,
        "bank",
    ),
    "the workload is gone": (being_deleted, a_situation(workload=None), reasons.TARGET_GONE, "shop/deployment/api"),
    "the workload is being deleted": (
        being_deleted,
        a_situation(workload=a_workload(deleting=True)),
        reasons.BEING_DELETED,
        "being deleted",
    ),
    "the workload is paused, for an undo": (
        paused,
        a_situation(workload=a_workload(paused=True)),
        reasons.PAUSED,
        "kubectl rollout resume",
    ),
    "the workload is paused, for a restart": (
        paused,
        a_situation(workload=a_workload(paused=True), action=RESTART),
        reasons.PAUSED,
        "paused",
    ),
    "the workload is paused, for a scale": (
        paused,
        a_situation(workload=a_workload(paused=True), action=SCALE),
        reasons.PAUSED,
        "paused",
    ),
}


@pytest.mark.parametrize(("guard", "situation", "reason", "words"), DENIED.values(), ids=DENIED)
def test_denies(guard: Any, situation: Situation, reason: str, words: str) -> None:
    """The denying side: with its reason, and a sentence that names what it is about."""
    denial = guard.deny(situation, NOW)
    assert denial is not None
    assert denial.reason == reason
    assert words in denial.message


def test_the_kill_switch_says_until_when() -> None:
    """A suspension with an end is asked again at that end."""
    denial = suspended.deny(a_situation(budget=suspended_budget(reason=FREEZE, until=NOW + minutes(30))), NOW)
    assert denial is not None
    assert denial.retry_at == NOW + minutes(30)
    assert denial.message == "everything is suspended by people until 2026-11-21T12:30:00Z: release freeze"


def test_only_what_waiting_cannot_mend_goes_to_people_at_once() -> None:
    """A protected namespace stays protected; all the other stops end when people end them."""
    escalating = {name for name, (guard, situation, _, _) in DENIED.items() if guard.deny(situation, NOW).escalate}
    assert escalating == {"kube-system", "the operator's own namespace", "a namespace that the settings protect"}


def test_the_protected_namespace_is_that_of_the_target() -> None:
    """The target lives in the Remediation's namespace."""
    situation = in_namespace("kube-system")
    assert situation.target.namespace == "kube-system"
    assert situation.remediation.spec.target_ref == TargetRef(kind="Deployment", name="api")
