"""Anchors made daily, rows kept past the journal's retention, and runs of the chain between them."""

import json
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from monitor.evidence.chain import GAP, spans_of
from monitor.evidence.hold import hold
from monitor.evidence.package import draft, file_of
from monitor.evidence.scope import subject_of
from monitor.evidence.verify import check
from monitor.housekeeping import Retention, keep_house, publish
from operations.verifying import check_journal
from registry.model import Registry
from store import anchors, journal
from store.connections import Connection
from store.journal_body import encode_messages
from store.records import Message, to_us
from tests.evidence.conftest import NOW, WANG
from tests.evidence.world import alarm_id, played

DAY = timedelta(days=1)


def packaged(connection: Connection, alarm: int) -> None:
    """A package about an alarm, as the API keeps it: from then on its rows are held."""
    connection.execute(
        "INSERT INTO evidence_package (subject, subject_id, site, simulated, purpose, made_at, made_by, sha256, "
        "content) VALUES ('alarm', %s, 'P1', false, '核查', %s, 'wang', '', '')",
        (alarm, NOW),
    )


def forget_journal(connection: Connection) -> None:
    """What retention does, at once: all rows but the newest go."""
    connection.execute("DELETE FROM journal WHERE id < (SELECT max(id) FROM journal)")


def made(connection: Connection, registry: Registry) -> tuple[list[str], list[str], dict[str, object]]:
    """Faults, notes and manifest of a package about the alarm made now."""
    content = draft(connection, subject_of(connection, "alarm", alarm_id(connection)), registry, WANG, "核查", NOW)
    found = check(content)
    return [f"{each.where}: {each.what}" for each in found.faults], found.notes, found.manifest


def test_what_a_package_relies_on_outlives_the_journal(connection: Connection) -> None:
    """After the journal dropped its rows, a package about a held alarm has every row, chained to its anchor."""
    connection.autocommit = True
    registry = played(connection)
    anchors.make(connection, NOW, "daily")
    packaged(connection, alarm_id(connection))
    before = made(connection, registry)[2]["rows"]
    assert hold(connection, NOW) == 1
    assert hold(connection, NOW) == 0, "what is over and anchored is kept once"
    forget_journal(connection)
    faults, notes, manifest = made(connection, registry)
    assert faults == []
    assert manifest["rows"] == before
    assert manifest["anchored"]
    assert not any("not included" in note for note in notes)


def test_a_package_says_what_the_journal_no_longer_has(connection: Connection) -> None:
    """Past the retention, without a hold, the package is made all the same, and says what is not there and why."""
    connection.autocommit = True
    registry = played(connection)
    forget_journal(connection)
    faults, notes, manifest = made(connection, registry)
    assert faults == []
    assert any("The original messages of 90 of 90 batches" in note for note in notes)
    assert any("rows of the journal behind the history" in note for note in notes)
    assert len(manifest["not_included"]) == 2  # type: ignore[arg-type]


def test_the_journal_is_anchored_once_a_day_and_the_anchors_are_written(connection: Connection, tmp_path: Path) -> None:
    """Each day's first pass makes an anchor that carries the one before; files of them are written once."""
    connection.autocommit = True
    for hours in (0, 5, 24, 30, 49):
        with connection.transaction():
            journal.append_event(connection, "tick", {"now": hours}, NOW + timedelta(hours=hours))
        keep_house(connection, NOW + timedelta(hours=hours), Retention())
    found = anchors.after(connection, 0)
    assert [each.said["journal"]["to"] for each in found] == [1, 3, 5]
    assert [each.said["previous"] for each in found[1:]] == [each.digest.hex() for each in found[:-1]]
    assert [path.name for path in publish(connection, tmp_path)] == [f"anchor-{n:08d}.json" for n in (1, 2, 3)]
    assert publish(connection, tmp_path) == []
    assert json.loads((tmp_path / "anchor-00000002.json").read_text())["number"] == 2


