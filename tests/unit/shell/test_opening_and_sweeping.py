"""Opener, PodWatch and Sweeper: what opens a Remediation, and what brings loose ends to an end."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from platelet.core import signals
from platelet.core.opening import Update
from platelet.core.retention import KEPT_PER_TARGET
from platelet.model.budget import PendingRevert
from platelet.model.remediation import RemediationStatus
from platelet.model.workload import KINDS, Pod
from platelet.shell import kube
from platelet.shell.act.inventory import Inventory
from platelet.shell.act.succession import Succession
from platelet.shell.act.sweeper import Sweeper
from platelet.shell.intake.pod_watch import PodWatch
from platelet.shell.read.snapshots import read_snapshot
from platelet.shell.store.opener import Opener, store_status
from platelet.shell.store.remediations import StoredRemediations
from platelet.shell.watch import pod_records, workload_records
from platelet.shell.watch.stored_versions import StoredVersions
from platelet.shell.watch.workload_records import WorkloadRecord
from tests.scenarios.manifests import policy
from tests.scenarios.world import OPERATOR, SHOP
from tests.unit.pins import restored, scaled
from tests.unit.shell.in_memory import API, MINUTE, Shell
from tests.unit.situations import (
    a_notification,
    a_signal,
    a_status,
    an_alert,
    an_attempt,
    an_entry,
    evidence_of,
    minutes,
)


def a_fact(**changes: Any) -> Any:
    return signals.as_evidence(a_signal(**changes), a_signal().since + minutes(1))


async def test_a_fact_is_on_record_with_what_was_pinned() -> None:
    shell = Shell()
    resolved = await shell.resolved()
    await shell.opener.bring(API, [a_fact()], [resolved])
    (only,) = shell.remediations()
    assert only.name == "deployment-api-1"
    assert (only.spec.policy_ref.name, only.spec.policy_ref.uid) == ("heal", resolved.policy.uid)
    assert [step["name"] for step in only.spec.steps] == ["undo", "restart"]
    assert only.spec.signal == a_fact()
    labels = shell.world.store.get(kube.REMEDIATIONS, SHOP, only.name)["metadata"]["labels"]
    assert labels == {"platelet.dev/policy": "heal", "platelet.dev/target": "api"}


async def test_two_creators_are_one_remediation() -> None:
    """The loser of the race merges its evidence."""
    shell = Shell()
    resolved = await shell.resolved()
    await shell.opener.bring(API, [a_fact()], [resolved], known=StoredRemediations())
    await shell.opener.bring(API, [evidence_of(an_alert())], [resolved], known=StoredRemediations())
    (only,) = shell.remediations()
    known = {only.spec.signal.fingerprint, *(fact.fingerprint for fact in only.status.evidence)}
    assert known == {a_fact().fingerprint, an_alert().fingerprint}


async def test_of_several_policies_one_acts_and_the_observing_record_beside_it() -> None:
    shell = Shell()
    shell.apply(kube.POLICIES, policy("low", priority=-1))
    shell.apply(kube.POLICIES, policy("watching", mode="Observe"))
    matching = [await shell.resolved(name) for name in ("low", "heal", "watching")]
    await shell.opener.bring(API, [a_fact()], matching)
    policies = {
        remediation.name: (remediation.spec.policy_ref.name, remediation.spec.mode)
        for remediation in shell.remediations()
    }
    assert policies == {
        "deployment-api-1": ("heal", "Enforce"),
        "deployment-api-watching-observed-1": ("watching", "Observe"),
    }


async def test_names_that_two_targets_share_do_not_block_each_other() -> None:
    """`api` observed by `x-y`, and `api-x` observed by `y`."""
    shell = Shell()
    shell.apply(kube.POLICIES, policy("x-y", mode="Observe"))
    shell.apply(kube.POLICIES, policy("y", mode="Observe"))
    await shell.opener.bring(API, [a_fact()], [await shell.resolved("x-y")])
    await shell.opener.bring(replace(API, name="api-x"), [a_fact()], [await shell.resolved("y")])
    assert {remediation.spec.target_ref.name for remediation in shell.remediations()} == {"api", "api-x"}


async def test_a_status_is_never_written_over_a_newer_one() -> None:
    shell = Shell()
    await shell.opener.bring(API, [a_fact()], [await shell.resolved()])
    (only,) = shell.remediations()
    update = Update(remediation=only, status=a_status())
    await store_status(shell.api, only, update)
    with pytest.raises(kube.Conflict):
        await store_status(shell.api, only, update)


class Watch:
    """A PodWatch over the model's pods."""

    def __init__(self, shell: Shell) -> None:
        """Take all pods in."""
        self.shell = shell
        self.deployments: dict[tuple[str, str], WorkloadRecord] = {}
        nothing: dict[tuple[str, str], WorkloadRecord] = {}
        workloads = {kind: self.deployments if kind == "Deployment" else nothing for kind in KINDS}
        self.watch = PodWatch(shell.clock, shell.book, shell.opener, shell.finder, workloads)

    async def look(self) -> Any:
        """Take in what is there, and look at the pods of every ReplicaSet."""
        store = self.shell.world.store
        for stored in store.find(kube.DEPLOYMENTS, SHOP):
            record = workload_records.reduce(msgspec.json.encode(stored)).record
            self.deployments[record.namespace, record.name] = record
        keys = [self.watch.changed((SHOP, pod.name), pod) for pod in self.pods()]
        return [await self.watch.look(key) for key in dict.fromkeys(keys) if key is not None]

    def pods(self) -> list[Pod]:
        """As the stream reads them."""
        return [pod_records.reduce(msgspec.json.encode(stored)).record for stored in self.shell.world.pods("api")]


