"""When the packs of deploy/packs may act, by the windows that their runbooks name."""

from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter

from platelet.guards import maintenance_window
from platelet.model.durations import parse_time
from platelet.model.maintenance import MaintenanceWindow
from tests.unit.situations import a_policy, a_situation, limits

PACKS = Path(__file__).parents[3] / "deploy" / "packs"
WINDOWS = TypeAdapter(tuple[MaintenanceWindow, ...])


def of_waooaw(policy: str) -> tuple[MaintenanceWindow, ...]:
    """Those of a policy, as it is written."""
    policies = yaml.safe_load_all((PACKS / "waooaw" / "policies.yaml").read_text())
    (written,) = [entry["spec"]["limits"] for entry in policies if entry["metadata"]["name"] == policy]
    return WINDOWS.validate_python(written["maintenanceWindows"])


def of_production() -> tuple[MaintenanceWindow, ...]:
    """Those that production of Oh My Coins adds to its base."""
    (patch,) = yaml.safe_load((PACKS / "ohmycoins" / "production" / "kustomization.yaml").read_text())["patches"]
    (operation,) = yaml.safe_load(patch["patch"])
    return WINDOWS.validate_python(operation["value"])


CLOSED = {
    "during the daily backup": ("2026-11-25T02:30:00Z", True),
    "after it": ("2026-11-25T03:30:00Z", False),
    "during the patches on Sunday": ("2026-11-29T03:30:00Z", True),
    "after these": ("2026-11-29T04:30:00Z", False),
    "during the maintenance on the first Sunday of a month": ("2026-12-06T05:30:00Z", True),
    "after that": ("2026-12-06T06:30:00Z", False),
    "on the second Sunday, when there is none": ("2026-12-13T05:30:00Z", False),
}


@pytest.mark.parametrize("policy", ["service-down", "high-load"])
@pytest.mark.parametrize(("now", "closed"), CLOSED.values(), ids=CLOSED)
def test_nothing_is_changed_of_waooaw(now: str, closed: bool, policy: str) -> None:  # noqa: FBT001 - a column
    assert is_closed(of_waooaw(policy), now) is closed


OPEN = {
    "before the window": ("2026-11-28T15:59:00Z", False),
    "on Sunday at three in Brisbane": ("2026-11-28T17:00:00Z", True),
    "on Sunday at four there": ("2026-11-28T18:00:00Z", False),
    "on Sunday at three in Greenwich": ("2026-11-29T03:00:00Z", False),
    "on Sunday at three in the winter": ("2026-07-04T17:00:00Z", True),
}


@pytest.mark.parametrize(("now", "opened"), OPEN.values(), ids=OPEN)
def test_production_of_ohmycoins_is_changed(now: str, opened: bool) -> None:  # noqa: FBT001 - a column
    assert is_closed(of_production(), now) is not opened


def is_closed(windows: tuple[MaintenanceWindow, ...], now: str) -> bool:
    """Whether a policy with these windows does not act then."""
    situation = a_situation(policy=a_policy(limits=limits(maintenance_windows=windows)))
    return maintenance_window.deny(situation, parse_time(now)) is not None
