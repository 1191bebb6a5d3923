"""PolicyBook, TargetFinder, Untargeted, HeldAlerts, Gatherer, Historian and Narrator over the model of the API."""

from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import generate_latest

from platelet import triggers
from platelet.core import signals
from platelet.core.opening import Update
from platelet.core.untargeted_alerts import Stray
from platelet.model.escalation import EscalationRecord
from platelet.model.outside import Outside
from platelet.model.policy import Settings
from platelet.model.remediation import RemediationStatus
from platelet.model.resource import CRON_JOBS
from platelet.model.situation import Situation
from platelet.shell import kube
from platelet.shell.act.revision_tracker import RevisionTracker
from platelet.shell.intake.held_alerts import HeldAlerts
from platelet.shell.intake.receiver import NotStoredError
from platelet.shell.kube import REMEDIATIONS
from platelet.shell.read.process_state import ProcessState
from platelet.shell.read.situations import SituationReader
from platelet.shell.read.snapshots import read_snapshot
from platelet.shell.store.opener import store_status
from platelet.shell.store.policies import PolicyBook
from platelet.shell.telemetry.metrics import Metrics
from platelet.shell.telemetry.progress import ProgressReporter
from platelet.triggers import targeting
from tests.scenarios.manifests import on_pods, policy, runbook, step
from tests.scenarios.world import OPERATOR, SHOP
from tests.unit.shell.in_memory import API, MINUTE, Shell
from tests.unit.situations import (
    a_notification,
    a_remediation,
    a_signal,
    a_status,
    an_alert,
    an_attempt,
    evidence_of,
    minutes,
    seconds,
)


def ready(shell: Shell, name: str = "heal") -> tuple[str, str]:
    (condition,) = shell.world.store.get(kube.POLICIES, SHOP, name)["status"]["conditions"]
    return condition["status"], condition["reason"]


async def test_a_good_policy_is_told_so_once() -> None:
    shell = Shell()
    await shell.book.refresh()
    await shell.policy_statuses.tell(shell.book.judgements)
    assert ready(shell) == ("True", "Ready")
    revision = shell.world.store.revision
    await shell.book.refresh()
    await shell.policy_statuses.tell(shell.book.judgements)
    assert shell.world.store.revision == revision


async def test_a_selected_namespace_that_is_being_deleted_is_the_policys_still_but_counts_no_more() -> None:
    shell = Shell()
    selector = {"matchLabels": {"team": "shop"}}
    shell.world.store.create(kube.RUNBOOKS, OPERATOR, runbook(step("rolloutRestart")))
    shell.world.store.create(kube.POLICIES, OPERATOR, policy("wide", namespaceSelector=selector))
    for name in ("stays", "ends"):
        metadata = {"name": name, "labels": {"team": "shop"}, "finalizers": ["kubernetes"]}
        shell.world.store.create(kube.NAMESPACES, "", {"metadata": metadata})
    shell.world.store.delete(kube.NAMESPACES, "", "ends")
    wide = await shell.book.live(OPERATOR, "wide")
    assert wide is not None
    assert wide.namespaces == {OPERATOR, "stays", "ends"}
    assert wide.lasting_namespaces == {OPERATOR, "stays"}


UNUSABLE: dict[str, tuple[dict[str, Any], str]] = {
    "without its runbook": ({"runbookRef": {"name": "missing"}}, "RunbookNotFound"),
    "with a selector of namespaces outside of the operator's": (
        {"namespaceSelector": {"matchLabels": {"a": "b"}}},
        "NamespaceSelectorNotAllowed",
    ),
    "with an unknown field": ({"colour": "red"}, "InvalidSpec"),
    "with a matcher that cannot be read": ({"triggers": [{"alert": {"matchers": ["=x"]}}]}, "InvalidMatcher"),
}


@pytest.mark.parametrize(("spec", "reason"), UNUSABLE.values(), ids=UNUSABLE)
async def test_a_policy_that_cannot_be_used_says_why_and_costs_nobody_else(spec: dict[str, Any], reason: str) -> None:
    """I23."""
    shell = Shell()
    shell.apply(kube.POLICIES, policy("bad", **spec))
    await shell.book.refresh()
    await shell.policy_statuses.tell(shell.book.judgements)
    assert ready(shell, "bad") == ("False", reason)
    assert [resolved.policy.name for resolved in shell.book.matching(API, {"heal": "yes"})] == ["heal"]


UNUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "a query that cannot be read": ({"query": {"expr": "sum(load{", "above": 1}}, "InvalidQuery", "sum(load{"),
    "a query with a placeholder": (
        {"query": {"expr": 'load{a="$target.name"}', "above": 1}},
        "InvalidQuery",
        "knows no $target",
    ),
    "a query without a Prometheus": ({"query": {"expr": "load", "above": 1}}, "PrometheusNotConfigured", "Prometheus"),
    "a matcher that cannot be read": ({"alert": {"matchers": ["alertname=~'('"]}}, "InvalidMatcher", "alertname=~"),
    "a matcher of all alerts": ({"alert": {"matchers": ['team!="a"']}}, "InvalidMatcher", "without any label"),
}


@pytest.mark.parametrize(("trigger", "reason", "message"), UNUSED.values(), ids=UNUSED)
async def test_a_trigger_that_cannot_be_used_is_told_and_costs_the_others_nothing(
    trigger: dict[str, Any], reason: str, message: str
) -> None:
    """The warning goes when the trigger is mended; explain, which has no settings, believes the operator."""
    shell = Shell()
    shell.apply(kube.POLICIES, policy("mixed", triggers=[on_pods(), trigger]))
    operators = PolicyBook(shell.api, shell.clock, OPERATOR, Outside())
    for book in (operators, shell.book):
        await book.refresh()
        await shell.policy_statuses.tell(book.judgements)
        mixed = next(resolved for resolved in book.resolved_policies if resolved.policy.name == "mixed")
        assert mixed.policy.ready
        assert [triggers.of(settings).key for settings in mixed.loaded.triggers] == ["pod"]
        assert [fault.reason for fault in mixed.loaded.unusable] == [reason]
        why, text = warning(shell, "mixed")
        assert (why, message in text) == (reason, True)
    stored = shell.world.store.get(kube.POLICIES, SHOP, "mixed")
    mended = {**stored, "spec": {**stored["spec"], "triggers": [on_pods()]}}
    shell.world.store.replace(kube.POLICIES, SHOP, "mixed", mended)
    await operators.refresh()
    await shell.policy_statuses.tell(operators.judgements)
    assert ready(shell, "mixed") == ("True", "Ready")


async def test_who_does_not_know_the_settings_believes_the_operator() -> None:
    """Explain has no OperatorConfig: that there is no Prometheus is on the policy, until the policy is another one."""
    shell = Shell()
    shell.apply(kube.POLICIES, policy("measured", triggers=[{"query": {"expr": "load", "above": 5}}]))
    operators = PolicyBook(shell.api, shell.clock, OPERATOR, Outside())
    await operators.refresh()
    await shell.policy_statuses.tell(operators.judgements)
    judged = await operators.live(SHOP, "measured")
    assert judged is not None
    assert not judged.policy.ready
    assert ready(shell, "measured") == ("False", "PrometheusNotConfigured")
    believed = await shell.book.live(SHOP, "measured")
    assert believed is not None
    assert believed.policy == judged.policy
    stored = shell.world.store.get(kube.POLICIES, SHOP, "measured")
    shell.world.store.replace(
        kube.POLICIES, SHOP, "measured", {**stored, "spec": {**stored["spec"], "triggers": [on_pods()]}}
    )
    changed = await shell.book.live(SHOP, "measured")
    assert changed is not None
    assert changed.policy.ready


def warning(shell: Shell, name: str) -> tuple[str, str]:
    """Reason and message of the condition Warning; empty without one."""
    conditions = shell.world.store.get(kube.POLICIES, SHOP, name)["status"]["conditions"]
    warnings = [condition for condition in conditions if condition["type"] == "Warning"]
    return (warnings[0]["reason"], warnings[0]["message"]) if warnings else ("", "")


