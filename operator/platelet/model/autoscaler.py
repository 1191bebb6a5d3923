"""Autoscalers: who owns the number of a workload's replicas, and within which bounds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final, Literal

from pydantic import ConfigDict, Field

from platelet.model.durations import CAMEL
from platelet.model.signal import ShortText
from platelet.model.workload import Name

AutoscalerKind = Literal["HorizontalPodAutoscaler", "ScaledObject"]
Replicas = Annotated[int, Field(ge=0)]
SPEC_FIELDS: Final[Mapping[AutoscalerKind, tuple[str, str]]] = {
    "HorizontalPodAutoscaler": ("minReplicas", "maxReplicas"),
    "ScaledObject": ("minReplicaCount", "maxReplicaCount"),
}
"""Where its kind says the least and the most replicas."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The least and the most replicas as one autoscaler's spec says them. None: the field is absent."""

    kind: AutoscalerKind
    name: Name
    uid: ShortText
    min: Replicas | None = None
    max: Replicas | None = None

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL

    def __str__(self) -> str:
        least, most = ("default" if bound is None else bound for bound in (self.min, self.max))
        return f"{least}-{most}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Autoscaler:
    """What scales a workload: an HPA, or the ScaledObject of KEDA that owns the HPA and would revert a change of it.

    `unusable` says why its bounds cannot be raised, whoever asks.
    """

    bounds: Bounds
    resource_version: str = ""
    least: int = 1  # what holds, its kind's default where the spec says nothing
    most: int = 1
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    deleting: bool = False
    unusable: str = ""

    def __str__(self) -> str:
        return f"{self.bounds.kind} {self.bounds.name}"
