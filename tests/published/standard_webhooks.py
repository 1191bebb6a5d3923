"""How a receiver tells by the published rules of Standard Webhooks that a request is genuine.

github.com/standard-webhooks/standard-webhooks: spec/standard-webhooks.md, "Verifying webhook authenticity".
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping

TOLERANCE = 300  # seconds

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # of the reference implementations' tests, with what follows
ID, SECONDS, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def fault(headers: Mapping[str, str], body: bytes, secret: str, now: float) -> str:
    """Why a receiver refuses a request; empty: it is genuine."""
    known = {name.lower(): value for name, value in headers.items()}
    try:
        name, stamp, given = (known[f"webhook-{part}"] for part in ("id", "timestamp", "signature"))
    except KeyError as error:
        return f"without {error}"
    if not stamp.isdigit() or abs(now - int(stamp)) > TOLERANCE:
        return f"of another time: {stamp}"
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{name}.{stamp}.".encode() + body, hashlib.sha256).digest()
    wanted = "v1," + base64.b64encode(mac).decode()
    return "" if any(hmac.compare_digest(one, wanted) for one in given.split(" ")) else "signed by somebody else"
