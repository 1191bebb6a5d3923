"""What people name on the command line: `deployment/api`, `rem/deployment-api-1`."""

import argparse
from collections.abc import Mapping
from typing import Literal

from platelet.api.generation import crds
from platelet.model.workload import KINDS, Kind

_APPS = ("apps", "v1.apps")
_SHORT = {"Deployment": "deploy", "StatefulSet": "sts", "DaemonSet": "ds"}
_BATCH: Mapping[Literal["Job", "CronJob"], tuple[str, ...]] = {
    "Job": ("job", "jobs", "job.batch", "jobs.batch"),
    "CronJob": ("cronjob", "cronjobs", "cj", "cronjob.batch", "cronjobs.batch"),
}
WithHistory = Kind | Literal["Job", "CronJob", "Alert"]
Explained = Kind | Literal["Job", "CronJob", "Remediation"]
_REMEDIATION = crds.names_of(crds.BY_NAME["Remediation"])


def workload(text: str) -> tuple[Kind, str]:
    """Read KIND/NAME of a workload. Raises ArgumentTypeError that tells how to write it."""
    kind, name = _split(text, f"{KINDS[0].lower()}/NAME")
    known_kind = _workload_kind(kind)
    if known_kind is None:
        raise argparse.ArgumentTypeError(f"{kind!r} is no kind of workload here: write one of {_few()}")
    return known_kind, name


def with_history(text: str) -> tuple[WithHistory, str]:
    """Read KIND/NAME of a workload, a Job, a CronJob or an alert. Raises ArgumentTypeError that tells how."""
    if alert := _alert_name(text):
        return "Alert", alert
    kind, name = _split(text, f"{KINDS[0].lower()}/NAME")
    known_kind = _batch_kind(kind) or _workload_kind(kind)
    if known_kind is None:
        raise argparse.ArgumentTypeError(f"{kind!r} has no timeline, only {_few()}, jobs, cronjobs and alerts have one")
    return known_kind, name


def explained(text: str) -> tuple[Explained, str]:
    """Read KIND/NAME of a workload, a Remediation, a Job or a CronJob. Raises ArgumentTypeError that tells how."""
    kind, name = _split(text, f"remediation/NAME or {KINDS[0].lower()}/NAME")
    if kind.lower() in _REMEDIATION:
        return "Remediation", name
    known_kind = _batch_kind(kind) or _workload_kind(kind)
    if known_kind is None:
        raise argparse.ArgumentTypeError(
            f"{kind!r} cannot be explained, only remediations and {_few()}, jobs and cronjobs"
        )
    return known_kind, name


def remediation(text: str) -> str:
    """Read remediation/NAME, or the name alone. Raises ArgumentTypeError that tells how to write it."""
    if "/" not in text and text:
        return text
    kind, name = _split(text, "remediation/NAME")
    if kind.lower() not in _REMEDIATION:
        raise argparse.ArgumentTypeError(f"{text!r}: only a Remediation can be answered to: remediation/NAME")
    return name


def acknowledged(text: str) -> tuple[Literal["Remediation", "Job", "CronJob", "Alert"], str]:
    """Read remediation/NAME, or the name alone, or KIND/NAME of a Job or an alert. Raises ArgumentTypeError."""
    if alert := _alert_name(text):
        return "Alert", alert
    kind = _batch_kind(text.partition("/")[0]) if "/" in text else None
    return (kind, _split(text, "job/NAME")[1]) if kind is not None else ("Remediation", remediation(text))


def _alert_name(text: str) -> str:
    """The name in alert/NAME, which may hold anything; empty: it is no alert that is named."""
    kind, _, name = text.partition("/")
    return name if kind.lower() in ("alert", "alerts") else ""


def _split(text: str, example: str) -> tuple[str, str]:
    kind, slash, name = text.partition("/")
    if not slash or not kind or not name or "/" in name:
        raise argparse.ArgumentTypeError(f"{text!r}: write it like {example}")
    return kind, name


def _batch_kind(text: str) -> Literal["Job", "CronJob"] | None:
    """The kind by any name that kubectl takes for it."""
    return next((kind for kind, names in _BATCH.items() if text.lower() in names), None)


def _workload_kind(text: str) -> Kind | None:
    """The kind by any name that kubectl takes for it."""
    for kind in KINDS:
        word = kind.lower()
        names = (word, f"{word}s")
        if text.lower() in (*names, *(f"{name}.{group}" for name in names for group in _APPS), _SHORT[kind]):
            return kind
    return None


def _few() -> str:
    *names, last = (f"{kind.lower()}s" for kind in KINDS)
    return f"{', '.join(names)} and {last}"
