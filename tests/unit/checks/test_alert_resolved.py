"""The incident's alerts are resolved (TRAPS 43), and the verdict of all checks together."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from platelet import checks
from platelet.checks import alert_resolved
from platelet.checks.http_endpoint import Http
from platelet.model import reasons
from platelet.model.policy import Verification
from platelet.model.reading import Answered
from platelet.model.rules import Trial
from platelet.model.signal import Evidence
from tests.unit.situations import (
    GOOD,
    NOW,
    RELEASED,
    a_pod,
    a_policy,
    a_remediation,
    a_revision,
    a_signal,
    a_situation,
    a_status,
    a_well_workload,
    an_alert,
    an_attempt,
    change,
    evidence_of,
    minutes,
    seconds,
    verifying,
)

VERIFICATION = Verification()
TIMEOUT = minutes(15)
CRASH = evidence_of(a_signal())
JUST_COMPLETE = NOW - minutes(1)
STABLE_NOW = NOW - minutes(2)


def an_evidence(**changes: Any) -> Evidence:
    return evidence_of(an_alert(), **changes)


def trial(*evidence: Evidence, complete_at: Any = JUST_COMPLETE, **changes: Any) -> Trial:
    """Build a verification whose rollout was complete a minute ago."""
    return Trial(
        situation=a_situation(remediation=a_remediation(status=a_status(evidence=evidence)), **changes),
        verification=VERIFICATION,
        verifying=verifying(NOW - minutes(20), complete_at),
        attempt=an_attempt(),
    )


RESOLVED = {
    "no alert belongs to the incident": (CRASH,),
    "there is no evidence at all": (),
    "the alert is resolved": (an_evidence(resolved_at=NOW),),
    "all alerts are resolved": (
        an_evidence(resolved_at=NOW),
        an_evidence(fingerprint="2", resolved_at=RELEASED),
        CRASH,
    ),
}


@pytest.mark.parametrize("evidence", RESOLVED.values(), ids=RESOLVED)
def test_recovered(evidence: tuple[Evidence, ...]) -> None:
    """Only alerts are awaited; a pod's evidence is the business of the other checks."""
    assert alert_resolved.check(trial(*evidence), NOW).outcome == "Recovered"


def test_pending_until_the_alert_timeout() -> None:
    """An alert's resolution comes late: its own timeout runs from the complete rollout."""
    complete_at = NOW - TIMEOUT + seconds(1)
    verdict = alert_resolved.check(trial(an_evidence(), complete_at=complete_at), NOW)
    assert (verdict.outcome, verdict.reason) == ("Pending", reasons.ALERT_FIRING)
    assert verdict.retry_at == NOW + seconds(1)
    assert "ApiDown" in verdict.message


def test_pending_while_the_rollout_is_not_complete() -> None:
    """The clock has not started."""
    verdict = alert_resolved.check(trial(an_evidence(), complete_at=None), NOW)
    assert (verdict.outcome, verdict.retry_at) == ("Pending", None)


OVER = NOW - TIMEOUT
LONG_AGO = NOW - minutes(30)
AT_THE_TIMEOUT: dict[str, Any] = {
    "Alertmanager was asked just now": (LONG_AGO, NOW, "Failed", reasons.ALERT_FIRING),
    "Alertmanager was asked five minutes ago": (LONG_AGO, NOW - minutes(5), "Failed", reasons.ALERT_FIRING),
    "Alertmanager has not answered for longer": (
        LONG_AGO,
        NOW - minutes(5) - seconds(1),
        "Inconclusive",
        reasons.ALERT_STATE_UNKNOWN,
    ),
    "Alertmanager was never asked, and a webhook told lately": (
        NOW - minutes(5),
        None,
        "Failed",
        reasons.ALERT_FIRING,
    ),
    "Alertmanager was never asked, and webhooks are silent": (
        NOW - minutes(5) - seconds(1),
        None,
        "Inconclusive",
        reasons.ALERT_STATE_UNKNOWN,
    ),
    "Alertmanager is silent, but a webhook told lately": (
        NOW - minutes(1),
        LONG_AGO,
        "Failed",
        reasons.ALERT_FIRING,
    ),
}


