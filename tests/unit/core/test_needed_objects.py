"""What must be read because something may be written on it: who scales a target whose replicas are to be put back."""

from typing import Any

import pytest

from platelet.core import needed_objects
from platelet.model.budget import PendingRevert
from platelet.model.intent import PinnedChange
from platelet.model.resource import PODS
from tests.unit.pins import scaled
from tests.unit.situations import (
    NOW,
    a_budget,
    a_remediation,
    a_situation,
    a_status,
    an_alert,
    an_attempt,
    an_entry,
    evidence_of,
    minutes,
    seconds,
)

FIRES = evidence_of(an_alert())
OVER = evidence_of(an_alert(), resolved_at=NOW)
LENT: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    "it is due": ({"due_at": NOW}, {"state": "Monitoring"}, True),
    "it is due in a moment": ({"due_at": NOW + seconds(20)}, {"state": "Monitoring"}, True),
    "it is due in a while": ({"due_at": NOW + minutes(5)}, {"state": "Monitoring"}, False),
    "it is due, and its act is verified": ({"due_at": NOW}, {"state": "Verifying"}, False),
    "its alert fires": ({"when_resolved": True}, {"state": "Escalated", "evidence": (FIRES,)}, False),
    "its alert is over": ({"when_resolved": True}, {"state": "Escalated", "evidence": (OVER,)}, True),
}


@pytest.mark.parametrize(("back", "status", "asked"), LENT.values(), ids=LENT)
def test_who_scales_a_target_is_asked_before_its_replicas_are_put_back(
    back: dict[str, Any], status: dict[str, Any], *, asked: bool
) -> None:
    lent = an_entry(revert=PendingRevert(action="scale", changes=scaled(5, before=2), **back))
    situation = a_situation(remediation=a_remediation(status=a_status(**status)), budget=a_budget(lent))
    assert needed_objects.asks_who_scales(situation, NOW) == asked


ON_POD = (PinnedChange(kind="ResizePod", object=PODS.named("api-1"), uid="uid-1", meant={}),)
AT_WORK: dict[str, tuple[dict[str, Any], bool]] = {
    "its write is under way": ({"state": "Acting", "attempts": (an_attempt(changes=ON_POD, phase="Intended"),)}, True),
    "it is verified": ({"state": "Verifying", "attempts": (an_attempt(changes=ON_POD),)}, True),
    "it is reverted": (
        {"state": "Waiting", "reverting": "rem-1/0/1", "attempts": (an_attempt(changes=ON_POD),)},
        True,
    ),
    "it is over": ({"state": "Monitoring", "attempts": (an_attempt(changes=ON_POD),)}, False),
}


@pytest.mark.parametrize(("status", "needed"), AT_WORK.values(), ids=AT_WORK)
def test_nothing_is_decided_without_the_object_of_an_attempt_while(status: dict[str, Any], *, needed: bool) -> None:
    situation = a_situation(remediation=a_remediation(status=a_status(**status)))
    assert needed_objects.written_objects(situation) == {(PODS, "api-1")}
    assert bool(needed_objects.objects_at_work(situation)) == needed
