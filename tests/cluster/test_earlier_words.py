"""Objects of an earlier version live on: what it owes is read, and its end is stored under the CRDs of today."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from platelet.api.generation import crds
from platelet.api.kinds import budget as budgets
from platelet.api.kinds import remediation as remediations
from tests.cluster import control_plane as cluster
from tests.cluster import patience

pytestmark = pytest.mark.cluster
ROOT = Path(__file__).parents[2]
AT = "2026-11-21T12:00:00Z"
CHANGE = {"kind": "SetReplicas", "before": {"replicas": "2"}, "meant": {"replicas": "5"}}
LENT = {"action": "scale", "changes": [CHANGE], "dueAt": AT}
ENTRY = {
    "id": "gone/0/1",
    "target": {"kind": "Deployment", "namespace": "default", "name": "api"},
    "policy": "default/heal",
    "epoch": 1,
    "reservedAt": AT,
    "outcome": "Done",
}
FACT = {"reason": "TakenBack", "fingerprint": "f", "message": "m", "firstSeen": AT, "lastSeen": AT}
OPENED = {
    "apiVersion": "platelet.dev/v1alpha1",
    "kind": "Remediation",
    "metadata": {"name": "deployment-api-1"},
    "spec": {
        "targetRef": {"kind": "Deployment", "name": "api"},
        "policyRef": {"name": "heal"},
        "runbookRef": {"name": "heal"},
        "mode": "Enforce",
        "signal": {"source": "takeBack", **FACT},
    },
}
BUDGET = {
    "apiVersion": "platelet.dev/v1alpha1",
    "kind": "ActionBudget",
    "metadata": {"name": "platelet"},
    "spec": {"limits": [{"maxActions": 1, "per": "1h"}], "suspended": {"reason": "removal", "leaving": "TakeBack"}},
}


def with_earlier_words(kind: str) -> dict[str, Any]:
    """The CRD of a kind as it was: no list of words, and every field is kept."""
    crd = crds.build_crd(crds.BY_NAME[kind])
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    kept = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema["properties"] |= {"spec": kept, "status": kept}
    return crd


@pytest.fixture
def api(control_plane: cluster.ControlPlane) -> cluster.ControlPlane:
    """An API server that holds what an earlier version has stored, and has been given today's CRDs."""
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(ROOT / "crds"))
    for kind in ("Remediation", "ActionBudget"):
        control_plane.kubectl("replace", "-f", "-", input=yaml.safe_dump(with_earlier_words(kind)))
    control_plane.kubectl("delete", "rem,budget", "--all", "-n", "default")
    for body in (OPENED, BUDGET):
        store(control_plane, body)
    status = {
        "status": {"entries": [{**ENTRY, "takeBack": LENT}, {**ENTRY, "id": "gone/0/1/back", "kind": "TakeBack"}]}
    }
    control_plane.kubectl(
        "patch", "budget", "platelet", "-n", "default", "--subresource=status", "--type=merge", "-p", json.dumps(status)
    )
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(ROOT / "crds"))
    for body in (OPENED, BUDGET):
        another = {**body, "metadata": {"name": "another"}}
        patience.until("the words of then to be refused", partial(is_refused, control_plane, another))
    return control_plane


def store(control_plane: cluster.ControlPlane, body: dict[str, Any]) -> None:
    """Create it as soon as the API server goes by the CRD of then."""
    patience.until("the words of an earlier version to be taken", lambda: is_taken(control_plane, body))
    control_plane.kubectl("apply", "-n", "default", "-f", "-", input=yaml.safe_dump(body))


def is_refused(control_plane: cluster.ControlPlane, body: dict[str, Any]) -> bool:
    """Whether today's CRDs are in force."""
    return not is_taken(control_plane, body)


def is_taken(control_plane: cluster.ControlPlane, body: dict[str, Any]) -> bool:
    """Whether the API server would store it as new."""
    try:
        control_plane.kubectl("create", "--dry-run=server", "-n", "default", "-f", "-", input=yaml.safe_dump(body))
    except cluster.KubectlFailed:
        return False
    return True


def read(api: cluster.ControlPlane, kind: str, name: str) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(api.kubectl("get", kind, name, "-n", "default", "-o", "json"))
    return stored


def test_what_it_owes_is_read_and_can_be_settled(api: cluster.ControlPlane) -> None:
    stored = read(api, "budget", "platelet")
    budget = budgets.read_budget(stored)
    owed, back = budget.status.entries
    assert (owed.revert is not None, back.kind) == (True, "Revert")
    stored["status"] = budgets.write_budget_status(budget.status)
    api.kubectl("replace", "--subresource=status", "-f", "-", input=json.dumps(stored))
    assert "takeBack" not in str(read(api, "budget", "platelet")["status"])


def test_one_that_was_opened_only_to_revert_can_tell_what_became_of_it(api: cluster.ControlPlane) -> None:
    stored = read(api, "rem", "deployment-api-1")
    remediation = remediations.read_remediation(stored)
    assert remediation.spec.signal.source == "revert"
    stored["status"] = remediations.write_status(remediation.status) | {"state": "Closed"}
    api.kubectl("replace", "--subresource=status", "-f", "-", input=json.dumps(stored))
    assert read(api, "rem", "deployment-api-1")["status"]["state"] == "Closed"
