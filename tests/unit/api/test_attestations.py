"""Attestations: what the operator has seen is believed of the very record that it was seen of, and nothing else is."""

from datetime import timedelta
from typing import Any

import pytest

from platelet.api.readers import attestations, records
from platelet.model import effects, templates
from platelet.model.durations import format_time
from platelet.model.revision import RevisionRecord
from platelet.model.workload import WorkloadRef
from tests.unit.api.values import NOW

TEMPLATE: dict[str, Any] = {"spec": {"containers": [{"name": "app", "image": "app:1"}]}}
HEALTHY = records.health_annotations("Healthy", NOW)
RELEASED = {records.LIVE_SINCE: format_time(NOW), records.RELEASED_AT: format_time(NOW), records.RELEASED_BY: "ci"}


def a_record(uid: str = "uid-1", **annotations: str) -> RevisionRecord:
    """As it is read; `annotations` are written by whoever may."""
    effect = effects.RememberRevision(
        target=WorkloadRef(kind="Deployment", namespace="shop", name="api"),
        template_hash=templates.hash_template(TEMPLATE),
        template=TEMPLATE,
        first_seen=NOW,
    )
    body = records.write_record(effect)
    body["metadata"] |= {"uid": uid, "resourceVersion": "3", "creationTimestamp": format_time(NOW)}
    body["metadata"]["annotations"] |= annotations
    return records.read_record(body)


def stored(record: RevisionRecord, marked: dict[str, str]) -> dict[str, Any]:
    """An attestation as the API server keeps it."""
    body = attestations.write_attestation(record, marked)
    body["metadata"]["resourceVersion"] = "7"
    return body


def patched(before: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """What a merge patch makes of it."""
    annotations = {**before["metadata"]["annotations"], **patch["metadata"]["annotations"]}
    kept = {key: value for key, value in annotations.items() if value is not None}
    return {**before, "metadata": {**before["metadata"], "annotations": kept}}


def test_what_our_own_write_has_made_is_believed_where_it_is_attested_only() -> None:
    """Else a user's release could pass for an adjustment of an old one, which nobody blames."""
    claimed = a_record(**{records.MADE_FROM: "old"})
    assert attestations.attest(claimed, ()).made_from == ""
    attested = stored(claimed, {records.MADE_FROM: "older"})
    assert attestations.attest(claimed, [attested]).made_from == "older"
    of_another = stored(a_record("uid-0"), {records.MADE_FROM: "older"})
    assert attestations.attest(claimed, [of_another]).made_from == ""


def believed(record: RevisionRecord, *attested: dict[str, Any]) -> tuple[Any, ...]:
    seen = attestations.attest(record, attested)
    return seen.health, seen.health_since, seen.ever_healthy, seen.proven_at, seen.live_since, seen.released_at


NOTHING = ("Unknown", None, False, None, None, None)
EVERYTHING = ("Healthy", NOW, True, NOW, NOW, NOW)


def test_what_was_attested_of_a_record_is_believed() -> None:
    assert believed(a_record(), stored(a_record(), {**HEALTHY, **RELEASED})) == EVERYTHING


def test_what_a_record_says_of_itself_is_not_believed() -> None:
    assert believed(a_record(**HEALTHY, **RELEASED)) == NOTHING


def test_what_was_attested_of_another_record_of_its_name_is_not_believed() -> None:
    """It was deleted and made anew; one whose uid is not known is no better."""
    attested = stored(a_record(), {**HEALTHY, **RELEASED})
    assert believed(a_record("uid-2"), attested) == NOTHING
    assert believed(a_record(""), stored(a_record(""), HEALTHY)) == NOTHING


def test_once_healthy_outlives_another_mark_and_not_another_record() -> None:
    attested = stored(a_record(), {**HEALTHY, **RELEASED})
    bad = records.health_annotations("Bad", NOW + timedelta(minutes=1))
    same = patched(attested, attestations.write_change(a_record(), attested, bad))
    assert attestations.attest(a_record(), [same]).ever_healthy
    other = a_record("uid-2")
    anew = patched(attested, attestations.write_change(other, attested, bad))
    assert believed(other, anew) == ("Bad", NOW + timedelta(minutes=1), False, None, None, None)


@pytest.mark.parametrize(("minutes", "first_seen"), [(-5, NOW - timedelta(minutes=5)), (0, NOW), (5, NOW)])
def test_a_record_is_never_younger_than_it_was_made(minutes: int, first_seen: Any) -> None:
    """It may be older: its ReplicaSet was there before it."""
    moment = format_time(NOW + timedelta(minutes=minutes))
    assert a_record(**{records.FIRST_SEEN: moment}).first_seen == first_seen


@pytest.mark.parametrize(("minutes", "health"), [(-1, "Unknown"), (0, "Healthy"), (1, "Healthy")])
def test_a_health_since_a_moment_that_has_not_come_is_unknown(minutes: int, health: str) -> None:
    record = attestations.attest(a_record(), [stored(a_record(), HEALTHY)])
    assert record.as_of(NOW + timedelta(minutes=minutes)).health == health
