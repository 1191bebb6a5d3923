"""Lost connections to the API server: the operator finds back by itself and misses nothing (I6, I24).

In each test a Deployment breaks while the fault lasts, so that nobody tells the operator of it. It must be healed
afterwards, without a restart of the process, by one write.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.cluster import installation, patience
from tests.cluster.control_plane import ControlPlane
from tests.faults import scene
from tests.faults.proxy import Answer, Disturbance, Fault, Hang, Request, Reset
from tests.faults.reader import Reader
from tests.faults.replicas import Replica, Replicas, Ward

pytestmark = pytest.mark.cluster
OUTAGE = 60.0  # seconds without an API server
CUT = 20.0  # seconds without a network; longer differs only in how long one waits
SILENCE = 80.0  # seconds after which a stream connects again by itself, shell/watch/stream.py
UNREADY = 90.0  # seconds of silence after which /readyz says so, shell/watch/stream.py
OWN_KINDS = ["actionbudgets", "escalationpolicies", "remediationpolicies", "remediations", "runbooks"]


@pytest.fixture
def leader(ward: Ward) -> Replica:
    """A single replica that leads, with a policy that undoes, and two healthy targets."""
    return lead(ward)


def lead(ward: Ward) -> Replica:
    """Install the policy, admit two targets, start the one replica."""
    ward.plane.kubectl("apply", "-n", ward.namespace, "-f", "-", input=scene.policies("undo"))
    replica = ward.replicas.start()
    patience.until("the replica to lead", lambda: replica.warm and replica.leads)
    ward.admit("undo", ["first", "second"])
    return replica


def healed(ward: Ward, name: str, seconds: float = 60) -> None:
    """Wait until the incident is over, and judge: one effect, by the audit log, and the good image again."""
    scene.Patient(ward.reader, ward.replicas.alert_urls, "undo", ward.namespace, name).until_over(seconds)
    end = scene.end_state(ward.reader, ward.namespace, name)
    assert end.incidents == (("Closed", "Recovered"),), scene.story(ward.reader, ward.namespace, name)
    assert end.template["spec"]["containers"][0]["image"] == scene.GOOD
    assert len(ward.effects()[name]) == 1


def test_an_outage_of_the_api_server(fresh_control_plane: Callable[[], ControlPlane], tmp_path: Path) -> None:
    """What broke in the moment before the API server went away is healed when it is back, by the same process."""
    plane = fresh_control_plane()
    with ExitStack() as stack:
        ward = admitted(stack, plane, tmp_path)
        replica = lead(ward)
        scene.break_release(ward.reader, ward.namespace, "first")
        plane.stop_api_server()
        time.sleep(OUTAGE)
        assert not replica.leads, "it still says that it leads, long after its lease"
        plane.start_api_server()
        ward.reader.close()
        healed(ward, "first")
        scene.break_release(ward.reader, ward.namespace, "second")
        healed(ward, "second")
        assert replica.process.alive


def admitted(stack: ExitStack, plane: ControlPlane, directory: Path) -> Ward:
    """An installation on a cluster of the test's own, in the namespace `default`."""
    settings = {"healthyFor": "1s", "lease": {"duration": "2s"}}
    installed = stack.enter_context(installation.installed(plane, directory, **settings))
    reader = stack.enter_context(closing(Reader(plane)))
    return Ward(plane, "default", reader, Replicas(installed, stack))


def test_a_network_that_is_cut(ward: Ward, leader: Replica) -> None:
    """What breaks while the operator reaches nobody is healed when it does again."""
    leader.proxy.arm(lambda _: Reset())
    leader.proxy.disturb(Disturbance("cut"))
    scene.break_release(ward.reader, ward.namespace, "first")
    time.sleep(CUT)
    assert not leader.leads, "it still says that it leads, long after its lease"
    leader.proxy.disarm()
    healed(ward, "first")
    assert leader.process.alive


STREAM_FAULTS: dict[str, Disturbance] = {
    "410 in the stream": Disturbance("error", 410),
    "500 in the stream": Disturbance("error", 500),
    "a cut": Disturbance("cut"),
}


@pytest.mark.parametrize("fault", STREAM_FAULTS)
def test_a_fault_in_every_watch_at_once(ward: Ward, leader: Replica, fault: str) -> None:
    """Ours and kopf's watches of our kinds break, and for a while cannot be opened again: nothing is missed."""
    patience.until("all watches", lambda: set(leader.proxy.watched()) >= {"pods", "deployments", *OWN_KINDS})
    leader.proxy.arm(only_watches(Answer(503)))
    leader.proxy.disturb(STREAM_FAULTS[fault])
    scene.break_release(ward.reader, ward.namespace, "first")
    time.sleep(3)
    leader.proxy.disarm()
    healed(ward, "first")
    scene.break_release(ward.reader, ward.namespace, "second")
    healed(ward, "second")
    assert leader.process.alive


@pytest.mark.parametrize("code", [410, 429, 500, 503])
def test_watches_that_are_refused(ward: Ward, leader: Replica, code: int) -> None:
    """A watch that is answered with an error instead of a stream is asked for again."""
    leader.proxy.arm(only_watches(Answer(code)))
    leader.proxy.disturb(Disturbance("cut"))
    scene.break_release(ward.reader, ward.namespace, "first")
    time.sleep(5)
    leader.proxy.disarm()
    healed(ward, "first")
    assert leader.process.alive


def test_streams_that_fall_silent(ward: Ward, leader: Replica) -> None:
    """Half-open connections: /readyz says so, and after at most twice the time all is seen that happened meanwhile.

    The real 80 s are waited for: the silence is a constant, and no user needs to set it.
    """
    leader.proxy.arm(only_watches(Hang()))
    leader.proxy.disturb(Disturbance("silence"))
    scene.break_release(ward.reader, ward.namespace, "first")
    patience.until("/readyz to tell", lambda: leader.readiness[0] == 503, UNREADY + 20)
    assert "silent" in leader.readiness[1]
    leader.proxy.disarm()
    healed(ward, "first", 2 * SILENCE)
    patience.until("/readyz to be well again", lambda: leader.ready)
    assert leader.process.alive


def test_streams_without_bookmarks(ward: Ward, leader: Replica) -> None:
    """A server or proxy that swallows bookmarks costs new connections, not events."""
    leader.proxy.bookmarks = False
    leader.proxy.disturb(Disturbance("cut"))
    scene.break_release(ward.reader, ward.namespace, "first")
    healed(ward, "first")


def only_watches(fault: Fault) -> Callable[[Request], Fault | None]:
    """A rule for new watches; all other requests pass."""
    return lambda request: fault if request.verb == "watch" else None
