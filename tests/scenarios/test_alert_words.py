"""Alerts in the words of others, on a whole operator: what is about something else acts on nothing of ours."""

from typing import Any

import pytest

from platelet.shell import kube
from tests.scenarios.heals import effects
from tests.scenarios.incidents import MINUTE, begin, states
from tests.scenarios.manifests import on_alert, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

SLOW = "PaymentsSlow"
REFS = {"refs": [{"kind": "Deployment", "name": "api"}]}

# Each row: labels about something that is not ours. `<api>` is one of our pods.
OTHERS: dict[str, dict[str, str]] = {
    "OpenTelemetry": {"k8s_namespace_name": "bank", "k8s_statefulset_name": "ledger"},
    "OpenTelemetry, a name only": {"service_name": "ledger"},
    "a log shipper": {"kubernetes_namespace_name": "bank", "kubernetes_pod_name": "ledger-0"},
    "annotation-based discovery": {"kubernetes_namespace": "bank", "kubernetes_name": "ledger"},
    "an old cAdvisor": {"pod_name": "ledger-0", "container_name": "ledger"},
    "Datadog": {"kube_namespace": "bank", "kube_deployment": "ledger"},
    "a mesh, told by us": {
        "namespace": SHOP, "pod": "<api>", "reporter": "source", "destination_workload": "ledger",
        "destination_workload_namespace": "bank",
    },
    "a mesh, told by us, of an unknown": {
        "namespace": SHOP, "pod": "<api>", "reporter": "source", "destination_service_name": "PassthroughCluster",
    },
    "a mesh that names only us": {"namespace": SHOP, "deployment": "api", "direction": "outbound"},
    "an application's namespace": {"namespace": SHOP, "pod": "<api>", "exported_namespace": "payments"},
    "a certificate": {"namespace": "cert-manager", "pod": "issuer-0", "exported_namespace": SHOP, "name": "api-tls"},
    "a volume": {"namespace": SHOP, "persistentvolumeclaim": "ledger-data"},
    "a quota": {"namespace": SHOP, "resourcequota": "compute"},
    "words that nobody knows": {"bank_namespace": "bank"},
}  # fmt: skip


@pytest.mark.parametrize("targets", [None, REFS], ids=["by labels", "by name"])
@pytest.mark.parametrize("labels", OTHERS.values(), ids=OTHERS)
def test_an_alert_about_something_else_acts_on_nothing_of_ours(
    labels: dict[str, str], targets: kube.Json | None
) -> None:
    """I1, in the words of other senders. Pods come and go, so nothing here is about an age."""
    with Simulation() as simulation:
        chosen: dict[str, Any] = {"targets": targets} if targets else {}
        begin(simulation, step("rolloutRestart"), triggers=[on_alert(SLOW)], **chosen)
        pod = simulation.world.pods("api")[0]["metadata"]["name"]
        named = {name: value.replace("<api>", pod) for name, value in labels.items()}
        simulation.alerts.fire("f00d", {"alertname": SLOW, **named})
        simulation.run(10 * MINUTE)
        assert (effects(simulation.world.server.audit), states(simulation)) == ({}, [])


OURS: dict[str, dict[str, str]] = {
    "OpenTelemetry": {"k8s_namespace_name": SHOP, "k8s_deployment_name": "api"},
    "beside its collector": {
        "k8s.namespace.name": SHOP,
        "k8s.pod.name": "<api>",
        "namespace": "telemetry",
        "pod": "c-1",
    },
    "a mesh": {"destination_workload": "api", "destination_workload_namespace": SHOP, "namespace": "web", "pod": "w"},
    "its Service": {"namespace": SHOP, "service": "front"},
    "its Service's host": {"destination_service": "front.shop.svc.cluster.local", "reporter": "source"},
}


@pytest.mark.parametrize("targets", [None, REFS], ids=["by labels", "by name"])
@pytest.mark.parametrize("labels", OURS.values(), ids=OURS)
def test_an_alert_about_ours_is_acted_on_once(labels: dict[str, str], targets: kube.Json | None) -> None:
    with Simulation() as simulation:
        chosen: dict[str, Any] = {"targets": targets} if targets else {}
        begin(simulation, step("rolloutRestart"), triggers=[on_alert(SLOW)], **chosen)
        front = {"metadata": {"name": "front"}, "spec": {"selector": {"app": "api"}}}
        simulation.world.store.create(kube.SERVICES, SHOP, front)
        pod = simulation.world.pods("api")[0]["metadata"]["name"]
        named = {name: value.replace("<api>", pod) for name, value in labels.items()}
        simulation.alerts.fire("f00d", {"alertname": SLOW, **named})
        simulation.run(5 * MINUTE)
        assert len(effects(simulation.world.server.audit)) == 1
