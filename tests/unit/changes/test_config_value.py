"""A key of a ConfigMap: what is sent, what is pinned and told of it, and when it is still ours."""

from dataclasses import replace
from typing import Any

import pytest

from platelet import changes
from platelet.changes import config_value, restart_stamp
from platelet.core import revert_attempts
from platelet.model import reasons
from platelet.model.change import Answer, Live, Patch
from platelet.model.intent import RESTART_STAMP, PinnedChange
from platelet.model.kept_values import KeptValues
from platelet.model.resource import CONTROLLER_REVISIONS
from platelet.model.situation import Situation
from platelet.model.verdict import Refusal
from tests.unit.situations import NOW, a_policy, a_situation, a_workload, minutes

KEY = "PROVIDER"
KEPT = KeptValues(name="platelet-values-1", uid="uid-1", before={KEY: "old"}, meant={KEY: "new"})
ARGO = {"argocd.argoproj.io/tracking-id": "shop:/ConfigMap:shop/api"}
OWNER = {"apiVersion": "v1", "kind": "Config", "name": "of-api", "controller": True}


def a_config_map(value: str | None, *, immutable: bool = False, **metadata: Any) -> dict[str, Any]:
    """`shop/api`, with another key beside this one."""
    data = {"OTHER": "stays"} | ({KEY: value} if value is not None else {})
    known = {"name": "api", "uid": "uid-config", "resourceVersion": "7"}
    return {"metadata": known | metadata, "data": data, **({"immutable": True} if immutable else {})}


def seen(config_map: dict[str, Any] | None, kept: KeptValues | None = KEPT, **more: Any) -> Situation:
    objects = {} if config_map is None else {config_value.CONFIG_MAPS.named("api"): config_map}
    if kept is not None:
        stored = {"metadata": {"uid": kept.uid}, "data": {"values": {"before": kept.before, "meant": kept.meant}}}
        objects[CONTROLLER_REVISIONS.named(KEPT.name)] = stored
    return a_situation(objects=objects, **more)


def pinned(kept: KeptValues = KEPT, value: str | None = "old") -> PinnedChange:
    """What an attempt would have pinned."""
    planned = config_value.to(kept, "api", KEY)
    (change,) = changes.pin([planned], seen(a_config_map(value), kept)) or ()
    return change


OURS = pinned()
LIVE = Live(uid="uid-config", resource_version="7", version="7", values={})


def test_the_value_is_pinned_by_digest_and_only_its_key_is_sent() -> None:
    assert (OURS.before, OURS.meant) == (KEPT.conceal(KEPT.before), KEPT.conceal(KEPT.meant))
    patch = changes.of(OURS).patch(OURS, LIVE, seen(a_config_map("old")))
    assert isinstance(patch, Patch)
    assert (patch.resource.plural, patch.name) == ("configmaps", "api")
    assert patch.body == {"metadata": {"uid": "uid-config", "resourceVersion": "7"}, "data": {KEY: "new"}}
    assert changes.is_made(OURS, seen(a_config_map("new")))
    assert changes.is_as_before(OURS, seen(a_config_map("old")))


def test_a_key_that_was_not_there_is_removed_again() -> None:
    kept = replace(KEPT, before={})
    change = pinned(kept, None)
    back = changes.of(change).revert(change, seen(a_config_map("new"), kept))
    assert isinstance(back, PinnedChange)
    patch = changes.of(back).patch(back, LIVE, seen(a_config_map("new"), kept))
    assert isinstance(patch, Patch)
    assert patch.body["data"] == {KEY: None}  # type: ignore[call-overload]


NOT_OURS = {
    "another value": seen(a_config_map("other")),
    "no value": seen(a_config_map(None)),
    "created anew": seen(a_config_map("new", uid="uid-new")),
    "gone": seen(None),
}
LOST = {
    "no record": seen(a_config_map("new"), None),
    "another record of its name": seen(a_config_map("new"), replace(KEPT, uid="forged")),
}


@pytest.mark.parametrize(
    ("situation", "reason"),
    [
        *((situation, reasons.NOT_OURS_ANYMORE) for situation in NOT_OURS.values()),
        *((situation, reasons.REFUSED) for situation in LOST.values()),
    ],
    ids=[*NOT_OURS, *LOST],
)
def test_what_others_have_changed_or_nobody_knows_is_not_reverted(situation: Situation, reason: str) -> None:
    refusal = changes.of(OURS).revert(OURS, situation)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason


