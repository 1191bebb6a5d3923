"""A real Prometheus and a real Alertmanager, with rules, a route and a receiver that lead to platelet."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.cluster import patience, processes
from tests.cluster.installation import ALERT_TOKEN
from tests.cluster.manifests import Json
from tests.cluster.processes import Component


@dataclass(frozen=True)
class Monitoring:
    """Where both answer, on loopback."""

    directory: Path
    prometheus_port: int
    alertmanager_port: int

    @property
    def prometheus_url(self) -> str:
        """Prometheus's base."""
        return f"http://127.0.0.1:{self.prometheus_port}"

    @property
    def alertmanager_url(self) -> str:
        """Alertmanager's base."""
        return f"http://127.0.0.1:{self.alertmanager_port}"

    @property
    def targets(self) -> Path:
        """The file that says what is scraped."""
        return self.directory / "targets.json"

    def scrape(self, address: str, labels: Mapping[str, str]) -> None:
        """Scrape this `host:port` from now on, with these labels on each sample."""
        draft = self.targets.with_suffix(".draft")
        draft.write_text(json.dumps([{"targets": [address], "labels": dict(labels)}]))
        draft.rename(self.targets)


def prepare(directory: Path) -> Monitoring:
    """Where they will answer: the operator asks the one that calls it."""
    return Monitoring(directory, *processes.free_ports(2))


@contextmanager
def running(
    monitoring: Monitoring, rules: Sequence[Json], alerts_url: str, scraped: Sequence[Json] = ()
) -> Iterator[None]:
    """Both programs, for the length of a `with` block.

    Alerts go to the receiver of the operator at `alerts_url`. `scraped` are entries of `scrape_configs`.
    """
    started: list[Component] = []
    try:
        started.append(_start(monitoring, "prometheus-alertmanager", _alertmanager(monitoring, alerts_url)))
        started.append(_start(monitoring, "prometheus", _prometheus(monitoring, rules, scraped)))
        for component, url in zip(started, (monitoring.alertmanager_url, monitoring.prometheus_url), strict=True):
            _until_ready(component, url)
        yield
    finally:
        for component in started:
            component.stop()


@contextmanager
def alertmanager_alone(monitoring: Monitoring, config: Json) -> Iterator[str]:
    """Alertmanager with this configuration, for the length of a `with` block; gives its base."""
    component = _start(monitoring, "prometheus-alertmanager", _flags(monitoring, config))
    try:
        _until_ready(component, monitoring.alertmanager_url)
        yield monitoring.alertmanager_url
    finally:
        component.stop()


def _start(monitoring: Monitoring, program: str, flags: Json) -> Component:
    command = [shutil.which(program) or program, *(f"--{flag}={value}" for flag, value in flags.items())]
    return processes.start(program, command, monitoring.directory / f"{program}.log")


def _until_ready(component: Component, url: str) -> None:
    def ready() -> bool:
        component.check()
        try:
            return httpx.get(f"{url}/-/ready", trust_env=False).is_success
        except httpx.HTTPError:
            return False

    patience.until(f"{component.name} to be ready", ready)


def _alertmanager(monitoring: Monitoring, alerts_url: str) -> Json:
    """Alerts leave one by one and at once, and so does the news that one is over."""
    webhook = {
        "url": f"{alerts_url}/webhooks/alertmanager",
        "http_config": {"authorization": {"credentials": ALERT_TOKEN}},
        "send_resolved": True,
        "max_alerts": 0,
    }
    route = {
        "receiver": "platelet",
        "group_by": ["..."],
        "group_wait": "1s",
        "group_interval": "2s",
        "repeat_interval": "1m",
    }
    return _flags(monitoring, {"route": route, "receivers": [{"name": "platelet", "webhook_configs": [webhook]}]})


def _flags(monitoring: Monitoring, content: Json) -> Json:
    return {
        "config.file": _write(monitoring.directory / "alertmanager.yaml", content),
        "storage.path": monitoring.directory / "alertmanager",
        "web.listen-address": f"127.0.0.1:{monitoring.alertmanager_port}",
        "cluster.listen-address": "",  # it has no peers
    }


def _prometheus(monitoring: Monitoring, rules: Sequence[Json], scraped: Sequence[Json]) -> Json:
    """Debian's build knows no discovery by the Kubernetes API: which pods to scrape is in a file."""
    address = f"127.0.0.1:{monitoring.alertmanager_port}"
    groups = {"groups": [{"name": "apps", "rules": list(rules)}]}
    pods = {"job_name": "pods", "file_sd_configs": [{"files": [str(monitoring.targets)]}]}
    content: dict[str, Any] = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [_write(monitoring.directory / "rules.yaml", groups)],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [address]}]}]},
        "scrape_configs": [pods, *scraped],
    }
    return {
        "config.file": _write(monitoring.directory / "prometheus.yaml", content),
        "storage.tsdb.path": monitoring.directory / "prometheus",
        "web.listen-address": f"127.0.0.1:{monitoring.prometheus_port}",
    }


def _write(path: Path, content: Json) -> str:
    path.write_text(yaml.safe_dump(content))
    return str(path)
