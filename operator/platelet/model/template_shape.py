"""Parts of a pod template that may be anything: what is not of the shape that is looked for is not there."""

from collections.abc import Mapping
from typing import Any


def mapping(value: Any) -> Mapping[str, Any]:
    """Take a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def items(value: Any) -> list[Any]:
    """Take the items of a list, else none."""
    return list(value) if isinstance(value, list | tuple) else []
