"""What Prometheus measures and what URLs answer: incidents that queries open, proofs that checks give, live."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster import control_plane as cluster
from tests.cluster import incidents, listening, manifests, operating
from tests.cluster.incidents import Scene
from tests.cluster.installation import OperatorProcess
from tests.cluster.manifests import Json, step

pytestmark = pytest.mark.cluster
SICK = [manifests.fires("Sick")]


@pytest.fixture(scope="module")
def operator(
    control_plane: cluster.ControlPlane,
    prometheus: listening.Prometheus,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[OperatorProcess]:
    """The operator of this file: it looks again every second."""
    settings: dict[str, Any] = {"prometheus": {"url": prometheus.url}, "resync": "1s"}
    with operating.one_leader(control_plane, tmp_path_factory.mktemp("operator"), **settings) as operator:
        yield operator


@pytest.fixture(scope="module")
def scene(control_plane: cluster.ControlPlane, operator: OperatorProcess) -> Iterator[Scene]:  # noqa: ARG001 - it must run
    """A fresh namespace."""
    with incidents.scene(control_plane) as scene:
        yield scene


@pytest.fixture(autouse=True)
def _up(prometheus: listening.Prometheus) -> Iterator[None]:
    yield
    prometheus.down = False


def checked(name: str, check: Json, timeout: str = "20s", **action: Any) -> Json:
    """A step that asks for this check."""
    return step(name, verify={"timeout": timeout, "stableFor": "0s", "checks": [check]}, **action)


def errors(query: str, **more: Any) -> Json:
    """A check that this query is below 1."""
    return {"prometheus": {"query": query, "below": 1, **more}}


def test_a_query_opens_an_incident_that_heals_and_resolves(scene: Scene, prometheus: listening.Prometheus) -> None:
    """Its labels name the workload; while it is not answered nothing ends; when it is below the bound all is over."""
    load = f"load-{scene.namespace}"
    prometheus.measure(load, 7, namespace=scene.namespace, deployment="busy")
    scene.admit("busy", "busy")
    trigger = {"query": {"expr": load, "above": 5, "for": "1s", "interval": "1s", "severity": "critical"}}
    scene.use(manifests.policy("busy", [trigger], step("restart", rolloutRestart={})))
    scene.until_acted("busy")
    (open_,) = scene.remediations("busy")
    fact = open_["status"]["evidence"][0]
    assert (fact["source"], fact["reason"], fact["severity"]) == ("query", "QueryAbove", "critical")
    scene.until_verifying("busy")
    prometheus.down = True
    prometheus.measure(load, 1, namespace=scene.namespace, deployment="busy")
    asked = len(prometheus.asked)
    scene.until("three queries in vain", "busy", lambda: len(prometheus.asked) >= asked + 3)
    assert "resolvedAt" not in scene.remediations("busy")[0]["status"]["evidence"][0]
    prometheus.down = False
    closed = scene.until_state("busy", "Closed")
    assert closed["status"]["reason"] == "Recovered"
    assert "resolvedAt" in closed["status"]["evidence"][0]
    assert len(scene.effects("busy")) == 1


def test_what_a_query_no_longer_says_is_not_acted_on(scene: Scene, prometheus: listening.Prometheus) -> None:
    """A Prometheus that does not answer while a guard waits: unknown, so no action; nor is anything over."""
    load = f"unknown-{scene.namespace}"
    prometheus.measure(load, 7, namespace=scene.namespace, deployment="unknown")
    scene.admit("unknown", "unknown")
    scene.kubectl("annotate", "namespace", scene.namespace, "platelet.dev/suspend=test")
    trigger = {"query": {"expr": load, "above": 5, "interval": "1s"}}
    scene.use(manifests.policy("unknown", [trigger], step("restart", rolloutRestart={})))
    scene.until_waiting("unknown", "Suspended")
    prometheus.down = True
    asked = len(prometheus.asked)
    scene.until("queries in vain", "unknown", lambda: len(prometheus.asked) >= asked + 2)
    scene.kubectl("annotate", "namespace", scene.namespace, "platelet.dev/suspend-")
    scene.until_waiting("unknown", "QueryUnanswered")
    assert scene.effects("unknown") == []
    prometheus.down = False
    scene.until_acted("unknown")


def test_a_measurement_that_turns_good_proves_recovery(
    scene: Scene, operator: OperatorProcess, prometheus: listening.Prometheus
) -> None:
    """Over time, about this workload, and not before the rollout is complete."""
    query = 'errors{deployment="$target.name",ns="$target.namespace"}'
    asked = f'errors{{deployment="measured",ns="{scene.namespace}"}}'
    prometheus.measure(asked, 5)
    scene.admit("measured", "measured")
    scene.use(manifests.policy("measured", SICK, checked("restart", errors(query, **{"for": "3s"}), rolloutRestart={})))
    fire_once(scene, operator, "measured")
    scene.until("the check to be waited for", "measured", lambda: reason(scene, "measured") == "CheckPending")
    prometheus.measure(asked, 0)
    recovered = scene.until_state("measured", "Monitoring", "Closed")
    attempt = recovered["status"]["attempts"][0]
    assert attempt["verdict"] == "Recovered"
    assert f"{query} is 0, below 1 since" in attempt["verdictMessage"]
    assert query not in prometheus.asked


def reason(scene: Scene, target: str) -> str:
    """Of the newest Remediation of a target."""
    remediations = scene.remediations(target)
    return str(remediations[-1]["status"].get("reason", "")) if remediations else ""


def test_an_unreachable_prometheus_is_for_people_and_nothing_further_is_done(
    scene: Scene, operator: OperatorProcess, prometheus: listening.Prometheus
) -> None:
    """I10: the second step is not tried."""
    scene.admit("unreachable", "unreachable")
    steps = (
        checked("restart", errors("errors"), "2s", rolloutRestart={}),
        step("again", rolloutRestart={}),
    )
    scene.use(manifests.policy("unreachable", SICK, *steps))
    prometheus.down = True
    fire_once(scene, operator, "unreachable")
    escalated = scene.until_state("unreachable", "Escalated")
    assert escalated["status"]["reason"] == "Inconclusive"
    assert "Prometheus answered 500" in escalated["status"]["message"]
    assert incidents.condition(escalated, "Escalated") == ("True", "Inconclusive")
    assert len(scene.effects("unreachable")) == 1


def fire_once(scene: Scene, operator: OperatorProcess, target: str) -> None:
    """An alert that opens an incident, and is over when something was done."""
    firing = manifests.alert("Sick", scene.namespace, deployment=target)
    manifests.send(operator.alerts_url, firing)
    scene.until_acted(target)
    manifests.send(operator.alerts_url, manifests.resolved(firing))


def test_a_step_that_did_not_help_is_reverted(
    scene: Scene, operator: OperatorProcess, prometheus: listening.Prometheus
) -> None:
    """By an attempt of its own; and the next step is tried, although no pod and no alert shows anything."""
    query = f"still-{scene.namespace}"
    prometheus.measure(query, 9)
    scene.admit("undone", "undone")
    more = {**checked("more", errors(query), "2s", scale={"by": 2}), "onFailure": "Revert"}
    scene.use(manifests.policy("undone", SICK, more, step("restart", rolloutRestart={})))
    fire_once(scene, operator, "undone")
    over = scene.until_state("undone", "Closed")
    uid = over["metadata"]["uid"]
    attempts = [(attempt["id"], attempt["kind"], attempt["phase"]) for attempt in over["status"]["attempts"]]
    assert attempts == [
        (f"{uid}/0/1", "Act", "Done"),
        (f"{uid}/0/1/back", "Revert", "Done"),
        (f"{uid}/1/1", "Act", "Done"),
    ]
    assert [incidents.attempt_of(effect) for effect in scene.effects("undone")] == [
        attempt for attempt, _, _ in attempts
    ]
    assert scene.replicas("undone") == 1


def test_a_url_that_is_not_allowed_is_told_at_once_and_nothing_acts(scene: Scene, operator: OperatorProcess) -> None:
    """Where the settings tell it, before any incident."""
    check = {"http": {"url": "http://169.254.169.254/latest/meta-data"}}
    with incidents.scene(scene.plane) as other:
        other.admit("forbidden", "forbidden")
        other.apply(manifests.policy("forbidden", SICK, checked("restart", check, rolloutRestart={})))
        wait = "--for=jsonpath={.status.conditions[?(@.type=='Ready')].reason}=HostNotAllowed"
        other.kubectl("wait", "rempol/forbidden", wait, "--timeout=30s")  # its Runbook may be seen after it
        (ready,) = other.policy("forbidden")["status"]["conditions"]
        assert ready["message"] == (
            "Runbook forbidden: step restart: url: 169.254.169.254 is not in allowedHosts of the operator's settings: "
            "add it there, or ask another host"
        )
        manifests.send(operator.alerts_url, manifests.alert("Sick", other.namespace, deployment="forbidden"))
        assert other.remediations() == []
