"""Evidence before the fix: what was changed of the target since it ran well, as it was before the first act."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.core import recent_changes
from platelet.core.decide import decide
from platelet.model import recent_change
from platelet.model.config_map import KeyWrite, KnownConfigMap
from platelet.model.recent_change import MAX_DIFFERENCES, RecentChange
from platelet.model.situation import Situation
from tests.unit.situations import (
    BAD,
    BORN,
    GOOD,
    NOW,
    RELEASED,
    a_record,
    a_remediation,
    a_situation,
    a_status,
    a_workload,
    an_attempt,
)


def a_template(image: str = "app:1", **env: str) -> dict[str, Any]:
    variables = [{"name": name, "value": value} for name, value in env.items()]
    return {"spec": {"containers": [{"name": "app", "image": image, "env": variables}]}}


WELL = "the one that ran well last (2026-11-18T12:00:00Z)"
GOOD_RECORD = a_record(template=a_template(LEVEL="1"), proven_at=BORN)
LIVE = a_workload(template=a_template("app:2", LEVEL="2", TOKEN="3"))
BAD_RECORD = a_record(BAD, health="Unknown", ever_healthy=False, first_seen=RELEASED, released_by="kubectl-set")


def seen(*records: Any, live: Any = LIVE, **status: Any) -> Situation:
    situation = a_situation(records=records, remediation=a_remediation(status=a_status(**status)))
    return replace(situation, snapshot=replace(situation.snapshot, workload=live))


def noted(situation: Situation) -> RecentChange:
    change = recent_changes.note(situation, situation.remediation.status).recent_change
    assert change is not None
    return change


def test_a_young_release_beside_the_one_that_ran_well_last() -> None:
    change = noted(seen(GOOD_RECORD, BAD_RECORD))
    assert change == RecentChange(
        template=BAD,
        released_at=RELEASED,
        released_by="kubectl-set",
        healthy_template=GOOD,
        healthy_at=BORN,
        differences=("app image app:1 -> 2", "app env LEVEL changed", "app env TOKEN added"),
    )
    title = f"the template was released 2026-11-21T11:55:00Z by kubectl-set; it differs from {WELL}:"
    assert recent_change.say(change) == [title, *change.differences]


SAYINGS: dict[str, tuple[Situation, str]] = {
    "nothing has changed": (
        seen(replace(GOOD_RECORD, template_hash=BAD)),
        "the template was released 2026-11-18T12:00:00Z, and has not changed since it ran well (2026-11-18T12:00:00Z)",
    ),
    "none ran well": (
        seen(BAD_RECORD),
        "the template was released 2026-11-21T11:55:00Z by kubectl-set; none of this workload is known to be good",
    ),
    "when it was released is not on record": (
        seen(GOOD_RECORD, live=replace(LIVE, template=GOOD_RECORD.template, template_manager="helm")),
        f"the template was released at an unknown time by helm; it differs from {WELL} in nothing that has a name",
    ),
}


@pytest.mark.parametrize(("situation", "words"), SAYINGS.values(), ids=SAYINGS)
def test_what_is_not_known_is_said(situation: Situation, words: str) -> None:
    assert recent_change.say(noted(situation)) == [words]


def test_long_lists_are_cut_and_counted() -> None:
    many = replace(LIVE, template=a_template(**{f"NAME_{number}": "1" for number in range(30)}))
    change = noted(seen(GOOD_RECORD, BAD_RECORD, live=many))
    assert (len(change.differences), change.differences_dropped) == (MAX_DIFFERENCES, 11)
    assert recent_change.say(change)[-1] == "and 11 more"


CONFIGURED = replace(LIVE, template={
    "spec": {
        "containers": [{
            "name": "app",
            "env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "keys", "key": "a"}}}],
            "envFrom": [{"configMapRef": {"name": "all"}}, {"configMapRef": {"name": "maybe", "optional": True}}],
        }],
        "volumes": [
            {"name": "v", "configMap": {"name": "files"}},
            {"name": "p", "projected": {"sources": [{"configMap": {"name": "parts"}}, {"secret": {"name": "s"}}]}},
        ],
    }
})  # fmt: skip
NAMES = ("all", "files", "keys", "maybe", "parts")
AFTER = KeyWrite(manager="kubectl-edit", at=NOW, keys=("LEVEL", "MODE"))
BEFORE = KeyWrite(manager="helm", at=BORN, keys=("OTHER",))


def test_the_config_maps_of_the_template_are_looked_at_once_where_it_ran_well_before() -> None:
    assert recent_changes.config_maps(seen(GOOD_RECORD, BAD_RECORD, live=CONFIGURED)) == NAMES
    assert recent_changes.config_maps(seen(GOOD_RECORD, BAD_RECORD)) == ()


NOT_LOOKED_AT: dict[str, Situation] = {
    "none ran well": seen(BAD_RECORD, live=CONFIGURED),
    "something was done": seen(GOOD_RECORD, BAD_RECORD, live=CONFIGURED, attempts=(an_attempt(),)),
    "it is noted": seen(GOOD_RECORD, BAD_RECORD, live=CONFIGURED, recent_change=RecentChange(template=BAD)),
    "people have it": seen(GOOD_RECORD, BAD_RECORD, live=CONFIGURED, state="Escalated"),
    "the workload is gone": seen(GOOD_RECORD, BAD_RECORD, live=None),
}


@pytest.mark.parametrize("situation", NOT_LOOKED_AT.values(), ids=NOT_LOOKED_AT)
def test_else_no_config_map_is_looked_at(situation: Situation) -> None:
    assert recent_changes.config_maps(situation) == ()


def with_known(*known: KnownConfigMap, live: Any = CONFIGURED) -> RecentChange:
    situation = seen(GOOD_RECORD, BAD_RECORD, live=live)
    by_name = {name: KnownConfigMap(name=name) for name in recent_changes.config_maps(situation)}
    by_name |= {config_map.name: config_map for config_map in known}
    return noted(replace(situation, knowledge=replace(situation.knowledge, config_maps=tuple(by_name.values()))))


def test_who_has_written_which_keys_since_it_ran_well_is_noted() -> None:
    change = with_known(KnownConfigMap(name="all", created_at=BORN, writes=(BEFORE, AFTER)))
    assert change.config_writes == ("configmap/all written 2026-11-21T12:00:00Z by kubectl-edit, keys LEVEL, MODE",)
    assert recent_change.say(change)[-1] == change.config_writes[0]


def test_what_is_optional_may_be_missing() -> None:
    change = with_known(*(KnownConfigMap(name=name, is_missing=True) for name in ("all", "maybe")))
    assert change.config_writes == ("configmap/all is missing",)


def test_config_maps_that_are_too_many_and_writes_that_are_too_many_are_counted() -> None:
    sources = [{"configMapRef": {"name": f"c-{number:02}"}} for number in range(13)]
    many = replace(LIVE, template={"spec": {"containers": [{"name": "app", "envFrom": sources}]}})
    assert len(recent_changes.config_maps(seen(GOOD_RECORD, BAD_RECORD, live=many))) == 10
    known = [KnownConfigMap(name=f"c-{number:02}", writes=(AFTER,)) for number in range(10)]
    change = with_known(*known, live=many)
    assert change.config_writes[0] == "3 more of its ConfigMaps were not looked at"
    assert (len(change.config_writes), change.config_writes_dropped) == (10, 1)
    assert recent_change.say(change)[-1] == "and 1 more writes of ConfigMaps"


KEPT: dict[str, dict[str, Any]] = {
    "something was done": {"attempts": (an_attempt(),)},
    "people have it": {"state": "Escalated"},
    "it is known of this template": {"recent_change": RecentChange(template=BAD)},
}


@pytest.mark.parametrize("status", KEPT.values(), ids=KEPT)
def test_what_is_on_record_stays(status: dict[str, Any]) -> None:
    situation = seen(GOOD_RECORD, BAD_RECORD, **status)
    assert recent_changes.note(situation, situation.remediation.status) == situation.remediation.status


def test_another_release_while_it_waits_is_looked_at_anew() -> None:
    change = noted(seen(GOOD_RECORD, BAD_RECORD, recent_change=RecentChange(template="older")))
    assert change.template == BAD


def test_the_first_decision_keeps_it() -> None:
    situation = seen(GOOD_RECORD, BAD_RECORD, opened_at=None)
    status = decide(replace(situation, signals=()), NOW).status
    assert status.recent_change is not None
    assert status.recent_change.differences[0] == "app image app:1 -> 2"
