"""`crds/` is what the generator writes, and its defaults are the model's."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from platelet.api.generation import crds
from platelet.api.kinds import budget, policy, runbook

FOLDER = Path(__file__).parents[2] / "crds"


def test_the_files_are_what_the_generator_writes() -> None:
    """Nobody edited a CRD by hand, and nobody forgot `make crds`."""
    stored = {path.name: path.read_text() for path in FOLDER.iterdir()}
    assert stored == crds.build_folder(), "run: make crds"


@pytest.mark.parametrize("kind", crds.KINDS, ids=lambda kind: kind.name)
def test_no_string_list_or_map_is_unbounded(kind: crds.Kind) -> None:
    """The cost of CEL rules is computed from bounds; an unbounded field makes the whole CRD unusable."""
    root = crds.build_crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for part in ("spec", "status"):
        assert list(_unbounded(root["properties"][part], part)) == []


def test_defaults_of_the_schema_are_those_of_the_model() -> None:
    """What the API server fills in reads the same as what we would have assumed."""
    bare: dict[str, Any] = {
        "metadata": {"namespace": "n", "name": "p", "uid": "u"},
        "spec": {
            "triggers": [{"pod": {"reasons": ["Unready"]}}],
            "targets": {"all": True},
            "runbookRef": {"name": "r"},
        },
    }
    filled = {**bare, "spec": _with_defaults(bare["spec"], _spec_schema("RemediationPolicy"))}
    assert filled != bare
    assert policy.read_policy(filled) == policy.read_policy(bare)


def test_defaults_of_steps_are_those_of_the_model() -> None:
    """The same for a Runbook's steps."""
    steps: list[dict[str, Any]] = [
        {"name": "undo", "rolloutUndo": {}},
        {"name": "add", "scale": {"by": 1}, "verify": {"checks": [{"alertResolved": {}}]}},
    ]
    filled = _with_defaults({"steps": steps}, _spec_schema("Runbook"))
    assert filled["steps"] != steps
    assert runbook.read_steps(filled["steps"]) == runbook.read_steps(steps)


def test_defaults_of_the_budget_are_those_of_the_model() -> None:
    """The same for the ActionBudget."""
    metadata = {"uid": "u", "resourceVersion": "1"}
    filled = _with_defaults({}, _spec_schema("ActionBudget"))
    assert filled != {}
    assert budget.read_budget({"metadata": metadata, "spec": filled}) == budget.read_budget({"metadata": metadata})


def _spec_schema(kind: str) -> dict[str, Any]:
    text = next(text for text in crds.build_crds().values() if f"\n    kind: {kind}\n" in text)
    root = yaml.safe_load(text)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema: dict[str, Any] = root["properties"]["spec"]
    return schema


def _with_defaults(value: Any, schema: dict[str, Any]) -> Any:
    """Fill in defaults as the API server does: from the outside in."""
    if isinstance(value, dict) and "properties" in schema:
        filled = dict(value)
        for name, child in schema["properties"].items():
            if name not in filled and "default" in child:
                filled[name] = child["default"]
            if name in filled:
                filled[name] = _with_defaults(filled[name], child)
        return filled
    if isinstance(value, list):
        return [_with_defaults(entry, schema["items"]) for entry in value]
    return value


def _unbounded(schema: dict[str, Any], path: str) -> Any:
    kind = schema.get("type")
    if kind == "string" and not {"maxLength", "enum"} & set(schema):
        yield path
    if kind == "array":
        if "maxItems" not in schema:
            yield path
        yield from _unbounded(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        if "maxProperties" not in schema:
            yield path
        yield from _unbounded(schema["additionalProperties"], f"{path}{{}}")
    for name, child in schema.get("properties", {}).items():
        yield from _unbounded(child, f"{path}.{name}")
