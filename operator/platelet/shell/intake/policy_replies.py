"""Stores what people answered, where they were told, to what a policy has on record: there, by a compare-and-swap.

That is a failed Job, or an alert without a target.
What sinks are to hear of it is stored in the same write, as where somebody annotates the policy.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from platelet.api.kinds.status_lists import ALERTS, FAILED_JOBS, StatusList
from platelet.core import recorded_acknowledgements
from platelet.core.recorded_calls import E
from platelet.core.replies import Vain
from platelet.model.effects import Effect
from platelet.model.notification import OF_A_JOB, Holder
from platelet.model.reply import Reply
from platelet.shell.act.effects import EffectRunner
from platelet.shell.act.policy_notices import read_ledger, write_ledger
from platelet.shell.intake.callback_receiver import NothingStoredError, Origin
from platelet.shell.intake.reply_origins import ReplyOrigins
from platelet.shell.kube import POLICIES, Json, Kube, NotFound
from platelet.shell.store.policies import PolicyBook
from platelet.shell.store.policy_records import store_records


class PolicyReplies:
    """Stores acknowledgements from PagerDuty or Slack of what a policy has on record."""

    def __init__(
        self,
        kube: Kube,
        book: PolicyBook,
        origins: ReplyOrigins,
        runner: EffectRunner,
        on_news: Callable[[Holder], None] = lambda _holder: None,
    ) -> None:
        """Take the API, the policies, from where people answer, and who runs effects.

        `on_news` hears of each policy that has something to tell.
        """
        self._kube = kube
        self._book = book
        self._origins = origins
        self._runner = runner
        self._on_news = on_news

    async def store(self, origin: Origin, reply: Reply, now: datetime) -> None:
        """Return once the API server has it. Raises NothingStoredError, ApiError.

        The policy is judged as it is after the status that is written was read: if it changes in between, nothing is.
        """
        stored = await self._read(reply.uid)
        namespace, name = stored["metadata"]["namespace"], stored["metadata"]["name"]
        policy, through = await self._origins.admit(origin, namespace, name)
        status = stored.get("status") or {}
        by = reply.by(origin.callback.name)

        def answer(kept: StatusList[E]) -> tuple[dict[str, Any], tuple[Effect, ...]]:
            known, ledger = kept.read(status), read_ledger(status)
            heard = recorded_acknowledgements.answer(policy, known, ledger, reply, by, through, now)
            if isinstance(heard, Vain):
                raise NothingStoredError(f"on record of policy {policy.key}: {heard.why}", forbidden=heard.forbidden)
            return {**kept.write(heard.listed), **write_ledger(heard.ledger)}, heard.effects

        changes, effects = answer(FAILED_JOBS) if reply.course == OF_A_JOB else answer(ALERTS)
        await store_records(self._kube, self._book, stored, changes)
        self._on_news(("policy", namespace, name))
        for effect in effects:
            await self._runner.run(effect)

    async def _read(self, uid: str) -> Json:
        """The policy as it is now. Raises NothingStoredError where there is none; ApiError."""
        known = next((resolved.policy for resolved in self._book.resolved_policies if resolved.policy.uid == uid), None)
        try:
            stored = await self._kube.get(POLICIES, known.namespace, known.name) if known is not None else None
        except NotFound:
            stored = None
        if stored is None or stored["metadata"]["uid"] != uid:
            raise NothingStoredError("there is no such policy")
        return stored
