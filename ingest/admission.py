"""Whether an HJ 212 instrument's MN and PW belong together: what the broker checks for devices that speak MQTT."""

import hmac
from collections.abc import Mapping
from typing import Final

import bcrypt

from ingest.directory import Directory
from registry.credentials import device_password, hj212_pw
from store.upkeep import Credential

_MOST_REMEMBERED: Final = 10_000


class Admission:
    """Answers for one state of registry and credentials; made anew when they change.

    `master` derives the passwords of devices without a credential of their own; without it those are refused.
    """

    def __init__(self, directory: Directory, credentials: Mapping[str, Credential], master: str | None) -> None:
        self._directory = directory
        self._credentials = credentials
        self._master = master
        self._known: dict[tuple[str, str], bool] = {}

    def __call__(self, mn: str, pw: str) -> bool:
        """Whether the instrument may report. Remembers, since a check takes a millisecond."""
        known = self._known.get((mn, pw))
        if known is None:
            known = self._check(mn, pw)
            if len(self._known) < _MOST_REMEMBERED:
                self._known[mn, pw] = known
        return known

    def _check(self, mn: str, pw: str) -> bool:
        binding = self._directory.instrument(mn)
        if binding is None:
            return False
        credential = self._credentials.get(binding.device.code)
        if credential is None:
            right = hj212_pw(device_password(self._master, binding.device.code)) if self._master else ""
            return bool(right) and hmac.compare_digest(right.encode(), pw.encode())
        if credential.revoked_at is not None:
            return False
        return bcrypt.checkpw(pw.encode()[:72], credential.password_hash.encode())
