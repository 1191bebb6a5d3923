"""What is known about health (DESIGN 3.5): one record per template, when it was released, and when it proved itself.

Healthy is what runs well, by its pods alone. An incident counts against the live template only where its pods, or the
workload itself, have shown it: an alert about something else does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from platelet import checks
from platelet.core import releases
from platelet.model import reasons
from platelet.model.effects import Effect, ForgetRevision, MarkRelease, MarkRevision, RememberRevision
from platelet.model.remediation import BEFORE_ACTING, Attempt, Remediation
from platelet.model.revision import Health, RevisionRecord
from platelet.model.signal import SHOWN
from platelet.model.workload import Pod, Revision, Workload, newest_revision_hash
from platelet.triggers import symptoms

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
        return next((each for each in self.records if each.template_hash == self.workload.template_hash), None)


def incident_of(sighting: Sighting, siblings: Sequence[Remediation], now: datetime) -> Incident:
    """Whether an open one of all Remediations of the workload is about what the pods of its live template show."""
    since = sighting.live.live_since if sighting.live is not None else None
    newest = newest_revision_hash(sighting.workload, sighting.revisions)
    mine = [pod for pod in sighting.pods if newest and pod.revision_hash == newest]
    failing = bool(symptoms.remember({}, mine, now))
    about = [each for each in siblings if not each.mere_request and _is_shown(each, since, failing=failing)]
    young = any(each.status.waiting and each.status.waiting.reason == reasons.TOO_YOUNG for each in about)
    states = {each.status.state for each in about}
    if young or states & {"Acting", "Verifying"}:
        return "changing"
    return "open" if states & {*BEFORE_ACTING, "Escalated"} else "none"


def _is_shown(remediation: Remediation, live_since: datetime | None, *, failing: bool) -> bool:
    """Whether pods or workload have shown it since the template is live, or its pods visibly fail now."""
    facts = remediation.status.evidence or (remediation.spec.signal,)
    shown = [each for each in facts if each.source in SHOWN and each.resolved_at is None]
    return any(failing or live_since is None or each.last_seen >= live_since for each in shown)


def observe(sighting: Sighting, healthy_for: timedelta, now: datetime) -> tuple[tuple[Effect, ...], datetime | None]:
    """What to remember, mark and forget, and when the live template will have proved itself."""
    known = {each.template_hash for each in sighting.records}
    effects: list[Effect] = [*_remember(sighting, known, now)]
    live, again_at = sighting.live, None
    release = _release(sighting, now)
    effects += [release] if release is not None else []  # a mark on the same record is then late, and comes again
    if live is not None:
        mark, again_at = _judge(sighting, live, healthy_for, now)
        effects += [_mark(sighting, live, mark, now)] if mark else []
    return (*effects, *_forget(sighting)), again_at


def is_behind(workload: Workload, revisions: Sequence[Revision], records: Sequence[RevisionRecord]) -> bool:
    """Whether a template is not on record, or not as the live one that it is: no decision may rely on its age yet."""
    known = {each.template_hash for each in records}
    wanted = {workload.template_hash, *(each.template_hash for each in revisions)}
    return not wanted <= known or releases.became_live(workload, records)


def _release(sighting: Sighting, now: datetime) -> MarkRelease | None:
    newest = newest_revision_hash(sighting.workload, sighting.revisions)
    return releases.note(sighting.workload, sighting.records, sighting.pods, newest, sighting.attempts, now)


def _remember(sighting: Sighting, known: set[str], now: datetime) -> list[Effect]:
    """Records for the live template and for every revision that an undo could go to."""
    workload = sighting.workload
    templates = {workload.template_hash: workload.template}
    since = releases.date_live(workload, sighting.records, now)
    for each in sighting.revisions:
        templates.setdefault(each.template_hash, each.template)
    return [
        RememberRevision(
            target=workload.ref,
            template_hash=template_hash,
            template=template,
            first_seen=_first_seen(sighting, template_hash, now),
            live_since=since if template_hash == workload.template_hash else None,
            released_by=workload.template_manager if template_hash == workload.template_hash else "",
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
