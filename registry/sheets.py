"""The sheets of the registry's workbook: venues, sampling points, devices and channels, as clerks fill them in."""

from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import Any, Final

from registry.catalogue import text
from registry.cells import (
    a_choice,
    a_code,
    a_date,
    a_number,
    a_text,
    a_time_in,
    a_whole_number,
    a_zone,
    choices,
    several,
)
from registry.counties import COUNTIES
from registry.indicators import INDICATORS
from registry.model import HOME_ZONE, Channel, Device, Dialect, SamplingPoint, Site, SiteStatus
from registry.opening import OpeningHours
from registry.opening_text import format_opening, parse_opening
from registry.scenarios import Kind, scenario_of, scenarios
from registry.tabular import Cell, CellError, Column, Sheet
from registry.waste.sheets import WASTE_SHEETS
from registry.words import Words


def an_opening(cell: Cell) -> OpeningHours:
    """Opening hours as `registry.opening_text` reads them."""
    try:
        return parse_opening(str(cell))
    except ValueError as error:
        raise CellError(Words.of("registry.not_opening", part=str(error))) from error


def _words_of(members: Mapping[str, Words]) -> Words:
    return Words("、".join(each.zh for each in members.values()), ", ".join(each.en for each in members.values()))


def _choice_of(table: str, members: Iterable[StrEnum]) -> tuple[dict[str, StrEnum], Words]:
    """What a member may be written as: its code, and its name in either language."""
    spellings: dict[str, StrEnum] = {}
    known: dict[str, Words] = {}
    for member in members:
        known[member.value] = words = Words.of(f"{table}.{member.value}")
        spellings.update(dict.fromkeys((member.value, words.zh, words.en), member))
    return spellings, _words_of(known)


def _kinds(members: Iterable[Kind]) -> tuple[dict[str, str], Words]:
    """What a declared kind may be written as: its code, and its name in either language."""
    spellings: dict[str, str] = {}
    known: dict[str, Words] = {}
    for kind in members:
        spellings.update(dict.fromkeys((kind.code, kind.name_zh, kind.name_en), kind.code))
        known[kind.code] = Words(kind.name_zh, kind.name_en)
    return spellings, _words_of(known)


def _scenarios() -> tuple[dict[str, str], Words]:
    return _kinds(Kind(each.code, each.name_zh, each.name_en) for each in scenarios().values())


def _counties() -> tuple[dict[str, str], Words]:
    spellings: dict[str, str] = {}
    for county in COUNTIES.values():
        short = county.name_zh.rstrip("区市县")
        spellings |= dict.fromkeys((county.code, county.name_zh, county.name_en, short), county.code)
    return spellings, _words_of({each.code: Words(each.name_zh, each.name_en) for each in COUNTIES.values()})


def _dialects() -> tuple[dict[str, Dialect], Words]:
    listed = ", ".join(each.value for each in Dialect)
    return {each.value: each for each in Dialect}, Words(listed, listed)


def _indicators() -> tuple[dict[str, str], Words]:
    spellings: dict[str, str] = {}
    for each in INDICATORS.values():
        spellings |= dict.fromkeys((each.code, each.name_zh, each.name_en), each.code)
    known = {each.code: Words(f"{each.name_zh}（{each.code}）", each.code) for each in INDICATORS.values()}
    return spellings, _words_of(known)