TOKEN = {"name": "token", "key": "t"}
NAMED: dict[str, tuple[dict[str, Any], kube.Resource, dict[str, Any], str]] = {
    "a workload": (
        {"targets": {"refs": [{"kind": "Deployment", "name": "later"}]}},
        kube.DEPLOYMENTS,
        {"metadata": {"name": "later", "namespace": SHOP}, "spec": {}},
        "there is no Deployment later",
    ),
    "a Secret": (
        {"escalation": {"webhook": {"url": "https://hooks.svc/", "secretRef": TOKEN}}},
        kube.SECRETS,
        {"metadata": {"name": "token", "namespace": SHOP}, "data": {"t": "c2VjcmV0"}},
        "there is no Secret shop/token",
    ),
}


async def test_a_cronjob_that_a_step_needs_and_is_not_there_is_told_on_the_policy_until_it_is() -> None:
    shell = Shell()
    shell.apply(kube.RUNBOOKS, runbook(step("job", {"fromCronJob": "mend"}), name="mending"))
    shell.apply(kube.POLICIES, policy("names", runbookRef={"name": "mending"}))
    await shell.book.refresh()
    await shell.policy_statuses.tell(shell.book.judgements)
    assert warning(shell, "names")[0] == "MissingReference"
    assert "step job: there is no CronJob mend" in warning(shell, "names")[1]
    shell.world.store.create(CRON_JOBS, SHOP, {"metadata": {"name": "mend"}, "spec": {}})
    await shell.book.refresh()
    await shell.policy_statuses.tell(shell.book.judgements)
    assert warning(shell, "names") == ("", "")


@pytest.mark.parametrize("name", NAMED)
async def test_what_a_policy_names_and_is_not_there_is_told_on_it_until_it_is(name: str) -> None:
    """At once, and not when it is needed at three in the morning; a heal's own look leaves the word as it is."""
    spec, resource, missing, words = NAMED[name]
    shell = Shell()
    shell.apply(kube.POLICIES, policy("names", **spec))
    await shell.book.refresh()
    await shell.policy_statuses.tell(shell.book.judgements)
    warned = warning(shell, "names")
    assert words in warned[1]
    await shell.book.live(SHOP, "names")
    assert warning(shell, "names") == warned
    shell.world.store.create(resource, SHOP, missing)
    await shell.book.refresh()
    await shell.policy_statuses.tell(shell.book.judgements)
    assert warning(shell, "names") == ("", "")


@pytest.mark.parametrize("name", NAMED)
async def test_what_a_policy_names_and_is_there_is_not_looked_for_at_each_sweep(name: str) -> None:
    """It is after half an hour: then it may be gone."""
    spec, resource, missing, words = NAMED[name]
    shell = Shell()
    shell.apply(kube.POLICIES, policy("names", **spec))
    shell.world.store.create(resource, SHOP, missing)
    await shell.book.refresh()
    shell.world.store.delete(resource, SHOP, missing["metadata"]["name"])
    first = shell.world.server.index
    for _ in range(10):
        await shell.book.refresh()
    assert not [call for call in shell.world.server.audit[first:] if call.resource == resource.plural]
    shell.world.advance(30 * MINUTE)
    await shell.book.refresh()
    await shell.policy_statuses.tell(shell.book.judgements)
    assert words in warning(shell, "names")[1]


async def test_a_policy_where_nothing_is_ever_done_is_not_ready() -> None:
    """In the operator's own namespace without a namespaceSelector, as in kube-system."""
    shell = Shell()
    home = {**policy("home"), "metadata": {"name": "home", "namespace": OPERATOR}}
    shell.world.store.create(kube.POLICIES, OPERATOR, home)
    await shell.book.refresh()
    await shell.policy_statuses.tell(shell.book.judgements)
    (condition,) = shell.world.store.get(kube.POLICIES, OPERATOR, "home")["status"]["conditions"]
    assert (condition["status"], condition["reason"]) == ("False", "ProtectedNamespace")


async def test_a_policy_that_is_gone_is_forgotten() -> None:
    shell = Shell()
    await shell.book.refresh()
    await shell.policy_statuses.tell(shell.book.judgements)
    shell.world.store.delete(kube.POLICIES, SHOP, "heal")
    assert await shell.book.live(SHOP, "heal") is None
    await shell.book.refresh()
    await shell.policy_statuses.tell(shell.book.judgements)
    assert shell.book.resolved_policies == ()


