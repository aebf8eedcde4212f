"""Importing the registry from files, as a clerk does it."""

import io
from dataclasses import replace
from datetime import UTC, date, datetime
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from registry.catalogue import LANGUAGES
from registry.demonstration import demonstration
from registry.exporting import table, template, workbook
from registry.importing import Plan, plan_import
from registry.model import Channel, Registry, SiteStatus
from registry.opening import OpeningHours
from registry.opening_text import format_opening, parse_opening
from registry.sheets import CHANNELS, DEVICES, POINTS, SHEETS, SITES
from registry.tabular import TableError
from tests.workbooks import book

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
NOTHING = Registry.of((), (), (), ())
GOOD = ("nt-{n:03d}", "第{n}游泳馆", "崇川区", 120.9, 32.0, "06:00-22:00")
HEAD = ("场所编码", "名称", "区县", "经度", "纬度", "开放时间")
FAULTS: tuple[tuple[int, Any, str, str], ...] = (
    (2, "崇州区", "是不是“崇川区”？", "Did you mean “崇川区”?"),
    (2, None, "必填", "must be filled in"),
    (0, "nt 001", "不能有空格", "no spaces"),
    (3, "一百二十", "应为数字", "must be a number"),
    (3, 12.9, "不在本市范围内", "outside the city"),
    (5, "早上到晚上", "开放时间看不懂", "is not understood"),
    (1, None, "必填", "must be filled in"),
    (4, 320, "超出范围", "out of range"),
)


def registered(online: int = 3) -> Registry:
    """The demonstration's registry as if it were live."""
    made = demonstration(7, online=online, offline=4, registered_at=NOW)
    sites = [replace(each, status=SiteStatus.LIVE) if each.simulated else each for each in made.sites.values()]
    return Registry.of(sites, made.sampling_points.values(), made.devices.values(), made.channels.values())


def planned(content: bytes, registry: Registry = NOTHING, name: str = "venues.xlsx") -> Plan:
    """What importing a file would do."""
    return plan_import(name, content, registry, {}, NOW)


def good(number: int) -> list[Any]:
    """A row that is right."""
    return [each.format(n=number) if isinstance(each, str) else each for each in GOOD]


def test_five_hundred_venues_with_forty_faulty_rows_give_forty_errors_and_460_venues() -> None:
    """Each faulty row is one mistake naming sheet, row, column and value in both languages; the others are good."""
    chosen = sorted(Random(1).sample(range(500), 40))  # noqa: S311 - which rows are faulty is no secret
    rows: list[tuple[Any, ...]] = [HEAD]
    expected: dict[int, tuple[int, str, str]] = {}
    for number in range(500):
        row = good(number)
        if number in chosen:
            column, value, zh, en = FAULTS[chosen.index(number) % len(FAULTS)]
            row[column] = value
            expected[number + 2] = (column, zh, en)
        rows.append(tuple(row))

    plan = planned(book(场所=rows))

    assert len(plan.mistakes) == 40
    assert len(plan.sites) == 460
    assert (plan.counts["site"].rows, plan.counts["site"].new, plan.counts["site"].faulty) == (500, 460, 40)
    for mistake in plan.mistakes:
        column, zh, en = expected[mistake.row]
        assert mistake.column is not None
        assert mistake.column.zh == HEAD[column]
        assert f"“场所”第 {mistake.row} 行" in mistake.sentence("zh")
        assert zh in mistake.sentence("zh")
        assert f"“Venues”, row {mistake.row}" in mistake.sentence("en")
        assert en in mistake.sentence("en")


def test_what_is_exported_imports_to_exactly_what_is_registered() -> None:
    """XLSX out and in again changes nothing; onto an empty registry it gives every entry again."""
    registry = registered()
    channel = next(iter(registry.channels.values()))
    channels = [*registry.channels.values()]
    channels[0] = Channel(channel.id, channel.device, channel.indicator, ("=CL", "余氯"))
    registry = Registry.of(
        registry.sites.values(), registry.sampling_points.values(), registry.devices.values(), channels
    )
    calibrations = {channel.device: (date(2026, 10, 8), date(2027, 4, 8))}
    content = workbook(registry, calibrations)

    again = plan_import("registry.xlsx", content, registry, calibrations, NOW)
    assert again.mistakes == []
    assert again.empty
    afresh = plan_import("registry.xlsx", content, NOTHING, {}, NOW)
    assert afresh.sites == registry.sites
    assert afresh.sampling_points == registry.sampling_points
    assert afresh.devices == registry.devices
    assert {key: each.names for key, each in afresh.channels.items()} == {
        (each.device, each.indicator): each.names for each in registry.channels.values()
    }
    assert afresh.calibrations == calibrations


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_each_sheet_exports_as_csv_that_imports_back(encoding: str) -> None:
    """CSV goes one sheet a file, in UTF-8 or in the encoding Chinese spreadsheets save."""
    registry = registered()
    for sheet in (SITES, POINTS, DEVICES, CHANNELS):
        content = table(sheet.code, registry, {}).decode("utf-8-sig").encode(encoding)
        plan = planned(content, registry, f"{sheet.code}.csv")
        assert plan.mistakes == []
        assert plan.empty
        assert plan.counts[sheet.code].rows > 0


def test_a_row_changes_what_is_registered_and_leaves_what_it_does_not_say() -> None:
    """An upsert: a cell that is filled in changes its field, an empty one and a missing column change nothing."""
    registry = registered()
    site = next(each for each in registry.sites.values() if each.status is SiteStatus.LIVE)
    rows = [
        ("场所编码", "名称", "区县", "经度", "纬度", "消毒方式"),
        (site.code, "新名称", site.county, site.lon, site.lat, ""),
    ]
    plan = planned(book(sites=rows), registry)
    assert plan.mistakes == []
    assert plan.sites == {site.code: replace(site, name_zh="新名称")}
    assert (plan.counts["site"].changed, plan.counts["site"].new) == (1, 0)


