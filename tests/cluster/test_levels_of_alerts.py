"""An alert that leads to no workload is told by level on a real API server, by an operator that is killed."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cluster import control_plane as cluster
from tests.cluster import incidents, listening, manifests, operating, patience, test_cli
from tests.cluster.manifests import UNDO, Json
from tests.cluster.test_escalation_levels import SICK, kinds, oncall

pytestmark = pytest.mark.cluster


def test_an_alert_that_leads_to_no_workload_climbs_on_after_a_restart_until_somebody_has_heard(
    control_plane: cluster.ControlPlane, tmp_path: Path
) -> None:
    """The third level never comes; the end is told to the two that were called, each notice once."""
    with ExitStack() as stack:
        operator = stack.enter_context(operating.one_leader(control_plane, tmp_path, resync="2s"))
        scene = stack.enter_context(incidents.scene(control_plane))
        pagers = {name: stack.enter_context(listening.pager()) for name in ("first", "second", "third")}
        levels: list[Json] = [
            {"after": "0s", "sinks": ["first"], "severities": ["critical"]},
            {"after": "0s", "sinks": ["third"], "severities": ["warning"]},
            {"after": "25s", "sinks": ["second"]},
            {"after": "10m", "sinks": ["third"]},
        ]
        scene.apply(oncall([{"name": name, "webhook": {"url": pager.url}} for name, pager in pagers.items()], *levels))
        followed = {"policyRef": {"name": "oncall"}}
        scene.use(manifests.policy("people", SICK, UNDO, targets={"all": True}, escalation=followed))
        firing = manifests.alert("Sick", scene.namespace, severity="page", team="a")

        def call() -> Json:
            (entry,) = scene.policy("people")["status"]["untargetedAlerts"]
            of_entry: Json = entry["call"]
            return of_entry

        manifests.send(operator.alerts_url, firing)
        patience.until("the first level", lambda: kinds(pagers["first"], scene) == ["untargeted"])
        begun = call()["at"]
        operator.kill()
        operator.start_again()
        patience.until("the second level", lambda: kinds(pagers["second"], scene) == ["untargeted"])
        assert call()["at"] == begun
        data = pagers["second"].of(scene.namespace)[0].event["data"]
        assert (data["level"], data["alert"]["severity"]) == (3, "critical")
        what = ("alert/Sick", "-n", scene.namespace)
        assert data["acknowledge"]["how"] == f"platelet acknowledge {' '.join(what)}"
        answer = test_cli.platelet(control_plane, "acknowledge", *what)
        assert (answer.code, answer.err) == (0, "")
        patience.until("the acknowledgement", lambda: call().get("acknowledgedBy") == "admin")
        again = test_cli.platelet(control_plane, "acknowledge", *what)
        assert (again.code, "is acknowledged already, by admin" in again.err) == (1, True)
        shown = test_cli.platelet(control_plane, "get", "policies", "-n", scene.namespace)
        rows = [cells for line in shown.out.splitlines() if (cells := line.split())[1:2] == ["Sick"]]
        assert [cells[2:8] for cells in rows] == [["Firing", "critical", "3", "first,second", "admin", "people"]]
        history = test_cli.platelet(control_plane, "timeline", *what)
        assert f"{scene.namespace}/people: NoTarget: level 3: second" in history.out
        assert f"{scene.namespace}/people: Acknowledged: admin has heard of it" in history.out
        manifests.send(operator.alerts_url, firing, manifests.resolved(firing))
        for pager in (pagers["first"], pagers["second"]):
            patience.until("the end", lambda: kinds(pager, scene) == ["untargeted", "resolved"])  # noqa: B023 - at once
        assert kinds(pagers["third"], scene) == []
