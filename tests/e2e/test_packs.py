"""The packs with real containers, a real Prometheus and a real Alertmanager, and a thirtieth of their times.

What an app would expose is exposed for it, so that a test can say how it is doing. PagerDuty and Slack are stand-ins
that take only what their published limits allow.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from tests.cluster import incidents, listening, monitoring, operating, packs
from tests.cluster.app import App, Load
from tests.cluster.listening import Publishers
from tests.cluster.manifests import Json
from tests.cluster.stage import Stage
from tests.e2e import workloads
from tests.e2e.node import Node

FASTER = 30
PAGED, SAID = "/v2/enqueue", "/api/chat.postMessage"
ERRORS = 'sum by (namespace, deployment) (rate(http_requests_total{status=~"5.."}[10s]))'


def rule(alertname: str, deployment: str, severity: str = "critical") -> Json:
    """An alert that fires while an app answers with errors."""
    labels = {"severity": severity, "deployment": deployment}
    return {"alert": alertname, "expr": f"{ERRORS} > 1", "for": "1s", "labels": labels}


RULES = [
    rule("ArchitectAPIDown", "architect-api"),
    rule("HighErrorRate", "backend"),
    rule("ConflictoDown", "conflicto"),
]


class Theatre:
    """A pack, the app that it looks after, and the people who are called."""

    def __init__(self, stage: Stage, app: App, publishers: Publishers, target: str) -> None:
        """The app is the only target of the test."""
        self.stage, self.app, self.publishers, self.target = stage, app, publishers, target

    def deploy(self, replicas: int = 2) -> None:
        """A first release, which runs well."""
        self.app.start(self.stage.scene.namespace, self.target)
        self.stage.scene.apply(yaml.safe_dump(workloads.deployment(self.target, workloads.WELL, replicas=replicas)))
        self.stage.scene.until_proven(self.target)

    def release_badly(self) -> None:
        """A second one, with which all requests fail."""
        self.stage.scene.kubectl("set", "env", f"deployment/{self.target}", "RELEASE=2")
        self.stage.scene.kubectl("rollout", "status", f"deployment/{self.target}", "--timeout=60s")
        self.app.well = False
        self.app.bear(Load(errors=1.0))

    def is_rolled_back(self) -> bool:
        """Whether it asks for the first release again."""
        return "env" not in self.stage.container(self.target)

    def until_healed(self, by: Callable[[], bool]) -> list[str]:
        """Wait until this was done, which heals it, and until platelet has proven it. Returns the actions."""
        self.stage.scene.until("what heals it", self.target, by, 120)
        self.app.well = True
        self.app.bear(Load())
        return incidents.acts(self.stage.until_over(self.target))

    def called(self, path: str, key: str) -> list[str]:
        """A field of all that people were sent, in its order."""
        return [str(body[key]) for body in self.publishers.taken(path)]


PutOn = Callable[[str, str], Theatre]


@pytest.fixture
def put_on(node: Node, tmp_path: Path) -> Iterator[PutOn]:
    """What puts a pack on the node; in the end the operator has changed only what it names."""
    both = monitoring.prepare(tmp_path)
    asked = {
        "alertmanager": {"url": both.alertmanager_url},
        "prometheus": {"url": both.prometheus_url},
        "allowedHosts": ["127.0.0.1"],
        "resync": "1s",
    }
    with ExitStack() as stack:
        operator = stack.enter_context(operating.one_leader(node.plane, tmp_path, **asked))
        scene = stack.enter_context(incidents.scene(node.plane))
        publishers = stack.enter_context(listening.publishers())
        app = App()
        app.url = stack.enter_context(listening.serving(app.answer))
        stack.enter_context(monitoring.running(both, RULES, operator.alerts_url, app.scrape_configs()))
        stages: list[Stage] = []

        def put(pack: str, target: str) -> Theatre:
            adaptation = packs.Adaptation(app.url, publishers.url, FASTER)
            objects = adaptation.of(packs.render(node.plane, pack, scene.namespace))
            stage = Stage(scene, operator, objects)
            stage.share_pagers()
            scene.use(*(yaml.safe_dump(entry) for entry in objects))
            stages.append(stage)
            return Theatre(stage, app, publishers, target)

        yield put
        assert publishers.faults == []
        assert [write for stage in stages for write in stage.unnamed_writes()] == []


def test_seed_003_p1_nothing_helps_and_people_are_called_level_by_level_until_it_is_over(put_on: PutOn) -> None:
    """Restart, undo, 15 pods; then on-call, the lead, the director, the outage notice; the end for all of them."""
    p1 = put_on("architect-api", "architect-api")
    p1.deploy()
    p1.release_badly()
    escalated = p1.stage.scene.until_state("architect-api", "Escalated", seconds=180)
    assert incidents.acts(escalated) == ["rolloutRestart", "rolloutUndo", "scale"]
    assert (p1.is_rolled_back(), p1.stage.scene.replicas("architect-api")) == (True, 15)
    p1.stage.scene.until("the outage notice", "architect-api", lambda: "C0STATUS" in p1.called(SAID, "channel"), 120)
    assert p1.called(PAGED, "event_action").count("trigger") >= 3
    p1.stage.scene.kubectl("delete", "deployment", "architect-api")  # by people, who put another one in its place

    def all_hear_the_end() -> bool:
        return p1.called(PAGED, "event_action").count("resolve") == 3

    p1.stage.scene.until("the end", "architect-api", all_hear_the_end)


def test_seed_003_p1_the_release_before_helps(put_on: PutOn) -> None:
    p1 = put_on("architect-api", "architect-api")
    p1.deploy()
    p1.release_badly()
    assert p1.until_healed(p1.is_rolled_back) == ["rolloutRestart", "rolloutUndo"]
    assert "trigger" not in p1.called(PAGED, "event_action")


def test_seed_000_errors_that_prometheus_measures_are_rolled_back(put_on: PutOn) -> None:
    backend = put_on("waooaw", "waooaw-backend")
    backend.deploy()
    backend.release_badly()
    assert backend.until_healed(backend.is_rolled_back) == ["rolloutUndo"]


def test_seed_002_errors_after_a_recent_change_are_rolled_back_and_proven_by_their_rate(put_on: PutOn) -> None:
    backend = put_on("ohmycoins/staging", "backend")
    backend.deploy()
    backend.release_badly()
    assert backend.until_healed(backend.is_rolled_back) == ["rolloutUndo"]


def test_seed_001_an_outage_is_confirmed_approved_and_rolled_back(put_on: PutOn) -> None:
    conflicto = put_on("conflicto", "conflicto")
    conflicto.deploy()
    conflicto.release_badly()
    conflicto.stage.approve("conflicto")
    assert conflicto.until_healed(conflicto.is_rolled_back) == ["rolloutUndo"]


def test_seed_004_connections_at_their_maximum_scale_down_until_it_is_over(put_on: PutOn) -> None:
    backend = put_on("saas", "saas-backend")
    backend.deploy(replicas=5)
    backend.app.measure("pg_settings_max_connections", 100)
    backend.app.measure("pg_stat_activity_count", 99)
    scene = backend.stage.scene
    scene.until("fewer replicas", "saas-backend", lambda: scene.replicas("saas-backend") == 3, 90)
    backend.app.measure("pg_stat_activity_count", 60)
    scene.until("those from before", "saas-backend", lambda: scene.replicas("saas-backend") == 5, 120)