def test_that_alertmanager_answers_says_nothing_of_an_alert_that_grafana_tells() -> None:
    fact = an_evidence(sender="Grafana", last_seen=LONG_AGO)
    verdict = alert_resolved.check(trial(fact, complete_at=OVER, alerts_known_at=NOW), NOW)
    assert (verdict.outcome, verdict.reason) == ("Inconclusive", reasons.ALERT_STATE_UNKNOWN)


@pytest.mark.parametrize(("last_seen", "known_at", "outcome", "reason"), AT_THE_TIMEOUT.values(), ids=AT_THE_TIMEOUT)
def test_at_the_timeout(last_seen: Any, known_at: Any, outcome: str, reason: str) -> None:
    """Failed needs knowledge: what was heard more than five minutes ago is not known any more."""
    looked_at = trial(an_evidence(last_seen=last_seen), complete_at=OVER, alerts_known_at=known_at)
    verdict = alert_resolved.check(looked_at, NOW)
    assert (verdict.outcome, verdict.reason) == (outcome, reason)


def test_one_alert_of_two_that_fires_is_enough() -> None:
    """All alerts of the incident are awaited."""
    looked_at = trial(an_evidence(resolved_at=NOW), an_evidence(fingerprint="2"), complete_at=OVER, alerts_known_at=NOW)
    assert alert_resolved.check(looked_at, NOW).outcome == "Failed"


STARTED_AT = NOW - minutes(19)
WELL: dict[str, Any] = {
    "workload": a_well_workload(),
    "revisions": (a_revision(3, GOOD, replicas=2),),
    "signals": (),
    "pods": tuple(
        a_pod(name, created_at=STARTED_AT, ready_changed_at=STARTED_AT, containers=()) for name in ("a", "b")
    ),
}


def judged(*evidence: Evidence, complete_at: Any = STABLE_NOW, **changes: Any) -> Any:
    looked_at = trial(*evidence, complete_at=complete_at, **(WELL | changes))
    return checks.judge(looked_at, NOW)


def test_all_checks_recovered_is_recovered() -> None:
    """Each check's sentence is part of the verdict."""
    verdict = judged(an_evidence(resolved_at=NOW))
    assert (verdict.outcome, verdict.reason) == ("Recovered", reasons.RECOVERED)
    assert verdict.message.count(";") == 2


def test_the_first_check_that_is_not_recovered_answers() -> None:
    """A rollout that was reverted is said before an unstable target, and that before an alert."""
    alert = an_evidence()
    assert judged(alert).reason == reasons.ALERT_FIRING
    assert judged(alert, pods=()).reason == reasons.NOT_STABLE
    assert judged(alert, pods=(), workload=a_well_workload(template_hash="x")).reason == reasons.REVERTED_BY_OTHERS


def test_the_order_of_the_checks() -> None:
    """Complete, then stable, then what others know."""
    names = [check.name for check in checks.CHECKS]
    assert names == ["completion", "rolloutComplete", "stable", "alertResolved", "prometheus", "http"]


QUERY = evidence_of(an_alert(source="query", fingerprint="query/uid/1"), last_seen=LONG_AGO)
KNOWN: dict[str, Any] = {
    "its query is answered": ({"queries_known_at": NOW}, "Failed"),
    "its query is not answered": ({"queries_known_at": NOW - minutes(6)}, "Inconclusive"),
    "only Alertmanager answers": ({"alerts_known_at": NOW}, "Inconclusive"),
}


@pytest.mark.parametrize(("known", "outcome"), KNOWN.values(), ids=KNOWN)
def test_a_query_that_opened_the_incident_is_awaited_like_an_alert(known: dict[str, Any], outcome: str) -> None:
    """What Alertmanager says is no knowledge of Prometheus, nor the reverse."""
    assert alert_resolved.check(trial(QUERY, complete_at=OVER, **known), NOW).outcome == outcome
    assert alert_resolved.check(trial(QUERY, complete_at=JUST_COMPLETE, **known), NOW).outcome == "Pending"


BOUNDED: dict[str, Any] = {
    "a query that still holds, until five minutes after the timeout": (QUERY, minutes(10) - seconds(1), "Pending"),
    "a query that still holds, beyond": (QUERY, minutes(10), "Failed"),
    "an alert that Alertmanager still has": (an_evidence(), TIMEOUT - seconds(1), "Pending"),
    "an alert that Alertmanager still has, beyond": (an_evidence(), TIMEOUT, "Failed"),
}


