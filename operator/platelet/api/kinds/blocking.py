"""Whether what a `blockWhile` names can ever be known."""

import re
from typing import Final

from platelet.model import reasons
from platelet.model.blocking import Block
from platelet.model.fault import Fault
from platelet.model.outside import ALERTMANAGER_FIX, Outside
from platelet.triggers import matchers

_LABEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,316}=([A-Za-z0-9][A-Za-z0-9._-]*)?")


def find_fault(block: Block, outside: Outside | None) -> Fault | None:
    """Why it would block for ever; without the operator's settings it is not judged whom it can ask."""
    if block.query is not None:
        return block.query.find_fault("a query", outside)
    if block.running is not None:
        odd = [label for label in block.running.selector.split(",") if not _LABEL.fullmatch(label)]
        message = f"running.matchLabels: {', '.join(odd)} cannot be a label: write it like app: backup"
        return Fault(reason=reasons.INVALID_SPEC, message=message) if odd else None
    if block.alert is None:
        return None
    try:
        matchers.parse_matchers(block.alert.matchers)
    except matchers.InvalidMatcherError as error:
        return Fault(reason=reasons.INVALID_MATCHER, message=str(error))
    if outside is None or outside.has_alertmanager:
        return None
    message = f"an alert is looked for at Alertmanager: {ALERTMANAGER_FIX}"
    return Fault(reason=reasons.ALERTMANAGER_NOT_CONFIGURED, message=message)
