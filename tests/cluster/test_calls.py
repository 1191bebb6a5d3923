"""A step that makes a request, with a real API server and a server on loopback: once, with the Secret's token."""

import json
from collections.abc import Iterator

import pytest
import yaml

from tests.cluster import control_plane as cluster
from tests.cluster import incidents, listening, manifests, operating
from tests.cluster.incidents import Scene
from tests.cluster.manifests import RESTART, Json

pytestmark = pytest.mark.cluster
SICK = [manifests.fires("Stuck")]
TOKEN = "t0ken-of-the-orders"
Listeners = tuple[Scene, listening.Pager, str]


@pytest.fixture(scope="module")
def playground(control_plane: cluster.ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listeners]:
    """A namespace with a Secret that the operator may read, what is called, and where alerts are sent to."""
    directory = tmp_path_factory.mktemp("operator")
    with (
        operating.one_leader(control_plane, directory, resync="2s") as operator,
        incidents.scene(control_plane) as scene,
        listening.pager() as orders,
    ):
        scene.kubectl("create", "secret", "generic", "orders", f"--from-literal=token={TOKEN}")
        scene.kubectl("create", "role", "orders", "--verb=get", "--resource=secrets", "--resource-name=orders")
        scene.kubectl("create", "rolebinding", "orders", "--role=orders", "--user=platelet")
        yield scene, orders, operator.alerts_url


def strike(listeners: Listeners, name: str, **call: object) -> Json:
    """A Deployment that such a request is to heal: the alert."""
    scene, orders, alerts_url = listeners
    written = {"url": f"{orders.url}?of={name}", "secretRef": {"name": "orders", "key": "token"}, **call}
    scene.use(manifests.policy(name, SICK, manifests.step("call", http=written), RESTART))
    scene.admit(name, name)
    scene.kubectl("rollout", "status", f"deployment/{name}", "--timeout=60s")
    alert = manifests.alert("Stuck", scene.namespace, deployment=name)
    manifests.send(alerts_url, alert)
    return alert


def test_it_is_sent_once_with_the_token_and_the_attempts_id(playground: Listeners) -> None:
    scene, orders, alerts_url = playground
    alert = strike(playground, "taken", body='{"full": true}')
    scene.until("the request", "taken", lambda: bool(orders.calls))
    manifests.send(alerts_url, manifests.resolved(alert))
    healed = scene.until_state("taken", "Closed", "Monitoring")
    (call,) = orders.calls
    attempt = healed["status"]["attempts"][0]
    assert (call.method, json.loads(call.body)) == ("POST", {"full": True})
    assert call.headers["Authorization"] == f"Bearer {TOKEN}"
    assert call.headers["Idempotency-Key"] == attempt["id"]
    assert (attempt["phase"], attempt["verdict"]) == ("Done", "Recovered")
    assert "answered 204" in attempt["message"]
    assert TOKEN not in json.dumps(healed)
    orders.calls.clear()


def test_a_header_carries_another_secret(playground: Listeners) -> None:
    scene, orders, alerts_url = playground
    headers = [{"name": "X-Api-Key", "secretRef": {"name": "orders", "key": "token"}}, {"name": "X-By", "value": "ann"}]
    alert = strike(playground, "with-headers", headers=headers)
    scene.until("the request", "with-headers", lambda: bool(orders.calls))
    manifests.send(alerts_url, manifests.resolved(alert))
    healed = scene.until_state("with-headers", "Closed", "Monitoring")
    (call,) = orders.calls
    assert (call.headers["X-Api-Key"], call.headers["X-By"]) == (TOKEN, "ann")
    assert TOKEN not in json.dumps(healed)
    orders.calls.clear()


def test_without_the_secret_nothing_is_sent_and_the_next_step_follows(playground: Listeners) -> None:
    scene, orders, _ = playground
    strike(playground, "no-secret", secretRef={"name": "unknown", "key": "token"})
    scene.until("a restart", "no-secret", lambda: bool(scene.effects("no-secret")))
    attempt = scene.remediations("no-secret")[0]["status"]["attempts"][0]
    assert (attempt["phase"], attempt["action"]) == ("Refused", "http")
    assert f"the Secret {scene.namespace}/unknown could not be read: 403" in attempt["message"]
    assert orders.calls == []


def test_a_host_that_is_not_allowed_makes_the_runbook_not_ready(playground: Listeners) -> None:
    scene, _, _ = playground
    scene.apply(manifests.runbook("elsewhere", manifests.step("call", http={"url": "https://example.org/secret"})))
    scene.kubectl("wait", "rbk/elsewhere", "--for=condition=Ready=False", "--timeout=30s")
    message = scene.kubectl("get", "rbk/elsewhere", "-o", "jsonpath={.status.conditions[0].message}")
    assert "step call: http.url: example.org is not in allowedHosts" in message


REFUSED = {
    "nowhere": ({}, "url"),
    "a header that platelet sets": (
        {"url": "https://example.com/", "headers": [{"name": "authorization", "value": "x"}]},
        "set by platelet or by HTTP itself",
    ),
    "a header twice": (
        {"url": "https://example.com/", "headers": [{"name": "X-A", "value": "x"}, {"name": "x-a", "value": "y"}]},
        "headers name one twice",
    ),
    "a password in the URL": ({"url": "https://a:b@example.com/"}, "without user or password"),
    "another method": ({"url": "https://example.com/", "method": "DELETE"}, "supported values"),
}


@pytest.mark.parametrize(("written", "fix"), REFUSED.values(), ids=REFUSED)
def test_the_api_server_refuses_what_cannot_be_called(playground: Listeners, written: Json, fix: str) -> None:
    body = yaml.safe_load(manifests.runbook("nonsense", manifests.step("call", http=written)))
    assert fix in playground[0].post("runbooks", json.dumps(body), expected=422)
