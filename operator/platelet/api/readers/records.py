"""Revision records (DESIGN 3.5), stored as apps/v1 ControllerRevisions.

Labels of our own only, or a controller would adopt them (TRAPS 41), and no owner references, so that a workload that
is deleted and applied again keeps its history. `data` is immutable by the API; what changes are annotations. Users of
the namespace may write those, so they are for people to read: what is believed of a record's health is its attestation
(`api.attestations`).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, get_args

from platelet.api.readers import lenient
from platelet.model import durations, effects, templates
from platelet.model.digest import digest
from platelet.model.revision import Health, RevisionRecord
from platelet.model.workload import KINDS, Kind, WorkloadRef

TARGET_KIND = "platelet.dev/target-kind"
TARGET = "platelet.dev/target"
TEMPLATE = "platelet.dev/template"
FIRST_SEEN = "platelet.dev/first-seen"
HEALTH = "platelet.dev/health"
HEALTH_SINCE = "platelet.dev/health-since"
EVER_HEALTHY = "platelet.dev/ever-healthy"
PROVEN_AT = "platelet.dev/proven-at"
LIVE_SINCE = "platelet.dev/live-since"
RELEASED_AT = "platelet.dev/released-at"
RELEASED_BY = "platelet.dev/released-by"
MADE_FROM = "platelet.dev/made-from"
NAME_PATTERN = "^platelet-(deployment|statefulset|daemonset|health|values)-[0-9a-f]{16}$"  # in RE2; with attestations
_LONGEST_LABEL = 63
_LONGEST_MANAGER = 128  # as the API admits
_HEALTHS: tuple[Health, ...] = get_args(Health)


def record_name(target: WorkloadRef, template_hash: str) -> str:
    """Name the record: the same for the same template of the same workload, so that two creators collide."""
    return f"platelet-{target.kind.lower()}-{digest(f'{target.name}/{template_hash}')}"


def record_selector(target: WorkloadRef) -> str:
    """Select a workload's records by label, within its namespace."""
    return f"{TARGET_KIND}={target.kind},{TARGET}={label(target.name)}"


def read_record(obj: Mapping[str, Any]) -> RevisionRecord:
    """Read a record. Raises KeyError when the object is not one of ours.

    The hash is taken from the data, which nobody can change; an unreadable health is Unknown. No annotation makes it
    younger than the object, whose creation the API server has stamped.
    """
    metadata = lenient.mapping(obj["metadata"])
    annotations, labels = lenient.texts(metadata.get("annotations")), lenient.texts(metadata.get("labels"))
    template = lenient.mapping(lenient.mapping(obj.get("data"))["template"])
    return RevisionRecord(
        name=metadata["name"],
        uid=str(metadata.get("uid", "")),
        resource_version=metadata["resourceVersion"],
        target=WorkloadRef(
            kind=_kind(labels[TARGET_KIND]),
            namespace=metadata["namespace"],
            name=annotations.get(TARGET) or labels[TARGET],
        ),
        template_hash=templates.hash_template(template),
        template=template,
        first_seen=_first_seen(lenient.moment(annotations.get(FIRST_SEEN)), lenient.read_creation(metadata)),
        health=read_health(annotations.get(HEALTH)),
        health_since=lenient.moment(annotations.get(HEALTH_SINCE)),
        ever_healthy=annotations.get(EVER_HEALTHY) == "true",
        proven_at=lenient.moment(annotations.get(PROVEN_AT)),
        remembered_at=lenient.moment(metadata.get("creationTimestamp")),
        live_since=lenient.moment(annotations.get(LIVE_SINCE)),
        released_at=lenient.moment(annotations.get(RELEASED_AT)),
        released_by=annotations.get(RELEASED_BY, "")[:_LONGEST_MANAGER],
        made_from=annotations.get(MADE_FROM, ""),
    )