def test_rows_that_stand_on_a_faulty_row_are_held_and_not_mistakes_of_their_own() -> None:
    """One wrong county is one error, though a sampling point, a device and a channel stand on that venue."""
    pages: dict[str, list[tuple[Any, ...]]] = {
        "Venues": [HEAD, ("nt-1", "一号馆", "崇州区", 120.9, 32.0, "")],
        "Sampling points": [("Venue code", "Point code", "Name (Chinese)"), ("nt-1", "b1", "标准池")],
        "Devices": [("Device code", "Venue code", "Point code"), ("nt-1-b1", "nt-1", "b1")],
        "Channels": [("Device code", "Indicator"), ("nt-1-b1", "ph")],
    }
    plan = planned(book(**pages))
    assert [each.row for each in plan.mistakes] == [2]
    assert plan.empty
    assert [plan.counts[each].held for each in ("sampling_point", "device", "channel")] == [1, 1, 1]


def test_references_duplicates_and_swapped_coordinates_are_named() -> None:
    """Mistakes between rows say which row, code or order would be right."""
    pages: dict[str, list[tuple[Any, ...]]] = {
        "Venues": [HEAD, tuple(good(1)), tuple(good(1)), ("nt-2", "二号馆", "如东县", 32.0, 120.9, "")],
        "Sampling points": [("Venue code", "Point code", "Name (Chinese)"), ("nt-001", "b1", "标准池")],
        "Devices": [
            ("Device code", "Venue code", "Point code", "Calibrated", "Calibration due"),
            ("d-1", "nt-01", "b1", None, None),
            ("d-2", "nt-001", "b2", None, None),
            ("d-3", "nt-001", "b1", "2026-10-08", "2026-10-01"),
            ("d-4", "nt-001", "b1", date(2026, 10, 8), date(2027, 10, 1)),
        ],
        "Channels": [
            ("Device code", "Indicator", "Names in the payload"),
            ("d-4", "free chlorin", None),
            ("d-4", "orp", "ORP_mV"),
            ("d-4", "pH", "ORP_mV"),
        ],
    }
    plan = planned(book(**pages))
    english = [each.sentence("en") for each in plan.mistakes]
    assert "is the same as row 2" in english[0]
    assert "the wrong way round" in english[1]
    assert "Did you mean “nt-001”?" in english[2]
    assert "no such sampling point" in english[3]
    assert "must be later than" in english[4]
    assert "Did you mean “Free chlorine”?" in english[5]
    assert "a name of this device's orp already" in english[6]
    assert len(english) == 7
    assert set(plan.devices) == {"d-4"}
    assert plan.sites["nt-001"].status is SiteStatus.LIVE


def test_the_demonstration_and_a_device_of_another_venue_are_not_overwritten() -> None:
    """A simulated venue's code is refused, and so is moving a device, whose history belongs to its venue."""
    simulated = demonstration(7, online=1, offline=0, registered_at=NOW)
    site = next(iter(simulated.sites.values()))
    plan = planned(book(v=[HEAD, (site.code, "x", "崇川区", 120.9, 32.0, "")]), simulated)
    assert "belongs to the demonstration" in plan.mistakes[0].sentence("en")

    registry = registered(2)
    one, other = [each for each in registry.sites.values() if each.status is SiteStatus.LIVE][:2]
    device = registry.devices_of_site[one.code][0]
    rows = [("设备编码", "场所编码", "采样点编码"), (device.code, other.code, "b1")]
    plan = planned(book(d=rows), registry)
    assert f"registered at venue {one.code}" in plan.mistakes[0].sentence("en")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.xls", b"\xd0\xcf\x11\xe0", "Save it as .xlsx"),
        ("a.xlsx", b"PK\x03\x04 torn", "cannot be opened"),
        ("a.csv", "甲,乙\n1,2\n".encode(), "No sheet of the file is known"),
        ("a.csv", b"\xff\xff\xff\xff", "encoding is not known"),
    ],
)
def test_a_file_that_is_no_table_of_ours_is_refused_as_a_whole(name: str, content: bytes, said: str) -> None:
    """What is said tells which file would be right."""
    with pytest.raises(TableError) as refused:
        planned(content, name=name)
    assert said in refused.value.words.en


def test_the_template_explains_every_column_and_imports_as_nothing() -> None:
    """Its example rows are passed over; its last sheet has a line for each column in both languages."""
    content = template()
    plan = planned(content)
    assert plan.mistakes == []
    assert plan.empty
    page = load_workbook(io.BytesIO(content))["说明 Help"]
    explained = [row for row in page.iter_rows(min_row=4, values_only=True) if row[0]]
    assert len(explained) == sum(len(sheet.columns) for sheet in SHEETS)
    assert all(row[4] and row[5] for row in explained)


span = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda each: each[0] < each[1])
week = st.tuples(*[st.lists(span, max_size=2).map(lambda each: tuple(sorted(each)))] * 7)


@settings(max_examples=200, deadline=None)
@given(week)
def test_every_week_is_read_back_as_it_is_written(written: tuple[tuple[tuple[int, int], ...], ...]) -> None:
    """Any opening hours survive being written for people and read again."""
    opening = OpeningHours(week=written)
    assert parse_opening(format_opening(opening)) == opening


def test_words_of_every_mistake_exist_in_both_languages() -> None:
    """No sheet or column is without its title and explanation."""
    for sheet in SHEETS:
        for language in LANGUAGES:
            assert sheet.title(language)
            assert all(sheet.column_title(column.code, language) for column in sheet.columns)
