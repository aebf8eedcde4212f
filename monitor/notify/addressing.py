"""Fourth stage: who is to know of a group by now: by duty, by role where no roster is kept, step by step."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from monitor.notify.hours import reached
from monitor.notify.model import DUTIES, Contact, Duty, Group, Recipient, Role, World

KEPT_WITHIN: Final = timedelta(days=7)
"""A roster counts as kept for a duty and county if any of its lines is this near; then a gap in it means nobody."""

_INSTEAD: Final[Mapping[Role, str]] = {
    Role.INSPECTOR: "inspector",
    Role.SECTION_HEAD: "centre",
    Role.DUTY_OFFICER: "centre",
    Role.CENTRE: "centre",
    Role.ADMINISTRATOR: "administrator",
    Role.VENUE: "venue",
}
"""The role of people who stand in where no roster is kept for a duty."""


@dataclass(frozen=True)
class Address:
    """Recipients of each group at one instant."""

    world: World
    now: datetime

    def run(self, group: Group) -> list[Recipient]:
        """Everybody who is to know by now, with the lowest step that reaches them; empty while no step is due."""
        begin = self._begin(group)
        found: dict[str, Recipient] = {}
        absent: list[Role] = []
        # What nobody answers to at one step is the next one's at once: waiting would be waiting for no one.
        skipping = False
        for number, step in enumerate(group.route.steps):
            if not (skipping or reached(step, begin, self.now, group.zone, self.world.office_of(group))):
                break
            people = self.at_step(step.role, group)
            if not people:
                absent.append(step.role)
            skipping = not people and not found
            for name, by in people:
                found.setdefault(name, Recipient(name, number, step.role, by, tuple(absent)))
        if not found and skipping and not group.route.beside:
            for name, by in self.at_step(Role.ADMINISTRATOR, group):
                found[name] = Recipient(name, len(group.route.steps), Role.ADMINISTRATOR, by, tuple(absent))
        if found or not group.route.steps:
            # Whether that is a robot of a group of people or another system: it hears what the first step hears.
            for each in group.route.receivers:
                name, channel = f"channel:{each}", self.world.channels.get(each)
                if channel is not None and channel.demonstration == group.simulated:
                    found.setdefault(name, Recipient(name, 0, None, "route"))
        return list(found.values())

    def waits(self, group: Group) -> bool:
        """Whether not even the first step's time has come, as outside working hours."""
        steps = group.route.steps
        return bool(steps) and not reached(
            steps[0], self._begin(group), self.now, group.zone, self.world.office_of(group)
        )

    def _begin(self, group: Group) -> datetime:
        """When the clock of escalation began: when the first was told of what has been pressing for longest."""
        by = group.key if group.route.beside else ""
        told = [self._told_at.get((by, each.id), self.now) for each in group.matters if each.pressing]
        return min(told, default=self.now)

    @cached_property
    def _told_at(self) -> dict[tuple[str, int], datetime]:
        """When the first was told of each alarm by whichever route, under ""; by one beside, under its group's name."""
        found: dict[tuple[str, int], datetime] = {}
        for (key, _), entry in self.world.log.items():
            by = key if self.world.beside(key) else ""
            for alarm, at in entry.told.items():
                found[by, alarm] = min(at, found.get((by, alarm), at))
        return found

    def at_step(self, role: Role, group: Group) -> list[tuple[str, str]]:
        """Names of those who answer to a role for a group now, and whether by roster or by role."""
        return self._of_site(group.site) if role is Role.VENUE else self._in_county(role, group.county)

    def _of_site(self, site: str) -> list[tuple[str, str]]:
        return [(_person(each), "role") for each in self._venues.get(site, ())]

    @cached_property
    def _venues(self) -> dict[str, list[Contact]]:
        """People of each venue: there may be thousands, and groups as many."""
        found: dict[str, list[Contact]] = {}
        for each in self._contacts:
            if each.role == "venue" and each.site is not None:
                found.setdefault(each.site, []).append(each)
        return found

    def _in_county(self, role: Role, county: str) -> list[tuple[str, str]]:
        known = self._answering.get((role, county))
        if known is None:
            known = self._answering[role, county] = list(self._answerers(role, county))
        return known

    @cached_property
    def _answering(self) -> dict[tuple[Role, str], list[tuple[str, str]]]:
        return {}

    def _answerers(self, role: Role, county: str) -> Iterator[tuple[str, str]]:
        if role in DUTIES:
            lines = [each for each in self.world.duties if each.role == role and each.county in {"", county}]
            on_duty = {each.person for each in lines if each.since <= self.now < each.until}
            for name in sorted(on_duty & self.world.contacts.keys()):
                yield f"person:{name}", "roster"
            if any(self._near(each) for each in lines):
                return
        wanted = _INSTEAD[role]
        for each in self._contacts:
            if each.role == wanted and (not each.counties or county in each.counties):
                yield _person(each), "role"

    def _near(self, duty: Duty) -> bool:
        return duty.since - KEPT_WITHIN <= self.now < duty.until + KEPT_WITHIN

    @cached_property
    def _contacts(self) -> list[Contact]:
        return sorted(self.world.contacts.values(), key=lambda each: each.username)


def _person(contact: Contact) -> str:
    return f"person:{contact.username}"
