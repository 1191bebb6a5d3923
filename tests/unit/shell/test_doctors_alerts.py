"""The doctor's test alert is taken out before any policy is asked, and its receipt is told once."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from platelet.model.alert import Alert
from platelet.model.effects import Publish
from platelet.shell.intake.doctors_alerts import DoctorsAlerts
from tests.unit.situations import NOW

NONCE = "0123456789abcdef"


@dataclass
class Recorder:
    """Takes what is passed on and what is told."""

    stored: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)
    told: list[Publish] = field(default_factory=list)

    async def store(self, alerts: Sequence[Alert], truncated: int) -> None:
        """Keep their names."""
        self.stored += [*(alert.name for alert in alerts), f"truncated {truncated}"]

    async def store_present(self, alerts: Sequence[Alert]) -> None:
        """Keep their names."""
        self.present += [alert.name for alert in alerts]

    async def publish(self, effect: Publish) -> None:
        """Keep it."""
        self.told.append(effect)


def alert(name: str, **labels: str) -> Alert:
    """A firing alert."""
    return Alert(
        fingerprint="f" * 16, status="firing", labels={"alertname": name, **labels}, starts_at=NOW, annotations={}
    )


async def test_a_test_alert_is_told_and_goes_no_further() -> None:
    """The others do."""
    recorder = Recorder()
    alerts = DoctorsAlerts(recorder, recorder, "platelet-system")
    await alerts.store([alert("PlateletDoctor", platelet_nonce=NONCE), alert("ApiDown")], 2)
    assert recorder.stored == ["ApiDown", "truncated 2"]
    [event] = recorder.told
    assert (event.reason, NONCE in event.note) == ("TestAlertReceived", True)
    assert event.regarding["kind"] == "ActionBudget"


@pytest.mark.parametrize(
    "alerts",
    [
        pytest.param([alert("PlateletDoctor")], id="no nonce"),
        pytest.param([alert("PlateletDoctor", platelet_nonce="; rm -rf /" * 99)], id="anything as a nonce"),
        pytest.param([alert("Other", platelet_nonce=NONCE)], id="another alert with a nonce"),
    ],
)
async def test_only_a_nonce_is_told(alerts: list[Alert]) -> None:
    """Labels are data of others."""
    recorder = Recorder()
    await DoctorsAlerts(recorder, recorder, "platelet-system").store(alerts, 0)
    assert recorder.told == []


async def test_what_fires_in_alertmanager_proves_no_route() -> None:
    """It opens nothing either."""
    recorder = Recorder()
    test = alert("PlateletDoctor", platelet_nonce=NONCE)
    await DoctorsAlerts(recorder, recorder, "platelet-system").store_present([test, alert("ApiDown")])
    assert (recorder.present, recorder.told) == (["ApiDown"], [])


async def test_a_storm_of_test_alerts_makes_a_few_events_only() -> None:
    """Whoever has the token may send as many as they like."""
    recorder = Recorder()
    storm = [alert("PlateletDoctor", platelet_nonce=f"{number:016x}") for number in range(1000)]
    await DoctorsAlerts(recorder, recorder, "platelet-system").store(storm, 0)
    assert len(recorder.told) <= 3
