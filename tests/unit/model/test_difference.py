"""What differs between two templates, for people: tags of images, names of fields, never a value."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.model import difference


def a_template(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"spec": {"containers": list(containers), **spec}}


def app(image: str = "app:2", **more: Any) -> dict[str, Any]:
    return {"name": "app", "image": image, **more}


DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
IMAGES = {
    "a tag": ("app:2", "app:1", "app:2 -> 1"),
    "a registry with a port": ("reg:5000/shop/app:2", "reg:5000/shop/app:1", "reg:5000/shop/app:2 -> 1"),
    "digests, shortened": (f"app@{DIGEST}", f"app@{OTHER}", "app@sha256:aaaaaaaaaaaa -> sha256:bbbbbbbbbbbb"),
    "another repository": ("app:2", "legacy:1", "app:2 -> legacy:1"),
    "no tag before": ("app", "app:1", "app -> app:1"),
    "the same": ("app:2", "app:2", ""),
}


@pytest.mark.parametrize(("old", "new", "words"), IMAGES.values(), ids=IMAGES)
def test_images(old: str, new: str, words: str) -> None:
    assert difference.say_images(a_template(app(old)), a_template(app(new))) == words


def test_many_images_are_counted() -> None:
    before = a_template(*({"name": f"c{n}", "image": f"i{n}:2"} for n in range(5)))
    after = a_template(*({"name": f"c{n}", "image": f"i{n}:1"} for n in range(5)))
    assert difference.say_images(before, after) == "i0:2 -> 1, i1:2 -> 1, i2:2 -> 1 and 2 more images"


def env(**values: str) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items()]


FIELDS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "variables by name": (
        a_template(app(env=env(A="1", B="2", STAKATER_X_SECRET="9"))),
        a_template(app(env=env(A="3", C="4"))),
        "app.env A, app.env B, app.env C",
    ),
    "fields of a container": (
        a_template(app(resources={"limits": {"cpu": "1"}}, args=["a"])),
        a_template(app(args=["b"])),
        "app.resources, app.args",
    ),
    "containers that come and go": (
        a_template(app(), {"name": "proxy", "image": "p:1"}),
        a_template(app(), initContainers=[{"name": "migrate", "image": "m:1"}]),
        "container proxy goes, container migrate comes back",
    ),
    "volumes and the rest of the spec": (
        a_template(app(), volumes=[{"name": "v", "configMap": {"name": "a"}}], nodeSelector={"zone": "a"}),
        a_template(app(), volumes=[{"name": "v", "configMap": {"name": "b"}}]),
        "volume v, nodeSelector",
    ),
    "labels and annotations, but for restarts": (
        {"metadata": {"labels": {"v": "2"}, "annotations": {"rollme": "x", "team": "a"}}, **a_template(app())},
        {"metadata": {"labels": {"v": "1"}, "annotations": {"rollme": "y"}}, **a_template(app())},
        "label v, annotation team",
    ),
    "nothing": (a_template(app("app:1")), a_template(app("app:2")), ""),
    "junk": ({"spec": 3, "metadata": [1]}, {"spec": {"containers": "x", "volumes": [1]}}, ""),
}


@pytest.mark.parametrize(("old", "new", "words"), FIELDS.values(), ids=FIELDS)
def test_fields(old: dict[str, Any], new: dict[str, Any], words: str) -> None:
    assert difference.say_fields(old, new) == words


def test_a_long_list_is_bounded() -> None:
    before = a_template(app(env=env(**{f"NAME_{n}": "1" for n in range(30)})))
    words = difference.say_fields(before, a_template(app()))
    assert words.endswith("app.env NAME_7 and 22 more")


def test_no_value_is_ever_said() -> None:
    before = a_template(app(env=env(PASSWORD="hunter2"), args=["hunter2"]), nodeSelector={"a": "hunter2"})
    assert "hunter2" not in difference.say_fields(before, a_template(app()))


SETTINGS = {"configMapRef": {"name": "settings"}}
LISTED: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "an image": (a_template(app("app:1")), a_template(app("app:2")), ["app image app:1 -> 2"]),
    "variables by name": (
        a_template(app(env=env(A="1", B="2", STAKATER_X_SECRET="9"))),
        a_template(app(env=env(A="3", C="4"))),
        ["app env A changed", "app env B removed", "app env C added"],
    ),
    "what it is configured from": (
        a_template(app(envFrom=[SETTINGS]), volumes=[{"name": "v", "secret": {"secretName": "old"}}]),
        a_template(app(), volumes=[{"name": "v", "secret": {"secretName": "new"}}]),
        [
            "app envFrom removed",
            "refers to secret/new",
            "no longer refers to configmap/settings",
            "no longer refers to secret/old",
            "volume v changed",
        ],
    ),
    "resources, probes and arguments": (
        a_template(app(resources={"limits": {"cpu": "1"}}, args=["a"])),
        a_template(app(args=["b"], livenessProbe={"periodSeconds": 1})),
        ["app resources removed", "app args changed", "app livenessProbe added"],
    ),
    "containers that come and go": (
        a_template(app(), {"name": "proxy", "image": "p:1"}),
        a_template(app(), initContainers=[{"name": "migrate", "image": "m:1"}]),
        ["container proxy removed", "container migrate added"],
    ),
    "labels and annotations, but for restarts": (
        {"metadata": {"labels": {"v": "2"}, "annotations": {"rollme": "x"}}, **a_template(app(), nodeName="a")},
        {"metadata": {"labels": {"v": "1"}, "annotations": {"rollme": "y", "team": "a"}}, **a_template(app())},
        ["nodeName removed", "label v changed", "annotation team added"],
    ),
    "nothing": (a_template(app("app:1")), a_template(app("app:1")), []),
    "junk": ({"spec": 3, "metadata": [1]}, {"spec": {"containers": "x", "volumes": [1]}}, []),
}


@pytest.mark.parametrize(("old", "new", "lines"), LISTED.values(), ids=LISTED)
def test_differences_are_listed_one_by_one(old: dict[str, Any], new: dict[str, Any], lines: list[str]) -> None:
    assert difference.list_differences(old, new) == lines


SECRET = "hunter2"
VALUES = st.text(max_size=4).map(lambda text: f"{SECRET}{text}")
NAMES = st.sampled_from(["A", "PASSWORD", "url"])
MARKS = st.dictionaries(NAMES, VALUES)
CONTAINERS = st.fixed_dictionaries(
    {"name": st.sampled_from(["app", "proxy"]), "image": st.sampled_from(["app:1", "app:2"])},
    optional={
        "env": st.lists(st.builds(lambda name, value: {"name": name, "value": value}, NAMES, VALUES), max_size=3),
        "args": st.lists(VALUES, max_size=2),
        "command": st.lists(VALUES, max_size=2),
        "livenessProbe": st.builds(lambda value: {"httpGet": {"httpHeaders": [{"name": "A", "value": value}]}}, VALUES),
        "lifecycle": st.builds(lambda value: {"preStop": {"exec": {"command": [value]}}}, VALUES),
        "workingDir": VALUES,
    },
)
TEMPLATES = st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries({}, optional={"labels": MARKS, "annotations": MARKS}),
        "spec": st.fixed_dictionaries(
            {"containers": st.lists(CONTAINERS, max_size=2)},
            optional={
                "initContainers": st.lists(CONTAINERS, max_size=1),
                "nodeSelector": MARKS,
                "hostname": VALUES,
                "volumes": st.lists(st.builds(lambda path: {"name": "v", "hostPath": {"path": path}}, VALUES)),
            },
        ),
    }
)


@given(old=TEMPLATES, new=TEMPLATES)
def test_no_value_is_ever_listed(old: dict[str, Any], new: dict[str, Any]) -> None:
    """TRAPS 48: a variable, an argument, a label, a header may be a password."""
    lines = difference.list_differences(old, new)
    assert SECRET not in "".join(lines)
    assert all(len(line) <= 256 for line in lines)


@given(name=st.text(min_size=1, max_size=400), image=st.text(max_size=400))
def test_no_line_is_longer_than_a_status_admits(name: str, image: str) -> None:
    old = {"spec": {"containers": [{"name": name, "image": image}]}}
    new = {"spec": {"containers": [{"name": name, "image": "b" * 300, "env": [{"name": name, "value": "1"}]}]}}
    assert all(len(line) <= 256 for line in difference.list_differences(old, new))
