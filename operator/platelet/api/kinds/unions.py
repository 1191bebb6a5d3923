"""Unions as Kubernetes wants them: one optional struct per kind, exactly one of them set, or at least one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, make_dataclass
from typing import Annotated, Any, Optional

from pydantic import Field

from platelet.model import constraint
from platelet.model.constraint import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Union:
    """What a union is made of: the key of each kind with the dataclass of its settings, and what to say."""

    name: str
    doc: str
    kinds: Mapping[str, type[Any]]
    none: str  # said when no kind is set
    several: str = ""  # said when more than one is set; empty: that may be
    shared: tuple[tuple[str, Any, Any], ...] = ()  # further fields: name, type, dataclasses.field()
    rules: tuple[Rule, ...] = ()  # further rules, each for the API server and for what it has not seen

    def build(self) -> type[Any]:
        """Compose the dataclass, with rules for the API server and the same rules for what it has not seen."""
        fields: list[tuple[str, Any, Any]] = list(self.shared)
        for key, settings in self.kinds.items():
            fields.append((key, Annotated[Optional[settings], Field(alias=key)], field(default=None)))  # noqa: UP045 - a value
        return make_dataclass(self.name, fields, namespace=self._namespace(), frozen=True, slots=True, kw_only=True)

    def chosen(self, value: Any) -> tuple[str, Any]:
        """Tell which kind is set, with its settings."""
        return next((key, getattr(value, key)) for key in self.kinds if getattr(value, key) is not None)

    def all_chosen(self, value: Any) -> dict[str, Any]:
        """Tell which kinds are set, with their settings."""
        return {key: getattr(value, key) for key in self.kinds if getattr(value, key) is not None}

    def _namespace(self) -> dict[str, Any]:
        rules = (*constraint.one_set(tuple(self.kinds), none=self.none, several=self.several), *self.rules)
        return {
            "__doc__": self.doc,
            "__module__": __name__,
            "__post_init__": lambda value: constraint.hold(value, *rules),
            "__pydantic_config__": constraint.ruled(*rules),
        }
