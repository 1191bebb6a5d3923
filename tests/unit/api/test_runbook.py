"""Runbooks: steps are understood or refused with a sentence."""

from datetime import timedelta
from typing import Any

import pytest

from platelet.actions import ACTIONS
from platelet.actions.rollout_undo import RolloutUndo
from platelet.actions.scale import Scale
from platelet.api.kinds import invalid, runbook
from platelet.checks.alert_resolved import AlertResolved
from platelet.checks.http_endpoint import Http
from platelet.checks.prometheus import Prometheus
from platelet.model import reasons
from platelet.model.outside import Outside

RESTART: dict[str, Any] = {"name": "restart", "rolloutRestart": {}}


def a_runbook(*steps: dict[str, Any]) -> runbook.Runbook:
    """A Runbook as read."""
    return runbook.Runbook(namespace="shop", name="crash-loop", uid="u", generation=1, steps=steps)


def test_a_step_is_read_with_all_its_settings() -> None:
    """Condition, action, verification."""
    (step,) = runbook.read_steps(
        [
            {
                "name": "undo",
                "when": 'target.changedWithin("30m")',
                "rolloutUndo": {"to": "Revision", "revision": 3},
                "verify": {"timeout": "2m", "stableFor": "90s", "checks": [{"alertResolved": {"timeout": "20m"}}]},
            }
        ]
    )
    assert (step.name, step.action, step.when) == ("undo", "rolloutUndo", 'target.changedWithin("30m")')
    assert step.settings == RolloutUndo(to="Revision", revision=3)
    assert (step.verify.timeout, step.verify.stable_for) == (timedelta(minutes=2), timedelta(seconds=90))
    assert step.verify.checks == (AlertResolved(timeout=timedelta(minutes=20)),)
    assert (step.on_failure, step.on_inconclusive) == ("Next", "Escalate")


def test_what_is_left_out_has_the_defaults_of_the_design() -> None:
    """DESIGN 3.6: 5m, stable for 1m, 15m for an alert."""
    (step,) = runbook.read_steps([{"name": "add", "scale": {"by": 1}}])
    assert step.settings == Scale(by=1)
    assert (step.verify.timeout, step.verify.stable_for) == (timedelta(minutes=5), timedelta(minutes=1))
    assert step.verify.checks == ()
    assert AlertResolved().timeout == timedelta(minutes=15)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.key)
def test_every_action_of_the_list_can_be_a_step(action: Any) -> None:
    """A new action is one file and one name in its list."""
    samples: dict[str, dict[str, Any]] = {
        "scale": {"to": 2},
        "adjustResources": {"cpu": {"to": 2, "max": 2}},
        "adjustProbes": {"liveness": {"grace": {"byPercent": 100, "max": "10m"}}},
        "setEnv": {"env": [{"name": "RATE_LIMIT", "value": "100"}]},
        "setConfig": {"configMap": "api", "key": "PROVIDER", "value": "other"},
        "job": {"fromCronJob": "mend"},
        "notify": {"message": "INVESTIGATING"},
        "http": {"url": "https://a.b/"},
    }
    sample = samples.get(action.key, {})
    (step,) = runbook.read_steps([{"name": "try-it", action.key: sample}])
    assert step.action == action.key
    assert isinstance(step.settings, action.settings)


def checked(*checks: dict[str, Any], **verify: Any) -> dict[str, Any]:
    """A step that asks for these checks."""
    return {**RESTART, "verify": {"checks": list(checks), **verify}}


