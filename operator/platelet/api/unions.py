"""Unions as Kubernetes wants them: one optional struct per kind, exactly one of them set."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, make_dataclass
from typing import Annotated, Any, Optional

from pydantic import ConfigDict, Field

from platelet.model.durations import CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of a union, said twice: in CEL, and as a function that is true where it is broken."""

    cel: str
    broken: Callable[[Any], bool]
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Union:
    """What a union is made of: the key of each kind with the dataclass of its settings, and what to say."""

    name: str
    doc: str
    kinds: Mapping[str, type[Any]]
    none: str  # said when no kind is set
    several: str  # said when more than one is set
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

    def _namespace(self) -> dict[str, Any]:
        present = ", ".join(f"has(self.{key})" for key in self.kinds)
        rules: list[Any] = [
            {"rule": f"[{present}].exists(set, set)", "message": self.none},
            {"rule": f"[{present}].filter(set, set).size() <= 1", "message": self.several},
            *({"rule": rule.cel, "message": rule.message} for rule in self.rules),
        ]

        def check(value: Any) -> None:
            count = sum(getattr(value, key) is not None for key in self.kinds)
            if count != 1:
                raise ValueError(self.several if count else self.none)
            for rule in self.rules:
                if rule.broken(value):
                    raise ValueError(rule.message)

        return {
            "__doc__": self.doc,
            "__module__": __name__,
            "__post_init__": check,
            "__pydantic_config__": ConfigDict(**CAMEL, json_schema_extra={"x-kubernetes-validations": rules}),
        }
