"""Who is told a notice: of the sinks that there are, and of those that a policy has under names, level by level.

Who was called for an incident, or told something by a step, also hears what follows, and its end.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from platelet import sinks
from platelet.core import levels
from platelet.model import gravity
from platelet.model.escalation_levels import SinkName
from platelet.model.notice import Notice
from platelet.model.notification import HOLDS, ON_RECORD, Notification, was_announced_to, was_called
from platelet.model.policy import Policy
from platelet.model.remediation import RemediationStatus
from platelet.model.rules import Sink

Addressee = tuple[Sink, Notice]
"""A sink, and the notice as it is for it."""


def of(notice: Notice) -> Iterator[Addressee]:
    """Whom a notice is for, in the order of the list and of the policy."""
    for sink in sinks.SINKS:
        for route in _routes(sink, notice):
            addressed = replace(notice, route=route)
            if _is_for(addressed, sink) and sink.tells(addressed):
                yield sink, addressed


def find(notice: Notice, name: str) -> Addressee | None:
    """The sink that records call by this name, if it still is one and the notice is for it."""
    for sink in sinks.SINKS:
        for route in _routes(sink, notice):
            addressed = replace(notice, route=route)
            if name == (route or sink.name) and sink.tells(addressed):
                return sink, addressed
    return None


def _routes(sink: Sink, notice: Notice) -> tuple[str, ...]:
    """The names under which the policy's levels have a sink; where it has none, a sink is what it is called."""
    policy = notice.policy
    if sink.settings is None or policy is None or not policy.levels:
        return ("",)
    return tuple(name for name, settings in policy.sinks.items() if isinstance(settings, sink.settings))


def _is_for(notice: Notice, sink: Sink) -> bool:
    """Whether a notice goes to this sink, as far as levels have a say."""
    if notice.kind == "Ongoing" and sink.renewed_every is None:
        return False
    if notice.kind in HOLDS:
        return _holds_page(notice, sink)
    if sink.settings is None:  # it has no place in a level
        return notice.to is None
    if notice.kind in ON_RECORD:
        return notice.to is not None and (notice.route or sink.name) in notice.to
    policy, remediation = notice.policy, notice.remediation
    if policy is None or not policy.levels:
        return True
    if remediation is None:
        return False
    status = remediation.status
    if notice.to is not None:
        return notice.route in notice.to and not (notice.repeat and _waits(status.notifications, notice))
    if notice.kind == "ApprovalNeeded" or (notice.kind == "Escalated" and _is_first(notice, status)):
        return False  # its levels call
    known, name = status.notifications, notice.route
    if notice.kind in sink.unasked or was_called(known, name) or was_announced_to(known, name):
        return True
    return notice.kind in ("Held", "Announced") and notice.route in _first_sinks(policy, status)


def _holds_page(notice: Notice, sink: Sink) -> bool:
    """Whether a sink of the policy is to hold back a page, whatever its levels say."""
    name = notice.route or sink.name
    return notice.policy is not None and name in notice.policy.sinks and sink.holds_page(notice.policy.sinks[name])


def _is_first(notice: Notice, status: RemediationStatus) -> bool:
    """Whether it is the escalation itself, not what people hear of it later."""
    return status.escalation is not None and notice.occasion == status.escalation.occasion


def _first_sinks(policy: Policy, status: RemediationStatus) -> tuple[SinkName, ...]:
    first = next(iter(levels.concerning(policy, gravity.of_incident(status))), None)
    return first[1].sinks if first is not None else ()


def _waits(notifications: Sequence[Notification], notice: Notice) -> bool:
    """Whether an earlier call of the level is still to be told: then it is not told twice."""
    return any(
        known.sink == notice.route
        and known.kind == notice.kind
        and known.level == notice.level
        and known.state == "Pending"
        and known.id != notice.id
        for known in notifications
    )