def write_record(effect: effects.RememberRevision) -> dict[str, Any]:
    """Write the record of a template that is seen for the first time, for a CREATE."""
    target = effect.target
    since = effect.health_since if effect.health_since is not None else effect.first_seen
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": record_name(target, effect.template_hash),
            "namespace": target.namespace,
            "labels": {TARGET_KIND: target.kind, TARGET: label(target.name), TEMPLATE: effect.template_hash},
            "annotations": {
                TARGET: target.name,
                FIRST_SEEN: durations.format_time(effect.first_seen),
                **health_annotations(effect.health, since),
                **_origin(effect),
                **({RELEASED_BY: effect.released_by} if effect.released_by else {}),
            },
        },
        "revision": 1,
        "data": {"template": _without_pod_template_hash(effect.template)},
    }


def first_annotations(effect: effects.RememberRevision) -> dict[str, str]:
    """What is seen of a template when it is recorded: since when it is live, and its health where that is known."""
    since = _origin(effect)
    if effect.health == "Unknown" or effect.health_since is None:
        return since
    return {**since, **health_annotations(effect.health, effect.health_since)}


def _origin(effect: effects.RememberRevision) -> dict[str, str]:
    """Since when it is live, of which template our own write made it, and when people released that one."""
    moments = {LIVE_SINCE: effect.live_since, RELEASED_AT: effect.released_at}
    known = {name: durations.format_time(moment) for name, moment in moments.items() if moment is not None}
    return {**known, **({MADE_FROM: effect.made_from} if effect.made_from else {})}


def write_mark(effect: effects.MarkRevision) -> dict[str, Any]:
    """Write a record's new health, as a merge patch that fails when the record has changed since it was read."""
    annotations = health_annotations(effect.health, effect.at)
    return {"metadata": {"resourceVersion": effect.resource_version, "annotations": annotations}}


def is_ours(record: RevisionRecord) -> bool:
    """Whether it bears the name of what it holds and of whose it is: all else is somebody else's under our labels."""
    return record.name == record_name(record.target, record.template_hash)


def write_release(effect: effects.MarkRelease) -> dict[str, Any]:
    """Write that a record's template is the live one now, as a merge patch under the same condition."""
    return {"metadata": {"resourceVersion": effect.resource_version, "annotations": release_annotations(effect)}}


def release_annotations(effect: effects.MarkRelease) -> dict[str, str]:
    """What says since when a template is live, and by whom it was released."""
    since = {LIVE_SINCE: durations.format_time(effect.live_since)}
    if effect.released_at is None:
        return since
    return {**since, RELEASED_AT: durations.format_time(effect.released_at), RELEASED_BY: effect.released_by}


def health_annotations(health: Health, since: datetime) -> dict[str, str]:
    """What says how healthy a template is, and since when. That it was healthy once is never withdrawn."""
    proven = {EVER_HEALTHY: "true", PROVEN_AT: durations.format_time(since)} if health == "Healthy" else {}
    return {HEALTH: health, HEALTH_SINCE: durations.format_time(since), **proven}


def _without_pod_template_hash(template: Mapping[str, Any]) -> dict[str, Any]:
    metadata = lenient.mapping(template.get("metadata"))
    if templates.POD_TEMPLATE_HASH not in lenient.mapping(metadata.get("labels")):
        return dict(template)
    labels = {key: value for key, value in metadata["labels"].items() if key != templates.POD_TEMPLATE_HASH}
    return {**template, "metadata": {**metadata, "labels": labels}}


def _first_seen(recorded: datetime | None, created_at: datetime) -> datetime:
    return created_at if recorded is None else min(recorded, created_at)


def _kind(name: str) -> Kind:
    for kind in KINDS:
        if kind == name:
            return kind
    raise KeyError(TARGET_KIND)


def read_health(name: str | None) -> Health:
    """Read a health; what is not one is Unknown."""
    return next((health for health in _HEALTHS if health == name), "Unknown")


def label(name: str) -> str:
    """Shorten a name to what a label's value may hold."""
    return name if len(name) <= _LONGEST_LABEL else digest(name)
