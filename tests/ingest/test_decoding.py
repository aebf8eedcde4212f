"""The decoder and the assembly of batches: total, exact, and the quick way equal to the exact one."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest import exact
from ingest.assembly import assemble
from ingest.decoders.model import Decoded
from ingest.decoders.timestamps import read_timestamp
from ingest.delivery import Assembled, Delivery
from ingest.directory import Directory
from ingest.rejection import Reason
from store.connections import Connection
from store.dead_letters import insert_dead_letters
from tests.ingest.world import INDICATORS, REGISTERED, make_registry, payload, topic

NOW_US = 1_795_000_000_000_000
NOW_MS = NOW_US // 1000
DIRECTORY = Directory(make_registry())


def deliver(body: bytes, message_topic: str | None = None, mid: int = 1) -> Delivery:
    """A delivery that arrives at `NOW_US`."""
    return Delivery(1, mid, message_topic or topic(), body, NOW_US)


def read(body: bytes, message_topic: str | None = None) -> Assembled:
    """One message through the whole assembly."""
    return assemble([deliver(body, message_topic)], DIRECTORY)


def reasons(body: bytes, message_topic: str | None = None) -> list[str]:
    """The reasons of a message's dead letters."""
    return [each.reason for each in read(body, message_topic).letters]


def test_a_good_payload_gives_its_values_in_order() -> None:
    """Time in ms becomes us, every value a reading of the device's channel."""
    assembled = read(payload(NOW_MS, ph=7.31, free_chlorine=0.5))
    assert assembled.readings["value"].tolist() == [7.31, 0.5]
    assert assembled.readings["channel_id"].tolist() == [2, 1]
    assert assembled.readings["ts"].tolist() == [NOW_US, NOW_US]
    assert assembled.letters == []


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("2026-11-18T08:26:40Z", 1_794_990_400_000_000),
        ("2026-11-18T16:26:40.25+08:00", 1_794_990_400_250_000),
        ("2026-11-18t08:26:40.123456789z", 1_794_990_400_123_456),
        ("2026-11-18 08:26:40-00:00", 1_794_990_400_000_000),
    ],
)
def test_rfc3339_times_are_read(text: str, us: int) -> None:
    """RFC 3339 with any offset, any number of decimals, T or a space."""
    assert read_timestamp(text) == us


@pytest.mark.parametrize(
    "ts",
    [
        None, True, 1.5, "", "now", "2026-11-18", "2026-11-18T08:26:40", "2026-02-30T00:00:00Z", "20261118T082640Z",
        "2026-11-18T08:26:40+99:00", "2026-11-18T24:26:40Z", "1795000000000", [], {},
        10**30, -(10**30), pytest.param(10**5000, id="5001 digits"),
    ],
)  # fmt: skip
def test_a_malformed_timestamp_is_rejected_with_what_would_be_right(ts: object) -> None:
    """Anything but an integer of ms or an RFC 3339 time with its zone; the error says so."""
    with pytest.raises(ValueError, match=r"ts is .*must be milliseconds"):
        read_timestamp(ts)


