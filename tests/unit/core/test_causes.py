"""Whether a sick workload is at fault itself: only what is known to be its own new template's (TRAPS 26, 39)."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.core import causes
from platelet.model.situation import Situation
from platelet.model.workload import Container
from tests.unit.situations import (
    BAD,
    GOOD,
    RELEASED,
    a_pod,
    a_record,
    a_remediation,
    a_revision,
    a_sick_pod,
    a_situation,
    a_status,
    an_attempt,
)

NEVER = a_record(BAD, first_seen=RELEASED, health="Unknown", health_since=None, ever_healthy=False)
PROVEN = a_record()
OLD = a_pod("api-1-a", revision_hash="pth-1")
OLD_SICK = replace(a_sick_pod("api-1-b"), revision_hash=OLD.revision_hash)
NEW_SICK = a_sick_pod("api-2-a")
LOOPING = replace(NEW_SICK, ready=True, containers=(Container(name="app", ready=True, restarts=4, state="running"),))

AT_FAULT: dict[str, tuple[dict[str, Any], bool]] = {
    "only new pods are sick": ({}, True),
    "an old pod is well": ({"pods": (NEW_SICK, OLD)}, True),
    "a new pod loops, and is ready for a moment": ({"pods": (LOOPING, OLD)}, True),
    "an old pod is sick, too": ({"pods": (NEW_SICK, OLD_SICK)}, False),
    "no pod is sick": ({"pods": (OLD,)}, False),
    "the template has run well once": ({"records": (replace(NEVER, ever_healthy=True), PROVEN)}, False),
    "its own annotation says that it ran well": ({"records": (replace(NEVER, claims_health=True), PROVEN)}, False),
    "nothing is on record of the template": ({"records": (PROVEN,)}, False),
    "no other template is known to have run well": ({"records": (NEVER, replace(PROVEN, health="Unknown"))}, False),
    "the new revision does not exist yet": ({"revisions": (a_revision(1, GOOD),)}, False),
    "it is gone": ({"workload": None}, False),
}


@pytest.mark.parametrize(("changes", "own"), AT_FAULT.values(), ids=AT_FAULT)
def test_a_new_template_is_at_fault_where_nothing_else_is_sick_and_it_never_ran_well(
    changes: dict[str, Any],
    own: bool,  # noqa: FBT001
) -> None:
    """Unknown is no."""
    situation: Situation = a_situation(**changes)
    assert causes.is_own(situation) == own


@pytest.mark.parametrize(
    ("attempt", "in_vain"),
    [
        ({"phase": "Done", "verdict": "Failed"}, True),
        ({"phase": "Done", "verdict": "Inconclusive"}, True),
        ({"phase": "Unknown"}, True),
        ({"phase": "Done", "verdict": "Recovered"}, False),
        ({"phase": "Done", "verdict": None}, False),
        ({"phase": "Superseded"}, False),
    ],
    ids=str,
)
def test_what_was_acted_on_in_vain_is_not_at_fault_itself(attempt: dict[str, Any], in_vain: bool) -> None:  # noqa: FBT001
    remediation = a_remediation(status=a_status(attempts=(an_attempt(**attempt),)))
    assert causes.was_acted_on_in_vain(remediation) == in_vain
    assert causes.is_own(a_situation(remediation=remediation)) != in_vain
