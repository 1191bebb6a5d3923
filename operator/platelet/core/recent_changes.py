"""Evidence before the fix: what was changed of the target since it ran well, from what a look holds anyway."""

from dataclasses import replace
from datetime import datetime

from platelet.model import recent_change
from platelet.model.blame import live_record
from platelet.model.recent_change import RecentChange
from platelet.model.remediation import BEFORE_ACTING, RemediationStatus
from platelet.model.revision import RevisionRecord, last_healthy
from platelet.model.situation import Situation
from platelet.model.workload import Workload


def note(situation: Situation, status: RemediationStatus) -> RemediationStatus:
    """Keep it as it is before the first attempt; what people release while an incident waits is looked at again."""
    live, known = situation.snapshot.workload, status.recent_change
    if live is None or status.state not in BEFORE_ACTING or status.attempts:
        return status
    if known is not None and known.template == live.template_hash:
        return status
    return replace(status, recent_change=_compare(live, situation))


def _compare(live: Workload, situation: Situation) -> RecentChange:
    release, healthy = live_record(situation), last_healthy(situation.snapshot.records)
    is_another = healthy is not None and healthy.template_hash != live.template_hash
    before = healthy.template if healthy is not None and is_another else live.template
    differences, dropped = recent_change.list_bounded(before, live.template)
    return RecentChange(
        template=live.template_hash,
        released_at=release.last_release if release is not None else None,
        released_by=(release.released_by if release is not None else live.template_manager)[:256],
        healthy_template=healthy.template_hash if healthy is not None else "",
        healthy_at=_proven_at(healthy) if healthy is not None else None,
        differences=differences,
        differences_dropped=dropped,
    )


def _proven_at(record: RevisionRecord) -> datetime | None:
    """When it last became healthy: what is not healthy any more tells that only where it is on record."""
    return record.proven_at or (record.health_since if record.health == "Healthy" else None)
