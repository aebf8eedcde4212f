"""What /health says of the chain itself: why ingest cannot write, whether messages add up, the canary, versions."""

from datetime import UTC, datetime, timedelta

from registry.canary import CHANNEL, PLATFORM
from store.connections import Connection
from store.queries import write_heartbeat
from tests.api.conftest import Served, component, eventually, put_latest


def told(api: Served, name: str) -> dict[str, str]:
    """A component of /health."""
    components = api.anonymous.get("/health").json()["components"]
    found: dict[str, str] = next(each for each in components if each["name"] == name)
    return found


def test_the_trouble_of_ingest_is_told_in_both_languages(api: Served, db: Connection) -> None:
    """Why nothing can be written stands beside ingest until it can."""
    said = {"broker": "connected", "trouble": "disk_full"}
    write_heartbeat(db, "ingest", datetime.now(UTC), said)
    eventually(lambda: component(api, "ingest") == "degraded", "the trouble is told")
    found = told(api, "ingest")
    assert "disk is full" in found["detail"]
    assert "磁盘已满" in found["detail_zh"]
    assert component(api, "broker") == "up"
    write_heartbeat(db, "ingest", datetime.now(UTC), {**said, "trouble": None})
    eventually(lambda: component(api, "ingest") == "up", "it is over")


def test_a_protocol_nobody_can_report_by_is_told(api: Served, db: Connection) -> None:
    """A port that ingest can't have names the protocol and the address, and the database is not blamed."""
    said = {"broker": "connected", "deaf": {"hj212": "127.0.0.1:7212: Address already in use"}}
    write_heartbeat(db, "ingest", datetime.now(UTC), said)
    eventually(lambda: component(api, "ingest") == "degraded", "the deafness is told")
    found = told(api, "ingest")
    assert "HJ 212" in found["detail"]
    assert "127.0.0.1:7212" in found["detail_zh"]
    assert component(api, "database") == "up"


def test_messages_of_all_workers_are_summed_and_must_add_up(api: Served, db: Connection) -> None:
    """Two workers' figures are one account; an imbalance of either degrades; an old worker is missing."""
    figures = {"broker": "connected", "received": 10, "committed": 7, "dead_messages": 1, "silent": 1, "in_flight": 1}
    write_heartbeat(db, "ingest", datetime.now(UTC), {**figures, "lag_s": 0.5})
    write_heartbeat(db, "ingest-320602", datetime.now(UTC), {**figures, "lag_s": 2.5, "missing": 4})
    pipeline = eventually(
        lambda: (got := api.anonymous.get("/health").json()["pipeline"])["received"] == 20 and got, "both are summed"
    )
    parts = ("committed", "dead", "silent", "in_flight")
    assert [pipeline[part] for part in parts] == [14, 2, 2, 2]
    assert (pipeline["lag_s"], pipeline["missing"], pipeline["imbalance"]) == (2.5, 4, 0)
    write_heartbeat(db, "ingest-320602", datetime.now(UTC), {**figures, "imbalance": -3})
    eventually(lambda: component(api, "ingest") == "degraded", "the imbalance is told")
    assert "3 messages unaccounted for" in told(api, "ingest")["detail"]
    write_heartbeat(db, "ingest-320602", datetime.now(UTC) - timedelta(seconds=16), figures)
    eventually(lambda: component(api, "ingest") == "missing", "the worker that is gone is missed")


def test_the_canary_is_a_component_where_it_flies_and_in_no_figure(api: Served, db: Connection) -> None:
    """Its latency is told, its silence degrades, and neither site nor value of it is ever shown."""
    assert api.anonymous.get("/health").json()["canary"] is None
    figures = {"last_ms": 900.0, "p50_ms": 800.0, "p99_ms": 1500.0, "silent_s": 0.4, "version": "7.7"}
    write_heartbeat(db, "canary", datetime.now(UTC), figures)
    put_latest(db, CHANNEL, 7.0)
    eventually(lambda: api.anonymous.get("/health").json()["canary"], "the canary is heard")
    health = api.anonymous.get("/health").json()
    assert health["canary"] == {"last_ms": 900.0, "p50_ms": 800.0, "p99_ms": 1500.0, "silent_s": 0.4}
    assert health["versions"]["canary"] == "7.7"
    assert {"api", "postgresql", "python"} <= health["versions"].keys()
    assert component(api, "canary") == "up"
    assert health["sites_total"] == 4
    assert PLATFORM not in {site["code"] for site in api.get("/sites")}
    assert CHANNEL not in {value["channel_id"] for value in api.get("/latest")}
    write_heartbeat(db, "canary", datetime.now(UTC), {**figures, "silent_s": 31.0})
    eventually(lambda: component(api, "canary") == "degraded", "its silence is told")


def test_devices_whose_messages_are_missing_are_listed(api: Served, db: Connection) -> None:
    """The newest first, with how many and since when; those who lost nothing are not in it."""
    db.execute(
        "INSERT INTO device_sequence VALUES ('P-1-D1', 3, 1, 0, now() - interval '1 h'), "
        "('P-2-D1', 5, 2, 1, now()), ('P-3-D1', 0, 4, 0, now())"
    )
    found = api.get("/sequence-gaps")
    assert [(each["device"], each["missing"], each["gaps"]) for each in found] == [("P-2-D1", 5, 2), ("P-1-D1", 3, 1)]
