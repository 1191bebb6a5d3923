"""One Deployment explained: which policies are for it, which are not and why, and what it could go back to."""

import json
from dataclasses import replace
from typing import Any

import pytest

from platelet.actions.rollout_undo import RolloutUndo
from platelet.api.kinds.policy import LoadedPolicy
from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.api.kinds.runbook import Runbook
from platelet.api.kinds.targets import NO_TARGETS, Targets, WorkloadName
from platelet.api.readers.selectors import LabelSelector
from platelet.explain import documents, eligibility, incident, incident_text, overview, overview_text
from platelet.model.policy import Policy, Settings
from platelet.model.snapshot import Snapshot
from platelet.triggers.alert import AlertTrigger
from platelet.triggers.pod import PodTrigger
from tests.unit.explain.records_of_alerts import HEARD, an_untargeted_alert
from tests.unit.situations import (
    BAD,
    GOOD,
    NOW,
    RELEASED,
    TARGET,
    a_pod,
    a_policy,
    a_record,
    a_remediation,
    a_revision,
    a_sick_pod,
    a_situation,
    a_status,
    a_step,
    a_well_workload,
    a_workload,
    an_alert,
    evidence_of,
    minutes,
)

SECRET = "hunter2-the-password"
TEMPLATE = {"spec": {"containers": [{"name": "app", "env": [{"name": "PASSWORD", "value": SECRET}]}]}}
SICK = Snapshot(
    workload=a_workload(labels={"app": "api"}, template=TEMPLATE),
    revisions=(a_revision(2, BAD, replicas=2, template=TEMPLATE), a_revision(1, GOOD)),
    pods=(a_sick_pod("api-2-a"), a_sick_pod("api-2-b")),
    records=(
        a_record(template=TEMPLATE),
        a_record(BAD, health="Unknown", first_seen=RELEASED, template=TEMPLATE, released_by="ci-bot"),
    ),
)
WELL = replace(SICK, workload=a_well_workload(labels={"app": "api"}), pods=(a_pod("api-1-a"), a_pod("api-1-b")))
EVERYTHING = Targets(all=True)


def a_standing(policy: Policy | None = None, **changes: Any) -> ResolvedPolicy:
    """Build a ready policy that looks for crash loops of everything in its namespace."""
    seen = policy or a_policy()
    defaults: dict[str, Any] = {
        "policy": seen,
        "generation": 1,
        "triggers": (PodTrigger(reasons=("CrashLoopBackOff",)),),
        "targets": EVERYTHING,
        "runbook": "api-down",
    }
    namespaces = changes.pop("namespaces", frozenset({seen.namespace}))
    runbook = Runbook(namespace="shop", name="api-down", uid="uid-runbook", generation=1)
    return ResolvedPolicy(loaded=LoadedPolicy(**(defaults | changes)), runbook=runbook, namespaces=namespaces)


@pytest.mark.parametrize(
    ("resolved", "snapshot", "matches", "because"),
    [
        pytest.param(
            a_standing(), SICK, True, "CrashLoopBackOff since 2026-11-21T11:59:30Z: 2 of 2", id="it holds now"
        ),
        pytest.param(
            a_standing(),
            WELL,
            True,
            "no trigger holds now: it looks for pods with CrashLoopBackOff, 3 restarts at least",
            id="nothing is wrong",
        ),
        pytest.param(
            a_standing(triggers=(PodTrigger(reasons=("CrashLoopBackOff",), min_restarts=9, for_=minutes(2)),)),
            SICK,
            True,
            "no trigger holds now: it looks for pods with CrashLoopBackOff, 9 restarts at least, for 2m",
            id="not wrong enough yet",
        ),
        pytest.param(
            a_standing(triggers=(AlertTrigger(matchers=('alertname="Down"',)),)),
            SICK,
            True,
            'it looks for alerts with alertname="Down": none is on record for this workload',
            id="an alert that nobody has sent",
        ),
        pytest.param(
            a_standing(a_policy(ready=False, not_ready_reason="RunbookNotFound: create it")),
            SICK,
            False,
            "not ready: RunbookNotFound: create it",
            id="not ready, and why",
        ),
        pytest.param(
            a_standing(targets=Targets(selector=LabelSelector(match_labels={"tier": "web"}))),
            SICK,
            False,
            "not a target: the policy asks for tier=web; the workload's own metadata has app=api",
            id="another label",
        ),
        pytest.param(
            a_standing(targets=Targets(refs=(WorkloadName(kind="Deployment", name="web"),))),
            SICK,
            False,
            "not a target: the policy names Deployment web",
            id="another name",
        ),
        pytest.param(
            a_standing(targets=NO_TARGETS), SICK, False, "not a target: the policy is for no workload", id="no targets"
        ),
        pytest.param(
            a_standing(a_policy(namespace="platelet-system"), namespaces=frozenset({"platelet-system", "other"})),
            SICK,
            False,
            "its namespaceSelector does not choose namespace shop",
            id="another namespace",
        ),
        pytest.param(
            a_standing(a_policy(mode="Observe")),
            SICK,
            True,
            "mode Observe: it says what it would do, and does nothing",
            id="observing",
        ),
        pytest.param(
            a_standing(a_policy(suspended="holiday")), SICK, True, "suspended by people: holiday", id="suspended"
        ),
        pytest.param(
            eligibility.Unread(key="shop/broken", because="not ready: InvalidSpec: spec.mode"),
            SICK,
            False,
            "not ready: InvalidSpec: spec.mode",
            id="not understood",
        ),
    ],
)
def test_why_a_policy_is_for_it_or_not(
    resolved: ResolvedPolicy | eligibility.Unread,
    snapshot: Snapshot,
    matches: bool,  # noqa: FBT001 - a column
    because: str,
) -> None:
    """Each row is one policy, one Deployment, and the reason that people read."""
    [candidate] = eligibility.judge([resolved], TARGET, snapshot, {}, NOW)
    assert candidate.matches is matches
    assert because in "\n".join(candidate.because)


