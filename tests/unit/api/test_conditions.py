"""Conditions per Kubernetes conventions."""

from datetime import timedelta

from platelet.api.kinds import conditions
from platelet.model.remediation import Condition
from tests.unit.api.values import NOW

LATER = NOW + timedelta(minutes=5)
READY = Condition(
    type="Ready", status="True", reason="Ready", message="", last_transition_time=NOW, observed_generation=1
)
OTHER = Condition(type="Recovered", status="False", reason="Failed", message="", last_transition_time=NOW)


def test_a_new_type_is_added_at_the_end() -> None:
    """Stamped now."""
    changed = conditions.set_condition((OTHER,), "Ready", "True", "Ready", "", NOW, 1)
    assert changed == (OTHER, READY)


def test_a_change_of_status_is_stamped_in_its_place() -> None:
    """The others stay as they are."""
    first, second = conditions.set_condition((READY, OTHER), "Ready", "False", "InvalidSpec", "why", LATER, 2)
    assert (first.status, first.reason, first.message) == ("False", "InvalidSpec", "why")
    assert (first.last_transition_time, first.observed_generation) == (LATER, 2)
    assert second == OTHER


def test_another_reason_is_no_transition() -> None:
    """`lastTransitionTime` says since when the status holds, not since when it was last written."""
    (changed,) = conditions.set_condition((READY,), "Ready", "True", "StillReady", "news", LATER, 3)
    assert (changed.reason, changed.message, changed.observed_generation) == ("StillReady", "news", 3)
    assert changed.last_transition_time == NOW


def test_the_same_again_changes_nothing() -> None:
    """So that an unchanged status need not be written."""
    assert conditions.set_condition((READY, OTHER), "Ready", "True", "Ready", "", LATER, 1) == (READY, OTHER)


def test_spoilt_conditions_read_as_none() -> None:
    """They are written anew; a status that somebody edited does not stop the operator."""
    assert conditions.read_conditions([{"type": 3}]) == ()
    assert conditions.read_conditions("x") == ()
    assert conditions.read_conditions(None) == ()
