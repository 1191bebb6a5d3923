"""Sinks: WHERE people are told. Each file says what it may tell, how it renders that, and what a crash may repeat.

Belongs here: places where people are told, one file each with its `SINK`, one name in `SINKS`.
Does not belong here: what becomes true and when it is due (core), how a request is sent (shell).
"""

from platelet.model.notice import Notice
from platelet.model.rules import Sink
from platelet.sinks import alertmanager, annotation, event, pagerduty, slack, webhook
from platelet.sinks.annotation import scrub

__all__ = ["SINKS", "Notice", "scrub"]

SINKS: tuple[Sink, ...] = (annotation.SINK, event.SINK, webhook.SINK, pagerduty.SINK, slack.SINK, alertmanager.SINK)
