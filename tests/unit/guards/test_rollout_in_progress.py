"""The guard against someone else's rollout (DESIGN 3.5, TRAPS 11, 39; I11)."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.guards import rollout_in_progress
from platelet.model import reasons
from platelet.model.intent import PreState
from platelet.model.situation import Situation
from platelet.model.workload import Workload
from tests.unit.pins import restarted, scaled
from tests.unit.situations import (
    BAD,
    GOOD,
    NOW,
    RELEASED,
    RESTART,
    SCALE,
    UNDO,
    a_daemon_set,
    a_pod,
    a_remediation,
    a_revision,
    a_sick_pod,
    a_signal,
    a_situation,
    a_stateful_set,
    a_status,
    a_workload,
    an_alert,
    an_attempt,
    asked,
    change,
    minutes,
    seconds,
)

PROGRESSING = {"Progressing": ("True", "ReplicaSetUpdated")}
STUCK = {"Progressing": ("False", "ProgressDeadlineExceeded")}
NO_DEADLINE: dict[str, tuple[str, str]] = {"Available": ("False", "MinimumReplicasUnavailable")}
OLD_STILL_THERE = (a_revision(2, BAD, replicas=1, created_at=RELEASED), a_revision(1, GOOD, replicas=2))


def halfway(**changes: Any) -> Workload:
    """Build a Deployment whose new release never gets ready: one new pod beside two old ones."""
    state: dict[str, Any] = {
        "conditions": PROGRESSING,
        "status_replicas": 3,
        "updated_replicas": 1,
        "available_replicas": 2,
    }
    return a_workload(**(state | changes))


def during(workload: Workload, **changes: Any) -> Situation:
    return a_situation(**({"workload": workload, "revisions": OLD_STILL_THERE} | changes))


UNFINISHED: dict[str, Situation] = {
    "the controller has not seen the newest spec": a_situation(workload=a_workload(generation=3)),
    "not all pods have the new template": a_situation(workload=a_workload(updated_replicas=1, status_replicas=1)),
    "old pods are still there": a_situation(workload=a_workload(status_replicas=3)),
    "an older ReplicaSet still has replicas": a_situation(revisions=OLD_STILL_THERE),
    "the condition says that it progresses": a_situation(workload=a_workload(conditions=PROGRESSING)),
    "the condition says that it created the ReplicaSet": a_situation(
        workload=a_workload(conditions={"Progressing": ("True", "NewReplicaSetCreated")})
    ),
    "the condition says complete but is not true": a_situation(
        workload=a_workload(conditions={"Progressing": ("Unknown", "NewReplicaSetAvailable")})
    ),
    "it has exceeded its deadline, with all counts even": a_situation(workload=a_workload(conditions=STUCK)),
    "no condition, the release is young and its pods are not available": a_situation(
        workload=a_workload(conditions=NO_DEADLINE)
    ),
    "a StatefulSet that goes from pod to pod": a_situation(workload=a_stateful_set(updated_replicas=1)),
    "a StatefulSet whose pods were never all ready at once": a_situation(
        workload=a_stateful_set(current_revision="db-old")
    ),
    "a StatefulSet that has not made all pods": a_situation(
        workload=a_stateful_set(status_replicas=1, updated_replicas=1)
    ),
    "a StatefulSet within its partition": a_situation(workload=a_stateful_set(updated_replicas=0, partition=2)),
    "a DaemonSet that goes from node to node": a_situation(workload=a_daemon_set(updated_replicas=1)),
    "a DaemonSet with old pods beside the new ones": a_situation(workload=a_daemon_set(), revisions=OLD_STILL_THERE),
    "no condition and no ReplicaSet to tell the age": a_situation(
        workload=a_workload(conditions=NO_DEADLINE), revisions=()
    ),
}


@pytest.mark.parametrize("action", [RESTART, SCALE], ids=lambda action: action.name)
@pytest.mark.parametrize("situation", UNFINISHED.values(), ids=UNFINISHED)
def test_denies_restart_and_scale_while_unfinished(situation: Situation, action: Any) -> None:
    """Someone is rolling out: neither a restart nor more replicas help, whatever the sick pods are."""
    denial = asked(rollout_in_progress.deny, change(situation, action=action), NOW)
    assert denial is not None
    assert denial.reason == reasons.ROLLOUT_IN_PROGRESS
    assert "is not finished: " in denial.message


OLD_FAULT = a_signal(newest_only=False, pods=("api-1-a",))
FINISHED: dict[str, Situation] = {
    "a crash loop that completed its rollout": a_situation(),
    "the same, whoever's pods are sick": a_situation(signals=(OLD_FAULT,)),
    "all is well": a_situation(workload=a_workload(available_replicas=2)),
    "no condition, and the release is older than any deadline": a_situation(
        workload=a_workload(conditions=NO_DEADLINE),
        revisions=(a_revision(2, BAD, replicas=2, created_at=NOW - minutes(10)),),
    ),
    "no condition, a young release, and all of its pods are available": a_situation(
        workload=a_workload(conditions=NO_DEADLINE, available_replicas=2)
    ),
    "the observed generation is ahead of a stale read": a_situation(workload=a_workload(observed_generation=5)),
    "a StatefulSet that was once complete, though no pod is available": a_situation(workload=a_stateful_set()),
    "a StatefulSet as far as its partition lets it": a_situation(
        workload=a_stateful_set(updated_replicas=1, partition=2, current_revision="db-old"), revisions=OLD_STILL_THERE
    ),
    "a StatefulSet on delete": a_situation(
        workload=a_stateful_set(updated_replicas=0, on_delete=True, current_revision="db-old"),
        revisions=OLD_STILL_THERE,
    ),
    "a DaemonSet with its new pod on every node, though none is available": a_situation(workload=a_daemon_set()),
    "switched off": a_situation(
        workload=a_workload(replicas=0, status_replicas=0, updated_replicas=0), revisions=(a_revision(2, BAD),)
    ),
    "the workload is gone, which another guard says": a_situation(workload=None),
}


@pytest.mark.parametrize("action", [UNDO, RESTART, SCALE], ids=lambda action: action.name)
@pytest.mark.parametrize("situation", FINISHED.values(), ids=FINISHED)
def test_allows_everything_when_finished(situation: Situation, action: Any) -> None:
    """A finished rollout is nobody's work in progress, available or not (TRAPS 39)."""
    assert asked(rollout_in_progress.deny, change(situation, action=action), NOW) is None


