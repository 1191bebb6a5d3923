"""Whatever a decision writes, the CRDs admit: others' words may have any length, and lists do not grow for ever."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from platelet.api.kinds import budget as budgets
from platelet.api.kinds import remediation as remediations
from platelet.core import signals
from platelet.core.decide import decide
from platelet.model import approval
from platelet.model.budget import BudgetStatus
from platelet.model.effects import Reserve
from platelet.model.signal import Signal
from platelet.model.situation import Situation, WriteFailure
from platelet.replay import schemas
from platelet.shell import kube
from tests.properties.any_situation import any_situation, many
from tests.unit.situations import NOW, a_signal, change

texts = st.sampled_from(["x" * 5000, "é" * 3000, "💥" * 2000, "\n" * 1500, "a b " * 1000])


def stretched(situation: Situation, text: str) -> Situation:
    """The same, but for what people and programs have said, which is long."""
    remediation, policy, attempts = situation.remediation, situation.policy, situation.remediation.status.attempts
    annotations = {
        approval.APPROVED_BY: text,
        approval.REJECTED_BY: text,
        approval.REJECT_REASON: text,
        approval.APPROVE: text,
        "platelet.dev/other": text,
    }
    asked = remediation.status.approval
    if asked is not None:
        annotations[approval.REJECT] = asked.token
    return change(
        situation,
        remediation=replace(remediation, annotations=annotations),
        policy=replace(policy, not_ready_reason=text, suspended=policy.suspended and text) if policy else None,
        signals=tuple(_long(signal, text) for signal in situation.signals),
        namespace_suspended=situation.surroundings.namespace_suspended and text,
        failure=WriteFailure(attempt=attempts[-1].id, code=422, message=text) if attempts else None,
        invalid=situation.ladder.invalid and text,
    )


def _long(signal: Signal, text: str) -> Signal:
    return replace(signal, message=text, pods=tuple("p" * 253 for _ in signal.pods))


def faults_of(resource: kube.Resource, status: kube.Json) -> list[str]:
    return schemas.faults(schemas.schemas()[resource.plural], {"status": status})


@many
@given(any_situation(), texts)
def test_every_status_that_is_decided_on_is_one_that_the_crd_admits(situation: Situation, text: str) -> None:
    status = decide(stretched(situation, text), NOW).status
    assert faults_of(kube.REMEDIATIONS, remediations.write_status(status)) == []


@many
@given(any_situation(), texts)
def test_every_place_that_is_asked_for_is_one_that_the_crd_admits(situation: Situation, text: str) -> None:
    asked = [effect.entry for effect in decide(stretched(situation, text), NOW).effects if isinstance(effect, Reserve)]
    entries = [replace(entry, policy=f"{'n' * 63}/{'p' * 253}") for entry in asked]
    status = BudgetStatus(epoch=1, entries=tuple(entries))
    assert faults_of(kube.BUDGETS, budgets.write_budget_status(status)) == []


@given(texts)
def test_every_fact_that_opens_a_remediation_is_one_that_the_crd_admits(text: str) -> None:
    fact = signals.as_evidence(a_signal(reason=text, fingerprint=text, message=text), NOW)
    assert max(len(fact.reason), len(fact.fingerprint)) <= 256
    assert len(fact.message) <= 1024
