"""Passwords of devices that were given none of their own: derived from the system's master secret. Pure."""

import base64
import hashlib
import hmac
from typing import Final

DEVICE_PASSWORD_CHARACTERS: Final = 32
HJ212_PW_CHARACTERS: Final = 6
"""HJ 212-2017 has room for passwords (PW) of 6 characters (table 2): the beginning of the device's password."""

JT808_CODE_CHARACTERS: Final = 16
"""Terminals keep the authentication code in a field of their own length; 16 characters are 96 bits."""


def device_password(master: str, device_code: str) -> str:
    """A device's password: URL-safe base64 of HMAC-SHA256(master, "device:" + code), 32 characters."""
    digest = hmac.new(master.encode(), f"device:{device_code}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode()[:DEVICE_PASSWORD_CHARACTERS]


def jt808_code(master: str, device_code: str, generation: int) -> str:
    """The authentication code that a JT/T 808 terminal is given when it registers, void with its next credential."""
    return device_password(master, f"{device_code}#{generation}")[:JT808_CODE_CHARACTERS]


def hj212_pw(password: str) -> str:
    """The PW of an instrument whose password is this."""
    return password[:HJ212_PW_CHARACTERS]
