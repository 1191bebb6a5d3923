"""What is known about health (DESIGN 3.5): one record per template, when it was released, and when it proved itself.

Healthy is what runs well, by its pods alone. An incident counts against the live template only where its pods, or the
workload itself, have shown it: an alert about something else does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from platelet import checks
from platelet.core import releases
from platelet.model import reasons, symptoms
from platelet.model.effects import Effect, ForgetRevision, MarkRelease, MarkRevision, RememberRevision
from platelet.model.remediation import BEFORE_ACTING, Attempt, Remediation
from platelet.model.revision import Health, RevisionRecord
from platelet.model.signal import SHOWN
from platelet.model.workload import Pod, Revision, Workload, newest_revision_hash

_KEPT = 20  # records per workload; the newest healthy ones are never dropped
_HEALTHY_KEPT = 5


Incident = Literal["none", "open", "changing"]
"""Whether the live template's own pods are known to fail; changing: too young, or an attempt is under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One workload as seen at one moment, whether its template is in an incident, and what we did to it."""

    workload: Workload
    revisions: tuple[Revision, ...]
    pods: tuple[Pod, ...]
    records: tuple[RevisionRecord, ...]
    incident: Incident = "none"
    attempts: tuple[Attempt, ...] = ()  # of all its Remediations

    @property
    def live(self) -> RevisionRecord | None:
        """The record of the live template."""
        return next((record for record in self.records if record.template_hash == self.workload.template_hash), None)


def incident_of(sighting: Sighting, siblings: Sequence[Remediation], now: datetime) -> Incident:
    """Whether an open one of all Remediations of the workload is about what the pods of its live template show."""
    since = sighting.live.live_since if sighting.live is not None else None
    newest = newest_revision_hash(sighting.workload, sighting.revisions)
    mine = [pod for pod in sighting.pods if newest and pod.revision_hash == newest]
    failing = bool(symptoms.remember({}, mine, now))
    about = [sibling for sibling in siblings if not sibling.mere_request and _is_shown(sibling, since, failing=failing)]
    young = any(sibling.status.waiting and sibling.status.waiting.reason == reasons.TOO_YOUNG for sibling in about)
    states = {sibling.status.state for sibling in about}
    if young or states & {"Acting", "Verifying"}:
        return "changing"
    return "open" if states & {*BEFORE_ACTING, "Escalated"} else "none"


def _is_shown(remediation: Remediation, live_since: datetime | None, *, failing: bool) -> bool:
    """Whether pods or workload have shown it since the template is live, or its pods visibly fail now."""
    facts = remediation.status.evidence or (remediation.spec.signal,)
    shown = [fact for fact in facts if fact.source in SHOWN and fact.resolved_at is None]
    return any(failing or live_since is None or fact.last_seen >= live_since for fact in shown)


def observe(sighting: Sighting, healthy_for: timedelta, now: datetime) -> tuple[tuple[Effect, ...], datetime | None]:
    """What to remember, mark and forget, and when the live template will have proved itself."""
    known = {record.template_hash for record in sighting.records}
    effects: list[Effect] = [*_remember(sighting, known, healthy_for, now)]
    live, again_at = sighting.live, None
    release = _release(sighting, now)
    effects += [release] if release is not None else []  # a mark on the same record is then late, and comes again
    if live is not None:
        mark, again_at = _judge(sighting, live, healthy_for, now)
        effects += [_mark(sighting, live, mark, now)] if mark else []
    return (*effects, *_forget(sighting)), again_at


def is_behind(workload: Workload, revisions: Sequence[Revision], records: Sequence[RevisionRecord]) -> bool:
    """Whether a template is not on record, or not as the live one that it is: no decision may rely on its age yet."""
    known = {record.template_hash for record in records}
    wanted = {workload.template_hash, *(revision.template_hash for revision in revisions)}
    return not wanted <= known or releases.became_live(workload, records)


def _release(sighting: Sighting, now: datetime) -> MarkRelease | None:
    newest = newest_revision_hash(sighting.workload, sighting.revisions)
    return releases.note(sighting.workload, sighting.records, sighting.pods, newest, sighting.attempts, now)


