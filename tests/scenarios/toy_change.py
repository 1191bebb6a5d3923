"""An action and a change of one file: keys of ConfigMaps set for a time. `test_a_new_change` runs this as a pytest.

Both are put into their lists before anything reads these (this module is a plugin, and so the first that is imported),
as one name in `actions/__init__.py` and one in `changes/__init__.py` would. No other line of the package knows them.
"""

# ruff: noqa: PLC0415 - the package is imported once the lists are complete

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

import pytest
from pydantic import ConfigDict, Field

from platelet import actions, changes
from platelet.changes import kept_values, on_target
from platelet.model import reasons
from platelet.model.change import Answer, Change, Live, Patch
from platelet.model.durations import CAMEL, Duration
from platelet.model.intent import RECORD, PinnedChange
from platelet.model.policy import ActionTraits
from platelet.model.remediation import Revert
from platelet.model.resource import CONTROLLER_REVISIONS, Resource
from platelet.model.rights import Right
from platelet.model.rules import Action
from platelet.model.situation import Situation
from platelet.model.verdict import Plan, Refusal

if TYPE_CHECKING:
    from tests.scenarios.heals import Heal, Play
    from tests.scenarios.simulation import Simulation

CONFIG_MAPS: Final = Resource("", "v1", "configmaps", "ConfigMap")
KEY: Final = "key"
Name = Annotated[str, Field(min_length=1, max_length=253)]


class SetKey(Change):
    """One key of a ConfigMap. What is in it may be a secret: it is pinned by digest."""

    kind = "SetKey"
    rights = (Right(group="", resource=CONFIG_MAPS.plural, verb="patch"),)
    proven_by_rollout = False

    def check(self, pinned: PinnedChange) -> None:
        """It names a ConfigMap, a key and a record."""
        if pinned.object is None or pinned.object.kind != CONFIG_MAPS.kind:
            raise ValueError(f"{pinned.object} is no ConfigMap")
        _ = pinned.how[KEY], pinned.how[RECORD]

    def objects(self, pinned: PinnedChange) -> tuple[tuple[Resource, str], ...]:
        """The ConfigMap, and the record of its values."""
        name = pinned.object.name if pinned.object is not None else ""
        return (CONFIG_MAPS, name), (CONTROLLER_REVISIONS, pinned.record)

    def live(self, pinned: PinnedChange, situation: Situation) -> Live | None:
        """The ConfigMap as it is now; of its value only whether it is one that is on record."""
        stored = situation.surroundings.objects.get(pinned.object) if pinned.object is not None else None
        if stored is None:
            return None
        kept, version = kept_values.find(situation, pinned.record), stored["metadata"]["resourceVersion"]
        values = {"": "not on record"} if kept is None else kept.conceal(data_of(stored, pinned.how[KEY]))
        blocked = "it is being deleted" if stored["metadata"].get("deletionTimestamp") else ""
        return Live(
            uid=stored["metadata"]["uid"], resource_version=version, version=version, values=values, blocked=blocked
        )

    def patch(self, pinned: PinnedChange, live: Live, situation: Situation) -> Patch | Refusal:
        """The key alone; one that was not there before is removed again."""
        kept, key = kept_values.find(situation, pinned.record), pinned.how[KEY]
        values = None if kept is None else kept.reveal(pinned.meant)
        if values is None or pinned.object is None:
            return kept_values.refuse_lost(pinned)
        body = {"metadata": on_target.identity(live), "data": {key: values.get(key)}}
        return Patch(resource=CONFIG_MAPS, name=pinned.object.name, body=body)

    def stored(self, pinned: PinnedChange, answer: Answer) -> Mapping[str, str]:
        """The key as an admission left it."""
        shown = data_of(answer.body, pinned.how[KEY])
        return shown if answer.kept is None else answer.kept.conceal(shown)

    def say(self, pinned: PinnedChange, values: Mapping[str, str]) -> str:
        """Names, and no value."""
        known = "as set" if values == pinned.meant else "as before" if values == pinned.before else "otherwise"
        return f"key {pinned.how[KEY]} of {pinned.object} {known}"


def data_of(stored: Mapping[str, Any], key: str) -> dict[str, str]:
    """The key with its value, if it is there."""
    data = stored.get("data") or {}
    return {key: data[key]} if key in data else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class SetKeys:
    """`setKey:` in a Runbook: the same key in several ConfigMaps."""

    config_maps: Annotated[tuple[Name, ...], Field(min_length=1, max_length=4, description="In this order.")]
    key: Annotated[str, Field(min_length=1, max_length=253)]
    value_of: Annotated[str, Field(min_length=1, max_length=253, description="The key whose value it is given.")]
    revert_after: Duration | None = None

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


