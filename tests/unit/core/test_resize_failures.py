"""What follows when a node does not do a resize: it is put back before anything else, unless people have it."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.core.decide import decide
from platelet.model import reasons
from platelet.model.intent import PreState
from platelet.model.resource import PODS
from platelet.model.situation import Situation
from tests.unit.changes.test_resized_pod import NEW, PINNED, a_pod, pending
from tests.unit.core.runbooks import restart_step
from tests.unit.core.test_on_failure import WELL
from tests.unit.situations import GOOD, NOW, a_remediation, a_situation, a_status, an_attempt, minutes
from tests.unit.situations import verifying as clocks

RESIZED = an_attempt(
    action="adjustResources",
    summary="raise app",
    pre=PreState(uid="uid-api", generation=3, template_hash=GOOD, replicas=2),
    changes=(PINNED,),
)


def verified(pod: dict[str, Any] | None, **step: Any) -> Situation:
    """A minute after the pod was resized; its complete clock does not run yet."""
    status = a_status(state="Verifying", attempts=(RESIZED,), verifying=clocks(NOW - minutes(1)))
    steps = (replace(restart_step(), **step), restart_step())
    objects = {PODS.named("api-1"): pod} if pod is not None else {}
    return a_situation(**WELL, remediation=a_remediation(status=status), steps=steps, objects=objects)


FAILED = {
    "it never can": (pending("Infeasible"), {}, ("Waiting", reasons.RESIZE_INFEASIBLE, RESIZED.id)),
    "the pod was replaced": (None, {}, ("Waiting", reasons.RESIZE_LOST, RESIZED.id)),
    "people have it": (pending("Infeasible"), {"on_failure": "Escalate"}, ("Escalated", reasons.RESIZE_INFEASIBLE, "")),
    "it is over": (pending("Infeasible"), {"on_failure": "Stop"}, ("Escalated", reasons.STOPPED, "")),
}


@pytest.mark.parametrize(("pod", "step", "end"), FAILED.values(), ids=FAILED)
def test_it_is_reverted_without_being_asked_for(
    pod: dict[str, Any] | None, step: dict[str, Any], end: tuple[str, str, str]
) -> None:
    status = decide(verified(pod, **step), NOW).status
    assert (status.state, status.reason, status.reverting) == end
    assert status.attempts[0].verdict == "Failed"


@pytest.mark.parametrize("pod", [pending("Deferred"), a_pod(NEW)], ids=["put off", "not there yet"])
def test_it_waits_for_the_node(pod: dict[str, Any]) -> None:
    decision = decide(verified(pod), NOW)
    assert (decision.status.state, decision.status.reason) == ("Verifying", reasons.RESIZE_PENDING)
    assert decision.again_at is not None


def test_what_the_node_has_done_is_proven_by_what_follows() -> None:
    status = decide(verified(a_pod(NEW, NEW)), NOW).status
    assert status.state == "Verifying"
    assert status.reason != reasons.RESIZE_PENDING
    assert status.verifying is not None
    assert status.verifying.complete_at == NOW
