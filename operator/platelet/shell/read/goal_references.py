"""Whether what a template needs to start is still there, asked before an action goes back to it.

Only that an object exists is asked for, never what it holds; and Secrets are not asked for at all.
"""

import asyncio
from collections.abc import Collection, Mapping
from typing import Final

from platelet import actions
from platelet.model import references
from platelet.model.situation import Situation
from platelet.shell.kube import CLAIMS, CONFIG_MAPS, SERVICE_ACCOUNTS, NotFound, Reads, Refused
from platelet.shell.read.recent_answers import Recent

_RESOURCES: Final = {resource.kind.lower(): resource for resource in (CONFIG_MAPS, CLAIMS, SERVICE_ACCOUNTS)}
_MOST_READ = 50


class GoalReferences:
    """What templates on record need."""

    def __init__(self, kube: Reads) -> None:
        """Take the API to look in."""
        self._kube = kube
        self._answers: Recent[tuple[str, str], str] = Recent()

    async def read_absent(self, situation: Situation, patience: float) -> Mapping[str, str]:
        """What is not known to exist of all that they need, and why; where a step to come may go to one.

        It may have been looked for up to `patience` seconds ago. Raises ApiError when the API server does not answer.
        """
        wanted = sorted(_wanted(situation))
        namespace = situation.target.namespace
        answers = await asyncio.gather(*(self._why_absent(namespace, name, patience) for name in wanted[:_MOST_READ]))
        absent = {name: why for name, why in zip(wanted, answers, strict=False) if why}
        return absent | dict.fromkeys(wanted[_MOST_READ:], "is one too many to be looked for")

    async def _why_absent(self, namespace: str, reference: str, patience: float) -> str:
        key = namespace, reference
        return await self._answers.ask(key, patience, lambda: _why_absent(self._kube, *key))


def _wanted(situation: Situation) -> Collection[str]:
    readable = _readable(situation)
    live = situation.snapshot.workload.template_hash if situation.snapshot.workload is not None else ""
    goals = [
        record
        for record in situation.snapshot.records
        if record.template_hash != live and record.health not in ("Bad", "Suspect")
    ]
    needed = {name for goal in goals for name in references.needed(goal.template)}
    return {name for name in needed if name.partition("/")[0] in readable}


def _readable(situation: Situation) -> Collection[str]:
    """The kinds of objects that the plans of the steps to come are made by, in lower case."""
    steps = situation.ladder.steps[situation.remediation.status.step :]
    resources = {right.resource for step in steps for right in actions.BY_KEY[step.action].reads}
    return {kind for kind, resource in _RESOURCES.items() if resource.plural in resources}


async def _why_absent(kube: Reads, namespace: str, reference: str) -> str:
    kind, _, name = reference.partition("/")
    try:
        await kube.get(_RESOURCES[kind], namespace, name)
    except NotFound:
        return "is missing"
    except Refused as error:
        return f"could not be looked for ({error.code} {error.reason})"
    return ""