def plan(settings: SetKeys, situation: Situation, now: datetime) -> Plan | Refusal:
    """Pin each of them; what there was, and what will be, is on record first."""
    planned: list[PinnedChange] = []
    summary = f"set {settings.key} of {', '.join(settings.config_maps)}"
    for name in settings.config_maps:
        written = CONFIG_MAPS.named(name)
        stored = situation.surroundings.objects.get(written)
        if stored is None:
            return Refusal(reason=reasons.MISSING_REFERENCE, message=f"there is no {written}")
        before, source = data_of(stored, settings.key), data_of(stored, settings.value_of)
        meant = {settings.key: source.get(settings.value_of, "")}
        if before == meant:
            return Refusal(reason=reasons.ALREADY_THERE, message=f"{written} has it already")
        record = kept_values.name_record(situation, written)
        kept, is_on_hand = kept_values.for_plan(situation, record, before, meant)
        if not is_on_hand:
            return Plan(changes=(), summary=summary, keeps=kept)
        how = {KEY: settings.key, RECORD: record}
        planned.append(PinnedChange(kind=SetKey.kind, object=written, meant=kept.conceal(meant), how=how))
    due_at = None if settings.revert_after is None else now + settings.revert_after
    back = Revert(due_at=due_at) if due_at is not None else None
    return Plan(changes=tuple(planned), summary=summary, revert=back)


def objects(settings: SetKeys, situation: Situation) -> tuple[tuple[Resource, str], ...]:
    """The ConfigMaps, and the records that a plan would name."""
    maps = tuple((CONFIG_MAPS, name) for name in settings.config_maps)
    written = (CONFIG_MAPS.named(name) for name in settings.config_maps)
    return (*maps, *((CONTROLLER_REVISIONS, kept_values.name_record(situation, change)) for change in written))


CHANGE: Final = SetKey()
ACTION: Final = Action(
    key="setKey",
    settings=SetKeys,
    changes=(CHANGE,),
    rights=CHANGE.rights,
    traits=ActionTraits(name="setKey"),
    plan=plan,
    objects=objects,
    reads=(Right(group="", resource=CONFIG_MAPS.plural, verb="get"),),
)


def pytest_configure() -> None:
    """Add both to their lists: what one more name in each file would do."""
    changes.CHANGES += (CHANGE,)
    actions.ACTIONS += (ACTION,)
    actions.BY_KEY[ACTION.key] = ACTION


MINUTE = timedelta(minutes=1)
SECRET, OLD = "hunter2-and-more", "old-and-secret"
KEYS = {"configMaps": ["first", "second"], "key": "TOKEN", "valueOf": "SPARE", "revertAfter": "10m"}
MAPS = {"first": {"TOKEN": OLD, "SPARE": SECRET}, "second": {"SPARE": SECRET}}


def a_step(**more: Any) -> dict[str, Any]:
    """The step of the toy action, as people write it."""
    from tests.scenarios.manifests import VERIFY

    return {"name": "set", "setKey": KEYS, "verify": VERIFY, **more}


def a_heal(*steps: dict[str, Any], **policy: Any) -> "Heal":
    """An alert for five minutes, answered by the keys for ten."""
    from tests.scenarios.heals import Heal, approve
    from tests.scenarios.incidents import BUSY

    def strike(simulation: "Simulation") -> None:
        simulation.people = approve if policy.get("mode") == "Approve" else None
        simulation.alerts.fire("f1", BUSY, lasts=5 * MINUTE)

    return Heal(prepare=lambda simulation: prepare(simulation, *steps, **policy), strike=strike, effects=0)


def prepare(simulation: "Simulation", *steps: dict[str, Any], **policy: Any) -> None:
    """A healthy workload, ConfigMaps here and, of the same names, in another namespace."""
    from tests.scenarios import manifests
    from tests.scenarios.heals import HEAL, LIMITS
    from tests.scenarios.world import OPERATOR, SHOP

    wanted = manifests.policy(limits=LIMITS, triggers=[manifests.on_alert("Busy")], **policy)
    simulation.apply(manifests.runbook(*(steps or (a_step(),))), wanted)
    simulation.world.deploy("api", "app:good-1", labels=HEAL)
    for namespace in (SHOP, OPERATOR):
        for name, values in MAPS.items():
            body = {"metadata": {"name": name}, "data": dict(values)}
            simulation.world.store.create(CONFIG_MAPS, namespace, body)
    simulation.run(MINUTE)


