"""The judge itself: what of the audit log counts as an effect, and whose."""

import json
from pathlib import Path
from typing import Any

from tests.cluster import audit
from tests.faults import scene

SPEC = {"spec": {"replicas": 3}}
FIRST, SECOND = "uid/0/1", "uid/0/2"


def entry(agent: str, **changes: Any) -> dict[str, Any]:
    """A granted write on a Deployment by the operator, as the API server logs it, but for what is said."""
    good = {
        "verb": "patch",
        "objectRef": {"resource": "deployments", "namespace": "shop", "name": "web"},
        "user": {"username": "platelet"},
        "userAgent": f"platelet/0.1.0 ({agent})",
        "responseStatus": {"code": 200},
        "requestReceivedTimestamp": "2026-11-21T08:00:00.000000Z",
        "stageTimestamp": "2026-11-21T08:00:00.100000Z",
        "requestObject": SPEC,
    }
    return good | changes


def judged(directory: Path, *entries: dict[str, Any]) -> dict[str, list[str]]:
    """What the judge makes of this log."""
    log = directory / "audit.log"
    log.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
    return scene.effects(audit.read(log), "shop")


def test_two_granted_writes_of_one_attempt_are_seen(tmp_path: Path) -> None:
    """The violation that all these tests look for."""
    attempts = judged(tmp_path, entry(FIRST), entry(SECOND), entry(FIRST))
    assert attempts == {"web": [FIRST, SECOND, FIRST]}
    assert scene.twice(attempts["web"]) == [FIRST]


def test_the_scale_subresource_and_a_json_patch_count(tmp_path: Path) -> None:
    """All ways by which an action may change a workload."""
    scale = {"resource": "deployments", "subresource": "scale", "namespace": "shop", "name": "web"}
    undo = [{"op": "replace", "path": "/spec/template", "value": {}}]
    assert judged(tmp_path, entry(FIRST, objectRef=scale), entry(SECOND, requestObject=undo)) == {
        "web": [FIRST, SECOND]
    }


def test_a_write_without_an_attempt_counts_too(tmp_path: Path) -> None:
    """It is on nobody's record, which the tests compare with."""
    assert judged(tmp_path, entry("", userAgent="platelet/0.1.0")) != {}


def test_what_changes_no_workload_does_not_count(tmp_path: Path) -> None:
    """Refused writes, annotations, reads, and other people's writes."""
    others = (
        entry(FIRST, responseStatus={"code": 409}),
        entry(FIRST, requestObject={"metadata": {"annotations": {"a": "b"}}}),
        entry(FIRST, verb="get"),
        entry(FIRST, user={"username": "admin"}),
    )
    assert judged(tmp_path, *others) == {}
