"""Situations of the packs in deploy/packs with their own times, which no live test can wait for."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from platelet.changes import config_value
from platelet.model.remediation import Remediation
from platelet.shell import kube
from tests.scenarios import jobs
from tests.scenarios.heals import approve, moments, sample
from tests.scenarios.incidents import MINUTE, states
from tests.scenarios.model_api import FaultKind
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

PACKS = Path(__file__).parents[2] / "deploy" / "packs"


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    with Simulation() as simulation:
        yield simulation


def begin(simulation: Simulation, pack: str, name: str, target: str, replicas: int = 2) -> None:
    """One policy of a pack, its Runbook and its EscalationPolicy; and its target, which runs well."""
    texts = [path.read_text() for path in sorted((PACKS / pack).glob("*.yaml")) if path.stem != "kustomization"]
    objects: list[kube.Json] = [entry for text in texts for entry in yaml.safe_load_all(text)]
    policies = [entry for entry in objects if entry["kind"] == "RemediationPolicy"]
    rules = next(policy for policy in policies if policy["metadata"]["name"] == name)
    needed = {rules["spec"]["runbookRef"]["name"], rules["spec"]["escalation"]["policyRef"]["name"]}
    others = [entry for entry in objects if entry not in policies and entry["metadata"]["name"] in needed]
    simulation.apply(*others, rules)
    simulation.world.deploy(target, "app:good-1", replicas=replicas)
    simulation.run(3 * MINUTE)


def fire(simulation: Simulation, alertname: str, target: str, lasts: timedelta) -> None:
    """An alert about the target."""
    simulation.alerts.fire("f1", {"alertname": alertname, "namespace": SHOP, "deployment": target}, lasts=lasts)


def acts(simulation: Simulation) -> list[str]:
    """The actions of the only incident, in order."""
    return [attempt.action for attempt in simulation.remediation().status.attempts if attempt.kind == "Act"]


def first_act_after(remediation: Remediation) -> timedelta:
    """From the opening to the first intent."""
    opened = remediation.status.opened_at
    assert opened is not None
    return remediation.status.attempts[0].intended_at - opened


def env(simulation: Simulation, target: str) -> list[kube.Json]:
    """The environment of its container."""
    container = simulation.world.workload(target)["spec"]["template"]["spec"]["containers"][0]
    return list(container.get("env") or [])


def until_over(simulation: Simulation, within: timedelta = timedelta(hours=4)) -> None:
    """Until its incident is closed, or people have it."""

    def is_over() -> bool:
        reached = {state for state, _ in states(simulation)}
        return bool(reached) and reached <= {"Closed", "Escalated"}

    simulation.run_until(is_over, within)


def test_seed_003_an_attack_is_limited_for_as_long_as_it_lasts(simulation: Simulation) -> None:
    begin(simulation, "architect-api", "ddos", "architect-api")
    fire(simulation, "DDoS", "architect-api", 40 * MINUTE)
    simulation.run(10 * MINUTE)
    assert env(simulation, "architect-api") == [{"name": "RATE_LIMIT", "value": "100"}]
    simulation.run(60 * MINUTE)
    assert env(simulation, "architect-api") == []
    assert acts(simulation) == ["setEnv"]


def test_seed_003_idle_connections_are_ended_by_a_job(simulation: Simulation) -> None:
    jobs.shelve(simulation, "end-idle-connections")
    simulation.people = jobs.finish
    begin(simulation, "architect-api", "connections-exhausted", "architect-api")
    fire(simulation, "DatabaseConnectionsExhausted", "architect-api", 4 * MINUTE)
    until_over(simulation)
    assert (acts(simulation), len(jobs.started(simulation))) == (["job"], 1)
    assert simulation.remediation().status.reason == "Recovered"


def test_seed_003_a_complete_failure_fails_over_once_a_person_approves(simulation: Simulation) -> None:
    jobs.shelve(simulation, "failover-to-backup-region")
    begin(simulation, "architect-api", "complete-failure", "architect-api")
    fire(simulation, "ProductionDown", "architect-api", 30 * MINUTE)
    simulation.run(5 * MINUTE)
    assert (acts(simulation), jobs.started(simulation)) == ([], [])

    def work(world: Simulation) -> None:
        approve(world)
        jobs.finish(world)

    simulation.people = work
    simulation.run(5 * MINUTE)
    assert (acts(simulation), len(jobs.started(simulation))) == (["job"], 1)


def test_seed_004_the_provider_is_switched_after_half_an_hour_and_back_when_it_is_over(simulation: Simulation) -> None:
    before = {"AI_PROVIDER": "anthropic"}
    settings = {"metadata": {"name": "saas-backend"}, "data": before}
    simulation.world.store.create(config_value.CONFIG_MAPS, SHOP, settings)
    begin(simulation, "saas", "switch-provider", "saas-backend")
    simulation.world.set_up("saas-backend", envFrom=[{"configMapRef": {"name": "saas-backend"}}])
    simulation.run(3 * MINUTE)

    def provider() -> str:
        stored = simulation.world.store.get(config_value.CONFIG_MAPS, SHOP, "saas-backend")
        return str(stored["data"]["AI_PROVIDER"])

    fire(simulation, "AIProviderDown", "saas-backend", 90 * MINUTE)
    simulation.run(29 * MINUTE)
    assert (provider(), acts(simulation)) == ("anthropic", [])
    simulation.run(10 * MINUTE)
    assert (provider(), acts(simulation)) == ("openai", ["setConfig"])
    assert first_act_after(simulation.remediation()) >= 30 * MINUTE
    simulation.run(120 * MINUTE)
    assert provider() == "anthropic"


def test_seed_004_a_short_outage_of_the_provider_changes_nothing(simulation: Simulation) -> None:
    begin(simulation, "saas", "switch-provider", "saas-backend")
    fire(simulation, "AIProviderDown", "saas-backend", 20 * MINUTE)
    until_over(simulation)
    assert (acts(simulation), simulation.remediation().status.reason) == ([], "ResolvedByItself")


def test_seed_001_a_stuck_migration_is_waited_for_and_retried_with_approval(simulation: Simulation) -> None:
    jobs.shelve(simulation, "retry-migration")
    begin(simulation, "conflicto", "stuck-migration", "conflicto")

    def work(world: Simulation) -> None:
        approve(world)
        jobs.finish(world)

    simulation.people = work
    fire(simulation, "MigrationStuck", "conflicto", 15 * MINUTE)
    simulation.run(9 * MINUTE)
    assert jobs.started(simulation) == []
    until_over(simulation)
    assert (acts(simulation), len(jobs.started(simulation))) == (["job"], 1)
    assert first_act_after(simulation.remediation()) >= 10 * MINUTE


def test_seed_001_connection_timeouts_are_restarted_with_approval_only(simulation: Simulation) -> None:
    """Without an answer within half an hour people get the incident, and nothing was done."""
    begin(simulation, "conflicto", "connection-timeouts", "conflicto")
    fire(simulation, "DatabaseConnectionTimeouts", "conflicto", timedelta(hours=3))
    until_over(simulation)
    assert acts(simulation) == []
    assert simulation.remediation().status.reason == "ApprovalExpired"


def test_seed_001_pods_that_fail_on_after_the_rollback_are_made_anew_with_approval(simulation: Simulation) -> None:
    """They have read what was mended since. Each step asks."""
    begin(simulation, "conflicto", "stuck-rollout", "conflicto")
    simulation.world.release("conflicto", "app:pullfail")
    struck = False

    def work(world: Simulation) -> None:
        nonlocal struck
        if not struck and any(known.status.state == "Verifying" for known in world.remediations()):
            struck = True
            world.world.sicken_pods("conflicto", "crash-unready")
        approve(world)

    simulation.people = work
    until_over(simulation)
    attempts = simulation.remediation().status.attempts
    assert [(attempt.action, attempt.verdict, attempt.approved_by) for attempt in attempts] == [
        ("rolloutUndo", "Failed", "ann"),
        ("evictPods", "Recovered", "ann"),
    ]
    assert simulation.world.image("conflicto") == "app:good-1"


def test_seed_001_the_page_is_held_while_the_rollback_of_an_outage_runs_and_until_then_not(
    simulation: Simulation,
) -> None:
    """The owner is contacted "if the rollback does not resolve" it: then nothing is held any more."""
    begin(simulation, "conflicto", "production-down", "conflicto")
    simulation.world.release("conflicto", "app:good-2")
    fire(simulation, "ConflictoDown", "conflicto", timedelta(hours=3))
    simulation.run(5 * MINUTE)
    assert held(simulation) == []
    simulation.people = approve
    until_over(simulation)
    status = simulation.remediation().status
    assert (acts(simulation), status.state) == (["rolloutUndo"], "Escalated")
    assert status.escalation is not None
    assert held(simulation) == ["Healing", "HealingOver"]


def held(simulation: Simulation) -> list[str]:
    """What Alertmanager was told of holding a page, each kind once."""
    kinds = (known.kind for known in simulation.remediation().status.notifications if known.sink == "pages")
    return list(dict.fromkeys(kinds))


def test_seed_002_the_cpu_is_raised_and_watched_for_a_quarter_of_an_hour(simulation: Simulation) -> None:
    begin(simulation, "ohmycoins/base", "more-cpu", "backend")
    simulation.world.limit("backend", {"limits": {"cpu": "1"}, "requests": {"cpu": "500m"}})
    simulation.run(3 * MINUTE)
    fire(simulation, "HighCPUUsage", "backend", 6 * MINUTE)
    until_over(simulation)
    status = simulation.remediation().status
    assert (acts(simulation), status.reason) == (["adjustResources"], "Recovered")
    container = simulation.world.workload("backend")["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"] == {"limits": {"cpu": "1500m"}, "requests": {"cpu": "750m"}}
    verdict_at = status.attempts[0].verdict_at
    assert verdict_at is not None
    assert status.closed_at is not None
    assert status.closed_at - verdict_at >= 15 * MINUTE


@dataclass(frozen=True, slots=True)
class Situation:
    """What an alert that fires for so long about a target leads to, where people say yes to what is asked."""

    pack: str
    policy: str
    target: str
    alertname: str
    lasts: timedelta
    cron_jobs: tuple[str, ...] = ()

    def play(self, faults: dict[int, FaultKind] | None = None) -> "tuple[End, list[tuple[int, FaultKind]]]":
        """From a healthy workload to an hour after the alert's end."""
        with Simulation() as simulation:
            simulation.world.server.faults.at.update(faults or {})
            for name in self.cron_jobs:
                jobs.shelve(simulation, name)
            settings = {"metadata": {"name": self.target}, "data": {"AI_PROVIDER": "anthropic"}}
            simulation.world.store.create(config_value.CONFIG_MAPS, SHOP, settings)
            begin(simulation, self.pack, self.policy, self.target)
            simulation.world.set_up(
                self.target, envFrom=[{"configMapRef": {"name": self.target}}], resources={"requests": {"cpu": "1"}}
            )
            simulation.run(5 * MINUTE)
            simulation.people = _approve_and_finish
            first = simulation.world.server.index
            fire(simulation, self.alertname, self.target, self.lasts)
            simulation.run(self.lasts + 60 * MINUTE)
            audit = simulation.world.server.audit
            end = End(
                actions=tuple(acts(simulation)),
                states=tuple(
                    (remediation.status.state, remediation.status.reason) for remediation in simulation.remediations()
                ),
                container=simulation.world.container(self.target),
                replicas=simulation.world.replicas(self.target),
                settings=dict(simulation.world.store.get(config_value.CONFIG_MAPS, SHOP, self.target)["data"]),
                jobs=len(jobs.started(simulation)),
            )
            return end, moments(range(first, simulation.world.server.index), audit)


