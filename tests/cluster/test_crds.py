"""The API server itself rejects bad objects, with words that tell the fix; and takes the good ones."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from platelet.api.kinds import budget as budgets
from platelet.api.kinds import remediation as remediations
from platelet.api.kinds.conditions import write_conditions
from platelet.api.kinds.status_lists import ALERTS, FAILED_JOBS
from platelet.model import remediation as model
from platelet.model.autoscaler import Bounds
from platelet.model.budget import MAX_ENTRIES, BudgetSpec, BudgetStatus, Entry, PendingRevert
from platelet.model.failed_job import FailedJob
from platelet.model.untargeted_alert import UntargetedAlert
from tests.cluster import control_plane as cluster
from tests.cluster import patience
from tests.unit.api.values import as_people_write, filled
from tests.unit.pins import bounds_set

pytestmark = pytest.mark.cluster
ROOT = Path(__file__).parents[2]
CRASH = {"pod": {"reasons": ["CrashLoopBackOff"]}}
RESTART = {"name": "restart", "rolloutRestart": {}}
EVIDENCE = {
    "source": "pod",
    "reason": "CrashLoopBackOff",
    "fingerprint": "crash",
    "message": "container app crashes",
    "firstSeen": "2026-11-21T08:00:00Z",
    "lastSeen": "2026-11-21T08:00:00Z",
}


@pytest.fixture(scope="module")
def api(control_plane: cluster.ControlPlane) -> cluster.ControlPlane:
    """An API server that knows our kinds."""
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(ROOT / "crds"))

    def is_served() -> bool:
        resources = control_plane.kubectl("api-resources", "--api-group=platelet.dev", "-o", "name")
        return len(resources.split()) == len(list((ROOT / "crds").glob("platelet.dev_*.yaml")))

    patience.until("our kinds to be served", is_served)
    control_plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    return control_plane


def runbook(*steps: object) -> dict[str, Any]:
    """A Runbook of these steps."""
    return {
        "apiVersion": "platelet.dev/v1alpha1",
        "kind": "Runbook",
        "metadata": {"name": "sample"},
        "spec": {"steps": list(steps)},
    }


def policy(**spec: Any) -> dict[str, Any]:
    """A RemediationPolicy that is good but for what is said."""
    good: dict[str, Any] = {"triggers": [CRASH], "targets": {"all": True}, "runbookRef": {"name": "sample"}}
    return {
        "apiVersion": "platelet.dev/v1alpha1",
        "kind": "RemediationPolicy",
        "metadata": {"name": "sample"},
        "spec": {key: value for key, value in (good | spec).items() if value is not None},
    }


def scale(**settings: Any) -> dict[str, Any]:
    """A Runbook with one step that scales."""
    return runbook({"name": "add", "scale": settings})


def checked(*checks: object) -> dict[str, Any]:
    """A Runbook with one step that asks for these checks."""
    return runbook({**RESTART, "verify": {"checks": list(checks)}})


def measured(**settings: Any) -> dict[str, Any]:
    """A policy with a query as its trigger."""
    return policy(triggers=[{"query": {"expr": "load", **settings}}])


def budget(*limits: object) -> dict[str, Any]:
    """An ActionBudget with these limits."""
    return {
        "apiVersion": "platelet.dev/v1alpha1",
        "kind": "ActionBudget",
        "metadata": {"name": "platelet"},
        "spec": {"limits": list(limits)},
    }


NOT_A_DURATION = "not a duration: write it like 90s, 5m or 1h30m; a day is 24h"
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "two actions in a step": (
        runbook({"name": "both", "rolloutRestart": {}, "scale": {"to": 3}}),
        "spec.steps[0]: Invalid value: a step does one thing: keep one of rolloutUndo, rolloutRestart, scale",
    ),
    "no action": (
        runbook({"name": "none"}),
        "spec.steps[0]: Invalid value: a step needs an action: add one of rolloutUndo, rolloutRestart, scale",
    ),
    "no step": (runbook(), "spec.steps in body should have at least 1 items"),
    "too many steps": (
        runbook(*({"name": f"step-{number}", "rolloutRestart": {}} for number in range(17))),
        "spec.steps: Too many: 17: must have at most 16 items",
    ),
    "two steps of one name": (runbook(RESTART, RESTART), 'spec.steps[1]: Duplicate value: {"name":"restart"}'),
    "a step's name with a blank": (
        runbook({"name": "Restart it", "rolloutRestart": {}}),
        "a step's name is in lower case, of letters, digits and dashes",
    ),
    "a check without its kind": (runbook({**RESTART, "verify": {"checks": [{}]}}), "a check needs its kind"),
    "two kinds of check in one": (
        checked({"alertResolved": {}, "http": {"url": "http://a.b/"}}),
        "write one check per entry of the list: all of them must pass",
    ),
    "a check with no bound": (checked({"prometheus": {"query": "up"}}), "a bound is needed, and only one: set above"),
    "a check with two bounds": (
        checked({"prometheus": {"query": "up", "above": 1, "below": 2}}),
        "a bound is needed, and only one: set above or below",
    ),
    "a bound that is no number": (
        checked({"prometheus": {"query": "up", "above": "many"}}),
        'prometheus.above in body must be of type number: "string"',
    ),
    "a check for a negative time": (
        checked({"prometheus": {"query": "up", "above": 1, "for": "-1m"}}),
        f'prometheus.for: Invalid value: "-1m": {NOT_A_DURATION}',
    ),
    "a check for longer than its step": (
        checked({"prometheus": {"query": "up", "above": 1, "for": "30m"}}),
        "`for` of a check is longer than `timeout` of its step, so it could not pass: raise the timeout",
    ),
    "a url without a scheme": (checked({"http": {"url": "api.example.com"}}), "not a URL that can be asked"),
    "a url with a password": (checked({"http": {"url": "http://a:b@c.d/"}}), "without user or password"),
    "a status that is none": (
        checked({"http": {"url": "http://a.b/", "expectStatus": [20]}}),
        "should be greater than or equal to 100",
    ),
    "an unknown onFailure": (
        runbook({**RESTART, "onFailure": "Retry"}),
        'Unsupported value: "Retry": supported values: "Next", "Escalate", "Stop", "Revert"',
    ),
    "an unknown onInconclusive": (
        runbook({**RESTART, "onInconclusive": "Undo"}),
        'Unsupported value: "Undo": supported values: "Escalate", "Next"',
    ),
    "a restart that is to be reverted": (
        runbook({**RESTART, "onFailure": "Revert"}),
        "rolloutRestart cannot be reverted: with it, onFailure is Next, Escalate or Stop",
    ),
    "a query without a bound": (measured(), "a bound is needed, and only one: set above or below"),
    "a query with two bounds": (measured(above=1, below=2), "a bound is needed, and only one: set above or below"),
    "a query for a negative time": (measured(above=1, **{"for": "-1m"}), NOT_A_DURATION),
    "a query that is asked too rarely": (measured(above=1, interval="1h"), "must be at least 1s and at most 2m"),
    "max below min": (scale(by=2, min=5, max=3), "spec.steps[0].scale: Invalid value: max must not be below min"),
    "to and by": (scale(to=2, by=2), "set exactly one of to and by"),
    "neither to nor by": (scale(max=2), "set exactly one of to and by"),
    "bounds of an autoscaler raised for ever": (
        scale(to=3, autoscaler="HorizontalPodAutoscaler"),
        "add revertAfter or revertWhenResolved, and no negative by",
    ),
    "bounds of an autoscaler lowered": (
        scale(by=-1, revertAfter="1h", autoscaler="HorizontalPodAutoscaler"),
        "add revertAfter or revertWhenResolved, and no negative by",
    ),
    "an unknown autoscaler": (scale(to=3, revertAfter="1h", autoscaler="VPA"), 'Unsupported value: "VPA"'),
    "a revert after two days": (
        scale(by=2, revertAfter="48h"),
        "revertAfter must be longer than 0s and at most 24h",
    ),
    "undo to a revision that is not named": (
        runbook({"name": "undo", "rolloutUndo": {"to": "Revision"}}),
        "revision belongs to `to: Revision`, and `to: Revision` needs it",
    ),
    "an unknown undo": (
        runbook({"name": "undo", "rolloutUndo": {"to": "Yesterday"}}),
        'Unsupported value: "Yesterday": supported values: "LastHealthy", "Previous", "Revision"',
    ),
    "a maintenance window of four fields": (
        policy(limits={"maintenanceWindows": [{"schedule": "0 2 * SUN", "duration": "2h"}]}),
        "a schedule has the five fields of cron, minute hour day month weekday: write it like 0 2 * * SUN",
    ),
    "a maintenance window of a month": (
        policy(limits={"maintenanceWindows": [{"schedule": "0 2 * * SUN", "duration": "720h"}]}),
        "must be at least 1m and at most 168h",
    ),
    "nine maintenance windows": (
        policy(limits={"maintenanceWindows": [{"schedule": "0 2 * * SUN", "duration": "2h"}] * 9}),
        "spec.limits.maintenanceWindows: Too many: 9: must have at most 8 items",
    ),
    "no trigger": (policy(triggers=[]), "spec.triggers in body should have at least 1 items"),
    "triggers left out": (policy(triggers=None), "spec.triggers: Required value"),
    "a trigger without its kind": (
        policy(triggers=[{}]),
        "a trigger needs its kind: pod or workload or alert or query",
    ),
    "two kinds in one trigger": (
        policy(triggers=[{**CRASH, "alert": {"matchers": ['alertname="X"']}}]),
        "write one trigger per entry of the list",
    ),
    "an unknown pod reason": (
        policy(triggers=[{"pod": {"reasons": ["Sad"]}}]),
        'Unsupported value: "Sad": supported values: "CrashLoopBackOff"',
    ),
    "targets left out": (
        policy(targets=None),
        "targets is required: say which workloads by selector, refs, or `all: true`",
    ),
    "no Runbook": (policy(runbookRef=None), "runbookRef is required: name the Runbook to follow"),
    "no targets, where only one of two triggers tells": (
        policy(triggers=[{"job": {}}, CRASH], targets=None),
        "targets is required",
    ),
    "no targets": (policy(targets={}), "say which workloads: selector, refs, or `all: true`"),
    "an empty selector": (
        policy(targets={"selector": {}}),
        "an empty selector chooses nothing: name at least one label",
    ),
    "an empty selector in full": (
        policy(targets={"selector": {"matchLabels": {}, "matchExpressions": []}}),
        "an empty selector chooses nothing: name at least one label",
    ),
    "a selector and all": (
        policy(targets={"selector": {"matchLabels": {"a": "b"}}, "all": True}),
        "choose the workloads in one way only: selector, refs, or `all: true`",
    ),
    "refs and all": (
        policy(targets={"refs": [{"kind": "Deployment", "name": "shop"}], "all": True}),
        "choose the workloads in one way only",
    ),
    "all: false": (policy(targets={"all": False}), 'Unsupported value: false: supported values: "true"'),
    "a kind that is not healed": (
        policy(targets={"all": True, "kinds": ["CronJob"]}),
        'kinds[0]: Unsupported value: "CronJob": supported values: "Deployment", "StatefulSet", "DaemonSet"',
    ),
    "an unknown kind in refs": (
        policy(targets={"refs": [{"kind": "Pod", "name": "shop"}]}),
        'refs[0].kind: Unsupported value: "Pod": supported values: "Deployment", "StatefulSet", "DaemonSet"',
    ),
    "an expression without values": (
        policy(targets={"selector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}),
        "operators In and NotIn need values; Exists and DoesNotExist take none",
    ),
    "an unknown mode": (
        policy(mode="YOLO"),
        'spec.mode: Unsupported value: "YOLO": supported values: "Observe", "Approve", "Enforce"',
    ),
    "a negative duration": (
        policy(limits={"cooldown": "-5m"}),
        f'spec.limits.cooldown: Invalid value: "-5m": {NOT_A_DURATION}',
    ),
    "an unparsable duration": (policy(limits={"cooldown": "soon"}), NOT_A_DURATION),
    "an ISO duration": (policy(limits={"cooldown": "PT5M"}), NOT_A_DURATION),
    "a duration without its unit": (policy(limits={"cooldown": "300"}), NOT_A_DURATION),
    "an unparsable duration of a trigger": (
        policy(triggers=[{"pod": {"reasons": ["Unready"], "for": "a while"}}]),
        NOT_A_DURATION,
    ),
    "an unparsable duration of an action": (scale(by=2, revertAfter="later"), NOT_A_DURATION),
    "a cooldown over 24h": (
        policy(limits={"cooldown": "24h1s"}),
        'spec.limits.cooldown: Invalid value: "24h1s": must be at least 0s and at most 24h',
    ),
    "a window over 24h": (
        policy(limits={"rate": {"maxActions": 3, "per": "25h"}}),
        'spec.limits.rate.per: Invalid value: "25h": must be at least 1s and at most 24h',
    ),
    "a window of the budget over 24h": (
        budget({"maxActions": 3, "per": "168h"}),
        "must be at least 1s and at most 24h",
    ),
    "a window of nothing": (policy(limits={"rate": {"maxActions": 3, "per": "0s"}}), "must be at least 1s"),
    "no action at all": (
        policy(limits={"rate": {"maxActions": 0, "per": "1h"}}),
        "should be greater than or equal to 1",
    ),
    "a budget without limits": (budget(), "spec.limits in body should have at least 1 items"),
    "a share in words": (policy(limits={"maxUnhealthy": "30 percent"}), "write it like 30% or 3"),
    "an action left empty": (
        runbook({"name": "restart", "rolloutRestart": None}),
        "one without settings has braces: rolloutRestart: {}",
    ),
    "a scale to nothing": (scale(to=0), "to: 0 switches the workload off, which heals nothing"),
    "more than all are sick": (policy(limits={"maxUnhealthy": "130%"}), "write it like 30% or 3"),
    "a negative number of sick ones": (policy(limits={"maxUnhealthy": -1}), "write it like 30% or 3"),
    "a webhook that is no URL": (
        policy(escalation={"webhook": {"url": "hooks.example.com"}}),
        "not a URL that can be called: write it like https://hooks.example.com/platelet",
    ),
    "a webhook with a password": (
        policy(escalation={"webhook": {"url": "https://ann:x@hooks.example.com/"}}),
        "without user or password",
    ),
    "a schedule in one word": (
        policy(limits={"maintenanceWindows": [{"schedule": "@daily", "duration": "1h"}]}),
        "a schedule has the five fields of cron",
    ),
    "an unknown field": (policy(cooldown="5m"), 'unknown field "spec.cooldown"'),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_object_is_rejected_with_words_that_tell_the_fix(
    api: cluster.ControlPlane, namespace: str, name: str
) -> None:
    """Kubectl apply fails with the message promised, and nothing is stored."""
    body, message = BAD[name]
    with pytest.raises(cluster.KubectlFailed) as failed:
        apply(api, namespace, body)
    assert message in failed.value.stderr
    assert "evaluating rule" not in failed.value.stderr, "a rule stumbled instead of judging"


GOOD: dict[str, dict[str, Any]] = {
    "the shortest policy": policy(),
    "a policy that only tells of Jobs": policy(triggers=[{"job": {}}] * 2, targets=None, runbookRef=None),
    "the shortest runbook": runbook(RESTART),
    "a number of sick ones, as YAML reads it": policy(limits={"maxUnhealthy": 3}),
    "bounds that touch": policy(limits={"cooldown": "24h", "rate": {"maxActions": 1, "per": "24h"}}),
    "no cooldown": policy(limits={"cooldown": "0s"}),
    "Approve, so that the operator can say that it comes later": policy(mode="Approve"),
    "a check over half an hour": runbook(
        {
            **RESTART,
            "verify": {
                "timeout": "30m",
                "checks": [{"prometheus": {"query": 'x{a="$target.name"}', "below": 0.5, "for": "30m"}}] * 8,
            },
        }
    ),
    "a check by HTTP": checked({"http": {"url": "https://[::1]:8443/a?b=c#d", "expectStatus": [200, 301]}}),
    "what follows": runbook({"name": "add", "scale": {"by": 1}, "onFailure": "Revert", "onInconclusive": "Next"}),
    "a query below zero": measured(below=-0.5, **{"for": "1h30m"}, interval="15s"),
    "sixteen steps": runbook(*({"name": f"step-{number}", "rolloutRestart": {}} for number in range(16))),
    "a pause": {**budget({"maxActions": 1, "per": "90s"}), "spec": {"suspended": {"until": "2026-12-01T00:00:00Z"}}},
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_object_is_taken(api: cluster.ControlPlane, namespace: str, name: str) -> None:
    """What is allowed is not refused by accident."""
    apply(api, namespace, GOOD[name])


@pytest.mark.parametrize("path", sorted((ROOT / "deploy" / "samples").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_sample_is_taken(api: cluster.ControlPlane, namespace: str, path: Path) -> None:
    """The samples that users copy are good, with fields checked strictly."""
    api.kubectl("apply", "-n", namespace, "--validate=strict", "-f", str(path))


def test_the_budget_that_we_ship_is_taken(api: cluster.ControlPlane) -> None:
    """The operator cannot act without it."""
    api.kubectl(
        "apply", "--validate=strict", "-f", str(ROOT / "deploy" / "base" / "action-budget.yaml"), "-n", "default"
    )


def remediation(**spec: Any) -> dict[str, Any]:
    """A Remediation that is good but for what is said."""
    good = {
        "targetRef": {"kind": "Deployment", "name": "shop"},
        "policyRef": {"name": "p"},
        "runbookRef": {"name": "r"},
        "mode": "Enforce",
        "signal": EVIDENCE,
        "steps": [{"name": "restart", "rolloutRestart": {}, "fromALaterVersion": {"kept": True}}],
    }
    return {
        "apiVersion": "platelet.dev/v1alpha1",
        "kind": "Remediation",
        "metadata": {"name": "deployment-shop-1"},
        "spec": good | spec,
    }


def test_pinned_steps_are_stored_as_written(api: cluster.ControlPlane, namespace: str) -> None:
    """An action that this version's schema does not know is not pruned from a pinned step."""
    apply(api, namespace, remediation())
    assert stored(api, namespace, "rem", "deployment-shop-1")["spec"]["steps"] == remediation()["spec"]["steps"]


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "Observe"},
        {"targetRef": {"kind": "Deployment", "name": "other"}},
        {"steps": [{"name": "restart", "scale": {"to": 100}}]},
        {"steps": []},
        {"steps": [{"name": "restart", "rolloutRestart": {}, "fromALaterVersion": {"kept": False}}]},
    ],
    ids=["its mode", "its target", "a pinned action", "its steps", "the depth of a pinned step"],
)
def test_what_a_remediation_pins_cannot_be_changed(
    api: cluster.ControlPlane, namespace: str, change: dict[str, Any]
) -> None:
    """Who may edit a Remediation cannot make it do something else."""
    apply(api, namespace, remediation())
    with pytest.raises(cluster.KubectlFailed, match="a Remediation's spec is pinned when it is opened"):
        apply(api, namespace, remediation(**change))