async def test_a_policy_that_names_another_runbook_has_that_one_at_once() -> None:
    shell = Shell()
    await shell.book.refresh()
    shell.world.store.create(kube.RUNBOOKS, SHOP, runbook(step("rolloutRestart"), name="other"))
    shell.world.store.patch(kube.POLICIES, SHOP, "heal", {"spec": {"runbookRef": {"name": "other"}}})
    resolved = await shell.book.live(SHOP, "heal")
    assert resolved is not None
    assert resolved.runbook is not None
    assert resolved.runbook.name == "other"


async def test_a_policy_matches_by_labels_in_its_own_namespace_only() -> None:
    shell = Shell()
    await shell.book.refresh()
    await shell.policy_statuses.tell(shell.book.judgements)
    assert not shell.book.matching(API, {"heal": "no"})
    assert not shell.book.matching(replace(API, namespace="bank"), {"heal": "yes"})


async def test_a_suspension_that_is_over_no_longer_holds() -> None:
    shell = Shell(suspended={"reason": "freeze", "until": "2026-11-21T08:30:00Z"})
    assert (await shell.resolved()).policy.suspended == "freeze"
    shell.clock.moment += minutes(60)
    assert (await shell.resolved()).policy.suspended == ""


LOCATED = {
    "a deployment by name": (targeting.WorkloadNamed(kind="Deployment", namespace=SHOP, name="api"), "api"),
    "a stateful set by name": (targeting.WorkloadNamed(kind="StatefulSet", namespace=SHOP, name="db"), "db"),
    "a daemon set by name": (targeting.WorkloadNamed(kind="DaemonSet", namespace=SHOP, name="agent"), "agent"),
    "another kind": (targeting.WorkloadNamed(kind="Rollout", namespace=SHOP, name="db"), None),
    "a pod of a stateful set": (targeting.PodNamed(namespace=SHOP, pod="db-0"), "db"),
    "a pod of a daemon set": (targeting.PodNamed(namespace=SHOP, pod="agent-x"), "agent"),
    "a pod of another group's stateful set": (targeting.PodNamed(namespace=SHOP, pod="kruise-0"), None),
    "a pod of a job": (targeting.PodNamed(namespace=SHOP, pod="job-x"), None),
    "a pod that is gone": (targeting.PodNamed(namespace=SHOP, pod="gone"), None),
    "a pod of nobody": (targeting.PodNamed(namespace=SHOP, pod="lonely"), None),
    "an autoscaler": (targeting.HpaNamed(namespace=SHOP, name="hpa"), "api"),
    "an autoscaler that is gone": (targeting.HpaNamed(namespace=SHOP, name="gone"), None),
    "a job": (targeting.JobNamed(namespace=SHOP, name="job"), None),
    "nothing": (targeting.Nothing(reason="no label names a workload"), None),
}


OWNED = (
    ("db-0", "apps/v1", "StatefulSet", "db"),
    ("agent-x", "apps/v1", "DaemonSet", "agent"),
    ("kruise-0", "apps.kruise.io/v1beta1", "StatefulSet", "kruise"),
    ("job-x", "batch/v1", "Job", "job"),
)


@pytest.mark.parametrize(("located", "name"), LOCATED.values(), ids=LOCATED)
async def test_where_an_alert_leads(located: targeting.Located, name: str | None) -> None:
    """To one workload, or to a reason for people; never to a guess (I1)."""
    shell = Shell()
    shell.apply(kube.PODS, {"metadata": {"name": "lonely"}, "spec": {}})
    for pod, version, kind, owner in OWNED:
        controller = {"apiVersion": version, "kind": kind, "name": owner, "uid": f"uid-{owner}", "controller": True}
        shell.apply(kube.PODS, {"metadata": {"name": pod, "ownerReferences": [controller]}, "spec": {}})
    reference = {"scaleTargetRef": {"kind": "Deployment", "name": "api"}}
    shell.apply(kube.AUTOSCALERS, {"metadata": {"name": "hpa"}, "spec": reference})
    target = await shell.finder.of_alert(located)
    assert (target.target.name if target.target else None) == name
    assert bool(target.why) == (target.target is None)


