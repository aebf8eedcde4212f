"""Wall clock and physics clock, and when a device samples. All instants are µs since the epoch, UTC."""

from dataclasses import dataclass
from typing import Final, Self

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
SLOWEST_SPEED: Final = 1.0
FASTEST_SPEED: Final = 3600.0
SHORTEST_INTERVAL_US: Final = SECOND_US
"""However fast the physics runs, a device publishes no oftener than this."""


@dataclass(frozen=True, slots=True)
class PhysicsClock:
    """When the wall clock showed `wall`, the physics was at `physics`; since then it runs `speed` times as fast."""

    wall: int
    physics: int
    speed: float = 1.0

    def at(self, wall: int) -> int:
        """The instant of the physics at an instant of the wall clock."""
        return self.physics + round((wall - self.wall) * self.speed)

    def wall_at(self, physics: int) -> int:
        """The instant of the wall clock at an instant of the physics, if the speed stays."""
        return self.wall + round((physics - self.physics) / self.speed)

    def with_speed(self, wall: int, speed: float) -> Self:
        """The clock that runs at another speed from `wall` on."""
        return type(self)(wall=wall, physics=self.at(wall), speed=speed)


def publish_interval(period_s: int, speed: float) -> int:
    """Time between two samples of a device on the wall clock, µs: its period divided by the speed, at least 1 s."""
    return max(SHORTEST_INTERVAL_US, round(period_s * SECOND_US / speed))


def sample_instant(number: int, interval: int, phase: float) -> int:
    """The instant of a device's sample by its number since the epoch, in whole milliseconds as it is reported."""
    return (number * interval + int(phase * interval)) // 1000 * 1000


def next_sample(after: int, interval: int, phase: float) -> int:
    """The first instant later than `after` at which a device with this phase (0–1) samples."""
    number = after // interval - 1
    while (instant := sample_instant(number, interval, phase)) <= after:
        number += 1
    return instant


def physics_minute(physics: int) -> int:
    """The minute of the physics that an instant falls in."""
    return physics // MINUTE_US
