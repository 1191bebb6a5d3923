"""Callbacks: WHAT COMES BACK from places where people are told. Each file says how to know it, and how to read it.

Belongs here: places where people answer, one file each with its `CALLBACK`, one name in `CALLBACKS`; each is called
like the sink whose people it hears.
Does not belong here: what an answer leads to (core), how a request is received (shell).
"""

from platelet.callbacks import pagerduty, slack
from platelet.model.rules import Callback

__all__ = ["CALLBACKS"]

CALLBACKS: tuple[Callback, ...] = (pagerduty.CALLBACK, slack.CALLBACK)