async def test_a_pod_of_the_same_name_is_not_the_pod_that_was_meant() -> None:
    shell = Shell()
    pod = shell.world.pods("api")[0]["metadata"]
    named = targeting.PodNamed(namespace=SHOP, pod=pod["name"], uid="another")
    assert (await shell.finder.of_alert(named)).target is None
    assert (await shell.finder.of_alert(replace(named, uid=pod["uid"]))).target == API


async def test_a_replica_set_of_the_same_name_is_not_the_one_that_was_meant() -> None:
    shell = Shell()
    (replica_set,) = shell.world.store.find(kube.REPLICA_SETS, SHOP)
    assert await shell.finder.of_replica_set(SHOP, replica_set["metadata"]["name"], "another") is None
    for _ in range(2):
        assert (
            await shell.finder.of_replica_set(SHOP, replica_set["metadata"]["name"], replica_set["metadata"]["uid"])
            == API
        )
    assert sum(call.resource == "replicasets" for call in shell.world.server.audit) == 2, "asked once per uid"


async def test_untargeted_alerts_are_bounded_and_told_by_webhook_too() -> None:
    """I27."""
    shell = Shell(escalation={"webhook": {"url": "https://hooks.example.com"}})
    resolved = await shell.resolved()
    strays = [Stray(alert=shell.an_alert(number), why="no label names a workload") for number in range(25)]
    for process in (shell.untargeted, shell.untargeted, shell.new_untargeted()):
        before = shell.world.server.index
        await process.record(resolved, strays)
        status = shell.world.store.get(kube.POLICIES, SHOP, "heal")["status"]
        assert [alert["fingerprint"] for alert in status["untargetedAlerts"]] == [
            stray.alert.episode for stray in strays[:20]
        ]
        assert shell.world.server.index - before <= 2, "one write for all that came together"
        await shell.tell_people()
        assert len(shell.people.delivered) == 20, "those on the list, once"
    assert status["untargetedDropped"] == 10, "counted by each process"


async def test_an_untargeted_alert_that_has_resolved_makes_room() -> None:
    shell = Shell()
    resolved = await shell.resolved()
    await shell.untargeted.record(resolved, [Stray(alert=shell.an_alert(number), why="why") for number in range(20)])
    await shell.untargeted.record(resolved, [Stray(alert=shell.an_alert(3, resolved=True), why="why")])
    await shell.untargeted.record(resolved, [Stray(alert=shell.an_alert(20), why="why")])
    status = shell.world.store.get(kube.POLICIES, SHOP, "heal")["status"]
    listed = [alert["fingerprint"] for alert in status["untargetedAlerts"]]
    assert shell.an_alert(20).episode in listed
    assert shell.an_alert(3).episode not in listed


async def test_an_observing_policy_calls_nobody() -> None:
    shell = Shell(mode="Observe", escalation={"webhook": {"url": "https://hooks.example.com"}})
    await shell.untargeted.record(await shell.resolved(), [Stray(alert=shell.an_alert(), why="why")])
    await shell.tell_people()
    assert not shell.people.delivered


async def with_an_open_remediation(shell: Shell, fact: Any) -> Any:
    await shell.opener.bring(API, [fact], [await shell.resolved()])
    (only,) = shell.remediations()
    status = a_status(opened_at=shell.clock.now(), evidence=(fact,))
    await store_status(shell.api, only, Update(remediation=only, status=status))
    return shell.remediations()[0]


async def test_an_alert_that_is_absent_is_stored_as_resolved() -> None:
    shell = Shell()
    fact = evidence_of(an_alert())
    held = HeldAlerts(shell.api)
    held.seen([await with_an_open_remediation(shell, fact)])
    assert list(held.held()) == [fact.fingerprint]
    await held.resolve([fact.fingerprint, "another"], shell.clock.now())
    (only,) = shell.remediations()
    assert only.status.evidence[0].resolved_at == max(shell.clock.now(), fact.first_seen)
    held.seen([only])
    assert not held.held()


