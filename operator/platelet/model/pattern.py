"""Regular expressions that users write: RE2, which never takes more than linear time, and of a bounded size."""

import functools
from typing import Any, Final

import re2

_MEMORY: Final = 64 << 10  # bytes of one: hundreds of names side by side; 1,000 repeated characters are too many
_KEPT: Final = 1024


class InvalidPatternError(ValueError):
    """It cannot be compiled, or not within its bounds; the message says why."""


@functools.lru_cache(maxsize=_KEPT)
def compiled(text: str) -> Any:
    """Compile it. Raises InvalidPatternError."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        return re2.compile(text, options)
    except (re2.error, UnicodeError) as error:
        reason = error.args[0].decode("utf-8", "replace") if isinstance(error.args[0], bytes) else str(error)
        raise InvalidPatternError(reason) from None
