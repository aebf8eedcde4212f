"""Register, manifest and vehicle card: their fields from rows, and the documents printed from them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pypdfium2
import pytest

from monitor.documents import render_pdf
from monitor.documents.of_waste import BLANK, Words, manifest, register, vehicle_card
from registry.waste.model import Handler, Receiver, Vehicle, Ward, WasteRegistry
from simulators.waste.city import city
from simulators.waste.registering import registered

AT = datetime(2026, 11, 3, 1, 30, tzinfo=UTC)
REGISTRY = WasteRegistry(
    wards={("H1", "icu"): Ward("H1", "icu", "重症医学科", "ICU")},
    handlers={"n1": Handler("n1", "H1", "王护士"), "d1": Handler("d1", "D", "赵接收")},
    receivers={
        "disp": Receiver(
            "disp", "南通处置中心", "Disposer", "苏危废 1", date(2025, 1, 1), date(2030, 1, 1), method="高温焚烧"
        )
    },
    vehicles={"v1": Vehicle("v1", "苏F12345", "disp")},
)
WORDS = Words(REGISTRY, {"H1": "第一医院", "H2": "第二医院"}.__getitem__, ZoneInfo("Asia/Shanghai"), AT)


def bag(tag: str, net_g: int | None, **more: Any) -> dict[str, Any]:
    """A row of the register."""
    return {
        "ts": AT, "tag": tag, "ward": "icu", "category": 1, "net_g": net_g, "signed_by": ["n1", "x9"],
        "handed_at": AT + timedelta(hours=6), "receiver": "disp", "plant": None, "treated_at": None, **more,
    }  # fmt: skip


def piece(tag: str, net_g: int, received_g: int | None, **more: Any) -> dict[str, Any]:
    """A row of what was handed over."""
    return {
        "ts": AT, "site": "H1", "tag": tag, "kind": 1, "category": 1, "net_g": net_g, "signed_by": ["n1"],
        "receiver": "disp", "vehicle": "v1", "manifest": "M-1", "received_g": received_g,
        "taken_by": ["d1"] if received_g is not None else None, **more,
    }  # fmt: skip


def printed(name: str, fields: dict[str, Any]) -> str:
    """The text of the PDF that a template makes of the fields, without line breaks and spaces."""
    document = pypdfium2.PdfDocument(render_pdf(name, fields, at=AT))
    text = "".join(page.get_textpage().get_text_range() for page in document)
    return text.replace("\r\n", "").replace(" ", "")


def test_the_register_has_the_seven_fields_of_the_law_for_every_bag() -> None:
    """Source, kind, weight, time of hand-over, treatment, destination, signatures; what is not known is a line."""
    rows = [bag("T1", 3_420), bag("T2", None, handed_at=None, receiver=None, signed_by=[], ward="er")]
    found = register(rows, WORDS, "H1", "2026-11")
    first, second = found["rows"]
    assert list(first.values()) == [
        "T1", "重症医学科", "感染性废物 841-001-01", "3.420", "11-03 15:30", "高温焚烧", "南通处置中心", "王护士、x9",
    ]  # fmt: skip
    assert (second["source"], second["kg"], second["handed"], second["signed"]) == ("er", BLANK, BLANK, BLANK)
    assert (found["count"], found["total"], found["waiting"]) == ("2", "3.420", "1")
    text = printed("waste_register", found)
    for words in ("医疗废物登记簿", "第一医院", "重症医学科", "3.420", "王护士"):
        assert words in text


def test_simulated_disposers_say_how_they_treat_waste() -> None:
    """Every receiver of the simulated city has a method, which stands in the register of what was handed over to it."""
    _, waste = registered(city(7, 40, 8), AT)
    words = Words(waste, lambda code: code, ZoneInfo("Asia/Shanghai"), AT)
    rows = [bag("T1", 1_000, receiver=code) for code in sorted(waste.receivers)]
    assert [each["method"] for each in register(rows, words, "H1", "2026-11")["rows"]] == ["高温焚烧", "高温蒸汽处理"]


def test_the_manifest_adds_up_by_day_and_comes_in_two_copies() -> None:
    """Categories apart, boxes of several among the others; the gap is what was handed over less what was received."""
    rows = [
        piece("B1", 1_000, 1_000),
        piece("B2", 500, 480, category=2),
        piece("X1", 2_000, None, category=None, kind=2),
        piece("B3", 700, 700, ts=AT + timedelta(days=1), manifest="M-2"),
    ]
    found = manifest(rows, WORDS, "H1", "2026-11")
    first, second = found["rows"]
    assert (first["infectious"], first["sharps"], first["other"]) == ("1.000", "0.500", "2.000")
    assert (first["pieces"], first["kg"], first["received"]) == ("3", "3.500", "1.480")
    assert (second["day"], second["manifest"], second["kg"]) == ("11-04", "M-2", "0.700")
    assert (found["total"], found["received"], found["gap"]) == ("4.200", "2.180", "2.020")
    text = printed("waste_manifest", found)
    for copy in ("第一联", "第二联"):
        assert copy in text
    assert text.count("本月合计") == 2


@pytest.mark.parametrize("weighed", [None, 900])
def test_the_vehicle_card_has_a_line_a_stop(weighed: int | None) -> None:
    """What was not received yet is a line to write on, not a zero."""
    rows = [piece("B1", 1_000, weighed), piece("B2", 300, None, site="H2", manifest=None)]
    found = vehicle_card(rows, WORDS, "v1", date(2026, 11, 3))
    assert [(each["number"], each["time"], each["institution"], each["received"]) for each in found["rows"]] == [
        ("1", "09:30", "第一医院", BLANK if weighed is None else "0.900"),
        ("2", "09:30", "第二医院", BLANK),
    ]
    text = printed("waste_vehicle_card", found)
    for words in ("苏F12345", "苏危废1", "第二医院", "1.300"):
        assert words in text
