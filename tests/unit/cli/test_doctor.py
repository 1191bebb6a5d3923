"""What the doctor makes of what it has read: each finding, and its fix."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from platelet.api.generation import admission, crds
from platelet.api.kinds import notifications
from platelet.api.kinds.status_lists import FAILED_JOBS
from platelet.cli import checkup
from platelet.cli.checkup import Finding
from platelet.cli.reading import Leader
from platelet.model.budget import BudgetSpec, Suspension
from tests.unit.sinks.notices import JOB
from tests.unit.situations import A_MINUTE_AGO, NOW, a_budget, a_notification, a_remediation, a_status, minutes, seconds

LEASE = timedelta(seconds=15)
ESTABLISHED = {"conditions": [{"type": "Established", "status": "True"}]}


def installed() -> dict[str, dict[str, Any]]:
    """All CRDs as generated, served."""
    built = [crds.build_crd(kind) for kind in crds.KINDS]
    return {crd["metadata"]["name"]: crd | {"status": ESTABLISHED} for crd in built}


def test_crds_of_this_version_are_well() -> None:
    """One line for all."""
    [finding] = checkup.of_crds(installed())
    assert (finding.outcome, finding.fix) == ("ok", "")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param(None, "runbooks.platelet.dev is not installed", id="missing"),
        pytest.param({"status": {}}, "runbooks.platelet.dev is not established", id="not served"),
        pytest.param(
            {"spec": {"versions": [{"name": "v1alpha1", "schema": {}}]}},
            "runbooks.platelet.dev is of another version",
            id="of another version",
        ),
    ],
)
def test_a_crd_that_is_not_well_fails(changes: dict[str, Any] | None, words: str) -> None:
    """Named, with what to do."""
    stored: dict[str, Any] = installed()
    stored["runbooks.platelet.dev"] = None if changes is None else stored["runbooks.platelet.dev"] | changes
    [finding] = checkup.of_crds(stored)
    assert (finding.outcome, words in finding.message, bool(finding.fix)) == ("fail", True, True)


def admitted() -> dict[str, Any]:
    """All admission policies and bindings as the API server keeps them: with defaults of its own."""
    stored = {}
    for document in admission.build_documents():
        spec = {**document["spec"], "matchPolicy": "Equivalent"}
        stored[admission.name_of(document)] = {**document, "spec": spec}
    return stored


def a_namespace(name: str, **labels: str) -> dict[str, Any]:
    """The operator's own."""
    return {"metadata": {"name": name, "labels": labels}}


@pytest.mark.parametrize(
    ("home", "outcome"),
    [
        pytest.param(a_namespace("healers"), "fail", id="of another name"),
        pytest.param(a_namespace("healers", **{"platelet.dev/home": "true"}), "ok", id="of another name and labelled"),
        pytest.param({"metadata": {"name": "healers"}}, "fail", id="without labels"),
    ],
)
def test_the_operators_namespace_must_be_known_to_admission(home: dict[str, Any], outcome: str) -> None:
    """Else a Runbook there, which may act everywhere, is judged as if it could act there only."""
    [finding] = checkup.of_admission(admitted(), home)
    assert finding.outcome == outcome
    assert (finding.fix == "kubectl label namespace healers platelet.dev/home=true") is (outcome == "fail")


def test_admission_of_this_version_is_well() -> None:
    """Whatever the API server has filled in."""
    [finding] = checkup.of_admission(admitted(), a_namespace("platelet-system"))
    assert (finding.outcome, finding.fix) == ("ok", "")


@pytest.mark.parametrize(
    ("name", "spec", "words"),
    [
        pytest.param("ValidatingAdmissionPolicy/platelet-approvals", None, "is not installed", id="missing"),
        pytest.param(
            "ValidatingAdmissionPolicyBinding/platelet-approvals",
            {"policyName": "platelet-approvals", "validationActions": ["Warn"]},
            "of another version",
            id="only warning",
        ),
        pytest.param(
            "ValidatingAdmissionPolicy/platelet-runbooks", {"validations": []}, "of another version", id="of no rule"
        ),
    ],
)
def test_people_who_are_not_held_to_their_rights_are_a_failure(name: str, spec: Any, words: str) -> None:
    """Named, with what to do."""
    stored = admitted() | {name: None if spec is None else {"spec": spec}}
    [finding] = checkup.of_admission(stored, a_namespace("platelet-system"))
    assert (finding.outcome, bool(finding.fix)) == ("fail", True)
    assert finding.message.startswith(f"{name} ")
    assert words in finding.message


