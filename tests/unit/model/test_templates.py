"""A template's name: its meaning, and nothing else."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.model.templates import POD_TEMPLATE_HASH, RESTARTED_AT, hash_template
from tests.unit.api.values import JSON, TEXTS

TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app": "api"}, "annotations": {"team": "shop"}},
    "spec": {"containers": [{"name": "api", "image": "api:1", "env": [{"name": "A", "value": "1"}]}]},
}
TEMPLATES = st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries(
            {}, optional={"labels": st.dictionaries(TEXTS, TEXTS), "annotations": st.dictionaries(TEXTS, TEXTS)}
        ),
        "spec": st.dictionaries(st.text(max_size=8), JSON, max_size=4),
    }
)


def changed(path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """TEMPLATE with one thing set."""
    template = copy.deepcopy(TEMPLATE)
    place: Any = template
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return template


@given(template=TEMPLATES, stamp=TEXTS, number=TEXTS)
def test_a_restart_and_the_controllers_label_are_no_change(template: dict[str, Any], stamp: str, number: str) -> None:
    """TRAPS 2: the newest ReplicaSet after a restart carries the same release."""
    stamped = copy.deepcopy(template)
    stamped["metadata"].setdefault("annotations", {})[RESTARTED_AT] = stamp
    stamped["metadata"].setdefault("labels", {})[POD_TEMPLATE_HASH] = number
    bare = copy.deepcopy(template)
    bare["metadata"].get("annotations", {}).pop(RESTARTED_AT, None)
    bare["metadata"].get("labels", {}).pop(POD_TEMPLATE_HASH, None)
    assert hash_template(stamped) == hash_template(bare)


@given(template=TEMPLATES)
def test_the_order_of_keys_does_not_matter(template: dict[str, Any]) -> None:
    """JSON objects have no order."""
    turned = dict(reversed(list(template.items())))
    turned["spec"] = dict(reversed(list(template["spec"].items())))
    assert hash_template(turned) == hash_template(template)


@given(template=TEMPLATES)
def test_hashing_changes_nothing(template: dict[str, Any]) -> None:
    """The template that is read is the one that will be restored."""
    before = copy.deepcopy(template)
    hash_template(template)
    assert template == before


@pytest.mark.parametrize(
    "same",
    [
        changed(("metadata", "creationTimestamp"), None),
        changed(("spec", "nodeSelector"), None),
        changed(("metadata", "labels", POD_TEMPLATE_HASH), "5d4f"),
        changed(("metadata", "annotations", RESTARTED_AT), "2026-11-21T08:00:00Z"),
    ],
    ids=["creationTimestamp: null", "a null", "pod-template-hash", "restartedAt"],
)
def test_what_means_the_same_has_the_same_name(same: dict[str, Any]) -> None:
    """The API server writes these in one place and drops them in another."""
    assert hash_template(same) == hash_template(TEMPLATE)


STAMPS = {
    "kubectl, Lens, k9s, Argo CD": ("kubectl.kubernetes.io/restartedAt", "2026-11-21T08:00:00Z"),
    "kubectl's, but a time in seconds": (RESTARTED_AT, "1795248000"),
    "OpenShift's console": ("openshift.openshift.io/restartedAt", "2026-11-21T08:00:00.123Z"),
    "Rancher": ("cattle.io/timestamp", "2026-11-21T08:00:00Z"),
    "Reloader by annotation": ("reloader.stakater.com/last-reloaded-from", '{"type":"CONFIGMAP","hash":"0f3a"}'),
    "Keel": ("keel.sh/update-time", "2026-11-21 08:00:00.000 +0000 UTC m=+1.5"),
    "Vault Secrets Operator": ("vso.secrets.hashicorp.com/restartedAt", "2026-11-21T08:00:00Z"),
    "1Password": ("operator.1password.io/last-restarted", "2026-11-21 08:00:00"),
    "k8s-restarter": ("k8s-restarter.kubernetes.io/restartedAt", "soon"),
    "Helm's rollme": ("rollme", "Xy3aB"),
    "a script's own": ("restarted-at", "now"),
    "a moment under any name": ("example.com/deployed", "2026-11-21T08:00:00+01:00"),
    "the seconds of a patch by date +%s": ("date", "1795248000"),
}


@pytest.mark.parametrize(("key", "value"), STAMPS.values(), ids=STAMPS)
def test_a_restart_is_no_change_whichever_tool_stamps_it(key: str, value: str) -> None:
    """Else a restart could be undone, and would be condemned."""
    assert hash_template(changed(("metadata", "annotations", key), value)) == hash_template(TEMPLATE)


def test_reloaders_variables_are_a_restart_too() -> None:
    """Its default strategy; on a container that had variables, and on one that had none."""
    hashed = {"name": "STAKATER_SETTINGS_CONFIGMAP", "value": "0f3a"}
    mine = TEMPLATE["spec"]["containers"][0]["env"]
    assert hash_template(changed(("spec", "containers", 0, "env"), [*mine, hashed])) == hash_template(TEMPLATE)
    bare = {"spec": {"containers": [{"name": "api", "image": "api:1"}]}}
    stamped = {"spec": {"containers": [{"name": "api", "image": "api:1", "env": [hashed]}]}}
    assert hash_template(stamped) == hash_template(bare)


@pytest.mark.parametrize("metadata", [{}, None, {"annotations": {}}, {"labels": {}, "annotations": None}])
def test_empty_metadata_equals_none(metadata: Any) -> None:
    """`annotations: {}` and no annotations are the same template."""
    assert hash_template({"metadata": metadata, "spec": {"a": 1}}) == hash_template({"spec": {"a": 1}})


@pytest.mark.parametrize(
    "other",
    [
        changed(("spec", "containers", 0, "image"), "api:2"),
        changed(("spec", "containers", 0, "env", 0, "value"), "2"),
        changed(("metadata", "labels", "app"), "web"),
        changed(("metadata", "annotations", "team"), "ops"),
        changed(("metadata", "annotations", "checksum/config"), "9d2c"),
        changed(("metadata", "annotations", "wave.pusher.com/config-hash"), "9d2c"),
        changed(("metadata", "annotations", "example.com/restart-policy"), "never"),
        changed(("metadata", "annotations", "build"), "1795248000"),
        changed(("spec", "containers", 0, "env", 0), {"name": "STAKATER", "value": "1"}),
        changed(("spec", "containers", 0, "env"), []),
        changed(("spec", "nodeSelector"), {}),
    ],
    ids=[
        "image",
        "env value",
        "label",
        "annotation",
        "a Helm checksum of a configuration",
        "Wave's hash of a configuration",
        "an annotation that only sounds like a restart",
        "a number that is no time",
        "a variable that only sounds like Reloader's",
        "an emptied list",
        "an empty map in the spec",
    ],
)
def test_what_means_something_else_has_another_name(other: dict[str, Any]) -> None:
    """A change that replaces pods is a change."""
    assert hash_template(other) != hash_template(TEMPLATE)


def test_the_name_is_stable_over_versions_of_platelet() -> None:
    """Records of an older platelet must still be found: a new recipe would forget which templates are bad."""
    assert hash_template(TEMPLATE) == "974c8b8b58c41a7d"


@given(junk=st.dictionaries(st.text(max_size=8), JSON, max_size=4))
def test_any_json_has_a_name(junk: dict[str, Any]) -> None:
    """A malformed template is no reason to stop."""
    assert len(hash_template(junk)) == 16