@pytest.mark.parametrize(
    ("ts", "reason"),
    [
        ("0001-01-01T00:00:00+23:59", "bad_timestamp"),
        ("9999-12-31T23:59:59-23:59", "bad_timestamp"),
        ("0001-01-01T00:00:00Z", "too_old"),
        ("9999-12-31T23:59:59Z", "in_future"),
        (-62_135_596_800_000, "too_old"),
        (253_402_300_799_999, "in_future"),
    ],
)
def test_a_time_at_the_calendars_edge_is_refused_and_does_not_overflow(ts: object, reason: str) -> None:
    """The first and last instants of the calendar, and those an offset pushes beyond it."""
    assert reasons(payload(ts, ph=7)) == [reason]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "malformed_json"),
        (b"\xff\xfe", "malformed_json"),
        (b"\xef\xbb\xbf{}", "malformed_json"),
        (b"[" * 100_000, "malformed_json"),
        (b'{"values": {"ph": ' + b"[" * 50_000 + b"]" * 50_000 + b"}}", "malformed_json"),
        (b"null", "wrong_shape"),
        (b"3", "wrong_shape"),
        (b"[]", "wrong_shape"),
        (b"[[]]", "wrong_shape"),
        (b"{}", "bad_timestamp"),
        (payload(NOW_MS), "wrong_shape"),
        (b'{"ts": %d}' % NOW_MS, "wrong_shape"),
        (b'{"ts": %d, "values": "ph"}' % NOW_MS, "wrong_shape"),
        (b'{"ts": %d, "ts": 5, "values": {"ph": 7}}' % NOW_MS, "wrong_shape"),
        (b'{"ts": %d, "values": {"ph": 7}, "values": {"ph": 8}}' % NOW_MS, "wrong_shape"),
        (b'{"ts": %d, "values": {"ph": 7, "ph": 8}}' % NOW_MS, "wrong_shape"),
        (b'{"ts": %d, "values": {"ph": 7}, "flag": 1}' % NOW_MS, "wrong_shape"),
        (payload(NOW_MS, ph=None), "not_a_number"),
        (payload(NOW_MS, ph=[7.2]), "not_a_number"),
        (payload(NOW_MS, ph={"v": 7.2}), "not_a_number"),
        (payload(NOW_MS, ph=math.inf), "not_finite"),
        (payload(NOW_MS, ph=10**400), "not_finite"),
        (b'{"ts": %d, "values": {"ph": -1e400}}' % NOW_MS, "not_finite"),
        (payload(NOW_MS + 300_001, ph=7), "in_future"),
        (payload(NOW_MS // 1000, ph=7), "too_old"),
        (payload(int(REGISTERED.timestamp() * 1000) - 1, ph=7), "before_registration"),
        (b'{"ts": %d, "values": {"\\ud800\\u0000": 7}}' % NOW_MS, "unknown_indicator"),
    ],
)
def test_a_message_with_nothing_good_is_one_dead_letter(body: bytes, reason: str) -> None:
    """Whatever is wrong, there is exactly one dead letter, with the payload, the device and the reason."""
    assembled = read(body)
    assert len(assembled.readings) == 0
    assert assembled.dead == 1
    (letter,) = assembled.letters
    assert letter.reason == reason
    assert letter.payload == body
    assert letter.device == "dev-0"
    assert letter.detail.startswith("device dev-0: ")


def test_a_key_given_twice_costs_only_itself() -> None:
    """Which of two values was meant nobody knows, so neither is stored; the fields beside it are."""
    assembled = read(b'{"ts": %d, "values": {"ph": 7, "orp": 700, "ph": 8}}' % NOW_MS)
    assert assembled.readings["value"].tolist() == [700.0]
    assert [(each.field, each.reason) for each in assembled.letters] == [("ph", "wrong_shape")]


def test_in_a_list_each_sample_stands_for_itself() -> None:
    """Bad samples of a list are dead letters that name their place; the others are stored."""
    body = json.dumps([{"ts": NOW_MS, "values": {"ph": 7}}, 5, {"ts": NOW_MS + 1000, "values": {"ph": "x", "orp": 1}}])
    assembled = read(body.encode())
    assert assembled.readings["value"].tolist() == [7.0, 1.0]
    assert [(each.field, each.reason) for each in assembled.letters] == [
        ("[1]", "wrong_shape"),
        ("[2].ph", "not_a_number"),
    ]


