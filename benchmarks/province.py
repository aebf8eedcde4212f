"""What 30 000 sites with 120 000 channels, reporting once a minute, cost the API and one page of the dashboard.

`dumps` is the yardstick: the processor time of ``json.dumps`` of the list of these sites. Each ``*_ratio`` is a
multiple of it, measured in the same run. ``anew``: all sites judged and written from nothing, as at a start.
``second``: the same after a second's reports, going on from the snapshot before. ``feed``: a second's values to one
viewer. ``channels``: the list of all channels with their limits. ``map``, ``table``, ``merge``: the live page's
refresh. ``http_whole`` and ``http_since``: GET /sites over HTTP with a database, all of them and the difference that a
second makes (wall time).
"""

import asyncio
import io
import json
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any, Final, TypeVar

import httpx

from benchmarks.report import quantile, report
from benchmarks.rig import database
from dashboard.client import SiteList
from dashboard.widgets.site_map import map_data
from dashboard.widgets.site_table import PAGE, by_severity, table_data
from monitor.api.encoding import latest_json
from monitor.api.facts import Facts
from monitor.api.feed import ChannelItem, Hub
from monitor.api.schemas import AlarmCounts
from monitor.api.scope import Principal
from monitor.api.sites import VERSION_HEADER, channels
from monitor.api.snapshot import Snapshot
from registry.counties import COUNTIES
from registry.model import Channel, Device, Registry, SamplingPoint, Site, SiteStatus
from registry.opening import OpeningHours
from store import people
from store.connections import Connection, connect
from store.people import Person
from store.queries.latest import LatestValue
from store.registry_rows import save_registry
from tests.api.conftest import PASSWORD_HASH, REGISTERED, beat, component, eventually, serving

SITES: Final = 30_000
INDICATORS: Final = ("free_chlorine", "ph", "turbidity", "water_temperature")
PERIOD_S: Final = 60
ALARMS: Final = 1_500
ROUNDS: Final = 7
CENTRE: Final = Principal("centre", "监测中心", "centre", (), None, PASSWORD_HASH)
Done = TypeVar("Done")


def province() -> Registry:
    """Pools with an instrument each, in opening hours of three kinds."""
    codes, chance = sorted(COUNTIES), Random(1)  # noqa: S311 -- invented sites
    hours = (OpeningHours.daily(360, 1320), OpeningHours.always(), OpeningHours.daily(540, 1260))
    sites = [
        Site(
            f"S-{n:05d}",
            codes[n % len(codes)],
            SiteStatus.LIVE,
            f"场所{n}",
            f"Venue {n}",
            120.5 + chance.random(),
            31.8 + 0.7 * chance.random(),
            REGISTERED,
            opening=hours[n % len(hours)],
        )
        for n in range(SITES)
    ]
    return Registry.of(
        sites,
        [SamplingPoint(site.code, "b1", "一号池", "Basin 1") for site in sites],
        [Device(f"{site.code}-D", site.code, "b1", PERIOD_S) for site in sites],
        [
            Channel(n * len(INDICATORS) + k + 1, f"{site.code}-D", indicator)
            for n, site in enumerate(sites)
            for k, indicator in enumerate(INDICATORS)
        ],
    )


def values(registry: Registry, now: datetime) -> dict[int, LatestValue]:
    """Each channel's newest value, up to a period old."""
    chance = Random(2)  # noqa: S311 -- invented values
    states = ["normal"] * 20 + ["breach", "advice", "bad"]
    return {
        number: LatestValue(number, now - timedelta(seconds=number % PERIOD_S), 7.2, chance.choice(states), now, 1)
        for number in registry.channels
    }


def reported(facts: Facts, second: int, now: datetime) -> tuple[Facts, list[LatestValue]]:
    """The facts after a second in which every sixtieth device reported, and its values."""
    size = len(INDICATORS)
    news = [
        row._replace(ts=now, revision=row.revision + 1)
        for number, row in facts.latest.items()
        if (number - 1) // size % PERIOD_S == second
    ]
    return replace(facts, latest={**facts.latest, **{row.channel_id: row for row in news}}), news


def cost(work: Callable[[], Done]) -> tuple[float, Done]:
    """Processor seconds of a piece of work, and what it gave."""
    began = time.process_time()
    done = work()
    return time.process_time() - began, done


def typical(times: list[float]) -> float:
    """The median."""
    return quantile(sorted(times), 0.5)