async def test_crashing_pods_open_a_remediation_of_their_deployment() -> None:
    shell = Shell()
    await shell.book.refresh()
    watch = Watch(shell)
    await watch.look()
    assert not shell.remediations()
    shell.world.release("api", "app:crash")
    shell.world.advance(2 * MINUTE)
    looks = await watch.look()
    assert {target for target, _ in looks} == {API}
    assert [remediation.spec.signal.reason for remediation in shell.remediations()] == ["CrashLoopBackOff"]
    assert watch.watch.suspicious()


async def test_looking_again_at_the_same_pods_changes_nothing() -> None:
    """I2, level-triggered."""
    shell = Shell()
    await shell.book.refresh()
    shell.world.release("api", "app:crash")
    shell.world.advance(2 * MINUTE)
    watch = Watch(shell)
    await watch.look()
    revision = shell.world.store.revision
    await watch.look()
    assert shell.world.store.revision == revision


async def test_pods_of_a_workload_that_is_no_target_open_nothing() -> None:
    shell = Shell(targets={"selector": {"matchLabels": {"heal": "other"}}})
    await shell.book.refresh()
    shell.world.release("api", "app:crash")
    shell.world.advance(2 * MINUTE)
    await Watch(shell).look()
    assert not shell.remediations()


async def test_pods_that_are_gone_leave_no_memory() -> None:
    """I27."""
    shell = Shell()
    watch = Watch(shell)
    await watch.look()
    for pod in watch.pods():
        key = watch.watch.changed((SHOP, pod.name), None)
        assert key is not None
        await watch.watch.look(key)
    memory = (watch.watch._pods, watch.watch._by_owner, watch.watch._first_failing)  # noqa: SLF001 - no other witness
    assert [dict(known) for known in memory] == [{}, {}, {}]


class Memory:
    """The Lease's memory of the budget."""

    holder = "me"
    left_at: datetime | None = None

    def __init__(self, uid: str | None) -> None:
        """`uid` is the budget's that leaders have used."""
        self.uid = uid

    def budget_uid(self) -> str | None:
        """It."""
        return self.uid

    async def remember_budget(self, uid: str) -> None:
        """Another one."""
        self.uid = uid

    def trust_time(self) -> None:
        """Nothing stands on it."""


def a_sweeper(shell: Shell) -> tuple[Sweeper, Succession]:
    succession = Succession(shell.api, shell.budget_writer, Memory(shell.budget().uid), shell.book)
    inventory = Inventory(shell.api, shell.readers.index, StoredVersions())
    return Sweeper(shell.api, shell.clock, shell.budget_writer, shell.opener, succession, inventory), succession


async def test_taking_over_writes_our_epoch_once() -> None:
    shell = Shell()
    shell.set_budget(epoch=6)
    sweeper, succession = a_sweeper(shell)
    assert succession.epoch == 0
    await succession.ensure()
    assert (succession.epoch, shell.budget().status.epoch) == (7, 7)
    revision = shell.world.store.revision
    await sweeper.sweep()
    assert shell.world.store.revision == revision


