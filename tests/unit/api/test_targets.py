"""Who is a target: Kubernetes' label selectors, names, or all; and never all by accident."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from platelet.api.kinds import invalid
from platelet.api.kinds.targets import NO_TARGETS, Targets, WorkloadName
from platelet.api.readers import selectors
from platelet.api.readers.selectors import LabelSelector, MatchExpression

ADAPTER = TypeAdapter(Targets)
KEYS = st.sampled_from(["app", "tier", "team"])
VALUES = st.sampled_from(["api", "web", ""])
LABELS = st.dictionaries(KEYS, VALUES, max_size=3)
EXPRESSIONS = st.one_of(
    st.builds(
        MatchExpression,
        key=KEYS,
        operator=st.sampled_from(["In", "NotIn"]),
        values=st.lists(VALUES, min_size=1, max_size=2, unique=True).map(tuple),
    ),
    st.builds(MatchExpression, key=KEYS, operator=st.sampled_from(["Exists", "DoesNotExist"])),
)
SELECTORS = st.builds(
    lambda labels, demands: LabelSelector(match_labels=labels, match_expressions=tuple(demands)),
    LABELS.filter(bool),
    st.lists(EXPRESSIONS, max_size=3),
)


def meets(labels: dict[str, str], demand: MatchExpression) -> bool:
    """Apimachinery's Requirement.Matches, said once more in other words."""
    value = labels.get(demand.key)
    return {
        "In": value is not None and value in demand.values,
        "NotIn": value is None or value not in demand.values,
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }[demand.operator]


@given(selector=SELECTORS, labels=LABELS)
def test_a_selector_means_what_it_means_in_kubernetes(selector: LabelSelector, labels: dict[str, str]) -> None:
    """All of matchLabels and all of matchExpressions."""
    pairs = all(item in labels.items() for item in selector.match_labels.items())
    demands = all(meets(labels, demand) for demand in selector.match_expressions)
    assert selectors.matches(selector, labels) == (pairs and demands)


@given(selector=SELECTORS, labels=LABELS, more=LABELS)
def test_a_demand_more_never_chooses_more(
    selector: LabelSelector, labels: dict[str, str], more: dict[str, str]
) -> None:
    """Adding to matchLabels narrows."""
    narrower = LabelSelector(
        match_labels={**more, **selector.match_labels}, match_expressions=selector.match_expressions
    )
    assert not selectors.matches(narrower, labels) or selectors.matches(selector, labels)


@given(labels=LABELS, name=VALUES, kind=st.sampled_from(["Deployment", "StatefulSet", "DaemonSet", ""]))
def test_of_a_policy_without_targets_nothing_is_one(labels: dict[str, str], name: str, kind: str) -> None:
    """TRAPS 29: nothing is never all."""
    assert not NO_TARGETS.matches(labels, name, kind)
    assert NO_TARGETS.all_kinds == ()


@pytest.mark.parametrize("empty", [{}, {"matchLabels": {}}, {"matchLabels": {}, "matchExpressions": []}])
def test_an_empty_selector_is_an_error_also_here(empty: dict[str, Any]) -> None:
    """TRAPS 29: where no API server has looked, in files and tests, empty is not all either."""
    with pytest.raises(invalid.InvalidSpec, match=r"spec\.targets\.selector: an empty selector chooses nothing"):
        invalid.read(ADAPTER, {"selector": empty}, "spec.targets")


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ({}, "spec.targets: say which workloads"),
        ({"all": True, "refs": [{"kind": "Deployment", "name": "a"}]}, "spec.targets: choose the workloads in one way"),
        ({"all": False}, "spec.targets.all: false should be True"),
        ({"refs": []}, "spec.targets.refs: has 0 entries: write at least 1"),
        (
            {"all": True, "kinds": ["Pod"]},
            "spec.targets.kinds[0]: 'Pod' should be 'Deployment', 'StatefulSet' or 'DaemonSet'",
        ),
        (
            {"refs": [{"kind": "Job", "name": "a"}]},
            "spec.targets.refs[0].kind: 'Job' should be 'Deployment', 'StatefulSet' or 'DaemonSet'",
        ),
        ({"selector": {"matchLabels": {"a": 1}}}, "spec.targets.selector.matchLabels.a: 1 is not text"),
        ({"al": True}, "spec.targets.al: is not a known field"),
    ],
)
def test_bad_targets_say_what_to_write(targets: dict[str, Any], message: str) -> None:
    """Field, value and fix."""
    with pytest.raises(invalid.InvalidSpec) as failed:
        invalid.read(ADAPTER, targets, "spec.targets")
    assert message in str(failed.value)


@given(labels=LABELS, name=VALUES)
def test_all_is_all_of_the_kinds(labels: dict[str, str], name: str) -> None:
    """Whatever the labels; but not another kind."""
    targets = Targets(all=True)
    assert targets.matches(labels, name, "Deployment")
    assert not targets.matches(labels, name, "StatefulSet")


@given(labels=LABELS)
def test_refs_are_exact(labels: dict[str, str]) -> None:
    """By kind and name, whatever the labels."""
    targets = Targets(refs=(WorkloadName(kind="Deployment", name="api"),))
    assert targets.matches(labels, "api", "Deployment")
    assert not targets.matches(labels, "api-2", "Deployment")
    assert not targets.matches(labels, "api", "StatefulSet")


@given(selector=SELECTORS, labels=LABELS)
def test_a_selector_chooses_among_its_kinds(selector: LabelSelector, labels: dict[str, str]) -> None:
    """The labels decide, and the kind."""
    targets = Targets(selector=selector)
    assert targets.matches(labels, "any", "Deployment") == selectors.matches(selector, labels)
    assert not targets.matches(labels, "any", "StatefulSet")
