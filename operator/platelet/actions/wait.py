"""wait: do nothing for a while, so that what mends itself is left alone: a failover, a dependency that starts.

It writes nothing, so neither brakes nor limits are asked. Its time begins once the trouble holds, and anew if it was
gone in between. While it waits the incident is open, and closes if it recovers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Final

from pydantic import ConfigDict, Field

from platelet.model import reasons
from platelet.model.durations import CAMEL, Between, Duration, format_duration, say_time
from platelet.model.fault import Fault
from platelet.model.outside import Outside
from platelet.model.policy import ActionTraits
from platelet.model.reading import Question
from platelet.model.rules import Action
from platelet.model.situation import Situation
from platelet.model.until import State, Until
from platelet.model.verdict import Pause, Plan, Refusal
from platelet.model.workload import WorkloadRef

_KEY: Final = "wait"
_ASK_EVERY: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Do nothing for a while, and go on with the next step if the incident is not over by then.

    With `until` it goes on as soon as that holds; if it does not in time, `onFailure` says what follows, and
    `onInconclusive` if it is not known. Nothing is verified.
    """

    for_: Annotated[
        Duration,
        Between("1s", "24h"),
        Field(description="How long; less than the policy's giveUpAfter, after which people are called in any case."),
    ] = timedelta(minutes=5)
    until: Annotated[Until | None, Field(description="Go on as soon as this holds.")] = None

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


def plan(settings: Wait, situation: Situation, now: datetime) -> Plan | Refusal:
    """Wait until its time is over or its condition holds; then the next step follows."""
    ends_at, until = _ends_at(settings, situation, now), settings.until
    if until is None:
        return _say_over(settings) if ends_at <= now else _pause(settings, ends_at, ends_at)
    state = until.judge(situation.knowledge.readings, situation.target, now)
    if state.holds:
        return Refusal(reason=reasons.WAITED, message=f"{state.text}: it goes on")
    if now < ends_at:
        return _pause(settings, ends_at, min(ends_at, now + _ASK_EVERY), state)
    waited = format_duration(settings.for_)
    if state.holds is None:
        message = f"whether {until.goal} is not known after {waited}: {state.text}"
        return Refusal(reason=reasons.CHECK_UNKNOWN, message=message, outcome="Inconclusive")
    return Refusal(reason=reasons.WAITED_IN_VAIN, message=f"{state.text}, after {waited}", outcome="Failed")


def _ends_at(settings: Wait, situation: Situation, now: datetime) -> datetime:
    """As it was noted when it began to wait."""
    waiting = situation.remediation.status.waiting
    if waiting is not None and waiting.by == _KEY and waiting.until is not None:
        return waiting.until
    return now + settings.for_


def _say_over(settings: Wait) -> Refusal:
    message = f"it has waited for {format_duration(settings.for_)}, and the trouble is still there"
    return Refusal(reason=reasons.WAITED, message=message)


def _pause(settings: Wait, ends_at: datetime, look_at: datetime, state: State | None = None) -> Plan:
    until = f", or until {settings.until.goal}" if settings.until is not None else ""
    fault = f"; not known at present: {state.text}" if state is not None and state.is_fault else ""
    message = f"it waits until {say_time(ends_at)}{until}{fault}"
    pause = Pause(reason=reasons.WAITS, message=message, until=ends_at, look_at=look_at)
    return Plan(changes=(), summary=f"wait for {format_duration(settings.for_)}{until}", pause=pause)


def _questions(settings: Wait, target: WorkloadRef) -> Iterator[Question]:
    question = settings.until.question(target) if settings.until is not None else None
    if question is not None:
        yield question


def _find_fault(settings: Wait, outside: Outside | None) -> Fault | None:
    return settings.until.find_fault("wait.until", outside) if settings.until is not None else None


ACTION = Action(
    key=_KEY,
    settings=Wait,
    changes=(),
    rights=(),
    traits=ActionTraits(name=_KEY, leaves_target_alone=True),
    plan=plan,
    questions=_questions,
    find_fault=_find_fault,
)
