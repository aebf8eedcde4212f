"""Stored history judged again under changed rules, to see which alarms there would have been.

The same engine as the monitor's folds stored readings twice, under the rules as they are set and under the changed
ones. Readings that came late count as timely here: the question is what the rule would have said of the water. The
detector takes part when its budget is what is changed; a change of a limit does not move its verdicts.

Run as ``python -m monitor.backtest`` it reads a request (JSON) from standard input and the database's address from
``LANDUN_DATABASE_URL``, and prints lines of JSON: progress, then the result. The API runs it in a process of its own,
so that neither requests nor the monitor wait for it.
"""

import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

import numpy as np

from monitor.alarms.book import Changes
from monitor.alarms.wording import NO_CLAUSE
from monitor.detection import Detection
from monitor.engine import Engine
from monitor.layout import Layout
from monitor.sensitivity import Feedback
from registry.catalogue import indicator_name
from registry.indicators import INDICATORS
from registry.limits import Limit, Version
from registry.limits.site_rules import TRIAL
from registry.model import Registry
from registry.words import WordedError, Words, listed
from store import queries
from store.connections import Connection, connect
from store.records import READING, Readings, to_us
from store.registry_rows import load_registry
from store.site_limits import load_rules

WARM_UP: Final = {False: timedelta(hours=2), True: timedelta(days=3)}
"""History folded before the span, so that a condition that was on at its beginning is known; longer with detector."""
PIECE: Final = timedelta(hours=6)
LISTED: Final = 500
LONGEST: Final = timedelta(days=93)
_KEPT: Final = (
    "kind", "condition", "site", "device", "sampling_point", "channel_id", "indicator", "simulated", "priority",
    "since", "raised_at", "returned_at", "return_reason", "value", "extreme", "unit", "side", "limit_lo",
    "limit_hi", "limit_profile", "clause", "verdict", "sureness", "evidence", "audience", "id", "state",
)  # fmt: skip


class BackTestError(WordedError):
    """A request that makes no sense; the message says why."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the limits on an indicator; None leaves a property as it is. Delays in seconds."""

    indicator: str
    lo: float | None = None
    hi: float | None = None
    on_delay_s: float | None = None
    off_delay_s: float | None = None
    deadband: float | None = None

    def of(self, limit: Limit) -> Limit:
        """The limit after the change."""
        said = {
            name: value
            for name in ("lo", "hi", "on_delay_s", "off_delay_s", "deadband")
            if (value := getattr(self, name)) is not None
        }
        if self.lo is not None or self.hi is not None:
            # As a rule of the site's own: no clause says it, and a value counts with all its decimals.
            decimals = INDICATORS[self.indicator].precision
            said |= {"bands": (), "depends_on": None, "profile": TRIAL, "clause": NO_CLAUSE, "precision": decimals}
        changed = replace(limit, **said)
        if changed.lo is not None and changed.hi is not None and changed.lo > changed.hi:
            told = {"indicator": _named([self.indicator]), "lo": changed.lo, "hi": changed.hi}
            raise BackTestError.of("refusal.back_tests.crossed", **told)
        return changed


