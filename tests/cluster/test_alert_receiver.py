"""Alerts as Alertmanager delivers them: late, twice, in any order, to an operator that dies; a 200 means stored."""

import random
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from urllib.parse import urlsplit

import httpx
import pytest

from tests.cluster import control_plane as cluster
from tests.cluster import incidents, listening, manifests, operating, patience
from tests.cluster.incidents import Scene
from tests.cluster.installation import ALERT_TOKEN, Installation, OperatorProcess
from tests.cluster.manifests import RESTART, Json

pytestmark = pytest.mark.cluster
SICK = [manifests.fires("Sick")]
NEW_TOKEN = "the-token-after-rotation"
AT_ONCE = 32  # requests that a receiver holds, shell/intake/receiver.py


@pytest.fixture(scope="module")
def installed(control_plane: cluster.ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Platelet with two valid tokens, as while rotating; a test may kill the operator: the next one starts another."""
    directory = tmp_path_factory.mktemp("operator")
    (directory / "new-token").write_text(f"{NEW_TOKEN}\n")
    tokens = [str(directory / "alert-token"), str(directory / "new-token")]
    with operating.installed(control_plane, directory, alertTokenFiles=tokens) as installed:
        yield installed


@pytest.fixture
def operator(installed: Installation) -> OperatorProcess:
    """The operator of this file, which leads."""
    alive = next((replica for replica in installed.replicas if replica.alive), None)
    replica = alive or installed.start()
    operating.until_leading(replica)
    return replica


@pytest.fixture
def scene(control_plane: cluster.ControlPlane, operator: OperatorProcess) -> Iterator[Scene]:  # noqa: ARG001 - it must run
    """A fresh namespace with one policy, which restarts what is named in the alert Sick."""
    with incidents.scene(control_plane) as scene:
        scene.use(manifests.policy("restart", SICK, RESTART, limits={"reopenWithin": "1m"}))
        yield scene


def status_of(replica: OperatorProcess, body: object, token: str = ALERT_TOKEN) -> int:
    """The answer's status; 0 when nobody answers."""
    try:
        return manifests.post(replica.alerts_url, body, token).status_code
    except httpx.HTTPError:
        return 0


def test_the_same_alert_from_two_senders_over_a_crash_is_one_remediation_and_one_attempt(
    scene: Scene, operator: OperatorProcess, installed: Installation
) -> None:
    """Fifty deliveries of firing and resolved, reordered; senders try again after a 5xx, as Alertmanager does."""
    scene.admit("restart", "web")
    firing = manifests.alert("Sick", scene.namespace, starts=manifests.ago(30), deployment="web")
    first = [firing] * 25
    later = [firing] * 15 + [manifests.resolved(firing)] * 10
    random.Random(7).shuffle(later)  # noqa: S311 - no secret
    deliver_all(operator, first)
    scene.until_acted("web")
    operator.kill()
    again = installed.start()
    deliver_all(again, later)
    closed = scene.until_state("web", "Monitoring", "Closed")
    deliver_all(again, [firing] * 2)
    assert [remediation["metadata"]["uid"] for remediation in scene.remediations("web")] == [closed["metadata"]["uid"]]
    assert incidents.acts(closed) == ["rolloutRestart"]
    assert len(scene.effects("web")) == 1


def deliver_all(replica: OperatorProcess, alerts: list[Json]) -> None:
    """Send them, each on its own, by two senders at once; each until it is taken."""

    def deliver(alert: Json) -> None:
        body = manifests.notification([alert])
        patience.until("a 200", lambda: status_of(replica, body) == 200)

    with ThreadPoolExecutor(max_workers=2) as senders:
        list(senders.map(deliver, alerts))


def test_what_was_answered_with_200_survives_a_crash_in_the_next_moment(
    scene: Scene, operator: OperatorProcess, installed: Installation
) -> None:
    names = [f"web-{number}" for number in range(4)]
    scene.admit("restart", *names)
    body = manifests.notification([manifests.alert("Sick", scene.namespace, deployment=name) for name in names])
    assert status_of(operator, body) == 200
    operator.kill()
    assert {remediation["spec"]["targetRef"]["name"] for remediation in scene.remediations()} == set(names)
    operating.until_leading(installed.start())
    for name in names:
        scene.until_acted(name)
    assert [len(scene.effects(name)) for name in names] == [1] * 4


def test_a_standby_answers_503_and_takes_over_with_all_that_is_stored(
    scene: Scene, operator: OperatorProcess, installed: Installation
) -> None:
    scene.admit("restart", "before", "after")
    standby = installed.start()
    body = manifests.notification([manifests.alert("Sick", scene.namespace, deployment="before")])
    assert patience.until("the standby to answer", lambda: status_of(standby, body)) == 503
    assert scene.remediations() == []
    assert status_of(operator, body) == 200
    operator.stop()
    operating.until_leading(standby)
    manifests.send(standby.alerts_url, manifests.alert("Sick", scene.namespace, deployment="after"))
    for name in ("before", "after"):
        scene.until_acted(name)
    assert len(scene.effects("before")) == 1


def test_only_with_a_valid_token_and_a_body_of_alertmanagers_is_anything_stored(
    scene: Scene, operator: OperatorProcess
) -> None:
    """4xx is for what another try cannot mend: Alertmanager drops it (TRAPS 17)."""
    scene.admit("restart", "web")
    whole = manifests.notification([manifests.alert("Sick", scene.namespace, deployment="web")])
    assert status_of(operator, whole, "a-wrong-token") == 401
    assert status_of(operator, whole, "") == 401
    assert status_of(operator, b"{") == 400
    assert status_of(operator, {**whole, "alerts": None}) == 400
    assert scene.remediations() == []


def test_while_rotating_both_tokens_are_valid_and_a_removed_one_is_not(
    operator: OperatorProcess, installed: Installation
) -> None:
    """Without a restart: the files are read anew."""
    empty = manifests.notification([])
    assert (status_of(operator, empty), status_of(operator, empty, NEW_TOKEN)) == (200, 200)
    old = installed.directory / "alert-token"
    old.write_text("the-next-token")
    try:
        patience.until("the old token to be refused", lambda: status_of(operator, empty) == 401)
        assert status_of(operator, empty, NEW_TOKEN) == 200
        assert status_of(operator, empty, "the-next-token") == 200
    finally:
        old.write_text(ALERT_TOKEN)
    patience.until("the old token to be valid again", lambda: status_of(operator, empty) == 200)


def test_a_malformed_alert_among_ten_costs_only_itself(scene: Scene, operator: OperatorProcess) -> None:
    names = [f"web-{number}" for number in range(10)]
    scene.admit("restart", *names)
    alerts = [manifests.alert("Sick", scene.namespace, deployment=name) for name in names]
    alerts[4] = {**alerts[4], "startsAt": "yesterday"}
    answer = manifests.post(operator.alerts_url, manifests.notification(alerts))
    assert answer.status_code == 200
    assert answer.json() == {"stored": 9, "rejected": ["alert 4: startsAt is not an RFC 3339 time"]}
    opened = {remediation["spec"]["targetRef"]["name"] for remediation in scene.remediations()}
    assert opened == set(names) - {"web-4"}


def test_an_overloaded_receiver_answers_503_and_loses_nothing_that_it_answered_with_200(
    scene: Scene, operator: OperatorProcess
) -> None:
    """Senders that never end their bodies hold all of its places; whoever comes then is told to try again."""
    names = [f"web-{number}" for number in range(6)]
    scene.admit("restart", *names)
    bodies = [manifests.notification([manifests.alert("Sick", scene.namespace, deployment=name)]) for name in names]
    with ExitStack() as stack:
        for _ in range(AT_ONCE):
            stack.enter_context(begun(operator.alerts_url))
        patience.until("all places to be taken", lambda: status_of(operator, manifests.notification([])) == 503)
        assert [status_of(operator, body) for body in bodies] == [503] * len(bodies)
        assert scene.remediations() == []
    with ThreadPoolExecutor(max_workers=len(names)) as senders:
        deliveries = [
            senders.submit(patience.until, "a 200", lambda body=body: status_of(operator, body) == 200)
            for body in bodies
        ]
        for delivery in deliveries:
            delivery.result()
    assert sorted(remediation["spec"]["targetRef"]["name"] for remediation in scene.remediations()) == names
    for name in names:
        scene.until_acted(name)


def begun(url: str) -> socket.socket:
    """A request whose body does not come."""
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=10)
    head = ("POST /webhooks/alertmanager HTTP/1.1", f"Host: {parts.netloc}", f"Authorization: Bearer {ALERT_TOKEN}")
    connection.sendall("\r\n".join((*head, "Content-Length: 1000", "", "{")).encode())
    return connection


