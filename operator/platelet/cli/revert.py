"""`platelet revert --all`: before platelet is removed, what it lent is reverted, and nothing of it stays behind.

The reverts themselves are the leader's: docs/adr/0007.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from platelet import changes
from platelet.cli import leftovers, reading, session, suspension, terminal
from platelet.explain import lines
from platelet.model.budget import Budget, Entry, Leaving
from platelet.model.policy import Settings
from platelet.shell import kube

if TYPE_CHECKING:
    from platelet.shell.kube.client import ClusterClient

_ASK_EVERY = 1.0  # seconds
_DESCRIPTION = """\
Use this before you remove platelet. It pauses the operator, reverts at once all changes that were temporary (or
keeps them, with --drop), and removes platelet's annotations and revision records from users' namespaces. The memory of
which revisions were healthy goes with them. It works while platelet is paused. To keep platelet after all:
`platelet resume`. It asks before it begins, unless you say --yes."""
_WARNING = """This pauses platelet everywhere, {how}, and removes its
annotations and revision records from all namespaces. The memory of which revisions were healthy goes with them: if
you resume platelet afterwards, it can undo to LastHealthy only what has run well again since."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "revert", help="revert temporary changes, before platelet is removed", description=_DESCRIPTION
    )
    parser.add_argument(
        "--all",
        action="store_true",
        required=True,
        help="for the whole operator; required, since single workloads cannot be reverted",
    )
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask first; scripts need this")
    parser.add_argument("--drop", action="store_true", help="keep temporary changes as they are now")
    parser.add_argument(
        "--timeout",
        type=session.read_duration,
        default=timedelta(minutes=5),
        metavar="DURATION",
        help="how long to wait for it; default: 5m",
    )
    session.add_arguments(parser)
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    """Ask the person, then the leader; wait, and clean up."""
    if not options.yes and not _is_agreed(options):
        return session.fail("nothing was done; to go on without being asked: platelet revert --all --yes", code=2)
    return session.run(options, partial(_revert, options))


def _is_agreed(options: argparse.Namespace) -> bool:
    """Whether the person at the terminal says yes. Nobody is there: no."""
    how = "leaves temporary changes as they are" if options.drop else "reverts its temporary changes at once"
    terminal.write(_WARNING.format(how=how).splitlines(), sys.stderr)
    if not sys.stdin.isatty():
        return False
    sys.stderr.write("Go on? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


async def _revert(options: argparse.Namespace, client: "ClusterClient") -> int:
    budget = await _find_budget(client, options.operator_namespace)
    if budget is None:
        _say(["there is no ActionBudget, so nothing is pending"])
    elif not await _settle(options, client, budget):
        return 1
    removed = await leftovers.remove(client)
    _say([f"removed from users' namespaces: {removed.marks} marks, {removed.records} revision records"])
    if budget is not None:
        _say(["nothing of platelet is left there; it stays paused: remove it, or go on with platelet resume"])
    return 0


async def _settle(options: argparse.Namespace, client: "ClusterClient", budget: Budget) -> bool:
    """Have the leader revert or drop everything. False when it has not."""
    namespace = options.operator_namespace
    how: Leaving = "Drop" if options.drop else "Revert"
    owed = pending(budget)
    _say([_title(len(owed), how), *(lines.INDENT + line for line in describe(owed, client.clock.now()))])
    await suspension.change(client, namespace, lambda before, now: suspension.leaving(before, how, now))
    reader = reading.Reader(client, client.clock, Settings(namespace=namespace))
    until = client.clock.now() + options.timeout
    while owed := pending(await suspension.read(client, namespace)):
        leader, now = await reader.leader(), client.clock.now()
        if leader is not None and not leader.leads(now):
            return _no_leader(owed, now, drop=options.drop)
        if now > until:
            session.fail(f"{len(owed)} are not done yet; the operator goes on with them: ask again, or see why:")
            _say(lines.section("pending:", describe(owed, now)))
            return False
        await asyncio.sleep(_ASK_EVERY)
    return True


def _no_leader(owed: Sequence[Entry], now: datetime, *, drop: bool) -> bool:
    """Without a leader nothing can be reverted; what shall stay may be left to the budget's own end."""
    if drop:
        _say(["no operator leads: what is pending ends with the ActionBudget, or when one leads again"])
        return True
    session.fail("no operator leads, so nothing is reverted: start it, or let the changes stay with --drop")
    _say(lines.section("pending:", describe(owed, now)))
    return False


async def _find_budget(client: "ClusterClient", namespace: str) -> Budget | None:
    try:
        await client.get(kube.BUDGETS, namespace, suspension.BUDGET)
    except kube.NotFound:
        return None
    return await suspension.read(client, namespace)


def pending(budget: Budget) -> tuple[Entry, ...]:
    """What was changed for a time only, or may be at this moment, and is not settled."""
    return tuple(
        entry
        for entry in budget.status.entries
        if entry.revert is not None and not entry.revert.done and entry.outcome in (None, "Done", "Unknown")
    )


def describe(owed: Sequence[Entry], now: datetime) -> list[str]:
    """One line for each."""
    return [_line(entry, now) for entry in owed]


def _line(entry: Entry, now: datetime) -> str:
    back = entry.revert
    if back is None:
        return ""
    due = f", due {lines.distance(back.due_at, now)}" if back.due_at is not None else ""
    return f"{entry.target}: {changes.say_all(back.changes)} back to {changes.say_all(back.changes, before=True)}{due}"


def _title(count: int, how: Leaving) -> str:
    if not count:
        return "nothing is pending"
    changes = "temporary change" if count == 1 else "temporary changes"
    return f"{count} {changes} to {'revert' if how == 'Revert' else 'leave as it is'}:"


def _say(text: Sequence[str]) -> None:
    terminal.write(text, sys.stdout)
    sys.stdout.flush()
