"""The five acts. Each reads as what people see; a claim that is not observed ends its act."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.cluster import installation, people
from tests.demo import alertmanager, claims, on_call, reports
from tests.demo.narration import brief
from tests.demo.stage import Stage

GOOD, BAD, SICK = "shop/app:good-1", "shop/app:crash-2", "shop/app:crash-1"
NEXT, MENDED = "shop/app:good-2", "shop/app:good-3"
LEVELS = ("oncall", "lead", "director")
MISSING = "shop/app:pullfail-2"
APPROVER = "alice"  # may approve in the act's namespace, and nothing else


@dataclass(frozen=True, slots=True)
class Act:
    """A heading, what is to be seen, and the play."""

    title: str
    subtitle: str
    namespace: str
    play: Callable[[Stage, on_call.OnCall], None]
    writes: int  # to workloads by platelet, marks for people left aside


def bad_release(stage: Stage, _people: on_call.OnCall) -> None:
    """A good release, then one that crash-loops."""
    seen, log = stage.seen, stage.plane.audit_events
    stage.install("bad-release.yaml")
    stage.create("api", GOOD)
    stage.until("the good release runs", lambda: claims.released(seen, "api", GOOD))
    stage.until("platelet remembers it as healthy", lambda: claims.remembered(seen, GOOD))
    stage.release("api", BAD)
    stage.until("the bad release crash-loops", lambda: claims.crash_looped(seen, "api", BAD, 2))
    stage.until("platelet has put the good template back", lambda: claims.undone(seen, "api", BAD, GOOD))
    stage.until("the Remediation is Recovered, verified", lambda: claims.recovered(seen, "api"))
    stage.until("only healthy pods of the good release are left", lambda: _pods(stage, GOOD, 2))
    stage.until("one write healed it, by the audit log", lambda: claims.written(log(), stage.namespace, seen, 1))
    reports.show_platelet_objects(stage)


def firing_alert(stage: Stage, _people: on_call.OnCall) -> None:
    """An alert scales up while it fires."""
    seen, log = stage.seen, stage.plane.audit_events
    sender = alertmanager.Alertmanager(stage.operator.alerts_url, installation.ALERT_TOKEN)
    stage.install("alert-scales-up.yaml")
    stage.create("web", GOOD)
    stage.until("2 replicas run", lambda: claims.released(seen, "web", GOOD))
    labels = {"alertname": "TooManyRequests", "severity": "warning", "namespace": stage.namespace, "deployment": "web"}
    stage.timeline.line("alert", f"Alertmanager: TooManyRequests fires for deployment {stage.namespace}/web")
    alert = sender.fire(labels, "web gets 480 requests per second, 200 for each replica")
    stage.until("replicas went 2 -> 5", lambda: claims.scaled(seen, "web", 2, 5))
    stage.go_on(4)
    stage.until("they stay while the alert fires", lambda: claims.still_scaled(seen, "web", 2, 5), seconds=1)
    stage.timeline.line("alert", "Alertmanager: TooManyRequests has resolved")
    sender.resolve(alert)
    stage.until("the Remediation is Recovered, verified", lambda: claims.recovered(seen, "web"))
    stage.until("replicas went back 5 -> 2", lambda: claims.reverted(seen, "web", 2, 5))
    stage.until("2 healthy pods are left", lambda: _pods(stage, GOOD, 2))
    stage.until("two writes, up and down, by the audit log", lambda: claims.written(log(), stage.namespace, seen, 2))


def approved(stage: Stage, _people: on_call.OnCall) -> None:
    """A release whose image cannot be pulled, and a person who must say yes first."""
    seen, log = stage.seen, stage.plane.audit_events
    people.bind(stage.plane, APPROVER, stage.namespace, "platelet-approve")
    stage.install("approve-first.yaml")
    stage.create("shop", GOOD)
    stage.until("the good release runs", lambda: claims.released(seen, "shop", GOOD))
    stage.until("platelet remembers it as healthy", lambda: claims.remembered(seen, GOOD))
    stage.release("shop", MISSING)
    stage.until("the plan is shown, and a person is asked", lambda: claims.asked(seen, "shop", "rolloutUndo"))
    stage.go_on(3)
    stage.until(
        "nothing is written while the answer is awaited, by the audit log",
        lambda: claims.written(log(), stage.namespace, seen, 0),
        seconds=1,
    )
    reports.approve(stage, APPROVER)
    stage.until("platelet has put the good template back", lambda: claims.undone(seen, "shop", MISSING, GOOD))
    stage.until("the Remediation is Recovered, verified", lambda: claims.recovered(seen, "shop"))
    stage.until(
        "the one write came after the yes, by the audit log",
        lambda: claims.written_after_yes(log(), stage.namespace, seen, APPROVER),
    )


def no_step_heals(stage: Stage, on_duty: on_call.OnCall) -> None:
    """Sick from its first release on: nothing to go back to."""
    seen, log = stage.seen, stage.plane.audit_events
    stage.install("no-step-heals.yaml", **{"http://127.0.0.1:8090/on-call": on_duty.url})
    stage.create("jobs", SICK)
    stage.until("its pods crash-loop", lambda: claims.crash_looped(seen, "jobs", SICK, 2))
    stage.until(
        "the undo is refused, it does not guess",
        lambda: claims.refused(seen, "jobs", "undo-the-release", "NoHealthyRevision"),
    )
    stage.until("a restart was tried and did not help", lambda: claims.failed(seen, "rolloutRestart"))
    stage.until(
        "the limit of one action per hour stops it",
        lambda: claims.refused(seen, "jobs", "add-a-replica", "TargetRateLimited"),
    )
    stage.until("it escalates: condition and annotation", lambda: claims.escalated(seen, "jobs"))
    stage.until("Events tell of it", lambda: claims.events_on(seen, "Deployment", "RemediationPolicy"))
    stage.until("the webhook was told", lambda: claims.told(seen, "jobs", on_duty.received))
    stage.timeline.line("people", f"get a call: {brief(on_duty.received[-1]['data']['message'])}")
    stage.go_on(5)
    stage.until(
        "nothing more is done: one write, by the audit log",
        lambda: claims.written(log(), stage.namespace, seen, 1),
        seconds=1,
    )
    reports.explain(stage)


def level_by_level(stage: Stage, on_duty: on_call.OnCall) -> None:
    """The P1 of a runbook to its last step; then all levels of its escalation matrix."""
    seen, log = stage.seen, stage.plane.audit_events
    sender = alertmanager.Alertmanager(stage.operator.alerts_url, installation.ALERT_TOKEN)
    stage.install("level-by-level.yaml", **{"http://127.0.0.1:8090": on_duty.base})
    stage.create("api", GOOD)
    stage.until("the first release runs", lambda: claims.released(seen, "api", GOOD))
    stage.until("platelet remembers it as healthy", lambda: claims.remembered(seen, GOOD))
    stage.release("api", NEXT)
    stage.until("the second release runs", lambda: claims.released(seen, "api", NEXT))
    labels = {"alertname": "ApiDown", "severity": "critical", "namespace": stage.namespace, "deployment": "api"}
    stage.timeline.line("alert", f"Alertmanager: ApiDown fires for deployment {stage.namespace}/api")
    alert = sender.fire(labels, "no health check is answered")
    for action in ("rolloutRestart", "rolloutUndo", "scale"):
        stage.until(f"{action} was tried and did not help", partial(claims.failed, seen, action))
    stage.until("it escalates: condition and annotation", lambda: claims.escalated(seen, "api"))
    for level in LEVELS:
        heard = partial(claims.called, seen, "api", "escalated")
        stage.until(f"{level} is called", lambda: heard(on_duty.by_path.get(f"/{level}", [])))  # noqa: B023 - at once
        stage.timeline.line("people", f"{level} gets a call")
    stage.until("three writes, by the audit log", lambda: claims.written(log(), stage.namespace, seen, 3), seconds=1)
    stage.release("api", MENDED)
    stage.until("people's own release runs", lambda: claims.released(seen, "api", MENDED))
    stage.timeline.line("alert", "Alertmanager: ApiDown has resolved")
    sender.resolve(alert)
    for level in LEVELS:
        heard = partial(claims.called, seen, "api", "resolved")
        stage.until(f"{level} hears that it is over", lambda: heard(on_duty.by_path.get(f"/{level}", [])), seconds=120)  # noqa: B023 - at once


def _pods(stage: Stage, image: str, count: int) -> str:
    return claims.only_healthy_pods(stage.read_pods(), image, count)


ACTS = (
    Act(
        "Act 1: a bad release heals itself",
        "A good release, then one that crash-loops. Policy: tests/demo/policies/bad-release.yaml",
        "demo-release",
        bad_release,
        writes=1,
    ),
    Act(
        "Act 2: a firing alert scales up, for as long as it fires",
        "An Alertmanager posts to platelet's receiver. Policy: tests/demo/policies/alert-scales-up.yaml",
        "demo-alert",
        firing_alert,
        writes=2,
    ),
    Act(
        "Act 3: nothing helps, so it stops and calls people",
        "It was never well, and one action per hour is allowed. Policy: tests/demo/policies/no-step-heals.yaml",
        "demo-escalation",
        no_step_heals,
        writes=1,
    ),
    Act(
        "Act 4: a person approves the plan first",
        "The plan is shown, alice says yes, then it acts. Policy: tests/demo/policies/approve-first.yaml",
        "demo-approval",
        approved,
        writes=1,
    ),
    Act(
        "Act 5: a runbook to its last step, and people level by level",
        "Restart, undo, 15 replicas; then everybody. Policy: tests/demo/policies/level-by-level.yaml",
        "demo-levels",
        level_by_level,
        writes=3,
    ),
)
