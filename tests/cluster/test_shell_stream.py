"""Streams, lease and kopf's thread against a real API server, which goes away and comes back."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from platelet.api.readers import pods
from platelet.model import effects
from platelet.model.workload import Pod
from platelet.shell import kube
from platelet.shell.kube import client
from platelet.shell.kube.stored import version_of
from platelet.shell.leader import lease
from platelet.shell.run.kopf_thread import KopfThread
from platelet.shell.telemetry.event_recorder import EventRecorder
from platelet.shell.watch import pod_records, stored_versions
from platelet.shell.watch.stream import Seen, TypedStream
from tests.cluster import control_plane as cluster
from tests.cluster import installation

pytestmark = pytest.mark.cluster


@asynccontextmanager
async def connected(plane: cluster.ControlPlane) -> AsyncIterator[client.ClusterClient]:
    api = await client.connect(str(plane.kubeconfig("admin")))
    try:
        yield api
    finally:
        await api.close()


@asynccontextmanager
async def streaming(api: client.ClusterClient, namespace: str) -> AsyncIterator[TypedStream[Pod]]:
    stream = TypedStream(api, kube.PODS, pod_records.reduce, lambda *_: None, namespace=namespace)
    task = asyncio.create_task(stream.run())
    try:
        yield stream
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(what: str, holds: Callable[[], bool], seconds: float = 90) -> None:
    """Like patience.until, without holding up the loop."""
    try:
        async with asyncio.timeout(seconds):
            while not holds():  # noqa: ASYNC110 - a cluster gives no event
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise TimeoutError(f"waited {seconds:.0f} s for {what}") from None


async def make_pods(api: client.ClusterClient, namespace: str, numbers: range) -> None:
    async def make(number: int) -> None:
        spec = {"containers": [{"name": "app", "image": "app:1"}], "terminationGracePeriodSeconds": 0}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"pod-{number}"}, "spec": spec}
        await api.create(kube.PODS, namespace, body)

    for number in numbers:
        await make(number)


def is_complete(stream: TypedStream[Pod]) -> bool:
    return len(stream.records) == 500 and all(pod.ready for pod in stream.records.values())


async def test_the_metadata_of_a_kind_are_streamed_and_listed_alone(
    control_plane: cluster.ControlPlane, namespace: str
) -> None:
    """As Remediations are, so that a sweep need not list them; what is in a ConfigMap never reaches us."""
    lines: list[bytes] = []

    def keep(raw: bytes) -> Seen[int]:
        lines.append(raw)
        return stored_versions.reduce(raw)

    async with connected(control_plane) as api:
        metadata = {"name": "settings", "namespace": namespace}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"key": "only-ours"}}
        stored = await api.create(kube.CONFIG_MAPS, namespace, body)
        stream = TypedStream(api, kube.CONFIG_MAPS, keep, lambda *_: None, namespace=namespace)
        task = asyncio.create_task(stream.run())
        await until("the stream", lambda: stream.synced)
        listed = [item async for page in api.pages(kube.CONFIG_MAPS, namespace) for item in page.items]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert stream.records[namespace, "settings"] == version_of(stored)
    assert len(listed) == len(stream.records)
    assert not any(b"only-ours" in raw for raw in (*lines, *(bytes(item) for item in listed)))


async def test_five_hundred_pods_are_known_as_a_quorum_read_knows_them(
    control_plane: cluster.ControlPlane, namespace: str
) -> None:
    async with connected(control_plane) as api, streaming(api, namespace) as stream:
        await make_pods(api, namespace, range(250))
        await until("the first pods", lambda: stream.synced and len(stream.records) == 250)
        async with streaming(api, namespace) as late:
            await make_pods(api, namespace, range(250, 500))
            await until("500 pods that run", lambda: all(is_complete(followed) for followed in (stream, late)))
            read = [pods.read_pod(stored) for stored in await api.list(kube.PODS, namespace)]
            known = {pod.name: replace(pod, resource_version="") for pod in read}
            for followed in (stream, late):
                assert {name: pod for (_, name), pod in followed.records.items()} == known
                assert followed.skipped == 0


async def test_over_a_restart_of_the_api_server_nothing_is_missed(
    fresh_control_plane: Callable[[], cluster.ControlPlane],
) -> None:
    """Pods that come and go while the stream is cut off are known after it."""
    plane = await asyncio.to_thread(fresh_control_plane)
    async with connected(plane) as api, streaming(api, "default") as stream:
        await make_pods(api, "default", range(5))
        await until("five pods", lambda: len(stream.records) == 5)
        await asyncio.to_thread(plane.stop_api_server)
        await asyncio.to_thread(plane.start_api_server)
        await asyncio.to_thread(plane.kubectl, "delete", "pod", "pod-0", "--wait=true")
        await make_pods(api, "default", range(5, 8))
        expected = {f"pod-{number}" for number in range(1, 8)}
        await until("the stream to be right", lambda: {name for _, name in stream.records} == expected)
        assert stream.restarts
        assert not stream.silent(90)


async def test_the_api_server_takes_our_lease_and_one_of_two_leads(
    control_plane: cluster.ControlPlane, namespace: str
) -> None:
    async with connected(control_plane) as api:
        one, two = (lease.Leadership(api, api.clock, namespace, name) for name in ("one", "two"))
        await one.wait_until_leading()
        holding = asyncio.create_task(one.hold())
        waiting = asyncio.create_task(two.wait_until_leading())
        await one.remember_budget("uid-of-the-budget")
        await asyncio.sleep(8)
        assert one.time_left() > 0
        assert two.time_left() == 0
        holding.cancel()
        await asyncio.gather(holding, return_exceptions=True)
        await one.release()
        await asyncio.wait_for(waiting, 15)
        assert (one.time_left(), two.budget_uid()) == (0, "uid-of-the-budget")
        assert two.time_left() > 0


async def test_the_api_server_takes_our_events_and_their_series(
    control_plane: cluster.ControlPlane, namespace: str
) -> None:
    boot = 0.0
    async with connected(control_plane) as api:
        space = await api.get(kube.NAMESPACES, "", "default")
        recorder = EventRecorder(api, api.clock, namespace, "test", lambda: boot)
        regarding = {"apiVersion": "v1", "kind": "ConfigMap", "namespace": namespace, "name": "a"}
        event = effects.Publish(
            regarding={**regarding, "uid": space["metadata"]["uid"]},
            type="Warning",
            reason="Escalated",
            action="Escalate",
            note="é" * 2000,
        )
        for _ in range(3):
            await recorder.publish(event)
            boot += 40
        (stored,) = [stored for stored in await api.list(kube.EVENTS, namespace) if stored["reason"] == "Escalated"]
    assert stored["series"]["count"] == 3


async def test_kopf_hands_keys_over_and_writes_nothing(control_plane: cluster.ControlPlane, namespace: str) -> None:
    """It runs with the operator's own rights; only what kopf itself sends has its user agent."""
    await asyncio.to_thread(installation.install, control_plane)
    before = len(list(control_plane.audit_events()))
    runbook = {
        "apiVersion": "platelet.dev/v1alpha1",
        "kind": "Runbook",
        "metadata": {"name": "restart"},
        "spec": {"steps": [{"name": "restart", "rolloutRestart": {}}]},
    }
    heard: list[tuple[str, str, str]] = []
    operator = await client.connect(str(control_plane.kubeconfig("platelet")))
    thread = KopfThread(lambda shown: heard.append((shown.plural, *shown.key)), operator.configuration)
    later = ("runbooks", namespace, "later")
    async with connected(control_plane) as api:
        await api.create(kube.RUNBOOKS, namespace, runbook)
        thread.start()
        try:
            expected = {("runbooks", namespace, "restart"), ("actionbudgets", installation.NAMESPACE, "platelet")}
            await until("what exists to be told", lambda: expected <= {*heard})
            await api.create(kube.RUNBOOKS, namespace, {**runbook, "metadata": {"name": "later"}})
            await until("a creation to be told", lambda: heard.count(later) == 1)
            await api.patch(kube.RUNBOOKS, namespace, "later", {"metadata": {"labels": {"changed": "yes"}}})
            await until("a change to be told", lambda: heard.count(later) == 2)
            stored = await api.get(kube.RUNBOOKS, namespace, "later")
            await api.delete(kube.RUNBOOKS, namespace, "later", uid=stored["metadata"]["uid"])
            await until("a deletion to be told", lambda: heard.count(later) == 3)
        finally:
            await thread.stop()
            await operator.close()
    assert not thread.alive
    assert thread.restarts == 0
    assert "finalizers" not in json.dumps(stored)
    assert "kopf" not in json.dumps(stored)
    sent = [event for event in list(control_plane.audit_events())[before:] if event.user == "platelet"]
    assert sent
    assert {event.verb for event in sent} <= {"get", "list", "watch"}
    assert not {401, 403} & {event.code for event in sent}
