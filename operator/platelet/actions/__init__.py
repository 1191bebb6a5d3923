"""Actions: WHAT is done. Each file turns (settings, situation, now) into a pinned post-state, or refuses with a reason.

Belongs here: a remedy's settings, its traits for guards, and its plan. One file each, one name in `ACTIONS`.
Does not belong here: whether it may act (guards), how the write is sent (shell), whether it helped (checks).
"""

from platelet.actions import rollout_restart, rollout_undo, scale
from platelet.model.rules import Action

ACTIONS: tuple[Action, ...] = (
    rollout_undo.ACTION,
    rollout_restart.ACTION,
    scale.ACTION,
)
BY_KEY: dict[str, Action] = {action.key: action for action in ACTIONS}
