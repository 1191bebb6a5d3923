"""A trigger of one file: pods that are older than they should be. `test_a_new_trigger` runs this as a pytest.

It is put into the list before anything reads it (this module is a plugin, and so the first that is imported), as the
one name in `triggers/__init__.py` would. No other line of the package knows it.
"""

# ruff: noqa: PLC0415 - the package is imported once the list is complete

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Final

from pydantic import ConfigDict, Field

from platelet import triggers
from platelet.model import reasons
from platelet.model.durations import CAMEL, Between, Duration
from platelet.model.signal import Evidence, Signal
from platelet.model.trigger import FromTarget, Sighting

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeTrigger:
    """`age:` in a policy: pods that have been there for too long."""

    above: Annotated[Duration, Between("1m", "24h"), Field(description="How old a pod may be.")]

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


def observe(trigger: AgeTrigger, sighting: Sighting, now: datetime) -> Signal | None:
    """The pods that are too old."""
    old = [pod for pod in sighting.pods if pod.is_active and pod.created_at + trigger.above <= now]
    if not old:
        return None
    since = min(pod.created_at for pod in old) + trigger.above
    return Signal(
        source="pod",
        reason="TooOld",
        fingerprint="pod/TooOld",
        message=f"{len(old)} pods are too old",
        since=since,
        holds_at=since,
        pods=tuple(pod.name for pod in old),
    )


def next_change(trigger: AgeTrigger, sighting: Sighting, now: datetime) -> datetime | None:
    """When the next pod becomes too old."""
    moments = (pod.created_at + trigger.above for pod in sighting.pods if pod.is_active)
    return min((moment for moment in moments if moment > now), default=None)


def describe(_trigger: AgeTrigger, _facts: Sequence[Evidence]) -> str:
    """What people read."""
    return "it looks for pods that are too old"


TOY: Final = FromTarget(
    key="age", settings=AgeTrigger, source="pod", observe=observe, next_change=next_change, describe=describe
)


def pytest_configure() -> None:
    """Add it to the list."""
    triggers.TRIGGERS += (TOY,)  # what one more name in the file would do


def test_policies_may_write_it() -> None:
    """The CRD offers it with its rules, and says so in the message about a trigger without a kind."""
    from platelet.api.generation import crds

    text = crds.build_folder()["platelet.dev_remediationpolicies.yaml"]
    assert "How old a pod may be." in text
    assert "pod or workload or alert or query or job or age" in text


def test_what_it_finds_is_healed() -> None:
    """From the stream to the end: opened when a pod comes of age, acted on, over with the old pods."""
    from tests.scenarios.incidents import begin, states
    from tests.scenarios.manifests import step
    from tests.scenarios.simulation import Simulation

    with Simulation() as simulation:
        begin(simulation, step("rolloutRestart"), triggers=[{"age": {"above": "1h"}}])
        assert states(simulation) == []
        simulation.run(HOUR + timedelta(minutes=20))
        (remediation,) = simulation.remediations()
        assert remediation.spec.signal.reason == "TooOld"
        assert [attempt.phase for attempt in remediation.status.attempts] == ["Done"]
        assert states(simulation) == [("Closed", reasons.RECOVERED)]


def test_explain_says_what_it_looks_for() -> None:
    """Where nothing holds, people read what is awaited."""
    from platelet.api.kinds import policy
    from platelet.api.kinds.resolved_policy import ResolvedPolicy
    from platelet.explain import eligibility
    from platelet.model.snapshot import Snapshot
    from tests.unit.situations import NOW, TARGET, a_workload

    stored = {
        "metadata": {"namespace": TARGET.namespace, "name": "old", "uid": "uid-old"},
        "spec": {
            "triggers": [{"age": {"above": "1h"}}],
            "targets": {"all": True},
            "runbookRef": {"name": "restart"},
        },
    }
    resolved = ResolvedPolicy(loaded=policy.read_policy(stored), runbook=None, namespaces=frozenset({TARGET.namespace}))
    (candidate,) = eligibility.judge([resolved], TARGET, Snapshot(workload=a_workload()), {}, NOW)
    assert "it looks for pods that are too old" in candidate.because[-1]
