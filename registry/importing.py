"""From the registry's workbook to changes of the registry.

A row whose key is registered changes that entry to what the row says; a cell that is empty and a column that is
missing leave what is registered as it is; what the file does not name stays. A row that stands on a faulty row of
the same file (the device of a venue whose coordinates are wrong) is *held*, and not counted as a mistake of its own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any, Final

from registry.counties import COUNTIES, county_map
from registry.import_rows import HeldError, RowError, Tally, go_through, made, missing, put
from registry.indicators import INDICATORS
from registry.model import (
    Channel,
    Device,
    Dialect,
    Disinfection,
    Registry,
    SamplingPoint,
    Site,
    SiteStatus,
)
from registry.scenarios import DEFAULT, scenario_of
from registry.scenarios.model import Kind, Scenario
from registry.sheets import CHANNELS, DEVICES, POINTS, SHEETS, SITES, Calibration, given
from registry.tabular import Read, Table, read
from registry.units import UnitError, conversion
from registry.waste.importing import Known, plan_waste
from registry.waste.model import NO_WASTE, WasteRegistry
from registry.words import Words

NEW_CHANNEL: Final = 0
"""The id of a channel that has none yet; the store gives it one."""

_MAP_MARGIN_DEG: Final = 0.15


@dataclass(slots=True)
class Plan(Tally):
    """What importing a file would do. `sites` and so on hold only what is new or changed; `waste` likewise."""

    sites: dict[str, Site] = field(default_factory=dict)
    sampling_points: dict[tuple[str, str], SamplingPoint] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    channels: dict[tuple[str, str], Channel] = field(default_factory=dict)
    calibrations: dict[str, Calibration] = field(default_factory=dict)
    waste: WasteRegistry = NO_WASTE

    @property
    def empty(self) -> bool:
        """Whether nothing would change."""
        registered = self.sites or self.sampling_points or self.devices or self.channels
        return not (registered or self.calibrations) and self.waste == NO_WASTE


def plan_import(
    name: str,
    content: bytes,
    registry: Registry,
    calibrations: Mapping[str, Calibration],
    now: datetime,
    waste: WasteRegistry = NO_WASTE,
) -> Plan:
    """What importing a file into a registry would do. Raises `registry.tabular.TableError`."""
    return plan_tables(read(name, content, SHEETS), registry, calibrations, now, waste)


def plan_tables(
    tables: Mapping[str, Table],
    registry: Registry,
    calibrations: Mapping[str, Calibration],
    now: datetime,
    waste: WasteRegistry = NO_WASTE,
) -> Plan:
    """What tables that have been read would change. `now` is when new sites count as registered."""
    draft = _Draft(registry, calibrations, now, _sites_with_devices(tables.get(DEVICES.code), registry))
    for sheet, take in (
        (SITES, draft.site),
        (POINTS, draft.point),
        (DEVICES, draft.device),
        (CHANNELS, draft.channel),
    ):
        if (table := tables.get(sheet.code)) is not None:
            go_through(draft.plan, table, _KEYS[sheet.code], take)
    draft.plan.waste = plan_waste(tables, draft.plan, Known.of(registry, draft.plan.sites, draft.plan.devices), waste)
    return draft.plan


_KEYS: Final = {
    SITES.code: ("code",),
    POINTS.code: ("site", "code"),
    DEVICES.code: ("code",),
    CHANNELS.code: ("device", "indicator"),
}


class _Draft:
    """The registry as it would be, row by row."""

    def __init__(
        self, registry: Registry, calibrations: Mapping[str, Calibration], now: datetime, watched: frozenset[str]
    ) -> None:
        self.registry = registry
        self.calibrations = calibrations
        self.now = now
        self.watched = watched
        self.plan = Plan()
        self._known_channels = {(each.device, each.indicator): each for each in registry.channels.values()}

    def site(self, values: Mapping[str, Any]) -> str:
        said = given(values)
        code = said["code"]
        former = self.registry.sites.get(code)
        if former is not None and former.simulated:
            raise RowError("code", Words.of("registry.is_simulated"), code)
        _check_place(said)
        scenario = scenario_of(said.get("scenario") or (former.scenario if former else DEFAULT))
        if "disinfection" in said:
            said["disinfection"] = frozenset(said["disinfection"])
            _check_kinds("disinfection", said["disinfection"], scenario, scenario.treatments)
        if former is not None:
            return put(self.plan.sites, code, former, replace(former, **said))
        watched = SiteStatus.LIVE if code in self.watched else SiteStatus.OFFLINE
        base = {
            "name_en": said["name_zh"],
            "status": watched,
            "registered_at": self.now,
            "scenario": scenario.code,
            "disinfection": frozenset({Disinfection.CHLORINE}) & scenario.treatments.keys(),
        }
        return put(self.plan.sites, code, None, made(Site, base | said))

    def point(self, values: Mapping[str, Any]) -> str:
        said = given(values)
        site = self._site(said["site"])
        key = site.code, said["code"]
        scenario = scenario_of(site.scenario)
        if "water_kind" in said:
            _check_kinds("water_kind", {said["water_kind"]}, scenario, scenario.point_kinds)
        former = self.registry.sampling_points.get(key)
        base = {"name_en": said["name_zh"], "water_kind": next(iter(scenario.point_kinds), "")}
        entry = replace(former, **said) if former else made(SamplingPoint, base | said)
        return put(self.plan.sampling_points, key, former, entry)

    def device(self, values: Mapping[str, Any]) -> str:
        said = given(values)
        calibrated, due = said.pop("calibrated_on", None), said.pop("calibration_due", None)
        code, site = said["code"], self._site(said["site"])
        former = self.registry.devices.get(code)
        if former is not None and former.site != site.code:
            raise RowError("site", Words.of("registry.device_elsewhere", site=former.site), site.code)
        self._point(site.code, said["sampling_point"])
        if "kind" in said:
            scenario = scenario_of(site.scenario)
            _check_kinds("kind", {said["kind"]}, scenario, scenario.device_kinds)
        self._check_dialect(said, former)
        if due is not None and calibrated is None:
            raise RowError("calibrated_on", Words.of("registry.due_without_date"))
        if due is not None and due <= calibrated:
            raise RowError("calibration_due", Words.of("registry.due_before", date=calibrated), due)
        outcome = put(self.plan.devices, code, former, replace(former, **said) if former else made(Device, said))
        if calibrated is not None and self.calibrations.get(code) != (calibrated, due):
            self.plan.calibrations[code] = (calibrated, due)
            outcome = "changed" if outcome == "same" else outcome
        return outcome

    def _check_dialect(self, said: Mapping[str, Any], former: Device | None) -> None:
        """Whether a device can be reached as its row says: through a gateway there is, at an address that is one."""
        gateway = said.get("gateway")
        if gateway and gateway not in self.registry.devices and gateway not in self.plan.devices:
            raise self._missing("gateway", gateway, DEVICES.code, (gateway,), self.registry.devices, self.plan.devices)
        dialect = said.get("dialect") or (former.dialect if former else Dialect.NATIVE)
        for column, needing in (("identity", Dialect.HJ212), ("identity", Dialect.JT808), ("address", Dialect.MODBUS)):
            if dialect == needing and not (said.get(column) or (former and getattr(former, column))):
                raise RowError(column, Words.of(f"registry.{column}_needed", dialect=needing.value))

    def channel(self, values: Mapping[str, Any]) -> str:
        said = given(values)
        device, indicator = said["device"], said["indicator"]
        found = self.plan.devices.get(device) or self.registry.devices.get(device)
        if found is None:
            raise self._missing("device", device, DEVICES.code, (device,), self.registry.devices, self.plan.devices)
        self._site(found.site)
        former = self._known_channels.get((device, indicator))
        self._check_names(device, indicator, said.get("names", former.names if former else ()))
        if "unit" in said:
            _check_unit(said["unit"], INDICATORS[indicator].unit)
        entry = replace(former, **said) if former else Channel(NEW_CHANNEL, **said)
        return put(self.plan.channels, (device, indicator), former, entry)

    def _check_names(self, device: str, indicator: str, names: tuple[str, ...]) -> None:
        others = [
            each
            for each in (*self.plan.channels.values(), *self._known_channels.values())
            if each.device == device and each.indicator != indicator
        ]
        for name in names:
            for other in others:
                if name == other.indicator or name in other.names:
                    raise RowError("names", Words.of("registry.name_taken", indicator=other.indicator), name)

    def _site(self, code: str) -> Site:
        found = self.plan.sites.get(code) or self.registry.sites.get(code)
        if (code,) in self.plan.faulty_of(SITES.code):
            raise HeldError
        if found is None:
            raise self._missing("site", code, SITES.code, (code,), self.registry.sites, self.plan.sites)
        if found.simulated:
            raise RowError("site", Words.of("registry.is_simulated"), code)
        return found

    def _point(self, site: str, code: str) -> None:
        if (site, code) in self.plan.sampling_points or (site, code) in self.registry.sampling_points:
            if (site, code) in self.plan.faulty_of(POINTS.code):
                raise HeldError
            return
        known = {p for s, p in (*self.plan.sampling_points, *self.registry.sampling_points) if s == site}
        raise self._missing("sampling_point", code, POINTS.code, (site, code), known)

    def _missing(self, column: str, value: str, sheet: str, key: tuple[Any, ...], *known: Iterable[str]) -> Exception:
        return missing(self.plan.faulty_of(sheet), key, column, value, Words.of(f"registry.{column}_missing"), *known)


def _check_kinds(column: str, written: Iterable[str], scenario: Scenario, declared: Mapping[str, Kind]) -> None:
    """Whether what a row names is declared by the site's scenario."""
    for code in sorted(set(written) - declared.keys()):
        known = Words(
            "、".join(each.name_zh for each in declared.values()), ", ".join(each.name_en for each in declared.values())
        )
        named = Words(scenario.name_zh, scenario.name_en)
        raise RowError(column, Words.of("registry.not_of_scenario", scenario=named, known=known), code)


