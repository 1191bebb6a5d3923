"""What pages people when platelet is unwell, and how alerts reach it, judged by promtool and amtool."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

MONITORING = Path(__file__).parents[2] / "deploy" / "monitoring"


def ask(tool: str, *arguments: str, folder: Path = MONITORING) -> str:
    """What a tool of theirs says; it must say that all is well."""
    program = shutil.which(tool)
    assert program, f"{tool} comes with the packages of this tier"
    done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_takes_the_scrape_and_the_rules() -> None:
    ask("promtool", "check", "config", "prometheus.yaml")


def test_alertmanager_takes_the_route() -> None:
    ask("amtool", "check-config", "alertmanager.yaml")


ROUTES = {
    "an application's alert goes to platelet and to people": (
        ["alertname=ApiDown", "namespace=shop"],
        "platelet,people",
    ),
    "platelet's own go to people alone": (["alertname=PlateletDown"], "people"),
    "that platelet heals is told to nobody": (["alertname=PlateletHealing", "severity=none"], "nobody"),
    "the heartbeat is no news": (["alertname=Watchdog"], "people"),
}


@pytest.mark.parametrize(("labels", "receivers"), ROUTES.values(), ids=ROUTES)
def test_who_hears_of(labels: list[str], receivers: str) -> None:
    routed = ask("amtool", "config", "routes", "test", "--config.file=alertmanager.yaml", *labels)
    assert routed.strip() == receivers


WELL = {
    'platelet_leader{instance="a"}': "1x30",
    'platelet_leader{instance="b"}': "0x30",
    'platelet_stream_silence_seconds{instance="a",stream="pods"}': "20x30",
    'platelet_budget_free{instance="a"}': "10x30",
    'platelet_budget_free{instance="b"}': "0x30",  # a standby does not know
    'platelet_unexpected_errors_total{instance="a",where="poller"}': "0x30",
    'platelet_kube_requests_seconds_count{instance="a",code="200"}': "0+100x30",
}
PAGES = {
    "nothing, while it is well": ({}, []),
    "down": (dict.fromkeys(WELL, ""), ["PlateletDown"]),
    "leaderless": ({'platelet_leader{instance="a"}': "0x30"}, ["PlateletLeaderless"]),
    "a stream is silent": (
        {'platelet_stream_silence_seconds{instance="a",stream="pods"}': "200x30"},
        ["PlateletStreamSilent"],
    ),
    "the leader's budget is full": ({'platelet_budget_free{instance="a"}': "0x30"}, ["PlateletBudgetFull"]),
    "a fault that has come before": (
        {'platelet_unexpected_errors_total{instance="a",where="poller"}': "0x25 1x5"},
        ["PlateletErrors"],
    ),
    "the first fault of its kind": (
        {'platelet_unexpected_errors_total{instance="a",where="leading"}': "_x25 1x5"},
        ["PlateletErrors"],
    ),
    "a webhook takes nothing": (
        {'platelet_notices_undelivered{instance="a"}': "1x30"},
        ["PlateletDoesNotReachPeople"],
    ),
    "a webhook fails again and again": (
        {'platelet_deliveries_total{instance="a",result="failed"}': "0+1x30"},
        ["PlateletDoesNotReachPeople"],
    ),
    "a right is missing": (
        {'platelet_kube_requests_seconds_count{instance="a",code="403"}': "0+20x30"},
        ["PlateletCannotAskTheApi"],
    ),
}


@pytest.mark.parametrize(("differs", "alerts"), PAGES.values(), ids=PAGES)
def test_what_pages(differs: dict[str, str], alerts: list[str], tmp_path: Path) -> None:
    """After half an hour: each fault pages by its own name and no other."""
    rules = yaml.safe_load((MONITORING / "rules.yaml").read_text())["groups"][0]["rules"]
    shutil.copy(MONITORING / "rules.yaml", tmp_path)
    series = [{"series": name, "values": values} for name, values in {**WELL, **differs}.items() if values]
    firing = {"expr": 'count by (alertname) (ALERTS{alertstate="firing"})', "eval_time": "30m"}
    expected = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in alerts]
    test = {"interval": "1m", "input_series": series, "promql_expr_test": [{**firing, "exp_samples": expected}]}
    content = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [test]}
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(content))
    assert {rule["alert"] for rule in rules} >= set(alerts)
    ask("promtool", "test", "rules", "test.yaml", folder=tmp_path)
