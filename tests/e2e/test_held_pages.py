"""A real Alertmanager holds back a page while platelet heals, by the rules that we ship, and then lets it go."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from platelet.model.durations import format_time
from platelet.model.notice import Notice
from platelet.model.remediation import Remediation
from platelet.sinks import alertmanager
from platelet.triggers import alertmanager_api
from tests.cluster import listening, monitoring, patience
from tests.cluster.listening import Answer, Call
from tests.e2e.test_monitoring import MONITORING
from tests.unit.situations import a_policy, a_remediation, a_status

NAME = "alertmanager"


@dataclass(slots=True)
class People:
    """Are paged by a webhook."""

    pages: list[str] = field(default_factory=list)

    def answer(self, call: Call) -> Answer:
        """Note what fires."""
        for alert in json.loads(call.body)["alerts"]:
            if alert["status"] == "firing":
                self.pages.append(alert["labels"]["alertname"])
        return 200, None


@dataclass(slots=True, kw_only=True)
class Scene:
    """Alertmanager, with our routes and rules, and the people behind it."""

    url: str
    people: People

    def post(self, alerts: list[dict[str, Any]]) -> None:
        """Post alerts."""
        httpx.post(f"{self.url}/api/v2/alerts", json=alerts, trust_env=False).raise_for_status()

    def tell(self, notice: Notice) -> None:
        """Post what the sink makes of a notice."""
        (request,) = alertmanager.render(notice)
        self.post(request.body)

    def status_of(self, name: str) -> dict[str, Any] | None:
        """What the API says of an alert; None: nothing so far."""
        known = httpx.get(f"{self.url}/api/v2/alerts", trust_env=False).json()
        return next((alert["status"] for alert in known if alert["labels"]["alertname"] == name), None)

    def read(self) -> alertmanager_api.ApiRead:
        """The same as platelet reads it."""
        return alertmanager_api.read_api_alerts(httpx.get(f"{self.url}/api/v2/alerts", trust_env=False).content)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """The rules of deploy/monitoring, with short waits and the people on loopback."""
    people, config = People(), yaml.safe_load((MONITORING / "alertmanager.yaml").read_text())
    with listening.serving(people.answer) as url:
        receivers = {"people": {"webhook_configs": [{"url": url}]}, "nobody": {}, "platelet": {}}
        config["receivers"] = [{"name": name, **settings} for name, settings in receivers.items()]
        config["route"] |= {"group_wait": "1s", "group_interval": "1s"}
        with monitoring.alertmanager_alone(monitoring.prepare(tmp_path), config) as base:
            yield Scene(url=base, people=people)


def now() -> datetime:
    return datetime.now(UTC)


def page(name: str, **labels: str) -> dict[str, Any]:
    return {"labels": {"alertname": name, "severity": "critical", "namespace": "shop", **labels}, "annotations": {}}


def healing(remediation: Remediation) -> Notice:
    """That an attempt runs on the Deployment `shop/api`."""
    settings = alertmanager.Alertmanager(url="http://127.0.0.1", hold_page_while_healing=True)
    policy = a_policy(sinks={NAME: settings})
    return Notice(
        kind="Healing",
        remediation=remediation,
        workload=None,
        policy=policy,
        reason="Acting",
        message="restart",
        at=now(),
        until=now() + timedelta(minutes=5),
    )


def test_pages_about_the_workload_wait_others_go_out_and_all_go_out_when_people_have_it(scene: Scene) -> None:
    remediation = a_remediation(status=a_status(state="Verifying"))
    scene.tell(healing(remediation))
    patience.until("the hold", lambda: scene.status_of("PlateletHealing"), seconds=10)
    scene.post(
        [
            page("ByDeployment", deployment="api"),
            page("ByWorkload", workload="api"),
            page("OfAnother", deployment="web"),
            page("OfAStatefulSet", statefulset="api"),
            page("OfTheNamespace"),
            page("PlateletEscalated", workload="api"),
        ]
    )
    others = {"OfAnother", "OfAStatefulSet", "OfTheNamespace", "PlateletEscalated"}
    patience.until("the other pages", lambda: others <= set(scene.people.pages), seconds=30)
    time.sleep(3)  # some flushes more
    assert set(scene.people.pages) == others
    held = scene.status_of("ByDeployment")
    assert held is not None
    assert held["state"] == "suppressed"
    read = scene.read()
    assert "ByDeployment" in {alert.name for alert in read.firing}, "it still is a reason for platelet to go on"
    assert read.suppressed == frozenset()
    scene.tell(replace(healing(remediation), kind="HealingOver", at=now()))
    patience.until("the pages", lambda: {"ByDeployment", "ByWorkload"} <= set(scene.people.pages), seconds=30)


def test_what_was_held_goes_out_when_nobody_says_it_again(scene: Scene) -> None:
    remediation = a_remediation(status=a_status(state="Verifying"))
    scene.tell(replace(healing(remediation), until=now() + timedelta(seconds=6)))
    patience.until("the hold", lambda: scene.status_of("PlateletHealing"), seconds=10)
    scene.post([page("ByDeployment", deployment="api")])
    state = patience.until("its state", lambda: scene.status_of("ByDeployment"), seconds=10)
    assert state["state"] in ("unprocessed", "suppressed"), format_time(now())
    patience.until("the page", lambda: scene.people.pages == ["ByDeployment"], seconds=60)
