"""Whether an alert reaches the operator: one is posted to Alertmanager, and the operator's receipt is awaited."""

import asyncio
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx

from platelet.cli.checkup import Finding
from platelet.model import reasons
from platelet.model.durations import format_duration, format_time
from platelet.shell import kube
from platelet.shell.intake.doctors_alerts import ALERT, NONCE

if TYPE_CHECKING:
    from platelet.shell.kube.client import ClusterClient

_PAUSE = 1.0  # seconds between two looks
_SECONDS = 10.0  # for one call to Alertmanager
_ROUTE = (
    f'a route to platelet must take alertname="{ALERT}" too (no matchers but severity and namespace, continue: true);'
    " see the receiver's errors in Alertmanager's log: alertmanager_notifications_failed_total"
)


async def examine(client: "ClusterClient", namespace: str, url: str, patience: timedelta) -> Finding:
    """Post a test alert and wait for the Event that says it was received. It matches no policy, whatever they say."""
    nonce = secrets.token_hex(8)
    begun = client.clock.now()
    alert = test_alert(nonce, begun, begun + patience + timedelta(minutes=1))
    async with httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=_SECONDS) as alertmanager:
        wrong = await _post(alertmanager, url, alert)
        if wrong:
            fix = "give --alertmanager a URL that this machine reaches: kubectl port-forward service/alertmanager 9093"
            return Finding(check="alerts", outcome="fail", message=f"Alertmanager took no test alert: {wrong}", fix=fix)
        try:
            arrived = await _await_receipt(client, namespace, nonce, begun + patience)
        finally:
            await _post(alertmanager, url, alert | {"endsAt": format_time(client.clock.now())})
    if arrived is None:
        message = (
            f"a test alert was posted to Alertmanager and has not come to the operator in {format_duration(patience)}"
        )
        return Finding(check="alerts", outcome="fail", message=message, fix=_ROUTE)
    took = format_duration(timedelta(seconds=round((arrived - begun).total_seconds())))
    return Finding(check="alerts", outcome="ok", message=f"a test alert came by Alertmanager's route in {took}")


def test_alert(nonce: str, begins: datetime, ends: datetime) -> dict[str, Any]:
    """The alert as Alertmanager's API takes it. It resolves by itself when the doctor is gone."""
    return {
        "labels": {"alertname": ALERT, NONCE: nonce, "severity": "info"},
        "annotations": {"summary": "A test of the route from Alertmanager to platelet. Nothing is wrong."},
        "startsAt": format_time(begins),
        "endsAt": format_time(ends),
    }


async def _post(alertmanager: httpx.AsyncClient, url: str, alert: dict[str, Any]) -> str:
    """Post it; what went wrong, or nothing."""
    try:
        answer = await alertmanager.post(f"{url.rstrip('/')}/api/v2/alerts", json=[alert])
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"{type(error).__name__}: {error}"
    return "" if answer.is_success else f"HTTP {answer.status_code}: {answer.text[:200]}"


async def _await_receipt(client: "ClusterClient", namespace: str, nonce: str, until: datetime) -> datetime | None:
    while True:
        for event in await client.list(kube.EVENTS, namespace):
            if event.get("reason") == reasons.TEST_ALERT_RECEIVED and nonce in str(event.get("note")):
                return client.clock.now()
        if client.clock.now() >= until:
            return None
        await asyncio.sleep(_PAUSE)
