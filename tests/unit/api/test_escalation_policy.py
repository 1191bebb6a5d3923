"""An EscalationPolicy as people write it: what is wrong is said at once, with the field and the fix."""

from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest

from platelet.api.kinds import caveats
from platelet.api.kinds.escalation_policy import read_escalation_policy
from platelet.api.kinds.invalid import InvalidSpec
from platelet.api.kinds.policy import read_policy
from platelet.model import reasons
from platelet.model.outside import Outside
from platelet.model.request import SecretKey
from tests.scenarios.manifests import escalation_policy, policy

LEVELS = [{"after": "0s", "sinks": ["oncall"]}, {"after": "30m", "sinks": ["lead"], "until": "Resolved"}]


def stored(*levels: dict[str, Any], **changes: Any) -> dict[str, Any]:
    manifest = deepcopy(escalation_policy(*(levels or LEVELS)))
    manifest["metadata"] |= {"namespace": "shop"}
    manifest["spec"] |= changes
    return manifest


def test_it_is_read_with_its_sinks_by_name() -> None:
    read = read_escalation_policy(stored())
    assert list(read.sinks) == ["oncall", "lead"]
    assert [(level.after, level.sinks, level.until) for level in read.levels] == [
        (timedelta(), ("oncall",), "Acknowledged"),
        (timedelta(minutes=30), ("lead",), "Resolved"),
    ]


NOW_LEVEL, LATER = LEVELS
HOOK = {"name": "oncall", "webhook": {"url": "http://oncall.svc/hook"}}
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "after is not ascending": (stored(LATER, NOW_LEVEL), "in the order of their `after`"),
    "two at the same time": (stored(NOW_LEVEL, {**NOW_LEVEL}), "two levels have the same `after`"),
    "a level without sinks": (stored({"after": "0s", "sinks": []}, sinks=[HOOK]), "spec.levels[0].sinks"),
    "a sink that is not there": (
        stored({"after": "0s", "sinks": ["pager"]}, sinks=[HOOK]),
        "a level names the sink pager, which spec.sinks does not have: add it there, or correct the name",
    ),
    "a sink that is near one": (
        stored({"after": "0s", "sinks": ["oncal"]}, sinks=[HOOK]),
        "a level names the sink oncal, which spec.sinks does not have: add it there, or write oncall",
    ),
    "no levels": (stored(levels=[]), "spec.levels"),
    "a sink without a kind": (stored(NOW_LEVEL, sinks=[{"name": "oncall"}]), "a sink needs its kind"),
    "a kind that is unknown": (stored(NOW_LEVEL, sinks=[{"name": "oncall", "fax": {}}]), "fax"),
    "two sinks of one name": (stored(NOW_LEVEL, sinks=[HOOK, HOOK]), "the name of two sinks"),
    "no such severity": (stored({**NOW_LEVEL, "severities": ["bad"]}), "severities"),
    "callbacks of no place": (stored(callbacks={}), "callbacks without a place: add pagerduty"),
    "an approver that is no user": (
        stored(callbacks={"slack": {"secretRef": {"name": "s", "key": "k"}, "approvers": ["@ann"]}}),
        "not the ID of a user in Slack",
    ),
    "callbacks of an unknown place": (stored(callbacks={"fax": {}}), "fax"),
    "a callback without a key": (stored(callbacks={"pagerduty": {"secretRefs": []}}), "secretRefs"),
    "it never ends": (stored({**NOW_LEVEL, "until": "Never"}), "until"),
}


@pytest.mark.parametrize(("manifest", "words"), FAULTS.values(), ids=FAULTS)
def test_what_is_wrong_is_named(manifest: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidSpec) as error:
        read_escalation_policy(manifest)
    assert words in str(error.value)


def test_levels_of_the_same_time_may_be_for_different_severities() -> None:
    pager = {**NOW_LEVEL, "severities": ["critical"]}
    read = read_escalation_policy(stored(pager, {"after": "0s", "sinks": ["lead"], "severities": ["warning"]}))
    assert [level.severities for level in read.levels] == [("critical",), ("warning",)]


