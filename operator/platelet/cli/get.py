"""`platelet get`: policies, runbooks, Remediations and the budget; with `-w` as they change."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from platelet.api.generation import crds
from platelet.cli import live, output, session, switches
from platelet.cli.live import Part
from platelet.explain import lines, tables
from platelet.shell import kube

if TYPE_CHECKING:
    from platelet.shell.kube.client import ClusterClient

_DESCRIPTION = """\
Show policies, Runbooks, Remediations and the ActionBudget: all of them, or the kinds that you name; with policies also
the Jobs that have failed, as far as policies look for them, those of the operator's namespace among them, and the
alerts that policies are for and that lead to no workload. With -w, follow changes: on a terminal as a view that is kept
up to date, otherwise as one line for each visible change."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "get", help="show policies, runbooks, remediations and the budget", description=_DESCRIPTION
    )
    parser.add_argument(
        "kinds", nargs="*", type=_kind, metavar="KIND", help="such as policies or rem; default: all kinds"
    )
    parser.add_argument("-w", "--watch", action="store_true", help="follow changes until Ctrl-C")
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="look in all namespaces")
    output.add_argument(parser, wide=True)
    session.add_arguments(parser)
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    """Show them."""
    if options.watch and options.output == "yaml":
        return session.fail("-w writes lines, a view, or with -o json one document for each change, not YAML", code=2)
    return session.run(options, partial(_show, options))


async def _show(options: argparse.Namespace, client: "ClusterClient") -> int:
    parts = _parts(options)
    listed = await asyncio.gather(*(client.list(part.resource, part.namespace) for part in parts))
    notes = []
    if (elsewhere := _of_the_operator(options, parts)) is not None:
        try:
            listed.append(await client.list(elsewhere.resource, elsewhere.namespace))
            parts.append(elsewhere)
        except kube.Refused as error:
            notes.append(f"note: without the operator's policies, which you may not read: {error.message}")
    if options.watch:
        await live.follow(client, parts, options.output, sys.stdout)
    shown = live.all_tables(list(zip(parts, listed, strict=True)), client.clock.now())
    off = lines.section("suspended", switches.describe(await _switched_off(options, client)))
    own = [objects for part, objects in zip(parts, listed, strict=True) if not part.jobs_in]
    output.write(options, [*tables.text(shown), *(["", *off] if off else []), *notes], _document(own))
    return 0


async def _switched_off(options: argparse.Namespace, client: "ClusterClient") -> list[switches.Switch]:
    """What people have switched off, where all kinds are shown; nothing where it cannot be read."""
    if options.kinds:
        return []
    try:
        namespace = "" if options.all_namespaces else session.namespace_of(options)
        return await switches.read(client, client.clock, namespace)
    except kube.ApiError:
        return []


def _parts(options: argparse.Namespace) -> list[Part]:
    namespace = session.namespace_of(options)
    parts = []
    for kind in dict.fromkeys(options.kinds) or tables.all_kinds():
        own = options.operator_namespace if kind.name == kube.BUDGETS.kind else namespace
        resource = kube.Resource(crds.GROUP, crds.VERSION, kind.plural, kind.name)
        wide, everywhere = options.output == "wide", options.all_namespaces
        parts.append(Part(kind=kind, resource=resource, namespace="" if everywhere else own, wide=wide))
    return parts


def _of_the_operator(options: argparse.Namespace, parts: Sequence[Part]) -> Part | None:
    """Policies of the operator's namespace, which may have failed Jobs of this one on record; None: shown anyway."""
    namespace, home = session.namespace_of(options), options.operator_namespace
    if options.all_namespaces or namespace == home:
        return None
    own = next((part for part in parts if part.has_records), None)
    return replace(own, namespace=home, jobs_in=namespace) if own is not None else None


def _document(listed: Sequence[Sequence[kube.Json]]) -> dict[str, Any]:
    """As kubectl writes a list of several kinds."""
    return {"apiVersion": "v1", "kind": "List", "items": [stored for objects in listed for stored in objects]}


def _kind(word: str) -> crds.Kind:
    asked = tables.kind_of(word)
    if asked is None:
        names = ", ".join(kind.plural for kind in crds.KINDS)
        raise argparse.ArgumentTypeError(f"{word!r} is no kind of platelet's: write one of {names}")
    return asked
