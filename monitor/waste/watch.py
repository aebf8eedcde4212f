"""Medical waste in the monitor's fold: journal rows of kinds ``waste`` and ``position`` in, alarms out.

Simulated sites have a state of their own with an inner time (`pace`), which runs as fast as the simulation does;
nothing of it ever meets what is known of live sites, even where a bag's code is the same.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.alarms.book import Book, Changes
from monitor.waste import saving
from monitor.waste.conditions import TOLERANCES_SET, Conditions, Names
from monitor.waste.custody import step
from monitor.waste.events import EVENT, FIX, NONE, TEMPERATURE
from monitor.waste.keys import Ints
from monitor.waste.pace import Pace
from monitor.waste.rules import Rule, Tolerances
from monitor.waste.state import State
from monitor.waste.stores import measure
from monitor.waste.sweeping import sweep
from monitor.waste.vehicles import locate
from monitor.waste.world import World
from registry.model import Registry
from registry.waste.catalogue import LONGEST_TAG, Container, Event
from registry.waste.model import SCENARIO, WasteRegistry
from store.journal import Entry
from store.records import Readings
from store.waste_body import NOT_GIVEN, Packed, positions_of, waste_of

TEMPERATURE_OF: Final = "cold_store"
_LIVE, _SIMULATED = "live", "simulated"


class Watch:
    """The custody engine under a registry: one state for live sites, one for simulated ones."""

    def __init__(self, registry: Registry, waste: WasteRegistry | None = None, tolerances: Tolerances | None = None):
        self.registry, self.waste = registry, waste or WasteRegistry()
        self.tolerances = tolerances or Tolerances()
        self.paces = {_LIVE: Pace(), _SIMULATED: Pace()}
        self.states = {
            name: State(World.of(registry, self.waste, simulated=name == _SIMULATED), self.tolerances)
            for name in (_LIVE, _SIMULATED)
        }
        self.conditions = {name: Conditions() for name in self.states}
        self.boxes: dict[str, dict[int, str]] = {name: {} for name in self.states}

    # ------------------------------------------------------------------ what the journal brings
    def take_waste(self, entry: Entry) -> None:
        """Take a row of kind ``waste`` in. Raises `ValueError` where it can't be read."""
        packed = waste_of(entry)
        for name, rows in self._by_kind_of_site(packed.rows, packed.texts("site")):
            self._take_waste(name, Packed(rows, packed.strings))

    def _by_kind_of_site(self, rows: NDArray[Any], sites: Sequence[str]) -> Iterator[tuple[str, NDArray[Any]]]:
        """Rows of sites that are known, those of live and of simulated ones apart."""
        for name, state in self.states.items():
            mine = np.array([site in state.world.site_index for site in sites], dtype=np.bool_)
            if mine.any():
                yield name, rows[mine]

    def _take_waste(self, name: str, packed: Packed) -> None:
        state, rows = self.states[name], packed.rows
        events = events_of(state, packed)
        for column in ("ts", "arrived"):
            events[column] = self.paces[name].inward(events[column])
        step(state, events)
        strings = np.array([each.encode() for each in packed.strings], dtype=f"S{LONGEST_TAG}")
        bags = rows["kind"] == Container.BAG
        state.name_tags(rows["tag"][bags].astype(np.int64), strings[rows["tag_text"][bags]])
        known = self.boxes[name]
        for key, text in zip(rows["tag"][~bags].tolist(), rows["tag_text"][~bags].tolist(), strict=True):
            known[key] = packed.strings[text]
        for key, text in zip(rows["parent"].tolist(), rows["parent_text"].tolist(), strict=True):
            if key:
                known[key] = packed.strings[text]

    def take_positions(self, entry: Entry) -> None:
        """Take a row of kind ``position`` in. Raises `ValueError` where it can't be read."""
        packed = positions_of(entry)
        devices = [self.registry.devices.get(code) for code in packed.strings]
        trackers = self.waste.vehicle_of_tracker
        sites = [device.site if device else "" for device in devices]
        for name, rows in self._by_kind_of_site(packed.rows, [sites[each] for each in packed.rows["device"].tolist()]):
            state = self.states[name]
            number = np.full(len(packed.strings), NONE, dtype=np.int64)
            for place in np.unique(rows["device"]).tolist():
                vehicle = trackers.get(packed.strings[place])
                if vehicle is not None:
                    number[place] = state.codes.number(vehicle.code)
            fixes = np.zeros(rows.size, dtype=FIX)
            for column in ("ts", "arrived", "lon", "lat", "speed_kmh"):
                fixes[column] = rows[column]
            for column in ("ts", "arrived"):
                fixes[column] = self.paces[name].inward(fixes[column])
            fixes["vehicle"] = number[rows["device"]]
            locate(state, fixes[fixes["vehicle"] != NONE])

    def take_readings(self, readings: Readings) -> None:
        """Take what thermometers of stores say out of readings."""
        channels, name_of, site_of = self._thermometers
        if not channels.size:
            return
        place = np.minimum(np.searchsorted(channels, readings["channel_id"]), channels.size - 1)
        mine = channels[place] == readings["channel_id"]
        if not mine.any():
            return
        place, rows = place[mine], readings[mine]
        for name, state in self.states.items():
            here = name_of[place] == (name == _SIMULATED)
            told = np.zeros(int(here.sum()), dtype=TEMPERATURE)
            told["site"], told["ts"] = site_of[place[here]], self.paces[name].inward(rows["ts"][here].astype(np.int64))
            told["celsius"], told["late"] = rows["value"][here], rows["late"][here]
            measure(state, told)

    @cached_property
    def _thermometers(self) -> tuple[Ints, NDArray[np.bool_], Ints]:
        """Channels of stores' thermometers, in order; whether each is simulated, and the index of its site."""
        found = []
        for channel in self.registry.channels.values():
            site = self.registry.site_of(channel)
            if channel.indicator == TEMPERATURE_OF and site.scenario == SCENARIO:
                name = _SIMULATED if site.simulated else _LIVE
                found.append((channel.id, site.simulated, self.states[name].world.site_index[site.code]))
        found.sort()
        raw = np.array(found, dtype=np.int64).reshape(-1, 3)
        return raw[:, 0], raw[:, 1].astype(np.bool_), raw[:, 2]

    def tick(self, book: Book, changes: Changes, journal_id: int, now: int, returned_by: str | None = None) -> None:
        """Judge at an instant of the journal (us), and raise, amend and return alarms by it.

        `returned_by` is why alarms return where it is not by what happened to the waste.
        """
        for name, state in self.states.items():
            if not state.world.sites:
                continue
            verdicts = sweep(state, int(self.paces[name].inward(np.array([now]))[0]))
            if verdicts.size:
                verdicts["at"] = self.paces[name].outward(verdicts["at"])
                names = self._names(name, verdicts)
                covered = self._covered(book)
                self.conditions[name].follow(book, changes, journal_id, now, verdicts, names, covered, returned_by)

    def _covered(self, book: Book) -> Callable[[str], bool]:
        """Whether a site's thermometer has an alarm by its own limit: then the store's warmth has been told."""
        warm = {
            alarm.site
            for alarm_id in book.open.values()
            if (alarm := book.alarms[alarm_id]).rule.startswith(f"limit:{TEMPERATURE_OF}")
        }
        return warm.__contains__

    def _names(self, name: str, verdicts: NDArray[Any]) -> Names:
        state = self.states[name]
        keys = np.unique(verdicts["subject"])
        slots = state.slots(keys)
        tags = {
            int(key): tag.decode()
            for key, tag in zip(keys[slots >= 0], state["tag"][slots[slots >= 0]], strict=True)
            if tag
        }
        # What left memory at this very sweep is among the rows that wait to be written.
        tags |= {int(row["key"]): row["tag"].decode() for closed in state.closed for row in closed if row["tag"]}
        return Names(
            sites=dict(enumerate(site.code for site in state.world.sites)),
            devices=dict(enumerate(state.world.devices)),
            code=state.codes.name,
            tags={**self.boxes[name], **tags},
            simulated=name == _SIMULATED,
            pre_warning=lambda key: _pre_warning(state, key),
        )

    def open_conditions(self) -> list[str]:
        """Conditions of waste that are on (the book must agree)."""
        return [condition for each in self.conditions.values() for condition in each.on]

    # ------------------------------------------------------------------ settings, registry, snapshot
    def set_speed(self, at: int, speed: float) -> None:
        """Simulated waste moves so many times faster from `at` (us) on."""
        if speed != self.paces[_SIMULATED].speed:
            self.paces[_SIMULATED].change(at, speed)

    def start_with(self, tolerances: Tolerances) -> None:
        """Judge by these from now on; what was judged stays until something else brings it up again."""
        self.tolerances = tolerances
        for state in self.states.values():
            state.tolerances = tolerances

    def set_tolerances(self, book: Book, changes: Changes, journal_id: int, now: int, raw: Mapping[str, Any]) -> None:
        """Go on with other tolerances from an instant of the journal (us). Raises `ToleranceError`.

        All that came before the row is judged by the old ones first. Then every bag and box in memory is judged by the
        new ones: what they alone raise or end is told at this very row, and an alarm that ends says why.
        """
        wanted = Tolerances.from_json(raw)
        self.tick(book, changes, journal_id, now)
        self.start_with(wanted)
        for state in self.states.values():
            state["due"][state["key"] != 0] = state.now
            state.containers.log["due"] = state.now
        self.tick(book, changes, journal_id, now, TOLERANCES_SET)

    def save(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Arrays by name and JSON, for a snapshot."""
        arrays: dict[str, NDArray[Any]] = {}
        paces = {name: pace.pieces for name, pace in self.paces.items()}
        head: dict[str, Any] = {"paces": paces, "tolerances": self.tolerances.to_json()}
        for name, state in self.states.items():
            mine, of_state = saving.save(state)
            arrays |= {f"waste.{name}.{column}": each for column, each in mine.items()}
            in_log = set(state.containers.log["key"].tolist()) | set(state.containers.links["parent"].tolist())
            conditions = self.conditions[name]
            head[name] = {
                "state": of_state,
                "on": conditions.on,
                "worsened": sorted(conditions.worsened),
                "boxes": {str(key): tag for key, tag in sorted(self.boxes[name].items()) if key in in_log},
            }
        return arrays, head

    def restore(self, arrays: Mapping[str, NDArray[Any]], head: Mapping[str, Any]) -> None:
        """Take over what `save` saw, here under this registry."""
        self.tolerances = Tolerances.from_json(head["tolerances"])
        self.paces = {name: Pace(pieces) for name, pieces in head["paces"].items()}
        for name in self.states:
            prefix = f"waste.{name}."
            mine = {column.removeprefix(prefix): each for column, each in arrays.items() if column.startswith(prefix)}
            world = self.states[name].world
            self.states[name] = saving.restore(world, mine, head[name]["state"])
            self.conditions[name] = Conditions(head[name]["on"], head[name]["worsened"])
            self.conditions[name].forget(world.site_index)
            self.boxes[name] = {int(key): tag for key, tag in head[name]["boxes"].items()}


def _pre_warning(state: State, key: int) -> tuple[Rule, float] | None:
    """By which rule a bag's storage runs out soon, and after how many hours that is told; None where it does not."""
    (slot,) = state.slots(np.array([key], dtype=np.int64)).tolist()
    bits = int(state["open"][slot]) if slot >= 0 else 0
    if bits >> Rule.STORAGE_48H & 1:
        return None
    if bits >> Rule.STORAGE_44H & 1:
        return Rule.STORAGE_44H, state.tolerances.storage_second_h
    return (Rule.STORAGE_36H, state.tolerances.storage_first_h) if bits >> Rule.STORAGE_36H & 1 else None


def events_of(state: State, packed: Packed) -> NDArray[Any]:
    """Rows as they are in the journal (dtype `store.waste_body.WASTE`), of sites that are known, as the engine's."""
    rows, strings, world = packed.rows, packed.strings, state.world
    events = np.zeros(rows.size, dtype=EVENT)
    for name in ("ts", "arrived", "parent", "event", "kind", "category"):
        events[name] = rows[name]
    events["key"] = rows["tag"]
    events["signatures"] = np.count_nonzero(rows["signed_by"], axis=1)
    events["net_g"] = np.where(rows["gross_g"] == NOT_GIVEN, NONE, rows["gross_g"] - np.maximum(rows["tare_g"], 0))
    events["manifest"], events["unsealed"] = rows["manifest"] > 0, rows["sealed"] == 0
    events["site"] = _numbers(rows["site"], lambda text: world.site_index[strings[text]])
    events["device"] = _numbers(rows["device"], lambda text: world.device_index.get(strings[text], NONE))
    number = state.codes.number
    for name in ("vehicle", "to"):
        events[name] = _numbers(rows[name], lambda text: number(strings[text]))
    place = _numbers(rows["place"], lambda text: number(strings[text]))
    ward = _numbers(rows["ward"], lambda text: number(strings[text]))
    at_receiver = (rows["event"] == Event.RECEIVED) | (rows["event"] == Event.TREATED)
    own = _numbers(np.where(at_receiver, rows["site"], 0), lambda text: number(_receiver(world, strings[text])))
    place = np.where(at_receiver, np.where(_is_receiver(state, place), place, own), place)
    events["place"] = np.where(rows["event"] == Event.COLLECTED, ward, place)
    return events


def _numbers(texts: NDArray[Any], number: Callable[[int], int]) -> Ints:
    """Numbers of strings by their place in a table; `NONE` of place 0, which is no string."""
    places, of = np.unique(texts, return_inverse=True)
    found: Ints = np.array([number(place) if place else NONE for place in places.tolist()], dtype=np.int64)
    return found[of]


def _receiver(world: World, site: str) -> str:
    return world.receiver_of_site(site) or site


def _is_receiver(state: State, codes: Ints) -> NDArray[np.bool_]:
    known = np.array([*(name in state.world.receivers for name in state.codes.names), False], dtype=np.bool_)
    return known[codes]