def data(simulation: "Simulation", namespace: str = "shop") -> dict[str, dict[str, str]]:
    """What the ConfigMaps hold."""
    store = simulation.world.store
    return {name: store.get(CONFIG_MAPS, namespace, name)["data"] for name in MAPS}


def writes(simulation: "Simulation") -> list[tuple[str, str]]:
    """Each write on a ConfigMap: what its id ends in, and of which."""
    calls = simulation.world.server.audit
    maps = (call for call in calls if call.changed and call.resource == "configmaps" and call.agent)
    return [(call.agent.partition("/")[2], call.name) for call in maps]


def is_as_it_should_be(played: "Play", wanted: "Play") -> None:
    """The end is the same, each id has written once, and no value is anywhere but in ConfigMaps and records."""
    from tests.scenarios.heals import judge

    judge(played.outcome, wanted.outcome)
    simulation = played.simulation
    assert data(simulation) == data(simulation, "platelet-system") == MAPS
    assert len(writes(simulation)) == len(set(writes(simulation)))
    names_only(simulation)


def names_only(simulation: "Simulation") -> None:
    """What was written anywhere else names the key and no value."""
    audit = simulation.world.server.audit
    elsewhere = [call.body for call in audit if call.resource not in ("configmaps", "controllerrevisions")]
    text = json.dumps(elsewhere, default=str)
    assert "TOKEN" in text
    assert SECRET not in text
    assert OLD not in text


@pytest.fixture(scope="module")
def undisturbed() -> "Play":
    """The incident without a fault."""
    from tests.scenarios.heals import play

    return play(a_heal())


def test_it_is_made_in_order_and_reverted_in_the_opposite_one(undisturbed: "Play") -> None:
    """Each under the attempt's id with a suffix; with a value that was not there before, removed again."""
    assert writes(undisturbed.simulation) == [
        ("0/1/change-1", "first"),
        ("0/1/change-2", "second"),
        ("0/1/back/change-1", "second"),
        ("0/1/back/change-2", "first"),
    ]
    assert undisturbed.outcome.remediations == [("deployment-api-1", "Closed", "Recovered")]
    assert undisturbed.outcome.unsettled == []
    is_as_it_should_be(undisturbed, undisturbed)


def test_a_kill_at_any_call_changes_nothing(undisturbed: "Play") -> None:
    """`make test` takes some of them, always the same; PLATELET_EVERY_INDEX=1 all."""
    from tests.scenarios.heals import moments, play, sample

    chosen = moments(undisturbed.incident, undisturbed.simulation.world.server.audit)
    assert len(chosen) > 40
    for index, kind in sample(chosen, 2):
        is_as_it_should_be(play(a_heal(), faults={index: kind}), undisturbed)


@pytest.mark.parametrize("kind", ["answer lost", "unanswered", "conflict"])
def test_a_lost_answer_of_any_write_changes_nothing(undisturbed: "Play", kind: Any) -> None:
    from tests.scenarios.heals import play, sample

    for index in sample(own_writes(undisturbed), 3, len(kind)):
        is_as_it_should_be(play(a_heal(), faults={index: kind}), undisturbed)


def own_writes(dry: "Play") -> list[int]:
    """The calls of the incident that write, other than the Lease."""
    from tests.scenarios.model_api import READS

    audit = dry.simulation.world.server.audit
    return [
        call.index
        for call in audit
        if call.index in dry.incident and call.verb not in READS and call.resource != "leases"
    ]


def test_two_operators_of_which_one_stands_still_at_any_write_change_nothing() -> None:
    from tests.scenarios.heals import play, sample

    dry = play(a_heal(), replicas=2)
    for index in sample(own_writes(dry), 4):
        played = play(a_heal(), replicas=2, faults={index: "pause before"}, stands_still=timedelta(seconds=90))
        assert data(played.simulation) == MAPS
        assert len(writes(played.simulation)) == len(set(writes(played.simulation))) == 4
        assert played.outcome.offences == []


