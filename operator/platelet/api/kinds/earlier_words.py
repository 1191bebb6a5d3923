"""The words by which earlier versions have stored a revert, read as those of today: what is owed stays owed.

They were `TakeBack` and `takeBack`; a step whose proof failed said `onFailure: Undo`, and stood in `undoing`. They are
read wherever they are still on record, and never written. A Runbook that people write must say `Revert`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

Raw = Mapping[str, Any]
UNDO: Final = "Undo"
REVERT: Final = "Revert"
_TAKE_BACK: Final = {"TakeBack": REVERT, "takeBack": "revert"}
_ON_FAILURE: Final = {UNDO: REVERT}
_FIELDS: Final = {"takeBack": "revert", "undoing": "reverting", "takenBackAt": "revertedAt"}


def read_spec(spec: Any) -> Any:
    """The spec of a Remediation: what it was opened for, and the steps that it has pinned."""
    return _each(_within(spec, "signal", lambda signal: _value(signal, "source", _TAKE_BACK)), "steps", _step)


def read_status(status: Any) -> Any:
    """The status of a Remediation."""
    read = _each(_each(_fields(status), "attempts", _of_kind), "steps", _step)
    read = _each(read, "evidence", lambda fact: _value(fact, "source", _TAKE_BACK))
    return _each(read, "decisions", lambda decision: _value(decision, "by", _TAKE_BACK))


def read_budget_spec(spec: Any) -> Any:
    """The spec of an ActionBudget: what people want of temporary changes before platelet is removed."""
    return _within(spec, "suspended", lambda suspended: _value(suspended, "leaving", _TAKE_BACK))


def read_budget_status(status: Any) -> Any:
    """The status of an ActionBudget."""
    return _each(status, "entries", _of_kind)


def _of_kind(stored: Any) -> Any:
    """An attempt, or its place on the budget."""
    return _value(_fields(stored), "kind", _TAKE_BACK)


def _step(step: Any) -> Any:
    return _value(step, "onFailure", _ON_FAILURE)


def _fields(stored: Any) -> Any:
    """Name the fields as today. What stands there under both names is the newer one's."""
    if not isinstance(stored, Mapping) or not any(name in stored for name in _FIELDS):
        return stored
    earlier = {_FIELDS[name]: value for name, value in stored.items() if name in _FIELDS}
    return {**earlier, **{name: value for name, value in stored.items() if name not in _FIELDS}}


def _value(stored: Any, name: str, words: Mapping[str, str]) -> Any:
    """Say the value of a field by the word of today."""
    if not isinstance(stored, Mapping) or stored.get(name) not in tuple(words):
        return stored
    return {**stored, name: words[stored[name]]}


def _within(stored: Any, name: str, read: Callable[[Any], Any]) -> Any:
    if not isinstance(stored, Mapping) or name not in stored:
        return stored
    inner = read(stored[name])
    return stored if inner is stored[name] else {**stored, name: inner}


def _each(stored: Any, name: str, read: Callable[[Any], Any]) -> Any:
    def read_all(entries: Any) -> Any:
        return [read(entry) for entry in entries] if isinstance(entries, list) else entries

    return _within(stored, name, read_all)
