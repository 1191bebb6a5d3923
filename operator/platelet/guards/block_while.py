"""Nothing runs or fires that people have named in `blockWhile`: a backup, a migration, an outage of what all need.

What cannot be known blocks: an Alertmanager or a Prometheus that does not answer may hide the very thing.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from platelet.guards import suspended
from platelet.model import reasons
from platelet.model.blocking import Block, BlockingQuery, FiringAlert, RunningWork
from platelet.model.budget import Budget
from platelet.model.durations import say_time
from platelet.model.measurement import why_unknown
from platelet.model.policy import Policy
from platelet.model.reading import Result
from platelet.model.situation import Situation
from platelet.model.verdict import Deny

ASK_EVERY = timedelta(seconds=30)


def deny(situation: Situation, now: datetime) -> Deny | None:
    """Deny while anything of the policy's list or of the ActionBudget's is there, or may be."""
    if situation.budget is None:
        return suspended.unreadable()
    denials = (
        _deny(f"{owner}: blockWhile", block, situation, now)
        for owner, block in blocks(situation.policy, situation.budget)
    )
    return next((denial for denial in denials if denial is not None), None)


def blocks(policy: Policy | None, budget: Budget | None) -> Iterator[tuple[str, Block]]:
    """What blocks the acts of a policy, and whose list it is on."""
    for block in policy.limits.block_while if policy is not None else ():
        yield f"policy {policy.key if policy is not None else ''}", block
    for block in budget.spec.block_while if budget is not None else ():
        yield "the ActionBudget", block


def _deny(where: str, block: Block, situation: Situation, now: datetime) -> Deny | None:
    if block.alert is not None:
        return _deny_alert(where, block.alert, situation, now)
    if block.query is not None:
        return _deny_query(where, block.query, situation, now)
    return _deny_running(where, block.running, situation, now) if block.running is not None else None


def _deny_alert(where: str, wanted: FiringAlert, situation: Situation, now: datetime) -> Deny | None:
    firing = situation.knowledge.firing.get(wanted)
    if firing is None:
        why = f"whether an alert with {', '.join(wanted.matchers)} fires is not known: Alertmanager has not told lately"
        return _say(reasons.BLOCK_UNKNOWN, f"{where}: {why}", now)
    if not firing:
        return None
    first = min(firing, key=lambda alert: alert.starts_at)
    more = f", and {len(firing) - 1} more" if len(firing) > 1 else ""
    message = f"{where}: alert {first.name or 'without a name'} fires since {say_time(first.starts_at)}{more}"
    return _say(reasons.BLOCKED, message, now)


def _deny_query(where: str, query: BlockingQuery, situation: Situation, now: datetime) -> Deny | None:
    reading = query.reading(situation.knowledge.readings, situation.target)
    unknown = why_unknown(reading, now)
    if unknown or not isinstance(reading, Result):
        return _say(reasons.BLOCK_UNKNOWN, f"{where}: {query.shown} is not known: {unknown}", now)
    beyond = query.furthest_beyond(reading.samples)
    if beyond is None:
        return None
    return _say(reasons.BLOCKED, f"{where}: {query.shown} is {beyond.value:g}, {query.bound}", now)


def _deny_running(where: str, work: RunningWork, situation: Situation, now: datetime) -> Deny | None:
    running = situation.surroundings.running.get(work.selector)
    if running is None:
        message = f"{where}: whether a Job or pod with {work.selector} runs is not known: they may not be read"
        return _say(reasons.BLOCK_UNKNOWN, message, now)
    if not running:
        return None
    first = min(running, key=lambda known: (known.since, known.kind, known.name))
    return _say(reasons.BLOCKED, f"{where}: {first.kind} {first.name} runs since {say_time(first.since)}", now)


def _say(reason: str, message: str, now: datetime) -> Deny:
    return Deny(reason=reason, message=message, look_at=now + ASK_EVERY)
