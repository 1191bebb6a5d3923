"""What is ready and cannot work in part: one table row for each caveat, and for what is no caveat."""

from typing import Any

import pytest

from platelet.api.kinds import caveats, policy, runbook
from platelet.api.kinds.caveats import Surroundings
from platelet.model import reasons
from platelet.model.outside import Outside
from platelet.model.resource import CRON_JOBS

ALL = Outside(
    has_prometheus=True, has_alertmanager=True, accepts_alerts=True, allowed_hosts=("*.svc", "hooks.example.com")
)
SELECTED = {"selector": {"matchLabels": {"tier": "api"}}}
BASE: dict[str, Any] = {
    "triggers": [{"pod": {"reasons": ["CrashLoopBackOff"]}}],
    "targets": SELECTED,
    "runbookRef": {"name": "heal"},
}
ON_ALERT = {"triggers": [{"alert": {"matchers": ['alertname="Down"']}}]}
HOOK = {"url": "https://hooks.example.com/platelet"}
RESTART = {"name": "restart", "rolloutRestart": {}}
AWAITS = {**RESTART, "verify": {"checks": [{"alertResolved": {}}]}}
AN_HOUR = {"alertResolved": {"timeout": "1h"}}
SCALE = {"name": "more", "scale": {"by": 1}}


def caveats_of(
    spec: dict[str, Any],
    *steps: dict[str, Any],
    outside: Outside | None = ALL,
    around: Surroundings = Surroundings(),  # noqa: B008 - frozen
) -> list[tuple[str, str]]:
    """The caveats of a policy with these fields, which follows these steps."""
    loaded = policy.read_policy({"metadata": {"namespace": "shop", "name": "p", "uid": "u"}, "spec": BASE | spec})
    read = runbook.read_steps(steps or (RESTART,))
    return [(caveat.reason, caveat.message) for caveat in caveats.find_in_policy(loaded, read, outside, around)]


def test_a_policy_whose_parts_can_all_work_has_no_caveat() -> None:
    """Nobody is warned for nothing."""
    assert caveats_of(ON_ALERT | {"escalation": {"webhook": HOOK}}, AWAITS, SCALE) == []
    assert (
        caveats_of(
            {"triggers": [{"query": {"expr": "rate(errors[5m])", "above": 1}}]},
            {"name": "w", "wait": {"for": "1m"}},
            SCALE,
        )
        == []
    )


CASES: dict[str, tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any], str, str]] = {
    "a webhook whose host is not allowed": (
        {"escalation": {"webhook": {"url": "https://chat.example.com/secret-path"}}},
        [],
        {},
        reasons.HOST_NOT_ALLOWED,
        "spec.escalation.webhook.url: chat.example.com is not in allowedHosts of the operator's settings",
    ),
    "a Secret that is not there": (
        {"escalation": {"webhook": {**HOOK, "secretRef": {"name": "token", "key": "t"}}}},
        [],
        {"around": Surroundings(secret_faults={"webhook.secretRef": "there is no Secret shop/token"})},
        reasons.SECRET_NOT_READABLE,
        "spec.escalation.webhook.secretRef: there is no Secret shop/token, so nobody is told by it: create it",
    ),
    "a signing secret that is none": (
        {"escalation": {"webhook": {**HOOK, "signingSecretRef": {"name": "token", "key": "t"}}}},
        [],
        {"around": Surroundings(secret_faults={"webhook.signingSecretRef": "the Secret shop/token: t is none"})},
        reasons.SECRET_NOT_READABLE,
        "spec.escalation.webhook.signingSecretRef: the Secret shop/token: t is none, so nobody is told by it: create",
    ),
    "refs to nothing": (
        {"targets": {"refs": [{"kind": "Deployment", "name": "apy"}]}},
        [],
        {"around": Surroundings(missing_targets=("Deployment apy",))},
        reasons.TARGET_NOT_FOUND,
        "spec.targets.refs: there is no Deployment apy: correct the name",
    ),
    "a CronJob that is not there": (
        {},
        [{"name": "mend", "job": {"fromCronJob": "mend"}}],
        {"around": Surroundings(missing_objects=(CRON_JOBS.named("mend"),))},
        reasons.MISSING_REFERENCE,
        "step mend: there is no CronJob mend where the policy acts, so it is passed over: create it, or correct",
    ),
    "an alert whose subject may not be looked up": (
        {},
        [],
        {"around": Surroundings(unfound='pods is forbidden: User "platelet" cannot get resource "pods"')},
        reasons.SUBJECT_NOT_READABLE,
        "what an alert is about may not be looked up, so its sender must send it again: pods is forbidden: User",
    ),
    "a record that an older CRD does not admit": (
        {},
        [],
        {"around": Surroundings(unrecorded="the installed CRD does not know status.x")},
        reasons.CRD_OUTDATED,
        "people are not told of failed Jobs and of alerts without a workload, since that cannot be recorded: the",
    ),
    "Jobs that may not be read": (
        {"triggers": [{"job": {}}]},
        [],
        {"around": Surroundings(missing_rights=("list jobs.batch in namespace shop (403 Forbidden)",))},
        reasons.JOBS_NOT_READABLE,
        "a trigger on Jobs is of no use: the operator may not list jobs.batch in namespace shop (403 Forbidden), so",
    ),
    "an alert that nobody can send": (
        ON_ALERT,
        [],
        {"outside": Outside()},
        reasons.ALERTS_NOT_ACCEPTED,
        "no alert reaches the operator: set alertTokenFiles, or alertmanager.url, in its settings",
    ),
    "a proof by an alert that cannot be asked for": (
        {},
        [AWAITS, SCALE],
        {"outside": Outside(accepts_alerts=True)},
        reasons.ALERTMANAGER_NOT_CONFIGURED,
        "alertResolved of step restart asks Alertmanager, and there is none to ask",
    ),
    "a Deployment's trigger for another kind": (
        {"triggers": [{"workload": {"conditions": ["RolloutStuck"]}}], "targets": SELECTED | {"kinds": ["DaemonSet"]}},
        [],
        {},
        reasons.TRIGGER_NEVER_HOLDS,
        "RolloutStuck is a Deployment's, and the policy is for DaemonSets only",
    ),
    "a query that sees the time before a step for longer than the step is given": (
        {"triggers": [{"query": {"expr": "deriv(heap[1h]) > 0", "above": 1}}]},
        [SCALE, AWAITS, {"name": "patient", "rolloutRestart": {}, "verify": {"checks": [AN_HOUR]}}],
        {},
        reasons.LOOKS_BACK_TOO_FAR,
        "a query looks back 1h, and step more, restart is not given that long to end it, so people decide though it",
    ),
    "a scale of DaemonSets": (
        {"targets": SELECTED | {"kinds": ["DaemonSet"]}},
        [RESTART, SCALE],
        {},
        reasons.STEP_NEVER_APPLIES,
        "step more scales, and a DaemonSet has one pod on each node",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_cannot_work_is_named_with_the_fix(name: str) -> None:
    """Each row has one caveat; a message never holds the path of a webhook, which often is its password."""
    spec, steps, changes, reason, words = CASES[name]
    [(kind, message)] = caveats_of(spec, *steps, **changes)
    assert kind == reason
    assert message.startswith(words)
    assert "secret-path" not in message


@pytest.mark.parametrize("spec", [ON_ALERT, {"escalation": {"webhook": {"url": "https://chat.example.com/"}}}])
def test_without_the_settings_what_depends_on_them_is_not_judged(spec: dict[str, Any]) -> None:
    """The CLI need not know them: then the operator's own word is on the object."""
    assert caveats_of(spec, AWAITS, outside=None) == []