def _check_unit(unit: str, wanted: str) -> None:
    """Whether values in a device's unit can be converted to the indicator's."""
    try:
        conversion(unit, wanted)
    except UnitError as error:
        right = str(error).partition("must be one of ")[2]
        raise RowError("unit", Words.of("registry.not_unit", known=right), unit) from error


def _check_place(said: Mapping[str, Any]) -> None:
    """Whether the coordinates are somewhere in the map's counties, and not the wrong way round."""
    lon, lat = said.get("lon"), said.get("lat")
    if lon is None or lat is None or said.get("county") not in COUNTIES:
        return
    west, south, east, north = _bounds()
    if west <= lat <= east and south <= lon <= north:
        raise RowError("lon", Words.of("registry.place_swapped"), lon)
    bounds = {"west": f"{west:.1f}", "east": f"{east:.1f}", "south": f"{south:.1f}", "north": f"{north:.1f}"}
    if not west <= lon <= east:
        raise RowError("lon", Words.of("registry.place_outside", **bounds), lon)
    if not south <= lat <= north:
        raise RowError("lat", Words.of("registry.place_outside", **bounds), lat)


@cache
def _bounds() -> tuple[float, float, float, float]:
    """West, south, east and north of the map of counties, with a margin, in degrees."""
    lons: list[float] = []
    lats: list[float] = []

    def gather(shape: Any) -> None:
        if isinstance(shape[0], int | float):
            lons.append(shape[0])
            lats.append(shape[1])
        else:
            for each in shape:
                gather(each)

    for feature in county_map()["features"]:
        gather(feature["geometry"]["coordinates"])
    margin = _MAP_MARGIN_DEG
    return min(lons) - margin, min(lats) - margin, max(lons) + margin, max(lats) + margin


def _sites_with_devices(devices: Table | None, registry: Registry) -> frozenset[str]:
    rows: Iterable[Read] = devices.rows if devices else ()
    here = {str(row.values["site"]) for row in rows}
    return frozenset(here | {device.site for device in registry.devices.values()})
