"""Sites, overview, latest values and health over a real database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dashboard.client import ApiClient
from monitor.api import refresher
from monitor.api.sites import SINCE_HEADER, VERSION_HEADER
from store import journal
from store.connections import Connection
from store.dead_letters import insert_dead_letters
from store.queries import write_heartbeat
from store.records import DeadLetter
from store.registry_rows import save_registry
from tests.api.conftest import (
    REGISTERED,
    Served,
    beat,
    component,
    eventually,
    put_alarm,
    put_event,
    put_latest,
    small_registry,
)


def test_a_value_reaches_every_answer(api: Served, db: Connection) -> None:
    """What the monitor merges is in /latest, /sites, the site and the overview, with state and time."""
    put_latest(db, 11, 0.46)
    put_latest(db, 12, 7.9, "breach")
    put_latest(db, 13, 26.5)
    site = eventually(lambda: (got := api.get("/sites/P-1"))["online"] and got, "the site is on line")
    values = {channel["indicator"]: (channel["value"], channel["state"]) for channel in site["channels"]}
    assert values == {"free_chlorine": (0.46, "normal"), "ph": (7.9, "breach"), "water_temperature": (26.5, "normal")}
    assert site["state"] == "breach"
    assert site["last_seen"].endswith("Z")
    listed = {each["code"]: each for each in api.get("/sites")}
    assert (listed["P-1"]["channels"], listed["P-1"]["channels_compliant"]) == (3, 2)
    assert (listed["P-2"]["state"], listed["P-4"]["state"]) == ("offline", "none")
    assert len(api.get("/latest", site="P-1")) == 3
    live = api.get("/overview")["groups"]["live"]
    assert (live["sites_online"], live["channels_judged"], live["channels_compliant"]) == (1, 3, 2)
    assert live["compliant_share"] == 2 / 3


def test_limits_are_named_with_standard_and_clause(api: Served) -> None:
    """Each channel carries the limit it is judged by, and how sure the value is."""
    limits = {channel["indicator"]: channel["limit"] for channel in api.get("/sites/P-1")["channels"]}
    chlorine = limits["free_chlorine"]
    assert (chlorine["standard"], chlorine["clause"], chlorine["interval"]) == (
        "GB 37488-2019",
        "4.4.1 表4",
        "0.3–1.0 mg/L",
    )
    assert chlorine["certainty"] == "secondary"
    assert limits["water_temperature"]["force"] == "recommended"


def test_simulated_and_live_figures_are_never_mixed(api: Served, db: Connection) -> None:
    """A simulated breach changes the simulated group only."""
    put_latest(db, 11, 0.5)
    put_latest(db, 21, 0.1, "breach")
    put_alarm(db, 65536, 21)
    groups = eventually(
        lambda: (got := api.get("/overview")["groups"])["simulated"]["open_alarms"]["high"] and got, "the alarm counts"
    )
    assert groups["live"]["open_alarms"] == {"high": 0, "medium": 0, "low": 0}
    assert (groups["live"]["sites_total"], groups["simulated"]["sites_total"]) == (1, 2)
    assert (groups["live"]["compliant_share"], groups["simulated"]["compliant_share"]) == (1.0, 0.0)
    sites = api.anonymous.get("/health").json()["sites"]
    assert (sites["live"], sites["simulated"]) == ({"total": 1, "online": 1}, {"total": 2, "online": 1})


def test_a_returned_alarm_is_no_longer_open(api: Served, db: Connection) -> None:
    """Open counts are of conditions that are present."""
    put_alarm(db, 65536)
    eventually(lambda: api.get("/sites/P-1")["open_alarms"]["high"] == 1, "the alarm is open")
    db.execute("UPDATE alarm SET state = 'returned_unacknowledged', returned_at = now() WHERE id = 65536")
    put_event(db, 65536, "returned", "returned_unacknowledged", 2)
    eventually(lambda: api.get("/sites/P-1")["open_alarms"]["high"] == 0, "the alarm has returned")


def test_filters_of_sites(api: Served) -> None:
    """By county and by how a site is watched; an unknown county is refused with the known ones named."""
    assert [site["code"] for site in api.get("/sites", county="320682")] == ["P-3", "P-4"]
    assert [site["code"] for site in api.get("/sites", status="simulated")] == ["P-2", "P-3"]
    refused = api.client().get("/sites", params={"county": "330000"})
    assert refused.status_code == 422
    assert "'330000' is not a county; known: 320602" in refused.json()["detail"]
    assert "'330000' 不是区县，应为：320602 崇川区、" in refused.json()["detail_zh"]
    assert api.client().get("/sites", params={"status": "closed"}).status_code == 422


def test_who_asks_again_is_told_what_differs(api: Served, db: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the version of an earlier answer only the sites that differ come, and all of them after a registration."""
    monkeypatch.setattr(refresher, "REGISTRY_S", 0.2)
    first = api.client().get("/sites")
    version = first.headers[VERSION_HEADER]
    assert SINCE_HEADER not in first.headers
    again = api.client().get("/sites", params={"since": version})
    assert (again.json(), again.headers[SINCE_HEADER]) == ([], version)
    put_latest(db, 11, 0.46)
    differing = eventually(lambda: api.get("/sites", since=version), "the difference is told")
    assert [(site["code"], site["online"]) for site in differing] == [("P-1", True)]
    assert len(api.client("public").get("/sites", params={"since": version}).json()) == 4
    registry = small_registry()
    save_registry(db, registry.of([replace(registry.sites["P-4"], code="P-5")], [], [], []))
    everything = eventually(lambda: (got := api.get("/sites", since=version)) and len(got) == 5 and got, "all come", 20)
    assert [site["code"] for site in everything] == ["P-1", "P-2", "P-3", "P-4", "P-5"]


