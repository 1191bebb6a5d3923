"""What the answers of people share: what is shown, who answers, and the answer as annotations."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from platelet.api.kinds import remediation as contract
from platelet.cli.session import NothingToTellError
from platelet.explain import lines
from platelet.model.approval import Approval
from platelet.model.escalation import EscalationRecord
from platelet.model.remediation import Remediation
from platelet.shell import kube

if TYPE_CHECKING:
    from platelet.shell.kube.client import ClusterClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A plan that waits for a person, as just read."""

    remediation: Remediation
    asked: Approval

    @property
    def where(self) -> str:
        """`remediation/NAME -n NAMESPACE`, as commands take it."""
        return f"remediation/{self.remediation.name} -n {self.remediation.namespace}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What people were told last, and what follows when one of them has heard."""

    token: str
    text: str
    follows: str


async def read_question(client: "ClusterClient", namespace: str, name: str, token: str) -> Question:
    """Read what is asked. Raises NothingToTellError when nothing is, or another plan than that of `token`."""
    return find_question(await read_remediation(client, namespace, name), token, client.clock.now())


async def read_remediation(client: kube.Reads, namespace: str, name: str) -> Remediation:
    """Read it. Raises NothingToTellError where it is not."""
    try:
        stored = await client.get(kube.REMEDIATIONS, namespace, name)
    except kube.NotFound:
        raise NothingToTellError(
            f"there is no Remediation {namespace}/{name}; list them: kubectl get rem -n {namespace}"
        ) from None
    return contract.read_remediation(stored)


def find_question(remediation: Remediation, token: str, now: datetime) -> Question:
    """Find the plan that is shown. Raises NothingToTellError that says why there is none to answer to."""
    status, asked = remediation.status, remediation.status.approval
    where = f"Remediation {remediation.namespace}/{remediation.name}"
    if asked is not None and asked.answer == "Approved" and status.state == "Waiting":
        answered = lines.moment(asked.answered_at or now, now)
        raise NothingToTellError(f"{where} is approved already, by {asked.by} at {answered}: {status.message}")
    if asked is None or not asked.is_open or status.state != "AwaitingApproval":
        raise NothingToTellError(f"{where} awaits no approval now: it is {status.state}: {status.message}")
    if asked.expires_at <= now:
        raise NothingToTellError(f"{where}: the time for an answer was over at {lines.moment(asked.expires_at, now)}")
    if token and token != asked.token:
        raise NothingToTellError(f"{where}: {token} is another plan than the present one, {asked.token}: look again")
    return Question(remediation=remediation, asked=asked)


def find_escalation(remediation: Remediation, token: str) -> EscalationRecord:
    """Find the escalation that can be handed back. Raises NothingToTellError that says why there is none."""
    status, escalation = remediation.status, remediation.status.escalation
    where = f"Remediation {remediation.namespace}/{remediation.name}"
    if status.state != "Escalated" or escalation is None:
        raise NothingToTellError(f"{where} is not escalated now: it is {status.state}: {status.message}")
    if not escalation.token:
        raise NothingToTellError(f"{where} was escalated by an older platelet: run its Runbook by hand: platelet run")
    if token and token != escalation.token:
        raise NothingToTellError(f"{where}: {token} is an earlier escalation than the present one, {escalation.token}")
    return escalation


def find_told(remediation: Remediation, token: str) -> Told:
    """Find what can be acknowledged. Raises NothingToTellError that says why there is nothing."""
    last = _find_told(remediation)
    if token and token != last.token:
        where = f"Remediation {remediation.namespace}/{remediation.name}"
        raise NothingToTellError(f"{where}: {token} is not what people were told last, {last.token}: look again")
    return last


def _find_told(remediation: Remediation) -> Told:
    status, asked = remediation.status, remediation.status.approval
    if status.state == "AwaitingApproval" and asked is not None and asked.is_open:
        follows = "nobody else is asked meanwhile, and it awaits an answer"
        return Told(token=asked.token, text=f"asks: {asked.summary}?", follows=follows)
    escalation = find_escalation(remediation, "")
    return Told(
        token=escalation.acknowledgement,
        text=f"escalated: {escalation.reason}: {escalation.message}",
        follows="nobody is called again for what was told so far",
    )


async def write_answer(client: "ClusterClient", remediation: Remediation, answer: Mapping[str, str]) -> None:
    """Annotate the Remediation, unless it is another one by now. Raises ApiError."""
    body = {"metadata": {"uid": remediation.uid, "annotations": dict(answer)}}
    await client.patch(kube.REMEDIATIONS, remediation.namespace, remediation.name, body, agent="cli")


def describe(question: Question, now: datetime) -> list[str]:
    """Say what the plan is."""
    remediation, asked = question.remediation, question.asked
    target = remediation.spec.target_ref
    fields = {
        "target": f"{remediation.namespace}/{target.kind.lower()}/{target.name}",
        "step": f"{asked.step_name}, by {asked.action}",
        "plan": asked.summary,
        "token": asked.token,
        "expires": lines.moment(asked.expires_at, now),
    }
    title = f"Remediation {remediation.namespace}/{remediation.name}"
    return [title, *(lines.INDENT + line for line in lines.fields(fields))]
