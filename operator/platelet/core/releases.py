"""When a template became the live one, and by whose hand: what tells a young release from an old one.

A release is a template that people make live: for the first time, or again. What we restore, and a restart, is none.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from platelet.model.effects import MarkRelease
from platelet.model.intent import TEMPLATE
from platelet.model.remediation import Attempt
from platelet.model.revision import RevisionRecord
from platelet.model.workload import Pod, Workload

_TICK = timedelta(microseconds=1)


def became_live(workload: Workload, records: Sequence[RevisionRecord]) -> bool:
    """Whether the live template is on record and that it is the live one is not."""
    live = _live(workload, records)
    if live is None:
        return False
    since = live.live_since
    return since is None or any(moment > since for moment in (*_others_live_since(live, records), workload.created_at))


def date_live(workload: Workload, records: Sequence[RevisionRecord], now: datetime) -> datetime:
    """The moment to note as the one when the live template became so: after all that it follows.

    Stamps of a clock that was ahead, of the API server's or of a leader before, would else outlive each note.
    """
    live = _live(workload, records)
    return max([now, workload.created_at, *(moment + _TICK for moment in _others_live_since(live, records))])


def note(  # noqa: PLR0913 - what is seen of one workload
    workload: Workload,
    records: Sequence[RevisionRecord],
    pods: Sequence[Pod],
    revision_hash: str,
    attempts: Sequence[Attempt],
    now: datetime,
) -> MarkRelease | None:
    """Note that the live template has become so; None where that is on record.

    Where nothing is on record of what was live before, it counts as released when it was first seen. People who put a
    template back are seen to have done so not later than its oldest pod was made. `attempts` are all of the target.
    """
    live = _live(workload, records)
    if live is None or not became_live(workload, records):
        return None
    before = _others_live_since(live, records)
    begins = live.live_since is None and not before
    if begins or _is_our_write(live, before, attempts):
        released_at = None
    else:
        made = [pod.created_at for pod in pods if pod.revision_hash == revision_hash and not pod.deleting]
        released_at = max([min([now, *made]), *before])
    return MarkRelease(
        namespace=workload.ref.namespace,
        record=live.name,
        resource_version=live.resource_version,
        live_since=date_live(workload, records, now),
        released_at=released_at,
        released_by=workload.template_manager,
    )


def made_from(template_hash: str, attempts: Sequence[Attempt]) -> str:
    """The hash of the template of which a write of ours has made this one; empty where none has.

    Such a template belongs to the release of the other one. What an undo puts in the place of one that failed does not,
    but to that of the one that it goes back to.
    """
    made = [attempt for attempt in attempts if _has_made(template_hash, attempt)]
    return _origin(max(made, key=_intended_at)) if made else ""


def _has_made(template_hash: str, attempt: Attempt) -> bool:
    return _has_written(template_hash, attempt) and _origin(attempt) not in ("", template_hash)


def _origin(attempt: Attempt) -> str:
    """The hash of the template of which it makes another; empty where it puts one back as it was."""
    if any(change.abandons for change in attempt.changes):
        return next((change.made_from for change in attempt.changes if change.made_from), "")
    return attempt.pre.template_hash


def _has_written(template_hash: str, attempt: Attempt) -> bool:
    """Whether this template is what it wrote, or what an admission made of that, as far as it may be in effect."""
    written = template_hash in (attempt.on_target(TEMPLATE), attempt.left_template)
    return written and attempt.phase in ("Intended", "Done", "Unknown")


def _intended_at(attempt: Attempt) -> datetime:
    return attempt.intended_at


def _live(workload: Workload, records: Sequence[RevisionRecord]) -> RevisionRecord | None:
    return next((record for record in records if record.template_hash == workload.template_hash), None)


def _others_live_since(live: RevisionRecord | None, records: Sequence[RevisionRecord]) -> list[datetime]:
    others = [record.live_since for record in records if live is None or record.name != live.name]
    return [moment for moment in others if moment is not None]


def _is_our_write(live: RevisionRecord, before: Sequence[datetime], attempts: Sequence[Attempt]) -> bool:
    """Whether an attempt restored it, or an admission made it of our write, since the one before it became live."""
    last = max(before, default=None)
    return any(
        _has_written(live.template_hash, attempt) and (last is None or attempt.intended_at >= last)
        for attempt in attempts
    )
