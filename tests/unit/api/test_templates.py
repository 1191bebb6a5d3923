"""A template's name: its meaning, and nothing else."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.api.templates import POD_TEMPLATE_HASH, RESTARTED_AT, hash_template
from tests.unit.api.values import JSON, TEXTS

TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app": "api"}, "annotations": {"team": "shop"}},
    "spec": {"containers": [{"name": "api", "image": "api:1", "env": [{"name": "A", "value": "1"}]}]},
}
TEMPLATES = st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries(
            {}, optional={"labels": st.dictionaries(TEXTS, TEXTS), "annotations": st.dictionaries(TEXTS, TEXTS)}
        ),
        "spec": st.dictionaries(st.text(max_size=8), JSON, max_size=4),
    }
)


def changed(path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """TEMPLATE with one thing set."""
    template = copy.deepcopy(TEMPLATE)
    place: Any = template
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return template


@given(template=TEMPLATES, stamp=TEXTS, number=TEXTS)
def test_a_restart_and_the_controllers_label_are_no_change(template: dict[str, Any], stamp: str, number: str) -> None:
    """TRAPS 2: the newest ReplicaSet after a restart carries the same release."""
    stamped = copy.deepcopy(template)
    stamped["metadata"].setdefault("annotations", {})[RESTARTED_AT] = stamp
    stamped["metadata"].setdefault("labels", {})[POD_TEMPLATE_HASH] = number
    bare = copy.deepcopy(template)
    bare["metadata"].get("annotations", {}).pop(RESTARTED_AT, None)
    bare["metadata"].get("labels", {}).pop(POD_TEMPLATE_HASH, None)
    assert hash_template(stamped) == hash_template(bare)


@given(template=TEMPLATES)
def test_the_order_of_keys_does_not_matter(template: dict[str, Any]) -> None:
    """JSON objects have no order."""
    turned = dict(reversed(list(template.items())))
    turned["spec"] = dict(reversed(list(template["spec"].items())))
    assert hash_template(turned) == hash_template(template)


@given(template=TEMPLATES)
def test_hashing_changes_nothing(template: dict[str, Any]) -> None:
    """The template that is read is the one that will be restored."""
    before = copy.deepcopy(template)
    hash_template(template)
    assert template == before


@pytest.mark.parametrize(
    "same",
    [
        changed(("metadata", "creationTimestamp"), None),
        changed(("spec", "nodeSelector"), None),
        changed(("metadata", "labels", POD_TEMPLATE_HASH), "5d4f"),
        changed(("metadata", "annotations", RESTARTED_AT), "2026-11-21T08:00:00Z"),
    ],
    ids=["creationTimestamp: null", "a null", "pod-template-hash", "restartedAt"],
)
def test_what_means_the_same_has_the_same_name(same: dict[str, Any]) -> None:
    """The API server writes these in one place and drops them in another."""
    assert hash_template(same) == hash_template(TEMPLATE)


@pytest.mark.parametrize("metadata", [{}, None, {"annotations": {}}, {"labels": {}, "annotations": None}])
def test_empty_metadata_equals_none(metadata: Any) -> None:
    """`annotations: {}` and no annotations are the same template."""
    assert hash_template({"metadata": metadata, "spec": {"a": 1}}) == hash_template({"spec": {"a": 1}})


@pytest.mark.parametrize(
    "other",
    [
        changed(("spec", "containers", 0, "image"), "api:2"),
        changed(("spec", "containers", 0, "env", 0, "value"), "2"),
        changed(("metadata", "labels", "app"), "web"),
        changed(("metadata", "annotations", "team"), "ops"),
        changed(("spec", "containers", 0, "env"), []),
        changed(("spec", "nodeSelector"), {}),
    ],
    ids=["image", "env value", "label", "annotation", "an emptied list", "an empty map in the spec"],
)
def test_what_means_something_else_has_another_name(other: dict[str, Any]) -> None:
    """A change that replaces pods is a change."""
    assert hash_template(other) != hash_template(TEMPLATE)


def test_the_name_is_stable_over_versions_of_platelet() -> None:
    """Records of an older platelet must still be found: a new recipe would forget which templates are bad."""
    assert hash_template(TEMPLATE) == "974c8b8b58c41a7d"


@given(junk=st.dictionaries(st.text(max_size=8), JSON, max_size=4))
def test_any_json_has_a_name(junk: dict[str, Any]) -> None:
    """A malformed template is no reason to stop."""
    assert len(hash_template(junk)) == 16