@dataclass(frozen=True, slots=True)
class Request:
    """Which history, and what is changed. `per_site_week` None: the budget as it is set."""

    sites: tuple[str, ...]
    first: datetime
    last: datetime
    changes: tuple[Change, ...] = ()
    per_site_week: float | None = None

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "Request":
        """From JSON."""
        return cls(
            tuple(raw["sites"]),
            datetime.fromisoformat(raw["first"]),
            datetime.fromisoformat(raw["last"]),
            tuple(Change(**each) for each in raw["changes"]),
            raw["per_site_week"],
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of the span has been judged (0–1), and how many readings that were."""

    share: float
    readings: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """Alarms raised in the span: all of the changed rules (rows of table ``alarm``), and how many there were as set."""

    readings: int
    alarms: tuple[Mapping[str, Any], ...]
    as_set: int


def changed_layout(layout: Layout, changes: Sequence[Change], first: datetime, last: datetime) -> Layout:
    """The layout with changed limits where they are in force between two instants.

    Raises `BackTestError` on a change of what nothing limits, or bounds that cross.
    """
    by_indicator = {change.indicator: change for change in changes}
    rulebook = layout.rulebook
    touched: set[str] = set()
    versions: list[Version] = []
    for version, slot in zip(rulebook.versions, rulebook.slot.tolist(), strict=True):
        change = by_indicator.get(layout.channels[slot].indicator)
        in_span = version.since < to_us(last) and version.until > to_us(first)
        if change is None or version.limit is None or not in_span:
            versions.append(version)
            continue
        touched.add(change.indicator)
        versions.append(replace(version, limit=change.of(version.limit)))
    missing = sorted(set(by_indicator) - touched)
    if missing:
        raise BackTestError.of("refusal.back_tests.no_limit", indicators=_named(missing))
    return replace(layout, rulebook=replace(rulebook, versions=tuple(versions)))


def back_test(connection: Connection, request: Request) -> Iterator[Progress | Outcome]:
    """Judge; yields how far it is, and at last the outcome. Raises `BackTestError` on a request without sense."""
    registry = _part(load_registry(connection), request.sites)
    rules = [rule for rule in load_rules(connection) if rule.site in request.sites]
    with_detector = request.per_site_week is not None
    engines = [Engine(registry, rules) for _ in range(2)]
    budget = queries.configured_budget(connection)
    answers = [each for site in request.sites for each in _answers(connection, site)]
    for engine, wanted in zip(engines, (None, request.per_site_week), strict=True):
        if not with_detector:
            engine.detection.silence()
        elif (of_all := budget if wanted is None else wanted) is not None:
            engine.detection = Detection(engine.layout, of_all, answers)
    if request.changes:
        engines[1].lay_out(changed_layout(engines[1].layout, request.changes, request.first, request.last))
    begin = request.first - WARM_UP[with_detector]
    whole = (request.last - begin) / timedelta(seconds=1)
    changes, readings = [Changes() for _ in engines], 0
    speeds = queries.configured_speeds(connection)
    pieces = _pieces(begin, request.last, [at for at, _ in speeds])
    for number, (piece_begin, piece_end) in enumerate(pieces, start=1):
        speed = next((value for at, value in reversed(speeds) if at <= piece_begin), 1.0)
        batch = _stored(connection, list(registry.channels), piece_begin, piece_end)
        for engine, into in zip(engines, changes, strict=True):
            engine.replay(into, number, batch, speed, piece_begin)
        readings += len(batch)
        yield Progress(min(1.0, (piece_end - begin) / timedelta(seconds=1) / whole), readings)
    as_set, changed = (_raised(each, request) for each in changes)
    yield Outcome(readings, tuple(changed), len(as_set))


def _part(registry: Registry, sites: Sequence[str]) -> Registry:
    missing = sorted(set(sites) - set(registry.sites))
    if missing:
        raise BackTestError.of("refusal.back_tests.sites", sites=listed(missing))
    kept = set(sites)
    devices = [device for device in registry.devices.values() if device.site in kept]
    codes = {device.code for device in devices}
    return Registry.of(
        [site for site in registry.sites.values() if site.code in kept],
        [point for point in registry.sampling_points.values() if point.site in kept],
        devices,
        [channel for channel in registry.channels.values() if channel.device in codes],
    )


def _answers(connection: Connection, site: str) -> list[Feedback]:
    given: dict[int, Feedback] = {}
    for row in queries.feedback_of_site(connection, site):
        if row["event"] == "feedback":
            answer = row["detail"]["answer"]
            given[row["journal_id"]] = Feedback(row["journal_id"], row["alarm_id"], site, answer)
        else:
            given.pop(row["detail"]["undoes"], None)
    return list(given.values())


def _pieces(first: datetime, last: datetime, cuts: Sequence[datetime]) -> Iterator[tuple[datetime, datetime]]:
    """Pieces of at most `PIECE`, cut where the simulation's speed changed."""
    edges = sorted({first, last, *(at for at in cuts if first < at < last)})
    for begin, end in pairwise(edges):
        at = begin
        while at < end:
            yield at, min(at + PIECE, end)
            at += PIECE


def _stored(connection: Connection, channels: Sequence[int], first: datetime, last: datetime) -> Readings:
    rows = queries.reading_rows(connection, channels, first, last)
    batch = np.empty(len(rows.ts), dtype=READING)
    batch["channel_id"], batch["ts"], batch["value"] = rows.channel_id, rows.ts, rows.value
    batch["arrived"], batch["late"] = rows.ts, False
    return batch


def _raised(changes: Changes, request: Request) -> list[Mapping[str, Any]]:
    """What was raised in the span, in order of time, with what became of it."""
    found = []
    for alarm_id, row in changes.raised.items():
        if request.first <= row["raised_at"] < request.last:
            found.append({name: ({**row, **changes.amended.get(alarm_id, {})})[name] for name in _KEPT})
    return sorted(found, key=lambda each: (each["raised_at"], each["id"]))


def _named(indicators: Sequence[str]) -> Words:
    """Indicators in words, in English by their codes; what is none by what it was called."""
    return listed(Words(indicator_name("zh", each) if each in INDICATORS else each, each) for each in indicators)


def _json(value: object) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def main() -> None:
    """Run one request from standard input."""
    logging.basicConfig(level=logging.WARNING)
    out = sys.stdout
    try:
        request = Request.of(json.load(sys.stdin))
        dsn = os.environ["LANDUN_DATABASE_URL"]
        with connect(dsn, autocommit=True, application_name="landun-backtest") as connection:
            for each in back_test(connection, request):
                if isinstance(each, Progress):
                    line: dict[str, Any] = {"share": each.share, "readings": each.readings}
                else:
                    listed = [dict(row) for row in each.alarms[:LISTED]]
                    line = {
                        "found": len(each.alarms),
                        "as_set": each.as_set,
                        "alarms": listed,
                        "readings": each.readings,
                    }
                out.write(json.dumps(line, default=_json) + "\n")
                out.flush()
    except WordedError as error:
        out.write(json.dumps({"failed": asdict(error.words)}) + "\n")
    except ValueError as error:
        out.write(json.dumps({"failed": asdict(Words.of("refusal.back_tests.failed", error=error))}) + "\n")


if __name__ == "__main__":
    main()
