"""What a decision is told: signals from pods and evidence, references that are missing, values of a condition."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.core import conditions, history, opening, references, signals, target_state
from platelet.model import reasons
from platelet.model.effects import ForgetRevision, MarkRevision, RememberRevision
from platelet.model.workload import WorkloadRef, newest_revision_hash
from platelet.triggers.pod import PodTrigger
from tests.unit.situations import (
    BAD,
    BORN,
    GOOD,
    NOW,
    RELEASED,
    a_container,
    a_pod,
    a_policy,
    a_record,
    a_revision,
    a_sick_pod,
    a_signal,
    a_situation,
    a_stateful_set,
    a_status,
    a_step,
    a_well_workload,
    a_workload,
    an_alert,
    evidence_of,
    minutes,
)

CRASH_LOOP = PodTrigger(reasons=("CrashLoopBackOff",), min_restarts=2)
SETS = (a_revision(2, BAD, replicas=2), a_revision(1, GOOD))


def test_signals_are_asked_of_the_pods_themselves() -> None:
    (signal,) = signals.current((CRASH_LOOP,), (), a_workload(), SETS, (a_sick_pod(), a_pod("api-2-b")), NOW)
    assert (signal.source, signal.reason, signal.pods, signal.newest_only) == (
        "pod",
        "CrashLoopBackOff",
        ("api-2-a",),
        True,
    )
    assert not signals.current((CRASH_LOOP,), (), a_workload(), SETS, (a_pod(),), NOW), "well pods say nothing"


def test_pods_of_an_older_replica_set_are_not_the_new_releases_fault() -> None:
    old = a_sick_pod("api-1-a", revision_hash="pth-1")
    (signal,) = signals.current((CRASH_LOOP,), (), a_workload(), SETS, (old,), NOW)
    assert not signal.newest_only


def test_the_record_remembers_since_when_pods_fail() -> None:
    """A status shows the last end of a container only."""
    known = evidence_of(a_signal(), first_seen=RELEASED)
    (signal,) = signals.current((CRASH_LOOP,), (known,), a_workload(), SETS, (a_sick_pod(),), NOW)
    assert signal.since == RELEASED


ALERTS = {
    "a firing alert is a signal": (evidence_of(an_alert()), True),
    "a resolved alert is none": (evidence_of(an_alert(), resolved_at=NOW), False),
    "what pods have shown is asked of them again": (evidence_of(a_signal()), False),
}


@pytest.mark.parametrize(("fact", "speaks"), ALERTS.values(), ids=ALERTS)
def test_evidence_speaks(fact: Any, speaks: bool) -> None:  # noqa: FBT001 - a table's column
    assert bool(signals.current((), (fact,), a_workload(), SETS, (), NOW)) == speaks


def test_while_the_newest_replica_set_is_not_made_no_pod_is_of_the_newest() -> None:
    assert newest_revision_hash(a_workload(template_hash="newer"), SETS) == ""
    assert newest_revision_hash(a_workload(), SETS) == "pth-2"


def a_template(**container: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "app", **container}]}}


def stuck(message: str) -> Any:
    return a_pod(containers=(a_container(state="waiting", reason="CreateContainerConfigError", message=message),))


ENV_FROM = {"envFrom": [{"secretRef": {"name": "db"}}]}
MISSING = {
    "a secret that the last healthy template names too": ('secret "db" not found', ENV_FROM, ("secret/db",)),
    "a secret that only the new template names": ('secret "new" not found', ENV_FROM, ()),
    "a config map of the same name": ('configmap "db" not found', ENV_FROM, ()),
    "a config map by key": (
        'configmap "flags" not found',
        {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "flags", "key": "a"}}}]},
        ("configmap/flags",),
    ),
    "a key of a config map": (
        "couldn't find key a in ConfigMap shop/flags",
        {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "flags", "key": "a"}}}]},
        ("key a of configmap/flags",),
    ),
    "a key of a secret that only the new template reads": (
        "couldn't find key url in Secret shop/db",
        {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "db", "key": "user"}}}]},
        (),
    ),
    "a key of a secret of which the last healthy template takes whatever there is": (
        "couldn't find key url in Secret shop/db",
        ENV_FROM,
        (),
    ),
    "another error": ("couldn't find key a in ConfigMap", ENV_FROM, ()),
}


@pytest.mark.parametrize(("message", "container", "missing"), MISSING.values(), ids=MISSING)
def test_what_is_missing_elsewhere(message: str, container: dict[str, Any], missing: tuple[str, ...]) -> None:
    """TRAPS 44: else the release is the fault, and is undone."""
    records = (a_record(GOOD, template=a_template(**container)), a_record(BAD, health="Unknown", ever_healthy=False))
    assert references.missing_elsewhere((stuck(message),), records) == missing


def test_a_pod_that_is_over_tells_of_nothing_missing() -> None:
    records = (a_record(GOOD, template=a_template(**ENV_FROM)),)
    assert references.missing_elsewhere((replace(stuck('secret "db" not found'), phase="Failed"),), records) == ()


def test_without_a_healthy_template_nothing_is_elsewhere() -> None:
    bad = a_record(GOOD, template=a_template(**ENV_FROM), health="Bad")
    assert references.missing_elsewhere((stuck('secret "db" not found'),), (bad,)) == ()


CONDITIONS = {
    "none always holds": ("", True, ""),
    "true": ("target.replicas == 2", True, ""),
    "false": ("target.replicas == 3", False, reasons.CONDITION_FALSE),
    "changed within": ('target.changedWithin("30m")', True, ""),
    "not changed within": ('target.changedWithin("1m")', False, reasons.CONDITION_FALSE),
    "not an expression": ("1 +", False, reasons.CONDITION_ERROR),
    "of unknown words": ("target.colour == 'red'", False, reasons.CONDITION_ERROR),
    "without bounds": ("target.name + target.name == 'apiapi'", False, reasons.CONDITION_ERROR),
    "not a yes or no": ("1 + 1", False, reasons.CONDITION_ERROR),
}


@pytest.mark.parametrize(("when", "holds", "reason"), CONDITIONS.values(), ids=CONDITIONS)
def test_a_condition(when: str, holds: bool, reason: str) -> None:  # noqa: FBT001 - a table's column
    answer = conditions.holds(a_step(when=when), a_situation(), a_status(), NOW)
    assert (answer.holds, answer.reason) == (holds, reason)


def test_an_age_that_is_not_known_is_false_and_says_so() -> None:
    answer = conditions.holds(a_step(when='target.changedWithin("30m")'), a_situation(records=()), a_status(), NOW)
    assert not answer.holds
    assert answer.message


def test_a_restart_or_an_own_write_does_not_make_a_template_young() -> None:
    """Its first sighting counts."""
    values = conditions.values(a_situation(records=(a_record(BAD, first_seen=BORN),)), a_status(), NOW)
    assert values["target"]["templateAgeSeconds"] == (NOW - BORN).total_seconds()


def test_a_pin_holds_all_that_a_precondition_needs() -> None:
    pin = target_state.pin(a_workload(restart_stamp="s", replicas=3))
    assert (pin.uid, pin.generation, pin.template_hash, pin.restart_stamp, pin.replicas) == ("uid-api", 2, BAD, "s", 3)


def sighting(**changes: Any) -> history.Sighting:
    ready = a_pod(created_at=BORN, ready_changed_at=BORN, containers=(a_container(started_at=BORN),))
    known: dict[str, Any] = {
        "workload": a_well_workload(replicas=1, updated_replicas=1, status_replicas=1, available_replicas=1),
        "revisions": (a_revision(1, GOOD, replicas=1),),
        "pods": (ready,),
        "records": (a_record(health="Unknown", health_since=None, ever_healthy=False),),
        "incident": "none",
    }
    return history.Sighting(**(known | changes))


THREE_WELL = tuple(
    a_pod(name, created_at=BORN, ready_changed_at=BORN, containers=(a_container(started_at=BORN),))
    for name in ("db-0", "db-1", "db-2")
)
WELL_FOR_A_MOMENT = a_pod(ready_changed_at=NOW - minutes(1))
HEALTH = {
    "well for long": (sighting(), "Healthy"),
    "well for long, whatever incident is open": (sighting(incident="open"), "Healthy"),
    "well for a moment in an open incident": (sighting(incident="open", pods=(WELL_FOR_A_MOMENT,)), None),
    "a healthy one that fails in an open incident": (
        sighting(incident="open", records=(a_record(),), pods=(a_sick_pod(),)),
        "Suspect",
    ),
    "a healthy one that is well for a moment in an open incident": (
        sighting(incident="open", records=(a_record(),), pods=(WELL_FOR_A_MOMENT,)),
        "Suspect",
    ),
    "a healthy one that is well for long in an open incident": (sighting(incident="open", records=(a_record(),)), None),
    "while an attempt changes it": (sighting(incident="changing", records=(a_record(),)), None),
    "proven already": (sighting(records=(a_record(),)), None),
    "bad for long, released again, and well": (sighting(records=(a_record(health="Bad"),)), "Healthy"),
    "bad since just now": (sighting(records=(a_record(health="Bad", health_since=NOW),)), None),
    "suspect for long, and well": (sighting(records=(a_record(health="Suspect", health_since=BORN),)), "Healthy"),
    "suspect since just now": (sighting(records=(a_record(health="Suspect", health_since=NOW),)), None),
    "held back from some pods by a partition, all of which are well": (
        sighting(
            workload=a_stateful_set(template_hash=GOOD, available_replicas=3, updated_replicas=1, partition=2),
            pods=THREE_WELL,
        ),
        None,
    ),
    "held back from no pod, all of which are well": (
        sighting(
            workload=a_stateful_set(template_hash=GOOD, available_replicas=3, updated_replicas=3), pods=THREE_WELL
        ),
        "Healthy",
    ),
    "scaled to nothing": (sighting(workload=a_well_workload(replicas=0, updated_replicas=0, status_replicas=0)), None),
}


@pytest.mark.parametrize(("seen", "health"), HEALTH.values(), ids=HEALTH)
def test_a_template_is_marked(seen: history.Sighting, health: str | None) -> None:
    effects, _ = history.observe(seen, minutes(10), NOW)
    assert [effect.health for effect in effects if isinstance(effect, MarkRevision)] == ([health] if health else [])


def test_every_template_that_an_undo_could_go_to_is_remembered() -> None:
    """With the age of its oldest ReplicaSet."""
    sets = (a_revision(2, GOOD, replicas=1, created_at=RELEASED), *SETS[1:])
    seen = sighting(records=(), revisions=sets, pods=(WELL_FOR_A_MOMENT,))
    effects, _ = history.observe(seen, minutes(10), NOW)
    (new,) = [effect for effect in effects if isinstance(effect, RememberRevision)]
    assert (new.template_hash, new.first_seen, new.health) == (GOOD, BORN, "Unknown")


FIRST_SEEN = {
    "it has run well for long: that is on its record from the beginning": (sighting(records=()), "Healthy"),
    "it has run for a moment": (sighting(records=(), pods=(WELL_FOR_A_MOMENT,)), "Unknown"),
    "an attempt is under way": (sighting(records=(), incident="changing"), "Unknown"),
    "its pods fail": (sighting(records=(), pods=(a_sick_pod(),)), "Unknown"),
}


@pytest.mark.parametrize(("seen", "health"), FIRST_SEEN.values(), ids=FIRST_SEEN)
def test_the_live_template_when_it_is_first_seen(seen: history.Sighting, health: str) -> None:
    effects, _ = history.observe(seen, minutes(10), NOW)
    (new,) = [effect for effect in effects if isinstance(effect, RememberRevision)]
    assert (new.health, new.health_since) == (health, NOW if health == "Healthy" else None)


def test_what_ran_before_the_live_template_has_proven_nothing_when_it_is_first_seen() -> None:
    seen = sighting(records=(), revisions=(a_revision(2, GOOD, replicas=1), a_revision(1, BAD)))
    effects, _ = history.observe(seen, minutes(10), NOW)
    health = {effect.template_hash: effect.health for effect in effects if isinstance(effect, RememberRevision)}
    assert health == {GOOD: "Healthy", BAD: "Unknown"}


def test_names_of_a_series() -> None:
    """By kind and name; observing ones by policy too; a long one is cut and told apart."""
    target = WorkloadRef(kind="Deployment", namespace="shop", name="api")
    assert opening.series(target, a_policy()) == "deployment-api-"
    assert opening.series(target, a_policy(mode="Observe")) == "deployment-api-heal-api-observed-"
    long = [WorkloadRef(kind="Deployment", namespace="shop", name="x" * 240 + end) for end in "ab"]
    names = [opening.series(target, a_policy()) for target in long]
    assert names[0] != names[1]
    assert all(len(name) < 253 - 10 for name in names)


def test_of_many_records_the_oldest_go_but_never_the_newest_healthy_ones() -> None:
    """A workload that was released thirty times badly can still go back to where it was well."""
    healthy = [a_record(f"well-{number}", first_seen=BORN + minutes(number)) for number in range(7)]
    failed = [
        a_record(f"bad-{number:02}", health="Bad", ever_healthy=False, first_seen=BORN + minutes(60 + number))
        for number in range(25)
    ]
    seen = sighting(records=(*sighting().records, *healthy, *failed))
    effects, _ = history.observe(seen, minutes(10), NOW)
    forgotten = {effect.record for effect in effects if isinstance(effect, ForgetRevision)}
    kept = {record.name for record in seen.records} - forgotten
    assert {f"api-well-{number}" for number in range(2, 7)} <= kept
    assert {"api-well-0", "api-well-1", "api-bad-00"} <= forgotten
    assert {f"api-bad-{number:02}" for number in range(5, 25)} <= kept