@dataclass(frozen=True, slots=True)
class End:
    """What is left of it."""

    actions: tuple[str, ...]
    states: tuple[tuple[str, str], ...]
    container: kube.Json
    replicas: int
    settings: kube.Json
    jobs: int


def _approve_and_finish(simulation: Simulation) -> None:
    approve(simulation)
    jobs.finish(simulation)


SITUATIONS = [
    Situation("architect-api", "ddos", "architect-api", "DDoS", 40 * MINUTE),
    Situation(
        "architect-api",
        "connections-exhausted",
        "architect-api",
        "DatabaseConnectionsExhausted",
        4 * MINUTE,
        ("end-idle-connections",),
    ),
    Situation(
        "architect-api",
        "complete-failure",
        "architect-api",
        "ProductionDown",
        5 * MINUTE,
        ("failover-to-backup-region",),
    ),
    Situation("architect-api", "data-loss", "architect-api", "DataLoss", 30 * MINUTE),
    Situation("saas", "switch-provider", "saas-backend", "AIProviderDown", 90 * MINUTE),
    Situation("conflicto", "stuck-migration", "conflicto", "MigrationStuck", 15 * MINUTE, ("retry-migration",)),
    Situation("conflicto", "connection-timeouts", "conflicto", "DatabaseConnectionTimeouts", 5 * MINUTE),
    Situation("conflicto", "stop-all-writes", "conflicto", "DataCorruption", 30 * MINUTE),
    Situation("ohmycoins/base", "more-cpu", "backend", "HighCPUUsage", 6 * MINUTE),
]


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: f"{situation.pack} {situation.policy}")
def test_a_restart_of_the_operator_in_the_middle_changes_nothing_in_the_end(situation: Situation) -> None:
    """At a sample of the calls."""
    end, kills = situation.play()
    assert end.actions
    for index, kind in sample(kills, max(1, len(kills) // 4), begin=len(kills) // 8):
        assert situation.play({index: kind})[0] == end, (index, kind)
