"""Logs: structlog for ours, and the same pipeline for what kopf and aiohttp write by the standard library."""

import logging
import sys
from typing import Literal, TextIO

import structlog
from structlog.typing import Processor

Format = Literal["json", "console"]
_QUIET = ("kopf", "kopf.objects", "aiohttp", "aiohttp.access", "asyncio", "httpx", "httpcore", "urllib3")


def configure_logs(style: Format = "json", level: str = "INFO", stream: TextIO | None = None) -> None:
    """Set up all logging of the process, to standard error unless told otherwise. Raises ValueError on a bad level."""
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f"{level!r} is no log level: use DEBUG, INFO, WARNING or ERROR")
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_rendering(style, handler.stream))
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


def _rendering(style: Format, stream: TextIO) -> list[Processor]:
    drop = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if style == "json":
        return [drop, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    # Without frames' local variables: they may hold templates (TRAPS 48).
    plain = structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback)
    return [drop, plain]
