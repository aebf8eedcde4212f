"""Signed webhooks, and gateways for short messages, which are webhooks that also say to whom.

The signature is of the kind that Stripe and others use: header ``Landun-Signature: t=<seconds>,v1=<hex>``, where v1 is
HMAC-SHA256 (RFC 2104) of ``<seconds>.<body>`` under the secret. A receiver that refuses old times cannot be replayed;
``Landun-Delivery`` stays the same when a delivery is repeated.
"""

import hashlib
import hmac
import json
import time
from typing import Any, Final

import httpx

from monitor.notify.senders.parcel import Parcel, shortened
from monitor.notify.senders.problems import Problem, SendError, problem_of_http

TIMEOUT: Final = httpx.Timeout(10.0, connect=5.0)
TOLERANCE_S: Final = 300
"""How old a signature may be for a receiver that follows our advice."""
SMS_BYTES: Final = 600


def signature(secret: str, body: bytes, at: int) -> str:
    """The header's value for a body signed at a time (s since the epoch)."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def verified(secret: str, body: bytes, header: str, now: int, tolerance_s: int = TOLERANCE_S) -> bool:
    """Whether a header is the signature of a body, not older than `tolerance_s`: what a receiver should check."""
    try:
        at = int(dict(part.split("=", 1) for part in header.split(","))["t"])
    except (KeyError, ValueError):
        return False
    return abs(now - at) <= tolerance_s and hmac.compare_digest(signature(secret, body, at), header)


def send_webhook(parcel: Parcel) -> None:
    """Post the message as JSON. Raises `SendError`."""
    _post(parcel.target, parcel.secret, parcel, {**parcel.facts, "title": parcel.title, "text": parcel.body})


def send_sms(parcel: Parcel) -> None:
    """Post number and text to the gateway. Raises `SendError`, also where no gateway is set."""
    if parcel.gateway is None:
        raise SendError(Problem.MISCONFIGURED, "no gateway for sms")
    said = shortened(f"{parcel.title}\n{parcel.body}", SMS_BYTES)
    _post(parcel.gateway.url, parcel.gateway.secret, parcel, {"to": parcel.target, "text": said, "id": parcel.key})


def _post(url: str, secret: str, parcel: Parcel, content: dict[str, Any]) -> None:
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {"Content-Type": "application/json; charset=utf-8", "Landun-Delivery": parcel.key}
    if secret:
        headers["Landun-Signature"] = signature(secret, body, int(time.time()))
    try:
        # Redirects are not followed: a signed body is for the address that was set.
        answer = httpx.post(url, content=body, headers=headers, timeout=TIMEOUT, follow_redirects=False)
    except httpx.TimeoutException as error:
        raise SendError(Problem.TIMED_OUT, type(error).__name__) from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise SendError(Problem.MISCONFIGURED, type(error).__name__) from error
    except httpx.HTTPError as error:
        raise SendError(Problem.UNREACHABLE, type(error).__name__) from error
    if not answer.is_success:
        raise SendError(problem_of_http(answer.status_code), f"HTTP {answer.status_code}")
