"""What was made of objects as they are stored: each state once, and never of another state."""

from typing import Any

import pytest

from platelet.shell import kube
from platelet.shell.kube.versions import Versions


class Reader:
    """Reads an object's value, and counts."""

    def __init__(self) -> None:
        """Nothing was read yet."""
        self.reads = 0

    def __call__(self, stored: kube.Json) -> Any:
        """The value. Raises ValueError for what is no number."""
        self.reads += 1
        return int(stored["value"])


def stored(value: object, version: str = "1", uid: str = "a") -> kube.Json:
    return {"metadata": {"uid": uid, "resourceVersion": version}, "value": value}


def test_each_state_is_read_once() -> None:
    versions, read = Versions[int](), Reader()
    assert [versions.of(stored(1), read), versions.of(stored(1), read)] == [1, 1]
    assert versions.of(stored(2, "2"), read) == 2
    assert versions.of(stored(3, uid="b"), read) == 3
    assert versions.of(stored(2, "2"), read) == 2
    assert read.reads == 3


def test_an_earlier_state_is_not_taken_for_a_later_one() -> None:
    versions, read = Versions[int](), Reader()
    versions.of(stored(2, "2"), read)
    assert versions.of(stored(1, "1"), read) == 1


@pytest.mark.parametrize("missing", ["uid", "resourceVersion"])
def test_what_has_no_name_for_its_state_is_read_each_time(missing: str) -> None:
    versions, read = Versions[int](), Reader()
    for value in (1, 2):
        nameless = stored(value)
        del nameless["metadata"][missing]
        assert versions.of(nameless, read) == value


def test_what_cannot_be_read_is_said_each_time() -> None:
    versions, read = Versions[int](), Reader()
    for _ in range(2):
        with pytest.raises(ValueError, match="invalid literal"):
            versions.of(stored("spoilt"), read)
    assert versions.of(stored(1, "2"), read) == 1


def test_what_was_asked_for_longest_ago_is_forgotten() -> None:
    versions, read = Versions[int](most=2), Reader()
    for uid in ("a", "b", "a", "c", "a", "b"):
        versions.of(stored(1, uid=uid), read)
    assert read.reads == 4
