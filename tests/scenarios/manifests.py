"""Runbooks and policies as people write them."""

from typing import Any

from platelet.shell.kube import Json

VERIFY: Json = {"timeout": "5m", "stableFor": "1m"}


def runbook(*steps: Json, name: str = "heal") -> Json:
    """A Runbook of these steps."""
    return {
        "apiVersion": "platelet.dev/v1alpha1",
        "kind": "Runbook",
        "metadata": {"name": name},
        "spec": {"steps": list(steps)},
    }


def step(action: str, settings: Json | None = None, **more: Any) -> Json:
    """A step named like its action."""
    names = {"rolloutUndo": "undo", "rolloutRestart": "restart", "adjustResources": "adjust", "adjustProbes": "grace"}
    return {"name": names.get(action, action.lower()), action: settings or {}, "verify": VERIFY, **more}


def policy(name: str = "heal", *, triggers: list[Json] | None = None, limits: Json | None = None, **more: Any) -> Json:
    """An enforcing policy for the Deployments with the label `heal: "yes"`."""
    return {
        "apiVersion": "platelet.dev/v1alpha1",
        "kind": "RemediationPolicy",
        "metadata": {"name": name},
        "spec": {
            "mode": "Enforce",
            "triggers": triggers or [on_pods()],
            "targets": {"selector": {"matchLabels": {"heal": "yes"}}},
            "runbookRef": {"name": "heal"},
            "limits": {
                "cooldown": "1m",
                "maxUnhealthy": "100%",
                "rate": {"maxActions": 10, "per": "1h"},
                **(limits or {}),
            },
            **more,
        },
    }


def on_pods(*reasons: str, **more: Any) -> Json:
    """A trigger on pods."""
    return {"pod": {"reasons": list(reasons or ("CrashLoopBackOff",)), "minRestarts": 2, "for": "10s", **more}}


def on_alert(name: str) -> Json:
    """A trigger on an alert."""
    return {"alert": {"matchers": [f'alertname="{name}"']}}


def escalation_policy(
    *levels: Json, name: str = "oncall", sinks: list[Json] | None = None, callbacks: Json | None = None
) -> Json:
    """Levels, and a webhook of its own for each name that they use, unless `sinks` says what they are."""
    names = dict.fromkeys(name for level in levels for name in level["sinks"])
    hooks = [{"name": name, "webhook": {"url": f"http://{name}.svc/hook"}} for name in names]
    return {
        "apiVersion": "platelet.dev/v1alpha1",
        "kind": "EscalationPolicy",
        "metadata": {"name": name},
        "spec": {"sinks": sinks or hooks, "levels": list(levels)} | ({"callbacks": callbacks} if callbacks else {}),
    }
