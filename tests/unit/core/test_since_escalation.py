"""What people got with an escalation, whether somebody has changed it since, and how the incident ends."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.core import escalating, since_escalation
from platelet.core.decide import decide
from platelet.model import reasons
from platelet.model.escalation import EscalationRecord
from platelet.model.situation import Situation
from platelet.model.workload import WorkloadRef
from tests.unit.core.runbooks import restart_step
from tests.unit.pins import restarted, scaled
from tests.unit.situations import (
    BAD,
    GOOD,
    NOW,
    a_pod,
    a_remediation,
    a_signal,
    a_situation,
    a_status,
    a_well_workload,
    a_workload,
    an_attempt,
    an_autoscaler,
    minutes,
    seconds,
)

OTHER = "0123456789abcdef"
LOST = an_attempt(phase="Unknown", changes=restarted("2026-11-21T11:59:00Z"))
LENT = an_attempt(kind="Revert", id="rem-1/0/1/back", changes=scaled(5))


def handed_over(**changes: Any) -> Situation:
    """The bad release of `shop/api`, an hour after people got it."""
    escalation = EscalationRecord(
        reason=reasons.NO_STEP_LEFT, message="m", at=NOW - minutes(60), handed_over=since_escalation.pin(a_situation())
    )
    status = {"state": "Escalated", "escalation": escalation, **changes.pop("status", {})}
    remediation = a_remediation(status=a_status(**status))
    return a_situation(**({"remediation": remediation, "steps": (restart_step(),)} | changes))


CHANGED: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, ""),
    "another template": ({"workload": a_workload(template_hash=OTHER)}, "its template"),
    "a restart": ({"workload": a_workload(restart_stamp="t")}, "the stamp of its last restart"),
    "more replicas": ({"workload": a_workload(replicas=5)}, "its number of replicas"),
    "created anew": ({"workload": a_workload(uid="uid-new")}, "all of it: it was created anew"),
    "only annotations: the generation moves with them": (
        {"workload": a_workload(generation=9, annotations={"team": "shop"})},
        "",
    ),
    "replicas that an autoscaler set": (
        {"workload": a_workload(replicas=5), "autoscalers": (an_autoscaler(),)},
        "",
    ),
    "replicas that we reverted": ({"workload": a_workload(replicas=5), "status": {"attempts": (LENT,)}}, ""),
    "a stamp of ours whose answer was lost": (
        {"workload": a_workload(restart_stamp="2026-11-21T11:59:00Z"), "status": {"attempts": (LOST,)}},
        "",
    ),
    "nodes that came: a DaemonSet has as many pods": (
        {"workload": a_workload(replicas=5, ref=WorkloadRef(kind="DaemonSet", namespace="shop", name="api"))},
        "",
    ),
}


@pytest.mark.parametrize(("changes", "expected"), CHANGED.values(), ids=CHANGED)
def test_what_somebody_else_has_changed(changes: dict[str, Any], expected: str) -> None:
    situation = handed_over(**changes)
    assert since_escalation.changed_by_others(situation, situation.remediation.status) == expected


WELL: dict[str, Any] = {"signals": (), "pods": (a_pod("a"), a_pod("b"))}
AS_IT_WAS = a_well_workload(template_hash=BAD)
ENDS: dict[str, tuple[dict[str, Any], str]] = {
    "people released something, and it is well for a minute": (
        {"workload": a_well_workload(), "status": {"healthy_since": NOW - minutes(1)}},
        reasons.RESOLVED_BY_PEOPLE,
    ),
    "people released something, and it is well for less": (
        {"workload": a_well_workload(), "status": {"healthy_since": NOW - seconds(59)}},
        "",
    ),
    "nobody did anything, and nothing was wrong for hours": (
        {"workload": AS_IT_WAS, "status": {"quiet_since": NOW - escalating.QUIET_FOR}},
        reasons.RESOLVED_BY_ITSELF,
    ),
    "nobody did anything, and it was well for less": (
        {
            "workload": AS_IT_WAS,
            "status": {"healthy_since": NOW - minutes(3), "quiet_since": NOW - escalating.QUIET_FOR + minutes(1)},
        },
        "",
    ),
    "nothing was wrong for hours, and pods are down now": (
        {
            "workload": replace(AS_IT_WAS, available_replicas=0, ready_replicas=0),
            "pods": (a_pod("a", ready=False), a_pod("b")),
            "status": {"quiet_since": NOW - escalating.QUIET_FOR},
        },
        "",
    ),
    "people switched it off": (
        {
            "workload": a_workload(replicas=0, status_replicas=0),
            "pods": (),
            "status": {"healthy_since": NOW - minutes(1)},
        },
        reasons.RESOLVED_BY_PEOPLE,
    ),
    "people released something that fails, too": (
        {"workload": a_workload(template_hash=OTHER), "signals": (a_signal(),), "pods": a_situation().snapshot.pods},
        reasons.CANCELLED,
    ),
    "people released something, and the old pods still fail": (
        {
            "workload": a_workload(template_hash=OTHER),
            "signals": (a_signal(newest_only=False),),
            "pods": a_situation().snapshot.pods,
        },
        "",
    ),
    "people put back what our undo had left, and it fails": (
        {"status": {"attempts": (an_attempt(),)}, "signals": (a_signal(),), "workload": a_workload(template_hash=BAD)},
        "",
    ),
}


@pytest.mark.parametrize(("changes", "reason"), ENDS.values(), ids=ENDS)
def test_how_it_ends(changes: dict[str, Any], reason: str) -> None:
    """Empty: it does not end."""
    status = decide(handed_over(**{**WELL, **changes}), NOW).status
    assert (status.reason if status.state == "Closed" else "") == reason


def test_new_pods_of_an_autoscaler_do_not_prolong_the_quiet_time() -> None:
    fresh = (a_pod("a"), a_pod("c", created_at=NOW, ready_changed_at=NOW))
    quiet = {"quiet_since": NOW - minutes(30), "healthy_since": NOW - minutes(30)}
    status = decide(handed_over(signals=(), workload=AS_IT_WAS, pods=fresh, status=quiet), NOW).status
    assert (status.quiet_since, status.healthy_since) == (NOW - minutes(30), None)


def test_what_holds_ends_the_quiet_time_and_what_is_too_young_does_not() -> None:
    quiet = {"quiet_since": NOW - minutes(30)}
    young = a_signal(holds_at=NOW + seconds(20))
    assert decide(handed_over(signals=(young,), status=quiet), NOW).status.quiet_since == NOW - minutes(30)
    assert decide(handed_over(status=quiet), NOW).status.quiet_since is None


def test_the_pinned_target_is_what_people_got() -> None:
    """Whatever the incident opened with."""
    gave_up = a_situation(
        remediation=a_remediation(status=a_status(step=1)),
        steps=(restart_step(),),
        workload=a_workload(template_hash=GOOD),
    )
    escalation = decide(gave_up, NOW).status.escalation
    assert escalation is not None
    assert escalation.handed_over == since_escalation.pin(gave_up)
