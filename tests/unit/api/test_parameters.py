"""Parameters of a runbook by hand: within what its author has written, else refused with the bounds."""

from typing import Any

import pytest

from platelet.api.kinds import parameters, runbook
from platelet.api.kinds.invalid import InvalidSpec

UNDO = {"name": "undo", "rolloutUndo": {"ifUnknown": "Previous"}}
RESTART = {"name": "restart", "rolloutRestart": {}}
MORE = {"name": "more", "when": "target.replicas < 9", "scale": {"to": 4, "min": 2, "max": 10, "revertAfter": "1h"}}
BY = {"name": "by", "scale": {"by": 2, "max": 8}}
BARE = {"name": "bare", "scale": {"to": 4}}

ACCEPTED: dict[str, tuple[list[dict[str, Any]], dict[str, str], list[dict[str, Any]]]] = {
    "none: the steps are as written": ([UNDO, MORE], {}, [UNDO, MORE]),
    "a revision": (
        [UNDO, RESTART],
        {"revision": "3"},
        [{"name": "undo", "rolloutUndo": {"to": "Revision", "revision": 3}}, RESTART],
    ),
    "a number within min and max": (
        [MORE],
        {"replicas": "10"},
        [
            {
                **MORE,
                "scale": {
                    "to": 10,
                    "min": 2,
                    "max": 10,
                    "revertAfter": "1h",
                    "allowZero": False,
                    "revertWhenResolved": False,
                },
            }
        ],
    ),
    "a number in place of a difference": (
        [BY],
        {"replicas": "1"},
        [{"name": "by", "scale": {"to": 1, "max": 8, "allowZero": False, "revertWhenResolved": False}}],
    ),
    "a number below that of the step": (
        [BARE],
        {"replicas": "3"},
        [{"name": "bare", "scale": {"to": 3, "allowZero": False, "revertWhenResolved": False}}],
    ),
    "two, for two steps": (
        [UNDO, BARE],
        {"revision": "1", "replicas": "4"},
        [
            {"name": "undo", "rolloutUndo": {"to": "Revision", "revision": 1}},
            {"name": "bare", "scale": {"to": 4, "allowZero": False, "revertWhenResolved": False}},
        ],
    ),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_step_takes_its_parameter_and_keeps_all_else(name: str) -> None:
    """What comes out is a step as a Runbook could have it: it can be pinned and read."""
    steps, given, expected = ACCEPTED[name]
    applied = parameters.apply(steps, given)
    assert list(applied) == expected
    runbook.read_steps(applied)


REFUSED: dict[str, tuple[list[dict[str, Any]], dict[str, str], str]] = {
    "one that no step takes": (
        [UNDO],
        {"replicas": "3"},
        "parameters.replicas: no step of this Runbook takes it; those that it takes: revision",
    ),
    "one of a Runbook that takes none": (
        [RESTART],
        {"x": "1"},
        "parameters.x: no step of this Runbook takes it; those",
    ),
    "more than max": ([MORE], {"replicas": "11"}, "parameters.replicas: '11' is no number from 2 to 10, the bounds"),
    "fewer than min": ([MORE], {"replicas": "1"}, "'1' is no number from 2 to 10"),
    "switching off": ([BARE], {"replicas": "0"}, "'0' is no number from 1 to 4"),
    "more than a step without max": ([BARE], {"replicas": "5"}, "'5' is no number from 1 to 4"),
    "a step that leaves no room": ([{"name": "b", "scale": {"by": 1}}], {"replicas": "5"}, "the step has no max"),
    "words": ([MORE], {"replicas": "many"}, "'many' is no number from 2 to 10"),
    "digits of another script": ([MORE], {"replicas": "\u0665"}, "is no number from 2 to 10"),
    "a revision that is no number": ([UNDO], {"revision": "api-1"}, "'api-1' is no number of a revision"),
    "revision nought": ([UNDO], {"revision": "0"}, "'0' is no number of a revision"),
    "a revision beyond all": ([UNDO], {"revision": "9" * 30}, "is no number of a revision"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_author_did_not_mean_is_refused_with_the_bounds(name: str) -> None:
    """Nobody gets more by a parameter than by the Runbook itself."""
    steps, given, words = REFUSED[name]
    with pytest.raises(InvalidSpec) as error:
        parameters.apply(steps, given)
    assert words in str(error.value)
