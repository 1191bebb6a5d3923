"""What looks like a credential is taken out, whatever is around it; what is none stays readable."""

import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from platelet.model.redaction import REDACTED, redact

S = "hunter2-QFx9"  # the secret of each form
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
FORMS = {
    "a variable": f"DB_PASSWORD={S}",
    "a variable of a shell": f"export API_KEY='{S}'",
    "YAML": f"  client_secret: {S}",
    "JSON": f'{{"level":"error","accessToken":"{S}","user":"bob"}}',
    "JSON in JSON": f'{{"body":"{{\\"password\\": \\"{S}\\"}}"}}',
    "Python": f"{{'passwd': '{S}'}}",
    "Ruby": f":secret=>{S!r}",
    "Go": f'Token:="{S}"',
    "a value with spaces": f"passphrase: correct horse {S}",
    "a flag": f"--db-password {S} --verbose",
    "a flag with =": f"--token={S}",
    "a query": f"GET /pay?amount=1&key={S}&x=1",
    "a header": f"Authorization: Basic {S}",
    "a header in quotes": f"-H 'authorization: Token {S}'",
    "a bearer alone": f"sent Bearer {S}",
    "a cookie": f"Set-Cookie: sid={S}; HttpOnly",
    "a URL": f"dial postgres://app:{S}@db:5432/shop failed",
    "a URL with a slash and an @ in it": f"amqp://app:a/b@c{S}@mq:5672/",
    "a URL with a token as user": f"https://{S}@git.example.com/x",
    "a DSN": f"app:{S}@tcp(db:3306)/shop",
    "PEM": f"-----BEGIN RSA PRIVATE KEY-----\n{S}\n-----END RSA PRIVATE KEY-----\nafter",
    "the beginning of PEM": f"-----BEGIN PRIVATE KEY-----\nMII\n{S}",
    "the end of PEM": f"MII\n{S}\n-----END PRIVATE KEY-----\nafter",
    "PEM in JSON": f'{{"k":"-----BEGIN EC PRIVATE KEY-----\\n{S}\\n-----END EC PRIVATE KEY-----"}}',
    "coloured": f"\x1b[31mpass\x1b[0mword=\x1b[1m{S}\x1b[0m",
    "the value on the next line": f"password:\n  {S}",
}
WHOLE = {
    "an access key of AWS": "AKIAIOSFODNN7EXAMPLE",
    "a secret key of AWS": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "a JSON Web Token": JWT,
    "a JSON Web Token that is cut off": JWT[:15],
    "GitHub": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "GitLab": "glpat-aBcDeFgHiJkLmNoPqRsT",
    "Slack": "xoxb-1234567890-abcdefghij",
    "Stripe": "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "a line of base64": "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7",
}
PLAIN = {
    "a stack": '  File "/app/main.py", line 12, in connect',
    "an error": "panic: runtime error: index out of range [3] with length 2",
    "an address": "dial tcp 10.0.0.3:5432: connect: connection refused",
    "a mail address": "mail to ops@example.com failed",
    "a URL": "GET https://api.example.com/v1/orders?id=12 -> 503",
    "a path": "open /etc/config/settings.yaml: no such file or directory",
    "a word": "the token has expired",
    "a pod": "shop-frontend-deployment-5d8f9c7b6-x2x9k is not ready",
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_a_credential_is_taken_out(text: str) -> None:
    assert S not in redact(text)
    assert REDACTED in redact(text)


@pytest.mark.parametrize("token", WHOLE.values(), ids=WHOLE)
def test_what_is_a_credential_by_its_looks_is_taken_out(token: str) -> None:
    assert token not in redact(f"got {token} back")


@pytest.mark.parametrize("text", PLAIN.values(), ids=PLAIN)
def test_what_is_none_stays(text: str) -> None:
    assert redact(text) == text


def test_what_comes_before_and_after_stays() -> None:
    assert redact(f"one\npassword={S}\ntwo") == f"one\npassword={REDACTED}\ntwo"
    assert redact(FORMS["PEM"]) == f"{REDACTED}\nafter"


def test_values_that_are_known_to_be_secret_are_taken_out_wherever_they_stand() -> None:
    assert redact("connecting as hunter2x", ["hunter2"]) == f"connecting as {REDACTED}x"
    assert redact("an a", ["a"]) == "an a"


SURROUNDINGS = st.text(string.ascii_letters + string.digits + " \n\t\"'{}[]:;,.=&/@-_<>\\", max_size=60)
SIGNS = string.ascii_letters + string.digits + "-_.~+/"
SECRETS = st.text(SIGNS, min_size=8, max_size=24).map(lambda text: f"{S}{text}")


@given(form=st.sampled_from(sorted(FORMS.values())), secret=SECRETS, before=SURROUNDINGS, after=SURROUNDINGS)
@settings(max_examples=1000)
def test_no_surroundings_bring_it_back(form: str, secret: str, before: str, after: str) -> None:
    """Whatever the log says before and after it, on the same line as well."""
    assert secret not in redact(before + form.replace(S, secret) + after)


@given(token=st.sampled_from(sorted(WHOLE.values())), before=SURROUNDINGS, after=SURROUNDINGS)
def test_no_surroundings_bring_back_what_looks_like_one(token: str, before: str, after: str) -> None:
    assert token not in redact(f"{before}{token}{after}")


@given(text=st.text(max_size=300), hidden=st.lists(st.text(min_size=4, max_size=8), max_size=2))
@example(text=f"token={REDACTED}", hidden=[])
def test_any_text_can_be_redacted_and_is_plain(text: str, hidden: list[str]) -> None:
    cleaned = redact(text, hidden)
    assert all(char == "\n" or char.isprintable() or char.isspace() or ord(char) > 255 for char in cleaned)


@pytest.mark.parametrize("unit", ["a", "password", "://", "a:b@", "-----BEGIN ", "-----END -----", "eyJ", "--", " "])
def test_a_long_text_without_sense_ends(unit: str) -> None:
    assert redact(unit * (8192 // len(unit))) is not None
