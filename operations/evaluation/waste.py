"""The custody engine on a simulated month of a city: every planted fault is to be found, and nothing else said.

Events, positions and temperatures of `simulators.waste` go straight into the monitor's own engine as ingest would have
stored them, in the order devices say them, and the engine is asked every ten minutes what it makes of them.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.waste import EVENT, FIX, NONE, TEMPERATURE, Rule, State, World, locate, measure, step, sweep
from monitor.waste.rows import rows_of
from operations.evaluation.waste_scoring import Alarm
from registry.waste.catalogue import Container, Event, tag_key
from simulators.waste.city import INSTITUTIONS, WITH_BEDS, city
from simulators.waste.fault_kinds import WasteFault
from simulators.waste.model import City, Events, is_box, tag_of
from simulators.waste.month import Month, month, with_thermometer
from simulators.waste.registering import HANDHELD, SCALE, STORE, WEIGHBRIDGE, registered
from simulators.waste.stores import temperatures
from store.records import to_us

BEGIN: Final = datetime(2026, 3, 2, tzinfo=UTC)
REGISTERED: Final = datetime(2026, 1, 1, tzinfo=UTC)
TRAVEL_US: Final = 300_000
BLOCK_US: Final = 600_000_000
LOOK_EVERY: Final = 72
DAY_US: Final = 86_400_000_000
UNKNOWN_VEHICLE: Final = "nt-v99"
UNKNOWN_RECEIVER: Final = "nt-xx-d99"


@dataclass(frozen=True, slots=True)
class Settings:
    """What is simulated: so many institutions, so many of them with beds, days, and faults of each kind."""

    institutions: int = INSTITUTIONS
    with_beds: int = WITH_BEDS
    days: int = 30
    each: int = 20
    seed: int = 1
    kinds: tuple[WasteFault, ...] = tuple(WasteFault)


def with_beds_of(institutions: int) -> int:
    """How many of so many institutions have beds, as in the whole city."""
    return round(institutions * WITH_BEDS / INSTITUTIONS)


@dataclass
class Run:
    """What came of a month: alarms in order, and how many rows went in how fast."""

    lived: Month
    keys: dict[int, int]
    alarms: list[Alarm]
    events: int
    fixes: int
    temperatures: int
    generated_s: float
    engine_s: float
    put_in: NDArray[np.int64]
    """Shape (events,): net grams by event that the simulator said."""
    twice: NDArray[np.int64]
    """Of these, what was said of a bag's code after it had been said of that code at that step."""
    state: State = field(repr=False)
    boxes: dict[int, int] = field(default_factory=dict)
    """Net grams of boxes by event, as the engine had them while they went round."""
    _weighed: set[tuple[int, int, int]] = field(default_factory=set)
    _closed: list[NDArray[Any]] = field(default_factory=list)

    def look(self) -> None:
        """Take note of what the engine knows of boxes and of bags that it will forget."""
        for row in self.state.containers.log[["key", "ts", "event", "net_g"]].tolist():
            if row[3] >= 0 and row[:3] not in self._weighed:
                self._weighed.add(row[:3])
                self.boxes[row[2]] = self.boxes.get(row[2], 0) + row[3]
        self._closed += self.state.closed
        self.state.closed = []

    def bags(self) -> NDArray[Any]:
        """What the engine has known of every bag, as it knew it last."""
        rows = np.concatenate([*self._closed, rows_of(self.state, self.state.live())])
        _, last = np.unique(rows["key"][::-1], return_index=True)
        return rows[::-1][last]