def test_a_missing_right_fails_and_a_switch_that_is_off_warns() -> None:
    """People may have switched a way to act off."""
    denied = [("", "pods", "list"), ("apps", "deployments/scale", "patch")]
    findings = checkup.of_rights("the account", denied, {("apps", "deployments/scale", "patch"): "scale"})
    assert [(finding.outcome, finding.message) for finding in findings] == [
        ("fail", "the account may not list pods"),
        ("warn", "the account may not patch deployments/scale.apps, so not: scale"),
    ]
    assert [finding.outcome for finding in checkup.of_rights("the account", [], {})] == ["ok"]


def paused(until: timedelta | None) -> BudgetSpec:
    """Paused until so long from now."""
    return BudgetSpec(suspended=Suspension(reason="freeze", until=NOW + until if until is not None else None))


@pytest.mark.parametrize(
    ("finding", "outcome", "words"),
    [
        pytest.param(checkup.of_budget(None, NOW), "fail", "nothing acts", id="no budget"),
        pytest.param(checkup.of_budget(a_budget(used="1/10 per 1h"), NOW), "ok", "used 1/10 per 1h", id="a budget"),
        pytest.param(checkup.of_budget(a_budget(spec=paused(None)), NOW), "warn", "until resumed: freeze", id="paused"),
        pytest.param(
            checkup.of_budget(a_budget(spec=paused(-minutes(1))), NOW), "ok", "used", id="a pause that is over"
        ),
        pytest.param(
            checkup.of_budget(a_budget(full_until=NOW + minutes(5), full_reason="HistoryLost"), NOW),
            "fail",
            "counts as full until 2026-11-21T12:05:00Z (in 5m): HistoryLost",
            id="its history was lost",
        ),
        pytest.param(
            checkup.of_leader(Leader(holder="a", renewed_at=NOW, duration=LEASE), NOW, "ns"), "ok", "a leads", id="led"
        ),
        pytest.param(
            checkup.of_leader(Leader(holder="a", renewed_at=A_MINUTE_AGO, duration=LEASE), NOW, "ns"),
            "fail",
            "no operator leads; the Lease was last renewed at 2026-11-21T11:59:00Z (1m ago)",
            id="gone for a minute",
        ),
        pytest.param(checkup.of_leader(None, NOW, "ns"), "warn", "may not read", id="whoever may not know"),
        pytest.param(checkup.of_clock(NOW + seconds(2), NOW), "ok", "agree", id="seconds are no drift"),
        pytest.param(checkup.of_clock(NOW + minutes(2), NOW), "warn", "2m ahead of the API server", id="ahead"),
        pytest.param(checkup.of_clock(NOW - minutes(2), NOW), "warn", "2m behind the API server", id="behind"),
    ],
)
def test_each_finding(finding: Finding, outcome: str, words: str) -> None:
    """Rows: what was read, and what it means."""
    assert finding.outcome == outcome
    assert words in finding.message
    assert bool(finding.fix) is (outcome != "ok")


def a_policy_that_says(*conditions: dict[str, str]) -> dict[str, Any]:
    """One in namespace shop."""
    return {"metadata": {"namespace": "shop", "name": "heal"}, "status": {"conditions": list(conditions)}}


@pytest.mark.parametrize(
    ("stored", "outcome", "words"),
    [
        pytest.param([], "warn", "there is none", id="none"),
        pytest.param([a_policy_that_says({"type": "Ready", "status": "True"})], "ok", "all 1 are Ready", id="Ready"),
        pytest.param([a_policy_that_says()], "warn", "shop/heal was not judged", id="nobody has looked"),
        pytest.param(
            [a_policy_that_says({"type": "Ready", "status": "False", "reason": "R", "message": "why"})],
            "fail",
            "shop/heal is not Ready: R: why",
            id="not Ready",
        ),
    ],
)
def test_policies_that_do_nothing_are_named(stored: list[dict[str, Any]], outcome: str, words: str) -> None:
    """With the reason that is on their status."""
    [finding] = checkup.of_policies(stored)
    assert (finding.outcome, words in finding.message) == (outcome, True)


def test_a_policy_of_which_a_part_cannot_work_is_a_warning() -> None:
    """It is Ready, and still not what its author means."""
    conditions = [
        {"type": "Ready", "status": "True"},
        {"type": "Warning", "status": "True", "reason": "TargetNotFound", "message": "there is no Deployment apy"},
    ]
    stored = {"metadata": {"namespace": "shop", "name": "heal"}, "status": {"conditions": conditions}}
    [finding] = checkup.of_policies([stored])
    assert (finding.outcome, finding.message) == ("warn", "shop/heal: there is no Deployment apy")


