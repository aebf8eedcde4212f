"""Devices over HTTP: added, given credentials, revoked, calibrated, their unknown fields adopted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import bcrypt
import pytest

from operations.broker_users import device_users
from store import upkeep
from store.connections import Connection, connect
from store.dead_letters import insert_dead_letters
from store.records import DeadLetter
from store.registry_rows import load_registry
from tests.api.conftest import Served, component, eventually, prepare, put_latest, serving

NEW: dict[str, Any] = {
    "code": "P-9-D1",
    "site": "P-9",
    "sampling_point": "b1",
    "indicators": ["free_chlorine", "pH"],
    "site_entry": {"name_zh": "九号池", "county": "崇川区", "lon": 120.9, "lat": 32.0},
    "point_entry": {"name_zh": "标准池"},
}


def last_config(db: Connection) -> str:
    """What the newest config row of the journal is about."""
    row = db.execute(
        "SELECT convert_from(body, 'UTF8')::jsonb ->> 'what' FROM journal WHERE kind = 'config' "
        "ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return row[0] if row else ""


def test_a_device_is_added_with_its_site_and_only_its_answer_holds_the_password(api: Served, db: Connection) -> None:
    """Site, sampling point, device and channels are registered at once; the database keeps a hash of the password."""
    answer = api.client().post("/devices", json=NEW)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["topic"] == "landun/v1/320602/P-9/P-9-D1/telemetry"
    assert made["uri"].startswith("mqtt://P-9-D1:")
    registry = load_registry(db)
    assert registry.sites["P-9"].status == "live"
    assert [each.indicator for each in registry.channels_of_device["P-9-D1"]] == ["free_chlorine", "ph"]
    credential = upkeep.credentials(db)["P-9-D1"]
    assert bcrypt.checkpw(made["password"].encode(), credential.password_hash.encode())
    stored = db.execute("SELECT string_agg(t::text, '') FROM (SELECT detail FROM audit_log) AS t").fetchone()
    assert stored is not None
    assert made["password"] not in stored[0]
    assert last_config(db) == "registry"
    eventually(lambda: "P-9" in {each["code"] for each in api.get("sites")}, "the site is shown", timeout=3)
    shown = api.get("devices/P-9-D1")
    assert (shown["state"], shown["credential"], shown["generation"]) == ("never", "issued", 1)
    put_latest(db, registry.channels_of_device["P-9-D1"][0].id, 0.5)
    assert api.get("devices/P-9-D1")["state"] == "online"


def test_a_form_with_mistakes_says_each_in_both_languages_and_adds_nothing(api: Served, db: Connection) -> None:
    """422 with the same words as the import has, field by field."""
    before = load_registry(db)
    wrong = {**NEW, "site_entry": {**NEW["site_entry"], "county": "崇州区"}, "indicators": ["free_chlorin"]}
    answer = api.client().post("/devices", json=wrong)
    assert answer.status_code == 422
    said = [each["problem_en"] for each in answer.json()["mistakes"]]
    assert len(said) == 2
    assert all("Did you mean" in each for each in said)
    assert load_registry(db) == before


def test_rotating_voids_the_former_password_and_revoking_admits_nobody(api: Served, db: Connection) -> None:
    """What the broker is told follows: the new hash, then no user at all, then a user again."""
    registry = load_registry(db)

    def admitted() -> str | None:
        users = device_users(registry, "master", upkeep.credentials(db))
        return next((user.hash for user in users if user.name == "P-1-D1"), None)

    derived = admitted()
    first = api.client().post("/devices/P-1-D1/credential").raise_for_status().json()["password"]
    hashed = admitted()
    assert hashed is not None
    assert hashed != derived
    assert bcrypt.checkpw(first.encode(), hashed.encode())
    assert api.client().delete("/devices/P-1-D1/credential").status_code == 200
    assert admitted() is None
    assert last_config(db) == "credentials"
    assert api.get("devices/P-1-D1")["state"] == "revoked"
    second = api.client().post("/devices/P-1-D1/credential").raise_for_status().json()["password"]
    assert second != first
    assert admitted() not in (None, hashed, derived)
    actions = [each["action"] for each in api.get("audit", subject="device:P-1-D1")["items"]]
    assert actions == ["device_credential_issued", "device_revoked", "device_credential_issued"]


def test_a_device_without_a_credential_of_its_own_can_be_revoked(api: Served, db: Connection) -> None:
    """The password that derives from the master secret is void as well."""
    api.client().delete("/devices/P-1-D1/credential").raise_for_status()
    users = device_users(load_registry(db), "master", upkeep.credentials(db))
    assert "P-1-D1" not in {user.name for user in users}


@pytest.mark.parametrize("role", ["inspector", "venue", "public"])
def test_only_administrators_and_the_centre_change_devices(api: Served, db: Connection, role: str) -> None:
    """Each command is refused to others and nothing changes; an inspector sees the devices of their counties."""
    client, before = api.client(role), load_registry(db)
    assert client.post("/devices", json=NEW).status_code == 403
    assert client.post("/devices/P-1-D1/credential").status_code == 403
    assert client.delete("/devices/P-1-D1/credential").status_code == 403
    assert client.post("/devices/P-1-D1/adopt", json={"field": "x", "indicator": "orp"}).status_code == 403
    assert load_registry(db) == before
    assert upkeep.credentials(db) == {}
    seen = client.get("/devices")
    assert seen.status_code == (200 if role == "inspector" else 403)
    if role == "inspector":
        assert {each["county"] for each in seen.json()} == {"320602"}


def test_an_unknown_field_is_adopted_as_a_name_or_as_a_new_channel(api: Served, db: Connection) -> None:
    """ORP_mV becomes a new channel orp that goes by both names; PH_val another name of the channel ph."""
    letters = [
        DeadLetter(datetime.now(UTC), "t", b"{}", "unknown_indicator", "d", "P-1", "P-1-D1", field)
        for field in ("ORP_mV", "PH_val")
    ]
    insert_dead_letters(db, letters, 1)
    assert api.get("devices/P-1-D1")["unknown_fields"] == ["ORP_mV", "PH_val"]
    client = api.client()
    assert client.post("/devices/P-1-D1/adopt", json={"field": "ORP_mV", "indicator": "orp"}).json() == [
        "orp",
        "ORP_mV",
    ]
    client.post("/devices/P-1-D1/adopt", json={"field": "PH_val", "indicator": "ph"}).raise_for_status()
    again = client.post("/devices/P-1-D1/adopt", json={"field": "PH_val", "indicator": "orp"})
    assert again.status_code == 409
    channels = {each.indicator: each for each in load_registry(db).channels_of_device["P-1-D1"]}
    assert channels["orp"].names == ("ORP_mV",)
    assert channels["ph"].names == ("PH_val",)
    assert channels["ph"].id == 12
    assert channels["orp"].id > 33
    eventually(lambda: api.get("devices/P-1-D1")["unknown_fields"] == [], "the fields are known", timeout=3)


def test_whoever_calibrates_enters_it(api: Served) -> None:
    """A venue and an inspector enter calibrations of the instruments in their scope, under their own names."""
    for role in ("venue", "inspector"):
        body = {"calibrated_on": "2026-05-01", "note": role}
        api.client(role).post("/devices/P-1-D1/calibrations", json=body).raise_for_status()
        assert api.client(role).post("/devices/P-3-D1/calibrations", json=body).status_code == 404
    assert api.client("public").post("/devices/P-1-D1/calibrations", json=body).status_code == 403
    entered = {(each["entered_by"], each["note"]) for each in api.get("/devices/P-1-D1")["calibrations"]}
    assert entered == {("venue", "venue"), ("inspector", "inspector")}


def test_calibrations_are_entered_and_the_newest_decides_what_is_due(api: Served) -> None:
    """A calibration with its due date shows in the list; a due date before it, or one in the future, is refused."""
    client = api.client()
    today = datetime.now(UTC).date()
    for days, due in ((400, 35), (10, 355)):
        body = {"calibrated_on": f"{today - timedelta(days)}", "due_on": f"{today - timedelta(days) + timedelta(due)}"}
        client.post("/devices/P-1-D1/calibrations", json=body).raise_for_status()
    row = next(each for each in api.get("devices") if each["code"] == "P-1-D1")
    assert row["calibrated_on"] == f"{today - timedelta(10)}"
    assert row["calibration_due"] == f"{today + timedelta(345)}"
    assert len(api.get("devices/P-1-D1")["calibrations"]) == 2
    wrong = {"calibrated_on": f"{today}", "due_on": f"{today - timedelta(1)}"}
    assert client.post("/devices/P-1-D1/calibrations", json=wrong).status_code == 422
    future = {"calibrated_on": f"{today + timedelta(30)}"}
    assert client.post("/devices/P-1-D1/calibrations", json=future).status_code == 422


def test_today_is_that_of_the_venue(database: str) -> None:
    """At one in the morning in Nantong the new day has begun, whatever day it still is in Greenwich."""
    with connect(database) as connection:
        prepare(connection)
    now = datetime.now(UTC)
    ahead = now.replace(hour=17, minute=0) - now
    local = (now + ahead + timedelta(hours=8)).date()
    with serving(database, clock=lambda: datetime.now(UTC) + ahead) as served:
        eventually(lambda: component(served, "database") == "up", "the API found its database")
        client = served.client()
        for path, field in (("calibrations", "calibrated_on"), ("reviews", "reviewed_on")):
            review = {"legal": True, "technical": True, "sited": True, "marked": True, "reviewers": ["陈某", "王某"]}
            body = (review if path == "reviews" else {}) | {field: f"{local}"}
            assert client.post(f"/devices/P-1-D1/{path}", json=body).status_code == 201, path
            body[field] = f"{local + timedelta(days=1)}"
            assert client.post(f"/devices/P-1-D1/{path}", json=body).status_code == 422, path


def test_gaps_of_the_last_day_are_those_longer_than_three_periods(api: Served, db: Connection) -> None:
    """Of readings with one silence of an hour, that hour is shown."""
    now = datetime.now(UTC)
    minutes = [each for each in range(200) if not 60 < each < 120]
    db.cursor().executemany(
        "INSERT INTO reading VALUES (11, %s, 1, 1)", [(now - timedelta(minutes=each),) for each in minutes]
    )
    (gap,) = api.get("devices/P-1-D1")["gaps"]
    assert datetime.fromisoformat(gap["end"]) - datetime.fromisoformat(gap["start"]) == timedelta(hours=1)


def test_a_simulated_device_keeps_its_credential(api: Served) -> None:
    """It belongs to the demonstration: 409 that says so."""
    answer = api.client().delete("/devices/P-2-D1/credential")
    assert answer.status_code == 409
    assert "simulated" in answer.json()["detail"]
    assert "模拟设备" in answer.json()["detail_zh"]