class Numbers:
    """Codes of a simulated city as the engine's numbers."""

    def __init__(self, lived_in: City, state: State) -> None:
        self._city = lived_in
        world, number = state.world, state.codes.number
        self.sites = np.array([world.site_index[code] for code in lived_in.codes])
        used = sorted(set(lived_in.receiver_of.tolist()))
        self.disposers = np.full(len(lived_in.receiver_codes), NONE)
        self.disposers[used] = [world.site_index[lived_in.receiver_codes[each]] for each in used]
        self.scales = np.array([world.device_index[f"{code}-{SCALE}"] for code in lived_in.codes])
        self.handhelds = np.array([world.device_index[f"{code}-{HANDHELD}"] for code in lived_in.codes])
        self.bridges = np.full(len(lived_in.receiver_codes), NONE)
        self.bridges[used] = [world.device_index[f"{lived_in.receiver_codes[each]}-{WEIGHBRIDGE}"] for each in used]
        self.wards = np.array([number(code) for code in lived_in.ward_codes])
        self.store = number(STORE)
        self.vehicles = np.array([number(code) for code in (*lived_in.vehicle_codes, UNKNOWN_VEHICLE)])
        self.receivers = np.array([number(code) for code in (*lived_in.receiver_codes, UNKNOWN_RECEIVER)])

    def vehicle(self, positions: NDArray[Any]) -> NDArray[np.int64]:
        """Numbers of vehicles' codes; of one that is not the city's that of a stranger."""
        return np.where(positions < 0, NONE, self.vehicles[np.minimum(positions, len(self.vehicles) - 1)])

    def receiver(self, positions: NDArray[Any]) -> NDArray[np.int64]:
        """Numbers of receivers' codes."""
        return np.where(positions < 0, NONE, self.receivers[np.minimum(positions, len(self.receivers) - 1)])


def keys_of(lived_in: City, rows: Events) -> dict[int, int]:
    """The key of every unit: that of the label on it."""
    units = np.union1d(np.unique(rows["unit"]), np.unique(rows["parent"][rows["parent"] >= 0]))
    return {unit: tag_key(tag_of(lived_in, unit)) for unit in units.tolist()}


def translated(rows: Events, numbers: Numbers, keys: dict[int, int]) -> NDArray[Any]:
    """Simulated events as the engine takes them."""
    units = np.array(sorted(keys), dtype=np.int64)
    of_units = np.array([keys[unit] for unit in units.tolist()], dtype=np.int64)
    found = np.zeros(len(rows), dtype=EVENT)
    found["key"] = of_units[np.searchsorted(units, rows["unit"])]
    boxed = rows["parent"] >= 0
    found["parent"][boxed] = of_units[np.searchsorted(units, rows["parent"][boxed])]
    found["ts"], found["arrived"] = rows["ts"], rows["said"] + TRAVEL_US
    found["event"], found["category"], found["signatures"] = rows["event"], rows["category"], rows["signatures"]
    found["kind"] = np.where(is_box(rows["unit"]), Container.BOX, Container.BAG)
    at_disposer = rows["event"] >= Event.RECEIVED
    at_disposer &= rows["event"] <= Event.TREATED
    receiver = np.minimum(rows["receiver"], len(numbers.disposers) - 1)
    found["site"] = np.where(at_disposer, numbers.disposers[receiver], numbers.sites[rows["institution"]])
    collected = rows["event"] == Event.COLLECTED
    own = np.where(collected, numbers.scales[rows["institution"]], numbers.handhelds[rows["institution"]])
    found["device"] = np.where(at_disposer, numbers.bridges[receiver], own)
    place = np.where(at_disposer, numbers.receiver(rows["receiver"]), NONE)
    place = np.where(rows["event"] == Event.STORED_IN, numbers.store, place)
    found["place"] = np.where(collected, numbers.wards[rows["ward"]], place)
    handed = rows["event"] == Event.HANDED_OVER
    found["vehicle"] = np.where(handed, numbers.vehicle(rows["vehicle"]), NONE)
    found["to"] = np.where(handed, numbers.receiver(rows["receiver"]), NONE)
    found["net_g"] = np.where(rows["gross_g"] > 0, rows["gross_g"] - rows["tare_g"], NONE)
    found["manifest"] = (handed | (rows["event"] == Event.RECEIVED)) & (rows["manifest"] >= 0)
    return found


