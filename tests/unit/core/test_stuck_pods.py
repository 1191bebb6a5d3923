"""Which pod is stuck, and that no other is ever deleted (TRAPS 6)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.core import stuck_pods
from platelet.core.decide import decide
from platelet.model import reasons
from platelet.model.budget import BudgetSpec, PendingRevert, Suspension
from platelet.model.effects import DeletePod
from platelet.model.maintenance import MaintenanceWindow
from platelet.model.policy import Policy
from platelet.model.remediation import Attempt
from platelet.model.situation import Situation
from platelet.model.workload import Owner, Pod, Workload
from tests.unit.core.runbooks import undo_step
from tests.unit.pins import restored, scaled
from tests.unit.situations import (
    GOOD,
    NOW,
    a_budget,
    a_pod,
    a_policy,
    a_remediation,
    a_sick_pod,
    a_situation,
    a_stateful_set,
    a_status,
    an_attempt,
    an_entry,
    limits,
    verifying,
)

SET = Owner(api_version="apps/v1", kind="StatefulSet", name="db", uid="uid-db")
OLD, NEW = "db-old", "db-new"
UNDO = an_attempt(changes=restored(GOOD, "db-good", stuck=True))


def of_the_set(ordinal: int, revision: str = NEW, **changes: Any) -> Pod:
    return a_pod(f"db-{ordinal}", **({"owner": SET, "revision_hash": revision} | changes))


STUCK = of_the_set(2, OLD, ready=False, phase="Pending")
PODS = (of_the_set(0), of_the_set(1), STUCK)


FLAPPING = of_the_set(2, OLD, ready=False, ready_changed_at=NOW)


def undone(**changes: Any) -> Workload:
    """Build a StatefulSet of three whose template an undo has just mended, seen by its controller."""
    return a_stateful_set(**({"uid": "uid-api", "template_hash": GOOD, "update_revision": NEW} | changes))


def mine(pods: tuple[Pod, ...]) -> tuple[Pod, ...]:
    """The pods as the set `uid-api` owns them."""
    owner = replace(SET, uid="uid-api")
    return tuple(replace(pod, owner=owner) if pod.owner == SET else pod for pod in pods)


def stuck(pods: tuple[Pod, ...] = PODS, attempt: Attempt = UNDO, **changes: Any) -> str:
    pod = stuck_pods.stuck_pod(a_situation(workload=undone(**changes), pods=mine(pods)), attempt, NOW)
    return pod.name if pod else ""


def test_the_pod_that_the_controller_waits_for_is_stuck() -> None:
    assert stuck() == "db-2"


def test_of_several_only_the_first_in_the_order_of_the_set_is_waited_for() -> None:
    """Whatever order the API lists them in."""
    sick = [replace(pod, ready=False, revision_hash=OLD) for pod in PODS]
    assert stuck((sick[2], sick[1], PODS[0])) == "db-1"
    assert stuck(tuple(reversed(sick))) == "db-0"


def test_one_that_crashes_again_and_again_is_stuck_however_often_it_is_ready_for_a_moment() -> None:
    """TRAPS 40: all of them would have to be ready at once for the controller to go on."""
    looping = a_sick_pod("db-2", owner=SET, revision_hash=OLD, ready_changed_at=NOW)
    assert stuck((*PODS[:2], looping)) == "db-2"


def test_ordinals_may_start_anywhere() -> None:
    shifted = tuple(replace(pod, name=f"db-{5 + i}") for i, pod in enumerate(PODS))
    assert stuck(shifted, first_ordinal=5) == "db-7"
    assert stuck(shifted) == ""


NOT_STUCK: dict[str, tuple[tuple[Pod, ...], dict[str, Any]]] = {
    "all are ready": ((*PODS[:2], of_the_set(2)), {}),
    "the one that is not ready has the mended template": ((*PODS[:2], of_the_set(2, ready=False)), {}),
    "the controller makes an earlier one": ((PODS[0], STUCK), {}),
    "the controller waits for an earlier one to go": ((PODS[0], of_the_set(1, OLD, deleting=True), STUCK), {}),
    "the controller waits for an earlier one of the mended template": (
        (PODS[0], of_the_set(1, ready=False), STUCK),
        {},
    ),
    "a later one of the mended template is not ready yet": (
        (PODS[0], of_the_set(1, OLD, ready=False), of_the_set(2, ready=False)),
        {},
    ),
    "a later one is going": ((PODS[0], of_the_set(1, OLD, ready=False), of_the_set(2, deleting=True)), {}),
    "it lost its readiness while another one restarted": ((*PODS[:2], FLAPPING), {}),
    "it is going already": ((*PODS[:2], replace(STUCK, deleting=True)), {}),
    "it has ended, so the controller makes another": ((*PODS[:2], replace(STUCK, phase="Failed")), {}),
    "it is another's pod of that name": ((*PODS[:2], replace(STUCK, owner=replace(SET, uid="other"))), {}),
    "it is nobody's pod": ((*PODS[:2], replace(STUCK, owner=None)), {}),
    "it does not say of which revision it is": ((*PODS[:2], replace(STUCK, revision_hash="")), {}),
    "it is beyond the wanted replicas": (PODS, {"replicas": 2}),
    "a partition holds it back": (PODS, {"partition": 3}),
    "the controller has not seen the mended template": (PODS, {"generation": 3}),
    "no revision is rolled out": (PODS, {"update_revision": ""}),
    "the pods do not wait for one another": (PODS, {"ordered": False}),
    "updates are on delete": (PODS, {"on_delete": True}),
    "the set is being deleted": (PODS, {"deleting": True}),
    "the set was re-created": (PODS, {"uid": "uid-2"}),
    "others have changed the template since": (PODS, {"template_hash": "theirs"}),
}


@pytest.mark.parametrize(("pods", "changes"), NOT_STUCK.values(), ids=NOT_STUCK)
def test_no_other_pod_is(pods: tuple[Pod, ...], changes: dict[str, Any]) -> None:
    assert stuck(pods, **changes) == ""


def test_an_attempt_that_did_not_pin_it_deletes_nothing() -> None:
    """The intent of a deletion is on record before anything is written."""
    assert stuck(attempt=an_attempt()) == ""


some_pods = st.lists(
    st.builds(
        of_the_set,
        st.integers(0, 4),
        st.sampled_from([OLD, NEW, ""]),
        ready=st.booleans(),
        deleting=st.booleans(),
        phase=st.sampled_from(["Running", "Pending", "Failed"]),
        owner=st.sampled_from([SET, None]),
    ),
    max_size=6,
    unique_by=lambda pod: pod.name,
)


@given(pods=some_pods, replicas=st.integers(0, 5), partition=st.integers(0, 5))
def test_whatever_the_pods_are_it_is_unready_old_and_ours_and_all_before_it_are_ready(
    pods: list[Pod], replicas: int, partition: int
) -> None:
    """Deleting it takes nothing that serves, and what is made in its place has the mended template."""
    owned = mine(tuple(pods))
    workload = undone(replicas=replicas, partition=partition)
    pod = stuck_pods.stuck_pod(a_situation(workload=workload, pods=owned), UNDO, NOW)
    if pod is None:
        return
    ordinal = int(pod.name.removeprefix("db-"))
    assert (pod.ready, pod.deleting, pod.revision_hash) == (False, False, OLD)
    assert partition <= ordinal < replicas
    before = {pod.name: pod for pod in owned}
    assert all(before[f"db-{earlier}"].ready for earlier in range(ordinal))
    assert not any(pod.deleting or (not pod.ready and pod.revision_hash == NEW) for pod in owned if pod.owner)


def verified(**changes: Any) -> Situation:
    """Build the moment after the undo has landed, with the stuck pod still there."""
    status = a_status(state="Verifying", step_name="undo", attempts=(UNDO,), verifying=verifying())
    known = {
        "workload": undone(available_replicas=2),
        "pods": mine(PODS),
        "steps": (undo_step(),),
        "remediation": a_remediation(status=status),
        "signals": (),
        "revisions": (),
    }
    return a_situation(**(known | changes))


def test_it_is_deleted_under_the_attempts_id_and_said_before() -> None:
    decision = decide(verified(), NOW)
    deletion = DeletePod(attempt=UNDO.id, namespace="shop", name="db-2", uid="uid-db-2", resource_version="41")
    assert deletion in decision.effects
    (note,) = [noted for noted in decision.status.decisions if noted.reason == reasons.STUCK_POD]
    assert "db-2" in note.message
    assert decision.status.state == "Verifying"


def test_asked_again_it_is_the_same_deletion_and_nothing_new_is_said() -> None:
    """Its uid makes it the same one, however often it is sent."""
    first = decide(verified(), NOW)
    again = decide(verified(remediation=a_remediation(status=first.status)), NOW)
    assert again.effects == first.effects
    assert again.status == first.status


ALWAYS = MaintenanceWindow(schedule="* * * * *", duration=timedelta(hours=1), effect="Deny")
WITHDRAWN = {
    "nothing may act at this time": a_policy(limits=limits(maintenance_windows=(ALWAYS,))),
    "the policy only observes now": a_policy(mode="Observe"),
    "the policy was deleted": None,
}


@pytest.mark.parametrize("policy", WITHDRAWN.values(), ids=WITHDRAWN)
def test_nothing_is_deleted_once_people_have_withdrawn_what_allowed_it(policy: Policy | None) -> None:
    """A verification goes on, where a temporary change is still owed."""
    owed = an_entry(revert=PendingRevert(action="scale", changes=scaled(5, before=3)))
    decision = decide(verified(policy=policy, budget=a_budget(owed)), NOW)
    assert decision.status.state == "Verifying"
    assert not [effect for effect in decision.effects if isinstance(effect, DeletePod)]


def test_nothing_is_deleted_while_people_have_suspended_us() -> None:
    """The kill switch stops the rest of an attempt, too."""
    suspended = a_budget(spec=BudgetSpec(suspended=Suspension(reason="freeze")))
    decision = decide(verified(budget=suspended), NOW)
    assert [effect for effect in decision.effects if isinstance(effect, DeletePod)] == []
