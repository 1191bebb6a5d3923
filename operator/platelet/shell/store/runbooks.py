"""What every Runbook says, and which of its checks can tell nothing: read and checked."""

from platelet.api.kinds import caveats, runbook
from platelet.api.kinds.caveats import Caveat
from platelet.api.kinds.conditions import Readiness
from platelet.api.kinds.invalid import InvalidSpec
from platelet.model import reasons
from platelet.model.outside import Outside
from platelet.shell.kube import Json


def read(stored: Json | None) -> tuple[runbook.Runbook | None, str]:
    """The Runbook, or why it cannot be read; (None, '') when there is none."""
    if stored is None:
        return None, ""
    try:
        return runbook.read_runbook(stored), ""
    except InvalidSpec as error:
        return None, str(error)


def judge(stored: Json, outside: Outside | None) -> tuple[Readiness, tuple[Caveat, ...]]:
    """Judge one, with its caveats."""
    book, error = read(stored)
    if book is None:
        return Readiness(ready=False, reason=reasons.INVALID_SPEC, message=error), ()
    readiness = runbook.check_runbook(book, outside)
    return readiness, caveats.find_in_runbook(runbook.read_steps(book.steps), outside) if readiness.ready else ()