def run(settings: Settings, told: Callable[[str], None] = lambda _text: None) -> Run:
    """Live through the month. Raises `simulators.waste.road.CrowdedError` where the faults do not fit."""
    began = time.monotonic()
    lived_in = city(settings.seed, settings.institutions, settings.with_beds)
    first = to_us(BEGIN) // DAY_US
    lived = month(lived_in, first, settings.days, settings.each, settings.kinds)
    registry, waste = registered(lived_in, REGISTERED)
    state = State(World.of(registry, waste))
    numbers, keys = Numbers(lived_in, state), keys_of(lived_in, lived.events)
    rows = translated(lived.events, numbers, keys)
    generated = time.monotonic() - began
    told(f"{len(rows):,} events of {len(lived_in):,} institutions are ready after {generated:.1f} s")
    found = Run(lived, keys, [], len(rows), 0, 0, generated, 0.0, *_put_in(rows), state)
    began = time.monotonic()
    _live(found, rows, numbers, told)
    found.engine_s = time.monotonic() - began
    return found


def _put_in(rows: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Net grams by event; and of these what is not the first of its step under a bag's code."""
    total, twice = np.zeros((2, max(Event) + 1), dtype=np.int64)
    weighed = rows[rows["net_g"] >= 0]
    np.add.at(total, weighed["event"], weighed["net_g"])
    bags = weighed[weighed["kind"] == Container.BAG]
    bags = bags[np.lexsort((bags["ts"], bags["event"], bags["key"]))]
    again = (bags["key"][1:] == bags["key"][:-1]) & (bags["event"][1:] == bags["event"][:-1])
    np.add.at(twice, bags["event"][1:][again], bags["net_g"][1:][again])
    return total, twice


def _live(found: Run, rows: NDArray[Any], numbers: Numbers, told: Callable[[str], None]) -> None:
    lived, state = found.lived, found.state
    begin, end = lived.span
    warmth = _warmth(lived, state)
    pending = next(warmth, None)
    edges = np.searchsorted(rows["arrived"], np.arange(begin, end + BLOCK_US, BLOCK_US))
    fixes: NDArray[Any] = np.zeros(0, dtype=FIX)
    taken = 0
    for number in range((end - begin) // BLOCK_US):
        now = begin + (number + 1) * BLOCK_US
        if number * BLOCK_US % DAY_US == 0:
            day = lived.first + number * BLOCK_US // DAY_US
            fixes, taken = _fixes(lived, day, numbers), 0
            told(f"day {day - lived.first + 1} of {lived.days}: {state.open_bags:,} bags, {len(found.alarms)} alarms")
        step(state, rows[edges[number] : edges[number + 1]])
        until = int(np.searchsorted(fixes["arrived"], now))
        locate(state, fixes[taken:until])
        found.fixes, taken = found.fixes + until - taken, until
        while pending is not None and pending["ts"][0] < now:
            measure(state, pending)
            found.temperatures += len(pending)
            pending = next(warmth, None)
        found.alarms += _raised(sweep(state, now), now)
        if number % LOOK_EVERY == 0:
            found.look()
    found.look()


def _fixes(lived: Month, day: int, numbers: Numbers) -> NDArray[Any]:
    rows = lived.fixes(day)
    found = np.zeros(len(rows), dtype=FIX)
    for name in ("ts", "lon", "lat", "speed_kmh"):
        found[name] = rows[name]
    found["arrived"] = rows["ts"] + TRAVEL_US
    found["vehicle"] = numbers.vehicle(rows["vehicle"])
    return found


def _warmth(lived: Month, state: State) -> Iterator[NDArray[Any]]:
    """Temperatures of the cooled stores, one array for each instant."""
    begin, end = lived.span
    cooled = with_thermometer(lived.city).tolist()
    if not cooled:
        return
    site = [state.world.site_index[lived.city.codes[each]] for each in cooled]
    broken = [each for each in lived.truth if each.kind is WasteFault.FRIDGE_FAILURE]
    failures = [(cooled.index(each.place), each.begins, each.ends) for each in broken]
    minutes = (end - begin) // 60_000_000
    codes = [lived.city.codes[each] for each in cooled]
    for instant, celsius in temperatures(codes, lived.city.seed, begin // 60_000_000, minutes, failures):
        found = np.zeros(len(cooled), dtype=TEMPERATURE)
        found["site"], found["ts"], found["celsius"] = site, instant, celsius
        yield found


def _raised(verdicts: NDArray[Any], now: int) -> list[Alarm]:
    return [
        Alarm(Rule(row["rule"]).code, int(row["key"]), int(row["subject"]), int(row["site"]), int(row["at"]), now)
        for row in verdicts[verdicts["on"]]
    ]
