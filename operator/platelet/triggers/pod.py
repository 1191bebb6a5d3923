"""The trigger on pods: reasons that the pods of one workload show in their own status."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import ConfigDict, Field

from platelet.model.durations import CAMEL, Duration
from platelet.model.signal import ShortText

PodReason = Literal[
    "CrashLoopBackOff", "OOMKilled", "ImagePullBackOff", "ErrImagePull", "CreateContainerConfigError", "Unready"
]
REASONS: tuple[PodReason, ...] = get_args(PodReason)
UNREADY_FOR = timedelta(minutes=5)  # when the policy says nothing: every pod is unready for a while after its start
LONGEST_FOR = timedelta(hours=24)
_FOR_RULE = (
    "!has(self.__for__) || (duration(self.__for__) <= duration('24h') && "
    "(!('Unready' in self.reasons) || duration(self.__for__) > duration('0s')))"
)
_FOR_MESSAGE = "`for` may be at most 24h, and above 0s with Unready: every pod is unready for a while after its start"


@dataclass(frozen=True, slots=True, kw_only=True)
class PodTrigger:
    """`pod:` in a policy. `min_restarts` counts for CrashLoopBackOff and OOMKilled only."""

    reasons: Annotated[tuple[PodReason, ...], Field(min_length=1, max_length=len(REASONS))]
    min_restarts: Annotated[int, Field(ge=1, le=1000)] = 3
    for_: Annotated[Duration | None, Field(alias="for")] = None  # since the first failing status; see `held_for`
    severity: ShortText = ""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        **CAMEL, json_schema_extra={"x-kubernetes-validations": [{"rule": _FOR_RULE, "message": _FOR_MESSAGE}]}
    )

    def __post_init__(self) -> None:
        """Refuse Unready without any patience, and patience without end."""
        least = timedelta(microseconds=1) if "Unready" in self.reasons else timedelta()
        if self.for_ is not None and not least <= self.for_ <= LONGEST_FOR:
            raise ValueError(_FOR_MESSAGE)

    def held_for(self, reason: PodReason) -> timedelta:
        """How long `reason` must have been failing: `for`, else 5m for Unready and 0s for all others."""
        if self.for_ is not None:
            return self.for_
        return UNREADY_FOR if reason == "Unready" else timedelta()
