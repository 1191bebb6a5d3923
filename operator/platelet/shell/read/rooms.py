"""Whether a node can hold the pods of the plan in sight: told by the nodes as their stream shows them, else by a LIST.

What others take of a node is listed node by node until one has the room, and of a few nodes at most. Only a plan that
would be carried out asks, and what was found is good for half a minute.
"""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from platelet.api.readers import nodes
from platelet.core import plan_in_sight
from platelet.model.node import Node
from platelet.model.node_room import Placement, Room, Weighing
from platelet.model.situation import Situation
from platelet.shell.kube import CONFIG_MAPS, PODS, NotFound, Reads, Refused
from platelet.shell.read.recent_answers import Recent
from platelet.shell.read.sources import Source

_GOOD_FOR: Final = 30.0  # seconds
_AT_ONCE: Final = 100  # nodes, before others have their turn
_LOOKED_INTO: Final = 10  # nodes whose pods are listed
_RUNNING: Final = "spec.nodeName={},status.phase!=Succeeded,status.phase!=Failed"
_AUTOSCALERS_STATUS: Final = "cluster-autoscaler-status"  # the ConfigMap in which it says how it is
_AUTOSCALERS_HOMES: Final = ("kube-system", "openshift-machine-api")


class RoomReader:
    """Weighs nodes, at most once in a while for the same pods."""

    def __init__(self, kube: Reads, source: Source) -> None:
        """Nothing was weighed."""
        self._kube = kube
        self._source = source
        self._rooms: Recent[str, Room] = Recent()

    async def read(self, situation: Situation, now: datetime) -> Mapping[str, Room]:
        """What there is to say of the plan in sight; empty where it asks nothing. Raises ApiError."""
        placement = plan_in_sight.find_placement(situation, now)
        if placement is None:
            return {}
        return {placement.key: await self._rooms.ask(placement.key, _GOOD_FOR, lambda: self._weigh(placement))}

    async def _weigh(self, placement: Placement) -> Room:
        weighing = Weighing(placement)
        try:
            stored = await self._source.nodes()
        except Refused as error:
            return Room(unknown=f"nodes may not be listed ({error.code} {error.reason})")
        sure = await self._search(weighing, map(nodes.read_node, stored))
        room = sure if sure is not None else weighing.end()
        if not room.refusal or placement.on_each:
            return room
        added = await self._why_one_may_come()
        return Room(unknown=added) if added else room

    async def _search(self, weighing: Weighing, known: Iterable[Node]) -> Room | None:
        """Take nodes into account until the answer is sure; None where that takes all of them."""
        looked_into = 0
        for number, node in enumerate(known, 1):
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
            if not weighing.add(node):
                continue
            if weighing.placement.may_displace:
                return Room()
            if looked_into == _LOOKED_INTO:
                return Room(unknown=f"the first {_LOOKED_INTO} nodes that are large enough are full")
            looked_into += 1
            try:
                if weighing.leaves_room(node, await self._kube.list(PODS, fields=_RUNNING.format(node.name))):
                    return Room()
            except Refused as error:
                return Room(unknown=f"what other pods take of a node may not be listed ({error.code} {error.reason})")
        return None

    async def _why_one_may_come(self) -> str:
        """A group of nodes may be smaller at the moment than it may become."""
        for home in _AUTOSCALERS_HOMES:
            try:
                await self._kube.get(CONFIG_MAPS, home, _AUTOSCALERS_STATUS)
            except NotFound:
                continue
            except Refused as error:
                return f"whether a cluster autoscaler adds nodes may not be looked up ({error.code} {error.reason})"
            return "the cluster autoscaler may add a node"
        return ""
