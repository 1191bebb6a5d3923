"""adjustResources: more memory or CPU for one container, up to a maximum that the step must name.

By a rollout; or in place in the pods that run now, where the step prefers that and all of them can: nothing restarts,
the template stays, and what replaces a pod has what the template says (docs/adr/0025). It only ever raises
(`model.amount`). A workload whose resources a VerticalPodAutoscaler writes is left to that one, and no rollout is begun
whose pods no node can hold (`model.node_room`); in place the kubelet says so at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, ClassVar, Final, Literal

from pydantic import ConfigDict, Field

from platelet.actions import rollout_restart
from platelet.changes import resized_pod, template_fields
from platelet.model import constraint, lending, meant_container, reasons, resize, vertical_autoscaler
from platelet.model.amount import Amount, Raised, raised
from platelet.model.intent import MAX_CHANGES
from platelet.model.lending import RevertAfter, RevertWhenResolved
from platelet.model.meant_container import ContainerName
from platelet.model.node_room import Placement, Room
from platelet.model.policy import ActionTraits
from platelet.model.resource import NODES, PODS, Resource
from platelet.model.rights import Right
from platelet.model.rules import Action
from platelet.model.situation import Situation
from platelet.model.verdict import Plan, Refusal
from platelet.model.workload import Pod, Workload

SCALERS: Final = Resource("autoscaling.k8s.io", "v1", "verticalpodautoscalers", "VerticalPodAutoscaler")
_IN_PLACE: Final = tuple(replace(right, only_with=("inPlace", "Prefer")) for right in resized_pod.CHANGE.rights)
_RULES = (
    *constraint.one_set(("memory", "cpu"), none="set memory, cpu or both", several=""),
    lending.WITHIN_A_DAY,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustResources:
    """Give one container more memory or CPU. A resource without a limit and a request is left as it is.

    It may help once a day: if the fault is back within a day, the next step is tried instead.
    """

    container: Annotated[
        ContainerName | None,
        Field(
            description="Its name. Absent: the one that was OOM-killed, else the one that fails, else the only one; "
            "where that is several, the step is refused.",
        ),
    ] = None
    memory: Annotated[Amount | None, Field(description="More memory.")] = None
    cpu: Annotated[Amount | None, Field(description="More CPU.")] = None
    in_place: Annotated[
        Literal["Never", "Prefer"],
        Field(
            description="Never: by a rollout. Prefer: in the pods that run now, without a restart, for as long as they "
            "are there; what replaces them has what the template says. By a rollout where the cluster or one of its "
            f"pods cannot, or there are more than {MAX_CHANGES}: the plan says why.",
        ),
    ] = "Never"
    revert_after: RevertAfter = None
    revert_when_resolved: RevertWhenResolved = False

    __pydantic_config__: ClassVar[ConfigDict] = constraint.ruled(*_RULES)

    def __post_init__(self) -> None:
        """Hold the rules where no API server has: in files and tests. Raises ValueError."""
        constraint.hold(self, *_RULES)

    @property
    def wanted(self) -> Mapping[str, Amount]:
        """What is asked for, by resource."""
        amounts = {"memory": self.memory, "cpu": self.cpu}
        return {resource: amount for resource, amount in amounts.items() if amount is not None}


def plan(settings: AdjustResources, situation: Situation, now: datetime) -> Plan | Refusal:
    """Pin the amounts. Refuses where a VPA owns them, where they are at their maximum, and where there are none."""
    live = situation.snapshot.workload
    if live is None:
        return Refusal(reason=reasons.TARGET_GONE, message="the workload is gone, there is nothing to adjust")
    refused = rollout_restart.refuse_idle(live)
    if refused is not None:
        return refused
    killed, failing = (which(situation.snapshot.pods) for which in (meant_container.killed, meant_container.failing))
    suspects = (killed & failing, killed | failing, meant_container.mains(live))
    container = meant_container.find(settings.container, live, suspects)
    if isinstance(container, Refusal):
        return container
    owned = _refuse_owned(settings, container, live, situation)
    if owned is not None:
        return owned
    if settings.in_place == "Never":
        return _by_rollout(settings, container, live, situation, now)
    in_place = _in_place(settings, container, situation, now)
    if not isinstance(in_place, str):
        return in_place
    by_rollout = _by_rollout(settings, container, live, situation, now)
    if isinstance(by_rollout, Refusal):
        return by_rollout
    return replace(by_rollout, summary=f"{by_rollout.summary}; by a rollout: {in_place}")


def _by_rollout(
    settings: AdjustResources, container: str, live: Workload, situation: Situation, now: datetime
) -> Plan | Refusal:
    """In the template, which brings it to all pods there will be."""
    outcomes = _raise_all(settings, container, template_fields.resources_of(live.template))
    fields = _fields(container, outcomes)
    if not fields:
        return _refuse(container, outcomes)
    placement = _place(live, fields, situation)
    room = situation.surroundings.rooms.get(placement.key, Room())
    if room.refusal:
        reason = reasons.NO_ROOM_ON_NODES if room.is_full else reasons.NO_NODE_LARGE_ENOUGH
        return Refusal(reason=reason, message=f"{container}: {room.refusal}")
    return Plan(
        changes=(template_fields.to(fields, live, replaces_stuck_pods=live.ordered),),
        summary=_say(container, outcomes, settings) + rollout_restart.say_held(live) + _say_unknown(room),
        revert=lending.revert(settings, now),
        placement=placement,
    )


def _place(live: Workload, fields: Mapping[str, str], situation: Situation) -> Placement:
    """The pods that the rollout would make. One of a DaemonSet must go where the old one was."""
    return Placement(
        template=template_fields.with_values(live.template, fields),
        raised=tuple(sorted({name.rpartition(".")[2] for name in fields})),
        runs_on=frozenset(pod.node for pod in situation.snapshot.pods if pod.is_active and pod.node),
        replaces=frozenset(pod.uid for pod in situation.snapshot.pods),
        on_each=live.ref.kind == "DaemonSet",
    )


def _say_unknown(room: Room) -> str:
    return f"; whether a node can hold its pods is not known: {room.unknown}" if room.unknown else ""


def _in_place(settings: AdjustResources, container: str, situation: Situation, now: datetime) -> Plan | Refusal | str:
    """In the pods that run now, by what each of them has; or why it cannot be done in all of them."""
    pods = _own_pods(situation)
    if not 0 < len(pods) <= MAX_CHANGES:
        return f"it has {len(pods)} pods, and a step resizes 1 to {MAX_CHANGES}"
    stored = [situation.surroundings.objects.get(PODS.named(pod.name), {}) for pod in pods]
    if not all(stored):
        return "not all of its pods can be read"
    why_not = next(filter(None, (resize.why_not(pod, container, settings.wanted) for pod in stored)), "")
    if why_not:
        return why_not
    outcomes = [_raise_all(settings, container, template_fields.resources_of(pod)) for pod in stored]
    raised_pods = [(pod, outcome) for pod, outcome in zip(stored, outcomes, strict=True) if _fields(container, outcome)]
    if not raised_pods:
        return _refuse(container, outcomes[0])
    names: dict[str, list[str]] = {}
    for pod, outcome in raised_pods:
        names.setdefault(_say(container, outcome, settings), []).append(pod["metadata"]["name"])
    summary = "; ".join(f"{words}, in place, of pods {', '.join(alike)}" for words, alike in names.items())
    return Plan(
        changes=tuple(resized_pod.to(pod, _fields(container, outcome)) for pod, outcome in raised_pods),
        summary=f"{summary}: for as long as they are there, since the template stays as it is",
        revert=lending.revert(settings, now),
    )


def _own_pods(situation: Situation) -> list[Pod]:
    pods = [pod for pod in situation.snapshot.pods if pod.is_active and pod.owner is not None]
    return sorted(pods, key=lambda pod: (pod.created_at, pod.name))


def _objects(settings: AdjustResources, situation: Situation) -> tuple[tuple[Resource, str], ...]:
    """Its pods, read anew since streams do not keep resources; none if there are more than a step may resize."""
    pods = _own_pods(situation) if settings.in_place != "Never" else []
    return tuple((PODS, pod.name) for pod in pods) if len(pods) <= MAX_CHANGES else ()


def _raise_all(settings: AdjustResources, container: str, has: Mapping[str, str]) -> dict[str, Raised]:
    return {resource: _raise(resource, amount, container, has) for resource, amount in settings.wanted.items()}


def _fields(container: str, outcomes: Mapping[str, Raised]) -> dict[str, str]:
    """What is written, by field."""
    return {
        f"{container}.resources.{kind}.{resource}": after
        for resource, outcome in outcomes.items()
        for kind, (_, after) in outcome.values.items()
    }


def _refuse(container: str, outcomes: Mapping[str, Raised]) -> Refusal:
    reason = next(outcome.why_not for outcome in outcomes.values())
    return Refusal(reason=reason, message=f"{container}: {'; '.join(_say_what_stays(outcomes))}")


def _raise(resource: str, amount: Amount, container: str, has: Mapping[str, str]) -> Raised:
    limit, request = (has.get(f"{container}.resources.{kind}.{resource}") for kind in ("limits", "requests"))
    return raised(resource, amount, limit, request)


def _refuse_owned(settings: AdjustResources, container: str, live: Workload, situation: Situation) -> Refusal | None:
    """Refuse where a VerticalPodAutoscaler writes what is to be raised, and where that cannot be known."""
    scalers = situation.surroundings.lists.get(SCALERS.plural)
    if scalers is None:
        message = f"whether a VerticalPodAutoscaler owns the resources of {live.ref} is not known: none may be read"
        return Refusal(reason=reasons.VPA_OWNED, message=message)
    for scaler in scalers:
        written = vertical_autoscaler.written_resources(scaler, live.ref, container) & settings.wanted.keys()
        if written:
            owner = f"VerticalPodAutoscaler {scaler['metadata']['name']}"
            message = f"the {' and '.join(sorted(written))} of {container} belongs to {owner}"
            fix = "change its bounds, or set its updateMode, or that container's mode, to Off"
            return Refusal(reason=reasons.VPA_OWNED, message=f"{message}: {fix}")
    return None


def _say(container: str, outcomes: Mapping[str, Raised], settings: AdjustResources) -> str:
    """`raise app: memory limit 512Mi -> 768Mi, memory request 256Mi -> 384Mi (1h)`."""
    moved = [
        f"{resource} {kind.removesuffix('s')} {before} -> {after}"
        for resource, outcome in outcomes.items()
        for kind, (before, after) in outcome.values.items()
    ]
    return "; ".join([f"raise {container}: {', '.join(moved)}{lending.say(settings)}", *_say_what_stays(outcomes)])


def _say_what_stays(outcomes: Mapping[str, Raised]) -> list[str]:
    return [outcome.stays for outcome in outcomes.values() if outcome.stays]


ACTION = Action(
    key="adjustResources",
    settings=AdjustResources,
    changes=(template_fields.CHANGE, resized_pod.CHANGE),
    rights=(*template_fields.CHANGE.rights, *_IN_PLACE),
    traits=ActionTraits(name="adjustResources", changes_template=True, replaces_pods=True),
    needs_room=lambda _settings: True,
    weighs_nodes=True,
    plan=plan,
    objects=_objects,
    lists=(SCALERS,),
    reads=(
        Right(group=SCALERS.group, resource=SCALERS.plural, verb="list"),
        Right(group=NODES.group, resource=NODES.plural, verb="list"),
        Right(group=PODS.group, resource=PODS.plural, verb="list"),  # of others, on these nodes
        Right(group="", resource="configmaps", verb="get"),  # of an autoscaler of nodes
    ),
)
