"""The intent of an attempt: what its write relies on, and what it will have made true (DESIGN 3.2)."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict

from platelet.model.autoscaler import Bounds
from platelet.model.durations import CAMEL
from platelet.model.signal import ShortText


@dataclass(frozen=True, slots=True, kw_only=True)
class PreState:
    """What the target looked like when the attempt was planned: the precondition of its write (TRAPS 47)."""

    uid: ShortText
    generation: int
    template_hash: ShortText
    restart_stamp: ShortText = ""
    replicas: int
    autoscaler: Bounds | None = None  # where its bounds are what the action writes
    autoscaler_version: ShortText = ""  # its resourceVersion

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class PostState:
    """What the write will have made true. Only the fields that the action writes are set.

    With `autoscaler` the object that is written is that autoscaler, else it is the workload.
    """

    template_hash: ShortText | None = None
    record: ShortText | None = None  # the revision record to restore
    restart_stamp: ShortText | None = None
    replicas: int | None = None
    replace_stuck_pods: bool = False  # the pods that an ordered StatefulSet waits for in vain are then deleted
    autoscaler: Bounds | None = None

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL
