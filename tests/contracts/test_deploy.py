"""What is shipped under deploy/ fits the code: settings, version, names."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic.alias_generators import to_camel

from platelet import VERSION
from platelet.api.operator_config import OperatorConfig, load_config
from platelet.shell.intake import receiver
from platelet.shell.telemetry.metrics import Metrics

ROOT = Path(__file__).parents[2]
BASE = ROOT / "deploy" / "base"
MONITORING = ROOT / "deploy" / "monitoring"


def documents(name: str) -> list[dict[str, Any]]:
    """What one file of the base holds."""
    return list(yaml.safe_load_all((BASE / name).read_text()))


@pytest.mark.parametrize("path", sorted(ROOT.glob("deploy/*/config.yaml")), ids=lambda path: path.parent.name)
def test_every_file_of_settings_is_read(path: Path) -> None:
    """A bad value would stop the start."""
    assert load_config(path.read_text()).namespace == "platelet-system"


def test_the_settings_that_are_shipped_fit_what_is_mounted() -> None:
    """A token that is mounted elsewhere is no token."""
    config = load_config((BASE / "config.yaml").read_text())
    (deployment,) = documents("deployment.yaml")
    mounts = {mount["mountPath"] for mount in deployment["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]}
    assert {str(path.parent) for path in config.alert_token_files} <= mounts
    assert config.namespace == documents("namespace.yaml")[0]["metadata"]["name"]


def test_the_image_has_our_version() -> None:
    """A new version is said in one place, and nobody forgot the others."""
    (kustomization,) = documents("kustomization.yaml")
    assert kustomization["images"] == [{"name": "platelet", "newTag": VERSION}]
    assert f"IMAGE ?= platelet:{VERSION}\n" in (ROOT / "Makefile").read_text()
    assert f"newTag: {VERSION}}}" in (ROOT / "docs" / "install.md").read_text()


def test_applying_it_again_never_ends_a_pause_and_holds_no_secret() -> None:
    """A field that the manifest sets is set back at every apply."""
    (budget,) = documents("action-budget.yaml")
    assert set(budget["spec"]) == {"limits"}
    shipped = [
        document for path in (ROOT / "deploy").rglob("*.yaml") for document in yaml.safe_load_all(path.read_text())
    ]
    assert [document for document in shipped if isinstance(document, dict) and document.get("kind") == "Secret"] == []


def test_the_rules_ask_for_metrics_that_there_are() -> None:
    """A rule on a metric that was renamed never fires."""
    asked = set(re.findall(r"platelet_[a-z_]+", (MONITORING / "rules.yaml").read_text()))
    families = list(Metrics().registry.collect())
    exposed = {family.name + tail for family in families for tail in ("", "_total", "_count")}
    assert asked
    assert asked - exposed == set()


def test_the_route_and_the_scrape_lead_to_the_services() -> None:
    """Name, namespace, port and path are those of the base and of the receiver."""
    alerts, metrics = documents("services.yaml")
    routed = yaml.safe_load((MONITORING / "alertmanager.yaml").read_text())
    url = routed["receivers"][0]["webhook_configs"][0]["url"]
    assert url == f"http://{alerts['metadata']['name']}.platelet-system.svc:{_port(alerts)}{receiver.PATH}"
    (scraped,) = yaml.safe_load((MONITORING / "prometheus.yaml").read_text())["scrape_configs"][0]["dns_sd_configs"]
    assert scraped["names"] == [f"{metrics['metadata']['name']}.platelet-system.svc"]
    assert scraped["port"] == _port(metrics)


def test_what_opens_the_port_of_callbacks_opens_the_one_that_the_guide_names_and_no_other() -> None:
    """Whoever is outside reaches this port alone."""
    folder = ROOT / "deploy" / "callbacks"
    (service,) = yaml.safe_load_all((folder / "service.yaml").read_text())
    (policy,) = yaml.safe_load_all((folder / "network-policy.yaml").read_text())
    component = yaml.safe_load((folder / "kustomization.yaml").read_text())
    (patch,) = yaml.safe_load(component["patches"][0]["patch"])
    alerts, _ = documents("services.yaml")
    assert service["spec"]["selector"] == alerts["spec"]["selector"]  # the leader
    assert [port["targetPort"] for port in service["spec"]["ports"]] == [patch["value"]["name"]]
    assert policy["spec"]["ingress"][0]["ports"] == [{"port": patch["value"]["name"]}]
    guide = (ROOT / "docs" / "escalation.md").read_text()
    assert f'listen.callbacks: "0.0.0.0:{patch["value"]["containerPort"]}"' in guide


def _port(service: dict[str, Any]) -> int:
    port: int = service["spec"]["ports"][0]["port"]
    return port


def test_the_guide_names_every_setting() -> None:
    """What is not in the table is found by nobody."""
    text = (ROOT / "docs" / "install.md").read_text()
    missing = [alias for field in fields(OperatorConfig) if f"`{(alias := to_camel(field.name))}" not in text]
    assert set(missing) <= {"apiVersion", "kind", "listen", "lease"}
    assert all(f"`{name}`" in text for name in ("listen.alerts", "listen.metrics", "listen.tls", "lease.duration"))


def test_the_readme_installs_as_the_guide_does() -> None:
    """The guide's commands are run by a test; the README's are the same ones."""
    guide = (ROOT / "docs" / "install.md").read_text()
    chapter = (ROOT / "README.md").read_text().partition("\n## On your cluster\n")[2].partition("\n## ")[0]
    (block,) = re.findall(r"```console\n(.*?)```", chapter, re.DOTALL)
    commands = [line.partition("#")[0].rstrip() for line in block.splitlines()]
    assert [command for command in commands if f"\n{command}\n" not in guide] == []
