"""The keys of the flow's queue: each says where to look, never what happened there."""

from typing import Any, Literal

What = Literal["remediation", "policy", "pods", "workload", "policies", "budget", "places", "sweep"]
Task = tuple[What, *tuple[Any, ...]]
"""The kind of look; then the target, the owner of pods, or a namespace and a name."""

POLICIES_TASK: Task = ("policies",)
BUDGET_TASK: Task = ("budget",)
PLACES_TASK: Task = ("places",)
SWEEP_TASK: Task = ("sweep",)