def in_memory(registry: Registry) -> dict[str, float]:
    """Processor seconds of each step, and bytes a second of the live feed."""
    now = datetime.now(UTC)
    alarms = {f"S-{n:05d}": AlarmCounts(high=1, low=n % 3) for n in range(0, SITES, SITES // ALARMS)}
    facts = Facts(registry, values(registry, now), alarms, {}, {}, None)
    anew, snapshot = cost(lambda: Snapshot.of(facts, now))
    writing, first = cost(lambda: snapshot.summaries(CENTRE, None, None))
    sites: list[Any] = json.loads(first.body)
    found: dict[str, list[float]] = {
        name: [] for name in ("dumps", "second", "whole", "differences", "feed", "feed_bytes", "merge", "map", "table")
    }
    hub = Hub()
    viewer = hub.join(CENTRE)
    for second in range(ROUNDS):
        now += timedelta(seconds=1)
        facts, news = reported(facts, second, now)
        version = snapshot.summaries(CENTRE, None, None).version
        took, snapshot = cost(partial(Snapshot.of, facts, now, snapshot))
        found["second"].append(took)
        took, told = cost(partial(snapshot.summaries, CENTRE, None, None, version))
        found["differences"].append(took)
        found["whole"].append(cost(partial(snapshot.summaries, CENTRE, None, None))[0])
        took, sent = cost(partial(feed, hub, viewer, news, registry))
        found["feed"].append(took)
        found["feed_bytes"].append(sent)
        difference = SiteList(json.loads(told.body), told.version, whole=False)
        took, sites = cost(partial(difference.after, sites))
        found["merge"].append(took)
        found["map"].append(cost(partial(map_data, sites, group="live", county=None))[0])
        found["table"].append(cost(partial(table, sites))[0])
        found["dumps"].append(cost(partial(json.dumps, sites))[0])
    listing, _ = cost(partial(channels, snapshot, CENTRE))
    return {"anew": anew + writing, "channels": listing} | {name: typical(times) for name, times in found.items()}


def table(sites: list[Any]) -> dict[str, Any]:
    """The first page of the table of sites."""
    return table_data(by_severity(sites)[:PAGE])


def feed(hub: Hub, viewer: Any, news: list[LatestValue], registry: Registry) -> float:
    """Write values, queue them and make the frames of one viewer; bytes."""
    items = [ChannelItem(row.channel_id, latest_json(row)) for row in news]
    hub.publish(items, (), None, registry)
    return float(sum(len(frame) for frame in asyncio.run(viewer.frames())))


def over_http(registry: Registry) -> dict[str, float]:
    """Median seconds of GET /sites, whole and by its differences, of an API on a database of its own."""
    with database() as dsn, connect(dsn, autocommit=True) as connection:
        fill(connection, registry)
        with serving(dsn) as api:
            eventually(lambda: component(api, "database") == "up", "the API found its database", 120)
            client = api.client("centre")
            client.timeout = httpx.Timeout(60)
            eventually(lambda: client.get("sites").status_code == httpx.codes.OK, "the sites are read", 120)
            return requests(client, connection)


def fill(connection: Connection, registry: Registry) -> None:
    """Registry, newest values and somebody who sees all."""
    save_registry(connection, registry)
    people.save(connection, Person("centre", "监测中心", "centre", (), None, PASSWORD_HASH), REGISTERED)
    rows = io.StringIO()
    now = datetime.now(UTC)
    for row in values(registry, now).values():
        fields = (row.channel_id, row.ts, row.value, row.state, row.since, 1, row.revision)
        rows.write("\t".join(map(str, fields)) + "\n")
    with connection.cursor() as cursor, cursor.copy("COPY channel_latest FROM STDIN") as copy:
        copy.write(rows.getvalue())
    connection.execute("VACUUM ANALYZE")
    beat(connection)


def requests(client: httpx.Client, connection: Connection) -> dict[str, float]:
    """Seconds of both requests, while every second a sixtieth of the devices reports."""
    whole, since = [], []
    for second in range(ROUNDS):
        took, answer = wall(partial(client.get, "sites"))
        whole.append(took)
        version = answer.raise_for_status().headers[VERSION_HEADER]
        connection.execute(
            "UPDATE channel_latest SET ts = now(), revision = (SELECT max(revision) + 1 FROM channel_latest) "
            "WHERE (channel_id - 1) / %s %% %s = %s",
            (len(INDICATORS), PERIOD_S, second),
        )
        since.append(eventually(partial(difference, client, version), "the reports are told", 60))
    return {"http_whole": typical(whole), "http_since": typical(since)}


def difference(client: httpx.Client, version: str) -> float | None:
    """Seconds of asking for what differs; None while a second's reports are not all among it."""
    took, answer = wall(partial(client.get, "sites", params={"since": version}))
    return took if len(answer.raise_for_status().json()) >= SITES // PERIOD_S else None


def wall(work: Callable[[], Done]) -> tuple[float, Done]:
    """Seconds by the clock of a piece of work, and what it gave."""
    began = time.perf_counter()
    done = work()
    return time.perf_counter() - began, done


def main() -> None:
    """Measure in memory first, then over HTTP."""
    logging.disable(logging.WARNING)  # Streamlit's, about pages that are drawn outside a browser's session
    registry = province()
    found = in_memory(registry)
    found |= over_http(registry)
    dumps, sent = found.pop("dumps"), found.pop("feed_bytes")
    report(
        "province",
        sites=SITES,
        channels=SITES * len(INDICATORS),
        values_a_second=SITES * len(INDICATORS) // PERIOD_S,
        dumps_s=round(dumps, 3),
        feed_bytes_a_second=int(sent),
        **{f"{name}_ratio": round(seconds / dumps, 3) for name, seconds in found.items()},
    )


if __name__ == "__main__":
    main()
