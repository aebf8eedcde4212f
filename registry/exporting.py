"""The registry as a workbook that imports back to the same, and the empty workbook to fill in."""

from collections.abc import Mapping
from typing import Final

from registry.model import Registry
from registry.sheets import (
    CHANNELS,
    DEVICES,
    POINTS,
    SHEETS,
    SITES,
    Calibration,
    channel_row,
    device_row,
    point_row,
    site_row,
)
from registry.templates import to_csv, to_xlsx
from registry.waste.model import NO_WASTE, WasteRegistry, within
from registry.waste.sheets import (
    CONTAINERS,
    FENCES,
    HANDLERS,
    PARTIES,
    RECEIVERS,
    ROUTES,
    VEHICLES,
    WARDS,
    container_row,
    fence_row,
    party_row,
    receiver_row,
    route_row,
)

SHEET_OF: Final = {sheet.code: sheet for sheet in SHEETS}


def rows_of(
    registry: Registry, calibrations: Mapping[str, Calibration], waste: WasteRegistry = NO_WASTE
) -> dict[str, list[dict[str, object]]]:
    """The rows of every sheet. Simulated sites are left out: they are generated, not registered."""
    sites = {code: site for code, site in registry.sites.items() if not site.simulated}
    devices = {code: device for code, device in registry.devices.items() if device.site in sites}
    return {
        SITES.code: [site_row(site) for site in sites.values()],
        POINTS.code: [
            point_row(each, sites[each.site].scenario)
            for each in registry.sampling_points.values()
            if each.site in sites
        ],
        DEVICES.code: [
            device_row(device, sites[device.site].scenario, calibrations.get(code)) for code, device in devices.items()
        ],
        CHANNELS.code: [channel_row(each) for each in registry.channels.values() if each.device in devices],
        **_waste_rows(within(waste, sites, also_nobodys=True)),
    }


def _waste_rows(waste: WasteRegistry) -> dict[str, list[dict[str, object]]]:
    return {
        PARTIES.code: [party_row(each) for each in waste.parties.values()],
        WARDS.code: [WARDS.row(each) for each in waste.wards.values()],
        HANDLERS.code: [HANDLERS.row(each) for each in waste.handlers.values()],
        RECEIVERS.code: [receiver_row(each) for each in waste.receivers.values()],
        VEHICLES.code: [VEHICLES.row(each) for each in waste.vehicles.values()],
        CONTAINERS.code: [container_row(each) for each in waste.tares.values()],
        ROUTES.code: [route_row(each) for each in waste.routes.values()],
        FENCES.code: [fence_row(each) for each in waste.fences.values()],
    }


def workbook(registry: Registry, calibrations: Mapping[str, Calibration], waste: WasteRegistry = NO_WASTE) -> bytes:
    """The registry as XLSX, a sheet for each kind of entry and one that explains the columns."""
    rows = rows_of(registry, calibrations, waste)
    return to_xlsx([(sheet, rows[sheet.code]) for sheet in SHEETS])


def table(
    sheet: str, registry: Registry, calibrations: Mapping[str, Calibration], waste: WasteRegistry = NO_WASTE
) -> bytes:
    """One kind of entry as CSV. Raises `KeyError` for a sheet there is not."""
    return to_csv(SHEET_OF[sheet], rows_of(registry, calibrations, waste)[sheet])


def template() -> bytes:
    """The empty workbook, with an example row in each sheet that the import passes over."""
    return to_xlsx([(sheet, ()) for sheet in SHEETS], examples=True)