def test_a_thousand_bad_fields_are_not_kept_a_thousand_times() -> None:
    """The dead letters of one message are bounded, the last one counts the rest."""
    values = {f"x{index}": 1 for index in range(1000)} | {"ph": 7}
    assembled = read(payload(NOW_MS, **values))
    assert len(assembled.readings) == 1
    assert len(assembled.letters) == exact.MOST_LETTERS_A_MESSAGE
    assert assembled.letters[-1].detail.startswith("985 more in this message")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("landun/v1", "bad_topic"),
        ("landun/v1/320602/pool-1/dev-0/telemetry/more", "bad_topic"),
        ("landun/v2/320602/pool-1/dev-0/telemetry", "bad_topic"),
        ("landun/v1/320602/pool-1/dev 0/telemetry", "bad_topic"),
        ("landun/v1/320602/pool-1//telemetry", "bad_topic"),
        ("landun/v1/320681/pool-1/dev-0/telemetry", "bad_topic"),
        ("landun/v1/320602/pool-1/dev-0/Telemetry", "bad_topic"),
        ("landun/v1/320602/pool-1/dev-99/telemetry", "unknown_device"),
    ],
)
def test_a_topic_that_names_no_registered_device_is_a_dead_letter(bad: str, reason: str) -> None:
    """Topic errors say what the topic must be."""
    (letter,) = read(payload(NOW_MS, ph=7), bad).letters
    assert letter.reason == reason
    assert "must" in letter.detail or "register" in letter.detail


def test_readings_keep_the_order_of_arrival_between_quick_and_exact_messages() -> None:
    """A message the quick way leaves to the exact one keeps its place among the others."""
    flagged = json.dumps({"ts": NOW_MS, "values": {"ph": 2}, "flag": "M"}).encode()
    bodies = [payload(NOW_MS, ph=1), flagged, payload(NOW_MS, ph=3)]
    assembled = assemble([deliver(body) for body in bodies], DIRECTORY)
    assert assembled.readings["value"].tolist() == [1.0, 2.0, 3.0]
    assert assembled.owners.tolist() == [0, 1, 2]
    assert assembled.flagged.tolist() == [False, True, False]


