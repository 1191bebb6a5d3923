"""A storm: thirty Deployments crash at once, and the operator may act five times an hour (I7, I14)."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import installation, patience
from tests.cluster.control_plane import ControlPlane
from tests.faults import scene
from tests.faults.reader import OURS, Json, Reader
from tests.faults.replicas import Replica, Replicas, Ward

pytestmark = pytest.mark.cluster
SICK, ALLOWED = 30, 5
CRASHING = "app:crash-2"
TO_THE_SECOND = len("2026-11-21T08:00:00")
QUIET = 8.0  # seconds in which nothing more may happen
BUDGET_PATH = f"{OURS}/namespaces/{installation.NAMESPACE}/actionbudgets"
CRASHES = {"pod": {"reasons": ["CrashLoopBackOff"], "minRestarts": 1}}


@pytest.fixture
def ward(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Ward]:
    """An installation whose only brake is the operator-wide one."""
    with ExitStack() as stack:
        settings = {"healthyFor": "5s", "lease": {"duration": "3s"}}
        installed = stack.enter_context(installation.installed(control_plane, tmp_path, **settings))
        limits = {"limits": [{"maxActions": ALLOWED, "per": "1h"}]}
        installation.install(control_plane, budget=limits)
        reader = stack.enter_context(closing(Reader(control_plane)))
        yield Ward(control_plane, namespace, reader, Replicas(installed, stack))


def test_a_storm_gets_five_actions_whatever_is_deleted(ward: Ward) -> None:
    """Five attempts by the audit log; the others wait, and say for what; deleting records frees nothing."""
    names = [f"shop-{number:02}" for number in range(SICK)]
    apply = ("apply", "-n", ward.namespace, "-f", "-")
    ward.plane.kubectl(*apply, input=scene.policies("undo", trigger=CRASHES))
    replica = ward.replicas.start()
    patience.until("the replica to lead", lambda: replica.warm and replica.leads)
    ward.admit("undo", names)

    bodies = (installation.deployment(name, CRASHING, replicas=1, labels={"heal": "undo"}) for name in names)
    ward.plane.kubectl(*apply, input="---\n".join(bodies))
    waiting = until_waiting(ward, SICK - ALLOWED, "OperatorRateLimited")
    assert_held(ward, replica)
    for remediation in waiting:
        wait = remediation["status"]["waiting"]
        assert f"{ALLOWED} per 1h" in wait["message"]
        assert wait["until"][:TO_THE_SECOND] in wait["message"]
    assert len(ward.reader.remediations(ward.namespace)) == SICK

    ward.reader.delete(f"{OURS}/namespaces/{ward.namespace}/remediations")
    until_waiting(ward, SICK - ALLOWED, "OperatorRateLimited")
    assert_held(ward, replica)

    replace_budget(ward)
    until_waiting(ward, SICK - ALLOWED, "HistoryLost")
    assert_held(ward, replica)
    ward.reader.delete(f"{OURS}/namespaces/{ward.namespace}/remediations")
    until_waiting(ward, SICK - ALLOWED, "HistoryLost")
    assert_held(ward, replica)


def until_waiting(ward: Ward, count: int, reason: str) -> list[Json]:
    """The Remediations that wait for this reason, once there are so many of them that are not being deleted."""

    def all_wait() -> list[Json]:
        time.sleep(0.5)  # thirty objects at each look
        alive = ward.reader.remediations(ward.namespace)
        waiting = [remediation for remediation in alive if _waits(remediation.get("status") or {}, reason)]
        return waiting if len(waiting) == count else []

    return patience.until(f"{count} remediations to wait for {reason}", all_wait, 90)


def _waits(status: Mapping[str, Any], reason: str) -> bool:
    wait = status.get("waiting") or {}
    return status.get("state") == "Waiting" and wait.get("reason") == reason and bool(wait.get("until"))


def assert_held(ward: Ward, replica: Replica) -> None:
    """By the audit log there were five actions, each under an id of its own, and a while later there are no more."""

    def acted() -> list[str]:
        return [attempt for attempts in ward.effects().values() for attempt in attempts]

    patience.until("the actions for which there are places", lambda: len(acted()) >= ALLOWED)
    time.sleep(QUIET)
    ids = acted()
    assert len(ids) == ALLOWED
    assert scene.twice(ids) == []
    assert replica.process.alive


def replace_budget(ward: Ward) -> None:
    """Delete the ActionBudget and create it anew, as someone would who hopes for fresh places."""
    old = ward.reader.get(f"{BUDGET_PATH}/platelet") or {}
    ward.reader.delete(f"{BUDGET_PATH}/platelet")
    metadata = {"name": "platelet", "namespace": installation.NAMESPACE}
    new = {"apiVersion": old["apiVersion"], "kind": old["kind"], "metadata": metadata, "spec": old["spec"]}
    ward.reader.create(BUDGET_PATH, new)
