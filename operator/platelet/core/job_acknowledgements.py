"""A person lets others know that they have heard of a failed Job: nobody needs to be called for it again.

They annotate the policy with the token of its record, and with their name. The token is of this record of this policy,
so it holds for no later failure, and for no policy that is made of a copy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from platelet.core import acknowledgements, deliveries, job_notices, record
from platelet.core.deliveries import Ledger
from platelet.core.job_notices import Announcement
from platelet.model import approval, reasons
from platelet.model.effects import Effect
from platelet.model.failed_job import FailedJob
from platelet.model.policy import Policy

_SHORT = 256


def hear(
    policy: Policy, annotations: Mapping[str, object], listed: Sequence[FailedJob], ledger: Ledger, now: datetime
) -> Announcement:
    """Take in who has acknowledged what. It ends the levels but for those that go on until all is over."""
    effects: list[Effect] = []
    heard = []
    for entry in listed:
        by = annotations.get(approval.JOB_ACKNOWLEDGED + entry.token(policy.uid))
        if isinstance(by, str) and by and entry.is_open and entry.call is not None and not entry.is_acknowledged:
            entry, ledger, events = _acknowledge(policy, entry, ledger, record.clip(by, _SHORT), now)  # noqa: PLW2901
            effects += events
        heard.append(entry)
    return Announcement(listed=tuple(heard), ledger=ledger, effects=tuple(effects))


def _acknowledge(
    policy: Policy, entry: FailedJob, ledger: Ledger, by: str, now: datetime
) -> tuple[FailedJob, Ledger, tuple[Effect, ...]]:
    calls = job_notices.calls_for(entry, ledger.notifications)
    ended = acknowledgements.ended(calls, policy)
    ledger = replace(ledger, notifications=deliveries.acknowledge(ledger.notifications, ended, by))
    call = replace(entry.call, acknowledged_by=by, acknowledged_at=now) if entry.call is not None else None
    entry = replace(entry, call=call)
    text = record.clip(f"{by} has heard of it: {entry.message}")
    notice = job_notices.make(policy, entry, "JobAcknowledged", reasons.ACKNOWLEDGED, text, now)
    _, events = deliveries.offer(ledger, notice)
    sinks = job_notices.called(entry, ledger.notifications)
    return entry, job_notices.keep(ledger, replace(notice, to=sinks)), events
