"""What the API server will not store holds up nothing else: neither its policy, nor its batch, nor a revert."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from platelet.model import reasons
from platelet.replay import admission
from platelet.replay.admission import Review
from platelet.shell import kube
from tests.scenarios.heals import HEAL, effects, is_over
from tests.scenarios.incidents import BUSY, MINUTE, begin, states
from tests.scenarios.manifests import on_alert, on_pods, policy, runbook, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

REFUSED = (413, 422)
BURST = 5  # writes at one moment, by whoever looks at a Remediation


def of_api(body: Any) -> bool:
    return bool(body["spec"]["targetRef"]["name"] == "api")


def an_intent_of_api(body: Any) -> bool:
    attempts = body.get("status", {}).get("attempts", [])
    return of_api(body) and any(attempt["phase"] == "Intended" for attempt in attempts)


def times_out(review: Review) -> None:
    """A webhook that is down: the answer is 500, and nothing is known."""
    if review.resource is kube.REMEDIATIONS and review.subresource == "status" and an_intent_of_api(review.new):
        raise kube.Unanswered(500, "InternalError", "failed calling webhook")


LASTING = {
    "a webhook that refuses its intents": admission.refuses(kube.REMEDIATIONS, "status", an_intent_of_api),
    "a webhook that is down for its intents": times_out,
}


def two_sick(simulation: Simulation) -> None:
    """Two workloads of one policy, of which one may act at a time; `api` is first."""
    simulation.apply(runbook(step("rolloutUndo")), policy())
    for name in ("api", "web"):
        simulation.world.deploy(name, "app:good-1", labels=HEAL)
    simulation.run(3 * MINUTE)
    simulation.world.release("api", "app:crash")
    simulation.run(timedelta(seconds=15))
    simulation.world.release("web", "app:crash")


@pytest.mark.parametrize("lasting", LASTING.values(), ids=LASTING)
def test_an_intent_that_cannot_be_stored_gives_its_place_back_and_people_are_told(
    simulation: Simulation, lasting: admission.Admission
) -> None:
    simulation.world.store.admissions.append(lasting)
    two_sick(simulation)
    simulation.run(10 * MINUTE)
    assert simulation.world.image("web") == "app:good-1", simulation.describe()
    assert simulation.world.image("api") == "app:crash"
    assert ("Escalated", reasons.NOT_RECORDED) in states(simulation)
    entries = simulation.budget().status.entries
    assert [entry.id for entry in entries if entry.outcome is None] == []


def test_a_remediation_of_which_nothing_can_be_stored_any_more_leaves_the_others_their_places(
    simulation: Simulation,
) -> None:
    """And does not fill the budget with places that it gives back."""

    def once_it_waits(body: Any) -> bool:
        return of_api(body) and bool(body.get("status", {}).get("attempts"))

    def refuse(review: Review) -> None:
        stored = review.old or {}
        if review.resource is kube.REMEDIATIONS and review.subresource == "status" and of_api(review.new):
            refuse.begun = refuse.begun or once_it_waits(review.new)  # type: ignore[attr-defined]
            if refuse.begun and stored:  # type: ignore[attr-defined]
                raise kube.Refused(413, "RequestEntityTooLarge", "limit is 3145728")

    refuse.begun = False  # type: ignore[attr-defined]
    simulation.world.store.admissions.append(refuse)
    two_sick(simulation)
    simulation.run(timedelta(hours=6))
    assert simulation.world.image("web") == "app:good-1"
    entries = simulation.budget().status.entries
    assert len(entries) < 20
    assert all(entry.refunded for entry in entries if entry.outcome == "Abandoned")
    puts = [call for call in simulation.world.server.audit if call.code in REFUSED]
    assert len(puts) < 60


def test_a_status_that_is_taken_and_changed_back_is_not_written_at_the_speed_of_the_loop(
    simulation: Simulation,
) -> None:
    def change_back(review: Review) -> None:
        if review.resource is kube.REMEDIATIONS and review.subresource == "status" and review.old is not None:
            review.new["status"] = review.old.get("status", {})

    simulation.world.store.admissions.append(change_back)
    begin(simulation, step("rolloutUndo"))
    simulation.world.release("api", "app:crash")
    simulation.run(timedelta(hours=1))
    assert effects(simulation.world.server.audit) == {}
    puts = [call for call in simulation.world.server.audit if call.subresource == "status" and call.verb == "update"]
    moments = Counter(call.at for call in puts if call.resource == "remediations")
    assert max(moments.values()) <= BURST, moments.most_common(3)


def stretch(review: Review) -> None:
    """A node, or whoever may write its pods' status, says everything at great length."""
    if review.resource is not kube.PODS or review.subresource != "status":
        return
    for status in review.new.get("status", {}).get("containerStatuses", []):
        for state in (status.get("state", {}), status.get("lastState", {})):
            for part in state.values():
                part["message"] = "é" * 5000
                if part.get("reason") not in ("CrashLoopBackOff", None):
                    part["reason"] = "Error" * 500