def test_all_that_we_write_about_a_remediation_is_kept(api: cluster.ControlPlane, namespace: str) -> None:
    """No field of a full record is refused, pruned or changed by the API server."""
    spec, status = filled(model.RemediationSpec), filled(model.RemediationStatus)
    spec = replace(spec, signal=replace(spec.signal, source="alert"))  # one made by hand would carry no steps
    body = {**remediation(), "spec": remediations.write_spec(spec)}
    apply(api, namespace, body)
    set_status(api, namespace, "rem", "deployment-shop-1", remediations.write_status(status))
    read = remediations.read_remediation(stored(api, namespace, "rem", "deployment-shop-1"))
    assert (read.spec, read.status) == (spec, status)


def test_all_that_we_write_on_the_budget_is_kept(api: cluster.ControlPlane, namespace: str) -> None:
    """The same for reservations."""
    spec, status = filled(BudgetSpec), filled(BudgetStatus)
    apply(api, namespace, {**budget(), "spec": as_people_write(spec)})
    set_status(api, namespace, "budget", "platelet", budgets.write_budget_status(status))
    read = budgets.read_budget(stored(api, namespace, "budget", "platelet"))
    assert (read.spec, read.status) == (spec, status)


def test_all_that_we_write_on_a_policy_is_kept(api: cluster.ControlPlane, namespace: str) -> None:
    """Its conditions, and what people were told of: pruned, they would be told again and again."""
    apply(api, namespace, policy())
    status = {
        "observedGeneration": 1,
        "conditions": write_conditions((filled(model.Condition),)),
        **ALERTS.write((filled(UntargetedAlert),)),
        **FAILED_JOBS.write((filled(FailedJob),)),
        "failedJobsUnlisted": 1,
    }
    set_status(api, namespace, "rempol", "sample", status)
    assert stored(api, namespace, "rempol", "sample")["status"] == status


