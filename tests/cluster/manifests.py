"""What people write: policies, runbooks and alerts, with durations that suit a test."""

import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import httpx
import yaml

from tests.cluster.installation import ALERT_TOKEN

Json = dict[str, Any]

GOOD = "app:good-1"
POLICY_LABEL = "heal"  # a Deployment's label that names the policy it is a target of
NO_BRAKES: Mapping[str, Any] = {
    "cooldown": "0s",
    "rate": {"maxActions": 1000, "per": "1h"},
    "maxUnhealthy": "100%",
    "maxConcurrent": 1000,
    "reopenWithin": "0s",
}
CRASHES: Json = {"pod": {"reasons": ["CrashLoopBackOff"], "minRestarts": 1}}
_NEVER = "0001-01-01T00:00:00Z"


def step(name: str, **action: Any) -> Json:
    """One rung of a runbook: the action by its key, and `when` or `verify` to differ from what suits a test."""
    return {"name": name, "verify": {"timeout": "25s", "stableFor": "2s"}, **action}


UNDO = step("undo", rolloutUndo={})
RESTART = step("restart", rolloutRestart={})


def fires(alertname: str) -> Json:
    """The trigger on an alert of this name."""
    return {"alert": {"matchers": [f'alertname="{alertname}"']}}


def runbook(name: str, *steps: Json) -> str:
    """A Runbook."""
    return _document("Runbook", name, {"steps": list(steps)})


def policy(
    name: str, triggers: Sequence[Json], *steps: Json, limits: Mapping[str, Any] | None = None, **spec: Any
) -> str:
    """A policy for the Deployments labelled with its name, and the Runbook of these steps (none: without a Runbook).

    It enforces and has no brakes but those in `limits`; `spec` replaces whole fields.
    """
    whole = {
        "mode": "Enforce",
        "triggers": list(triggers),
        "targets": {"selector": {"matchLabels": {POLICY_LABEL: name}}},
        "runbookRef": {"name": name},
        "limits": {**NO_BRAKES, **(limits or {})},
        **spec,
    }
    written = _document("RemediationPolicy", name, whole)
    return f"{runbook(name, *steps)}---\n{written}" if steps else written


def _document(kind: str, name: str, spec: Json) -> str:
    return yaml.safe_dump(
        {"apiVersion": "platelet.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}
    )


def alert(alertname: str, namespace: str, *, starts: str = "", **labels: str) -> Json:
    """A firing alert; `starts` is one that `ago` gave, now if empty."""
    named = {"alertname": alertname, **({"namespace": namespace} if namespace else {}), **labels}
    return {
        "status": "firing",
        "labels": named,
        "annotations": {"summary": f"{alertname} fires"},
        "startsAt": starts or ago(0),
        "endsAt": _NEVER,
        "generatorURL": "http://prometheus.example/graph",
        "fingerprint": sha256(repr(sorted(named.items())).encode()).hexdigest()[:16],
    }


def resolved(firing: Json) -> Json:
    """The same alert, over now."""
    return {**firing, "status": "resolved", "endsAt": ago(0)}


def ago(seconds: float) -> str:
    """That long ago, as Alertmanager writes times."""
    moment = time.time() - seconds
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment % 1 * 1e6):06d}Z"


def notification(alerts: Sequence[Any]) -> Json:
    """The body of webhook version 4. Its group says firing whatever the alerts say: they count, not it."""
    return {
        "version": "4",
        "groupKey": "{}:{}",
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "platelet",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example",
        "alerts": list(alerts),
    }


def post(url: str, body: Any, token: str = ALERT_TOKEN) -> httpx.Response:
    """Send a body (bytes are sent as they are) to a receiver; an empty token is left out.

    Raises httpx.HTTPError when nobody answers.
    """
    return httpx.post(
        f"{url}/webhooks/alertmanager",
        headers={**({"Authorization": f"Bearer {token}"} if token else {}), "Content-Type": "application/json"},
        timeout=10,
        trust_env=False,
        **({"content": body} if isinstance(body, bytes) else {"json": body}),
    )


def send(url: str, *alerts: Any) -> None:
    """Send alerts, which must be taken."""
    answer = post(url, notification(alerts))
    assert answer.status_code == httpx.codes.OK, answer.text
