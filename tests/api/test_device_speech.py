"""A device's last message and its mapping over HTTP: from the journal, and through the import's own checks."""

from datetime import UTC, datetime

import numpy as np

from store.connections import Connection
from store.partitions import ensure_partitions
from store.readings import WriteMode, write_batch
from store.records import READING, DeadLetter, Message, to_us
from store.registry_rows import load_registry
from tests.api.conftest import Served

PAYLOAD = b'{"ts": 1, "values": {"FCL": 520, "ph": 7.31, "colour": 3}}'


def put_message(db: Connection, channels: list[int], values: list[float]) -> datetime:
    """Store a message of P-1-D1 as ingest does: readings, original payload, and a dead letter of one field."""
    at = datetime.now(UTC).replace(microsecond=123_456)
    ensure_partitions(db, at, at)
    readings = np.zeros(len(channels), READING)
    readings["channel_id"], readings["value"] = channels, values
    readings["ts"] = readings["arrived"] = to_us(at)
    topic = "landun/v1/320602/P-1/P-1-D1/telemetry"
    letter = DeadLetter(at, topic, PAYLOAD, "unknown_indicator", "colour is 3", "P-1", "P-1-D1", "colour")
    write_batch(
        db, readings, messages=[Message(topic, PAYLOAD, to_us(at))], dead=[letter], recorded_at=at, mode=WriteMode.COPY
    )
    for channel, value in zip(channels, values, strict=True):
        db.execute("INSERT INTO channel_latest VALUES (%s, %s, %s, 'normal', %s, 1, 1)", (channel, at, value, at))
    return at


def test_the_last_message_is_shown_beside_what_was_understood(api: Served, db: Connection) -> None:
    """Payload as it came, readings in their units, and the field that nobody knows."""
    assert api.get("devices/P-1-D1/last-message") is None
    chlorine, ph = (each.id for each in load_registry(db).channels_of_device["P-1-D1"][:2])
    put_message(db, [chlorine, ph], [0.52, 7.31])
    message = api.get("devices/P-1-D1/last-message")
    assert message["payload"] == PAYLOAD.decode()
    assert message["text"]
    assert [(each["value"], each["unit"]) for each in message["understood"]] == [(0.52, "mg/L"), (7.31, "pH")]
    assert [(each["field"], each["reason"]) for each in message["misunderstood"]] == [("colour", "unknown_indicator")]


def test_a_mapping_is_changed_and_kept(api: Served, db: Connection) -> None:
    """Names, unit, factor and offset are stored with the channel; channels not named stay as they were."""
    before = api.get("devices/P-1-D1/channels")
    indicator = before[0]["indicator"]
    wanted = {"indicator": indicator, "names": ["FCL"], "unit": "ppb", "factor": 2.0, "offset": -0.5}
    answer = api.client().put("/devices/P-1-D1/channels", json=[wanted])
    assert answer.status_code == 200, answer.text
    channel = load_registry(db).channels_of_device["P-1-D1"][0]
    assert (channel.names, channel.unit, channel.factor, channel.offset) == (("FCL",), "ppb", 2.0, -0.5)
    assert len(load_registry(db).channels_of_device["P-1-D1"]) == len(before)


def test_a_unit_of_another_quantity_is_refused_with_what_would_be_right(api: Served, db: Connection) -> None:
    """422 in both languages, and nothing is changed."""
    before = load_registry(db)
    indicator = api.get("devices/P-1-D1/channels")[0]["indicator"]
    answer = api.client().put("/devices/P-1-D1/channels", json=[{"indicator": indicator, "unit": "kPa"}])
    assert answer.status_code == 422
    (mistake,) = answer.json()["mistakes"]
    assert "mg/L" in mistake["problem_en"]
    assert "可用" in mistake["problem_zh"]
    assert load_registry(db) == before


def test_an_instruments_password_fits_its_protocol(api: Served, db: Connection) -> None:
    """HJ 212 has room for six characters; the credential says where instruments report, and the MN."""
    mn = "320602SWIM00000000000001"
    new = {
        "code": "P-1-D9",
        "site": "P-1",
        "sampling_point": "basin-1",
        "indicators": ["ph"],
        "dialect": "hj212",
        "identity": mn,
    }
    without = api.client().post("/devices", json={**new, "identity": None})
    assert without.status_code == 422
    assert "MN" in without.json()["mistakes"][0]["problem_en"]
    made = api.client().post("/devices", json=new).raise_for_status().json()
    assert len(made["password"]) == 6
    assert made["topic"] == f"MN={mn}"
    assert made["port"] == 7212
    assert load_registry(db).devices["P-1-D9"].identity == mn


def test_an_instrument_is_told_to_set_its_clock_and_nobody_else_is(api: Served, db: Connection) -> None:
    """The command waits for ingest to send it; a device of another dialect takes none."""
    refused = api.client().post("/devices/P-1-D1/commands", json={"command": "set_clock"})
    assert refused.status_code == 422
    assert "only HJ 212 instruments take commands" in refused.json()["detail"]
    assert "只有 HJ 212 仪器接受指令" in refused.json()["detail_zh"]
    db.execute("UPDATE device SET dialect = 'hj212', identity = 'MN1' WHERE code = 'P-1-D1'")
    assert api.client().post("/devices/P-1-D1/commands", json={"command": "set_interval"}).status_code == 422
    asked = api.client().post("/devices/P-1-D1/commands", json={"command": "set_interval", "seconds": 30})
    assert asked.status_code == 202, asked.text
    (command,) = api.get("devices/P-1-D1/commands")
    assert (command["command"], command["parameters"], command["sent_at"]) == ("set_interval", {"seconds": 30}, None)
