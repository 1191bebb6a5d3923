"""An alert that nobody named is no reason to act on a workload that is well and was not released a moment ago."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.guards import nothing_wrong
from platelet.model import reasons
from platelet.model.policy import ActionTraits
from platelet.model.signal import Signal
from platelet.model.situation import Situation
from tests.unit.situations import (
    GOOD,
    NOW,
    RESTART,
    SCALE,
    UNDO,
    a_container,
    a_pod,
    a_record,
    a_revision,
    a_sick_pod,
    a_signal,
    a_situation,
    a_workload,
    an_alert,
    minutes,
    seconds,
)

UNNAMED = an_alert(reason="VolumeOrphaned", unnamed=True)
OLD = a_record(first_seen=NOW - timedelta(days=9))


def well(*signals: Signal, **changes: Any) -> Situation:
    """`shop/api` as it has run for days, with both of its pods."""
    pods = tuple(a_pod(name, revision_hash="pth-1") for name in ("api-1-a", "api-1-b"))
    workload = a_workload(
        template_hash=GOOD, replicas=2, updated_replicas=2, available_replicas=2, ready_replicas=2, status_replicas=2
    )
    revision = a_revision(1, GOOD, replicas=2)
    around = {"workload": workload, "pods": pods, "revisions": (revision,), "records": (OLD,)}
    return a_situation(signals=signals or (UNNAMED,), **(around | changes))


@pytest.mark.parametrize("action", [UNDO, RESTART, SCALE], ids=lambda action: action.name)
def test_a_well_workload_of_an_old_release_is_left_to_people(action: ActionTraits) -> None:
    denial = nothing_wrong.deny(well(action=action), NOW)
    assert denial is not None
    assert (denial.reason, denial.escalate) == (reasons.NOTHING_WRONG_WITH_TARGET, True)
    assert "VolumeOrphaned" in denial.message
    assert "alertname" in denial.message


ALLOWED: dict[str, Situation] = {
    "a matcher names the alert": well(replace(UNNAMED, unnamed=False)),
    "another alert is named": well(UNNAMED, an_alert()),
    "a query was written for it": well(UNNAMED, an_alert(source="query", reason="QueueTooLong")),
    "its pods show it too": well(UNNAMED, a_signal()),
    "people have asked": well(an_alert(source="request")),
    "the release is young": well(records=(a_record(first_seen=NOW - minutes(59)),)),
    "one pod is not ready": well(pods=(a_pod("api-1-a"), a_sick_pod("api-1-b"))),
    "one pod is missing": well(pods=(a_pod("api-1-a"),)),
    "one pod is on its way out": well(pods=(a_pod("api-1-a"), a_pod("api-1-b", deleting=True))),
    "one pod is over": well(pods=(a_pod("api-1-a"), a_pod("api-1-b", phase="Failed"))),
    "a container ended a moment ago": well(
        pods=(a_pod("api-1-a"), a_pod("api-1-b", containers=(a_container(last_finished_at=NOW - minutes(9)),)))
    ),
    "a pod is not available yet": well(
        workload=replace(well().snapshot.workload or a_workload(), available_replicas=1)
    ),
    "no pods can be made": well(
        workload=replace(well().snapshot.workload or a_workload(), cannot_create="exceeded quota")
    ),
    "it only fires later": well(replace(UNNAMED, holds_at=NOW + seconds(1))),
    "it is silenced": well(replace(UNNAMED, suppressed=True)),
}


@pytest.mark.parametrize("situation", ALLOWED.values(), ids=ALLOWED)
def test_it_says_nothing_where_something_else_speaks_against_the_target(situation: Situation) -> None:
    """Or where other guards have the word."""
    assert nothing_wrong.deny(situation, NOW) is None


def test_a_container_that_ended_long_ago_does_not_count() -> None:
    restarted = a_container(restarts=3, last_finished_at=NOW - minutes(11))
    assert nothing_wrong.deny(well(pods=tuple(a_pod(f"api-{n}", containers=(restarted,)) for n in "ab")), NOW)


def test_a_controller_that_has_not_seen_the_last_change_says_nothing_against_the_pods() -> None:
    """Each annotation, our own mark too, makes a generation (TRAPS 47)."""
    lagging = replace(well().snapshot.workload or a_workload(), generation=9)
    assert nothing_wrong.deny(well(workload=lagging), NOW) is not None


def test_an_age_that_is_not_known_is_no_young_one() -> None:
    """It is known at the next look, so nobody is called."""
    denial = nothing_wrong.deny(well(records=()), NOW)
    assert denial is not None
    assert (denial.escalate, "not known yet" in denial.message) == (False, True)


SIGNALS = st.lists(
    st.builds(
        replace,
        st.just(UNNAMED),
        unnamed=st.booleans(),
        suppressed=st.booleans(),
        holds_at=st.sampled_from([NOW - minutes(1), NOW + minutes(1)]),
    ),
    max_size=4,
)


@given(SIGNALS, st.booleans(), st.booleans())
def test_alerts_that_nobody_named_never_act_on_what_is_well(signals: list[Signal], ready: bool, old: bool) -> None:  # noqa: FBT001
    """Over all mixtures: denied just where something holds, all that holds is unnamed, and all is well and old."""
    pods = (a_pod("api-1-a"), a_pod("api-1-b", ready=ready))
    records = (OLD,) if old else (a_record(first_seen=NOW - minutes(5)),)
    denial = nothing_wrong.deny(replace(well(pods=pods, records=records), signals=tuple(signals)), NOW)
    holding = [signal for signal in signals if signal.holds_at <= NOW and not signal.suppressed]
    assert (denial is not None) == (bool(holding) and all(signal.unnamed for signal in holding) and ready and old)
