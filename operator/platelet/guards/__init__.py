"""Guards: MAY WE act. Each file answers one question about (situation, now): None, or a Deny that says why.

Where the answer depends on the action, that is an argument, too: (situation, action, now), as `OfAction` in the list.

Belongs here: brakes, one file each with one function `deny`, one entry in `GUARDS`, in the order they are asked; the
entry says at which moments (docs/guards.md shows it as a table). Does not belong here: what would be done (actions),
and the reservation itself (core), which asks its guards again on the very object that it writes: a plan only foretells
their answer.
"""

from datetime import datetime, timedelta

from platelet.guards import (
    being_deleted,
    block_while,
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
from platelet.model.policy import ActionTraits
from platelet.model.rules import Guard, Moment, OfAction
from platelet.model.situation import Situation
from platelet.model.verdict import Deny

_LOOK, _RESERVE, _SEND, _REPLACE = Moment.LOOK, Moment.RESERVE, Moment.SEND, Moment.REPLACE
_REVERT, _REVERT_STEP, _RESERVE_REVERT = Moment.REVERT, Moment.REVERT_STEP, Moment.RESERVE_REVERT

GUARDS: tuple[Guard, ...] = (
    Guard(name="clock", deny=clock.deny, also=(_LOOK, _SEND, _REPLACE, _REVERT, _REVERT_STEP)),
    Guard(
        name="busy",
        deny=busy.deny,
        also=(_LOOK, _SEND, _REVERT_STEP),
        otherwise={_REVERT: busy.deny_revert},
    ),
    Guard(name="policyLive", deny=policy_live.deny, also=(_LOOK, _SEND)),
    Guard(
        name="suspended",
        deny=suspended.deny,
        also=(_LOOK, _RESERVE, _SEND, _REPLACE),
        otherwise=dict.fromkeys((_REVERT, _REVERT_STEP, _RESERVE_REVERT), suspended.deny_revert),
    ),
    Guard(name="protectedNamespace", deny=protected_namespace.deny, also=(_LOOK, _SEND, _REPLACE)),
    Guard(name="beingDeleted", deny=being_deleted.deny, also=(_LOOK,)),
    Guard(name="paused", deny=paused.deny, also=(_LOOK, _REPLACE)),
    Guard(name="maintenanceWindow", deny=maintenance_window.deny, also=(_LOOK, _SEND, _REPLACE)),
    Guard(name="blockWhile", deny=block_while.deny, also=(_RESERVE, _SEND)),
    Guard(name="causeElsewhere", deny=OfAction(cause_elsewhere.deny), also=(_SEND,)),
    Guard(name="rolloutInProgress", deny=OfAction(rollout_in_progress.deny)),
    Guard(
        name="managedElsewhere",
        deny=managed_elsewhere.deny,
        also=(_SEND,),
        concerns=lambda action: action.changes_template or action.changes_replicas,
    ),
    Guard(name="occurrence", deny=occurrence.deny, also=(_LOOK,), otherwise={_SEND: occurrence.deny_silenced}),
    Guard(name="signalKnown", deny=signal_known.deny, also=(_LOOK,)),
    Guard(name="nothingWrong", deny=nothing_wrong.deny, also=(_LOOK,)),
    Guard(name="cooldown", deny=cooldown.deny, also=(_LOOK, _RESERVE)),
    Guard(
        name="maxUnhealthy",
        deny=OfAction(max_unhealthy.deny),
        also=(_SEND,),
        otherwise={_RESERVE: OfAction(max_unhealthy.deny_beside_another)},
    ),
    Guard(name="maxConcurrent", deny=max_concurrent.deny, also=(_RESERVE,)),
    Guard(name="targetRate", deny=target_rate.deny, also=(_RESERVE,)),
    Guard(name="policyRate", deny=policy_rate.deny, also=(_RESERVE,)),
    Guard(name="operatorRate", deny=operator_rate.deny, also=(_RESERVE,)),
)
"""All brakes, in the order they are asked, and when. Every one is asked before a step acts; besides:

- look: those before `maxUnhealthy` that look neither at the action nor at what lies around the target.
- reserve: those that read the ActionBudget, of `maxUnhealthy` the part that does.
- send: whatever may have come to forbid an act since its intent. Not the limits, of which it has its place; nor what
  the write's own precondition tells, which is the target's meaning; nor whether the signal shows at this moment: what
  was intended is brought to its end (I22).
- revert: it is reserved but not counted, and no maintenance window prolongs a temporary change. Of two open
  Remediations the older carries it out: its id is that of the obligation, the same in both. A step that failed is
  reverted by its own, since nobody else does it.
"""


def first_denial(
    situation: Situation, now: datetime, moment: Moment = Moment.PLAN, *, action: ActionTraits | None = None
) -> tuple[str, Deny] | None:
    """Find the first guard that says no at this moment, by name, and its no; None when all allow.

    `action` is what is judged; where none is given, that of the incident's current step.
    """
    judged = action or _current(situation)
    for guard in GUARDS:
        denial = guard.ask(situation, judged, now, moment)
        if denial is not None:
            return guard.name, denial
    return None


def is_denied_anyway(situation: Situation, now: datetime, lasting: timedelta) -> bool:
    """Whether a guard that is asked before a look around says no, and will for so long as the world does not change."""
    action = _current(situation)
    denials = (guard.ask(situation, action, now, Moment.LOOK) for guard in GUARDS)
    return any(no is not None and (no.retry_at is None or no.retry_at > now + lasting) for no in denials)


def all_verdicts(situation: Situation, action: ActionTraits, now: datetime) -> tuple[tuple[str, Deny | None], ...]:
    """Ask every guard about an action, in order, for `explain`."""
    return tuple((guard.name, guard.ask(situation, action, now, Moment.PLAN)) for guard in GUARDS)


def _current(situation: Situation) -> ActionTraits:
    return situation.ladder.traits(situation.remediation.status.step)
