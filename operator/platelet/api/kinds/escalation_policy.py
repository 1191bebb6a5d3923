"""The EscalationPolicy: who is told of an incident, level by level, and by which sinks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import ConfigDict, Field, TypeAdapter

from platelet.api.kinds import invalid, unions
from platelet.callbacks import CALLBACKS
from platelet.model import constraint
from platelet.model.constraint import Rule
from platelet.model.escalation_levels import MAX_LEVELS, MAX_SINKS, Level, SinkName
from platelet.model.message_template import NoticeTemplate
from platelet.model.near_names import nearest
from platelet.model.reply import Through
from platelet.model.request import SecretKey
from platelet.sinks import SINKS

KINDS_OF_SINK = {sink.name: sink.settings for sink in SINKS if sink.settings is not None}
SINK = unions.Union(
    name="SinkSpec",
    doc="One place where people are told, under a name of its own.",
    kinds=KINDS_OF_SINK,
    none=f"a sink needs its kind: {' or '.join(KINDS_OF_SINK)}",
    several="a sink is one place: write one entry of the list for each",
    shared=(
        ("name", Annotated[SinkName, Field(description="What levels and records call it.")], field()),
        (
            "template",
            Annotated[
                NoticeTemplate | None,
                Field(description="What it is told in your own words, as Jinja2 templates. Absent: in platelet's."),
            ],
            field(default=None),
        ),
    ),
)
ANSWERS = {callback.name: callback for callback in CALLBACKS}
CALLBACK = unions.Union(
    name="CallbacksSpec",
    doc="What comes back from places where people are told.",
    kinds={name: callback.settings for name, callback in ANSWERS.items()},
    none=f"callbacks without a place: add {' or '.join(ANSWERS)}, or take `callbacks` away",
)
if TYPE_CHECKING:
    SinkSpec = Any
    CallbacksSpec = Any
else:
    SinkSpec = SINK.build()
    CallbacksSpec = CALLBACK.build()


def _overlap(one: Level, other: Level) -> bool:
    return not one.severities or not other.severities or bool(set(one.severities) & set(other.severities))


def _is_out_of_order(spec: "EscalationPolicySpec") -> bool:
    times = [level.after for level in spec.levels]
    return times != sorted(times)


def _has_two_at_once(spec: "EscalationPolicySpec") -> bool:
    pairs = ((one, other) for place, one in enumerate(spec.levels) for other in spec.levels[place + 1 :])
    return any(one.after == other.after and _overlap(one, other) for one, other in pairs)


_RULES = (
    Rule(
        cel="self.levels.map(level, duration(level.after)).isSorted()",
        broken=_is_out_of_order,
        message="levels are written in the order of their `after`: each later than the one before",
    ),
    Rule(
        cel="self.levels.all(one, self.levels.filter(other, duration(other.after) == duration(one.after) && "
        "(!has(one.severities) || !has(other.severities) || [one, other].exists(level, size(level.severities) == 0) || "
        "one.severities.exists(word, word in other.severities))).size() == 1)",
        broken=_has_two_at_once,
        message="two levels have the same `after`: make the second one later, or write different severities",
    ),
    Rule(
        cel="self.levels.all(level, level.sinks.all(name, self.sinks.exists(sink, sink.name == name)))",
        broken=lambda spec: bool(list(_unknown_sinks(spec))),
        message="a level names a sink that spec.sinks does not have: add it there, or correct the name",
        say=lambda spec: _say_unknown_sink(spec, next(_unknown_sinks(spec))),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationPolicySpec:
    """Who is told, and when."""

    sinks: Annotated[
        tuple[SinkSpec, ...],
        Field(
            min_length=1,
            max_length=MAX_SINKS,
            description="Where people are told.",
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ]
    levels: Annotated[
        tuple[Level, ...],
        Field(
            min_length=1,
            max_length=MAX_LEVELS,
            description="When each of them is told. Who was told also hears the end.",
            json_schema_extra={"x-kubernetes-list-type": "atomic"},
        ),
    ]
    callbacks: Annotated[
        CallbacksSpec | None,
        Field(
            description="From where people may answer, beside kubectl: who acknowledges there has acknowledged here. "
            "It needs listen.callbacks in the operator's settings."
        ),
    ] = None

    __pydantic_config__: ClassVar[ConfigDict] = constraint.ruled(*_RULES)

    def __post_init__(self) -> None:
        """Hold the rules where no API server has. Raises ValueError."""
        constraint.hold(self, *_RULES)


def _say_unknown_sink(spec: "EscalationPolicySpec", name: str) -> str:
    meant = nearest(name, [sink.name for sink in spec.sinks])
    fix = f"write {meant}" if meant else "correct the name"
    return f"a level names the sink {name}, which spec.sinks does not have: add it there, or {fix}"


def _unknown_sinks(spec: EscalationPolicySpec) -> Iterator[str]:
    known = {sink.name for sink in spec.sinks}
    return (name for level in spec.levels for name in level.sinks if name not in known)


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationPolicy:
    """An EscalationPolicy as read."""

    namespace: str
    name: str
    sinks: Mapping[str, Any]  # the settings of each by its name
    levels: tuple[Level, ...]
    templates: Mapping[str, NoticeTemplate] = field(default_factory=dict)  # the words of sinks, by their names
    callbacks: Mapping[str, Any] = field(default_factory=dict)  # the settings of each by its name

    def sinks_of(self, callback: str) -> tuple[str, ...]:
        """The names of the sinks whose people a callback hears."""
        kind = KINDS_OF_SINK[callback]
        return tuple(name for name, settings in self.sinks.items() if isinstance(settings, kind))

    def through(self, callback: str) -> Through:
        """By what its answers are judged."""
        approvers = ANSWERS[callback].approvers
        listed = approvers(self.callbacks[callback]) if approvers is not None else ()
        return Through(sinks=self.sinks_of(callback), approvers=listed)

    def keys_of(self, callback: str) -> tuple[SecretKey, ...]:
        """What signs a callback's requests; nothing where there is no such callback."""
        settings = self.callbacks.get(callback)
        references = ANSWERS[callback].keys(settings) if settings is not None else ()
        return tuple(reference.within(self.namespace) for reference in references)


_SPEC = TypeAdapter(EscalationPolicySpec)


def read_escalation_policy(obj: Mapping[str, Any]) -> EscalationPolicy:
    """Read one. Raises InvalidSpec that names the field, the value and the fix; KeyError without metadata."""
    metadata = obj["metadata"]
    spec = invalid.read(_SPEC, invalid.mapping(obj.get("spec"), "spec"), "spec")
    names = [sink.name for sink in spec.sinks]
    for name in names:
        if names.count(name) > 1:
            raise invalid.InvalidSpec(f"spec.sinks: {name!r} is the name of two sinks: rename one of them")
    return EscalationPolicy(
        namespace=metadata["namespace"],
        name=metadata["name"],
        sinks={sink.name: SINK.chosen(sink)[1] for sink in spec.sinks},
        levels=spec.levels,
        templates={sink.name: sink.template for sink in spec.sinks if sink.template is not None},
        callbacks=CALLBACK.all_chosen(spec.callbacks) if spec.callbacks is not None else {},
    )