def test_a_record_that_does_not_hold_what_was_pinned_is_not_sent() -> None:
    for kept in (None, replace(KEPT, uid="forged", meant={KEY: "evil"})):
        refusal = changes.of(OURS).patch(OURS, LIVE, seen(a_config_map("old"), kept))
        assert isinstance(refusal, Refusal)
        assert "does not hold what was pinned" in refusal.message


BLOCKED: dict[str, tuple[dict[str, Any], str]] = {
    "it is immutable": (a_config_map("old", immutable=True), "immutable"),
    "it is being deleted": (a_config_map("old", deletionTimestamp="2026-11-21T12:00:00Z"), "being deleted"),
    "Argo CD owns it": (a_config_map("old", annotations=ARGO), "Argo CD application shop owns ConfigMap api"),
    "Flux owns it": (a_config_map("old", labels={"helm.toolkit.fluxcd.io/name": "shop"}), "Flux (helm shop)"),
    "a controller owns it": (a_config_map("old", ownerReferences=[OWNER]), "Config of-api owns ConfigMap api"),
}


@pytest.mark.parametrize(("config_map", "words"), BLOCKED.values(), ids=BLOCKED)
def test_what_others_own_is_neither_written_nor_put_back(config_map: dict[str, Any], words: str) -> None:
    live = changes.as_it_is(OURS, seen(config_map))
    assert live is not None
    assert words in live.blocked
    assert words in changes.of(OURS).new_owner(OURS, seen(config_map), forced=False)


def test_a_policy_may_force_what_others_own_but_nothing_can_be_written_that_is_immutable() -> None:
    owned, immutable = a_config_map("old", annotations=ARGO), a_config_map("old", immutable=True)
    for config_map, blocked in ((owned, False), (immutable, True)):
        live = changes.as_it_is(OURS, seen(config_map, policy=a_policy(force=True)))
        assert live is not None
        assert bool(live.blocked) is blocked


def test_an_annotation_that_names_another_object_is_a_copy() -> None:
    copied = a_config_map("old", annotations={"argocd.argoproj.io/tracking-id": "shop:/ConfigMap:shop/other"})
    live = changes.as_it_is(OURS, seen(copied))
    assert live is not None
    assert live.blocked == ""


def test_people_are_told_names_only() -> None:
    change = changes.of(OURS)
    assert changes.say(OURS) == f"key {KEY} of ConfigMap api as set"
    assert change.say(OURS, OURS.before) == f"key {KEY} of ConfigMap api as before"
    stored = change.stored(OURS, Answer(body=a_config_map("capped"), kept=KEPT))
    assert change.differs(OURS, stored) == (
        f"it is key {KEY} of ConfigMap api otherwise, not key {KEY} of ConfigMap api as set"
    )


BROKEN: dict[str, dict[str, Any]] = {
    "no object": {"object": None},
    "no ConfigMap": {"object": CONTROLLER_REVISIONS.named("api")},
    "no key": {"how": {"record": "r"}},
    "no record": {"how": {"key": KEY}},
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_what_is_no_such_change_is_not_read(broken: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError)):
        changes.of(OURS).check(replace(OURS, **broken))


STAMP = "2026-11-21T11:50:00Z"
RESTART = replace(restart_stamp.at(STAMP, again_after_revert=True), uid="uid-api", before={RESTART_STAMP: ""})


def put_back(situation: Situation, *written: PinnedChange) -> tuple[PinnedChange, ...] | Refusal:
    """What reverts an attempt that has written this."""
    return revert_attempts.plan(written, "shop/heal-api", situation, NOW + minutes(0.001))


def test_pods_are_restarted_once_more_after_it_was_put_back() -> None:
    """In this order: they read at their start what was put back before."""
    situation = seen(a_config_map("new"), workload=a_workload(restart_stamp=STAMP))
    back = put_back(situation, OURS, RESTART)
    assert not isinstance(back, Refusal)
    config, restart = back
    assert (config.kind, config.meant) == (OURS.kind, OURS.before)
    assert (restart.before, restart.meant) == ({RESTART_STAMP: STAMP}, {RESTART_STAMP: "2026-11-21T12:00:00Z"})


def test_pods_are_not_restarted_for_what_is_not_put_back() -> None:
    situation = seen(a_config_map("by others"), workload=a_workload(restart_stamp=STAMP))
    assert isinstance(put_back(situation, OURS, RESTART), Refusal)


def test_a_restart_by_itself_is_not_reverted() -> None:
    alone = replace(RESTART, how={})
    assert isinstance(put_back(seen(a_config_map("new")), alone), Refusal)