def test_the_dashboard_has_all_sites_by_their_differences(api: Served, db: Connection) -> None:
    """What its client puts together of a whole answer and a difference is what a whole answer says."""
    client = ApiClient(api.url, api.token())
    first = client.sites()
    assert first.whole
    put_latest(db, 21, 0.1, "breach")

    def same() -> bool:
        told = client.sites(first.version)
        assert not told.whole
        return len(told.sites) == 1 and told.after(first.sites) == client.sites().sites

    eventually(same, "the difference leads to the whole")


def test_a_changed_registry_is_noticed(api: Served, db: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """A site registered while the API runs appears without a restart."""
    monkeypatch.setattr(refresher, "REGISTRY_S", 0.2)
    registry = small_registry()
    save_registry(db, registry.of([replace(registry.sites["P-4"], code="P-5")], [], [], []))
    eventually(lambda: "P-5" in {site["code"] for site in api.get("/sites")}, "the new site appears", 20)


def test_dead_letters_are_counted_and_listed(api: Served, db: Connection) -> None:
    """Each with reason, device and the beginning of its payload, newest first; filtered; counted by reason."""
    bad = b'{"ph": ' + b"\xff" + b"9" * 3000
    letters = [
        DeadLetter(REGISTERED, "landun/v1/x", b"{}", "unknown_device", "device 'x' is not registered", device="x"),
        DeadLetter(datetime.now(UTC), "landun/v1/y", bad, "malformed_json", "not JSON", device="y"),
        DeadLetter(datetime.now(UTC), "landun/v1/y", b"[]", "wrong_shape", "a list", device="y", field="values"),
    ]
    insert_dead_letters(db, letters, 1)
    page = api.get("/dead-letters")
    assert page["total"] == 3
    assert [item["reason"] for item in page["items"]] == ["wrong_shape", "malformed_json", "unknown_device"]
    item = api.get("/dead-letters", reason="malformed_json")["items"][0]
    assert item["payload_bytes"] == len(bad)
    assert len(item["payload_text"]) == 2000
    assert item["payload_text"].startswith('{"ph": \ufffd9')
    assert api.get("/dead-letters", device="y", limit=1, offset=1)["items"][0]["reason"] == "malformed_json"
    assert api.get("/dead-letters/summary")["reasons"] == {"malformed_json": 1, "wrong_shape": 1}
    eventually(lambda: api.get("/overview")["dead_letters_24h"].get("wrong_shape") == 1, "the overview counts them")


def test_health_needs_no_sign_in_and_names_what_is_missing(api: Served, db: Connection) -> None:
    """All well; then ingest's heartbeat grows old, and the broker, known from it alone, is in doubt."""
    answer = api.anonymous.get("/health").json()
    assert answer["status"] == "ok"
    assert {each["name"] for each in answer["components"]} == {"database", "ingest", "broker", "monitor", "api"}
    assert answer["sites_total"] == 4
    assert answer["disk_free_bytes"] > 0
    beat(db, broker="disconnected")
    eventually(lambda: component(api, "broker") == "missing", "the broker is missing")
    assert api.anonymous.get("/health").json()["status"] == "degraded"
    write_heartbeat(db, "ingest", datetime.now(UTC) - timedelta(seconds=16), {"broker": "connected"})
    eventually(lambda: component(api, "ingest") == "missing", "ingest is missing")
    assert component(api, "broker") == "degraded"


def test_health_tells_how_far_the_monitor_is_behind(api: Served, db: Connection) -> None:
    """Journal rows that the monitor has not read; far behind, it is degraded."""
    with db.transaction():
        for number in range(3):
            journal.append_event(db, "tick", {"now": number}, REGISTERED)
    behind = eventually(
        lambda: (got := api.anonymous.get("/health").json()["journal"])["last_id"] == 3 and got, "the journal is read"
    )
    assert behind["monitor_lag"] == 3
    with db.transaction():
        journal.move_cursor(db, "monitor", 2, REGISTERED)
    eventually(lambda: api.anonymous.get("/health").json()["journal"]["monitor_lag"] == 1, "the lag shrinks")


def test_an_old_value_is_not_fresh(api: Served, db: Connection) -> None:
    """Freshness is the device's clock: a value read just now but measured an hour ago leaves the site off line."""
    put_latest(db, 11, 0.5, ago=timedelta(hours=1))
    put_latest(db, 21, 0.5)
    eventually(lambda: api.get("/sites/P-2")["online"], "the fresh site is on line")
    site = api.get("/sites/P-1")
    assert (site["online"], site["state"]) == (False, "offline")
    assert site["last_seen"] is not None


def test_the_transmission_rate_is_of_readings_received(api: Served, db: Connection) -> None:
    """Three channels due once a minute for an hour, half of one's readings received: a sixth of what is due."""
    now = datetime.now(UTC)
    db.cursor().executemany(
        "INSERT INTO reading (channel_id, ts, value, batch) VALUES (11, %s, 0.5, 1)",
        [(now - timedelta(minutes=2 * n),) for n in range(30)],
    )
    rate = eventually(lambda: api.get("/overview")["groups"]["live"]["transmission_rate"], "the rate is measured", 20)
    assert 28 / 180 <= rate <= 30 / 180
    assert api.get("/overview")["groups"]["simulated"]["transmission_rate"] == 0
