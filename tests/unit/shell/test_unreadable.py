"""Objects that cannot be read, a newer version's or spoilt ones: each costs itself only."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.api.readers import records
from platelet.core import signals
from platelet.core.decide import decide
from platelet.model import templates
from platelet.model.effects import RememberRevision
from platelet.model.policy import Settings
from platelet.model.workload import WorkloadRef
from platelet.shell import kube
from platelet.shell.kube import responses
from platelet.shell.read.process_state import ProcessState
from platelet.shell.read.situations import SituationReader
from platelet.shell.read.snapshots import read_snapshot
from platelet.shell.store.remediations import list_remediations, read_remediations
from tests.scenarios.world import OPERATOR, SHOP
from tests.unit.shell.in_memory import API, MINUTE, Shell
from tests.unit.situations import NOW, a_signal, a_status, an_attempt

OTHER = WorkloadRef(kind="Deployment", namespace=SHOP, name="other")


def deep(levels: int) -> Any:
    """A mapping in a mapping in a mapping."""
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


def planted(shell: Shell, name: str = "by-hand", **spec: Any) -> kube.Json:
    """A Remediation that somebody wrote."""
    time = "2026-11-21T08:00:00Z"
    fact = {"source": "pod", "reason": "r", "fingerprint": "f", "message": "m", "firstSeen": time, "lastSeen": time}
    good = {
        "targetRef": {"kind": "Deployment", "name": "api"},
        "policyRef": {"name": "heal"},
        "runbookRef": {"name": "book"},
        "mode": "Enforce",
        "signal": fact,
        "steps": [{"name": "restart", "rolloutRestart": {}}],
    }
    status = spec.pop("status", {})
    stored = shell.apply(kube.REMEDIATIONS, {"metadata": {"name": name}, "spec": good | spec})
    return shell.world.store.replace(kube.REMEDIATIONS, SHOP, name, {**stored, "status": status}, subresource="status")


def a_fact() -> Any:
    return signals.as_evidence(a_signal(), NOW)


SIGNAL = {"source": "pod", "reason": "r", "fingerprint": "f", "message": "m", "lastSeen": "2026-11-21T08:00:00Z"}
POISON: dict[str, dict[str, Any]] = {
    "a time that is none": {"signal": {**SIGNAL, "firstSeen": "2026-01-01T00:00:00+99:00"}},
    "a time before all times": {"signal": {**SIGNAL, "firstSeen": "0001-01-01T00:00:00+23:00"}},
    "a state of a newer version": {"status": {"state": "Dreaming"}},
    "a kind of a newer version": {"targetRef": {"kind": "Rollout", "name": "db"}},
    "a mode of a newer version": {"mode": "Approve2"},
}


@pytest.mark.parametrize("spec", POISON.values(), ids=POISON)
async def test_an_unreadable_remediation_hides_no_other(spec: dict[str, Any]) -> None:
    shell = Shell()
    planted(shell, "poison", **spec)
    planted(shell, "good", targetRef={"kind": "Deployment", "name": "other"})
    assert [remediation.name for remediation in await read_remediations(shell.api)] == ["good"]
    assert [spoilt.name for spoilt in (await list_remediations(shell.api)).unreadable] == ["poison"]


async def test_the_target_of_an_unreadable_remediation_is_busy() -> None:
    """It may be acting; the alert's sender hears of it on the policy."""
    shell = Shell()
    await shell.book.refresh()
    planted(shell, status={"state": "Dreaming"})
    assert await shell.opener.bring(API, [a_fact()], [await shell.resolved()])
    await shell.inbox.store([shell.an_alert()], 0)
    assert await read_remediations(shell.api) == []
    assert ["cannot be read" in event.note for event in shell.people.events] == [True]
    assert not await shell.opener.bring(OTHER, [a_fact()], [await shell.resolved()])


@pytest.mark.parametrize("over", [{"status": {"state": "Closed", "step": "x"}}, {"mode": "Observe", "firstStep": "x"}])
async def test_an_unreadable_one_that_does_not_act_stops_nobody(over: dict[str, Any]) -> None:
    shell = Shell()
    planted(shell, **over)
    assert not await shell.opener.bring(API, [a_fact()], [await shell.resolved()])
    assert [remediation.spec.target_ref.name for remediation in await read_remediations(shell.api)] == ["api"]


