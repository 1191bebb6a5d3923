"""Guards: MAY WE act. Each file answers one question about (situation, now): None, or a Deny that says why.

Belongs here: brakes, one file each with one function `deny`, one name in `GUARDS`, in the order they are asked.
Does not belong here: what would be done (actions), and the reservation itself (core), which asks `ON_THE_BUDGET` again
on the very object that it writes: at their first asking these guards only foretell it.
"""

from collections.abc import Iterable
from datetime import datetime

from platelet.guards import (
    being_deleted,
    busy,
    cause_elsewhere,
    clock,
    cooldown,
    maintenance_window,
    managed_elsewhere,
    max_concurrent,
    max_unhealthy,
    nothing_wrong,
    occurrence,
    operator_rate,
    paused,
    policy_live,
    policy_rate,
    protected_namespace,
    rollout_in_progress,
    signal_known,
    suspended,
    target_rate,
)
from platelet.model.rules import Guard
from platelet.model.situation import Situation
from platelet.model.verdict import Deny

GUARDS: tuple[Guard, ...] = (
    Guard("clock", clock.deny),
    Guard("busy", busy.deny),
    Guard("policyLive", policy_live.deny),
    Guard("suspended", suspended.deny),
    Guard("protectedNamespace", protected_namespace.deny),
    Guard("beingDeleted", being_deleted.deny),
    Guard("paused", paused.deny),
    Guard("maintenanceWindow", maintenance_window.deny),
    Guard("causeElsewhere", cause_elsewhere.deny),
    Guard("rolloutInProgress", rollout_in_progress.deny),
    Guard("managedElsewhere", managed_elsewhere.deny),
    Guard("occurrence", occurrence.deny),
    Guard("signalKnown", signal_known.deny),
    Guard("nothingWrong", nothing_wrong.deny),
    Guard("cooldown", cooldown.deny),
    Guard("maxUnhealthy", max_unhealthy.deny),
    Guard("maxConcurrent", max_concurrent.deny),
    Guard("targetRate", target_rate.deny),
    Guard("policyRate", policy_rate.deny),
    Guard("operatorRate", operator_rate.deny),
)

_NEEDS_THE_BUDGET = frozenset({"suspended", "cooldown", "maxConcurrent", "targetRate", "policyRate", "operatorRate"})
ON_THE_BUDGET: tuple[Guard, ...] = tuple(guard for guard in GUARDS if guard.name in _NEEDS_THE_BUDGET)
"""The guards that read the ActionBudget: asked again, on its newest state, by the reservation."""

AT_THE_RESERVATION = (*ON_THE_BUDGET, Guard("maxUnhealthy", max_unhealthy.deny_beside_another))
"""All that the reservation asks: of `maxUnhealthy` the part that reads the budget, and only where it matters."""

_WHATEVER_THE_STEP = frozenset(
    {
        "clock",
        "busy",
        "policyLive",
        "suspended",
        "protectedNamespace",
        "beingDeleted",
        "paused",
        "occurrence",
        "cooldown",
    }
)
WHATEVER_THE_STEP: tuple[Guard, ...] = tuple(guard for guard in GUARDS if guard.name in _WHATEVER_THE_STEP)
"""The guards before `maxUnhealthy` that look neither at the action nor around: their no spares the reads for it."""

_BEFORE_SENDING = frozenset(
    {
        "clock",
        "busy",
        "policyLive",
        "suspended",
        "protectedNamespace",
        "maintenanceWindow",
        "causeElsewhere",
        "managedElsewhere",
        "maxUnhealthy",
    }
)
BEFORE_SENDING: tuple[Guard, ...] = (
    *(guard for guard in GUARDS if guard.name in _BEFORE_SENDING),
    Guard("occurrence", occurrence.deny_silenced),
)
"""What may forbid an act after its intent, and is asked until its write has left.

Not the limits, of which it has its place; nor what the write's own precondition tells, which is the target's meaning;
nor whether the signal shows at this moment: what was intended is brought to its end (I22).
"""

_WHILE_UNDER_WAY = frozenset({"clock", "suspended", "protectedNamespace", "paused", "maintenanceWindow"})
WHILE_UNDER_WAY: tuple[Guard, ...] = tuple(guard for guard in GUARDS if guard.name in _WHILE_UNDER_WAY)
"""What holds up the rest of an attempt after its write: a stuck pod that it replaces."""

FOR_UNDOING: tuple[Guard, ...] = (
    Guard("clock", clock.deny),
    Guard("busy", busy.deny),
    Guard("suspended", suspended.deny_take_back),
)
"""What waits to be undone since its step failed: nobody else does it."""

FOR_TAKING_BACK: tuple[Guard, ...] = (
    Guard("clock", clock.deny),
    Guard("busy", busy.deny_take_back),
    Guard("suspended", suspended.deny_take_back),
)
"""What a take-back waits for: it is reserved but not counted, and no maintenance window prolongs a temporary change.

Of two open Remediations the older carries it out: its id is that of the obligation, the same in both.
"""


def first_denial(situation: Situation, now: datetime, guards: Iterable[Guard] = GUARDS) -> tuple[str, Deny] | None:
    """Find the first guard that says no, by name, and its no; None when all allow."""
    return next(((guard.name, no) for guard in guards if (no := guard.deny(situation, now)) is not None), None)


def all_verdicts(situation: Situation, now: datetime) -> tuple[tuple[str, Deny | None], ...]:
    """Ask every guard, in order, for `explain`."""
    return tuple((guard.name, guard.deny(situation, now)) for guard in GUARDS)
