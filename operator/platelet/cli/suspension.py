"""The kill switch on the ActionBudget: what a pause or a resume makes of it, and storing that."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from platelet.api.kinds import budget as contract
from platelet.api.kinds.invalid import InvalidSpec
from platelet.cli.session import NothingToTellError
from platelet.model.budget import Budget, Leaving, Suspension
from platelet.model.durations import format_time
from platelet.shell import kube

if TYPE_CHECKING:
    from platelet.shell.kube.client import ClusterClient

BUDGET = "platelet"
_TRIES = 5
Change = Callable[[Suspension | None, datetime], Suspension | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The switch before and after, at the API server's time."""

    before: Suspension | None
    after: Suspension | None
    now: datetime

    @property
    def changed(self) -> bool:
        """Whether anything was written."""
        return self.before != self.after


def whole_operator(command: str, namespace: str) -> str:
    """Say why a namespace is refused: whoever names one does not mean to stop, or to free, everything."""
    annotation = "platelet.dev/suspend=true" if command == "pause" else "platelet.dev/suspend-"
    return (
        f"{command} is for the whole operator, not for namespace {namespace} alone; for that one:"
        f" kubectl annotate namespace {namespace} {annotation}; for everything: platelet {command}"
    )


def in_force(suspension: Suspension | None, now: datetime) -> bool:
    """Tell whether a suspension still suspends."""
    return suspension is not None and suspension.in_force(now)


def paused(before: Suspension | None, reason: str, lasting: timedelta | None, now: datetime) -> Suspension:
    """Pause for at least so long (None: until resumed). A pause that is in force is never shortened."""
    until = None if lasting is None else now.replace(microsecond=0) + lasting
    if before is None or not in_force(before, now):
        return Suspension(reason=reason, until=until)
    longest = None if before.until is None or until is None else max(before.until, until)
    return replace(before, reason=reason or before.reason, until=longest)


def leaving(before: Suspension | None, how: Leaving, now: datetime) -> Suspension:
    """Pause until resumed, because platelet will be removed."""
    reason = before.reason if before is not None and in_force(before, now) else ""
    return Suspension(reason=reason or "platelet revert --all", leaving=how)


async def change(client: "ClusterClient", namespace: str, wanted: Change) -> Outcome:
    """Store what `wanted` makes of the switch; anew when somebody else changed the budget in between.

    Raises NothingToTellError without an ActionBudget, ApiError.
    """
    for remaining in reversed(range(_TRIES)):
        budget = await read(client, namespace)
        now = client.clock.now()
        before = budget.spec.suspended
        outcome = Outcome(before=before, after=wanted(before, now), now=now)
        if not outcome.changed:
            return outcome
        try:
            await client.patch(kube.BUDGETS, namespace, BUDGET, _patch(budget, outcome.after), agent="cli")
        except kube.Conflict:
            if not remaining:
                raise
        else:
            return outcome
    raise AssertionError("the last try returns or raises")


async def read(client: "ClusterClient", namespace: str) -> Budget:
    """The ActionBudget. Raises NothingToTellError that says how to get one, ApiError."""
    try:
        return contract.read_budget(await client.get(kube.BUDGETS, namespace, BUDGET))
    except kube.NotFound:
        raise NothingToTellError(
            f"there is no ActionBudget {namespace}/{BUDGET}, so no operator acts here; is platelet installed in another"
            " namespace (--operator-namespace)? To install: kubectl apply --server-side -k deploy/base"
        ) from None
    except InvalidSpec as error:
        raise NothingToTellError(f"the ActionBudget {namespace}/{BUDGET} is not understood: {error}") from None


def _patch(budget: Budget, after: Suspension | None) -> dict[str, object]:
    """A merge patch that fails when the budget has changed; a null removes what it names."""
    suspended: dict[str, object] | None = None
    if after is not None:
        until = format_time(after.until) if after.until is not None else None
        suspended = {"reason": after.reason, "until": until, "leaving": after.leaving}
    return {"metadata": {"resourceVersion": budget.resource_version}, "spec": {"suspended": suspended}}
