"""The Alertmanager poller: what the webhook missed, and the absence that proves an alert resolved (DESIGN 3.4).

What people keep from our receiver is not acted on because it was polled: alerts that are silenced, inhibited, muted by
the time intervals of a route, or routed to others alone. One that becomes so while it fires is suppressed until it is
active for us again. Mutes are told by the groups of a receiver only, and only since Alertmanager 0.28: where an older
one may mute, what it says to be active is not news.
"""

import asyncio
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol
from urllib.parse import quote

import httpx
import structlog

from platelet.model.alert import Alert, fingerprint_of
from platelet.model.blocking import KnownAlerts
from platelet.shell.intake.receiver import MIB, NotStoredError, attempt
from platelet.shell.kube.clock import ClockNotReadyError
from platelet.triggers import absence, alertmanager_api
from platelet.triggers.alert_json import MalformedBodyError

PERIOD = 60.0  # seconds between polls
SETTLED = timedelta(minutes=2)
"""A route's mute is known at the first flush of a group, when the `group_wait` after an alert's start is over: until
then what is active may be muted. The webhook brings it by then, if it is not."""
_SECONDS = 10.0  # for all calls of one poll
_LONGEST_ANSWER = 32 * MIB
_log = structlog.get_logger(__name__)


class PollFailedError(Exception):
    """Alertmanager gave no usable answer: nothing new is known."""


class PresentAlerts(Protocol):
    """Stores the alerts that fire in Alertmanager."""

    async def store_present(self, alerts: Sequence[Alert]) -> None:
        """Store what fires now. Raises NotStoredError."""


class HeldAlerts(Protocol):
    """The alerts that open Remediations hold as firing."""

    def held(self) -> Collection[str]:
        """Give their episodes (`Alert.episode`)."""

    async def resolve(self, episodes: Collection[str], at: datetime) -> None:
        """Store that these are over. Raises NotStoredError."""

    async def suppress(self, suppressed: Collection[str], active: Collection[str], at: datetime) -> None:
        """Store which are silenced or inhibited and which are not, by fingerprint. Raises NotStoredError."""