NEW_PODS = (a_sick_pod("api-2-a", created_at=RELEASED), a_pod("api-1-a", revision_hash="pth-1"))
HEALED = {
    "a release that crash-loops": during(halfway()),
    "a release that exceeded its deadline": during(halfway(conditions=STUCK)),
    "a release that crash-loops while an alert fires on the same": during(
        halfway(), signals=(a_signal(), an_alert(newest_only=False))
    ),
    "a release of which only the workload speaks": during(
        halfway(conditions=STUCK), signals=(a_signal(source="workload", reason="RolloutStuck"),)
    ),
    "a release whose pods show two faults": during(
        halfway(), signals=(a_signal(), a_signal(reason="Unready", fingerprint="Unready"))
    ),
    "a release after which an alert began, with only its pods unready": during(
        halfway(), signals=(an_alert(newest_only=True, since=RELEASED + minutes(2)),), pods=NEW_PODS
    ),
    "a release whose alert began after its first sick pod and before its last": during(
        halfway(),
        signals=(an_alert(newest_only=True, since=RELEASED + minutes(2)),),
        pods=(*NEW_PODS, a_sick_pod("api-2-b", created_at=RELEASED + minutes(3))),
    ),
    "a release whose alert began in the second of its first pod": during(
        halfway(), signals=(an_alert(newest_only=True, since=RELEASED),), pods=NEW_PODS
    ),
}


@pytest.mark.parametrize("situation", HEALED.values(), ids=HEALED)
def test_allows_the_undo_of_the_very_rollout_that_is_the_fault(situation: Situation) -> None:
    """All sick pods are the newest ReplicaSet's: then the rollout is the fault."""
    assert asked(rollout_in_progress.deny, situation, NOW) is None


NOT_HEALED = {
    "the sick pods are the old release's, and this one may be the repair": during(halfway(), signals=(OLD_FAULT,)),
    "pods of both releases are sick": during(halfway(), signals=(a_signal(), OLD_FAULT)),
    "an old pod begins to fail too, though not for long enough yet": during(
        halfway(), signals=(a_signal(), a_signal(newest_only=False, holds_at=NOW + minutes(1)))
    ),
    "a stuck release without a sick pod of its own": during(
        halfway(conditions=STUCK), signals=(a_signal(source="workload", reason="RolloutStuck", newest_only=False),)
    ),
    "there is no signal": during(halfway(), signals=()),
    "a newer template was just written, whose pods do not exist yet": during(
        halfway(template_hash="repair", generation=3, observed_generation=3)
    ),
    "a newer template was just written and is not observed yet": during(halfway(generation=3)),
    "no ReplicaSet could be read": during(halfway(), revisions=()),
    "the alert is older than the unready pods: this may be the repair": during(
        halfway(), signals=(an_alert(newest_only=True, since=RELEASED - seconds(1)),), pods=NEW_PODS
    ),
    "the alert is older than the unready pods, and an unready older one is being deleted": during(
        halfway(),
        signals=(an_alert(newest_only=True, since=RELEASED - minutes(1)),),
        pods=(*NEW_PODS, a_pod("api-1-b", ready=False, deleting=True, created_at=RELEASED - minutes(30))),
    ),
    "one of two alerts may be about pods of the old release": during(
        halfway(),
        signals=(an_alert(newest_only=True, since=NOW), an_alert(newest_only=False, since=NOW)),
        pods=NEW_PODS,
    ),
    "the alert may be about pods of the old release": during(
        halfway(), signals=(an_alert(newest_only=False, since=NOW),), pods=NEW_PODS
    ),
    "an alert fires, but no pod is unready": during(
        halfway(), signals=(an_alert(newest_only=True, since=NOW),), pods=(a_pod("api-1-a"),)
    ),
}