LONG_STAMP = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "x" * 300}}}
LONG: dict[str, tuple[Callable[[Simulation], object], str]] = {
    "the stamp of a restart": (lambda it: it.world.edit("api", {"spec": {"template": LONG_STAMP}}), "rolloutUndo"),
    "the stamp of a restart, before another": (
        lambda it: it.world.edit("api", {"spec": {"template": LONG_STAMP}}),
        "rolloutRestart",
    ),
    "what pods say": (lambda it: it.world.store.admissions.append(stretch), "rolloutUndo"),
    "who has approved, and why": (
        lambda it: it.world.annotate("api", {"platelet.dev/suspend": "false", "team": "t" * 3000}),
        "rolloutUndo",
    ),
}


@pytest.mark.parametrize(("lengthen", "action"), LONG.values(), ids=LONG)
def test_whatever_length_people_write_in_their_objects_it_is_acted_on(
    simulation: Simulation, lengthen: Callable[[Simulation], object], action: str
) -> None:
    begin(simulation, step(action))
    lengthen(simulation)
    simulation.run(3 * MINUTE)
    simulation.world.release("api", "app:crash")
    simulation.run(10 * MINUTE)
    assert len(effects(simulation.world.server.audit)) == 1, simulation.describe()
    assert [call for call in simulation.world.server.audit if call.code in REFUSED] == []


def test_the_longest_names_that_there_are_act(simulation: Simulation) -> None:
    simulation.apply(runbook(step("rolloutUndo"), name="r" * 253), policy("p" * 253, runbookRef={"name": "r" * 253}))
    name = "w" * 40
    simulation.world.deploy(name, "app:good-1", labels=HEAL)
    simulation.run(3 * MINUTE)
    simulation.world.release(name, "app:crash")
    simulation.run(10 * MINUTE)
    assert simulation.world.image(name) == "app:good-1"
    assert [call for call in simulation.world.server.audit if call.code in REFUSED] == []


@pytest.mark.parametrize(
    "text", ["x" * 5000, "é" * 5000, "\n" * 2000, "💥" * 3000], ids=["long", "wide", "lines", "pairs"]
)
def test_an_alert_of_any_length_is_acted_on(simulation: Simulation, text: str) -> None:
    more = {"to": 4, "revertWhenResolved": True}
    begin(simulation, step("scale", more), triggers=[on_alert("Busy"), on_pods()])
    simulation.alerts.fire("f" * 16, {**BUSY, "severity": text, "summary": text, "instance": text}, lasts=5 * MINUTE)
    simulation.run(40 * MINUTE)
    assert is_over(simulation)
    assert simulation.world.replicas("api") == 2
    assert len(effects(simulation.world.server.audit)) == 2
    assert [call for call in simulation.world.server.audit if call.code in REFUSED] == []


def test_people_may_answer_at_any_length(simulation: Simulation) -> None:
    begin(simulation, step("rolloutUndo"), mode="Approve")
    simulation.world.release("api", "app:crash")
    simulation.run(MINUTE)
    (only,) = simulation.remediations()
    assert only.status.approval is not None
    annotations = {
        "platelet.dev/reject": only.status.approval.token,
        "platelet.dev/rejected-by": "a" * 3000,
        "platelet.dev/reject-reason": "w" * 3000,
    }
    simulation.world.store.patch(kube.REMEDIATIONS, SHOP, only.name, {"metadata": {"annotations": annotations}})
    simulation.run(5 * MINUTE)
    assert states(simulation) == [("Escalated", reasons.REJECTED)]
    assert [call for call in simulation.world.server.audit if call.code in REFUSED] == []


def test_a_name_that_comes_back_is_another_incident(simulation: Simulation) -> None:
    """Nothing could be stored of the first one, so it was left alone; people deleted it, and the next is healed."""
    doomed: set[str] = set()

    def refuse(review: Review) -> None:
        if review.resource is kube.REMEDIATIONS and review.subresource == "status":
            doomed.update([review.new["metadata"]["uid"]] if not doomed else [])
            if review.new["metadata"]["uid"] in doomed:
                raise kube.Refused(413, "RequestEntityTooLarge", "limit is 3145728")

    simulation.world.store.admissions.append(refuse)
    begin(simulation, step("rolloutUndo"))
    simulation.world.release("api", "app:crash")
    simulation.run(20 * MINUTE)
    assert simulation.world.image("api") == "app:crash"
    (first,) = simulation.world.store.view(kube.REMEDIATIONS, SHOP)
    simulation.world.store.delete(kube.REMEDIATIONS, SHOP, first["metadata"]["name"])
    simulation.run(10 * MINUTE)
    (second,) = simulation.world.store.view(kube.REMEDIATIONS, SHOP)
    assert second["metadata"]["name"] == first["metadata"]["name"]
    assert simulation.world.image("api") == "app:good-1", simulation.describe()
