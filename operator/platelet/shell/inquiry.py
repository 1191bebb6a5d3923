"""Asks what a verification wants to know: each question once, all at the same time."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from platelet.model.reading import Answered, Probe, Query, Question, Reading, Result, Unanswered
from platelet.shell.clock import boot_time

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
        *,
        on_reading: Callable[[Reading], None] = lambda _reading: None,
        boot: Callable[[], float] = boot_time,
    ) -> None:
        """`on_reading` hears of each answer."""
        self._prometheus, self._urls = prometheus, urls
        self._on_reading, self._boot = on_reading, boot
        self._heard: OrderedDict[Question, _Heard] = OrderedDict()

    async def ask(self, questions: Collection[Question]) -> Mapping[Question, Reading]:
        """Ask each once. Never raises: what cannot be known is an answer, too."""
        readings = await asyncio.gather(*(self._ask(each) for each in questions))
        return dict(zip(questions, readings, strict=True))

    async def _ask(self, question: Question) -> Reading:
        heard = self._heard.pop(question, None)
        if heard is None or self._boot() - heard.at > _FRESH:
            heard = _Heard(self._boot(), await self._ask_anew(question))
            self._on_reading(heard.reading)
        self._heard[question] = heard
        if len(self._heard) > _REMEMBERED:
            self._heard.popitem(last=False)
        return heard.reading

    async def _ask_anew(self, question: Question) -> Reading:
        match question:
            case Query(text=text):
                return await self._prometheus.ask(text)
            case Probe():
                return await self._urls.ask(question)
