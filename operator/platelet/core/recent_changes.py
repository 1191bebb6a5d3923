"""Evidence before the fix: what was changed of the target since it ran well, from what a look holds anyway."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from platelet.model import config_map, recent_change, references
from platelet.model.blame import live_record
from platelet.model.config_map import KnownConfigMap
from platelet.model.recent_change import RecentChange
from platelet.model.remediation import BEFORE_ACTING, RemediationStatus
from platelet.model.revision import RevisionRecord, last_healthy
from platelet.model.situation import Situation
from platelet.model.workload import Workload

_CONFIG_MAPS_READ: Final = 10


def note(situation: Situation, status: RemediationStatus) -> RemediationStatus:
    """Keep it as it is before the first attempt; what people release while an incident waits is looked at again."""
    live = situation.snapshot.workload
    if live is None or not _is_to_be_noted(live, status):
        return status
    return replace(status, recent_change=_compare(live, situation))


def config_maps(situation: Situation) -> tuple[str, ...]:
    """The ConfigMaps of the live template of which must be known who has written their keys since it ran well.

    None where nothing is to be noted, and where it is not known to have ever run well.
    """
    live, status = situation.snapshot.workload, situation.remediation.status
    if live is None or not _is_to_be_noted(live, status):
        return ()
    healthy = last_healthy(situation.snapshot.records)
    if healthy is None or _proven_at(healthy) is None:
        return ()
    return _names(live)[:_CONFIG_MAPS_READ]


def _is_to_be_noted(live: Workload, status: RemediationStatus) -> bool:
    known = status.recent_change
    if status.state not in BEFORE_ACTING or status.attempts:
        return False
    return known is None or known.template != live.template_hash


def _names(live: Workload) -> tuple[str, ...]:
    """The ConfigMaps that a template names."""
    return tuple(
        sorted({name for kind, name, _, _ in references.named(live.template) if kind == references.CONFIG_MAP})
    )


def _config_writes(live: Workload, since: datetime | None, known: Sequence[KnownConfigMap]) -> list[str]:
    if since is None or not known:
        return []
    needed = references.needed(live.template)  # what is optional may be missing
    expected = [entry for entry in known if not entry.is_missing or f"{references.CONFIG_MAP}/{entry.name}" in needed]
    more = len(_names(live)) - len(known)
    unread = [f"{more} more of its ConfigMaps were not looked at"] if more > 0 else []
    return [*unread, *(line for entry in expected for line in config_map.say_since(entry, since))]


def _compare(live: Workload, situation: Situation) -> RecentChange:
    release, healthy = live_record(situation), last_healthy(situation.snapshot.records)
    is_another = healthy is not None and healthy.template_hash != live.template_hash
    before = healthy.template if healthy is not None and is_another else live.template
    differences, dropped = recent_change.list_bounded(before, live.template)
    healthy_at = _proven_at(healthy) if healthy is not None else None
    writes = _config_writes(live, healthy_at, situation.knowledge.config_maps)
    return RecentChange(
        template=live.template_hash,
        released_at=release.last_release if release is not None else None,
        released_by=(release.released_by if release is not None else live.template_manager)[:256],
        healthy_template=healthy.template_hash if healthy is not None else "",
        healthy_at=healthy_at,
        differences=differences,
        differences_dropped=dropped,
        config_writes=tuple(writes[: recent_change.MAX_CONFIG_WRITES]),
        config_writes_dropped=max(0, len(writes) - recent_change.MAX_CONFIG_WRITES),
    )


def _proven_at(record: RevisionRecord) -> datetime | None:
    """When it last became healthy: what is not healthy any more tells that only where it is on record."""
    return record.proven_at or (record.health_since if record.health == "Healthy" else None)
