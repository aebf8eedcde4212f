"""How rows of medical waste become answers of the API: codes by their names, grams as kilograms."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from monitor.api.schemas.waste import BagInfo, Fix, Scan, Step
from monitor.api.snapshot import Snapshot
from monitor.waste.rules import RULES, Rule
from registry.catalogue import LANGUAGES, text
from registry.geodesy import wgs84_to_gcj02
from registry.waste.catalogue import Container, Event, categories, container_names, event_kinds
from registry.waste.model import WasteRegistry

STEPS: Final[tuple[Step, ...]] = ("collected", "stored", "handed", "received", "treated")
_PER_BAG: Final = tuple(rule for rule in Rule if rule < Rule.PICKUP)


def rules_of(bits: int) -> list[Rule]:
    """The rules of a bag that bits stand for."""
    return [rule for rule in _PER_BAG if rule in RULES and bits >> rule & 1]


def category_of(number: int | None) -> dict[str, Any]:
    """A category with its names by its number in the catalogue; 0 or none: not sorted."""
    known = categories().get(number or 0)
    if known is None:
        zh, en = (text(language, "waste_page.no_category") for language in LANGUAGES)
        return {"category": None, "category_zh": zh, "category_en": en}
    return {"category": known.code, "category_zh": known.name_zh, "category_en": known.name_en}


def step_of(number: int | None) -> dict[str, Any]:
    """A step with its names by its number; none: not known."""
    name = "unknown" if number is None else STEPS[number]
    return {
        "step": None if number is None else STEPS[number],
        "step_zh": text("zh", f"waste_page.step.{name}"),
        "step_en": text("en", f"waste_page.step.{name}"),
    }


def bag_of(
    row: Mapping[str, Any], now: Snapshot, registry: WasteRegistry, boxes: Mapping[int, str], at: datetime
) -> BagInfo:
    """A bag as a line of a list, seen at an instant."""
    site = now.registry.sites.get(row["site"])
    since = min((t for t in (row[f"{step}_at"] for step in STEPS) if t is not None), default=None)
    grams = next((g for g in (row[f"{step}_g"] for step in reversed(STEPS)) if g is not None), None)
    rules = rules_of(row["open"])
    return BagInfo(
        tag=row["tag"],
        site=row["site"],
        site_name_zh=site.name_zh if site else row["site"] or "–",
        site_name_en=site.name_en if site else row["site"] or "–",
        simulated=row["simulated"],
        **_ward(registry, row["site"], row["ward"]),
        **category_of(row["category"]),
        **step_of(row["step"]),
        kg=None if grams is None else grams / 1_000,
        since=since,
        age_h=None if since is None else round(((row["treated_at"] or at) - since) / timedelta(hours=1), 1),
        parent=boxes.get(int(row["parent"])) if row["parent"] else None,
        rules=[rule.code for rule in rules],
        rules_zh=[text("zh", f"waste.rule.{rule.code}") for rule in rules],
        rules_en=[text("en", f"waste.rule.{rule.code}") for rule in rules],
    )


def _ward(registry: WasteRegistry, site: str | None, code: str | None) -> dict[str, Any]:
    known = registry.wards.get((site or "", code or ""))
    return {
        "ward": code,
        "ward_zh": known.name_zh if known else code,
        "ward_en": known.name_en if known else code,
    }


def _place(now: Snapshot, registry: WasteRegistry, site: str, code: str | None) -> dict[str, Any]:
    """A store of the site, a vehicle or a receiver by its name; the code where nobody registered it."""
    zh = en = code
    if (store := now.registry.sampling_points.get((site, code or ""))) is not None:
        zh, en = store.name_zh, store.name_en
    elif (vehicle := registry.vehicles.get(code or "")) is not None:
        zh = en = vehicle.plate
    elif (receiver := registry.receivers.get(code or "")) is not None:
        zh, en = receiver.name_zh, receiver.name_en
    return {"place": code, "place_zh": zh, "place_en": en}


def scan_of(row: Mapping[str, Any], now: Snapshot, registry: WasteRegistry) -> Scan:
    """One scan with the names of all that it names by code."""
    site = now.registry.sites.get(row["site"])
    event = event_kinds()[Event(row["event"])]
    container_zh, container_en = container_names()[Container(row["kind"])]
    gross, tare = row["gross_g"], row["tare_g"] or 0
    receiver = registry.receivers.get(row["receiver"] or "")
    vehicle = registry.vehicles.get(row["vehicle"] or "")
    return Scan(
        ts=row["ts"],
        arrived=row["arrived"],
        event=event.event.code,
        event_zh=event.name_zh,
        event_en=event.name_en,
        tag=row["tag"],
        container_zh=container_zh,
        container_en=container_en,
        site=row["site"],
        site_name_zh=site.name_zh if site else row["site"],
        site_name_en=site.name_en if site else row["site"],
        device=row["device"],
        **_ward(registry, row["site"], row["ward"]),
        **_place(now, registry, row["site"], row["place"]),
        parent=row["parent"],
        **category_of(row["category"]),
        kg=None if gross is None else (gross - tare) / 1_000,
        gross_kg=None if gross is None else gross / 1_000,
        signed_by=[registry.handlers[code].name if code in registry.handlers else code for code in row["signed_by"]],
        receiver=row["receiver"],
        receiver_zh=receiver.name_zh if receiver else row["receiver"],
        receiver_en=receiver.name_en if receiver else row["receiver"],
        vehicle=vehicle.plate if vehicle else row["vehicle"],
        manifest=row["manifest"],
        sealed=row["sealed"],
    )


def fix_of(row: Mapping[str, Any]) -> Fix:
    """A fix, in GCJ-02 as well."""
    lon, lat = wgs84_to_gcj02(row["lon"], row["lat"])
    return Fix(
        ts=row["ts"],
        lon=row["lon"],
        lat=row["lat"],
        lon_gcj02=round(float(lon), 6),
        lat_gcj02=round(float(lat), 6),
        speed_kmh=row["speed_kmh"],
    )