def _remember(sighting: Sighting, known: set[str], healthy_for: timedelta, now: datetime) -> list[Effect]:
    """Records for the live template and for every revision that an undo could go to.

    The live one may have proved itself before anybody looked: then its record says so from the beginning.
    """
    workload = sighting.workload
    proven = workload.template_hash not in known and _is_proven(sighting, healthy_for, now)
    templates = {workload.template_hash: workload.template}
    since = releases.date_live(workload, sighting.records, now)
    for revision in sighting.revisions:
        templates.setdefault(revision.template_hash, revision.template)
    return [
        _as_released(
            RememberRevision(
                target=workload.ref,
                template_hash=template_hash,
                template=template,
                first_seen=_first_seen(sighting, template_hash, now),
                health="Healthy" if proven and template_hash == workload.template_hash else "Unknown",
                health_since=now if proven and template_hash == workload.template_hash else None,
                live_since=since if template_hash == workload.template_hash else None,
                released_by=workload.template_manager if template_hash == workload.template_hash else "",
            ),
            sighting,
        )
        for template_hash, template in templates.items()
        if template_hash not in known
    ]


def _as_released(effect: RememberRevision, sighting: Sighting) -> RememberRevision:
    """A template that our own write has made belongs to the release of the one that it was made from (I12)."""
    made_from = releases.made_from(effect.template_hash, sighting.attempts)
    release = next((record for record in sighting.records if record.template_hash == made_from), None)
    if release is None:
        return effect
    by = release.released_by
    return replace(effect, made_from=made_from, released_at=release.last_release, released_by=by)


def _first_seen(sighting: Sighting, template_hash: str, now: datetime) -> datetime:
    """The oldest revision of the template tells, in the API server's time; a restart's new one has the same hash."""
    return min(
        (revision.created_at for revision in sighting.revisions if revision.template_hash == template_hash), default=now
    )


def _is_proven(sighting: Sighting, healthy_for: timedelta, now: datetime) -> bool:
    """Whether the live template, of which nothing is on record, has run well for long enough."""
    workload = sighting.workload
    unknown = RevisionRecord(
        name="", resource_version="", target=workload.ref, template_hash=workload.template_hash, first_seen=now
    )
    return _judge(sighting, unknown, healthy_for, now)[0] == "Healthy"


def _judge(
    sighting: Sighting, live: RevisionRecord, healthy_for: timedelta, now: datetime
) -> tuple[Health | None, datetime | None]:
    """Its new health, or when it will have proved itself. What runs well for so long is healthy, whatever is open."""
    if sighting.incident == "changing":
        return None, None
    since = _well_since(sighting, live)
    if sighting.incident == "open" and live.health == "Healthy" and (since is None or since + healthy_for > now):
        return "Suspect", None
    if since is None or (live.health == "Healthy" and _is_newest(sighting, live)):
        return None, None
    proven_at = since + healthy_for
    return ("Healthy", None) if proven_at <= now else (None, proven_at)


def _well_since(sighting: Sighting, live: RevisionRecord) -> datetime | None:
    """Since when all pods run well with the live template; one that failed counts from when that was noted."""
    since = checks.well_since(sighting.workload, sighting.revisions, sighting.pods)
    if since is None or sighting.workload.updated_replicas < sighting.workload.replicas:
        return None  # a template that a partition keeps off some pods has proven nothing
    failed = live.health in ("Suspect", "Bad") and live.health_since is not None
    return max(since, live.health_since) if failed and live.health_since else since


def _is_newest(sighting: Sighting, live: RevisionRecord) -> bool:
    """Whether no other template proved itself later: one that people went back to proves itself anew."""
    others = [record for record in sighting.records if record.health == "Healthy" and record.name != live.name]
    return all((other.health_since or other.first_seen) <= (live.health_since or live.first_seen) for other in others)


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
    newest_first = sorted(sighting.records, key=lambda record: record.first_seen, reverse=True)
    reachable = {revision.template_hash for revision in sighting.revisions} | {sighting.workload.template_hash}
    healthy = [record.name for record in newest_first if record.health == "Healthy"][:_HEALTHY_KEPT]
    return [
        ForgetRevision(namespace=sighting.workload.ref.namespace, record=record.name, uid=record.uid)
        for record in newest_first[_KEPT:]
        if record.template_hash not in reachable and record.name not in healthy
    ]
