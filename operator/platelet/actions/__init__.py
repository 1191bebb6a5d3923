"""Actions: WHAT is done. Each file turns (settings, situation, now) into a pinned post-state, or refuses with a reason.

Belongs here: a remedy's settings, its traits for guards, and its plan. One file each, one name in `ACTIONS`.
Does not belong here: whether it may act (guards), how the write is sent (shell), whether it helped (checks).
"""

from platelet.actions import (
    adjust_probes,
    adjust_resources,
    evict_pods,
    http,
    job,
    notify,
    rollout_restart,
    rollout_undo,
    scale,
    set_config,
    set_env,
    wait,
)
from platelet.model.rules import Action

ACTIONS: tuple[Action, ...] = (
    rollout_undo.ACTION,
    rollout_restart.ACTION,
    scale.ACTION,
    adjust_resources.ACTION,
    adjust_probes.ACTION,
    set_env.ACTION,
    set_config.ACTION,
    evict_pods.ACTION,
    job.ACTION,
    wait.ACTION,
    notify.ACTION,
    http.ACTION,
)
BY_KEY: dict[str, Action] = {action.key: action for action in ACTIONS}
