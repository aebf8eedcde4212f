"""What a person sees: the sites of their counties, or their own."""

from datetime import UTC, datetime
from typing import Any

from monitor.api.scope import PERMISSIONS, Permission
from registry.catalogue import entries
from store.connections import Connection
from store.queries import save_truth
from tests.api.conftest import ROLES, Served, eventually, put_alarm, put_latest

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_scope_bounds_what_is_seen(api: Served, db: Connection) -> None:
    """An inspector sees the sites of their counties, a venue its own, the centre all; the rest is as if not there."""
    for channel in (11, 21, 31):
        put_latest(db, channel, 0.5)
    put_alarm(db, 65536, 31)
    put_alarm(db, 65537, 11)
    eventually(lambda: len(api.get("/latest")) == 3, "the values are read")
    seen = {role: [site["code"] for site in api.get("/sites", role)] for role in ROLES}
    assert seen == {
        "administrator": ["P-1", "P-2", "P-3", "P-4"],
        "centre": ["P-1", "P-2", "P-3", "P-4"],
        "inspector": ["P-1", "P-2"],
        "venue": ["P-1"],
        "public": ["P-1", "P-2", "P-3", "P-4"],
    }
    assert [row["channel_id"] for row in api.get("/latest", "inspector")] == [11, 21]
    assert {row["site"] for row in api.get("/channels", "venue")} == {"P-1"}
    assert [row["id"] for row in api.get("/alarms", "inspector")["items"]] == [65537]
    assert api.get("/overview", "venue")["groups"]["simulated"]["sites_total"] == 0
    for path in ("/sites/P-3", "/alarms/65536", "/readings?channel=31", "/latest?site=P-3", "/alarms?site=P-3"):
        answer = api.client("inspector").get(path)
        assert answer.status_code == 404, path
        assert "scope" in answer.json()["detail"]
    assert api.client("inspector").post("/alarms/65536/comment", json={"text": "x"}).status_code == 404


def test_truth_is_scoped(api: Served, db: Connection) -> None:
    """An inspector sees the ground truth of their own counties only."""
    rows: list[dict[str, Any]] = [
        {
            "fault_id": f"f-{site}",
            "site": site,
            "sampling_point": "basin-1",
            "fault": "pump_off",
            "started_at": NOW,
            "ended_at": None,
            "detail": {},
        }
        for site in ("P-2", "P-3")
    ]
    save_truth(db, rows)
    assert {row["site"] for row in api.get("/simulators/truth")} == {"P-2", "P-3"}
    assert {row["site"] for row in api.get("/simulators/truth", "inspector")} == {"P-2"}


def test_the_public_sees_no_alarm_figures(api: Served, db: Connection) -> None:
    """For the role public counts and priorities of alarms are null, never a false zero."""
    put_alarm(db, 65536)
    eventually(lambda: api.get("/sites/P-1")["worst_priority"] == "high", "the alarm is counted")
    site = api.get("/sites/P-1", "public")
    assert site["open_alarms"] is None
    assert site["worst_priority"] is None
    overview = api.get("/overview", "public")
    assert overview["groups"]["live"]["open_alarms"] is None
    assert all(county["open_alarms"] is None for county in overview["counties"])


def test_every_permission_and_role_has_words() -> None:
    """A refusal names what a role may not do in the reader's language."""
    keys = [f"keeping.permission.{each.replace(' ', '_').replace(',', '')}" for each in Permission]
    keys += [f"dashboard.role.{each}" for each in PERMISSIONS]
    assert [key for key in keys if key not in entries()] == []
