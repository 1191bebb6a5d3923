"""The settings of actions: what is accepted, and that each refusal tells the fix."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from platelet import actions
from platelet.actions.adjust_probes import AdjustProbes
from platelet.actions.adjust_resources import AdjustResources
from platelet.actions.evict_pods import EvictPods
from platelet.actions.job import Job
from platelet.actions.notify import Notify
from platelet.actions.rollout_restart import RolloutRestart
from platelet.actions.rollout_undo import RolloutUndo
from platelet.actions.scale import Scale
from platelet.actions.set_config import SetConfig
from platelet.actions.set_env import SetEnv, Variable
from platelet.actions.wait import Wait
from platelet.model import quantity
from platelet.model.amount import Amount
from platelet.model.http_call import HttpCall
from platelet.model.probe_grace import Longer, ProbeGrace
from platelet.model.request import SecretRef
from platelet.model.until import Until


def read(key: str, settings: dict[str, Any]) -> Any:
    return TypeAdapter(actions.BY_KEY[key].settings).validate_python(settings)


ACCEPTED: dict[str, tuple[str, dict[str, Any], object]] = {
    "an undo goes to the last healthy template by default": ("rolloutUndo", {}, RolloutUndo(to="LastHealthy")),
    "an undo may fall back to the previous template": (
        "rolloutUndo",
        {"ifUnknown": "Previous"},
        RolloutUndo(if_unknown="Previous"),
    ),
    "an undo may name a revision": (
        "rolloutUndo",
        {"to": "Revision", "revision": 3},
        RolloutUndo(to="Revision", revision=3),
    ),
    "a restart has no settings": ("rolloutRestart", {}, RolloutRestart()),
    "a scale to a number that is reverted after an hour": (
        "scale",
        {"to": 15, "max": 20, "revertAfter": "1h"},
        Scale(to=15, max=20, revert_after=timedelta(hours=1)),
    ),
    "a scale by a negative number": ("scale", {"by": -2, "min": 1}, Scale(by=-2, min=1)),
    "bounds that meet": ("scale", {"by": 1, "min": 4, "max": 4}, Scale(by=1, min=4, max=4)),
    "more memory by half, up to a maximum": (
        "adjustResources",
        {"container": "app", "memory": {"byPercent": 50, "max": "2Gi"}, "revertAfter": "1h"},
        AdjustResources(
            container="app",
            memory=Amount(by_percent=50, max=quantity.parse("2Gi")),
            revert_after=timedelta(hours=1),
        ),
    ),
    "a longer grace": (
        "adjustProbes",
        {"liveness": {"grace": {"byPercent": 100, "max": "10m"}}},
        AdjustProbes(liveness=ProbeGrace(grace=Longer(by_percent=100, max=timedelta(minutes=10)))),
    ),
    "a variable": (
        "setEnv",
        {"env": [{"name": "RATE_LIMIT", "value": "100"}]},
        SetEnv(env=(Variable(name="RATE_LIMIT", value="100"),)),
    ),
    "a key of a ConfigMap": (
        "setConfig",
        {"configMap": "api", "key": "PROVIDER", "value": ""},
        SetConfig(config_map="api", key="PROVIDER", value=""),
    ),
    "more CPU to a number of cores": (
        "adjustResources",
        {"cpu": {"to": 2, "max": 2}},
        AdjustResources(cpu=Amount(to=quantity.parse("2"), max=quantity.parse("2"))),
    ),
    "more CPU, in place where that can be": (
        "adjustResources",
        {"cpu": {"to": 2, "max": 2}, "inPlace": "Prefer"},
        AdjustResources(cpu=Amount(to=quantity.parse("2"), max=quantity.parse("2")), in_place="Prefer"),
    ),
    "a Job, as long as by default": ("job", {"fromCronJob": "mend"}, Job(from_cron_job="mend")),
    "a Job of half an hour": (
        "job",
        {"fromCronJob": "mend", "timeout": "30m"},
        Job(from_cron_job="mend", timeout=timedelta(minutes=30)),
    ),
    "off": ("scale", {"to": 0, "allowZero": True}, Scale(to=0, allow_zero=True)),
    "back to as many as before": ("scale", {"to": "previous"}, Scale(to="previous")),
    "one eviction": ("evictPods", {}, EvictPods()),
    "some evictions": ("evictPods", {"maxPods": 4}, EvictPods(max_pods=4)),
    "some words": ("notify", {"message": "INVESTIGATING: errors"}, Notify(message="INVESTIGATING: errors")),
    "a wait as long as by default": ("wait", {}, Wait()),
    "a wait until something holds": (
        "wait",
        {"for": "1h", "until": {"query": "up", "above": 0}},
        Wait(for_=timedelta(hours=1), until=Until(query="up", above=0)),
    ),
    "a wait until the workload is as it is to be": (
        "wait",
        {"until": {"expression": "object.status.availableReplicas > 0"}},
        Wait(until=Until(expression="object.status.availableReplicas > 0")),
    ),
    "a request": (
        "http",
        {"url": "https://api.example.com/reconcile", "body": '{"full": true}', "secretRef": {"name": "s", "key": "k"}},
        HttpCall(
            url="https://api.example.com/reconcile",
            body='{"full": true}',
            secret_ref=SecretRef(name="s", key="k"),
        ),
    ),
    "a revert after a day": (
        "scale",
        {"to": 2, "revertAfter": "24h"},
        Scale(to=2, revert_after=timedelta(hours=24)),
    ),
}


@pytest.mark.parametrize(("key", "settings", "expected"), ACCEPTED.values(), ids=ACCEPTED)
def test_is_accepted(key: str, settings: dict[str, Any], expected: object) -> None:
    """Settings as a runbook writes them are read into the action's dataclass."""
    assert read(key, settings) == expected


