"""The brake against a common cause: whose sickness counts, what is not counted, and what goes ahead all the same."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest

from platelet.shell import kube
from tests.scenarios.heals import HEAL, effects
from tests.scenarios.manifests import on_alert, on_pods, policy, runbook, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import OPERATOR, SHOP

MINUTE = timedelta(minutes=1)
LIMITS = {"maxUnhealthy": "30%", "maxConcurrent": 100, "cooldown": "0s"}
BEFORE_ALL_TIME = "0001-01-01T00:00:00+23:00"
Place = tuple[str, str]


def acted_on(simulation: Simulation) -> list[tuple[datetime, Place]]:
    """What was acted on, in order."""
    audit = simulation.world.server.audit
    agents = effects(audit)
    return [(call.at, (call.namespace, call.name)) for call in audit if call.changed and call.agent in agents]


def far_and_wide(simulation: Simulation, places: Sequence[Place]) -> None:
    """A policy of the platform team for all these namespaces, with a workload in each, which run well."""
    book = runbook(step("rolloutRestart"))
    rule = policy(triggers=[on_alert("Slow"), on_pods()], limits=LIMITS)
    rule["spec"]["namespaceSelector"] = {"matchLabels": HEAL}
    rule["metadata"]["namespace"] = book["metadata"]["namespace"] = OPERATOR
    for namespace in {namespace for namespace, _ in places}:
        simulation.world.store.create(kube.NAMESPACES, "", {"metadata": {"name": namespace, "labels": HEAL}})
    simulation.budget_spec({"limits": [{"maxActions": 1000, "per": "1h"}]})
    simulation.apply(book, rule)
    for namespace, name in places:
        simulation.world.deploy(name, "app:good-1", labels=HEAL, namespace=namespace)
    simulation.run(2 * MINUTE)


def tell(simulation: Simulation, place: Place, alertname: str = "Slow") -> None:
    labels = {"alertname": alertname, "namespace": place[0], "deployment": place[1]}
    simulation.alerts.fire("-".join((*place, alertname)), labels)


@pytest.mark.parametrize("namespaces", [2, 3, 7], ids="{} namespaces".format)
def test_incidents_in_all_namespaces_of_a_policy_count(namespaces: int) -> None:
    """Each stays Available: only its incident tells that it is sick."""
    places = [(f"team-{n % namespaces}", f"web-{n}") for n in range(7)]
    with Simulation() as simulation:
        far_and_wide(simulation, places)
        for place in places:
            tell(simulation, place)
        simulation.run(5 * MINUTE)
        assert len(acted_on(simulation)) <= 2


def test_a_few_pods_of_a_large_deployment_elsewhere_count() -> None:
    places = [(f"team-{n}", "web") for n in range(5)]
    with Simulation() as simulation:
        far_and_wide(simulation, places)
        for namespace, name in places[:4]:
            simulation.world.store.patch(kube.DEPLOYMENTS, namespace, name, {"spec": {"replicas": 8}})
        simulation.run(2 * MINUTE)
        for namespace, name in places[:4]:
            one = simulation.world.pods(name, namespace)[0]["metadata"]["uid"]
            simulation.world.controllers.pods.lives[one].sicken("crash", simulation.world.now)
        simulation.run(5 * MINUTE)
        assert [stored["metadata"]["name"] for stored in simulation.world.store.find(kube.REMEDIATIONS, "team-0")]
        assert acted_on(simulation) == []


def _of_a_newer_version(simulation: Simulation, namespace: str) -> None:
    """A Remediation that this version cannot read, and that may act."""
    signal = {
        "source": "pod",
        "reason": "X",
        "fingerprint": "f",
        "message": "",
        "firstSeen": BEFORE_ALL_TIME,
        "lastSeen": BEFORE_ALL_TIME,
    }
    named = {
        "policyRef": {"name": "heal"},
        "runbookRef": {"name": "heal"},
        "signal": {**signal, "holdsAt": BEFORE_ALL_TIME},
    }
    spec = {"targetRef": {"kind": "Deployment", "name": "web"}, "mode": "Enforce", **named}
    simulation.world.store.create(kube.REMEDIATIONS, namespace, {"metadata": {"name": "web-new"}, "spec": spec})


def _of_another_policy(simulation: Simulation, namespace: str) -> None:
    """The team's own policy has an incident of it."""
    book, rule = runbook(step("rolloutRestart")), policy(triggers=[on_alert("Other")], mode="Observe")
    for manifest in (book, rule):
        manifest["metadata"]["namespace"] = namespace
    simulation.apply(book, rule)
    simulation.run(MINUTE)
    tell(simulation, (namespace, "web"), "Other")