@pytest.mark.parametrize(
    ("stored", "outcomes", "words"),
    [
        pytest.param([], [], "", id="none, which nobody needs"),
        pytest.param([a_policy_that_says({"type": "Ready", "status": "True"})], ["ok"], "all 1 are Ready", id="Ready"),
        pytest.param(
            [
                a_policy_that_says({"type": "Ready", "status": "True"}),
                a_policy_that_says(
                    {"type": "Ready", "status": "True"}, {"type": "Warning", "status": "True", "message": "no Secret"}
                ),
            ],
            ["warn"],
            "shop/heal: no Secret",
            id="a sink that tells nobody",
        ),
        pytest.param(
            [a_policy_that_says({"type": "Ready", "status": "False", "reason": "R", "message": "why"})],
            ["fail"],
            "shop/heal is not Ready: R: why",
            id="not Ready",
        ),
    ],
)
def test_who_tells_nobody_is_named(stored: list[dict[str, Any]], outcomes: list[str], words: str) -> None:
    """Of EscalationPolicies, with what is on their status."""
    findings = checkup.of_escalations(stored)
    assert [finding.outcome for finding in findings] == outcomes
    assert all(finding.check == "escalation" and words in finding.message for finding in findings)


def a_stray(reason: str, message: str, **more: str) -> dict[str, Any]:
    """An alert as a policy lists it that leads to no workload."""
    at = "2026-11-21T12:00:00Z"
    seen = {"source": "alert", "fingerprint": message, "firstSeen": at, "lastSeen": at}
    return {**seen, "reason": reason, "message": message, **more}


STRAYS = {
    "none": ([], []),
    "one, since it is not known which cluster this is": (
        [a_stray("ApiDown", "write clusterName in platelet's settings")],
        ["shop/heal: alerts that lead to no workload: 1, such as ApiDown: write clusterName in platelet's settings"],
    ),
    "one that has ended": ([a_stray("ApiDown", "pod api-1 is gone", resolvedAt="2026-11-21T12:05:00Z")], []),
    "another cluster's": ([a_stray("AnotherCluster", "the alert is about cluster 'fra-2'")], []),
}


@pytest.mark.parametrize(("listed", "messages"), STRAYS.values(), ids=STRAYS)
def test_alerts_that_lead_nowhere_are_told(listed: list[dict[str, Any]], messages: list[str]) -> None:
    stored = a_policy_that_says()
    stored["status"]["untargetedAlerts"] = listed
    findings = checkup.of_untargeted([stored])
    assert [finding.message for finding in findings] == messages
    assert all(finding.outcome == "warn" and finding.fix for finding in findings)


def test_people_and_machines_read_the_same() -> None:
    """A warning is no failure."""
    findings = [
        Finding(check="crds", outcome="ok", message="well"),
        Finding(check="clock", outcome="warn", message="late", fix="set it"),
    ]
    assert checkup.text(findings) == ["ok    crds: well", "warn  clock: late", "      fix: set it"]
    assert checkup.document(findings, "t") == {
        "healthy": True,
        "findings": [
            {"check": "crds", "outcome": "ok", "message": "well"},
            {"check": "clock", "outcome": "warn", "message": "late", "fix": "set it"},
        ],
        "now": "t",
    }


def test_what_webhooks_have_not_taken_is_named_with_the_error() -> None:
    failed = a_notification(id="rem-1/resolved", kind="Resolved", tries=3, error="pager.svc: 503")
    untold = a_remediation(status=a_status(state="Closed", notifications=(failed,)))
    [finding] = checkup.of_notices([a_remediation(), untold])
    assert finding.outcome == "fail"
    assert "shop/deployment-api-1 in 3 tries: pager.svc: 503" in finding.message
    [finding] = checkup.of_notices([a_remediation()])
    assert finding.outcome == "ok"


def test_failed_jobs_are_named_until_they_are_over() -> None:
    stored = a_policy_that_says()
    stored["status"] |= FAILED_JOBS.write((JOB, replace(JOB, name="b", resolved_at=NOW)))
    [finding] = checkup.of_failed_jobs([stored])
    assert (finding.check, finding.outcome, finding.message) == ("jobs", "warn", "policy shop/heal: why")
    stored["status"]["failedJobs"][0]["count"] = "many"
    assert checkup.of_failed_jobs([stored]) == [], "somebody has spoilt it, and it is written anew"


def test_a_job_that_nobody_was_told_of_is_named_too() -> None:
    failed = a_notification(id="uid-policy/jobfailed/x", kind="JobFailed", tries=2, error="pager.svc: 503")
    stored = a_policy_that_says()
    stored["status"] |= notifications.write_notifications((failed,), 0)
    [finding] = checkup.of_notices([], [stored])
    assert "was not told of a Job in 2 tries: pager.svc: 503" in finding.message


def test_an_alert_without_a_target_that_nobody_was_told_of_is_named_too() -> None:
    failed = a_notification(id="uid-policy/untargeted/x", kind="Untargeted", tries=2, error="pager.svc: 503")
    stored = a_policy_that_says()
    stored["status"] |= notifications.write_notifications((failed,), 0)
    [finding] = checkup.of_notices([], [stored])
    assert finding.outcome == "fail"
    assert "was not told of an alert without a target in 2 tries: pager.svc: 503" in finding.message
