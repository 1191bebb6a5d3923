"""Which sample shows what: each trigger, guard, action, check and sink that can be written has one, and it is true."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from platelet.actions import ACTIONS
from platelet.callbacks import CALLBACKS
from platelet.checks import CHECKS
from platelet.cli import commands
from platelet.guards import GUARDS
from platelet.sinks import SINKS
from platelet.triggers import TRIGGERS

DEPLOY = Path(__file__).parents[2] / "deploy"
SHOWN = {  # what: the file, and the field in it
    ("trigger", "pod"): ("samples/first-policy.yaml", "spec.triggers.pod"),
    ("trigger", "workload"): ("samples/stuck-rollout.yaml", "spec.triggers.workload"),
    ("trigger", "alert"): ("samples/alert-scales-up.yaml", "spec.triggers.alert"),
    ("trigger", "query"): ("samples/query-trigger.yaml", "spec.triggers.query"),
    ("trigger", "job"): ("samples/failed-jobs.yaml", "spec.triggers.job"),
    ("action", "rolloutUndo"): ("samples/first-policy.yaml", "spec.steps.rolloutUndo"),
    ("action", "rolloutRestart"): ("samples/first-policy.yaml", "spec.steps.rolloutRestart"),
    ("action", "scale"): ("samples/alert-scales-up.yaml", "spec.steps.scale"),
    ("action", "setConfig"): ("samples/switch-provider.yaml", "spec.steps.setConfig"),
    ("action", "setEnv"): ("samples/rate-limit.yaml", "spec.steps.setEnv"),
    ("action", "adjustProbes"): ("samples/longer-grace.yaml", "spec.steps.adjustProbes"),
    ("action", "adjustResources"): ("samples/more-memory.yaml", "spec.steps.adjustResources"),
    ("action", "evictPods"): ("samples/evict-first.yaml", "spec.steps.evictPods"),
    ("action", "job"): ("samples/run-a-job.yaml", "spec.steps.job"),
    ("action", "wait"): ("samples/wait-first.yaml", "spec.steps.wait"),
    ("action", "notify"): ("samples/say-something.yaml", "spec.steps.notify"),
    ("action", "http"): ("samples/reconcile-afterwards.yaml", "spec.steps.http"),
    ("check", "completion"): ("samples/run-a-job.yaml", "spec.steps.job.timeout"),
    ("check", "rolloutComplete"): ("samples/first-policy.yaml", "spec.steps.verify.timeout"),
    ("check", "stable"): ("samples/first-policy.yaml", "spec.steps.verify.stableFor"),
    ("check", "alertResolved"): ("samples/alert-scales-up.yaml", "spec.steps.verify.checks.alertResolved"),
    ("check", "prometheus"): ("samples/verify-with-prometheus.yaml", "spec.steps.verify.checks.prometheus"),
    ("check", "http"): ("samples/verify-with-http.yaml", "spec.steps.verify.checks.http"),
    ("sink", "webhook"): ("samples/observe-first.yaml", "spec.escalation.webhook"),
    ("sink", "pagerduty"): ("samples/escalation/levels.yaml", "spec.sinks.pagerduty"),
    ("sink", "slack"): ("samples/escalation/levels.yaml", "spec.sinks.slack"),
    ("sink", "alertmanager"): ("samples/escalation/levels.yaml", "spec.sinks.alertmanager"),
    ("callback", "pagerduty"): ("samples/escalation/levels.yaml", "spec.callbacks.pagerduty"),
    ("callback", "slack"): ("samples/escalation/levels.yaml", "spec.callbacks.slack.approvers"),
    ("escalation", "levels"): ("samples/escalation/levels.yaml", "spec.levels.repeatEvery"),
    ("guard", "suspended"): ("samples/every-brake.yaml", "spec.suspended"),
    ("guard", "blockWhile"): ("samples/every-brake.yaml", "spec.limits.blockWhile"),
    ("guard", "managedElsewhere"): ("samples/every-brake.yaml", "spec.force"),
    ("guard", "occurrence"): ("samples/every-brake.yaml", "spec.triggers.pod.minRestarts"),
    ("guard", "cooldown"): ("samples/every-brake.yaml", "spec.limits.cooldown"),
    ("guard", "maxUnhealthy"): ("samples/every-brake.yaml", "spec.limits.maxUnhealthy"),
    ("guard", "maxConcurrent"): ("samples/every-brake.yaml", "spec.limits.maxConcurrent"),
    ("guard", "targetRate"): ("samples/every-brake.yaml", "spec.limits.rate"),
    ("guard", "policyRate"): ("samples/every-brake.yaml", "spec.limits.perPolicy"),
    ("guard", "maintenanceWindow"): ("samples/maintenance-windows.yaml", "spec.limits.maintenanceWindows"),
    ("guard", "operatorRate"): ("base/action-budget.yaml", "spec.limits.maxActions"),
    ("guard", "signalKnown"): ("samples/query-trigger.yaml", "spec.triggers.query"),
    ("guard", "nothingWrong"): ("samples/alert-scales-up.yaml", "spec.triggers.alert.matchers"),
    ("guard", "protectedNamespace"): ("example/config.yaml", "protectedNamespaces"),
}
ALWAYS_ON = {"clock", "busy", "policyLive", "beingDeleted", "paused", "causeElsewhere", "rolloutInProgress"}
"""Guards without a setting: there is nothing to write."""


def test_nothing_that_can_be_written_is_without_a_sample() -> None:
    """People copy samples; what has none is not found."""
    known = {
        *(("trigger", key) for key in (trigger.key for trigger in TRIGGERS)),
        *(("action", action.key) for action in ACTIONS),
        *(("check", check.name) for check in CHECKS),
        *(("sink", sink.name) for sink in SINKS if sink.settings is not None),
        *(("callback", callback.name) for callback in CALLBACKS),
        ("escalation", "levels"),
        *(("guard", guard.name) for guard in GUARDS if guard.name not in ALWAYS_ON),
    }
    assert known == set(SHOWN)
    assert {guard.name for guard in GUARDS} >= ALWAYS_ON


@pytest.mark.parametrize("what", SHOWN, ids=" ".join)
def test_the_sample_shows_it(what: tuple[str, str]) -> None:
    """The field is in the file."""
    file, field = SHOWN[what]
    documents = yaml.safe_load_all((DEPLOY / file).read_text())
    assert any(field in set(fields(document)) for document in documents), f"{file} has no {field}"


@pytest.mark.parametrize("sample", sorted((DEPLOY / "samples").rglob("*.yaml")), ids=lambda path: path.stem)
def test_a_sample_says_which_settings_it_needs(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the settings in its comment, all of it works."""
    settings = tmp_path / "settings.yaml"
    shown = re.findall(r"^#   (\w+: [\[{].+)$", sample.read_text(), re.MULTILINE)
    settings.write_text("\n".join(["apiVersion: platelet.dev/v1alpha1", "kind: OperatorConfig", *shown]))
    assert commands.main(["lint", str(sample), str(settings)]) == 0
    assert capsys.readouterr().out.splitlines()[:-1] == []


def fields(value: Any, path: str = "") -> Iterator[str]:
    """Every field by its path; lists are looked through."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield f"{path}{name}"
            yield from fields(inner, f"{path}{name}.")
    elif isinstance(value, list):
        for inner in value:
            yield from fields(inner, path)
