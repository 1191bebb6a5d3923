"""Values of the model's dataclasses for tests: any value (Hypothesis), or one in which every field is filled."""

import dataclasses
import types
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st
from pydantic import TypeAdapter

from platelet.model.autoscaler import Bounds
from platelet.model.blocking import Block, BlockingQuery, FiringAlert, RunningWork
from platelet.model.budget import BudgetSpec
from platelet.model.intent import ObjectRef, PinnedChange
from platelet.model.remediation import Attempt
from tests.unit.pins import bounds_set, restarted, restored, scaled

T = TypeVar("T")
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
_RAISED = Bounds(kind="ScaledObject", name="api", uid="u", min=5, max=8)
_BEFORE = replace(_RAISED, min=2, max=None)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
_SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: st.integers(1, 100),
    bool: st.booleans(),
    datetime: st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds
    timedelta: st.integers(1000, 86_400_000).map(lambda count: timedelta(milliseconds=count)),
    Mapping: st.dictionaries(st.text(max_size=8), JSON, max_size=3),
}
_SAMPLES: dict[Any, Any] = {
    str: "sample",
    int: 6,  # also of a level, of which there are so many at most
    bool: True,
    datetime: NOW,
    timedelta: timedelta(minutes=90),
    Mapping: {"name": "sample", "nested": {"kept": True}},
    Path: Path("/sample"),
}


def as_people_write(spec: BudgetSpec) -> dict[str, Any]:
    """A budget's spec, which platelet itself never writes."""
    body: dict[str, Any] = TypeAdapter(BudgetSpec).dump_python(spec, mode="json", by_alias=True, exclude_none=True)
    return body


def any_of(cls: type[T]) -> st.SearchStrategy[T]:
    """Any value of a dataclass of the model."""
    hints = get_type_hints(cls)
    return st.builds(cls, **{field.name: _strategy(hints[field.name]) for field in _fields(cls)})


def filled(cls: type[T]) -> T:
    """A value in which every optional field is set and every list has an entry."""
    hints = get_type_hints(cls)
    return cls(**{field.name: _sample(hints[field.name]) for field in _fields(cls)})


_CHANGES: st.SearchStrategy[tuple[PinnedChange, ...]] = st.lists(
    st.sampled_from(
        (*restored("good", "api-good"), *restarted("s", stuck=True), *scaled(5), *bounds_set(_RAISED, _BEFORE))
    ),
    min_size=1,
    max_size=2,
).map(tuple)
"""Whatever is pinned is of a kind, and has its values: anything else is refused."""


_BLOCKS = (
    Block(alert=FiringAlert(matchers=('alertname="DatabaseDown"',))),
    Block(query=BlockingQuery(query="lag", above=1.5)),
    Block(running=RunningWork(match_labels={"app": "backup"})),
)
"""Of each kind one: none may be of several."""


def _strategy(hint: Any) -> st.SearchStrategy[Any]:
    hint, origin = _plain(hint)
    if hint is Attempt:
        return st.deferred(lambda: any_of(Attempt).map(lambda attempt: replace(attempt, made=len(attempt.changes) - 1)))
    if get_args(hint)[:1] == (PinnedChange,):
        return _CHANGES
    if hint is Block:
        return st.sampled_from(_BLOCKS)
    if origin is Literal:
        return st.sampled_from(get_args(hint))
    if origin in (Union, types.UnionType):
        members = [member for member in get_args(hint) if member is not types.NoneType]
        return st.none() | _strategy(members[0])
    if origin is tuple:
        return st.lists(_strategy(get_args(hint)[0]), min_size=1, max_size=2).map(tuple)
    if dataclasses.is_dataclass(hint):
        return st.deferred(lambda: any_of(hint))  # type: ignore[arg-type]
    if origin is Mapping and get_args(hint)[1] is not Any:
        return st.dictionaries(TEXTS, _strategy(get_args(hint)[1]), max_size=3)
    return _SCALARS[origin or hint]


def _sample(hint: Any) -> Any:
    hint, origin = _plain(hint)
    if hint is Attempt:
        return replace(filled(Attempt), made=1)
    if get_args(hint)[:1] == (PinnedChange,):
        return (_sample(PinnedChange), *bounds_set(_RAISED, _BEFORE))
    if hint is PinnedChange:
        return replace(restored("good", "api-good", stuck=True)[0], object=filled(ObjectRef))
    if hint is Block:
        return _BLOCKS[0]
    if origin is Literal:
        return get_args(hint)[-1]
    if origin in (Union, types.UnionType):
        return _sample(next(member for member in get_args(hint) if member is not types.NoneType))
    if origin is tuple:
        return (_sample(get_args(hint)[0]),)
    if dataclasses.is_dataclass(hint):
        return filled(hint)  # type: ignore[arg-type]
    if origin is Mapping and get_args(hint)[1] is not Any:
        return {"name": _sample(get_args(hint)[1])}
    return _SAMPLES[origin or hint]


def _plain(hint: Any) -> tuple[Any, Any]:
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    origin = get_origin(hint)
    return hint, Mapping if origin is not None and origin not in (tuple, Literal, Union) and _is_map(origin) else origin


def _is_map(origin: Any) -> bool:
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _fields(cls: type[Any]) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(cls)
