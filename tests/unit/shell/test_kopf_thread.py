"""The kopf thread: it never takes the main loop with it."""

import asyncio
import contextlib
import gc
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import kopf
import pytest
from aiohttp import web
from kubernetes.aio.client.configuration import Configuration

from platelet.shell.run import handlers, kopf_thread
from platelet.shell.run.kopf_thread import KopfThread
from tests.cluster import patience
from tests.unit.shell import fake_server

# What kopf does not end is garbage that complains; it is collected here, not in whatever test comes next.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
GROUP = "platelet.dev"
KINDS = {
    "remediations": "Remediation",
    "runbooks": "Runbook",
    "escalationpolicies": "EscalationPolicy",
    "remediationpolicies": "RemediationPolicy",
    "actionbudgets": "ActionBudget",
}


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    gc.collect()


async def api_server(request: web.Request) -> web.StreamResponse:
    """Just enough of discovery for kopf; every kind holds one object, every watch fails with a 500 in the stream."""
    path = request.path.strip("/")
    if path == "apis":
        version = {"groupVersion": f"{GROUP}/v1alpha1", "version": "v1alpha1"}
        group = {"name": GROUP, "versions": [version], "preferredVersion": version}
        return web.json_response({"groups": [group]})
    if path == f"apis/{GROUP}/v1alpha1":
        verbs = ["get", "list", "watch"]
        kinds = [
            {"name": p, "singularName": "", "kind": k, "namespaced": True, "verbs": verbs} for p, k in KINDS.items()
        ]
        return web.json_response({"resources": kinds})
    if path == "api/v1":  # kopf waits until it knows these
        kinds = [{"name": "namespaces", "singularName": "", "kind": "Namespace", "namespaced": False, "verbs": []}]
        return web.json_response({"resources": kinds})
    plural = path.rpartition("/")[2]
    if plural not in KINDS:
        return web.json_response({"versions": ["v1"], "resources": [], "major": "1", "minor": "36"})
    if "watch" in request.query:
        error = {"type": "ERROR", "object": {"kind": "Status", "code": 500, "message": "broken"}}
        return web.json_response(error)
    item = {"metadata": {"namespace": "shop", "name": f"my-{plural}", "uid": plural, "resourceVersion": "1"}}
    body = {"kind": f"{KINDS[plural]}List", "apiVersion": f"{GROUP}/v1alpha1", "metadata": {"resourceVersion": "5"}}
    return web.json_response({**body, "items": [item]})


async def test_objects_arrive_in_the_main_loop_and_a_500_in_a_watch_starts_kopf_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where the user has no name, as in a container."""
    monkeypatch.setattr("getpass.getuser", lambda: pytest.fail("who are you?"))
    keys: asyncio.Queue[tuple[str, str, str]] = asyncio.Queue()
    async with fake_server.serve(api_server) as server:
        thread = KopfThread(lambda shown: keys.put_nowait((shown.plural, *shown.key)), Configuration(host=server.url))
        thread.start()
        seen: Counter[tuple[str, str, str]] = Counter()
        while len(seen) < len(KINDS) or min(seen.values()) < 2:  # the second time is after the restart
            seen[await asyncio.wait_for(keys.get(), 60)] += 1
        assert thread.restarts >= 1
        await thread.stop()
        assert not thread.alive
    assert set(seen) == {(plural, "shop", f"my-{plural}") for plural in KINDS}
    assert {asked.method for asked in server.asked} == {"GET"}


async def test_an_end_of_kopf_that_does_not_end_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by a watch that waits for credentials while all others have failed: the leader would be deaf from then on."""

    def registry(on_object: handlers.OnObject, login: Callable[[], kopf.AiohttpSession]) -> kopf.OperatorRegistry:
        own = registry_of_ours(on_object, login)

        async def hang(**_: Any) -> None:
            with contextlib.suppress(asyncio.CancelledError):  # kopf's, 5 s after the beginning of its end
                await asyncio.sleep(3600)
            await asyncio.sleep(3600)

        kopf.on.event(GROUP, "v1alpha1", "runbooks", registry=own, id="hang")(hang)
        return own

    registry_of_ours = handlers.registry
    monkeypatch.setattr(handlers, "registry", registry)
    monkeypatch.setattr(kopf_thread, "_LONGEST_END", 6.0)
    keys: asyncio.Queue[tuple[str, str, str]] = asyncio.Queue()
    async with fake_server.serve(api_server) as server:
        thread = KopfThread(lambda shown: keys.put_nowait((shown.plural, *shown.key)), Configuration(host=server.url))
        thread.start()
        seen: Counter[tuple[str, str, str]] = Counter()
        while not seen or max(seen.values()) < 2:
            seen[await asyncio.wait_for(keys.get(), 60)] += 1
        await thread.stop()
        assert not thread.alive


async def test_refused_credentials_are_not_sent_again_and_again() -> None:
    """A token that is revoked: kopf gives up with it, and we begin anew after a while."""

    async def unauthorized(_: web.Request) -> web.StreamResponse:
        return web.json_response({"kind": "Status", "code": 401, "reason": "Unauthorized"}, status=401)

    async with fake_server.serve(unauthorized) as server:
        thread = KopfThread(lambda *_: None, Configuration(host=server.url))
        thread.start()
        await asyncio.to_thread(patience.until, "a new beginning", lambda: thread.restarts)
        await thread.stop()
    assert len(server.asked) < 30


async def test_without_an_api_server_it_waits_and_can_be_stopped() -> None:
    thread = KopfThread(lambda *_: None, Configuration(host="http://127.0.0.1:9"))
    thread.start()
    await asyncio.sleep(0.2)
    await thread.stop()
    assert not thread.alive
