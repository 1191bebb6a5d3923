"""What people who have an incident are told anew: each thing once, and nothing is done about it."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.core import escalation_news
from platelet.core.decide import decide
from platelet.model import reasons, severity
from platelet.model.effects import Deliver, Publish, Write
from platelet.model.escalation import MAX_SYMPTOMS, EscalationRecord
from platelet.model.situation import Situation
from tests.unit.core.runbooks import restart_step
from tests.unit.situations import (
    NOW,
    a_listening_policy,
    a_notification,
    a_remediation,
    a_signal,
    a_situation,
    a_status,
    an_alert,
    evidence_of,
    minutes,
    seconds,
)

TOLD = EscalationRecord(
    reason=reasons.NO_STEP_LEFT,
    message="m",
    at=NOW - minutes(30),
    symptoms=("CrashLoopBackOff",),
    severity="warning",
    token="feed",
)
LOOP = a_signal()


def had(*signals: Any, escalation: EscalationRecord = TOLD, **status: Any) -> Situation:
    """What people have, and what is seen now."""
    reached = tuple(a_notification(sink=sink, state="Delivered") for sink in ("annotation", "webhook"))
    known = a_status(**{"state": "Escalated", "escalation": escalation, "notifications": reached, **status})
    return a_situation(
        signals=signals,
        remediation=a_remediation(status=known),
        steps=(restart_step(),),
        policy=a_listening_policy(),
    )


OTHERS = evidence_of(a_signal(reason="ImagePullBackOff", fingerprint="pod/ImagePullBackOff"))
NEWS: dict[str, tuple[Situation, str]] = {
    "the same": (had(LOOP), ""),
    "another alert": (had(LOOP, an_alert(severity="warning")), reasons.NEW_SYMPTOM),
    "a graver one": (had(LOOP, an_alert(severity="critical")), reasons.GRAVER),
    "the same symptom, graver": (had(a_signal(severity="page")), reasons.GRAVER),
    "the same symptom, less grave": (had(a_signal(severity="info")), ""),
    "another one that is too young": (had(LOOP, an_alert(holds_at=NOW + seconds(1))), ""),
    "another one that is silenced": (had(LOOP, an_alert(suppressed=True, severity="critical")), ""),
    "what another policy's trigger has shown": (had(LOOP, evidence=(OTHERS,)), reasons.NEW_SYMPTOM),
    "what it has shown, and it is over": (had(LOOP, evidence=(replace(OTHERS, resolved_at=NOW),)), ""),
    "a check that failed": (had(LOOP, a_signal(source="check", reason="CheckFailed")), ""),
    "it is back after an hour": (had(LOOP, quiet_since=NOW - minutes(60)), reasons.RECURRED),
    "it is back after less": (had(LOOP, quiet_since=NOW - minutes(59)), ""),
    "nothing is wrong": (had(quiet_since=NOW - minutes(60)), ""),
    "there is no room for more": (
        had(an_alert(), escalation=replace(TOLD, symptoms=tuple(f"s{n}" for n in range(MAX_SYMPTOMS)))),
        "",
    ),
}


@pytest.mark.parametrize(("situation", "reason"), NEWS.values(), ids=NEWS)
def test_what_is_news(situation: Situation, reason: str) -> None:
    news = escalation_news.find(situation, situation.remediation.status, NOW)
    assert (news.reason if news else "") == reason


@pytest.mark.parametrize(("situation", "reason"), NEWS.values(), ids=NEWS)
def test_each_is_told_once_and_nothing_is_done(situation: Situation, reason: str) -> None:
    """However often it is looked at."""
    calls = 0
    for _ in range(4):
        decision = decide(situation, NOW)
        assert not any(isinstance(effect, Write) for effect in decision.effects)
        calls += any(isinstance(effect, Publish) for effect in decision.effects)
        situation = replace(situation, remediation=replace(situation.remediation, status=decision.status))
    assert calls == (1 if reason else 0)


def test_it_is_delivered_under_an_id_of_its_own() -> None:
    """A pager would take the same id for a repetition."""
    situation = had(LOOP, an_alert(severity="critical"))
    decision = decide(situation, NOW)
    delivered = [effect for effect in decision.effects if isinstance(effect, Deliver)]
    assert [effect.correlation.id for effect in delivered] == ["rem-1/escalated/2"]
    assert delivered[0].request.body["data"]["reason"] == reasons.GRAVER


def test_the_escalation_itself_tells_all_that_was_on_record() -> None:
    alert = an_alert(severity="critical")
    status = a_status(step=1, evidence=(evidence_of(LOOP), evidence_of(alert, severity="critical")))
    situation = a_situation(remediation=a_remediation(status=status), steps=(restart_step(),), signals=(LOOP, alert))
    escalation = decide(situation, NOW).status.escalation
    assert escalation is not None
    assert (set(escalation.symptoms), escalation.severity) == ({"CrashLoopBackOff", "ApiDown"}, "critical")


def test_an_escalation_of_an_older_version_is_not_told_anew() -> None:
    old = replace(TOLD, symptoms=(), severity="", token="")
    situation = had(LOOP, escalation=old)
    assert escalation_news.find(situation, situation.remediation.status, NOW) is None


@pytest.mark.parametrize(
    ("less", "more"),
    [("info", "warning"), ("warning", "critical"), ("", "page"), ("P3", "P1"), ("sev-4", "SEV 2"), ("low", "high")],
)
def test_severities_are_compared_in_the_words_of_the_field(less: str, more: str) -> None:
    assert severity.rank(less) < severity.rank(more)


@pytest.mark.parametrize("word", ["", "warn", "Warning", "S3", "purple", "p", "9", "severity"])
def test_what_is_not_known_counts_as_a_warning(word: str) -> None:
    assert severity.rank(word) == severity.rank("warning")
