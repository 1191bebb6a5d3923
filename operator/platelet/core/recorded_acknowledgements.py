"""A person lets others know that they have heard of what a policy has on record: nobody need be called for it again.

They annotate the policy with the token of its record, and with their name, or answer where they were told. Either names
this record of this policy, so it holds for no later one, and for no policy that is made of a copy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from platelet.core import acknowledgements, deliveries, record, recorded_calls
from platelet.core.deliveries import Ledger
from platelet.core.recorded_calls import Announcement, E
from platelet.core.replies import ASTRAY, Vain
from platelet.model import approval, reasons
from platelet.model.effects import Effect
from platelet.model.policy import Policy
from platelet.model.reply import Reply, Through

_SHORT = 256


def hear(
    policy: Policy, annotations: Mapping[str, object], listed: Sequence[E], ledger: Ledger, now: datetime
) -> Announcement[E]:
    """Take in who has acknowledged what. It ends the levels but for those that go on until all is over."""
    effects: list[Effect] = []
    heard = []
    for entry in listed:
        by = annotations.get(approval.ACKNOWLEDGED_ON_POLICY + entry.token(policy.uid))
        if isinstance(by, str) and by and entry.is_open and entry.call is not None and not entry.is_acknowledged:
            entry, ledger, events = _acknowledge(policy, entry, ledger, record.clip(by, _SHORT), now)  # noqa: PLW2901
            effects += events
        heard.append(entry)
    return Announcement(listed=tuple(heard), ledger=ledger, effects=tuple(effects))


def answer(  # noqa: PLR0913 - what is on record, and who answers what through where
    policy: Policy, listed: Sequence[E], ledger: Ledger, reply: Reply, by: str, through: Through, now: datetime
) -> Announcement[E] | Vain:
    """Take in an answer that came through sinks of the policy: once, and only of where people were called for it."""
    mine = listed if reply.uid == policy.uid else ()
    entry = next((known for known in mine if (known.course, known.known_as) == (reply.course, reply.known_as)), None)
    if entry is None or not entry.is_open or entry.call is None:
        return Vain("people are not called for it now")
    why = ""
    if reply.word != "Acknowledge":
        why = "it asks nothing that could be approved"
    elif not set(recorded_calls.called(entry, ledger.notifications)) & set(through.sinks):
        why = "nobody was called there"
    elif reply.token not in ("", entry.token(policy.uid)) or reply.at + ASTRAY < entry.call.at:
        why = "it is to what people were told earlier"
    elif entry.is_acknowledged:
        why = "somebody has acknowledged it already"
    if why:
        return Vain(why)
    heard, ledger, effects = _acknowledge(policy, entry, ledger, record.clip(by, _SHORT), now)
    updated = tuple(heard if known is entry else known for known in listed)
    return Announcement(listed=updated, ledger=ledger, effects=effects)


def _acknowledge(
    policy: Policy, entry: E, ledger: Ledger, by: str, now: datetime
) -> tuple[E, Ledger, tuple[Effect, ...]]:
    calls = recorded_calls.calls_for(entry, ledger.notifications)
    ended = acknowledgements.ended(calls, policy)
    ledger = replace(ledger, notifications=deliveries.acknowledge(ledger.notifications, ended, by))
    call = replace(entry.call, acknowledged_by=by, acknowledged_at=now) if entry.call is not None else None
    entry = replace(entry, call=call)
    text = record.clip(f"{by} has heard of it: {entry.message}")
    notice = recorded_calls.make(policy, entry, entry.course.heard, reasons.ACKNOWLEDGED, text, now)
    _, events = deliveries.offer(ledger, notice)
    sinks = recorded_calls.called(entry, ledger.notifications)
    return entry, recorded_calls.keep(ledger, replace(notice, to=sinks)), events
