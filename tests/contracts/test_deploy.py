"""What is shipped under deploy/ fits the code: settings, version, names."""

from pathlib import Path
from typing import Any

import yaml

from platelet.api.operator_config import load_config
from platelet.shell.client import VERSION

ROOT = Path(__file__).parents[2]
BASE = ROOT / "deploy" / "base"


def documents(name: str) -> list[dict[str, Any]]:
    """What one file of the base holds."""
    return list(yaml.safe_load_all((BASE / name).read_text()))


def test_the_settings_that_are_shipped_are_read() -> None:
    """A bad value would stop the start, in everybody's cluster."""
    config = load_config((BASE / "config.yaml").read_text())
    (deployment,) = documents("deployment.yaml")
    mounts = {each["mountPath"] for each in deployment["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]}
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
    shipped = [each for path in (ROOT / "deploy").rglob("*.yaml") for each in yaml.safe_load_all(path.read_text())]
    assert [each for each in shipped if isinstance(each, dict) and each.get("kind") == "Secret"] == []