def test_a_namespace_that_is_being_deleted_costs_the_others_nothing(scene: Scene, operator: OperatorProcess) -> None:
    """Nothing can be stored there any more, though its policy and runbook still are, held by finalizers."""
    scene.admit("restart", "web")
    everywhere = f"Outage-{scene.namespace}"
    with incidents.scene(scene.plane) as ending:
        refs = {"refs": [{"kind": "Deployment", "name": "api"}]}
        ending.use(manifests.policy("held", [manifests.fires(everywhere)], RESTART, targets=refs))
        for kind in ("rempol", "rbk"):
            ending.merge(kind, "held", {"metadata": {"finalizers": ["platelet.test/held"]}})
        ending.remove()
        try:
            patience.until("the rest of it to be gone", lambda: not ending.items("/api/v1|serviceaccounts"))
            sick = manifests.alert("Sick", scene.namespace, deployment="web")
            manifests.send(operator.alerts_url, manifests.alert(everywhere, ""), sick)
        finally:
            for kind in ("rempol", "rbk"):
                ending.merge(kind, "held", {"metadata": {"finalizers": None}})
    scene.until_acted("web")


def test_an_alert_that_only_alertmanagers_api_tells_opens_a_remediation(
    scene: Scene, operator: OperatorProcess, installed: Installation
) -> None:
    """It is asked at the take-over: what fired while nobody listened is not missed."""
    scene.admit("restart", "web")
    operator.stop()
    with listening.alertmanager(manifests.alert("Sick", scene.namespace, deployment="web")) as alertmanager:
        polling = installed.start(alertmanager={"url": alertmanager.url})
        operating.until_leading(polling)
        scene.until_acted("web")
        polling.stop()
    assert scene.remediations("web")[0]["spec"]["signal"]["source"] == "alert"
    assert len(scene.effects("web")) == 1


def test_an_alert_that_alertmanager_knows_no_more_has_resolved_after_two_looks_a_minute_apart(
    scene: Scene, operator: OperatorProcess, installed: Installation
) -> None:
    """Nobody sends its "resolved" (DESIGN 3.4). It takes two minutes: the time between polls is no setting."""
    scene.admit("restart", "web")
    operator.stop()
    with listening.alertmanager() as alertmanager:
        polling = installed.start(alertmanager={"url": alertmanager.url}, resync="2s")
        operating.until_leading(polling)
        patience.until("the poll at the take-over", lambda: alertmanager.asked)
        manifests.send(polling.alerts_url, manifests.alert("Sick", scene.namespace, deployment="web"))
        scene.until_verifying("web")
        assert alertmanager.asked == 1
        over = scene.until_state("web", "Monitoring", "Closed", seconds=180)
        assert alertmanager.asked >= 3, "one look after it came proves nothing"
        polling.stop()
    assert over["status"]["reason"] == "Recovered"
    assert "resolvedAt" in over["status"]["evidence"][0]
    assert len(scene.effects("web")) == 1
