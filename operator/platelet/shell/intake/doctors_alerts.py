"""The test alerts of `platelet doctor`: they prove the route from Alertmanager to here, and do nothing else.

That one was received is told as an Event on the ActionBudget: whoever asks can read it from outside, no object of
anybody's changes, nothing decides by it, it needs no right that the operator lacks, and it is gone within the hour.
"""

import re
from collections.abc import Sequence
from typing import Final, Protocol

from platelet.model import reasons
from platelet.model.alert import Alert
from platelet.model.effects import Publish
from platelet.shell.kube import BUDGETS

ALERT: Final = "PlateletDoctor"
NONCE: Final = "platelet_nonce"
_NONCE = re.compile(r"[0-9a-f]{16}")
_BUDGET = "platelet"
_TOLD = 3  # of one delivery; a doctor sends one


class Alerts(Protocol):
    """Where all other alerts go."""

    async def store(self, alerts: Sequence[Alert], truncated: int) -> None:
        """Store what a sender reports."""

    async def store_present(self, alerts: Sequence[Alert]) -> None:
        """Store what fires in Alertmanager."""


class Publisher(Protocol):
    """Who writes Events."""

    async def publish(self, effect: Publish) -> None:
        """Write it; never raises."""


class DoctorsAlerts:
    """Takes the doctor's alerts out, whatever policies would match them."""

    def __init__(self, inner: Alerts, publisher: Publisher, namespace: str) -> None:
        """`namespace` is the operator's own."""
        self._inner, self._publisher, self._namespace = inner, publisher, namespace

    async def store(self, alerts: Sequence[Alert], truncated: int) -> None:
        """Store the others, and say which test alerts have come by the route."""
        for test in [alert for alert in alerts if _is_test(alert) and alert.status == "firing"][:_TOLD]:
            if _NONCE.fullmatch(test.labels.get(NONCE, "")):
                await self._publisher.publish(self._receipt(test.labels[NONCE]))
        await self._inner.store(_without_tests(alerts), truncated)

    async def store_present(self, alerts: Sequence[Alert]) -> None:
        """Store the others: that we can ask Alertmanager proves nothing of its route to us."""
        await self._inner.store_present(_without_tests(alerts))

    def _receipt(self, nonce: str) -> Publish:
        regarding = {
            "apiVersion": BUDGETS.api_version,
            "kind": BUDGETS.kind,
            "namespace": self._namespace,
            "name": _BUDGET,
        }
        return Publish(
            regarding=regarding,
            type="Normal",
            reason=reasons.TEST_ALERT_RECEIVED,
            action="Receive",
            note=f"test alert {nonce} came by Alertmanager's route",
        )


def _is_test(alert: Alert) -> bool:
    return alert.name == ALERT


def _without_tests(alerts: Sequence[Alert]) -> list[Alert]:
    return [alert for alert in alerts if not _is_test(alert)]
