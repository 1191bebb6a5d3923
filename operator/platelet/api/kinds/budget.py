"""The ActionBudget between the API and the model."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from platelet.api.kinds import earlier_intents, earlier_words, invalid, pinned_changes
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
        spec=invalid.read(_SPEC, earlier_words.read_budget_spec(obj.get("spec") or {}), "spec", strict=False),
        status=_read_status(obj.get("status") or {}),
    )


def _read_status(stored: Any) -> budget.BudgetStatus:
    current = earlier_intents.read_budget_status(stored) if isinstance(stored, Mapping) else stored
    status: budget.BudgetStatus = invalid.read(_STATUS, current, "status", strict=False)
    for number, entry in enumerate(status.entries):
        if entry.revert is not None:
            pinned_changes.check(entry.revert.changes, f"status.entries[{number}].revert")
    return status


def write_budget_status(status: budget.BudgetStatus) -> dict[str, Any]:
    """Write the whole status, for a replace. Defaults are left out: 2,000 entries must fit into one object."""
    body: dict[str, Any] = _STATUS.dump_python(status, mode="json", by_alias=True, exclude_defaults=True)
    return body
