"""Small worlds of waste for tests: one hospital, one clinic, a disposer, and events written in hours."""

from datetime import date
from typing import Any, Final

import numpy as np

from monitor.waste import EVENT, NONE, Events, Rule, SiteFacts, State, Tolerances, Verdicts, World, step, sweep
from registry.waste.catalogue import Container, Event, tag_key
from registry.waste.model import Fence, Receiver, Route, Vehicle

HOUR: Final = 3_600_000_000
MIDNIGHT: Final = 20_600 * 24 * HOUR - 8 * HOUR
"""Midnight in Nantong, a Tuesday."""

HOSPITAL, CLINIC, PLANT = range(3)


def world() -> World:
    """A hospital of 100 beds, a clinic without a store of its own, a plant with its vehicle, and a stranger's plant."""
    return World(
        sites=(
            SiteFacts("H1", beds=100, visits=200),
            SiteFacts("C1", visits=20, has_store=False),
            SiteFacts("P1", producer=False),
        ),
        devices=("scale", "handheld", "bridge"),
        device_site=(HOSPITAL, HOSPITAL, PLANT),
        vehicles={"V1": Vehicle("V1", "苏F1", "R1", "t1"), "V2": Vehicle("V2", "苏F2", "R2")},
        receivers={
            "R1": Receiver("R1", "处置一", "One", "L1", date(2020, 1, 1), date(2030, 1, 1), "P1"),
            "R2": Receiver("R2", "处置二", "Two", "L2", date(2020, 1, 1), date(2021, 1, 1)),
        },
        routes=(Route("A", "甲", "A", ((120.80, 32.00), (120.90, 32.00)), 200.0, ("V1",)),),
        fences=(Fence("P", "厂", "plant", ((120.90, 32.00),), 150.0),),
    )


class Chain:
    """An engine with its state, told in hours since `MIDNIGHT`."""

    def __init__(self, tolerances: Tolerances | None = None, of: World | None = None) -> None:
        self.state = State(of or world(), tolerances)

    def event(self, at_h: float, event: Event, tag: str, **said: Any) -> Events:
        """One event; what is not said is as it ought to be."""
        row = np.zeros(1, dtype=EVENT)
        ts = MIDNIGHT + round(at_h * HOUR)
        row["key"], row["ts"], row["arrived"] = tag_key(tag), ts, ts + 1_000_000
        row["event"], row["kind"], row["site"], row["device"] = event, Container.BAG, HOSPITAL, 1
        row["place"] = row["vehicle"] = row["to"] = row["net_g"] = NONE
        row["signatures"], row["manifest"] = 2, True
        codes = self.state.codes
        said = {**_USUAL.get(event, {}), **said}
        for name, value in said.items():
            if name == "late_h":
                row["arrived"] = ts + round(value * HOUR)
            elif name == "parent":
                row["parent"] = tag_key(value)
            elif name in ("place", "vehicle", "to"):
                row[name] = NONE if value is None else codes.number(value)
            else:
                row[name] = value
        return row

    def life(self, tag: str, **said: Any) -> list[Events]:
        """A whole life as it ought to be: collected at 8, stored, handed over at 20, received, treated."""
        return [
            self.event(8, Event.COLLECTED, tag, **said),
            self.event(8.5, Event.STORED_IN, tag, **said),
            self.event(20, Event.HANDED_OVER, tag, **said),
            self.event(22, Event.RECEIVED, tag, **said),
            self.event(30, Event.TREATED, tag, **said),
        ]

    def take(self, *events: Events) -> None:
        """Take events in, in one call."""
        step(self.state, np.concatenate(events))

    def at(self, hours: float) -> Verdicts:
        """What changes by then."""
        return sweep(self.state, MIDNIGHT + round(hours * HOUR))

    def said(self, hours: float) -> list[tuple[str, bool]]:
        """What changes of bags and boxes by then: rules and whether they begin to hold."""
        return [(Rule(each["rule"]).code, bool(each["on"])) for each in self.at(hours) if each["rule"] < Rule.PICKUP]

    def told(self, hours: float) -> list[tuple[str, bool]]:
        """What changes of institutions, stores and vehicles by then."""
        return [(Rule(each["rule"]).code, bool(each["on"])) for each in self.at(hours) if each["rule"] >= Rule.PICKUP]

    def found(self, tag: str) -> set[str]:
        """The rules that a bag is found to have broken."""
        return self._bits("found", tag)

    def open(self, tag: str) -> set[str]:
        """The rules about a bag that somebody should act on."""
        return self._bits("open", tag)

    def _bits(self, name: str, tag: str) -> set[str]:
        (slot,) = self.state.slots(np.array([tag_key(tag)]))
        bits = int(self.state[name][slot])
        return {rule.code for rule in Rule if bits >> rule & 1}


_USUAL: Final[dict[Event, dict[str, Any]]] = {
    Event.COLLECTED: {"place": "W1", "category": 1, "net_g": 2_000},
    Event.STORED_IN: {"place": "store", "net_g": 2_010},
    Event.HANDED_OVER: {"vehicle": "V1", "to": "R1", "net_g": 2_000},
    Event.RECEIVED: {"place": "R1", "net_g": 1_990, "site": PLANT},
    Event.TREATED: {"place": "R1", "site": PLANT},
}
