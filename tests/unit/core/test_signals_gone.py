"""Every signal is gone after an act, before the next step: recovered is only what is well."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from platelet.core.decide import decide
from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.effects import Reserve, Write
from platelet.model.situation import Situation
from tests.unit.core.runbooks import restart_step, scale_step
from tests.unit.pins import scaled
from tests.unit.situations import (
    BAD,
    GOOD,
    NOW,
    a_pod,
    a_policy,
    a_remediation,
    a_revision,
    a_signal,
    a_situation,
    a_status,
    a_well_workload,
    an_attempt,
    minutes,
    seconds,
)

DEPLOYED = a_well_workload(generation=3, observed_generation=3)
GAVE_UP = NOW + a_policy().limits.reopen_within


def pods(changed_at: datetime, **changes: Any) -> tuple[Any, ...]:
    return tuple(
        a_pod(name, created_at=changed_at, ready_changed_at=changed_at, containers=(), **changes) for name in "ab"
    )


WELL, SICK = pods(NOW - minutes(3)), pods(NOW - minutes(3), ready=False)
JUST_READY, OF_TOMORROW = pods(NOW - seconds(20)), pods(NOW + minutes(600))


def quiet(live: tuple[Any, ...] = WELL, verdict: Any = "Failed", workload: Any = DEPLOYED, **changes: Any) -> Situation:
    """A step was done and what it was to mend is not proven; then nothing is heard any more. Steps ask for a minute."""
    attempt = changes.pop("attempt", an_attempt(verdict=verdict, verdict_at=NOW - minutes(1), verdict_message="m"))
    status = a_status(state="Waiting", step=1, attempts=(attempt,), **changes)
    return a_situation(
        remediation=a_remediation(status=status),
        steps=(scale_step(), restart_step()),
        workload=workload,
        revisions=(a_revision(3, GOOD, replicas=2), a_revision(2, BAD)),
        pods=live,
        signals=(),
    )


def after(situation: Situation, at: datetime, **changes: Any) -> Decision:
    """What is decided at a later look, once what is decided now was stored."""
    remediation = replace(situation.remediation, status=decide(situation, NOW).status)
    later = replace(situation, remediation=remediation)
    snapshot = replace(later.snapshot, pods=changes.pop("pods", later.snapshot.pods))
    return decide(replace(later, snapshot=snapshot, **changes), at)


@pytest.mark.parametrize("verdict", ["Failed", "Inconclusive", "Recovered"])
def test_what_is_well_for_as_long_as_its_step_asks_is_watched(verdict: str) -> None:
    status = decide(quiet(verdict=verdict), NOW).status
    assert (status.state, status.reason, status.recovered_at) == ("Monitoring", reasons.RECOVERED, NOW)


NOT_WELL_YET: dict[str, tuple[Situation, datetime]] = {
    "a pod is not ready": (quiet(SICK), GAVE_UP),
    "a pod is missing": (quiet(WELL[:1]), GAVE_UP),
    "its rollout goes on": (quiet(workload=replace(DEPLOYED, updated_replicas=1)), GAVE_UP),
    "by a node's clock it changes tomorrow": (quiet(OF_TOMORROW), GAVE_UP),
    "well for twenty seconds": (quiet(JUST_READY), NOW + seconds(40)),
}


@pytest.mark.parametrize("name", NOT_WELL_YET)
def test_what_is_not_well_yet_is_neither_recovered_nor_acted_on(name: str) -> None:
    situation, look_at = NOT_WELL_YET[name]
    decision = decide(situation, NOW)
    assert (decision.status.state, decision.status.reason) == ("Waiting", reasons.NOT_STABLE)
    assert decision.status.conditions == ()
    assert not any(isinstance(effect, Reserve | Write) for effect in decision.effects)
    assert decision.again_at == look_at


def test_what_does_not_become_well_is_for_people() -> None:
    """After as long as a fault may come back, from when it was first quiet, whoever restarts."""
    assert after(quiet(SICK), GAVE_UP - seconds(1)).status.state == "Waiting"
    status = after(quiet(SICK), GAVE_UP).status
    assert (status.state, status.reason) == ("Escalated", reasons.NOT_STABLE)
    assert "the target was not well for 15m" in status.message


def test_what_has_just_become_well_when_time_is_up_may_prove_it() -> None:
    ready = pods(GAVE_UP - seconds(1))
    decision = after(quiet(SICK), GAVE_UP, pods=ready)
    assert (decision.status.state, decision.again_at) == ("Waiting", GAVE_UP + seconds(59))
    assert after(quiet(SICK), GAVE_UP + seconds(59), pods=ready).status.state == "Monitoring"


def test_a_signal_that_comes_back_leads_to_the_next_step_and_its_end_begins_anew() -> None:
    signal = a_signal(since=NOW, holds_at=NOW)
    again = after(quiet(SICK), NOW + minutes(1), signals=(signal,))
    assert isinstance(again.effects[-1], Reserve)
    assert again.status.quiet_since is None


def test_what_people_have_switched_off_is_well() -> None:
    """Nothing is wanted, nothing runs, and it was not we who took the pods away."""
    off = replace(DEPLOYED, replicas=0, status_replicas=0, updated_replicas=0, ready_replicas=0, available_replicas=0)
    assert decide(quiet((), workload=off), NOW).status.state == "Monitoring"
    ours = an_attempt(action="scale", changes=scaled(0), verdict="Failed", verdict_at=NOW - minutes(1))
    status = decide(quiet((), workload=off, attempt=ours), NOW).status
    assert (status.state, status.reason) == ("Escalated", reasons.INCONCLUSIVE)


def test_a_policy_to_which_nothing_comes_back_is_patient_for_five_minutes() -> None:
    at_once = a_policy(limits=replace(a_policy().limits, reopen_within=minutes(0)))
    decision = decide(replace(quiet(SICK), policy=at_once), NOW)
    assert (decision.status.state, decision.again_at) == ("Waiting", NOW + minutes(5))