def test_of_several_the_one_that_takes_precedence_is_named() -> None:
    """By priority, then by name."""
    low, high = a_standing(a_policy(name="a")), a_standing(a_policy(name="b", priority=1))
    first, second = eligibility.judge([low, high], TARGET, SICK, {}, NOW)
    assert first.because[0] == "policy shop/b takes precedence, by priority and name"
    assert "precedence" not in "\n".join(second.because)


def test_what_another_policy_looks_for_is_no_signal_of_this_one() -> None:
    """An alert on record of another policy's incident says nothing about this policy's triggers."""
    resolved = a_standing(triggers=(AlertTrigger(matchers=('alertname="Down"',)),))
    [candidate] = eligibility.judge([resolved], TARGET, WELL, {"shop/other": [evidence_of(an_alert())]}, NOW)
    assert candidate.signals == ()


def test_an_alert_on_record_holds() -> None:
    """Alerts are not asked for, but those on an open Remediation are known."""
    resolved = a_standing(triggers=(AlertTrigger(matchers=('alertname="ApiDown"',)),))
    [candidate] = eligibility.judge([resolved], TARGET, WELL, {"shop/heal-api": [evidence_of(an_alert())]}, NOW)
    assert [signal.reason for signal in candidate.signals] == ["ApiDown"]


def test_alerts_that_name_no_workload_are_told_with_their_policy() -> None:
    """One of them may be about this Deployment: that it is not acted on must not be a riddle."""
    candidates = eligibility.judge([a_standing(), a_standing(a_policy(name="other"))], TARGET, WELL, {}, NOW)
    fires = an_untargeted_alert(message="there is no Deployment api-v2")
    grave = an_untargeted_alert("Grave", call=HEARD)
    over = an_untargeted_alert("Over", resolved_at=NOW)
    first, second = eligibility.with_strays(candidates, {"shop/heal-api": (fires, grave, over)})
    assert first.because[-1] == (
        "alerts that name no workload it knows: ApiDown (there is no Deployment api-v2; people were called), "
        "Grave (why; people were called, up to level 2; ann has heard of it)"
    )
    assert second == candidates[1]


@pytest.mark.parametrize(
    ("pods", "starts"),
    [
        pytest.param((a_pod(),), ["1 of 1 pods are ready"], id="well"),
        pytest.param(
            (a_sick_pod(),),
            ["0 of 1 pods are ready", "CrashLoopBackOff: 1 of 1 pods crash-loop: api-2-a: container app exited 1"],
            id="a crash loop, whatever a trigger asks for",
        ),
        pytest.param((), ["0 of 0 pods are ready"], id="none"),
        pytest.param(
            (a_pod(), a_pod("api-1-x", ready=False, phase="Failed"), a_pod("api-1-y", ready=False, deleting=True)),
            ["1 of 1 pods are ready"],
            id="one that was evicted and one that goes do not count",
        ),
        pytest.param(
            (a_pod(ready=False, phase="Pending", containers=(), unschedulable="0/2 nodes"),),
            [
                "0 of 1 pods are ready",
                "Unschedulable: 1 of 1 pods cannot be scheduled: api-2-a: the scheduler says: 0/2 nodes",
            ],
            id="unschedulable",
        ),
    ],
)
def test_what_pods_show(pods: Any, starts: list[str]) -> None:
    """In words, with the first one's name."""
    shown = eligibility.shown(pods, NOW)
    assert len(shown) == len(starts)
    assert all(line.startswith(words) for line, words in zip(shown, starts, strict=True))


