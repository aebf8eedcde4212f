"""How long each board of cases takes over the API, with 30 000 sites and 50 000 cases that are all still open.

Every case was led through the real workflow, so its steps are there too. The ratios say how many times as long the
database takes with index scans switched off: what the indexes by deadline are worth.
"""

import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from psycopg import sql

from benchmarks.report import Figure, quantile, report
from benchmarks.rig import database, slow_ends
from monitor.supervision.case import Act, Action, Case, CaseState, Party, Source
from monitor.supervision.machine import Opening, opened, step
from monitor.supervision.rows import detail_of, row_of
from registry.counties import COUNTIES
from registry.model import Registry, Site, SiteStatus
from store import people
from store.cases import case_events
from store.connections import Connection, connect
from store.people import Person
from store.queries.cases import Book, find_cases
from store.registry_rows import save_registry
from tests.api.conftest import PASSWORD_HASH, REGISTERED, Served, component, eventually, serving

SITES = 30_000
CASES = 50_000
OFFICERS = 266
REQUESTS = 9
BUDGET_S = 1.0
ZONE = "Asia/Shanghai"
SCANS = ("enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan")
PATH = (
    (Action.ACCEPT, Party.OFFICER),
    (Action.ORDER, Party.OFFICER),
    (Action.FEEDBACK, Party.VENUE),
    (Action.RECHECK_PASSED, Party.OFFICER),
)
"""Each case has come as far along this way as chance lets it."""

REQUESTED = {
    "work_list": "cases?open=true&simulated=false&limit=15",
    "work_list_page_1000": "cases?open=true&simulated=false&limit=15&offset=15000",
    "overdue_of_county": "cases?overdue=true&simulated=false&county=320602&limit=15",
    "of_officer": "cases?open=true&officer=officer7&limit=15",
    "by_county_officer_state": "cases/board?simulated=false",
    "figures_of_a_month": "cases/figures",
    "one_case": "cases/25000",
    "of_a_warning": "cases?alarm=1000",
}


def sites() -> Registry:
    """Venues without instruments, spread over the counties."""
    codes = sorted(COUNTIES)
    return Registry.of(
        [
            Site(
                f"S-{n:05d}",
                codes[n % len(codes)],
                SiteStatus.OFFLINE,
                f"场所{n}",
                f"Venue {n}",
                120.9,
                32.0,
                REGISTERED,
            )
            for n in range(SITES)
        ],
        [],
        [],
        [],
    )


def lives(now: datetime) -> Iterator[tuple[Case, list[tuple[Act, CaseState]]]]:
    """Cases with their steps, from up to sixty days ago until now."""
    chance, codes = Random(1), sorted(COUNTIES)  # noqa: S311 -- invented cases
    for number in range(CASES):
        site = chance.randrange(SITES)
        at = now - timedelta(minutes=chance.randrange(60 * 24 * 60))
        officer = f"officer{chance.randrange(OFFICERS)}"
        act = Act(Action.OPEN, at, officer, Party.OFFICER)
        source = chance.choice([*Source])
        opening = Opening(f"S-{site:05d}", codes[site % len(codes)], ZONE, False, source, f"事由 {number}", "medium")
        case = opened(opening, act)
        steps = [(act, case.state)]
        for action, party in PATH[: chance.randrange(len(PATH) + 1)]:
            at = min(now, at + timedelta(hours=chance.randrange(1, 90)))
            act = Act(action, at, officer, party, text="说明", due=(at + timedelta(days=9)).date())
            case = step(case, replace(act, officers=(officer, f"officer{chance.randrange(OFFICERS)}x")))
            steps.append((act, case.state))
        yield case, steps


def fill(connection: Connection, now: datetime) -> int:
    """Everything that the boards read; returns how many steps."""
    save_registry(connection, sites())
    for number in range(OFFICERS):
        person = Person(f"officer{number}", f"监督员{number}", "inspector", (), None, PASSWORD_HASH)
        people.save(connection, person, REGISTERED)
    people.save(connection, Person("centre", "监测中心", "centre", (), None, PASSWORD_HASH), REGISTERED)
    rows, events = io.StringIO(), io.StringIO()
    names: list[str] = []
    total = 0
    for number, (case, steps) in enumerate(lives(now), start=1):
        row = row_of(case)
        names = names or list(row)
        rows.write("\t".join([str(number), *(_field(row[name]) for name in names)]) + "\n")
        for act, state in steps:
            fields = (number, act.at, act.action.value, state.value, act.actor, act.text, json.dumps(detail_of(act)))
            events.write("\t".join(map(_field, fields)) + "\n")
            total += 1
    _copy(connection, f"case_record (id, {', '.join(names)})", rows)
    _copy(connection, "case_event (case_id, at, action, state, actor, text, detail)", events)
    connection.execute("INSERT INTO case_alarm SELECT n, n, now(), '' FROM generate_series(1, 20000) AS n")
    connection.execute("VACUUM ANALYZE")
    return total


def _field(value: Any) -> str:
    return "\\N" if value is None else str(value).replace("\\", "\\\\")


def _copy(connection: Connection, table: str, lines: io.StringIO) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
        copy.write(lines.getvalue())


def ready(api: Served) -> None:
    """Wait until the API has read the sites."""
    eventually(lambda: component(api, "database") == "up", "the API found its database", 60)
    eventually(lambda: api.client("centre").get("cases?limit=1").status_code == 200, "the sites are read", 60)


def worth_of_indexes(connection: Connection) -> dict[str, Figure]:
    """The median time of what the boards ask the database without index scans, as a multiple of that with them."""
    now = datetime.now(UTC)
    live = Book(simulated=False)
    asked: dict[str, Callable[[], object]] = {
        "work_list": lambda: find_cases(connection, live, open=True, limit=15),
        "overdue_of_county": lambda: find_cases(
            connection, live._replace(counties=("320602",)), open=True, overdue_at=now, limit=15
        ),
        "of_officer": lambda: find_cases(connection, live, open=True, officer="officer7", limit=15),
        "of_a_warning": lambda: find_cases(connection, live, alarm=1000),
        "one_case": lambda: case_events(connection, CASES // 2),
    }
    ratios: dict[str, Figure] = {}
    for name, ask in asked.items():
        quick = _median(ask)
        for scan in SCANS:
            connection.execute(sql.SQL("SET {} = off").format(sql.Identifier(scan)))
        ratios[name] = round(_median(ask) / quick, 1)
        connection.execute("RESET ALL")
    return ratios


def _median(ask: Callable[[], object]) -> float:
    times = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        ask()
        times.append(time.perf_counter() - began)
    return quantile(sorted(times), 0.5)


def main() -> None:
    """Measure on an embedded server and an API of its own."""
    with database() as dsn, connect(dsn, autocommit=True) as connection:
        steps = fill(connection, datetime.now(UTC))
        with serving(dsn) as api:
            ready(api)
            ours = slow_ends(api.client("centre"), REQUESTED, REQUESTS)
        ratio = worth_of_indexes(connection)
    report(
        "case_boards",
        sites=SITES,
        cases=CASES,
        steps=steps,
        p90_s={name: round(value, 4) for name, value in ours.items()},
        slowest_p90_s=round(max(ours.values()), 3),
        within_budget=max(ours.values()) < BUDGET_S,
        without_indexes_ratio=ratio,
    )


if __name__ == "__main__":
    main()
