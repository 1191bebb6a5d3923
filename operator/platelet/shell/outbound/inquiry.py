"""Asks what a verification wants to know: each question once, all at the same time."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from platelet.model.reading import (
    Answered,
    Judged,
    ObjectCondition,
    Probe,
    Query,
    Question,
    Reading,
    Result,
    Unanswered,
)
from platelet.shell.kube.clock import boot_time
from platelet.shell.kube.latest import Latest

_FRESH = 1.0  # seconds; pods and Deployments wake us many times in a rollout, and others' servers are not ours to flood
_REMEMBERED = 1000


class AsksPrometheus(Protocol):
    """Answers queries."""

    async def ask(self, query: str) -> Result | Unanswered:
        """Never raises."""


class AsksUrls(Protocol):
    """Answers probes."""

    async def ask(self, probe: Probe) -> Answered | Unanswered:
        """Never raises."""


class JudgesConditions(Protocol):
    """Judges conditions over workloads."""

    async def ask(self, question: ObjectCondition) -> Judged | Unanswered:
        """Never raises."""


@dataclass(frozen=True, slots=True)
class _Heard:
    at: float  # seconds of the boot-time clock
    reading: Reading


class Inquiry:
    """Remembers an answer for a second, and nothing for longer."""

    def __init__(
        self,
        prometheus: AsksPrometheus,
        urls: AsksUrls,
        conditions: JudgesConditions,
        *,
        on_reading: Callable[[Reading], None] = lambda _reading: None,
        boot: Callable[[], float] = boot_time,
    ) -> None:
        """`on_reading` hears of each answer."""
        self._prometheus, self._urls, self._conditions = prometheus, urls, conditions
        self._on_reading, self._boot = on_reading, boot
        self._heard: Latest[Question, _Heard] = Latest(_REMEMBERED)

    async def ask(self, questions: Collection[Question]) -> Mapping[Question, Reading]:
        """Ask each once. Never raises: what cannot be known is an answer, too."""
        readings = await asyncio.gather(*(self._ask(question) for question in questions))
        return dict(zip(questions, readings, strict=True))

    async def _ask(self, question: Question) -> Reading:
        heard = self._heard.get(question)
        if heard is None or self._boot() - heard.at > _FRESH:
            heard = _Heard(self._boot(), await self._ask_anew(question))
            self._on_reading(heard.reading)
        return self._heard.put(question, heard).reading

    async def _ask_anew(self, question: Question) -> Reading:
        match question:
            case Query(text=text):
                return await self._prometheus.ask(text)
            case Probe():
                return await self._urls.ask(question)
            case ObjectCondition():
                return await self._conditions.ask(question)
