"""A node, reduced to what decides whether a pod may go there, and which pods it may take at all.

The rules are those of the scheduler's plugins NodeAffinity, TaintToleration and NodeUnschedulable
(component-helpers/scheduling/corev1 of Kubernetes). What is not understood is taken to hold: one node too many
is no harm.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from platelet.model.template_shape import items, mapping

CORDONED: Final = "node.kubernetes.io/unschedulable"
_KEEPS_OUT: Final = ("NoSchedule", "NoExecute")
_ONLY_OF_NOW: Final = (CORDONED, "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
"""Taints that say that a node takes nothing at the moment, which `is_open` says as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node, and what it can give to all of its pods together."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Mapping[str, Any], ...] = ()
    is_open: bool = True  # Ready, and neither cordoned nor being deleted
    allocatable: Mapping[str, Decimal] = field(default_factory=dict)

    def takes(self, template: Mapping[str, Any]) -> bool:
        """Whether pods of a template may go there, as far as the template says it; whether it is open is not asked."""
        spec = mapping(template.get("spec"))
        if spec.get("nodeName"):
            return bool(spec["nodeName"] == self.name)
        wanted = mapping(spec.get("nodeSelector"))
        return (
            all(self.labels.get(key) == value for key, value in wanted.items())
            and self._is_affine(spec)
            and (bool(spec.get("runtimeClassName")) or self._is_tolerated(items(spec.get("tolerations"))))
        )

    def _is_affine(self, spec: Mapping[str, Any]) -> bool:
        """Whether one of the terms holds; a runtime class, whose tolerations its admission adds, changes none."""
        affinity = mapping(mapping(spec.get("affinity")).get("nodeAffinity"))
        required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
        if not isinstance(required, Mapping):
            return True
        return any(self._holds(mapping(term)) for term in items(required.get("nodeSelectorTerms")))

    def _holds(self, term: Mapping[str, Any]) -> bool:
        """Whether all of a term holds; one without anything never does."""
        of_labels, of_fields = items(term.get("matchExpressions")), items(term.get("matchFields"))
        fields = {"metadata.name": self.name}
        return bool(of_labels or of_fields) and (
            all(_matches(mapping(rule), self.labels) for rule in of_labels)
            and all(_matches(mapping(rule), fields) for rule in of_fields if mapping(rule).get("key") in fields)
        )

    def _is_tolerated(self, tolerations: Sequence[Any]) -> bool:
        binding = (taint for taint in self.taints if taint.get("effect") in _KEEPS_OUT)
        lasting = (taint for taint in binding if taint.get("key") not in _ONLY_OF_NOW)
        return all(any(_tolerates(mapping(toleration), taint) for toleration in tolerations) for taint in lasting)


def _matches(rule: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, operator, values = rule.get("key"), rule.get("operator"), items(rule.get("values"))
    value = labels.get(str(key))
    judge = _OPERATORS.get(str(operator))
    return judge is None or judge(value, values)


def _is_number_beyond(value: str | None, values: Sequence[Any], sign: int) -> bool:
    try:
        return value is not None and sign * (int(value) - int(values[0])) > 0
    except (ValueError, IndexError, TypeError):
        return False


_OPERATORS: Final[Mapping[str, Callable[[str | None, Sequence[Any]], bool]]] = {
    "In": lambda value, values: value in values,
    "NotIn": lambda value, values: value not in values,
    "Exists": lambda value, _values: value is not None,
    "DoesNotExist": lambda value, _values: value is None,
    "Gt": lambda value, values: _is_number_beyond(value, values, 1),
    "Lt": lambda value, values: _is_number_beyond(value, values, -1),
}


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("key") and toleration["key"] != taint.get("key"):
        return False
    if toleration.get("operator") in (None, "", "Equal"):
        return (toleration.get("value") or "") == (taint.get("value") or "")
    return True  # Exists; and operators of the future
