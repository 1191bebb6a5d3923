"""Queries of the packs over an hour and longer, which no live test can wait for, judged by promtool."""

from pathlib import Path

import yaml

from tests.cluster.packs import PACKS
from tests.e2e.test_monitoring import ask


def test_memory_that_a_restart_has_given_back_grows_no_more(tmp_path: Path) -> None:
    """Prometheus has an hour of the pod before the restart; else the restart would count as one that did not help."""
    policies = yaml.safe_load_all((PACKS / "architect-api" / "policies.yaml").read_text())
    (policy,) = [entry for entry in policies if entry["metadata"]["name"] == "memory-leak"]
    query = policy["spec"]["triggers"][0]["query"]
    name = 'container_memory_working_set_bytes{namespace="architect-production",pod="architect-api-%s"}'
    series = [
        {"series": name % "before", "values": "100000000+6000000x89 stale"},  # 100 kB a second, until 1h30m
        {"series": name % "after", "values": "_x90 100000000x60"},
    ]
    growing = {"expr": f"({query['expr']}) > {query['above']}", "exp_samples": []}
    leaks = {"labels": '{namespace="architect-production"}', "value": 100_000}
    test = {
        "interval": "1m",
        "input_series": series,
        "promql_expr_test": [{**growing, "eval_time": "89m", "exp_samples": [leaks]}, {**growing, "eval_time": "95m"}],
    }
    (tmp_path / "test.yaml").write_text(yaml.safe_dump({"evaluation_interval": "1m", "tests": [test]}))
    ask("promtool", "test", "rules", "test.yaml", folder=tmp_path)
