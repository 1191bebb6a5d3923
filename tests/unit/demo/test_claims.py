"""The demo's claims are not content with what merely looks right at the end."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.cluster.audit import AuditEvent
from tests.demo import claims
from tests.demo.watching import Obj, Seen

GOOD, BAD = "app:good-1", "app:crash-2"
UID = "b4425580-3e9e-4b02-bf55-fa822f71e66c"
MARK = '{"reason":"GaveUp","time":"2026-11-21T08:58:31Z","remediation":"deployment-api-1","uid":"%s"}'


def deployment(image: str = GOOD, replicas: int = 2, annotations: Mapping[str, str] | None = None) -> Obj:
    """A Deployment whose pods are all available."""
    counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), replicas)
    return {
        "metadata": {"name": "api", "uid": "d", "generation": 1, "annotations": annotations or {}},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"name": "app", "image": image}]}}},
        "status": {"observedGeneration": 1, **counts},
    }


def marked(uid: str) -> Obj:
    """A Deployment that is annotated as escalated by the Remediation of this uid."""
    return deployment(annotations={"platelet.dev/escalated": MARK % uid})


def attempt(action: str, **changes: Any) -> Obj:
    """An attempt that was carried out."""
    return {"id": f"{UID}/0/1", "kind": "Act", "action": action, "phase": "Done", "summary": "did it", **changes}


def remediation(*attempts: Obj, conditions: tuple[str, ...] = (), name: str = "deployment-api-1", **status: Any) -> Obj:
    """A Remediation of the Deployment."""
    true = [{"type": condition, "status": "True"} for condition in conditions]
    return {
        "metadata": {"name": name, "uid": UID},
        "spec": {"targetRef": {"kind": "Deployment", "name": "api"}},
        "status": {"state": "Monitoring", "attempts": list(attempts), "conditions": true, **status},
    }


def seen(*versions: tuple[str, Obj]) -> Seen:
    """These versions, in this order."""
    history = Seen()
    for number, (kind, obj) in enumerate(versions, 1):
        history.add(kind, {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(number)}})
    return history


def replicas(*numbers: int) -> list[tuple[str, Obj]]:
    """The Deployment with these numbers of replicas, one after the other."""
    return [("Deployment", deployment(replicas=number)) for number in numbers]


def images(*names: str) -> list[tuple[str, Obj]]:
    """The Deployment with these images, one after the other."""
    return [("Deployment", deployment(name)) for name in names]


UP = attempt("scale", revert={"dueAt": "2026-11-21T09:10:00Z"})
BACK = attempt("scale", id=f"{UID}/0/1/back", kind="Revert", intendedAt="2026-11-21T09:01:00Z")
LATE = {**BACK, "intendedAt": "2026-11-21T09:10:01Z"}
FIRING, RESOLVED = [{"reason": "Busy"}], [{"reason": "Busy", "resolvedAt": "2026-11-21T09:00:59Z"}]
PLAN = {"action": "rolloutUndo", "summary": "undo"}
UNDO = attempt("rolloutUndo", verdict="Recovered", verdictMessage="well")


def undone(story: Seen) -> str:
    return claims.undone(story, "api", BAD, GOOD)


def recovered(story: Seen) -> str:
    return claims.recovered(story, "api")


def scaled(story: Seen) -> str:
    return claims.scaled(story, "api", 2, 5)


def reverted(story: Seen) -> str:
    return claims.reverted(story, "api", 2, 5)


def escalated(story: Seen) -> str:
    return claims.escalated(story, "api")


def asked(story: Seen) -> str:
    return claims.asked(story, "api", "rolloutUndo")


def rem(*attempts: Obj, **status: Any) -> tuple[str, Obj]:
    return ("Remediation", remediation(*attempts, **status))


# The claim, what was seen, and whether that is evidence.
CASES: Mapping[str, tuple[Callable[[Seen], str], list[tuple[str, Obj]], bool]] = {
    "good, bad, good again by an undo": (undone, [*images(GOOD, BAD, GOOD), rem(UNDO)], True),
    "the bad release never came": (undone, [*images(GOOD), rem(UNDO)], False),
    "the bad release is still there": (undone, [*images(GOOD, BAD), rem(UNDO)], False),
    "people put the good image back": (undone, images(GOOD, BAD, GOOD), False),
    "the undo was only intended": (undone, [*images(GOOD, BAD, GOOD), rem({**UNDO, "phase": "Intended"})], False),
    "a plan is shown": (asked, [rem(state="AwaitingApproval", approval=PLAN)], True),
    "another plan is shown": (asked, [rem(state="AwaitingApproval", approval={**PLAN, "action": "scale"})], False),
    "the answer was given already": (asked, [rem(UNDO, state="Acting", approval=PLAN)], False),
    "nothing is shown": (asked, [rem(state="Waiting")], False),
    "recovered and verified": (recovered, [rem(UNDO, conditions=("Recovered",))], True),
    "recovered without any attempt": (recovered, [rem(conditions=("Recovered",))], False),
    "an attempt that was judged as no help": (
        recovered,
        [rem({**UNDO, "verdict": "Failed"}, conditions=("Recovered",))],
        False,
    ),
    "no condition yet": (recovered, [rem(UNDO)], False),
    "two Remediations of one target": (
        recovered,
        [rem(UNDO, conditions=("Recovered",)), rem(UNDO, conditions=("Recovered",), name="deployment-api-2")],
        False,
    ),
    "2, then 5 by a scale": (scaled, [*replicas(2, 5), rem(UP)], True),
    "5 from the beginning": (scaled, [*replicas(5), rem(UP)], False),
    "2, then 5 by people": (scaled, replicas(2, 5), False),
    "2, 5, 2 after the alert has resolved": (reverted, [*replicas(2, 5, 2), rem(UP, BACK, evidence=RESOLVED)], True),
    "2 all the time": (reverted, [*replicas(2), rem(UP, BACK, evidence=RESOLVED)], False),
    "reverted while the alert fires": (reverted, [*replicas(2, 5, 2), rem(UP, BACK, evidence=FIRING)], False),
    "reverted by time": (reverted, [*replicas(2, 5, 2), rem(UP, LATE, evidence=RESOLVED)], False),
    "reverted by people": (reverted, [*replicas(2, 5, 2), rem(UP, evidence=RESOLVED)], False),
    "escalated, and the mark names it": (
        escalated,
        [("Deployment", marked(UID)), rem(conditions=("Escalated",))],
        True,
    ),
    "the mark names another Remediation": (
        escalated,
        [("Deployment", marked("another")), rem(conditions=("Escalated",))],
        False,
    ),
    "a mark without an escalation": (escalated, [("Deployment", marked(UID)), rem()], False),
    "an escalation without a mark": (escalated, [*images(BAD), rem(conditions=("Escalated",))], False),
}


@pytest.mark.parametrize("name", CASES)
def test_a_claim_asks_for_all_of_its_evidence(name: str) -> None:
    """Evidence where the thing happened, nothing where it only looks so."""
    claim, versions, holds = CASES[name]
    assert bool(claim(seen(*versions))) is holds


def pod(count: int, state: Mapping[str, Any], image: str = BAD) -> tuple[str, Obj]:
    """One version of a pod."""
    status = {"name": "app", "image": image, "ready": True, "restartCount": count, "state": state}
    return ("Pod", {"metadata": {"name": "api-1"}, "status": {"containerStatuses": [status]}})


WAITING = {"waiting": {"reason": "CrashLoopBackOff"}}


@pytest.mark.parametrize(
    ("versions", "holds"),
    [
        ([*images(GOOD, BAD), pod(1, WAITING), pod(2, {"running": {}})], True),
        ([*images(GOOD, BAD), pod(1, WAITING)], False),
        ([*images(GOOD, BAD), pod(2, {"running": {}})], False),
        ([*images(GOOD, BAD), pod(2, WAITING, GOOD)], False),
        ([*images(GOOD), pod(2, WAITING)], False),
    ],
    ids=["so often and backing off", "too seldom", "never backing off", "the good image", "never released"],
)
def test_a_crash_loop_is_that_of_the_bad_release(versions: list[tuple[str, Obj]], holds: bool) -> None:  # noqa: FBT001
    """Restarts of that image, of a release that was made."""
    assert bool(claims.crash_looped(seen(*versions), "api", BAD, 2)) is holds


def write(
    agent: str, resource: str = "deployments", user: str = "platelet", code: int = 200, second: int = 0
) -> AuditEvent:
    """One patch, as the audit log has it."""
    return AuditEvent(
        verb="patch",
        resource=resource,
        subresource="",
        namespace="demo",
        name="api",
        user=user,
        user_agent=agent,
        code=code,
        timestamp=datetime(2026, 11, 21, 9, second=second, tzinfo=UTC),
        answered=datetime(2026, 11, 21, 9, second=second, tzinfo=UTC),
        request=None,
        response=None,
        api_group="apps",
        uri="/",
    )


ACTED, TOLD = write(f"platelet ({UID}/0/1)"), write(f"platelet ({UID}/escalated)")


@pytest.mark.parametrize(
    ("log", "holds"),
    [
        ([ACTED], True),
        ([ACTED, TOLD, write("platelet", "controllerrevisions"), write("kubectl", user="admin")], True),
        ([ACTED, write(f"platelet ({UID}/0/1)", code=409)], True),
        ([], False),
        ([ACTED, ACTED], False),
        ([ACTED, write("platelet")], False),
        ([ACTED, write(f"platelet ({UID}/1/1)")], False),
    ],
    ids=["one", "marks and records aside", "refused aside", "none", "twice", "without an id", "of an unknown attempt"],
)
def test_exactly_so_many_writes_each_by_a_known_attempt(log: list[AuditEvent], holds: bool) -> None:  # noqa: FBT001
    """The audit log is the judge, not the Remediation."""
    assert bool(claims.written(log, "demo", seen(rem(UNDO)), 1)) is holds


YES = write("platelet (cli)", "remediations", "alice", second=1)
AFTER, BEFORE = write(f"platelet ({UID}/0/1)", second=2), write(f"platelet ({UID}/0/1)", second=0)


@pytest.mark.parametrize(
    ("log", "by", "holds"),
    [
        ([YES, AFTER], "alice", True),
        ([BEFORE, YES], "alice", False),
        ([AFTER], "alice", False),
        ([YES], "alice", False),
        ([write("x", "remediations", "bob", second=1), AFTER], "alice", False),
        ([YES, AFTER], "bob", False),
        ([write("x", "remediations", "alice", 403, 1), AFTER], "alice", False),
    ],
    ids=["after", "before", "without a yes", "no write", "another's yes", "another's name on record", "a refused yes"],
)
def test_the_write_must_have_come_after_the_yes(log: list[AuditEvent], by: str, holds: bool) -> None:  # noqa: FBT001
    """By the audit log's times, and the name on record must be that person's."""
    story = seen(rem({**UNDO, "approvedBy": by}))
    assert bool(claims.written_after_yes(log, "demo", story, "alice")) is holds


def test_the_webhook_must_have_been_told_of_this_very_escalation() -> None:
    """Another escalation's delivery is no evidence, nor is one that the Remediation does not know of."""
    event = {
        "id": f"{UID}/escalated",
        "type": "dev.platelet.remediation.escalated",
        "data": {"reason": "GaveUp", "target": {"name": "api"}},
    }
    notification = {"id": f"{UID}/escalated", "sink": "webhook", "kind": "Escalated", "state": "Delivered"}
    delivered, not_yet = (
        seen(rem(notifications=[notification])),
        seen(rem(notifications=[{**notification, "state": "Pending"}])),
    )
    assert claims.told(delivered, "api", [event])
    assert not claims.told(delivered, "api", [])
    assert not claims.told(delivered, "api", [{**event, "id": "another/escalated"}])
    assert not claims.told(not_yet, "api", [event])


def test_pods_must_be_all_good_and_never_restarted() -> None:
    """A pod of the bad release that is still there, or a restart, is no recovery."""
    good, bad, restarted = pod(0, {}, GOOD)[1], pod(0, {}, BAD)[1], pod(1, {}, GOOD)[1]
    assert claims.only_healthy_pods([good, good], GOOD, 2)
    for pods in ([good], [good, bad], [good, restarted], [good, good, good], []):
        assert not claims.only_healthy_pods(pods, GOOD, 2)
