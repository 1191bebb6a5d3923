"""What we write is what we read: nothing of a Remediation or of the budget is lost on the way through the API."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from platelet.api.kinds import budget as budgets
from platelet.api.kinds import conditions, invalid
from platelet.api.kinds import remediation as remediations
from platelet.model import budget, remediation
from platelet.model.autoscaler import Bounds
from tests.unit.api.values import any_of, as_people_write, filled
from tests.unit.pins import bounds_set

METADATA = {"namespace": "shop", "name": "deployment-api-1", "uid": "u-1", "resourceVersion": "5", "generation": 1}


def through_the_api(written: dict[str, Any]) -> Any:
    """Encode and decode, as on the wire."""
    return json.loads(json.dumps(written))


@given(spec=any_of(remediation.RemediationSpec), status=any_of(remediation.RemediationStatus))
def test_a_remediation_survives(spec: remediation.RemediationSpec, status: remediation.RemediationStatus) -> None:
    """read(write(x)) == x, for any Remediation."""
    obj = {"metadata": METADATA, "spec": remediations.write_spec(spec), "status": remediations.write_status(status)}
    read = remediations.read_remediation(through_the_api(obj))
    assert (read.spec, read.status) == (spec, status)


@given(spec=any_of(budget.BudgetSpec), status=any_of(budget.BudgetStatus))
def test_the_budget_survives(spec: budget.BudgetSpec, status: budget.BudgetStatus) -> None:
    """read(write(x)) == x, for any budget."""
    obj = {
        "metadata": METADATA,
        "spec": as_people_write(spec),
        "status": budgets.write_budget_status(status),
    }
    read = budgets.read_budget(through_the_api(obj))
    assert (read.spec, read.status) == (spec, status)


@given(condition=any_of(remediation.Condition))
def test_conditions_survive(condition: remediation.Condition) -> None:
    """read(write(x)) == x, for any condition."""
    assert conditions.read_conditions(through_the_api({"c": conditions.write_conditions((condition,))})["c"]) == (
        condition,
    )


def test_absent_is_written_as_absent() -> None:
    """The API server refuses nulls: a status without decisions has no null in it."""
    status = remediation.RemediationStatus()
    assert None not in remediations.write_status(status).values()


def test_what_is_empty_is_written_as_absent_wherever_it_stands() -> None:
    """`kubectl describe` shows each field that is there; a step that is written as `{}` is no empty field."""
    attempt = replace(filled(remediation.Attempt), message="", verdict_message="", approved_by="")
    status = remediation.RemediationStatus(attempts=(attempt,), steps=({"name": "again", "rolloutRestart": {}},))
    written = remediations.write_status(status)
    assert {"message", "verdictMessage", "approvedBy"}.isdisjoint(written["attempts"][0])
    assert {"evidence", "decisions", "conditions", "message", "targetUid"}.isdisjoint(written)
    assert (written["state"], written["step"]) == ("Waiting", 0)
    assert written["steps"] == [{"name": "again", "rolloutRestart": {}}]


def test_a_full_budget_fits_into_one_object() -> None:
    """2,000 entries stay below the 1.5 MiB that etcd takes, with what a temporary change can leave in each."""
    lent = replace(filled(budget.PendingRevert), changes=bounds_set(filled(Bounds), filled(Bounds)))
    entry = replace(filled(budget.Entry), revert=lent)
    status = budget.BudgetStatus(epoch=1, entries=(entry,) * budget.MAX_ENTRIES)
    assert len(json.dumps(budgets.write_budget_status(status))) < 1_400_000


def test_a_new_remediation_has_no_status_yet() -> None:
    """Right after CREATE the status is absent, and reads as the beginning."""
    spec = remediations.write_spec(filled(remediation.RemediationSpec))
    assert remediations.read_remediation({"metadata": METADATA, "spec": spec}).status.state == "Waiting"


def test_fields_of_a_later_version_are_ignored_in_our_own_records() -> None:
    """After a downgrade the records of the later version can still be read."""
    spec = {**remediations.write_spec(filled(remediation.RemediationSpec)), "new": 1}
    obj = {"metadata": METADATA, "spec": spec, "status": {"state": "Closed", "new": 2}}
    assert remediations.read_remediation(obj).status.state == "Closed"


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ([], "spec.limits: has 0 entries: write at least 1"),
        ([{"maxActions": 0, "per": "1h"}], "spec.limits[0].maxActions: 0 should be greater than or equal to 1"),
        (
            [{"maxActions": 1, "per": "2d"}],
            "spec.limits[0].per: '2d' is not a duration: write it like 90s, 5m or 1h30m; a day is 24h",
        ),
        ([{"maxActions": 1, "per": "48h"}], "spec.limits[0].per: 48h must be at least 1s and at most 24h"),
        ([{"per": "1h"}], "spec.limits[0].maxActions: is required: add it"),
    ],
)
def test_a_budget_that_cannot_be_understood_says_why(limits: list[Any], message: str) -> None:
    """So that it counts as full with a reason that people can act on."""
    with pytest.raises(invalid.InvalidSpec) as failed:
        budgets.read_budget({"metadata": METADATA, "spec": {"limits": limits}})
    assert message in str(failed.value)
