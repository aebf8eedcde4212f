"""The book of cases on a real database: deadlines that wait for a calendar, and the demonstration's removal."""

from datetime import UTC, date, datetime, timedelta

import pytest

from monitor.housekeeping import Retention, keep_house
from monitor.supervision.attachments import taken
from monitor.supervision.book import CaseMissingError, open_case, take_step
from monitor.supervision.case import Act, Action, CaseState, Closure, Party
from monitor.supervision.rows import case_of
from registry import working_days
from registry.model import Registry, Site, SiteStatus
from store import cases, demonstration
from store.connections import Connection
from store.registry_rows import save_registry
from tests.databases import Engine
from tests.supervision.stories import MONDAY, OPENING, TWO, act

YEAR_END = datetime(2025, 12, 30, 1, tzinfo=UTC)


def lead(connection: Connection, at: datetime = MONDAY) -> int:
    """A new case."""
    return open_case(connection, OPENING, Act(Action.OPEN, at, "li", Party.OFFICER))


def test_a_case_is_kept_on_every_engine(engine: Engine) -> None:
    """Lead, order, feedback with a file, recheck and closure: rows, steps and file come back as they went in."""
    with engine.connect() as connection:
        number = lead(connection)
        photo = taken("现场 照片.jpg", b"\xff\xd8\xff\xe0" + bytes(range(256)))
        take_step(connection, number, act(Action.ACCEPT))
        take_step(connection, number, act(Action.ORDER))
        take_step(connection, number, act(Action.FEEDBACK, party=Party.VENUE), [photo])
        take_step(connection, number, act(Action.RECHECK_PASSED))
        take_step(connection, number, act(Action.CLOSE, closure=Closure.RECTIFIED))
        connection.commit()
        row = cases.find_case(connection, number)
        assert row is not None
        case = case_of(row)
        assert (case.state, case.closure, (case.officer, case.second_officer)) == (
            CaseState.CLOSED,
            Closure.RECTIFIED,
            TWO,
        )
        assert len(cases.case_events(connection, number)) == 6
        (kept,) = cases.files_of_case(connection, number)
        assert kept.for_venue
        assert cases.read_file(connection, number, kept.id) == (kept, photo.content)
        with pytest.raises(CaseMissingError):
            take_step(connection, number + 1, act(Action.NOTE))


def test_a_deadline_is_set_right_once_the_year_is_published(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that ran into a year without a calendar is marked, and moved by the housekeeping once there is one."""
    connection.autocommit = True
    with monkeypatch.context() as patched:
        patched.setattr(working_days, "LAST_YEAR", 2025)
        number = lead(connection, YEAR_END)
        take_step(connection, number, act(Action.ACCEPT, YEAR_END))
        assert deadline(connection, number) == (date(2026, 1, 6), 2026)
    keep_house(connection, YEAR_END, Retention())
    assert deadline(connection, number) == (date(2026, 1, 7), None)
    told = connection.execute("SELECT detail FROM audit_log WHERE action = 'case_recounted'").fetchall()
    assert told == [({"from": "2026-01-06", "to": "2026-01-07", "year": 2026},)]


def deadline(connection: Connection, number: int) -> tuple[date, int | None]:
    """The last day of a case's clock, and the year it waits for."""
    row = cases.find_case(connection, number)
    assert row is not None
    return row["due_day"], row["due_unpublished"]


def test_the_demonstrations_cases_go_with_it(connection: Connection) -> None:
    """Cases of invented sites are removed with their steps and files; those of real ones stay."""
    long_ago = MONDAY - timedelta(days=400)
    real = Site("P-1", "320602", SiteStatus.LIVE, "一号", "One", 120.9, 32.0, long_ago)
    invented = Site("D-1", "320602", SiteStatus.SIMULATED, "模拟", "Two", 120.9, 32.0, long_ago)
    save_registry(connection, Registry.of([real, invented], [], [], []))
    kept = lead(connection)
    gone = lead(connection)
    connection.execute("UPDATE case_record SET site = 'D-1' WHERE id = %s", (gone,))
    take_step(connection, gone, act(Action.ACCEPT))
    take_step(connection, gone, act(Action.MERGE, into=merged_into(connection)))
    connection.commit()
    connection.autocommit = True
    deleted, _ = demonstration.remove(connection, "admin", MONDAY)
    assert deleted["case_record"] == 2
    assert cases.find_case(connection, kept) is not None
    assert cases.find_case(connection, gone) is None
    assert connection.execute("SELECT count(*) FROM case_event WHERE case_id = %s", (gone,)).fetchone() == (0,)


def merged_into(connection: Connection) -> int:
    """Another case of the invented site."""
    other = lead(connection)
    connection.execute("UPDATE case_record SET site = 'D-1' WHERE id = %s", (other,))
    return other