def test_a_budget_full_of_reservations_is_taken(api: cluster.ControlPlane, namespace: str) -> None:
    """2,000 entries fit, even if each has raised an autoscaler's bounds, the most that is ever lent."""
    apply(api, namespace, budget({"maxActions": 1, "per": "1h"}))
    raised = bounds_set(filled(Bounds), filled(Bounds))
    full = replace(filled(Entry), revert=replace(filled(PendingRevert), changes=raised))
    entries = tuple(replace(full, id=f"{number}".rjust(60, "u")) for number in range(MAX_ENTRIES))
    body = {
        **stored(api, namespace, "budget", "platelet"),
        "status": budgets.write_budget_status(BudgetStatus(epoch=1, entries=entries)),
    }
    del body["metadata"]["annotations"]  # kubectl would keep there all of what it sends, once more
    api.kubectl("replace", "--subresource=status", "-f", "-", input=json.dumps(body))
    assert len(budgets.read_budget(stored(api, namespace, "budget", "platelet")).status.entries) == MAX_ENTRIES


def test_kubectl_get_tells_the_story(api: cluster.ControlPlane, namespace: str) -> None:
    """Short names, the category and the columns work."""
    apply(api, namespace, remediation())
    status = {"state": "Waiting", "reason": "Cooldown", "stepName": "restart", "message": "asked again at noon"}
    set_status(api, namespace, "rem", "deployment-shop-1", status)
    shown = api.kubectl("get", "platelet", "-n", namespace, "-o", "wide")
    assert [
        word for word in ("shop", "Waiting", "restart", "Cooldown", "asked again at noon") if word not in shown
    ] == []


def apply(api: cluster.ControlPlane, namespace: str, body: dict[str, Any]) -> None:
    """Apply one object as a user does."""
    api.kubectl("apply", "-n", namespace, "-f", "-", input=yaml.safe_dump(body))


def set_status(api: cluster.ControlPlane, namespace: str, kind: str, name: str, status: dict[str, Any]) -> None:
    """Write a status as the operator may."""
    body = json.dumps({"status": status})
    api.kubectl("patch", kind, name, "-n", namespace, "--subresource=status", "--type=merge", "-p", body)


def stored(api: cluster.ControlPlane, namespace: str, kind: str, name: str) -> dict[str, Any]:
    """One object as the API server has it."""
    stored: dict[str, Any] = json.loads(api.kubectl("get", kind, name, "-n", namespace, "-o", "json"))
    return stored