SITES: Final = Sheet(
    "site",
    "registry.sheet.site",
    (
        Column("code", a_code, required=True, example="nt-cc-201"),
        Column("name_zh", a_text, required=True, example="濠河游泳馆"),
        Column("name_en", a_text, example="Haohe Natatorium"),
        Column("scenario", a_choice(*_scenarios()), example="游泳场所"),
        Column("county", a_choice(*_counties()), required=True, example="崇川区"),
        Column("lon", a_number(-180, 180, "°"), required=True, example="120.8642"),
        Column("lat", a_number(-180, 180, "°"), required=True, example="32.0163"),
        Column(
            "status",
            a_choice(*_choice_of("registry.status", (SiteStatus.LIVE, SiteStatus.OFFLINE))),
            example="offline",
        ),
        Column("opening", an_opening, example="周一至周五 06:00-21:00；周末 08:00-22:00"),
        Column(
            "disinfection",
            choices(*_kinds(kind for each in scenarios().values() for kind in each.treatments.values())),
            example="氯",
        ),
        Column("zone", a_zone, example=HOME_ZONE),
        Column("registered_at", a_time_in(HOME_ZONE), example="2026-11-01"),
    ),
)
POINTS: Final = Sheet(
    "sampling_point",
    "registry.sheet.sampling_point",
    (
        Column("site", a_code, required=True, example="nt-cc-201"),
        Column("code", a_code, required=True, example="b1"),
        Column("name_zh", a_text, required=True, example="标准池"),
        Column("name_en", a_text, example="Main pool"),
        Column(
            "water_kind",
            a_choice(*_kinds(kind for each in scenarios().values() for kind in each.point_kinds.values())),
            example="室内",
        ),
        Column("volume_m3", a_number(0.1, 100_000, "m³"), example="1875"),
    ),
)
DEVICES: Final = Sheet(
    "device",
    "registry.sheet.device",
    (
        Column("code", a_code, required=True, example="nt-cc-201-b1"),
        Column("site", a_code, required=True, example="nt-cc-201"),
        Column("sampling_point", a_code, required=True, example="b1"),
        Column(
            "kind",
            a_choice(*_kinds(kind for each in scenarios().values() for kind in each.device_kinds.values())),
            example="",
        ),
        Column("dialect", a_choice(*_dialects()), example="native"),
        Column("period_s", a_whole_number(1, 86_400, "s"), example="60"),
        Column("gateway", a_code, example=""),
        Column("identity", a_text, example=""),
        Column("address", a_text, example=""),
        Column("calibrated_on", a_date, example="2026-10-08"),
        Column("calibration_due", a_date, example="2027-04-08"),
    ),
)
CHANNELS: Final = Sheet(
    "channel",
    "registry.sheet.channel",
    (
        Column("device", a_code, required=True, example="nt-cc-201-b1"),
        Column("indicator", a_choice(*_indicators()), required=True, example="游离性余氯"),
        Column("names", several(str), example="ORP_mV"),
        Column("unit", a_text, example="ppm"),
        Column("factor", a_number(-1e9, 1e9, "—"), example="1"),
        Column("offset", a_number(-1e9, 1e9, "—"), example="0"),
    ),
)
SHEETS: Final = (SITES, POINTS, DEVICES, CHANNELS, *WASTE_SHEETS)

Calibration = tuple[date, date | None]
"""The day of a device's last calibration and when the next is due."""


def site_row(site: Site) -> dict[str, object]:
    """A site as a row of its sheet."""
    scenario = scenario_of(site.scenario)
    return SITES.row(
        site,
        scenario=scenario.name_zh,
        county=COUNTIES[site.county].name_zh if site.county in COUNTIES else site.county,
        status=text("zh", f"registry.status.{site.status}"),
        opening=format_opening(site.opening),
        disinfection="、".join(
            sorted(kind.name_zh for code, kind in scenario.treatments.items() if code in site.disinfection)
        ),
        registered_at=site.registered_at.isoformat(sep=" "),
    )


def point_row(point: SamplingPoint, scenario: str) -> dict[str, object]:
    """A sampling point of a site of a scenario as a row of its sheet."""
    kind = scenario_of(scenario).point_kinds.get(point.water_kind)
    return POINTS.row(point, water_kind=kind.name_zh if kind else point.water_kind)


def device_row(device: Device, scenario: str, calibration: Calibration | None) -> dict[str, object]:
    """A device at a site of a scenario as a row of its sheet."""
    calibrated, due = calibration or (None, None)
    kind = scenario_of(scenario).device_kinds.get(device.kind)
    return DEVICES.row(
        device,
        kind=kind.name_zh if kind else device.kind,
        dialect=str(device.dialect),
        calibrated_on=calibrated.isoformat() if calibrated else None,
        calibration_due=due.isoformat() if due else None,
    )


def channel_row(channel: Channel) -> dict[str, object]:
    """A channel as a row of its sheet."""
    known = INDICATORS.get(channel.indicator)
    return CHANNELS.row(
        channel, indicator=known.name_zh if known else channel.indicator, names="、".join(channel.names)
    )


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """What a row says: an empty cell says nothing, so that what is registered stays."""
    return {name: value for name, value in values.items() if value is not None}