async def test_a_silence_and_its_end_are_stored_once_each() -> None:
    shell = Shell()
    fact = evidence_of(an_alert())
    held = HeldAlerts(shell.api)
    held.seen([await with_an_open_remediation(shell, fact)])
    await held.suppress({fact.fingerprint}, (), shell.clock.now())
    (only,) = shell.remediations()
    assert only.status.evidence[0].suppressed_at == shell.clock.now()
    held.seen([only])
    before = shell.world.server.index
    await held.suppress({fact.fingerprint}, {"another"}, shell.clock.now())
    assert shell.world.server.index == before, "nothing new was said, and something was asked"
    await held.suppress((), {fact.fingerprint}, shell.clock.now())
    (only,) = shell.remediations()
    assert only.status.evidence[0].suppressed_at is None


async def test_an_absence_that_cannot_be_stored_is_told_again() -> None:
    shell = Shell()
    fact = evidence_of(an_alert())
    held = HeldAlerts(shell.api)
    held.seen([await with_an_open_remediation(shell, fact)])
    shell.world.server.faults.at[shell.world.server.index + 1] = "unanswered"
    with pytest.raises(NotStoredError):
        await held.resolve([fact.fingerprint], shell.clock.now())
    await held.resolve([fact.fingerprint], shell.clock.now())
    assert shell.remediations()[0].status.evidence[0].resolved_at is not None


async def test_an_absence_is_stored_although_somebody_else_was_faster() -> None:
    shell = Shell()
    fact = evidence_of(an_alert())
    held = HeldAlerts(shell.api)
    held.seen([await with_an_open_remediation(shell, fact)])
    for after in (1, 3):
        shell.world.server.faults.at[shell.world.server.index + after] = "conflict"
    await held.resolve([fact.fingerprint], shell.clock.now())
    assert shell.remediations()[0].status.evidence[0].resolved_at is not None


async def test_alertmanager_is_not_asked_about_an_alert_that_grafana_tells() -> None:
    """It would be absent there for ever, and so taken for resolved."""
    facts = (evidence_of(an_alert(fingerprint="a")), replace(evidence_of(an_alert(fingerprint="b")), sender="Grafana"))
    held = HeldAlerts(Shell().api)
    held.seen([a_remediation(status=a_status(evidence=facts))])
    assert list(held.held()) == ["a"]


async def test_closed_remediations_hold_nothing() -> None:
    held = HeldAlerts(Shell().api)
    held.seen([a_remediation(status=a_status(state="Closed", evidence=(evidence_of(an_alert()),)))])
    assert not held.held()


def a_situation_reader(shell: Shell, *, thorough: bool = False) -> SituationReader:
    around = ProcessState(
        settings=Settings(namespace=OPERATOR), epoch=lambda: 3, alerts_known_at=lambda: None, thorough=thorough
    )
    return shell.readers.situations(shell.runner, around)


async def gathered(shell: Shell, *, thorough: bool = False) -> Situation:
    fact = signals.as_evidence(a_signal(), shell.clock.now())
    remediation = await with_an_open_remediation(shell, fact)
    return await a_situation_reader(shell, thorough=thorough).gather(remediation, await read_snapshot(shell.api, API))


async def test_a_situation_is_what_the_api_server_says_now() -> None:
    situation = await gathered(Shell(), thorough=True)
    assert situation.snapshot.workload is not None
    assert (situation.snapshot.workload.ref, len(situation.snapshot.pods), len(situation.snapshot.revisions)) == (
        API,
        2,
        1,
    )
    assert situation.policy is not None
    assert (situation.policy.name, situation.knowledge.epoch, situation.knowledge.clock_age_seconds) == ("heal", 3, 0.0)
    assert situation.surroundings.scope is not None
    assert (situation.surroundings.scope.total, situation.surroundings.scope.sick) == (1, frozenset({API}))
    assert [step.action for step in situation.ladder.steps] == ["rolloutUndo", "rolloutRestart"]
    assert situation.signals == (), "the pods are well"


async def test_what_is_far_around_is_not_read_where_nothing_holds_anyway() -> None:
    """1,000 workloads would be listed at every look, to say no for another reason."""
    assert (await gathered(Shell())).surroundings.scope is None


