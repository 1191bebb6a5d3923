"""Policies: read strictly; judged for what only the operator can see."""

import copy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from platelet.api.kinds import invalid, policy, runbook
from platelet.api.kinds.policy_readiness import check_policy
from platelet.api.kinds.targets import NO_TARGETS
from platelet.model import reasons
from platelet.model.outside import Outside
from platelet.model.policy import Limits, Rate
from platelet.model.request import SecretRef
from tests.unit.api.values import NOW

SAMPLES = Path(__file__).parents[3] / "deploy" / "samples"
METADATA = {"namespace": "shop", "name": "crash-loop", "uid": "u-1", "generation": 2}
SPEC: dict[str, Any] = {
    "mode": "Enforce",
    "triggers": [
        {"pod": {"reasons": ["CrashLoopBackOff"], "minRestarts": 2, "for": "30s", "severity": "critical"}},
        {"alert": {"matchers": ['alertname="ApiDown"', 'severity=~"critical|page"']}},
    ],
    "targets": {"selector": {"matchLabels": {"tier": "api"}}},
    "priority": 10,
    "runbookRef": {"name": "crash-loop"},
    "limits": {"cooldown": "5m", "rate": {"maxActions": 2, "per": "30m"}, "maxUnhealthy": 2},
    "escalation": {"webhook": {"url": "https://hooks.example.com/x", "secretRef": {"name": "hook", "key": "token"}}},
}
BOOK = runbook.Runbook(
    namespace="shop", name="crash-loop", uid="u-2", generation=1, steps=({"name": "restart", "rolloutRestart": {}},)
)


def loaded(namespace: str = "shop", **changes: Any) -> policy.LoadedPolicy:
    """A good policy but for the changes; None removes a field."""
    spec = {key: value for key, value in (SPEC | changes).items() if value is not None}
    return policy.read_policy({"metadata": {**METADATA, "namespace": namespace}, "spec": spec})


def test_a_policy_is_read() -> None:
    """Everything that decisions, triggers and the courier need."""
    read = loaded()
    assert (read.policy.key, read.policy.mode, read.policy.priority, read.generation) == (
        "shop/crash-loop",
        "Enforce",
        10,
        2,
    )
    assert read.policy.limits == Limits(
        cooldown=timedelta(minutes=5), rate=Rate(max_actions=2, per=timedelta(minutes=30)), max_unhealthy="2"
    )
    pod, alert = read.triggers
    assert (pod.reasons, pod.min_restarts, pod.for_, pod.severity) == (
        ("CrashLoopBackOff",), 2, timedelta(seconds=30), "critical"
    )  # fmt: skip
    assert alert.matchers == ('alertname="ApiDown"', 'severity=~"critical|page"')
    assert read.runbook == "crash-loop"
    assert list(read.policy.sinks) == ["webhook"]
    assert read.policy.sinks["webhook"].secret_ref == SecretRef(name="hook", key="token")


def test_what_is_left_out_is_careful() -> None:
    """DESIGN 3.6: a policy that says nothing observes, and brakes."""
    read = loaded(mode=None, limits=None, escalation=None, priority=None)
    assert (read.policy.mode, read.policy.priority, read.policy.force) == ("Observe", 0, False)
    assert read.policy.limits == Limits()
    assert (read.policy.sinks, read.policy.suspended) == ({}, "")


