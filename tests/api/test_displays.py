"""Links to a venue's public display, and what they show to whoever has one."""

from datetime import timedelta

import pytest

from monitor.api import alarms
from store import audit
from store.connections import Connection
from tests.api.conftest import Served, eventually, put_alarm, put_latest


def test_a_venue_makes_a_display_that_needs_no_sign_in(api: Served, db: Connection) -> None:
    """The link shows the values of that venue only, with limit and time; making it is on record."""
    put_latest(db, 11, 0.12, "breach")
    put_latest(db, 12, 7.3)
    put_latest(db, 21, 0.5)
    made = api.client("venue").post("/sites/P-1/displays", json={"place": " 前台 "}).raise_for_status().json()
    assert made["place"] == "前台"
    eventually(lambda: len(api.get("/latest")) == 3, "the values are read")
    shown = api.anonymous.get(f"/api/v1/displays/{made['key']}").raise_for_status().json()
    assert (shown["site"], shown["simulated"]) == ("P-1", False)
    values = {each["indicator"]: each for each in shown["points"][0]["values"]}
    assert (values["free_chlorine"]["value"], values["free_chlorine"]["state"]) == (0.12, "outside")
    assert values["free_chlorine"]["interval"] == "0.3–1.0 mg/L"
    assert values["free_chlorine"]["standard"] == "GB 37488-2019"
    assert values["free_chlorine"]["clause"].startswith("4.4.1")
    assert values["ph"]["state"] == "within"
    assert values["water_temperature"]["state"] == "none"
    assert values["water_temperature"]["value"] is None
    link = api.get("/sites/P-1/displays", "venue")[0]
    assert link["shown_at"] is not None, "the venue sees that the screen is alive"
    actions = [row[0] for row in db.execute("SELECT action FROM audit_log WHERE subject = 'site:P-1'").fetchall()]
    assert actions == ["display_made"]
    assert audit.verify(db).ok


def test_an_old_value_is_shown_as_stale(api: Served, db: Connection) -> None:
    """A value older than three periods and ten minutes is not called within its limit, whatever it was then."""
    put_latest(db, 11, 0.5, ago=timedelta(minutes=11))
    put_latest(db, 12, 7.3, ago=timedelta(minutes=9))
    key = api.client("venue").post("/sites/P-1/displays", json={}).json()["key"]
    eventually(lambda: len(api.get("/latest")) == 2, "the values are read")
    shown = api.anonymous.get(f"/api/v1/displays/{key}").json()
    states = {each["indicator"]: each["state"] for each in shown["points"][0]["values"]}
    assert (states["free_chlorine"], states["ph"]) == ("stale", "within")


def test_a_revoked_or_forged_key_opens_nothing(api: Served, db: Connection) -> None:
    """Revoking is at once and once; a key with another number or mark is as good as none."""
    client = api.client("venue")
    made = client.post("/sites/P-1/displays", json={}).json()
    number, mark = made["key"].split("-")
    for forged in (f"{int(number) + 1}-{mark}", f"{number}-{'0' * len(mark)}", number, "x", f"0{number}-{mark}"):
        assert api.anonymous.get(f"/api/v1/displays/{forged}").status_code == 404, forged
    path = f"/sites/P-1/displays/{made['id']}"
    assert client.delete(path).json()["key"] is None
    assert api.anonymous.get(f"/api/v1/displays/{made['key']}").status_code == 404
    first = client.delete(path).json()["revoked_at"]
    assert client.delete(path).json()["revoked_at"] == first
    actions = [row[0] for row in db.execute("SELECT action FROM audit_log WHERE subject = 'site:P-1'").fetchall()]
    assert actions == ["display_made", "display_revoked"]


def test_a_venue_has_its_own_displays_only(api: Served) -> None:
    """Another venue's links can be neither listed, made nor revoked; not even with its number below one's own site."""
    venue, centre = api.client("venue"), api.client("centre")
    other = centre.post("/sites/P-2/displays", json={}).json()["id"]
    assert venue.get("/sites/P-2/displays").status_code == 404
    assert venue.post("/sites/P-2/displays", json={}).status_code == 404
    assert venue.delete(f"/sites/P-1/displays/{other}").status_code == 404
    assert centre.get("/sites/P-2/displays").json()[0]["revoked_at"] is None


def test_a_venue_acknowledges_its_own_work_and_no_other(
    api: Served, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sensor fault is the venue's to acknowledge; a water alarm is the inspector's, and it may comment on it."""
    monkeypatch.setattr(alarms, "APPLIED_WITHIN_S", 0.05)
    put_alarm(db, 65536)
    put_alarm(db, 65537, audience="venue")
    venue = api.client("venue")
    refused = venue.post("/alarms/65536/acknowledge")
    assert refused.status_code == 403
    assert "inspectors' work" in refused.json()["detail"]
    assert venue.post("/alarms/65537/acknowledge").status_code == 202
    assert venue.post("/alarms/65536/comment", json={"text": "已加药"}).status_code == 202
    assert venue.post("/alarms/65537/feedback", json={"answer": "false"}).status_code == 403
