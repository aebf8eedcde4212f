"""Importing what is registered of medical waste, as a clerk does it: in the workbook of venues and devices."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from registry.exporting import table, workbook
from registry.importing import Plan, plan_import
from registry.model import Device, Dialect, Registry, SamplingPoint, Site, SiteStatus
from registry.waste.catalogue import PartyKind
from registry.waste.model import (
    NO_WASTE,
    SCENARIO,
    Fence,
    Handler,
    Party,
    Receiver,
    Route,
    Tare,
    Vehicle,
    Ward,
    WasteRegistry,
    owners,
)
from registry.waste.sheets import WASTE_SHEETS
from tests.workbooks import book

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
NOTHING = Registry.of((), (), (), ())


def world() -> tuple[Registry, WasteRegistry]:
    """A hospital and a disposer that are live, with something in each sheet, and a pool."""
    sites = [
        Site(code, "320602", SiteStatus.LIVE, name, name, 120.9, 32.0, NOW, scenario=scenario, disinfection=frozenset())
        for code, name, scenario in (("h1", "一院", SCENARIO), ("w1", "处置中心", SCENARIO), ("p1", "泳池", "pool"))
    ]
    registry = Registry.of(
        sites,
        [
            SamplingPoint(code, "s1", "暂存间", "Store", kind)
            for code, kind in (("h1", "producer_store"), ("w1", "disposer_cold_store"))
        ],
        [
            Device("scale-1", "h1", "s1", kind="smart_scale"),
            Device("gps-1", "w1", "s1", dialect=Dialect.JT808, identity="13900000001", kind="vehicle_tracker"),
        ],
        [],
    )
    waste = WasteRegistry.of(
        parties=[Party("h1", beds=320, visits_a_day=850.0), Party("w1", PartyKind.DISPOSER)],
        wards=[Ward("h1", "icu", "重症", "ICU", 20)],
        handlers=[Handler("n1", "h1", "张三")],
        receivers=[
            Receiver("r1", "处置中心", "Centre", "L-1", date(2025, 1, 1), date(2029, 12, 31), "w1", "高温焚烧"),
            Receiver("r2", "外市", "Elsewhere", "L-2", date(2025, 1, 1), date(2029, 12, 31)),
        ],
        vehicles=[Vehicle("v1", "苏F12345", "r1", "gps-1")],
        tares=[Tare("BOX-1", "h1", 1_535)],
        routes=[Route("n", "北线", "North", ((120.86, 32.01), (120.8712345, 32.02)), 250.0, ("v1",), "w1")],
        fences=[Fence("f", "装车点", "Loading", ((120.86, 32.01),), 150.0, "h1")],
    )
    return registry, waste


def planned(content: bytes) -> Plan:
    """The plan of a file on top of the world."""
    registry, waste = world()
    return plan_import("w.xlsx", content, registry, {}, NOW, waste)


def test_what_is_exported_imports_as_the_same() -> None:
    """The workbook on top of itself changes nothing; on nothing it makes the same; simulated sites are left out."""
    registry, waste = world()
    content = workbook(registry, {}, waste)
    again = planned(content)
    assert again.mistakes == []
    assert again.empty
    assert all(again.counts[sheet.code].same == again.counts[sheet.code].rows > 0 for sheet in WASTE_SHEETS)
    afresh = plan_import("w.xlsx", content, NOTHING, {}, NOW)
    assert afresh.mistakes == []
    assert (afresh.devices, afresh.waste) == (registry.devices, waste)
    simulated = Registry.of(
        (replace(each, status=SiteStatus.SIMULATED) for each in registry.sites.values()),
        registry.sampling_points.values(),
        registry.devices.values(),
        (),
    )
    alone = plan_import("w.xlsx", workbook(simulated, {}, waste), NOTHING, {}, NOW)
    assert set(alone.waste.receivers) == {"r2"}


@pytest.mark.parametrize("sheet", [each.code for each in WASTE_SHEETS])
def test_each_sheet_exports_as_csv_that_imports_back(sheet: str) -> None:
    """One sheet a file."""
    registry, waste = world()
    plan = plan_import(f"{sheet}.csv", table(sheet, registry, {}, waste), registry, {}, NOW, waste)
    assert plan.mistakes == []
    assert plan.empty
    assert plan.counts[sheet].rows > 0


def test_a_row_changes_what_it_says_and_no_more() -> None:
    """An upsert: an empty cell and a missing column leave what is registered."""
    plan = planned(book(医废主体=[("场所编码", "主体类型", "床位数"), ("h1", "医疗卫生机构", 400)]))
    assert plan.mistakes == []
    assert plan.waste.parties == {"h1": Party("h1", beds=400, visits_a_day=850.0)}
    assert plan.waste.wards == {}


WRONG: list[tuple[str, list[tuple[Any, ...]], str, str]] = [
    ("医废主体", [("场所编码", "主体类型"), ("p1", "Institution")], "医疗废物暂存", "change the venue's kind first"),
    ("医废主体", [("场所编码", "主体类型"), ("h9", "Institution")], "没有这个编码的场所", "no venue has this code"),
    ("医废主体", [("场所编码", "主体类型"), ("h1", "医院")], "可填", "is not known"),
    (
        "接收单位",
        [("单位编码", "名称", "经营许可证编号", "有效期起", "有效期止"), ("r", "x", "L", "2026-01-01", "2025-01-01")],
        "截止日期早于起始日期",
        "ends before it begins",
    ),
    ("运输车辆", [("车辆编码", "车牌号", "所属单位"), ("v", "苏F1", "r3")], "没有登记这个接收单位", "no such receiver"),
    (
        "运输车辆",
        [("车辆编码", "车牌号", "所属单位", "定位设备"), ("v2", "苏F1", "r1", "gps-1")],
        "已装在车辆“v1”上",
        "on the vehicle “v1” already",
    ),
    ("周转容器", [("容器编码", "场所编码", "皮重（kg）"), ("x" * 25, "h1", 1)], "24", "24"),
    (
        "运输路线",
        [("路线编码", "名称", "线路坐标"), ("r", "x", "120.9;32.0")],
        "坐标看不懂",
        "longitude before latitude",
    ),
    ("运输路线", [("路线编码", "名称", "线路坐标"), ("r", "x", "120.9,32.0")], "at least 2", "must have at least 2"),
    (
        "运输路线",
        [("路线编码", "名称", "线路坐标", "适用车辆"), ("r", "x", "120.9,32;121,32", "v8")],
        "没有登记这个车辆",
        "no such vehicle",
    ),
]


@pytest.mark.parametrize(("sheet", "rows", "zh", "en"), WRONG)
def test_what_is_wrong_with_a_row_is_said(sheet: str, rows: list[tuple[Any, ...]], zh: str, en: str) -> None:
    """In both languages, with the place; and nothing of the row is taken."""
    plan = planned(book(**{sheet: rows}))
    (mistake,) = plan.mistakes
    assert zh in mistake.sentence("zh")
    assert en in mistake.sentence("en")
    assert plan.waste == NO_WASTE


def test_a_row_that_stands_on_a_faulty_one_is_held() -> None:
    """A vehicle of a receiver whose licence is wrong is no mistake of its own."""
    plan = planned(
        book(
            接收单位=[
                ("单位编码", "名称", "经营许可证编号", "有效期起", "有效期止"),
                ("r9", "x", "L", "never", "2025-01-01"),
            ],
            运输车辆=[("车辆编码", "车牌号", "所属单位"), ("v9", "苏F1", "r9")],
        )
    )
    assert len(plan.mistakes) == 1
    assert plan.counts["waste_vehicle"].held == 1


def test_a_device_says_its_kind_in_words_of_its_scenario() -> None:
    """A kind of another scenario is refused with those that may be chosen."""
    head = ("设备编码", "场所编码", "采样点编码", "设备类型")
    good = planned(book(设备=[head, ("hand-1", "h1", "s1", "手持终端（RFID／二维码）")]))
    assert good.mistakes == []
    assert good.devices["hand-1"].kind == "handheld"
    pool = Registry.of(
        (*world()[0].sites.values(),),
        (*world()[0].sampling_points.values(), SamplingPoint("p1", "b1", "池", "Pool")),
        (),
        (),
    )
    plan = plan_import("w.xlsx", book(设备=[head, ("d", "p1", "b1", "智能秤（带标签打印）")]), pool, {}, NOW)
    assert "不适用于" in plan.mistakes[0].sentence("zh")


def test_every_entry_has_an_owner() -> None:
    """Whose county decides who may change it: the site of now and of before, a vehicle by its receiver."""
    _, waste = world()
    found = dict(owners(waste, NO_WASTE))
    assert found["vehicle", "v1"] == {"w1"}
    assert found["receiver", "r2"] == {""}
    assert found["ward", "icu"] == found["container", "BOX-1"] == {"h1"}
    moved = WasteRegistry.of(vehicles=[Vehicle("v1", "苏F12345", "r2")])
    assert dict(owners(moved, waste)) == {("vehicle", "v1"): {"", "w1"}}
