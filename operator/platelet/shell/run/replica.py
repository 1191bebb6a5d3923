"""Puts one replica together: who reads, writes, takes in alerts, decides and acts. The same for operator and model."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from platelet.model.outside import Outside
from platelet.model.remediation import Remediation
from platelet.shell.act.deciding import Decider
from platelet.shell.act.effects import EffectRunner
from platelet.shell.act.farewells import Farewells
from platelet.shell.act.inventory import Inventory
from platelet.shell.act.policy_notices import PolicyNotices
from platelet.shell.act.reconciler import Reconciler
from platelet.shell.act.revision_tracker import RevisionTracker
from platelet.shell.act.succession import Succession
from platelet.shell.act.sweeper import Sweeper
from platelet.shell.intake.alert_inbox import AlertInbox
from platelet.shell.intake.failed_jobs import JobWatch
from platelet.shell.intake.held_alerts import HeldAlerts
from platelet.shell.intake.pod_watch import PodWatch
from platelet.shell.intake.policy_replies import PolicyReplies
from platelet.shell.intake.present_facts import PresentFacts
from platelet.shell.intake.reply_origins import ReplyOrigins
from platelet.shell.intake.reply_store import ReplyStore
from platelet.shell.intake.targets import TargetFinder
from platelet.shell.intake.untargeted_alerts import Untargeted
from platelet.shell.intake.workload_watch import WorkloadWatch
from platelet.shell.kube import REPLICA_SETS, Kube
from platelet.shell.kube.clock import Clock
from platelet.shell.leader.lease import Leadership
from platelet.shell.outbound.outbox import Outbox
from platelet.shell.read.looks import Looker
from platelet.shell.read.process_state import ProcessState
from platelet.shell.read.readers import Readers, make_readers
from platelet.shell.run.flow import Flow, Parts
from platelet.shell.run.handlers import OnObject, Shown
from platelet.shell.store.budget import BudgetWriter
from platelet.shell.store.opener import Opener
from platelet.shell.store.policy_statuses import PolicyStatuses
from platelet.shell.telemetry.event_recorder import EventRecorder
from platelet.shell.telemetry.progress import ProgressReporter
from platelet.shell.watch.cluster_memory import ClusterMemory


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What a replica is built on: the API server, the process, and callbacks that hear what it does."""

    kube: Kube
    clock: Clock
    boot: Callable[[], float]  # seconds of a clock that also runs while the machine sleeps
    memory: ClusterMemory
    lease: Leadership
    publisher: EventRecorder
    outbox: Outbox
    progress: ProgressReporter
    home: str  # the operator's own namespace
    around: Callable[[Succession], ProcessState]  # what the process knows besides the API
    resync: timedelta
    workers: int = 4  # that heal
    recorders: int = 4  # that keep revision records
    outside: Outside | None = None
    cluster: str = ""
    on_use: Callable[[int | None, int], None] = lambda _used, _free: None  # of the ActionBudget
    on_alert: Callable[[str], None] = lambda _result: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """Its parts. The flow runs while it leads."""

    readers: Readers
    succession: Succession
    runner: EffectRunner
    inbox: AlertInbox
    present_facts: PresentFacts
    replies: ReplyStore
    pod_watch: PodWatch
    flow: Flow
    on_object: OnObject  # hears of each change of our own kinds, while it leads


def assemble(base: Base) -> Replica:
    """Build all parts. Nothing runs yet."""
    kube, clock, memory, home = base.kube, base.clock, base.memory, base.home
    readers = make_readers(kube, clock, home, outside=base.outside, memory=memory, on_use=base.on_use, boot=base.boot)
    book, index = readers.book, readers.index
    budget_writer = BudgetWriter(kube, clock, readers.budget, base.boot)
    succession = Succession(kube, budget_writer, base.lease, book)
    runner = EffectRunner(
        kube, budget_writer, base.publisher, base.outbox, base.lease.time_left, home=home, memory=memory
    )
    opener = Opener(
        kube, clock, book, index, remembered_template=memory.template_of, on_opening=readers.sources.target.ask_ahead
    )
    finder = TargetFinder(kube, memory.streams, memory.objects[REPLICA_SETS])
    untargeted = Untargeted(kube, clock, book, runner, on_news=lambda policy: flow.on_result(policy))  # noqa: PLW0108 - below
    origins = ReplyOrigins(kube, book, boot=base.boot)
    records = PolicyReplies(kube, book, origins, runner, lambda policy: flow.on_result(policy))  # noqa: PLW0108 - below
    inbox = AlertInbox(
        kube, clock, book, opener, finder, untargeted, index=index, cluster=base.cluster, on_result=base.on_alert
    )
    held_alerts, around = HeldAlerts(kube, index), base.around(succession)
    notices = PolicyNotices(kube, clock, book, runner, base.outbox)
    farewells = Farewells(clock, book, runner, base.outbox, on_news=lambda policy: flow.on_result(policy))  # noqa: PLW0108 - below
    pod_watch = PodWatch(clock, book, opener, finder, memory.streams.workloads)
    reconciler, tracker = _make_deciders(
        base,
        readers,
        runner,
        around,
        pod_watch,
        on_read=lambda remediation: flow.on_read(remediation),  # noqa: PLW0108 - below
    )
    parts = Parts(
        clock=clock,
        book=book,
        policy_statuses=PolicyStatuses(kube, clock),
        budget=readers.budget,
        reconciler=reconciler,
        policy_looks=(
            notices.look,
            farewells.look,
            JobWatch(kube, clock, book, runner, around.log_reader, stir=notices.stir).look,
        ),
        stir_policy=notices.stir,
        outbox=base.outbox,
        revision_tracker=tracker,
        index=index,
        pod_watch=pod_watch,
        workload_watch=WorkloadWatch(readers.sources.remembered, clock, book, opener, settle=pod_watch.settle),
        sweeper=Sweeper(
            kube, clock, budget_writer, opener, succession, Inventory(kube, index, memory.remediations), home=home
        ),
        held_alerts=held_alerts,
        progress=base.progress,
        give_way=inbox.give_way,
    )
    flow = Flow(parts, base.resync.total_seconds(), workers=base.workers, recorders=base.recorders)

    def on_object(shown: Shown) -> None:
        if shown.deleted:
            farewells.part(shown.stored)
        flow.on_object(shown)

    return Replica(
        readers=readers,
        succession=succession,
        runner=runner,
        inbox=inbox,
        present_facts=PresentFacts(held_alerts, untargeted),
        replies=ReplyStore(kube, clock, index, origins, records),
        pod_watch=pod_watch,
        flow=flow,
        on_object=on_object,
    )


def _make_deciders(  # noqa: PLR0913 - what they look with
    base: Base,
    readers: Readers,
    runner: EffectRunner,
    process: ProcessState,
    pod_watch: PodWatch,
    *,
    on_read: Callable[[Remediation], None],
) -> tuple[Reconciler, RevisionTracker]:
    """Who drives Remediations, and who keeps the records that these go back to."""
    kube, clock, memory, index = base.kube, base.clock, base.memory, readers.index
    home, settle = base.home, pod_watch.settle
    healthy_for = process.settings.healthy_for
    tracker = RevisionTracker(kube, clock, runner, healthy_for, home=home, settle=settle, index=index, memory=memory)
    situations = readers.situations(runner, process)
    looker = Looker(kube, situations, index, readers.sources, home=home, settle=settle)
    decider = Decider(clock, situations, looker, index, tracker)
    reconciler = Reconciler(kube, clock, decider, situations, looker, runner, base.progress, index, on_read=on_read)
    return reconciler, tracker
