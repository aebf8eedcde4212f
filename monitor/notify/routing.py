"""Second and third stage: which route takes an alarm, and which alarms are told together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from monitor.notify.model import Group, Matter, Route


@dataclass(frozen=True, slots=True)
class Choose:
    """The first route that fits takes an alarm, so that nobody is told of it twice; those beside get a copy each."""

    routes: Sequence[Route]

    def run(self, matters: Iterable[Matter]) -> tuple[list[tuple[Route, Matter]], list[Matter]]:
        """Alarms with each of their routes, and those that no route takes."""
        taken: list[tuple[Route, Matter]] = []
        left: list[Matter] = []
        known: dict[tuple[str, ...], tuple[Route | None, list[Route]]] = {}
        for matter in matters:
            like = (matter.county, matter.scenario, matter.kind, matter.priority, matter.audience)
            if like not in known:
                fitting = [each for each in self.routes if each.fits(matter)]
                beside = [each for each in fitting if each.beside]
                known[like] = next((each for each in fitting if not each.beside), None), beside
            route, copies = known[like]
            if route is None:
                left.append(matter)
            else:
                taken.append((route, matter))
            taken += [(each, matter) for each in copies]
        return taken, left


@dataclass(frozen=True, slots=True)
class Gather:
    """Alarms of one site and route are one group: a message is about a place that somebody can go to."""

    def run(self, routed: Iterable[tuple[Route, Matter]]) -> list[Group]:
        """Groups in the order of their first alarm."""
        found: dict[tuple[int, str], tuple[Route, list[Matter]]] = {}
        for route, matter in routed:
            found.setdefault((route.id, matter.site), (route, []))[1].append(matter)
        return [
            Group(
                route,
                matters[0].site,
                matters[0].county,
                matters[0].zone,
                matters[0].simulated,
                tuple(sorted(matters, key=lambda each: each.id)),
            )
            for route, matters in found.values()
        ]
