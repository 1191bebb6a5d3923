"""Situations of all kinds, sensible and not: any part may be missing or strange.

Hypothesis chooses seeds, and plain chance builds the situation from one: a thousand times as many are seen as when
Hypothesis chooses each of their hundred parts. What fails is shown whole, and is built again from the same seed.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from platelet.actions.rollout_restart import RolloutRestart
from platelet.actions.rollout_undo import RolloutUndo
from platelet.actions.scale import Scale
from platelet.actions.wait import Wait
from platelet.checks.http_endpoint import Http
from platelet.checks.prometheus import Prometheus
from platelet.core import target_state
from platelet.model import remediation
from platelet.model.autoscaler import Autoscaler, Bounds
from platelet.model.budget import Budget, BudgetSpec, Entry, EntryOutcome, PendingRevert, Suspension
from platelet.model.escalation import EscalationRecord
from platelet.model.intent import PreState
from platelet.model.maintenance import MaintenanceWindow
from platelet.model.notification import NoticeKind, Notification
from platelet.model.policy import OnFailure, OnInconclusive, Policy, Rate, Scope, Step, Verification
from platelet.model.reading import (
    Answered,
    Judged,
    ObjectCondition,
    Query,
    Question,
    Reading,
    Result,
    Sample,
    Unanswered,
)
from platelet.model.remediation import Attempt, Remediation, RemediationStatus
from platelet.model.revision import RevisionRecord
from platelet.model.signal import Evidence, Signal
from platelet.model.situation import DeliveryResult, NodeHealth, Situation, WriteFailure
from platelet.model.until import Until
from platelet.model.verifying import Holding
from platelet.model.workload import Owner, Pod, Workload
from platelet.sinks.webhook import Webhook
from tests.unit.pins import Changes, bounds_set, restarted, restored, scaled
from tests.unit.situations import (
    BAD,
    GOOD,
    NOW,
    TARGET,
    a_budget,
    a_pod,
    a_policy,
    a_record,
    a_remediation,
    a_revision,
    a_sick_pod,
    a_signal,
    a_situation,
    a_status,
    a_step,
    a_well_workload,
    a_workload,
    an_alert,
    an_autoscaler,
    bounds,
    evidence_of,
    limits,
    minutes,
    seconds,
    verifying,
)

T = TypeVar("T")
STAMP = "2026-11-21T11:59:00Z"
OTHER = "other"
HASHES = (GOOD, BAD, OTHER)
STALE = 61.0  # seconds: a clock that was not sampled lately
MEASURED = Prometheus(query="errors", below=1, for_=minutes(1))
PROBED = Http(url="http://api.shop.svc/")
AVAILABLE = Until(expression="object.status.availableReplicas > 0")
_ON_FAILURE: tuple[OnFailure, ...] = ("Next", "Next", "Escalate", "Stop", "Revert", "Revert")
_ON_INCONCLUSIVE: tuple[OnInconclusive, ...] = ("Escalate", "Next")
PHASES: tuple[remediation.Phase, ...] = ("Intended", "Done", "Refused", "Superseded", "Unknown")
_OUTCOMES: tuple[EntryOutcome | None, ...] = (None, "Done", "Refused", "Superseded", "Unknown", "Abandoned")
_BORDERS = (0, 0, 1, -1, -30, -60, -300, -600, -900, -3600, -7200, -86_400, 60, 3600)  # seconds from NOW
_CONDITIONS = ("", "", "", 'target.changedWithin("30m")', 'signal.source == "pod"', "1 +", "target.nothing == 1")
_WINDOWS = (  # around NOW, until just after it, from just after it on
    MaintenanceWindow(schedule="0 12 * * *", duration=minutes(30)),
    MaintenanceWindow(schedule="30 11 * * *", duration=minutes(30) + timedelta(seconds=20)),
    MaintenanceWindow(schedule="0 13 * * *", duration=timedelta(hours=23, seconds=20)),
    MaintenanceWindow(schedule="0 12 * * *", duration=minutes(30), effect="Allow"),
)
_SIGNALS = (a_signal(), an_alert(), an_alert(fingerprint="other/2026-11-21T11:00:00Z"))
OWNER = Owner(api_version="apps/v1", kind="StatefulSet", name="api", uid="uid-api")
_REVISIONS = (
    (),
    (a_revision(2, BAD, replicas=2), a_revision(1, GOOD)),
    (a_revision(2, GOOD, replicas=2),),
    (a_revision(3, OTHER), a_revision(2, BAD, replicas=1)),
)

many = settings(
    max_examples=600,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # a seed has no smaller one
    suppress_health_check=list(HealthCheck),
)


class Chance:
    """Draws parts."""

    def __init__(self, seed: int) -> None:
        """The same seed draws the same parts."""
        self._random = Random(seed)  # noqa: S311 - not a secret

    def one_of(self, choices: Sequence[T]) -> T:
        """Any of them, all alike."""
        return self._random.choice(choices)

    def once_in(self, times: int) -> bool:
        """True once in so many times."""
        return self._random.randrange(times) == 0

    def number(self, least: int, most: int) -> int:
        """Both included."""
        return self._random.randint(least, most)

    def rarely(self, odd: T, usual: T, times: int = 5) -> T:
        """`odd` once in so many times."""
        return odd if self.once_in(times) else usual

    def moment(self) -> datetime:
        """Around NOW, at the borders that the defaults make, in the past and ahead."""
        return NOW + seconds(self.one_of(_BORDERS))

    def maybe(self, make: Callable[[], T], times: int = 2) -> T | None:
        """None once in so many times."""
        return None if self.once_in(times) else make()

    def several(self, most: int, make: Callable[[], T], name: Callable[[T], str]) -> tuple[T, ...]:
        """Up to `most`, no two of one name."""
        by_name = {name(item): item for item in (make() for _ in range(self.number(0, most)))}
        return tuple(by_name.values())


def any_situation() -> st.SearchStrategy[Situation]:
    """Whatever a decision may ever be asked about."""
    return st.integers(0, 2**48).map(lambda seed: _situation(Chance(seed)))


def _bounds(chance: Chance) -> Bounds:
    return bounds(chance.number(1, 3), chance.number(3, 5), uid=chance.rarely("uid-old", "uid-hpa"))


def _autoscaler(chance: Chance) -> Autoscaler:
    return an_autoscaler(
        _bounds(chance),
        resource_version=chance.one_of(("50", "51")),
        deleting=chance.once_in(7),
        unusable=chance.rarely("paused", ""),
    )


def _lent(chance: Chance) -> Changes:
    if chance.once_in(3):
        return bounds_set(_bounds(chance), _bounds(chance), version=chance.one_of(("50", "51")))
    return scaled(chance.number(1, 4), before=chance.number(1, 4))


def _changes(chance: Chance) -> Changes:
    wanted, left = chance.one_of(HASHES), chance.one_of(HASHES)
    match chance.number(0, 3):
        case 0:
            made = restored(wanted, f"api-{wanted}", left=left)
        case 1:
            made = restarted(STAMP, before=chance.one_of(("", STAMP)))
        case 2:
            made = scaled(chance.number(0, 4), before=chance.number(0, 4))
        case _:
            return bounds_set(_bounds(chance), _bounds(chance), version=chance.one_of(("50", "51")))
    uid, version = chance.rarely("uid-old", "uid-api"), str(chance.number(1, 3))
    return tuple(replace(change, uid=uid, version=version) for change in made)


def _attempt(chance: Chance) -> Attempt:
    name = chance.one_of(("rem-1/0/1", "rem-1/0/2", "rem-1/1/1", "rem-1/0/1/back", "rem-0/0/1/back"))
    pre = (
        target_state.pin(a_workload())
        if chance.once_in(2)
        else PreState(
            uid=chance.rarely("uid-old", "uid-api"),
            generation=chance.number(1, 3),
            template_hash=chance.one_of(HASHES),
            restart_stamp=chance.one_of(("", STAMP)),
            replicas=chance.number(0, 4),
        )
    )
    return Attempt(
        id=name,
        kind="Revert" if name.endswith("/back") else "Act",
        step=chance.number(0, 2),
        action=chance.one_of(("rolloutUndo", "rolloutRestart", "scale")),
        summary="x",
        phase=chance.one_of(PHASES),
        intended_at=chance.moment(),
        outcome_at=chance.maybe(chance.moment),
        pre=pre,
        changes=_changes(chance),
        verdict=chance.one_of((None, "Recovered", "Failed", "Inconclusive")),
    )


def _evidence(chance: Chance) -> Evidence:
    signal = chance.one_of(_SIGNALS)
    return evidence_of(signal, resolved_at=chance.maybe(chance.moment) if signal.source == "alert" else None)


def _status(chance: Chance) -> RemediationStatus:
    escalation = EscalationRecord(
        reason="GaveUp",
        message="m",
        at=chance.moment(),
    )
    clocks = verifying(chance.moment(), chance.maybe(chance.moment))
    holding = tuple(Holding(check=place, since=chance.moment()) for place in (0, 1) if chance.once_in(2))
    clocks = replace(clocks, holding=holding)
    return a_status(
        state=chance.one_of(("Waiting", "Waiting", "Acting", "Verifying", "Monitoring", "Escalated", "Closed")),
        opened_at=chance.maybe(chance.moment),
        waiting_since=chance.maybe(chance.moment),
        step=chance.number(0, 4),
        verifying=chance.maybe(lambda: clocks),
        reverting=chance.rarely(chance.one_of(("rem-1/0/1", "rem-1/1/1", "rem-1/9/9")), ""),
        evidence=chance.several(3, lambda: _evidence(chance), lambda fact: fact.fingerprint),
        attempts=chance.several(3, lambda: _attempt(chance), lambda attempt: attempt.id),
        recovered_at=chance.maybe(chance.moment),
        reverted_at=chance.maybe(chance.moment),
        reapplied=chance.once_in(2),
        escalation=chance.maybe(lambda: escalation),
        notifications=chance.several(
            3, lambda: _notification(chance), lambda notification: f"{notification.id} {notification.sink}"
        ),
        healthy_since=chance.maybe(chance.moment),
    )


def _notification(chance: Chance) -> Notification:
    kind: NoticeKind = chance.one_of(("Escalated", "ApprovalNeeded", "Acted", "Resolved"))
    return Notification(
        id=f"rem-1/{kind.lower()}{chance.one_of(('', '/2'))}",
        sink=chance.one_of(("annotation", "webhook", "webhook", "unknown")),
        kind=kind,
        reason="GaveUp",
        message="m",
        at=chance.moment(),
        state=chance.one_of(("Pending", "Pending", "Delivered", "Acknowledged", "Withdrawn", "GivenUp")),
        tries=chance.number(0, 9),
        next_try_at=chance.maybe(chance.moment),
    )


def _result(chance: Chance) -> DeliveryResult:
    notification = _notification(chance)
    return DeliveryResult(
        id=notification.id, sink=notification.sink, number=notification.tries + 1, delivered=chance.once_in(2)
    )


def _policy(chance: Chance) -> Policy:
    return a_policy(
        uid=chance.rarely("uid-another", "uid-policy", 9),
        mode=chance.rarely(chance.one_of(("Observe", "Approve")), "Enforce"),
        ready=not chance.once_in(7),
        suspended=chance.rarely("by people", "", 9),
        sinks={"webhook": Webhook(url="https://hooks.svc/")} if chance.once_in(2) else {},
        limits=limits(
            cooldown=chance.one_of((timedelta(), minutes(10))),
            rate=Rate(max_actions=chance.number(1, 3), per=chance.one_of((minutes(1), minutes(60)))),
            max_concurrent=chance.number(1, 2),
            give_up_after=chance.one_of((minutes(1), minutes(120))),
            reopen_within=chance.one_of((timedelta(), minutes(15))),
            maintenance_windows=chance.rarely((chance.one_of(_WINDOWS),), (), 9),
        ),
    )


def _workload(chance: Chance) -> Workload:
    replicas = chance.number(0, 4)
    available = chance.one_of((0, replicas))
    return chance.one_of((a_workload, a_well_workload))(
        uid=chance.rarely("uid-old", "uid-api"),
        generation=chance.number(1, 3),
        observed_generation=chance.number(1, 3),
        resource_version=str(chance.number(100, 999)),
        template_hash=chance.one_of(HASHES),
        restart_stamp=chance.one_of(("", STAMP)),
        replicas=replicas,
        updated_replicas=replicas,
        status_replicas=replicas,
        ready_replicas=available,
        available_replicas=available,
        paused=chance.once_in(7),
        deleting=chance.once_in(7),
        annotations=chance.rarely({"platelet.dev/escalated": "junk"}, {}),
        ordered=chance.once_in(2),
        on_delete=chance.once_in(9),
        partition=chance.rarely(chance.number(1, 4), 0),
        update_revision=chance.rarely("", "pth-3"),
    )


def _entry(chance: Chance) -> Entry:
    name = chance.one_of(("rem-1/0/1", "rem-1/0/2", "rem-1/1/1", "rem-0/0/1", "rem-0/0/1/back", "rem-9/0/1"))
    outcome = chance.one_of(_OUTCOMES)
    back = PendingRevert(
        action="scale",
        changes=_lent(chance),
        due_at=chance.maybe(chance.moment),
        when_resolved=chance.once_in(2),
        done=chance.once_in(3),
    )
    return Entry(
        id=name,
        kind="Revert" if name.endswith("/back") else "Act",
        target=TARGET,
        policy="shop/heal-api",
        epoch=chance.number(0, 2),
        reserved_at=chance.moment(),
        outcome=outcome,
        outcome_at=chance.moment() if outcome else None,
        settled_at=chance.maybe(chance.moment) if outcome else None,
        refunded=outcome == "Refused",
        revert=None if name.endswith("/back") else chance.maybe(lambda: back),
    )


def _budget(chance: Chance) -> Budget:
    return a_budget(
        *chance.several(4, lambda: _entry(chance), lambda entry: entry.id),
        spec=BudgetSpec(suspended=chance.rarely(Suspension(reason="freeze"), None, 9)),
        epoch=chance.number(0, 2),
        full_until=chance.rarely(chance.moment(), None, 9),
    )


def _signal(chance: Chance) -> Signal:
    return replace(
        chance.one_of(_SIGNALS),
        since=chance.moment(),
        holds_at=chance.moment(),
        newest_only=chance.once_in(2),
    )


def _step(chance: Chance) -> Step:
    choices: dict[str, tuple[Any, ...]] = {
        "rolloutUndo": (RolloutUndo(), RolloutUndo(to="Previous"), RolloutUndo(to="Revision", revision=1)),
        "rolloutRestart": (RolloutRestart(),),
        "scale": (
            Scale(by=1, revert_after=minutes(10)),
            Scale(to=4, revert_when_resolved=True),
            Scale(by=-1),
            Scale(to=0, allow_zero=True),
            Scale(to="previous"),
        ),
        "wait": (Wait(for_=minutes(5)), Wait(until=AVAILABLE)),
    }
    action = chance.one_of(sorted(choices))
    asked = tuple(check for check in (MEASURED, PROBED) if chance.once_in(2))
    verify = Verification(stable_for=chance.one_of((timedelta(), minutes(1))), checks=asked)
    return a_step(
        action,
        chance.one_of(choices[action]),
        when=chance.one_of(_CONDITIONS),
        verify=verify,
        on_failure=chance.one_of(_ON_FAILURE),
        on_inconclusive=chance.one_of(_ON_INCONCLUSIVE),
    )


def _readings(chance: Chance) -> Mapping[Question, Reading]:
    value = chance.one_of((0.0, 2.0, math.nan))
    samples = (Sample(value=value, at=chance.moment()),) if chance.once_in(2) else ()
    answers: dict[Question, tuple[Reading, ...]] = {
        Query(text=MEASURED.query): (Result(samples=samples), Unanswered(why="no")),
        PROBED.probe: (Answered(status=200), Answered(status=500), Unanswered(why="no")),
        ObjectCondition(text="object.status.availableReplicas > 0", target=TARGET): (
            Judged(holds=True),
            Judged(holds=False),
            Unanswered(why="no"),
        ),
    }
    return {question: chance.one_of(readings) for question, readings in answers.items() if not chance.once_in(5)}


def _pod(chance: Chance) -> Pod:
    return chance.one_of((a_pod, a_sick_pod))(
        chance.one_of(("api-2-a", "api-2-b", "api-0", "api-1")),
        owner=chance.rarely(None, OWNER),
        revision_hash=chance.rarely("pth-3", "pth-2"),
        node=chance.one_of(("node-1", "node-2", "")),
        unschedulable=chance.rarely("no room", "", 9),
    )


def _record(chance: Chance) -> RevisionRecord:
    return a_record(
        chance.one_of(HASHES),
        health=chance.one_of(("Unknown", "Healthy", "Healthy", "Suspect", "Bad")),
        health_since=chance.maybe(chance.moment),
        first_seen=chance.moment(),
        ever_healthy=chance.once_in(2),
    )


def _remediation(chance: Chance, status: RemediationStatus) -> Remediation:
    usual = a_remediation(status=status)
    spec = replace(
        usual.spec,
        mode=chance.rarely(chance.one_of(("Observe", "Approve")), "Enforce"),
        signal=evidence_of(a_signal(source=chance.rarely("revert", "pod", 9))),
        first_step=chance.number(0, 3),
    )
    return replace(usual, spec=chance.one_of((spec, usual.spec)))


def _situation(chance: Chance) -> Situation:
    """Between one that is as good as always allowed to act, and one of which nothing is as it should be."""
    status = chance.one_of((a_status(), _status(chance), _status(chance)))
    known = [attempt.id for attempt in status.attempts]
    refused = chance.one_of(known) if known and chance.once_in(4) else None
    parts: dict[str, Any] = {
        "policy": chance.maybe(lambda: _policy(chance), 9),
        "workload": chance.maybe(lambda: _workload(chance), 9),
        "signals": tuple(_signal(chance) for _ in range(chance.number(0, 2))),
        "revisions": chance.one_of(_REVISIONS),
        "pods": chance.several(3, lambda: _pod(chance), lambda pod: pod.name),
        "records": chance.several(3, lambda: _record(chance), lambda record: record.name),
        "budget": chance.maybe(lambda: _budget(chance), 9),
        "epoch": chance.number(0, 2),
        "scope": chance.rarely(None, Scope(total=9, sick=frozenset({TARGET}))),
        "nodes": {"node-1": NodeHealth(name="node-1", ready=not chance.once_in(4))},
        "missing_references": chance.rarely(("secret/db",), (), 9),
        "namespace_suspended": chance.rarely("freeze", "", 9),
        "autoscalers": chance.several(2, lambda: _autoscaler(chance), str),
        "younger_acting": chance.rarely("deployment-api-2", "", 9),
        "older_open": chance.rarely("deployment-api-0", "", 9),
        "clock_age_seconds": chance.rarely(chance.one_of((60.0, STALE, float("inf"), float("nan"))), 0.0),
    }
    kept = chance.one_of((0, 1, 4, 9))  # of ten parts so many are as they should be
    return a_situation(
        remediation=_remediation(chance, status),
        steps=tuple(_step(chance) for _ in range(chance.number(0, 3))),
        never_sent=frozenset(identity for identity in known if chance.once_in(2)),
        failure=WriteFailure(attempt=refused, code=403, message="no") if refused else None,
        results=chance.several(3, lambda: _result(chance), lambda result: f"{result.id} {result.sink}"),
        in_flight=frozenset({("rem-1/escalated", "webhook")}) if chance.once_in(5) else frozenset(),
        alerts_known_at=chance.maybe(chance.moment),
        queries_known_at=chance.maybe(chance.moment),
        readings=_readings(chance),
        **{name: part for name, part in parts.items() if chance.number(1, 10) > kept},
    )
