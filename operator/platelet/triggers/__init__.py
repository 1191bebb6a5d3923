"""WHEN: rules that turn what is known of pods, alerts and queries into signals.

Belongs here: one file per trigger (`pod`, `workload`, `alert`, `query`) with the dataclass of its settings and its pure
`observe`; what an alert means: its wire formats (`alerts`), its matchers (`matchers`), the workload that its labels
name (`targeting`), when its absence counts as resolved (`absence`). Does not belong here: whether anything may be done
(guards), reading from the cluster or Alertmanager (shell), which policy wins (core).
"""

from typing import Any, Final

from platelet.triggers import alert, pod, query, workload

TRIGGERS: Final[dict[str, type[Any]]] = {
    "pod": pod.PodTrigger,
    "workload": workload.WorkloadTrigger,
    "alert": alert.AlertTrigger,
    "query": query.QueryTrigger,
}
"""The key in a policy's `triggers` -> the dataclass of its settings; its module is the trigger's file."""
