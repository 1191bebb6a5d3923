"""Whether a fact about a target that we have acted on belongs to the old incident or is a new one."""

import pytest

from platelet.api.runbook import Runbook
from platelet.core import opening
from platelet.model import reasons
from platelet.model.remediation import State
from platelet.shell.gathering import target_of
from tests.unit.situations import GOOD, NOW, a_policy, a_remediation, a_signal, a_status, an_attempt, evidence_of

RUNBOOK = Runbook(namespace="shop", name="heal", uid="uid-runbook", generation=1, steps=({"name": "restart"},))
OTHER = "0123456789abcdef"


@pytest.mark.parametrize(
    ("state", "live", "ended"),
    [
        pytest.param("Monitoring", GOOD, None, id="recovered, and the same template fails again: a recurrence"),
        pytest.param("Monitoring", OTHER, reasons.RECOVERED, id="recovered, then something else was released"),
        pytest.param("Verifying", OTHER, reasons.CANCELLED, id="something else was released while it was verified"),
        pytest.param("Verifying", GOOD, None, id="verified, and the template that we acted on fails"),
        pytest.param("Waiting", OTHER, None, id="nothing is under way: the facts belong together"),
        pytest.param("Escalated", OTHER, None, id="people have it"),
        pytest.param("Monitoring", None, None, id="the live template is not known"),
    ],
)
def test_a_failing_target_after_our_act(state: State, live: str | None, ended: str | None) -> None:
    before = a_remediation(status=a_status(state=state, attempts=(an_attempt(),)))
    fact = evidence_of(a_signal())
    answer = opening.receive(
        target_of(before), [fact], a_policy(), RUNBOOK, [before], {a_policy().key: a_policy()}, live, NOW
    )
    closed = answer.status if isinstance(answer, opening.Update) and answer.status.state == "Closed" else None
    assert (closed.reason if closed else None) == ended