def test_a_past_written_anew_differs_from_its_anchor(connection: Connection, database: str) -> None:
    """Whoever writes the whole journal anew, with a chain that holds, is found by the anchor made before."""
    connection.autocommit = True
    for number in range(3):
        with connection.transaction():
            journal.append_event(connection, "tick", {"now": number}, NOW)
    anchors.make(connection, NOW, "daily")
    assert check_journal(database, 1) == (True, "3 journal rows checked: each is as it was written")
    connection.execute("DELETE FROM journal")
    for number in (0, 7, 2):
        with connection.transaction():
            journal.append_event(connection, "tick", {"now": number}, NOW)
    assert journal.verify(connection).ok
    fits, said = check_journal(database, 1)
    assert not fits
    assert "journal row 3: its hash is not the one in anchor 1" in said


def test_checkpoints_keep_the_proof_of_a_row_short(connection: Connection) -> None:
    """Of many rows every 256th is in the anchor, so that a run ends there and not at the end of the day."""
    connection.autocommit = True
    with connection.transaction():
        for number in range(600):
            journal.append_event(connection, "tick", {"now": number}, NOW)
    made_now = anchors.make(connection, NOW, "daily")
    assert [number for number, _ in made_now.said["journal"]["checkpoints"]] == [256, 512]
    assert spans_of([5, 9, 500], [256, 512, 600], 600) == [(5, 256), (500, 512)]


@given(
    ids=st.lists(st.integers(1, 20_000), min_size=1, max_size=30, unique=True).map(sorted),
    fixed=st.lists(st.integers(1, 20_000), max_size=20, unique=True).map(sorted),
    more=st.integers(0, 500),
)
def test_runs_cover_every_row_in_order(ids: Sequence[int], fixed: Sequence[int], more: int) -> None:
    """Runs never overlap or touch, hold every row, and end at a fixed row wherever one follows."""
    newest = max(ids[-1], *fixed, 0) + more
    spans = spans_of(ids, fixed, newest)
    assert all(any(first <= each <= last for first, last in spans) for each in ids)
    assert all(one[1] + 1 < other[0] for one, other in pairwise(spans))
    assert all(first in ids for first, _ in spans)
    assert all(last in fixed or last == newest for _, last in spans)
    assert all(last <= newest for _, last in spans)
    gaps = [other - one for one, other in pairwise(ids)]
    assert len(spans) <= 1 + sum(gap > GAP for gap in gaps)


def test_an_alarm_about_custody_has_every_scan_of_its_bags(connection: Connection) -> None:
    """The scans of the bags that a warning names are there, with the messages that brought them, byte for byte."""
    connection.autocommit = True
    registry = played(connection)
    payload = b'{"id":"e1","event":"collected","tag":"BAG-7"}'
    message = Message("landun/v1/320602/P2/D2-1/waste", payload, to_us(NOW))
    with connection.transaction():
        row = journal.append(
            connection, "waste", b"-", rows=1, recorded_at=NOW, raw=encode_messages([message]), batch=7_007
        )
    connection.execute(
        "INSERT INTO waste_event (device, event_id, ts, arrived, site, event, tag, kind, gross_g, tare_g, signed_by, "
        "content, batch) VALUES ('D2-1', 'e1', %s, %s, 'P2', 1, 'BAG-7', 1, 3420, 120, '{p1,p2}', 0, 7007)",
        (NOW, NOW),
    )
    connection.execute(
        "INSERT INTO alarm (id, kind, rule, condition, site, simulated, priority, state, since, raised_at, evidence) "
        "VALUES (99, 'waste', 'waste:duplicate', 'waste:duplicate:P1', 'P1', false, 'medium', 'unacknowledged', "
        "%s, %s, %s::jsonb)",
        (NOW, NOW, json.dumps({"bags": [{"tag": "BAG-7"}], "rule": "duplicate", "count": 1})),
    )
    content = draft(connection, subject_of(connection, "alarm", 99), registry, WANG, "核查", NOW)
    assert check(content).faults == []
    assert json.loads(file_of(content, "manifest.json"))["rows"] == [row]
    assert b"BAG-7" in file_of(content, "messages.csv")
    (scan,) = json.loads(file_of(content, "evidence.json"))["custody"]
    assert (scan["gross_g"], scan["signed_by"]) == (3420, ["p1", "p2"])
