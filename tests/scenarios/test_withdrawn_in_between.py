"""What people withdraw between an intent and its write is not done: until it has left, everything is asked again."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from platelet.model import approval, reasons
from platelet.model.remediation import Attempt
from platelet.replay.admission import Review
from platelet.shell import kube
from tests.scenarios.heals import RAISE, SCALE, approve, deletions, effects
from tests.scenarios.incidents import BUSY, MINUTE, begin, states
from tests.scenarios.manifests import on_alert, step
from tests.scenarios.model_api import Call
from tests.scenarios.simulation import Simulation
from tests.scenarios.test_answers_of_writes import sick_set
from tests.scenarios.world import SHOP

SUCCESS = 200
Deed = Callable[[Simulation], object]


def policy_spec(**spec: object) -> Deed:
    return lambda it: it.world.store.patch(kube.POLICIES, SHOP, "heal", {"spec": spec})


def annotate_namespace(simulation: Simulation) -> None:
    body = {"metadata": {"annotations": {"platelet.dev/suspend": "freeze"}}}
    simulation.world.store.patch(kube.NAMESPACES, "", SHOP, body)


def pause(simulation: Simulation) -> None:
    simulation.budget_spec({"suspended": {"reason": "release freeze"}})


NOW_CLOSED = {"maintenanceWindows": [{"schedule": "0 8 * * *", "duration": "4h", "timeZone": "UTC"}]}
ARGO = {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/api"}
DEEDS: dict[str, Deed] = {
    "pause everything": pause,
    "suspend the namespace": annotate_namespace,
    "suspend the workload": lambda it: it.world.annotate("api", {"platelet.dev/suspend": "true"}),
    "suspend the policy": policy_spec(suspended={"reason": "freeze"}),
    "lower the policy to Observe": policy_spec(mode="Observe"),
    "raise it to Approve": policy_spec(mode="Approve"),
    "delete the policy": lambda it: it.world.store.delete(kube.POLICIES, SHOP, "heal"),
    "make the policy unready": lambda it: it.world.store.delete(kube.RUNBOOKS, SHOP, "heal"),
    "choose other targets": policy_spec(targets={"selector": {"matchLabels": {"heal": "never"}}}),
    "take the label off": lambda it: it.world.edit("api", {"metadata": {"labels": {"heal": None}}}),
    "close it for maintenance": policy_spec(limits=NOW_CLOSED),
    "hand it to Argo CD": lambda it: it.world.annotate("api", ARGO),
    "delete the budget": lambda it: it.world.store.delete(kube.BUDGETS, "platelet-system", "platelet"),
}


def once_intended(simulation: Simulation, deed: Deed, kind: str = "Act") -> None:
    """People act right after an intent of this kind was stored."""
    server = simulation.world.server
    struck: list[Call] = []

    def strike(_index: int) -> None:
        last = server.audit[-1]
        intended = f"'kind': '{kind}'" in str(last.body) and "'phase': 'Intended'" in str(last.body)
        if not struck and last.changed and last.resource == "remediations" and intended:
            struck.append(last)
            deed(simulation)

    server.on_call = strike


def in_a_conflict(simulation: Simulation, deed: Deed) -> None:
    """People act while the write is on its way, and it is in conflict with what they wrote."""
    struck: list[Review] = []

    def strike(review: Review) -> None:
        if struck or review.resource is not kube.DEPLOYMENTS or review.subresource or review.old is None:
            return
        if review.new["spec"]["template"] != review.old["spec"]["template"]:
            struck.append(review)
            deed(simulation)
            raise kube.Conflict(409, "Conflict", "the object has been modified")

    simulation.world.store.admissions.append(strike)


def acts(simulation: Simulation) -> list[Attempt]:
    return [attempt for it in simulation.remediations() for attempt in it.status.attempts if attempt.kind == "Act"]


@pytest.mark.parametrize("when", [once_intended, in_a_conflict])
@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
def test_nothing_is_written_that_people_have_withdrawn(
    simulation: Simulation, deed: Deed, when: Callable[[Simulation, Deed], None]
) -> None:
    begin(simulation, step("rolloutUndo"))
    simulation.world.release("api", "app:crash")
    if when is in_a_conflict:
        simulation.run(timedelta(seconds=10))
    when(simulation, deed)
    simulation.run(25 * MINUTE)
    assert effects([call for call in simulation.world.server.audit if call.code == SUCCESS]) == {}
    assert simulation.world.image("api") == "app:crash"
    first = acts(simulation)[0]
    assert first.phase == "Superseded"
    assert first.message.startswith("it is not sent: ")


def test_an_alert_that_is_silenced_meanwhile_is_not_acted_on(simulation: Simulation) -> None:
    begin(simulation, step("scale", {"to": 4}), triggers=[on_alert("Busy")])
    simulation.alerts.fire("f1", BUSY)

    def silence(it: Simulation) -> None:
        (only,) = it.remediations()
        stored = it.world.store.get(kube.REMEDIATIONS, SHOP, only.name)
        for fact in stored["status"]["evidence"]:
            fact["suppressedAt"] = fact["lastSeen"]
        it.world.store.replace(kube.REMEDIATIONS, SHOP, only.name, stored, subresource="status")

    once_intended(simulation, silence)
    simulation.run(10 * MINUTE)
    assert effects(simulation.world.server.audit) == {}
    assert acts(simulation)[0].phase == "Superseded"


def test_replicas_that_an_autoscaler_owns_since_are_left_to_it(simulation: Simulation) -> None:
    begin(simulation, step("scale", {"to": 4}), triggers=[on_alert("Busy")])
    simulation.alerts.fire("f1", BUSY)
    once_intended(simulation, lambda it: it.world.autoscale("api", 2, 3))
    simulation.run(10 * MINUTE)
    assert effects(simulation.world.server.audit) == {}
    assert acts(simulation)[0].phase == "Superseded"


def test_a_person_who_changes_their_mind_is_heard_until_the_write_has_left(simulation: Simulation) -> None:
    begin(simulation, step("rolloutUndo"), mode="Approve")
    simulation.world.release("api", "app:crash")
    simulation.people = approve

    def reject(it: Simulation) -> None:
        it.people = None
        (only,) = it.remediations()
        assert only.status.approval is not None
        annotations = {approval.REJECT: only.status.approval.token, approval.REJECTED_BY: "ann"}
        it.world.store.patch(kube.REMEDIATIONS, SHOP, only.name, {"metadata": {"annotations": annotations}})

    once_intended(simulation, reject)
    simulation.run(timedelta(hours=1))
    assert effects(simulation.world.server.audit) == {}
    assert acts(simulation)[0].phase == "Superseded"
    assert states(simulation)[0] == ("Escalated", reasons.REJECTED)


@pytest.mark.parametrize("deed", [pause, annotate_namespace, DEEDS["suspend the workload"]])
@pytest.mark.parametrize("settings", [SCALE, RAISE], ids=["replicas", "bounds"])
def test_a_revert_that_people_stop_before_it_is_sent_waits(
    simulation: Simulation, settings: kube.Json, deed: Deed
) -> None:
    lend(simulation, settings)
    once_intended(simulation, deed, "Revert")
    simulation.run(40 * MINUTE)
    assert [effect for effect in effects(simulation.world.server.audit) if "/back" in effect] == []
    assert (simulation.world.replicas("api"), simulation.world.bounds("api")) in ((5, None), (5, (5, 5)))


def test_what_people_let_stay_is_not_reverted_by_an_intent_from_before(simulation: Simulation) -> None:
    """`platelet revert --leave` while the revert is about to be sent."""
    lend(simulation, SCALE)
    drop = {"suspended": {"reason": "remove platelet", "leaving": "Drop"}}
    once_intended(simulation, lambda it: it.budget_spec(drop), "Revert")
    simulation.run(40 * MINUTE)
    assert simulation.world.replicas("api") == 5


def test_a_revert_outlives_its_policy(simulation: Simulation) -> None:
    """What was lent must be returned, also when nobody wants anything further."""
    lend(simulation, SCALE)
    once_intended(simulation, DEEDS["delete the policy"], "Revert")
    simulation.run(40 * MINUTE)
    assert simulation.world.replicas("api") == 2


def lend(simulation: Simulation, settings: kube.Json) -> None:
    """A temporary change, a few minutes before it is due."""
    begin(simulation, step("scale", settings), triggers=[on_alert("Busy")])
    if settings == RAISE:
        simulation.world.autoscale("api", 2, 4)
    simulation.alerts.fire("f1", BUSY, lasts=5 * MINUTE)
    simulation.run(8 * MINUTE)
    assert simulation.world.replicas("api") == 5


@pytest.mark.parametrize(
    "deed",
    [pause, annotate_namespace, *(DEEDS[change] for change in ("delete the policy", "choose other targets"))],
)
def test_no_stuck_pod_is_deleted_after_people_have_stopped_it(simulation: Simulation, deed: Deed) -> None:
    """The undo was written; the pod that it still has to replace is a part of the attempt."""
    sick_set(simulation, step("rolloutUndo"))
    server = simulation.world.server
    struck: list[Call] = []

    def strike(_index: int) -> None:
        if not struck and effects([server.audit[-1]]):
            struck.append(server.audit[-1])
            deed(simulation)

    server.on_call = strike
    simulation.run(30 * MINUTE)
    assert struck
    assert deletions(server.audit) == ()