def an_overview(snapshot: Snapshot = SICK, **changes: Any) -> overview.Overview:
    """Explain the sick Deployment with one open Remediation."""
    steps = (a_step(settings=RolloutUndo()),)
    situation = a_situation(steps=steps, workload=snapshot.workload, records=snapshot.records, pods=snapshot.pods)
    candidates = eligibility.judge([a_standing()], TARGET, snapshot, {}, NOW)
    incidents = changes.pop("open", (incident.explain(situation, NOW),))
    goal, undo = overview.find_undo_goal(TARGET, snapshot, None, Settings(namespace="platelet-system"), NOW)
    defaults: dict[str, Any] = {
        "target": TARGET,
        "exists": True,
        "replicas": "2 replicas wanted",
        "why": overview.conclude(snapshot, candidates, incidents, ()),
        "pods": eligibility.shown(snapshot.pods, NOW),
        "candidates": candidates,
        "open": incidents,
        "would_open": (),
        "closed": (),
        "records": overview.without_templates(snapshot.records),
        "live_template": BAD,
        "undo_goal": goal,
        "undo": undo,
        "now": NOW,
    }
    return overview.Overview(**(defaults | changes))


def test_revisions_are_told_with_their_health_and_the_undo_goal() -> None:
    """Newest first; the live one and the one to go back to are marked."""
    text = overview_text.text(an_overview())
    at = text.index("Revisions")
    assert text[at + 1].startswith("  bad: Unknown")
    assert text[at + 1].endswith("; released 2026-11-21T11:55:00Z (5m ago) by ci-bot <- live")
    assert text[at + 2].startswith("  good: Healthy since 2026-11-18T12:10:00Z (2d23h ago)")
    assert text[at + 2].endswith("<- an undo goes here")


@pytest.mark.parametrize(
    ("snapshot", "resolved_policies", "why"),
    [
        pytest.param(SICK, [], "nothing is done: there is no RemediationPolicy for its namespace", id="no policy"),
        pytest.param(
            SICK,
            [a_standing(a_policy(ready=False))],
            "nothing is done: no policy that is ready is for this workload",
            id="none that is ready",
        ),
        pytest.param(
            WELL, [a_standing()], "nothing is done: nothing is wrong that a policy looks for", id="nothing is wrong"
        ),
        pytest.param(Snapshot(workload=None), [], "the workload does not exist", id="gone"),
    ],
)
def test_the_answer_stands_first(snapshot: Snapshot, resolved_policies: list[ResolvedPolicy], why: str) -> None:
    """One sentence for why nothing is done."""
    candidates = eligibility.judge(resolved_policies, TARGET, snapshot, {}, NOW)
    assert overview.conclude(snapshot, candidates, (), ()) == (why,)


def test_closed_remediations_are_told_briefly() -> None:
    """Five at most, and how many more."""
    closed = tuple(
        a_remediation(name=f"r-{number}", status=a_status(state="Closed", reason="Recovered", closed_at=NOW))
        for number in range(7)
    )
    text = overview_text.text(an_overview(closed=closed))
    at = text.index("Closed Remediations")
    assert text[at + 1].startswith("  r-0: Recovered 2026-11-21T12:00:00Z (now)")
    assert text[at + 6] == "  and 2 older ones"


def test_no_template_is_told_in_any_form() -> None:
    """Environments carry plaintext secrets (TRAPS 48)."""
    seen = an_overview()
    texts = overview_text.text(seen) + [line for judged in seen.open for line in incident_text.text(judged)]
    assert SECRET not in "\n".join(texts)
    assert SECRET not in json.dumps(documents.of_overview(seen))
    assert SECRET not in repr(seen)


def test_the_document_says_what_the_text_says() -> None:
    """For machines: guards, plan, policies, revisions and what is next, by name."""
    document = json.loads(json.dumps(documents.of_overview(an_overview())))
    assert document["policies"][0]["policy"] == "shop/heal-api"
    assert [revision["undoGoal"] for revision in document["revisions"]] == [False, True]
    [step] = document["open"][0]["steps"]
    assert step["now"]["plan"]["summary"].startswith("undo the template")
    assert {"name": "clock", "allows": True} in step["now"]["guards"]
    assert document["open"][0]["next"][0]["at"] == "2026-11-21T12:00:00Z"
