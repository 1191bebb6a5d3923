"""What adjustProbes plans, and each reason for which it refuses."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import TypeAdapter

from platelet.actions import adjust_probes
from platelet.actions.adjust_probes import AdjustProbes
from platelet.model import reasons, templates
from platelet.model.intent import TEMPLATE
from platelet.model.situation import Situation
from platelet.model.verdict import Plan, Refusal
from tests.unit.situations import NOW, a_container, a_pod, a_situation, a_stateful_set, a_workload, minutes

DOUBLE = {"grace": {"byPercent": 100, "max": "10m"}}
LIVENESS: dict[str, Any] = {"liveness": DOUBLE}
PROBE = {"httpGet": {"path": "/health", "port": 80}, "failureThreshold": 3, "periodSeconds": 10, "timeoutSeconds": 1}


def a_template(**containers: Any) -> dict[str, Any]:
    """A template of these containers, with their probes."""
    return {"spec": {"containers": [{"name": name, **probes} for name, probes in containers.items()]}}


def seen(template: dict[str, Any] | None = None, **changes: Any) -> Situation:
    """A workload with one container that has a liveness probe, if nothing else is text."""
    template = template or a_template(app={"livenessProbe": PROBE})
    live = a_workload(template=template, template_hash=templates.hash_template(template))
    return a_situation(**{"workload": live, "pods": (a_pod(),), **changes})


def plan(written: dict[str, Any], situation: Situation) -> Plan | Refusal:
    settings: AdjustProbes = TypeAdapter(AdjustProbes).validate_python(written)
    return adjust_probes.plan(settings, situation, NOW)


TWO = a_template(proxy={"livenessProbe": PROBE}, app={"livenessProbe": PROBE, "startupProbe": PROBE})
FAILING = a_pod(ready=False, containers=(a_container(name="proxy"), a_container(state="waiting", restarts=3)))
PLANNED: dict[str, tuple[dict[str, Any], Situation, dict[str, str], str]] = {
    "a longer grace": (
        LIVENESS,
        seen(),
        {"app.livenessProbe.failureThreshold": "6"},
        "lengthen app: liveness grace 30s -> 1m (failureThreshold 3 -> 6)",
    ),
    "for a time": (
        {**LIVENESS, "revertAfter": "1h"},
        seen(),
        {"app.livenessProbe.failureThreshold": "6"},
        "(failureThreshold 3 -> 6) (1h)",
    ),
    "a probe that it does not have it does not get": (
        {**LIVENESS, "startup": DOUBLE},
        seen(),
        {"app.livenessProbe.failureThreshold": "6"},
        "(failureThreshold 3 -> 6); startup probe: it has none, and gets none",
    ),
    "grace and timeout": (
        {"liveness": {**DOUBLE, "timeout": {"to": "5s", "max": "5s"}}},
        seen(),
        {"app.livenessProbe.failureThreshold": "6", "app.livenessProbe.timeoutSeconds": "5"},
        "timeout 1s -> 5s",
    ),
    "the container that has such a probe": (
        {"startup": DOUBLE},
        seen(TWO),
        {"app.startupProbe.failureThreshold": "6"},
        "lengthen app: startup",
    ),
    "of several the one that fails": (
        LIVENESS,
        seen(TWO, pods=(FAILING,)),
        {"app.livenessProbe.failureThreshold": "6"},
        "lengthen app: liveness",
    ),
    "the one that is named": (
        {**LIVENESS, "container": "proxy"},
        seen(TWO),
        {"proxy.livenessProbe.failureThreshold": "6"},
        "lengthen proxy: liveness",
    ),
}


@pytest.mark.parametrize(("written", "situation", "fields", "text"), PLANNED.values(), ids=PLANNED)
def test_plans(written: dict[str, Any], situation: Situation, fields: dict[str, str], text: str) -> None:
    outcome = plan(written, situation)
    assert isinstance(outcome, Plan), outcome
    (change,) = outcome.changes
    assert {name: value for name, value in change.meant.items() if name != TEMPLATE} == fields
    assert text in outcome.summary


REFUSED: dict[str, tuple[dict[str, Any], Situation, str, str]] = {
    "it is gone": (LIVENESS, seen(workload=None), reasons.TARGET_GONE, "gone"),
    "it is switched off": (LIVENESS, seen(workload=a_workload(replicas=0)), reasons.SCALED_TO_ZERO, "0 replicas"),
    "no rollout would reach its pods": (
        LIVENESS, seen(workload=a_stateful_set(on_delete=True)), reasons.ROLLOUT_HELD, "OnDelete"
    ),
    "no container has such a probe": (
        {"startup": DOUBLE, "readiness": DOUBLE}, seen(), reasons.NOTHING_TO_ADJUST, "has a startup or readiness probe"
    ),
    "the one that is named has none": (
        {**LIVENESS, "container": "app"}, seen(a_template(proxy={"livenessProbe": PROBE}, app={})),
        reasons.NOTHING_TO_ADJUST, "app: liveness probe: it has none",
    ),
    "there is none of that name": ({**LIVENESS, "container": "web"}, seen(), reasons.NO_SUCH_CONTAINER, "web"),
    "it could be several": (LIVENESS, seen(TWO), reasons.NO_SUCH_CONTAINER, "(app, proxy): name it"),
    "it is at its maximum": (
        {"liveness": {"grace": {"byPercent": 50, "max": "30s"}}}, seen(), reasons.AT_MAXIMUM, "liveness grace is 30s"
    ),
    "it is long enough": (
        {"liveness": {"grace": {"to": "30s", "max": "1m"}}}, seen(), reasons.ALREADY_THERE, "at least that wanted"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("written", "situation", "reason", "text"), REFUSED.values(), ids=REFUSED)
def test_refuses(written: dict[str, Any], situation: Situation, reason: str, text: str) -> None:
    refused = plan(written, situation)
    assert isinstance(refused, Refusal), refused
    assert refused.reason == reason
    assert text in refused.message


def test_it_is_given_back_when_the_step_says_so() -> None:
    lent = plan({**LIVENESS, "revertAfter": "10m"}, seen())
    assert isinstance(lent, Plan)
    assert lent.revert is not None
    assert lent.revert.due_at == NOW + minutes(10)
    lasting = plan(LIVENESS, seen())
    assert isinstance(lasting, Plan)
    assert lasting.revert is None


def test_pods_that_an_ordered_set_waits_for_are_replaced() -> None:
    template = a_template(app={"livenessProbe": PROBE})
    workload = replace(a_stateful_set(), template=template, template_hash=templates.hash_template(template))
    outcome = plan(LIVENESS, seen(workload=workload))
    assert isinstance(outcome, Plan)
    assert outcome.changes[0].how == {"stuckPods": "replaced"}