BAD: dict[str, tuple[list[Any], str]] = {
    "no step": ([], "steps: there are 0: write 1 to 16"),
    "too many": ([{"name": f"s{n}", "rolloutRestart": {}} for n in range(17)], "steps: there are 17: write 1 to 16"),
    "not a step": (["restart"], "steps[0]: 'restart' is not a mapping"),
    "no action": ([{"name": "a"}], "steps[0]: a step needs an action: add one of rolloutUndo, "),
    "two actions": ([{**RESTART, "scale": {"to": 2}}], "steps[0]: a step does one thing"),
    "a misspelt action": ([{"name": "a", "rolloutUnod": {}}], "steps[0].rolloutUnod: is not a known field"),
    "a misspelt setting": ([{"name": "a", "scale": {"to": 3, "maxx": 5}}], "steps[0].scale.maxx: is not a known field"),
    "an approval that is none": ([{**RESTART, "approval": "Maybe"}], "steps[0].approval: 'Maybe' should be 'Required'"),
    "no name": ([{"rolloutRestart": {}}], "steps[0].name: is required: add it"),
    "a name with a blank": ([{**RESTART, "name": "Re start"}], "steps[0].name: a step's name is in lower case"),
    "the same name twice": ([RESTART, RESTART], "steps: 'restart' is the name of two steps: rename one of them"),
    "max below min": ([{"name": "a", "scale": {"by": 1, "min": 3, "max": 2}}], "steps[0].scale: max must not be below"),
    "a negative duration": ([{**RESTART, "verify": {"timeout": "-5m"}}], "steps[0].verify.timeout: '-5m' is not a dur"),
    "a number as duration": ([{**RESTART, "verify": {"timeout": 300}}], "steps[0].verify.timeout: 300 is not a dur"),
    "a duration of years": ([{**RESTART, "verify": {"timeout": "9" * 19 + "h"}}], "is not a duration"),
    "neither above nor below": ([checked({"prometheus": {"query": "up"}})], "checks[0].prometheus: a bound is needed"),
    "above and below": ([checked({"prometheus": {"query": "up", "above": 1, "below": 2}})], "set above or below"),
    "a bound that is no number": (
        [checked({"prometheus": {"query": "up", "above": "many"}})],
        "checks[0].prometheus.above: 'many' should be a valid number",
    ),
    "a bound of infinity": ([checked({"prometheus": {"query": "up", "above": float("inf")}})], "a finite number"),
    "a negative for": (
        [checked({"prometheus": {"query": "up", "above": 1, "for": "-1m"}})],
        "checks[0].prometheus.for: '-1m' is not a duration",
    ),
    "a for beyond the timeout": (
        [checked({"prometheus": {"query": "up", "above": 1, "for": "30m"}})],
        "steps[0].verify: `for` of a check is longer than `timeout` of its step",
    ),
    "a url without a scheme": ([checked({"http": {"url": "a.b/c"}})], "http.url: 'a.b/c' is not a URL that can be"),
    "a url with a password": ([checked({"http": {"url": "http://a:b@c.d/"}})], "without user or password"),
    "a status that is none": (
        [checked({"http": {"url": "http://a.b/", "expectStatus": [20]}})],
        "http.expectStatus[0]: 20 should be greater than or equal to 100",
    ),
    "no status at all": ([checked({"http": {"url": "http://a.b/", "expectStatus": []}})], "has 0 entries"),
    "two kinds of check in one": (
        [checked({"alertResolved": {}, "http": {"url": "http://a.b/"}})],
        "write one check per entry of the list",
    ),
    "an unknown onFailure": ([{**RESTART, "onFailure": "Retry"}], "onFailure: 'Retry' should be 'Next', 'Escalate'"),
    "an unknown onInconclusive": ([{**RESTART, "onInconclusive": "Undo"}], "should be 'Escalate' or 'Next'"),
    "a restart that is to be reverted": (
        [{**RESTART, "onFailure": "Revert"}],
        "steps[0]: rolloutRestart cannot be reverted: with it, onFailure is Next, Escalate or Stop",
    ),
    "a Job that is to be reverted": (
        [{"name": "mend", "job": {"fromCronJob": "mend"}, "onFailure": "Revert"}],
        "steps[0]: job cannot be reverted",
    ),
    "a wait that is to be reverted": ([{"name": "wait", "wait": {}, "onFailure": "Revert"}], "wait cannot be reverted"),
    "a wait that a person approves": (
        [{"name": "wait", "wait": {}, "approval": "Required"}],
        "wait does nothing that a person could approve: remove approval",
    ),
    "a check without kind": ([{**RESTART, "verify": {"checks": [{}]}}], "steps[0].verify.checks[0]: a check needs its"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_step_is_refused_with_the_field_and_the_fix(name: str) -> None:
    """Also for pinned steps, which the API server does not look into."""
    steps, message = BAD[name]
    with pytest.raises(invalid.InvalidSpec) as failed:
        runbook.read_steps(steps)
    assert message in str(failed.value)


def test_a_runbook_keeps_its_steps_as_written() -> None:
    """They are pinned as written, with fields that this version may not know."""
    steps = [{**RESTART, "fromALaterVersion": 1}]
    metadata = {"namespace": "shop", "name": "r", "uid": "u", "generation": 7}
    read = runbook.read_runbook({"metadata": metadata, "spec": {"description": "why", "steps": steps}})
    assert (read.generation, read.description, read.steps) == (7, "why", tuple(steps))


@pytest.mark.parametrize("spec", [None, {}, {"steps": None}, {"steps": {}}, {"steps": ["x"]}])
def test_a_runbook_without_steps_says_so(spec: Any) -> None:
    """What the CRD forbids may still be there from an older CRD."""
    with pytest.raises(invalid.InvalidSpec, match=r"spec(\.steps)?: .* write"):
        runbook.read_runbook({"metadata": {"namespace": "n", "name": "r", "uid": "u"}, "spec": spec})


@pytest.mark.parametrize(
    ("step", "reason", "message"),
    [
        (RESTART, reasons.READY, "1 step"),
        ({**RESTART, "scale": {}}, reasons.INVALID_SPEC, "steps[0].scale: set exactly one of to and by"),
        (
            {**RESTART, "when": "target.replicaz > 3"},
            reasons.INVALID_CONDITION,
            "step restart: when: line 1, column 7: target has no field replicaz",
        ),
    ],
    ids=["good", "a bad step", "a bad condition"],
)
def test_a_runbook_is_judged(step: dict[str, Any], reason: str, message: str) -> None:
    """Ready, or the reason and where to look."""
    readiness = runbook.check_runbook(a_runbook(step), None)
    assert (readiness.ready, readiness.reason) == (reason == reasons.READY, reason)
    assert message in readiness.message


def test_checks_are_read_with_their_settings() -> None:
    """A number may be whole or not; what is left out has its default."""
    query = {"prometheus": {"query": "up", "below": 1, "for": "30m"}}
    probe = {"http": {"url": "https://api.example.com/health"}}
    (step,) = runbook.read_steps([checked(query, probe, timeout="31m")])
    assert step.verify.checks == (
        Prometheus(query="up", below=1.0, for_=timedelta(minutes=30)),
        Http(url="https://api.example.com/health", expect_status=(200,), timeout=timedelta(seconds=5)),
    )


def test_what_follows_is_read() -> None:
    (step,) = runbook.read_steps([{"name": "a", "scale": {"by": 1}, "onFailure": "Revert", "onInconclusive": "Next"}])
    assert (step.on_failure, step.on_inconclusive) == ("Revert", "Next")


WITH_ALL = Outside(has_prometheus=True, allowed_hosts=("*.svc", "api.example.com"))
ASKED: dict[str, tuple[dict[str, Any], Outside | None, str, str]] = {
    "a query that can be asked": ({"prometheus": {"query": 'up{a="$target.name"}', "above": 0}}, WITH_ALL, "Ready", ""),
    "a placeholder outside of a matcher": (
        {"prometheus": {"query": "sum($target.name)", "above": 0}},
        WITH_ALL,
        "InvalidQuery",
        "step restart: query 'sum($target.name)': at character 5: $target.name and $target.namespace stand only in",
    ),
    "another dollar": (
        {"prometheus": {"query": 'up{a="$name"}', "above": 0}},
        None,
        "InvalidQuery",
        "at character 7: here a $ can only begin $target.name",
    ),
    "no Prometheus": (
        {"prometheus": {"query": "up", "above": 0}},
        Outside(),
        "PrometheusNotConfigured",
        "step restart: a prometheus check needs a Prometheus: set prometheus.url in the operator's settings",
    ),
    "an allowed host": ({"http": {"url": "http://shop.team-a.svc:8080/x"}}, WITH_ALL, "Ready", ""),
    "a host that is not allowed": (
        {"http": {"url": "http://169.254.169.254/latest"}},
        WITH_ALL,
        "HostNotAllowed",
        "step restart: url: 169.254.169.254 is not in allowedHosts of the operator's settings: add it there",
    ),
    "a host that only ends alike": ({"http": {"url": "https://evilapi.example.com"}}, WITH_ALL, "HostNotAllowed", ""),
    "settings that are not known here": ({"http": {"url": "http://anything.example/"}}, None, "Ready", ""),
}


@pytest.mark.parametrize("name", ASKED)
def test_a_check_that_could_never_be_asked_makes_the_runbook_unready(name: str) -> None:
    """Nothing acts on it, and its author is told what to do."""
    check, outside, reason, message = ASKED[name]
    readiness = runbook.check_runbook(a_runbook(checked(check)), outside)
    assert (readiness.ready, readiness.reason) == (reason == "Ready", reason)
    assert message in readiness.message
