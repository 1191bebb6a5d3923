"""What the alerts of a delivery are about: which policies they match, and which workloads these look after."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.model.alert import Alert
from platelet.model.signal import Evidence
from platelet.model.trigger import FromAlerts
from platelet.model.workload import WorkloadRef
from platelet.shell.intake.delivery import Item, Match
from platelet.shell.intake.named_targets import Found
from platelet.shell.intake.targets import TargetFinder
from platelet.triggers import clusters, targeting
from platelet.triggers.targeting import Located


@dataclass(frozen=True, slots=True)
class Aim:
    """The targets of a policy that an alert is about; or why there is none although there should be one."""

    targets: tuple[WorkloadRef, ...] = ()
    astray: Found | None = None


class AlertTargets:
    """Finds the workloads behind the alerts of one delivery. Each thing is looked up once."""

    def __init__(self, finder: TargetFinder, at_once: asyncio.Semaphore) -> None:
        """`at_once` bounds the look-ups."""
        self._finder = finder
        self._at_once = at_once
        self._asked: dict[Located, asyncio.Future[Found]] = {}

    def recall(self, match: Match) -> list[Aim] | None:
        """What each policy's targets are by what the streams remember; None: the API server must be asked.

        Memory may only say yes. It may lag, so that it knows no target is asked for before anything comes of it.
        """
        aims = []
        for policy in match.policies:
            finding = self._finder.recall(_locate(policy, match.item))
            aim = _aim(policy, match.item.alert, finding) if finding is not None else None
            if finding is None or aim is None or (finding.target is not None and not aim.targets):
                return None
            aims.append(aim)
        return aims

    async def look_up(self, match: Match) -> list[Aim]:
        """What each policy's targets are, asked now. Raises ApiError."""
        findings = [await self._find(_locate(policy, match.item)) for policy in match.policies]
        return [
            _aim(policy, match.item.alert, finding) for policy, finding in zip(match.policies, findings, strict=True)
        ]

    async def _find(self, located: Located) -> Found:
        if located not in self._asked:
            self._asked[located] = asyncio.ensure_future(self._ask(located))
        return await self._asked[located]

    async def _ask(self, located: Located) -> Found:
        async with self._at_once:
            return await self._finder.look_up(located)


def match(resolved: ResolvedPolicy, item: Item, now: datetime) -> Evidence | None:
    """What the alert says to this policy; None when no trigger matches. One of another namespace never matches."""
    if not resolved.policy.ready:
        return None
    alert, named = item.alert, item.namespaces
    if (named and not named & resolved.namespaces) or (not named and resolved.loaded.targets.refs is None):
        return None
    if item.fact is not None:
        return item.fact if resolved.policy.key == item.policy else None
    facts = (trigger.observe(settings, alert, now) for trigger, settings in resolved.loaded.triggers_of(FromAlerts))
    return next((fact for fact in facts if fact is not None), None)


def elsewhere(resolved: ResolvedPolicy, alert: Alert, cluster: str) -> clusters.Elsewhere | None:
    """Whether the alert is about another cluster than `cluster`, or may be; empty: what ours is called is not known."""
    exact = {name: value for values in _spelled_out(resolved, alert) for name, value in values.items()}
    return clusters.elsewhere(alert.labels, cluster, exact)


def names(match: Match) -> tuple[Located, ...]:
    """What must be known to find its targets: what is the same for several alerts leads to the same."""
    return tuple(_locate(policy, match.item) for policy in match.policies)


def _locate(resolved: ResolvedPolicy, item: Item) -> Located:
    """What the labels name to this policy: its `refs` are of its own namespace, where an alert names none."""
    stands_in = resolved.loaded.targets.refs is not None and not item.namespaces
    return item.locate(resolved.policy.namespace if stands_in else "")


def _aim(resolved: ResolvedPolicy, alert: Alert, finding: Found) -> Aim:
    """Judge where the labels lead.

    `refs` say what is meant by an alert that names nothing; one that names something is about that alone. What the
    policy's own matchers have spelled out is no name: whoever wrote them wrote the refs, too.
    """
    refs, target = resolved.loaded.targets.refs, finding.target
    if refs is None:
        if target is None:
            return Aim(astray=finding)
        mine = target.namespace in resolved.namespaces
        matches = mine and resolved.loaded.targets.matches(finding.labels, target.name, target.kind)
        return Aim((target,) if matches else ())
    chosen = [WorkloadRef(kind=ref.kind, namespace=resolved.policy.namespace, name=ref.name) for ref in refs]
    if target is not None:
        return Aim(tuple(ref for ref in chosen if ref == target))
    if not finding.named or _is_spelled_out(resolved, alert):
        return Aim(tuple(chosen))
    return Aim() if finding.other else Aim(astray=finding)


def _is_spelled_out(resolved: ResolvedPolicy, alert: Alert) -> bool:
    """Whether all that the alert names is in matchers with `=` of a trigger that matches it."""
    for exact in _spelled_out(resolved, alert):
        rest = targeting.locate({name: value for name, value in alert.labels.items() if name not in exact})
        if isinstance(rest, targeting.Nothing) and not rest.named:
            return True
    return False


def _spelled_out(resolved: ResolvedPolicy, alert: Alert) -> Iterator[Mapping[str, str]]:
    labels = (trigger.spelled_out(settings, alert) for trigger, settings in resolved.loaded.triggers_of(FromAlerts))
    return (exact for exact in labels if exact is not None)
