"""Attestations: what the operator has seen of a template, kept where users of its record cannot write.

One per record, a ControllerRevision in the operator's own namespace. It is bound to the record's uid, which only the
API server gives: a record that was made anew, even of the same template, has proven nothing yet. Its data names
containers and images for people who look, and holds nothing else of the template (docs/adr/0010).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from platelet.api.readers import lenient, records
from platelet.model.digest import digest
from platelet.model.revision import RevisionRecord
from platelet.model.workload import WorkloadRef

NAMESPACE: Final = "platelet.dev/target-namespace"
RECORD_UID: Final = "platelet.dev/record-uid"
_SAID: Final = (
    records.HEALTH,
    records.HEALTH_SINCE,
    records.EVER_HEALTHY,
    records.PROVEN_AT,
    records.LIVE_SINCE,
    records.RELEASED_AT,
    records.RELEASED_BY,
    records.MADE_FROM,
)


def attestation_name(namespace: str, record: str) -> str:
    """Name the attestation of a record: the same for every record that ever has this name in its namespace."""
    return f"platelet-health-{digest(f'{namespace}/{record}')}"


def attestation_selector(target: WorkloadRef) -> str:
    """Select the attestations of a workload's records by label, within the operator's namespace."""
    return f"{NAMESPACE}={target.namespace},{records.record_selector(target)}"


def is_attestation(obj: Mapping[str, Any]) -> bool:
    """Tell an attestation from a revision record, which has the same labels otherwise."""
    return NAMESPACE in _texts(obj, "labels")


def namespace_of(attestation: Mapping[str, Any]) -> str:
    """The namespace of the record."""
    return _texts(attestation, "labels").get(NAMESPACE, "")


def record_of(attestation: Mapping[str, Any]) -> str:
    """The uid of the record."""
    metadata = lenient.mapping(attestation.get("metadata"))
    return lenient.text(lenient.mapping(metadata.get("annotations")).get(RECORD_UID))


def is_about(obj: Mapping[str, Any], record: RevisionRecord) -> bool:
    """Whether it was written about this very record."""
    return bool(record.uid) and record_of(obj) == record.uid


def attest(record: RevisionRecord, attestations: Iterable[Mapping[str, Any]]) -> RevisionRecord:
    """Give a record what was attested; without an attestation of this very record its health is Unknown."""
    about = next((attestation for attestation in attestations if is_about(attestation, record)), None)
    annotations = _texts(about or {}, "annotations")
    return replace(
        record,
        health=records.read_health(annotations.get(records.HEALTH)),
        health_since=lenient.moment(annotations.get(records.HEALTH_SINCE)),
        ever_healthy=annotations.get(records.EVER_HEALTHY) == "true",
        proven_at=lenient.moment(annotations.get(records.PROVEN_AT)),
        claims_health=record.ever_healthy,
        live_since=lenient.moment(annotations.get(records.LIVE_SINCE)),
        released_at=lenient.moment(annotations.get(records.RELEASED_AT)),
        released_by=annotations.get(records.RELEASED_BY, record.released_by),
        made_from=annotations.get(records.MADE_FROM, ""),
    )


def write_attestation(record: RevisionRecord, marked: Mapping[str, str]) -> dict[str, Any]:
    """Write the first attestation about a record, for a CREATE. `marked` are the annotations that say what was seen."""
    target = record.target
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": attestation_name(target.namespace, record.name),
            "labels": {
                NAMESPACE: target.namespace,
                records.TARGET_KIND: target.kind,
                records.TARGET: records.label(target.name),
                records.TEMPLATE: record.template_hash,
            },
            "annotations": {records.TARGET: target.name, RECORD_UID: record.uid, **marked},
        },
        "revision": 1,
        "data": {"template": {"spec": {"containers": _images(record.template)}}},
    }


def write_change(record: RevisionRecord, before: Mapping[str, Any], marked: Mapping[str, str]) -> dict[str, Any]:
    """Write what is new, as a merge patch that fails when the attestation has changed since `before` was read.

    What it says of another record of this name, which is gone, is removed.
    """
    old = {} if is_about(before, record) else dict.fromkeys(_SAID)
    annotations: dict[str, str | None] = {**old, RECORD_UID: record.uid, **marked}
    return {"metadata": {"resourceVersion": before["metadata"]["resourceVersion"], "annotations": annotations}}


def _texts(obj: Mapping[str, Any], field: str) -> dict[str, str]:
    """The labels or the annotations of an object."""
    return lenient.texts(lenient.mapping(obj.get("metadata")).get(field))


def _images(template: Mapping[str, Any]) -> list[dict[str, str]]:
    containers = lenient.mappings(lenient.mapping(template.get("spec")).get("containers"))
    return [{key: lenient.text(container.get(key)) for key in ("name", "image")} for container in containers]
