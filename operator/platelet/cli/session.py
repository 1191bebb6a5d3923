"""One command's conversation with the API server, by the user's own kubeconfig; every failure is one line.

The official client takes most of half a second to import: only who talks to a cluster waits for it.
"""

import argparse
import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from platelet.api.kinds.invalid import InvalidSpec
from platelet.api.readers import lenient
from platelet.explain.lines import clean
from platelet.model.durations import parse_duration
from platelet.model.policy import OPERATOR_NAMESPACE
from platelet.shell import kube
from platelet.shell.kube.clock import ClockNotReadyError

if TYPE_CHECKING:
    from platelet.shell.kube.client import ClusterClient

_OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")  # as the kubelet mounts it
_WHO_AM_I = kube.Resource("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False)

Work = Callable[["ClusterClient"], Awaitable[int]]


class NothingToTellError(Exception):
    """What was asked for does not exist; the message says what to do."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what every command needs to reach the cluster and to find objects in it."""
    parser.add_argument(
        "-n", "--namespace", help="default: as kubectl: the pod's own, else the context's, else default"
    )
    parser.add_argument(
        "--kubeconfig",
        metavar="FILE",
        help="default: as kubectl: the pod's own account, else $KUBECONFIG, else ~/.kube/config",
    )
    parser.add_argument("--context", help="a context of the kubeconfig; default: the current one")
    parser.add_argument(
        "--operator-namespace",
        default=OPERATOR_NAMESPACE,
        metavar="NAMESPACE",
        help="where the operator and its ActionBudget are; default: %(default)s",
    )


def run(options: argparse.Namespace, work: Work) -> int:
    """Do the work with a connected client. Returns its exit code; 1 or 2 after one line on standard error."""
    if options.kubeconfig is not None and not Path(options.kubeconfig).is_file():
        return fail(f"--kubeconfig: there is no file {options.kubeconfig}", code=2)
    spoken = logging.root.manager.disable
    logging.disable()  # libraries log what we say ourselves
    try:
        return asyncio.run(_converse(options, work))
    except NothingToTellError as error:
        return fail(str(error))
    except InvalidSpec as error:
        return fail(f"an object in the cluster is not understood, is this platelet older than it? {error}")
    except ClockNotReadyError as error:
        return fail(str(error))
    except kube.ApiError as error:
        return fail(describe(error))
    finally:
        logging.disable(spoken)


async def _converse(options: argparse.Namespace, work: Work) -> int:
    from platelet.shell.kube.client import connect  # noqa: PLC0415 - see above
    from platelet.shell.kube.connection import ConnectionNotConfiguredError  # noqa: PLC0415

    try:
        connected = await connect(options.kubeconfig, options.context)
    except ConnectionNotConfiguredError as error:
        return fail(str(error), code=2)
    try:
        return await work(connected)
    finally:
        await connected.close()


def namespace_of(options: argparse.Namespace) -> str:
    """The namespace that was asked for, else the one that kubectl would take."""
    return options.namespace or default_namespace(options.kubeconfig, options.context)


def read_duration(text: str) -> timedelta:
    """Read a duration argument. Raises ArgumentTypeError that tells how to write it."""
    try:
        lasting = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if lasting < timedelta(seconds=1):
        raise argparse.ArgumentTypeError(f"{text!r} is too short: 1s at least")
    return lasting


async def read_user(connected: "ClusterClient") -> str:
    """The name by which the API server knows us: the one that admission compares. Raises ApiError."""
    kind = {"apiVersion": _WHO_AM_I.api_version, "kind": _WHO_AM_I.kind}
    answer = await connected.create(_WHO_AM_I, "", kind, agent="cli")
    return lenient.text(lenient.mapping(lenient.mapping(answer.get("status")).get("userInfo")).get("username"))


def fail(message: str, code: int = 1) -> int:
    """Say in one line why there is no answer."""
    sys.stderr.write(f"platelet: {clean(message)}\n")
    return code


def describe(error: kube.ApiError) -> str:
    """Say what the API server's no means for the one who asked."""
    if isinstance(error, kube.Unanswered):
        return f"the API server did not answer: {error.message}"
    if error.code == kube.UNAUTHORIZED:
        return "the API server does not know you: check the credentials in the kubeconfig"
    if error.code == kube.FORBIDDEN:
        return f"not allowed: {error.message}"
    return f"the API server refused: {error}"


def default_namespace(kubeconfig: str | None, context: str | None) -> str:
    """The namespace that kubectl would take: the pod's own, the context's, else `default`."""
    from kubernetes.aio.config import ConfigException, kube_config  # noqa: PLC0415 - see above

    try:
        if kubeconfig is None and _OWN_NAMESPACE.exists():
            return _OWN_NAMESPACE.read_text(encoding="utf-8").strip() or "default"
        contexts, active = kube_config.list_kube_config_contexts(config_file=kubeconfig)
    except (ConfigException, OSError, TypeError, ValueError):
        return "default"  # connecting says better what is wrong with the file
    chosen = next((known for known in contexts if known["name"] == context), None) if context else active
    return str(((chosen or {}).get("context") or {}).get("namespace") or "default")
