"""The poller against a small Alertmanager on loopback."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from platelet.model.alert import Alert
from platelet.shell.intake.alertmanager import AlertmanagerPoller, PollFailedError
from platelet.shell.intake.receiver import NotStoredError
from platelet.shell.kube.clock import ClockNotReadyError
from platelet.shell.outbound.http_client import TokenFile, make_client
from tests.unit.situations import NOW, minutes, seconds

A, B = "00000000000000aa", "00000000000000bb"
EPISODE = f"{A}/2026-11-21T11:55:00Z"


class Alertmanager:
    """Answers as version 0.28 does; its own clock is an hour ahead of ours."""

    def __init__(self) -> None:
        """Be up for an hour without any alert."""
        self.alerts: Any = []
        self.receivers = ["platelet", "people"]
        self.muted: list[str] = []  # receivers whose only route is within a mute time interval
        self.tells_mutes = True
        self.config: str | None = "route: {receiver: platelet}"
        self.up_for = minutes(60)
        self.status = 200
        self.said: bytes | None = None
        self.now = NOW + timedelta(hours=1)

    async def get_alerts(self, request: web.Request) -> web.Response:
        """Give all alerts; a filter would hide the suppressed ones."""
        assert not request.query_string
        body = json.dumps(self.alerts).encode() if self.said is None else self.said
        return web.Response(body=body, status=self.status, headers=self._date())

    async def get_receivers(self, _request: web.Request) -> web.Response:
        """Give the names."""
        return web.json_response([{"name": receiver} for receiver in self.receivers])

    async def get_groups(self, request: web.Request) -> web.Response:
        """Give one group for each receiver that is asked for, by an anchored regular expression."""
        asked = re.compile(f"^(?:{request.query['receiver']})$")
        assert list(request.query) == ["receiver"], "what is muted must be told, not left out"
        groups = [self._group(receiver) for receiver in self.receivers if asked.match(receiver)]
        return web.json_response(groups, headers=self._date())

    def _group(self, receiver: str) -> dict[str, Any]:
        routed = [alert for alert in self.alerts if {"name": receiver} in alert.get("receivers", ())]
        muted = {"state": "suppressed", "mutedBy": ["release-freeze"]} if receiver in self.muted else {"mutedBy": []}
        for_all = muted if self.tells_mutes else {}
        shown = [{**alert, "status": {**alert["status"], **for_all}} for alert in routed]
        return {"receiver": {"name": receiver}, "labels": {}, "alerts": shown}

    async def get_status(self, _request: web.Request) -> web.Response:
        """Give the moment of the start, and the configuration."""
        started = (self.now - self.up_for).isoformat().replace("+00:00", "Z")
        config = {"original": self.config} if self.config is not None else {}
        return web.json_response({"uptime": started, "config": config}, headers=self._date())

    def _date(self) -> dict[str, str]:
        return {"Date": format_datetime(self.now, usegmt=True)}


class Keeper:
    """Both what is stored and what is held as firing."""

    def __init__(self) -> None:
        """Hold nothing."""
        self.firing: list[str] = []
        self.holds: list[str] = []
        self.resolved: list[tuple[str, datetime]] = []
        self.suppressed: list[tuple[Collection[str], Collection[str]]] = []
        self.fails = False
        self.refuses: set[str] = set()  # of "suppress" and "resolve"
        self.for_good = False

    async def store_present(self, alerts: Sequence[Alert]) -> None:
        """Keep the fingerprints, or fail."""
        if self.fails:
            raise NotStoredError("away")
        self.firing += [alert.fingerprint for alert in alerts]

    def held(self) -> Collection[str]:
        """Give what is held."""
        return self.holds

    async def suppress(self, suppressed: Collection[str], active: Collection[str], at: datetime) -> None:
        """Keep what is kept from us, and what is not."""
        assert at
        self._may_refuse("suppress")
        self.suppressed.append((suppressed, active))

    async def resolve(self, episodes: Collection[str], at: datetime) -> None:
        """Keep what is over."""
        self._may_refuse("resolve")
        self.resolved += [(episode, at) for episode in episodes]

    def _may_refuse(self, what: str) -> None:
        if what in self.refuses:
            raise NotStoredError(what, for_good=self.for_good)


class Scene:
    """A poller, what it polls, what it feeds and its clock."""

    def __init__(self, url: str, alertmanager: Alertmanager) -> None:
        """Put them together."""
        self.alertmanager = alertmanager
        self.keeper = Keeper()
        self.now = NOW
        self.url = url
        self.ended: list[str] = []
        self.has_ended = asyncio.Event()
        self.poller = AlertmanagerPoller(
            url, self.keeper, self.keeper, lambda: self.now, make_client(), on_poll=self._on_poll
        )

    def _on_poll(self, result: str) -> None:
        self.ended.append(result)
        self.has_ended.set()

    async def poll_later(self, later: timedelta = timedelta()) -> None:
        """Let time pass, then poll."""
        self.now += later
        self.alertmanager.now += later
        self.alertmanager.up_for += later
        await self.poller.poll()


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    """Everything is up and nothing fires."""
    alertmanager = Alertmanager()
    application = web.Application()
    application.router.add_get("/prefix/api/v2/alerts", alertmanager.get_alerts)
    application.router.add_get("/prefix/api/v2/alerts/groups", alertmanager.get_groups)
    application.router.add_get("/prefix/api/v2/receivers", alertmanager.get_receivers)
    application.router.add_get("/prefix/api/v2/status", alertmanager.get_status)
    server = TestServer(application)
    await server.start_server()
    scene = Scene(str(server.make_url("/prefix/")), alertmanager)
    yield scene
    await scene.poller.close()
    await server.close()


def an_alert(fingerprint: str = A, state: str = "active", **changes: Any) -> dict[str, Any]:
    """Build an alert as the API gives it."""
    return {
        "labels": {"alertname": "ApiDown"}, "annotations": {}, "startsAt": "2026-11-21T11:55:00.000Z",
        "endsAt": "2026-11-21T12:04:00.000Z", "fingerprint": fingerprint, "receivers": [{"name": "platelet"}],
        "status": {"state": state, "silencedBy": [], "inhibitedBy": []},
        **changes,
    }  # fmt: skip


async def test_active_alerts_are_stored_and_suppressed_ones_are_not(scene: Scene) -> None:
    scene.alertmanager.alerts = [an_alert(), an_alert(B, "suppressed")]
    await scene.poller.poll()
    assert scene.keeper.firing == [A]
    assert scene.poller.known_at == NOW


async def test_all_that_fires_is_known_wherever_it_is_sent_and_whoever_has_silenced_it(scene: Scene) -> None:
    """What must block an act is not always for us."""
    elsewhere = an_alert("00000000000000cc", receivers=[{"name": "database-team"}])
    scene.alertmanager.alerts = [an_alert(), an_alert(B, "suppressed"), elsewhere]
    await scene.poller.poll()
    assert scene.poller.present is not None
    assert [alert.fingerprint for alert in scene.poller.present.alerts] == [A, B, "00000000000000cc"]
    assert scene.poller.present.at == NOW


async def test_what_is_silenced_is_told_from_what_is_active_and_from_what_is_in_no_state_yet(scene: Scene) -> None:
    """Alertmanager says `suppressed` of both silenced and inhibited ones; a new one is `unprocessed` for a moment."""
    scene.alertmanager.alerts = [an_alert(), an_alert(B, "suppressed"), an_alert("00000000000000cc", "unprocessed")]
    await scene.poller.poll()
    assert scene.keeper.suppressed == [({B}, {A})]


PEOPLE = [{"name": "people"}]
BOTH = [{"name": "people"}, {"name": "platelet"}]
# Each row: to whom an active alert is routed, and which receivers are muted; whether it is news, or kept from us.
ROUTES: dict[str, tuple[list[dict[str, str]], list[str], bool, bool]] = {
    "to us": ([{"name": "platelet"}], [], True, False),
    "to us and to people": (BOTH, [], True, False),
    "to people alone": (PEOPLE, [], False, True),
    "to nobody": ([], [], False, True),
    "to us, and that is muted": ([{"name": "platelet"}], ["platelet"], False, True),
    "to both, and ours is muted": (BOTH, ["platelet"], False, True),
    "to both, and that of people is muted": (BOTH, ["people"], True, False),
}


@pytest.mark.parametrize(("receivers", "muted", "news", "kept"), ROUTES.values(), ids=ROUTES)
async def test_what_the_webhook_would_never_bring_is_not_acted_on_because_it_was_polled(
    scene: Scene, receivers: list[dict[str, str]], muted: list[str], *, news: bool, kept: bool
) -> None:
    scene.alertmanager.alerts = [an_alert(receivers=receivers)]
    scene.alertmanager.muted = muted
    await scene.poller.poll()
    assert scene.keeper.firing == ([A] if news else [])
    assert scene.keeper.suppressed == [({A} if kept else set(), {A} if news else set())]
    scene.keeper.holds = [EPISODE]
    for _ in range(3):
        await scene.poll_later(minutes(1))
    assert scene.keeper.resolved == [], "what is kept from us is not over"


# Each row: minutes since it began, and whether it is taken from a poll.
AGES = {"a minute": (1, False), "two minutes": (2, True), "an hour": (60, True)}


@pytest.mark.parametrize(("age", "news"), AGES.values(), ids=AGES)
async def test_what_has_just_begun_is_left_to_the_webhook(scene: Scene, age: int, *, news: bool) -> None:
    """Whether its route is muted is not known before the group_wait is over."""
    begun = (scene.alertmanager.now - minutes(age)).isoformat().replace("+00:00", "Z")
    scene.alertmanager.alerts = [an_alert(startsAt=begun)]
    await scene.poller.poll()
    assert scene.keeper.firing == ([A] if news else [])
    assert scene.keeper.suppressed == [(set(), {A})], "of one that the webhook has brought it is no silence"


async def test_a_receiver_by_another_name(scene: Scene) -> None:
    """As the Prometheus Operator calls it; it is asked for as it is, not as a regular expression."""
    name = "monitoring/heal+all/platelet (v2)"
    scene.alertmanager.receivers = [name, "platelet"]
    scene.alertmanager.alerts = [an_alert(receivers=[{"name": name}]), an_alert(B)]
    poller = AlertmanagerPoller(scene.url, scene.keeper, scene.keeper, lambda: scene.now, make_client(), receiver=name)
    await poller.poll()
    assert scene.keeper.firing == [A]
    assert scene.keeper.suppressed == [({B}, {A})]
    await poller.close()


async def test_without_a_receiver_of_our_name_nothing_is_news_and_nothing_is_kept_from_us(scene: Scene) -> None:
    """The webhook brings what it brings; absence and silences are as true as ever."""
    scene.alertmanager.receivers = ["hooks", "people"]
    hooks = [{"name": "hooks"}]
    scene.alertmanager.alerts = [an_alert(receivers=hooks), an_alert(B, "suppressed", receivers=hooks)]
    scene.keeper.holds = [EPISODE, "00000000000000cc/2026-11-21T11:55:00Z"]
    with capture_logs() as logs:
        for _ in range(3):
            await scene.poll_later(minutes(1))
    assert scene.keeper.firing == []
    assert {frozenset(kept) for kept, _ in scene.keeper.suppressed} == {frozenset({B})}
    assert [name for name, _ in scene.keeper.resolved] == ["00000000000000cc/2026-11-21T11:55:00Z"] * 2
    assert ["alertmanager.receiver" in entry["found"] for entry in logs if "found" in entry] == [True]


# Each row: what an Alertmanager older than 0.28 says of its configuration, and whether what is active is news.
OLD: dict[str, tuple[str | None, bool]] = {
    "no time intervals": ("route: {receiver: platelet}", True),
    "mutes": ("route:\n  mute_time_intervals: [freeze]", False),
    "active times": ("route: {active_time_intervals: [office]}", False),
    "nothing": (None, False),
    "an empty text": ("", False),
}


@pytest.mark.parametrize(("config", "news"), OLD.values(), ids=OLD)
async def test_an_alertmanager_that_does_not_tell_mutes(scene: Scene, config: str | None, *, news: bool) -> None:
    """Unknown means no: but what the webhook brings, and what is over, is as before."""
    scene.alertmanager.tells_mutes, scene.alertmanager.config = False, config
    scene.alertmanager.alerts = [an_alert()]
    scene.keeper.holds = [EPISODE.replace(A, B)]
    await scene.poller.poll()
    await scene.poll_later(minutes(1))
    assert scene.keeper.firing == ([A, A] if news else [])
    assert scene.keeper.suppressed == [(set(), {A})] * 2
    assert [name for name, _ in scene.keeper.resolved] == [EPISODE.replace(A, B)]


@pytest.mark.parametrize("fails", ["suppress", "resolve"])
async def test_what_cannot_be_stored_of_one_keeps_nothing_else_from_being_stored(scene: Scene, fails: str) -> None:
    scene.alertmanager.alerts = [an_alert(B)]
    scene.keeper.holds = [EPISODE]
    await scene.poller.poll()
    scene.keeper.refuses = {fails}
    with pytest.raises(NotStoredError, match=fails):
        await scene.poll_later(minutes(1))
    assert scene.keeper.firing == [B, B]
    assert bool(scene.keeper.resolved) == (fails == "suppress")
    assert scene.poller.known_at == NOW


async def test_what_the_api_server_refuses_for_good_does_not_make_all_unknown(scene: Scene) -> None:
    """Nothing can be done about that incident either: its status could not be stored."""
    scene.keeper.refuses, scene.keeper.for_good = {"suppress"}, True
    with pytest.raises(NotStoredError):
        await scene.poller.poll()
    assert scene.poller.known_at == NOW


async def test_absence_in_two_looks_a_minute_apart_is_a_resolution(scene: Scene) -> None:
    scene.keeper.holds = [EPISODE]
    await scene.poller.poll()
    assert scene.keeper.resolved == []
    await scene.poll_later(minutes(1))
    assert scene.keeper.resolved == [(EPISODE, NOW + minutes(1))]


@pytest.mark.parametrize("state", ["active", "suppressed", "unprocessed"])
async def test_what_alertmanager_knows_is_not_resolved(scene: Scene, state: str) -> None:
    scene.keeper.holds = [EPISODE]
    scene.alertmanager.alerts = [an_alert(state=state)]
    for _ in range(3):
        await scene.poll_later(minutes(1))
    assert scene.keeper.resolved == []


async def test_an_alertmanager_that_restarted_empty_knows_nothing(scene: Scene) -> None:
    """Its uptime is judged by its own clock."""
    scene.keeper.holds = [EPISODE]
    scene.alertmanager.up_for = seconds(5)
    for _ in range(9):
        await scene.poll_later(minutes(1))
    assert scene.keeper.resolved == []
    for _ in range(3):
        await scene.poll_later(minutes(1))
    assert scene.keeper.resolved[0][0] == EPISODE


async def test_an_alert_that_came_after_the_first_look_needs_two_more(scene: Scene) -> None:
    await scene.poller.poll()
    scene.keeper.holds = [EPISODE]
    await scene.poll_later(minutes(1))
    assert scene.keeper.resolved == []


async def test_while_an_alert_cannot_be_read_no_absence_is_proven(scene: Scene) -> None:
    scene.keeper.holds = [EPISODE]
    await scene.poller.poll()
    scene.alertmanager.alerts = [{"labels": {}, "status": {}}, an_alert(B)]
    await scene.poll_later(minutes(1))
    assert (scene.keeper.firing, scene.keeper.resolved) == ([B], [])
    scene.alertmanager.alerts = []
    await scene.poll_later(minutes(1))
    assert scene.keeper.resolved == []


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(500, b"[]", id="an error"),
        pytest.param(302, b"[]", id="a redirect, which is not followed"),
        pytest.param(200, b"<html>", id="a page"),
        pytest.param(200, b"{}", id="no list"),
        pytest.param(200, b"[" * 100_000, id="a deep one"),
    ],
)
async def test_an_unusable_answer_changes_nothing(scene: Scene, status: int, body: bytes) -> None:
    scene.alertmanager.status, scene.alertmanager.said = status, body
    with pytest.raises(PollFailedError):
        await scene.poller.poll()
    assert scene.poller.known_at is None


async def test_what_could_not_be_read_is_not_known(scene: Scene) -> None:
    """The good ones are stored, but not all that Alertmanager knows is."""
    scene.alertmanager.alerts = [an_alert(), {"labels": {}}]
    await scene.poller.poll()
    assert scene.keeper.firing == [A]
    assert (scene.poller.known_at, scene.poller.present) == (None, None)


async def test_a_token_file_that_is_no_text_is_a_failed_poll(scene: Scene, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_bytes(b"\xff\xfe")
    poller = AlertmanagerPoller("http://127.0.0.1:1", scene.keeper, scene.keeper, lambda: NOW, make_client(path))
    with pytest.raises(PollFailedError):
        await poller.poll()
    await poller.close()


async def test_a_fault_of_ours_ends_no_poller() -> None:
    """What else the leader does must not end with it."""
    faults = []

    def no_time() -> datetime:
        raise KeyError("spec")

    poller = AlertmanagerPoller(
        "http://127.0.0.1:1", Keeper(), Keeper(), no_time, make_client(), on_error=lambda: faults.append(1)
    )
    task = asyncio.create_task(poller.run())
    while len(faults) < 3:
        poller.ask()
        await asyncio.sleep(0)
        assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await poller.close()


async def test_nobody_there_is_a_failed_poll() -> None:
    keeper = Keeper()
    poller = AlertmanagerPoller("http://127.0.0.1:1", keeper, keeper, lambda: NOW, make_client())
    with pytest.raises(PollFailedError):
        await poller.poll()
    await poller.close()


async def test_what_could_not_be_stored_is_not_known(scene: Scene) -> None:
    await scene.poller.poll()
    scene.keeper.fails = True
    with pytest.raises(NotStoredError):
        await scene.poll_later(minutes(1))
    assert scene.poller.known_at == NOW


async def test_it_goes_on_after_failures_and_polls_when_asked(scene: Scene) -> None:
    scene.keeper.fails = True
    task = asyncio.create_task(scene.poller.run())
    async with asyncio.timeout(20):
        await asyncio.sleep(0.05)
        scene.keeper.fails = False
        while scene.poller.known_at is None:
            scene.poller.ask()
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


# Each row: what is wrong, and how the poll is counted.
ENDS: dict[str, tuple[Callable[[Scene], object], str]] = {
    "nothing": (lambda _scene: None, "ok"),
    "it answers with an error": (lambda scene: setattr(scene.alertmanager, "status", 500), "failed"),
    "it has no receiver of our name": (lambda scene: scene.alertmanager.receivers.remove("platelet"), "limited"),
    "what it says cannot be stored": (lambda scene: setattr(scene.keeper, "fails", True), "failed"),
}


@pytest.mark.parametrize(("wrong", "counted"), ENDS.values(), ids=ENDS)
async def test_how_each_poll_ended_is_counted(scene: Scene, wrong: Callable[[Scene], object], counted: str) -> None:
    wrong(scene)
    task = asyncio.create_task(scene.poller.run())
    async with asyncio.timeout(20):
        await scene.has_ended.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert scene.ended == [counted]


async def test_it_waits_for_the_clock(scene: Scene) -> None:
    def no_time() -> datetime:
        raise ClockNotReadyError("not yet")

    poller = AlertmanagerPoller("http://127.0.0.1:1", scene.keeper, scene.keeper, no_time, make_client())
    task = asyncio.create_task(poller.run())
    await asyncio.sleep(0.05)
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await poller.close()


async def test_the_token_is_read_anew_for_each_request(tmp_path: Path) -> None:
    """Rotation needs no restart."""
    file = tmp_path / "token"
    file.write_text("first\n")
    flow = TokenFile(file)
    sent = [next(flow.auth_flow(httpx.Request("GET", "http://alertmanager/"))).headers["Authorization"]]
    file.write_text("second\n")
    sent.append(next(flow.auth_flow(httpx.Request("GET", "http://alertmanager/"))).headers["Authorization"])
    assert sent == ["Bearer first", "Bearer second"]