def test_observe_says_what_it_would_do_and_writes_nothing() -> None:
    """Not even the record of the values."""
    from tests.scenarios.heals import play

    played = play(a_heal(mode="Observe"))
    assert writes(played.simulation) == []
    assert [state[1:] for state in played.outcome.remediations] == [("Closed", "WouldHaveActed")]
    assert "would set TOKEN of first, second" in played.simulation.remediation().status.message
    names_only(played.simulation)


def test_a_person_approves_exactly_what_is_pinned() -> None:
    """A value that others have changed since makes another question."""
    from tests.scenarios.heals import approve
    from tests.scenarios.incidents import BUSY
    from tests.scenarios.simulation import Simulation

    with Simulation() as simulation:
        prepare(simulation, mode="Approve")
        simulation.alerts.fire("f1", BUSY, lasts=30 * MINUTE)
        simulation.run_until(lambda: is_asked(simulation))
        first = simulation.remediation().status.approval
        simulation.world.store.patch(CONFIG_MAPS, "shop", "first", {"data": {"TOKEN": "by-others"}})
        simulation.run(5 * MINUTE)
        second = simulation.remediation().status.approval
        assert first is not None
        assert second is not None
        assert (first.token != second.token, second.answer) == (True, None)
        assert any(decision.reason == reasons.PLAN_CHANGED for decision in simulation.remediation().status.decisions)
        assert writes(simulation) == []
        approve(simulation)
        simulation.run_until(lambda: len(writes(simulation)) == 2)
        assert data(simulation)["first"]["TOKEN"] == SECRET
        simulation.run(30 * MINUTE)
        assert data(simulation)["first"]["TOKEN"] == "by-others"
        names_only(simulation)


def is_asked(simulation: "Simulation") -> bool:
    """Whether a person is asked."""
    return any(remediation.status.state == "AwaitingApproval" for remediation in simulation.remediations())


def test_what_others_have_changed_since_is_left_alone_and_the_rest_is_reverted() -> None:
    from tests.scenarios.incidents import BUSY
    from tests.scenarios.simulation import Simulation

    with Simulation() as simulation:
        prepare(simulation)
        simulation.alerts.fire("f1", BUSY, lasts=5 * MINUTE)
        simulation.run_until(lambda: len(writes(simulation)) == 2)
        simulation.world.store.patch(CONFIG_MAPS, "shop", "second", {"data": {"TOKEN": "by-others"}})
        simulation.run(30 * MINUTE)
        assert data(simulation) == {"first": MAPS["first"], "second": {**MAPS["second"], "TOKEN": "by-others"}}


def test_where_a_later_change_is_refused_the_earlier_ones_are_reverted() -> None:
    """Nothing stays half-way, and nothing is refunded."""
    from platelet.shell import kube
    from tests.scenarios.heals import play

    def refuse(review: Any) -> None:
        if review.resource.plural == "configmaps" and review.new["metadata"]["name"] == "second":
            raise kube.Refused(403, "Forbidden", "not this one")

    played = play(a_heal(), admissions=[refuse])
    assert writes(played.simulation) == [("0/1/change-1", "first"), ("0/1/back", "first")]
    assert data(played.simulation) == MAPS
    assert (played.outcome.counted, played.outcome.unsettled) == (1, [])
    assert [state[1:] for state in played.outcome.remediations] == [("Escalated", reasons.NO_STEP_LEFT)]


def test_a_record_that_somebody_else_has_put_there_is_not_applied() -> None:
    """The digests on record are of the record that was there: its uid cannot be forged."""
    from tests.scenarios.incidents import BUSY
    from tests.scenarios.simulation import Simulation

    with Simulation() as simulation:
        prepare(simulation)
        store = simulation.world.store

        def forge(_simulation: "Simulation") -> None:
            attempts = [attempt for one in simulation.remediations() for attempt in one.status.attempts]
            for pinned in attempts[0].changes if attempts else ():
                record = store.get(CONTROLLER_REVISIONS, "shop", pinned.record)
                if "evil" not in json.dumps(record):
                    store.delete(CONTROLLER_REVISIONS, "shop", pinned.record, uid=record["metadata"]["uid"])
                    evil = {"before": {"TOKEN": "evil"}, "meant": {"TOKEN": "evil"}}
                    body = {"metadata": {"name": pinned.record}, "revision": 1, "data": {"values": evil}}
                    store.create(CONTROLLER_REVISIONS, "shop", body)

        simulation.people = forge
        simulation.alerts.fire("f1", BUSY, lasts=5 * MINUTE)
        simulation.run(40 * MINUTE)
        written = [call.body for call in simulation.world.server.audit if call.resource == "configmaps"]
        assert "evil" not in json.dumps(written)
        assert "evil" not in json.dumps(data(simulation))


