"""Roles, admission policies and the table of rights are what the generator writes from what the actions declare."""

from pathlib import Path

import pytest

from platelet.actions import ACTIONS
from platelet.api.generation import cluster_role, rights
from platelet.model.rules import Action

ROOT = Path(__file__).parents[2]
FILES = rights.build()


@pytest.mark.parametrize("name", FILES)
def test_the_files_are_what_the_generator_writes(name: str) -> None:
    """Nobody edited one by hand, and nobody forgot `make crds`."""
    assert (ROOT / name).read_text() == FILES[name], "run: make crds"


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.key)
def test_what_an_action_declares_is_granted_by_a_switch_of_its_own_kind(action: Action) -> None:
    """Those of its changes: without them it could write nothing; with others the operator would have too many."""
    needed = {right.path for change in action.changes for right in change.rights}
    assert {right.path for right in action.rights} == needed
    assert {(right.group, right.path, right.verb) for right in action.rights} <= cluster_role.granted()


def test_no_right_is_a_wildcard() -> None:
    """`*` would be a right on what does not exist yet."""
    assert not [right for right in cluster_role.granted() if "*" in "".join(right)]
