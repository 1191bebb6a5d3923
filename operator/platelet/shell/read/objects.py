"""Reads the further objects that changes write: neither the target nor its autoscalers, which are read anyway."""

import asyncio
from collections.abc import Mapping

from platelet.core import needed_objects
from platelet.model.intent import ObjectRef
from platelet.model.resource import Resource
from platelet.model.situation import Situation
from platelet.shell.kube import Json, NotFound, Reads, Refused


async def read(kube: Reads, situation: Situation) -> tuple[Mapping[ObjectRef, Json], frozenset[ObjectRef]]:
    """Read all that anything was or may be written on; what does not exist is left out.

    What only a plan would be made by, and may not be read, is left out as well: its step is refused. What something was
    written on earlier, and may not be read any more, is the second part: it holds up nothing but its own revert.
    Raises ApiError.
    """
    written = needed_objects.written_objects(situation)
    wanted = sorted(written | needed_objects.planned_objects(situation), key=str)
    needed, namespace = needed_objects.objects_at_work(situation), situation.target.namespace
    answers = await asyncio.gather(
        *(_read(kube, namespace, resource, name, needed=(resource, name) in needed) for resource, name in wanted)
    )
    answered = [(resource.named(name), answer) for (resource, name), answer in zip(wanted, answers, strict=True)]
    refused = frozenset(ref for ref, answer in answered if isinstance(answer, Refused))
    known = {ref: answer for ref, answer in answered if not (answer is None or isinstance(answer, Refused))}
    return known, refused & {resource.named(name) for resource, name in written}


async def read_lists(kube: Reads, situation: Situation) -> Mapping[str, tuple[Json, ...]]:
    """Read all objects of the kinds that plans are made by. Of a kind that the cluster does not have there are none.

    A kind that may not be read is left out: the step is refused. Raises ApiError.
    """
    wanted = sorted(needed_objects.planned_lists(situation), key=lambda resource: resource.plural)
    answers = await asyncio.gather(*(_list(kube, situation.target.namespace, resource) for resource in wanted))
    answered = zip(wanted, answers, strict=True)
    return {resource.plural: listed for resource, listed in answered if listed is not None}


async def _list(kube: Reads, namespace: str, resource: Resource) -> tuple[Json, ...] | None:
    try:
        return tuple(await kube.list(resource, namespace))
    except NotFound:
        return ()
    except Refused:
        return None


async def _read(kube: Reads, namespace: str, resource: Resource, name: str, *, needed: bool) -> Json | Refused | None:
    try:
        return await kube.get(resource, namespace, name)
    except NotFound:
        return None
    except Refused as error:
        if needed:
            raise
        return error
