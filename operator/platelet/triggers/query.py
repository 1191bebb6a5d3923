"""The trigger on queries: each result of a PromQL expression that is beyond a bound is a fact about one workload.

A level, not an edge: what is beyond the bound now is a fact now, whatever was missed. A failed query says nothing, and
so does a sample that is NaN or stale: it neither opens nor ends anything.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from platelet.model import promql, reasons
from platelet.model.alert import Alert
from platelet.model.bound import Bounded
from platelet.model.digest import digest
from platelet.model.durations import Between, Duration
from platelet.model.fault import Fault
from platelet.model.reading import Result, Sample
from platelet.model.signal import Evidence, ShortText
from platelet.model.trigger import FromQueries, QueryFacts
from platelet.triggers.alert_json import fingerprint as fingerprint_of_labels

NAME = "^([A-Za-z][A-Za-z0-9_.:-]*)?$"
_SHOWN = 200  # characters of an expression or of labels in a message


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryTrigger(Bounded):
    """`query:` in a policy. The labels of each result name the workload, as an alert's do; without them `refs` do."""

    expr: Annotated[
        str,
        Field(min_length=1, max_length=4096, description="PromQL, asked at every interval. It has no placeholders."),
    ]
    above: Annotated[float | None, Field(allow_inf_nan=False, description="A result above this opens an incident.")] = (
        None
    )
    below: Annotated[float | None, Field(allow_inf_nan=False, description="A result below this opens an incident.")] = (
        None
    )
    for_: Annotated[
        Duration,
        Field(description="How long a result must be beyond the bound before anything is done."),
        Between("0s", "24h"),
    ] = timedelta()
    interval: Annotated[Duration, Between("1s", "2m")] = timedelta(minutes=1)
    severity: ShortText = ""
    name: Annotated[
        str,
        Field(
            max_length=63,
            pattern=NAME,
            description="What people call it, as in QueueTooLong: the reason of what it finds. Absent: QueryAbove or "
            "QueryBelow.",
        ),
    ] = ""

    @property
    def reason(self) -> str:
        """What its facts are called."""
        return self.name or ("QueryAbove" if self.above is not None else "QueryBelow")


def find_fault(trigger: QueryTrigger) -> str:
    """Why the expression can never be asked; empty when it can."""
    try:
        template = promql.parse(trigger.expr)
    except promql.InvalidQueryError as error:
        return str(error)
    return "a trigger knows no $target: the labels of its results find it" if template.names_the_target else ""


def observe(trigger: QueryTrigger, policy_uid: str, result: Result, now: datetime) -> QueryFacts:
    """Judge each series of an answer."""
    facts, unknown = [], set()
    for sample in result.samples:
        name = prefix(policy_uid, trigger) + fingerprint_of_labels(sample.labels)
        if math.isnan(sample.value) or sample.is_stale(now):
            unknown.add(name)
        elif trigger.admits(sample.value):
            facts.append((sample, _fact(trigger, sample, name, now)))
    return QueryFacts(facts=tuple(facts), unknown=frozenset(unknown))


def prefix(policy_uid: str, trigger: QueryTrigger) -> str:
    """What the fingerprints of all facts of one trigger begin with: another expression or bound has other facts."""
    asked = digest(f"{trigger.expr}\n{trigger.bound}")
    return f"{prefix_of_policy(policy_uid)}{asked}/"


def prefix_of_policy(policy_uid: str) -> str:
    """What the fingerprints of all facts of one policy's queries begin with."""
    return f"query/{policy_uid}/"


def stale(policy_uid: str, asked: Sequence[str], held: Sequence[str]) -> frozenset[str]:
    """The fingerprints of a policy's facts that none of its triggers asks about any more; `asked` are the prefixes."""
    own = prefix_of_policy(policy_uid)
    return frozenset(name for name in held if name.startswith(own) and not name.startswith(tuple(asked)))


def as_alert(sample: Sample, since: datetime, name: str = "") -> Alert:
    """The result as an alert of this name: so its labels find the workload by the very same way."""
    named = {"alertname": name} if name else {}
    return Alert(
        fingerprint=fingerprint_of_labels(sample.labels),
        status="firing",
        labels={**named, **sample.labels},
        starts_at=since,
    )


def _fact(trigger: QueryTrigger, sample: Sample, name: str, now: datetime) -> Evidence:
    labels = ", ".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
    message = f"{_clip(trigger.expr)} is {sample.value:g}, {trigger.bound}" + (f" ({_clip(labels)})" if labels else "")
    return Evidence(
        source="query",
        reason=trigger.reason,
        fingerprint=name,
        message="".join(char if char.isprintable() else " " for char in message),
        first_seen=now,
        last_seen=now,
        holds_at=now + trigger.for_,
        severity=trigger.severity,
    )


def _clip(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _find_fault(trigger: QueryTrigger) -> Fault | None:
    fault = find_fault(trigger)
    return Fault(reason=reasons.INVALID_QUERY, message=f"expr {trigger.expr!r}: {fault}") if fault else None


def _describe(trigger: QueryTrigger, facts: Sequence[Evidence]) -> str:
    present = any(fact.source == "query" and fact.resolved_at is None for fact in facts)
    record = "results are on record" if present else "none is on record for this workload"
    return f"it looks for results of {trigger.expr} {trigger.bound}: {record}"


TRIGGER = FromQueries(
    key="query",
    settings=QueryTrigger,
    expression=lambda trigger: trigger.expr,
    interval=lambda trigger: trigger.interval,
    observe=observe,
    prefix=prefix,
    find_fault=_find_fault,
    describe=_describe,
)