def test_what_may_not_be_read_is_not_planned_on() -> None:
    """The step is refused, as where there is no such object; people have the incident."""
    from platelet.shell import kube
    from tests.scenarios.incidents import BUSY
    from tests.scenarios.simulation import Simulation

    with Simulation() as simulation:
        prepare(simulation)
        store = simulation.world.store
        get = store.get

        def forbid(resource: Any, namespace: str, name: str) -> Any:
            if resource.plural == CONFIG_MAPS.plural:
                raise kube.Refused(403, "Forbidden", "not allowed")
            return get(resource, namespace, name)

        store.get = forbid  # type: ignore[method-assign]
        simulation.alerts.fire("f1", BUSY, lasts=30 * MINUTE)
        simulation.run(10 * MINUTE)
        status = simulation.remediation().status
        assert (status.state, status.reason) == ("Escalated", reasons.NO_STEP_LEFT)
        assert "there is no ConfigMap first" in status.message


def test_records_of_values_go_with_the_last_remediation_that_names_them() -> None:
    from platelet.shell import kube
    from tests.scenarios.heals import is_over
    from tests.scenarios.incidents import BUSY
    from tests.scenarios.simulation import Simulation

    def records() -> list[str]:
        stored = simulation.world.store.find(CONTROLLER_REVISIONS, "shop")
        return [
            record["metadata"]["name"] for record in stored if record["metadata"]["name"].startswith("platelet-values-")
        ]

    with Simulation() as simulation:
        prepare(simulation)
        simulation.alerts.fire("f1", BUSY, lasts=5 * MINUTE)
        simulation.run_until(lambda: is_over(simulation))
        simulation.run(180 * MINUTE)
        assert len(records()) == 2
        stored = simulation.remediation()
        simulation.world.store.delete(kube.REMEDIATIONS, "shop", stored.name, uid=stored.uid)
        simulation.run(120 * MINUTE)
        assert records() == []


def test_the_rights_follow_from_the_declaration() -> None:
    """A switch of the operator's role, what admission asks an author, and the page for people."""
    from platelet.api.generation import admission, cluster_role, rights_table
    from platelet.api.kinds import runbook

    granted = cluster_role.granted()
    assert {("", "configmaps", "patch"), ("", "configmaps", "get")} <= granted
    (switch,) = [switch for switch in cluster_role.switches() if "setKey" in switch.actions]
    assert (switch.rule.resources, switch.rule.verbs) == (("configmaps",), ("patch",))
    assert "configmaps" in admission.build_admission()["admission-runbooks.yaml"]
    assert "| `setKey` | `patch configmaps` |" in rights_table.build_rights_table()
    (step,) = runbook.read_steps([a_step()])
    assert step.action == "setKey"


def test_explain_and_timeline_tell_it_by_names() -> None:
    """What was written, what is still to be reverted, and no value."""
    from platelet.cli.reading import Reader
    from platelet.explain import documents, incident, incident_text, timeline
    from platelet.model.policy import Settings
    from platelet.model.snapshot import Snapshot
    from tests.scenarios.incidents import BUSY
    from tests.scenarios.model_api import ModelApi
    from tests.scenarios.simulation import Simulation

    with Simulation() as simulation:
        prepare(simulation)
        simulation.alerts.fire("f1", BUSY, lasts=30 * MINUTE)
        simulation.run_until(lambda: len(writes(simulation)) == 2)
        simulation.run(2 * MINUTE)
        reader = Reader(
            ModelApi(simulation.world.server), simulation.world.clock, Settings(namespace="platelet-system")
        )
        situation = asyncio.run(reader.situation(simulation.remediation()))
        explained = incident.explain(situation, simulation.world.now)
        text = "\n".join(incident_text.text(explained))
        assert "key TOKEN of ConfigMap first as set, key TOKEN of ConfigMap second as set" in text
        assert "key TOKEN of ConfigMap first as before" in text
        document = json.dumps(documents.of_incident(explained))
        story = timeline.compile_timeline(
            explained.target, Snapshot(workload=None), [simulation.remediation()], [], None, simulation.world.now
        )
        entries = json.dumps(timeline.document(story))
        assert "set TOKEN of first, second" in entries
        for words in (text, document, entries):
            assert SECRET not in words
            assert OLD not in words
