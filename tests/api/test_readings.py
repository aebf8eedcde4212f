"""Readings for charts and files."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from openpyxl import load_workbook

from monitor.api import refresher
from monitor.api.tables import safe_text
from store.aggregates import Keeper
from store.connections import Connection, connect
from store.partitions import ensure_partitions
from store.readings import WriteMode, write_batch
from store.records import READING, to_us
from tests.api.conftest import Served, eventually

BEGIN = datetime(2026, 4, 1, tzinfo=UTC)
DAY = {"from": "2026-04-01T00:00:00Z", "to": "2026-04-02T00:00:00Z"}


def put_readings(dsn: str, values: dict[int, list[float]], *, begin: datetime = BEGIN, step_s: int = 60) -> None:
    """Readings of channels, `step_s` apart, through the write path."""
    rows = [
        (channel, to_us(begin) + n * step_s * 1_000_000, value, to_us(begin), False)
        for channel, series in values.items()
        for n, value in enumerate(series)
    ]
    with connect(dsn) as connection:
        ensure_partitions(connection, begin, begin + timedelta(days=31))
        connection.commit()
        write_batch(
            connection, np.array(rows, dtype=READING), messages=(), dead=(), recorded_at=begin, mode=WriteMode.COPY
        )
        connection.commit()


def test_few_readings_come_as_they_are(api: Served) -> None:
    """Where there are no more readings than points, each is a point of its own; `to` is excluded."""
    put_readings(api.dsn, {11: [0.5, 0.6, 0.7]})
    got = api.get("/readings", channel=11, **{"from": "2026-04-01T00:00:00Z", "to": "2026-04-01T00:02:00Z"})
    assert got == [
        {
            "channel_id": 11,
            "indicator": "free_chlorine",
            "unit": "mg/L",
            "bucket_s": 0.0,
            "source": "readings",
            "points": {
                "ts": ["2026-04-01T00:00:00.000Z", "2026-04-01T00:01:00.000Z"],
                "min": [0.5, 0.6],
                "max": [0.5, 0.6],
                "mean": [0.5, 0.6],
                "count": [1, 1],
                "beyond": [0, 0],
            },
        }
    ]


def test_downsampling_loses_no_extreme_and_no_reading(api: Served) -> None:
    """A day in at most 50 buckets: one spike and one dip are there, and the counts add up."""
    values = [7.2] * 1440
    values[700], values[1300] = 9.9, 1.1
    put_readings(api.dsn, {12: values, 13: [25.0] * 10})
    series = api.get("/readings", channel=[12, 13], points=50, **DAY)
    chart = series[0]["points"]
    assert series[0]["bucket_s"] == 1800
    assert 40 <= len(chart["ts"]) <= 50
    assert (max(chart["max"]), min(chart["min"]), sum(chart["count"])) == (9.9, 1.1, 1440)
    spike = chart["max"].index(9.9)
    assert chart["ts"][spike] == "2026-04-01T11:30:00.000Z"
    assert chart["min"][spike] == 7.2
    assert chart["mean"][spike] == round((29 * 7.2 + 9.9) / 30, 4)
    assert (series[1]["channel_id"], series[1]["bucket_s"]) == (13, 0)


def test_months_are_drawn_from_aggregates_in_the_site_s_days(api: Served) -> None:
    """A long range comes as days that begin at midnight at the site, and says so; before they are made, the same."""
    values = [7.2] * (20 * 1440)
    values[9_000] = 9.9
    put_readings(api.dsn, {12: values})
    asked: dict[str, Any] = {"channel": 12, "from": "2026-03-31T16:00:00Z", "to": "2026-04-21T16:00:00Z", "points": 30}
    (before,) = api.get("/readings", **asked)
    with connect(api.dsn, autocommit=True) as connection:
        keeper = Keeper(connection, leader=None)
        while keeper.step(BEGIN):
            pass
    (after,) = api.get("/readings", **asked)
    assert (before.pop("source"), after.pop("source")) == ("readings", "day")
    assert after == before
    assert after["bucket_s"] == 86_400
    assert after["points"]["ts"][1] == "2026-04-01T16:00:00.000Z"
    assert (max(after["points"]["max"]), sum(after["points"]["count"])) == (9.9, 20 * 1440)


def test_unacceptable_ranges_are_named(api: Served) -> None:
    """Each refusal is one sentence that names the parameter, the value and what would be right."""
    cases: list[tuple[dict[str, Any], str]] = [
        ({"channel": 11, "from": "2026-04-02T00:00:00Z", "to": "2026-04-01T00:00:00Z"}, "must be before to"),
        ({"channel": 11, "from": "2026-04-01T00:00:00"}, "has no time zone"),
        ({"channel": 11, "from": "2001-01-01T00:00:00Z", "to": "2026-04-01T00:00:00Z"}, "at most 1830 days"),
        ({"channel": 11, "from": "yesterday"}, "query parameter from: 'yesterday'"),
        ({"channel": list(range(60))}, "at most 50"),
        ({"channel": 11, "points": 1}, "query parameter points: '1'"),
        ({"channel": "ph"}, "query parameter channel"),
        ({}, "query parameter channel: is required"),
    ]
    for parameters, sentence in cases:
        answer = api.client().get("/readings", params=parameters)
        assert answer.status_code == 422, parameters
        assert sentence in answer.json()["detail"], answer.json()
    backwards = api.client().get("/readings", params=cases[0][0]).json()["detail_zh"]
    assert backwards == "query 参数 from：2026-04-02 08:00 应早于 to，2026-04-01 08:00"
    assert api.client().get("/readings", params={"channel": 999}).status_code == 404


def test_a_csv_file_reads_like_the_site(api: Served) -> None:
    """Byte-order mark, the note, times in the site's zone, units in the headers, a mark for simulated data."""
    put_readings(api.dsn, {21: [0.5, 0.25], 22: [7.31]})
    answer = api.client().get("/sites/P-2/readings.csv", params=DAY)
    assert answer.headers["content-disposition"] == 'attachment; filename="landun-P-2.csv"'
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert "在线参考值" in rows[1][0]
    assert "not proof" in rows[2][0]
    assert "2026-04-01 08:00:00" in rows[3][0]
    assert rows[5] == [
        "时间（Asia/Shanghai） Time (Asia/Shanghai)",
        "采样点 Sampling point",
        "设备 Device",
        "数据来源 Source",
        "游离性余氯 Free chlorine (mg/L)",
        "pH 值 pH",
        "水温 Water temperature (℃)",
    ]
    head = ["一号池 Basin 1", "P-2-D1", "模拟 simulated"]
    assert rows[6:] == [
        ["2026-04-01 08:00:00+08:00", *head, "0.5", "7.31", ""],
        ["2026-04-01 08:01:00+08:00", *head, "0.25", "", ""],
    ]


