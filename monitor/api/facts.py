"""What the database said, and of which sites it says something else than before."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from monitor.api.figures import Transmission
from monitor.api.schemas import AlarmCounts
from monitor.api.schemas.samples import SampleSummary
from registry.limits import SiteRule
from registry.model import Registry
from store.queries.latest import LatestValue

Key = TypeVar("Key")


@dataclass(frozen=True)
class Facts:
    """What the database said, each part as fresh as its own period.

    `transmission` and `open_alarms` are by site, `dead_letters` (last 24 h) by reason; `speed` is that of the
    simulated physics, None without simulated sites. `rules` are the sites' own limits and `samples` what
    recent manual results say, by site; `connected` are the devices that the broker says are there.
    """

    registry: Registry
    latest: Mapping[int, LatestValue]
    open_alarms: Mapping[str, AlarmCounts]
    transmission: Mapping[str, Transmission]
    dead_letters: Mapping[str, int]
    speed: float | None
    rules: Mapping[str, tuple[SiteRule, ...]] = field(default_factory=dict)
    samples: Mapping[str, SampleSummary] = field(default_factory=dict)
    connected: frozenset[str] = frozenset()

    def touched(self, before: "Facts") -> set[str] | None:
        """The sites that are judged by something else than `before`; None where that may be all of them."""
        registry = self.registry
        if registry is not before.registry or self.speed != before.speed:
            return None
        channels = (registry.channels.get(number) for number in _differing(before.latest, self.latest))
        devices = (registry.devices.get(code) for code in before.connected ^ self.connected)
        return {
            *(registry.devices[channel.device].site for channel in channels if channel is not None),
            *(device.site for device in devices if device is not None),
            *_differing(before.open_alarms, self.open_alarms),
            *_differing(before.samples, self.samples),
        } & registry.sites.keys()


def _differing(before: Mapping[Key, object], now: Mapping[Key, object]) -> Iterator[Key]:
    """The keys that are not in both with the same value."""
    if before is now:
        return
    for key, value in now.items():
        if (old := before.get(key)) is not value and old != value:
            yield key
    yield from before.keys() - now.keys()
