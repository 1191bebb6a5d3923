"""Which closed Remediations go: the old and the many; never one without which something would be forgotten."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from platelet.core import retention
from platelet.model.budget import PendingRevert
from platelet.model.intent import RECORD, VALUES, PreState
from platelet.model.remediation import Remediation, Revert
from tests.unit.pins import restored, scaled
from tests.unit.situations import GOOD, NOW, a_budget, a_remediation, a_status, an_attempt, an_entry

DAY = timedelta(days=1)
LENT = an_attempt(
    id="old/0/1",
    action="scale",
    pre=PreState(uid="uid-api", generation=2, template_hash=GOOD, replicas=2),
    changes=scaled(5),
    revert=Revert(),
)


def closed(uid: str, age: timedelta, target: str = "api", mode: Any = "Enforce", **status: Any) -> Remediation:
    """Closed so long ago."""
    usual = a_remediation(status=a_status(**{"state": "Closed", "closed_at": NOW - age, "attempts": (), **status}))
    reference = replace(usual.spec.target_ref, name=target)
    return replace(usual, uid=uid, name=uid, spec=replace(usual.spec, target_ref=reference, mode=mode))


def going(remediations: Sequence[Remediation], *entries: Any) -> set[str]:
    return {remediation.uid for remediation in retention.outdated(remediations, a_budget(*entries), NOW)}


AGES = {
    "29 days": (29 * DAY, False),
    "30 days": (30 * DAY, False),
    "31 days": (31 * DAY, True),
    "a year": (365 * DAY, True),
}


@pytest.mark.parametrize(("age", "goes"), AGES.values(), ids=AGES)
def test_a_closed_one_goes_thirty_days_after_it_was_closed(age: timedelta, goes: bool) -> None:  # noqa: FBT001
    assert going([closed("old", age)]) == ({"old"} if goes else set())


STAY: dict[str, tuple[Remediation, ...]] = {
    "an open one": (closed("old", 400 * DAY, state="Escalated", closed_at=None),),
    "what it lent is still to be given back": (closed("old", 400 * DAY, attempts=(LENT,)),),
    "an open one continues it": (
        closed("old", 400 * DAY),
        replace(
            closed("next", DAY, state="Waiting", closed_at=None),
            spec=replace(closed("next", DAY).spec, continues="old"),
        ),
    ),
}


@pytest.mark.parametrize("remediations", STAY.values(), ids=STAY)
def test_what_something_relies_on_stays(remediations: tuple[Remediation, ...]) -> None:
    assert going(remediations) == set()


def test_what_the_budget_has_not_settled_stays() -> None:
    """Settling reads the attempt's end from it."""
    old = closed("old", 400 * DAY)
    assert going([old], an_entry(id="old/0/1", settled_at=None)) == set()
    assert going([old], an_entry(id="old/0/1", settled_at=NOW)) == {"old"}


def test_without_a_budget_nothing_goes() -> None:
    """What must stay is not known then."""
    assert retention.outdated([closed("old", 400 * DAY)], None, NOW) == []


def test_of_one_target_the_newest_ten_of_each_mode_stay() -> None:
    remediations = [
        closed(f"{mode}-{n}", timedelta(hours=n), mode=mode) for mode in ("Enforce", "Observe") for n in range(12)
    ]
    assert going(remediations) == {"Enforce-10", "Enforce-11", "Observe-10", "Observe-11"}


def test_short_incidents_do_not_push_out_what_tells_where_the_ladder_goes_on() -> None:
    """Ten alerts that end at once would else begin it anew."""
    tried = [closed("tried", timedelta(hours=23), attempts=(an_attempt(),))]
    late = [closed("late", timedelta(hours=25), attempts=(an_attempt(),))]
    short = [closed(f"short-{n}", timedelta(hours=n)) for n in range(10)]
    assert going([*tried, *late, *short]) == {"late"}


def test_of_one_namespace_the_newest_two_hundred_stay() -> None:
    """Names that change every day never reach the limit of a target."""
    remediations = [closed(f"rem-{n}", (2 + n / 1000) * DAY, target=f"preview-{n}") for n in range(203)]
    assert going(remediations) == {"rem-200", "rem-201", "rem-202"}
    elsewhere = [replace(remediation, namespace="stage") for remediation in remediations[150:]]
    assert going([*remediations[:150], *elsewhere]) == set()


def test_what_was_closed_within_a_day_is_not_crowded_out() -> None:
    """A storm must not forget what the ladder of its targets has tried."""
    assert going([closed(f"rem-{n}", DAY / 2, target=f"preview-{n}") for n in range(300)]) == set()


def test_of_workloads_that_are_gone_the_newest_ten_of_a_namespace_stay() -> None:
    """Once they are closed for days: a workload that comes again meanwhile finds them."""
    old = [closed(f"rem-{n}", (3 + n / 100) * DAY, target=f"preview-{n}") for n in range(12)]
    young = [closed(f"young-{n}", DAY, target=f"fresh-{n}") for n in range(12)]
    everything = {remediation.target for remediation in (*old, *young)}
    assert {remediation.uid for remediation in retention.of_gone(old, everything, NOW)} == {"rem-10", "rem-11"}
    assert retention.of_gone(young, everything, NOW) == []
    assert retention.of_gone(old, {old[0].target}, NOW) == []


def test_the_records_that_hold_what_was_pinned_stay_those_of_kept_values_included() -> None:
    """An undo names the record of its template, and that of variables which it keeps."""
    (change,) = restored(GOOD, "api-good")
    keeping = replace(change, how={**change.how, VALUES: "platelet-values-1"})
    lent = an_entry(
        revert=PendingRevert(action="setEnv", changes=(replace(change, how={RECORD: "platelet-values-2"}),))
    )
    remediation = a_remediation(status=a_status(attempts=(an_attempt(changes=(keeping,)),)))
    names = {name for _, name in retention.pinned_records([remediation], a_budget(lent))}
    assert names == {"api-good", "platelet-values-1", "platelet-values-2"}
