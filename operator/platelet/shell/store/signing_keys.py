"""Keys that sign what comes back: each is in a Secret that somebody has let the operator read, and is never shown."""

import base64
import binascii

from platelet.model.reply import SHORTEST_KEY
from platelet.model.request import SecretKey
from platelet.shell.kube import Reads
from platelet.shell.store import secret_keys


class NoKeyError(Exception):
    """There is no key by which anything could be told; the message names the Secret and the fix, never a value."""


async def read(kube: Reads, reference: SecretKey) -> bytes:
    """Read a key. Raises NoKeyError where there is none, or one that is too short; ApiError where that is not known."""
    try:
        encoded = await secret_keys.read(kube, reference)
    except secret_keys.NoSecretKeyError as error:
        raise NoKeyError(f"{error}: {error.fix}") from None
    try:
        key = base64.b64decode(encoded, validate=True).strip()
    except binascii.Error:
        key = b""
    if len(key) < SHORTEST_KEY:
        where = f"the Secret {reference.namespace}/{reference.name}"
        raise NoKeyError(f"{where}: {reference.key} is shorter than {SHORTEST_KEY} bytes: store it whole")
    return key
