"""`platelet timeline`: what happened to one workload or Job, in one list. It reads, and writes nothing."""

import argparse
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Literal

from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.cli import batch_objects, named_objects, output, session
from platelet.cli.reading import Reader, see_as_allowed
from platelet.explain import alert_timeline, job_timeline, lines, timeline
from platelet.explain.eligibility import Unread
from platelet.explain.entry import Entry
from platelet.explain.timeline import Timeline
from platelet.model.durations import say_time
from platelet.model.policy import Settings
from platelet.model.workload import WorkloadRef
from platelet.shell import kube
from platelet.shell.store.remediations import read_remediations

if TYPE_CHECKING:
    from platelet.shell.kube.client import ClusterClient

_DESCRIPTION = """\
Tell what happened to one workload, oldest first: rollouts (ReplicaSets), the health of its revisions, alerts, what its
pods showed, every decision, attempt, verdict, escalation and revert of its Remediations, and Kubernetes Events,
which the API server forgets after about an hour. Of a Job or a CronJob: how its Jobs have ended, which policies have
that on record, and who was told. Of an alert that leads to no workload (alert/NAME): what policies have on record of
it, and who was told."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "timeline", help="what happened to a workload or a Job, in one list", description=_DESCRIPTION
    )
    parser.add_argument(
        "what", type=named_objects.with_history, metavar="KIND/NAME", help="deployment/NAME, job/NAME or alert/NAME"
    )
    parser.add_argument(
        "--since",
        type=session.read_duration,
        metavar="DURATION",
        help="such as 30m or 24h; default: everything on record",
    )
    output.add_argument(parser, wide=True)
    session.add_arguments(parser)
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    """Tell. Exit code 1 when there is neither such an object nor anything on record of it."""
    return session.run(options, partial(_tell, options))


async def _tell(options: argparse.Namespace, client: "ClusterClient") -> int:
    kind, name = options.what
    namespace, home = session.namespace_of(options), options.operator_namespace
    if kind in ("Job", "CronJob"):
        history, notes = await _read_jobs(client, kind, namespace, name, options)
    elif kind == "Alert":
        history, notes = await _read_alerts(client, namespace, name, options)
    else:
        target = WorkloadRef(kind=kind, namespace=namespace, name=name)
        history, notes = await _read(client, target, home, options.since)
    if not history.exists and not history.entries:
        raise session.NothingToTellError(f"there is no {kind} {namespace}/{name}, and no record of one")
    shown = text(history, wide=options.output == "wide")
    output.write(options, [*shown, *(f"note: {note}" for note in notes)], timeline.document(history) | {"notes": notes})
    return 0


async def _read(
    client: "ClusterClient", target: WorkloadRef, home: str, since: timedelta | None
) -> tuple[Timeline, list[str]]:
    snapshot, unseen = await see_as_allowed(client, target, home)
    of_target = [
        remediation for remediation in await read_remediations(client, target.namespace) if remediation.target == target
    ]
    events, unread = await _read_events(client, target.namespace)
    now = client.clock.now()
    start = timeline.past(now, since)
    history = timeline.compile_timeline(target, snapshot, of_target, events, start, now)
    return history, ([unseen] if unseen else []) + unread


async def _read_jobs(
    client: "ClusterClient", kind: Literal["Job", "CronJob"], namespace: str, name: str, options: argparse.Namespace
) -> tuple[Timeline, list[str]]:
    reader = Reader(client, client.clock, Settings(namespace=options.operator_namespace))
    seen = await batch_objects.see(reader, kind, namespace, name)
    events, unread = await _read_events(client, namespace)
    sources = job_timeline.Sources(
        jobs=seen.jobs,
        exists=seen.exists,
        policies=[policy for policy in seen.policies if isinstance(policy, ResolvedPolicy)],
        events=events,
    )
    unread += [*_say_unread(seen.policies), *reader.kube.unseen]
    now = client.clock.now()
    return job_timeline.compile_timeline(seen.subject, sources, timeline.past(now, options.since), now), unread


async def _read_alerts(
    client: "ClusterClient", namespace: str, name: str, options: argparse.Namespace
) -> tuple[Timeline, list[str]]:
    reader = Reader(client, client.clock, Settings(namespace=options.operator_namespace))
    policies = await reader.resolved_policies(namespace)
    known = [policy for policy in policies if isinstance(policy, ResolvedPolicy)]
    now = client.clock.now()
    history = alert_timeline.compile_timeline(name, namespace, known, timeline.past(now, options.since), now)
    return history, [*_say_unread(policies), *reader.kube.unseen]


def _say_unread(policies: Iterable[ResolvedPolicy | Unread]) -> list[str]:
    return [f"without policy {policy.key}: {policy.because}" for policy in policies if isinstance(policy, Unread)]


async def _read_events(client: "ClusterClient", namespace: str) -> tuple[list[kube.Json], list[str]]:
    """The Events of a namespace, and a note where they may not be read."""
    try:
        return await client.list(kube.EVENTS, namespace), []
    except kube.Refused as error:
        return [], [f"without Kubernetes Events, which you may not read: {error.message}"]


def text(history: Timeline, *, wide: bool) -> list[str]:
    """One line for each entry; wide ones say also how long ago it was, and of which Remediation and attempt it is."""
    kind, namespace, name = history.target
    gone = "" if history.exists else " (does not exist any more)"
    since = f", since {say_time(history.since)}" if history.since else ""
    rows = [_row(entry, history, wide=wide) for entry in history.entries]
    title = f"{kind} {namespace}/{name}{gone}: {len(rows)} entries{since}"
    return [title, *(lines.INDENT + line for line in lines.columns(rows))]


def _row(entry: Entry, history: Timeline, *, wide: bool) -> tuple[str, ...]:
    message = ": ".join(part for part in (entry.by, entry.reason, entry.message) if part)
    message += f" ({entry.count} times)" if entry.count > 1 else ""
    if not wide:
        return say_time(entry.at), entry.kind, message
    origin = " ".join(_unique((entry.remediation, entry.attempt)))
    return lines.moment(entry.at, history.now), entry.kind, origin or "-", message


def _unique(words: Iterable[str]) -> list[str]:
    return [word for word in dict.fromkeys(words) if word]
