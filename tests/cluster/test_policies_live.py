"""What only the operator can see of a policy: it says what is wrong and does nothing, while all others go on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from tests.cluster import control_plane as cluster
from tests.cluster import incidents, installation, manifests
from tests.cluster.incidents import Scene
from tests.cluster.installation import OperatorProcess
from tests.cluster.manifests import CRASHES, RESTART, Json

pytestmark = pytest.mark.cluster
BROKEN_WHEN = {**RESTART, "when": "target.replicas >\n  tarjet.replicas"}
BAD_MATCHER = {"alert": {"matchers": ['severity=~"(critical"']}}
BAD_WINDOW = {"schedule": "0 0 29 2 *", "duration": "1h", "timeZone": "Europe/Bielefeld"}
SELECTED = {"matchLabels": {"team": "a"}}


@dataclass(frozen=True)
class Flaw:
    """A policy that cannot be used: what it says of itself, and what mends it."""

    policy: str
    reason: str
    words: tuple[str, ...]
    repair: str = ""  # another object
    change: Json = field(default_factory=dict)  # of its spec


FLAWS: Mapping[str, Flaw] = {
    "no-runbook": Flaw(
        policy=manifests.policy("no-runbook", [CRASHES]),
        reason="RunbookNotFound",
        words=("there is no Runbook no-runbook in namespace",),
        repair=manifests.runbook("no-runbook", RESTART),
    ),
    "bad-matcher": Flaw(
        policy=manifests.policy("bad-matcher", [BAD_MATCHER], RESTART),
        reason="InvalidMatcher",
        words=('severity=~"(critical"',),
        change={"triggers": [CRASHES]},
    ),
    "bad-window": Flaw(
        policy=manifests.policy("bad-window", [CRASHES], RESTART, limits={"maintenanceWindows": [BAD_WINDOW]}),
        reason="InvalidMaintenanceWindow",
        words=("spec.limits.maintenanceWindows[0].timeZone", "Europe/Bielefeld", "write Europe/Belfast"),
        change={"limits": {"maintenanceWindows": [{**BAD_WINDOW, "timeZone": "Europe/Berlin"}]}},
    ),
    "bad-condition": Flaw(
        policy=manifests.policy("bad-condition", [CRASHES], BROKEN_WHEN),
        reason="InvalidCondition",
        words=("step restart: when:", "line 2, column 9", "tarjet"),
        repair=manifests.runbook("bad-condition", RESTART),
    ),
    "not-its-namespace": Flaw(
        policy=manifests.policy("not-its-namespace", [CRASHES], RESTART, namespaceSelector=SELECTED),
        reason="NamespaceSelectorNotAllowed",
        words=("namespaceSelector is for policies in platelet-system only",),
        change={"namespaceSelector": None},
    ),
}


@pytest.fixture
def scene(control_plane: cluster.ControlPlane, operator: OperatorProcess) -> Iterator[Scene]:  # noqa: ARG001 - it must run
    """A fresh namespace."""
    with incidents.scene(control_plane) as scene:
        yield scene


def readiness(scene: Scene, name: str) -> tuple[str, str, str]:
    """Status, reason and message of a policy's Ready condition."""
    conditions = scene.policy(name).get("status", {}).get("conditions", [])
    ready = [
        (condition["status"], condition["reason"], condition["message"])
        for condition in conditions
        if condition["type"] == "Ready"
    ]
    return ready[0] if ready else ("", "", "")


def test_a_policy_that_cannot_be_used_says_why_and_acts_once_it_is_mended(scene: Scene) -> None:
    """On what was broken long before. Its neighbours are as busy as ever."""
    scene.apply(*(flaw.policy for flaw in FLAWS.values()), manifests.policy("fine", [CRASHES], RESTART))
    for name in (*FLAWS, "fine"):
        scene.admit(name, name, image="app:crash-1")
    scene.until_acted("fine")
    for name, flaw in FLAWS.items():
        status, reason, message = readiness(scene, name)
        assert (status, reason) == ("False", flaw.reason), name
        assert all(words in message for words in flaw.words), message
        assert scene.remediations(name) == []
        assert scene.effects(name) == []
    for name, flaw in FLAWS.items():
        if flaw.repair:
            scene.apply(flaw.repair)
        if flaw.change:
            scene.merge("rempol", name, {"spec": flaw.change})
    for name in FLAWS:
        scene.until_acted(name)
        assert readiness(scene, name)[:2] == ("True", "Ready"), name


def test_a_policy_that_breaks_while_an_incident_waits_cancels_it(scene: Scene) -> None:
    scene.use(manifests.policy("crash", [CRASHES], RESTART, suspended={"reason": "not yet"}))
    scene.admit("crash", "web", image="app:crash-1")
    scene.until_waiting("web", "Suspended")
    scene.merge("rempol", "crash", {"spec": {"runbookRef": {"name": "gone"}, "suspended": None}})
    closed = scene.until_state("web", "Closed")
    assert closed["status"]["reason"] == "Cancelled"
    assert "RunbookNotFound" in closed["status"]["message"]
    assert scene.effects("web") == []


def test_a_policy_in_the_operators_namespace_acts_in_the_namespaces_that_it_selects(
    scene: Scene, operator: OperatorProcess
) -> None:
    """By pods and by alerts; elsewhere it does nothing."""
    label = {"platelet.test/namespace": scene.namespace}
    scene.merge("namespace", scene.namespace, {"metadata": {"labels": label}})
    everywhere = manifests.policy(
        "everywhere", [CRASHES, manifests.fires("Sick")], RESTART, namespaceSelector={"matchLabels": label}
    )
    with incidents.scene(scene.plane, installation.NAMESPACE) as home, incidents.scene(scene.plane) as elsewhere:
        home.use(everywhere)
        for place in (scene, elsewhere):
            place.admit("everywhere", "crashes", image="app:crash-1")
            place.admit("everywhere", "alerted")
            manifests.send(operator.alerts_url, manifests.alert("Sick", place.namespace, deployment="alerted"))
        for name in ("crashes", "alerted"):
            scene.until_acted(name)
        assert elsewhere.remediations() == []
        assert [write for write in elsewhere.writes() if write.resource == "deployments"] == []
