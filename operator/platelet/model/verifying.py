"""The stored clocks of a verification, so that a restart forgets none of them."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from platelet.model.durations import CAMEL, Timestamp

MAX_CHECKS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A check that must hold over time, and holds at present."""

    check: Annotated[int, Field(ge=0)]  # its place among the step's checks
    since: Timestamp

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifying:
    """The stored clocks of a running verification."""

    started_at: Timestamp  # the write's outcome
    complete_at: Timestamp | None = None  # the rollout was first seen complete
    holding: Annotated[tuple[Holding, ...], Field(max_length=MAX_CHECKS)] = ()

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL
