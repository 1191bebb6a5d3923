"""`platelet lint`: what is wrong with manifests, before they reach a cluster."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from platelet.api.generation import crds
from platelet.api.readers import lenient
from platelet.cli import linter, manifests, output, session
from platelet.cli.linter import Fault
from platelet.cli.manifests import Manifest, UnreadableFileError
from platelet.model import reasons
from platelet.shell import kube

if TYPE_CHECKING:
    from platelet.shell.kube.client import ClusterClient

_NO_CLUSTERS_NAMESPACE = "default"  # of objects that name none
_DESCRIPTION = """\
Find what is wrong with Runbooks and policies in files, without a cluster: fields and bounds, conditions in CEL,
schedules and time zones, matchers, PromQL, Runbooks that are missing among the files, and what could never work. If the
operator's settings are among the files (an OperatorConfig, or the ConfigMap that holds it), hosts and servers are
checked against them. With --dry-run=server the API server checks, too, by its schemas and its admission; nothing is
stored."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("lint", help="check manifests before they reach a cluster", description=_DESCRIPTION)
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="YAML or JSON, a folder of them, or - for standard input"
    )
    parser.add_argument(
        "--dry-run", choices=("none", "server"), default="none", help="server: ask the API server, too; default: none"
    )
    output.add_argument(parser)
    session.add_arguments(parser)
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    """Lint. Exit code 0 without a fault, or with warnings only; 1 with one; 2 where a file cannot be read."""
    try:
        checked = [manifest for name in manifests.find_files(options.files) for manifest in manifests.read(name)]
    except UnreadableFileError as error:
        return session.fail(str(error), code=2)
    by_server = options.dry_run == "server"
    namespace = options.namespace or (session.namespace_of(options) if by_server else _NO_CLUSTERS_NAMESPACE)
    faults = linter.lint(checked, namespace, options.operator_namespace)
    if not by_server:
        return _tell(options, checked, faults)

    async def ask(client: "ClusterClient") -> int:
        """What the API server says is told beside what was found; of one object both may say the same."""
        refusals = [fault for manifest in checked for fault in await _ask(client, manifest, namespace)]
        return _tell(options, checked, [*faults, *refusals])

    return session.run(options, ask)


async def _ask(client: "ClusterClient", manifest: Manifest, namespace: str) -> list[Fault]:
    kind, (place, name) = crds.BY_NAME.get(manifest.kind), linter.key_of(manifest, namespace)
    if kind is None or not name:
        return []
    resource = kube.Resource(crds.GROUP, crds.VERSION, kind.plural, kind.name)
    try:
        await client.try_apply(resource, place, name, manifest.content)
    except (kube.Refused, kube.NotFound) as error:
        text = f"the API server refuses it: {error.message}"
        return [linter.make_fault(manifest, namespace, "fail", reasons.REFUSED, text)]
    return []


def _tell(options: argparse.Namespace, checked: Sequence[Manifest], faults: Sequence[Fault]) -> int:
    failed = any(fault.severity == "fail" for fault in faults)
    output.write(options, _text(checked, faults), _document(faults, failed=failed))
    return 1 if failed else 0


def _text(checked: Sequence[Manifest], faults: Sequence[Fault]) -> list[str]:
    """One line for each fault, as compilers write it; and what was looked at."""
    count = sum(lenient.text(manifest.content.get("apiVersion")).startswith(f"{crds.GROUP}/") for manifest in checked)
    faulty = [f"{fault.severity:<4}  {fault.place}: {fault.name}: {fault.reason}: {fault.message}" for fault in faults]
    return [*faulty, f"{count} of platelet's objects checked, {len(faults)} faults found"]


def _document(faults: Sequence[Fault], *, failed: bool) -> dict[str, Any]:
    listed = [
        {
            "place": fault.place,
            "object": fault.name,
            "severity": fault.severity,
            "reason": fault.reason,
            "message": fault.message,
        }
        for fault in faults
    ]
    return {"valid": not failed, "faults": listed}