def test_a_live_sites_file_is_not_marked_simulated(api: Served) -> None:
    """The mark tells real data from demonstration data."""
    put_readings(api.dsn, {11: [0.5]})
    text = api.client().get("/sites/P-1/readings.csv", params=DAY).text
    assert "在线仪器 on-line instrument" in text
    assert "模拟" not in text


def test_a_workbook_holds_numbers_and_local_times(api: Served) -> None:
    """The same rows as XLSX: times and values are cells of their kind, not text."""
    put_readings(api.dsn, {21: [0.5, 0.25]})
    answer = api.client().get("/sites/P-2/readings.xlsx", params=DAY)
    sheet = load_workbook(io.BytesIO(answer.content), read_only=True).active
    assert sheet is not None
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[6][0] == datetime(2026, 4, 1, 8, 0)  # noqa: DTZ001 - a worksheet's time has no zone
    assert rows[6][3:5] == ("模拟 simulated", 0.5)
    assert len(rows) == 8


def test_a_long_export_is_whole(api: Served) -> None:
    """Days of readings, read piece by piece: every one of them once, in order."""
    put_readings(api.dsn, {21: [float(n % 7) for n in range(3 * 1440)]})
    wanted = {"from": "2026-04-01T00:00:00Z", "to": "2026-04-04T00:00:00Z"}
    rows = list(csv.reader(io.StringIO(api.client().get("/sites/P-2/readings.csv", params=wanted).text)))[6:]
    assert [float(row[4]) for row in rows] == [float(n % 7) for n in range(3 * 1440)]
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)


def test_spreadsheets_run_no_text_as_formula(api: Served, db: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """A site's name that begins like a formula is kept as text in both kinds of file."""
    monkeypatch.setattr(refresher, "REGISTRY_S", 0.2)
    db.execute("UPDATE site SET name_zh = '=HYPERLINK(1)' WHERE code = 'P-2'")
    eventually(lambda: api.get("/sites/P-2")["name_zh"].startswith("="), "the new name is read", 20)
    text = api.client().get("/sites/P-2/readings.csv", params=DAY).content.decode("utf-8-sig")
    assert text.startswith("'=HYPERLINK(1)")
    book = load_workbook(io.BytesIO(api.client().get("/sites/P-2/readings.xlsx", params=DAY).content))
    cell = book.worksheets[0]["A1"]
    assert (cell.data_type, str(cell.value)[:12]) == ("s", "'=HYPERLINK(")


def test_what_counts_as_a_formula() -> None:
    """Everything that a spreadsheet may start to calculate with, full-width signs included; nothing else."""
    for text in ("=1", "+1", "-1", "@x", " =1", "\t=1", "＝1", "－1"):
        assert safe_text(text).startswith("'"), text
    for text in ("pH 值", "一号池", "0.3–1.0 mg/L", "A=1"):
        assert safe_text(text) == text
    assert safe_text("a\x00b") == "a\ufffdb"