@pytest.mark.parametrize("earlier", [True, False], ids=["was there before", "was planted later"])
async def test_of_an_unreadable_and_a_readable_one_the_older_acts(*, earlier: bool) -> None:
    shell = Shell()
    if earlier:
        planted(shell, "poison", status={"state": "Dreaming"})
        shell.world.advance(MINUTE)
    opened = shell.clock.now().isoformat()
    planted(shell, "good", status={"openedAt": opened})
    if not earlier:
        shell.world.advance(MINUTE)
        planted(shell, "poison", status={"state": "Dreaming"})
    (good,) = await read_remediations(shell.api)
    situation = await a_situation_reader(shell).gather(good, await read_snapshot(shell.api, API))
    assert situation.others.older_open == ("poison" if earlier else "")


def a_situation_reader(shell: Shell) -> SituationReader:
    around = ProcessState(settings=Settings(namespace=OPERATOR), epoch=lambda: 3, alerts_known_at=lambda: None)
    return shell.readers.situations(shell.runner, around)


STEPS: dict[str, list[Any]] = {
    "a typo": [{"name": "restart", "roloutRestart": {}}],
    "none": [],
    "an action of a newer version": [{"name": "restart", "reboot": {}}],
    "nested without end": [{"name": "restart", "rolloutRestart": deep(500)}],
}


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
async def test_steps_that_cannot_be_read_end_it_visibly(steps: list[Any]) -> None:
    """It must not swallow the facts of its target for ever."""
    shell = Shell()
    planted(shell, steps=steps)
    (read,) = await read_remediations(shell.api)
    situation = await a_situation_reader(shell).gather(read, await read_snapshot(shell.api, API))
    status = decide(situation, shell.clock.now()).status
    assert (status.state, status.reason) == ("Closed", "InvalidSpec")
    assert "steps" in status.message
    assert [(condition.type, condition.reason) for condition in status.conditions] == [
        ("Closed", "InvalidSpec"),
        ("Settled", "InvalidSpec"),
    ]


def record_of(template: Any, *, health: str = "Healthy") -> kube.Json:
    """A revision record as we write it."""
    effect = RememberRevision(
        target=API,
        template_hash=templates.hash_template(template),
        template=template,
        first_seen=NOW,
    )
    stored = records.write_record(effect)
    stored["metadata"]["annotations"][records.HEALTH] = health
    return stored


async def test_a_record_that_is_not_ours_is_passed_over() -> None:
    """Nobody can plant a "healthy" template under a name of their own, and a spoilt record hides no other."""
    shell = Shell()
    template = {"spec": {"containers": [{"name": "app", "image": "app:good-9"}]}}
    ours, renamed, empty = record_of(template), record_of(template), record_of(template)
    renamed["metadata"]["name"] = "planted"
    empty["metadata"]["name"], empty["data"] = "empty", {}
    for record in (renamed, ours, empty):
        shell.apply(kube.CONTROLLER_REVISIONS, record)
    assert [record.name for record in (await read_snapshot(shell.api, API)).records] == [ours["metadata"]["name"]]


@pytest.mark.parametrize("levels", [90, 999, 1_000, 5_000, 9_900])
def test_deep_json_hides_nothing_beside_it(levels: int) -> None:
    """Go takes 10,000 levels; Python's stack does not."""
    nest = b'{"\\"[{":' * levels + b"1" + b"}" * levels
    item = b'{"metadata":{"name":"deep}"},"data":[' + nest + b',2],"last":"]"}'
    page = responses.decode_page(b'{"metadata":{"continue":"x"},"items":[' + item + b',{"metadata":{"name":"next"}}]}')
    first, second = (responses.decode(200, item) for item in page.items)
    assert (first["metadata"], first["data"][1], first["last"]) == ({"name": "deep}"}, 2, "]")
    assert (second, page.following) == ({"metadata": {"name": "next"}}, "x")


async def test_steps_that_cannot_be_read_after_an_attempt_are_for_people() -> None:
    """A downgrade in the middle of an incident: what was done must not be forgotten."""
    shell = Shell()
    planted(shell, steps=[{"name": "restart", "reboot": {}}])
    (read,) = await read_remediations(shell.api)
    attempt = an_attempt(phase="Done", verdict="Failed")
    read = replace(read, status=a_status(opened_at=shell.clock.now(), attempts=(attempt,)))
    situation = await a_situation_reader(shell).gather(read, await read_snapshot(shell.api, API))
    status = decide(situation, shell.clock.now()).status
    assert (status.state, status.reason) == ("Escalated", "InvalidSpec")
    assert status.escalation is not None
    assert "reboot" in status.escalation.message
