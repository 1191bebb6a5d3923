"""The answers of Alertmanager's API v2: what it knows, what is on the way to us, and what is kept from us."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from platelet.model.alert import Alert
from platelet.triggers.alert_json import (
    MAX_COMPLAINTS,
    BadAlertError,
    MalformedBodyError,
    decode,
    read_alert,
    read_time,
    type_of,
)

RECEIVER: Final = "platelet"
"""How our receiver is called in Alertmanager where the settings say nothing else."""
_MUTES = re.compile(r"(mute|active)_time_intervals")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRead:
    """What Alertmanager's API says of its alerts. One that it keeps from us is neither firing nor resolved.

    All are told by the fingerprints of their labels.
    """

    firing: tuple[Alert, ...]  # active, and on the way to our receiver
    known: frozenset[str] = frozenset()  # all of them, whatever their state
    suppressed: frozenset[str] = frozenset()  # silenced, inhibited or muted
    elsewhere: frozenset[str] = frozenset()  # active, and routed to other receivers alone
    bad: tuple[str, ...] = ()
    rejected: int = 0  # above 0, the absence of an alert proves nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupsRead:
    """What the groups of our receiver say, which alone know the time intervals that mute a route."""

    active: frozenset[str]  # in one group at least: it is notified
    muted: frozenset[str]  # and in none active
    tells_mutes: bool  # Alertmanager does since version 0.28


def read_api_alerts(body: bytes, receiver: str = RECEIVER) -> ApiRead:
    """Read the answer of GET /api/v2/alerts, asked without a filter. Raises MalformedBodyError.

    What the webhook would never bring, since it is routed to others, does not fire for us.
    """
    raw = _list(body)
    alerts, states, bad = {}, {}, []
    for index, each in enumerate(raw):
        try:
            alert = read_alert(each, "firing")
            states[alert.fingerprint] = _state(each, receiver)
            alerts[alert.fingerprint] = alert
        except BadAlertError as error:
            bad.append(f"alert {index}: {error}")

    def in_state(state: str) -> frozenset[str]:
        return frozenset(each for each, found in states.items() if found == state)

    return ApiRead(
        firing=tuple(alerts[each] for each, state in states.items() if state == "active"),
        known=frozenset(states),
        suppressed=in_state("suppressed"),
        elsewhere=in_state("elsewhere"),
        bad=tuple(bad[:MAX_COMPLAINTS]),
        rejected=len(bad),
    )


def read_api_groups(body: bytes, receiver: str = RECEIVER) -> GroupsRead:
    """Read the answer of GET /api/v2/alerts/groups. Raises MalformedBodyError. What cannot be read is not active."""
    raw = _list(body)
    states: dict[str, set[str]] = {}
    tells_mutes = True
    for group in (each for each in raw if isinstance(each, dict) and _name(each.get("receiver")) == receiver):
        listed = group.get("alerts")
        for each in listed if isinstance(listed, list) else ():
            try:
                state = _state(each, receiver) if isinstance(each, dict) else ""
                states.setdefault(read_alert(each, "firing").fingerprint, set()).add(state)
                tells_mutes = tells_mutes and "mutedBy" in each["status"]
            except BadAlertError:
                continue
    active = frozenset(each for each, found in states.items() if "active" in found)
    muted = frozenset(each for each, found in states.items() if found == {"suppressed"})
    return GroupsRead(active=active, muted=muted, tells_mutes=tells_mutes)


def read_receivers(body: bytes) -> frozenset[str]:
    """Read the names in the answer of GET /api/v2/receivers. Raises MalformedBodyError."""
    return frozenset(_name(each) for each in _list(body)) - {""}


def read_may_mute(body: bytes) -> bool:
    """Whether, by the answer of GET /api/v2/status, some route may be muted at times: yes, where that is not told."""
    status = decode(body)
    config = status.get("config") if isinstance(status, dict) else None
    original = config.get("original") if isinstance(config, dict) else None
    return not isinstance(original, str) or not original.strip() or bool(_MUTES.search(original))


def read_started_at(body: bytes) -> datetime:
    """Read from the answer of GET /api/v2/status when this Alertmanager started. Raises MalformedBodyError."""
    status = decode(body)
    try:
        return read_time(status.get("uptime") if isinstance(status, dict) else None, "uptime")
    except BadAlertError as error:
        raise MalformedBodyError(str(error)) from None


def _list(body: bytes) -> list[Any]:
    raw = decode(body)
    if not isinstance(raw, list):
        raise MalformedBodyError(f"the answer is {type_of(raw)}, not a list")
    return raw


def _state(raw: Mapping[str, Any], receiver: str) -> str:
    """Its `status.state`, with two more: what is muted is suppressed, what is active for others alone is elsewhere."""
    status, receivers = raw.get("status"), raw.get("receivers")
    state = status.get("state") if isinstance(status, dict) else None
    if not isinstance(status, dict) or not isinstance(state, str):
        raise BadAlertError("status.state is missing")
    if status.get("mutedBy"):
        return "suppressed"
    routed = isinstance(receivers, list) and any(_name(each) == receiver for each in receivers)
    return "elsewhere" if state == "active" and not routed else state


def _name(raw: object) -> str:
    """The name of a receiver, as the API gives it."""
    name = raw.get("name") if isinstance(raw, dict) else None
    return name if isinstance(name, str) else ""
