"""Sinks: WHO HEARS. Each file renders a notice into effects.

Belongs here: places where people are told, one file each with one function `render`, one name in `SINKS`.
Does not belong here: when people are told and what about (core), how it is sent and retried (shell).
"""

from platelet.model.notice import Notice
from platelet.model.rules import Sink
from platelet.sinks import annotation, event, webhook
from platelet.sinks.annotation import annotate, remove_annotation, scrub
from platelet.sinks.event import render as publish
from platelet.sinks.webhook import render as deliver

__all__ = ["SINKS", "Notice", "annotate", "deliver", "publish", "remove_annotation", "scrub"]

SINKS: tuple[Sink, ...] = (
    Sink("annotation", annotation.render),
    Sink("event", event.render),
    Sink("webhook", webhook.render),
)
