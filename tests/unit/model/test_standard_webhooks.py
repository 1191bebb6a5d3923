"""Signatures of webhooks are those of the published vector; what is no secret is told without repeating it."""

import base64
from datetime import UTC, datetime

import pytest

from platelet.model import standard_webhooks
from tests.published import standard_webhooks as published

AT = datetime.fromtimestamp(published.SECONDS, UTC)
KEY = standard_webhooks.read_secret(published.SECRET)


def test_the_published_vector_is_signed_as_published() -> None:
    assert standard_webhooks.headers(published.ID, AT, published.BODY, KEY) == {
        "webhook-id": published.ID,
        "webhook-timestamp": str(published.SECONDS),
        "webhook-signature": published.SIGNATURE,
    }


@pytest.mark.parametrize("secret", [published.SECRET, published.SECRET.removeprefix("whsec_"), f"{published.SECRET}\n"])
def test_a_secret_is_read_with_and_without_its_prefix(secret: str) -> None:
    assert standard_webhooks.read_secret(secret) == KEY


def of(length: int) -> str:
    return "whsec_" + base64.b64encode(b"x" * length).decode()


@pytest.mark.parametrize("length", [24, 64])
def test_a_secret_is_as_long_as_it_is_published(length: int) -> None:
    assert len(standard_webhooks.read_secret(of(length))) == length


NONE = {
    "empty": "",
    "the prefix alone": "whsec_",
    "no base64": "whsec_correct horse battery staple!",
    "cut off": published.SECRET[:-1],
    "too short": of(23),
    "too long": of(65),
    "not ASCII": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSé",
}


@pytest.mark.parametrize("secret", NONE.values(), ids=NONE)
def test_what_is_no_secret_is_told_and_not_repeated(secret: str) -> None:
    with pytest.raises(ValueError, match="no signing secret: 24 to 64 bytes in base64") as error:
        standard_webhooks.read_secret(secret)
    assert not secret.removeprefix("whsec_") or secret.removeprefix("whsec_") not in str(error.value)


def test_an_id_with_dots_cannot_pass_for_a_shorter_one() -> None:
    """`id.timestamp.body` is cut at dots."""
    assert standard_webhooks.headers("uid/held/a.b", AT, b"", KEY)["webhook-id"] == "uid/held/a-b"
