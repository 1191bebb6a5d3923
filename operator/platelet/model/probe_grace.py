"""A longer grace for one probe: what a step asks for, and what becomes of the probe's numbers.

The grace is how long a container may fail the probe since it was started: `initialDelaySeconds`, and `periodSeconds`
for each of `failureThreshold` failures. The threshold is what moves: no probe comes later or less often, and none is
made stricter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Final

from pydantic import ConfigDict, Field

from platelet.model import constraint, reasons
from platelet.model.constraint import Rule
from platelet.model.durations import PATTERN, Between, Duration, format_duration

THRESHOLD: Final = "failureThreshold"
TIMEOUT: Final = "timeoutSeconds"
NUMBERS: Final = frozenset({THRESHOLD, TIMEOUT})
_SECOND: Final = timedelta(seconds=1)
_PERIOD: Final = 10  # seconds, where the probe does not say; so the API server
_Within = Annotated[Duration, Between("1s", "24h")]
_RULES = (
    constraint.exactly_one("to", "by_percent"),
    Rule(
        # Text that is no duration is left to the rule on the text.
        cel=f"!has(self.to) || !self.to.matches('{PATTERN}') || !self.max.matches('{PATTERN}') || "
        "duration(self.to) <= duration(self.max)",
        broken=lambda longer: longer.to is not None and longer.to > longer.max,
        message="max must not be below to",
    ),
)
_EITHER = constraint.one_set(("grace", "timeout"), none="set grace, timeout or both", several="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Longer:
    """How much longer. It is never made shorter."""

    to: Annotated[_Within | None, Field(description="At least so long.")] = None
    by_percent: Annotated[int | None, Field(ge=1, le=900, description="Longer than now by so many percent.")] = None
    max: Annotated[_Within, Field(description="The step never sets more than this.")]

    __pydantic_config__: ClassVar[ConfigDict] = constraint.ruled(*_RULES)

    def __post_init__(self) -> None:
        """Hold the rules where no API server has: in files and tests. Raises ValueError."""
        constraint.hold(self, *_RULES)

    def wanted(self, seconds: int) -> int:
        """How many seconds instead of so many, before they are bounded; what is not whole is rounded up."""
        if self.to is not None:
            return -(-self.to // _SECOND)
        return -(-seconds * (100 + (self.by_percent or 0)) // 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeGrace:
    """What a probe is given."""

    grace: Annotated[
        Longer | None,
        Field(
            description="How long a container may fail the probe since it was started: initialDelaySeconds, and "
            "periodSeconds for each failure up to failureThreshold, which is what is raised."
        ),
    ] = None
    timeout: Annotated[Longer | None, Field(description="How long one answer may take: timeoutSeconds.")] = None

    __pydantic_config__: ClassVar[ConfigDict] = constraint.ruled(*_EITHER)

    def __post_init__(self) -> None:
        """Hold the rules where no API server has: in files and tests. Raises ValueError."""
        constraint.hold(self, *_EITHER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengthened:
    """What is written of one probe, and what stays; or only why nothing is."""

    values: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # `timeoutSeconds` -> as it is, as it will be
    moved: tuple[str, ...] = ()  # for people
    stays: tuple[str, ...] = ()
    why_not: str = ""  # a reason; empty where nothing stays


def lengthened(probe: Mapping[str, Any], asked: ProbeGrace) -> Lengthened:
    """What becomes of the numbers of a probe as it is stored: the API server fills in what people leave out."""
    period, delay = int(probe.get("periodSeconds") or _PERIOD), int(probe.get("initialDelaySeconds") or 0)
    outcomes = []
    if asked.grace is not None:
        outcomes.append(_longer(probe, THRESHOLD, asked.grace, "grace", _Scale(unit=period, least=delay)))
    if asked.timeout is not None:
        outcomes.append(_longer(probe, TIMEOUT, asked.timeout, "timeout", _Scale(unit=1, least=0)))
    return Lengthened(
        values={name: value for outcome in outcomes for name, value in outcome.values.items()},
        moved=tuple(text for outcome in outcomes for text in outcome.moved),
        stays=tuple(text for outcome in outcomes for text in outcome.stays),
        why_not=next((outcome.why_not for outcome in outcomes if outcome.why_not), ""),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """What a number of a probe stands for: so many units beyond the least that there is anyway, in seconds."""

    unit: int
    least: int

    def seconds(self, count: int) -> int:
        return self.least + count * self.unit


def _longer(probe: Mapping[str, Any], name: str, asked: Longer, what: str, scale: _Scale) -> Lengthened:
    if name not in probe:
        return Lengthened(why_not=reasons.NOTHING_TO_ADJUST, stays=(f"{what}: {name} is not set",))
    count = int(probe[name])
    now = scale.seconds(count)
    wanted = asked.wanted(now)
    most = (asked.max // _SECOND - scale.least) // scale.unit
    counted = min(-(-(wanted - scale.least) // scale.unit), most)
    if counted > count:
        text = f"{what} {_say(now)} -> {_say(scale.seconds(counted))} ({name} {count} -> {counted})"
        return Lengthened(values={name: (count, counted)}, moved=(text,))
    if wanted <= now:
        return Lengthened(why_not=reasons.ALREADY_THERE, stays=(f"{what} is {_say(now)}, at least that wanted",))
    text = f"{what} is {_say(now)}, and the step may not go above {format_duration(asked.max)}"
    return Lengthened(why_not=reasons.AT_MAXIMUM, stays=(text,))


def _say(seconds: int) -> str:
    return format_duration(timedelta(seconds=seconds))
