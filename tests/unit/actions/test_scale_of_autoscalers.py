"""scale where an autoscaler owns the replicas: its bounds are raised for a time, or it is left alone (TRAPS 9, I17)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.actions.scale import Scale, plan
from platelet.changes import autoscaler_bounds, replicas
from platelet.model import reasons
from platelet.model.autoscaler import Autoscaler, AutoscalerKind, Bounds
from platelet.model.intent import PinnedChange, PreState
from platelet.model.remediation import Revert
from platelet.model.situation import Situation
from platelet.model.verdict import Plan, Refusal
from tests.unit.pins import bounds_set
from tests.unit.situations import NOW, a_policy, a_situation, a_workload, an_attempt, an_autoscaler, bounds

HPA: AutoscalerKind = "HorizontalPodAutoscaler"
HOUR = timedelta(hours=1)


def raising(kind: AutoscalerKind = HPA, **settings: Any) -> Scale:
    """Build a step that may raise the bounds of this kind for an hour."""
    return Scale(**({"revert_after": HOUR, "autoscaler": kind} | settings))


def scaled_object(least: int | None, most: int | None) -> Bounds:
    return bounds(least, most, kind="ScaledObject", name="api-so", uid="uid-so")


def of(*autoscalers: Autoscaler, has: int = 5, **changes: Any) -> Situation:
    return a_situation(workload=a_workload(replicas=has), autoscalers=autoscalers, **changes)


RAISED = {
    "the minimum, within the maximum": (raising(to=8), 5, bounds(2, 10), bounds(8, 10)),
    "the maximum too, when it is lower": (raising(to=15, max=20), 5, bounds(2, 10), bounds(15, 15)),
    "never above the step's own max": (raising(to=15, max=12), 5, bounds(2, 10), bounds(12, 12)),
    "by a number from what runs now": (raising(by=3), 5, bounds(2, 10), bounds(8, 10)),
    "by a number at the autoscaler's maximum": (raising(by=2), 10, bounds(2, 10), bounds(12, 12)),
    "a higher maximum stays, whatever the step's max is": (raising(to=8, max=9), 5, bounds(2, 30), bounds(8, 30)),
    "a ScaledObject that says nothing keeps its default maximum": (
        raising("ScaledObject", to=8),
        5,
        scaled_object(None, None),
        scaled_object(8, None),
    ),
    "a ScaledObject beyond its default maximum": (
        raising("ScaledObject", to=120),
        5,
        scaled_object(1, None),
        scaled_object(120, 120),
    ),
}


@pytest.mark.parametrize(("settings", "has", "before", "after"), RAISED.values(), ids=RAISED)
def test_raises_the_bounds_and_nothing_else(settings: Scale, has: int, before: Bounds, after: Bounds) -> None:
    """Absolute numbers, so that sending it twice changes nothing; the workload's own number is the autoscaler's."""
    planned = plan(settings, of(an_autoscaler(before), has=has), NOW)
    assert isinstance(planned, Plan)
    assert planned.changes == (autoscaler_bounds.to(after),)
    assert planned.revert == Revert(due_at=NOW + HOUR)
    assert f"from {before} to {after} replicas" in planned.summary


MARKED = {"argocd.argoproj.io/tracking-id": "shop:autoscaling/HorizontalPodAutoscaler:shop/api-hpa"}
REFUSED = {
    "the step does not say so": (Scale(to=8), of(an_autoscaler()), reasons.HPA_OWNED, "autoscaler: Horizontal"),
    "the step says so of the other kind": (
        raising("ScaledObject", to=8),
        of(an_autoscaler()),
        reasons.HPA_OWNED,
        "belong to HorizontalPodAutoscaler api-hpa",
    ),
    "the step is for HPAs, and KEDA owns this one": (
        raising(to=8),
        of(an_autoscaler(scaled_object(1, 9))),
        reasons.HPA_OWNED,
        "belong to ScaledObject api-so",
    ),
    "several want the same replicas": (
        raising(to=8),
        of(an_autoscaler(), an_autoscaler(bounds(name="other"))),
        reasons.HPA_OWNED,
        "api-hpa and HorizontalPodAutoscaler other",
    ),
    "people have switched the workload off": (
        raising(to=8),
        of(an_autoscaler(), has=0),
        reasons.SCALED_TO_ZERO,
        "switched it off",
    ),
    "it cannot be read": (raising(to=8), of(an_autoscaler(unusable="403")), reasons.HPA_OWNED, "403"),
    "it is being deleted": (raising(to=8), of(an_autoscaler(deleting=True)), reasons.HPA_OWNED, "being deleted"),
    "so many run already": (raising(to=8), of(an_autoscaler(), has=9), reasons.ALREADY_THERE, "has 9"),
    "it asks for as many already": (
        raising(to=8),
        of(an_autoscaler(bounds(8, 10)), has=3),
        reasons.ALREADY_THERE,
        "asks for 8",
    ),
    "the step's max is reached": (raising(to=15, max=5), of(an_autoscaler()), reasons.AT_MAXIMUM, "above 5"),
    "Git owns it": (raising(to=8), of(an_autoscaler(annotations=MARKED)), reasons.GITOPS_MANAGED, "application shop"),
    "fewer is the autoscaler's own decision": (Scale(by=-1), of(an_autoscaler()), reasons.HPA_OWNED, "belong to"),
}


@pytest.mark.parametrize(("settings", "situation", "reason", "words"), REFUSED.values(), ids=REFUSED)
def test_leaves_it_alone(settings: Scale, situation: Situation, reason: str, words: str) -> None:
    """The step is passed over, with words that tell what would help."""
    refused = plan(settings, situation, NOW)
    assert isinstance(refused, Refusal)
    assert refused.reason == reason
    assert words in refused.message


def test_force_raises_what_git_owns() -> None:
    forced = of(an_autoscaler(annotations=MARKED), policy=a_policy(force=True))
    assert isinstance(plan(raising(to=8), forced, NOW), Plan)


def test_without_an_autoscaler_the_workload_itself_is_scaled() -> None:
    """The setting says what may be done, not what must be there."""
    planned = plan(raising(to=8), of(), NOW)
    assert isinstance(planned, Plan)
    assert planned.changes == (replicas.to(8),)


@given(
    has=st.integers(1, 40),
    least=st.integers(0, 20),
    most=st.integers(1, 40),
    wanted=st.integers(1, 60),
    ceiling=st.none() | st.integers(1, 60),
)
def test_bounds_are_only_raised_and_only_as_far_as_the_step_allows(
    has: int, least: int, most: int, wanted: int, ceiling: int | None
) -> None:
    """Whatever is there: the minimum goes up, the maximum never down, and neither above `max` by our hand."""
    before = an_autoscaler(bounds(min(least, most), most))
    planned = plan(raising(to=wanted, max=ceiling), of(before, has=has), NOW)
    if isinstance(planned, Refusal):
        return
    (change,) = planned.changes
    after = autoscaler_bounds.bounds_of(change, change.meant)
    assert after.min is not None
    assert after.max is not None
    assert before.least < after.min <= (ceiling or 10000)
    assert before.most <= after.max
    assert after.min <= after.max
    assert after.max == before.most or after.max <= (ceiling or 10000)


RAISED_ATTEMPT = an_attempt(
    action="scale",
    pre=PreState(uid="uid-api", generation=2, template_hash="bad", replicas=5),
    changes=bounds_set(bounds(8, 10), bounds(2, 10)),
)


@pytest.mark.parametrize(
    ("autoscalers", "expected"),
    [
        pytest.param((an_autoscaler(bounds(8, 10)),), autoscaler_bounds.to(bounds(2, 10)), id="ours still"),
        pytest.param((an_autoscaler(bounds(8, 20)),), None, id="others have changed them"),
        pytest.param((an_autoscaler(bounds(8, 10, uid="uid-new")),), None, id="it was made anew"),
        pytest.param((), None, id="it is gone"),
    ],
)
def test_is_undone_only_if_the_bounds_are_still_ours(
    autoscalers: tuple[Autoscaler, ...], expected: PinnedChange | None
) -> None:
    answer = autoscaler_bounds.CHANGE.revert(RAISED_ATTEMPT.changes[0], of(*autoscalers))
    if expected is None:
        assert isinstance(answer, Refusal)
        assert answer.reason == reasons.NOT_OURS_ANYMORE
    else:
        assert isinstance(answer, PinnedChange)
        assert (answer.object, answer.uid, answer.meant) == (expected.object, expected.uid, expected.meant)


def test_the_summary_says_how_long() -> None:
    resolved = plan(raising(to=8, revert_after=None, revert_when_resolved=True), of(an_autoscaler()), NOW)
    assert isinstance(resolved, Plan)
    assert "(until the alert has resolved)" in resolved.summary
    for_an_hour = plan(replace(raising(to=8)), of(an_autoscaler()), NOW)
    assert isinstance(for_an_hour, Plan)
    assert "(1h)" in for_an_hour.summary
