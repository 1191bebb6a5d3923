"""What must be known before it can be said whether anything of a `blockWhile` is there."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from platelet.guards import block_while
from platelet.model.alert import Alert
from platelet.model.blocking import Block, FiringAlert, KnownAlerts
from platelet.model.budget import Budget
from platelet.model.policy import Policy
from platelet.model.reading import Query
from platelet.model.situation import Situation
from platelet.model.workload import WorkloadRef
from platelet.triggers import matchers

_HEARD_WITHIN = timedelta(minutes=3)  # three polls


def questions(policy: Policy | None, budget: Budget | None, target: WorkloadRef) -> Iterator[Query]:
    """What must be asked of Prometheus."""
    for _, block in block_while.blocks(policy, budget):
        question = block.query.question(target) if block.query is not None else None
        if question is not None:
            yield question


def selectors(situation: Situation) -> frozenset[str]:
    """By which labels Jobs and pods of the target's namespace must be looked for."""
    return frozenset(block.running.selector for block in _of(situation) if block.running is not None)


def firing(situation: Situation, present: KnownAlerts | None, now: datetime) -> Mapping[FiringAlert, tuple[Alert, ...]]:
    """What fires of the alerts that block; without what is not known: nobody has told lately, or no matcher at all."""
    if present is None or now - present.at > _HEARD_WITHIN:
        return {}
    wanted = {block.alert for block in _of(situation) if block.alert is not None}
    matching: dict[FiringAlert, tuple[Alert, ...]] = {}
    for alert in wanted:
        try:
            parsed = matchers.parse_matchers(alert.matchers)
        except matchers.InvalidMatcherError:
            continue
        matching[alert] = tuple(known for known in present.alerts if matchers.matches(parsed, known.labels))
    return matching


def _of(situation: Situation) -> Iterator[Block]:
    for _, block in block_while.blocks(situation.policy, situation.budget):
        yield block
