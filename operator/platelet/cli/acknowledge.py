"""`platelet acknowledge`: let others know that somebody has heard of an escalation, or looks at a question."""

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING, Literal

from platelet.cli import answers, batch_objects, named_objects, recorded_answers, session, terminal
from platelet.cli.reading import Reader
from platelet.model import approval
from platelet.model.policy import Settings

if TYPE_CHECKING:
    from platelet.shell.kube.client import ClusterClient

_DESCRIPTION = """\
Say that you have heard of an escalation: nobody is called again for what was told so far, and your name goes on record
beside each place where it was told. What gets worse after that is told anew. It ends nothing, and automation stays
stopped for the incident. Of a plan that awaits approval, say that you look at it: nobody else is asked meanwhile, and
it is no answer. You need the RBAC verbs `approve`, `get` and `patch` on remediations. Of a failed Job (job/NAME or
cronjob/NAME), or of an alert that leads to no workload (alert/NAME, in the policy's namespace), on record of a policy
that calls people for it: the verb `approve` on remediations, and `get` and `patch` on remediationpolicies, where the
policy is."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "acknowledge",
        help="say that you have heard of an escalation, a failed Job or an alert",
        description=_DESCRIPTION,
    )
    parser.add_argument(
        "what",
        type=named_objects.acknowledged,
        metavar="KIND/NAME",
        help="remediation/NAME, job/NAME, cronjob/NAME or alert/NAME",
    )
    parser.add_argument("--token", default="", help="only for what was told with this token, from a notice")
    session.add_arguments(parser)
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    """Acknowledge it. Exit code 1 when there is nothing to acknowledge, or we may not."""
    return session.run(options, partial(_acknowledge, options))


async def _acknowledge(options: argparse.Namespace, client: "ClusterClient") -> int:
    kind, name = options.what
    if kind != "Remediation":
        return await _acknowledge_on_policies(options, client, kind, name)
    remediation = await answers.read_remediation(client, session.namespace_of(options), name)
    heard = answers.find_told(remediation, options.token)
    user = await session.read_user(client)
    answer = {approval.ACKNOWLEDGE: heard.token, approval.ACKNOWLEDGED_BY: user}
    await answers.write_answer(client, remediation, answer)
    title = f"Remediation {remediation.namespace}/{remediation.name}"
    written = [f"{title}, {heard.text}", f"acknowledged as {user}: {heard.follows}"]
    terminal.write(written, sys.stdout)
    return 0


async def _acknowledge_on_policies(
    options: argparse.Namespace, client: "ClusterClient", kind: Literal["Job", "CronJob", "Alert"], name: str
) -> int:
    """On each policy that calls people for it."""
    if options.token:
        raise session.NothingToTellError("--token is for Remediations: of all else, what is on record is acknowledged")
    reader = Reader(client, client.clock, Settings(namespace=options.operator_namespace))
    namespace = session.namespace_of(options)
    if kind == "Alert":
        called_for = recorded_answers.find_alert(name, namespace, await reader.resolved_policies(namespace))
    else:
        seen = await batch_objects.see(reader, kind, namespace, name)
        called_for = recorded_answers.find_job(seen.subject, seen.policies)
    user = await session.read_user(client)
    for record in called_for:
        await recorded_answers.write(client, record, user)
        title = f"policy {record.namespace}/{record.policy}: {record.entry.message}"
        terminal.write([title, f"acknowledged as {user}: nobody is called again for it"], sys.stdout)
    return 0
