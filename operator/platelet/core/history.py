"""What is known about health (DESIGN 3.5): one record per template, and when it proved itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from platelet import checks
from platelet.model.effects import Effect, ForgetRevision, MarkRevision, RememberRevision
from platelet.model.revision import Health, RevisionRecord
from platelet.model.workload import Pod, Revision, Workload

_KEPT = 20  # records per workload; the newest healthy ones are never dropped
_HEALTHY_KEPT = 5


Incident = Literal["none", "open", "changing"]  # changing: too young, or an attempt is under way: nothing can be said


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One workload as seen at one moment, and whether an incident of it is open."""

    workload: Workload
    revisions: tuple[Revision, ...]
    pods: tuple[Pod, ...]
    records: tuple[RevisionRecord, ...]
    incident: Incident


def observe(sighting: Sighting, healthy_for: timedelta, now: datetime) -> tuple[tuple[Effect, ...], datetime | None]:
    """What to remember, mark and forget, and when the live template will have proved itself."""
    known = {each.template_hash for each in sighting.records}
    effects: list[Effect] = [*_remember(sighting, known, now)]
    live = next((each for each in sighting.records if each.template_hash == sighting.workload.template_hash), None)
    again_at = None
    if live is not None:
        mark, again_at = _judge(sighting, live, healthy_for, now)
        effects += [_mark(sighting, live, mark, now)] if mark else []
    return (*effects, *_forget(sighting)), again_at


def _remember(sighting: Sighting, known: set[str], now: datetime) -> list[Effect]:
    """Records for the live template and for every revision that an undo could go to."""
    workload = sighting.workload
    templates = {workload.template_hash: workload.template}
    for each in sighting.revisions:
        templates.setdefault(each.template_hash, each.template)
    return [
        RememberRevision(
            target=workload.ref,
            template_hash=template_hash,
            template=template,
            first_seen=_first_seen(sighting, template_hash, now),
        )
        for template_hash, template in templates.items()
        if template_hash not in known
    ]


def _first_seen(sighting: Sighting, template_hash: str, now: datetime) -> datetime:
    """The oldest revision of the template tells, in the API server's time; a restart's new one has the same hash."""
    return min((each.created_at for each in sighting.revisions if each.template_hash == template_hash), default=now)


def _judge(
    sighting: Sighting, live: RevisionRecord, healthy_for: timedelta, now: datetime
) -> tuple[Health | None, datetime | None]:
    if sighting.incident == "changing":
        return None, None
    if sighting.incident == "open":
        return ("Suspect" if live.health == "Healthy" else None), None
    if live.health == "Bad" or (live.health == "Healthy" and _is_newest(sighting, live)):
        return None, None
    since = checks.well_since(sighting.workload, sighting.revisions, sighting.pods)
    if since is None or sighting.workload.updated_replicas < sighting.workload.replicas:
        return None, None  # a template that a partition keeps off some pods has proven nothing
    if live.health == "Suspect" and live.health_since is not None:
        since = max(since, live.health_since)
    proven_at = since + healthy_for
    return ("Healthy", None) if proven_at <= now else (None, proven_at)


def _is_newest(sighting: Sighting, live: RevisionRecord) -> bool:
    """Whether no other template proved itself later: one that people went back to proves itself anew."""
    others = [each for each in sighting.records if each.health == "Healthy" and each.name != live.name]
    return all((each.health_since or each.first_seen) <= (live.health_since or live.first_seen) for each in others)


def _mark(sighting: Sighting, record: RevisionRecord, health: Health, now: datetime) -> MarkRevision:
    return MarkRevision(
        namespace=sighting.workload.ref.namespace,
        record=record.name,
        resource_version=record.resource_version,
        health=health,
        at=now,
    )


def _forget(sighting: Sighting) -> Sequence[Effect]:
    """Drop the oldest records beyond the cap: never one that could return, nor one of the newest healthy ones."""
    newest_first = sorted(sighting.records, key=lambda each: each.first_seen, reverse=True)
    reachable = {each.template_hash for each in sighting.revisions} | {sighting.workload.template_hash}
    healthy = [each.name for each in newest_first if each.health == "Healthy"][:_HEALTHY_KEPT]
    return [
        ForgetRevision(namespace=sighting.workload.ref.namespace, record=each.name, uid=each.uid)
        for each in newest_first[_KEPT:]
        if each.template_hash not in reachable and each.name not in healthy
    ]
