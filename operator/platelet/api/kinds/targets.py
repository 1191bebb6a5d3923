"""Which workloads a policy is for. There is exactly one way of choosing, and "all" is spelled out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal

from pydantic import ConfigDict, Field

from platelet.api.readers import selectors
from platelet.model import constraint
from platelet.model.durations import CAMEL
from platelet.model.workload import Kind, Name

_ONE_WAY = constraint.one_set(
    ("selector", "refs", "all"),
    none="say which workloads: selector, refs, or `all: true`",
    several="choose the workloads in one way only: selector, refs, or `all: true`",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadName:
    """One workload, in the namespace in which the policy acts."""

    kind: Kind
    name: Name

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Which workloads the policy is for: by labels, by name, or all."""

    kinds: Annotated[
        tuple[Kind, ...],
        Field(
            min_length=1,
            max_length=8,
            description="Kinds of workloads that `selector` and `all` choose from. A data store or a node's daemon is "
            "healed only where it is spelled out.",
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ] = ("Deployment",)
    selector: Annotated[
        selectors.LabelSelector | None, Field(description="Workloads with these labels on their own metadata.")
    ] = None
    refs: Annotated[
        tuple[WorkloadName, ...] | None,
        Field(
            min_length=1,
            max_length=64,
            description="Workloads by name. The only way for alerts that name no workload and no namespace.",
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["kind", "name"]},
        ),
    ] = None
    all: Annotated[Literal[True] | None, Field(description="All workloads of these kinds.")] = None

    __pydantic_config__: ClassVar[ConfigDict] = constraint.ruled(*_ONE_WAY)

    def __post_init__(self) -> None:
        """Hold the rules where no API server has. Raises ValueError."""
        constraint.hold(self, *_ONE_WAY)

    @property
    def all_kinds(self) -> tuple[Kind, ...]:
        """The kinds that the chosen workloads can have."""
        return self.kinds if self.refs is None else tuple(sorted({ref.kind for ref in self.refs}))

    def matches(self, workload_labels: Mapping[str, str], name: str, kind: str) -> bool:
        """Tell whether a workload is one of them. Its namespace is judged elsewhere."""
        if self.refs is not None:
            return any(ref.kind == kind and ref.name == name for ref in self.refs)
        if kind not in self.kinds:
            return False
        return selectors.matches(self.selector, workload_labels) if self.selector is not None else self.all is True


NO_TARGETS: Final = Targets(refs=())
"""Those of a policy that is for no workload: nothing is one of them."""
