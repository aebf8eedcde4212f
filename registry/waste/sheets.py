"""The sheets of medical waste in the registry's workbook: parties, wards, persons, receivers, vehicles and routes."""

from typing import Final

from registry.cells import a_choice, a_code, a_date, a_number, a_text, a_whole_number
from registry.tabular import Cell, CellError, Column, Sheet, Words
from registry.waste.catalogue import LONGEST_TAG, PartyKind, party_names
from registry.waste.model import Fence, Handler, Party, Point, Receiver, Route, Tare, Vehicle, Ward

MOST_POINTS: Final = 2_000
"""Points of one line: a way through a county has some hundred."""


def a_tag(cell: Cell) -> str:
    """The code on a container."""
    value = a_code(cell)
    if len(value) > LONGEST_TAG:
        raise CellError(Words.of("tabular.too_long", most=LONGEST_TAG, length=len(value)))
    return value


def a_line(cell: Cell) -> tuple[Point, ...]:
    """Points as ``120.86,32.01; 120.87,32.02``: longitude and latitude, WGS-84."""
    points: list[Point] = []
    try:
        for part in str(cell).replace("；", ";").split(";"):
            if part.strip():
                lon, lat = (float(each) for each in part.replace("，", ",").split(","))
                points.append((lon, lat))
    except ValueError:
        raise CellError(Words.of("waste_register.not_line", part=part.strip())) from None
    if not 1 <= len(points) <= MOST_POINTS:
        raise CellError(Words.of("waste_register.not_line", part=str(cell)[:30]))
    return tuple(points)


def some_codes(cell: Cell) -> tuple[str, ...]:
    """Codes, separated by comma or 、."""
    parts = str(cell).replace("、", ",").replace(";", ",").split(",")
    return tuple(dict.fromkeys(a_code(part.strip()) for part in parts if part.strip()))


def _parties() -> tuple[dict[str, PartyKind], Words]:
    spellings: dict[str, PartyKind] = {}
    for kind, names in party_names().items():
        spellings |= dict.fromkeys((kind.value, *names), kind)
    zh, en = zip(*party_names().values(), strict=True)
    return spellings, Words("、".join(zh), ", ".join(en))


PARTIES: Final = Sheet(
    "waste_party",
    "waste_register.sheet.party",
    (
        Column("site", a_code, required=True, example="nt-h-001"),
        Column("kind", a_choice(*_parties()), required=True, example="医疗卫生机构"),
        Column("beds", a_whole_number(0, 100_000), example="320"),
        Column("visits_a_day", a_number(0, 1_000_000), example="850"),
    ),
)
WARDS: Final = Sheet(
    "waste_ward",
    "waste_register.sheet.ward",
    (
        Column("site", a_code, required=True, example="nt-h-001"),
        Column("code", a_code, required=True, example="icu"),
        Column("name_zh", a_text, required=True, example="重症监护室"),
        Column("name_en", a_text, example="ICU"),
        Column("beds", a_whole_number(0, 100_000), example="20"),
    ),
)
HANDLERS: Final = Sheet(
    "waste_handler",
    "waste_register.sheet.handler",
    (
        Column("code", a_code, required=True, example="nt-h-001-n014"),
        Column("site", a_code, required=True, example="nt-h-001"),
        Column("name", a_text, required=True, example="张三"),
    ),
)
RECEIVERS: Final = Sheet(
    "waste_receiver",
    "waste_register.sheet.receiver",
    (
        Column("code", a_code, required=True, example="nt-disposer"),
        Column("name_zh", a_text, required=True, example="南通医疗废物处置中心"),
        Column("name_en", a_text, example="Nantong Medical-Waste Centre"),
        Column("licence", a_text, required=True, example="JSNT0600OOI001"),
        Column("valid_from", a_date, required=True, example="2025-01-01"),
        Column("valid_until", a_date, required=True, example="2029-12-31"),
        Column("site", a_code, example="nt-w-001"),
        Column("method", a_text, example="高温焚烧"),
    ),
)
VEHICLES: Final = Sheet(
    "waste_vehicle",
    "waste_register.sheet.vehicle",
    (
        Column("code", a_code, required=True, example="nt-v-01"),
        Column("plate", a_text, required=True, example="苏F12345"),
        Column("receiver", a_code, required=True, example="nt-disposer"),
        Column("tracker", a_code, example="nt-v-01-gps"),
    ),
)
CONTAINERS: Final = Sheet(
    "waste_container",
    "waste_register.sheet.container",
    (
        Column("tag", a_tag, required=True, example="BOX-000017"),
        Column("site", a_code, required=True, example="nt-h-001"),
        Column("tare_kg", a_number(0, 100_000, "kg"), required=True, example="1.5"),
    ),
)
ROUTES: Final = Sheet(
    "waste_route",
    "waste_register.sheet.route",
    (
        Column("code", a_code, required=True, example="nt-r-north"),
        Column("name_zh", a_text, required=True, example="北线"),
        Column("name_en", a_text, example="North"),
        Column("line", a_line, required=True, example="120.860,32.010; 120.871,32.024; 120.905,31.985"),
        Column("tolerance_m", a_number(10, 10_000, "m"), example="200"),
        Column("vehicles", some_codes, example="nt-v-01、nt-v-02"),
        Column("site", a_code, example="nt-w-001"),
    ),
)
FENCES: Final = Sheet(
    "waste_fence",
    "waste_register.sheet.fence",
    (
        Column("code", a_code, required=True, example="nt-f-h001"),
        Column("name_zh", a_text, required=True, example="第一人民医院装车点"),
        Column("name_en", a_text, example="First Hospital, loading"),
        Column("line", a_line, required=True, example="120.860,32.010"),
        Column("radius_m", a_number(10, 10_000, "m"), example="150"),
        Column("site", a_code, example="nt-h-001"),
    ),
)
WASTE_SHEETS: Final = (PARTIES, WARDS, HANDLERS, RECEIVERS, VEHICLES, CONTAINERS, ROUTES, FENCES)


