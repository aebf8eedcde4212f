"""Events of custody and positions: what they say, and the sentence for whatever is wrong."""

import json
import math
from typing import Any

import pytest

from ingest.decoders import position, waste
from ingest.decoders.model import Scan
from ingest.decoders.waste import content_of
from ingest.rejection import Reason
from registry.waste.catalogue import Container, Event
from tests.ingest.decoders.custody_examples import COLLECTED, HANDED_OVER
from tests.ingest.decoders.examples import TS


def read(content: object) -> Scan:
    """The one event of a payload that is right."""
    decoded = waste.decode(json.dumps(content).encode())
    assert decoded.rejections == []
    (scan,) = decoded.scans
    return scan


def test_an_event_says_what_the_message_says() -> None:
    """Weights in grams, the category by number, the time in us, the signatures in order."""
    assert read(COLLECTED) == Scan(
        id="s1-000017",
        ts=TS,
        event=Event.COLLECTED,
        tag="E28011700000020F3A5B9C01",
        kind=Container.BAG,
        parent="",
        category=1,
        ward="icu",
        gross_g=3420,
        tare_g=120,
        signed_by=("n-014", "t-003"),
        place="",
        to="",
        vehicle="",
        manifest="",
        sealed=True,
    )
    handed = read(HANDED_OVER)
    assert (handed.event, handed.kind, handed.gross_g, handed.tare_g) == (
        Event.HANDED_OVER,
        Container.BATCH,
        412_000,
        None,
    )
    assert (handed.to, handed.vehicle, handed.manifest) == ("r1", "v1", "2026011500001")


def test_what_the_law_wants_is_no_condition() -> None:
    """A scan without weight, category, ward or signature is an event; empty and null are left out."""
    bare = read({**{name: COLLECTED[name] for name in ("id", "ts", "event", "tag")}, "ward": "", "category": None})
    assert (bare.gross_g, bare.category, bare.ward, bare.signed_by, bare.sealed) == (None, 0, "", (), None)


WRONG: list[tuple[dict[str, Any], Reason, str, str]] = [
    ({"id": None}, Reason.WRONG_SHAPE, "id", "is missing; must be given"),
    ({"id": "a b"}, Reason.WRONG_SHAPE, "id", "is 'a b'; must be a string of 1 to 64"),
    ({"ts": "yesterday"}, Reason.BAD_TIMESTAMP, "ts", "is 'yesterday'; must be milliseconds"),
    ({"ts": None}, Reason.BAD_TIMESTAMP, "ts", "is missing"),
    ({"event": "lost"}, Reason.WRONG_SHAPE, "event", "is 'lost'; must be one of collected, boxed"),
    ({"event": "boxed"}, Reason.WRONG_SHAPE, "parent", "is missing; must be given, as boxed says nothing without it"),
    ({"event": "moved", "place": ""}, Reason.WRONG_SHAPE, "place", "moved says nothing without it"),
    ({"tag": "x" * 25}, Reason.WRONG_SHAPE, "tag", "must be a string of 1 to 24"),
    ({"kind": "sack"}, Reason.WRONG_SHAPE, "kind", "must be one of bag, box, batch"),
    ({"category": "841-006-01"}, Reason.WRONG_SHAPE, "category", "must be one of 841-001-01, infectious"),
    ({"gross_kg": "3.4"}, Reason.NOT_A_NUMBER, "gross_kg", "is '3.4'; must be a number of kg from 0 to 100000"),
    ({"gross_kg": -1}, Reason.NOT_A_NUMBER, "gross_kg", "must be a number of kg from 0"),
    ({"tare_kg": 4}, Reason.WRONG_SHAPE, "tare_kg", "is 4; must be at most the gross weight, 3.42 kg"),
    ({"signed_by": "n-014"}, Reason.WRONG_SHAPE, "signed_by", "must be a list of at most 4 different"),
    ({"signed_by": ["a", "a"]}, Reason.WRONG_SHAPE, "signed_by", "different persons"),
    ({"sealed": 1}, Reason.WRONG_SHAPE, "sealed", "is 1; must be true or false"),
    ({"seq": "1"}, Reason.WRONG_SHAPE, "seq", "must be a whole number"),
]


@pytest.mark.parametrize(("change", "reason", "at", "words"), WRONG)
def test_what_is_wrong_is_named(change: dict[str, Any], reason: Reason, at: str, words: str) -> None:
    """The field, what it holds and what would be right; and no part of the event is kept."""
    decoded = waste.decode(json.dumps({**COLLECTED, **change}).encode())
    assert decoded.scans == []
    (rejection,) = decoded.rejections
    assert (rejection.reason, rejection.field) == (reason, at)
    assert words in rejection.detail


def test_a_field_that_is_none_is_told_and_passed_over() -> None:
    """A misspelt field does not vanish in silence, and the event is kept."""
    decoded = waste.decode(json.dumps({**COLLECTED, "gros_kg": 3}).encode())
    assert len(decoded.scans) == 1
    (rejection,) = decoded.rejections
    assert rejection.field == "gros_kg"
    assert "did you mean gross_kg?" in rejection.detail


def test_the_others_of_a_list_are_kept() -> None:
    """Each object is judged alone; the error says which it was."""
    decoded = waste.decode(json.dumps([COLLECTED, {**COLLECTED, "tag": 7}, 3, HANDED_OVER]).encode())
    assert [scan.id for scan in decoded.scans] == ["s1-000017", "s1-000018"]
    assert [each.field for each in decoded.rejections] == ["[1].tag", "[2]"]


def test_a_key_that_comes_twice_is_wrong() -> None:
    """Nobody knows which was meant."""
    decoded = waste.decode(json.dumps(COLLECTED).encode().replace(b'"ward"', b'"tag": "other", "ward"'))
    assert decoded.scans == []
    assert [each.detail for each in decoded.rejections] == ["tag is given more than once; must be given once"]


def test_equal_contents_are_equal_and_others_are_not() -> None:
    """The digest covers every field but the id, and not how the message was written."""
    digest = content_of(read(COLLECTED))
    same = {**COLLECTED, "ts": "2026-01-15T10:15:00.000+08:00", "category": "infectious", "kind": "bag"}
    assert content_of(read(same)) == digest
    for change in (
        {"ts": COLLECTED["ts"] + 1},  # type: ignore[operator]
        {"gross_kg": 3.421},
        {"tare_kg": None},
        {"signed_by": ["t-003", "n-014"]},
        {"sealed": False},
        {"place": "s1"},
        {"kind": "box"},
    ):
        assert content_of(read({**COLLECTED, **change})) != digest


def test_a_position_is_read_whole_or_not_at_all() -> None:
    """Optional fields may be missing; a coordinate out of its bounds is named with what would be right."""
    decoded = position.decode(b'[{"ts": 1768443300000, "lat": 32.0, "lon": 120.9}, {"ts": 1768443300000, "lat": 132}]')
    (fix,) = decoded.fixes
    assert (fix.ts, fix.lat, fix.lon) == (TS, 32.0, 120.9)
    assert math.isnan(fix.speed_kmh)
    assert [each.detail for each in decoded.rejections] == [
        "[1].lat is 132; must be a number of degrees from -90 to 90",
        "[1].lon is missing; must be a number of degrees from -180 to 180",
    ]
