"""Pods that failed from their start, beside older ones of the same template that run well."""

from dataclasses import replace
from datetime import timedelta

import pytest

from platelet.model import newcomers, reasons
from platelet.model.situation import Situation
from platelet.model.workload import Pod
from tests.unit.situations import (
    BAD,
    GOOD,
    NOW,
    a_container,
    a_pod,
    a_revision,
    a_sick_pod,
    a_signal,
    a_situation,
    minutes,
    seconds,
)

OLD, YOUNG = minutes(90), minutes(5)


def well(name: str = "api-2-w", age: timedelta = OLD) -> Pod:
    return a_pod(name, created_at=NOW - age, ready_changed_at=NOW - age)


def crashing(name: str = "api-2-a", age: timedelta = YOUNG) -> Pod:
    return a_sick_pod(name, created_at=NOW - age, ready_changed_at=NOW - age)


def stuck(age: timedelta, unready_for: timedelta) -> Pod:
    waits = a_container(ready=False, state="waiting", reason="ImagePullBackOff", started_at=None)
    return a_pod(
        "api-2-a",
        phase="Pending",
        ready=False,
        created_at=NOW - age,
        ready_changed_at=NOW - unready_for,
        containers=(waits,),
    )


def among(*pods: Pod) -> Situation:
    """All are of the live template; the policy has seen `api-2-a`."""
    return a_situation(pods=pods, signals=(a_signal(pods=("api-2-a",)),))


def for_long(pod: Pod) -> Pod:
    """It has looped for as long as its pod is there: two hours and a half, with 33 restarts."""
    (container,) = pod.containers
    return replace(pod, containers=(replace(container, restarts=33),))


def by_hand(situation: Situation) -> Situation:
    remediation = situation.remediation
    spec = replace(remediation.spec, signal=replace(remediation.spec.signal, source="request"))
    return replace(situation, remediation=replace(remediation, spec=spec))


UNREADY = a_pod("api-2-a", ready=False, created_at=NOW - minutes(8), ready_changed_at=NOW - minutes(8))
SAME_AFTER_A_RESTART = a_situation(
    pods=(replace(well(), revision_hash="pth-1"), crashing()),
    revisions=(a_revision(2, BAD), a_revision(1, BAD)),
    signals=(a_signal(pods=("api-2-a",)),),
)
REFUSED = {
    "a new pod crashes": among(well(), crashing()),
    "two new pods crash": among(well(), crashing(), crashing("api-2-b")),
    "a new pod cannot pull its image": among(well(), stuck(minutes(5), minutes(5))),
    "a new pod does not get ready": among(well(), UNREADY),
    "it has crashed for hours": among(well(age=minutes(200)), for_long(crashing(age=minutes(150)))),
    "the older ones are of before a restart": SAME_AFTER_A_RESTART,
    "beside one that is not ready yet": among(
        well(), crashing(), a_pod("api-2-s", ready=False, created_at=NOW - seconds(20))
    ),
}


@pytest.mark.parametrize("situation", REFUSED.values(), ids=REFUSED)
def test_all_pods_would_become_such(situation: Situation) -> None:
    refusal = newcomers.refuse(situation, NOW)
    assert refusal is not None
    assert refusal.reason == reasons.NEW_PODS_FAIL
    assert "api-2-a" in refusal.message


ASKED_FOR = by_hand(among(well(), crashing()))
OTHER_TEMPLATE = a_situation(
    pods=(replace(well(), revision_hash="pth-1"), crashing()),
    revisions=(a_revision(2, BAD), a_revision(1, GOOD)),
    signals=(a_signal(pods=("api-2-a",)),),
)
NOT_REFUSED = {
    "all pods crash": among(crashing(), crashing("api-2-b")),
    "no pod is sick": among(well(), well("api-2-a")),
    "an old pod crashes after a good run": among(well(), crashing(age=OLD)),
    "a newer pod crashes after a good run": among(well(age=minutes(200)), crashing(age=OLD)),
    "an old one as well as a new one": among(well(), crashing(), crashing("api-2-b", age=OLD)),
    "a pod that was made later runs well": among(well(age=minutes(4)), crashing()),
    "they were made together": among(well(age=minutes(6)), crashing(age=minutes(5))),
    "the older ones were not ready for long when it was made": among(well(age=minutes(14)), crashing()),
    "a newer pod is no longer ready": among(well(age=minutes(200)), stuck(OLD, minutes(6))),
    "the older ones are of another template": OTHER_TEMPLATE,
    "a person asks for it by hand": ASKED_FOR,
}


@pytest.mark.parametrize("situation", NOT_REFUSED.values(), ids=NOT_REFUSED)
def test_what_is_made_anew_may_be_well(situation: Situation) -> None:
    assert newcomers.refuse(situation, NOW) is None


def test_how_long_the_others_must_have_run_is_the_time_that_proves_a_template() -> None:
    situation = among(well(age=minutes(14)), crashing())
    for healthy_for, refused in ((minutes(9), True), (minutes(10), False)):
        settings = replace(situation.settings, healthy_for=healthy_for)
        assert (newcomers.refuse(replace(situation, settings=settings), NOW) is not None) is refused