MORE = {"memory": {"byPercent": 50, "max": "2Gi"}}
REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "an undo to a revision without its number": ("rolloutUndo", {"to": "Revision"}, "revision belongs to"),
    "a revision number without to Revision": ("rolloutUndo", {"revision": 3}, "revision belongs to"),
    "revision zero": ("rolloutUndo", {"to": "Revision", "revision": 0}, "greater than or equal to 1"),
    "a fallback without a last healthy goal": (
        "rolloutUndo",
        {"to": "Previous", "ifUnknown": "Previous"},
        "ifUnknown belongs to",
    ),
    "an unknown goal": ("rolloutUndo", {"to": "Newest"}, "'LastHealthy', 'Previous' or 'Revision'"),
    "a scale without a number": ("scale", {}, "exactly one of to and by"),
    "a scale with two numbers": ("scale", {"to": 3, "by": 1}, "exactly one of to and by"),
    "a scale by nothing": ("scale", {"by": 0}, "by: 0 changes nothing"),
    "a scale to zero": ("scale", {"to": 0}, "to: 0 switches the workload off, which heals nothing"),
    "zero allowed, and not asked for": ("scale", {"to": 3, "allowZero": True}, "to: 0 and allowZero: true"),
    "zero within bounds": ("scale", {"to": 0, "allowZero": True, "min": 1}, "leave out min, max and autoscaler"),
    "the number from before within bounds": (
        "scale",
        {"to": "previous", "max": 9},
        "leave out min, max and autoscaler",
    ),
    "the number from before for a time": ("scale", {"to": "previous", "revertAfter": "1h"}, "for good"),
    "a negative goal": ("scale", {"to": -1}, "-1 is no number of replicas: write one from 0 to 10000, or previous"),
    "a goal beyond all bounds": ("scale", {"to": 10001}, "10001 is no number of replicas"),
    "a goal that is no number": ("scale", {"to": "as before"}, "'as before' is no number of replicas"),
    "a goal that is true": ("scale", {"to": True}, "True is no number of replicas"),
    "a negative maximum": ("scale", {"to": 1, "max": -1}, "greater than or equal to 1"),
    "a maximum below the minimum": ("scale", {"by": 1, "min": 5, "max": 4}, "max must not be below min"),
    "bounds raised for ever": (
        "scale",
        {"to": 3, "autoscaler": "ScaledObject"},
        "add revertAfter or revertWhenResolved",
    ),
    "bounds lowered": (
        "scale",
        {"by": -1, "revertAfter": "1h", "autoscaler": "HorizontalPodAutoscaler"},
        "no negative by",
    ),
    "a revert at once": ("scale", {"to": 3, "revertAfter": "0s"}, "longer than 0s"),
    "a revert beyond the budget's memory": ("scale", {"to": 3, "revertAfter": "25h"}, "at most 24h"),
    "a revert that is no duration": ("scale", {"to": 3, "revertAfter": "soon"}, "is not a duration"),
    "a Job of no CronJob": ("job", {}, "fromCronJob"),
    "a Job of something else": ("job", {"fromCronJob": "shop/mend"}, "write it like retry-migration"),
    "a Job of a CronJob whose name is too long": ("job", {"fromCronJob": "m" * 53}, "at most 52"),
    "a Job without an end": ("job", {"fromCronJob": "mend", "timeout": "25h"}, "at most 24h"),
    "no eviction at all": ("evictPods", {"maxPods": 0}, "greater than or equal to 1"),
    "evictions of everything": ("evictPods", {"maxPods": 5}, "less than or equal to 4"),
    "no words": ("notify", {}, "message"),
    "empty words": ("notify", {"message": ""}, "write one line of text"),
    "too many words": ("notify", {"message": "x" * 501}, "at most 500"),
    "words of several lines": ("notify", {"message": "one\ntwo"}, "write one line of text"),
    "words that begin with nothing": ("notify", {"message": " x"}, "write one line of text"),
    "a wait for nothing": ("wait", {"for": "0s"}, "at least 1s"),
    "a wait for days": ("wait", {"for": "25h"}, "at most 24h"),
    "a wait without a bound": ("wait", {"until": {"query": "up"}}, "set above or below"),
    "a wait for two bounds": ("wait", {"until": {"query": "up", "above": 0, "below": 1}}, "set above or below"),
    "a wait without a query": ("wait", {"until": {"above": 0}}, "query"),
    "a wait for nothing to hold": ("wait", {"until": {}}, "set exactly one of query and expression"),
    "a wait for a query and an expression": (
        "wait",
        {"until": {"query": "up", "above": 0, "expression": "true"}},
        "set exactly one of query and expression",
    ),
    "a wait for an expression with a bound": (
        "wait",
        {"until": {"expression": "true", "above": 0}},
        "an expression has none",
    ),
    "a wait for a long expression": ("wait", {"until": {"expression": "!" * 1024 + "true"}}, "1024"),
    "a request to nowhere": ("http", {}, "url"),
    "a request with a password": ("http", {"url": "https://a:b@c.d/"}, "without user or password"),
    "a request by another scheme": ("http", {"url": "ftp://a.b/"}, "not a URL that can be called"),
    "a request that deletes": ("http", {"url": "https://a.b/", "method": "DELETE"}, "POST"),
    "a request that signs itself in": (
        "http",
        {"url": "https://a.b/", "headers": [{"name": "Authorization", "value": "x"}]},
        "set by platelet or by HTTP itself",
    ),
    "a request with a header twice": (
        "http",
        {"url": "https://a.b/", "headers": [{"name": "X-A", "value": "x"}, {"name": "x-a", "value": "y"}]},
        "headers name one twice",
    ),
    "a request with a header of nothing": (
        "http",
        {"url": "https://a.b/", "headers": [{"name": "X-A"}]},
        "set exactly one of value and secretRef",
    ),
    "a request with a header of two lines": (
        "http",
        {"url": "https://a.b/", "headers": [{"name": "X-A", "value": "x\r\nX-B: y"}]},
        "printable ASCII",
    ),
    "a request with a body that is no JSON": ("http", {"url": "https://a.b/", "body": "x"}, "the body is no JSON"),
    "an adjustment of nothing": ("adjustResources", {"container": "app"}, "set memory, cpu or both"),
    "an adjustment that is reverted at once": ("adjustResources", {**MORE, "revertAfter": "0s"}, "longer than 0s"),
    "an adjustment that must be in place": ("adjustResources", {**MORE, "inPlace": "Only"}, "'Never' or 'Prefer'"),
    "an adjustment without a maximum": ("adjustResources", {"memory": {"byPercent": 50}}, "max"),
    "an adjustment beyond its maximum": (
        "adjustResources",
        {"memory": {"to": "2Gi", "max": "1Gi"}},
        "max must not be below to",
    ),
    "a longer grace of nothing": ("adjustProbes", {"container": "app"}, "set startup, liveness or readiness"),
    "a longer grace for more than a day": (
        "adjustProbes",
        {"startup": {"grace": {"to": "1m", "max": "1m"}}, "revertAfter": "25h"},
        "at most 24h",
    ),
    "no variable": ("setEnv", {"env": []}, "at least 1 item"),
    "too many variables": ("setEnv", {"env": [{"name": f"A{n}", "value": "1"} for n in range(7)]}, "at most 6 items"),
    "a variable twice": ("setEnv", {"env": [{"name": "A", "value": v} for v in "12"]}, "names a variable twice"),
    "a variable without a name": ("setEnv", {"env": [{"name": "", "value": "1"}]}, "at least 1 character"),
    "a variable whose name is none": ("setEnv", {"env": [{"name": "A B", "value": "1"}]}, "such as RATE_LIMIT"),
    "a variable without a value": ("setEnv", {"env": [{"name": "A", "value": ""}]}, "at least 1 character"),
    "a value that is no text": ("setEnv", {"env": [{"name": "A", "value": 100}]}, "valid string"),
    "a variable for more than a day": (
        "setEnv",
        {"env": [{"name": "A", "value": "1"}], "revertAfter": "25h"},
        "at most 24h",
    ),
    "no key": ("setConfig", {"configMap": "api", "key": "", "value": "x"}, "at least 1 character"),
    "a key that is none": ("setConfig", {"configMap": "api", "key": "A B", "value": "x"}, "such as PROVIDER"),
    "a ConfigMap without a name": ("setConfig", {"configMap": "", "key": "A", "value": "x"}, "at least 1 character"),
    "a key for more than a day": (
        "setConfig",
        {"configMap": "api", "key": "A", "value": "x", "revertAfter": "25h"},
        "at most 24h",
    ),
    "a container without a name": ("adjustResources", {**MORE, "container": ""}, "at least 1 character"),
}


