"""Alertmanager's API v2: which alerts it takes, as its OpenAPI document and its validation say.

github.com/prometheus/alertmanager: api/v2/openapi.yaml, types.Alert.Validate.
"""

import re
from datetime import datetime
from typing import Any

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def faults(alerts: Any) -> list[str]:
    """Why they would be answered 400; none: 200."""
    if not isinstance(alerts, list):
        return ["a list of alerts"]
    return [fault for alert in alerts for fault in _faults_of(alert)]


def _faults_of(alert: dict[str, Any]) -> list[str]:
    faults = [
        f"{name} is unknown" for name in set(alert) - {"labels", "annotations", "startsAt", "endsAt", "generatorURL"}
    ]
    for part in ("labels", "annotations"):
        faults += [f"{part}.{name}" for name in alert.get(part, {}) if not _NAME.fullmatch(name)]
        faults += [
            f"{part}.{name}: a text" for name, value in alert.get(part, {}).items() if not isinstance(value, str)
        ]
    if not alert.get("labels", {}).get("alertname"):
        faults.append("labels.alertname")
    begins, ends = datetime.fromisoformat(alert["startsAt"]), datetime.fromisoformat(alert["endsAt"])
    if ends < begins:
        faults.append("it ends before it starts")
    return faults
