"""Notifications as the API carries them outside of a Remediation: in a policy's status."""

from collections.abc import Mapping
from typing import Any

from platelet.api.kinds.status_lists import NOTIFICATIONS
from platelet.model.notification import Notification


def read_notifications(status: Mapping[str, Any]) -> tuple[tuple[Notification, ...], int]:
    """Read the list, and how many were dropped. One that somebody has spoilt counts as empty: it is written anew."""
    dropped = status.get("notificationsDropped")
    return NOTIFICATIONS.read(status), dropped if isinstance(dropped, int) else 0


def write_notifications(notifications: tuple[Notification, ...], dropped: int) -> dict[str, Any]:
    """Write both for a status."""
    return {**NOTIFICATIONS.write(notifications), "notificationsDropped": dropped}
