"""Only an undo condemns a template, and only the one that it gave up."""

from dataclasses import replace

import pytest

from platelet.core import abandoned_templates
from platelet.model.intent import TEMPLATE, PinnedChange
from platelet.model.remediation import VerdictName
from platelet.model.revision import Health
from tests.unit.pins import restarted, restored, scaled
from tests.unit.situations import BAD, GOOD, NOW, a_remediation, a_situation, a_status, a_well_workload, an_attempt


def lessons(*changes: PinnedChange, verdict: VerdictName | None = None) -> list[tuple[str, Health]]:
    """What records are marked with after an attempt of these changes."""
    status = a_status(attempts=(an_attempt(changes=changes, verdict=verdict),))
    situation = a_situation(remediation=a_remediation(status=status), workload=a_well_workload(template_hash="written"))
    return [(mark.record, mark.health) for mark in abandoned_templates.marks(situation, status, NOW)]


VERDICTS: dict[VerdictName | None, Health] = {"Recovered": "Bad", "Failed": "Suspect", None: "Suspect"}


@pytest.mark.parametrize(("verdict", "health"), VERDICTS.items())
def test_what_an_undo_has_left_is_condemned_by_what_came_of_it(verdict: VerdictName | None, health: Health) -> None:
    assert lessons(*restored(GOOD), verdict=verdict) == [(f"api-{BAD}", health)]


@pytest.mark.parametrize("change", [*restarted("s"), *scaled(5)])
def test_what_writes_no_template_condemns_none(change: PinnedChange) -> None:
    assert lessons(change, verdict="Recovered") == []


def test_a_template_that_was_written_for_another_reason_is_the_teams_own() -> None:
    """More memory for a container, say: what was there before has not failed as a release."""
    (undo,) = restored("written")
    raised = replace(undo, kind="RaiseMemory", abandons="")
    assert raised.meant == {TEMPLATE: "written"}
    assert lessons(raised, verdict="Recovered") == []