def test_a_host_or_a_secret_that_cannot_be_used_is_told_on_it() -> None:
    manifest = stored()
    manifest["spec"]["sinks"][0]["webhook"]["secretRef"] = {"name": "y", "key": "token"}
    escalation, faults = read_escalation_policy(manifest), {"oncall.secretRef": "there is no Secret x/y"}
    warnings = caveats.find_in_escalation(escalation, Outside(allowed_hosts=("oncall.svc",)), faults)
    assert [caveat.reason for caveat in warnings] == [reasons.SECRET_NOT_READABLE, reasons.HOST_NOT_ALLOWED]
    assert "spec.sinks.lead.url: lead.svc is not in allowedHosts" in warnings[1].message


def test_a_page_that_is_held_where_alertmanager_is_not_asked_is_told_on_it() -> None:
    """The end of the alert would be heard of only when nothing is held any more."""
    sink = {"name": "oncall", "alertmanager": {"url": "http://am.svc", "holdPageWhileHealing": True}}
    manifest = stored()
    manifest["spec"]["sinks"][0] = sink
    escalation, hosts = read_escalation_policy(manifest), ("*.svc",)
    (warning,) = caveats.find_in_escalation(escalation, Outside(allowed_hosts=hosts), {})
    assert warning.reason == reasons.ALERTMANAGER_NOT_CONFIGURED
    assert warning.message.startswith("spec.sinks.oncall: while it holds back a page")
    asked = Outside(allowed_hosts=hosts, has_alertmanager=True)
    assert caveats.find_in_escalation(escalation, asked, {}) == ()


CALLBACK = {"pagerduty": {"secretRefs": [{"name": "pagers", "key": "webhook"}]}}
PAGER = {"name": "oncall", "pagerduty": {"routingKeyRef": {"name": "pagers", "key": "routing"}}}


def test_its_callbacks_are_read_with_the_keys_in_its_own_namespace_and_the_sinks_that_they_are_of() -> None:
    read = read_escalation_policy(stored(NOW_LEVEL, sinks=[PAGER, HOOK | {"name": "lead"}], callbacks=CALLBACK))
    assert read.keys_of("pagerduty") == (SecretKey(namespace="shop", name="pagers", key="webhook"),)
    assert read.sinks_of("pagerduty") == ("oncall",)


def test_without_callbacks_nothing_signs() -> None:
    assert read_escalation_policy(stored()).keys_of("pagerduty") == ()


BY_NOBODY: dict[str, tuple[dict[str, Any], Outside | None, dict[str, str], list[str]]] = {
    "the operator listens for none": (
        stored(NOW_LEVEL, sinks=[PAGER], callbacks=CALLBACK),
        Outside(allowed_hosts=("events.pagerduty.com",)),
        {},
        [reasons.CALLBACKS_NOT_ACCEPTED],
    ),
    "there is no such sink": (stored(NOW_LEVEL, callbacks=CALLBACK, sinks=[HOOK]), None, {}, [reasons.SINK_NOT_FOUND]),
    "its key is none": (
        stored(NOW_LEVEL, sinks=[PAGER], callbacks=CALLBACK),
        None,
        {"pagerduty": "the Secret shop/pagers has no key webhook: correct the name"},
        [reasons.SECRET_NOT_READABLE],
    ),
    "all is well": (
        stored(NOW_LEVEL, sinks=[PAGER], callbacks=CALLBACK),
        Outside(allowed_hosts=("events.pagerduty.com",), accepts_callbacks=True),
        {},
        [],
    ),
}


@pytest.mark.parametrize(("manifest", "outside", "faults", "expected"), BY_NOBODY.values(), ids=BY_NOBODY)
def test_a_callback_by_which_nobody_can_answer_is_told_on_it(
    manifest: dict[str, Any], outside: Outside | None, faults: dict[str, str], expected: list[str]
) -> None:
    found_caveats = caveats.find_in_escalation(read_escalation_policy(manifest), outside, {}, faults)
    assert [caveat.reason for caveat in found_caveats] == expected


def referring(**escalation: Any) -> dict[str, Any]:
    manifest = policy(escalation=escalation)
    manifest["metadata"] |= {"namespace": "shop", "uid": "u"}
    return manifest


def test_a_policy_refers_to_it_or_has_sinks_of_its_own() -> None:
    read = read_policy(referring(policyRef={"name": "oncall"}))
    assert (read.escalation, read.policy.sinks) == ("oncall", {})
    with pytest.raises(InvalidSpec, match="move the other sinks there"):
        read_policy(referring(policyRef={"name": "oncall"}, webhook={"url": "http://x.svc/"}))
