"""``landun evaluate --simulated``: a simulated city with faults through exactly the monitor's fold, in memory."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np

from monitor.alarms.book import Changes
from monitor.detector.verdict import Kind, Lane
from monitor.engine import Engine
from operations.evaluation.plan import DAY, Planned, plan
from operations.evaluation.scoring import (
    MINUTE_US,
    Collector,
    FalseAlarms,
    Outcome,
    confusion,
    false_alarms,
    line,
    outcomes,
)
from operations.evaluation.stream import BLOCK_MINUTES, Stream
from registry.demonstration import demonstration
from registry.model import Registry
from simulators.fault_kinds import FaultKind
from store.records import to_us

BEGIN: Final = datetime(2026, 5, 3, 16, 0, tzinfo=UTC)
"""A Monday's midnight in Nantong, in the season in which outdoor pools are open too."""
BLOCKS_A_DAY: Final = DAY // BLOCK_MINUTES
REGISTERED: Final = BEGIN - timedelta(days=400)
STORES: Final = 2


@dataclass(frozen=True, slots=True)
class Settings:
    """What to simulate.

    Parameters
    ----------
    pools : venues of one pool each; two cold stores come on top
    days : of which the first `warm_up` are without faults
    each : faults of every kind
    seed : of the pools, the weather, the noise and the faults
    budget : expected false alarms of a venue in a week; None for the platform's own
    every : after the warm-up devices report every so many minutes; until then every minute
    kinds : which kinds of fault

    """

    pools: int = 134
    days: int = 30
    warm_up: int = 7
    each: int = 20
    seed: int = 1
    budget: float | None = None
    kinds: tuple[FaultKind, ...] = tuple(FaultKind)
    every: int = 1


@dataclass(frozen=True, slots=True)
class Result:
    """What an evaluation found."""

    settings: Settings
    outcomes: list[Outcome]
    false: FalseAlarms
    readings: int
    seconds: float

    def figures(self) -> dict[str, Any]:
        """Everything, as one JSON object."""
        kinds = {}
        for kind in FaultKind:
            own = [each for each in self.outcomes if each.planned.fault.kind is kind]
            if not own:
                continue
            parts = {"upper": [o for o in own if o.planned.upper], "lowest": [o for o in own if not o.planned.upper]}
            kinds[kind.value] = {
                name: {
                    "faults": found.faults,
                    "recall": _rounded(found.recall),
                    "kind_right": _rounded(found.kind_right),
                    "delay_minutes": found.delay_minutes,
                }
                for name, found in ((name, line(part)) for name, part in parts.items())
            }
        settings = self.settings
        return {
            "pools": settings.pools,
            "days": settings.days,
            "warm_up_days": settings.warm_up,
            "faults_of_each_kind": settings.each,
            "seed": settings.seed,
            "budget_per_week": settings.budget,
            "minutes_between_readings_after_the_warm_up": settings.every,
            "readings": self.readings,
            "seconds": round(self.seconds, 1),
            "kinds": kinds,
            "false_alarms": {
                "venue_days": round(self.false.venue_days, 1),
                "inspector": self.false.inspector,
                "inspector_per_venue_day": round(self.false.inspector_per_venue_day, 4),
                "venue": self.false.venue,
                "venue_per_venue_day": round(self.false.venue_per_venue_day, 4),
                "said_to_inspectors": dict(self.false.said),
            },
            "confusion": {kind.value: dict(row) for kind, row in confusion(self.outcomes).items()},
        }


def city(settings: Settings) -> Registry:
    """The simulated city: venues of one pool each, and the cold stores."""
    return demonstration(
        settings.seed, online=settings.pools, offline=0, basins=(1, 1), stores=STORES, registered_at=REGISTERED
    )


def evaluate(settings: Settings, told: Callable[[str], None] = lambda _text: None) -> Result:
    """Run it. `told` hears of the progress. Raises `plan.CrowdedError` where the faults do not fit."""
    registry = city(settings)
    first = to_us(BEGIN) // MINUTE_US
    planned = plan(registry, settings.seed, first, settings.days, settings.each, settings.warm_up, settings.kinds)
    collector, readings, seconds = run(registry, settings, planned, first, told)
    alarms = list(collector.alarms.values())
    span = (
        (first + settings.warm_up * DAY) * MINUTE_US,
        (first + settings.days * DAY) * MINUTE_US,
    )
    sites = [code for code, site in registry.sites.items() if site.simulated]
    site_of = {device.code: device.site for device in registry.devices.values()}
    return Result(
        settings,
        outcomes(planned, alarms, site_of),
        false_alarms(planned, alarms, sites, site_of, span),
        readings,
        seconds,
    )


def run(
    registry: Registry,
    settings: Settings,
    planned: tuple[Planned, ...],
    first: int,
    told: Callable[[str], None],
) -> tuple[Collector, int, float]:
    """The alarms of the whole span, how many readings there were, and how long it took, s."""
    began = time.monotonic()
    engine = Engine(registry)
    if settings.budget is not None:
        engine.detection.set_budget(settings.budget)
    faults = [each.fault for each in planned]
    changed = first + settings.warm_up * DAY
    stream = Stream(registry, settings.seed, faults, first, every=settings.every, seldom_from=changed)
    collector = Collector()
    causes: set[tuple[str, str]] = set()
    for number, entries in enumerate(stream.rows(settings.days * DAY), start=1):
        changes = Changes()
        engine.fold(entries, changes)
        now = to_us(entries[-1].recorded_at)
        collector.take(changes.raised, changes.amended, now)
        given = _causes(engine)
        for site, verdict in sorted(given - causes):
            collector.explain(site, verdict, now)
        causes = given
        if number % BLOCKS_A_DAY == 0:
            day = number // BLOCKS_A_DAY
            told(f"day {day} of {settings.days}: {stream.readings:,} readings, {len(collector.alarms)} alarms")
    return collector, stream.readings, time.monotonic() - began


def _causes(engine: Engine) -> set[tuple[str, str]]:
    """(site, verdict) of the causes that the detector gives just now; they raise no alarm."""
    detection = engine.detection
    standing = detection.verdicts.kind[:, Lane.CAUSE]
    return {(detection.point(place)[0], Kind(standing[place]).code) for place in np.flatnonzero(standing).tolist()}


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 3)
