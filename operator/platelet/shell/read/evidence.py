"""Evidence before the fix that no stream shows: the end of a log, and who has written which keys of ConfigMaps.

It is read once for an incident, beside all else that a look reads, and waited for a second at most: what cannot be read
holds nothing up, and is told as such.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import Final

from platelet.api.readers import config_maps
from platelet.core import log_tails, recent_changes
from platelet.model.config_map import KnownConfigMap
from platelet.model.situation import Situation
from platelet.shell.kube import CONFIG_MAPS, ApiError, NotFound, Reads
from platelet.shell.read.log_reader import LogReader
from platelet.shell.read.recent_answers import Recent

TIMEOUT: Final = 1.0  # seconds, for all ConfigMaps together
_GOOD_FOR: Final = 30.0  # seconds: until what was read is stored


class EvidenceReader:
    """Adds to a situation the evidence that only people want to see."""

    def __init__(self, kube: Reads, logs: LogReader) -> None:
        """`kube` is asked for the metadata of ConfigMaps."""
        self._kube = kube
        self._logs = logs
        self._config_maps: Recent[tuple[str, tuple[str, ...]], tuple[KnownConfigMap, ...]] = Recent()

    async def add(self, situation: Situation, around: Awaitable[Situation]) -> Situation:
        """Read evidence while `around` reads the rest of the situation; both in one. Raises what `around` raises."""
        names = recent_changes.config_maps(situation)
        if log_tails.wanted(situation) is None and not names:
            return await self._with_job_log(await around)
        seen, tail, known = await asyncio.gather(around, self._logs.read(situation), self._read(situation, names))
        return replace(seen, knowledge=replace(seen.knowledge, log_tail=tail, config_maps=known))

    async def _with_job_log(self, situation: Situation) -> Situation:
        """Add the log of the Job that a step has started, if it has ended."""
        tail = await self._logs.read_of_job(situation)
        if tail is None:
            return situation
        return replace(situation, knowledge=replace(situation.knowledge, job_log_tail=tail))

    async def _read(self, situation: Situation, names: tuple[str, ...]) -> tuple[KnownConfigMap, ...]:
        if not names:
            return ()
        namespace = situation.target.namespace
        return await self._config_maps.ask((namespace, names), _GOOD_FOR, lambda: self._read_all(namespace, names))

    async def _read_all(self, namespace: str, names: tuple[str, ...]) -> tuple[KnownConfigMap, ...]:
        return tuple(await asyncio.gather(*(self._read_one(namespace, name) for name in names)))

    async def _read_one(self, namespace: str, name: str) -> KnownConfigMap:
        try:
            async with asyncio.timeout(TIMEOUT):
                return config_maps.read_config_map(await self._kube.get(CONFIG_MAPS, namespace, name))
        except NotFound:
            return KnownConfigMap(name=name, is_missing=True)
        except TimeoutError:
            return KnownConfigMap(name=name, why_unknown="could not be looked at in time")
        except ApiError as error:
            return KnownConfigMap(name=name, why_unknown=f"could not be looked at ({error.code} {error.reason})")
