"""The sheets of medical waste in the registry's workbook: parties, wards, persons, receivers, vehicles and routes."""

from typing import Final

from registry.cells import a_choice, a_code, a_date, a_number, a_text, a_whole_number, several
from registry.tabular import Cell, CellError, Column, Sheet
from registry.waste.catalogue import LONGEST_TAG, PartyKind, party_names
from registry.waste.model import Fence, Party, Point, Receiver, Route, Tare
from registry.words import Words

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
        Column("vehicles", several(a_code), example="nt-v-01、nt-v-02"),
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
    return PARTIES.row(party, kind=party_names()[party.kind][0])


def receiver_row(receiver: Receiver) -> dict[str, object]:
    """A receiver as a row of its sheet."""
    return RECEIVERS.row(
        receiver, valid_from=receiver.valid_from.isoformat(), valid_until=receiver.valid_until.isoformat()
    )


def container_row(tare: Tare) -> dict[str, object]:
    """A container as a row of its sheet."""
    return CONTAINERS.row(tare, tare_kg=tare.grams / 1000)


def route_row(route: Route) -> dict[str, object]:
    """A route as a row of its sheet."""
    return ROUTES.row(route, line=_written(route.line), vehicles="、".join(route.vehicles))


def fence_row(fence: Fence) -> dict[str, object]:
    """A place where vehicles may stop as a row of its sheet."""
    return FENCES.row(fence, line=_written(fence.line))


def _written(line: tuple[Point, ...]) -> str:
    return "; ".join(f"{lon!r},{lat!r}" for lon, lat in line)
