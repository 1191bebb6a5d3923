"""rolloutUndo: a goal that could not start is none."""

from typing import Any

import pytest

from platelet.actions.rollout_undo import RolloutUndo, plan
from platelet.model import reasons
from platelet.model.intent import TEMPLATE
from platelet.model.verdict import Plan, Refusal
from tests.unit.situations import BAD, BORN, NOW, RELEASED, a_record, a_revision, a_situation, minutes

GONE = {"configmap/flags-7": "is missing"}


def a_template(image: str, **spec: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "app", "image": image}], **spec}}


def with_settings(image: str, *, optional: bool = False) -> dict[str, Any]:
    volume = {"name": "flags", "configMap": {"name": "flags-7", **({"optional": True} if optional else {})}}
    return a_template(image, volumes=[volume])


LIVE = a_record(BAD, first_seen=RELEASED, health="Unknown", ever_healthy=False, template=a_template("app:3"))
LATER = BORN + minutes(60)


def plan_with(*records: Any, settings: RolloutUndo | None = None, absent: Any = None) -> Plan | Refusal:
    revisions = [
        a_revision(9, BAD),
        *(a_revision(5 - n, r.template_hash, template=r.template) for n, r in enumerate(records)),
    ]
    situation = a_situation(
        records=(LIVE, *records), revisions=tuple(revisions), absent_references=GONE if absent is None else absent
    )
    return plan(settings or RolloutUndo(), situation, NOW)


NEWEST = a_record("two", health_since=LATER, template=with_settings("app:2"))
OLDER = a_record("one", template=a_template("app:1"))
SAME_IMAGE = a_record("two-before", template=a_template("app:2"))


@pytest.mark.parametrize("settings", [RolloutUndo(), RolloutUndo(to="Previous")], ids=["LastHealthy", "Previous"])
def test_the_next_goal_is_taken_where_the_first_lacks_something(settings: RolloutUndo) -> None:
    planned = plan_with(NEWEST, OLDER, settings=settings)
    assert isinstance(planned, Plan)
    assert planned.changes[0].meant == {TEMPLATE: "one"}


REFUSED = {
    "there is no other goal": ((NEWEST,), RolloutUndo()),
    "the next is the same program before it was given what is missing": ((NEWEST, SAME_IMAGE), RolloutUndo()),
    "the previous one": ((NEWEST,), RolloutUndo(to="Previous")),
    "the one that is named": ((NEWEST, OLDER), RolloutUndo(to="Revision", revision=5)),
    "neither LastHealthy nor its fallback can start": ((NEWEST,), RolloutUndo(if_unknown="Previous")),
}


@pytest.mark.parametrize(("records", "settings"), REFUSED.values(), ids=REFUSED)
def test_people_hear_the_name_of_what_is_missing(records: Any, settings: RolloutUndo) -> None:
    refused = plan_with(*records, settings=settings)
    assert isinstance(refused, Refusal)
    assert refused.reason == reasons.MISSING_REFERENCE
    assert "configmap/flags-7 is missing" in refused.message


def test_what_is_optional_or_there_keeps_nothing_from_starting() -> None:
    optional = a_record("two", health_since=LATER, template=with_settings("app:2", optional=True))
    for planned in (plan_with(optional, OLDER), plan_with(NEWEST, OLDER, absent={})):
        assert isinstance(planned, Plan)
        assert planned.changes[0].meant == {TEMPLATE: "two"}


NEEDS: dict[str, tuple[dict[str, Any], str]] = {
    "a claim": (
        a_template("app:2", volumes=[{"persistentVolumeClaim": {"claimName": "d"}}]),
        "persistentvolumeclaim/d",
    ),
    "an account": (a_template("app:2", serviceAccountName="robot"), "serviceaccount/robot"),
    "a ConfigMap of an init container": (
        a_template("app:2", initContainers=[{"name": "i", "envFrom": [{"configMapRef": {"name": "c"}}]}]),
        "configmap/c",
    ),
    "a ConfigMap in a projected volume": (
        a_template("app:2", volumes=[{"projected": {"sources": [{"configMap": {"name": "c"}}]}}]),
        "configmap/c",
    ),
}


@pytest.mark.parametrize(("template", "name"), NEEDS.values(), ids=NEEDS)
def test_all_that_a_pod_needs_to_start_is_looked_for(template: dict[str, Any], name: str) -> None:
    refused = plan_with(a_record("two", template=template), absent={name: "could not be looked for (403 Forbidden)"})
    assert isinstance(refused, Refusal)
    assert f"{name} could not be looked for (403 Forbidden)" in refused.message, "unknown is no"


def test_secrets_are_named_and_not_looked_for() -> None:
    """Nobody reads them; who says yes may know."""
    template = a_template("app:2", volumes=[{"name": "s", "secret": {"secretName": "db"}}])
    planned = plan_with(a_record("two", template=template))
    assert isinstance(planned, Plan)
    assert planned.summary.endswith("it needs secret/db, which platelet does not look for")
