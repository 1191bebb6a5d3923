"""Evidence lists as the API carries them, outside of a Remediation: alerts without a target in a policy's status."""

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from platelet.model.signal import Evidence

_LIST = TypeAdapter(tuple[Evidence, ...])


def read_evidence(raw: object) -> tuple[Evidence, ...]:
    """Read a list; one that somebody has spoilt counts as empty, since it is written anew as a whole."""
    try:
        return _LIST.validate_python(raw or ())
    except ValidationError:
        return ()


def write_evidence(facts: Sequence[Evidence]) -> list[dict[str, Any]]:
    """Write a list for a status."""
    written: list[dict[str, Any]] = _LIST.dump_python(tuple(facts), mode="json", by_alias=True, exclude_none=True)
    return written
