"""Standard Webhooks: how a request is signed, so that who gets it knows whose it is, and that it is not an old one.

github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md: symmetric signatures, version `v1`.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import datetime

PREFIX = "whsec_"
LEAST, MOST = 24, 64  # bytes of a secret
SECRET_RULE = f"no signing secret: {LEAST} to {MOST} bytes in base64, after `{PREFIX}` or alone"


def read_secret(text: str) -> bytes:
    """Read a secret as it is handed out. Raises ValueError, which does not repeat it."""
    try:
        secret = base64.b64decode(text.strip().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not LEAST <= len(secret) <= MOST:
        raise ValueError(SECRET_RULE)
    return secret


def headers(message_id: str, at: datetime, body: bytes, secret: bytes) -> Mapping[str, str]:
    """The three headers of a try at `at`. A dot would end an id before its end, so there is none in it."""
    name, second = message_id.replace(".", "-"), int(at.timestamp())
    digest = hmac.digest(secret, b"%s.%d.%s" % (name.encode(), second, body), "sha256")
    signature = base64.b64encode(digest).decode()
    return {"webhook-id": name, "webhook-timestamp": str(second), "webhook-signature": f"v1,{signature}"}
