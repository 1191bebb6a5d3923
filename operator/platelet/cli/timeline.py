"""`platelet timeline`: what happened to one workload, in one list. It reads, and writes nothing."""

import argparse
from collections.abc import Iterable
from datetime import timedelta
from functools import partial

from platelet.cli import chronicle, lines, output, session, subjects
from platelet.cli.chronicle import Chronicle
from platelet.cli.entry import Entry
from platelet.cli.reading import see_as_allowed
from platelet.model.durations import say_time
from platelet.model.workload import WorkloadRef
from platelet.shell import kube
from platelet.shell.client import ClusterClient
from platelet.shell.gathering import read_remediations

_DESCRIPTION = """\
Tell what happened to one workload, oldest first: rollouts (ReplicaSets), the health of its revisions, alerts, what its
pods showed, every decision, attempt, verdict, escalation and take-back of its Remediations, and Kubernetes Events,
which the API server forgets after about an hour."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("timeline", help="what happened to a workload, in one list", description=_DESCRIPTION)
    parser.add_argument("what", type=subjects.workload, metavar="KIND/NAME", help="deployment/NAME")
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


async def _tell(options: argparse.Namespace, client: ClusterClient) -> int:
    kind, name = options.what
    target = WorkloadRef(kind=kind, namespace=session.namespace_of(options), name=name)
    told, notes = await _read(client, target, options.operator_namespace, options.since)
    if not told.exists and not told.entries:
        raise session.NothingToTellError(f"there is no {kind} {target.namespace}/{name}, and no record of one")
    shown = text(told, wide=options.output == "wide")
    output.write(options, [*shown, *(f"note: {each}" for each in notes)], chronicle.document(told) | {"notes": notes})
    return 0


async def _read(
    client: ClusterClient, target: WorkloadRef, home: str, since: timedelta | None
) -> tuple[Chronicle, list[str]]:
    sight, unseen = await see_as_allowed(client, target, home)
    of_target = [each for each in await read_remediations(client, target.namespace) if each.target == target]
    notes = [unseen] if unseen else []
    try:
        events = await client.list(kube.EVENTS, target.namespace)
    except kube.Refused as error:
        events = []
        notes.append(f"without Kubernetes Events, which you may not read: {error.message}")
    now = client.clock.now()
    start = chronicle.past(now, since)
    return chronicle.compile_chronicle(target, sight, of_target, events, start, now), notes


def text(told: Chronicle, *, wide: bool) -> list[str]:
    """One line for each entry; wide ones say also how long ago it was, and of which Remediation and attempt it is."""
    target = told.target
    gone = "" if told.exists else " (does not exist any more)"
    since = f", since {say_time(told.since)}" if told.since else ""
    rows = [_row(each, told, wide=wide) for each in told.entries]
    title = f"{target.kind} {target.namespace}/{target.name}{gone}: {len(rows)} entries{since}"
    return [title, *(lines.INDENT + each for each in lines.columns(rows))]


def _row(entry: Entry, told: Chronicle, *, wide: bool) -> tuple[str, ...]:
    said = ": ".join(part for part in (entry.by, entry.reason, entry.message) if part)
    said += f" ({entry.count} times)" if entry.count > 1 else ""
    if not wide:
        return say_time(entry.at), entry.kind, said
    origin = " ".join(_unique((entry.remediation, entry.attempt)))
    return lines.moment(entry.at, told.now), entry.kind, origin or "-", said


def _unique(words: Iterable[str]) -> list[str]:
    return [each for each in dict.fromkeys(words) if each]
