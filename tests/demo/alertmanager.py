"""A tiny Alertmanager: sends the webhook body of version 4, and sends again after a 5xx, as the real one does."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import httpx

_NEVER = "0001-01-01T00:00:00Z"
_TRIES = 10


class NotAcceptedError(RuntimeError):
    """The receiver did not take the alert."""


class Alertmanager:
    """Knows one receiver and its bearer token."""

    def __init__(self, url: str, token: str) -> None:
        """`url` is the receiver's base."""
        self._url, self._token = f"{url}/webhooks/alertmanager", token

    def fire(self, labels: Mapping[str, str], summary: str) -> dict[str, Any]:
        """Send a firing alert and return it, to be resolved later. Raises NotAcceptedError."""
        alert = {
            "status": "firing",
            "labels": dict(labels),
            "annotations": {"summary": summary},
            "startsAt": _now(),
            "endsAt": _NEVER,
            "generatorURL": "http://prometheus.example/graph",
            "fingerprint": sha256(repr(sorted(labels.items())).encode()).hexdigest()[:16],
        }
        self._send(alert)
        return alert

    def resolve(self, alert: Mapping[str, Any]) -> None:
        """Send the same alert as resolved now. Raises NotAcceptedError."""
        self._send({**alert, "status": "resolved", "endsAt": _now()})

    def _send(self, alert: Mapping[str, Any]) -> None:
        body = {
            "version": "4",
            "groupKey": f'{{}}:{{alertname="{alert["labels"]["alertname"]}"}}',
            "truncatedAlerts": 0,
            "status": alert["status"],
            "receiver": "platelet",
            "groupLabels": {"alertname": alert["labels"]["alertname"]},
            "commonLabels": alert["labels"],
            "commonAnnotations": alert["annotations"],
            "externalURL": "http://alertmanager.example",
            "alerts": [alert],
        }
        answer = "no answer"
        for _ in range(_TRIES):
            status, answer = self._post(body)
            if status == httpx.codes.OK:
                return
            if 0 < status < httpx.codes.INTERNAL_SERVER_ERROR:
                break
            time.sleep(0.5)
        raise NotAcceptedError(f"the alert receiver did not take the alert: {answer}")

    def _post(self, body: Mapping[str, Any]) -> tuple[int, str]:
        try:
            answer = httpx.post(
                self._url,
                json=body,
                headers={"Authorization": f"Bearer {self._token}", "User-Agent": "Alertmanager/0.28.1"},
                timeout=10,
                trust_env=False,
            )
        except httpx.HTTPError as error:
            return 0, repr(error)
        return answer.status_code, f"{answer.status_code} {answer.text[:200]}"


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
