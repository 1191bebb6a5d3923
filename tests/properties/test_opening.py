"""Opening: whatever arrives in whatever order, a target has at most one open Remediation that may act."""

from collections import Counter
from dataclasses import replace
from datetime import datetime

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from platelet.api.kinds.runbook import Runbook
from platelet.core import opening, record
from platelet.model import reasons
from platelet.model.policy import Policy
from platelet.model.remediation import Remediation, RemediationStatus
from platelet.model.signal import Evidence
from platelet.model.workload import WorkloadRef
from tests.properties.any_situation import Chance
from tests.unit.situations import (
    BAD,
    GOOD,
    NOW,
    a_policy,
    a_signal,
    a_status,
    an_alert,
    an_attempt,
    evidence_of,
    minutes,
)

RUNBOOK = Runbook(namespace="shop", name="heal", uid="uid-runbook", generation=1, steps=({"name": "restart"},))
TARGETS = tuple(WorkloadRef(kind="Deployment", namespace="shop", name=name) for name in ("api", "api-x", "api-1"))
POLICIES = (
    a_policy(name="first", uid="uid-1", priority=1),
    a_policy(name="second", uid="uid-2", priority=2),
    a_policy(name="y", uid="uid-3", mode="Observe"),
    a_policy(name="x-y", uid="uid-4", mode="Observe"),
)
orders = settings(
    max_examples=400,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


class Namespace:
    """The Remediations of one namespace, as the API server has them."""

    def __init__(self, seed: int) -> None:
        """Begin with none."""
        self.chance = Chance(seed)
        self.now = NOW
        self.stored: dict[str, Remediation] = {}
        self.created: list[opening.Create] = []

    def receive(self) -> None:
        """A fact about a target, matched by a policy, is recorded as the opener does."""
        target, policy = self.chance.one_of(TARGETS), self.chance.one_of(POLICIES)
        facts = [a_fact(self.chance, self.now) for _ in range(self.chance.number(1, 2))]
        live = self.chance.one_of((None, GOOD, BAD))
        for _ in range(8):
            answer = opening.receive(
                target,
                facts,
                policy,
                RUNBOOK,
                self.all(),
                {policy.key: policy for policy in POLICIES},
                live,
                self.now,
            )
            if answer is None:
                return
            self.apply(answer, target, policy, facts)
        raise AssertionError("it is never on record")

    def apply(
        self, answer: opening.Create | opening.Update, target: WorkloadRef, policy: Policy, facts: list[Evidence]
    ) -> None:
        """What the API server makes of it."""
        if isinstance(answer, opening.Update):
            known = self.stored[answer.remediation.name]
            assert known.status.state != "Closed", "what is closed is not written any more"
            self.stored[known.name] = replace(known, status=answer.status)
            return
        assert answer.spec.signal in facts
        assert answer.spec.signal.resolved_at is None, "a resolved fact opens nothing"
        assert not self.is_over(answer.spec.signal, target, policy), "an episode that is over opens nothing"
        assert answer.name not in self.stored, "the name is taken"
        assert (answer.spec.policy_ref.uid, answer.spec.mode) == (policy.uid, policy.mode)
        self.created.append(answer)
        self.stored[answer.name] = Remediation(
            namespace="shop",
            name=answer.name,
            uid=f"uid-{answer.name}",
            resource_version="1",
            spec=answer.spec,
            status=record.merge_evidence(RemediationStatus(opened_at=self.now), answer.spec.signal),
        )

    def all(self) -> list[Remediation]:
        """In any order."""
        known = list(self.stored.values())
        return known if self.chance.once_in(2) else known[::-1]

    def is_over(self, fact: Evidence, target: WorkloadRef, policy: Policy) -> bool:
        """Whether a Remediation of the same series has heard the end of this alert."""
        observed = policy.mode == "Observe"
        return any(
            known.fingerprint == fact.fingerprint and known.resolved_at is not None
            for remediation in self.stored.values()
            if remediation.spec.target_ref.name == target.name
            and (remediation.spec.mode == "Observe") == observed
            and (not observed or remediation.spec.policy_ref.name == policy.name)
            for known in remediation.status.evidence
            if known.source == "alert"
        )

    def live_on(self) -> None:
        """An open Remediation goes on: it acts, recovers, closes, or its target is deleted."""
        living = [remediation for remediation in self.stored.values() if remediation.status.state != "Closed"]
        if not living:
            return
        chosen = self.chance.one_of(living)
        status, end = chosen.status, self.chance.number(0, 4)
        if end == 0:
            status = record.close(status, reasons.RECOVERED, "well", self.now)
        elif end == 1:
            status = record.close(status, reasons.TARGET_GONE, "gone", self.now)
        elif end == 2:
            status = replace(status, state="Monitoring", recovered_at=self.now)
        elif end == 3:
            status = replace(status, state="Verifying", attempts=(an_attempt(),))
        else:
            status = replace(status, state="Escalated")
        self.stored[chosen.name] = replace(chosen, status=status)

    def check(self) -> None:
        """One that may act per target; one observing per target and policy."""
        living = [remediation for remediation in self.stored.values() if remediation.status.state != "Closed"]
        acting = Counter(
            remediation.spec.target_ref.name for remediation in living if remediation.spec.mode != "Observe"
        )
        observing = Counter(
            (remediation.spec.target_ref.name, remediation.spec.policy_ref.name)
            for remediation in living
            if remediation.spec.mode == "Observe"
        )
        assert max(acting.values(), default=0) <= 1
        assert max(observing.values(), default=0) <= 1


def a_fact(chance: Chance, now: datetime) -> Evidence:
    if chance.once_in(3):
        return evidence_of(a_signal(reason=chance.one_of(("CrashLoopBackOff", "Unready"))), last_seen=now)
    resolved_at = chance.maybe(lambda: now)
    return evidence_of(an_alert(fingerprint=f"alert-{chance.number(1, 4)}"), last_seen=now, resolved_at=resolved_at)


@orders
@given(st.integers(0, 2**48))
def test_a_target_has_at_most_one_open_remediation_that_may_act(seed: int) -> None:
    """And names never collide, resolved and over episodes open nothing, and what is closed stays as it is."""
    namespace = Namespace(seed)
    for _ in range(40):
        namespace.chance.one_of((namespace.receive, namespace.receive, namespace.live_on))()
        namespace.check()
        namespace.now += namespace.chance.one_of((minutes(0), minutes(1), minutes(20)))


@orders
@given(st.permutations(POLICIES), st.lists(st.booleans(), min_size=4, max_size=4))
def test_the_acting_policy_does_not_depend_on_the_order(policies: list[Policy], ready: list[bool]) -> None:
    """The ready enforcing one of the highest priority, then name."""
    judged = {policy.name: replace(policy, ready=is_ready) for policy, is_ready in zip(POLICIES, ready, strict=True)}
    chosen = opening.choose([judged[policy.name] for policy in policies])
    expected = next((judged[name] for name in ("second", "first") if judged[name].ready), None)
    assert chosen == expected


def test_the_orders_open_some() -> None:
    """The property means something."""
    namespace = Namespace(1)
    for _ in range(40):
        namespace.receive()
        namespace.live_on()
    assert len(namespace.created) > 5
    assert a_status().state == "Waiting"
