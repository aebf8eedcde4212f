"""The part of the API that administrators use: devices, the registry as files, people, audit, the demonstration."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, TypedDict, cast

from dashboard.client import PREFIX, ApiClient
from dashboard.shapes import Mistake, Token

IMPORT_S: Final = 60.0
"""A workbook of thousands of rows takes a few seconds."""


class Device(TypedDict):
    """A device as the list shows it."""

    code: str
    site: str
    site_zh: str
    site_en: str
    county: str
    simulated: bool
    sampling_point: str
    point_zh: str
    point_en: str
    dialect: str
    period_s: int
    indicators: list[str]
    state: str
    last_seen: str | None
    reported_online: bool | None
    firmware: str | None
    credential: str
    issued_at: str | None
    revoked_at: str | None
    calibrated_on: str | None
    calibration_due: str | None


class DeviceFull(Device):
    """A device with its history."""

    topic: str
    generation: int
    names: dict[str, list[str]]
    gaps: list[dict[str, str]]
    calibrations: list[dict[str, Any]]
    unknown_fields: list[str]


class DeviceMessage(TypedDict):
    """A device's newest message, as it came and as it was understood."""

    received_at: str
    topic: str
    payload: str
    text: bool
    understood: list[dict[str, Any]]
    misunderstood: list[dict[str, Any]]


class ChannelMapping(TypedDict):
    """What a device calls an indicator, and how its number becomes the indicator's."""

    indicator: str
    names: list[str]
    unit: str
    factor: float
    offset: float


class Credential(TypedDict):
    """What a device is set up with."""

    device: str
    password: str
    host: str
    port: int
    tls: bool
    topic: str
    uri: str


class ImportReport(TypedDict):
    """What a file holds and whether it was imported."""

    imported: bool
    counts: list[dict[str, Any]]
    mistakes: list[Mistake]


class Person(TypedDict):
    """Somebody who may sign in, or might once."""

    username: str
    name: str
    role: str
    counties: list[str]
    site: str | None
    one_time: bool
    disabled_at: str | None


class KeepingClient(ApiClient):
    """The API as an administrator sees it."""

    # ------------------------------------------------------------------ devices
    def devices(self) -> list[Device]:
        """All devices in scope."""
        return cast(list[Device], self._get("/devices"))

    def device(self, code: str) -> DeviceFull:
        """A device with its history."""
        return cast(DeviceFull, self._get(f"/devices/{code}"))

    def add_device(self, entry: Mapping[str, object]) -> Credential:
        """Add a device, with its site and sampling point where they are new."""
        return cast(Credential, self._post("/devices", entry))

    def new_credential(self, code: str) -> Credential:
        """Give a device another password."""
        return cast(Credential, self._post(f"/devices/{code}/credential", {}))

    def revoke(self, code: str) -> None:
        """Admit a device no more."""
        self._delete(f"/devices/{code}/credential")

    def calibrate(self, code: str, on: date, due: date | None, note: str) -> None:
        """Enter a calibration."""
        body = {"calibrated_on": on.isoformat(), "due_on": due.isoformat() if due else None, "note": note}
        self._post(f"/devices/{code}/calibrations", body)

    def adopt(self, code: str, field: str, indicator: str) -> None:
        """Say which indicator an unknown field is."""
        self._post(f"/devices/{code}/adopt", {"field": field, "indicator": indicator})

    def last_message(self, code: str) -> DeviceMessage | None:
        """A device's newest message; None for one that never sent any."""
        return cast("DeviceMessage | None", self._get(f"/devices/{code}/last-message"))

    def channels(self, code: str) -> list[ChannelMapping]:
        """What a device's names and numbers mean."""
        return cast(list[ChannelMapping], self._get(f"/devices/{code}/channels"))

    def map_channels(self, code: str, mappings: Sequence[ChannelMapping]) -> None:
        """Change what they mean."""
        self._call("PUT", f"{PREFIX}/devices/{code}/channels", json=list(mappings))

    def commands(self, code: str) -> list[dict[str, Any]]:
        """An instrument's newest commands."""
        return cast(list[dict[str, Any]], self._get(f"/devices/{code}/commands"))

    def command(self, code: str, command: str, seconds: int | None = None) -> None:
        """Tell an instrument something."""
        self._post(f"/devices/{code}/commands", {"command": command, "seconds": seconds})

    # ------------------------------------------------------------------ registry
    def import_registry(self, name: str, content: bytes, mode: str) -> ImportReport:
        """Look at a file or import it."""
        answer = self._call(
            "POST", f"{PREFIX}/registry/import", files={"file": (name, content)}, data={"mode": mode}, timeout=IMPORT_S
        )
        return cast(ImportReport, answer)

    # ------------------------------------------------------------------ people
    def people(self) -> list[Person]:
        """Everybody."""
        return cast(list[Person], self._get("/people"))

    def roles(self) -> list[dict[str, Any]]:
        """What each role may do."""
        return cast(list[dict[str, Any]], self._get("/roles"))

    def add_person(self, entry: Mapping[str, object]) -> str:
        """Add a person; returns their one-time password."""
        return str(self._post("/people", entry)["password"])

    def change_person(self, username: str, entry: Mapping[str, object]) -> None:
        """Change a person."""
        self._put(f"/people/{username}", entry)

    def reset_password(self, username: str) -> str:
        """Give a person a one-time password."""
        return str(self._post(f"/people/{username}/password", {})["password"])

    def change_password(self, old: str, new: str) -> Token:
        """Replace one's own password."""
        return cast(Token, self._post("/auth/password", {"old": old, "new": new}))

    # ------------------------------------------------------------------ audit and demonstration
    def audit(self, query: Mapping[str, object]) -> tuple[int, Sequence[dict[str, Any]]]:
        """How many rows match, and the newest of them."""
        page = self._get("/audit", query)
        return page["total"], page["items"]

    def demonstration(self) -> dict[str, Any]:
        """Whether invented sites are there."""
        return cast(dict[str, Any], self._get("/demonstration"))

    def remove_demonstration(self) -> dict[str, int]:
        """Delete every invented site."""
        return cast(dict[str, int], self._call("DELETE", f"{PREFIX}/demonstration", timeout=IMPORT_S))
