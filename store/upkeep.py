"""What is kept of devices beside the registry: credentials, what they say of themselves, calibrations.

A credential's password is never stored: the broker compares with its hash, and the device alone knows it.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from psycopg.rows import dict_row

from registry.waste.catalogue import device_speech
from store.connections import Connection


class Credential(NamedTuple):
    """A device's own password as the broker knows it. Revoked: the device is not admitted."""

    device: str
    generation: int
    password_hash: str
    issued_at: datetime
    issued_by: str
    revoked_at: datetime | None
    revoked_by: str | None


class DeviceStatus(NamedTuple):
    """What a device said on its topic ``status``. `received_at` aware."""

    device: str
    online: bool
    firmware: str | None
    received_at: datetime


LATELY: Final = timedelta(days=60)
"""So far back it is looked when a scale or a vehicle was last heard."""

_ISSUE: Final = """
INSERT INTO device_credential (device, generation, password_hash, issued_at, issued_by)
VALUES (%(device)s, 1, %(hash)s, %(at)s, %(by)s)
ON CONFLICT (device) DO UPDATE SET generation = device_credential.generation + 1,
    password_hash = EXCLUDED.password_hash, issued_at = EXCLUDED.issued_at, issued_by = EXCLUDED.issued_by,
    revoked_at = NULL, revoked_by = NULL
RETURNING generation
"""
_REVOKE: Final = """
INSERT INTO device_credential (device, generation, password_hash, issued_at, issued_by, revoked_at, revoked_by)
VALUES (%(device)s, 1, '', %(at)s, %(by)s, %(at)s, %(by)s)
ON CONFLICT (device) DO UPDATE SET revoked_at = EXCLUDED.revoked_at, revoked_by = EXCLUDED.revoked_by
WHERE device_credential.revoked_at IS NULL
"""
_STATUS: Final = """
INSERT INTO device_status (device, online, firmware, received_at)
SELECT * FROM unnest(%s::text[], %s::boolean[], %s::text[], %s::timestamptz[])
ON CONFLICT (device) DO UPDATE SET online = EXCLUDED.online, received_at = EXCLUDED.received_at,
    firmware = coalesce(EXCLUDED.firmware, device_status.firmware)
"""
# A gap is a silence of more than three periods between two readings of the device's first channel.
_DEVICES: Final = """
SELECT device.code,
       greatest(
           (SELECT max(latest.ts) FROM channel_latest AS latest JOIN channel ON channel.id = latest.channel_id
            WHERE channel.device = device.code),
           -- What scales and vehicles say is no reading.
           CASE WHEN device.kind = ANY (%(of_custody)s) THEN greatest(
               (SELECT max(ts) FROM waste_event WHERE waste_event.device = device.code AND ts > now() - %(lately)s),
               (SELECT max(ts) FROM position WHERE position.device = device.code AND ts > now() - %(lately)s)
           ) END
       ) AS last_reading,
       status.online, status.firmware, status.received_at AS status_at,
       credential.generation, credential.issued_at, credential.issued_by, credential.revoked_at, credential.revoked_by,
       calibration.calibrated_on, calibration.due_on
FROM device
LEFT JOIN device_status AS status ON status.device = device.code
LEFT JOIN device_credential AS credential ON credential.device = device.code
LEFT JOIN LATERAL (SELECT calibrated_on, due_on FROM calibration WHERE calibration.device = device.code
                   ORDER BY calibrated_on DESC, id DESC LIMIT 1) AS calibration ON true
WHERE %(site)s::text IS NULL OR device.site = %(site)s
ORDER BY device.code
"""
_GAPS: Final = """
SELECT before, ts FROM (
    SELECT ts, lag(ts) OVER (ORDER BY ts) AS before FROM reading
    WHERE channel_id = (SELECT min(id) FROM channel WHERE device = %(device)s) AND ts >= %(since)s AND ts <= %(until)s
) AS neighbours
WHERE ts - before > %(longest)s::interval ORDER BY ts
"""


def credentials(connection: Connection) -> dict[str, Credential]:
    """Every device's credential that was ever issued or revoked, by device."""
    rows = connection.execute(
        "SELECT device, generation, password_hash, issued_at, issued_by, revoked_at, revoked_by FROM device_credential"
    ).fetchall()
    return {row[0]: Credential(*row) for row in rows}


def issue_credential(connection: Connection, device: str, password_hash: str, by: str, at: datetime) -> int:
    """Give a device a new password by its hash; the former one is void. Returns its generation. Does not commit."""
    row = connection.execute(_ISSUE, {"device": device, "hash": password_hash, "by": by, "at": at}).fetchone()
    return int(row[0]) if row else 0


def revoke_credential(connection: Connection, device: str, by: str, at: datetime) -> bool:
    """Admit a device no more, whatever password it has; False where it was revoked already. Does not commit."""
    return connection.execute(_REVOKE, {"device": device, "by": by, "at": at}).rowcount == 1


def save_statuses(connection: Connection, statuses: Sequence[DeviceStatus]) -> None:
    """Remember what devices said of themselves; of several of one device the last counts."""
    last = {each.device: each for each in statuses}
    if last:
        columns = list(zip(*sorted(last.values()), strict=True))
        connection.execute(_STATUS, [list(column) for column in columns])


def calibrate(
    connection: Connection, device: str, on: date, due: date | None, note: str, by: str, at: datetime
) -> None:
    """Enter a calibration. Does not commit."""
    connection.execute(
        "INSERT INTO calibration (device, calibrated_on, due_on, note, entered_by, entered_at) "
        "VALUES (%s, %s, %s, %s, %s, %s)",
        (device, on, due, note, by, at),
    )


def calibrations(connection: Connection) -> dict[str, tuple[date, date | None]]:
    """Each device's newest calibration and when the next is due."""
    rows = connection.execute(
        "SELECT DISTINCT ON (device) device, calibrated_on, due_on FROM calibration "
        "ORDER BY device, calibrated_on DESC, id DESC"
    ).fetchall()
    return {device: (on, due) for device, on, due in rows}


def calibrations_of(connection: Connection, device: str) -> list[dict[str, Any]]:
    """A device's calibrations, newest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT calibrated_on, due_on, note, entered_by, entered_at FROM calibration WHERE device = %s "
            "ORDER BY calibrated_on DESC, id DESC",
            (device,),
        ).fetchall()


def devices(connection: Connection, site: str | None = None) -> list[dict[str, Any]]:
    """Every device with what is kept of it; those of one `site` if it is named."""
    with connection.cursor(row_factory=dict_row) as cursor:
        asked = {"site": site, "of_custody": list(device_speech()), "lately": LATELY}
        return cursor.execute(_DEVICES, asked).fetchall()


def names(connection: Connection, device: str) -> dict[str, list[str]]:
    """The indicators a device measures, each with the further names its payload has for it."""
    rows = connection.execute("SELECT indicator, names FROM channel WHERE device = %s ORDER BY id", (device,))
    return {indicator: list(further) for indicator, further in rows.fetchall()}


def gaps(
    connection: Connection, device: str, since: datetime, until: datetime, longest_s: float
) -> list[tuple[datetime, datetime]]:
    """When a device was silent for more than `longest_s` seconds between two readings."""
    longest = f"{longest_s} seconds"
    parameters = {"device": device, "since": since, "until": until, "longest": longest}
    return [(before, ts) for before, ts in connection.execute(_GAPS, parameters).fetchall()]
