"""Quantities: what is read, and that they are written as the API server stores them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from platelet.model import quantity
from platelet.model.quantity import Quantity

STORED = {  # as written -> as a real API server has stored it
    "0": "0",
    "1": "1",
    "1000m": "1",
    "0.5": "500m",
    ".5": "500m",
    "1500m": "1500m",
    "100m": "100m",
    "2000": "2k",
    "1024": "1024",
    "1024Mi": "1Gi",
    "1.5Gi": "1536Mi",
    "0.5Gi": "512Mi",
    "512Mi": "512Mi",
    "1Ki": "1Ki",
    "0.5Ki": "512",
    "1000M": "1G",
    "128974848": "128974848",
    "129e6": "129e6",
    "129M": "129M",
    "1E": "1E",
    "1e-3": "1e-3",
    "0.1Ki": "102400m",
    "1.0000000001": "1001m",
    "1n": "1m",
}


@pytest.mark.parametrize(("written", "stored"), STORED.items())
def test_it_is_written_as_the_api_server_stores_it(written: str, stored: str) -> None:
    assert str(quantity.parse(written)) == stored


@pytest.mark.parametrize(
    "text", ["", "1 Gi", "1GiB", "Gi", "1KI", "1mi", "1K", "--1", "1e", "²", "1,5", "0x10", "1" * 101]
)
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        quantity.parse(text)


@given(
    st.integers(0, 2**62),
    st.sampled_from(["n", "u", "m", "", "k", "M", "Ki", "Mi"]),
)
def test_what_is_written_is_the_same_amount(number: int, suffix: str) -> None:
    once = quantity.parse(f"{number}{suffix}")
    again = quantity.parse(str(once))
    assert (again.amount, str(again)) == (once.amount, str(once))


READ = TypeAdapter(quantity.Written)


def test_a_runbook_may_write_a_number() -> None:
    assert READ.validate_python(2) == Quantity(Decimal(2))
    assert READ.validate_python("512Mi") == Quantity(Decimal(2**29), "binary")
    assert READ.dump_python(READ.validate_python("1024Mi"), mode="json") == "1Gi"


@pytest.mark.parametrize("value", [0, "0", "0Mi", -1, "-1", "+1", True, 1.5, None, "1e100", "1" * 21])
def test_a_runbook_may_write_nothing_that_is_no_amount(value: object) -> None:
    with pytest.raises(ValidationError, match="write it like 512Mi"):
        READ.validate_python(value)
