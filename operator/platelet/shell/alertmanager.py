"""The Alertmanager poller: what the webhook missed, and the absence that proves an alert resolved (DESIGN 3.4)."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol

import httpx
import structlog

from platelet.model.alert import Alert, fingerprint_of
from platelet.shell.clock import ClockNotReadyError
from platelet.shell.receiver import MIB, NotStoredError
from platelet.triggers import absence, alerts

PERIOD = 60.0  # seconds between polls
_SECONDS = 10.0  # for one poll, both calls
_LONGEST_ANSWER = 32 * MIB
_log = structlog.get_logger(__name__)


class PollFailedError(Exception):
    """Alertmanager gave no usable answer: nothing new is known."""


class PresentAlerts(Protocol):
    """Where goes what fires in Alertmanager."""

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
        on_error: Callable[[], None] = lambda: None,
    ) -> None:
        """Take the API server's time as `now`; it may raise ClockNotReadyError. `on_error` hears of our own faults."""
        self._on_error = on_error
        self._url = url.rstrip("/")
        self._store = store
        self._held = held
        self._now = now
        self._client = client
        self._polls: tuple[absence.Poll, ...] = ()
        self._asked = asyncio.Event()
        self._known_at: datetime | None = None

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
            except (PollFailedError, NotStoredError, ClockNotReadyError, TimeoutError) as error:
                _log.warning("Alertmanager poll failed", url=self._url, error=str(error) or "too slow")
            except Exception:  # noqa: BLE001 - one poll must not end all that the leader does
                _log.exception("Alertmanager poll failed", url=self._url)
                self._on_error()
            try:
                async with asyncio.timeout(PERIOD):
                    await self._asked.wait()
            except TimeoutError:
                pass

    async def poll(self) -> None:
        """Look once and store what is seen. Raises PollFailedError, NotStoredError, ClockNotReadyError."""
        at = self._now()
        held = {episode: fingerprint_of(episode) for episode in self._held.held()}
        seen, up_for = await self._look()
        await self._held.suppress(seen.suppressed, frozenset(each.fingerprint for each in seen.firing), at)
        await self._store.store_present(seen.firing)
        if seen.rejected:  # one of those that could not be read may be any that seems absent
            _log.warning("alerts of Alertmanager unreadable", rejected=seen.rejected, why=seen.bad[:3])
            self._polls = ()
            return  # nor is everything stored that was known before
        latest = absence.Poll(at=at, up_for=up_for, held=frozenset(held.values()), known=seen.known)
        self._polls = absence.keep((*self._polls, latest))
        gone = absence.absent(self._polls)
        if over := [episode for episode, fingerprint in held.items() if fingerprint in gone]:
            await self._held.resolve(over, at)
        self._known_at = at

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _look(self) -> tuple[alerts.ApiRead, timedelta]:
        """Ask for the alerts, then how long the instance was up: a restart between the two shows."""
        try:
            async with asyncio.timeout(_SECONDS):
                seen = await asyncio.to_thread(alerts.read_api_alerts, (await self._get("/api/v2/alerts"))[0])
                body, date = await self._get("/api/v2/status")
                return seen, date - alerts.read_started_at(body)
        except TimeoutError:
            raise PollFailedError(f"no answer within {_SECONDS:g} seconds") from None
        except alerts.MalformedBodyError as error:
            raise PollFailedError(str(error)) from None

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
            said = parsedate_to_datetime(response.headers.get("Date", ""))
        except ValueError:
            return self._now()
        return said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)
