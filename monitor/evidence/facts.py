"""Everything that is known about a subject, as plain values: what ``evidence.json`` holds and the report prints."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from itertools import pairwise
from statistics import median
from typing import Any, Final
from zoneinfo import ZoneInfo

from monitor.alarms.wording import sentence
from monitor.evidence.chain import Chain
from monitor.evidence.scope import Scope, Subject, rows
from registry.catalogue import indicator_name
from registry.indicators import INDICATORS
from registry.limits import profiles
from registry.model import Device, Registry
from store import journal
from store.connections import Connection
from store.records import from_us

Facts = dict[str, Any]
SHOWN: Final = 40
"""Readings that the report prints of each channel, around the moment of the alarm; all of them are in the table."""


def facts_of(connection: Connection, subject: Subject, scope: Scope, chain: Chain, registry: Registry) -> Facts:
    """The facts about a subject. Times are aware; `plain` makes them text."""
    site = registry.sites.get(subject.site)
    moment = subject.alarms[0]["raised_at"] if subject.alarms else (subject.case or {})["opened_at"]
    alarms = [_alarm(connection, alarm, registry) for alarm in subject.alarms]
    case = _case(connection, subject.case) if subject.case else None
    devices = [_device(connection, registry.devices[code], registry, moment) for code in scope.devices]
    found: Facts = {
        "subject": {"kind": subject.kind, "id": subject.id},
        "simulated": subject.simulated,
        "moment": moment,
        "site": {**asdict(site), "opening": None} if site else {"code": subject.site, "zone": "UTC"},
        "alarms": alarms,
        "case": case,
        "devices": devices,
        "limits": _limits(subject),
        "site_rules": rows(connection, "SELECT * FROM site_limit WHERE site = %s ORDER BY id", subject.site),
        "announcements": _around(connection, _ANNOUNCEMENTS, subject.site, scope),
        "corrections": _around(connection, _CORRECTIONS, list(scope.channels), scope),
        "rejected": _around(connection, _REJECTED, list(scope.devices), scope),
        "flags": _around(connection, _FLAGS, list(scope.channels), scope),
        "samples": rows(connection, _SAMPLES, subject.site, moment, moment),
        "custody": rows(connection, _CUSTODY, list(scope.tags)),
        "told": rows(connection, _TOLD, [alarm["id"] for alarm in subject.alarms]),
        "readings": _readings(chain, devices, moment),
        "windows": [list(span) for span in scope.windows],
    }
    found["people"] = _people(connection, found)
    return found


def plain(value: Any) -> Any:
    """Values as JSON has them: times as RFC 3339 in UTC, sets as sorted lists."""
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Mapping():
            return {str(key): plain(each) for key, each in value.items()}
        case set() | frozenset():
            return sorted(plain(each) for each in value)
        case list() | tuple():
            return [plain(each) for each in value]
        case _:
            return value if isinstance(value, str | int | float | None) else str(value)


_ANNOUNCEMENTS: Final = "SELECT * FROM announcement WHERE site = %s AND ends_at >= %s AND starts_at <= %s ORDER BY id"
_CORRECTIONS: Final = "SELECT * FROM correction WHERE channel_id = ANY(%s) AND ts BETWEEN %s AND %s ORDER BY id"
_REJECTED: Final = (
    "SELECT id, received_at, topic, reason, detail, device, field, batch, encode(sha256(payload), 'hex') AS sha256 "
    "FROM dead_letter WHERE device = ANY(%s) AND received_at BETWEEN %s AND %s ORDER BY id"
)
_FLAGS: Final = (
    "SELECT channel_id, test, flag, count(*) AS readings FROM reading_flag "
    "WHERE channel_id = ANY(%s) AND ts BETWEEN %s AND %s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
)
_SAMPLES: Final = (
    "SELECT * FROM sample WHERE site = %s AND taken_at BETWEEN %s::timestamptz - interval '30 days' "
    "AND %s::timestamptz + interval '30 days' ORDER BY id"
)
_CUSTODY: Final = "SELECT * FROM waste_event WHERE tag = ANY(%s) ORDER BY ts, device, event_id"
_TOLD: Final = (
    "SELECT id, at, reason, person, channel_id, title FROM notification WHERE alarms && %s::bigint[] ORDER BY id"
)


def _around(connection: Connection, query: str, of: Any, scope: Scope) -> list[dict[str, Any]]:
    if not scope.windows:
        return []
    return rows(connection, query, of, scope.windows[0][0], scope.windows[-1][1])


def _alarm(connection: Connection, alarm: dict[str, Any], registry: Registry) -> Facts:
    history = rows(connection, "SELECT * FROM alarm_event WHERE alarm_id = %s ORDER BY id", alarm["id"])
    point = registry.sampling_points.get((alarm["site"], alarm["sampling_point"] or ""))
    known = alarm["indicator"] in INDICATORS
    return {
        **alarm,
        "text_zh": sentence("zh", alarm, registry),
        "text_en": sentence("en", alarm, registry),
        "sampling_point_name": point.name_zh if point else alarm["sampling_point"],
        "indicator_name": indicator_name("zh", alarm["indicator"]) if known else alarm["indicator"],
        "history": history,
    }


def _case(connection: Connection, case: dict[str, Any]) -> Facts:
    steps = rows(connection, "SELECT * FROM case_event WHERE case_id = %s ORDER BY id", case["id"])
    return {**case, "steps": steps, "files": rows(connection, _FILES, case["id"])}


_FILES: Final = (
    "SELECT id, event_id, name, media_type, bytes, sha256, added_at, added_by "
    "FROM case_file WHERE case_id = %s ORDER BY id"
)


def _device(connection: Connection, device: Device, registry: Registry, moment: datetime) -> Facts:
    """A device as it is registered, and the calibration and the review that counted at the moment."""
    zone = registry.sites[device.site].zone
    day = moment.astimezone(ZoneInfo(zone)).date()
    calibrations = rows(
        connection, "SELECT * FROM calibration WHERE device = %s ORDER BY calibrated_on, id", device.code
    )
    reviews = rows(connection, "SELECT * FROM device_review WHERE device = %s ORDER BY reviewed_on, id", device.code)
    credential = rows(
        connection,
        "SELECT generation, issued_at, issued_by, revoked_at FROM device_credential WHERE device = %s",
        device.code,
    )
    status = rows(connection, "SELECT online, firmware, received_at FROM device_status WHERE device = %s", device.code)
    return {
        "code": device.code,
        "sampling_point": device.sampling_point,
        "period_s": device.period_s,
        "dialect": str(device.dialect),
        "channels": [
            _channel(each.id, each.indicator) for each in registry.channels.values() if each.device == device.code
        ],
        "calibrations": calibrations,
        "calibration_at_the_time": _counted(calibrations, "calibrated_on", day),
        "reviews": reviews,
        "review_at_the_time": _counted(reviews, "reviewed_on", day),
        "credential": credential[0] if credential else None,
        "status_now": status[0] if status else None,
    }


def _channel(number: int, indicator: str) -> Facts:
    known = INDICATORS.get(indicator)
    name = indicator_name("zh", indicator) if known else indicator
    return {"id": number, "indicator": indicator, "name": name, "unit": known.unit if known else ""}


def _counted(entries: Iterable[dict[str, Any]], column: str, day: date) -> dict[str, Any] | None:
    """The newest entry of a day or before it, whenever it was entered: that moment is beside it."""
    before = [each for each in entries if each[column] <= day]
    return before[-1] if before else None


def _limits(subject: Subject) -> list[Facts]:
    """The standards that the alarms were judged by, in the version of then."""
    found = []
    for code in sorted({alarm["limit_profile"] for alarm in subject.alarms if alarm["limit_profile"]}):
        profile = profiles().get(code)
        if profile is None:
            found.append({"profile": code, "standard": None, "limits": []})
            continue
        # A standard may limit an indicator differently at different basins: the clause tells which it was.
        judged = {(each["indicator"], each["clause"]) for each in subject.alarms if each["limit_profile"] == code}
        limits = [
            {
                "indicator": limit.indicator,
                "interval": limit.interval(),
                "clause": limit.clause,
                "force": str(limit.force),
                "certainty": str(limit.certainty),
                "on_delay_s": limit.on_delay_s,
            }
            for limit in profile.limits
            if (limit.indicator, limit.clause) in judged
        ]
        found.append(
            {
                "profile": code,
                "standard": profile.standard,
                "title": profile.title_zh,
                "version": profile.version,
                "valid_from": profile.valid_from,
                "valid_to": profile.valid_to,
                "source": profile.source_zh,
                "limits": limits,
            }
        )
    return found


def _readings(chain: Chain, devices: Iterable[Facts], moment: datetime) -> list[Facts]:
    """Each channel's readings in the package in short: how many, between which, how late, and those around `moment`."""
    of_channel: dict[int, list[tuple[int, int, float, int, bool]]] = {}
    for entry in chain.entries:
        if entry.kind == "readings":
            for each in journal.readings_of(entry).tolist():
                channel, ts, value, arrived, late = each
                of_channel.setdefault(channel, []).append((ts, entry.id, value, arrived, late))
    found = []
    for device in devices:
        for channel in device["channels"]:
            got = sorted(of_channel.get(channel["id"], ()))
            if not got:
                found.append({**channel, "device": device["code"], "count": 0, "shown": []})
                continue
            lags = [(arrived - ts) / 1e6 for ts, _, _, arrived, _ in got]
            at = int(moment.timestamp() * 1e6)
            nearest = sorted(sorted(got, key=lambda each: abs(each[0] - at))[:SHOWN])
            found.append(
                {
                    **channel,
                    "device": device["code"],
                    "count": len(got),
                    "least": min(each[2] for each in got),
                    "greatest": max(each[2] for each in got),
                    "first": from_us(got[0][0]),
                    "last": from_us(got[-1][0]),
                    "longest_gap_s": max(((b[0] - a[0]) / 1e6 for a, b in pairwise(got)), default=None),
                    "late": sum(each[4] for each in got),
                    "lag_median_s": median(lags),
                    "lag_greatest_s": max(lags),
                    "lag_least_s": min(lags),
                    "shown": [
                        {"at": from_us(ts), "arrived": from_us(arrived), "value": value, "row": row, "late": late}
                        for ts, row, value, arrived, late in nearest
                    ],
                }
            )
    return found


def _people(connection: Connection, found: Facts) -> Facts:
    """Names and roles of everybody who did something in it."""
    names = {each["actor"] for alarm in found["alarms"] for each in alarm["history"]}
    names |= {each["actor"] for each in (found["case"] or {}).get("steps", ())}
    known = rows(
        connection,
        "SELECT username, name, role FROM person WHERE username = ANY(%s)",
        sorted(name for name in names if name),
    )
    return {row["username"]: {"name": row["name"], "role": row["role"]} for row in known}
