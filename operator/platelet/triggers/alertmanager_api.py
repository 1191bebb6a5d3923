"""The answers of Alertmanager's API v2: what it knows, what is on the way to us, and what is kept from us."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from platelet.model.alert import HOLDS_PAGE, Alert
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
    present: tuple[Alert, ...] = ()  # all of them, whatever their state
    known: frozenset[str] = frozenset()  # the same
    suppressed: frozenset[str] = frozenset()  # silenced, inhibited or muted
    holding: frozenset[str] = frozenset()  # that platelet heals: what these alone inhibit still is for us
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
    holding = _holding(raw)
    for index, entry in enumerate(raw):
        try:
            alert = read_alert(entry, "firing")
            states[alert.fingerprint] = _state(entry, receiver, holding)
            alerts[alert.fingerprint] = alert
        except BadAlertError as error:
            bad.append(f"alert {index}: {error}")

    def in_state(state: str) -> frozenset[str]:
        return frozenset(fingerprint for fingerprint, known in states.items() if known == state)

    return ApiRead(
        firing=tuple(alerts[fingerprint] for fingerprint, state in states.items() if state == "active"),
        present=tuple(alerts.values()),
        known=frozenset(states),
        suppressed=in_state("suppressed"),
        holding=holding,
        elsewhere=in_state("elsewhere"),
        bad=tuple(bad[:MAX_COMPLAINTS]),
        rejected=len(bad),
    )


def read_api_groups(body: bytes, receiver: str = RECEIVER, holding: frozenset[str] = frozenset()) -> GroupsRead:
    """Read the answer of GET /api/v2/alerts/groups. Raises MalformedBodyError. What cannot be read is not active.

    `holding` are the fingerprints of the alerts by which platelet itself holds back pages.
    """
    raw = _list(body)
    states: dict[str, set[str]] = {}
    tells_mutes = True
    for group in (routed for routed in raw if isinstance(routed, dict) and _name(routed.get("receiver")) == receiver):
        listed = group.get("alerts")
        for alert in listed if isinstance(listed, list) else ():
            try:
                state = _state(alert, receiver, holding) if isinstance(alert, dict) else ""
                states.setdefault(read_alert(alert, "firing").fingerprint, set()).add(state)
                tells_mutes = tells_mutes and "mutedBy" in alert["status"]
            except BadAlertError:
                continue
    active = frozenset(fingerprint for fingerprint, states_seen in states.items() if "active" in states_seen)
    muted = frozenset(fingerprint for fingerprint, states_seen in states.items() if states_seen == {"suppressed"})
    return GroupsRead(active=active, muted=muted, tells_mutes=tells_mutes)


def read_receivers(body: bytes) -> frozenset[str]:
    """Read the names in the answer of GET /api/v2/receivers. Raises MalformedBodyError."""
    return frozenset(_name(receiver) for receiver in _list(body)) - {""}


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


def _holding(raw: list[Any]) -> frozenset[str]:
    """The alerts that say that platelet heals."""
    fingerprints = set()
    for entry in raw:
        labels = entry.get("labels") if isinstance(entry, dict) else None
        if isinstance(labels, dict) and labels.get("alertname") == HOLDS_PAGE:
            with suppress(BadAlertError):
                fingerprints.add(read_alert(entry, "firing").fingerprint)
    return frozenset(fingerprints)


def _state(raw: Mapping[str, Any], receiver: str, holding: frozenset[str]) -> str:
    """Its `status.state`, with two more: what is muted is suppressed, what is active for others alone is elsewhere.

    What only `holding` inhibits is active: people are not to be paged for it while platelet heals, and it does so.
    """
    status, receivers = raw.get("status"), raw.get("receivers")
    state = status.get("state") if isinstance(status, dict) else None
    if not isinstance(status, dict) or not isinstance(state, str):
        raise BadAlertError("status.state is missing")
    if status.get("mutedBy"):
        return "suppressed"
    if state == "suppressed" and not status.get("silencedBy") and _is_inhibited_by(status.get("inhibitedBy"), holding):
        state = "active"
    routed = isinstance(receivers, list) and any(_name(known) == receiver for known in receivers)
    return "elsewhere" if state == "active" and not routed else state


def _is_inhibited_by(inhibitors: object, known: frozenset[str]) -> bool:
    """Whether there are inhibitors, and all of them are known."""
    return (
        isinstance(inhibitors, list)
        and bool(inhibitors)
        and all(isinstance(name, str) and name in known for name in inhibitors)
    )


def _name(raw: object) -> str:
    """The name of a receiver, as the API gives it."""
    name = raw.get("name") if isinstance(raw, dict) else None
    return name if isinstance(name, str) else ""
