"""People, the audit log and the demonstration's end, over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from store import demonstration
from store.connections import Connection
from store.registry_rows import load_registry
from tests.api.conftest import PASSWORD, Served, eventually, put_alarm, put_latest

PERSON: dict[str, Any] = {"username": "li.na", "name": "李娜", "role": "inspector", "counties": ["320602"]}


def sign_in(api: Served, username: str, password: str) -> httpx.Response:
    """Ask for a token."""
    return api.anonymous.post("/api/v1/auth/token", data={"username": username, "password": password})


def test_a_one_time_password_serves_to_choose_another_and_nothing_else(api: Served) -> None:
    """Who is added signs in once, is refused everything until they choose their own password, then may work."""
    given = api.client().post("/people", json=PERSON)
    assert given.status_code == 201
    first = given.json()["password"]
    token = sign_in(api, "li.na", first).raise_for_status().json()
    assert token["one_time"]
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    refused = api.anonymous.get("/api/v1/sites", headers=headers)
    assert refused.status_code == 403
    assert "password of your own" in refused.json()["detail"]
    assert "请先设置自己的密码" in refused.json()["detail_zh"]
    body = {"old": first, "new": "a password of my own"}
    changed = api.anonymous.post("/api/v1/auth/password", json=body, headers=headers).raise_for_status().json()
    assert not changed["one_time"]
    mine = {"Authorization": f"Bearer {changed['access_token']}"}
    sites = api.anonymous.get("/api/v1/sites", headers=mine).raise_for_status().json()
    assert {each["county"] for each in sites} == {"320602"}
    assert api.anonymous.get("/api/v1/sites", headers=headers).status_code == 401
    assert sign_in(api, "li.na", first).status_code == 401


def test_who_is_disabled_or_reset_is_signed_out_within_seconds(api: Served) -> None:
    """A token of before ends; a disabled person cannot sign in, an enabled one can again."""
    inspector = api.client("inspector")
    inspector.get("/sites").raise_for_status()
    body = {"name": "督查", "role": "inspector", "counties": ["320602"], "disabled": True}
    api.client().put("/people/inspector", json=body).raise_for_status()
    eventually(lambda: inspector.get("/sites").status_code == 401, "the token ended", timeout=6)
    assert sign_in(api, "inspector", PASSWORD).status_code == 401
    api.client().put("/people/inspector", json={**body, "disabled": False}).raise_for_status()
    sign_in(api, "inspector", PASSWORD).raise_for_status()
    given = api.client().post("/people/inspector/password").raise_for_status().json()["password"]
    assert sign_in(api, "inspector", PASSWORD).status_code == 401
    assert sign_in(api, "inspector", given).json()["one_time"]
    actions = [each["action"] for each in api.get("audit", subject="person:inspector", actor="administrator")["items"]]
    assert actions == ["password_reset", "person_changed", "person_changed"]


@pytest.mark.parametrize("role", ["inspector", "venue", "public"])
def test_only_administrators_and_the_centre_administer(api: Served, role: str) -> None:
    """Every command of this page is refused to others."""
    client = api.client(role)
    for method, path in (
        ("GET", "/people"),
        ("POST", "/people"),
        ("PUT", "/people/admin"),
        ("POST", "/people/admin/password"),
        ("GET", "/audit"),
        ("GET", "/demonstration"),
        ("DELETE", "/demonstration"),
        ("GET", "/roles"),
    ):
        assert client.request(method, path, json={**PERSON, "username": "x1"}).status_code == 403, path


def test_the_centre_makes_no_administrator_and_nobody_locks_themselves_out(api: Served) -> None:
    """Rank holds: the centre can neither add, change nor reset an administrator; nobody disables themselves."""
    centre = api.client("centre")
    assert centre.post("/people", json={**PERSON, "role": "administrator"}).status_code == 403
    assert centre.post("/people/administrator/password").status_code == 403
    mine = {"name": "me", "role": "administrator", "disabled": True}
    assert api.client().put("/people/administrator", json=mine).status_code == 409
    nowhere = api.client().post("/people", json={**PERSON, "counties": ["999999"]})
    assert (nowhere.status_code, "没有区县 999999；可填：320602、" in nowhere.json()["detail_zh"]) == (422, True)
    assert api.client().post("/people", json={**PERSON, "role": "venue"}).status_code == 422
    assert api.client().post("/people", json={**PERSON, "username": "inspector"}).status_code == 409


def test_the_demonstration_goes_while_the_system_runs_and_live_sites_stay(api: Served, db: Connection) -> None:
    """Simulated and invented sites go with their readings, alarms and latest values; the live site keeps its own."""
    demonstration.note(db, ["P-2", "P-3", "P-4"])
    now = datetime.now(UTC)
    for channel in (11, 21, 31):
        put_latest(db, channel, 0.5)
        rows = [(channel, now - timedelta(minutes=each)) for each in range(5)]
        db.cursor().executemany("INSERT INTO reading VALUES (%s, %s, 1, 1)", rows)
    put_alarm(db, 1, 11)
    put_alarm(db, 2, 21)
    assert api.get("demonstration")["sites"] == 3

    deleted = api.client().delete("/demonstration").raise_for_status().json()
    assert (deleted["site"], deleted["alarm"]) == (3, 1)
    assert set(load_registry(db).sites) == {"P-1"}
    eventually(lambda: [each["code"] for each in api.get("sites")] == ["P-1"], "only the live site is shown", timeout=3)

    def left() -> list[tuple[Any, ...]]:
        return db.execute("SELECT channel_id, count(*) FROM reading GROUP BY channel_id").fetchall()

    eventually(lambda: left() == [(11, 5)], "the readings are deleted")
    assert api.get("demonstration") == {"sites": 0, "removed_at": api.get("demonstration")["removed_at"]}
    made = api.client().post("/devices/P-1-D1/adopt", json={"field": "orp", "indicator": "orp"})
    assert made.status_code == 200
    assert max(load_registry(db).channels) > 33, "no channel has the number of one that is gone"
