"""What setConfig plans, what must be on record before, and each reason for which it refuses."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from platelet.actions import set_config
from platelet.actions.set_config import SetConfig
from platelet.changes import config_value
from platelet.model import reasons, templates
from platelet.model.intent import RESTART_STAMP, ObjectRef
from platelet.model.kept_values import KeptValues
from platelet.model.resource import CONTROLLER_REVISIONS
from platelet.model.situation import Situation
from platelet.model.verdict import Plan, Refusal
from platelet.model.workload import Workload
from tests.unit.changes.test_config_value import ARGO, BLOCKED, KEY, a_config_map
from tests.unit.situations import NOW, a_policy, a_situation, a_stateful_set, a_workload, minutes

SECRET = "hunter2-and-more"
WRITTEN = {"configMap": "api", "key": KEY, "value": SECRET}
WHOLE = [{"configMapRef": {"name": "api"}}]
ONE_KEY = [{"name": "P", "valueFrom": {"configMapKeyRef": {"name": "api", "key": KEY}}}]
ANOTHER_KEY = [{"name": "P", "valueFrom": {"configMapKeyRef": {"name": "api", "key": "OTHER"}}}]
CONFIG_MAP = config_value.CONFIG_MAPS.named("api")


def a_user(*, volumes: Any = (), **container: Any) -> Workload:
    """A workload whose template uses something."""
    template = {"spec": {"containers": [{"name": "app", **container}], "volumes": list(volumes)}}
    return a_workload(template=template, template_hash=templates.hash_template(template))


def seen(
    config_map: dict[str, Any] | None = None, *, kept: KeptValues | None = None, there: bool = True, **changes: Any
) -> Situation:
    """A ConfigMap, if it is there, that the target takes its environment from if nothing else is said."""
    objects: dict[ObjectRef, Any] = {CONFIG_MAP: config_map or a_config_map("old")} if there else {}
    if kept is not None:
        stored = {"metadata": {"uid": kept.uid}, "data": {"values": {"before": kept.before, "meant": kept.meant}}}
        objects[CONTROLLER_REVISIONS.named(kept.name)] = stored
    return a_situation(**{"workload": a_user(envFrom=WHOLE), "objects": objects, **changes})


def plan(situation: Situation, **more: Any) -> Plan | Refusal:
    settings: SetConfig = TypeAdapter(SetConfig).validate_python({**WRITTEN, **more})
    return set_config.plan(settings, situation, NOW)


def planned(config_map: dict[str, Any] | None = None, **more: Any) -> Plan:
    """The plan once its values are on record."""
    first = plan(seen(config_map), **more)
    assert isinstance(first, Plan), first
    assert first.changes == ()
    assert first.keeps is not None
    kept = KeptValues(name=first.keeps.name, uid="uid-kept", before=first.keeps.before, meant=first.keeps.meant)
    second = plan(seen(config_map, kept=kept), **more)
    assert isinstance(second, Plan)
    assert second.summary == first.summary
    assert SECRET not in str(second)
    return second


def test_one_key_is_set() -> None:
    outcome = planned()
    (change,) = outcome.changes
    assert (change.kind, change.object) == (config_value.KIND, CONFIG_MAP)
    assert outcome.summary == f"set {KEY} of ConfigMap api"
    assert outcome.revert is None


def test_the_restart_comes_after_it() -> None:
    outcome = planned(restart=True, revertAfter="1h")
    assert [change.kind for change in outcome.changes] == [config_value.KIND, "StampRestart"]
    assert outcome.changes[1].meant == {RESTART_STAMP: "2026-11-21T12:00:00Z"}
    assert outcome.summary == f"set {KEY} of ConfigMap api (1h), then restart all 2 pods"
    assert outcome.revert is not None
    assert outcome.revert.due_at == NOW + minutes(60)


USED = {
    "as a whole, for its environment": a_user(envFrom=WHOLE),
    "by this key": a_user(env=ONE_KEY),
    "as a volume": a_user(volumes=[{"name": "v", "configMap": {"name": "api"}}]),
    "as a part of a volume": a_user(
        volumes=[{"name": "v", "projected": {"sources": [{"configMap": {"name": "api", "optional": True}}]}}]
    ),
}


@pytest.mark.parametrize("workload", USED.values(), ids=USED)
def test_it_is_set_however_the_template_uses_it(workload: Workload) -> None:
    assert isinstance(plan(seen(workload=workload)), Plan)


OFF = a_workload(replicas=0)
REFUSED: dict[str, tuple[Situation, dict[str, Any], str, str]] = {
    "the workload is gone": (seen(workload=None), {}, reasons.TARGET_GONE, "gone"),
    "it is switched off": (seen(workload=OFF), {}, reasons.SCALED_TO_ZERO, "0 replicas"),
    "no restart would reach its pods": (
        seen(workload=a_stateful_set(on_delete=True)), {"restart": True}, reasons.ROLLOUT_HELD, "OnDelete"
    ),
    "its template does not use it": (seen(workload=a_user()), {}, reasons.NOT_USED_BY_TARGET, "does not use PROVIDER"),
    "it uses another key of it": (seen(workload=a_user(env=ANOTHER_KEY)), {}, reasons.NOT_USED_BY_TARGET, "PROVIDER"),
    "it uses a Secret of this name": (
        seen(workload=a_user(envFrom=[{"secretRef": {"name": "api"}}])), {}, reasons.NOT_USED_BY_TARGET, "PROVIDER"
    ),
    "it is gone, or may not be read": (seen(there=False), {}, reasons.MISSING_REFERENCE, "there is no ConfigMap api"),
    "it is as wanted": (seen(a_config_map(SECRET)), {}, reasons.ALREADY_THERE, "has PROVIDER as wanted already"),
    "it is binary data": (
        seen({**a_config_map(None), "binaryData": {KEY: "AAAA"}}), {}, reasons.REFUSED, "is binary data"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("situation", "more", "reason", "words"), REFUSED.values(), ids=REFUSED)
def test_refuses(situation: Situation, more: dict[str, Any], reason: str, words: str) -> None:
    refused = plan(situation, **more)
    assert isinstance(refused, Refusal), refused
    assert refused.reason == reason
    assert words in refused.message
    assert SECRET not in refused.message


@pytest.mark.parametrize(("config_map", "words"), BLOCKED.values(), ids=BLOCKED)
def test_what_may_not_be_written_is_not_planned(config_map: dict[str, Any], words: str) -> None:
    refused = plan(seen(config_map))
    assert isinstance(refused, Refusal)
    assert words in refused.message


def test_a_policy_may_force_what_git_owns() -> None:
    forced = seen(a_config_map("old", annotations=ARGO), policy=a_policy(force=True))
    assert isinstance(plan(forced), Plan)


def test_its_plan_is_made_by_the_config_map_and_the_record_that_it_would_name() -> None:
    first = plan(seen())
    assert isinstance(first, Plan)
    assert first.keeps is not None
    settings: SetConfig = TypeAdapter(SetConfig).validate_python(WRITTEN)
    named = {(config_value.CONFIG_MAPS, "api"), (CONTROLLER_REVISIONS, first.keeps.name)}
    assert set(set_config.objects(settings, seen())) == named