@pytest.mark.parametrize(
    ("suspended", "reason"),
    [
        ({"reason": "freeze"}, "freeze"),
        ({}, "no reason given"),
        ({"reason": "freeze", "until": "2026-11-21T12:00:01Z"}, "freeze"),
        ({"reason": "freeze", "until": "2026-11-21T12:00:00Z"}, ""),
    ],
    ids=["without an end", "without a reason", "not over yet", "over now"],
)
def test_a_suspension_holds_until_it_is_over(suspended: dict[str, str], reason: str) -> None:
    """`at` is asked with the one clock; the bare reading holds it in any case."""
    read = loaded(suspended=suspended)
    assert read.at(NOW).suspended == reason
    assert read.policy.suspended != ""


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no trigger": ({"triggers": []}, "spec.triggers: has 0 entries: write at least 1"),
    "an empty trigger": (
        {"triggers": [{}]},
        "spec.triggers[0]: a trigger needs its kind: pod or workload or alert or query",
    ),
    "two kinds in one": (
        {"triggers": [{"pod": {"reasons": ["Unready"]}, "alert": {"matchers": ["a=b"]}}]},
        "spec.triggers[0]: write one trigger per entry of the list",
    ),
    "an unknown mode": ({"mode": "YOLO"}, "spec.mode: 'YOLO' should be 'Observe', 'Approve' or 'Enforce'"),
    "an empty selector": ({"targets": {"selector": {}}}, "spec.targets.selector: an empty selector chooses nothing"),
    "a cooldown of two days": ({"limits": {"cooldown": "48h"}}, "spec.limits.cooldown: 48h must be at least 0s and at"),
    "a share in words": (
        {"limits": {"maxUnhealthy": "30 percent"}},
        "'30 percent' is neither a share nor a number of targets: write it like 30% or 3",
    ),
    "a share as a fraction": (
        {"limits": {"maxUnhealthy": 0.3}},
        "0.3 is neither a share nor a number of targets: write it like 30% or 3",
    ),
    "a share over all": ({"limits": {"maxUnhealthy": "130%"}}, "spec.limits.maxUnhealthy: '130%' is neither a share"),
    "a misspelt field": ({"cooldwn": "5m"}, "spec.cooldwn: is not a known field: remove it or correct its spelling"),
    "a field that is near a known one": ({"trigers": []}, "spec.trigers: is not a known field: write triggers, or"),
    "a port that there cannot be": (
        {"escalation": {"webhook": {"url": "https://hooks.example.com:99999/"}}},
        "spec.escalation.webhook.url: 'https://hooks.example.com:99999/' is not a URL that can be called",
    ),
    "a host that cannot be read": (
        {"escalation": {"webhook": {"url": "https://[::1"}}},
        "spec.escalation.webhook.url: 'https://[::1' is not a URL that can be called",
    ),
    "an Alertmanager with a blank in its URL": (
        {"escalation": {"alertmanager": {"url": "http://alert manager/"}}},
        "spec.escalation.alertmanager.url: 'http://alert manager/' is not a URL that can be called",
    ),
    "a webhook with a password": (
        {"escalation": {"webhook": {"url": "https://ann:x@hooks.example.com/"}}},
        "without user or password",
    ),
    "a key of a label that none can be": (
        {"targets": {"selector": {"matchLabels": {"a b": "c"}}}},
        "spec.targets.selector.matchLabels.a b: 'a b' is not the key of a label: write it like tier",
    ),
    "a value of a label that none can be": (
        {"targets": {"selector": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b c"]}]}}},
        "matchExpressions[0].values[0]: 'b c' is not the value of a label",
    ),
    "a suspension until no time": (
        {"suspended": {"until": "tomorrow"}},
        "spec.suspended.until: 'tomorrow' is not a time: write it like 2026-11-21T08:00:00Z",
    ),
    "a suspension until a number": ({"suspended": {"until": 1}}, "spec.suspended.until: 1 is not a time"),
    "a text that is too long": (
        {"suspended": {"reason": "x" * 2000}},
        "should have at most 1024 characters",
    ),
    "a webhook that is no URL": (
        {"escalation": {"webhook": {"url": "hooks.example.com"}}},
        "spec.escalation.webhook.url: 'hooks.example.com' is not a URL that can be called",
    ),
    "an answer at once": ({"approval": {"expiresAfter": "0s"}}, "spec.approval.expiresAfter: 0s must be at least 1s"),
    "approval for a kind that is no target": (
        {"approval": {"kinds": ["Node"]}},
        "spec.approval.kinds[0]: 'Node' should be 'Deployment', 'StatefulSet' or 'DaemonSet'",
    ),
    "no runbook": (
        {"runbookRef": None},
        "spec: runbookRef is required: name the Runbook to follow; it may be absent only",
    ),
    "no targets": (
        {"targets": None},
        "spec: targets is required: say which workloads by selector, refs, or `all: true`",
    ),
    "no targets, where only one of two triggers tells": (
        {"targets": None, "triggers": [{"job": {}}, {"pod": {"reasons": ["Unready"]}}]},
        "spec: targets is required",
    ),
    "no runbook, where only one of two triggers tells": (
        {"runbookRef": None, "triggers": [{"pod": {"reasons": ["Unready"]}}, {"job": {}}]},
        "spec: runbookRef is required",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_policy_is_refused_with_the_field_and_the_fix(name: str) -> None:
    """Where no API server has looked before, the words are as good as its."""
    changes, message = BAD[name]
    with pytest.raises(invalid.InvalidSpec) as failed:
        loaded(**changes)
    assert message in str(failed.value)


SOMEWHERE_ELSE = {"namespaceSelector": {"matchLabels": {"team": "shop"}}}


def test_a_policy_that_only_tells_of_jobs_needs_neither_targets_nor_a_runbook() -> None:
    """And is for no workload then, which is not for all."""
    read = loaded(triggers=[{"job": {}}, {"job": {"reasons": ["DeadlineExceeded"]}}], targets=None, runbookRef=None)
    assert (read.targets, read.runbook) == (NO_TARGETS, "")
    readiness = check_policy(read, None, "", "platelet-system", None)
    assert (readiness.ready, readiness.message) == (True, "only tells people")


def test_a_runbook_that_is_named_must_be_there_also_where_nothing_acts() -> None:
    read = loaded(triggers=[{"job": {}}], targets=None)
    assert check_policy(read, None, "", "platelet-system", None).reason == reasons.RUNBOOK_NOT_FOUND


JUDGED: dict[str, tuple[dict[str, Any], runbook.Runbook | None, str, str, str]] = {
    "good": ({}, BOOK, "", reasons.READY, "follows Runbook crash-loop"),
    "no runbook of that name": (
        {},
        None,
        "",
        reasons.RUNBOOK_NOT_FOUND,
        "there is no Runbook crash-loop in namespace shop: create it",
    ),
    "a runbook that cannot be read": ({}, None, "spec.steps: ...", reasons.RUNBOOK_NOT_READY, "crash-loop: spec.steps"),
    "a runbook with a bad step": (
        {},
        runbook.Runbook(namespace="shop", name="b", uid="u", generation=1, steps=({"name": "a"},)),
        "",
        reasons.RUNBOOK_NOT_READY,
        "Runbook b: steps[0]: a step needs an action",
    ),
    "a runbook with a bad condition": (
        {},
        runbook.Runbook(
            namespace="shop", name="b", uid="u", generation=1, steps=({"name": "a", "rolloutRestart": {}, "when": "1"},)
        ),
        "",
        reasons.INVALID_CONDITION,
        "Runbook b: step a: when: line 1, column 1: a condition must be true or false",
    ),
    "a bad matcher": (
        {"triggers": [{"alert": {"matchers": ["alertname=~'('"]}}]},
        BOOK,
        "",
        reasons.INVALID_MATCHER,
        "alertname=~",
    ),
    "a matcher that matches every alert": (
        {"triggers": [{"alert": {"matchers": ['severity!="none"']}}]},
        BOOK,
        "",
        reasons.INVALID_MATCHER,
        "without any label",
    ),
    "a maintenance window in a zone that is none": (
        {"limits": {"maintenanceWindows": [{"schedule": "0 2 * * SUN", "duration": "2h", "timeZone": "Berlin"}]}},
        BOOK,
        "",
        reasons.INVALID_MAINTENANCE_WINDOW,
        "spec.limits.maintenanceWindows[0].timeZone: 'Berlin' is not in the IANA database: write a name such as UTC",
    ),
    "a second maintenance window that never comes": (
        {
            "limits": {
                "maintenanceWindows": [
                    {"schedule": "0 2 * * SUN", "duration": "2h"},
                    {"schedule": "0 0 31 4 *", "duration": "2h"},
                ]
            }
        },
        BOOK,
        "",
        reasons.INVALID_MAINTENANCE_WINDOW,
        "spec.limits.maintenanceWindows[1].schedule: '0 0 31 4 *'",
    ),
    "a query whose brace is open": (
        {"triggers": [{"query": {"expr": "sum(load{", "above": 1}}]},
        BOOK,
        "",
        reasons.INVALID_QUERY,
        "expr 'sum(load{': at character 9: this brace is not closed",
    ),
    "a query with a placeholder": (
        {"triggers": [{"query": {"expr": 'load{a="$target.name"}', "above": 1}}]},
        BOOK,
        "",
        reasons.INVALID_QUERY,
        "a trigger knows no $target",
    ),
    "namespaces of others": (
        SOMEWHERE_ELSE,
        BOOK,
        "",
        reasons.NAMESPACE_SELECTOR_NOT_ALLOWED,
        "namespaceSelector is for policies in platelet-system only",
    ),
}


@pytest.mark.parametrize("name", JUDGED)
def test_what_only_the_operator_can_see(name: str) -> None:
    """Ready, or a reason and a message that tells the fix."""
    changes, book, error, reason, message = JUDGED[name]
    readiness = check_policy(loaded(**changes), book, error, "platelet-system", None)
    assert (readiness.ready, readiness.reason) == (reason == reasons.READY, reason)
    assert message in readiness.message


def test_the_operators_own_namespace_may_select_others() -> None:
    """DESIGN 2, scope."""
    readiness = check_policy(loaded("platelet-system", **SOMEWHERE_ELSE), BOOK, "", "platelet-system", None)
    assert readiness.ready


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_sample_would_be_ready(path: Path) -> None:
    """The samples that users copy work."""
    *books, rule = copy.deepcopy(list(yaml.safe_load_all(path.read_text())))
    for obj in (*books, rule):
        obj["metadata"] |= {"namespace": "shop", "uid": "u"}
    read = policy.read_policy(rule)
    book = next((runbook.read_runbook(book) for book in books if book["metadata"]["name"] == read.runbook), None)
    readiness = check_policy(read, book, "", "platelet-system", None)
    assert readiness.ready, readiness.message


NO_PROMETHEUS = "set prometheus.url in the operator's settings, as in http://prometheus.monitoring.svc:9090"
MEASURING: dict[str, tuple[dict[str, Any], list[dict[str, Any]], str]] = {
    "a query trigger": (
        {"triggers": [{"query": {"expr": "load", "above": 1}}]},
        [],
        f"a query trigger needs a Prometheus: {NO_PROMETHEUS}",
    ),
    "a prometheus check": (
        {},
        [{"prometheus": {"query": "load", "below": 1}}],
        f"Runbook measured: step a: a prometheus check needs a Prometheus: {NO_PROMETHEUS}",
    ),
}


@pytest.mark.parametrize(("changes", "asked", "message"), MEASURING.values(), ids=MEASURING)
def test_without_a_prometheus_a_policy_that_needs_one_is_not_ready(
    changes: dict[str, Any], asked: list[dict[str, Any]], message: str
) -> None:
    """The reason and the fix; and with one it is."""
    steps = ({"name": "a", "rolloutRestart": {}, "verify": {"checks": asked}},)
    book = runbook.Runbook(namespace="shop", name="measured", uid="u", generation=1, steps=steps)
    missing = check_policy(loaded(**changes), book, "", "platelet-system", Outside())
    assert (missing.ready, missing.reason) == (False, reasons.PROMETHEUS_NOT_CONFIGURED)
    assert missing.message == message
    assert check_policy(loaded(**changes), book, "", "platelet-system", Outside(has_prometheus=True)).ready