@pytest.mark.parametrize(("fact", "since", "outcome"), BOUNDED.values(), ids=BOUNDED)
def test_the_timeout_of_the_step_bounds_what_is_asked_at_its_source(fact: Evidence, since: Any, outcome: str) -> None:
    """A rate over five minutes still sees the time before the heal; the end of an alert is told late."""
    looked_at = trial(fact, complete_at=NOW - since, alerts_known_at=NOW, queries_known_at=NOW)
    assert alert_resolved.check(looked_at, NOW).outcome == outcome


SHOP_URL = Http(url="http://shop.svc/health")
KNOWN_TO_FAIL = {SHOP_URL.probe: Answered(status=500)}


SEEING_BEFORE: dict[str, tuple[list[Evidence], timedelta, str]] = {
    "a query that looks back to before the rollout": ([QUERY], minutes(30), "Inconclusive"),
    "one that sees only what came after": ([QUERY], minutes(10), "Failed"),
    "an alert beside it, which may have failed by itself": ([QUERY, an_evidence()], minutes(30), "Failed"),
}


@pytest.mark.parametrize("name", SEEING_BEFORE)
def test_a_query_that_may_be_of_before_the_step_says_nothing_of_it(name: str) -> None:
    """A heal that is taken for a failure is an action too many."""
    evidence, seen, outcome = SEEING_BEFORE[name]
    policy = replace(a_policy(), queries_look_back=seen)
    known: dict[str, Any] = {"queries_known_at": NOW, "alerts_known_at": NOW, "policy": policy}
    verdict = alert_resolved.check(trial(*evidence, complete_at=NOW - TIMEOUT, **known), NOW)
    assert verdict.outcome == outcome


def test_a_check_that_is_known_to_have_failed_waits_for_no_alert() -> None:
    """The alert may be told as resolved for ten minutes more; the URL has had its five."""
    looked_at = replace(
        trial(an_evidence(), complete_at=NOW - minutes(5), readings=KNOWN_TO_FAIL, **WELL),
        verification=Verification(checks=(SHOP_URL,)),
    )
    verdict = checks.judge(looked_at, NOW)
    assert (verdict.outcome, verdict.reason) == ("Failed", reasons.CHECK_FAILED)
    unknown = replace(looked_at, situation=change(looked_at.situation, readings={}))
    assert checks.judge(unknown, NOW).outcome == "Pending"
    resolved = a_status(evidence=(an_evidence(resolved_at=NOW),))
    situation = replace(unknown.situation, remediation=a_remediation(status=resolved))
    assert checks.judge(replace(unknown, situation=situation), NOW).outcome == "Inconclusive"


def test_the_step_says_how_long_alerts_are_awaited() -> None:
    looked_at = replace(
        trial(an_evidence(), complete_at=NOW - minutes(2), alerts_known_at=NOW),
        verification=Verification(checks=(alert_resolved.AlertResolved(timeout=minutes(2)),)),
    )
    assert alert_resolved.check(looked_at, NOW).outcome == "Failed"


SILENT_FOR = an_evidence(last_seen=NOW - minutes(20))
SETTLING: dict[str, tuple[Any, str]] = {
    "it leads since a moment ago": (seconds(20), "Pending"),
    "it leads for long": (minutes(2), "Inconclusive"),
    "who looks does not lead": (None, "Inconclusive"),
}


@pytest.mark.parametrize("source", ["alert", "query"])
@pytest.mark.parametrize(("leading_for", "outcome"), SETTLING.values(), ids=SETTLING)
def test_a_replica_that_has_just_begun_to_lead_has_not_heard_nothing(
    leading_for: Any, outcome: str, source: Any
) -> None:
    """The one before may have had an answer 90 seconds ago: unknown until asked, and then told."""
    silent = trial(replace(SILENT_FOR, source=source), complete_at=NOW - TIMEOUT, leading_for=leading_for)
    verdict = alert_resolved.check(silent, NOW)
    assert verdict.outcome == outcome
    assert outcome != "Pending" or verdict.retry_at == NOW + minutes(2) - leading_for