ELSEWHERE: dict[str, Callable[[Simulation, str], None]] = {
    "one that cannot be read": _of_a_newer_version,
    "one of another policy": _of_another_policy,
}


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_incidents_elsewhere_that_are_not_of_this_policy_count(kind: str) -> None:
    places = [(f"team-{n}", "web") for n in range(4)]
    with Simulation() as simulation:
        far_and_wide(simulation, places)
        for namespace, _ in places[1:]:
            ELSEWHERE[kind](simulation, namespace)
        simulation.run(2 * MINUTE)
        tell(simulation, places[0])
        simulation.run(5 * MINUTE)
        assert [place for _, place in acted_on(simulation) if place == places[0]] == []


def _switch_off(simulation: Simulation, name: str) -> None:
    simulation.world.scale(name, 0)


def _begin_to_delete(simulation: Simulation, name: str) -> None:
    """Its finalizer lets it be for a while."""
    simulation.world.store.mark_deleted(kube.DEPLOYMENTS, SHOP, name)


NOT_COUNTED: dict[str, Callable[[Simulation, str], None]] = {
    "scaled to 0": _switch_off,
    "being deleted": _begin_to_delete,
}


@pytest.mark.parametrize("how", NOT_COUNTED)
def test_what_wants_no_pods_makes_no_share_smaller(how: str) -> None:
    with Simulation() as simulation:
        simulation.apply(runbook(step("rolloutRestart")), policy(limits=LIMITS))
        for n in range(10):
            simulation.world.deploy(f"idle-{n}", "app:good-1", labels=HEAL)
        for n in range(3):
            simulation.world.deploy(f"web-{n}", "app:good-1", labels=HEAL)
        simulation.run(2 * MINUTE)
        for n in range(10):
            NOT_COUNTED[how](simulation, f"idle-{n}")
        simulation.run(2 * MINUTE)
        for n in range(2):
            simulation.world.sicken_pods(f"web-{n}", "crash")
        simulation.run(5 * MINUTE)
        assert acted_on(simulation) == []


def released_badly(simulation: Simulation, *, bad: int, of: int, steps: Sequence[kube.Json]) -> None:
    """So many get a release of their own that never runs."""
    simulation.budget_spec({"limits": [{"maxActions": 1000, "per": "1h"}]})
    simulation.apply(runbook(*steps), policy(limits=LIMITS, triggers=[on_pods("CrashLoopBackOff", "ImagePullBackOff")]))
    for n in range(of):
        simulation.world.deploy(f"web-{n}", f"app:good-{n}", labels=HEAL)
    simulation.run(3 * MINUTE)
    for n in range(bad):
        simulation.world.release(f"web-{n}", "app:pullfail" if n % 2 else "app:crash")


@pytest.mark.parametrize(("bad", "of"), [(2, 3), (8, 8)])
def test_releases_that_went_wrong_in_many_places_are_undone_one_by_one(bad: int, of: int) -> None:
    with Simulation() as simulation:
        released_badly(simulation, bad=bad, of=of, steps=[step("rolloutUndo"), step("rolloutRestart")])
        simulation.run(60 * MINUTE)
        assert [simulation.world.image(f"web-{n}") for n in range(of)] == [f"app:good-{n}" for n in range(of)]
        times = [at for at, _ in acted_on(simulation)]
        assert len(times) == bad
        verified = sorted(entry.settled_at for entry in simulation.budget().status.entries if entry.settled_at)
        held = bad - max(1, of * 3 // 10)  # the last few are as many as may be sick at once
        assert all(end <= begin for end, begin in zip(verified[:held], times[1 : held + 1], strict=False))


def test_a_restart_of_what_was_released_badly_is_held_all_the_same() -> None:
    with Simulation() as simulation:
        released_badly(simulation, bad=2, of=3, steps=[step("rolloutRestart")])
        simulation.run(20 * MINUTE)
        assert acted_on(simulation) == []


def test_one_whose_template_ran_well_holds_the_others() -> None:
    """It is a victim, of theirs or of something common: which, is not known."""
    with Simulation() as simulation:
        released_badly(simulation, bad=2, of=4, steps=[step("rolloutUndo")])
        simulation.world.sicken_pods("web-3", "crash")
        simulation.run(20 * MINUTE)
        assert acted_on(simulation) == []


def test_after_an_undo_that_did_not_help_no_other_goes_ahead() -> None:
    """Then the cause was common after all."""
    with Simulation() as simulation:
        released_badly(simulation, bad=3, of=4, steps=[step("rolloutUndo", verify={"timeout": "2m"})])
        simulation.people = _break_what_is_undone
        simulation.run(60 * MINUTE)
        assert len(acted_on(simulation)) == 1


def _break_what_is_undone(simulation: Simulation) -> None:
    """Whatever is made of a template that was well now fails, too."""
    for _, (_, name) in acted_on(simulation):
        for pod in simulation.world.pods(name):
            life = simulation.world.controllers.pods.lives[pod["metadata"]["uid"]]
            if life.behaviour == "good":
                simulation.world.sicken_pods(name, "crash")
