"""One key of a Secret that somebody has let the operator read; or why there is none, never with a value."""

from platelet.model.request import SecretKey
from platelet.shell.kube import SECRETS, NotFound, Reads, Refused


class NoSecretKeyError(Exception):
    """There is none; the message names the Secret."""

    def __init__(self, message: str, fix: str) -> None:
        """`fix` is what people can do about it."""
        super().__init__(message)
        self.fix = fix


async def read(kube: Reads, reference: SecretKey) -> str:
    """Read its value, in base64. Raises NoSecretKeyError; ApiError where nothing is known."""
    where = f"the Secret {reference.namespace}/{reference.name}"
    try:
        secret = await kube.get(SECRETS, reference.namespace, reference.name)
    except NotFound:
        raise NoSecretKeyError(f"there is no Secret {reference.namespace}/{reference.name}", "create it") from None
    except Refused as error:
        why = f"{where} may not be read by the operator ({error.code} {error.reason})"
        raise NoSecretKeyError(why, "let it (docs/rights.md)") from None
    encoded = (secret.get("data") or {}).get(reference.key)
    if not isinstance(encoded, str):
        raise NoSecretKeyError(f"{where} has no key {reference.key}", "correct the name")
    return encoded
