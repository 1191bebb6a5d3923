"""The ActionBudget as it counts now: read, remembered, and set on this process's clock. It writes nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from platelet.core import reservation
from platelet.model.budget import Budget
from platelet.shell.kube import BUDGETS, ApiError, Json, Reads
from platelet.shell.kube.clock import Clock
from platelet.shell.kube.stored import version_of
from platelet.shell.kube.versions import Versions
from platelet.shell.store.known_budget import KnownBudget

_STEP = timedelta(minutes=1)
_TOLD_EVERY = timedelta(seconds=1)


class BudgetReader:
    """Reads the ActionBudget. Missing, unreadable or malformed is None, which means full."""

    def __init__(  # noqa: PLR0913 - its sources, and who hears
        self,
        kube: Reads,
        clock: Clock,
        namespace: str,
        name: str = "platelet",
        *,
        on_use: Callable[[int | None, int], None] = lambda _used, _free: None,
        boot: Callable[[], float] | None = None,
    ) -> None:
        """The budget is the object `name` in the operator's `namespace`.

        `on_use` hears how much of it counts now (None: it cannot be read), and how many actions have room. By `boot`,
        the machine's boot clock in seconds, a step of the API server's time is told from time that has passed.
        """
        self._boot = boot
        self._looked_at: tuple[datetime, float] | None = None
        self._stepped = timedelta()  # forward, by the API server's time, and not yet made up for on the budget
        self._on_use = on_use
        self._kube = kube
        self._clock = clock
        self._namespace = namespace
        self._name = name
        self._stored: Json | None = None  # as it was last read or written, unless that is known to be of the past
        self._known: Versions[KnownBudget] = Versions(most=1)
        self._told: tuple[KnownBudget, datetime] | None = None  # to `on_use`, and when
        self.epoch = 0  # ours, once the writer has taken over: while the budget carries it, its times are by our clock
        self.needs_amends = False  # what is stored is not what counts
        self.is_full = False  # no act has room on it

    async def read(self, *, fresh: bool = True) -> Budget | None:
        """The budget now; None when it cannot be known. Unless `fresh`, as it was last known, where it was."""
        try:
            return (await self.read_stored(fresh=fresh))[0]
        except (ApiError, ValueError):
            self._told = None
            self._on_use(None, 0)
            return None

    def take(self, stored: Json, *, deleted: bool = False) -> None:
        """Take the budget as it was shown; what is older than what is known already is passed over."""
        metadata = stored["metadata"]
        if (metadata.get("namespace"), metadata["name"]) != (self._namespace, self._name):
            return
        if deleted:
            self._stored = None
        elif self._stored is not None and version_of(self._stored) < version_of(stored):
            self._stored = stored

    async def is_leaving(self) -> bool | None:
        """Whether people are about to remove platelet; None when it cannot be known: it may be half removed."""
        budget = await self.read(fresh=False)
        return None if budget is None else budget.leaving(self._clock.now()) is not None

    async def read_stored(self, *, fresh: bool) -> tuple[Budget, Json]:
        """The budget as it counts, and the object as it is stored. Raises ApiError, and ValueError where it is none."""
        stored = await self._ask() if fresh or self._stored is None else self._stored
        known = self._known.of(stored, KnownBudget.read)
        if known.newest is not None:
            self._clock.raise_to(known.newest)
        now = self._clock.now()
        self._notice_step(now)
        status = known.budget.status
        if status.epoch == self.epoch:
            status = known.without_future(reservation.rebase(status, self._stepped), now)
        self.needs_amends = status is not known.budget.status and status != known.budget.status
        self.is_full = not known.has_room_for_acts
        budget = replace(known.budget, status=status) if self.needs_amends else known.budget
        self._tell_use(known, budget, now)
        return budget, stored

    def doubt(self) -> None:
        """What is remembered may be of the past: the next look reads it anew."""
        self._stored = None

    def note_written(self, stored: Json) -> None:
        """The writer has just stored the budget as it counts: this is the API server's answer."""
        self._stored, self._stepped, self.needs_amends = stored, timedelta(), False

    async def _ask(self) -> Json:
        """GET. What was shown or written meanwhile may be newer than the answer."""
        before = self._stored
        try:
            answer = await self._kube.get(BUDGETS, self._namespace, self._name)
        except ApiError:
            self._stored = None
            raise
        meanwhile = self._stored
        if meanwhile is not None and meanwhile is not before and version_of(meanwhile) > version_of(answer):
            return meanwhile
        self._stored = answer
        return answer

    def _tell_use(self, known: KnownBudget, budget: Budget, now: datetime) -> None:
        """How much counts changes with the budget, and with time."""
        if self._told is None or self._told[0] is not known or abs(now - self._told[1]) >= _TOLD_EVERY:
            self._told = known, now
            entries = budget.status.entries
            self._on_use(reservation.use(budget.spec, entries, now), reservation.free(budget, now))

    def _notice_step(self, now: datetime) -> None:
        """Limits count what has passed, so a step of the API server's time moves what they look back on."""
        if self._boot is None:
            return
        boot = self._boot()
        if self._looked_at is not None:
            step = (now - self._looked_at[0]) - timedelta(seconds=max(0.0, boot - self._looked_at[1]))
            self._stepped += step if step > _STEP else timedelta()
        self._looked_at = now, boot