def test_a_held_batch_is_ordered_by_time() -> None:
    """What the broker delivered out of order after a reconnect is put in the order of its own time."""
    bodies = [payload(NOW_MS - offset, ph=offset) for offset in (1, 5, 3, 2, 4)]
    assembled = assemble([deliver(body) for body in bodies], DIRECTORY, by_time=True)
    assert assembled.readings["value"].tolist() == [5.0, 4.0, 3.0, 2.0, 1.0]
    assert assembled.owners.tolist() == [1, 4, 2, 3, 0]


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(10**400), max_value=10**400)
    | st.floats()
    | st.text(alphabet=st.characters(codec=None), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
times = st.sampled_from(
    [NOW_MS, NOW_MS - 1000, NOW_MS + 299_000, NOW_MS + 301_000, 0, -1, 2**63, "2026-11-18T08:26:40Z"]
)
names = st.sampled_from(INDICATORS) | st.text(max_size=4)
samples = st.fixed_dictionaries(
    {},
    optional={
        "ts": times | json_values,
        "values": st.dictionaries(names, st.floats(0, 1000) | st.integers(0, 99) | json_values, max_size=5)
        | json_values,
        "seq": st.integers(0, 99),
        "flag": st.sampled_from(["N", "M"]) | json_values,
        "extra": json_values,
    },
)
documents = (samples | st.lists(samples, max_size=3) | json_values).map(lambda each: json.dumps(each).encode())


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A document with a few bytes changed, cut or doubled."""
    body = bytearray(draw(documents))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, max(len(body) - 1, 0)))
        match draw(st.sampled_from(["set", "cut", "double"])):
            case "set":
                body[at : at + 1] = draw(st.binary(min_size=1, max_size=2))
            case "cut":
                del body[at : at + 3]
            case _:
                body[at:at] = body[at : at + 12]
    return bytes(body)


@given(st.lists(mutated() | st.binary(max_size=40), min_size=1, max_size=6))
@settings(max_examples=400, deadline=None)
@example([b'{"ts": %d, "values": {"ph": 1, "ph": 2}}' % NOW_MS])
@example([b'{"ts": %d, "values": {"ph": 1}, "ts": 3}' % NOW_MS])
@example([b'{"ts": %d, "values": {"ph": %s}}' % (NOW_MS, b"9" * 400), payload(NOW_MS, ph=7)])
@example([payload(NOW_MS, nope=-0.0, ph=7.1, other=1e300), b"{", payload(NOW_MS, ph=7.2, nope=3)])
@example([payload(NOW_MS, ph=7.1, **{f"nope_{n}": 0.5 for n in range(20)})])
@example([payload(0, ph=7.1, nope=0.5), payload(NOW_MS, nope=0.5), payload(NOW_MS, ph=7.1, **{"pool/ph": 7.2})])
def test_any_bytes_end_as_readings_or_dead_letters_and_the_quick_way_equals_the_exact(bodies: list[bytes]) -> None:
    """No payload raises; each gives readings or a dead letter; and the quick way changes nothing."""
    deliveries = [deliver(body, topic(f"dev-{index % 4}"), index + 1) for index, body in enumerate(bodies)]
    assembled = assemble(deliveries, DIRECTORY)
    bringing = set(assembled.owners.tolist())
    buried = len(deliveries) - len(bringing)
    assert assembled.dead == buried
    assert {each.payload for each in assembled.letters} >= {
        body for index, body in enumerate(bodies) if index not in bringing
    }
    assert all(each.reason in set(Reason) and each.detail for each in assembled.letters)
    assert not any(exact.FAULT in each.detail for each in assembled.letters)
    assert np.isfinite(assembled.readings["value"]).all()
    exactly = exact.Exact(DIRECTORY, {}).read(deliveries, range(len(deliveries)))
    assert assembled.readings.tobytes() == exactly.readings.tobytes()
    assert assembled.owners.tolist() == exactly.owners.tolist()
    assert assembled.flagged.tolist() == exactly.flagged.tolist()
    assert assembled.letters == exactly.letters


@given(st.text(alphabet=st.characters(codec=None), max_size=60), mutated())
@settings(max_examples=200, deadline=None)
def test_any_topic_ends_as_reading_silence_or_dead_letter(message_topic: str, body: bytes) -> None:
    """No topic raises."""
    assembled = assemble([deliver(body, f"landun/v1/{message_topic}")], DIRECTORY)
    assert not any(exact.FAULT in each.detail for each in assembled.letters)
    assert (len(assembled.readings) > 0) + assembled.dead + assembled.silent == 1


def test_dead_letters_with_hostile_text_can_be_stored(connection: Connection) -> None:
    """NUL and lone surrogates in field names, and very long values, fit the table."""
    hostile = b'{"ts": %d, "values": {"\\u0000\\udfff": 1, "%s": 2}}' % (NOW_MS, b"x" * 5000)
    letters = [*read(hostile).letters, *read(payload(NOW_MS, ph="\0" * 900)).letters]
    insert_dead_letters(connection, letters, 1)
    row = connection.execute("SELECT count(*), max(length(detail)), max(length(field)) FROM dead_letter").fetchone()
    assert row is not None
    assert row[0] == len(letters) == 2
    assert row[1] < 1000


def test_a_fault_of_the_decoder_costs_one_message_only() -> None:
    """Should the decoder fail on a payload after all, that message is a dead letter and the others are stored."""

    def fail(_body: bytes, _arrived: int) -> Decoded:
        raise KeyError("surprise")

    directory = Directory(make_registry())
    for binding in directory.telemetry.values():
        object.__setattr__(binding, "decode", fail)
    assembled = assemble([deliver(b"?"), deliver(payload(NOW_MS, ph=7), mid=2)], directory)
    assert assembled.readings["value"].tolist() == [7.0]
    assert [exact.FAULT in each.detail for each in assembled.letters] == [True]
