"""What must be asked of others than the API server before an incident is decided on."""

from collections.abc import Sequence

from platelet import actions
from platelet.core import blocks, verifying
from platelet.model.budget import Budget
from platelet.model.policy import Policy, Step
from platelet.model.reading import Question
from platelet.model.remediation import BEFORE_ACTING, Remediation


def needed(
    remediation: Remediation, steps: Sequence[Step], policy: Policy | None, budget: Budget | None
) -> frozenset[Question]:
    """What the present verification judges by; or the plan of the present step, and the brakes before it is sent."""
    status, target = remediation.status, remediation.target
    if status.state in (*BEFORE_ACTING, "Acting"):
        blocking = frozenset(blocks.questions(policy, budget, target))
        planned = steps[status.step : status.step + 1] if status.state in BEFORE_ACTING else ()
        asked = (actions.BY_KEY[step.action].questions(step.settings, target) for step in planned)
        return blocking.union(*asked)
    return verifying.questions(remediation, steps, target)
