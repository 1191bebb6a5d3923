"""What people must not see is told by digests, of which nobody learns anything without the record."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from platelet.model.kept_values import KeptValues

VALUES = st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3)
UIDS = st.uuids().map(str)


@given(before=VALUES, meant=VALUES, uid=UIDS)
def test_what_is_concealed_is_revealed_by_its_record_alone(
    before: dict[str, str], meant: dict[str, str], uid: str
) -> None:
    kept = KeptValues(name="r", uid=uid, before=before, meant=meant)
    assert kept.reveal(kept.conceal(meant)) == meant
    assert kept.reveal(kept.conceal(before)) == before


@given(value=st.text(max_size=8), uid=UIDS, another=UIDS)
def test_a_record_that_was_made_anew_reveals_nothing(value: str, uid: str, another: str) -> None:
    """Not even one that holds the same."""
    kept = KeptValues(name="r", uid=uid, meant={"TOKEN": value})
    forged = replace(kept, uid=another)
    assert (forged.reveal(kept.conceal({"TOKEN": value})) is None) == (uid != another)


def test_the_same_value_of_another_field_has_another_digest() -> None:
    kept = KeptValues(name="r", uid="u")
    assert len({kept.digest("a", "x"), kept.digest("b", "x"), kept.digest("a", "y")}) == 3


def test_values_are_in_no_log() -> None:
    assert "hunter2" not in repr(KeptValues(name="r", before={"TOKEN": "hunter2"}, meant={"TOKEN": "hunter2"}))
