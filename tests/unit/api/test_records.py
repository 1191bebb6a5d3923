"""Revision records: written so that nobody adopts or tampers with them, read so that nothing unknown is healthy."""

import copy
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.api.readers import workloads
from platelet.model import durations, effects
from platelet.model.revision import Health
from platelet.model.workload import WorkloadRef
from tests.unit.api.values import JSON, NOW

TARGET = WorkloadRef(kind="Deployment", namespace="shop", name="api")
TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app": "api", "pod-template-hash": "5d4f"}},
    "spec": {"containers": [{"name": "api", "image": "api:1"}]},
}


def remembered(target: WorkloadRef = TARGET, health: Health = "Unknown", **more: Any) -> dict[str, Any]:
    """A record as the API server gives it back."""
    effect = effects.RememberRevision(
        target=target,
        template_hash=workloads.hash_template(TEMPLATE),
        template=TEMPLATE,
        first_seen=NOW,
        health=health,
        **more,
    )
    body: dict[str, Any] = json.loads(json.dumps(workloads.write_record(effect)))
    body["metadata"] |= {"resourceVersion": "3", "creationTimestamp": "2026-11-21T12:00:01Z"}
    return body


@pytest.mark.parametrize("health", ["Unknown", "Healthy", "Suspect", "Bad"])
def test_a_record_survives(health: Health) -> None:
    """What is written is read again."""
    since = NOW - timedelta(hours=1)
    read = workloads.read_record(remembered(health=health, health_since=since))
    assert (read.target, read.first_seen) == (TARGET, NOW)
    assert (read.health, read.health_since, read.ever_healthy) == (health, since, health == "Healthy")
    assert read.template_hash == workloads.hash_template(TEMPLATE)
    assert read.resource_version == "3"


def test_the_template_can_be_put_back_as_it_is() -> None:
    """The controller's label of the old ReplicaSet would fight with the new one."""
    assert workloads.read_record(remembered()).template["metadata"]["labels"] == {"app": "api"}


@given(name=st.text("abcdefghijklmnopqrstuvwxyz0123456789-.", min_size=1, max_size=253))
def test_any_target_can_be_recorded_and_found(name: str) -> None:
    """Names of up to 253 characters fit into labels of 63, and come back whole."""
    target = WorkloadRef(kind="Deployment", namespace="shop", name=name)
    body = remembered(target)
    labels = body["metadata"]["labels"]
    assert workloads.read_record(body).target == target
    assert all(len(value) <= 63 for value in labels.values())
    assert re.fullmatch(r"platelet-deployment-[0-9a-f]{16}", body["metadata"]["name"])
    selected = dict(pair.split("=", 1) for pair in workloads.record_selector(target).split(","))
    assert selected.items() <= labels.items()


def test_nobody_adopts_a_record() -> None:
    """TRAPS 41: labels of our own only; no owner, so that history outlives the workload."""
    metadata = remembered()["metadata"]
    assert all(key.startswith("platelet.dev/") for key in metadata["labels"])
    assert "ownerReferences" not in metadata


def test_two_creators_collide_and_two_templates_do_not() -> None:
    """The name is made of target and template."""
    other = WorkloadRef(kind="Deployment", namespace="shop", name="web")
    names = {
        workloads.record_name(TARGET, "aaaa"),
        workloads.record_name(TARGET, "aaaa"),
        workloads.record_name(TARGET, "bbbb"),
        workloads.record_name(other, "aaaa"),
    }
    assert len(names) == 3


def test_a_template_under_another_name_is_known_by_its_data() -> None:
    """Labels can be edited, the data cannot: the hash comes from the data."""
    body = remembered()
    body["metadata"]["labels"]["platelet.dev/template"] = "0000000000000000"
    assert workloads.read_record(body).template_hash == workloads.hash_template(TEMPLATE)


def test_once_healthy_is_remembered_when_it_turns_bad() -> None:
    """The patch of a new health leaves ever-healthy as it was, and fails if somebody was faster."""
    mark = effects.MarkRevision(namespace="shop", record="r", resource_version="3", health="Suspect", at=NOW)
    patch = workloads.write_mark(mark)
    body = remembered(health="Healthy")
    body["metadata"]["annotations"] |= patch["metadata"]["annotations"]
    read = workloads.read_record(body)
    assert (read.health, read.health_since, read.ever_healthy) == ("Suspect", NOW, True)
    assert patch["metadata"]["resourceVersion"] == "3"


def test_a_release_is_remembered_beside_the_health() -> None:
    """By people with their field manager; an own write only moves what is live."""
    body = remembered(health="Healthy", live_since=NOW, released_by="ci-bot")
    read = workloads.read_record(body)
    assert (read.live_since, read.released_at, read.released_by, read.last_release) == (NOW, None, "ci-bot", NOW)
    assert (read.proven_at, read.remembered_at) == (NOW, durations.parse_time("2026-11-21T12:00:01Z"))
    later = NOW + timedelta(hours=1)
    for released_at, known in ((None, NOW), (later, later)):
        effect = effects.MarkRelease(
            namespace="shop", record="r", resource_version="3", live_since=later, released_at=released_at
        )
        patch = workloads.write_release(effect)
        assert patch["metadata"]["resourceVersion"] == "3"
        body["metadata"]["annotations"] |= patch["metadata"]["annotations"]
        read = workloads.read_record(body)
        assert (read.live_since, read.last_release, read.health) == (later, known, "Healthy")


@given(data=st.data())
def test_spoilt_annotations_never_make_a_record_healthy(data: st.DataObject) -> None:
    """People may edit annotations: junk reads as Unknown, first seen at its creation."""
    body = remembered(health="Bad")
    junk = JSON.filter(lambda value: value not in ("Unknown", "Healthy", "Suspect", "Bad"))
    for key in ("health", "health-since", "first-seen", "ever-healthy", "live-since", "released-at", "proven-at"):
        body["metadata"]["annotations"][f"platelet.dev/{key}"] = data.draw(junk)
    read = workloads.read_record(body)
    assert (read.health, read.health_since) == ("Unknown", None)
    assert (read.live_since, read.released_at, read.proven_at) == (None, None, None)
    assert read.first_seen == durations.parse_time("2026-11-21T12:00:01Z")


@pytest.mark.parametrize("missing", ["labels", "data"])
def test_a_foreign_controller_revision_is_refused(missing: str) -> None:
    """A StatefulSet's own history is not ours."""
    body = copy.deepcopy(remembered())
    (body["metadata"] if missing == "labels" else body).pop(missing)
    with pytest.raises(KeyError):
        workloads.read_record(body)
