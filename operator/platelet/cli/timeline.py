"""`platelet timeline`: what happened to one workload, in one list. It reads, and writes nothing."""

import argparse
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from platelet.cli import named_objects, output, session
from platelet.cli.reading import see_as_allowed
from platelet.explain import lines, timeline
from platelet.explain.entry import Entry
from platelet.explain.timeline import Timeline
from platelet.model.durations import say_time
from platelet.model.workload import WorkloadRef
from platelet.shell import kube
from platelet.shell.read.situations import read_remediations

if TYPE_CHECKING:
    from platelet.shell.kube.client import ClusterClient

_DESCRIPTION = """\
Tell what happened to one workload, oldest first: rollouts (ReplicaSets), the health of its revisions, alerts, what its
pods showed, every decision, attempt, verdict, escalation and revert of its Remediations, and Kubernetes Events,
which the API server forgets after about an hour."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("timeline", help="what happened to a workload, in one list", description=_DESCRIPTION)
    parser.add_argument("what", type=named_objects.workload, metavar="KIND/NAME", help="deployment/NAME")
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
    """Tell. Exit code 1 when there is neither such a workload nor anything on record of it."""
    return session.run(options, partial(_tell, options))


async def _tell(options: argparse.Namespace, client: "ClusterClient") -> int:
    kind, name = options.what
    target = WorkloadRef(kind=kind, namespace=session.namespace_of(options), name=name)
    history, notes = await _read(client, target, options.operator_namespace, options.since)
    if not history.exists and not history.entries:
        raise session.NothingToTellError(f"there is no {kind} {target.namespace}/{name}, and no record of one")
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
    notes = [unseen] if unseen else []
    try:
        events = await client.list(kube.EVENTS, target.namespace)
    except kube.Refused as error:
        events = []
        notes.append(f"without Kubernetes Events, which you may not read: {error.message}")
    now = client.clock.now()
    start = timeline.past(now, since)
    return timeline.compile_timeline(target, snapshot, of_target, events, start, now), notes


def text(history: Timeline, *, wide: bool) -> list[str]:
    """One line for each entry; wide ones say also how long ago it was, and of which Remediation and attempt it is."""
    target = history.target
    gone = "" if history.exists else " (does not exist any more)"
    since = f", since {say_time(history.since)}" if history.since else ""
    rows = [_row(entry, history, wide=wide) for entry in history.entries]
    title = f"{target.kind} {target.namespace}/{target.name}{gone}: {len(rows)} entries{since}"
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
