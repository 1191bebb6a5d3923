"""What differs between two templates, for people: tags of images, names of fields, never a value."""

from typing import Any

import pytest

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


@pytest.mark.parametrize(("old", "new", "said"), IMAGES.values(), ids=IMAGES)
def test_images(old: str, new: str, said: str) -> None:
    assert difference.say_images(a_template(app(old)), a_template(app(new))) == said


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


@pytest.mark.parametrize(("old", "new", "said"), FIELDS.values(), ids=FIELDS)
def test_fields(old: dict[str, Any], new: dict[str, Any], said: str) -> None:
    assert difference.say_fields(old, new) == said


def test_a_long_list_is_bounded() -> None:
    before = a_template(app(env=env(**{f"NAME_{n}": "1" for n in range(30)})))
    said = difference.say_fields(before, a_template(app()))
    assert said.endswith("app.env NAME_7 and 22 more")


def test_no_value_is_ever_said() -> None:
    before = a_template(app(env=env(PASSWORD="hunter2"), args=["hunter2"]), nodeSelector={"a": "hunter2"})
    assert "hunter2" not in difference.say_fields(before, a_template(app()))