async def test_what_people_have_said_on_the_namespace_is_read() -> None:
    shell = Shell()
    stored = shell.world.store.get(kube.NAMESPACES, "", SHOP)
    stored["metadata"]["annotations"] = {"platelet.dev/suspend": "freeze"}
    shell.world.store.replace(kube.NAMESPACES, "", SHOP, stored)
    assert (await gathered(shell)).surroundings.namespace_suspended == "freeze"


async def test_a_policy_or_a_budget_that_is_gone_is_unknown() -> None:
    shell = Shell()
    situation = await gathered(shell)
    shell.world.store.delete(kube.POLICIES, SHOP, "heal")
    shell.world.store.delete(kube.BUDGETS, OPERATOR, "platelet")
    again = await a_situation_reader(shell).gather(situation.remediation, await read_snapshot(shell.api, API))
    assert (again.policy, again.budget, again.surroundings.scope) == (None, None, None)


async def test_a_deleted_workload_is_seen_as_such() -> None:
    shell = Shell()
    shell.world.delete("api")
    snapshot = await read_snapshot(shell.api, API)
    assert (snapshot.workload, snapshot.pods) == (None, ())


async def test_pods_of_others_with_the_same_labels_are_not_the_targets() -> None:
    shell = Shell()
    shell.apply(kube.PODS, {"metadata": {"name": "lonely", "labels": {"app": "api"}}, "spec": {}})
    assert "lonely" not in {pod.name for pod in (await read_snapshot(shell.api, API)).pods}


async def test_a_read_that_fails_is_no_situation() -> None:
    """I10: every read in turn."""
    shell = Shell()
    remediation = (await gathered(shell)).remediation
    snapshot = await read_snapshot(shell.api, API)
    situations = a_situation_reader(shell)
    first = shell.world.server.index
    await situations.gather(remediation, snapshot)
    calls = shell.world.server.audit[first:]
    for offset, call in enumerate(calls):
        index = shell.world.server.index + offset
        shell.world.server.faults.at = {index: "unanswered"}
        if call.resource == kube.BUDGETS.plural:
            assert (await situations.gather(remediation, snapshot)).budget is None
            continue
        with pytest.raises(kube.Unanswered):
            await situations.gather(remediation, snapshot)


async def test_a_template_is_remembered_and_proves_itself_in_time() -> None:
    shell = Shell()
    revision_tracker = RevisionTracker(shell.api, shell.clock, shell.runner, minutes(10))
    assert await revision_tracker.look(API, acting=True) == shell.clock.now()
    proven_at = await revision_tracker.look(API, acting=True)
    assert proven_at is not None
    assert [record.health for record in (await read_snapshot(shell.api, API)).records] == ["Unknown"]
    shell.world.advance_to(proven_at)
    await revision_tracker.look(API, acting=True)
    assert [record.health for record in (await read_snapshot(shell.api, API)).records] == ["Healthy"]


@pytest.mark.parametrize("nth", range(9))
async def test_a_release_between_two_reads_does_not_blame_the_template_before_it(nth: int) -> None:
    """Else an undo would have no goal: the incident that is read is that of a release which was not read yet."""
    shell = Shell()
    revision_tracker = RevisionTracker(shell.api, shell.clock, shell.runner, minutes(1))
    for _ in range(4):
        await revision_tracker.look(API, acting=True)
        shell.world.advance(MINUTE)
    (good,) = (await read_snapshot(shell.api, API)).records
    assert good.health == "Healthy"
    opened = await with_an_open_remediation(shell, evidence_of(a_signal()))
    spec = shell.world.store.get(REMEDIATIONS, SHOP, opened.name)["spec"]
    shell.world.store.delete(REMEDIATIONS, SHOP, opened.name)
    moment = shell.world.server.index + nth

    def strike(index: int) -> None:
        if index == moment:
            shell.world.release("api", "app:crash")
            shell.apply(REMEDIATIONS, {"metadata": {"name": opened.name}, "spec": spec})

    shell.world.server.on_call = strike
    await revision_tracker.look(API, acting=True)
    shell.world.server.on_call = None
    assert [record.health for record in (await read_snapshot(shell.api, API)).records if record.name == good.name] == [
        "Healthy"
    ]