@pytest.mark.parametrize(("key", "settings", "fix"), REFUSED.values(), ids=REFUSED)
def test_is_refused(key: str, settings: dict[str, Any], fix: str) -> None:
    """Settings that make no sense are refused with words that tell the fix."""
    with pytest.raises(ValidationError, match=fix):
        read(key, settings)


@pytest.mark.parametrize("action", actions.ACTIONS, ids=lambda action: action.key)
def test_every_rule_that_python_holds_is_held_by_the_api_server_too(action: Any) -> None:
    """Each message of the CEL rules is one of those that the dataclass raises: neither side knows more rules."""
    rules = TypeAdapter(action.settings).json_schema().get("x-kubernetes-validations", [])
    messages = {rule["message"] for rule in rules}
    refused = [(key, settings) for key, settings, _ in REFUSED.values() if key == action.key]
    raised = set()
    for key, settings in refused:
        with pytest.raises(ValidationError) as failure:
            read(key, settings)
        raised |= {
            error["msg"].removeprefix("Value error, ")
            for error in failure.value.errors()
            if error["type"] == "value_error" and error["loc"] == ()
        }
    assert messages == raised


def test_every_action_is_found_by_its_key() -> None:
    """The keys are those of the runbook's fields, each once."""
    assert list(actions.BY_KEY) == [
        "rolloutUndo",
        "rolloutRestart",
        "scale",
        "adjustResources",
        "adjustProbes",
        "setEnv",
        "setConfig",
        "evictPods",
        "job",
        "wait",
        "notify",
        "http",
    ]