async def test_a_budget_that_people_have_replaced_is_full_and_known_from_now_on() -> None:
    shell = Shell()
    shell.set_budget()
    memory = Memory("uid-of-the-deleted-one")
    succession = Succession(shell.api, shell.budget_writer, memory, shell.book)
    await succession.ensure()
    assert memory.uid == shell.budget().uid
    assert shell.budget().status.full_until is not None


async def test_without_a_budget_nobody_leads() -> None:
    shell = Shell()
    _, succession = a_sweeper(shell)
    shell.world.store.delete(kube.BUDGETS, OPERATOR, "platelet")
    await succession.ensure()
    assert succession.epoch == 0


async def test_a_successors_epoch_is_never_overwritten() -> None:
    shell = Shell()
    shell.set_budget()
    _, succession = a_sweeper(shell)
    await succession.ensure()
    shell.set_budget(epoch=9)
    await succession.ensure()
    assert shell.budget().status.epoch == 9


async def test_a_reservation_whose_remediation_is_gone_ends_and_is_not_refunded() -> None:
    shell = Shell()
    gone = an_entry(id="rem-gone/0/1", reserved_at=shell.clock.now(), outcome=None, outcome_at=None, settled_at=None)
    shell.set_budget(gone)
    sweeper, _ = a_sweeper(shell)
    await sweeper.sweep()
    (entry,) = shell.budget().status.entries
    assert entry.outcome_at == entry.settled_at == shell.clock.now()
    assert not entry.refunded


@pytest.mark.parametrize("readable", [True, False], ids=["one that can be read", "one of a newer version"])
async def test_a_reservation_of_a_living_remediation_is_left_to_it(readable: bool) -> None:  # noqa: FBT001 - a table
    """Its write may be under way: whoever ended it now would free a place that is used."""
    shell = Shell()
    shell.set_budget()
    sweeper, succession = a_sweeper(shell)
    await sweeper.sweep()
    await shell.opener.bring(API, [a_fact()], [await shell.resolved()])
    (living,) = shell.remediations()
    if not readable:
        spoilt = {"metadata": {"name": living.name}, "status": {"state": "Dreaming"}}
        shell.readers.index.see(
            shell.world.store.patch(kube.REMEDIATIONS, SHOP, living.name, spoilt, subresource="status")
        )
    place = an_entry(id=f"{living.uid}/0/1", outcome=None, outcome_at=None, settled_at=None)
    shell.set_budget(place, epoch=succession.epoch)
    await sweeper.sweep()
    assert sweeper.unreadable == (0 if readable else 1)
    assert [(entry.outcome, entry.settled_at) for entry in shell.budget().status.entries] == [(None, None)]


def lent(shell: Shell) -> Any:
    due_at = shell.clock.now() + timedelta(minutes=5)
    back = PendingRevert(action="scale", changes=scaled(5, before=2), due_at=due_at)
    at = shell.clock.now()
    return an_entry(id="gone/0/1", policy=f"{SHOP}/heal", reserved_at=at, outcome_at=at, settled_at=at, revert=back)


async def test_a_revert_whose_remediation_is_gone_is_adopted_once() -> None:
    shell = Shell()
    shell.set_budget(lent(shell))
    sweeper, _ = a_sweeper(shell)
    for _ in range(3):
        await sweeper.sweep()
    (only,) = shell.remediations()
    assert (only.spec.signal.source, only.spec.mode) == ("revert", "Enforce")


