"""A node is drained, and among hundreds of pods that come and go one begins to crash: it is not kept waiting."""

from datetime import datetime, timedelta

import pytest

from platelet.model.workload import WorkloadRef
from platelet.replay.pods import write_status
from platelet.shell import kube
from platelet.shell.intake.pod_watch import OwnerKey, PodWatch
from tests.scenarios.manifests import on_pods, policy, runbook, step
from tests.scenarios.model_api import Call
from tests.scenarios.restarts import end_containers, restart_containers
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

MINUTE = timedelta(minutes=1)
DRAINED, OF_EACH = 100, 6  # Deployments, pods
LOOPING = 25  # Deployments
HEAL = {"heal": "yes"}


def _drain(simulation: Simulation) -> None:
    """Each pod changes, at one moment, in nothing that is a failure."""
    for number in range(DRAINED):
        for pod in simulation.world.pods(f"web-{number}"):
            name = pod["metadata"]["name"]
            simulation.world.store.patch(kube.PODS, SHOP, name, {"metadata": {"labels": {"evicted-by": "a-drain"}}})


def _fail_to_pull(simulation: Simulation, name: str) -> None:
    """The kubelet's words, at the very same moment."""
    pod = simulation.world.pods(name)[0]
    (container,) = pod["status"]["containerStatuses"]
    failing = {
        **container,
        "ready": False,
        "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}},
    }
    write_status(simulation.world.store, kube.PODS, pod, {**pod["status"], "containerStatuses": [failing]})


def _is_opening(call: Call) -> bool:
    return call.verb == "create" and call.resource == kube.REMEDIATIONS.plural


def test_a_new_crash_overtakes_what_a_drain_has_left_to_do() -> None:
    """Counted are the requests between the failure and its Remediation: not one for each workload that was touched."""
    with Simulation() as simulation:
        simulation.apply(runbook(step("rolloutUndo")), policy(triggers=[on_pods("ImagePullBackOff")]))
        simulation.world.deploy("api", "app:good-1", labels=HEAL)
        for number in range(DRAINED):
            simulation.world.deploy(f"web-{number}", "app:good-1", OF_EACH, labels=HEAL)
        simulation.run(2 * MINUTE)
        server, (process,) = simulation.world.server, simulation.processes
        process.remembers = False  # so that each look costs requests
        struck_at = server.index + 10  # while records are looked at

        def strike(index: int) -> None:
            if index == struck_at:
                _fail_to_pull(simulation, "api")
            process.hear()  # the streams speak also while requests are under way

        _drain(simulation)
        server.on_call = strike
        simulation.run(timedelta(seconds=2))
        opening = next(call.index for call in server.audit if call.index >= struck_at and _is_opening(call))
        assert server.index - struck_at > 3 * DRAINED, "the drain leaves work behind"
        assert opening - struck_at <= 20


def test_a_new_crash_overtakes_what_fails_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """What loops is on record, and people have it. The new one fails last, at the same moment."""
    looks: list[str] = []
    look = PodWatch.look

    async def note(watch: PodWatch, owner: OwnerKey) -> tuple[WorkloadRef | None, datetime | None]:
        looks.append(owner[2].rpartition("-")[0])
        return await look(watch, owner)

    loops = [f"web-{number}" for number in range(LOOPING)]
    with Simulation() as simulation:
        simulation.apply(runbook(step("rolloutUndo")), policy(triggers=[on_pods("CrashLoopBackOff", minRestarts=1)]))
        for name in [*loops, "api"]:
            simulation.world.deploy(name, "app:good-1", 1, labels=HEAL)
        simulation.run(2 * MINUTE)
        for _ in range(3):
            restart_containers(simulation, loops)
        simulation.run(timedelta(seconds=20))  # not long enough to forgive
        assert len(simulation.remediations()) == LOOPING
        monkeypatch.setattr(PodWatch, "look", note)
        end_containers(simulation, [*loops, "api"])
        simulation.run(timedelta(seconds=10))
        assert set(looks) == {*loops, "api"}
        assert looks.index("api") <= 8


def test_whose_a_changed_pod_is_the_streams_know() -> None:
    """A new leader has looked at none of them yet, and asks for none."""
    with Simulation() as simulation:
        simulation.apply(runbook(step("rolloutUndo")), policy())
        for number in range(DRAINED):
            simulation.world.deploy(f"web-{number}", "app:good-1", 1, labels=HEAL)
        simulation.run(2 * MINUTE)
        server = simulation.world.server
        server.faults.at[server.index] = "kill before"
        simulation.run(2 * MINUTE)
        since = server.index
        _drain(simulation)
        simulation.run(MINUTE)
        assert [call for call in server.audit if call.index >= since and call.verb == "get"] == []