@pytest.mark.parametrize("situation", NOT_HEALED.values(), ids=NOT_HEALED)
def test_denies_the_undo_of_what_may_be_somebodys_repair(situation: Situation) -> None:
    """Undoing is only for the rollout that is known to be the fault."""
    denial = asked(rollout_in_progress.deny, situation, NOW)
    assert denial is not None
    assert denial.reason == reasons.ROLLOUT_IN_PROGRESS
    assert "is not undone" in denial.message


def after(**attempt: Any) -> Any:
    return a_remediation(status=a_status(step=1, attempts=(an_attempt(**attempt),)))


def pre(**changes: Any) -> PreState:
    return replace(an_attempt().pre, **changes)


STAMP = "2026-11-21T11:59:00Z"
OURS = {
    "our undo to this template": during(halfway(template_hash=GOOD), remediation=after()),
    "our undo, whose answer was lost": during(halfway(template_hash=GOOD), remediation=after(phase="Unknown")),
    "our restart": during(
        halfway(restart_stamp=STAMP),
        remediation=after(action="rolloutRestart", changes=restarted(STAMP)),
    ),
    "our scale": during(halfway(replicas=5), remediation=after(action="scale", changes=scaled(5))),
}


@pytest.mark.parametrize("situation", OURS.values(), ids=OURS)
def test_our_own_rollout_does_not_stop_the_next_step(situation: Situation) -> None:
    """When our write did not complete in time, the next step may act on it."""
    assert asked(rollout_in_progress.deny, change(situation, action=RESTART), NOW) is None


NOT_OURS = {
    "someone wrote another template after our undo": during(
        halfway(template_hash="repair"),
        remediation=after(),
    ),
    "someone wrote another template after our restart": during(
        halfway(template_hash="repair", restart_stamp=STAMP),
        remediation=after(changes=restarted(STAMP)),
    ),
    "someone restarted after our restart": during(
        halfway(restart_stamp="2026-11-21T11:59:30Z"),
        remediation=after(changes=restarted(STAMP)),
    ),
    "someone scaled after our scale": during(halfway(replicas=7), remediation=after(changes=scaled(5))),
    "someone restarted after our scale": during(
        halfway(replicas=5, restart_stamp=STAMP), remediation=after(changes=scaled(5))
    ),
    "our write was refused": during(halfway(template_hash=GOOD), remediation=after(phase="Refused")),
    "our write lost its race": during(halfway(template_hash=GOOD), remediation=after(phase="Superseded")),
    "the workload was re-created since": during(
        halfway(template_hash=GOOD), remediation=after(pre=pre(uid="uid-of-the-deleted"))
    ),
}


@pytest.mark.parametrize("situation", NOT_OURS.values(), ids=NOT_OURS)
def test_what_others_wrote_after_us_is_theirs(situation: Situation) -> None:
    """Only what our last attempt left counts as our own rollout."""
    assert asked(rollout_in_progress.deny, change(situation, action=RESTART), NOW) is not None


NUMBERS = {
    "1 of 2 pods have the new template": a_workload(updated_replicas=1, status_replicas=1),
    "3 pods still have an older template": a_workload(status_replicas=5),
    "1 of 2 new pods are available": a_workload(conditions=NO_DEADLINE, available_replicas=1),
}


@pytest.mark.parametrize(("numbers", "workload"), NUMBERS.items(), ids=NUMBERS)
def test_names_the_numbers(numbers: str, workload: Workload) -> None:
    """People see how far it is."""
    denial = asked(rollout_in_progress.deny, a_situation(workload=workload, action=RESTART), NOW)
    assert denial is not None
    assert denial.message.endswith(numbers)


def test_a_controller_that_lags_is_asked_again_soon() -> None:
    """A generation moves with every annotation (TRAPS 47); an answer is due within moments."""
    denial = asked(rollout_in_progress.deny, a_situation(workload=a_workload(generation=3)), NOW)
    assert denial is not None
    assert denial.retry_at == NOW + seconds(5)
