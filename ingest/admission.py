"""Whether who connects over TCP is who it says: what the broker checks for devices that speak MQTT."""

import hmac
from collections.abc import Mapping
from typing import Final

import bcrypt

from ingest.decoders.jt808 import Registered, Registration
from ingest.directory import Directory
from registry.credentials import device_password, hj212_pw, jt808_code
from store.upkeep import Credential

_MOST_REMEMBERED: Final = 10_000


class Admission:
    """Whether an HJ 212 instrument's MN and PW belong together, by one state of registry and credentials.

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


class TerminalAdmission:
    """Whether a JT/T 808 terminal may report, by one state of registry and credentials.

    The protocol knows no secret before a registration: a terminal's number and the plate of its vehicle, as registered
    here, are all that it has to know to be given its code. A code set by hand, the device's password, is as good.
    """

    def __init__(self, directory: Directory, credentials: Mapping[str, Credential], master: str | None) -> None:
        self._directory = directory
        self._credentials = credentials
        self._master = master

    def register(self, phone: str, registration: Registration) -> tuple[Registered, str]:
        """What becomes of a registration, and the code where it succeeds."""
        binding = self._directory.terminal(phone)
        if binding is None or (code := self._code(binding.device.code)) is None:
            return Registered.NO_SUCH_TERMINAL, ""
        vehicle = self._directory.waste.vehicle_of_tracker.get(binding.device.code)
        if vehicle is None or _plain(vehicle.plate) != _plain(registration.plate):
            return Registered.NO_SUCH_VEHICLE, ""
        return Registered.DONE, code

    def authenticate(self, phone: str, code: str) -> bool:
        """Whether a code is the terminal's."""
        binding = self._directory.terminal(phone)
        if binding is None or (given := self._code(binding.device.code)) is None:
            return False
        if hmac.compare_digest(given.encode(), code.encode()):
            return True
        credential = self._credentials.get(binding.device.code)
        return credential is not None and bcrypt.checkpw(code.encode()[:72], credential.password_hash.encode())

    def _code(self, device: str) -> str | None:
        """The code that a registration gives; None for a device that is not admitted."""
        credential = self._credentials.get(device)
        if self._master is None or (credential is not None and credential.revoked_at is not None):
            return None
        return jt808_code(self._master, device, credential.generation if credential is not None else 0)


def _plain(plate: str) -> str:
    """A plate as it is compared: without the dot and the spaces that some write."""
    return "".join(each for each in plate.upper() if each.isalnum())
