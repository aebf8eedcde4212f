"""Quick tests beside the on-line values of their time, and a site's instruments."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from registry.samples import SampleState
from store.connections import Connection
from tests.api.conftest import Served, eventually, put_latest

TAKEN = datetime(2026, 5, 1, 8, tzinfo=UTC)


def put_readings(connection: Connection, channel: int, values: list[float], first: datetime) -> None:
    """A reading a minute."""
    connection.cursor().executemany(
        "INSERT INTO reading (channel_id, ts, value, batch) VALUES (%s, %s, %s, 1)",
        [(channel, first + timedelta(minutes=place), value) for place, value in enumerate(values)],
    )


def compared(api: Served, indicator: str, result: str, *, site: str = "P-1", role: str = "inspector") -> dict[str, Any]:
    """Enter a quick test as an inspector does, and ask how it compares."""
    body = {
        "site": site,
        "sampling_point": "basin-1",
        "kind": "quick_test",
        "taken_at": TAKEN.isoformat(),
        "taken_by": "李",
        "results": [{"indicator": indicator, "result": result}],
    }
    (number,) = api.client("inspector").post("/samples", json=body).raise_for_status().json()["ids"]
    answer: dict[str, Any] = api.get(f"/samples/{number}/comparison", role)
    return answer


@pytest.mark.parametrize(
    ("result", "agreement", "finding"),
    [("0.15", "agrees", "water_wrong"), ("0.45", "differs", "false_alarm"), ("<0.05", "agrees", "water_wrong")],
)
def test_a_quick_test_beside_a_low_probe(
    api: Served, db: Connection, result: str, agreement: str, finding: str
) -> None:
    """The mean of the ten minutes around the test is compared; readings of before and after are not in it."""
    put_readings(db, 11, [0.9] * 5 + [0.10, 0.12, 0.14, 0.10, 0.14] * 2 + [0.9] * 5, TAKEN - timedelta(minutes=10))
    found = compared(api, "free_chlorine", result)
    assert found["channel_id"] == 11
    assert found["readings"] == 10
    assert found["online"] == pytest.approx(0.12)
    assert found["online_state"] == SampleState.SUSPECTED
    assert (found["agreement"], found["finding"]) == (agreement, finding)


def test_without_readings_the_test_stands_alone(api: Served, db: Connection) -> None:
    """An instrument that was silent is not taken for one that agreed."""
    put_readings(db, 12, [7.3], TAKEN - timedelta(hours=1))
    found = compared(api, "ph", "7.3", role="venue")
    assert (found["online"], found["readings"], found["difference"]) == (None, 0, None)
    assert (found["agreement"], found["finding"]) == ("missing", "test_only")


def test_a_comparison_is_scoped(api: Served) -> None:
    """A venue can't ask about another's test."""
    number = compared(api, "ph", "7.3", site="P-2")["sample_id"]
    assert api.client("venue").get(f"/samples/{number}/comparison").status_code == 404
    assert api.client("public").get(f"/samples/{number}/comparison").status_code == 403


def test_a_sites_devices_with_calibration(api: Served, db: Connection) -> None:
    """A venue sees its own instruments with when the next calibration is due, and nobody else's."""
    put_latest(db, 11, 0.5)
    body = {"calibrated_on": "2026-05-01", "due_on": "2026-08-01", "note": "two-point"}
    api.client("centre").post("/devices/P-1-D1/calibrations", json=body).raise_for_status()
    eventually(lambda: len(api.get("/latest")) == 1, "the value is read")
    (device,) = api.get("/sites/P-1/devices", "venue")
    assert (device["code"], device["state"], device["calibration_due"]) == ("P-1-D1", "online", "2026-08-01")
    assert [each["code"] for each in api.get("/sites/P-2/devices", "inspector")] == ["P-2-D1"]
    assert api.client("venue").get("/sites/P-2/devices").status_code == 404