def test_guards_know_what_an_action_touches() -> None:
    """A restart is no change that GitOps reverts; only the undo may act on an unfinished rollout."""
    traits = {action.key: action.traits for action in actions.ACTIONS}
    changing = ["rolloutUndo", "adjustResources", "adjustProbes", "setEnv"]
    assert [key for key, trait in traits.items() if trait.changes_template] == changing
    assert [key for key, trait in traits.items() if trait.changes_replicas] == ["scale"]
    assert [key for key, trait in traits.items() if trait.heals_rollout] == ["rolloutUndo"]


@pytest.mark.parametrize(
    ("key", "settings", "needs"),
    [
        ("rolloutUndo", {}, False),
        ("rolloutRestart", {}, True),
        ("scale", {"to": 5}, True),
        ("scale", {"by": 1}, True),
        ("scale", {"by": -1}, False),
        ("scale", {"to": 0, "allow_zero": True}, False),
        ("scale", {"to": "previous"}, True),
        ("setConfig", {"config_map": "api", "key": "A", "value": "x", "restart": True}, True),
        ("setConfig", {"config_map": "api", "key": "A", "value": "x"}, False),
        ("evictPods", {}, True),
        ("adjustResources", {"cpu": Amount(by_percent=50, max=quantity.parse("2"))}, True),
    ],
)
def test_guards_know_whether_a_step_asks_for_new_pods(key: str, settings: dict[str, Any], *, needs: bool) -> None:
    """An undo may ask for less than there is; fewer replicas do."""
    action = actions.BY_KEY[key]
    assert action.traits_with(action.settings(**settings)).needs_room is needs