async def test_a_revert_whose_adoption_is_refused_is_still_owed(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a quota, or by somebody's admission webhook."""
    shell = Shell()
    shell.set_budget(lent(shell))
    sweeper, _ = a_sweeper(shell)

    async def refuse(*_: Any) -> None:
        raise kube.Refused(403, "Forbidden", "exceeded quota: remediations")

    with monkeypatch.context() as patched:
        patched.setattr(shell.opener, "adopt", refuse)
        await sweeper.sweep()
    (entry,) = shell.budget().status.entries
    assert entry.revert is not None
    assert not entry.revert.done
    await sweeper.sweep()
    assert len(shell.remediations()) == 1


async def test_a_revert_is_left_to_the_remediation_that_is_open() -> None:
    shell = Shell()
    await shell.opener.bring(API, [a_fact()], [await shell.resolved()])
    shell.set_budget(lent(shell))
    sweeper, _ = a_sweeper(shell)
    await sweeper.sweep()
    assert [remediation.spec.signal.source for remediation in shell.remediations()] == ["pod"]


async def test_the_oldest_closed_remediations_are_pruned_and_refund_nothing() -> None:
    """I27: and an open one is never deleted."""
    shell = Shell()
    resolved = await shell.resolved()
    for number in range(KEPT_PER_TARGET + 4):
        await shell.opener.bring(API, [a_fact()], [resolved])
        living = [remediation for remediation in shell.remediations() if remediation.status.state != "Closed"]
        closed = RemediationStatus(state="Closed", closed_at=shell.clock.now() + timedelta(seconds=number))
        await store_status(shell.api, living[0], Update(remediation=living[0], status=closed))
    await shell.opener.bring(API, [a_fact()], [resolved])
    sweeper, _ = a_sweeper(shell)
    await sweeper.sweep()
    shell.world.advance(MINUTE * 10)
    await sweeper.sweep()
    left = {int(remediation.name.removeprefix("deployment-api-")) for remediation in shell.remediations()}
    assert left == set(range(5, KEPT_PER_TARGET + 6))


@pytest.mark.parametrize("known", [True, False], ids=["the same template", "another template"])
async def test_what_is_remembered_of_a_template_is_enough_to_merge_and_for_nothing_else(*, known: bool) -> None:
    """While an act is verified, a template of the team's own begins another incident."""
    shell = Shell()
    await shell.opener.bring(API, [a_fact()], [await shell.resolved()])
    (living,) = shell.remediations()
    template = (await read_snapshot(shell.api, API)).workload
    assert template is not None
    act = an_attempt(changes=restored(template.template_hash, "api-good"))
    verified = replace(living.status, state="Verifying", opened_at=shell.clock.now(), attempts=(act,))
    await store_status(shell.api, living, Update(remediation=living, status=verified))
    opener = Opener(
        shell.api,
        shell.clock,
        shell.book,
        remembered_template=lambda _target: template.template_hash if known else "of the team's",
    )
    before = shell.world.server.index
    await opener.bring(API, [replace(a_fact(fingerprint="news"), holds_at=None)], [await shell.resolved()])
    calls = [call for call in shell.world.server.audit if call.index > before]
    assert any(call.resource == kube.DEPLOYMENTS.plural for call in calls) != known
    assert [remediation.status.state for remediation in shell.remediations()] == ["Verifying"]


async def test_a_reservation_of_one_that_nobody_has_told_us_of_is_left_to_it() -> None:
    shell = Shell()
    shell.set_budget()
    sweeper, succession = a_sweeper(shell)
    await sweeper.sweep()
    await shell.opener.bring(API, [a_fact()], [await shell.resolved()])
    (living,) = shell.remediations()
    shell.set_budget(
        an_entry(id=f"{living.uid}/0/1", outcome=None, outcome_at=None, settled_at=None), epoch=succession.epoch
    )
    assert await sweeper.sweep() == [living]
    assert [(entry.outcome, entry.settled_at) for entry in shell.budget().status.entries] == [(None, None)]


async def test_a_reservation_of_one_that_was_deleted_ends_at_the_next_sweep() -> None:
    shell = Shell()
    shell.set_budget()
    sweeper, succession = a_sweeper(shell)
    await shell.opener.bring(API, [a_fact()], [await shell.resolved()])
    (living,) = await sweeper.sweep()
    shell.set_budget(
        an_entry(id=f"{living.uid}/0/1", outcome=None, outcome_at=None, settled_at=None), epoch=succession.epoch
    )
    shell.world.store.delete(kube.REMEDIATIONS, SHOP, living.name)
    shell.readers.index.see_deleted(SHOP, living.name, living.uid)
    await sweeper.sweep()
    assert [entry.settled_at for entry in shell.budget().status.entries] == [shell.clock.now()]


async def test_one_that_is_closed_and_not_told_yet_is_left_to_be_told() -> None:
    shell = Shell()
    await shell.opener.bring(API, [a_fact()], [await shell.resolved()])
    (living,) = shell.remediations()
    closed = RemediationStatus(state="Closed", closed_at=shell.clock.now(), notifications=(a_notification(),))
    await store_status(shell.api, living, Update(remediation=living, status=closed))
    sweeper, _ = a_sweeper(shell)
    for _ in range(2):
        assert [remediation.status.state for remediation in await sweeper.sweep()] == ["Closed"]
    (living,) = shell.remediations()
    delivered = replace(closed, notifications=(a_notification(state="Delivered"),))
    answer = await store_status(shell.api, living, Update(remediation=living, status=delivered))
    assert answer is not None
    shell.readers.index.take_answer(answer)
    assert await sweeper.sweep() == []
