"""Which faults happen to a simulated fleet, where, when and how large: drawn from a seed before anything runs.

Sizes are log-uniform over the table of `simulators.fault_kinds`, stratified: of n faults of a kind one falls into
each n-th of the range. A fault that lasts less than a day begins while its venue is open, because a closed venue
is not judged; every venue has a day of rest before and after each fault.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from registry.model import Device, Registry
from registry.opening import MICROSECONDS_A_MINUTE, minute_of_week
from simulators.fault_kinds import SPECS, FaultKind, natural_minutes
from simulators.faults import Fault
from simulators.plant import plant_kind, simulated_devices
from simulators.transmitter import FOULING_HOURS

DAY: Final = 1_440
REST: Final = DAY
"""Minutes without a fault at a site before and after each."""
OPEN_AT_LEAST: Final = 240
"""A short fault begins where its venue stays open for as long as it lasts, or this many minutes."""
UPPER: Final = 1 / 3
"""Position in the log range from which on a size counts to the upper two thirds."""
LASTS: Final[Mapping[FaultKind, tuple[float, float]]] = MappingProxyType(
    {
        # Minutes, least and most; kinds whose size or nature says how long they last are not here.
        FaultKind.DOSING_FAILURE: (DAY, DAY),
        FaultKind.OVER_DOSING: (DAY, DAY),
        FaultKind.PH_DRIFT: (DAY, DAY),
        FaultKind.PUMP_OFF: (120, 720),
        FaultKind.FILTER_FAILURE: (DAY, DAY),
        FaultKind.FOULING_DRIFT: (FOULING_HOURS * 60 + DAY, FOULING_HOURS * 60 + DAY),
        FaultKind.SPIKE: (1, 3),
        FaultKind.AIR_BUBBLE: (15, 60),
        FaultKind.CALIBRATION_STEP: (DAY, DAY),
        FaultKind.UNIT_X10: (120, DAY),
        FaultKind.CLOCK_8H: (120, DAY),
        FaultKind.TAMPERING: (DAY, DAY),
        FaultKind.COLD_STORE_FAILURE: (360, 720),
    }
)
_TRIES: Final = 2_000


class CrowdedError(ValueError):
    """So many faults do not fit into so many pools and days."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault to be put in; `position` is where its size lies in its kind's range by logarithm, 0–1."""

    fault: Fault
    site: str
    position: float

    @property
    def upper(self) -> bool:
        """Whether its size is in the upper two thirds of its range."""
        return self.position >= UPPER


def plan(
    registry: Registry,
    seed: int,
    first: int,
    days: int,
    each: int,
    warm_up: int,
    kinds: Sequence[FaultKind] = tuple(FaultKind),
) -> tuple[Planned, ...]:
    """`each` faults of every one of `kinds` between the `warm_up`-th and the last day, in order of time.

    `first` is the minute since the epoch at which the fleet begins. Raises `CrowdedError` where they do not fit.
    """
    rng = np.random.default_rng([seed, 6])
    devices = simulated_devices(registry)
    opening = _Opening(registry, devices, first, days)
    wanted = [_drawn(rng, kind, number, each) for kind in kinds for number in range(each)]
    wanted.sort(key=lambda drawn: -drawn.minutes)
    busy: dict[str, list[tuple[int, int]]] = {}
    found = []
    for drawn in wanted:
        able = [device for device in devices if plant_kind(registry, device) in SPECS[drawn.kind].plants]
        found.append(_placed(rng, drawn, able, opening, busy, (warm_up * DAY, days * DAY)))
    return tuple(sorted(found, key=lambda each: (each.fault.starts, each.fault.id)))


@dataclass(frozen=True, slots=True)
class _Drawn:
    kind: FaultKind
    size: float
    position: float
    minutes: int


def _drawn(rng: np.random.Generator, kind: FaultKind, number: int, each: int) -> _Drawn:
    spec = SPECS[kind]
    position = (number + rng.random()) / each
    size = spec.smallest * (spec.largest / spec.smallest) ** position
    if spec.signed and rng.random() < 0.5:
        size = -size
    if spec.unit == "min":
        minutes = abs(size)
    elif kind in LASTS:
        least, most = LASTS[kind]
        minutes = rng.uniform(least, most)
    else:
        minutes = natural_minutes(kind, size) or DAY
    return _Drawn(kind, size, position, max(1, round(minutes)))


class _Opening:
    """Whether each site is open, by minute since the beginning."""

    def __init__(self, registry: Registry, devices: Iterable[Device], first: int, days: int) -> None:
        self.first = first
        instants = (first + np.arange(days * DAY, dtype=np.int64)) * MICROSECONDS_A_MINUTE
        self._open: dict[str, NDArray[np.bool_]] = {}
        for code in sorted({device.site for device in devices}):
            site = registry.sites[code]
            self._open[code] = site.opening.minute_table()[minute_of_week(instants, site.zone)]

    def through(self, site: str, start: int, minutes: int) -> bool:
        """Whether the site is open from `start` on for so many minutes."""
        return bool(self._open[site][start : start + minutes].all())


def _placed(
    rng: np.random.Generator,
    drawn: _Drawn,
    able: list[Device],
    opening: _Opening,
    busy: dict[str, list[tuple[int, int]]],
    span: tuple[int, int],
) -> Planned:
    for _ in range(_TRIES):
        device = able[int(rng.integers(len(able)))]
        latest = span[1] - drawn.minutes - REST // 2
        if latest <= span[0]:
            break
        start = int(rng.integers(span[0], latest))
        end = start + drawn.minutes
        taken = busy.setdefault(device.site, [])
        if _crowded(taken, start, end):
            continue
        if drawn.minutes < DAY and not opening.through(device.site, start, min(drawn.minutes, OPEN_AT_LEAST)):
            continue
        source = None
        if drawn.kind is FaultKind.COPIED_SERIES:
            source = _source(rng, [each for each in able if each.site != device.site], busy, (start, end))
            if source is None:
                continue
            busy.setdefault(source.site, []).append((start, end))
        taken.append((start, end))
        fault = _fault(drawn, device, source, opening.first + start)
        return Planned(fault, device.site, drawn.position)
    raise CrowdedError(
        f"no room for another {drawn.kind.value} of {drawn.minutes} minutes at {len(able)} devices: "
        "take more pools, more days or fewer faults of each kind"
    )


def _source(
    rng: np.random.Generator, others: list[Device], busy: dict[str, list[tuple[int, int]]], span: tuple[int, int]
) -> Device | None:
    """Whose series is copied: a pool without a fault of its own at the time; None if chance finds none."""
    device = others[int(rng.integers(len(others)))]
    return None if _crowded(busy.get(device.site, []), *span) else device


def _crowded(taken: list[tuple[int, int]], start: int, end: int) -> bool:
    return any(start < other_end + REST and end + REST > other_start for other_start, other_end in taken)


def _fault(drawn: _Drawn, device: Device, source: Device | None, minute: int) -> Fault:
    starts = minute * MICROSECONDS_A_MINUTE
    return Fault(
        id=f"{device.code}-{drawn.kind.value}-{minute}",
        device=device.code,
        kind=drawn.kind,
        starts=starts,
        ends=starts + drawn.minutes * MICROSECONDS_A_MINUTE,
        started_at=starts,
        size=drawn.size,
        source=source.code if source else None,
    )
