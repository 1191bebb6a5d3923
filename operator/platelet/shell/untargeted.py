"""Alerts that a policy matches but that name no target: recorded in the policy's status, as an Event, and escalated."""

from typing import Any

from platelet.api import evidence as contract
from platelet.core import record
from platelet.model import reasons
from platelet.model.alert import Alert
from platelet.model.durations import format_time
from platelet.model.effects import Deliver, Publish
from platelet.model.signal import Evidence
from platelet.shell.clock import Clock
from platelet.shell.hands import Courier, Publisher
from platelet.shell.kube import POLICIES, Conflict, Kube
from platelet.shell.policy_book import Standing

_KEPT = 20
_TRIES = 5


class Untargeted:
    """Records once per episode. Raises ApiError when it could not be stored."""

    def __init__(self, kube: Kube, clock: Clock, publisher: Publisher, courier: Courier) -> None:
        """Take the API, the time, and who tells people."""
        self._kube = kube
        self._clock = clock
        self._publisher = publisher
        self._courier = courier

    async def record(self, standing: Standing, alert: Alert, why: str) -> None:
        """Store the alert on the policy; new ones are told to people."""
        if not await self._store(standing, alert, why):
            return
        policy = standing.policy
        await self._publisher.publish(
            Publish(
                regarding={
                    "apiVersion": POLICIES.api_version,
                    "kind": POLICIES.kind,
                    "namespace": policy.namespace,
                    "name": policy.name,
                    "uid": policy.uid,
                },
                type="Warning",
                reason=reasons.NO_TARGET,
                action="Escalate",
                note=record.clip(f"alert {alert.name}: {why}"),
            )
        )
        if policy.has_webhook and policy.mode != "Observe":
            await self._courier.deliver(_notice(standing, alert, why))

    async def _store(self, standing: Standing, alert: Alert, why: str) -> bool:
        policy = standing.policy
        for remaining in reversed(range(_TRIES)):
            stored = await self._kube.get(POLICIES, policy.namespace, policy.name)
            status = stored.get("status") or {}
            known = contract.read_evidence(status.get("untargetedAlerts"))
            if any(each.fingerprint == alert.episode for each in known):
                return False
            kept = (*known, self._fact(alert, why))[-_KEPT:]
            body = {**stored, "status": {**status, "untargetedAlerts": contract.write_evidence(kept)}}
            try:
                await self._kube.replace(POLICIES, policy.namespace, policy.name, body, subresource="status")
            except Conflict:
                if not remaining:
                    raise
            else:
                return True
        return False

    def _fact(self, alert: Alert, why: str) -> Evidence:
        now = self._clock.now()
        return Evidence(
            source="alert",
            reason=record.clip(alert.name, 256),
            fingerprint=record.clip(alert.episode, 256),
            message=record.clip(why),
            first_seen=min(alert.starts_at, now),
            last_seen=now,
        )


def _notice(standing: Standing, alert: Alert, why: str) -> Deliver:
    policy = standing.policy
    data: dict[str, Any] = {
        "policy": {"namespace": policy.namespace, "name": policy.name},
        "alert": {"name": alert.name, "startsAt": format_time(alert.starts_at)},
        "reason": reasons.NO_TARGET,
        "message": why,
    }
    identity = f"{policy.uid}/{alert.episode}"
    return Deliver(
        id=identity,
        policy=(policy.namespace, policy.name),
        remediation=(policy.namespace, ""),
        event={
            "specversion": "1.0",
            "id": identity,
            "source": f"/apis/{POLICIES.api_version}/namespaces/{policy.namespace}/{POLICIES.plural}/{policy.name}",
            "type": "dev.platelet.alert.untargeted",
            "datacontenttype": "application/json",
            "data": data,
        },
    )
