"""How long the page about medical waste takes over the API: 409 institutions, 120 000 bags, five scans each.

Once with the bags of a month, of which those of the last two days are still under way, and once with all of them
collected today and none treated, which a day of the whole city at its worst is. The ratios say how many times as long
the first takes with index scans switched off.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from psycopg import sql

from benchmarks.report import Figure, report
from benchmarks.rig import database, slow_ends
from registry.waste.model import WasteRegistry
from simulators.waste.city import WITH_BEDS, city
from simulators.waste.registering import registered
from store import people
from store.connections import Connection, connect
from store.people import Person
from store.registry_rows import save_registry
from store.waste_registry import save_waste_registry
from tests.api.conftest import PASSWORD_HASH, REGISTERED, component, eventually, serving

BAGS = 120_000
UNDER_WAY = timedelta(days=2)
REQUESTS = 9
BUDGET_S = 1.0
SCANS = ("enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan")

REQUESTED: Final = {
    "overview": "waste/overview?simulated=true",
    "overview_of_county": "waste/overview?simulated=true&county=320602",
    "institutions": "waste/institutions?simulated=true",
    "overdue": "waste/bags?simulated=true&overdue=true&limit=200",
    "balance_of_a_week": "waste/balance?simulated=true&from={first}&to={last}",
    "one_institution": "waste/institutions/{site}",
    "tolerances": "waste/tolerances",
}

# Bag n was collected n / BAGS of `span` before `ends`, by institution n modulo theirs.
_BAG: Final = """
SELECT n, format('BENCH%%s', lpad(n::text, 7, '0')) AS tag, %(ends)s - n * %(span)s / %(bags)s AS at,
       (%(sites)s::text[])[1 + n %% cardinality(%(sites)s::text[])] AS site, 1 + n %% 3 AS category,
       1500 + n %% 900 AS grams
FROM generate_series(0, %(bags)s - 1) AS n
"""
_EVENTS: Final = f"""
INSERT INTO waste_event (device, event_id, ts, arrived, site, event, tag, kind, category, ward, gross_g, tare_g,
                         signed_by, receiver, vehicle, manifest, sealed, content, batch)
SELECT site || '-g1', format('%%s-%%s', n, event), at + after, at + after, CASE WHEN event >= 6 THEN %(plant)s ELSE site
       END, event, tag, 1, category, 'w01', grams, 0, '{{n1,n2}}', %(plant)s, 'nt-v01', 'M-1', true, n, 1
FROM ({_BAG}) AS bag, (VALUES (1, interval '0'), (3, interval '1 hour'), (5, interval '20 hours'),
     (6, interval '22 hours'), (7, interval '30 hours')) AS step (event, after)
WHERE at + after < %(ends)s AND (event = 1 OR NOT %(crowded)s OR (event = 3 AND n %% 2 = 0))
"""  # noqa: S608 -- constants
_BAGS: Final = f"""
INSERT INTO waste_bag (key, simulated, tag, site, parent, ward, category, categories, collected_at, stored_at,
                       handed_at, received_at, treated_at, collected_g, stored_g, handed_g, received_g, signs, own,
                       late, manifest, step, newest, arrived, found, open, revision)
SELECT n + 1, true, tag, site, 0, 'w01', category, 1 << (category - 1), at, stored_at,
       CASE WHEN done THEN at + interval '20 hours' END, CASE WHEN done THEN at + interval '22 hours' END,
       CASE WHEN done THEN at + interval '30 hours' END, grams, grams, grams, grams, '{{2,1,2,1,1}}', 31, 0, true,
       CASE WHEN done THEN 4 WHEN stored_at IS NOT NULL THEN 1 ELSE 0 END, at, at,
       CASE WHEN n %% 50 = 0 THEN 4 ELSE 0 END, CASE WHEN n %% 50 = 0 AND NOT done THEN 4 ELSE 0 END, 1
FROM (SELECT *, NOT %(crowded)s AND at < %(ends)s - %(under_way)s::interval AS done,
             CASE WHEN n %% 2 = 0 THEN at + interval '1 hour' END AS stored_at FROM ({_BAG}) AS bag) AS bag
"""  # noqa: S608 -- constants


def fill(connection: Connection, now: datetime, *, crowded: bool) -> tuple[WasteRegistry, int]:
    """Everything that the page reads; returns who is registered and how many scans."""
    registry, waste = registered(city(3, WITH_BEDS, WITH_BEDS), REGISTERED)
    save_registry(connection, registry)
    save_waste_registry(connection, waste)
    people.save(connection, Person("centre", "监测中心", "centre", (), None, PASSWORD_HASH), REGISTERED)
    values = {
        "ends": now,
        "span": timedelta(hours=1) if crowded else timedelta(days=30),
        "bags": BAGS,
        "sites": sorted(code for code in waste.parties if code not in {each.site for each in waste.receivers.values()}),
        "plant": min(waste.receivers),
        "crowded": crowded,
        "under_way": UNDER_WAY,
    }
    scans = connection.execute(_EVENTS, values).rowcount
    connection.execute(_BAGS, values)
    connection.execute("VACUUM ANALYZE")
    return waste, scans


def measured(*, crowded: bool) -> tuple[dict[str, float], dict[str, Figure], int]:
    """The time of each request, how much longer it takes without index scans, and how many scans there were."""
    with database() as dsn:
        now = datetime.now(UTC)
        with connect(dsn, autocommit=True) as connection:
            waste, scans = fill(connection, now, crowded=crowded)
            days = {"first": f"{now - timedelta(days=6):%Y-%m-%d}", "last": f"{now:%Y-%m-%d}"}
            site = next(code for code in sorted(waste.parties) if waste.parties[code].beds)
            asked = {name: path.format(site=site, **days) for name, path in REQUESTED.items()}
            ours = timed_over(dsn, asked)
            for scan in SCANS:
                name = sql.Identifier(connection.info.dbname)
                connection.execute(sql.SQL("ALTER DATABASE {} SET {} = off").format(name, sql.Identifier(scan)))
            slow = {} if crowded else timed_over(dsn, {"overview": asked["overview"]})
    return ours, {name: round(value / ours[name], 1) for name, value in slow.items()}, scans


def timed_over(dsn: str, asked: dict[str, str]) -> dict[str, float]:
    """The slower end of each request's time, s, of an API started for it."""
    with serving(dsn) as api:
        eventually(lambda: component(api, "database") == "up", "the API found its database", 60)
        eventually(lambda: api.client("centre").get("waste/tolerances").status_code == 200, "it answers", 60)
        return slow_ends(api.client("centre"), asked, REQUESTS)


def main() -> None:
    """Measure on an embedded server and an API of its own."""
    month, ratios, scans = measured(crowded=False)
    worst, _, _ = measured(crowded=True)
    slowest = max(*month.values(), *worst.values())
    report(
        "waste_overview",
        institutions=WITH_BEDS,
        bags=BAGS,
        scans=scans,
        p90_s={name: round(value, 4) for name, value in month.items()},
        crowded_p90_s={name: round(value, 4) for name, value in worst.items()},
        slowest_p90_s=round(slowest, 3),
        within_budget=max(month["overview"], worst["overview"]) < BUDGET_S,
        without_indexes_ratio=ratios,
    )


if __name__ == "__main__":
    main()
