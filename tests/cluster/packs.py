"""The packs of deploy/packs on a test's cluster: as they are written, but hurried, and with the servers of the test."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.control_plane import ControlPlane
from tests.cluster.manifests import Json

PACKS = Path(__file__).parents[2] / "deploy" / "packs"
NAMES = ("architect-api", "conflicto", "ohmycoins/production", "ohmycoins/staging", "saas", "waooaw")
_HANGING = "10s"  # where the pack names no time by which a rollout must be complete
_STABLE = {"stableFor": "1s"}  # where the pack leaves it to the default, a minute
_PROMPT = {"checks": [{"alertResolved": {"timeout": "10m"}}]}  # of a Job, where the pack leaves it to the default
_HURRIED = {"for", "timeout", "stableFor", "cooldown", "reopenWithin", "after", "repeatEvery", "interval"}
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_WINDOW = re.compile(r"\[(\w+)\]")  # of a range selector
_PART = re.compile(r"(\d+)(ms|s|m|h)")


def render(plane: ControlPlane, pack: str, namespace: str = "") -> list[Json]:
    """The objects of a pack, as `kubectl apply -k` sends them; with another namespace, in the queries, too."""
    text = plane.kubectl("kustomize", str(PACKS / pack))
    own: str = next(yaml.safe_load_all(text))["metadata"]["namespace"]
    return list(yaml.safe_load_all(text.replace(own, namespace or own)))


@dataclass(frozen=True, slots=True)
class Adaptation:
    """What a test makes of a pack: the same with shorter times, and with its own servers for those of the pack.

    Its maintenance windows are left out: their hours come when they come (tests/scenarios/test_packs.py has them).
    """

    site: str  # asked for health checks and other requests, by the last part of their path
    pagers: str = ""  # for PagerDuty, Slack and the Alertmanager that holds pages; empty: they stay theirs
    faster: int = 60  # times; nothing that takes time gets shorter than a second

    def of(self, value: Any) -> Any:
        """An object of the pack, or a part of one."""
        if isinstance(value, list):
            return [self.of(entry) for entry in value]
        if not isinstance(value, dict):
            return value
        return {key: self._replace(key, entry) for key, entry in value.items() if key != "maintenanceWindows"}

    def _replace(self, key: str, entry: Any) -> Any:
        match key, entry:
            case (("expr" | "query"), str()):
                return _WINDOW.sub(lambda window: f"[{self._sooner(window[1])}]", entry)
            case _, str() if key in _HURRIED and _PART.match(entry):
                return self._sooner(entry)
            case "query", {"expr": _}:
                return {**self.of(entry), "interval": "1s"}
            case "http", {"url": url}:
                return {**self.of(entry), "url": f"{self.site}/{url.rpartition('/')[2] or 'health'}"}
            case (("pagerduty" | "slack" | "alertmanager"), dict()) if self.pagers:
                return {**entry, "url": self.pagers}
            case "verify", _:
                return {"timeout": _HANGING, **_STABLE, **self.of(entry)}
            case "steps", list():
                return [self._step(step) for step in entry]
        return self.of(entry)

    def _step(self, step: Json) -> Any:
        if "job" in step:
            return self.of({"verify": _PROMPT, **step})
        writes = "wait" not in step and "notify" not in step
        return {**({"verify": _STABLE} if writes else {}), **self.of(step)}

    def _sooner(self, duration: str) -> str:
        seconds = sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(duration))
        return f"{max(1, round(seconds / self.faster))}s" if seconds else "0s"
