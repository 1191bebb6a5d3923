"""Whether what a template needs to start is still there, asked before an action goes back to it.

Only that an object exists is asked for, never what it holds; and Secrets are not asked for at all.
"""

import asyncio
from collections.abc import Collection, Mapping
from typing import Final

from platelet import actions
from platelet.model import references
from platelet.model.situation import Situation
from platelet.shell.kube import CLAIMS, CONFIG_MAPS, SERVICE_ACCOUNTS, Kube, NotFound, Refused

_RESOURCES: Final = {each.kind.lower(): each for each in (CONFIG_MAPS, CLAIMS, SERVICE_ACCOUNTS)}
_MOST_READ = 50


async def read_absent(kube: Kube, situation: Situation) -> Mapping[str, str]:
    """What is not known to exist of all that templates on record need, and why; where a step to come may go to one.

    Raises ApiError when the API server does not answer.
    """
    wanted = sorted(_wanted(situation))
    answers = await asyncio.gather(
        *(_why_absent(kube, situation.target.namespace, name) for name in wanted[:_MOST_READ])
    )
    absent = {name: why for name, why in zip(wanted, answers, strict=False) if why}
    return absent | dict.fromkeys(wanted[_MOST_READ:], "is one too many to be looked for")


def _wanted(situation: Situation) -> Collection[str]:
    readable = _readable(situation)
    live = situation.workload.template_hash if situation.workload is not None else ""
    goals = [each for each in situation.records if each.template_hash != live and each.health not in ("Bad", "Suspect")]
    needed = {name for goal in goals for name in references.needed(goal.template)}
    return {name for name in needed if name.partition("/")[0] in readable}


def _readable(situation: Situation) -> Collection[str]:
    """The kinds of objects that the plans of the steps to come are made by, in lower case."""
    steps = situation.steps[situation.remediation.status.step :]
    resources = {right.resource for step in steps for right in actions.BY_KEY[step.action].reads}
    return {kind for kind, resource in _RESOURCES.items() if resource.plural in resources}


async def _why_absent(kube: Kube, namespace: str, reference: str) -> str:
    kind, _, name = reference.partition("/")
    try:
        await kube.get(_RESOURCES[kind], namespace, name)
    except NotFound:
        return "is missing"
    except Refused as error:
        return f"could not be looked for ({error.code} {error.reason})"
    return ""
