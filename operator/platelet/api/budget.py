"""The ActionBudget between the API and the model."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from platelet.api import invalid
from platelet.model import budget

_SPEC = TypeAdapter(budget.BudgetSpec)
_STATUS = TypeAdapter(budget.BudgetStatus)


def read_budget(obj: Mapping[str, Any]) -> budget.Budget:
    """Read the ActionBudget. Raises InvalidSpec where it cannot be understood: then it counts as full.

    Raises KeyError without metadata.
    """
    metadata = obj["metadata"]
    return budget.Budget(
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        generation=metadata.get("generation", 0),
        spec=invalid.read(_SPEC, obj.get("spec") or {}, "spec", strict=False),
        status=invalid.read(_STATUS, obj.get("status") or {}, "status", strict=False),
    )


def write_budget_status(status: budget.BudgetStatus) -> dict[str, Any]:
    """Write the whole status, for a replace. Defaults are left out: 2,000 entries must fit into one object."""
    body: dict[str, Any] = _STATUS.dump_python(status, mode="json", by_alias=True, exclude_defaults=True)
    return body
