"""A storm in one body: what is stored stays stored, a retry goes on there, and no alert costs another."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from platelet.model.alert import Alert
from platelet.model.workload import KINDS, Kind, Pod
from platelet.shell import kube
from platelet.shell.intake.receiver import NotStoredError, ReceiverLimits
from platelet.shell.intake.targets import TargetFinder
from platelet.shell.store.opener import Opener
from platelet.shell.store.remediation_index import RemediationIndex
from platelet.shell.watch import pod_records, workload_records
from platelet.shell.watch.memory import StreamMemory
from platelet.shell.watch.workload_records import WorkloadRecord
from tests.scenarios.model_api import READS
from tests.scenarios.virtual_loop import VirtualLoop
from tests.scenarios.world import SHOP
from tests.unit.shell.in_memory import ALERT, Shell

LABELS = {"heal": "yes"}


class Remembering(Shell):
    """With streams that have seen the Deployments, and an API server that may be slow."""

    def __init__(self, count: int = 0, **more: Any) -> None:
        """With so many small Deployments beside `api`."""
        super().__init__(**more)
        self.workloads: dict[Kind, dict[tuple[str, str], WorkloadRecord]] = {kind: {} for kind in KINDS}
        self.pods: dict[tuple[str, str], Pod] = {}
        for number in range(count):
            self.add(f"small-{number}")
        self.remember()
        self.slow = SlowApi(self.api)
        api: Any = self.slow
        self.api = api
        self.index = RemediationIndex(self.api)
        self.index.take_all([])
        self.opener = Opener(self.api, self.clock, self.book, self.index)
        self.finder = TargetFinder(self.api, StreamMemory(workloads=self.workloads, pods=self.pods))
        self.inbox = self.new_inbox(index=self.index)

    def add(self, name: str, labels: Mapping[str, str] = LABELS) -> None:
        """A Deployment without pods."""
        template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": "app:1"}]}}
        self.apply(
            kube.DEPLOYMENTS, {"metadata": {"name": name, "labels": dict(labels)}, "spec": {"template": template}}
        )

    def remember(self) -> None:
        """The streams have caught up."""
        for stored in self.world.store.view(kube.DEPLOYMENTS):
            seen = workload_records.reduce(msgspec.json.encode(stored))
            self.workloads["Deployment"][seen.key] = seen.record
        for stored in self.world.store.view(kube.PODS):
            pod = pod_records.reduce(msgspec.json.encode(stored))
            self.pods[pod.key] = pod.record

    def requests(self, since: int = 0) -> Counter[str]:
        """How many there were, by verb and resource."""
        return Counter(f"{call.verb} {call.resource}" for call in self.world.server.audit[since:])

    def uids(self) -> set[str]:
        """Of all Remediations."""
        return {stored["metadata"]["uid"] for stored in self.world.store.view(kube.REMEDIATIONS)}

    def targets(self) -> list[str]:
        """What Remediations are about."""
        return sorted(stored["spec"]["targetRef"]["name"] for stored in self.world.store.view(kube.REMEDIATIONS))


class SlowApi:
    """An API server that takes a while for each write, in virtual time."""

    def __init__(self, api: Any) -> None:
        """It is fast until told otherwise."""
        self._api = api
        self.seconds = 0.0
        self.hangs: Callable[[kube.Resource, str], bool] = lambda _resource, _name: False
        self.at_once = 0
        self.most_at_once = 0
        self.meanwhile: Callable[[], Coroutine[Any, Any, None]] | None = None  # happens at the first write
        self._tasks: list[asyncio.Task[None]] = []

    def __getattr__(self, verb: str) -> Any:
        act = getattr(self._api, verb)

        async def call(resource: kube.Resource, namespace: str = "", *parts: Any, **more: Any) -> Any:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            try:
                if parts and isinstance(parts[0], str) and self.hangs(resource, parts[0]):
                    await asyncio.Event().wait()
                if self.meanwhile is not None and verb not in READS:
                    self._tasks.append(asyncio.create_task(self.meanwhile()))
                    self.meanwhile = None
                if self.seconds and verb not in READS:
                    await asyncio.sleep(self.seconds)
                return await act(resource, namespace, *parts, **more)
            finally:
                self.at_once -= 1

        return call


@contextmanager
def receiving(shell: Remembering) -> Iterator[Callable[[Sequence[Alert]], BaseException | None]]:
    """What the receiver does with a body, with its timeout and in virtual time; gives what was raised."""

    async def store(alerts: Sequence[Alert]) -> None:
        if not shell.book.resolved_policies:
            await shell.book.refresh()
        async with asyncio.timeout(ReceiverLimits().seconds):
            await shell.inbox.store(alerts, 0)

    with closing(VirtualLoop(shell.clock)) as loop:

        def receive(alerts: Sequence[Alert]) -> BaseException | None:
            task = loop.create_task(store(alerts))
            while not task.done():
                loop.run_until_idle()
                due = loop.next_due()
                if due is not None:
                    shell.clock.moment = max(due, shell.clock.moment)
            return task.exception()

        yield receive


def many(shell: Shell, names: Sequence[str], *, resolved: bool = False) -> list[Alert]:
    return [
        shell.an_alert(number, resolved=resolved, labels={"namespace": SHOP, "deployment": name})
        for number, name in enumerate(names)
    ]


def small(count: int) -> list[str]:
    return [f"small-{number}" for number in range(count)]


async def test_fifty_alerts_cost_one_write_each_and_their_workloads_no_read() -> None:
    shell = Remembering(50)
    await shell.book.refresh()
    before = shell.world.server.index
    await shell.inbox.store(many(shell, small(50)), 0)
    assert shell.targets() == sorted(small(50))
    assert shell.requests(before) == {"create remediations": 50}
    assert shell.fates == ["stored"] * 50


def test_a_body_of_2000_alerts_that_a_slow_api_server_cannot_take_at_once_is_stored_at_the_second_try() -> None:
    """Alertmanager tries again after a 503; what was stored at the first try costs no write at the second."""
    shell = Remembering(2000)
    alerts, began = many(shell, small(2000)), shell.clock.now()
    shell.slow.seconds = 0.1
    with receiving(shell) as receive:
        assert isinstance(receive(alerts), TimeoutError)
        assert shell.clock.now() - began == timedelta(seconds=8)
        stored = shell.targets()
        assert 500 < len(stored) < 2000
        uids, before = shell.uids(), shell.world.server.index
        assert receive(alerts) is None
    assert shell.targets() == sorted(small(2000))
    assert uids <= shell.uids(), "what was stored stays stored"
    assert shell.requests(before) == {"create remediations": 2000 - len(stored)}, "nothing is done twice"
    assert shell.slow.most_at_once <= 32, "the API server has others to serve"


def test_the_ends_of_many_alerts_in_one_body_cost_one_write_each() -> None:
    shell = Remembering(200)
    with receiving(shell) as receive:
        assert receive(many(shell, small(200))) is None
        before = shell.world.server.index
        shell.slow.seconds = 0.1
        assert receive(many(shell, small(200), resolved=True)) is None
    facts = [fact for remediation in shell.remediations() for fact in remediation.status.evidence]
    assert len(facts) == 200
    assert all(fact.resolved_at is not None for fact in facts)
    assert shell.requests(before) == {"update remediations": 200}


async def test_an_alert_that_is_sent_again_before_anybody_has_looked_changes_nothing() -> None:
    shell = Remembering(3)
    await shell.book.refresh()
    before = shell.world.server.index
    for _ in range(3):
        await shell.inbox.store(many(shell, small(3)), 0)
    assert shell.requests(before) == {"create remediations": 3}
    before = shell.world.server.index
    await shell.new_inbox().store(many(shell, small(3)), 0)
    assert shell.requests(before) == {"list remediations": 1}, "a process that knows of none yet"


# Each row: what the streams know of the Deployment `late`, what it really is, and what becomes of its alert.
LAGS: dict[str, tuple[Mapping[str, str] | None, Mapping[str, str] | None, str]] = {
    "it was created a moment ago": (None, LABELS, "stored"),
    "it has just become a target": ({"heal": "no"}, LABELS, "stored"),
    "it is no target": ({"heal": "no"}, {"heal": "no"}, "ignored"),
    "there is none": (None, None, "untargeted"),
}


@pytest.mark.parametrize(("remembered", "labels", "fate"), LAGS.values(), ids=LAGS)
async def test_a_stream_that_lags_costs_a_look_and_never_an_alert(
    remembered: Mapping[str, str] | None, labels: Mapping[str, str] | None, fate: str
) -> None:
    """What memory does not know is asked for before an alert is called astray or of nobody."""
    shell = Remembering()
    if labels is not None:
        shell.add("late", labels)
    if remembered is not None:
        key = (SHOP, "late")
        shell.workloads["Deployment"][key] = WorkloadRecord(
            namespace=SHOP, name="late", uid="", resource_version="", labels=dict(remembered)
        )
    await shell.book.refresh()
    before = shell.world.server.index
    await shell.inbox.store(many(shell, ["late"]), 0)
    assert shell.requests(before)["get deployments"] == 1
    assert shell.fates == [fate]
    assert shell.targets() == (["late"] if fate == "stored" else [])


async def test_a_pod_that_the_stream_knows_is_not_asked_for_once_its_owner_is_known() -> None:
    shell = Remembering()
    await shell.book.refresh()
    pod = shell.world.pods("api")[0]["metadata"]["name"]
    for number in range(2):
        before = shell.world.server.index
        await shell.inbox.store([shell.an_alert(number, labels={"namespace": SHOP, "pod": pod})], 0)
        asked = {"get pods", "get replicasets", "get deployments"} & shell.requests(before).keys()
        assert bool(asked) == (number == 0)
    assert shell.targets() == ["api"]


async def test_a_pod_of_the_same_name_is_not_the_one_of_the_alert_by_memory_either() -> None:
    """The uid says which is meant."""
    shell = Remembering()
    await shell.book.refresh()
    pod = shell.world.pods("api")[0]["metadata"]["name"]
    named = {"namespace": SHOP, "pod": pod}
    await shell.inbox.store([shell.an_alert(1, labels=named)], 0)
    await shell.inbox.store([shell.an_alert(2, labels={**named, "uid": "another"})], 0)
    assert shell.fates == ["stored", "untargeted"]


def test_what_cannot_be_looked_up_holds_up_nothing_else() -> None:
    """An API server that does not answer about one object still stores what is about others."""
    shell = Remembering(40)
    shell.slow.hangs = lambda _resource, name: name == "lost"
    alerts = many(shell, ["lost", *small(20), "new", *small(40)[20:]])
    shell.add("new")
    with receiving(shell) as receive:
        assert isinstance(receive(alerts), TimeoutError)
    assert shell.targets() == sorted([*small(40), "new"])
    assert Counter(shell.fates) == {"stored": 41, "ignored": 1}


async def test_a_defect_of_ours_about_one_alert_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """I23."""
    shell = Remembering(5)
    await shell.book.refresh()
    bring = Opener.bring

    async def fails_for_one(self: Opener, target: Any, *rest: Any) -> str:
        if target.name == "small-2":
            raise ZeroDivisionError
        return await bring(self, target, *rest)

    monkeypatch.setattr(Opener, "bring", fails_for_one)
    with pytest.raises(NotStoredError):
        await shell.inbox.store(many(shell, small(5)), 0)
    assert shell.targets() == ["small-0", "small-1", "small-3", "small-4"]
    assert Counter(shell.fates) == {"stored": 4, "failed": 1}


async def test_many_alerts_about_one_workload_by_different_words_are_one_remediation() -> None:
    shell = Remembering()
    await shell.book.refresh()
    pods = [pod["metadata"]["name"] for pod in shell.world.pods("api")]
    words = [{"deployment": "api"}, *({"pod": pod} for pod in pods)]
    alerts = [shell.an_alert(number, labels={"namespace": SHOP, **word}) for number, word in enumerate(words * 5)]
    await shell.inbox.store(alerts, 0)
    (only,) = shell.remediations()
    assert len({fact.fingerprint for fact in (*only.status.evidence, only.spec.signal)}) == 15
    assert only.spec.signal.reason == ALERT


async def test_two_senders_of_the_same_body_do_not_race() -> None:
    """Alertmanagers of a pair send at the same time."""
    shell = Remembering(20)
    await shell.book.refresh()
    before = shell.world.server.index
    shell.slow.seconds = 0.001
    await asyncio.gather(*(shell.inbox.store(many(shell, small(20)), 0) for _ in range(2)))
    assert shell.requests(before) == {"create remediations": 20}


async def test_an_end_is_stored_by_who_holds_the_alert_and_nobody_is_listed() -> None:
    """Also where its policy is gone, so that nothing leads from the alert to the Remediation."""
    shell = Remembering(3)
    await shell.book.refresh()
    await shell.inbox.store(many(shell, small(3)), 0)
    shell.world.store.delete(kube.POLICIES, SHOP, "heal")
    await shell.book.refresh()
    before = shell.world.server.index
    await shell.inbox.store(many(shell, small(2), resolved=True), 0)
    assert shell.requests(before) == {"update remediations": 2}
    ended = [
        fact.resolved_at is not None for remediation in shell.remediations() for fact in remediation.status.evidence
    ]
    assert ended == [True, True]


# Each row: how many alerts come in one body, and for how many seconds who heals waits, at least and at most.
WAITS = {"a few": (50, 0, 0), "some": (150, 0.3, 0.6), "a storm": (2000, 5, 5.1)}


@pytest.mark.parametrize(("count", "least", "most"), WAITS.values(), ids=WAITS)
def test_who_heals_gives_way_to_what_is_not_stored_for_a_while(count: int, least: float, most: float) -> None:
    """What is not stored can be lost; what is stored is not, but must not wait for ever either."""
    shell = Remembering(count)
    shell.slow.seconds = 0.1
    waited: list[timedelta] = []

    async def heal() -> None:
        began = shell.clock.now()
        await shell.inbox.give_way()
        waited.append(shell.clock.now() - began)

    with receiving(shell) as receive:
        shell.slow.meanwhile = heal
        receive(many(shell, small(count)))
    (once,) = waited
    assert timedelta(seconds=least) <= once <= timedelta(seconds=most)