@pytest.mark.parametrize(("acting", "left"), [(True, False), (False, True)], ids=["acting", "observing"])
async def test_a_stale_mark_is_removed_where_a_policy_acts(acting: bool, left: bool) -> None:  # noqa: FBT001 - a table's columns
    """TRAPS 42, I18."""
    shell = Shell()
    shell.world.annotate("api", {"platelet.dev/escalated": '{"uid":"gone"}'})
    await RevisionTracker(shell.api, shell.clock, shell.runner, 10 * MINUTE).look(API, acting=acting)
    assert ("platelet.dev/escalated" in shell.world.deployment("api")["metadata"]["annotations"]) == left


async def test_the_mark_of_a_remediation_that_cannot_be_read_stays() -> None:
    """A newer version's, maybe, that has escalated."""
    shell = Shell()
    opened = await with_an_open_remediation(shell, evidence_of(a_signal()))
    shell.world.store.patch(REMEDIATIONS, opened.namespace, opened.name, {"spec": {"mode": "Unheard-of"}})
    shell.world.annotate("api", {"platelet.dev/escalated": f'{{"uid":"{opened.uid}"}}'})
    await RevisionTracker(shell.api, shell.clock, shell.runner, 10 * MINUTE).look(API, acting=True)
    assert "platelet.dev/escalated" in shell.world.deployment("api")["metadata"]["annotations"]


def test_what_has_changed_is_counted_once() -> None:
    metrics = Metrics()
    progress = ProgressReporter(metrics)
    before = a_remediation(status=a_status())
    after = a_status(state="Verifying", attempts=(an_attempt(),))
    progress.tell(before, after)
    progress.tell(replace(before, status=after), after)
    judged = replace(after, state="Monitoring", attempts=(an_attempt(verdict="Recovered"),))
    progress.tell(replace(before, status=after), judged)
    progress.count_open([replace(before, status=judged), a_remediation(status=RemediationStatus(state="Closed"))])
    lines = generate_latest(metrics.registry).decode().splitlines()
    samples = [
        line for line in lines if not line.startswith("#") and "_created" not in line and not line.endswith(" 0.0")
    ]
    assert any(
        "attempts_total" in sample and 'phase="Done"' in sample and sample.endswith(" 1.0") for sample in samples
    )
    assert any(
        "verdicts_total" in sample and 'outcome="Recovered"' in sample and sample.endswith(" 1.0") for sample in samples
    )
    assert [sample for sample in samples if "remediations_open" in sample] == [
        'platelet_remediations_open{state="Monitoring"} 1.0'
    ]


def test_what_webhooks_have_not_taken_is_a_gauge_and_each_escalation_is_counted() -> None:
    metrics = Metrics()
    progress, now = ProgressReporter(metrics), Shell().clock.now()
    given_up, failed = EscalationRecord(reason="GaveUp", message="m", at=now), a_notification(tries=1, error="503")
    waiting, had = a_status(), a_status(state="Escalated", escalation=given_up, notifications=(failed,))
    progress.tell(a_remediation(status=waiting), had)
    progress.tell(a_remediation(status=had), replace(had, notifications=(replace(failed, tries=2),)))
    again = replace(had, escalation=replace(given_up, at=now + minutes(1)))
    progress.tell(a_remediation(status=had), again)
    progress.count_untold([a_remediation(status=had), a_remediation(status=waiting)])
    read = metrics.registry.get_sample_value
    assert read("platelet_escalations_total", {"reason": "GaveUp"}) == 2
    assert read("platelet_notices_undelivered") == 1
    progress.count_untold([])
    assert read("platelet_notices_undelivered") == 0


async def test_notices_of_alerts_without_a_target_are_counted_too() -> None:
    shell, metrics = Shell(escalation={"webhook": {"url": "https://hooks.example.com"}}), Metrics()
    shell.people.down = True
    await shell.untargeted.record(await shell.resolved(), [Stray(alert=shell.an_alert(), why="why")])
    again_at = await shell.tell_people()
    assert again_at == shell.clock.now() + seconds(5)
    await shell.book.refresh()
    ProgressReporter(metrics).count_untold([], shell.book.resolved_policies)
    assert metrics.registry.get_sample_value("platelet_notices_undelivered") == 1
