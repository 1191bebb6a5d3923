"""Kubernetes Events (events.k8s.io/v1) for people who run `kubectl describe`; repeated ones become a series.

Best effort: an Event that cannot be written is dropped. What must be remembered is on the Remediation (TRAPS 33).
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from platelet.model import effects
from platelet.shell import kube
from platelet.shell.kube import clock
from platelet.shell.kube.latest import Latest
from platelet.sinks import event

_BETWEEN_PATCHES = 60.0  # seconds
_SERIES_LIFE = 1800.0  # the API server forgets Events after an hour
_REMEMBERED = 1000
_MAX_NOTE = 1024  # bytes, as the API server allows
_MAX_WORD = 128
_MAX_NAME = 220
_log = structlog.get_logger("platelet.events")

_Same = tuple[str, ...]


@dataclass(slots=True)
class _Series:
    namespace: str
    name: str
    count: int
    written_at: float  # boot time


class EventRecorder:
    """Runs `effects.Publish`."""

    def __init__(
        self,
        api: kube.Kube,
        server_clock: clock.Clock,
        namespace: str,
        instance: str,
        boot: Callable[[], float] = clock.boot_time,
    ) -> None:
        """`namespace` takes Events on cluster-wide objects; `instance` names this pod."""
        self._api, self._clock, self._boot = api, server_clock, boot
        self._namespace, self._instance = namespace, instance[:_MAX_WORD]
        self._known: Latest[_Same, _Series] = Latest(_REMEMBERED)

    async def publish(self, effect: effects.Publish) -> None:
        """Write the Event, or count it in its series. Never raises."""
        try:
            await self._publish(effect, self._clock.now())
        except (kube.ApiError, clock.ClockNotReadyError, KeyError) as error:
            _log.info("event_dropped", reason=effect.reason, detail=str(error))

    async def _publish(self, effect: effects.Publish, now: datetime) -> None:
        same = (*sorted(effect.regarding.values()), effect.type, effect.reason, effect.action, effect.note)
        series = self._known.get(same)
        if series is None or self._boot() - series.written_at > _SERIES_LIFE:
            await self._create(same, effect, now)
            return
        series.count += 1
        if self._boot() - series.written_at >= _BETWEEN_PATCHES:
            await self._patch(same, series, effect, now)

    async def _patch(self, same: _Same, series: _Series, effect: effects.Publish, now: datetime) -> None:
        body = {"series": {"count": series.count, "lastObservedTime": _micro(now)}}
        try:
            await self._api.patch(kube.EVENTS, series.namespace, series.name, body)
        except kube.NotFound:
            await self._create(same, effect, now)
        else:
            series.written_at = self._boot()

    async def _create(self, same: _Same, effect: effects.Publish, now: datetime) -> None:
        self._known.pop(same, None)
        body = self._body(effect, now)
        metadata = body["metadata"]
        await self._api.create(kube.EVENTS, metadata["namespace"], body)
        self._known.put(same, _Series(metadata["namespace"], metadata["name"], 1, self._boot()))

    def _body(self, effect: effects.Publish, now: datetime) -> dict[str, Any]:
        name = f"{effect.regarding['name'][:_MAX_NAME]}.{secrets.token_hex(8)}"
        return {
            "apiVersion": kube.EVENTS.api_version,
            "kind": kube.EVENTS.kind,
            "metadata": {"namespace": effect.regarding.get("namespace") or self._namespace, "name": name},
            "eventTime": _micro(now),
            "reportingController": event.REPORTING_CONTROLLER,
            "reportingInstance": self._instance,
            "regarding": dict(effect.regarding),
            "type": effect.type,
            "reason": effect.reason[:_MAX_WORD],
            "action": effect.action[:_MAX_WORD],
            "note": effect.note.encode()[:_MAX_NOTE].decode(errors="ignore"),
        }


def _micro(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
