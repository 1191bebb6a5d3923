"""What a trigger's file offers to the list: its settings, how it is said, and how it learns that a target is unwell.

There are three ways, one for each source that is asked: what the target shows by itself, what alerts tell, and what a
query answers. A fourth is about no target: Jobs that have failed. Everything that looks for signals goes through the
list by these, and knows no trigger by name.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from platelet.model.alert import Alert
from platelet.model.failed_job import Job
from platelet.model.fault import Fault
from platelet.model.reading import Result, Sample
from platelet.model.severity import Grade
from platelet.model.signal import Evidence, Signal, Source
from platelet.model.workload import Kind, Pod, Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What one target shows by itself at one moment, and what is remembered of it."""

    pods: Sequence[Pod]
    workload: Workload | None = None  # None: only its pods were looked at
    newest_revision_hash: str = ""  # empty: not known
    failing_since: Mapping[str, datetime] = field(default_factory=dict)  # by pod uid: statuses forget
    short_since: datetime | None = None  # since when pods are known to be missing, which carry no time
    facts: Sequence[Evidence] = ()  # what its open Remediation remembers


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryFacts:
    """What one answer says: the facts, and of which series nothing is known."""

    facts: tuple[tuple[Sample, Evidence], ...]
    unknown: frozenset[str]  # fingerprints

    @property
    def present(self) -> frozenset[str]:
        """The fingerprints of all that may be beyond the bound."""
        return self.unknown | {fact.fingerprint for _, fact in self.facts}


def _no_fault(_settings: Any) -> Fault | None:
    return None


def _may_hold(_settings: Any, _kinds: Collection[Kind]) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """One entry of a policy's `triggers`: its key, its settings, and what is said of it."""

    key: str
    settings: type[Any]  # a frozen dataclass with CAMEL config; its fields become the CRD's
    source: Source | None = None  # who knows; None: it tells of no workload
    describe: Callable[[Any, Sequence[Evidence]], str]  # what it looks for, and whether such facts are on record
    find_fault: Callable[[Any], Fault | None] = _no_fault  # what the API server cannot judge
    never_holds: Callable[[Any, Collection[Kind]], str] = _may_hold  # why, for targets of these kinds; empty: it may


@dataclass(frozen=True, slots=True, kw_only=True)
class FromTarget(Trigger):
    """It looks at what pods and workload show: at each change of the stream, and on fresh reads at every decision.

    Its source is `pod` or `workload`: whose stream wakes it. While only pods were looked at, the workload is None.
    """

    source: Source
    observe: Callable[[Any, Sighting, datetime], Signal | None]
    next_change: Callable[[Any, Sighting, datetime], datetime | None]
    """When time alone, with the same sighting, may next change what `observe` answers; None: never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FromAlerts(Trigger):
    """It matches alerts, one at a time."""

    source: Source = "alert"
    observe: Callable[[Any, Alert, datetime], Evidence | None]
    names: Callable[[Any, str], bool]  # whether it says by name that it is for alerts of this name
    spelled_out: Callable[[Any, Alert], Mapping[str, str] | None]
    """The labels whose values its author has written down, of an alert that it matches; else None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FromQueries(Trigger):
    """It judges the answers to a PromQL expression that is asked at intervals."""

    source: Source = "query"
    expression: Callable[[Any], str]
    interval: Callable[[Any], timedelta]
    observe: Callable[[Any, str, Result, datetime], QueryFacts]  # the settings, the policy's uid, an answer
    prefix: Callable[[str, Any], str]  # the policy's uid, the settings: with what the fingerprints of its facts begin


@dataclass(frozen=True, slots=True, kw_only=True)
class FromJobs(Trigger):
    """It judges Jobs that have failed, one at a time. They open no Remediation: people are told of them."""

    matches: Callable[[Any, Job], bool]
    severity: Callable[[Any], Grade]  # of what it is for