def party_row(party: Party) -> dict[str, object]:
    """A party as a row of its sheet."""
    kind = party_names()[party.kind][0]
    return {"site": party.site, "kind": kind, "beds": party.beds, "visits_a_day": party.visits_a_day}


def ward_row(ward: Ward) -> dict[str, object]:
    """A ward as a row of its sheet."""
    return {
        "site": ward.site,
        "code": ward.code,
        "name_zh": ward.name_zh,
        "name_en": ward.name_en,
        "beds": ward.beds,
    }


def handler_row(handler: Handler) -> dict[str, object]:
    """A person as a row of its sheet."""
    return {"code": handler.code, "site": handler.site, "name": handler.name}


def receiver_row(receiver: Receiver) -> dict[str, object]:
    """A receiver as a row of its sheet."""
    return {
        "code": receiver.code,
        "name_zh": receiver.name_zh,
        "name_en": receiver.name_en,
        "licence": receiver.licence,
        "valid_from": receiver.valid_from.isoformat(),
        "valid_until": receiver.valid_until.isoformat(),
        "site": receiver.site,
        "method": receiver.method,
    }


def vehicle_row(vehicle: Vehicle) -> dict[str, object]:
    """A vehicle as a row of its sheet."""
    return {
        "code": vehicle.code,
        "plate": vehicle.plate,
        "receiver": vehicle.receiver,
        "tracker": vehicle.tracker,
    }


def container_row(tare: Tare) -> dict[str, object]:
    """A container as a row of its sheet."""
    return {"tag": tare.tag, "site": tare.site, "tare_kg": tare.grams / 1000}


def route_row(route: Route) -> dict[str, object]:
    """A route as a row of its sheet."""
    return {
        "code": route.code,
        "name_zh": route.name_zh,
        "name_en": route.name_en,
        "line": _written(route.line),
        "tolerance_m": route.tolerance_m,
        "vehicles": "、".join(route.vehicles),
        "site": route.site,
    }


def fence_row(fence: Fence) -> dict[str, object]:
    """A place where vehicles may stop as a row of its sheet."""
    return {
        "code": fence.code,
        "name_zh": fence.name_zh,
        "name_en": fence.name_en,
        "line": _written(fence.line),
        "radius_m": fence.radius_m,
        "site": fence.site,
    }


def _written(line: tuple[Point, ...]) -> str:
    return "; ".join(f"{lon!r},{lat!r}" for lon, lat in line)
