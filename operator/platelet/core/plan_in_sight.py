"""The plan that the next decision would carry out: what only this plan must know is read for it, and not before."""

from datetime import datetime

from platelet import actions
from platelet.core import acting, decide, waiting
from platelet.model.node_room import Placement
from platelet.model.remediation import BEFORE_ACTING
from platelet.model.situation import Situation
from platelet.model.verdict import Plan


def find_placement(situation: Situation, now: datetime) -> Placement | None:
    """The pods that it would have made and that a node must be able to hold; None where no such plan is in sight."""
    status = decide.opened(situation, now)
    is_before = status.state in BEFORE_ACTING and acting.unfinished(status) is None
    if not is_before or situation.policy is None or situation.snapshot.workload is None:
        return None
    if not any(actions.BY_KEY[step.action].weighs_nodes for step in situation.ladder.steps[status.step :]):
        return None
    rung = waiting.find_rung(situation, status, now)
    return rung.plan.placement if rung is not None and isinstance(rung.plan, Plan) else None