class AlertmanagerPoller:
    """Looks every minute and when asked. The URL may end in a path prefix."""

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        url: str,
        store: PresentAlerts,
        held: HeldAlerts,
        now: Callable[[], datetime],
        client: httpx.AsyncClient,
        *,
        receiver: str = alertmanager_api.RECEIVER,
        on_poll: Callable[[str], None] = lambda _result: None,
        on_error: Callable[[], None] = lambda: None,
    ) -> None:
        """Take the API server's time as `now`; it may raise ClockNotReadyError. `on_error` hears of our own faults.

        `receiver` is how our receiver is called in Alertmanager's configuration. `on_poll` hears how each poll ended:
        `ok`, `limited` where Alertmanager does not tell enough to find what the webhook missed, or `failed`.
        """
        self._on_poll = on_poll
        self._on_error = on_error
        self._receiver = receiver
        self._hint = ""  # what was logged last of an Alertmanager that does not tell enough
        self._url = url.rstrip("/")
        self._store = store
        self._held = held
        self._now = now
        self._client = client
        self._polls: tuple[absence.Poll, ...] = ()
        self._asked = asyncio.Event()
        self._known_at: datetime | None = None
        self._present: KnownAlerts | None = None

    @property
    def present(self) -> KnownAlerts | None:
        """All that fires, as of the last poll in which every alert could be read; None before that."""
        return self._present

    @property
    def known_at(self) -> datetime | None:
        """Before which moment everything that Alertmanager knew is stored; None before the first success."""
        return self._known_at

    def ask(self) -> None:
        """Poll now, not at the next minute."""
        self._asked.set()

    async def run(self) -> None:
        """Poll for ever; ends only by cancellation. A failed poll is logged and made up for by the next."""
        while True:
            self._asked.clear()
            try:
                async with asyncio.timeout(PERIOD):
                    await self.poll()
                self._on_poll("limited" if self._hint else "ok")
            except (PollFailedError, NotStoredError, ClockNotReadyError, TimeoutError) as error:
                _log.warning("Alertmanager poll failed", url=self._url, error=str(error) or "too slow")
                self._on_poll("failed")
            except Exception:  # noqa: BLE001 - one poll must not end all that the leader does
                _log.exception("Alertmanager poll failed", url=self._url)
                self._on_error()
            try:
                async with asyncio.timeout(PERIOD):
                    await self._asked.wait()
            except TimeoutError:
                pass

    async def poll(self) -> None:
        """Look once and store what is seen. Raises PollFailedError, NotStoredError, ClockNotReadyError.

        What cannot be stored of one Remediation keeps nothing else from being stored.
        """
        at = self._now()
        held = {episode: fingerprint_of(episode) for episode in self._held.held()}
        look = await self._look()
        self._tell(look.hint)
        failures = [
            await attempt(self._held.suppress(look.suppressed, look.active, at)),
            await attempt(self._store.store_present(look.news)),
        ]
        if look.read.rejected:  # one of those that could not be read may be any that seems absent
            _log.warning("alerts of Alertmanager unreadable", rejected=look.read.rejected, why=look.read.bad[:3])
            self._polls = ()
        else:
            self._present = KnownAlerts(alerts=look.read.present, at=at)
            latest = absence.Poll(at=at, up_for=look.up_for, held=frozenset(held.values()), known=look.read.known)
            self._polls = absence.keep((*self._polls, latest))
            gone = absence.absent(self._polls)
            if over := [episode for episode, fingerprint in held.items() if fingerprint in gone]:
                failures.append(await attempt(self._held.resolve(over, at)))
        failed = [failure for failure in failures if failure is not None]
        if not look.read.rejected and all(failure.for_good for failure in failed):
            self._known_at = at
        if failed:
            raise failed[0]

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _look(self) -> "_Look":
        """Ask for the alerts, last how long the instance was up: a restart between the two shows."""
        try:
            async with asyncio.timeout(_SECONDS):
                body, _ = await self._get("/api/v2/alerts")
                read = await asyncio.to_thread(alertmanager_api.read_api_alerts, body, self._receiver)
                receivers = alertmanager_api.read_receivers((await self._get("/api/v2/receivers"))[0])
                asked = quote(re.escape(self._receiver), safe="")
                body, _ = await self._get(f"/api/v2/alerts/groups?receiver={asked}")
                groups = await asyncio.to_thread(alertmanager_api.read_api_groups, body, self._receiver, read.holding)
                body, date = await self._get("/api/v2/status")
                may_mute = not groups.tells_mutes and alertmanager_api.read_may_mute(body)
                return _Look(
                    read=read,
                    groups=groups,
                    routed=self._receiver in receivers,
                    may_mute=may_mute,
                    date=date,
                    up_for=date - alertmanager_api.read_started_at(body),
                )
        except TimeoutError:
            raise PollFailedError(f"no answer within {_SECONDS:g} seconds") from None
        except MalformedBodyError as error:
            raise PollFailedError(str(error)) from None

    def _tell(self, hint: str) -> None:
        """Log, when it changes, what Alertmanager does not tell."""
        if hint != self._hint:
            _log.warning("Alertmanager is asked", url=self._url, receiver=self._receiver, found=hint or "as it should")
        self._hint = hint

    async def _get(self, path: str) -> tuple[bytes, datetime]:
        """Give the body and the sender's own time, against which its start is measured."""
        try:
            async with self._client.stream("GET", self._url + path) as response:
                if response.status_code != httpx.codes.OK:
                    raise PollFailedError(f"GET {path} answered {response.status_code}")
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > _LONGEST_ANSWER:
                        raise PollFailedError(f"GET {path} answered more than {_LONGEST_ANSWER} bytes")
                return bytes(body), self._date(response)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:  # the last: of the token file
            raise PollFailedError(f"GET {path}: {type(error).__name__}: {error}") from None

    def _date(self, response: httpx.Response) -> datetime:
        try:
            date = parsedate_to_datetime(response.headers.get("Date", ""))
        except ValueError:
            return self._now()
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What the calls of one poll say together."""

    read: alertmanager_api.ApiRead
    groups: alertmanager_api.GroupsRead
    routed: bool  # there is a receiver of our name
    may_mute: bool  # routes may be muted, and it is not told which are
    date: datetime  # by Alertmanager's clock
    up_for: timedelta

    @property
    def active(self) -> frozenset[str]:
        """What fires for us, by fingerprint."""
        fires = frozenset(alert.fingerprint for alert in self.read.firing)
        return fires if self.may_mute else fires & self.groups.active

    @property
    def news(self) -> list[Alert]:
        """What fires for us and would have come by the webhook: where that is not known, nothing."""
        if self.may_mute:
            return []
        active, settled = self.active, self.date - SETTLED
        return [alert for alert in self.read.firing if alert.fingerprint in active and alert.starts_at <= settled]

    @property
    def suppressed(self) -> frozenset[str]:
        """What is kept from us. Without a receiver of our name, who is not asked for it cannot be told."""
        return self.read.suppressed | self.groups.muted | (self.read.elsewhere if self.routed else frozenset())

    @property
    def hint(self) -> str:
        """Why less is known than could be."""
        if not self.routed:
            return "no receiver has this name, so what the webhook missed is not found: set alertmanager.receiver"
        if self.may_mute:
            return "it does not tell what is muted, so what the webhook missed is not found: it is older than 0.28"
        return ""
